"""How time, memory and files grow with the number of runs: made-up results, and the commands that read them.

    python -m benchmarks.scale 1000 5000 20000

writes an experiment of so many runs by the lab's own writer (nothing is trained: the histories are drawn from seeded
noise), then runs `reglab compare`, `reglab report` and `reglab status` on it, each in a process of its own, and prints
wall seconds, the largest memory of any of its processes (max RSS) and how many files and bytes there are. `report` is
measured twice: first with the tables to be rebuilt from the runs, then with the tables there.

Figures depend on the machine and its disk. `docs/scale.md` has ours.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from lab import results
from lab.results.schema import HISTORY, run_name

VARIANTS = ["none", *(f"l2_{k}" for k in range(1, 20))]
EPOCHS = 10


def history(generator: np.random.Generator, strength: int) -> list[dict[str, float]]:
    """Return a history of `EPOCHS` epochs that falls and then rises, the less so the stronger the regularizer."""
    epochs = np.arange(1, EPOCHS + 1)
    train = 0.3 + 2 * np.exp(-epochs / 2) + 0.01 * strength
    val = train + 0.02 * epochs / (1 + strength)
    rows = []
    noise = generator.normal(0, 0.01, (EPOCHS, 4)).astype(np.float32).astype(float)
    for i, epoch in enumerate(epochs.tolist()):
        loss, measured, at, accuracy = (float(x) for x in (train[i], train[i], val[i], 1 - val[i] / 3) + noise[i])
        values = (loss + 0.1, loss, 0.1, accuracy, measured, accuracy, at + 0.1, at, 0.1, accuracy, 0.001)
        rows.append({"epoch": epoch} | dict(zip(HISTORY[1:], values, strict=True)))
    return rows


def record(name: str, variant: str, seed: int, identity: str, rows: list[dict[str, float]]) -> dict:
    """Return the content of run.json of a made-up run, with all that a real one has."""
    kept = min(rows, key=lambda row: row["val_data_loss"])
    return {
        "schema": results.SCHEMA,
        "experiment": name,
        "variant": variant,
        "seed": seed,
        "id": identity,
        "status": "finished",
        "kept_epoch": kept["epoch"],
        "rows": len(rows),
        "chance": 2.302585,
        "test": {key: kept[f"val_{key}"] for key in ("loss", "data_loss", "penalty", "accuracy")},
        "measures": {"balanced_accuracy": kept["val_accuracy"], "f1": kept["val_accuracy"], "brier": 0.1},
        "parameters": 85_002,
        "zeros": 0.0,
        "engine": "cohort",
        "seconds": 0.5,
        "epoch_seconds": [0.05] * len(rows),
        "threads": 2,
        "versions": {"python": "3.11", "machine": "made up", "tensorflow": "none"},
        "declaration": {
            "data": {"call": "lab.data.digits", "train_size": 300},
            "model": {"call": "lab.models.dense", "name": variant},
            "training": {"epochs": len(rows)},
            "fingerprint": f"{seed:032x}",
            "seed": seed,
            "numerics": 1,
        },
    }


def write(folder: Path, runs: int) -> None:
    """Write an experiment of so many runs, and experiment.json."""
    made = []
    for n in range(runs):
        variant, seed = VARIANTS[n % len(VARIANTS)], n // len(VARIANTS)
        made.append((variant, seed, f"r{n:012x}"))
    names = [run_name(*run) for run in made]
    # First, as an experiment does: it says where its runs are published.
    results.write_experiment(
        folder,
        {"name": folder.name, "question": "How does it grow?", "baseline": "none", "runs": names, "variants": VARIANTS},
    )
    for n, (variant, seed, identity) in enumerate(made):
        rows = history(np.random.default_rng(n), n % len(VARIANTS))
        results.publish(folder, names[n], rows, record(folder.name, variant, seed, identity, rows))


def files(folder: Path) -> tuple[int, int, int]:
    """Return how many files a folder holds, their bytes, and the most entries of one folder."""
    count = size = most = 0
    for place, folders, names in os.walk(folder):
        most = max(most, len(folders) + len(names))
        count += len(names)
        size += sum((Path(place) / name).stat().st_size for name in names)
    return count, size, most


def measured(command: list[str], folder: Path) -> dict[str, float]:
    """Return the wall seconds, the CPU seconds of all its processes and the largest memory, in GB, of a command."""
    code = (
        "import json, resource, subprocess, sys, time; begin = time.perf_counter();"
        "rc = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode;"
        "seconds = time.perf_counter() - begin; used = resource.getrusage(resource.RUSAGE_CHILDREN);"
        "print(json.dumps([rc, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss]))"
    )
    full = [sys.executable, "-m", "lab", *command, "--results", str(folder)]
    said = subprocess.run([sys.executable, "-c", code, *full], stdout=subprocess.PIPE, text=True, check=True).stdout
    code_of_end, seconds, cpu, kilobytes = json.loads(said.splitlines()[-1])
    return {"seconds": round(seconds, 2), "cpu_seconds": round(cpu, 2), "gigabytes": round(kilobytes / 1e6, 3)} | (
        {"exit": code_of_end} if code_of_end else {}
    )


def main() -> None:
    """Measure the sizes named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", type=int, nargs="+", help="how many runs")
    parser.add_argument("--folder", type=Path, help="where results are kept; a temporary one unless named")
    parser.add_argument("--only", nargs="+", default=["report", "report_again", "compare", "status"])
    asked = parser.parse_args()
    place = asked.folder or Path(tempfile.mkdtemp(prefix="scale-"))
    commands = {"report": ["report"], "report_again": ["report"], "compare": ["compare"], "status": ["status"]}
    try:
        for runs in asked.runs:
            folder = place / f"n{runs}" / "scale"
            begin = time.perf_counter()
            if not results.has_experiment(folder):
                write(folder, runs)
            row: dict = {"runs": runs, "write_seconds": round(time.perf_counter() - begin, 2)}
            row["files"], row["bytes"], row["most_entries"] = files(folder)
            for name in asked.only:
                if name == "report":
                    for table in folder.glob("*.csv*"):
                        table.unlink()
                row[name] = measured([*commands[name], folder.name], folder.parent)
            row["page_bytes"] = (folder / "index.html").stat().st_size if (folder / "index.html").exists() else None
            print(json.dumps(row), flush=True)
    finally:
        if asked.folder is None:
            shutil.rmtree(place)


if __name__ == "__main__":
    main()
