"""The strength path on a page: which variants are one regularizer at rising strengths, and what the slider shows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lab.pages.epochs_chart import Row, short
from lab.report import curves
from lab.report.strength_path import LOG_ABOVE, LOSSES, path

SPLITS = dict(zip(LOSSES, ("train", "validation", "test"), strict=True))


@dataclass(frozen=True)
class Family:
    """One regularizer at rising strengths.

    Args:
        name: the regularizer's.
        variants: the variants, weakest first.
        strengths: theirs, ascending.
        positions: where they stand on the axis: the strengths, but for 0 on a logarithmic axis.
        log: whether the axis is logarithmic.
        chosen: the place of the strength with the lowest median validation data loss; None if no run has one.
        losses: a row a split: "split", and the lists "i" (place), "x" (position), "s" (strength), "m", "lo", "hi"
            (median and quartiles over the seeds).
        runs: the number of runs of each strength with a finite validation data loss.
    """

    name: str
    variants: list[str]
    strengths: list[float]
    positions: list[float]
    log: bool
    chosen: int | None
    losses: list[Row]
    runs: list[int]


def families(runs: pd.DataFrame | None) -> list[Family]:
    """Return the path of each family, in the order in which the table has them.

    Args:
        runs: as `lab.results.tables.Tables.path_runs` returns them; None where there is no path.

    Raises:
        DataError: a strength is negative or no number.
    """
    return [] if runs is None else [_family(str(name), part) for name, part in runs.groupby("regularizer", sort=False)]


def _family(name: str, runs: pd.DataFrame) -> Family:
    table = path(runs)
    variants = runs.drop_duplicates("strength").set_index("strength")["variant"]
    strengths = table["strength"].tolist()
    positions, log = _positions(strengths)
    losses = [
        {
            "split": split,
            "i": list(range(len(table))),
            "x": short(positions),
            "s": strengths,
            "m": short(table[column]),
            "lo": short(table[f"{column}_low"]),
            "hi": short(table[f"{column}_high"]),
        }
        for column, split in SPLITS.items()
        if curves.has(table, column)
    ]
    chosen = np.flatnonzero(table["chosen"])
    return Family(
        name,
        [str(variants[strength]) for strength in strengths],
        strengths,
        positions,
        log,
        int(chosen[0]) if len(chosen) else None,
        losses,
        table["n"].astype(int).tolist(),
    )


def _positions(strengths: list[float]) -> tuple[list[float], bool]:
    """Return where strengths stand, and whether the axis is logarithmic, by the rule of the figure.

    On a logarithmic axis 0 has a place of its own, one and a half steps left of the smallest.
    """
    positive = [strength for strength in strengths if strength > 0]
    if not positive or not positive[-1] > LOG_ABOVE * positive[0]:
        return strengths, False
    step = (positive[-1] / positive[0]) ** (1 / max(1, len(positive) - 1))
    return [strength if strength > 0 else positive[0] / step**1.5 for strength in strengths], True
