"""The answer to an experiment's question: one sentence that says no more than the statistics show."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lab.report.theme import columns_of
from lab.statistics.identical import identical_note

# So many better and worse variants are told with their numbers, and so many by name.
TOLD = {"better": 2, "worse": 1}
NAMED = 4

_MINUS = "\N{MINUS SIGN}"
_COLUMNS = ["variant", "diverged", "n", "difference", "difference_low", "difference_high", "p_value", "decision"]
_ENDS = ("difference_low", "difference_high")


def answer(
    comparison: pd.DataFrame,
    runs: pd.DataFrame,
    *,
    metric: str = "test data loss",
    lower_is_better: bool = True,
    confidence: float = 0.95,
) -> str:
    """Return what the experiment shows, in one sentence.

    It names the variants that are shown to be better or worse than the baseline, by how much, with the interval and
    the number of seeds; says that nothing is shown where nothing is; and says from which epoch on the baseline
    overfits, where more than half of its runs do, and which variants diverged.

    Args:
        comparison: a row a variant, as `lab.statistics.compare` returns it.
        runs: a row a run: "variant" and, where they are known, "verdict" and "onset", as `lab.statistics.facts`
            returns them.
        metric: what is compared, in words.
        lower_is_better: whether a negative difference is the better side.
        confidence: the probability of the intervals, in (0, 1).

    Raises:
        DataError: a column or all rows of the comparison are missing.
    """
    columns_of(comparison, _COLUMNS, "the comparison")
    table = comparison.assign(variant=comparison["variant"].map(str))
    of_baseline = table.loc[table["decision"] == "baseline", "variant"]
    baseline = of_baseline.iloc[0] if len(of_baseline) else table["variant"].iloc[0]
    others = table[table["variant"] != baseline]
    parts = [_compared(others, baseline, metric, -1.0 if lower_is_better else 1.0, confidence)]
    parts += _diverged(table) + _overfits(runs, baseline)
    return " ".join(filter(None, ["; ".join(parts) + ".", identical_note(runs)]))


def _compared(others: pd.DataFrame, baseline: str, metric: str, sign: float, confidence: float) -> str:
    if not len(others):
        return f"Nothing is compared: {baseline} is the only variant"
    pairs = others["n"].to_numpy(int)
    if pairs.max() == 0:
        return f"Nothing is shown: no variant has a seed on which both it and {baseline} finished"
    if pairs.max() == 1:
        return f"Nothing is shown: on one seed a difference to {baseline} cannot be told from chance"
    low, high = pairs[pairs > 0].min(), pairs.max()
    seeds = f"over {high} seeds" if low == high else f"over {low} to {high} seeds"
    better, worse, open_ = (others[others["decision"] == said] for said in ("better", "worse", "not shown"))
    if not len(better) and not len(worse):
        nearest = others.sort_values("p_value", kind="stable").iloc[0]
        told = f"; closest to it comes {nearest['variant']}, at {_signed(nearest, confidence)}"
        return (
            f"Nothing is shown: {seeds} no variant differs from {baseline} in {metric} by more than chance explains"
            + (told if np.isfinite(nearest["p_value"]) else "")
        )
    parts: list[str] = []
    for group, word in ((better, "better"), (worse, "worse")):
        if not len(group):
            continue
        side = sign if word == "better" else -sign
        parts.append(_side(group, word, side, confidence, len(others), None if parts else (baseline, metric, seeds)))
    if len(open_):
        parts.append(f"nothing is shown for {_names(list(open_['variant']))}")
    return "; ".join(parts)


def _side(
    group: pd.DataFrame, word: str, side: float, confidence: float, of: int, first: tuple[str, str, str] | None
) -> str:
    """Return the half of the sentence about the better or the worse variants; the first half names the comparison."""
    group = group.assign(by=side * group["difference"]).sort_values("by", ascending=False, kind="stable")
    names = list(group["variant"])
    who = _names(names) if len(names) <= NAMED else f"{len(names)} of {of} variants"
    verb = "is" if len(names) == 1 else "are"
    against = ""
    if first:
        baseline, metric, seeds = first
        who, against = f"{seeds.capitalize()}, {who}", f" than {baseline} in {metric}"
    told = group.head(TOLD[word])
    # What the numbers in brackets are is said once.
    brackets = [f"{100 * confidence:g} % interval " if first else "", *[""] * (len(told) - 1)]
    said = [_by(row, side, bracket) for bracket, (_, row) in zip(brackets, told.iterrows(), strict=True)]
    if len(names) == 1:
        return f"{who} {verb} {word}{against}, by {said[0]}"
    each = [f"{name} by {by}" for name, by in zip(names, said, strict=False)]
    most = "" if len(names) == len(told) else "most of all "
    return f"{who} {verb} {word}{against}, {most}{' and '.join(each)}"


def _places(row: pd.Series) -> int:
    """Return how many decimals show two digits of the interval's width, or three of the difference."""
    width = row["difference_high"] - row["difference_low"]
    size, digits = (width, 2) if np.isfinite(width) and width > 0 else (abs(row["difference"]), 3)
    if not np.isfinite(size) or size == 0:
        return 3
    return int(np.clip(digits - 1 - np.floor(np.log10(size)), 0, 8))


def _text(value: float, form: str) -> str:
    said = format(value, form)
    # Rounded to nothing, a number has no sign.
    return said.replace("-", _MINUS) if any(digit in said for digit in "123456789") else said.lstrip("+-")


def _by(row: pd.Series, side: float, bracket: str) -> str:
    form = f".{_places(row)}f"
    low, high = (_text(end, form) for end in sorted(side * row[name] for name in _ENDS))
    return f"{_text(side * row['difference'], form)} ({bracket}{low} to {high})"


def _signed(row: pd.Series, confidence: float) -> str:
    form = f"+.{_places(row)}f"
    at, low, high = (_text(row[name], form) for name in ("difference", *_ENDS))
    return f"{at} ({100 * confidence:g} % interval {low} to {high})"


def _names(names: Sequence[str]) -> str:
    if len(names) > NAMED:
        return f"{', '.join(names[: NAMED - 1])} and {len(names) - NAMED + 1} others"
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
