"""What the tests of the cohort engine share: small runs, and how two histories are compared."""

import os
from functools import partial
from pathlib import Path

import numpy as np

from lab import models
from lab.data import Dataset, Split
from lab.engine import cohort
from lab.engine.task import Task, Trained
from lab.regularization import NONE, Regularization
from lab.training import Training

SHAPE = (6, 6, 1)
TRAINING = Training(epochs=5, batch_size=16, learning_rate=0.01)


def dataset(labels: int | None = 3, seed: int = 0, train: int = 42) -> Dataset:
    """Return small images of which the first pixels decide the label: `labels` classes, or 2 numbers for None."""
    generator = np.random.default_rng(seed)

    def split(n: int) -> Split:
        x = generator.normal(size=(n, *SHAPE)).astype(np.float32)
        flat = x.reshape(n, -1)
        if labels is None:
            return Split(x, np.stack([flat[:, 0] - flat[:, 1], flat[:, 2] ** 2], 1).astype(np.float32))
        return Split(x, np.argmax(flat[:, :labels], 1).astype(np.int32))

    classes = None if labels is None else tuple("abcdefgh"[:labels])
    return Dataset("pixels", split(train), split(25), split(20), classes)


def task(
    regularization: Regularization = NONE,
    *,
    kind: str = "dense",
    activation: str = "relu",
    training: Training = TRAINING,
    data: Dataset | None = None,
    seed: int = 1,
    outputs: int | None = None,
    widths: tuple[int, ...] = (12, 8),
) -> Task:
    """Return a run of a small dense or convolutional net of a factory."""
    data = data or dataset()
    if outputs is None:
        outputs = training.outputs(None if data.classes is None else len(data.classes), data.train.y.shape[-1])
    if kind == "dense":
        build = partial(models.dense, widths=widths, regularization=regularization)
    else:
        head = Regularization(l2=regularization.l2, dropout=regularization.dropout) if widths[1:] else NONE
        build = partial(models.conv, blocks=((4,),), widths=widths[1:], regularization=regularization, head=head)
    return Task(partial(build, SHAPE, outputs, activation=activation, seed=seed), data, training, seed)


def rich(kind: str = "dense", epochs: int = 4, patience: int | None = None) -> list[Task]:
    """Return five runs that use much of what the lab offers."""
    tasks = []
    for r in range(5):
        training = Training(
            epochs=epochs,
            patience=patience,
            batch_size=16,
            learning_rate=0.01 * (r + 1),
            weight_decay=0.001 * r,
            epsilon=1e-3,
        )
        regularization = Regularization(
            l1=1e-4 * r, l2=1e-3 * r, dropout=0.1 + 0.1 * r, noise=0.05, normalization="batch", activity_l2=1e-3 * r
        )
        data, widths = dataset(seed=r % 2), (8,) if kind == "conv" else (12, 7)
        tasks.append(task(regularization, kind=kind, training=training, data=data, seed=r // 2, widths=widths))
    return tasks


def is_promised() -> bool:
    """Say whether `lab.engine.cohort` promises here that no bit depends on the company: AVX-512, or one thread."""
    cpu = Path("/proc/cpuinfo")
    wide = cpu.exists() and " avx512f " in cpu.read_text() and "ONEDNN_MAX_CPU_ISA" not in os.environ
    return wide or os.environ.get("TF_NUM_INTRAOP_THREADS") == "1"


def together(tasks: list[Task]) -> list[Trained]:
    """Train tasks that one cohort can hold."""
    plan = cohort.group(tasks)
    assert [group.indices for group in plan.groups] == [list(range(len(tasks)))], plan.refused
    return cohort.train(tasks, blueprints=plan.groups[0].blueprints)


def difference(a: Trained, b: Trained) -> dict[str, float]:
    """Return by how much two results differ: each column and "weights" relative to the largest value it takes."""
    if len(a.rows) != len(b.rows) or (a.status, a.kept_epoch) != (b.status, b.kept_epoch):
        return {"shape": np.inf}
    found = {}
    for name in a.rows[0]:
        x, y = (np.array([row[name] for row in t.rows]) for t in (a, b))
        found[name] = _relative(x, y)
    for name in a.test or {}:
        found[f"test {name}"] = _relative(np.array([a.test[name]]), np.array([b.test[name]]))
    for i, (x, y) in enumerate(zip(a.weights or [], b.weights or [], strict=True)):
        found[f"weights {i}"] = float(np.abs(x - y).max() / max(1.0, np.abs(y).max()))
    return found


def _relative(x: np.ndarray, y: np.ndarray) -> float:
    if not np.array_equal(np.isnan(x), np.isnan(y)):
        return np.inf
    x, y = x[~np.isnan(x)], y[~np.isnan(y)]
    return float(np.max(np.abs(x - y) / np.maximum(np.abs(y), 1e-2), initial=0.0))


def identical(a: Trained, b: Trained) -> bool:
    """Say whether two results are equal bit by bit, times aside."""
    return (
        (a.status, a.kept_epoch, a.parameters) == (b.status, b.kept_epoch, b.parameters)
        and repr(a.rows) == repr(b.rows)
        and repr(a.test) == repr(b.test)
        and (a.weights is None) == (b.weights is None)
        and all(np.array_equal(x, y) for x, y in zip(a.weights or [], b.weights or [], strict=True))
    )
