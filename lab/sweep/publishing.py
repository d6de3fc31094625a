"""Publish a run that has been trained: measured on its test split, with its model where that is kept."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lab.checks import DataError, raised

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    import keras

    from lab.engine.outputs import Measured
    from lab.engine.task import Task, Trained
    from lab.plan import Run


MOST_MODELS = 16
"""The most models that `Models` keeps."""


class Models:
    """Models to measure runs with. Runs of one form share one.

    It is not only the time to build it. Building a model sets the seed of TensorFlow, which then prepares all compiled
    programs anew, those among them that are training other runs. (16 runs of four forms of a small net took 4.9 s of
    processor time with a model for each, and 3.1 s with one for each form.)
    """

    def __init__(self) -> None:
        self._built: dict[Hashable, keras.Model] = {}

    def of(self, task: "Task", structure: "Hashable") -> "keras.Model":
        """Return a model that computes what a run's model does, once it has its weights.

        Args:
            task: the run.
            structure: as `lab.engine.task.Trained` has it.
        """
        if task.factory is None or (structure is None and not task.alike):
            return task.build()
        form = task.factory, None if task.alike else structure
        # The one that was used last is the last; a sweep may have more forms than fit into memory.
        model = self._built.pop(form, None) or task.build()
        self._built[form] = model
        if len(self._built) > MOST_MODELS:
            del self._built[next(iter(self._built))]
        return model


class Publish(Protocol):
    """A function that publishes a run of one experiment."""

    def __call__(self, run: "Run", trained: "Trained") -> None:
        """Publish a run.

        Raises:
            OSError: it cannot be written; the other runs can still be.
        """


def publisher(folder: Path, keep_models: bool, on_note: "Callable[[str], None]") -> Publish:
    """Return the function that publishes the runs of an experiment, in whichever process they were trained.

    Args:
        folder: the experiment's, which has its name.
        keep_models: whether each run is published with its model.
        on_note: called with a sentence about what could not be measured or kept.
    """
    # pandas loads here.
    from lab import results
    from lab.results.record import record

    models = Models()

    def publish(run: "Run", trained: "Trained") -> None:
        measured = _measured(run, trained, models, on_note)
        model = _model(run, trained, on_note) if keep_models else None
        results.publish(folder, run.name, trained.rows, record(folder.name, run, trained, measured), model)

    return publish


def _measured(run: "Run", trained: "Trained", models: Models, on_note: "Callable[[str], None]") -> "Measured | None":
    """Measure a run's weights; where that fails, say so, and keep what it trained."""
    # It imports TensorFlow, which the engine has loaded by now.
    from lab.engine.outputs import measured

    try:
        return measured(run.task, trained, models.of(run.task, trained.structure))
    except Exception as error:
        on_note(f"{run.place} is published without more measures of its test split: {raised(error)}")
        return None


def _model(run: "Run", trained: "Trained", on_note: "Callable[[str], None]") -> tuple[bytes, str] | None:
    """Return a run's kept model as the bytes of a .keras file, and its data as JSON; say so where there is none."""
    from lab.data.description import description
    from lab.models.keras_file import model_bytes

    who = f"the model of {run.place}"
    if trained.weights is None:
        on_note(f"{who} is not kept, as no epoch is")
        return None
    try:
        model = run.task.build()
        model.set_weights(trained.weights)
        return model_bytes(model, who), description(run.task.data)
    except Exception as error:
        on_note(error.args[0] if isinstance(error, DataError) else f"{who} is not kept: {raised(error)}")
        return None


def published(folder: Path, name: str, within: float) -> "Trained":
    """Return a run as it is on the disk, without its weights.

    Args:
        folder: the experiment's.
        name: of the run.
        within: seconds in which it must be seen here, where another machine has published it.

    Raises:
        DataError: it is not there, although it was published, or it is damaged.
    """
    from lab.engine.task import Trained
    from lab.results.layout import run_folder
    from lab.results.store import read_run

    until = time.monotonic() + within
    while True:
        try:
            record, history = read_run(run_folder(folder, name))
            break
        except DataError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
    return Trained(
        engine=record["engine"],
        status=record["status"],
        kept_epoch=record["kept_epoch"],
        rows=[{str(name): value for name, value in row.items()} for row in history.to_dict("records")],
        test=record["test"],
        weights=None,
        last_weights=None,
        parameters=record["parameters"],
        seconds=record["seconds"],
        epoch_seconds=record["epoch_seconds"],
    )
