"""An experiment's tables, as reports read them: from the CSV files alone, without Keras."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lab.checks import DataError
from lab.results.files import read_csv
from lab.results.store import STRENGTHS, TABLES, read_experiment


@dataclass(frozen=True)
class Tables:
    """What a report is drawn from.

    Args:
        histories: a row an epoch of a run, with the columns of `lab.results.KEYS` and `HISTORY`.
        summary: a row a run.
        comparison: a row a variant against the baseline.
        question: what the experiment asks; empty where experiment.json is not there.
        strengths: a row a variant of a strength path, with the columns `STRENGTHS`; None where there is no path.
    """

    histories: pd.DataFrame
    summary: pd.DataFrame
    comparison: pd.DataFrame
    question: str = ""
    strengths: pd.DataFrame | None = None

    def path_runs(self) -> pd.DataFrame | None:
        """Return the runs of the strength paths, a run once for each of its variant's families.

        Returns:
            The columns of the summary with "regularizer" and "strength"; None where there is no path.
        """
        if self.strengths is None:
            return None
        # A variant may be called 0.1, which a CSV file cannot tell from the number.
        path, summary = (table.assign(variant=table["variant"].map(str)) for table in (self.strengths, self.summary))
        return path.rename(columns={"family": "regularizer"}).merge(summary, on="variant")


def read_tables(folder: Path) -> Tables:
    """Read an experiment's tables, from the CSV files alone.

    Raises:
        DataError: one of them is missing or torn.
    """
    histories, summary, comparison = (read_csv(folder / f"{name}.csv") for name in TABLES)
    question = read_experiment(folder).get("question", "") if (folder / "experiment.json").exists() else ""
    strengths = _read_strengths(folder / "strengths.csv") if (folder / "strengths.csv").exists() else None
    return Tables(histories, summary, comparison, question, strengths)


def _read_strengths(path: Path) -> pd.DataFrame:
    table = read_csv(path)
    missing = [name for name in STRENGTHS if name not in table]
    if missing:
        raise DataError(f"{path} must have the columns {', '.join(STRENGTHS)}, got none of {', '.join(missing)}")
    for key in ("variant", "strength"):
        twice = table[table.duplicated(["family", key])]
        if len(twice):
            raise DataError(f"{path} must have one row a {key} of a family, got {twice.iloc[0][key]} twice")
    return table
