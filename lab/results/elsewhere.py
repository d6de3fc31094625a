"""Histories written where people already look: event files of TensorBoard, runs of MLflow and W&B, a Parquet file."""

import importlib.util
import io
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

from lab.checks import DataError, UsageError, raised, shown
from lab.results.files import make_folder, write_atomically
from lab.results.schema import HISTORY
from lab.results.tables import read_tables

_RUN = ["variant", "seed"]
_FACTS = ("kept_epoch", "test_data_loss", "test_accuracy", "verdict", "status")


def need(package: str, extra: str, purpose: str = "for this export") -> None:
    """Refuse to go on without a package that an extra brings.

    Args:
        package: its name.
        extra: of this package, which brings it.
        purpose: what it is needed for, as "to read ...".

    Raises:
        UsageError: it is not installed.
    """
    if importlib.util.find_spec(package) is None:
        raise UsageError(
            f"the package {package} must be installed {purpose}, got an installation without it; "
            f"pip install 'regularization-lab[{extra}]' brings it"
        )


def write_parquet(folder: Path, path: Path) -> Path:
    """Write the histories of an experiment as one Parquet file, with the columns and rows of histories.csv.

    Raises:
        UsageError: pyarrow is not installed.
        DataError: the tables cannot be read.
        OSError: the file cannot be written.
    """
    histories = read_tables(folder).histories
    need("pyarrow", "parquet")
    content = io.BytesIO()
    histories.to_parquet(content, index=False)
    write_atomically(path, content.getvalue())
    return path


def write_tensorboard(folder: Path, place: Path) -> int:
    """Write the history of each run as an event file of TensorBoard, in <place>/<variant>-seed<k>[-fold<i>].

    Each column of the history is a scalar by its name, each epoch a step. Histories have no clock, so epoch n is at
    second n, which TensorBoard takes for a date. A number that is not finite is left out.

    Args:
        folder: of the experiment.
        place: a folder that does not exist or is empty: TensorBoard adds up what it finds in one.

    Returns:
        How many runs were written.

    Raises:
        UsageError: TensorBoard is not installed, or the place is taken.
        DataError: the tables cannot be read.
        OSError: a file cannot be written.
    """
    histories = read_tables(folder).histories
    if place.exists() and (not place.is_dir() or os.listdir(place)):
        raise UsageError(f"output must be a new or an empty folder, got {shown(str(place))}, in which something is")
    need("tensorboard", "tensorboard")
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    count = 0
    for name, run in _runs(histories):
        # TensorBoard's own errors name no file.
        make_folder(place / name)
        writer = EventFileWriter(str(place / name))
        for row in run.to_dict("records"):
            values = [
                Summary.Value(tag=column, simple_value=row[column])
                for column in HISTORY[1:]
                if math.isfinite(row[column])
            ]
            epoch = int(row["epoch"])
            writer.add_event(Event(wall_time=float(epoch), step=epoch, summary=Summary(value=values)))
        writer.close()
        count += 1
    return count


def write_mlflow(folder: Path, uri: str) -> int:
    """Log each run of an experiment to a tracking server or store of MLflow, as a run of an experiment of its name.

    Each column of the history is a metric by its name, each epoch a step; what summary.csv says of the kept epoch are
    metrics and tags. A number that is not finite is left out.

    Args:
        folder: of the experiment.
        uri: as MLflow takes it: http://..., sqlite:///..., or a folder.

    Returns:
        How many runs were logged.

    Raises:
        UsageError: MLflow is not installed, or the address names no host.
        DataError: the tables cannot be read, or MLflow cannot write there; the runs that were logged before stay.
    """
    tables = read_tables(folder)
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https") and not parts.hostname:
        raise UsageError(f"uri must name a host after {parts.scheme}://, got {shown(uri)}")
    need("mlflow", "mlflow")
    # By itself MLflow tries for four minutes to reach a server that is not there.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    try:
        return _log(folder.name, tables.histories, tables.summary, uri)
    except Exception as error:
        raise DataError(f"MLflow cannot write to {uri} ({raised(error)}); correct the address") from error


def _log(experiment: str, histories: pd.DataFrame, summary: pd.DataFrame, uri: str) -> int:
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    found = client.get_experiment_by_name(experiment)
    place = client.create_experiment(experiment) if found is None else found.experiment_id
    keys = _keys(summary)
    of_run = {_name(row, keys): row for row in summary.to_dict("records")}
    count = 0
    for name, run in _runs(histories):
        logged = client.create_run(place, run_name=name, start_time=0)
        metrics = [
            Metric(column, float(row[column]), 0, int(row["epoch"]))
            for row in run.to_dict("records")
            for column in HISTORY[1:]
            if math.isfinite(row[column])
        ]
        # A server takes at most 1000 at once.
        for begin in range(0, len(metrics), 1000):
            client.log_batch(logged.info.run_id, metrics=metrics[begin : begin + 1000])
        params = [Param(key, str(run[key].iloc[0])) for key in keys]
        facts = {fact: of_run[name][fact] for fact in _FACTS if fact in of_run.get(name, {})}
        tags = [RunTag(f"lab.{fact}", str(value)) for fact, value in facts.items()]
        client.log_batch(logged.info.run_id, params=params, tags=tags)
        client.set_terminated(logged.info.run_id, end_time=0)
        count += 1
    return count


def write_wandb(folder: Path, place: Path) -> int:
    """Write each run of an experiment as an offline run of Weights & Biases; nothing is sent, and no account is asked.

    Each column of the history is a metric by its name, each epoch a step; variant, seed and fold are the config, what
    summary.csv says of the kept epoch is the summary, and the variant is the group. A number that is not finite is left
    out. `wandb sync <place>/wandb/offline-run-*` sends them.

    Args:
        folder: of the experiment.
        place: a folder that does not exist or is empty.

    Returns:
        How many runs were written.

    Raises:
        UsageError: wandb is not installed, or the place is taken.
        DataError: the tables cannot be read, or wandb cannot write there.
    """
    tables = read_tables(folder)
    need("wandb", "wandb")
    if place.exists() and (not place.is_dir() or os.listdir(place)):
        raise UsageError(f"output must be a new or an empty folder, got {shown(str(place))}, in which something is")
    make_folder(place)
    try:
        return _log_offline(folder.name, tables.histories, tables.summary, place)
    except Exception as error:
        raise DataError(f"wandb cannot write to {place} ({raised(error)}); name another folder") from error


def _log_offline(experiment: str, histories: pd.DataFrame, summary: pd.DataFrame, place: Path) -> int:
    import wandb

    keys = _keys(summary)
    of_run = {_name(row, keys): row for row in summary.to_dict("records")}
    # Neither git, nor the code, nor the machine's load, nor what is printed belongs to these runs.
    quiet = wandb.Settings(silent=True, disable_git=True, disable_code=True, console="off", x_disable_stats=True)
    count = 0
    for name, run in _runs(histories):
        config = {key: run[key].iloc[0] if key == "variant" else int(run[key].iloc[0]) for key in keys}
        logged = wandb.init(
            project=experiment,
            name=name,
            group=str(config["variant"]),
            config=config,
            dir=str(place),
            mode="offline",
            reinit="create_new",
            settings=quiet,
        )
        for row in run.to_dict("records"):
            logged.log({c: row[c] for c in HISTORY[1:] if math.isfinite(row[c])}, step=int(row["epoch"]))
        facts = {fact: of_run[name][fact] for fact in _FACTS if fact in of_run.get(name, {})}
        logged.summary.update({fact: value for fact, value in facts.items() if value == value})
        logged.finish()
        count += 1
    return count


def _keys(table: pd.DataFrame) -> list[str]:
    return [*_RUN, *(["fold"] if "fold" in table else [])]


def _runs(histories: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each run's name and its history."""
    keys = _keys(histories)
    for _, run in histories.groupby(keys, sort=False):
        yield _name(run.iloc[0], keys), run


def _name(row: Any, keys: list[str]) -> str:
    fold = f"-fold{int(row['fold'])}" if "fold" in keys else ""
    return f"{row['variant']}-seed{int(row['seed'])}{fold}"
