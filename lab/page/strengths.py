"""The strength path on a page: which variants are one regularizer at rising strengths, and what the slider shows.

The convention: an experiment over strengths has a file strengths.csv beside its other tables, a row a variant of a
path, with the columns "variant", "family" (the regularizer) and "strength" (at least 0). A variant without any
regularizer may stand in several families at strength 0. Variants of no family are not listed.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lab import results
from lab.page.series import Row, short
from lab.report import curves
from lab.report.strength import LOG_ABOVE, LOSSES, path
from lab.report.style import columns_of
from lab.rules import DataError

FILE = "strengths.csv"
COLUMNS = ("variant", "family", "strength")

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


def read_strengths(folder: Path) -> pd.DataFrame | None:
    """Return the table of strengths of an experiment's folder, or None if it has none.

    Raises:
        DataError: the file cannot be read, or is no table of strengths.
    """
    if not (folder / FILE).exists():
        return None
    table = results.read_csv(folder / FILE)
    columns_of(table, COLUMNS, str(folder / FILE))
    table = table.assign(variant=table["variant"].map(str), family=table["family"].map(str))
    for key in ("variant", "strength"):
        twice = table.duplicated(["family", key])
        if twice.any():
            first = table[twice].iloc[0]
            raise DataError(f"{folder / FILE} must have one row a {key} of a family, got {first[key]} twice")
    return table


def with_strengths(summary: pd.DataFrame, strengths: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of the variants that have a strength, as `lab.report.strength_path` takes them.

    Args:
        summary: a row a run.
        strengths: as `read_strengths` returns it.

    Returns:
        The columns of the summary with "regularizer" and "strength"; a run once for each family of its variant.

    Raises:
        DataError: a variant of the strengths has no run.
    """
    unknown = sorted(set(strengths["variant"]) - set(summary["variant"].map(str)))
    if unknown:
        raise DataError(f"the variants of {FILE} must have runs in summary.csv, got none of {', '.join(unknown)}")
    named = strengths[list(COLUMNS)].rename(columns={"family": "regularizer"})
    return named.merge(summary.assign(variant=summary["variant"].map(str)), on="variant")


def families(summary: pd.DataFrame, strengths: pd.DataFrame) -> list[Family]:
    """Return the path of each family, in the order in which the table of strengths has them.

    Raises:
        DataError: as `with_strengths`, or a strength is negative or no number.
    """
    runs = with_strengths(summary, strengths)
    return [_family(str(name), part) for name, part in runs.groupby("regularizer", sort=False)]


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
