"""Sweeps whose drivers and workers are killed again and again: `python -m tests.chaos --kills 200`.

They are killed with SIGKILL at a random moment, or at a random step of writing to the disk, before or after it. What
was lost follows from the journal that they write: the seconds from the epoch from which a run goes on to the kill.
"""

import argparse
import contextlib
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos_driver import MOMENTS
from tests.chaos_sweep import Lost, Sweep, contents, problems, watched
from tests.chaos_worker import FOLDER

OUTLIVED = 5.0
"""The seconds that a worker may live longer than its driver."""


class Chaos:
    """Drivers and workers of sweeps that are killed.

    Args:
        folder: for everything that is written.
        generator: decides when.
        epochs, every: of the experiment, and the seconds between its checkpoints.
    """

    def __init__(self, folder: Path, generator: random.Random, epochs: int, every: float) -> None:
        self.folder, self.random, self.epochs, self.every = folder, generator, epochs, every
        self.born = folder / "workers"
        self.born.mkdir()
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from tests.chaos_driver import nursery; nursery()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, FOLDER: str(self.born)},
        )

    def close(self) -> None:
        """End the process that forks drivers."""
        self.process.communicate()

    def alive(self) -> set[int]:
        """Return the workers that are there."""
        return {pid for path in self.born.iterdir() if is_alive(pid := int(path.name))}

    def attempt(self, sweep: Sweep, engine: str, kills: int) -> bool:
        """Start a driver and kill its workers, and then itself, at most so often; return whether it was killed."""
        workers = self.random.randint(0, min(2, kills)) if engine == "workers" else 0
        way = self.random.choice(("step", "moment")) if kills > workers else "whole"
        at = self._step() if way == "step" else None
        before = len(sweep.events())
        # A worker that was to die at a step may have ended with its driver before.
        for path in sweep.folder.parent.glob(f"{sweep.folder.name}.kill*"):
            path.unlink()
        if workers and self.random.random() < 1 / 2:
            sweep.folder.with_name(f"{sweep.folder.name}.kill").write_text(json.dumps(self._step()))
        self.process.stdin.write(json.dumps([str(sweep.folder), self.epochs, self.every, engine, at]) + "\n")
        self.process.stdin.flush()
        pid = int(self.process.stdout.readline())
        for _ in range(workers):
            self._kill_a_worker(sweep, before, pid)
        killed = math.inf
        if way == "moment":
            self._wait(sweep, before, pid)
            killed = time.monotonic()
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        status, end = int(self.process.stdout.readline()), time.monotonic()
        if status not in (0, signal.SIGKILL):
            sweep.problems.append(f"a driver ended with the status {status}")
        left = self._bury(sweep, end) if engine == "workers" else {}
        if status == signal.SIGKILL:
            sweep.ends.append({pid: min(killed, end), **left})
        return status == signal.SIGKILL

    def _step(self) -> tuple[int, str]:
        return self.random.randint(1, 80), self.random.choice(MOMENTS)

    def _kill_a_worker(self, sweep: Sweep, before: int, driver: int) -> None:
        """Kill one that has begun to train, or wait until it has died at its step."""
        self._wait(sweep, before, driver)
        asked = list(sweep.folder.parent.glob(f"{sweep.folder.name}.kill.*"))
        begun = {event[1] for event in sweep.events()[before:]} & self.alive()
        pid = int(asked[0].suffix[1:]) if asked else self.random.choice([*begun, 0])
        for path in asked:
            path.unlink()
        until = time.monotonic() + 4 * self.every * bool(asked)
        while pid and time.monotonic() < until and is_alive(pid):
            time.sleep(0.01)
        if pid and is_alive(driver):
            end = time.monotonic()
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            sweep.ends.append({pid: end})

    def _bury(self, sweep: Sweep, end: float) -> dict[int, float]:
        """Wait until the workers of a driver that has ended have ended too, and return when each did."""
        left, alive = {}, self.alive()
        while alive and time.monotonic() - end < 60:
            left.update(dict.fromkeys(alive, time.monotonic()))
            time.sleep(0.02)
            alive = self.alive()
        sweep.outlived.append(time.monotonic() - end if left else 0.0)
        if sweep.outlived[-1] > OUTLIVED:
            sweep.problems.append(f"workers outlived their driver by {sweep.outlived[-1]:.1f} s")
        for path in self.born.iterdir():
            path.unlink()
        return left

    def _wait(self, sweep: Sweep, before: int, pid: int) -> None:
        """Wait for a moment: one of three of the start, the others of training."""
        if self.random.random() < 1 / 3:
            time.sleep(self.random.uniform(0, 2))
            return
        while not any(event[2] == "epoch" for event in sweep.events()[before:]):
            time.sleep(0.01)
            if not is_alive(pid):
                return
        time.sleep(self.random.uniform(0, 3 * self.every))

    def sweep(self, name: str, engine: str, kills: int) -> Sweep:
        """Run a sweep whose processes are killed at most so often, at random moments and steps, until it has ended."""
        sweep = Sweep(self.folder / name, self.folder / f"{name}.journal", self.every)
        with watched(sweep):
            while self.attempt(sweep, engine, kills - len(sweep.ends)):
                pass
        return sweep


def is_alive(pid: int) -> bool:
    """Say whether a process is there and has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


@dataclass(frozen=True)
class Log:
    """A file with a line of JSON for each sweep that has ended, from which a command that was interrupted goes on."""

    path: Path

    def sweeps(self) -> list[dict]:
        """Return what is known of each sweep; a line that was not written to its end counts for nothing."""
        if not self.path.exists():
            return []
        *lines, _ = self.path.read_text().split("\n")
        return [json.loads(line) for line in lines]

    def add(self, **sweep: object) -> None:
        """Write what is known of another sweep."""
        whole = "".join(json.dumps(one) + "\n" for one in [*self.sweeps(), sweep])
        self.path.write_text(whole)

    def told(self) -> str:
        """Return in sentences what all sweeps say."""
        sweeps = self.sweeps()
        lost = sorted(Lost(*one) for sweep in sweeps for one in sweep["lost"])
        training = [one.training for one in lost]
        starts = sorted(one.start for one in lost)
        outlived = max(sweep["outlived"] for sweep in sweeps)
        late = [one for one in lost if one.training > one.bound]
        wrong = [f"sweep {i} ({sweep['engine']}): {one}" for i, sweep in enumerate(sweeps) for one in sweep["problems"]]
        return "\n".join(
            (
                f"{len(lost)} kills in {len(sweeps)} sweeps, a checkpoint every "
                f"{', '.join(f'{every} s' for every in sorted({sweep['every'] for sweep in sweeps}))}",
                f"training lost per kill: {_spread(training)}",
                f"{len(late)} lost more than the interval and an epoch"
                + "".join(f"; {one.training:.2f} s instead of {one.bound:.2f} s" for one in late),
                f"compiled in vain by the first epoch of a process, beside that: {_spread(starts)}",
                f"the last worker of a driver ended at most {outlived:.1f} s after it",
                "\n".join(wrong) or "every run is there once, and every byte is that of the uninterrupted sweep",
            )
        )


def _spread(seconds: Sequence[float]) -> str:
    nine = seconds[len(seconds) * 9 // 10]
    return f"median {seconds[len(seconds) // 2]:.2f} s, nine of ten at most {nine:.2f} s, largest {seconds[-1]:.2f} s"


def main() -> None:
    """Kill processes until there were enough kills, and print what was lost; end with 1 if anything is wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=float, default=0.5)
    parser.add_argument("--epochs", type=int, default=400)
    parser.add_argument("--engines", nargs="+", default=["cohort", "workers", "workers", "keras_fit"])
    parser.add_argument("--log", type=Path, help="goes on with the kills that this file counts, and adds to them")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log = Log(options.log or Path(folder, "log"))
        chaos = Chaos(Path(folder), random.Random(), options.epochs, options.every)
        whole: dict[str, dict[str, object]] = {}
        while (kills := sum(len(sweep["lost"]) for sweep in log.sweeps())) < options.kills:
            known = log.sweeps()
            engine = options.engines[len(known) % len(options.engines)]
            # A command that goes on does what one that was not interrupted would have done.
            chaos.random.seed(f"{options.seed} {len(known)}")
            # Keras trains an epoch in many times the seconds of a cohort.
            chaos.epochs = options.epochs // 8 if engine == "keras_fit" else options.epochs
            if engine not in whole:
                whole[engine] = contents(chaos.sweep(f"whole-{engine}", engine, 0).folder)
            sweep = chaos.sweep(f"sweep{len(known)}", engine, options.kills - kills)
            wrong = problems(sweep, whole[engine])
            outlived = max(sweep.outlived, default=0.0)
            log.add(engine=engine, every=sweep.every, lost=sweep.lost(), outlived=outlived, problems=wrong)
            print(f"after {engine}: {log.told()}\n", flush=True)
            if not wrong:
                shutil.rmtree(sweep.folder)
        chaos.close()
        print(log.told())
        sys.exit(any(sweep["problems"] for sweep in log.sweeps()))


if __name__ == "__main__":
    main()
