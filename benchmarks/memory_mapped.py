"""The memory that training on a memory-mapped file takes, in both engines.

    python -m benchmarks.memory_mapped            # about 8 minutes on 2 busy cores; writes 4 GB and removes them again
    python -m benchmarks.memory_mapped --gigabytes 1 --folder /scratch --json memory.json

An experiment of two dense nets is run from declaration to tables on a file of float32 of this size, for one epoch, in
a process of its own for each engine. Beside it the same experiment is run on a file of 2 000 of its examples: that is
the memory which TensorFlow and the lab take whatever the data. Reported is the most memory that was resident at any
time, with the pages of the file that the kernel counts to the process.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

EXAMPLE = 784
FEW = 2_000
ENGINES = ("cohort", "keras_fit")


def write(folder: Path, examples: int) -> None:
    """Write x.npy and y.npy piece by piece: noise, of which the first three numbers decide the class."""
    generator = np.random.default_rng(0)
    y = np.zeros(examples, np.int32)
    step = 2**15
    # A mapping would count as memory of this process, and so of those that it starts.
    with open(folder / "x.npy", "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (examples, EXAMPLE)}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, examples, step):
            piece = generator.random((min(step, examples - start), EXAMPLE), np.float32)
            piece.astype("<f4").tofile(file)
            y[start : start + len(piece)] = piece[:, :3].argmax(1)
    np.save(folder / "y.npy", y)


def train(folder: Path, engine: str) -> dict[str, float]:
    """Run the experiment in this process and return its seconds and its peak memory in MB."""
    from lab.data import from_npy
    from lab.experiment import Experiment, Variant
    from lab.models import dense
    from lab.regularization import Regularization
    from lab.run import run
    from lab.training import Training

    load = partial(from_npy, folder / "x.npy", folder / "y.npy", validation_size=500, test_size=500)
    training = Training(epochs=1, batch_size=4096)
    variants = {
        f"l2_{l2:g}": Variant(
            data=load, model=partial(dense, widths=(32,), regularization=Regularization(l2=l2)), training=training
        )
        for l2 in (0.0, 1e-4)
    }
    experiment = Experiment(name="mapped", variants=variants, baseline="l2_0", seeds=(0,))
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as results:
        run(experiment, results_folder=results, engine=engine)
    took = time.perf_counter() - began
    return {"seconds": round(took, 1), "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _in_own_process(folder: Path, engine: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.memory_mapped", "--folder", str(folder), "--engine", engine]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure(gigabytes: float, folder: Path | None) -> dict[str, object]:
    """Return what both engines take on the large file, on the small one, and the difference."""
    figures: dict[str, object] = {"file_gb": gigabytes}
    sizes = {"large": max(FEW, round(gigabytes * 1e9 / (4 * EXAMPLE))), "small": FEW}
    taken: dict[str, dict[str, dict[str, float]]] = {}
    for name, examples in sizes.items():
        with tempfile.TemporaryDirectory(dir=folder) as place:
            write(Path(place), examples)
            taken[name] = {engine: _in_own_process(Path(place), engine) for engine in ENGINES}
    for engine in ENGINES:
        large, small = (taken[name][engine] for name in ("large", "small"))
        figures[engine] = {
            "peak_mb": round(large["peak_mb"]),
            "peak_mb_on_2000_examples": round(small["peak_mb"]),
            "above_mb": round(large["peak_mb"] - small["peak_mb"]),
            "seconds": large["seconds"],
        }
    return figures


def main() -> None:
    """Measure, print the figures, and write the JSON file."""
    first = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory_mapped", description=first)
    parser.add_argument("--gigabytes", type=float, default=4.0, help="of the file; 4 unless given")
    parser.add_argument("--folder", type=Path, help="where the file is written and removed again")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--engine", choices=ENGINES, help="train on the files in the folder in this process")
    given = parser.parse_args()
    if given.engine:
        print(json.dumps(train(given.folder, given.engine)))
        return
    figures = measure(given.gigabytes, given.folder)
    print(json.dumps(figures, indent=1))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
