"""CSV files of MLflow: the history of metrics, and the table of runs.

A history has a row per value with the columns `run_id`, `key`, `value` and `step`, as the download of a metric has them
and a table of `MlflowClient.get_metric_history`. A table of runs
(`mlflow.search_runs().to_csv(...)`) has a row per run with `run_id`, `metrics.<name>`, `params.<name>` and
`tags.mlflow.runName`; it knows the last value of each metric only, and names the runs and settings of the histories
beside it.
"""

from collections.abc import Sequence
from pathlib import Path

from lab.checks import DataError
from lab.results.logs.csv_tables import REMEDY, csv_files, number, read_table, step
from lab.results.logs.logged import Curve, Logged, curves_by_column

TOOL = "MLflow"

RUN_NAME = "mlflow.runName"
"""The tag that holds a run's name."""

_HISTORY = ("run_id", "key", "value", "step")


def is_history(header: Sequence[str]) -> bool:
    """Say whether a CSV file with this header is a history of metrics."""
    return set(_HISTORY) <= set(header)


def is_runs(header: Sequence[str]) -> bool:
    """Say whether a CSV file with this header is a table of runs."""
    return "run_id" in header and any(name.startswith("metrics.") for name in header)


def read(folder: Path) -> list[Logged]:
    """Return the runs of a folder's histories of metrics; where there are none, of its tables of runs.

    Raises:
        DataError: a file is damaged or not of this kind, or a run is in two tables.
    """
    runs: dict[str, dict[str, str]] = {}
    curves: dict[str, dict[str, list[tuple[float, float]]]] = {}
    last: dict[str, dict[str, Curve]] = {}
    for path in csv_files(folder):
        table = read_table(path, TOOL)
        if not is_history(table.header) and not is_runs(table.header):
            raise DataError(
                f"{path} must have the columns {', '.join(_HISTORY)}, or run_id and metrics.<name>, got "
                f"{', '.join(table.header)}; leave it out"
            )
        for row, line in zip(table.records(), table.lines, strict=True):
            run = row["run_id"]
            if is_history(table.header):
                value = number(row["value"], "value", path, line)
                curves.setdefault(run, {}).setdefault(row["key"], []).append((step(row, "step", path, line), value))
                continue
            if run in runs:
                raise DataError(f"{path}, line {line}: the run {run} comes twice; {REMEDY}")
            runs[run] = row
            metrics = {name.removeprefix("metrics."): text for name, text in row.items() if name.startswith("metrics.")}
            last[run] = {name: [(0, number(text, name, path, line))] for name, text in metrics.items() if text}
    found = []
    for run, own in (curves or last).items():
        row = runs.get(run, {})
        name = row.get(f"tags.{RUN_NAME}") or run
        place = f"run {name} in {folder}"
        settings = {
            key.removeprefix("params."): text for key, text in row.items() if key.startswith("params.") and text
        }
        ordered = {key: sorted(curve, key=lambda point: point[0]) for key, curve in own.items()}
        found.append(Logged(name, place, curves_by_column(ordered, place), settings))
    return found
