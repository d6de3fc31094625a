"""The data of the chart over the epochs: medians over seeds with bands, single seeds, marks; small enough for a page.

A page must open at once, so histories are thinned by two rules, which the page states. Where a curve has more than
`EPOCHS` epochs, or all curves together more than `POINTS` points, every k-th epoch is drawn. Single seeds are there as
long as they have no more than `POINTS` points. Medians are taken before the thinning, over all runs.
"""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lab.pages.chart_measures import Measure, measures
from lab.pages.run_numbers import folds_of, run_numbers
from lab.pages.vegalite import Row, short
from lab.report.curves import Curves, has
from lab.report.value_axis import Axis
from lab.statistics.language import say, spoken
from lab.statistics.runs import run_columns

EPOCHS = 150
"""The most epochs of a curve."""

POINTS = 60_000
"""The most points of all medians of one measure, and of all its single seeds, train and validation together."""

SHOWN = 8
"""The most variants that are shown at first: the baseline and those that validate best."""

_NO_SINGLES = {
    "seed": "Single seeds are left out: one alone has more than {points} points. Bands show their spread.",
    "run": "Single runs are left out: one alone has more than {points} points. Bands show their spread.",
}
_FIRST_SINGLES = {
    "seed": (
        "Of {all} seeds the first {shown} can be shown singly, so that the page stays small; medians and bands are "
        "over all."
    ),
    "run": (
        "Of {all} runs the first {shown} can be shown singly, so that the page stays small; medians and bands are "
        "over all."
    ),
}


@dataclass(frozen=True)
class Drawn:
    """A measure as the chart draws it.

    Args:
        name: in words.
        columns: its columns, by "train" and "validation".
        axis: the value axis for all that is drawn.
        focus: where the value axis begins and ends at first; None where that is the whole axis.
    """

    name: str
    columns: Mapping[str, str]
    axis: Axis
    focus: tuple[float, float] | None


@dataclass(frozen=True)
class Series:
    """The data of the chart over the epochs.

    Args:
        measures: what can be shown, the one that is shown at first before the others.
        medians: one row per part of a curve: "v" (place of the variant), "name", "column", "whole" (all runs that did
            not diverge still train), and the lists "e" (epochs), "m" (median), "lo" and "hi" (quartiles), "n".
        seeds: one row per run and column: "v", "name", "column", "s" (its number, as `run_numbers` counts), and the
            lists "e" and "y". The gap has none, for it is the difference of two others, nor has a column that is the
            same for all seeds.
        marks: one row per mark on a validation median: "v", "name", "mark" ("kept" or "onset"), "e".
        shown: the places of the variants that are shown at first.
        listed: the numbers of the runs that `seeds` has.
        folds: how many folds there are; 0 without folds.
        diverged: the place of the variant and the number of each run that diverged, which is in no median.
        epochs: the last epoch.
        notes: the rules that were applied, as sentences.
    """

    measures: list[Drawn]
    medians: list[Row]
    seeds: list[Row]
    marks: list[Row]
    shown: list[int]
    listed: list[int]
    folds: int
    diverged: list[tuple[int, int]]
    epochs: int
    notes: list[str]

    @property
    def axis(self) -> Axis:
        """The value axis of the first measure."""
        return self.measures[0].axis


def columns_of(curves: Curves) -> dict[str, str]:
    """Return the columns a page compares: the data losses, or Keras's own losses where there are no others.

    Returns:
        The columns by "train" and "validation"; nothing where no validation loss has a finite number.
    """
    for train, validation in (("train_data_loss", "val_data_loss"), ("loss", "val_loss")):
        if has(curves.table, validation):
            return ({"train": train} if has(curves.table, train) else {}) | {"validation": validation}
    return {}


def thinned(table: pd.DataFrame, keys: list[str], step: int) -> pd.DataFrame:
    """Return every `step`-th epoch of each curve, counted from epoch 1, and its last one."""
    if step == 1:
        return table
    last = ~table.duplicated(keys, keep="last")
    return table[((table["epoch"] - 1) % step == 0) | last]


def series(curves: Curves) -> Series | None:
    """Return the data of the chart; None where no validation loss has a finite number, so nothing can be drawn."""
    columns = columns_of(curves)
    if "validation" not in columns:
        return None
    epochs = int(curves.table["epoch"].max())
    step = math.ceil(max(epochs / EPOCHS, epochs * len(curves.variants) * len(columns) / POINTS))
    place = {name: v for v, name in enumerate(curves.variants)}
    found = measures(curves)
    lost = curves.diverged()
    folds = folds_of(curves.table)
    ended = lost.index[lost].to_frame(index=False)
    shown = curves.named(SHOWN)
    medians = {
        column: list(_median_rows(thinned(curves.medians(column), ["variant"], step), column))
        for column in dict.fromkeys(column for measure in found for column in measure.columns.values())
    }
    varying = [name for name, rows in medians.items() if any(row["lo"] != row["hi"] for row in rows)]
    singles, seeds, left = _singles(curves.table, columns, [name for name in varying if name != "gap"], step)
    drawn = "Histories have up to {epochs} epochs: every {step} and the last are drawn."
    thinning = [say(drawn, epochs=epochs, step=_th(step))] if step > 1 else []
    return Series(
        [_drawn(curves, measure, medians, shown, epochs) for measure in found],
        [{"v": place[row["name"]]} | row for rows in medians.values() for row in rows],
        [{"v": place[row["name"]]} | row for row in singles],
        [{"v": place[row["name"]]} | row for row in _marks(curves, columns["validation"])],
        [place[name] for name in shown],
        seeds,
        folds,
        list(zip(ended["variant"].map(str).map(place).tolist(), run_numbers(ended, folds).tolist(), strict=True)),
        epochs,
        thinning + left,
    )


def _drawn(curves: Curves, measure: Measure, medians: Mapping[str, list[Row]], shown: list[str], epochs: int) -> Drawn:
    axis = curves.axis(*reversed(measure.columns.values()))
    deciding = [row for row in medians[list(measure.columns.values())[-1]] if row["name"] in shown]
    # The training curves leave a loss below the validation curves, and an accuracy above them.
    room = (1 / 20, 1 / 3) if "accuracy" in measure.name else (1 / 3, 1 / 20)
    if len(measure.columns) == 1:
        room = (1 / 20, 1 / 20)
    return Drawn(measure.name, measure.columns, axis, focused(deciding, epochs, axis, room))


def focused(
    rows: Sequence[Row], epochs: int, axis: Axis, room: tuple[float, float] = (1 / 3, 1 / 20)
) -> tuple[float, float] | None:
    """Return the part of a linear axis in which some curves differ, None where that is most of it.

    The first tenth of the epochs, in which every curve falls, is left out.

    Args:
        rows: the rows of their medians.
        epochs: the last epoch.
        axis: the whole axis.
        room: what is added below and above, as shares of the part's height.
    """
    values = [
        value
        for row in rows
        for bound in ("lo", "hi")
        for epoch, value in zip(row["e"], row[bound], strict=True)
        if value is not None and epoch > epochs / 10
    ]
    if axis.log or axis.cut or not values or min(values) == max(values):
        return None
    height = max(values) - min(values)
    low, high = max(axis.low, min(values) - height * room[0]), min(axis.high, max(values) + height * room[1])
    return None if high - low > 0.7 * (axis.high - axis.low) else (low, high)


def _th(number: int) -> str:
    if spoken() != "en":
        return str(number)
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _median_rows(table: pd.DataFrame, column: str) -> Iterable[Row]:
    for variant, curve in table.groupby("variant", sort=False):
        whole = curve["whole"].to_numpy(bool)
        # The parts with all runs and with fewer share an epoch, so that the line does not break.
        ends = [0, *(np.flatnonzero(np.diff(whole)) + 1), len(curve)]
        for start, end in itertools.pairwise(ends):
            part = curve.iloc[max(0, start - 1) : end]
            yield {
                "name": str(variant),
                "column": column,
                "whole": bool(whole[start]),
                "e": part["epoch"].tolist(),
                "m": short(part["median"]),
                "lo": short(part["low"]),
                "hi": short(part["high"]),
                "n": part["n"].tolist(),
            }


def _singles(
    histories: pd.DataFrame, compared: Mapping[str, str], columns: Sequence[str], step: int
) -> tuple[list[Row], list[int], list[str]]:
    """Return the rows of single runs, their numbers, and the sentence on those left out."""
    run = run_columns(histories)
    one = "seed" if len(run) == 2 else "run"
    if not histories[run].drop_duplicates().duplicated("variant").any():
        # With one run per variant, its median is the run itself.
        return [], [], []
    table = thinned(histories.assign(s=run_numbers(histories, folds_of(histories))), run, step)
    points = len(compared) * table.groupby("s").size().sort_index()
    every = points.index.astype(int).tolist()
    listed = every[: int((points.cumsum() <= POINTS).sum())]
    if not listed:
        left = say(_NO_SINGLES[one], points=POINTS)
        return [], [], [left]
    table = table[table["s"].isin(listed)]
    # As arrays: there may be tens of thousands of runs, and a frame of each takes a millisecond.
    number = table.groupby(["variant", "s"], sort=False).ngroup().to_numpy()
    order = np.argsort(number, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(number[order])) + 1)
    names, numbers, epochs = (table[name].to_numpy() for name in ("variant", "s", "epoch"))
    values = {column: table[column].to_numpy() for column in columns}
    rows = [
        {
            "name": str(names[part[0]]),
            "column": column,
            "s": int(numbers[part[0]]),
            "e": epochs[part].tolist(),
            "y": short(values[column][part]),
        }
        for part in (parts if len(order) else [])
        for column in columns
    ]
    left = say(_FIRST_SINGLES[one], all=len(every), shown=len(listed))
    return rows, listed, [left] if len(listed) < len(every) else []


def _marks(curves: Curves, validation: str) -> Iterable[Row]:
    """Yield the median kept epoch and, where more than half of the runs have one, the median onset."""
    state = curves.runs(validation)
    state = state[~state["diverged"]]
    height = curves.medians(validation).set_index(["variant", "epoch"])["median"].dropna()
    for variant, runs in state.groupby("variant", sort=False):
        for mark, column in (("kept", "kept_epoch"), ("onset", "onset")):
            known = runs[column].dropna()
            if 2 * len(known) <= len(runs):
                continue
            at = (variant, round(float(known.median())))
            if at in height.index:
                yield {"name": str(variant), "mark": mark, "e": at[1]}
