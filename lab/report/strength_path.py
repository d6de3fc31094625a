"""The strength path: losses and zeros against the strength of a regularizer, with the strength that validates best."""

import dataclasses

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator, PercentFormatter

from lab.checks import DataError
from lab.regularization import Regularization
from lab.report import value_axis
from lab.report.curves import has
from lab.report.layout import axis_notes, beside, footnote, headline_over, path_axes, plain_number, scale
from lab.report.theme import DASHED, DOTTED, GREY, SOLID, columns_of, look, printable, text
from lab.statistics.language import say
from lab.statistics.runs import FOLD

LOSSES = ("train_data_loss", "val_data_loss", "test_data_loss")
# Each split has its own line and marker, so that they are told apart in grey too.
_SPLITS = {
    "train_data_loss": ("train", (0.0, 0.0, 0.0), SOLID, "o"),
    "val_data_loss": ("validation", (0.0, 0.447, 0.698), DASHED, "s"),
    "test_data_loss": ("test", (0.835, 0.369, 0.0), DOTTED, "^"),
}
# Above this ratio of the largest to the smallest positive strength their axis is logarithmic.
LOG_ABOVE = 20.0


def path(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the strength path: one row per strength, with medians and middle halves over seeds.

    Args:
        runs: one row per run: "strength" (at least 0), "seed", "train_data_loss", "val_data_loss" and, where measured,
            "test_data_loss" and "zeros" (share of weights that are zero or nearly so, in [0, 1]).

    Returns:
        "strength" (ascending), "n" (runs with a finite validation data loss), for each measured column its median
        under its own name and its quartiles as "<column>_low" and "<column>_high", and "chosen": the strength of the
        lowest median validation data loss, the weakest one if several share it. The test split never chooses.

    Raises:
        DataError: a column or all rows are missing, or a strength is negative or no number.
    """
    columns_of(runs, ["strength", "seed", "train_data_loss", "val_data_loss"], "the table of strengths")
    strengths = pd.to_numeric(runs["strength"], errors="coerce")
    # Written so that NaN fails.
    wrong = ~((strengths >= 0) & np.isfinite(strengths))
    if wrong.any():
        raise DataError(f"a strength must be a number of at least 0, got {runs.loc[wrong, 'strength'].tolist()[0]!r}")
    measured = [column for column in (*LOSSES, "zeros") if has(runs, column)]
    values = runs[measured].astype(float)
    grouped = values.where(np.isfinite(values)).groupby(strengths)
    table = grouped.median()
    for column in measured:
        table[f"{column}_low"] = grouped[column].quantile(0.25)
        table[f"{column}_high"] = grouped[column].quantile(0.75)
    if "val_data_loss" in measured:
        table.insert(0, "n", grouped["val_data_loss"].count())
        table["chosen"] = table.index == table["val_data_loss"].idxmin()
    else:
        table.insert(0, "n", 0)
        table["chosen"] = False
    return table.rename_axis("strength").reset_index()


def strength_path(runs: pd.DataFrame) -> Figure:
    """Draw data losses and the share of zeros against the strength, one column per regularizer on shared loss axes.

    Medians over seeds with their middle half; a vertical line marks the strength of the lowest validation data loss.
    The axis of the strengths is logarithmic if they span more than a factor of 20; a strength of 0 is then drawn at
    the left edge, apart from the others.

    Args:
        runs: as in `path`; a column "regularizer" tells several paths apart, "experiment" names the title.

    Raises:
        DataError: as in `path`.
    """
    columns_of(runs, ["strength", "seed", "train_data_loss", "val_data_loss"], "the table of strengths")
    named = runs if "regularizer" in runs else runs.assign(regularizer="")
    parts = {str(name): path(part) for name, part in named.groupby("regularizer", sort=False)}
    zeros = has(runs, "zeros")
    shared = _axis(list(parts.values()))
    with look():
        figure, tops, bottoms = path_axes(len(parts), zeros)
        for i, (name, table) in enumerate(parts.items()):
            _losses(tops[i], table, shared)
            text(tops[i].set_title(printable(name), loc="left", pad=16), 9, fontweight="bold")
            if zeros:
                _zeros(bottoms[i], table)
            # The two axes of a column share their strengths, so this serves both.
            lowest = bottoms[i] if zeros else tops[i]
            _strengths(lowest, table)
            text(lowest.set_xlabel(printable(axis_name(name))))
        tops[0].set_ylabel(say("data loss"))
        if zeros:
            bottoms[0].set_ylabel("|w| ≤ 0.001")
            figure.align_ylabels([tops[0], bottoms[0]])
        beside(tops[-1], _legend(tops[-1]))
        above = 36 if any(parts) else 20
        against = say("the strength of regularization") if all(map(_regularizes, parts)) else say(", ").join(parts)
        of = str(runs["experiment"].iloc[0]) if "experiment" in runs else ""
        headline_over(tops[0], say("data loss against {against}", against=against), of, 9.0, above)
        footnote((bottoms if zeros else tops)[0], _notes(runs, list(parts.values()), shared), 9.0)
    return figure


def strengths_of(runs: pd.DataFrame | None) -> dict[str, float]:
    """Return the strength of each variant of a path, for `lab.report.styles`.

    Args:
        runs: one row per run with "variant", "regularizer" and "strength"; None where there is no path.

    Returns:
        Nothing where there are several regularizers: one colour would stand for several strengths.
    """
    if runs is None or runs["regularizer"].nunique() != 1:
        return {}
    return dict(zip(runs["variant"].map(str), runs["strength"].astype(float), strict=True))


def axis_name(family: str) -> str:
    """Return the name of the axis of a path, which may also be over what regularizes in passing, as batch size."""
    if not _regularizes(family):
        return family
    return say("strength of {family}", family=family) if family else say("strength")


def _regularizes(family: str) -> bool:
    return not family or family in {field.name for field in dataclasses.fields(Regularization)}


def _axis(parts: list[pd.DataFrame]) -> value_axis.Axis:
    """Return the loss axis for all paths, by the rule of `value_axis.shared`."""
    table = pd.concat(parts, ignore_index=True)
    drawn = [f"{column}{end}" for column in LOSSES if column in table for end in ("", "_low", "_high")]
    # The validation data loss decides whether the axis is logarithmic.
    values = table[sorted(drawn, key=lambda column: column != "val_data_loss")]
    return value_axis.shared(values, values.max(axis=1))


def positions(strengths: pd.Series) -> tuple[pd.Series, bool]:
    """Return where ascending strengths lie on their axis, and whether it is logarithmic.

    It is if the positive strengths span more than a factor of 20. A strength of 0 then has a place of its own, one
    and a half steps left of the smallest.
    """
    positive = strengths[strengths > 0]
    if not len(positive) or not positive.max() > LOG_ABOVE * positive.min():
        return strengths, False
    step = (positive.max() / positive.min()) ** (1 / max(1, len(positive) - 1))
    return strengths.where(strengths > 0, positive.min() / step**1.5), True


def _losses(ax: Axes, table: pd.DataFrame, shared: value_axis.Axis) -> None:
    scale(ax, shared)
    for column, (name, colour, dashes, marker) in _SPLITS.items():
        if column in table:
            _band(ax, table, column, label=name, color=colour, ls=dashes, marker=marker)
    at, _ = positions(table["strength"])
    chosen = table[table["chosen"]]
    if len(chosen):
        ax.axvline(at[chosen.index[0]], color=GREY, lw=0.9, zorder=1, label="_chosen")
        ax.plot(
            at[chosen.index], chosen["val_data_loss"], marker="*", ms=13, mec="white", mew=0.8, ls="none",
            color=_SPLITS["val_data_loss"][1], label="_kept", zorder=6,
        )  # fmt: skip
        name = f"{chosen['strength'].iloc[0]:.3g}"
        made = ax.annotate(
            name, (at[chosen.index[0]], 1), (0, 3), xycoords=ax.get_xaxis_transform(), textcoords="offset points",
            ha="center", annotation_clip=False,
        )  # fmt: skip
        text(made, 8, color="0.3")


def _zeros(ax: Axes, table: pd.DataFrame) -> None:
    if "zeros" in table:
        _band(ax, table, "zeros", label="zeros", color="0.25", ls=SOLID, marker="o")
    at, _ = positions(table["strength"])
    for place in at[table["chosen"]]:
        ax.axvline(place, color=GREY, lw=0.9, zorder=1, label="_chosen")
    ax.set_ylim(-0.04, 1.04)
    ax.yaxis.set_major_locator(FixedLocator([0, 0.5, 1]))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, 0))


def _band(ax: Axes, table: pd.DataFrame, column: str, *, label: str, color, ls, marker: str) -> None:
    at, log = positions(table["strength"])
    # With zero apart, no line leads from it to the others: the distance between them means nothing.
    groups = [table["strength"] == 0, table["strength"] > 0] if log else [table["strength"] >= 0]
    for i, group in enumerate(groups):
        x, rows = at[group], table[group]
        ax.plot(
            x, rows[column], color=color, ls=ls, lw=1.5, marker=marker, ms=4.5, mec="white", mew=0.5, zorder=3,
            label=label if i == len(groups) - 1 else f"_{label} at 0",
        )  # fmt: skip
        low, high = rows[f"{column}_low"], rows[f"{column}_high"]
        if len(rows) > 1:
            ax.fill_between(x, low, high, color=color, alpha=0.14, lw=0, label=f"_{label} band")
        else:
            ax.vlines(x, low, high, color=color, lw=3, alpha=0.25, label=f"_{label} band")


def _strengths(ax: Axes, table: pd.DataFrame) -> None:
    at, log = positions(table["strength"])
    if not log:
        return
    ax.set_xscale("log")
    least, most = at[table["strength"] > 0].min(), at.max()
    # Rounding must not lose the tick of the first or the last strength.
    inside = [d for d in LogLocator(numticks=5).tick_values(least, most) if 0.99 * least <= d <= 1.01 * most]
    zero = list(at[table["strength"] == 0])
    ax.xaxis.set_major_locator(FixedLocator(zero + inside))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: "0" if value in zero else plain_number(value)))
    ax.xaxis.set_minor_locator(NullLocator())


def _legend(ax: Axes) -> list[Line2D]:
    drawn = {line.get_label() for line in ax.lines}
    entries = [
        Line2D([], [], color=colour, ls=dashes, lw=1.5, marker=marker, mec="white", ms=5.5, label=say(name))
        for name, colour, dashes, marker in _SPLITS.values()
        if name in drawn
    ]
    if "_kept" in drawn:
        chosen = say("chosen: lowest\nvalidation data loss")
        blue = _SPLITS["val_data_loss"][1]
        star = Line2D([], [], color=blue, marker="*", ls="none", ms=12, mec="white", label=chosen)
        entries.append(star)
    return entries


def _notes(runs: pd.DataFrame, parts: list[pd.DataFrame], shared: value_axis.Axis) -> list[str]:
    counts = pd.concat([part["n"] for part in parts])
    low, high = int(counts.min()), int(counts.max())
    if high <= 1:
        counted = say("One seed per strength.")
    else:
        count = f"{low}" if low == high else say("{low} to {high}", low=low, high=high)
        counted = (
            say("{count} runs per strength; lines: median, bands: middle half.", count=count)
            if FOLD in runs
            else say("{count} seeds per strength; lines: median, bands: middle half.", count=count)
        )
    losses_of = pd.to_numeric(runs["val_data_loss"], errors="coerce")
    lost = int((~np.isfinite(losses_of)).sum())
    left = (
        [
            say(
                "{count} of {runs} runs have no finite validation data loss and are left out.",
                count=lost,
                runs=len(runs),
            )
        ]
        if lost
        else []
    )
    return [counted, *left, *axis_notes(shared)]
