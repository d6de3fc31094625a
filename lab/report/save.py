"""Every figure of an experiment as PNG and SVG: the same bytes from the same tables, whole or not at all."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lab.checks import DataError, choice
from lab.report import curves
from lab.report.forest import forest
from lab.report.layout import experiment_of, figure_of
from lab.report.overfitting import PAIRS, overfitting
from lab.report.overlay import accuracy, gap, overlay, penalty
from lab.report.strength_path import strength_path
from lab.report.theme import Style, look, styles
from lab.results.files import write_atomically

# The most panels of a sheet.
PANELS = 36
# What would differ from run to run or from version to version stays out of the files.
KINDS = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
}


def save(figure: Figure, *paths: Path) -> list[Path]:
    """Write a figure as PNG or SVG, atomically and with the same bytes at every run.

    Args:
        figure: the figure; its edges are moved so that nothing is cut off.
        paths: each ends in ".png" (150 dots an inch) or ".svg"; their folders are made.

    Returns:
        The paths.

    Raises:
        UsageError: a path ends in something else.
        DataError: a file cannot be written.
    """
    for path in paths:
        choice("the end of a figure's name", Path(path).suffix, (f".{kind}" for kind in KINDS))
    with look():
        canvas = FigureCanvasAgg(figure)
        # Measured once for all kinds: it costs as much as drawing.
        edges = figure.get_tightbbox(canvas.get_renderer()).padded(0.12)
        for path in map(Path, paths):
            content = io.BytesIO()
            kind = path.suffix[1:]
            figure.savefig(content, format=kind, metadata=KINDS[kind], bbox_inches=edges)
            try:
                write_atomically(path, content.getvalue())
            except OSError as error:
                raise DataError(
                    f"the figure {path} cannot be written ({error.strerror or error}); "
                    "make room or choose a folder that can be written to"
                ) from None
    return [Path(path) for path in paths]


def draw_all(
    histories: pd.DataFrame,
    summary: pd.DataFrame | None,
    comparison: pd.DataFrame | None,
    into: Path,
    *,
    baseline: str | None = None,
    metric: str = "test data loss",
    strengths: pd.DataFrame | None = None,
    strength_of: Mapping[str, float] | None = None,
) -> list[Path]:
    """Draw every figure that the tables of one experiment allow, each as PNG and SVG.

    Figures whose columns are missing or hold no finite number (accuracy where the labels are numbers, the penalty
    where there is none) are left out. More than 36 variants are spread over several sheets of panels.

    Args:
        histories: a row an epoch of a run.
        summary: a row a run; "kept_epoch" and "onset" are marked. None where there is none.
        comparison: a row a variant against the baseline, as `forest` takes it; None where there is none.
        into: the folder of the figures; it is made.
        baseline: the variant that is listed first and black; None takes that of the comparison if its "decision"
            names one, "none" if there is such a variant, or the first one.
        metric: what the comparison compares, in words.
        strengths: a row a run with its strength, as `strength_path` takes it; None where there is no path.
        strength_of: the strength of some variants, which then get viridis.

    Returns:
        The files, in the order in which one reads them.

    Raises:
        DataError: a table cannot be drawn, or a file cannot be written.
        UsageError: the baseline is unknown.
    """
    if baseline is None and comparison is not None and "decision" in comparison:
        baseline = next(map(str, comparison.loc[comparison["decision"] == "baseline", "variant"]), None)
    table = curves.tidy(histories, baseline)
    look_of = styles(table["variant"], baseline, strength_of)
    written: list[Path] = []
    for name, figure in _figures(table, summary, comparison, strengths, metric, look_of):
        written += save(figure, *(Path(into) / f"{name}.{kind}" for kind in KINDS))
    return written


def _figures(
    table: pd.DataFrame,
    summary: pd.DataFrame | None,
    comparison: pd.DataFrame | None,
    strengths: pd.DataFrame | None,
    metric: str,
    look_of: Mapping[str, Style],
) -> Iterator[tuple[str, Figure]]:
    variants = list(look_of)
    drawn = [pair for pair in ("loss", "data_loss") if curves.has(table, *PAIRS[pair])]
    # Where every run diverged at once there is no line, but there is a figure that says so.
    for pair in drawn or ["loss"]:
        for start in range(0, len(variants), PANELS):
            page = table[table["variant"].isin(variants[start : start + PANELS])]
            number = f"_{start // PANELS + 1}" if len(variants) > PANELS else ""
            figure = overfitting(page, pair, summary=summary, baseline=variants[start], look_of=look_of)
            yield f"overfitting_{pair}{number}", figure
    first = variants[0]
    if curves.has(table, "val_data_loss"):
        yield "overlay", figure_of(overlay(table, baseline=first, look_of=look_of))
    if curves.has(table, "train_data_loss", "val_data_loss"):
        yield "gap", figure_of(gap(table, baseline=first, look_of=look_of))
    if curves.has(table, "penalty") and table["penalty"].any():
        yield "penalty", figure_of(penalty(table, baseline=first, look_of=look_of))
    if curves.has(table, "val_data_loss", "val_accuracy"):
        yield "accuracy", accuracy(table, baseline=first, look_of=look_of)
    # The baseline alone is nothing to compare with.
    if comparison is not None and (comparison["variant"].map(str) != first).any():
        rows = forest(comparison, metric=metric, baseline=first, of=experiment_of(table), look_of=look_of)
        yield "forest", figure_of(rows)
    if strengths is not None and len(strengths):
        yield "strength_path", strength_path(strengths)
