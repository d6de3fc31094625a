"""An experiment's tables, as reports read them: from the CSV files only, checked, without Keras."""

import gzip
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lab.results import table_checks
from lab.results.experiments import has_experiment, read_experiment
from lab.results.files import ABSENT, read_csv, rebuild_remedy, to_csv, write_atomically
from lab.results.layout import run_folders
from lab.results.parquet_copy import read_copy
from lab.results.schema import (
    COMPARISON,
    HISTORIES,
    LARGEST_CSV,
    MEASURE_TABLE,
    QUICKLY_COMPRESSED,
    RELIABILITY_TABLE,
    STRENGTH_TABLE,
    SUMMARY,
    TEST_PARTS_TABLE,
    compressed_file,
    table_file,
)
from lab.statistics.runs import run_columns

_TEXT = (
    "experiment",
    "variant",
    "family",
    "id",
    "engine",
    "status",
    "verdict",
    "metric",
    "decision",
    "generalizes_over",
    "weights",
)


@dataclass(frozen=True)
class Tables:
    """All that a report is drawn from.

    Args:
        histories: one row per epoch of a run, with the columns of `lab.results.KEYS` and `HISTORY`, and "fold" between
            them where the data are cut into folds.
        summary: one row per run.
        comparison: one row per variant, against the baseline.
        question: what the experiment asks; empty where experiment.json is not there.
        strengths: one row per variant of a strength path, with the columns `STRENGTHS`; None where there is no path.
        measures: one row per run that has measures (`lab.results.schema.MEASURE_TABLE`); None where none has any.
        reliability: one row per bin of a run's curve (`lab.results.schema.RELIABILITY_TABLE`); None where none has any.
        test_parts: one row per part of a run's test split (`lab.results.schema.TEST_PARTS_TABLE`); None likewise.
    """

    histories: pd.DataFrame
    summary: pd.DataFrame
    comparison: pd.DataFrame
    question: str = ""
    strengths: pd.DataFrame | None = None
    measures: pd.DataFrame | None = None
    reliability: pd.DataFrame | None = None
    test_parts: pd.DataFrame | None = None

    def measured_summary(self) -> pd.DataFrame:
        """Return the summary with the columns of the measures after its own, NaN for runs that have none."""
        if self.measures is None:
            return self.summary
        measures = self.measures.drop(columns="experiment")
        return self.summary.merge(measures, "left", run_columns(self.summary), validate="1:1")

    def path_runs(self) -> pd.DataFrame | None:
        """Return the runs of the strength paths, a run once for each of its variant's families.

        Returns:
            The columns of the summary with "regularizer" and "strength"; None where there is no path.
        """
        if self.strengths is None:
            return None
        path, summary = (table.assign(variant=table["variant"].map(str)) for table in (self.strengths, self.summary))
        return path.rename(columns={"family": "regularizer"}).merge(summary, on="variant")


def read_tables(folder: Path) -> Tables:
    """Read an experiment's tables, from the CSV files only.

    Raises:
        DataError: one of them is missing, torn or edited, or they do not belong together.
    """
    histories = read_histories(folder)
    summary, comparison = (read_table(folder, name) for name in (SUMMARY, COMPARISON))
    remedy = rebuild_remedy(folder)
    table_checks.check_summary(table_path(folder, SUMMARY), summary, histories, remedy)
    table_checks.check_comparison(table_path(folder, COMPARISON), comparison, summary, remedy)
    question = read_experiment(folder).get("question", "") if has_experiment(folder) else ""
    strengths = _read_strengths(folder) if has_table(folder, STRENGTH_TABLE) else None
    measures = _read_measures(folder, summary) if has_table(folder, MEASURE_TABLE) else None
    reliability = _read_reliability(folder, summary) if has_table(folder, RELIABILITY_TABLE) else None
    parts = _read_test_parts(folder, summary) if has_table(folder, TEST_PARTS_TABLE) else None
    return Tables(histories, summary, comparison, question, strengths, measures, reliability, parts)


def has_table(folder: Path, name: str) -> bool:
    """Say whether a table's file is in a folder."""
    return table_path(folder, name).exists()


def table_path(folder: Path, name: str) -> Path:
    """Return the file of a table in a folder: the CSV file, or the compressed one where only that is there."""
    plain, compressed = folder / table_file(name), folder / compressed_file(name)
    return compressed if compressed.exists() and not plain.exists() else plain


def write_table(folder: Path, name: str, table: pd.DataFrame | str) -> None:
    """Write a table, or the text of its CSV file, compressed if it is large; its other form is removed."""
    text = table if isinstance(table, str) else to_csv(table)
    plain, compressed = folder / table_file(name), folder / compressed_file(name)
    if len(text) <= LARGEST_CSV:
        write_atomically(plain, text)
        compressed.unlink(missing_ok=True)
    else:
        # Without a time, so that the same table gives the same bytes.
        level = 9 if len(text) <= QUICKLY_COMPRESSED else 1
        write_atomically(compressed, gzip.compress(text.encode(), level, mtime=0))
        plain.unlink(missing_ok=True)


def remove_table(folder: Path, name: str) -> None:
    """Remove a table, in either form, if it is there."""
    for path in (folder / table_file(name), folder / compressed_file(name)):
        path.unlink(missing_ok=True)


def read_histories(folder: Path) -> pd.DataFrame:
    """Read histories.csv, or its copy as Parquet where that is of this very file.

    Raises:
        DataError: it is missing, torn or edited.
    """
    path = table_path(folder, HISTORIES)
    table = read_copy(folder, path)
    if table is None:
        table = read_table(folder, HISTORIES)
    table_checks.check_histories(path, table, rebuild_remedy(folder))
    return table


def _read_strengths(folder: Path) -> pd.DataFrame:
    table = read_table(folder, STRENGTH_TABLE)
    table_checks.check_strengths(table_path(folder, STRENGTH_TABLE), table, rebuild_remedy(folder))
    return table


def _read_measures(folder: Path, summary: pd.DataFrame) -> pd.DataFrame:
    table = read_table(folder, MEASURE_TABLE)
    table_checks.check_measures(table_path(folder, MEASURE_TABLE), table, summary, rebuild_remedy(folder))
    return table


def _read_reliability(folder: Path, summary: pd.DataFrame) -> pd.DataFrame:
    table = read_table(folder, RELIABILITY_TABLE)
    table_checks.check_reliability(table_path(folder, RELIABILITY_TABLE), table, summary, rebuild_remedy(folder))
    return table


def _read_test_parts(folder: Path, summary: pd.DataFrame) -> pd.DataFrame:
    table = read_table(folder, TEST_PARTS_TABLE)
    table_checks.check_test_parts(table_path(folder, TEST_PARTS_TABLE), table, summary, rebuild_remedy(folder))
    return table


def read_table(folder: Path, name: str) -> pd.DataFrame:
    """Read one of an experiment's tables as it is, without checking what it says.

    Raises:
        DataError: the file is missing or torn.
    """
    path = table_path(folder, name)
    remedy = rebuild_remedy(folder)
    # A variant may be called 0.1 or 01: names are never numbers.
    has_runs = any(not path.name.startswith(".") for path in run_folders(folder))
    return read_csv(path, remedy if has_runs else ABSENT, remedy, text=_TEXT)
