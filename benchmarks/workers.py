"""Whole sweeps with one process, and with one, two and four workers: seconds, speed-up, how much histories differ.

    python -m benchmarks.workers                         # both cases, half an hour on 2 idle cores
    python -m benchmarks.workers --case dense --repeats 1 --json workers.json

Each sweep is a command of its own, timed from its start to its end, and everything that starts is counted: Python,
TensorFlow in each process, the compilation in each. "process" trains without workers, with threads of one process on
all cores; workers divide the cores among them. Of each the fastest of its times is reported, and they take turns.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

WORKERS = (0, 1, 2, 4)
"""0 stands for one process without workers."""

SCRIPT = '''"""Do workers gain anything?"""
from functools import partial
from lab import Experiment, Regularization, Training, Variant
from lab.data import digits
from lab.models import conv, dense

MODELS = {
    "dense": partial(dense, widths=(256, 256)),
    "conv": partial(conv, blocks=((32, 32),), widths=(128,)),
}

def variant(l2):
    return Variant(
        data=partial(digits, train_size=1000),
        model=partial(MODELS["CASE"], regularization=Regularization(l2=l2)),
        training=Training(epochs=EPOCHS, batch_size=100, learning_rate=0.001),
    )

EXPERIMENT = Experiment(
    name="CASE", variants={f"l2_{l2:g}": variant(l2) for l2 in (0.0, 1e-4, 1e-3, 1e-2)}, baseline="l2_0", seeds=range(8)
)

if __name__ == "__main__":
    from lab.cli import main

    main(EXPERIMENT)
'''

EPOCHS = {"dense": 100, "conv": 12}
"""Of the 32 runs of each case."""


def sweep(script: Path, results: Path, workers: int) -> float:
    """Run a script as a command and return its seconds."""
    options = ["--workers", str(workers)] if workers else []
    began = time.perf_counter()
    command = [sys.executable, str(script), "--quiet", "--results", str(results), *options]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
    return time.perf_counter() - began


def histories(results: Path) -> dict[str, np.ndarray]:
    """Return the histories of a sweep by the names of the runs."""
    return {path.parent.name: pd.read_csv(path).to_numpy() for path in results.glob("*/runs/*/history.csv")}


def largest_difference(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> float:
    """Return the largest difference between two sweeps in any number of a history; infinity if they have other rows."""
    if not expected or found.keys() != expected.keys():
        return math.inf
    if any(found[name].shape != own.shape for name, own in expected.items()):
        return math.inf
    return max(float(np.nanmax(np.abs(found[name] - own))) for name, own in expected.items())


def threads(results: Path) -> list[int]:
    """Return the numbers of threads that the runs were trained with."""
    return sorted({json.loads(path.read_text())["threads"] for path in results.glob("*/runs/*/run.json")})


def measure(case: str, epochs: int, repeats: int) -> dict[str, dict[str, object]]:
    """Return the figures of a case, by the number of workers."""
    found: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, f"{case}.py")
        script.write_text(SCRIPT.replace("CASE", case).replace("EPOCHS", str(epochs)), encoding="utf-8")
        times: dict[int, list[float]] = {count: [] for count in WORKERS}
        for repeat in range(repeats):
            for count in WORKERS:
                times[count].append(sweep(script, Path(folder, f"{count}-{repeat}"), count))
        expected = histories(Path(folder, "0-0"))
        for count in WORKERS:
            results = Path(folder, f"{count}-0")
            found[f"{count} workers" if count else "process"] = {
                "seconds": round(min(times[count]), 2),
                "speed_up": round(min(times[0]) / min(times[count]), 3),
                "threads": threads(results),
                "difference": largest_difference(histories(results), expected),
            }
    return found


def main() -> None:
    """Measure, print a table, and write the JSON file."""
    sentence = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workers", description=sentence)
    parser.add_argument("--case", choices=EPOCHS, help="one case; both without it")
    parser.add_argument("--epochs", type=int, help="of each run, for a first impression")
    parser.add_argument("--repeats", type=int, default=2, help="how often each sweep is timed; the fastest counts")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    given = parser.parse_args()
    results: dict[str, object] = {"cores": len(os.sched_getaffinity(0))}
    print(f"{'case':7}{'who trains':>12}{'seconds':>9}{'speed-up':>10}{'threads':>9}  difference")
    for case in [given.case] if given.case else EPOCHS:
        found = measure(case, given.epochs or EPOCHS[case], given.repeats)
        results[case] = found
        for who, row in found.items():
            numbers = f"{row['seconds']:9.1f}{row['speed_up']:10.2f}{row['threads']!s:>9}"
            print(f"{case:7}{who:>12}{numbers}  {row['difference']:.1g}", flush=True)
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
