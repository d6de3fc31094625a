"""Foreign histories brought into the results, where a report, the guide and pandas take them like any experiment."""

from pathlib import Path

from lab import statistics
from lab.checks import DataError, shown
from lab.results.experiments import has_experiment, read_experiment, write_experiment
from lab.results.fields import is_plain
from lab.results.keras_logs import tables_of
from lab.results.logs.folder import KERAS, SOURCES, Source, read_logs, source_of
from lab.results.schema import COMPARISON, HISTORIES, SUMMARY
from lab.results.tables import has_table, write_table


def is_of_logs(folder: Path) -> bool:
    """Say whether a folder has a name, holds logs of a tool that is known, and is no folder of results itself.

    Raises:
        DataError: it holds logs of several tools.
    """
    if folder.name in ("", "..") or not folder.is_dir():
        return False
    return not has_experiment(folder) and not has_table(folder, HISTORIES) and source_of(folder) is not None


def is_imported(folder: Path) -> bool:
    """Say whether an experiment's folder was made of foreign histories.

    Raises:
        DataError: its experiment.json is damaged.
    """
    return has_experiment(folder) and "source" in read_experiment(folder)


def source_of_import(folder: Path) -> Source | None:
    """Return the tool that logged the histories of an experiment's folder; None where the lab trained them.

    Raises:
        DataError: its experiment.json is damaged.
    """
    if not is_imported(folder):
        return None
    name = read_experiment(folder)["source"]
    return next((source for source in SOURCES if source.name == name), Source(str(name), None))


def import_logs(logs: Path, results: Path) -> Path:
    """Write the tables of a folder of logs into a folder of results, and return that folder.

    The logs are read and stay as they are. The tables have the columns of the lab's own; those that logs do not tell
    are empty, and beside them summary.csv has `loss`, `val_loss`, `end_loss` and `end_val_loss`, penalty included.

    Args:
        logs: as `lab.results.logs.folder.read_logs` takes it. Its name becomes the experiment's.
        results: the folder with the experiments' folders.

    Raises:
        DataError: the folder has no such logs, or damaged ones, or the results hold an experiment of the lab's own by
            that name.
        OSError: a file cannot be written.
    """
    name = logs.name
    folder = results / name
    if not is_plain(name):
        raise DataError(
            f"a folder of logs must have a name made of letters, digits, '_', '.', '+' and '-', got {shown(name)}; "
            "rename it, as it names the experiment"
        )
    if folder.exists() and not is_imported(folder):
        found = "a folder that was not made of logs" if folder.is_dir() else "a file"
        raise DataError(
            f"{folder} must be free for the logs in {logs}, got {found}; rename the folder of the logs, or name "
            "another folder of results with --results"
        )
    source = source_of(logs) or KERAS
    tables = tables_of(read_logs(logs))
    missing = [name for name in statistics.FACTS if name not in tables.summary]
    summary = tables.summary.reindex(columns=[*tables.summary.columns, *missing])
    baseline = tables.comparison.loc[tables.comparison["decision"] == "baseline", "variant"].iloc[0]
    write_experiment(
        folder,
        {
            "name": name,
            "question": f"Which training in {name} reaches the lowest validation loss?",
            "baseline": str(baseline),
            "source": source.name,
            "runs": [],
        },
    )
    for table, rows in ((HISTORIES, tables.histories), (SUMMARY, summary), (COMPARISON, tables.comparison)):
        write_table(folder, table, rows)
    return folder
