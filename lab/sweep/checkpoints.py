"""Checkpoints of runs in training: files that a killed process leaves, and from which the same command goes on.

A checkpoint is only ever a shortcut: whatever is wrong with it, its runs train from their first epoch, and where none
can be written training goes on. It is removed when all its runs are published.
"""

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.checks import raised
from lab.engine.training_state import Offer, State
from lab.results.partial import sweep_folder
from lab.sweep import resumption
from lab.sweep.checkpoint_file import bits, read, read_header, write

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
        every: the seconds of training that may be lost; 0 writes no checkpoints, and still goes on from those that are
            there. It is never written more often than at each epoch's end.
        on_note: called with a sentence about a checkpoint that is ignored or cannot be written.
        wanted: says at an epoch's end that the state is to be written whatever time has passed.
        clock: returns seconds.
    """

    def __init__(
        self,
        folder: Path,
        names: Mapping[int, str],
        every: float,
        on_note: Callable[[str], None] = lambda sentence: None,
        wanted: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder / FOLDER
        self.names = names
        self.every = every
        self.on_note = on_note
        self.wanted = wanted
        self.clock = clock
        resumption.nothing_trains()
        self.said: set[str] = set()
        self.files: dict[Path, set[str]] = {}
        """The runs that are not published yet of each file that is known here."""

    def saved(self, engine: str, tasks: "Sequence[Task]") -> list["Found"]:
        """Return the checkpoints of some of these tasks, each task in the one of its latest epoch."""
        by_name = {self.names[id(task)]: task for task in tasks}
        headers = [(path, header) for path, header in self._headers() if not by_name.keys().isdisjoint(header["runs"])]
        found = []
        for path, header in sorted(headers, key=lambda one: -one[1]["epoch"]):
            self.files[path] = set(header["runs"]) & set(self.names.values())
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
        last = before = self.clock()

        def take(going: "Sequence[Task]", capture: Callable[[], State]) -> None:
            nonlocal last, before
            now = self.clock()
            # It is written now if it would be too late after one more epoch.
            due = self.every > 0 and now - last + (now - before) > self.every
            before = now
            if due or (self.every > 0 and self.wanted()):
                self._write(path, engine, [self.names[id(task)] for task in going], capture)
                last = before = self.clock()

        return take

    def published(self, name: str) -> None:
        """Remove the files of which all runs are published now that this one is."""
        resumption.published(name)
        self._forget({name}, but=None)

    def clear(self) -> None:
        """Remove all checkpoints: for an experiment of which every run is published."""
        with contextlib.suppress(OSError):
            for path in self.folder.glob(f"*{SUFFIX}"):
                path.unlink()
            sweep_folder(self.folder)
            self.folder.rmdir()

    def ignore(self, path: Path, reason: str) -> None:
        """Say once that a file is not used."""
        self._say(f"the checkpoint {path.name} is ignored: {reason}; its runs train from their first epoch")

    def _write(self, path: Path, engine: str, runs: list[str], capture: Callable[[], State]) -> None:
        try:
            state = capture()
            write(path, state, {"engine": engine, "runs": runs, "bits": bits()})
        except Exception as error:
            # Training is worth more than a shortcut.
            reason = (error.strerror or str(error)) if isinstance(error, OSError) else raised(error)
            self._say(f"no checkpoint is written of {len(runs)} runs in training: {reason}; they train on without")
            return
        self.said.clear()
        resumption.checkpointed(runs, state.epoch)
        self.files[path] = set(runs)
        self._forget(set(runs), but=path)

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
        resumption.checkpointed(names, state.epoch)
        return state

    def refuse(self, reason: str) -> None:
        """Say that the checkpoint cannot be used, and why."""
        resumption.checkpointed((self.checkpoints.names[id(task)] for task in self.tasks), 0)
        self.checkpoints.ignore(self.path, reason)


def _foreign(header: Mapping[str, Any], engine: str) -> str:
    """Return why the runs of a checkpoint would not end with the same bits here; "" if they do."""
    if header["engine"] != engine:
        return f"it was written by the engine {header['engine']}, and {engine} trains now"
    here = bits()
    differing = [name for name in here | header["bits"] if here.get(name) != header["bits"].get(name)]
    told = (f"{name} {header['bits'].get(name)} instead of {here.get(name)}" for name in differing)
    return f"it was written with {', '.join(told)}" if differing else ""
