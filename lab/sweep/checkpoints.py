"""Checkpoints of runs in training: files that a killed process leaves, and from which the same command goes on.

A checkpoint is only ever a shortcut: whatever is wrong with it, its runs train from their first epoch, and where none
can be written training goes on. It is removed when all its runs are published. The files are written by a thread, and
all else here belongs to the thread that trains.
"""

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.checks import raised
from lab.engine.training_state import Offer, State
from lab.results.partial import sweep_folder
from lab.sweep import resumption
from lab.sweep.checkpoint_file import bits, read, read_header, write
from lab.sweep.checkpoint_pace import Pace
from lab.sweep.checkpoint_writer import Writer

if TYPE_CHECKING:
    from lab.engine.task import Task

FOLDER = ".checkpoints"
"""The folder in that of an experiment. No reader of results looks into folders of such names."""

SUFFIX = ".safetensors"


class Checkpoints:
    """The checkpoints of one experiment, as `lab.engine.training_state.Checkpoints` has them.

    Args:
        folder: the experiment's.
        names: of the runs, by the `id` of their tasks.
        every: the seconds of training that may be lost, as `lab.sweep.checkpoint_pace.Pace` has them; 0 writes no
            checkpoints, and still goes on from those that are there. It is never written more often than at each
            epoch's end.
        on_note: called with a sentence about a checkpoint that is ignored or cannot be written.
        on_kept: called with the names of runs and the epoch from which they would go on, 0 for none, whenever that
            changes.
        wanted: says at an epoch's end that the state is to be written whatever time has passed.
        shared: whether other processes train other runs of the experiment: then a file with runs that are not among
            `names` is left to `clear`.
        clock: returns seconds.
    """

    def __init__(
        self,
        folder: Path,
        names: Mapping[int, str],
        every: float | None,
        on_note: Callable[[str], None] = lambda sentence: None,
        on_kept: Callable[[Sequence[str], int], None] = lambda runs, epoch: None,
        wanted: Callable[[], bool] = lambda: False,
        shared: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder / FOLDER
        self.names = names
        self.every = every
        self.pace = Pace(every, clock)
        self.on_note = on_note
        self.on_kept = on_kept
        self.wanted = wanted
        self.shared = shared
        self.clock = clock
        resumption.nothing_trains()
        self.said: set[str] = set()
        self.files: dict[Path, set[str]] = {}
        """The runs that are not published yet of each file that is known here."""
        self.ended: set[str] = set()
        self.writer = Writer(clock)

    def saved(self, engine: str, tasks: "Sequence[Task]") -> list["Found"]:
        """Return the checkpoints of some of these tasks, each task in the one of its latest epoch."""
        self.wait()
        by_name = {self.names[id(task)]: task for task in tasks}
        headers = [(path, header) for path, header in self._headers() if not by_name.keys().isdisjoint(header["runs"])]
        found = []
        for path, header in sorted(headers, key=lambda one: -one[1]["epoch"]):
            self.files[path] = set(header["runs"]) - self.ended
            if not self.shared:
                self.files[path] &= set(self.names.values())
            if reason := _foreign(header, engine):
                self.ignore(path, reason)
                continue
            own = [by_name.pop(name) for name in header["runs"] if name in by_name]
            if own:
                found.append(Found(self, path, own))
        return found

    def offer(self, engine: str, tasks: "Sequence[Task]") -> Offer:
        """Return what writes the state of tasks that train together from now on, when it is time."""
        runs = sorted(self.names[id(task)] for task in tasks)
        path = self.folder / f"{hashlib.sha256(chr(10).join(runs).encode()).hexdigest()[:20]}{SUFFIX}"
        resumption.begin(runs)
        self.pace.begin()

        def take(going: "Sequence[Task]", capture: Callable[[], State]) -> None:
            self.pace.end_epoch()
            self._settle(wait=self.pace.late())
            at_once = self.pace.every > 0 and self.wanted()
            if at_once or self.pace.due(self.writer.seconds):
                self._settle(wait=True)
                self._write(path, engine, [self.names[id(task)] for task in going], capture)
                # Whoever wants it may end this process.
                self._settle(wait=at_once)

        return take

    def wait(self) -> None:
        """Wait until what is being written is there: before a file is looked for, and before training is left."""
        self._settle(wait=True)

    def published(self, name: str) -> None:
        """Remove the files of which all runs are published now that this one is."""
        resumption.published(name)
        self.ended.add(name)
        if self.writer.path is not None and self.files[self.writer.path] <= self.ended:
            self._settle(wait=True)
        self._forget({name}, but=None)

    def clear(self) -> None:
        """Remove all checkpoints: for an experiment of which every run is published."""
        self.wait()
        with contextlib.suppress(OSError):
            for path in self.folder.glob(f"*{SUFFIX}"):
                path.unlink()
            sweep_folder(self.folder)
            self.folder.rmdir()

    def ignore(self, path: Path, reason: str) -> None:
        """Say once that a file is not used."""
        self._say(f"the checkpoint {path.name} is ignored: {reason}; its runs train from their first epoch")

    def keep(self, runs: Iterable[str], epoch: int) -> None:
        """Note that the same command would go on with these runs after an epoch, from the first one for 0."""
        known = list(runs)
        resumption.checkpointed(known, epoch)
        self.on_kept(known, epoch)

    def _write(self, path: Path, engine: str, runs: list[str], capture: Callable[[], State]) -> None:
        began = self.clock()
        try:
            # These are copies, with which training has nothing more to do.
            state = capture()
            self.files[path] = set(runs)
            self.writer.begin(write, path, state, {"engine": engine, "runs": runs, "bits": bits()})
        except Exception as error:
            self._failed(runs, error)
        self.pace.take(self.clock() - began)

    def _settle(self, wait: bool) -> None:
        """Take what came of the file that was being written, if it has ended."""
        began = self.clock()
        written = self.writer.ended(wait)
        if written is None:
            return
        self.pace.pay(self.clock() - began, written.cpu)
        if written.error is not None:
            self._failed(written.runs, written.error)
            return
        self.said.clear()
        self.pace.keep()
        self.keep(set(written.runs) - self.ended, written.epoch)
        self._forget(set(written.runs), but=written.path)

    def _failed(self, runs: Sequence[str], error: Exception) -> None:
        """Say that runs have no new checkpoint; training is worth more than a shortcut."""
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else raised(error)
        self._say(f"no checkpoint is written of {len(runs)} runs in training: {reason}; they train on without")

    def _forget(self, runs: set[str], but: Path | None) -> None:
        for path, names in list(self.files.items()):
            if path != but:
                names -= runs
                if not names:
                    del self.files[path]
                    with contextlib.suppress(OSError):
                        path.unlink()

    def _headers(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        for path in sorted(self.folder.glob(f"*{SUFFIX}")):
            try:
                yield path, read_header(path)
            except FileNotFoundError:
                continue
            except Exception as error:
                self.ignore(path, str(error))

    def _say(self, sentence: str) -> None:
        if sentence not in self.said:
            self.said.add(sentence)
            self.on_note(sentence)


@dataclass(frozen=True)
class Found:
    """A checkpoint of some tasks, as `lab.engine.training_state.Saved` has it."""

    checkpoints: Checkpoints
    path: Path
    tasks: "Sequence[Task]"

    def read(self, tasks: "Sequence[Task]") -> State | None:
        """Return the state of some of these tasks, in their order; None, with a sentence, if it is damaged."""
        try:
            header, state = read(self.path)
            place = {name: i for i, name in enumerate(header["runs"])}
            names = [self.checkpoints.names[id(task)] for task in tasks]
            state = state.of([place[name] for name in names])
        except Exception as error:
            self.refuse(raised(error) if isinstance(error, (KeyError, MemoryError)) else str(error))
            return None
        self.checkpoints.keep(names, state.epoch)
        return state

    def refuse(self, reason: str) -> None:
        """Say that the checkpoint cannot be used, and why."""
        self.checkpoints.keep((self.checkpoints.names[id(task)] for task in self.tasks), 0)
        self.checkpoints.ignore(self.path, reason)


def _foreign(header: Mapping[str, Any], engine: str) -> str:
    """Return why the runs of a checkpoint would not end with the same bits here; "" if they do."""
    if header["engine"] != engine:
        return f"it was written by the engine {header['engine']}, and {engine} trains now"
    here = bits()
    differing = [name for name in here | header["bits"] if here.get(name) != header["bits"].get(name)]
    told = (f"{name} {header['bits'].get(name)} instead of {here.get(name)}" for name in differing)
    return f"it was written with {', '.join(told)}" if differing else ""
