"""An experiment on one sheet of paper: the question, the answer, the curves, the differences and the table, as PDF."""

import io
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from lab import results
from lab.checks import DataError
from lab.pages.experiment import Contents, contents, curves_of
from lab.pages.provenance import provenance
from lab.pages.table import VariantsTable, variants_table
from lab.report.curves import Curves, has
from lab.report.forest import forest
from lab.report.forest import rows as differences
from lab.report.overlay import WORDS, overlay
from lab.report.strength_path import strengths_of
from lab.report.theme import canvas, characters, labels, look, printable, styles, text, width_of
from lab.report.theme import lines as wrapped
from lab.results.schema import HISTORIES
from lab.results.tables import Tables, read_tables
from lab.statistics.language import named, say

SIZE = (8.27, 11.69)
"""Width and height in inches: A4."""

MARGIN = 0.6

MOST = 12
"""The most variants on a sheet. Of more, or of more than there is room for, those of the lowest mean are shown."""

_HEADING = 13  # the most characters in a line of a heading

# Heights in inches: of a variant among the differences and in the table, and of all that is around them.
_DIFFERENCE, _ROW = 0.17, 0.16
_CURVES, _AROUND_CURVES, _AROUND_DIFFERENCES, _AROUND_TABLE = 2.1, 1.45, 1.4, 1.0


def one_page(folder: Path) -> bytes:
    """Return the sheet of an experiment as PDF; the same tables give the same bytes.

    Args:
        folder: the experiment's.

    Raises:
        DataError: the folder is that of a study, or a table is missing or damaged or lacks a column.
    """
    content = io.BytesIO()
    with look():
        # The date and the version of Matplotlib would differ from run to run.
        sheet(folder).savefig(content, format="pdf", metadata={"CreationDate": None, "Creator": None, "Producer": None})
    return content.getvalue()


def sheet(folder: Path) -> Figure:
    """Return the sheet as a figure, as `one_page` takes the folder."""
    if results.has_study(folder, folder.name) and not results.has_table(folder, HISTORIES):
        raise DataError(
            f"an experiment fits on a sheet, got the study {folder.name!r}; send its page: "
            f"reglab export page {folder.name}"
        )
    tables = read_tables(folder)
    curves = curves_of(tables)
    with look():
        return _draw(contents(folder, tables, curves), tables, curves, folder)


def _draw(page: Contents, tables: Tables, curves: Curves, folder: Path) -> Figure:
    figure = canvas(*SIZE)
    top = _words(figure, MARGIN, page.title, 15, 3, fontweight="bold")
    top = _words(figure, top + 0.1, page.answer, 10.5, 6)
    counts = {"variants": len(page.names), "seeds": page.seeds, "folds": page.folds, "runs": page.runs}
    glance = "   ".join(f"{n} {named(what)}" for what, n in (counts | {"epochs": page.epochs}).items() if n)
    top = _words(figure, top + 0.1, glance, 9, 1, color="0.35")
    fixed = _CURVES + _AROUND_CURVES + _AROUND_DIFFERENCES + _AROUND_TABLE
    room = int((SIZE[1] - MARGIN - top - fixed) / (_DIFFERENCE + _ROW))
    shown = _shown(page.compared, page.names, min(MOST, max(2, room)))
    look_of = styles(page.names, page.names[0], strengths_of(tables.path_runs()))
    column = "val_data_loss" if has(curves.table, "val_data_loss") else "val_loss"
    if has(curves.table, column):
        ax = figure.add_axes(_place(MARGIN + 0.5, top + 0.5, 4.4, _CURVES))
        overlay(curves.only(shown), column, look_of=look_of, title=named(WORDS[column]), ax=ax)
        top += _CURVES + _AROUND_CURVES
    compared = page.compared[page.compared["variant"].isin(shown)]
    if len(shown) > 1 and compared["difference"].notna().any():
        height = _DIFFERENCE * len(differences(compared, shown[0])) + 0.15
        ax = figure.add_axes(_place(MARGIN + 1.6, top + 0.5, 3.1, height))
        forest(compared, metric=page.metric, baseline=shown[0], look_of=look_of, ax=ax)
        top += height + _AROUND_DIFFERENCES - 0.15
    table = variants_table(compared, page.summary, shown, page.metric)
    top = _table(figure, top + 0.1, table)
    left_out = len(page.names) - len(shown)
    notes = []
    if left_out:
        notes.append(
            say(
                "{count} other variants, whose means are higher, are in comparison.csv and on the page.", count=left_out
            )
        )
    facts = provenance(results.read_provenance(folder), page.names).facts
    notes += [f"{named(label)}: {fact}." for label, fact in facts if label in ("Engine", "Versions", "Machine")]
    _words(figure, top + 0.1, " ".join(notes), 7.5, 3, color="0.35")
    return figure


def _shown(compared: pd.DataFrame, names: Sequence[str], most: int) -> list[str]:
    """Return the baseline and the variants whose mean is lowest, at most so many, in the order of `names`."""
    if len(names) <= most:
        return list(names)
    means = compared.set_index("variant")["mean"].drop(names[0], errors="ignore").sort_values(kind="stable")
    best = {names[0], *map(str, means.index[: most - 1])}
    return [name for name in names if name in best]


def _place(left: float, top: float, width: float, height: float) -> tuple[float, float, float, float]:
    """Return a place on the sheet, given in inches from the left and from the top, as Matplotlib takes it."""
    across, down = SIZE
    return left / across, 1 - (top + height) / down, width / across, height / down


def _words(figure: Figure, top: float, words: str, size: float, most: int, **looks: object) -> float:
    """Write words over the width of the sheet in at most so many lines; return how far down they reach, in inches."""
    # Lines of wide letters need some of the margin.
    width = characters(SIZE[0] - 2.6 * MARGIN, size, bold="fontweight" in looks)
    lines = wrapped(printable(words), width)
    if len(lines) > most:
        lines = textwrap.wrap(printable(words), width, max_lines=most, placeholder=" …")
    made = figure.text(MARGIN / SIZE[0], 1 - top / SIZE[1], "\n".join(lines), va="top", linespacing=1.3)
    text(made, size, **looks)
    return top + len(lines) * size * 1.3 / 72 * 1.17


def heading_lines(heading: str) -> list[str]:
    """Return a heading of the table in lines; a Japanese one in two of like width, between phrases where it has any."""
    if width_of(heading) <= _HEADING or not re.search("[ぁ-ん]", heading):
        return wrapped(heading, _HEADING)
    # A phrase ends with its particles: テストの, データ損失の, 差.
    phrases = re.findall("[^ぁ-ん]*[ぁ-ん]+|[^ぁ-ん]+$", heading)
    ways = [["".join(phrases[:k]), "".join(phrases[k:])] for k in range(1, len(phrases))] or [[heading]]
    return [line.strip() for line in min(ways, key=lambda way: max(map(width_of, way)))]


def _table(figure: Figure, top: float, table: VariantsTable) -> float:
    """Write the table of the variants, and return how far down it reaches, in inches."""
    names = labels([cells[0].text for _, cells in table.rows], 22)
    rows = [[names[cells[0].text], *(cell.text for cell in cells[1:])] for _, cells in table.rows]
    headings = [heading_lines(column.heading) for column in table.columns]
    widths = [
        max(map(width_of, [*heading, *(row[k] for row in rows)]), default=1) + 2 for k, heading in enumerate(headings)
    ]
    room = SIZE[0] - 2 * MARGIN
    ends = [room * sum(widths[: k + 1]) / sum(widths) for k in range(len(widths))]
    deepest = max(map(len, headings))
    size = min(8.0, 8.0 * 108 / sum(widths))

    def row(words: Sequence[str], at: float, **looks: object) -> None:
        for k, (word, column) in enumerate(zip(words, table.columns, strict=True)):
            # Numbers end where their column ends, words begin where it begins.
            left = 0.0 if k == 0 else ends[k - 1]
            x = MARGIN + (ends[k] - room * 2 / sum(widths) if column.numeric else left)
            made = figure.text(x / SIZE[0], 1 - at / SIZE[1], word, ha="right" if column.numeric else "left", va="top")
            text(made, size, **looks)

    for line in range(deepest):
        words = [
            "" if line < deepest - len(heading) else heading[line - deepest + len(heading)] for heading in headings
        ]
        row(words, top + line * 0.14, color="0.35")
    top += deepest * 0.14 + 0.08
    for words in rows:
        row(words, top)
        top += _ROW
    return top
