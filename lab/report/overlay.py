"""All variants in one axes: the median over seeds with its band, for data loss, gap, penalty and accuracy."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lab.report.curves import Curves, tidy
from lab.report.layout import (
    WIDE,
    axis_notes,
    beside,
    diverged_note,
    epochs_axis,
    footnote,
    headline_over,
    own,
    pair_of_axes,
    scale,
    seeds_note,
)
from lab.report.theme import DASHED, GREY, SOLID, Style, columns_of, labels, look, styles
from lab.report.value_axis import Axis, shared
from lab.statistics.language import named, say
from lab.statistics.runs import averaged_over

# With more variants than this only the baseline and the best are told apart; the others are grey.
NAMED = 12
# An overlay of validation spans the values from this share of the earliest kept epoch on.
EARLY = 0.5
# Markers of equal size look unequal.
_LARGER = {"P": 1.2, "X": 1.2, "*": 1.5, "<": 1.1, ">": 1.1, "^": 1.1, "v": 1.1, "D": 0.85, "s": 0.9}

WORDS = {
    "loss": "train loss",
    "data_loss": "train data loss while training",
    "penalty": "penalty",
    "accuracy": "train accuracy while training",
    "train_data_loss": "train data loss",
    "train_accuracy": "train accuracy",
    "val_loss": "validation loss",
    "val_data_loss": "validation data loss",
    "val_penalty": "validation penalty",
    "val_accuracy": "validation accuracy",
    "learning_rate": "learning rate",
    "gap": "gap: validation minus train data loss",
}
"""The name of each column of a history on an axis."""


def overlay(
    histories: pd.DataFrame | Curves,
    column: str = "val_data_loss",
    *,
    baseline: str | None = None,
    look_of: Mapping[str, Style] | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one column of all variants in one axes: which one ends lowest, and how far its seeds spread.

    A line is the median over the seeds that did not diverge, its band their middle half. Where some of the runs
    have ended, the median of the others goes on thin and without a band, and the legend says so. The large marker
    stands at the median kept epoch. Beyond 12 variants the baseline and the 11 of the lowest validation data loss
    are named and the others are grey.

    Args:
        histories: one row per epoch, as `lab.results.load` returns them; or curves that are tidy already, whose own
            baseline then counts.
        column: a column of the histories.
        baseline: the variant listed first and in black; None takes "none" or else the first.
        look_of: the style of each variant; None takes `lab.report.styles`.
        title: what is seen; None names the column.
        ax: where to draw; None makes a figure.

    Raises:
        DataError: the table lacks the column or has no rows.
        UsageError: the baseline is unknown.
    """
    curves = tidy(histories, baseline)
    columns_of(curves.table, [column], "the table of histories")
    look_of = look_of or styles(curves.variants, curves.variants[0])
    with look():
        ax = own(ax)
        notes = _draw(ax, curves, column, look_of)
        beside(ax, _legend(curves, [column], look_of))
        headline_over(
            ax, title or say("{metric} of all variants", metric=named(WORDS.get(column, column))), curves.experiment
        )
        footnote(ax, notes)
    return ax


def gap(
    histories: pd.DataFrame | Curves,
    *,
    baseline: str | None = None,
    look_of: Mapping[str, Style] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the gap of all variants over time: validation minus train data loss, same weights, inference mode.

    Args and Raises are those of `overlay`.
    """
    curves = tidy(histories, baseline)
    columns_of(curves.table, ["train_data_loss", "val_data_loss"], "the table of histories")
    return overlay(
        curves,
        "gap",
        baseline=baseline,
        look_of=look_of,
        title=say("how far validation lies above train"),
        ax=ax,
    )


def penalty(
    histories: pd.DataFrame | Curves,
    *,
    baseline: str | None = None,
    look_of: Mapping[str, Style] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what the regularizers add to the loss: the penalty of all variants, apart from the data loss.

    Args and Raises are those of `overlay`. Variants without a penalty are listed and have no line.
    """
    title = say("what the regularizers add to the loss")
    return overlay(histories, "penalty", baseline=baseline, look_of=look_of, title=title, ax=ax)


def accuracy(
    histories: pd.DataFrame | Curves, *, baseline: str | None = None, look_of: Mapping[str, Style] | None = None
) -> Figure:
    """Draw validation accuracy beside validation data loss: the loss can rise while the accuracy does not fall.

    Args and Raises are those of `overlay`.
    """
    curves = tidy(histories, baseline)
    columns = ["val_data_loss", "val_accuracy"]
    columns_of(curves.table, columns, "the table of histories")
    look_of = look_of or styles(curves.variants, curves.variants[0])
    with look():
        figure, axes = pair_of_axes()
        notes = [_draw(ax, curves, column, look_of) for ax, column in zip(axes, columns, strict=True)]
        beside(axes[1], _legend(curves, columns, look_of))
        headline_over(axes[0], "validation data loss and accuracy", curves.experiment, WIDE)
        footnote(axes[0], list(dict.fromkeys(note for part in notes for note in part)), WIDE)
    return figure


def _draw(ax: Axes, curves: Curves, column: str, look_of: Mapping[str, Style]) -> list[str]:
    middle = curves.medians(column)
    if column == "penalty":
        middle = middle[middle.groupby("variant")["median"].transform("max") > 0]
    state = curves.runs(column)
    kept = state[~state["diverged"]].groupby("variant", sort=False)["kept_epoch"].median()
    shown = middle
    if column.startswith("val_") and kept.notna().any():
        # The fall of the first epochs is ten times what the variants differ by later.
        shown = middle[middle["epoch"] >= EARLY * kept.min()]
    told_apart = curves.named(NAMED)
    drawn = shown[["median", "low", "high"]].copy()
    # The grey lines have no band.
    drawn.loc[~shown["variant"].isin(told_apart), ["low", "high"]] = float("nan")
    axis = shared(drawn, drawn.max(axis=1).groupby(shown["variant"]).max())
    scale(ax, axis)
    if column == "gap":
        ax.axhline(0, color=GREY, lw=0.8, zorder=1)
    for variant, rows in middle.groupby("variant", sort=False):
        dashes = DASHED if column.startswith("val_") else SOLID
        if variant in told_apart:
            place = told_apart.index(str(variant)), len(told_apart)
            _line(ax, str(variant), rows, look_of[str(variant)], dashes, float(kept.get(variant, 0)), place)
        else:
            ax.plot(rows["epoch"], rows["median"], color="0.8", lw=0.7, label="_other", zorder=1.5)
    epochs_axis(ax, curves.table)
    ax.set_xlabel(say("epoch"))
    ax.set_ylabel(named(WORDS.get(column, column)))
    early = (
        [say("The axis fits the epochs from half of the earliest kept one on; earlier values may lie outside.")]
        if len(shown) < len(middle)
        else []
    )
    return _notes(state, middle, axis) + early


def _line(
    ax: Axes, variant: str, rows: pd.DataFrame, style: Style, dashes: Any, kept: float, place: tuple[int, int]
) -> None:
    whole = rows[rows["whole"]]
    # From the last epoch of the whole median on, so that the thin line joins it.
    rest = rows[rows["epoch"] >= whole["epoch"].max()] if len(whole) else rows
    colour = style.colour
    if rows["runs"].iloc[0] > 1:
        ax.fill_between(
            whole["epoch"], whole["low"], whole["high"], color=colour, alpha=0.14, lw=0, label=f"_{variant} band"
        )
    ax.plot(rest["epoch"], rest["median"], color=colour, lw=0.7, ls=dashes, label=f"_{variant} of fewer", zorder=2)
    # The markers tell lines apart without colour; each variant has them at other epochs.
    step = max(1, round(len(whole) / 5))
    start = int(step * (place[0] + 0.5) / place[1])
    looks: dict[str, Any] = {"color": colour, "marker": style.marker, "mec": "white"}
    size = _LARGER.get(style.marker, 1.0)
    ax.plot(
        whole["epoch"], whole["median"], ls=dashes, lw=1.5, ms=4.6 * size, mew=0.5, markevery=(start, step),
        label=f"_{variant}", zorder=3, **looks,
    )  # fmt: skip
    at = rows[rows["epoch"] == round(kept)]
    ax.plot(at["epoch"], at["median"], ls="none", ms=8 * size, mew=0.9, label=f"_{variant} kept", zorder=4, **looks)


def _legend(curves: Curves, columns: Sequence[str], look_of: Mapping[str, Style]) -> list[Line2D]:
    table, state = curves.table, curves.runs(columns[0])
    told_apart = curves.named(NAMED)
    names = labels(curves.variants, 30)
    dashes = DASHED if columns[0].startswith("val_") else SOLID
    entries = []
    for variant, runs in state[state["variant"].isin(told_apart)].groupby("variant", sort=False):
        style = look_of[str(variant)]
        words = names[str(variant)]
        going = runs.loc[~runs["diverged"], "epochs"]
        facts = []
        if len(going) < len(runs):
            facts.append(say("{count} of {runs} diverged", count=len(runs) - len(going), runs=len(runs)))
        if going.nunique() > 1:
            facts.append(say("n = {count} to epoch {epoch}, then fewer", count=len(going), epoch=f"{going.min():g}"))
        drawn = len(going) > 0
        if columns[0] == "penalty" and not table.loc[table["variant"] == variant, "penalty"].any():
            facts, drawn = [say("no penalty")], False
        words += f"\n({'; '.join(facts)})" if facts else ""
        looks: dict[str, Any] = (
            {"marker": style.marker, "ms": 6.5 * _LARGER.get(style.marker, 1.0), "mec": "white", "mew": 0.7}
            if drawn
            else {}
        )
        entries.append(Line2D([], [], color=style.colour, ls=dashes if drawn else "none", lw=1.5, label=words, **looks))
    others = len(names) - len(told_apart)
    if others:
        entries.append(Line2D([], [], color="0.8", lw=0.9, label=say("{count} other variants", count=others)))
    return entries


def _notes(state: pd.DataFrame, middle: pd.DataFrame, axis: Axis) -> list[str]:
    notes = [seeds_note(state)]
    if (middle["runs"] > 1).any():
        notes.append(say("Lines: median over {over}; bands: their middle half.", over=named(averaged_over(state))))
    is_median = (middle["runs"] > 1).any()
    notes.append(say("Large marker: median kept epoch.") if is_median else say("Large marker: kept epoch."))
    if not middle["whole"].all():
        notes.append(
            say("Runs end at different epochs: bold while all of a variant train, thin for those that remain.")
        )
    if state["diverged"].any():
        notes.append(diverged_note(state))
    return notes + axis_notes(axis)
