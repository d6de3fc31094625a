"""Numbers in prose held against the tables they were read from.

A sentence is checked number by number: each decimal, percentage and interval must be a cell of the experiment's tables
or a plain statistic of them, rounded as it is written. An interval must be that of one paired difference, all three
numbers together. Which columns count follows from the words of the sentence (test, validation, accuracy, loss, ...), so
that a number is not excused by an unrelated column that happens to hold it.

Not checked: numbers that the script's own code holds, which are settings, and sentences that name somebody else's
source.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

SOURCES = ("course", "book", "CS231n", "README", "Krizhevsky", "Srivastava", "Keskar", "material", "ConvNetJS")
"""A sentence that names one of these quotes somebody else's numbers among its own."""

SPLITS = {"train": ("train",), "val": ("validation", "val_loss"), "test": ("test",)}
QUANTITIES = {
    "loss": ("loss", "lowers", "raises", "worse", "better"),
    "accuracy": ("accuracy", "right", "points", "%"),
    "gap": ("gap",),
}
REPEATS = ("seed", "draw", "direction")
TIMES = ("epoch", "step")
SETTINGS = (
    "learning_rate", "l2", "strength", "label_noise", "dropout", "spread", "units", "size", "shift", "members",
    "train_size", "alpha",
)  # fmt: skip

_NUMBER = re.compile(
    r"(?<![\w.^])(?=[+-]?\.?\d)(?P<sign>[+-](?=[.\d]))?(?P<whole>\d{1,3}(?: \d{3})+(?!\d)|\d+)?(?P<part>\.\d+)?"
    r"(?P<power>e[+-]?\d+)?(?P<unit>\s?%|\spoints)?(?![\w^])"
)
_INTERVAL = re.compile(r"\s*\[([^\[\],]+),\s*([^\[\],]+)\]")
_GRID = 4000
"""A table of more rows without seeds is a surface, from which nobody quotes numbers."""


@dataclass(frozen=True)
class Number:
    """A number as it is written.

    Args:
        text: as it stands in the sentence.
        value: of a percentage, a hundredth of it.
        half: half a unit of its last digit.
        share: whether it is a percentage or in points of one.
        interval: where it is followed by one, both ends, each with half a unit of its last digit.
        sentence: that it stands in, with its paragraph.
    """

    text: str
    value: float
    half: float
    share: bool
    interval: tuple[tuple[float, float], ...] | None
    sentence: str
    paragraph: str


def paragraphs(docstring: str) -> Iterator[str]:
    """Yield the paragraphs of a docstring without its commands."""
    for paragraph in re.split(r"\n\s*\n", docstring.replace("\N{MINUS SIGN}", "-")):
        if not paragraph.strip().startswith("python "):
            yield re.sub(r"`[^`]*`", "", paragraph)


def sentences(paragraph: str) -> list[str]:
    """Return the sentences of a paragraph, or the lines of a table."""
    if paragraph.startswith("    "):
        return paragraph.splitlines()
    return re.split(r"(?<=[.?])\s+(?=[A-Z(\"\d])", " ".join(paragraph.split()))


def numbers(sentence: str, paragraph: str) -> Iterator[Number]:
    """Yield the numbers of a sentence that are to be checked."""
    position = 0
    while match := _NUMBER.search(sentence, position):
        position = match.end()
        number = _number(match, sentence, paragraph)
        opened = sentence.rfind("[", 0, match.start())
        interval = _INTERVAL.match(sentence, match.end()) or (opened >= 0 and _INTERVAL.match(sentence, opened))
        if interval and interval.end() > match.start():
            ends = [_end(end, number.share or "points" in sentence) for end in interval.groups()]
            position = max(position, interval.end())
            if interval.start() < match.start():
                # The difference is written elsewhere; of a t interval it is the middle.
                (low, high), half = ends, ends[0][1]
                number = replace(number, text=interval[0], value=(low[0] + high[0]) / 2, half=2 * half)
            yield replace(number, interval=tuple(ends))
        elif match["part"] or match["power"] or match["unit"]:
            yield number


def _end(text: str, share: bool) -> tuple[float, float]:
    """Return one end of an interval, and half a unit of its last digit."""
    match = _NUMBER.fullmatch(text.strip())
    if not match:
        return float("nan"), 0.0
    number = _number(match, "", "")
    scale = 0.01 if share and not number.share else 1.0
    return scale * number.value, scale * number.half


def _number(match: re.Match[str], sentence: str, paragraph: str) -> Number:
    digits = (match["whole"] or "0").replace(" ", "") + (match["part"] or "")
    power = int((match["power"] or "e0")[1:])
    share = bool(match["unit"])
    scale = 10.0**power / (100 if share else 1)
    value = float(digits) * scale * (-1 if match["sign"] == "-" else 1)
    half = 0.5 * 10.0 ** -len((match["part"] or ".")[1:]) * scale
    return Number(match[0].strip(), value, half * 1.001, share, None, sentence, paragraph)


def settings(source: str) -> set[float]:
    """Return the numbers that a script's code holds, and the shares that are left of them."""
    found = {
        float(node.value)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool)
    }
    return found | {float(part) for part in re.findall(r"(?<=_)\d*\.\d+(?=[\"'_+])", source)}


@dataclass(frozen=True)
class Facts:
    """What the tables of one experiment hold.

    Args:
        values: cells and statistics by column, place on the curve and statistic.
        pairs: paired differences with their intervals by column, one row (difference, low, high, plain) each.
        settings: the numbers in the names of variants and among the settings.
    """

    values: Mapping[tuple[str, str, str], np.ndarray]
    pairs: Mapping[str, np.ndarray]
    settings: frozenset[float]


def facts(folder: Path) -> Facts | None:
    """Return the facts of an experiment's folder; None if not all its tables are there."""
    tables = {path.stem: pd.read_csv(path) for path in sorted(folder.glob("*.csv"))}
    if not tables or ("comparison" in tables and "histories" not in tables):
        return None
    values: dict[tuple[str, str, str], list[float]] = {}
    pairs: dict[str, list[np.ndarray]] = {}
    settings: set[float] = set()
    for name, table in tables.items():
        if name == "comparison" or (len(table) > _GRID and not set(REPEATS) & set(table)):
            continue
        for key in _keys(table):
            words = " ".join(map(str, table[key].unique()))
            settings |= {float(part) for part in re.findall(r"\d*\.?\d+(?:e-?\d+)?", words)}
        if "weights" in table:
            # How many of the weights are zero is written as a share.
            counts = table.select_dtypes("integer").columns.difference(["weights", *REPEATS, *TIMES])
            table = table.assign(**{f"share of {count}": table[count] / table["weights"] for count in counts})
        for column, found, paired in _of_table(table):
            for kind, cells in found.items():
                values.setdefault((column, *kind), []).extend(cells)
            if len(paired):
                pairs.setdefault(column, []).append(paired)
    return Facts(
        {key: np.unique(np.array(found, float)) for key, found in values.items()},
        {column: np.concatenate(found) for column, found in pairs.items()},
        frozenset(settings),
    )


def _keys(table: pd.DataFrame) -> list[str]:
    ignored = ("experiment", "id", "engine", "status", "verdict", *REPEATS, *TIMES)
    return [
        name
        for name in table
        if name not in ignored and (name in SETTINGS or not pd.api.types.is_numeric_dtype(table[name]))
    ]


def _of_table(table: pd.DataFrame) -> Iterator[tuple[str, dict[tuple[str, str], list[float]], np.ndarray]]:
    """Yield each measured column with its statistics and its paired differences."""
    keys = _keys(table)
    repeats = [name for name in REPEATS if name in table]
    by = [*keys, *repeats]
    times = [name for name in TIMES if name in table and (not by or table.duplicated(by).any())]
    for column in table.select_dtypes("number").columns.difference([*keys, *repeats, *times]):
        series = table[[*keys, *repeats, *times, column]].dropna()
        if series.empty:
            continue
        runs = _ends(series, [*keys, *repeats], times, column)
        found: dict[tuple[str, str], list[float]] = {}
        for place, part in runs.items():
            groups = part.groupby(level=list(range(len(keys))), sort=False) if keys else [((), part)]
            for _, of in groups:
                rows = of.to_numpy(float)
                deviation = [rows.std(ddof=1)] if len(rows) > 1 else []
                for statistic, cells in {
                    "middle": [rows.mean(), np.median(rows)],
                    "range": [rows.min(), rows.max()],
                    "cells": list(rows),
                    "half": list(np.quantile(rows, [0.25, 0.75])),
                    "deviation": deviation,
                }.items():
                    found.setdefault((place, statistic), []).extend(cells)
        paired = [_pairs(part, keys) for place, part in runs.items() if place in ("last", "first") and keys]
        yield str(column), found, np.concatenate([np.empty((0, 4)), *paired])


def _ends(series: pd.DataFrame, by: list[str], times: list[str], column: str) -> dict[str, pd.Series]:
    """Return one number per run for each way to read a curve: its last value, and its first, lowest and highest."""
    if not by:
        ends = {"last": series[column].iloc[[-1]], "first": series[column].iloc[[0]]}
        return ends if times else {"last": series[column]}
    groups = series.groupby(by, sort=False)[column]
    if not times:
        return {"last": groups.last() if not series.duplicated(by).any() else series.set_index(by)[column]}
    return {"last": groups.last(), "first": groups.first(), "lowest": groups.min(), "highest": groups.max()}


def _pairs(runs: pd.Series, keys: list[str]) -> np.ndarray:
    """Return the paired difference of every two groups over their seeds, with its 95 % interval.

    The fourth number says whether the difference may be written without its interval: from the first group, where the
    groups are variants, or between groups that differ in one setting.
    """
    if runs.index.names != [*keys, "seed"]:
        return np.empty((0, 4))
    wide = runs.unstack(keys)
    if wide.shape[1] > 60 or len(wide) < 2:
        return np.empty((0, 4))
    found = []
    for group in wide:
        differences = wide.sub(wide[group], axis=0)
        n = differences.count()
        mean, half = differences.mean(), stats.t.ppf(0.975, (n - 1).clip(lower=1)) * differences.std() / np.sqrt(n)
        if len(keys) == 1:
            plain = np.full(len(n), group == runs.index.get_level_values(keys[0])[0])
        else:
            plain = np.array([sum(a != b for a, b in zip(group, other, strict=True)) == 1 for other in wide])
        found.append(np.stack([mean, mean - half, mean + half, plain], axis=1)[n > 1])
    return np.concatenate(found)


WORDS = {
    "last": "",
    "first": r"start|first|begin|before|untrained|from",
    "lowest": r"lowest|best|reach",
    "highest": r"up to|jump|highest|rises",
    "middle": "",
    "range": r"\d to \W?\d|\d and \W?\d|most|between|largest|within|more|range",
    "cells": r"seed|start|run|each",
    "half": r"half",
    "deviation": r"deviation|differ|agree|spread",
}
"""The words by which a sentence asks for a place on a curve, or for a statistic of the runs."""


def holds(number: Number, known: Facts) -> bool:
    """Say whether the tables hold a number."""
    if number.interval:
        written = ((number.value, number.half), *number.interval)
        for column in (column for column in known.pairs if _fits(column, number)):
            for rows in (known.pairs[column][:, :3], -known.pairs[column][:, [0, 2, 1]]):
                ends = [np.abs(rows[:, i] - value) <= half for i, (value, half) in enumerate(written)]
                if np.logical_and.reduce(ends).any():
                    return True
        return False
    for (column, *kinds), candidates in known.values.items():
        asked = all(re.search(WORDS[kind], number.sentence) for kind in kinds)
        if asked and _fits(column, number) and (np.abs(candidates - number.value) <= number.half).any():
            return True
    differences = [rows[rows[:, 3] == 1, 0] for column, rows in known.pairs.items() if _fits(column, number)]
    return _compares(number.sentence) and any(
        (np.abs(np.abs(found) - abs(number.value)) <= number.half).any() for found in differences
    )


def _compares(sentence: str) -> bool:
    return bool(re.search(r"\b(lower|lowers|higher|raise|raises|costs|rises|gains|difference)\b|\bby \.", sentence))


def _fits(column: str, number: Number) -> bool:
    """Say whether a column may be meant: it is of a split and a quantity that the sentence names, if it names any."""
    if any(name in column for name in ("epoch", "onset", "parameters")):
        return False
    if number.share and any(name in column for name in ("loss", "norm")):
        return False
    # All three numbers of an interval must agree, which no other column does by chance.
    for words in () if number.interval else (SPLITS, QUANTITIES):
        said = _named(words, number.sentence) or _named(words, number.paragraph)
        mine = {name for name in words if name in column}
        if said and mine and not said & mine:
            return False
    return True


def _named(words: Mapping[str, tuple[str, ...]], text: str) -> set[str]:
    return {
        name for name, synonyms in words.items() if any(re.search(rf"(?<!\w){re.escape(w)}", text) for w in synonyms)
    }


def unheld(text: str, known: Facts, allowed: set[float]) -> list[Number]:
    """Return the numbers of a text that neither the tables nor the script's settings hold."""
    return [number for number in checked(text, allowed, known.settings) if not holds(number, known)]


def checked(text: str, allowed: set[float], rounded: frozenset[float]) -> list[Number]:
    """Return the numbers of a text that its tables must hold: not settings, and not somebody else's.

    Args:
        text: the docstring of a script, or a line of results/README.md.
        allowed: settings that are written in full.
        rounded: settings that may be rounded, as rates of a sweep are.
    """
    found = []
    for paragraph in paragraphs(text):
        for sentence in sentences(paragraph):
            if not any(source in sentence for source in SOURCES):
                found += [
                    one
                    for one in numbers(sentence, paragraph)
                    if one.interval
                    or (abs(one.value) not in allowed and not any(abs(abs(one.value) - s) <= one.half for s in rounded))
                ]
    return found
