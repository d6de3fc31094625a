"""How long a whole sweep takes with the cohort engine, and how long the ways people train such sweeps today take.

    python -m benchmarks.sweep                                      # all cases, about 15 minutes on 2 cores
    python -m benchmarks.sweep --case small --json sweep.json
    python -m benchmarks.sweep --repeats 2                          # where the machine's speed changes meanwhile

Each case is trained by four arms, each in a process of its own, from the first line of building a model to the last
CSV file; the start of the interpreter and the import of TensorFlow are not counted. The arms:

* naive: `fit` for each configuration, as a user writes the loop, with validation data;
* tuned: the same with `steps_per_execution` = the steps of an epoch and one validation batch;
* keras_fit: the reference engine of this repository, which measures the training split after each epoch too;
* cohort: the cohort engine, which writes the same tables as keras_fit.

Beside them stands the rate of the cohort's floating-point operations in matrix products and convolutions as a share
of what TensorFlow reaches on a product of two 2048 x 2048 matrices, measured just before and just after it. The data
are random numbers of the named shapes. With repeats the arms take turns, and the fastest sweep of each is told.
"""

import argparse
import csv
import functools
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lab.data import Dataset, Split
from lab.models import conv, dense
from lab.regularization import NONE, Regularization
from lab.training import Training

ARMS = ("naive", "tuned", "keras_fit", "cohort")
COLUMNS = ("naive_s", "tuned_s", "keras_fit_s", "cohort_s", "sgemm_share", "peak_mb")
PENALTIES = (NONE, Regularization(l1=1e-4), Regularization(l2=1e-3), Regularization(l1=5e-5, l2=5e-4))


@dataclass(frozen=True)
class Case:
    """One sweep.

    Args:
        shape: of an example.
        train, validation: the number of examples.
        model: the factory with its architecture bound.
        training: how each run is trained.
        runs: how many: four penalties with the first seed, four with the second, and so on.
        flops: floating-point operations of matrix products and convolutions for one example forward.
        backward: how many times that for one example backward; nothing flows back into the inputs.
    """

    shape: tuple[int, ...]
    train: int
    validation: int
    model: Callable[..., Any]
    training: Training
    runs: int
    flops: float
    backward: float

    def work(self) -> float:
        """Return the floating-point operations of the cohort's sweep."""
        examples = self.train * (1 + self.backward) + self.train + self.validation
        return self.runs * self.training.epochs * self.flops * examples


def _dense_flops(*sizes: int) -> tuple[float, float]:
    products = [2 * a * b for a, b in itertools.pairwise(sizes)]
    return float(sum(products)), (2 * sum(products) - products[0]) / sum(products)


_CONV_PARTS = [2 * 28 * 28 * 9 * 32, 2 * 26 * 26 * 9 * 32 * 32, 2 * 13 * 13 * 32 * 512, 2 * 512 * 10]

CASES = {
    "small": Case(
        (784,), 300, 1000, functools.partial(dense, widths=(100,) * 6),
        Training(optimizer="sgd", learning_rate=0.01, batch_size=100, epochs=40), 32,
        *_dense_flops(784, *[100] * 6, 10),
    ),
    "medium": Case(
        (784,), 10_000, 2_000, functools.partial(dense, widths=(256, 256)),
        Training(optimizer="adam", batch_size=128, epochs=5), 16, *_dense_flops(784, 256, 256, 10),
    ),
    "conv": Case(
        (28, 28, 1), 3_000, 1_000,
        functools.partial(
            conv, blocks=((32, 32),), padding=("same", "valid"), widths=(512,), initializer="glorot_uniform"
        ),
        Training(optimizer="adam", batch_size=128, epochs=3), 8,
        float(sum(_CONV_PARTS)), (2 * sum(_CONV_PARTS) - _CONV_PARTS[0]) / sum(_CONV_PARTS),
    ),
}  # fmt: skip


def data(case: Case) -> Dataset:
    """Return random images whose labels can be learned in part."""
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(10, *case.shape))

    def split(n: int) -> Split:
        y = generator.integers(0, 10, n).astype(np.int32)
        x = 0.3 * centres[y] + generator.normal(size=(n, *case.shape))
        return Split(x.astype(np.float32), y)

    return Dataset("random", split(case.train), split(case.validation), split(100), tuple("0123456789"))


def configurations(case: Case) -> list[tuple[Regularization, int]]:
    """Return the runs: every penalty with a seed before the next seed."""
    return [(PENALTIES[i % len(PENALTIES)], i // len(PENALTIES)) for i in range(case.runs)]


def write(folder: Path, name: str, rows: Sequence[dict[str, float]]) -> None:
    """Write a run's table."""
    with open(folder / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def fit(case: Case, dataset: Dataset, folder: Path, tuned: bool) -> None:
    """Train the sweep as a user would, one `fit` after the other."""
    import keras

    for i, (regularization, seed) in enumerate(configurations(case)):
        keras.backend.clear_session()
        model = case.model(case.shape, 10, regularization=regularization, seed=seed)
        t = case.training
        optimizer = keras.optimizers.SGD if t.optimizer == "sgd" else keras.optimizers.Adam
        model.compile(
            optimizer(t.learning_rate),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
            steps_per_execution=t.steps(case.train) if tuned else 1,
        )
        history = model.fit(
            dataset.train.x,
            dataset.train.y,
            batch_size=t.batch_size,
            epochs=t.epochs,
            validation_data=(dataset.validation.x, dataset.validation.y),
            validation_batch_size=case.validation if tuned else None,
            verbose=0,
        ).history
        rows = [dict(zip(history, values, strict=True)) for values in zip(*history.values(), strict=True)]
        write(folder, str(i), rows)


def engines(case: Case, dataset: Dataset, folder: Path, engine: str) -> None:
    """Train the sweep with one of the lab's engines."""
    from lab.engine import cohort, keras_fit
    from lab.engine.task import Task, Trained

    tasks = [
        Task(functools.partial(case.model, case.shape, 10, regularization=r, seed=s), dataset, case.training, s)
        for r, s in configurations(case)
    ]
    if engine == "keras_fit":
        for i, task in enumerate(tasks):
            write(folder, str(i), keras_fit.train(task).rows)
        return
    for group in cohort.group(tasks).groups:
        names = [str(i) for i in group.indices]

        def publish(k: int, trained: Trained, names: list[str] = names) -> None:
            write(folder, names[k], trained.rows)

        cohort.train([tasks[i] for i in group.indices], on_trained=publish, blueprints=group.blueprints)


def train(case: Case, dataset: Dataset, folder: Path, arm: str) -> None:
    """Train the sweep and leave a table a run in a folder."""
    if arm in ("naive", "tuned"):
        fit(case, dataset, folder, arm == "tuned")
    else:
        engines(case, dataset, folder, arm)


def sgemm() -> float:
    """Return the floating-point operations a second of a product of two 2048 x 2048 matrices, the best of ten."""
    import tensorflow as tf

    a = tf.random.normal((2048, 2048))
    product = tf.function(lambda x: tf.matmul(x, x))
    times = []
    for _ in range(12):
        began = time.perf_counter()
        product(a).numpy()
        times.append(time.perf_counter() - began)
    return 2 * 2048**3 / min(times[2:])


def measure(name: str, arm: str, runs: int | None) -> dict[str, float]:
    """Run one arm of one case in this process."""
    import dataclasses

    import keras  # noqa: F401  (its import is not part of the sweep)

    case = CASES[name]
    if runs is not None:
        case = dataclasses.replace(case, runs=runs)
    dataset = data(case)
    before = sgemm()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        train(case, dataset, Path(folder), arm)
        seconds = time.perf_counter() - began
        written = len(list(Path(folder).glob("*.csv")))
    if written != case.runs:
        raise RuntimeError(f"{arm} wrote {written} tables for {case.runs} runs")
    rate = max(before, sgemm())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "share": case.work() / seconds / rate, "peak_mb": peak, "sgemm_gflops": rate / 1e9}


def _apart(name: str, arm: str, runs: int | None) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.sweep", "--case", name, "--arm", arm]
    command += [] if runs is None else ["--runs", str(runs)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, got {text!r}")
    return int(text)


def main() -> None:
    """Measure, print a table, and write the JSON file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweep", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--case", choices=CASES, help="one case; all of them without it")
    parser.add_argument("--json", type=Path, help="write {case: {naive_s, tuned_s, ...}} to this file")
    parser.add_argument("--runs", type=_count, help="how many runs instead of the case's own")
    parser.add_argument("--repeats", type=_count, default=1, help="how many sweeps of each arm; the fastest is told")
    parser.add_argument("--arm", choices=ARMS, help="measure one arm in this process and print its figures as JSON")
    given = parser.parse_args()
    if given.arm:
        print(json.dumps(measure(given.case or "small", given.arm, given.runs)))
        return

    from rich.console import Console
    from rich.table import Table

    console = Console()
    results = {}
    table = Table(title="Whole sweeps, from building to the last CSV, in seconds")
    for heading in ("case", *ARMS, "naive / cohort", "sgemm share", "peak MB"):
        table.add_column(heading, justify="left" if heading == "case" else "right")
    for name in [given.case] if given.case else CASES:
        found: dict[str, dict[str, float]] = {}
        for arm in ARMS * given.repeats:
            with console.status(f"{name}: {arm}"):
                one = _apart(name, arm, given.runs)
            found[arm] = min(found.get(arm, one), one, key=lambda sweep: sweep["seconds"])
        own = found["cohort"]
        values = [*(found[arm]["seconds"] for arm in ARMS), own["share"], own["peak_mb"]]
        results[name] = dict(zip(COLUMNS, (round(value, 3) for value in values), strict=True))
        ratio = found["naive"]["seconds"] / own["seconds"]
        times = (f"{found[arm]['seconds']:.1f}" for arm in ARMS)
        table.add_row(name, *times, f"{ratio:.1f}", f"{own['share']:.0%}", f"{own['peak_mb']:.0f}")
    console.print(table)
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
