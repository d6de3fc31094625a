"""CSV files of Weights & Biases: the export of a chart, one line per run, and the history of a run.

A chart's file has the columns `Step`, `<run> - <metric>`, `<run> - <metric>__MIN` and `<run> - <metric>__MAX`; a
history (`run.history().to_csv(...)`) has `_step` and a column per metric, and is called as its run.
"""

from collections.abc import Sequence
from pathlib import Path

from lab.checks import DataError
from lab.results.logs.csv_tables import REMEDY, Table, csv_files, number, read_table, step
from lab.results.logs.logged import Curve, Logged, curves_by_column
from lab.results.logs.metrics import column_of

TOOL = "Weights & Biases"

_OF = " - "
_BOUNDS = ("__MIN", "__MAX")


def is_chart(header: Sequence[str]) -> bool:
    """Say whether a CSV file with this header is the export of a chart: its first column is the steps."""
    return len(header) > 1 and bool(header[0]) and _OF not in header[0] and all(_OF in name for name in header[1:])


def is_history(header: Sequence[str]) -> bool:
    """Say whether a CSV file with this header is the history of a run."""
    return "_step" in header


def read(folder: Path) -> list[Logged]:
    """Return the runs in a folder's charts, one per metric and several runs in each, or in the histories there.

    Raises:
        DataError: a file is damaged or not of this kind, a metric of a run comes twice, or a chart groups runs.
    """
    charts: dict[str, dict[str, Curve]] = {}
    histories = []
    for path in csv_files(folder):
        table = read_table(path, TOOL)
        if is_history(table.header):
            histories.append(_history(table))
        elif is_chart(table.header):
            for run, metric, curve in _chart(table):
                own = charts.setdefault(run, {})
                if metric in own:
                    raise DataError(f"{folder} must have {metric} of {run} once, got it again in {path.name}; {REMEDY}")
                own[metric] = curve
        else:
            raise DataError(
                f"{path} must have the column '_step', or a first column of steps and '<run> - <metric>' after it, got "
                f"{', '.join(table.header)}; leave it out"
            )
    found = []
    for run, curves in charts.items():
        place = f"run {run} in {folder}"
        found.append(Logged(run, place, curves_by_column(curves, place)))
    return [*found, *histories]


def _history(table: Table) -> Logged:
    names = [name for name in table.header if column_of(name)]
    curves: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for row, line in zip(table.records(), table.lines, strict=True):
        for name in names:
            if row[name] != "":
                at = step(row, "_step", table.path, line)
                curves[name].append((at, number(row[name], name, table.path, line)))
    return Logged(table.path.stem, str(table.path), curves_by_column(curves, str(table.path)))


def _chart(table: Table) -> list[tuple[str, str, Curve]]:
    axis = table.header[0]
    found: list[tuple[str, str, Curve]] = []
    for column in table.header[1:]:
        # A run may have " - " in its name, a metric hardly.
        run, _, metric = column.rpartition(_OF)
        if metric.endswith(_BOUNDS) or not column_of(metric):
            continue
        curve = []
        for row, line in zip(table.records(), table.lines, strict=True):
            if row[column] == "":
                continue
            value = number(row[column], column, table.path, line)
            bounds = {row.get(column + bound, row[column]) for bound in _BOUNDS}
            if bounds != {row[column]} and any(number(text, column, table.path, line) != value for text in bounds):
                raise DataError(
                    f"{table.path}, line {line}: {column!r} must have equal __MIN and __MAX, got several values in "
                    "one, of a chart that groups runs or steps; ungroup the runs and export it without smoothing"
                )
            curve.append((step(row, axis, table.path, line), value))
        found.append((run, metric, curve))
    return found
