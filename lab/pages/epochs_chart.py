"""What the chart over the epochs shows: medians over seeds with bands, single seeds, marks; small enough for a page.

A page must open at once, so histories are thinned by two rules, which the page states: where a curve is longer than
`EPOCHS`, or all curves together than `POINTS`, every k-th epoch is drawn; and single seeds are there as long as they
have no more than `POINTS` points. Medians are taken before the thinning, over all runs.
"""

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lab.checks import DataError
from lab.report import curves

EPOCHS = 150
"""The most epochs of a curve."""

POINTS = 60_000
"""The most points of all medians, and of all single seeds, train and validation together."""

DIGITS = 5
"""Significant digits of the numbers in a chart."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Series:
    """The data of the chart over the epochs, as rows of plain values and lists.

    Args:
        columns: which column is "train" and which "validation".
        medians: a row a piece of a curve: "v" (place of the variant), "name", "split", "whole" (all runs that did
            not diverge still train), and the lists "e" (epochs), "m" (median), "lo" and "hi" (quartiles), "n".
        seeds: a row a run and split: "v", "name", "split", "s" (the seed), and the lists "e" and "y".
        marks: a row a mark on a validation median: "v", "name", "mark" ("kept" or "onset"), "e", "y".
        shown: the places of the variants that are shown at first.
        listed: the seeds that `seeds` has.
        epochs: the last epoch.
        axis: what the value axis is like.
        notes: the rules that were applied, as sentences.
    """

    columns: Mapping[str, str]
    medians: list[Row]
    seeds: list[Row]
    marks: list[Row]
    shown: list[int]
    listed: list[int]
    epochs: int
    axis: curves.Axis
    notes: list[str]


def short(values: Iterable[float]) -> list[float | None]:
    """Return numbers rounded to `DIGITS` significant digits; None where a number is not finite."""
    return [float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None for value in values]


def columns_of(histories: pd.DataFrame) -> dict[str, str]:
    """Return which columns a page compares: the data losses, or Keras's own losses where there are no others.

    Raises:
        DataError: the histories have no validation loss at all.
    """
    for train, validation in (("train_data_loss", "val_data_loss"), ("loss", "val_loss")):
        if curves.has(histories, validation):
            return ({"train": train} if curves.has(histories, train) else {}) | {"validation": validation}
    raise DataError("the histories must have a finite val_data_loss or val_loss, got none; there is nothing to show")


def kept_rows(table: pd.DataFrame, keys: list[str], step: int) -> pd.DataFrame:
    """Return every `step`-th epoch of each curve, counted from epoch 1, and its last one."""
    if step == 1:
        return table
    last = ~table.duplicated(keys, keep="last")
    return table[((table["epoch"] - 1) % step == 0) | last]


def series(histories: pd.DataFrame, summary: pd.DataFrame, names: list[str], shown: int = 8) -> Series:
    """Return what the chart over the epochs shows.

    Args:
        histories: as `lab.report.curves.tidy` returns them.
        summary: a row a run; "kept_epoch" and "onset" are marked where it has them.
        names: the variants in order, the baseline first.
        shown: how many variants are shown at first: the baseline and those that validate best.

    Raises:
        DataError: the histories have no validation loss.
    """
    columns = columns_of(histories)
    epochs = int(histories["epoch"].max())
    step = math.ceil(max(epochs / EPOCHS, epochs * len(names) * len(columns) / POINTS))
    place = {name: v for v, name in enumerate(names)}
    middles = {split: curves.medians(histories, column) for split, column in columns.items()}
    medians = [
        row for split, table in middles.items() for row in _median_rows(kept_rows(table, ["variant"], step), split)
    ]
    singles, seeds, left = _singles(histories, columns, step)
    axis = curves.axis(histories, *reversed(columns.values()))
    return Series(
        columns,
        [{"v": place[row["name"]]} | row for row in medians],
        [{"v": place[row["name"]]} | row for row in singles],
        [{"v": place[row["name"]]} | row for row in _marks(histories, summary, columns, middles["validation"])],
        [place[name] for name in curves.named(histories, shown)],
        seeds,
        epochs,
        axis,
        ([f"Histories have up to {epochs} epochs: every {_th(step)} and the last are drawn."] if step > 1 else [])
        + left,
    )


def _th(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _median_rows(table: pd.DataFrame, split: str) -> Iterable[Row]:
    for variant, curve in table.groupby("variant", sort=False):
        whole = curve["whole"].to_numpy(bool)
        # The pieces with all runs and with fewer share an epoch, so that the line does not break.
        ends = [0, *(np.flatnonzero(np.diff(whole)) + 1), len(curve)]
        for start, end in itertools.pairwise(ends):
            piece = curve.iloc[max(0, start - 1) : end]
            yield {
                "name": str(variant),
                "split": split,
                "whole": bool(whole[start]),
                "e": piece["epoch"].tolist(),
                "m": short(piece["median"]),
                "lo": short(piece["low"]),
                "hi": short(piece["high"]),
                "n": piece["n"].tolist(),
            }


def _singles(histories: pd.DataFrame, columns: Mapping[str, str], step: int) -> tuple[list[Row], list[int], list[str]]:
    """Return the rows of single seeds, which seeds they are, and the sentence on those left out."""
    if not histories[["variant", "seed"]].drop_duplicates().duplicated("variant").any():
        # With one run a variant, its median is the run itself.
        return [], [], []
    table = kept_rows(histories, ["variant", "seed"], step)
    points = len(columns) * table.groupby("seed").size().sort_index()
    every = points.index.astype(int).tolist()
    listed = every[: int((points.cumsum() <= POINTS).sum())]
    if not listed:
        return [], [], [f"Single seeds are left out: one alone has more than {POINTS} points. Bands show their spread."]
    said = (
        f"Of {len(every)} seeds the first {len(listed)} can be shown singly, so that the page stays small; "
        "medians and bands are over all."
    )
    table = table[table["seed"].isin(listed)]
    rows = []
    for (variant, _), run in table.groupby(["variant", "seed"], sort=False):
        for split, column in columns.items():
            rows.append(
                {
                    "name": str(variant),
                    "split": split,
                    "s": int(run["seed"].iloc[0]),
                    "e": run["epoch"].tolist(),
                    "y": short(run[column]),
                }
            )
    return rows, listed, [said] if len(listed) < len(every) else []


def _marks(
    histories: pd.DataFrame, summary: pd.DataFrame, columns: Mapping[str, str], medians: pd.DataFrame
) -> Iterable[Row]:
    """Yield the median kept epoch and, where more than half of the runs have one, the median onset."""
    state = curves.runs(histories, columns["validation"], summary)
    state = state[~state["diverged"]]
    height = medians.set_index(["variant", "epoch"])["median"]
    for variant, runs in state.groupby("variant", sort=False):
        for mark, column in (("kept", "kept_epoch"), ("onset", "onset")):
            known = runs[column].dropna()
            if 2 * len(known) <= len(runs):
                continue
            at = (variant, round(float(known.median())))
            if at in height.index:
                yield {"name": str(variant), "mark": mark, "e": at[1], "y": short([height[at]])[0]}
