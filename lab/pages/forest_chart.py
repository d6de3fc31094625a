"""The forest plot of a page: the paired difference of each variant to the baseline with its interval."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from lab.pages.vegalite import COLOUR, Row, Spec, colour, shape, short, spec
from lab.report.forest import rows as figure_rows
from lab.statistics.language import named, say

MOST = 60
"""The most rows; of more variants, those with the largest differences are shown."""

FEW = 12
"""With more rows than this, each gets less height."""


def rows(compared: pd.DataFrame, names: Sequence[str], most: int = MOST) -> list[Row]:
    """Return the rows of the figure `lab.report.forest` that have a difference, in the order of `names`.

    Args:
        compared: one row per variant, as `lab.statistics.compare` returns it.
        names: the variants in order, the baseline first.
        most: of more rows than this, those with the largest differences are returned.
    """
    compared = compared[compared["difference"].notna() & compared["variant"].isin(names[1:])]
    if not len(compared):
        return []
    table = figure_rows(compared, names[0])
    largest = table["difference"].abs().sort_values(ascending=False, kind="stable").index[:most]
    places = {name: v for v, name in enumerate(names)}
    found: list[Row] = []
    for _, row in table.loc[table.index.isin(largest)].iterrows():
        difference, low, high = short(row[["difference", "difference_low", "difference_high"]])
        shown = {"v": places[row["variant"]], "name": row["variant"], "d": difference, "lo": low, "hi": high}
        found.append(shown | {"words": row["words"], "decision": named(row["decision"]), "proven": bool(row["proven"])})
    return sorted(found, key=lambda row: row["v"])


def chart(rows: Sequence[Row], baseline: str, metric: str) -> Spec:
    """Return the chart of some rows.

    Args:
        rows: as `rows` returns them.
        baseline: the name of the variant at zero.
        metric: what is compared, in words.
    """
    data = alt.Chart(alt.NamedData("forest")).transform_calculate(c=COLOUR)
    # A phone has room only for the beginnings of long names.
    limit = alt.ExprRef("containerSize()[0] > 700 ? 260 : containerSize()[0] > 400 ? 190 : 130")
    y = alt.Y(
        "name:N",
        sort=None,
        title=None,
        axis=alt.Axis(ticks=False, domain=False, labelLimit=limit, labelFontSize=13, labelColor="var(--ink)"),
    )
    x = alt.X(
        "d:Q",
        title=say("difference in {metric}", metric=metric),
        scale=alt.Scale(zero=True, nice=True, padding=8),
        axis=alt.Axis(tickCount=alt.ExprRef("max(2, floor(width / 100))"), format="~g"),
    )
    tips = [alt.Tooltip("name:N", title=say("variant")), alt.Tooltip("words:N", title=say("difference"))]
    tips.append(alt.Tooltip("decision:N", title=say("decision")))
    zero = alt.Chart(alt.NamedData("zero")).mark_rule(stroke="var(--soft)", strokeWidth=1).encode(x=alt.X("x:Q"))
    whiskers = (
        data.transform_filter("isValid(datum.lo) && isValid(datum.hi)")
        .mark_rule(strokeWidth=2.2, strokeCap="round")
        .encode(y=y, x=alt.X("lo:Q"), x2="hi:Q", color=colour(), tooltip=tips)
    )
    points = (
        data.transform_filter("isValid(datum.d)")
        .mark_point(size=110, strokeWidth=1.8, opacity=1)
        .encode(
            y=y,
            x=x,
            shape=shape(),
            stroke=colour(alt.Stroke),
            fill=alt.condition("datum.proven", colour(alt.Fill), alt.value("var(--paper)")),
            tooltip=tips,
        )
    )
    return spec(
        alt.layer(zero, whiskers, points),
        "forest",
        say(
            "Differences in {metric} of {count} variants to {baseline}, with their intervals. "
            "The table of the comparison has the same numbers.",
            metric=metric,
            count=len(rows),
            baseline=baseline,
        ),
        (30 if len(rows) <= FEW else 19) * len(rows),
    )
