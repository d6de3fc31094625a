"""Sweeps whose drivers and workers are killed again and again: `python -m tests.chaos --kills 200`.

They are killed with SIGKILL at a random moment, or at a random step of writing to the disk, before or after it. What
was lost follows from the journal that they write: the seconds from the epoch from which a run goes on to the kill.
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
import time
from pathlib import Path

from tests.chaos_driver import MOMENTS
from tests.chaos_sweep import Sweep, contents, problems, watched
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
        if workers and self.random.random() < 1 / 2:
            sweep.folder.with_name(f"{sweep.folder.name}.kill").write_text(json.dumps(self._step()))
        self.process.stdin.write(json.dumps([str(sweep.folder), self.epochs, self.every, engine, at]) + "\n")
        self.process.stdin.flush()
        pid = int(self.process.stdout.readline())
        for _ in range(workers):
            self._kill_a_worker(sweep, before, pid)
        if way == "moment":
            self._wait(sweep, before, pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        status, end = int(self.process.stdout.readline()), time.monotonic()
        if status not in (0, signal.SIGKILL):
            sweep.problems.append(f"a driver ended with the status {status}")
        left = self._bury(sweep, end) if engine == "workers" else set()
        if status == signal.SIGKILL:
            sweep.ends.append(({pid} | left, time.monotonic()))
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
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            sweep.ends.append(({pid}, time.monotonic()))

    def _bury(self, sweep: Sweep, end: float) -> set[int]:
        """Wait until the workers of a driver that has ended have ended too, and return them."""
        left = alive = self.alive()
        while alive and time.monotonic() - end < 60:
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
        sweep = Sweep(self.folder / name, self.folder / f"{name}.journal")
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


def main() -> None:
    """Kill processes until there were enough kills, and print what was lost; end with 1 if anything is wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=float, default=0.5)
    parser.add_argument("--epochs", type=int, default=400)
    parser.add_argument("--engines", nargs="+", default=["cohort", "workers", "workers", "keras_fit"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        chaos = Chaos(Path(folder), random.Random(options.seed), options.epochs, options.every)
        kills, wrong, lost, sweeps, outlived = 0, [], [], 0, [0.0]
        whole: dict[str, dict[str, object]] = {}
        told: list[str] = []
        while kills < options.kills:
            engine = options.engines[sweeps % len(options.engines)]
            if engine not in whole:
                whole[engine] = contents(chaos.sweep(f"whole-{engine}", engine, 0).folder)
            sweep = chaos.sweep(f"sweep{sweeps}", engine, options.kills - kills)
            sweeps, kills = sweeps + 1, kills + len(sweep.ends)
            wrong += [f"sweep {sweeps}: {sentence}" for sentence in problems(sweep, whole[engine])]
            lost += sweep.lost()
            outlived += sweep.outlived
            print(
                f"{kills} kills in {sweeps} sweeps, {len(wrong)} problems ({engine}); lost at most "
                f"{max(lost, default=0):.2f} s, {sum(seconds > options.every for seconds in lost)} above the interval; "
                f"workers outlived drivers by at most {max(outlived):.1f} s",
                flush=True,
            )
            for sentence in wrong[len(told) :]:
                print(sentence, flush=True)
            told = [*wrong]
        chaos.close()
    lost.sort()
    late = sum(seconds > options.every for seconds in lost)
    print(
        f"lost per kill, a checkpoint every {options.every} s: median {lost[len(lost) // 2]:.2f} s, nine of ten at "
        f"most {lost[len(lost) * 9 // 10]:.2f} s, largest {lost[-1]:.2f} s; {late} above the interval"
    )
    print(f"the last worker of a driver ended at most {max(outlived):.1f} s after it")
    print("\n".join(wrong) or "every run is there once, and every byte is that of the uninterrupted sweep")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
