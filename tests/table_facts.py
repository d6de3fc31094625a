"""What an experiment's tables hold: their cells, plain statistics of them, and paired differences with intervals."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

REPEATS = ("seed", "draw", "direction")
TIMES = ("epoch", "step")
SETTINGS = (
    "learning_rate", "l2", "strength", "label_noise", "dropout", "spread", "units", "size", "shift", "members",
    "train_size", "alpha", "width", "weight_decay",
)  # fmt: skip
_GRID = 4000
"""A table of more rows without seeds is a surface, from which nobody quotes numbers."""


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
    tables = {path.name.split(".")[0]: pd.read_csv(path) for path in sorted(folder.glob("*.csv*"))}
    # A rate at which an accuracy is never reached is written as infinity, which has no mean.
    tables = {name: table.replace([np.inf, -np.inf], np.nan) for name, table in tables.items()}
    if not tables or ("comparison" in tables and "histories" not in tables):
        return None
    values: dict[tuple[str, str, str], list[float]] = {}
    pairs: dict[str, list[np.ndarray]] = {}
    settings: set[float] = set()
    for name, table in tables.items():
        # No prose reports the bins of a reliability curve.
        if name in ("comparison", "reliability") or (len(table) > _GRID and not set(REPEATS) & set(table)):
            continue
        for key in _keys(table):
            words = " ".join(map(str, table[key].unique()))
            settings |= {float(part) for part in re.findall(r"\d*\.?\d+(?:e-?\d+)?", words)}
        if "weights" in table:
            # How many of the weights are zero is written as a share.
            counts = table.select_dtypes("integer").columns.difference(["weights", *REPEATS, *TIMES])
            table = table.assign(**{f"share of {count}": table[count] / table["weights"] for count in counts})
        for column, paired in _of_comparison(table):
            pairs.setdefault(column, []).append(paired)
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


def _of_comparison(table: pd.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the differences that a study's table holds with their intervals, by the metric that is compared."""
    for columns in (["difference", "difference_low", "difference_high"], ["agreement", "low", "high"]):
        if set(columns) <= set(table):
            metrics = table["metric"] if "metric" in table else pd.Series(columns[0], table.index)
            for metric, rows in table[columns].dropna().groupby(metrics):
                yield str(metric), np.column_stack([rows.to_numpy(float), np.ones(len(rows))])


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
    if runs.index.names != [*keys, "seed"] or runs.index.has_duplicates:
        return np.empty((0, 4))
    wide = runs.unstack(keys)
    if wide.shape[1] > 60 or len(wide) < 2:
        return np.empty((0, 4))
    # Through NumPy: pandas takes seconds for the thousands of groups of a study.
    values, groups = wide.to_numpy(float), list(wide)
    found = []
    for place, group in enumerate(groups):
        differences = values - values[:, [place]]
        if len(keys) == 1:
            plain = np.full(len(groups), group == runs.index.get_level_values(keys[0])[0])
        else:
            plain = np.array([sum(a != b for a, b in zip(group, other, strict=True)) == 1 for other in groups])
        several = np.isfinite(differences).sum(0) > 1
        differences, plain = differences[:, several], plain[several]
        n = np.isfinite(differences).sum(0)
        mean, deviation = np.nanmean(differences, 0), np.nanstd(differences, 0, ddof=1)
        half = stats.t.ppf(0.975, n - 1) * deviation / np.sqrt(n)
        found.append(np.stack([mean, mean - half, mean + half, plain], axis=1))
    return np.concatenate(found)
