"""The main figure: train against validation, one panel per variant on shared axes, one thin line per seed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lab.checks import choice
from lab.report.curves import Curves, isolated, segments, tidy
from lab.report.layout import Sheet, axis_notes, diverged_note, epochs_axis, scale, seeds_note
from lab.report.theme import DASHED, GREY, SOLID, Style, columns_of, look, styles
from lab.report.value_axis import Axis
from lab.statistics.language import named, say
from lab.statistics.runs import averaged_over

PAIRS = {
    "loss": ("loss", "val_loss"),
    "data_loss": ("train_data_loss", "val_data_loss"),
    "accuracy": ("train_accuracy", "val_accuracy"),
}
"""The columns that a pair compares: the train column and the validation column."""

# With more runs than this in a figure the thin lines of an SVG are pixels; medians, marks and words never are.
CROWDED = 200

SINGLES = 200
"""The most runs of a variant that have a line of their own: more are one surface, and take long to draw."""

_TITLES = {
    "loss": "train and validation loss, penalty included",
    "data_loss": "train and validation data loss, same weights",
    "accuracy": "train and validation accuracy, same weights",
}
_AXES = {"loss": "loss, as Keras reports it", "data_loss": "data loss", "accuracy": "accuracy"}


def overfitting(
    histories: pd.DataFrame | Curves,
    pair: str = "data_loss",
    *,
    summary: pd.DataFrame | None = None,
    baseline: str | None = None,
    look_of: Mapping[str, Style] | None = None,
) -> Figure:
    """Draw train against validation, one panel per variant on shared axes: where the lines part, it overfits.

    Every seed is a thin line, the median over seeds is bold; train is solid and validation dashed. On the validation
    line of each seed a dot marks the kept epoch, an open triangle the onset of overfitting and a cross the last
    finite epoch of a run that diverged.

    Args:
        histories: one row per epoch, as `lab.results.load` returns them; or curves that are tidy already, whose own
            summary and baseline then count.
        pair: "loss" (`loss` and `val_loss`, as Keras reports them), "data_loss" (the honest pair, measured in
            the same way on the same weights) or "accuracy".
        summary: one row per run; its "kept_epoch" and "onset" are marked, where it has them.
        baseline: the variant drawn first and in black; None takes "none" or else the first.
        look_of: the style of each variant; None takes `lab.report.styles`.

    Returns:
        A figure that belongs to no global state; `lab.report.save` writes it.

    Raises:
        DataError: the table lacks a column or has no rows.
        UsageError: the pair or the baseline is unknown.
    """
    columns = dict(zip(("train", "validation"), PAIRS[choice("pair", pair, PAIRS)], strict=True))
    curves = tidy(histories, baseline, summary)
    columns_of(curves.table, list(columns.values()), "the table of histories")
    look_of = look_of or styles(curves.variants, curves.variants[0])
    axis = curves.axis(columns["validation"], columns["train"])
    single = _first_runs(curves)
    rows = {str(variant): part for variant, part in single.groupby("variant", sort=False)}
    marked = single[curves.run].drop_duplicates()
    marks = {column: curves.marks(column).merge(marked, on=curves.run) for column in columns.values()}
    with look():
        sheet = Sheet(len(rows))
        for ax, variant in zip(sheet.axes, rows, strict=True):
            sheet.name(ax, variant, curves.variants)
            scale(ax, axis)
            for split, column in columns.items():
                lines = segments(rows[variant], column)
                _lines(ax, split, lines, _median(curves, variant, column), look_of[variant], len(curves.runs(column)))
                of_variant = marks[column][marks[column]["variant"] == variant]
                _marks(ax, split, of_variant, column, look_of[variant], len(lines), axis)
            epochs_axis(ax, curves.table)
        state = curves.runs(columns["validation"])
        sheet.finish(
            title=say(_TITLES[pair]),
            of=curves.experiment,
            x=say("epoch"),
            y=say(_AXES[pair]),
            legend=_legend(sheet.axes, averaged_over(state)),
            notes=_notes(state, axis) + _left_out(state),
        )
    return sheet.figure


def _first_runs(curves: Curves) -> pd.DataFrame:
    """Return the rows of the runs that are drawn singly: the first `SINGLES` of each variant."""
    run = curves.table.groupby(curves.run, sort=False).ngroup()
    return curves.table[run - run.groupby(curves.table["variant"], sort=False).transform("min") < SINGLES]


def _left_out(state: pd.DataFrame) -> list[str]:
    if state.groupby("variant", sort=False).size().max() <= SINGLES:
        return []
    one = "seeds" if averaged_over(state) == "seeds" else "runs"
    return [f"The first {SINGLES} {one} are drawn singly; medians are over all."]


def _median(curves: Curves, variant: str, column: str) -> np.ndarray:
    """Return the whole part of a variant's median, shape (epochs, 2)."""
    middle = curves.medians(column)
    return middle.loc[(middle["variant"] == variant) & middle["whole"], ["epoch", "median"]].to_numpy(float)


def _lines(ax: Axes, split: str, lines: list[np.ndarray], median: np.ndarray, style: Style, runs: int) -> None:
    """Draw one thin line per seed and the bold median; a single seed is bold itself."""
    dashes = SOLID if split == "train" else DASHED
    if len(lines) > 1:
        thin = LineCollection(
            lines,
            colors=[style.colour],
            linewidths=0.6,
            linestyles=[dashes],
            alpha=min(0.5, 0.5 * (8 / len(lines)) ** 0.5),
            label=f"_{split} seeds",
            zorder=2,
            # As paths, many thousand points make an SVG of many megabytes.
            rasterized=runs > CROWDED,
        )
        ax.add_collection(thin, autolim=False)
    else:
        median = lines[0]
    ax.plot(*median.T, color=style.colour, lw=1.6, ls=dashes, label=f"_{split}", zorder=3)
    ax.plot(*isolated(lines).T, ".", ms=4, color=style.colour, label=f"_{split} points", zorder=3)


def _marks(ax: Axes, split: str, marks: pd.DataFrame, column: str, style: Style, lines: int, axis: Axis) -> None:
    """Draw the kept epoch and the onset on validation, and on both splits the last epoch of a run that diverged."""
    size = 4.6 if lines <= 8 else 3.2
    colour = style.colour
    shapes: dict[str, dict[str, Any]] = {"ended_at": {"marker": "x", "ms": 6, "mew": 1.6, "color": colour, "zorder": 6}}
    if split == "validation":
        shapes["onset"] = {"marker": "^", "ms": size + 0.8, "mfc": "white", "mec": colour, "zorder": 4}
        dot = {"marker": "o", "ms": size, "mew": 0.6, "mfc": colour, "mec": "white", "zorder": 5}
        shapes["kept_epoch"] = dot
    for mark, shape in shapes.items():
        at = marks[marks["mark"] == mark]
        # A run that explodes leaves the axis before its last finite epoch: the mark stays at the edge.
        heights = np.clip(at[column].to_numpy(float), axis.low, axis.high)
        ax.plot(at["epoch"], heights, ls="none", label=f"_{mark}", clip_on=False, **shape)


def _legend(axes: Sequence[Axes], averaged: str) -> list[Line2D]:
    """Return an entry for everything that at least one of the panels shows, in grey: the colours are the variants'."""
    drawn = {
        str(artist.get_label())
        for ax in axes
        for artist in (*ax.collections, *(line for line in ax.lines if np.size(line.get_xdata())))
    }
    many = "_validation seeds" in drawn
    dark = "0.2"
    over = named(averaged)
    entries = [
        Line2D(
            [],
            [],
            color=dark,
            lw=1.6,
            ls=SOLID,
            label=say("train, median over {over}" if many else "train", over=over),
        ),
        Line2D(
            [],
            [],
            color=dark,
            lw=1.6,
            ls=DASHED,
            label=say("validation, median over {over}" if many else "validation", over=over),
        ),
    ]
    if many:
        entries.append(
            Line2D([], [], color=GREY, lw=0.6, label=say("one seed") if averaged == "seeds" else say("one run"))
        )
    marks: dict[str, tuple[str, dict[str, Any]]] = {
        "_kept_epoch": ("kept epoch", {"marker": "o", "ms": 5.5, "mfc": dark, "mec": "white"}),
        "_onset": ("onset of overfitting", {"marker": "^", "ms": 5.5, "mfc": "white", "mec": dark}),
        "_ended_at": ("diverged: last finite epoch", {"marker": "x", "ms": 6, "mew": 1.6, "mec": dark}),
    }
    for label, (words, looks) in marks.items():
        if label in drawn:
            entries.append(Line2D([], [], ls="none", label=named(words), **looks))
    return entries


def _notes(state: pd.DataFrame, axis: Axis) -> list[str]:
    going = state[~state["diverged"]]
    notes = [seeds_note(state)]
    if state["diverged"].any():
        notes.append(diverged_note(state))
    if going.groupby("variant", sort=False)["epochs"].nunique().gt(1).any():
        notes.append(say("Runs end at different epochs: a median stops where the first of its runs ends."))
    return notes + axis_notes(axis)
