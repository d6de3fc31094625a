"""The heat map of an experiment that varies two settings: the mean of each pair of their values."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from lab.pages.vegalite import Row, Spec, short, spec
from lab.statistics import words
from lab.statistics.language import named, say

ABSENT = "absent"
"""The value of a setting in a variant whose declaration does not have it."""

FILLED = 2 / 3
"""The share of the pairs of values that must have a variant: a map with more holes shows no pattern."""


@dataclass(frozen=True)
class Setting:
    """A setting that varies.

    Args:
        name: the last words of its path in the declaration, as in "dropout"; of settings that always change together,
            the first.
        values: in words, numbers rising, others in the order of the variants.
        of: the place of each variant's value.
    """

    name: str
    values: list[str]
    of: Mapping[str, int]


@dataclass(frozen=True)
class HeatMap:
    """The map: the setting of its columns and that of its rows, the data of its cells, and the chart."""

    across: Setting
    down: Setting
    cells: list[Row]
    spec: Spec


def heat_map(
    declared: Mapping[str, Mapping[str, str]], compared: pd.DataFrame, names: Sequence[str], metric: str
) -> HeatMap | None:
    """Return the map of an experiment; None where it does not vary just two settings, each pair of them in most cells.

    Args:
        declared: the declaration of each variant, as `lab.pages.provenance.declarations` returns them.
        compared: one row per variant, as `lab.statistics.compare` returns it.
        names: the variants in order, the baseline first.
        metric: what is compared, in words.
    """
    varied = settings({name: declared[name] for name in names if declared.get(name)})
    if len(varied) != 2 or any(name not in varied[0].of for name in names):
        return None
    across, down = sorted(varied, key=lambda setting: len(setting.values))
    pairs = {(across.of[name], down.of[name]) for name in names}
    if len(pairs) < len(names) or len(pairs) < FILLED * len(across.values) * len(down.values):
        return None
    means = pd.to_numeric(compared.set_index("variant")["mean"], errors="coerce").astype(float)
    finite = means[np.isfinite(means)]
    if len(finite) < 2:
        return None
    decimals = words.places(finite, 3)
    cells = [
        _cell(row, names.index(name), (across.values[across.of[name]], down.values[down.of[name]]), decimals)
        for row in compared.to_dict("records")
        if (name := str(row["variant"])) in means.index and name in across.of
    ]
    return HeatMap(across, down, cells, _chart(across, down, metric, (float(finite.min()), float(finite.max()))))


def settings(declared: Mapping[str, Mapping[str, str]]) -> list[Setting]:
    """Return the settings in which variants differ, without those that follow from another one.

    A setting follows from another if variants that are alike in the other are alike in it, as the decay of an optimizer
    follows from the optimizer.
    """
    names = list(declared)
    paths = list(dict.fromkeys(path for flat in declared.values() for path in flat))
    varied: dict[tuple[int, ...], str] = {}
    for path in paths:
        values = [declared[name].get(path, ABSENT) for name in names]
        first = list(dict.fromkeys(values))
        if len(first) > 1:
            varied.setdefault(tuple(first.index(value) for value in values), path)
    own = [parts for parts in varied if not any(_follows(parts, other) for other in varied if other != parts)]
    return [_setting(varied[parts], declared) for parts in own]


def _follows(parts: Sequence[int], other: Sequence[int]) -> bool:
    return len(set(zip(parts, other, strict=True))) == len(set(other))


def _setting(path: str, declared: Mapping[str, Mapping[str, str]]) -> Setting:
    found = {name: flat.get(path, ABSENT) for name, flat in declared.items()}
    values = list(dict.fromkeys(found.values()))
    # A number lies between other numbers; what is no number keeps its place after them.
    order = sorted(values, key=lambda value: (0, _read(value)) if _is_number(value) else (1, values.index(value)))
    return Setting(
        path.rpartition(".")[2].replace("_", " "),
        [_words(value) for value in order],
        {name: order.index(value) for name, value in found.items()},
    )


def _read(value: str) -> Any:
    return value if value == ABSENT else json.loads(value)


def _is_number(value: str) -> bool:
    read = _read(value)
    return isinstance(read, (int, float)) and not isinstance(read, bool)


def _words(value: str) -> str:
    if _is_number(value):
        return f"{_read(value):g}"
    read = _read(value)
    return read if isinstance(read, str) else value


def _cell(row: Mapping[Any, Any], v: int, at: tuple[str, str], decimals: int) -> Row:
    value, low, high = (float(row[name]) for name in ("difference", "difference_low", "difference_high"))
    is_baseline = row["decision"] == "baseline"
    return {
        "v": v,
        "name": str(row["variant"]),
        "across": at[0],
        "down": at[1],
        "m": short([float(row["mean"])])[0],
        "says": words.number(float(row["mean"]), f".{decimals}f") or say("diverged"),
        "words": "" if is_baseline else words.difference(value, low, high, f"+.{decimals}f"),
        "decision": named(str(row["decision"])),
    }


def _chart(across: Setting, down: Setting, metric: str, ends: tuple[float, float]) -> Spec:
    data = alt.Chart(alt.NamedData("cells"))
    x = alt.X("across:N", sort=across.values, title=across.name, axis=alt.Axis(labelAngle=0, labelLimit=120))
    y = alt.Y("down:N", sort=down.values, title=down.name, axis=alt.Axis(labelLimit=140))
    low, high = short(ends)
    shade = alt.Scale(scheme="viridis", reverse=True, domain=[low, high])
    tips = [
        alt.Tooltip("name:N", title=say("variant")),
        alt.Tooltip("says:N", title=metric),
        alt.Tooltip("words:N", title=say("difference")),
        alt.Tooltip("decision:N", title=say("decision")),
    ]
    cells = data.mark_rect(stroke="var(--paper)", strokeWidth=2).encode(
        x=x, y=y, color=alt.Color("m:Q", scale=shade, legend=None), tooltip=tips
    )
    # The scheme is light where the value is low.
    dark = f"isValid(datum.m) && datum.m > {0.55 * ends[0] + 0.45 * ends[1]!r}"
    numbers = data.mark_text(fontSize=13, lineBreak="\n").encode(
        x=x, y=y, text="says:N", color=alt.condition(dark, alt.value("white"), alt.value("#222")), tooltip=tips
    )
    return spec(
        alt.layer(cells, numbers),
        "pairs",
        say(
            "{metric} of each pair of {across} and {down}. The table of the comparison has the same numbers.",
            metric=f"{metric[:1].upper()}{metric[1:]}",
            across=across.name,
            down=down.name,
        ),
        44 * len(down.values),
    )
