"""The main figure: train against validation, a panel a variant on shared axes, a thin line a seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lab.checks import UsageError, choice
from lab.report import curves
from lab.report.curves import Axis
from lab.report.layout import Sheet, epochs_axis, experiment_of, own, scale
from lab.report.notes import axis_said, diverged_said, seeds_said
from lab.report.theme import DASHED, GREY, SOLID, Style, columns_of, look, styles

PAIRS = {
    "loss": ("loss", "val_loss"),
    "data_loss": ("train_data_loss", "val_data_loss"),
    "accuracy": ("train_accuracy", "val_accuracy"),
}
"""Which columns a pair compares: the train column and the validation column."""

# With more runs than this in a figure the thin lines of an SVG are pixels; medians, marks and words never are.
CROWDED = 200

_TITLES = {
    "loss": "train and validation loss, penalty included",
    "data_loss": "train and validation data loss, same weights",
    "accuracy": "train and validation accuracy, same weights",
}
_AXES = {"loss": "loss, as Keras reports it", "data_loss": "data loss", "accuracy": "accuracy"}


def overfitting(
    histories: pd.DataFrame,
    pair: str = "data_loss",
    *,
    summary: pd.DataFrame | None = None,
    baseline: str | None = None,
    look_of: Mapping[str, Style] | None = None,
) -> Figure:
    """Draw train against validation, a panel a variant on shared axes: where the lines part, it overfits.

    Every seed is a thin line, the median over seeds is bold; train is solid and validation dashed. On the validation
    line of each seed a dot marks the kept epoch, an open triangle the onset of overfitting and a cross the last
    finite epoch of a run that diverged.

    Args:
        histories: a row an epoch, as `lab.results.load` returns them.
        pair: "loss" (`loss` and `val_loss`, as Keras reports them), "data_loss" (the honest pair, measured in
            the same way on the same weights) or "accuracy".
        summary: a row a run; its "kept_epoch" and "onset" are marked, where it has them.
        baseline: the variant drawn first and in black; None takes "none" or else the first.
        look_of: the style of each variant; None takes `lab.report.styles`.

    Returns:
        A figure that belongs to no global state; `lab.report.save` writes it.

    Raises:
        DataError: the table lacks a column or has no rows.
        UsageError: the pair or the baseline is unknown.
    """
    columns = dict(zip(("train", "validation"), PAIRS[choice("pair", pair, PAIRS)], strict=True))
    table = curves.tidy(histories, baseline)
    columns_of(table, list(columns.values()), "the table of histories")
    variants = list(table["variant"].unique())
    look_of = look_of or styles(variants, baseline)
    shared = curves.axis(table, columns["validation"], columns["train"])
    computed = {split: _Curves.of(table, column, summary) for split, column in columns.items()}
    with look():
        sheet = Sheet(len(variants))
        for ax, variant in zip(sheet.axes, variants, strict=True):
            sheet.name(ax, variant, variants)
            _draw(ax, variant, columns, computed, look_of[variant], shared)
            epochs_axis(ax, table)
        sheet.finish(
            title=_TITLES[pair],
            of=experiment_of(table),
            x="epoch",
            y=_AXES[pair],
            legend=_legend(sheet.axes),
            notes=_notes(computed["validation"].state, shared),
        )
    return sheet.figure


def panel(
    histories: pd.DataFrame,
    pair: str = "data_loss",
    *,
    summary: pd.DataFrame | None = None,
    style: Style | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one panel of `overfitting`, the runs of one variant, into `ax` or into a figure of its own.

    Args:
        histories: the rows of one variant.
        pair: as in `overfitting`.
        summary: as in `overfitting`.
        style: the colour; None is that of a baseline.
        ax: where to draw; None makes a figure.
    """
    columns = dict(zip(("train", "validation"), PAIRS[choice("pair", pair, PAIRS)], strict=True))
    table = curves.tidy(histories)
    columns_of(table, list(columns.values()), "the table of histories")
    computed = {split: _Curves.of(table, column, summary) for split, column in columns.items()}
    variants = list(computed["train"].histories)
    if len(variants) > 1:
        raise UsageError(f"a panel shows one variant, got {', '.join(variants)}; select one or draw overfitting()")
    with look():
        ax = own(ax)
        shared = curves.axis(table, columns["validation"], columns["train"])
        _draw(ax, variants[0], columns, computed, style or styles(variants)[variants[0]], shared)
        epochs_axis(ax, table)
        ax.set_xlabel("epoch")
        ax.set_ylabel(_AXES[pair])
        ax.legend(handles=_legend([ax]), fontsize=8, frameon=False)
    return ax


@dataclass(frozen=True)
class _Curves:
    """What is drawn of one column, computed for all variants at once."""

    histories: dict[str, pd.DataFrame]
    middle: pd.DataFrame
    state: pd.DataFrame
    marks: pd.DataFrame

    @classmethod
    def of(cls, table: pd.DataFrame, column: str, summary: pd.DataFrame | None) -> "_Curves":
        parts = {str(variant): rows for variant, rows in table.groupby("variant", sort=False)}
        state = curves.runs(table, column, summary)
        return cls(parts, curves.medians(table, column).query("whole"), state, curves.marks(table, column, state))


def _draw(
    ax: Axes, variant: str, columns: Mapping[str, str], computed: Mapping[str, _Curves], style: Style, shared: Axis
) -> None:
    scale(ax, shared)
    crowded = len(computed["train"].state) > CROWDED
    for split, dashes in (("train", SOLID), ("validation", DASHED)):
        column, part = columns[split], computed[split]
        lines = curves.segments(part.histories[variant], column)
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
                rasterized=crowded,
            )
            ax.add_collection(thin, autolim=False)
            middle = part.middle.loc[part.middle["variant"] == variant, ["epoch", "median"]].to_numpy()
        else:
            middle = lines[0]
        ax.plot(*middle.T, color=style.colour, lw=1.6, ls=dashes, label=f"_{split}", zorder=3)
        ax.plot(*curves.isolated(lines).T, ".", ms=4, color=style.colour, label=f"_{split} points", zorder=3)
        marks = part.marks[part.marks["variant"] == variant]
        size = 4.6 if len(lines) <= 8 else 3.2
        looks: dict[str, dict[str, Any]] = {
            "ended_at": {"marker": "x", "ms": 6, "mew": 1.6, "color": style.colour, "zorder": 6},
        }
        if split == "validation":
            looks["onset"] = {"marker": "^", "ms": size + 0.8, "mfc": "white", "mec": style.colour, "zorder": 4}
            looks["kept_epoch"] = {
                "marker": "o",
                "ms": size,
                "mew": 0.6,
                "mfc": style.colour,
                "mec": "white",
                "zorder": 5,
            }
        for mark, look_of_it in looks.items():
            at = marks[marks["mark"] == mark]
            # A run that explodes leaves the axis before its last finite epoch: the mark stays at the edge.
            heights = at[column].clip(shared.low, shared.high)
            ax.plot(at["epoch"], heights, ls="none", label=f"_{mark}", clip_on=False, **look_of_it)


def _legend(axes: Sequence[Axes]) -> list[Line2D]:
    """Return an entry for everything that at least one of the panels shows, in grey: the colours are the variants'."""
    drawn = {
        str(artist.get_label())
        for ax in axes
        for artist in (*ax.collections, *(line for line in ax.lines if np.size(line.get_xdata())))
    }
    many = "_validation seeds" in drawn
    dark = "0.2"
    bold = ", median over seeds" if many else ""
    entries = [
        Line2D([], [], color=dark, lw=1.6, ls=SOLID, label=f"train{bold}"),
        Line2D([], [], color=dark, lw=1.6, ls=DASHED, label=f"validation{bold}"),
    ]
    if many:
        entries.append(Line2D([], [], color=GREY, lw=0.6, label="one seed"))
    marks: dict[str, tuple[str, dict[str, Any]]] = {
        "_kept_epoch": ("kept epoch", {"marker": "o", "ms": 5.5, "mfc": dark, "mec": "white"}),
        "_onset": ("onset of overfitting", {"marker": "^", "ms": 5.5, "mfc": "white", "mec": dark}),
        "_ended_at": ("diverged: last finite epoch", {"marker": "x", "ms": 6, "mew": 1.6, "mec": dark}),
    }
    for label, (words, looks) in marks.items():
        if label in drawn:
            entries.append(Line2D([], [], ls="none", label=words, **looks))
    return entries


def _notes(state: pd.DataFrame, shared: Axis) -> list[str]:
    going = state[~state["diverged"]]
    notes = [seeds_said(state)]
    if state["diverged"].any():
        notes.append(diverged_said(state))
    if going.groupby("variant", sort=False)["epochs"].nunique().gt(1).any():
        notes.append("Runs end at different epochs: a median stops where the first of its runs ends.")
    return notes + axis_said(shared)
