"""What a worker does for the process that drives a sweep: show that it can, sort runs into cohorts, train a cohort.

Requests and answers are JSON. A worker loads the experiment's script itself, holds the ids of its runs against those
that it was given, and publishes what it trains into the results folder that it shares with the driver. There it leaves
the checkpoints from which another worker goes on.
"""

import dataclasses
import functools
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.checks import DataError, UsageError, raised
from lab.engine import dispatch, memory
from lab.engine.tensorflow import load_tensorflow
from lab.plan import Run, plan
from lab.sweep import source
from lab.sweep.loading import Loaded
from lab.sweep.publishing import publisher
from lab.sweep.workers import version

if TYPE_CHECKING:
    from lab.engine.task import History, Trained
    from lab.experiment import Experiment

TELL_EVERY = 0.5
"""Seconds between two messages of one worker on its epochs at least."""

Tell = Callable[[dict[str, Any]], None]


class AbandonedError(Exception):
    """The process that asked for this work has ended, or has given it to somebody else."""


def probe(request: str) -> str:
    """Show that this process runs the same lab and sees the same results folder.

    Args:
        request: JSON with "folder", in which the driver wrote the file "driver", and "name", of the file to be written
            beside it with the same content.

    Returns:
        JSON with "host", "process", "version" and "python"; "trouble" says what does not work, "" if all does.
    """
    asked = json.loads(request)
    folder, trouble = Path(asked["folder"]), ""
    try:
        token = (folder / "driver").read_text(encoding="ascii")
        (folder / asked["name"]).write_text(token, encoding="ascii")
    except OSError as error:
        trouble = error.strerror or str(error)
    python = ".".join(map(str, sys.version_info[:2]))
    return json.dumps(
        {"host": socket.gethostname(), "process": os.getpid(), "version": version(), "python": python}
        | {"trouble": trouble}
    )


def group(request: str) -> str:
    """Sort runs into cohorts, without training them.

    Args:
        request: JSON as `lab.sweep.crew` makes it.

    Returns:
        JSON with "groups", lists of places in the request's runs, and "largest", how many may train together;
        "refused", for each run that no cohort can train its place and the reason; or "error", a sentence.
    """
    with _answering(json.loads(request)) as (asked, tell, answer):
        runs = _runs(asked)
        load_tensorflow(asked["precision"])
        # It imports TensorFlow, which would print.
        from lab.engine import cohort

        found = cohort.group([run.task for run in runs], lambda sentence: tell({"wait": sentence}))
        # A run without a model is trained alone: whoever trains it says why it fails.
        answer["groups"] = [*(members.indices for members in found.groups), *([i] for i in found.failed)]
        answer["largest"] = cohort.LARGEST_COHORT
        answer["refused"] = [[i, reason] for i, reason in found.refused.items()]
    return json.dumps(answer)


def train(request: str) -> str:
    """Train runs of one structure and publish them; those that are published already are left out.

    Args:
        request: JSON as `lab.sweep.crew` makes it.

    Returns:
        JSON with "failed", for each run that failed its place and a sentence; "unwritten", for each run that could not
        be published its place, the number and the words of the error, and the path; "memory", the bytes that this
        process takes; or "error", a sentence.
    """
    # pandas loads here.
    from lab import results
    from lab.sweep.checkpoints import Checkpoints

    with _answering(json.loads(request)) as (asked, tell, answer):
        folder = Path(asked["folder"])
        runs = _runs(asked)
        left = [i for i, run in enumerate(runs) if not results.is_published(folder, run.name)]
        failed: list[list[Any]] = []
        unwritten: list[list[Any]] = []
        answer |= {"failed": failed, "unwritten": unwritten}
        publish = publisher(folder, asked["keep_models"], lambda sentence: tell({"note": sentence}))
        epochs = _Epochs(tell)
        told: set[int] = set()
        place = {runs[i].name: i for i in left}
        checkpoints = Checkpoints(
            folder,
            {id(runs[i].task): runs[i].name for i in left},
            asked["checkpoint_every"],
            on_note=lambda sentence: tell({"note": sentence}),
            on_kept=lambda names, epoch: tell({"kept": [[place[name] for name in names], epoch]}),
            shared=True,
        )

        def on_trained(k: int, trained: "Trained") -> None:
            try:
                publish(runs[left[k]], trained)
            except OSError as error:
                unwritten.append([left[k], error.errno, error.strerror, error.filename])
            else:
                checkpoints.published(runs[left[k]].name)
                tell({"ended": left[k]})

        def on_epoch(
            members: Sequence[int], epoch: int, live: int, best: float, histories: "Sequence[History]"
        ) -> None:
            _stop_if_abandoned()
            places = [left[k] for k in members]
            # A run that goes on from a checkpoint brings its past, which the driver may not know.
            news = [rows[-1:] if i in told else rows for i, rows in zip(places, histories, strict=True)]
            told.update(places)
            epochs.add(places, epoch, live, best, news)

        try:
            dispatch.train(
                [runs[i].task for i in left],
                [runs[i].place for i in left],
                engine=asked["engine"],
                precision=asked["precision"],
                on_trained=on_trained,
                on_epoch=on_epoch,
                on_failure=lambda k, error: failed.append([left[k], type(error).__name__, str(error)]),
                on_refusal=lambda k, reason: tell({"refusal": [left[k], reason]}),
                on_wait=lambda sentence: tell({"wait": sentence}),
                checkpoints=checkpoints,
            )
        except (UsageError, DataError):
            # Each is in `failed`; where none is, it is no failure of a run.
            if not failed:
                raise
        finally:
            checkpoints.wait()
        answer["memory"] = _resident()
    return json.dumps(answer)


class _Epochs:
    """Epochs that the driver is told of, several in one message where they are short."""

    def __init__(self, tell: Tell) -> None:
        self.tell = tell
        self.told = 0.0
        self.waiting: list[list[Any]] = []

    def add(self, *epoch: Any) -> None:
        """Tell of an epoch: the places of its runs, its number, how many go on, their lowest loss, new rows of each."""
        self.waiting.append([*epoch])
        if time.monotonic() - self.told >= TELL_EVERY:
            self.tell({"epochs": self.waiting})
            self.told, self.waiting = time.monotonic(), []


@contextmanager
def _answering(asked: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Tell, dict[str, Any]]]:
    """Prepare this process for a request, and put what goes wrong into the answer as a sentence."""
    from distributed import get_worker

    worker, here = get_worker(), socket.gethostname()
    answer: dict[str, Any] = {"host": here, "process": os.getpid()}
    tell = functools.partial(_tell, worker, asked["topic"], asked["unit"])
    try:
        os.chdir(asked["working_folder"])
        memory.share(asked["sharing"])
        yield asked, tell, answer
    except AbandonedError:
        raise
    except (UsageError, DataError, OSError) as error:
        answer["error"] = str(error)
    except Exception as error:
        answer["error"] = raised(error)


def _tell(worker: Any, topic: str, unit: int, message: dict[str, Any]) -> None:
    worker.log_event(topic, {"unit": unit, **message})


def _stop_if_abandoned() -> None:
    """End the work at an epoch's end if nobody waits for it any more; a cohort in training cannot be interrupted."""
    from distributed import get_worker

    worker = get_worker()
    state = worker.state.tasks.get(worker.get_current_task())
    if state is None or state.state in ("cancelled", "released", "forgotten"):
        raise AbandonedError


_prepared: dict[str, tuple["Experiment", dict[Hashable, Loaded]]] = {}
"""The experiment that was asked for last, and the data of the runs that were."""


def _runs(asked: dict[str, Any]) -> list[Run]:
    """Return the runs of a request.

    Raises:
        DataError: the experiment declares other runs here than where the request comes from.
    """
    key = json.dumps(asked["source"], sort_keys=True)
    if key not in _prepared:
        _prepared.clear()
        _prepared[key] = source.from_json(asked["source"]).experiment(), {}
    experiment, loaded = _prepared[key]
    wanted = [(variant, seed, None if fold is None else tuple(fold)) for variant, seed, fold, _ in asked["runs"]]
    # Seeds may have been added since the script was written.
    seeded = dataclasses.replace(experiment, seeds=sorted({seed for _, seed, _ in wanted}))
    if asked["precision"] != "exact":
        # A loader may compute with TensorFlow, whose precision follows from its start.
        load_tensorflow(asked["precision"])
    found = {(run.variant, run.seed, run.fold): run for run in plan(seeded, only=wanted, loaded=loaded)}
    kept = {id(run.task.data) for run in found.values()}
    _prepared[key] = experiment, {call: data for call, data in loaded.items() if id(data) in kept}
    runs = []
    for place, (*_, name) in zip(wanted, asked["runs"], strict=True):
        run = found.get(place)
        if run is None or run.name != name:
            here = "no such run" if run is None else run.name
            raise DataError(
                f"{experiment.name} must declare the same runs on {socket.gethostname()} as where it is driven, got "
                f"{here} instead of {name}; its script, its data, the lab or the number of threads differ there"
            )
        runs.append(run)
    return runs


def _resident() -> int:
    """Return the bytes of memory that this process takes; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
