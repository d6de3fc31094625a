"""The chart over the epochs: medians over seeds with bands, single seeds, marks; small enough for a page.

A page must open at once, so histories are thinned by two rules, which the page states: where a curve is longer than
`EPOCHS`, or all curves together than `POINTS`, every k-th epoch is drawn; and single seeds are there as long as they
have no more than `POINTS` points. Medians are taken before the thinning, over all runs.
"""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd

from lab.pages.vegalite import COLOUR, EPOCHS_AXIS, Row, Spec, colour, dash, shape, short, spec, value_axis
from lab.report.curves import Curves, has
from lab.report.value_axis import Axis

EPOCHS = 150
"""The most epochs of a curve."""

POINTS = 60_000
"""The most points of all medians, and of all single seeds, train and validation together."""

SHOWN = 8
"""How many variants are shown at first: the baseline and those that validate best."""


@dataclass(frozen=True)
class Series:
    """The data of the chart over the epochs.

    Args:
        columns: which column is "train" and which "validation".
        medians: one row per part of a curve: "v" (place of the variant), "name", "split", "whole" (all runs that did
            not diverge still train), and the lists "e" (epochs), "m" (median), "lo" and "hi" (quartiles), "n".
        seeds: one row per run and split: "v", "name", "split", "s" (the seed), and the lists "e" and "y".
        marks: one row per mark on a validation median: "v", "name", "mark" ("kept" or "onset"), "e", "y".
        shown: the places of the variants that are shown at first.
        listed: the seeds that `seeds` has.
        epochs: the last epoch.
        axis: the value axis.
        notes: the rules that were applied, as sentences.
    """

    columns: Mapping[str, str]
    medians: list[Row]
    seeds: list[Row]
    marks: list[Row]
    shown: list[int]
    listed: list[int]
    epochs: int
    axis: Axis
    notes: list[str]

    @property
    def measured(self) -> str:
        """What the curves are of, in words."""
        return "data loss" if self.columns["validation"] == "val_data_loss" else "loss"


def columns_of(curves: Curves) -> dict[str, str]:
    """Return the columns a page compares: the data losses, or Keras's own losses where there are no others.

    Returns:
        The columns by "train" and "validation"; nothing where no validation loss has a finite number.
    """
    for train, validation in (("train_data_loss", "val_data_loss"), ("loss", "val_loss")):
        if has(curves.table, validation):
            return ({"train": train} if has(curves.table, train) else {}) | {"validation": validation}
    return {}


def thinned(table: pd.DataFrame, keys: list[str], step: int) -> pd.DataFrame:
    """Return every `step`-th epoch of each curve, counted from epoch 1, and its last one."""
    if step == 1:
        return table
    last = ~table.duplicated(keys, keep="last")
    return table[((table["epoch"] - 1) % step == 0) | last]


def series(curves: Curves) -> Series | None:
    """Return the data of the chart; None where no validation loss has a finite number, so nothing can be drawn."""
    columns = columns_of(curves)
    if not columns:
        return None
    epochs = int(curves.table["epoch"].max())
    step = math.ceil(max(epochs / EPOCHS, epochs * len(curves.variants) * len(columns) / POINTS))
    place = {name: v for v, name in enumerate(curves.variants)}
    medians = [
        row
        for split, column in columns.items()
        for row in _median_rows(thinned(curves.medians(column), ["variant"], step), split)
    ]
    singles, seeds, left = _singles(curves.table, columns, step)
    thinning = [f"Histories have up to {epochs} epochs: every {_th(step)} and the last are drawn."] if step > 1 else []
    return Series(
        columns,
        [{"v": place[row["name"]]} | row for row in medians],
        [{"v": place[row["name"]]} | row for row in singles],
        [{"v": place[row["name"]]} | row for row in _marks(curves, columns["validation"])],
        [place[name] for name in curves.named(SHOWN)],
        seeds,
        epochs,
        curves.axis(*reversed(columns.values())),
        thinning + left,
    )


def _th(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _median_rows(table: pd.DataFrame, split: str) -> Iterable[Row]:
    for variant, curve in table.groupby("variant", sort=False):
        whole = curve["whole"].to_numpy(bool)
        # The parts with all runs and with fewer share an epoch, so that the line does not break.
        ends = [0, *(np.flatnonzero(np.diff(whole)) + 1), len(curve)]
        for start, end in itertools.pairwise(ends):
            part = curve.iloc[max(0, start - 1) : end]
            yield {
                "name": str(variant),
                "split": split,
                "whole": bool(whole[start]),
                "e": part["epoch"].tolist(),
                "m": short(part["median"]),
                "lo": short(part["low"]),
                "hi": short(part["high"]),
                "n": part["n"].tolist(),
            }


def _singles(histories: pd.DataFrame, columns: Mapping[str, str], step: int) -> tuple[list[Row], list[int], list[str]]:
    """Return the rows of single seeds, which seeds they are, and the sentence on those left out."""
    if not histories[["variant", "seed"]].drop_duplicates().duplicated("variant").any():
        # With one run per variant, its median is the run itself.
        return [], [], []
    table = thinned(histories, ["variant", "seed"], step)
    points = len(columns) * table.groupby("seed").size().sort_index()
    every = points.index.astype(int).tolist()
    listed = every[: int((points.cumsum() <= POINTS).sum())]
    if not listed:
        return [], [], [f"Single seeds are left out: one alone has more than {POINTS} points. Bands show their spread."]
    table = table[table["seed"].isin(listed)]
    rows = [
        {
            "name": str(variant),
            "split": split,
            "s": int(run["seed"].iloc[0]),
            "e": run["epoch"].tolist(),
            "y": short(run[column]),
        }
        for (variant, _), run in table.groupby(["variant", "seed"], sort=False)
        for split, column in columns.items()
    ]
    left = (
        f"Of {len(every)} seeds the first {len(listed)} can be shown singly, so that the page stays small; "
        "medians and bands are over all."
    )
    return rows, listed, [left] if len(listed) < len(every) else []


def _marks(curves: Curves, validation: str) -> Iterable[Row]:
    """Yield the median kept epoch and, where more than half of the runs have one, the median onset."""
    state = curves.runs(validation)
    state = state[~state["diverged"]]
    height = curves.medians(validation).set_index(["variant", "epoch"])["median"]
    for variant, runs in state.groupby("variant", sort=False):
        for mark, column in (("kept", "kept_epoch"), ("onset", "onset")):
            known = runs[column].dropna()
            if 2 * len(known) <= len(runs):
                continue
            at = (variant, round(float(known.median())))
            if at in height.index:
                yield {"name": str(variant), "mark": mark, "e": at[1], "y": short([height[at]])[0]}


# What the mouse finds is the mark nearest to it, which has the row as its "datum". Vega-Lite 6.4 looks there for the
# numbers of a tooltip but not for its names, so the tooltip is written out.
_ROW = "(datum.datum || datum)"
_FIELDS = {"epoch": ("e", "d"), "median": ("m", ".4~g"), "lower quartile": ("lo", ".4~g"),
           "upper quartile": ("hi", ".4~g"), "seeds": ("n", "d")}  # fmt: skip
_NUMBERS = [f"'{title}': format({_ROW}.{field}, '{form}')" for title, (field, form) in _FIELDS.items()]
_TOOLTIP = f"{{'variant': {_ROW}.name, 'measured on': {_ROW}.split, {', '.join(_NUMBERS)}}}"


def chart(series: Series, variants: Sequence[str]) -> Spec:
    """Return the chart: medians and bands of the shown variants, single seeds, marks, hover and zoom.

    The page's controls set its parameters: "shown" (places of variants), "seeds", "splits", "band", "first" and
    "last" (epochs).

    Args:
        series: its data.
        variants: their names, the baseline first.
    """

    def height(field: str) -> alt.Y:
        return value_axis(field, series.axis, series.measured)

    parameters = [
        alt.param(name="shown", value=series.shown),
        alt.param(name="seeds", value=[]),
        alt.param(name="splits", value=["train", "validation"]),
        alt.param(name="band", value=True),
        alt.param(name="first", value=1),
        alt.param(name="last", value=series.epochs),
    ]
    seen = "indexof(shown, datum.v) >= 0 && indexof(splits, datum.split) >= 0"
    inside = "datum.e >= first && datum.e <= last"
    # Without `nice`, the axis is as long as the epochs that are asked for.
    x = alt.X("e:Q", title="epoch", scale=alt.Scale(zero=False, nice=False, padding=7), axis=EPOCHS_AXIS)
    medians = (
        alt.Chart(alt.NamedData("medians"))
        .transform_filter(seen)
        .transform_calculate(c=COLOUR)
        .transform_flatten(["e", "m", "lo", "hi", "n"])
        .transform_filter(inside)
    )
    band = (
        medians.transform_filter("band && datum.split == 'validation'")
        .mark_area(opacity=0.13, clip=True, tooltip=None)
        .encode(x=x, y=height("lo"), y2="hi:Q", color=colour(), detail=["v:N", "whole:N"])
    )
    zoom = alt.selection_interval(
        name="zoom",
        bind="scales",
        # A finger scrolls the page, and so does a wheel unless the page's own zoom key is held.
        translate="[pointerdown[event.pointerType == 'mouse'], window:pointerup] > window:pointermove!",
        zoom="wheel![event.ctrlKey || event.metaKey]",
    )
    lines = (
        medians.mark_line(strokeWidth=2, clip=True)
        .encode(
            x=x,
            y=height("m"),
            color=colour(),
            strokeDash=dash(["train", "validation"]),
            detail=["v:N", "whole:N"],
            opacity=alt.condition("datum.whole", alt.value(1), alt.value(0.4)),
        )
        .add_params(zoom)
    )
    singles = (
        alt.Chart(alt.NamedData("seeds"))
        .transform_filter(f"{seen} && indexof(seeds, datum.s) >= 0")
        .transform_calculate(c=COLOUR)
        .transform_flatten(["e", "y"])
        .transform_filter(inside)
        .mark_line(strokeWidth=0.9, opacity=0.65, clip=True)
        .encode(
            x=x,
            y=height("y"),
            color=colour(),
            strokeDash=dash(["train", "validation"]),
            detail=["v:N", "s:N"],
        )
    )
    # Select by field values: the rows made by `flatten` share one identity.
    hover = alt.selection_point(
        name="hover", fields=["v", "split", "e"], nearest=True, on="pointermove", clear="pointerout"
    )
    points = (
        medians.mark_point(
            size=70, filled=True, stroke="var(--paper)", strokeWidth=1, clip=True, tooltip=alt.ExprRef(_TOOLTIP)
        )
        .encode(
            x=x, y=height("m"), color=colour(), opacity=alt.condition(hover, alt.value(1), alt.value(0), empty=False)
        )
        .add_params(hover)
    )
    marks = (
        alt.Chart(alt.NamedData("marks"))
        .transform_filter(f"indexof(shown, datum.v) >= 0 && indexof(splits, 'validation') >= 0 && {inside}")
        .transform_calculate(c=COLOUR)
        .mark_point(size=80, strokeWidth=1.6, opacity=1, clip=True)
        .encode(
            x=x,
            y=height("y"),
            shape=shape(),
            stroke=colour(alt.Stroke),
            fill=alt.condition("datum.mark == 'kept'", colour(alt.Fill), alt.value("var(--paper)")),
        )
    )
    chart = alt.layer(band, singles, lines, marks, points).add_params(*parameters)
    names = ", ".join(variants[:12]) + (" and others" if len(variants) > 12 else "")
    return spec(
        chart,
        "curves",
        f"Lines of the {series.measured} over {series.epochs} epochs, train solid and validation dashed, for {names}. "
        "The table of the comparison has the same runs in numbers.",
        380,
    )
