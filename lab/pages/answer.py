"""The answer to an experiment's question: one sentence that claims no more than the statistics show."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lab.report.theme import columns_of
from lab.statistics import words
from lab.statistics.comparison import DECISIONS
from lab.statistics.identical import identical_note
from lab.statistics.scope import FOLDS_OF_DATA, rules_sentence, scope, scope_sentence

# The most better and worse variants that are given with their numbers, and the most that are named.
_WITH_NUMBERS = {"better": 2, "worse": 1}
_NAMED = 4

_COLUMNS = ["variant", "diverged", "n", "difference", "difference_low", "difference_high", "p_value", "decision"]
_ENDS = ("difference_low", "difference_high")


def answer(comparison: pd.DataFrame, runs: pd.DataFrame, *, metric: str = "test data loss") -> str:
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
        metric: what is compared, in words; lower is better.

    Raises:
        DataError: a column of the comparison is missing.
    """
    if not len(comparison) and set(_COLUMNS) <= set(comparison.columns):
        return "Nothing is compared yet: no run of the baseline is finished."
    columns_of(comparison, _COLUMNS, "the comparison")
    table = comparison.assign(variant=comparison["variant"].map(str))
    of_baseline = table.loc[table["decision"] == "baseline", "variant"]
    baseline = of_baseline.iloc[0] if len(of_baseline) else table["variant"].iloc[0]
    others = table[table["variant"] != baseline]
    one = "fold" if scope(table) == FOLDS_OF_DATA else "seed"
    parts = [_compared(others, baseline, metric, one)]
    parts += _diverged(table) + _overfits(runs, baseline)
    said = " ".join(filter(None, [rules_sentence(table), scope_sentence(table)])) if (others["n"] > 1).any() else ""
    return " ".join(filter(None, ["; ".join(parts) + ".", said, identical_note(runs)]))


def _compared(others: pd.DataFrame, baseline: str, metric: str, one: str) -> str:
    if not len(others):
        return f"Nothing is compared: {baseline} is the only variant"
    pairs = others["n"].to_numpy(int)
    if pairs.max() == 0:
        return f"Nothing is shown: no variant has a {one} on which both it and {baseline} finished"
    if pairs.max() == 1:
        return f"Nothing is shown: on one {one} a difference to {baseline} cannot be told from chance"
    low, high = pairs[pairs > 0].min(), pairs.max()
    seeds = f"over {high} {one}s" if low == high else f"over {low} to {high} {one}s"
    better, worse, equal, open_ = (others[others["decision"] == decision] for decision in DECISIONS[1:])
    if not len(better) and not len(worse) and not len(equal):
        nearest = others.sort_values("p_value", kind="stable").iloc[0]
        closest = f"; the closest is {nearest['variant']}, at {_signed(nearest)}"
        return (
            f"Nothing is shown: {seeds} no variant differs from {baseline} in {metric} by more than chance explains"
            + (closest if np.isfinite(nearest["p_value"]) else "")
        )
    parts: list[str] = []
    for group, word in ((better, "better"), (worse, "worse")):
        if not len(group):
            continue
        parts.append(_side(group, word, len(others), None if parts else (baseline, metric, seeds)))
    if len(equal):
        names = list(equal["variant"])
        verb = "is" if len(names) == 1 else "are"
        within = f"within {equal['margin'].iloc[0]:g}"
        against = "" if parts else f" to {baseline} in {metric} {seeds}"
        parts.append(f"{_names(names)} {verb} equivalent{against} {within}")
    if len(open_):
        parts.append(f"nothing is shown for {_names(list(open_['variant']))}")
    return "; ".join(parts)


def _side(group: pd.DataFrame, word: str, of: int, first: tuple[str, str, str] | None) -> str:
    """Return the half of the sentence about the better or the worse variants; the first half names the comparison."""
    side = -1.0 if word == "better" else 1.0
    group = group.assign(by=side * group["difference"]).sort_values("by", ascending=False, kind="stable")
    names = list(group["variant"])
    who = _names(names) if len(names) <= _NAMED else f"{len(names)} of {of} variants"
    verb = "is" if len(names) == 1 else "are"
    against = ""
    if first:
        baseline, metric, seeds = first
        who, against = f"{seeds.capitalize()}, {who}", f" than {baseline} in {metric}"
    largest = group.head(_WITH_NUMBERS[word])
    # The meaning of the numbers in brackets is given once.
    brackets = ["95 % interval " if first else "", *[""] * (len(largest) - 1)]
    amounts = [_by(row, side, bracket) for bracket, (_, row) in zip(brackets, largest.iterrows(), strict=True)]
    if len(names) == 1:
        return f"{who} {verb} {word}{against}, by {amounts[0]}"
    each = [f"{name} by {by}" for name, by in zip(names, amounts, strict=False)]
    most = "" if len(names) == len(largest) else "most of all "
    return f"{who} {verb} {word}{against}, {most}{' and '.join(each)}"


def form(row: pd.Series) -> str:
    """Return the format whose decimals show two digits of the interval's width, or three of the difference."""
    width = row["difference_high"] - row["difference_low"]
    size, digits = (width, 2) if np.isfinite(width) and width > 0 else (abs(row["difference"]), 3)
    return f".{words.decimals(size, digits) if np.isfinite(size) and size > 0 else 3}f"


def _by(row: pd.Series, side: float, bracket: str) -> str:
    shape = form(row)
    low, high = (words.number(end, shape) for end in sorted(side * row[name] for name in _ENDS))
    return f"{words.number(side * row['difference'], shape)} ({bracket}{low} to {high})"


def _signed(row: pd.Series) -> str:
    at, low, high = (words.number(row[name], f"+{form(row)}") for name in ("difference", *_ENDS))
    return f"{at} (95 % interval {low} to {high})"


def _names(names: Sequence[str]) -> str:
    if len(names) > _NAMED:
        return f"{', '.join(names[: _NAMED - 1])} and {len(names) - _NAMED + 1} others"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _diverged(table: pd.DataFrame) -> list[str]:
    lost = table[table["diverged"] > 0]
    if not len(lost):
        return []
    count = int(lost["diverged"].sum())
    return [f"{count} {'run' if count == 1 else 'runs'} of {_names(list(lost['variant']))} diverged"]


def _overfits(runs: pd.DataFrame, baseline: str) -> list[str]:
    if not {"variant", "verdict", "onset"} <= set(runs.columns):
        return []
    own = runs[runs["variant"].map(str) == baseline]
    over = own[own["verdict"] == "overfits"]
    if not len(over) > len(own) / 2:
        return []
    onset = f"{float(over['onset'].median()):.0f}"
    return [f"{baseline} itself overfits from about epoch {onset} on, in {len(over)} of {len(own)} runs"]
