"""What the figures of curves show, as tables: the runs, the median over seeds with its band, the axis.

One rule for runs that cannot be averaged as they are: a diverged run is no part of a median; the median is whole
as long as every other run of the variant is still going, and what lies beyond is marked as the median of fewer.
The medians themselves are those of `lab.statistics`.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lab import statistics
from lab.checks import DataError
from lab.report.theme import columns_of, in_order

KEYS = ["variant", "seed", "epoch"]
# Above this ratio of the highest to the lowest validation value a linear axis hides the lower curves.
LOG_ABOVE = 30.0
# A logarithmic axis shows this factor beyond the usual run and the lowest validation value, and cuts the rest.
LOG_BEYOND = 1000.0


@dataclass(frozen=True)
class Axis:
    """A value axis: whether it is logarithmic, where it ends, and whether some lines leave it."""

    log: bool
    low: float
    high: float
    cut: bool


def tidy(histories: pd.DataFrame, baseline: str | None = None) -> pd.DataFrame:
    """Return histories in drawing order, checked, with infinities as NaN.

    Args:
        histories: a row an epoch: "variant", "seed", "epoch" and the columns of a history; "experiment" too
            where there is one.
        baseline: the first variant; None as in `in_order`.

    Returns:
        The same columns, sorted by variant (baseline first, then as they come), seed and epoch.

    Raises:
        DataError: columns or rows are missing, an epoch comes twice, or there are several experiments.
        UsageError: the baseline is not among the variants.
    """
    columns_of(histories, KEYS, "the table of histories")
    # A name like 0.1 is read from a CSV file as a number.
    histories = histories.assign(variant=histories["variant"].map(str))
    experiments = list(histories["experiment"].unique()) if "experiment" in histories else []
    if len(experiments) > 1:
        raise DataError(
            f"the table of histories must be of one experiment, got {', '.join(map(str, experiments))}; "
            "select one of them"
        )
    twice = histories.duplicated(KEYS)
    if twice.any():
        variant, seed, epoch = histories.loc[twice, KEYS].iloc[0]
        raise DataError(
            f"the table of histories has epoch {epoch} of variant {variant!r}, seed {seed} twice; "
            "keep the rows of one run for each variant and seed"
        )
    rank = {variant: i for i, variant in enumerate(in_order(histories["variant"], baseline))}
    table = histories.assign(_rank=histories["variant"].map(rank)).sort_values(["_rank", "seed", "epoch"])
    numbers = table.select_dtypes("number").columns.difference(KEYS)
    table[numbers] = table[numbers].astype(float).where(np.isfinite(table[numbers].astype(float)))
    return table.drop(columns="_rank").reset_index(drop=True)


def has(histories: pd.DataFrame, *columns: str) -> bool:
    """Say whether a table has a finite number in each of the columns."""
    return all(
        column in histories and bool(np.isfinite(pd.to_numeric(histories[column], errors="coerce")).any())
        for column in columns
    )


def runs(histories: pd.DataFrame, column: str, summary: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return a row a run: how far it goes and which of its epochs are marked.

    Args:
        histories: as `tidy` returns them.
        column: the curve on which "ended_at" is decided.
        summary: "variant", "seed" and, where there are, "status", "kept_epoch" and "onset", both epochs from 1 or NaN.

    Returns:
        "variant", "seed", "epochs" (the last epoch), "ended_at" (the last epoch with a finite value, NaN if there
        is none), "diverged" (by the rule of `lab.statistics.diverged`), "kept_epoch" (of the summary; without one
        the first epoch of the lowest validation data loss, or validation loss where there is no other; NaN if there
        is none), "onset" (NaN where unknown).
    """
    grouped = histories.groupby(["variant", "seed"], sort=False)
    finite = histories[column].notna()
    table = grouped["epoch"].max().rename("epochs").to_frame()
    table["ended_at"] = histories[finite].groupby(["variant", "seed"], sort=False)["epoch"].max()
    ended = None if summary is None else summary.assign(variant=summary["variant"].map(str))
    table["diverged"] = statistics.diverged(histories, ended)
    monitored = "val_data_loss" if has(histories, "val_data_loss") else "val_loss"
    if has(histories, monitored):
        measured = histories[histories[monitored].notna()]
        lowest = measured.groupby(["variant", "seed"], sort=False)[monitored].idxmin()
        table["kept_epoch"] = measured.loc[lowest].set_index(["variant", "seed"])["epoch"]
    else:
        table["kept_epoch"] = np.nan
    table["onset"] = np.nan
    if summary is not None:
        columns_of(summary, ["variant", "seed"], "the summary")
        said = (
            summary.assign(variant=summary["variant"].map(str))
            .drop_duplicates(["variant", "seed"])
            .set_index(["variant", "seed"])
        )
        for name in ("kept_epoch", "onset"):
            if name in said:
                known = pd.to_numeric(said[name], errors="coerce").reindex(table.index)
                # A run the summary does not know keeps what its own rows say.
                table[name] = known.where(table.index.isin(said.index), table[name])
    return table.reset_index().astype({"kept_epoch": float, "onset": float, "ended_at": float})


def marks(histories: pd.DataFrame, column: str, state: pd.DataFrame) -> pd.DataFrame:
    """Return the points that are marked on the curves of a column, a row a mark.

    Args:
        histories: as `tidy` returns them.
        column: the column that gives their height.
        state: as `runs` returns it for this column.

    Returns:
        "variant", "seed", "mark" ("kept_epoch", "onset" or, of runs whose curve ends early, "ended_at"), "epoch" and
        the column. Marks at epochs without a finite value are left out.
    """
    state = state.assign(ended_at=state["ended_at"].where(state["ended_at"] < state["epochs"]))
    names = ["kept_epoch", "onset", "ended_at"]
    table = state.melt(["variant", "seed"], names, var_name="mark", value_name="epoch").dropna()
    return table.merge(histories[[*KEYS, column]], on=KEYS).dropna()


def segments(histories: pd.DataFrame, column: str) -> list[np.ndarray]:
    """Return one line a run as an array of shape (epochs, 2): epoch and value, NaN where the line breaks.

    Args:
        histories: rows as `tidy` returns them.
        column: a column of the histories.
    """
    points = histories[["epoch", column]].to_numpy(float)
    run = histories.groupby(["variant", "seed"], sort=False).ngroup().to_numpy()
    return np.split(points, np.flatnonzero(np.diff(run)) + 1)


def isolated(lines: list[np.ndarray]) -> np.ndarray:
    """Return the points without a finite neighbour, shape (points, 2): no line shows them, so they need a dot."""
    found = [np.empty((0, 2))]
    for line in lines:
        finite = np.pad(np.isfinite(line[:, 1]), 1)
        found.append(line[finite[1:-1] & ~finite[:-2] & ~finite[2:]])
    return np.concatenate(found)


def medians(histories: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the median over seeds of one column with the band of the middle half, a row an epoch of a variant.

    Args:
        histories: as `tidy` returns them.
        column: a column of the histories.

    Returns:
        The columns of `lab.statistics.curves` with the quartiles as "low" and "high", over the runs that did not
        diverge, and "whole": whether all of them are still going. A variant of which all runs diverged has no rows.
    """
    state = runs(histories, column)
    good = histories.merge(state.loc[~state["diverged"], ["variant", "seed"]], on=["variant", "seed"])
    table = statistics.curves(good[[*KEYS, column]], column, band=0.5)
    return table.assign(whole=table["n"] == table["runs"])


def named(histories: pd.DataFrame, most: int) -> list[str]:
    """Return the variants that a crowded figure tells apart: the first one and those that validate best.

    Args:
        histories: as `tidy` returns them.
        most: how many.

    Returns:
        All variants if there are no more than `most`; otherwise the first and the `most` - 1 with the lowest median
        over seeds of the lowest validation data loss (or validation loss where there is no other), in table order.
    """
    variants = [str(variant) for variant in histories["variant"].unique()]
    monitored = "val_data_loss" if has(histories, "val_data_loss") else "val_loss"
    if len(variants) <= most or not has(histories, monitored):
        return variants[:most]
    lowest = histories.groupby(["variant", "seed"], sort=False)[monitored].min().groupby("variant", sort=False).median()
    best = set(lowest.drop(variants[0]).sort_values(kind="stable").index[: most - 1])
    return [variant for variant in variants if variant == variants[0] or variant in best]


def gaps(histories: pd.DataFrame) -> pd.DataFrame:
    """Return the histories with a column "gap": validation minus train data loss of the same weights."""
    return histories.assign(gap=histories["val_data_loss"] - histories["train_data_loss"])


def axis(histories: pd.DataFrame, validation: str, *others: str) -> Axis:
    """Return the value axis for the curves of runs, by the rule of `axis_of`.

    Runs that diverged do not decide it, unless all did: on its way to infinity a run leaves the axis.

    Args:
        histories: as `tidy` returns them.
        validation: the column that decides whether it is logarithmic.
        others: columns drawn on the same axis.
    """
    columns = [validation, *others]
    state = runs(histories, validation)
    good = histories
    if not state["diverged"].all():
        good = histories.merge(state.loc[~state["diverged"], ["variant", "seed"]], on=["variant", "seed"])
    made = axis_of(good[columns], good.groupby(["variant", "seed"], sort=False)[columns].max().max(axis=1))
    beyond = (histories[columns] < made.low) | (histories[columns] > made.high)
    return replace(made, cut=bool(beyond.any(axis=None)))


def axis_of(values: pd.DataFrame, tops: pd.Series) -> Axis:
    """Return the value axis for columns that share it.

    The rule: the axis is logarithmic where the highest positive value of the first column is more than 30 times the
    lowest, as happens to validation losses when the penalties of the variants differ by orders of magnitude. It then
    ends at 1 000 times the median of the curves' highest values and at a thousandth of the first column's lowest, and
    cuts what lies beyond. Otherwise it is linear, and starts at 0 if the lowest value is under a quarter of the
    highest.

    Args:
        values: the columns drawn; NaN is not drawn. With a value below 0 the axis is linear.
        tops: the highest value of each curve.
    """
    drawn = values.to_numpy(float)
    drawn = drawn[np.isfinite(drawn)]
    if not drawn.size:
        return Axis(False, 0.0, 1.0, False)
    lowest, highest = float(drawn.min()), float(drawn.max())
    first = values.iloc[:, 0]
    decisive = first[first > 0]
    if len(decisive) and lowest >= 0 and decisive.max() > LOG_ABOVE * decisive.min():
        low = max(float(drawn[drawn > 0].min()), float(decisive.min()) / LOG_BEYOND)
        high = min(highest, LOG_BEYOND * max(float(tops.median()), low))
        room = (high / low) ** 0.04
        return Axis(True, low / room, high * room, lowest < low or highest > high)
    room = 0.05 * (highest - lowest) or 0.05 * abs(highest) or 0.5
    return Axis(False, 0.0 if 0 <= lowest < 0.25 * highest else lowest - room, highest + room, False)
