"""The chart of a strength path: losses against the strength; the slider beside the curves marks one."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd

from lab.pages.vegalite import SPLIT_COLOURS, Row, Spec, dash, short, spec
from lab.report.curves import has
from lab.report.strength_path import LOSSES, axis_name, path, positions
from lab.statistics.language import named, say

SPLITS = dict(zip(LOSSES, ("train", "validation", "test"), strict=True))


SMALL = 0.001
"""Strengths below this are written with a power of ten: zeros are hard to count."""


@dataclass(frozen=True)
class Family:
    """One regularizer at rising strengths.

    Args:
        name: of the regularizer.
        variants: the names of the variants, weakest first.
        strengths: the strengths of the variants, ascending.
        positions: where they are on the axis: at the strengths, but for 0 on a logarithmic axis.
        log: whether the axis is logarithmic.
        chosen: the place of the strength with the lowest median validation data loss; None if no run has one.
        losses: one row per split: "split", and the lists "i" (place), "x" (position), "s" (strength), "m", "lo", "hi"
            (median and quartiles over the seeds).
        runs: the number of runs of each strength with a finite validation data loss.
    """

    name: str
    variants: list[str]
    strengths: list[float]
    positions: list[float]
    log: bool
    chosen: int | None
    losses: list[Row]
    runs: list[int]

    def words(self, i: int) -> str:
        """Return what the slider says at the i-th strength."""
        values = say(", ").join(
            f"{named(row['split'])} {row['m'][i]:.3g}" for row in self.losses if row["m"][i] is not None
        )
        runs = say("1 run") if self.runs[i] == 1 else say("{count} runs", count=self.runs[i])
        words = f"{self.name} {strength_words(self.strengths[i])}: {values or say('no finite data loss')} ({runs})"
        return say("{words}, the lowest validation data loss", words=words) if i == self.chosen else words


def strength_words(strength: float) -> str:
    """Return a strength as it is written: "0.001", "2.3e-6"."""
    digits, _, power = f"{strength:.3g}".partition("e")
    if not power and 0 < strength < SMALL:
        digits, _, power = f"{strength:.2e}".partition("e")
        digits = digits.rstrip("0").rstrip(".")
    return f"{digits}e{int(power)}" if power else digits


def families(runs: pd.DataFrame | None) -> list[Family]:
    """Return the path of each family, in the order in which the table has them.

    Args:
        runs: as `lab.results.tables.Tables.path_runs` returns them; None where there is no path.

    Raises:
        DataError: a strength is negative or no number.
    """
    return [] if runs is None else [_family(str(name), part) for name, part in runs.groupby("regularizer", sort=False)]


def ranks(paths: Sequence[Family]) -> dict[str, float]:
    """Return the rank of each variant in its path, in [0, 1], for `lab.report.theme.styles`; nothing for one path."""
    if len(paths) < 2:
        return {}
    return {
        variant: i / max(1, len(family.variants) - 1) for family in paths for i, variant in enumerate(family.variants)
    }


def _family(name: str, runs: pd.DataFrame) -> Family:
    table = path(runs)
    variants = runs.drop_duplicates("strength").set_index("strength")["variant"]
    strengths = table["strength"].tolist()
    at, log = positions(table["strength"])
    losses = [
        {
            "split": split,
            "i": list(range(len(table))),
            "x": short(at),
            "s": strengths,
            "m": short(table[column]),
            "lo": short(table[f"{column}_low"]),
            "hi": short(table[f"{column}_high"]),
        }
        for column, split in SPLITS.items()
        if has(table, column)
    ]
    chosen = np.flatnonzero(table["chosen"])
    return Family(
        name,
        [str(variants[strength]) for strength in strengths],
        strengths,
        at.tolist(),
        log,
        int(chosen[0]) if len(chosen) else None,
        losses,
        table["n"].astype(int).tolist(),
    )


def path_chart(family: Family) -> Spec:
    """Return the chart of one family over its strengths; the parameter "at" is the place that is marked, or -1."""
    splits = [row["split"] for row in family.losses]
    scale = (
        alt.Scale(type="log", nice=False, padding=14) if family.log else alt.Scale(zero=False, nice=False, padding=14)
    )
    # A strength of 0 has a place of its own on a logarithmic axis.
    zero = f"datum.value < {0.99 * family.strengths[1]!r}" if family.log and family.strengths[0] == 0 else "false"
    form = f"datum.value < {SMALL} ? '.2~e' : '~g'"
    label = f"datum.value == 0 || {zero} ? '0' : format(datum.value, {form})"
    axis = alt.Axis(values=_ticks(family), labelExpr=label, labelOverlap=True, grid=False)
    x = alt.X("x:Q", title=axis_name(family.name), scale=scale, axis=axis)
    y = alt.Y("m:Q", title=say("data loss"), scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=6, format="~g"))
    hues = alt.Scale(domain=splits, range=[SPLIT_COLOURS[split] for split in splits])
    colour = alt.Color("split:N", scale=hues, legend=None)
    data = alt.Chart(alt.NamedData("path")).transform_flatten(["i", "x", "s", "m", "lo", "hi"])
    apart = "datum.s == 0" if family.log else "false"
    data = data.transform_calculate(apart=apart)
    band = data.mark_area(opacity=0.13).encode(
        x=x, y=alt.Y("lo:Q", title=say("data loss")), y2="hi:Q", color=colour, detail="apart:N"
    )
    lines = data.mark_line(strokeWidth=2).encode(x=x, y=y, color=colour, strokeDash=dash(splits), detail="apart:N")
    tips = [
        alt.Tooltip("split:N", title=say("measured on")),
        alt.Tooltip("s:Q", title=say("strength"), format=".4~g"),
        alt.Tooltip("m:Q", title=say("median"), format=".4~g"),
        alt.Tooltip("lo:Q", title=say("lower quartile"), format=".4~g"),
        alt.Tooltip("hi:Q", title=say("upper quartile"), format=".4~g"),
    ]
    dots = data.mark_point(size=26, filled=True, opacity=1).encode(x=x, y=y, color=colour, tooltip=tips)
    now = data.transform_filter("datum.i == at")
    rule = (
        now.transform_filter(f"datum.split == {splits[0]!r}")
        .mark_rule(stroke="var(--soft)", strokeWidth=1.2)
        .encode(x=x)
    )
    rings = now.mark_point(size=130, strokeWidth=2.2, opacity=1, fill="var(--paper)").encode(
        x=x,
        y=y,
        stroke=alt.Stroke("split:N", scale=hues, legend=None),
        tooltip=tips,
    )
    chart = alt.layer(band, rule, lines, dots, rings).add_params(alt.param(name="at", value=-1))
    return spec(
        chart,
        "path",
        say(
            "Lines of the {splits} data loss against {axis}, from {weakest} to {strongest}.",
            splits=say(" and ").join(map(named, splits)),
            axis=axis_name(family.name),
            weakest=strength_words(family.strengths[0]),
            strongest=strength_words(family.strengths[-1]),
        ),
        300,
    )


def _ticks(family: Family) -> list[float]:
    return [float(f"{position:.5g}") for position in family.positions]
