"""Every figure of an experiment as PNG or SVG: the same bytes from the same tables, whole or not at all."""

import functools
import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from PIL import Image

from lab.checks import DataError, choice
from lab.report.curves import Curves, has, tidy
from lab.report.forest import forest
from lab.report.layout import figure_of
from lab.report.overfitting import PAIRS, overfitting
from lab.report.overlay import accuracy, gap, overlay, penalty
from lab.report.strength_path import strength_path, strengths_of
from lab.report.theme import DPI, Style, can_write, look, styles
from lab.results import write_atomically
from lab.results.processes import divided
from lab.statistics.language import LANGUAGES, catalogue, speaking, spoken

PANELS = 36
"""The most panels of a sheet."""

COLOURS = 256
"""The number of colours of a PNG. Such a palette more than halves the file, and the eye sees no difference."""

NO_FONT = "the figures are labelled in English: no installed font has Japanese characters; install Noto Sans CJK JP"

KINDS = ("png", "svg")
"""The kinds of files: PNG always, SVG on request."""


def save(figure: Figure, *paths: Path) -> list[Path]:
    """Write a figure as PNG or SVG, atomically and with the same bytes at every run.

    Args:
        figure: the figure; its edges are moved so that nothing is cut off.
        paths: each ends in ".png" (150 dots per inch) or ".svg"; their folders are made.

    Returns:
        The paths.

    Raises:
        UsageError: a path ends in something else.
        DataError: a file cannot be written.
    """
    for path in paths:
        choice("the end of a figure's name", Path(path).suffix, (f".{kind}" for kind in KINDS))
    with look():
        # Measured once for all kinds: it costs as much as drawing.
        edges = figure.get_tightbbox(FigureCanvasAgg(figure).get_renderer()).padded(0.12)
        for path in map(Path, paths):
            content = _svg(figure, edges) if path.suffix == ".svg" else _png(figure, edges)
            try:
                write_atomically(path, content)
            except OSError as error:
                raise DataError(
                    f"the figure {path} cannot be written ({error.strerror or error}); "
                    "make room or choose a folder that can be written to"
                ) from None
    return [Path(path) for path in paths]


def _svg(figure: Figure, edges: Bbox) -> bytes:
    content = io.BytesIO()
    # The date and the version of matplotlib would differ from run to run.
    figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches=edges)
    return content.getvalue()


def _png(figure: Figure, edges: Bbox) -> bytes:
    drawn, content = io.BytesIO(), io.BytesIO()
    # Not compressed: it is read again at once.
    figure.savefig(drawn, format="png", bbox_inches=edges, pil_kwargs={"compress_level": 0})
    with Image.open(drawn) as picture:
        # An octree is as close to the picture as a median cut and takes a seventh of the time.
        palette = picture.convert("RGB").quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    # White is averaged with the edges that are nearly white, and the page around the figure is not.
    palette.putpalette([255 if value >= 254 else value for value in palette.getpalette() or ()])
    # Level 9 would take seven times as long and save a twentieth.
    palette.save(content, "PNG", dpi=(DPI, DPI), compress_level=6)
    return content.getvalue()


@dataclass(frozen=True)
class Drawing:
    """One figure that is still to be drawn and written; called, it returns its files.

    Attributes:
        paths: the files.
        draw: makes the figure. It can be pickled, so that another process can draw it.
        language: of its words.
    """

    paths: Sequence[Path]
    draw: Callable[[], Figure | Axes]
    language: str

    def __call__(self) -> list[Path]:
        """Draw and write it."""
        with speaking(self.language):
            drawn = self.draw()
            return save(drawn if isinstance(drawn, Figure) else figure_of(drawn), *self.paths)


def draw_all(
    histories: pd.DataFrame | Curves,
    summary: pd.DataFrame | None,
    comparison: pd.DataFrame | None,
    into: Path,
    *,
    strengths: pd.DataFrame | None = None,
    svg: bool = False,
    pool: Executor | None = None,
) -> list[Path]:
    """Draw every figure that the tables of one experiment allow, each as PNG and, where asked for, as SVG.

    Args:
        histories, summary, comparison, into, strengths, svg: as for `drawings`.
        pool: of processes that draw some of the figures; None draws all of them here.

    Returns:
        The files, in the order in which they are to be read.

    Raises:
        DataError: a table cannot be drawn, or a file cannot be written.
    """
    jobs = drawings(histories, summary, comparison, into, strengths=strengths, svg=svg)
    return [path for paths in divided(jobs, pool) for path in paths]


def drawings(
    histories: pd.DataFrame | Curves,
    summary: pd.DataFrame | None,
    comparison: pd.DataFrame | None,
    into: Path,
    *,
    strengths: pd.DataFrame | None = None,
    svg: bool = False,
) -> list[Drawing]:
    """Return every figure that the tables of one experiment allow, to be drawn and written in any order.

    Figures whose columns are missing or hold no finite number (accuracy where the labels are numbers, the penalty
    where there is none) are left out. More than 36 variants are spread over several sheets of panels.

    Args:
        histories: one row per epoch of a run; or curves that are tidy already, whose own summary and baseline then
            count.
        summary: one row per run; "kept_epoch" and "onset" are marked. None where there is none.
        comparison: one row per variant against the baseline, as `forest` takes it; None where there is none. The
            variant with the decision "baseline" is listed first and black; without one that is "none" or the first.
        into: the folder of the figures; it is made.
        strengths: one row per run with its strength, as `strength_path` takes it; None where there is no path.
        svg: whether to write SVG files beside the PNG files.

    Raises:
        DataError: a table cannot be drawn.
    """
    curves = tidy(histories, baseline_of(comparison), summary)
    language = spoken()
    if language != LANGUAGES[0] and not can_write("".join(catalogue(language).values())):
        warnings.warn(NO_FONT, stacklevel=2)
        language = LANGUAGES[0]
    return [
        Drawing([Path(into) / f"{name}.{kind}" for kind in KINDS[: 1 + svg]], draw, language)
        for name, draw in _figures(curves, comparison, strengths)
    ]


def baseline_of(comparison: pd.DataFrame | None) -> str | None:
    """Return the variant that a comparison calls its baseline; None where it names none."""
    if comparison is None or "decision" not in comparison:
        return None
    return next(map(str, comparison.loc[comparison["decision"] == "baseline", "variant"]), None)


def _figures(
    curves: Curves, comparison: pd.DataFrame | None, strengths: pd.DataFrame | None
) -> Iterator[tuple[str, Callable[[], Figure | Axes]]]:
    """Yield the name of each figure, and a call that draws it, here or in another process."""
    table, variants = curves.table, curves.variants
    look_of: Mapping[str, Style] = styles(variants, variants[0], strengths_of(strengths))
    call = functools.partial
    drawn = [pair for pair in ("loss", "data_loss") if has(table, *PAIRS[pair])]
    # Where every run diverged at once there is no line, but there is a figure that shows it.
    for pair in drawn or ["loss"]:
        for start in range(0, len(variants), PANELS):
            sheet = curves.only(variants[start : start + PANELS]) if len(variants) > PANELS else curves
            number = f"_{start // PANELS + 1}" if len(variants) > PANELS else ""
            yield f"overfitting_{pair}{number}", call(overfitting, sheet, pair, look_of=look_of)
    if has(table, "val_data_loss"):
        yield "overlay", call(overlay, curves, look_of=look_of)
    if has(table, "gap"):
        yield "gap", call(gap, curves, look_of=look_of)
    if has(table, "penalty") and table["penalty"].any():
        yield "penalty", call(penalty, curves, look_of=look_of)
    if has(table, "val_data_loss", "val_accuracy"):
        yield "accuracy", call(accuracy, curves, look_of=look_of)
    # The baseline alone is nothing to compare with.
    if comparison is not None and (comparison["variant"].map(str) != variants[0]).any():
        yield "forest", call(forest, comparison, baseline=variants[0], of=curves.experiment, look_of=look_of)
    if strengths is not None and len(strengths):
        yield "strength_path", call(strength_path, strengths)
