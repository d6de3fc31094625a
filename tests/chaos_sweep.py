"""What is left of a sweep whose processes were killed: its results, its journal, and what was lost by each kill."""

import contextlib
import itertools
import json
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

SECONDS = ("seconds", "epoch_seconds")
"""The fields of run.json that hold times. All others are equal, whatever happened."""


class Lost(NamedTuple):
    """The work that a kill cost the run that lost the most.

    Args:
        training: the seconds of training that were done and are done again, those of the epoch in progress included.
        bound: the seconds between checkpoints and the longest epoch of those that were lost.
        start: the seconds beside them in which the first epoch of the process compiled its program.
    """

    training: float = 0.0
    bound: float = 0.0
    start: float = 0.0


@dataclass
class Sweep:
    """A sweep that is killed until it has ended.

    Args:
        folder: of its results.
        journal: what its drivers wrote.
        every: the seconds between checkpoints.
        ends: for each kill, when the processes ended that ended by it.
        outlived: the seconds that workers lived longer than their driver, for each driver that was killed.
        problems: what must not be.
    """

    folder: Path
    journal: Path
    every: float
    ends: list[dict[int, float]] = field(default_factory=list)
    outlived: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def events(self) -> list[list]:
        """Return the journal's lines: seconds, process id, kind, runs, epoch."""
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        return [json.loads(line) for line in lines]

    def ignored(self) -> list[str]:
        """Return a sentence for each time that a run began before an epoch of which a checkpoint had been written."""
        written: dict[str, int] = {}
        found = []
        for *_, kind, runs, epoch in self.events():
            if kind == "checkpoint":
                written.update(dict.fromkeys(runs, epoch))
            elif kind == "begin":
                late = [run for run in runs if epoch < written.get(run, 0)]
                found += [f"{run} began after epoch {epoch} and not after {written[run]}" for run in late]
        return found

    def lost(self) -> list[Lost]:
        """Return what each kill cost the run that it cost most.

        It costs a run what lies between the epoch after which another process goes on with it and the end of the one
        that was killed. The first epoch of a process compiles: as many of its seconds as the run's median epoch took
        count as training, and the others as the start, of which no checkpoint can save anything.
        """
        events = self.events()
        usual = _usual_epochs(events)
        killed = {event[1]: event[0] for event in events if event[2] == "killed"}
        found = []
        for ends in self.ends:
            costs = [Lost()]
            for process, seen in ends.items():
                end = min(seen, killed.get(process, seen))
                times = _times(events, process)
                goes_on = _next_begins(events, end)
                for run in times.keys() & goes_on.keys():
                    (began, _), *_ = times[run].items()
                    # Whoever goes on from before the beginning of this process loses what `ignored` finds.
                    since = max(began, goes_on[run])
                    at = [seconds for epoch, seconds in times[run].items() if epoch >= since]
                    if not at:
                        # Another process had come further with it before this one was killed.
                        continue
                    epochs = [b - a for a, b in itertools.pairwise([*at, end])]
                    start = max(0.0, epochs[0] - usual.get(run, 0.0)) if since == began else 0.0
                    epochs[0] -= start
                    costs.append(Lost(sum(epochs), self.every + max(epochs), start))
            found.append(max(costs))
        return found


def _times(events: list[list], process: int) -> dict[str, dict[int, float]]:
    """Return when each run that a process trained began, by the epoch, and when each of its epochs ended."""
    times: dict[str, dict[int, float]] = {}
    for seconds, own, kind, runs, epoch in events:
        for run in runs:
            if own == process and kind == "begin":
                times[run] = {epoch: seconds}
            elif own == process and kind == "epoch":
                times[run][epoch] = seconds
    return times


def _usual_epochs(events: list[list]) -> dict[str, float]:
    """Return the median of the seconds of each run's epochs, without the first ones of processes."""
    epochs: dict[str, list[float]] = {}
    for process in {event[1] for event in events}:
        for run, times in _times(events, process).items():
            epochs.setdefault(run, []).extend(b - a for a, b in itertools.pairwise([*times.values()][1:]))
    return {run: statistics.median(seconds) for run, seconds in epochs.items() if seconds}


def _next_begins(events: list[list], end: float) -> dict[str, int]:
    """Return the epoch after which each run that begins again does that first."""
    goes_on: dict[str, int] = {}
    for seconds, _, kind, runs, epoch in events:
        if kind == "begin" and seconds > end:
            for run in runs:
                goes_on.setdefault(run, epoch)
    return goes_on


@contextlib.contextmanager
def watched(sweep: Sweep) -> Iterator[None]:
    """List the runs again and again while the context lasts; whatever is listed must be whole."""
    from lab.checks import DataError
    from lab.results.layout import run_folders
    from lab.results.store import read_run

    over, whole = threading.Event(), set()

    def look() -> None:
        took = 0.0
        # Looking into hundreds of folders takes longer than into one, and must not take what trains.
        while not over.wait(max(0.01, 5 * took)):
            began = time.monotonic()
            for run in {path for path in run_folders(sweep.folder / "x") if path.name[0] != "."} - whole:
                try:
                    read_run(run)
                except DataError as error:
                    sweep.problems.append(str(error))
                whole.add(run)
            took = time.monotonic() - began

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def contents(folder: Path) -> dict[str, object]:
    """Return what a sweep left, by name, without the fields that hold times: records as values, the rest as bytes."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.name == "run.json":
            found[name] = {key: value for key, value in json.loads(path.read_text()).items() if key not in SECONDS}
        elif path.suffix == ".csv":
            found[name] = path.read_bytes()
        elif path.is_file() and path.name not in (".driver", ".lock", "provenance.json"):
            found[name] = "is there"
    return found


def problems(sweep: Sweep, whole: dict[str, object]) -> list[str]:
    """Return what is wrong with a sweep that was killed, compared with the contents of an uninterrupted one."""
    found, expected = contents(sweep.folder), whole
    differing = [name for name in found | expected if found.get(name) != expected.get(name)]
    return [*sweep.problems, *sweep.ignored(), *(f"{name} differs" for name in differing)]
