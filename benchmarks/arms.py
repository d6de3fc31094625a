"""The ways to train a sweep, called arms: as people do today, one `fit` after the other, and with the lab's engines."""

import csv
import dataclasses
import functools
import resource
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.cases import CASES, Case, configurations, data, recurrent
from lab.data import Dataset
from lab.engine.task import Task, Trained
from lab.regularization import NONE, Regularization

ONE_BY_ONE = ("naive", "tuned", "keras_fit")
"""Arms in which each run takes the same time, whatever their number."""

ARMS = (*ONE_BY_ONE, "cohort")


def write(folder: Path, name: str, rows: Sequence[dict[str, float]]) -> None:
    """Write a run's table."""
    with open(folder / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def fit(case: Case, dataset: Dataset, regularization: Regularization, seed: int, tuned: bool) -> list[dict[str, float]]:
    """Train one run as a user would and return its table; see `benchmarks.sweep` for what tuning does."""
    import keras

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
    return [dict(zip(history, values, strict=True)) for values in zip(*history.values(), strict=True)]


def tasks(case: Case, dataset: Dataset, runs: Sequence[tuple[Regularization, int]]) -> list[Task]:
    """Return some runs of a sweep as an experiment hands them to the engines: `lab.plan` knows the lab's factories."""
    own = case.model.func is recurrent
    return [
        Task(
            functools.partial(case.model, case.shape, 10, regularization=r, seed=seed),
            dataset,
            case.training,
            seed,
            recipe=None if own else r,
        )
        for r, seed in runs
    ]


def train(case: Case, dataset: Dataset, folder: Path, arm: str, runs: Sequence[tuple[Regularization, int]]) -> None:
    """Train some runs of a sweep and leave one table per run in a folder."""
    if arm in ("naive", "tuned"):
        for i, (regularization, seed) in enumerate(runs):
            write(folder, str(i), fit(case, dataset, regularization, seed, arm == "tuned"))
        return
    from lab.engine import cohort, keras_fit

    planned = tasks(case, dataset, runs)
    if arm == "keras_fit":
        for i, task in enumerate(planned):
            write(folder, str(i), keras_fit.train(task).rows)
        return
    for group in cohort.group(planned).groups:
        names = [str(i) for i in group.indices]

        def publish(k: int, trained: Trained, names: list[str] = names) -> None:
            write(folder, names[k], trained.rows)

        members = [planned[i] for i in group.indices]
        cohort.train(members, on_trained=publish, blueprints=group.blueprints, keep=False)


def seconds(case: Case, dataset: Dataset, folder: Path, arm: str, runs: Sequence[tuple[Regularization, int]]) -> float:
    """Return how long an arm takes for some runs of a sweep, from building the first to the last CSV file."""
    place = folder / f"{arm}, {len(runs)}"
    place.mkdir(parents=True)
    began = time.perf_counter()
    train(case, dataset, place, arm, runs)
    took = time.perf_counter() - began
    written = len(list(place.glob("*.csv")))
    if written != len(runs):
        raise RuntimeError(f"{arm} wrote {written} tables for {len(runs)} runs")
    return took


def one_by_one(case: Case, dataset: Dataset, folder: Path) -> dict[str, float]:
    """Return the seconds of one run in each arm that trains run by run, in a process that has trained before.

    The run has an L2 penalty: its time is between those of runs without a penalty and with two.
    """
    run = [configurations(case)[2]]
    short = dataclasses.replace(case, training=dataclasses.replace(case.training, epochs=1))
    seconds(short, dataset, folder / "before", "naive", run)
    return {arm: seconds(case, dataset, folder, arm, run) for arm in ONE_BY_ONE}


def together(case: Case, dataset: Dataset, folder: Path) -> dict[str, float]:
    """Return the seconds of the whole sweep in a cohort, its first run included, and then of one run on its own."""
    runs = configurations(case)
    return {
        "cohort": seconds(case, dataset, folder, "cohort", runs),
        "cohort_run": seconds(case, dataset, folder / "after", "cohort", [runs[2]]),
    }


def sgemm() -> float:
    """Return the floating-point operations per second of a product of two 2048 x 2048 matrices, the best of ten."""
    import tensorflow as tf

    a = tf.random.normal((2048, 2048))
    product = tf.function(lambda x: tf.matmul(x, x))
    times = []
    for _ in range(12):
        began = time.perf_counter()
        product(a).numpy()
        times.append(time.perf_counter() - began)
    return 2 * 2048**3 / min(times[2:])


def memory() -> dict[str, float]:
    """Return the peak memory in MB after 200, 500 and 1 000 runs of one structure, cohort after cohort."""
    from lab.engine import cohort

    case = CASES["small"]
    case = dataclasses.replace(case, train=100, training=dataclasses.replace(case.training, epochs=1))
    planned = tasks(case, data(case), [(NONE, seed) for seed in range(1000)])
    peaks: list[float] = []

    def trained(_: int, __: Trained) -> None:
        peaks.append(peak_memory())

    (group,) = cohort.group(planned).groups
    cohort.train(planned, on_trained=trained, blueprints=group.blueprints, keep=False)
    return {f"after_{runs}_runs_mb": peaks[runs - 1] for runs in (200, 500, 1000)}


def peak_memory() -> float:
    """Return the most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
