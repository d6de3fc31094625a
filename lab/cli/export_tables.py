"""`python -m lab export tensorboard | mlflow | wandb | parquet`: histories, where people already look."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lab.cli.folders import below, named
from lab.cli.options import RESULTS, Folder, Name, OptionalPath


def export_tensorboard(
    experiment: Name,
    /,
    *,
    output: Annotated[OptionalPath, Parameter(name=["--output", "-o"])] = None,
    results: Folder = RESULTS,
) -> None:
    """Write the history of each run as an event file, which TensorBoard shows: tensorboard --logdir FOLDER.

    Args:
        experiment: a folder below the results.
        output: a new folder; <experiment>-tensorboard in the current folder unless named.
        results: the folder with the experiments' folders.
    """
    from lab.results.elsewhere import write_tensorboard

    folder = below(results, experiment)
    place = output or Path(f"{folder.name}-tensorboard")
    print(f"{write_tensorboard(folder, place)} runs: tensorboard --logdir {place}")


def export_mlflow(experiment: Name, /, *, uri: Name, results: Folder = RESULTS) -> None:
    """Log the history of each run to MLflow, as the runs of an experiment of this name.

    Args:
        experiment: a folder below the results.
        uri: of the tracking server or store, as MLflow takes it: http://..., sqlite:///...
        results: the folder with the experiments' folders.
    """
    from lab.results.elsewhere import write_mlflow

    print(f"{write_mlflow(below(results, experiment), uri)} runs: {uri}")


def export_wandb(
    experiment: Name,
    /,
    *,
    output: Annotated[OptionalPath, Parameter(name=["--output", "-o"])] = None,
    results: Folder = RESULTS,
) -> None:
    """Write each run as an offline run of Weights & Biases; nothing is sent, and no account is asked.

    Args:
        experiment: a folder below the results.
        output: a new folder; <experiment>-wandb in the current folder unless named.
        results: the folder with the experiments' folders.
    """
    from lab.results.elsewhere import write_wandb

    folder = below(results, experiment)
    place = output or Path(f"{folder.name}-wandb")
    print(f"{write_wandb(folder, place)} runs: wandb sync {place}/wandb/offline-run-*")


def export_parquet(
    experiment: Name,
    /,
    *,
    output: Annotated[OptionalPath, Parameter(name=["--output", "-o"])] = None,
    results: Folder = RESULTS,
) -> None:
    """Write the histories of all runs as one Parquet file, with the columns of histories.csv.

    Args:
        experiment: a folder below the results.
        output: the file; <experiment>.parquet in the current folder unless named.
        results: the folder with the experiments' folders.
    """
    from lab.results.elsewhere import write_parquet

    folder = below(results, experiment)
    print(f"histories: {write_parquet(folder, named(output, folder, '.parquet'))}")
