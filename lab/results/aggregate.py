"""The files of an experiment that are rebuilt from its runs: the tables, and how the runs were run."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import filelock
import pandas as pd

from lab import statistics
from lab.checks import DataError, UsageError
from lab.results.experiments import has_experiment, read_experiment
from lab.results.files import read_json
from lab.results.layout import found_runs, newest_change, run_folder
from lab.results.many_runs import Runs, read_runs, together
from lab.results.parquet_copy import write_copy
from lab.results.processes import divided
from lab.results.provenance import read_provenance, write_provenance
from lab.results.schema import (
    COMPARISON,
    EXPERIMENT_FILE,
    HISTORIES,
    LOCK_FILE,
    MEASURE_TABLE,
    OPTIONAL_TABLES,
    PROVENANCE_FILE,
    RELIABILITY_TABLE,
    RUN_COLUMNS,
    RUN_FILE,
    RUNS_FOLDER,
    STRENGTH_TABLE,
    STRENGTHS,
    SUMMARY,
    TABLES,
    TEST,
    TEST_PARTS,
    TEST_PARTS_TABLE,
    WEIGHTS,
    keys,
    record_name,
)
from lab.results.store import REMEDY, read_record
from lab.results.tables import Tables, has_table, read_tables, remove_table, table_path, write_table
from lab.statistics.facts import columns_of, facts_from
from lab.statistics.reliability import RELIABILITY
from lab.statistics.runs import FOLDS, run_columns

PART = 2500
"""The most runs that are read at once; of more, parts are read by several processes."""


def is_stale(folder: Path) -> bool:
    """Say whether what is rebuilt from the runs is missing, older than the runs, or damaged.

    Where none of the experiment's runs is there (in a fresh clone), nothing is stale.
    """
    experiment = _declared(folder)
    there = _runs(folder, experiment)
    return bool(there) and _fresh(folder, experiment, there) is None


def current_tables(folder: Path, pool: Executor | None = None) -> Tables | None:
    """Return an experiment's tables, rebuilt first where they are stale; None where there are neither runs nor tables.

    Args:
        folder: of the experiment.
        pool: as for `rebuild`.

    Raises:
        DataError: as `rebuild` or, where no run is there, as `lab.results.tables.read_tables`.
        OSError: as `rebuild`.
    """
    experiment = _declared(folder)
    if there := _runs(folder, experiment):
        fresh = _fresh(folder, experiment, there)
        if fresh is not None:
            return fresh
        rebuild(folder, pool)
    return read_tables(folder) if has_table(folder, HISTORIES) else None


def _declared(folder: Path) -> dict[str, Any]:
    """Return experiment.json; of a folder that has none, that it names no runs."""
    return read_experiment(folder) if has_experiment(folder) else {"runs": []}


def _fresh(folder: Path, experiment: Mapping[str, Any], there: Mapping[str, Path]) -> Tables | None:
    """Return the tables of an experiment some of whose runs are there; None where they are stale."""
    # Publishing a run changes the folder of the runs.
    newest = max((folder / EXPERIMENT_FILE).stat().st_mtime_ns, newest_change(folder))
    tables = [*TABLES, STRENGTH_TABLE] if experiment.get("paths") else TABLES
    rebuilt = [*(table_path(folder, name) for name in tables), folder / PROVENANCE_FILE]
    if not all(file.exists() and file.stat().st_mtime_ns >= newest for file in rebuilt):
        return None
    try:
        read_provenance(folder)
        found = read_tables(folder)
    except DataError:
        return None
    return found if _are_all_there(there, found) else None


def _are_all_there(there: Mapping[str, Path], found: Tables) -> bool:
    """Say whether the tables have each run that is there; the optional ones each with its field, and none without."""
    rows = {name: _runs_of(getattr(found, name)) for name in OPTIONAL_TABLES}
    # Times alone do not tell where a clock was set back between the tables and a run.
    if not {run.rpartition("-")[2] for run in there} <= set(found.summary["id"].map(str)):
        return False
    for place in there.values():
        try:
            # Whether each field is as it must be takes most of the time, and matters only where something does not fit.
            if not _fits(read_json(place / RUN_FILE), rows) and not _fits(read_record(place), rows):
                return False
        except DataError:
            # The tables outlive a run that is damaged.
            continue
    return True


def _fits(record: Mapping[str, Any], rows: Mapping[str, set[tuple]]) -> bool:
    """Say whether the optional tables have rows of a run exactly where its record has their fields."""
    run = tuple(record.get(name) for name in keys(record)[1:])
    if not all(isinstance(value, (str, int)) for value in run):
        return False
    return all(bool(record.get(field)) == (run in runs) for field, runs in rows.items())


def _runs_of(table: pd.DataFrame | None) -> set[tuple]:
    if table is None:
        return set()
    return set(table[run_columns(table)].astype({"variant": str}).itertuples(index=False, name=None))


def rebuild(folder: Path, pool: Executor | None = None) -> None:
    """Rebuild the tables and provenance.json from the runs that experiment.json names.

    Runs that are not there yet are left out; runs of other declarations are left alone.

    Args:
        folder: of the experiment.
        pool: of processes that read some of very many runs; None reads all of them here.

    Raises:
        DataError: no run is there, or one is damaged.
        OSError: a file cannot be written; it names the file.
    """
    with filelock.FileLock(folder / LOCK_FILE):
        experiment = read_experiment(folder)
        there = list(_runs(folder, experiment).values())
        if not there:
            raise DataError(f"{folder / RUNS_FOLDER} must hold a run of the experiment, got none; run it first")
        runs, rows = _read(there, pool)
        tables = _tables(experiment, runs, rows)
        write_table(folder, HISTORIES, runs.histories() if runs.text is None else runs.text)
        # Where numbers were written in two ways, the table that is read is not the one at hand.
        write_copy(folder, table_path(folder, HISTORIES), runs.histories, len(runs.text or ""))
        for name, table in tables.items():
            write_table(folder, name, table)
        for name in set(OPTIONAL_TABLES) - tables.keys():
            # Those of earlier runs would be taken for those of these.
            remove_table(folder, name)
        write_provenance(folder, runs.records)


def combined(folder: Path, experiment: Mapping[str, Any], runs: Runs) -> dict[str, pd.DataFrame]:
    """Return the tables of some runs by their names, without their histories.

    Args:
        folder: of the experiment.
        experiment: its experiment.json.
        runs: at least one.
    """
    return _tables(
        experiment, runs, _summary_rows([run_folder(folder, record_name(one)) for one in runs.records], runs)
    )


def _read(folders: Sequence[Path], pool: Executor | None) -> tuple[Runs, list[dict[str, Any]]]:
    """Return runs and their rows of summary.csv."""
    parts = [folders[begin : begin + PART] for begin in range(0, len(folders), PART)]
    done = divided([functools.partial(_part, part) for part in parts], pool if len(parts) > 1 else None)
    return together([runs for runs, _ in done]), [row for _, rows in done for row in rows]


def _part(folders: Sequence[Path]) -> tuple[Runs, list[dict[str, Any]]]:
    runs = read_runs(folders)
    return runs, _summary_rows(folders, runs)


def _tables(experiment: Mapping[str, Any], runs: Runs, rows: Sequence[Mapping[str, Any]]) -> dict[str, pd.DataFrame]:
    records, summary = runs.records, pd.DataFrame(rows)
    # An experiment that was interrupted may have no run of the baseline yet.
    has_baseline = (summary["variant"] == experiment["baseline"]).any()
    empty = pd.DataFrame(columns=list(statistics.COMPARISON))
    optional = {
        MEASURE_TABLE: [row for record in records if (row := _measures_row(record))],
        RELIABILITY_TABLE: [row for record in records for row in _reliability_rows(record)],
        TEST_PARTS_TABLE: [row for record in records for row in _test_parts_rows(record)],
    }
    found = {name: pd.DataFrame(rows) for name, rows in optional.items() if rows}
    tables = {
        SUMMARY: summary,
        COMPARISON: statistics.compare(
            summary,
            experiment["baseline"],
            generalizes_over=experiment.get("generalizes_over", ""),
            margin=experiment.get("margin"),
            most_seeds=experiment.get("most_seeds"),
            parts=found.get(TEST_PARTS_TABLE),
        )
        if has_baseline
        else empty,
    }
    if experiment.get("paths"):
        tables[STRENGTH_TABLE] = _strengths(experiment["paths"])
    return tables | found


def _runs(folder: Path, experiment: Mapping[str, Any]) -> dict[str, Path]:
    """Return the folders of the experiment's runs that are there, by name."""
    return found_runs(folder, experiment["runs"])


def _strengths(paths: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    rows = [(variant, family, strength) for family, path in paths.items() for variant, strength in path.items()]
    return pd.DataFrame(rows, columns=list(STRENGTHS))


def _measures_row(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run's row of measures.csv; an empty one if it was published without measures."""
    found = record.get("measures")
    if not found:
        return {}
    measures = {f"test_{name}": float("nan") if value is None else value for name, value in found.items()}
    return {key: record[key] for key in keys(record)} | measures


def _reliability_rows(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a run's rows of reliability.csv, none if it was published without a curve."""
    run = {key: record[key] for key in keys(record)}
    for weights in WEIGHTS:
        for row in record.get(RELIABILITY_TABLE, {}).get(weights, []):
            yield run | {"weights": weights} | dict(zip(RELIABILITY, row, strict=True))


def _test_parts_rows(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a run's rows of test_parts.csv, none if its data have no test parts."""
    run = {key: record[key] for key in keys(record)}
    for part, loss in enumerate(record.get(TEST_PARTS_TABLE, [])):
        yield run | dict(zip(TEST_PARTS, (part, float("nan") if loss is None else loss), strict=True))


def _summary_rows(folders: Sequence[Path], runs: Runs) -> list[dict[str, Any]]:
    return list(_rows(folders, runs.records, runs.measured))


def _rows(
    folders: Sequence[Path], records: Sequence[Mapping[str, Any]], measured: pd.DataFrame
) -> Iterator[dict[str, Any]]:
    columns = columns_of(measured)
    end = 0
    for folder, record in zip(folders, records, strict=True):
        start, end = end, end + record["rows"]
        test = record["test"] or {}
        try:
            facts = facts_from(
                {name: values[start:end] for name, values in columns.items()},
                kept_epoch=record["kept_epoch"],
                chance=record["chance"],
                status=record["status"],
            )
        except (DataError, UsageError) as error:
            raise DataError(f"{folder / RUN_FILE} does not fit its history ({error}); {REMEDY}") from None
        yield (
            {key: record[key] for key in (*keys(record), *([FOLDS] if FOLDS in record else []), *RUN_COLUMNS)}
            | facts
            | {f"test_{name}": test.get(name, float("nan")) for name in TEST}
        )
