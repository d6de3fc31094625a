"""Keep the state of a running sweep on the disk, so that other processes can watch it.

It costs a sweep one small file a second. Nothing that it writes is needed to go on after a crash: so it waits for no
disk, and a disk that is full stops it and not the training.
"""

import contextlib
import math
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lab.results.partial import partial_file
from lab.sweep.progress import Named, Progress, TimeLeft
from lab.sweep.state import COLUMNS, STATE_FILE, SWEEP_FOLDER, Cohort, State, digest, line, to_json

if TYPE_CHECKING:
    from lab.engine.task import History

EVERY = 1.0
"""Seconds between two states at least."""


class _Run(Named, Protocol):
    """A run of an experiment."""

    @property
    def name(self) -> str:
        """The name of its folder."""


@dataclass(eq=False)
class _Cohort:
    """Runs that train together: by name their histories, and how many rows of each are in the file already."""

    file: str
    epochs: int
    epoch: int = 0
    histories: "dict[str, History]" = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)

    def lines(self) -> str:
        """Return the lines that the file lacks, and take them as written."""
        lacking = []
        for run, rows in self.histories.items():
            lacking += [line(run, row) for row in rows[self.written.get(run, 0) :]]
            self.written[run] = len(rows)
        return "".join(lacking)

    def shown(self) -> Cohort:
        last = [rows[-1] for rows in self.histories.values()]
        train, validation = (tuple(_finite(row[name]) for row in last) for name in ("train_data_loss", "val_data_loss"))
        return Cohort(tuple(self.histories), self.epoch, self.epochs, train, validation, self.file)


class Journal:
    """The state of a sweep; its methods are the callbacks of `Progress`.

    Args:
        folder: of the experiment, whose lock this process holds.
        names: of the runs of the experiment.
        failed: how many of them failed before, and are not tried again.
        clock: returns seconds.
    """

    def __init__(
        self, folder: Path, names: Sequence[str], failed: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.place = folder / SWEEP_FOLDER
        self.experiment = folder.name
        self.plan, self.planned = digest(names), len(names)
        self.published, self.failed = 0, failed
        self.doing = ""
        self.clock = clock
        self.began, self.began_at = clock(), datetime.now(UTC).isoformat(timespec="seconds")
        self.wrote = -math.inf
        self.time_left = TimeLeft(0, clock)
        self.left: float | None = None
        self.cohorts: dict[str, _Cohort] = {}
        self.count = 0
        self.ended: set[str] = set()

    def on_plan(self, runs: int, published: int) -> None:
        """Begin: the first state is there before the first run trains."""
        self.published = published
        self.time_left = TimeLeft(runs - published - self.failed, self.clock)
        self.write()

    def on_wait(self, sentence: str) -> None:
        """Remember what is being done; it is written at once where it is of another kind, which may take long."""
        is_new = sentence.split(maxsplit=1)[:1] != self.doing.split(maxsplit=1)[:1]
        self.doing = sentence
        self._write_after(0.0 if is_new else EVERY)

    def on_epoch(
        self, runs: Sequence[_Run], epoch: int, live: int, best: float, histories: "Sequence[History]"
    ) -> None:
        """Remember how far the runs of a cohort are."""
        going = {run.name: rows for run, rows in zip(runs, histories, strict=True) if run.name not in self.ended}
        epochs = runs[0].task.training.epochs
        self.left = self.time_left.after(epoch, epochs, live)
        self.doing = ""
        if going:
            cohort = self._cohort(going, epoch, epochs)
            cohort.epoch, cohort.histories = epoch, going
        self._write_after(EVERY)

    def on_end(self, run: _Run, _: object = None) -> None:
        """Remember that a run is published."""
        self.published += 1
        self._ended(run)

    def on_failure(self, run: _Run, _: str = "") -> None:
        """Remember that a run failed."""
        self.failed += 1
        self._ended(run)

    def on_unwritten(self, run: _Run, _: object = None) -> None:
        """Remember that a run has ended, which is still missing."""
        self._ended(run)

    def _ended(self, run: _Run) -> None:
        self.time_left.ended += 1
        self.ended.add(run.name)
        self._leave(run.name)
        self._write_after(EVERY)

    def _cohort(self, going: Mapping[str, object], epoch: int, epochs: int) -> _Cohort:
        """Return the cohort that some runs are of; a new one where they begin, be it again, as after a failure."""
        found = self.cohorts.get(next(iter(going)))
        if found is None or epoch <= found.epoch or not going.keys() <= found.histories.keys():
            for run in going:
                self._leave(run)
            self.count += 1
            found = _Cohort(f"cohort-{self.count}.csv", epochs)
            self._append(found, ",".join(COLUMNS) + "\n")
            self.cohorts |= dict.fromkeys(going, found)
        return found

    def _leave(self, run: str) -> None:
        """Take a run out of its cohort, whose file goes with the last of them."""
        cohort = self.cohorts.pop(run, None)
        if cohort is not None:
            cohort.histories = {name: rows for name, rows in cohort.histories.items() if name != run}
            if not cohort.histories:
                with contextlib.suppress(OSError):
                    (self.place / cohort.file).unlink()

    def _write_after(self, seconds: float) -> None:
        if self.clock() - self.wrote >= seconds:
            self.write()

    def write(self) -> None:
        """Write the state, now."""
        running = list(dict.fromkeys(self.cohorts.values()))
        for cohort in running:
            self._append(cohort, cohort.lines())
        state = State(
            experiment=self.experiment,
            process=os.getpid(),
            host=socket.gethostname(),
            began=self.began_at,
            elapsed=round(self.clock() - self.began, 1),
            plan=self.plan,
            planned=self.planned,
            published=self.published,
            failed=self.failed,
            doing=self.doing,
            left=None if self.left is None else round(self.left, 1),
            running=tuple(cohort.shown() for cohort in running),
        )
        with contextlib.suppress(OSError):
            self.place.mkdir(exist_ok=True)
            with partial_file(self.place) as (partial, file):
                file.write(to_json(state).encode())
                file.close()
                os.replace(partial, self.place / STATE_FILE)
        self.wrote = self.clock()

    def _append(self, cohort: _Cohort, text: str) -> None:
        with contextlib.suppress(OSError):
            self.place.mkdir(exist_ok=True)
            with open(self.place / cohort.file, "a", encoding="utf-8") as file:
                file.write(text)


@contextmanager
def journal(folder: Path, names: Sequence[str], failed: int = 0) -> Iterator[Progress]:
    """Keep the state of a sweep for as long as the context lasts; what a killed process left goes first.

    Args:
        folder: of the experiment, whose lock this process holds.
        names: of the runs of the experiment.
        failed: how many of them failed before, and are not tried again.

    Returns:
        What is to be told of the sweep.
    """
    place = folder / SWEEP_FOLDER
    shutil.rmtree(place, ignore_errors=True)
    kept = Journal(folder, names, failed)
    kept.write()
    try:
        yield Progress(
            on_plan=kept.on_plan,
            on_wait=kept.on_wait,
            on_epoch=kept.on_epoch,
            on_end=kept.on_end,
            on_failure=kept.on_failure,
            on_unwritten=kept.on_unwritten,
        )
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
