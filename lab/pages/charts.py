"""The charts of every page: over the epochs, and the forest plot, as Vega-Lite without data."""

from collections.abc import Sequence

import altair as alt

from lab.pages.vegalite import COLOUR, EPOCHS_AXIS, Spec, colour, dash, shape, spec, value_axis
from lab.report.curves import Axis

# What the mouse finds is the mark nearest to it, which has the row as its "datum". Vega-Lite 6.4 looks there for the
# numbers of a tooltip but not for its names, so the tooltip is written out.
_ROW = "(datum.datum || datum)"
_FIELDS = {"epoch": ("e", "d"), "median": ("m", ".4~g"), "lower quartile": ("lo", ".4~g"),
           "upper quartile": ("hi", ".4~g"), "seeds": ("n", "d")}  # fmt: skip
_NUMBERS = [f"'{title}': format({_ROW}.{field}, '{form}')" for title, (field, form) in _FIELDS.items()]
_TOLD = f"{{'variant': {_ROW}.name, 'measured on': {_ROW}.split, {', '.join(_NUMBERS)}}}"


def curves(variants: Sequence[str], shown: Sequence[int], epochs: int, axis: Axis, measured: str) -> Spec:
    """Return the chart over the epochs: medians and bands of the shown variants, single seeds, marks, hover, zoom.

    It has the parameters "shown" (places of variants), "seeds", "splits", "band", "first" and "last" (epochs), which
    the page's controls set.

    Args:
        variants: their names, the baseline first.
        shown: the places of the variants shown at first.
        epochs: the last epoch.
        axis: the value axis.
        measured: what the curves are of, in words, as in "data loss".
    """
    parameters = [
        alt.param(name="shown", value=list(shown)),
        alt.param(name="seeds", value=[]),
        alt.param(name="splits", value=["train", "validation"]),
        alt.param(name="band", value=True),
        alt.param(name="first", value=1),
        alt.param(name="last", value=epochs),
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
    y = value_axis("m", axis, measured)
    band = (
        medians.transform_filter("band && datum.split == 'validation'")
        .mark_area(opacity=0.13, clip=True, tooltip=None)
        .encode(x=x, y=value_axis("lo", axis, measured), y2="hi:Q", color=colour(), detail=["v:N", "whole:N"])
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
            y=y,
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
            y=value_axis("y", axis, measured),
            color=colour(),
            strokeDash=dash(["train", "validation"]),
            detail=["v:N", "s:N"],
        )
    )
    # Told by its fields: the rows that a flattened row becomes all have the identity of that one.
    hover = alt.selection_point(
        name="hover", fields=["v", "split", "e"], nearest=True, on="pointermove", clear="pointerout"
    )
    points = (
        medians.mark_point(
            size=70, filled=True, stroke="var(--paper)", strokeWidth=1, clip=True, tooltip=alt.ExprRef(_TOLD)
        )
        .encode(x=x, y=y, color=colour(), opacity=alt.condition(hover, alt.value(1), alt.value(0), empty=False))
        .add_params(hover)
    )
    marks = (
        alt.Chart(alt.NamedData("marks"))
        .transform_filter(f"indexof(shown, datum.v) >= 0 && indexof(splits, 'validation') >= 0 && {inside}")
        .transform_calculate(c=COLOUR)
        .mark_point(size=80, strokeWidth=1.6, opacity=1, clip=True)
        .encode(
            x=x,
            y=value_axis("y", axis, measured),
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
        f"Lines of the {measured} over {epochs} epochs, train solid and validation dashed, for {names}. "
        "The table of the comparison has the same runs in numbers.",
        380,
    )


def forest(rows: int, baseline: str, metric: str) -> Spec:
    """Return the forest plot: the paired difference of each variant to the baseline with its interval.

    Args:
        rows: how many variants it shows.
        baseline: the name of the variant at zero.
        metric: what is compared, in words.
    """
    data = alt.Chart(alt.NamedData("forest")).transform_calculate(c=COLOUR)
    # A phone has room for the beginnings of long names alone.
    limit = alt.ExprRef("containerSize()[0] > 700 ? 260 : 130")
    y = alt.Y(
        "name:N",
        sort=None,
        title=None,
        axis=alt.Axis(ticks=False, domain=False, labelLimit=limit, labelFontSize=13, labelColor="var(--ink)"),
    )
    x = alt.X(
        "d:Q",
        title=f"difference in {metric}",
        scale=alt.Scale(zero=True, nice=True, padding=8),
        axis=alt.Axis(tickCount=6, format="~g"),
    )
    tips = [alt.Tooltip("name:N", title="variant"), alt.Tooltip("said:N", title="difference")]
    tips.append(alt.Tooltip("decision:N", title="decision"))
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
            fill=alt.condition(
                "datum.decision == 'better' || datum.decision == 'worse'", colour(alt.Fill), alt.value("var(--paper)")
            ),
            tooltip=tips,
        )
    )
    return spec(
        alt.layer(zero, whiskers, points),
        "forest",
        f"Differences in {metric} of {rows} variants to {baseline}, with their intervals. "
        "The table of the comparison has the same numbers.",
        30 * rows,
    )
