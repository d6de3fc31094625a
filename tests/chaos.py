"""A sweep whose driver is killed again and again: `python -m tests.chaos --kills 200`.

It is killed with SIGKILL at a random moment, or at a random step of writing to the disk, before or after it. What was
lost follows from the journal that its processes write: the seconds from the epoch from which a run goes on to the kill.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos_driver import MOMENTS

SECONDS = ("seconds", "epoch_seconds")
"""The fields of run.json that hold times. All others are equal, whatever happened."""


@dataclass
class Sweep:
    """A sweep that is killed until it has ended.

    Args:
        folder: of its results.
        journal: what its drivers wrote.
        ends: for each process that was killed, its process id and when it was seen to be dead.
        problems: what must not be.
    """

    folder: Path
    journal: Path
    ends: list[tuple[int, float]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def events(self) -> list[list]:
        """Return the journal's lines: seconds, process id, kind, runs, epoch."""
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        return [json.loads(line) for line in lines]

    def lost(self) -> list[float]:
        """Return the seconds of training that each kill cost the run that it cost most."""
        events, found = self.events(), []
        for pid, end in self.ends:
            own = [event for event in events if event[1] == pid]
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


class Chaos:
    """Drivers of sweeps that are killed.

    Args:
        folder: for everything that is written.
        random: decides when.
        epochs, every: of the experiment, and the seconds between its checkpoints.
    """

    def __init__(self, folder: Path, generator: random.Random, epochs: int, every: float) -> None:
        self.folder, self.random, self.epochs, self.every = folder, generator, epochs, every
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos_driver"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def close(self) -> None:
        """End the process that forks drivers."""
        self.process.communicate()

    def attempt(self, sweep: Sweep, engine: str, way: str) -> bool:
        """Start a driver and kill it; return whether it was killed, or had ended before."""
        at = (self.random.randint(1, 80), self.random.choice(MOMENTS)) if way == "step" else None
        arguments = [str(sweep.folder), self.epochs, self.every, engine, str(sweep.journal), at]
        before = len(sweep.events())
        self.process.stdin.write(json.dumps(arguments) + "\n")
        self.process.stdin.flush()
        pid = int(self.process.stdout.readline())
        if way == "moment":
            self._wait(sweep, before, pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        status = int(self.process.stdout.readline())
        if status not in (0, signal.SIGKILL):
            sweep.problems.append(f"a driver ended with the status {status}")
        if status == signal.SIGKILL:
            sweep.ends.append((pid, time.monotonic()))
        return status == signal.SIGKILL

    def _wait(self, sweep: Sweep, before: int, pid: int) -> None:
        """Wait for a moment: one of three of the start, the others of training."""
        if self.random.random() < 1 / 3:
            time.sleep(self.random.uniform(0, 2))
            return
        while not any(event[2] == "epoch" for event in sweep.events()[before:]):
            time.sleep(0.01)
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
        time.sleep(self.random.uniform(0, 3 * self.every))

    def sweep(self, name: str, engine: str, kills: int) -> Sweep:
        """Run a sweep whose driver is killed at most so often, at random moments and steps, until it has ended."""
        sweep = Sweep(self.folder / name, self.folder / f"{name}.journal")
        with watched(sweep):
            while len(sweep.ends) < kills:
                if not self.attempt(sweep, engine, self.random.choice(("step", "moment"))):
                    return sweep
            while self.attempt(sweep, engine, "whole"):
                pass
        return sweep


def problems(sweep: Sweep, whole: dict[str, object]) -> list[str]:
    """Return what is wrong with a sweep that was killed, compared with the contents of an uninterrupted one."""
    found, expected = contents(sweep.folder), whole
    differing = [name for name in found | expected if found.get(name) != expected.get(name)]
    return [*sweep.problems, *(f"{name} differs" for name in differing)]


def main() -> None:
    """Kill drivers until there were enough kills, and print what was lost; end with 1 if anything is wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=float, default=0.5)
    parser.add_argument("--epochs", type=int, default=400)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        chaos = Chaos(Path(folder), random.Random(options.seed), options.epochs, options.every)
        kills, wrong, lost, sweeps = 0, [], [], 0
        whole: dict[str, dict[str, object]] = {}
        while kills < options.kills:
            engine = "keras_fit" if sweeps % 4 == 3 else "cohort"
            if engine not in whole:
                whole[engine] = contents(chaos.sweep(f"whole-{engine}", engine, 0).folder)
            sweep = chaos.sweep(f"sweep{sweeps}", engine, options.kills - kills)
            sweeps, kills = sweeps + 1, kills + len(sweep.ends)
            wrong += [f"sweep {sweeps}: {sentence}" for sentence in problems(sweep, whole[engine])]
            lost += sweep.lost()
            print(f"{kills} kills in {sweeps} sweeps, {len(wrong)} problems", flush=True)
        chaos.close()
    lost.sort()
    late = sum(seconds > options.every for seconds in lost)
    print(
        f"lost per kill, a checkpoint every {options.every} s: median {lost[len(lost) // 2]:.2f} s, nine of ten at "
        f"most {lost[len(lost) * 9 // 10]:.2f} s, largest {lost[-1]:.2f} s; {late} above the interval"
    )
    print("\n".join(wrong) or "every run is there once, and every byte is that of the uninterrupted sweep")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
