"""The comparison that `python -m lab compare` prints: variants against the baseline, for people and for machines."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from lab import results, statistics
from lab.checks import DataError, UsageError, choice
from lab.results.costs import Cost, read_costs
from lab.results.keras_logs import tables_of
from lab.results.logs.folder import read_logs
from lab.results.tables import Tables, read_tables
from lab.statistics import words
from lab.statistics.runs import run_columns
from lab.statistics.scope import scope

FORMATS = ("table", "csv", "markdown", "json")


def read(folder: Path, baseline: str | None = None) -> Tables:
    """Return the tables of an experiment's folder, or of a folder of logs.

    Raises:
        DataError: the folder holds neither.
    """
    if folder.is_file():
        raise DataError(f"{folder} must be the folder of an experiment or of logs, got a file; name its folder")
    if not folder.is_dir():
        raise DataError(f"{folder} does not exist; run the experiment first, or name its folder")
    if results.has_experiment(folder) or results.has_table(folder, "histories"):
        return read_tables(folder)
    return tables_of(read_logs(folder), baseline)


def known_costs(folder: Path) -> dict[str, Cost]:
    """Return what `reglab cost` measured of an experiment, nothing where it did not measure these runs."""
    try:
        return read_costs(folder)
    except DataError:
        return {}


@dataclasses.dataclass(frozen=True)
class InTime:
    """The tables of an experiment, cut where each variant has used up the same time.

    Args:
        tables: without what was measured later.
        seconds: the time.
        epochs: of each variant.
        later: how many runs kept an epoch that lies later, so that no test loss is known of them.
        scheduled: the variants that are cut though their learning rates were planned for all their epochs.
    """

    tables: Tables
    seconds: float
    epochs: Mapping[str, int]
    later: int
    scheduled: tuple[str, ...]


def in_equal_time(tables: Tables, costs: Mapping[str, Cost], baseline: str | None = None) -> InTime:
    """Return the tables of an experiment as if each variant had trained for the time of the cheapest one.

    Args:
        tables: of the experiment.
        costs: of each of its variants, and perhaps of some that it had once.
        baseline: with which the others are compared; None takes the experiment's own.
    """
    from lab.statistics.equal_time import costs_of_a_step, cut, epochs_in_time

    there = set(tables.summary["variant"].map(str))
    costs = {name: cost for name, cost in costs.items() if name in there}
    # The comparison refuses a name that is no variant.
    known = baseline if baseline is not None and baseline in costs else _own(tables)
    planned = {name: cost.epochs for name, cost in costs.items()}
    step = costs_of_a_step({name: cost.seconds for name, cost in costs.items()}, known)
    seconds = {name: step[name] * cost.steps for name, cost in costs.items()}
    epochs = epochs_in_time(seconds, planned)
    histories, summary = cut(tables.histories, tables.summary, epochs)
    later = (tables.summary["kept_epoch"] > tables.summary["variant"].map(str).map(epochs)).to_numpy()
    rates = tables.histories.groupby(tables.histories["variant"].map(str))["learning_rate"].nunique()
    measures = tables.measures
    if measures is not None:
        kept = summary.loc[~later, run_columns(summary)]
        measures = measures.merge(kept, "inner")
    return InTime(
        dataclasses.replace(
            tables, histories=histories, summary=summary, measures=measures, reliability=None, test_parts=None
        ),
        min(seconds[name] * planned[name] for name in costs),
        epochs,
        int(later.sum()),
        tuple(name for name in costs if epochs[name] < planned[name] and rates[name] > 1),
    )


def metric_in_time(in_time: InTime, metric: str | None) -> str:
    """Return the metric of a comparison at equal time: the test data loss if all runs have one, unless it is named.

    Raises:
        UsageError: one of the test split is named, and some run has none.
    """
    if in_time.later and metric is not None and metric.startswith("test_"):
        runs = "1 run" if in_time.later == 1 else f"{in_time.later} runs"
        raise UsageError(
            f"--metric must be one of the validation split, as {runs} kept a later epoch, with whose weights alone the "
            f"test split was measured, got {metric!r}; use val_data_loss"
        )
    return metric or ("val_data_loss" if in_time.later else "test_data_loss")


def with_costs(comparison: pd.DataFrame, costs: Mapping[str, Cost]) -> pd.DataFrame:
    """Return a comparison with the median "seconds_per_step" of each variant, and how many times the baseline's it is.

    Args:
        comparison: as `compare` returns it.
        costs: of each of its variants; without any nothing is added.

    Returns:
        Its columns, and "seconds_per_step" and "cost", the median over the turns in which both were timed.
    """
    if not costs:
        return comparison
    named = comparison.loc[comparison["decision"] == "baseline", "variant"].iloc[0]
    of_baseline = np.array(costs[str(named)].seconds)
    seconds = [np.array(costs[str(name)].seconds) for name in comparison["variant"]]
    return comparison.assign(
        seconds_per_step=[float(np.median(own)) for own in seconds],
        cost=[float(np.median(own / of_baseline)) for own in seconds],
    )


def compare(
    tables: Tables,
    *,
    baseline: str | None = None,
    metric: str | None = None,
    confidence: float = 0.95,
    method: str = "t",
    correction: str = "holm",
    margin: float | None = None,
) -> pd.DataFrame:
    """Return `lab.statistics.compare` of an experiment, with facts from the curves of its runs beside it.

    Args:
        tables: of the experiment.
        baseline: the variant the others are compared with; None takes the experiment's own.
        metric: a column of the summary or of the measures; None takes the test data loss, or what was logged
            (`val_loss`).
        confidence, method, correction, margin: as for `lab.statistics.compare`.

    Returns:
        Its columns and, after them, the median `kept_epoch` and `onset` (NaN where most runs have none), `overfits`
        (the share of the runs whose verdict is "overfits"), and `seeds_needed_low` and `seeds_needed_high`, the 80 %
        interval of `seeds_needed`.
    """
    summary = tables.measured_summary()
    if metric is None:
        metric = "test_data_loss" if "test_data_loss" in summary else "val_loss"
    if baseline is None:
        baseline = _own(tables)
    made = statistics.compare(
        summary,
        baseline,
        metric,
        confidence=confidence,
        method=method,
        correction=correction,
        generalizes_over=scope(tables.comparison),
        margin=margin,
        most_seeds=most_seeds(tables.comparison) if method == "t" else None,
        parts=tables.test_parts if method == "t" else None,
    )
    runs = summary.assign(variant=summary["variant"].map(str)).groupby("variant")
    # A run without an onset had none until it ended, so the median over all runs is an epoch only if most have one.
    onset = runs["onset"].apply(lambda column: column.fillna(float("inf")).median())
    made["kept_epoch"] = made["variant"].map(runs["kept_epoch"].median())
    made["onset"] = made["variant"].map(onset.replace(float("inf"), float("nan")))
    made["overfits"] = made["variant"].map(runs["verdict"].apply(lambda column: (column == "overfits").mean()))
    made["seeds_needed_low"], made["seeds_needed_high"] = statistics.seeds_needed_interval(
        made, confidence=confidence, correction=correction
    )
    return made


def most_seeds(comparison: pd.DataFrame) -> int | None:
    """Return the most seeds of an experiment to which seeds were added until all was decided, None of any other."""
    return int(comparison["most_seeds"].iloc[0]) if "most_seeds" in comparison and len(comparison) else None


def _own(tables: Tables) -> str:
    named = tables.comparison.loc[tables.comparison["decision"] == "baseline", "variant"]
    return str(named.iloc[0]) if len(named) else str(tables.summary["variant"].iloc[0])


def written(comparison: pd.DataFrame, form: str) -> str:
    """Return a comparison as "csv", "markdown" or "json", ending in a line end."""
    choice("format", form, FORMATS[1:])
    if form == "csv":
        return results.to_csv(comparison)
    if form == "json":
        rows = [{name: None if value != value else value for name, value in row.items()} for row in _rows(comparison)]
        return json.dumps(rows, indent=1) + "\n"
    cells = [list(comparison.columns), ["---"] * len(comparison.columns)]
    cells += [[_cell(value) for value in row.values()] for row in _rows(comparison)]
    return "".join("| " + " | ".join(row) + " |\n" for row in cells)


def _rows(comparison: pd.DataFrame) -> list[dict]:
    return json.loads(comparison.to_json(orient="records", double_precision=15))


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("|", "\\|")


def failures(comparison: pd.DataFrame, worse: tuple[str, ...], overfits: bool) -> list[str]:
    """Return a sentence for each thing that a comparison was told to fail on and found.

    Args:
        comparison: as `compare` returns it.
        worse: variants that must not be worse than the baseline.
        overfits: whether no variant may overfit in half of its runs or more.

    Raises:
        UsageError: a variant that is not there.
    """
    table = comparison.set_index("variant")
    found = []
    for variant in worse:
        choice("--fail-if-worse", variant, table.index)
        row = table.loc[variant]
        if row["decision"] == "baseline":
            raise UsageError(f"--fail-if-worse must name a variant other than the baseline, got {variant!r}")
        if row["decision"] == "worse":
            value, low, high = (float(str(row[name])) for name in ("difference", "difference_low", "difference_high"))
            difference = words.difference(value, low, high, "+.4g", minus="-")
            found.append(f"{variant} is worse than the baseline: {row['metric']} {difference}")
    if overfits:
        share = table["overfits"]
        found += [f"{variant} overfits in {share[variant]:.0%} of its runs" for variant in table.index[share >= 0.5]]
    return found
