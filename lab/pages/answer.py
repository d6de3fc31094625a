"""The answer to an experiment's question: one sentence that claims no more than the statistics show."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lab.report.theme import columns_of
from lab.statistics import words
from lab.statistics.comparison import DECISIONS
from lab.statistics.identical import identical_note
from lab.statistics.language import named, say
from lab.statistics.scope import FOLDS_OF_DATA, rules_sentence, scope, scope_sentence

# The most better and worse variants that are given with their numbers, and the most that are named.
_WITH_NUMBERS = {"better": 2, "worse": 1}
_NAMED = 4

_COLUMNS = ["variant", "diverged", "n", "difference", "difference_low", "difference_high", "p_value", "decision"]
_ENDS = ("difference_low", "difference_high")


def answer(comparison: pd.DataFrame, runs: pd.DataFrame, *, metric: str | None = None) -> str:
    """Return the result of an experiment in one sentence.

    It names the variants that are shown to be better or worse than the baseline, by how much, with the 95 % interval
    and the number of seeds (or of folds); where nothing is shown, it says so. It adds from which epoch on the baseline
    overfits, where more than half of its runs do, and which variants diverged. A second sentence says what the
    intervals generalize over.

    Args:
        comparison: one row per variant, as `lab.statistics.compare` returns it; no row where no run of the baseline
            is finished.
        runs: one row per run: "variant" and, where they are known, "verdict" and "onset", as `lab.statistics.facts`
            returns them.
        metric: what is compared, in words; lower is better; the test data loss unless named.

    Raises:
        DataError: a column of the comparison is missing.
    """
    if not len(comparison) and set(_COLUMNS) <= set(comparison.columns):
        return say("Nothing is compared yet: no run of the baseline is finished.")
    columns_of(comparison, _COLUMNS, "the comparison")
    table = comparison.assign(variant=comparison["variant"].map(str))
    of_baseline = table.loc[table["decision"] == "baseline", "variant"]
    baseline = of_baseline.iloc[0] if len(of_baseline) else table["variant"].iloc[0]
    others = table[table["variant"] != baseline]
    one = "fold" if scope(table) == FOLDS_OF_DATA else "seed"
    parts = [_compared(others, baseline, named("test data loss") if metric is None else metric, one)]
    parts += _diverged(table) + _overfits(runs, baseline)
    said = (
        say(" ").join(filter(None, [rules_sentence(table), scope_sentence(table)])) if (others["n"] > 1).any() else ""
    )
    return say(" ").join(filter(None, [say("; ").join(parts) + say("."), said, identical_note(runs)]))


def _compared(others: pd.DataFrame, baseline: str, metric: str, one: str) -> str:
    if not len(others):
        return say("Nothing is compared: {baseline} is the only variant", baseline=baseline)
    pairs = others["n"].to_numpy(int)
    if pairs.max() == 0:
        if one == "fold":
            return say(
                "Nothing is shown: no variant has a fold on which both it and {baseline} finished", baseline=baseline
            )
        return say(
            "Nothing is shown: no variant has a seed on which both it and {baseline} finished", baseline=baseline
        )
    if pairs.max() == 1:
        if one == "fold":
            return say(
                "Nothing is shown: on one fold a difference to {baseline} cannot be told from chance", baseline=baseline
            )
        return say(
            "Nothing is shown: on one seed a difference to {baseline} cannot be told from chance", baseline=baseline
        )
    seeds = _over(int(pairs[pairs > 0].min()), int(pairs.max()), one)
    better, worse, equal, open_ = (others[others["decision"] == decision] for decision in DECISIONS[1:])
    if not len(better) and not len(worse) and not len(equal):
        nearest = others.sort_values("p_value", kind="stable").iloc[0]
        nothing = say(
            "Nothing is shown: {seeds} no variant differs from {baseline} in {metric} by more than chance explains",
            seeds=seeds,
            baseline=baseline,
            metric=metric,
        )
        if not np.isfinite(nearest["p_value"]):
            return nothing
        return nothing + say(
            "; the closest is {variant}, at {value}", variant=nearest["variant"], value=_signed(nearest)
        )
    parts: list[str] = []
    for group, word in ((better, "better"), (worse, "worse")):
        if len(group):
            parts.append(_side(group, word, len(others), None if parts else (baseline, metric, seeds)))
    if len(equal):
        names = list(equal["variant"])
        told = _EQUIVALENT[len(names) == 1, not parts]
        within = f"{equal['margin'].iloc[0]:g}"
        parts.append(say(told, who=_names(names), baseline=baseline, metric=metric, seeds=seeds, margin=within))
    if len(open_):
        parts.append(say("nothing is shown for {variants}", variants=_names(list(open_["variant"]))))
    return say("; ").join(parts)


def _over(low: int, high: int, one: str) -> str:
    if one == "fold":
        return (
            say("over {count} folds", count=high)
            if low == high
            else say("over {low} to {high} folds", low=low, high=high)
        )
    return (
        say("over {count} seeds", count=high) if low == high else say("over {low} to {high} seeds", low=low, high=high)
    )


# Of one or several variants that are better or worse: the first half of the sentence, and the second one.
_FIRST = {
    ("better", True): "{seeds}, {who} is better than {baseline} in {metric}, {amounts}",
    ("better", False): "{seeds}, {who} are better than {baseline} in {metric}, {amounts}",
    ("worse", True): "{seeds}, {who} is worse than {baseline} in {metric}, {amounts}",
    ("worse", False): "{seeds}, {who} are worse than {baseline} in {metric}, {amounts}",
}
# Of one or several variants, first in the sentence or not.
_EQUIVALENT = {
    (True, True): "{who} is equivalent to {baseline} in {metric} {seeds} within {margin}",
    (False, True): "{who} are equivalent to {baseline} in {metric} {seeds} within {margin}",
    (True, False): "{who} is equivalent within {margin}",
    (False, False): "{who} are equivalent within {margin}",
}
_SECOND = {True: "{who} is worse, {amounts}", False: "{who} are worse, {amounts}"}


def _side(group: pd.DataFrame, word: str, of: int, first: tuple[str, str, str] | None) -> str:
    """Return the half of the sentence about the better or the worse variants; the first half names the comparison."""
    side = -1.0 if word == "better" else 1.0
    group = group.assign(by=side * group["difference"]).sort_values("by", ascending=False, kind="stable")
    names = list(group["variant"])
    who = _names(names) if len(names) <= _NAMED else say("{count} of {of} variants", count=len(names), of=of)
    largest = group.head(_WITH_NUMBERS[word])
    # The meaning of the numbers in brackets is given once.
    rows = [row for _, row in largest.iterrows()]
    amounts = [_by(row, side, is_first=first is not None and i == 0) for i, row in enumerate(rows)]
    if len(names) == 1:
        told = say("by {amount}", amount=amounts[0])
    else:
        each = [say("{name} by {amount}", name=name, amount=by) for name, by in zip(names, amounts, strict=False)]
        told = say(" and ").join(each)
        told = told if len(names) == len(largest) else say("most of all {amounts}", amounts=told)
    is_one = len(names) == 1
    if first is None:
        return say(_SECOND[is_one], who=who, amounts=told)
    baseline, metric, seeds = first
    return say(_FIRST[word, is_one], seeds=seeds.capitalize(), who=who, baseline=baseline, metric=metric, amounts=told)


def form(row: pd.Series) -> str:
    """Return the format whose decimals show two digits of the interval's width, or three of the difference."""
    width = row["difference_high"] - row["difference_low"]
    size, digits = (width, 2) if np.isfinite(width) and width > 0 else (abs(row["difference"]), 3)
    return f".{words.decimals(size, digits) if np.isfinite(size) and size > 0 else 3}f"


def _by(row: pd.Series, side: float, is_first: bool) -> str:
    shape = form(row)
    low, high = (words.number(end, shape) for end in sorted(side * row[name] for name in _ENDS))
    value = words.number(side * row["difference"], shape)
    if is_first:
        return say("{value} (95 % interval {low} to {high})", value=value, low=low, high=high)
    return say("{value} ({low} to {high})", value=value, low=low, high=high)


def _signed(row: pd.Series) -> str:
    at, low, high = (words.number(row[name], f"+{form(row)}") for name in ("difference", *_ENDS))
    return say("{value} (95 % interval {low} to {high})", value=at, low=low, high=high)


def _names(names: Sequence[str]) -> str:
    if len(names) > _NAMED:
        return say(
            "{names} and {count} others", names=say(", ").join(names[: _NAMED - 1]), count=len(names) - _NAMED + 1
        )
    return say(" and ").join(filter(None, [say(", ").join(names[:-1]), names[-1]]))


def _diverged(table: pd.DataFrame) -> list[str]:
    lost = table[table["diverged"] > 0]
    if not len(lost):
        return []
    count = int(lost["diverged"].sum())
    who = _names(list(lost["variant"]))
    if count == 1:
        return [say("1 run of {variants} diverged", variants=who)]
    return [say("{count} runs of {variants} diverged", count=count, variants=who)]


def _overfits(runs: pd.DataFrame, baseline: str) -> list[str]:
    if not {"variant", "verdict", "onset"} <= set(runs.columns):
        return []
    own = runs[runs["variant"].map(str) == baseline]
    over = own[own["verdict"] == "overfits"]
    if not len(over) > len(own) / 2:
        return []
    onset = f"{float(over['onset'].median()):.0f}"
    return [
        say(
            "{baseline} itself overfits from about epoch {onset} on, in {count} of {runs} runs",
            baseline=baseline,
            onset=onset,
            count=len(over),
            runs=len(own),
        )
    ]
