"""The rules that the rebuilt tables meet, and the sentence for a table that was torn or edited.

A sentence names the file and its line, as an editor counts them.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lab import statistics
from lab.checks import DataError
from lab.results.schema import HISTORIES, HISTORY, KEYS, STATUSES, STRENGTHS, TEST, TEST_PARTS, WEIGHTS, table_file
from lab.statistics.measures import MEASURES
from lab.statistics.reliability import BINS, RELIABILITY
from lab.statistics.runs import FOLD, FOLDS, RUN, run_columns
from lab.statistics.scope import NOTES
from lab.statistics.sequential import FIRST_LOOK

HUGE = 1e100
"""No loss of a float32 model comes near it: what lies beyond was never measured."""

_WORDS = ("variant", "status", "verdict", "metric", "decision", "generalizes_over")
_COUNTS = ("runs", "diverged", "n")


def check_histories(path: Path, table: pd.DataFrame, remedy: str) -> None:
    """Refuse histories that no experiment leaves.

    Raises:
        DataError: a column is missing, a number is none, or the epochs of a run do not count from 1.
    """
    refuse = _Refusal(path, table, remedy)
    refuse.lacking([*RUN, "epoch"])
    refuse.empty()
    refuse.wrong("variant", table["variant"].isna(), "a name")
    for column in ("seed", FOLD, *HISTORY):
        if column in table:
            refuse.unless_number(column)
    refuse.unless_whole("seed", low=0)
    refuse.unless_folds()
    refuse.unless_whole("epoch", low=1)
    expected = table.groupby(run_columns(table), sort=False).cumcount() + 1
    refuse.wrong("epoch", table["epoch"] != expected, lambda i: f"{expected.iloc[i]}, the next one of its run")


def check_summary(path: Path, table: pd.DataFrame, histories: pd.DataFrame, remedy: str) -> None:
    """Refuse a summary that does not have one row per run of the histories.

    Raises:
        DataError: a column or run is missing, comes twice or is unknown, or a value is impossible.
    """
    refuse = _Refusal(path, table, remedy)
    keys = run_columns(histories)
    refuse.lacking([*keys, *([FOLDS] if FOLD in keys else []), "status", *statistics.FACTS])
    for column in ("seed", FOLD, FOLDS, *statistics.FACTS, *(f"test_{name}" for name in TEST)):
        if column in table and column not in _WORDS:
            refuse.unless_number(column)
    refuse.unless_whole("seed", low=0)
    refuse.unless_folds()
    refuse.wrong("status", ~table["status"].isin(STATUSES), _one_of(STATUSES))
    refuse.wrong("verdict", ~table["verdict"].isin(statistics.VERDICTS), _one_of(statistics.VERDICTS))
    refuse.twice(keys)
    epochs = histories.groupby(keys, sort=False).size()
    runs = pd.MultiIndex.from_frame(table[keys])
    known = f"a run in {table_file(HISTORIES)}"
    refuse.wrong("variant", ~runs.isin(epochs.index), lambda i: f"{known} at seed {table['seed'].iloc[i]}")
    absent = epochs.index.difference(runs, sort=False)
    if len(absent):
        variant, *place = absent[0]
        at = ", ".join(f"{name} {value}" for name, value in zip(keys[1:], place, strict=True))
        raise DataError(f"{path} must have a row for variant {variant!r}, {at}, got none; {remedy}")
    last = epochs.reindex(runs).to_numpy()
    refuse.wrong("epochs", table["epochs"].to_numpy() != last, lambda i: f"{last[i]}, as in {table_file(HISTORIES)}")
    for column in ("kept_epoch", "onset"):
        values = table[column]
        outside = values.notna() & ~(values.between(1, last) & (values % 1 == 0))
        refuse.wrong(column, outside, lambda i: f"a whole number in [1, {last[i]}] or nan")


def check_comparison(path: Path, table: pd.DataFrame, summary: pd.DataFrame, remedy: str) -> None:
    """Refuse a comparison that does not have one row per variant of the summary, one of them the baseline.

    Raises:
        DataError: a column or variant is missing, comes twice or is unknown, or a value is impossible.
    """
    refuse = _Refusal(path, table, remedy)
    # Comparisons that were written before there was this column have none.
    refuse.lacking([column for column in statistics.COMPARISON if column != "generalizes_over"])
    for column in statistics.COMPARISON:
        if column not in _WORDS:
            refuse.unless_number(column)
    if "generalizes_over" in table:
        said = table["generalizes_over"]
        refuse.wrong("generalizes_over", said.notna() & ~said.isin(NOTES), f"{_one_of(NOTES)} or nothing")
    for column in _COUNTS:
        refuse.unless_whole(column, low=0)
    decisions = statistics.DECISIONS
    refuse.wrong("decision", ~table["decision"].isin(decisions), _one_of(decisions))
    for column in statistics.RULES:
        if column in table:
            refuse.unless_number(column)
    if "margin" in table:
        refuse.wrong("margin", ~(table["margin"] > 0), "a number above 0")
    elif (table["decision"] == "equivalent").any():
        refuse.lacking(["margin"])
    for column, low in (("most_seeds", FIRST_LOOK), ("test_parts", 2)):
        if column in table:
            refuse.unless_whole(column, low=low)
    refuse.twice(["variant"])
    variants = summary["variant"].unique()
    refuse.wrong("variant", ~table["variant"].isin(variants), _one_of(variants))
    # An experiment that was interrupted before its baseline ran has an empty comparison.
    baselines = int((table["decision"] == "baseline").sum())
    absent = [variant for variant in variants if variant not in set(table["variant"])]
    if len(table) and baselines != 1:
        raise DataError(f"{path} must have one row with the decision 'baseline', got {baselines}; {remedy}")
    if len(table) and absent:
        raise DataError(f"{path} must have a row for variant {absent[0]!r}, got none; {remedy}")


def check_measures(path: Path, table: pd.DataFrame, summary: pd.DataFrame, remedy: str) -> None:
    """Refuse measures that are none, or of runs that the summary does not have.

    Raises:
        DataError: a column is missing or unknown, a value is no number, or a run is unknown or comes twice.
    """
    refuse = _Refusal(path, table, remedy)
    refuse.lacking([*KEYS[:1], *run_columns(summary)])
    known = [*KEYS[:1], *run_columns(summary), *(f"test_{name}" for name in MEASURES)]
    strange = [name for name in table if name not in known]
    if strange:
        raise DataError(f"{path} must have no columns but {', '.join(known)}, got {strange[0]!r}; {remedy}")
    for column in table.columns.difference(["experiment", "variant"], sort=False):
        refuse.unless_number(column)
    refuse.unless_whole("seed", low=0)
    refuse.twice(run_columns(table))
    refuse.unknown(summary)


def check_reliability(path: Path, table: pd.DataFrame, summary: pd.DataFrame, remedy: str) -> None:
    """Refuse reliability curves that are none, or of runs that the summary does not have.

    Raises:
        DataError: a column is missing, a value is impossible, a run is unknown or a bin comes twice.
    """
    refuse = _Refusal(path, table, remedy)
    keys = run_columns(summary)
    refuse.lacking([*KEYS[:1], *keys, "weights", *RELIABILITY])
    for column in (*keys[1:], *RELIABILITY):
        refuse.unless_number(column)
    refuse.unless_whole("seed", low=0)
    refuse.wrong("weights", ~table["weights"].isin(WEIGHTS), _one_of(WEIGHTS))
    refuse.wrong("bin", ~table["bin"].isin(range(1, BINS + 1)), f"a whole number in [1, {BINS}]")
    refuse.unless_whole("examples", low=1)
    for column in ("confidence", "accuracy"):
        refuse.wrong(column, ~table[column].between(0, 1), "a number in [0, 1]")
    refuse.twice([*keys, "weights", "bin"])
    refuse.unknown(summary)


def check_test_parts(path: Path, table: pd.DataFrame, summary: pd.DataFrame, remedy: str) -> None:
    """Refuse losses at test parts that are none, or of runs that the summary does not have.

    Raises:
        DataError: a column is missing, a value is no number, a run is unknown or a part comes twice.
    """
    refuse = _Refusal(path, table, remedy)
    keys = run_columns(summary)
    refuse.lacking([*KEYS[:1], *keys, *TEST_PARTS])
    for column in (*keys[1:], *TEST_PARTS):
        refuse.unless_number(column)
    for column in ("seed", "part"):
        refuse.unless_whole(column, low=0)
    refuse.twice([*keys, "part"])
    refuse.unknown(summary)


def check_strengths(path: Path, table: pd.DataFrame, remedy: str) -> None:
    """Refuse strengths that are no paths: two variants of one strength in a family, or a variant twice.

    Raises:
        DataError: a column is missing, a strength is impossible, or a row comes twice.
    """
    refuse = _Refusal(path, table, remedy)
    refuse.lacking(STRENGTHS)
    refuse.unless_number("strength")
    refuse.wrong("strength", ~((table["strength"] >= 0) & (table["strength"] < np.inf)), "a number of at least 0")
    for key in ("variant", "strength"):
        refuse.twice(["family", key])


def _one_of(choices: Iterable[str]) -> str:
    return f"one of {', '.join(map(repr, choices))}"


class _Refusal:
    """Refuses a table with a sentence that names the file, the line, the rule and the remedy."""

    def __init__(self, path: Path, table: pd.DataFrame, remedy: str) -> None:
        self.path, self.table, self.remedy = path, table, remedy

    def lacking(self, columns: Sequence[str]) -> None:
        absent = [name for name in columns if name not in self.table]
        if absent:
            names = ", ".join(map(str, self.table.columns))
            raise DataError(f"{self.path} must have the column {absent[0]!r}, got {names}; {self.remedy}")

    def empty(self) -> None:
        if not len(self.table):
            raise DataError(f"{self.path} must have at least one row, got none; {self.remedy}")

    def unknown(self, summary: pd.DataFrame) -> None:
        keys = run_columns(summary)
        there = pd.MultiIndex.from_frame(self.table[keys]).isin(pd.MultiIndex.from_frame(summary[keys]))
        self.wrong("variant", ~there, lambda i: f"a run in summary.csv at seed {self.table['seed'].iloc[i]}")

    def wrong(self, column: str, wrong: Any, rule: str | Callable[[int], str]) -> None:
        places = np.flatnonzero(np.asarray(wrong))
        if len(places):
            i = int(places[0])
            value = self.table[column].iloc[i]
            value = value.item() if isinstance(value, np.generic) else value
            words = rule if isinstance(rule, str) else rule(i)
            raise DataError(f"{self.path}, line {i + 2}: {column!r} must be {words}, got {value!r}; {self.remedy}")

    def unless_number(self, column: str) -> None:
        values = self.table[column]
        numbers = pd.to_numeric(values, errors="coerce")
        # A column of numbers only, as most are, holds no words.
        if values.dtype.kind not in "iuf":
            words = (values.notna() & numbers.isna()) | values.map(lambda value: isinstance(value, bool))
            self.wrong(column, words, "a number")
        huge = np.isfinite(numbers.astype(float)) & (numbers.abs() > HUGE)
        self.wrong(column, huge, f"a number within {HUGE:g}")

    def unless_whole(self, column: str, low: int) -> None:
        values = self.table[column]
        whole = (values >= low) & (values % 1 == 0) & (values <= 2**53)
        self.wrong(column, ~whole, f"a whole number of at least {low}")

    def unless_folds(self) -> None:
        if FOLD not in self.table:
            return
        self.unless_whole(FOLD, low=0)
        if FOLDS in self.table:
            folds = self.table[FOLDS]
            self.unless_whole(FOLDS, low=2)
            self.wrong(FOLDS, folds != folds.iloc[0], f"{folds.iloc[0]}, as in the first row")
            self.wrong(FOLD, self.table[FOLD] >= folds, f"below {folds.iloc[0]}, the number of folds")

    def twice(self, columns: list[str]) -> None:
        twice = self.table.duplicated(columns)
        if twice.any():
            i = int(np.flatnonzero(twice)[0])
            row = ", ".join(f"{name} {self.table[name].iloc[i]}" for name in columns)
            raise DataError(f"{self.path}, line {i + 2}: {row} comes twice; {self.remedy}")
