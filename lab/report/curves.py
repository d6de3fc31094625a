"""Curves of many runs, prepared once for all figures and pages: in order, averaged over seeds, with their marks.

Runs that cannot be averaged as they are follow one rule: a diverged run is in no median; a median is whole as long
as every other run of the variant still trains, and marked as one of fewer runs after that. The medians themselves
are those of `lab.statistics`.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from lab import statistics
from lab.checks import DataError
from lab.report.theme import columns_of, in_order
from lab.report.value_axis import Axis, shared
from lab.results import HISTORY
from lab.statistics.runs import FOLD, run_columns

KEYS = ["variant", "seed", "epoch"]
"""The columns that a table of histories must have. Of folds it has "fold", too."""


class Curves:
    """The histories of one experiment in drawing order; what is computed of them is computed once.

    Attributes:
        table: the rows, sorted by variant (the baseline first), seed and epoch, with infinities as NaN. A column
            "gap" holds validation minus train data loss of the same weights, where both are there.
        summary: one row per run, as `tidy` got it; None where there is none.
        variants: their names, the baseline first.
        run: the columns that tell the runs apart.
    """

    def __init__(self, table: pd.DataFrame, summary: pd.DataFrame | None) -> None:
        self.table = table
        self.summary = summary
        self.variants = [str(variant) for variant in table["variant"].unique()]
        self.run = run_columns(table)
        self._diverged: pd.Series | None = None
        self._marked: pd.DataFrame | None = None
        self._runs: dict[str, pd.DataFrame] = {}
        self._medians: dict[str, pd.DataFrame] = {}

    @property
    def experiment(self) -> str:
        """The name of the experiment; empty where the table has none."""
        return str(self.table["experiment"].iloc[0]) if "experiment" in self.table else ""

    @property
    def monitored(self) -> str:
        """The column whose lowest value chooses a run's epoch: the validation data loss, where it was measured."""
        return "val_data_loss" if has(self.table, "val_data_loss") else "val_loss"

    def only(self, variants: Sequence[str]) -> "Curves":
        """Return the curves of some of the variants."""
        if len(variants) == len(self.variants):
            return self
        return Curves(self.table[self.table["variant"].isin(variants)].reset_index(drop=True), self.summary)

    def runs(self, column: str) -> pd.DataFrame:
        """Return one row per run: how far it goes and which of its epochs are marked.

        Args:
            column: the curve on which "ended_at" is decided.

        Returns:
            "variant", "seed", of folds "fold", "epochs" (the last epoch), "ended_at" (the last epoch with a finite
            value, NaN if there is none), "diverged" (by the rule of `lab.statistics.diverged`), "kept_epoch" (of the
            summary; without one the first epoch of the lowest monitored loss; NaN if there is none) and "onset" (of the
            summary; NaN where unknown).
        """
        if column not in self._runs:
            if self._marked is None:
                self._marked = self._marks_of_runs()
            state = self._marked.copy()
            finite = self.table[self.table[column].notna()]
            state.insert(1, "ended_at", finite.groupby(self.run, sort=False)["epoch"].max())
            state = state.reset_index()
            self._runs[column] = state.astype({"kept_epoch": float, "onset": float, "ended_at": float})
        return self._runs[column]

    def _marks_of_runs(self) -> pd.DataFrame:
        """Return the part of `runs` that is the same for all columns, indexed by the columns of a run."""
        state = self.table.groupby(self.run, sort=False)["epoch"].max().rename("epochs").to_frame()
        state["diverged"] = self.diverged()
        state = state.assign(kept_epoch=np.nan, onset=np.nan)
        if has(self.table, self.monitored):
            measured = self.table[self.table[self.monitored].notna()]
            lowest = measured.groupby(self.run, sort=False)[self.monitored].idxmin()
            state["kept_epoch"] = measured.loc[lowest].set_index(self.run)["epoch"]
        if self.summary is None:
            return state
        columns_of(self.summary, self.run, "the summary")
        summary = self.summary.assign(variant=self.summary["variant"].map(str))
        summary = summary.drop_duplicates(self.run).set_index(self.run)
        for name in ("kept_epoch", "onset"):
            if name in summary:
                known = pd.to_numeric(summary[name], errors="coerce").reindex(state.index)
                # A run that is not in the summary keeps what its own rows show.
                state[name] = known.where(state.index.isin(summary.index), state[name])
        return state

    def diverged(self) -> pd.Series:
        """Return which runs diverged, by the rule of `lab.statistics.diverged`, which says how it is indexed."""
        if self._diverged is None:
            summary = None if self.summary is None else self.summary.assign(variant=self.summary["variant"].map(str))
            self._diverged = statistics.diverged(self.table, summary)
        return self._diverged

    def marks(self, column: str) -> pd.DataFrame:
        """Return the points that are marked on the curves of a column, one row per mark.

        Returns:
            "variant", "seed", of folds "fold", "mark" ("kept_epoch", "onset" or, of runs whose curve ends early,
            "ended_at"), "epoch" and the column, which gives the height. Marks at epochs without a finite value are left
            out.
        """
        state = self.runs(column)
        state = state.assign(ended_at=state["ended_at"].where(state["ended_at"] < state["epochs"]))
        names = ["kept_epoch", "onset", "ended_at"]
        table = state.melt(self.run, names, var_name="mark", value_name="epoch").dropna()
        rows = [*self.run, "epoch"]
        return table.merge(self.table[[*rows, column]], on=rows).dropna()

    def medians(self, column: str) -> pd.DataFrame:
        """Return the median over seeds of a column with the band of the middle half, one row per variant and epoch.

        Returns:
            The columns of `lab.statistics.curves` with the quartiles as "low" and "high", over the runs that did
            not diverge, and "whole": whether all of them still train. A variant whose runs all diverged has no rows.
        """
        if column not in self._medians:
            good = self._good()
            table = statistics.curves(good[[*self.run, "epoch", column]], column, band=0.5)
            self._medians[column] = table.assign(whole=table["n"] == table["runs"])
        return self._medians[column]

    def _good(self) -> pd.DataFrame:
        diverged = self.diverged()
        if not diverged.any():
            return self.table
        return self.table.merge(diverged.index[~diverged].to_frame(index=False), on=self.run)

    def axis(self, validation: str, *others: str) -> Axis:
        """Return the value axis for the curves of some columns, by the rule of `lab.report.value_axis.shared`.

        Diverged runs do not decide it unless all runs diverged: on its way to infinity a run leaves the axis.

        Args:
            validation: the column that decides whether the axis is logarithmic.
            others: columns that are drawn on the same axis.
        """
        columns = [validation, *others]
        good = self.table if self.diverged().all() else self._good()
        axis = shared(good[columns], good.groupby(self.run, sort=False)[columns].max().max(axis=1))
        beyond = (self.table[columns] < axis.low) | (self.table[columns] > axis.high)
        return replace(axis, cut=bool(beyond.any(axis=None)))

    def named(self, most: int) -> list[str]:
        """Return the variants that a crowded figure tells apart: the first one and those that validate best.

        Returns:
            All variants if there are no more than `most`; otherwise the first and the `most` - 1 whose runs have the
            lowest median of the lowest monitored loss, in the order of `variants`.
        """
        if len(self.variants) <= most or not has(self.table, self.monitored):
            return self.variants[:most]
        lowest = self.table.groupby(self.run, sort=False)[self.monitored].min().groupby("variant", sort=False).median()
        best = set(lowest.drop(self.variants[0]).sort_values(kind="stable").index[: most - 1])
        return [variant for variant in self.variants if variant == self.variants[0] or variant in best]


def tidy(histories: pd.DataFrame | Curves, baseline: str | None = None, summary: pd.DataFrame | None = None) -> Curves:
    """Return the curves of histories, checked and in drawing order; curves are returned as they are.

    Args:
        histories: one row per epoch: "variant", "seed", "epoch" and the columns of a history; "experiment" too
            where there is one.
        baseline: the first variant; None as in `in_order`.
        summary: one row per run: "variant", "seed" and, where there are, "kept_epoch" and "onset", both epochs
            counted from 1, or NaN.

    Raises:
        DataError: columns or rows are missing, an epoch comes twice, or there are several experiments.
        UsageError: the baseline is not among the variants.
    """
    if isinstance(histories, Curves):
        return histories
    columns_of(histories, KEYS, "the table of histories")
    # A name like 0.1 is read from a CSV file as a number.
    histories = histories.assign(variant=histories["variant"].map(str))
    _check_numbers(histories)
    experiments = list(histories["experiment"].unique()) if "experiment" in histories else []
    if len(experiments) > 1:
        raise DataError(
            f"the table of histories must be of one experiment, got {', '.join(map(str, experiments))}; "
            "select one of them"
        )
    run = run_columns(histories)
    twice = histories.duplicated([*run, "epoch"])
    if twice.any():
        first = histories[twice].iloc[0]
        which = ", ".join(f"{name} {first[name]}" for name in run[1:])
        raise DataError(
            f"the table of histories has epoch {first['epoch']} of variant {first['variant']!r}, {which} twice; "
            f"keep the rows of one run for each {', '.join(run[:-1])} and {run[-1]}"
        )
    rank = {variant: i for i, variant in enumerate(in_order(histories["variant"], baseline))}
    table = histories.assign(_rank=histories["variant"].map(rank)).sort_values(["_rank", *run[1:], "epoch"])
    numbers = table.select_dtypes("number").columns.difference([*run, "epoch"])
    # What a float32 cannot hold has left every axis.
    table[numbers] = table[numbers].astype(float).where(table[numbers].abs() <= np.finfo(np.float32).max)
    if {"train_data_loss", "val_data_loss"} <= set(table.columns):
        table["gap"] = table["val_data_loss"] - table["train_data_loss"]
    return Curves(table.drop(columns="_rank").reset_index(drop=True), summary)


def _check_numbers(histories: pd.DataFrame) -> None:
    for name in ("seed", FOLD, "epoch", *HISTORY):
        if name in histories and not pd.api.types.is_numeric_dtype(histories[name]):
            words = pd.to_numeric(histories[name], errors="coerce").isna() & histories[name].notna()
            raise DataError(
                f"the column {name} of the table of histories must hold numbers, "
                f"got {next(iter(histories.loc[words, name]), histories[name].iloc[0])!r}"
            )
    wrong = ~((histories["epoch"] >= 0) & (histories["epoch"] % 1 == 0))
    if wrong.any():
        raise DataError(
            "the epochs of the table of histories must be whole numbers of at least 0, "
            f"got {histories.loc[wrong, 'epoch'].iloc[0]:g}"
        )


def has(table: pd.DataFrame, *columns: str) -> bool:
    """Say whether a table has a finite number in each of the columns."""
    return all(
        column in table and bool(np.isfinite(pd.to_numeric(table[column], errors="coerce")).any()) for column in columns
    )


def segments(histories: pd.DataFrame, column: str) -> list[np.ndarray]:
    """Return one line per run as an array of shape (epochs, 2): epoch and value, NaN where the line breaks.

    Args:
        histories: rows of `Curves.table`.
        column: a column of the histories.
    """
    points = histories[["epoch", column]].to_numpy(float)
    run = histories.groupby(run_columns(histories), sort=False).ngroup().to_numpy()
    return np.split(points, np.flatnonzero(np.diff(run)) + 1)


def isolated(lines: list[np.ndarray]) -> np.ndarray:
    """Return the points without a finite neighbour, shape (points, 2): no line shows them, so they need a dot."""
    found = [np.empty((0, 2))]
    for line in lines:
        finite = np.pad(np.isfinite(line[:, 1]), 1)
        found.append(line[finite[1:-1] & ~finite[:-2] & ~finite[2:]])
    return np.concatenate(found)
