"""What is left of a sweep whose processes were killed: its results, its journal, and what was lost by each kill."""

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SECONDS = ("seconds", "epoch_seconds")
"""The fields of run.json that hold times. All others are equal, whatever happened."""


@dataclass
class Sweep:
    """A sweep that is killed until it has ended.

    Args:
        folder: of its results.
        journal: what its drivers wrote.
        ends: for each kill, the processes that ended by it, and when it was seen.
        outlived: the seconds that workers lived longer than their driver, for each driver that was killed.
        problems: what must not be.
    """

    folder: Path
    journal: Path
    ends: list[tuple[set[int], float]] = field(default_factory=list)
    outlived: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def events(self) -> list[list]:
        """Return the journal's lines: seconds, process id, kind, runs, epoch."""
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        return [json.loads(line) for line in lines]

    def lost(self) -> list[float]:
        """Return the seconds of training that each kill cost the run that it cost most."""
        events, found = self.events(), []
        for killed, end in self.ends:
            own = [event for event in events if event[1] in killed]
            later = [event for event in events if event[2] == "begin" and event[0] > end]
            known: dict[tuple[str, int], float] = {}
            for seconds, _, kind, runs, epoch in own:
                if kind in ("begin", "epoch"):
                    known.update({(run, epoch): seconds for run in runs})
            begun = {run for run, _ in known}
            goes_on: dict[str, int] = {}
            for event in reversed(later):
                goes_on.update(dict.fromkeys(event[3], event[4]))
            costs = [end - known.get((run, goes_on[run]), end) for run in begun if run in goes_on]
            found.append(max(costs, default=0.0))
        return found


@contextlib.contextmanager
def watched(sweep: Sweep) -> Iterator[None]:
    """List the runs again and again while the context lasts; whatever is listed must be whole."""
    from lab.checks import DataError
    from lab.results.store import read_run

    over, whole = threading.Event(), set()

    def look() -> None:
        while not over.wait(0.01):
            for run in set(sweep.folder.glob("x/runs/[!.]*")) - whole:
                try:
                    read_run(run)
                except DataError as error:
                    sweep.problems.append(str(error))
                whole.add(run)

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
    return [*sweep.problems, *(f"{name} differs" for name in differing)]
