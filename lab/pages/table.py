"""The comparison as a table of words: one row per variant, with what each column sorts by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lab.report.curves import has
from lab.statistics import words
from lab.statistics.language import named, say
from lab.statistics.runs import averaged_over


@dataclass(frozen=True)
class Column:
    """A column's heading, what it means, and whether it holds numbers."""

    heading: str
    meaning: str
    numeric: bool = True


@dataclass(frozen=True)
class Cell:
    """A cell: the text that it shows, and the key that it sorts by; "" sorts last in both directions."""

    text: str
    key: str


@dataclass(frozen=True)
class VariantsTable:
    """The table: its columns, and for each row the place of the variant among all and the cells."""

    columns: Sequence[Column]
    rows: Sequence[tuple[int, Sequence[Cell]]]


_MEANS = (
    ("train_data_loss", Column("train data loss", "mean over the {over}, at the kept epoch")),
    ("val_data_loss", Column("validation data loss", "mean over the {over}, at the kept epoch")),
    # Of histories that others logged, which know no data loss.
    ("loss", Column("loss", "mean over the {over}, at the kept epoch, as it was logged")),
    ("val_loss", Column("validation loss", "mean over the {over}, at the kept epoch, as it was logged")),
    ("gap", Column("gap", "validation minus train data loss at the kept epoch, mean over the {over}")),
    ("test_data_loss", Column("test data loss", "mean over the {over}, with the kept weights")),
    ("test_accuracy", Column("test accuracy", "mean over the {over}, with the kept weights")),
)


def variants_table(compared: pd.DataFrame, runs: pd.DataFrame, names: Sequence[str], metric: str) -> VariantsTable:
    """Return the table of a page, in the order of `names`.

    Args:
        compared: one row per variant, as `lab.statistics.compare` returns it.
        runs: one row per run, as summary.csv has it; columns that it lacks are left out.
        names: the variants that have a row, in order.
        metric: what is compared, in words.
    """
    runs = runs.assign(variant=runs["variant"].map(str))
    averaged = named(averaged_over(runs))
    means = [
        (name, Column(named(column.heading), say(column.meaning, over=averaged)))
        for name, column in _MEANS
        if has(runs, name)
    ]
    values = _over_seeds(runs, [name for name, _ in means]).mean()
    places = {name: words.places(values[name], 2 if name == "gap" else 3) for name, _ in means}
    decimals = words.places(compared["difference"].astype(float), 2)
    verdicts = {"verdict", "onset"} <= set(runs.columns)
    columns = [
        Column(say("variant"), say("the baseline first"), numeric=False),
        Column(
            say("difference in {metric}", metric=metric),
            say("to the baseline, paired over the {over}, with 95 % interval", over=averaged),
        ),
        Column(say("decision"), say("what is shown at 5 %, corrected for the number of variants"), numeric=False),
        Column("p", say("of the paired t test, corrected for the number of variants")),
        *(column for _, column in means),
    ]
    if "kept_epoch" in runs:
        columns.append(Column(say("kept epoch"), say("median epoch of the lowest validation data loss")))
    if verdicts:
        columns.append(Column(say("overfits"), say("runs that overfit, and from which epoch (median)")))
    columns.append(Column(say("runs"), say("runs that count; those that diverged in brackets")))

    kept = _over_seeds(runs, ["kept_epoch"]).median() if "kept_epoch" in runs else None
    over = _overfits(runs) if verdicts else {}
    found = {
        str(row["variant"]): {str(key): value for key, value in row.items()} for row in compared.to_dict("records")
    }
    rows = []
    for v, name in enumerate(names):
        if name not in found:
            continue
        row = found[name]
        cells = [Cell(name, name), *_compared(row, decimals)]
        own = values.loc[name] if name in values.index else {}
        cells += [_number(own.get(column, np.nan), places[column]) for column, _ in means]
        if kept is not None:
            cells.append(_number(kept["kept_epoch"].get(name, np.nan), 0))
        if verdicts:
            cells.append(over.get(name, Cell("", "")))
        lost = say(" ({count} diverged)", count=int(row["diverged"])) if row["diverged"] else ""
        rows.append((v, [*cells, Cell(f"{int(row['runs'])}{lost}", _key(row["runs"]))]))
    return VariantsTable(columns, rows)


def _compared(row: Mapping[str, Any], places: int) -> list[Cell]:
    """Return the cells of the difference, the decision and p."""
    decision = str(row["decision"])
    if decision == "baseline":
        return [Cell("", ""), Cell(named(decision), decision), Cell("", "")]
    p = float(row["p_adjusted"])
    shown = "" if not np.isfinite(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"
    difference = words.difference(row["difference"], row["difference_low"], row["difference_high"], f"+.{places}f")
    return [Cell(difference, _key(row["difference"])), Cell(named(decision), decision), Cell(shown, _key(p))]


def _over_seeds(runs: pd.DataFrame, columns: list[str]) -> Any:
    """Return finite numbers grouped by variant."""
    numbers = runs[columns].apply(pd.to_numeric, errors="coerce").astype(float)
    return numbers.where(np.isfinite(numbers)).groupby(runs["variant"], sort=False)


def _key(value: float) -> str:
    return f"{value:.9g}" if np.isfinite(value) else ""


def _number(value: float, places: int) -> Cell:
    return Cell(words.number(value, f".{places}f"), _key(value))


def _overfits(runs: pd.DataFrame) -> dict[str, Cell]:
    over = runs["verdict"] == "overfits"
    counts = over.groupby(runs["variant"], sort=False).agg(["sum", "size"])
    onsets = _over_seeds(runs[over], ["onset"]).median()["onset"]
    cells = {}
    for name, many, of in counts.itertuples():
        known = many and np.isfinite(onsets[name])
        told = (
            say("{count} of {runs}, from {epoch}", count=many, runs=of, epoch=f"{onsets[name]:.0f}")
            if known
            else (say("{count} of {runs}", count=many, runs=of))
        )
        cells[str(name)] = Cell(told, _key(many / of))
    return cells
