"""The outputs of a run's weights, and what is measured of them, the same lines for both engines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from lab.data.rows import Rows
from lab.engine import objective
from lab.engine.history import shortest
from lab.engine.task import Task, Trained
from lab.statistics import measures
from lab.statistics.reliability import PROBABLE, reliability

if TYPE_CHECKING:
    import keras

BATCH = 1024


@dataclass(frozen=True)
class Measured:
    """Measures of a run that its engine does not take.

    Args:
        measures: of the kept weights on the test split, as `lab.statistics.measures.measures` returns them; after them
            "temperature", fitted on the validation split, for the losses whose outputs are logits.
        reliability: on the validation split, the curve of the "kept" weights and that of the "last" epoch's, as
            `lab.statistics.reliability.reliability` returns them. A curve is absent where it returns none.
        test_parts: the mean data loss of the kept weights at each part of the test split; empty where it has no parts.
    """

    measures: dict[str, float]
    reliability: dict[str, list[tuple[int, int, float, float]]]
    test_parts: list[float]


def measured(task: Task, trained: Trained, model: "keras.Model") -> Measured | None:
    """Measure a run's weights; return None if no epoch was kept.

    Args:
        task: the run.
        trained: what came of it.
        model: one of the run's form, whose weights are replaced. It was built alone, so that what is measured depends
            on the weights only: not on the engine, nor on the runs that trained beside this one.
    """
    if trained.weights is None or trained.last_weights is None:
        return None
    data, loss = task.data, task.training.loss
    x, labels = data.validation.x, data.validation.y
    curves = {}
    if loss in PROBABLE and trained.last_weights is not trained.weights:
        curves["last"] = reliability(loss, _outputs(model, trained.last_weights, x), labels)
    on_test = _outputs(model, trained.weights, data.test.x)
    found = _on_test(task, on_test)
    if loss in PROBABLE:
        logits = _outputs(model, trained.weights, x)
        found["temperature"] = measures.temperature(loss, logits, labels)
        kept = reliability(loss, logits, labels)
        curves = {"kept": kept, "last": kept} | curves
    known = {weights: curve for weights, curve in curves.items() if curve is not None}
    return Measured(found, known, _at_parts(task, on_test))


def _at_parts(task: Task, outputs: np.ndarray) -> list[float]:
    part = task.data.part_of_test
    if part is None:
        return []
    losses = objective.data_loss(task.training.loss, tf.constant(task.data.test.y), tf.constant(outputs, tf.float32))
    sums = np.bincount(part, np.asarray(losses, np.float64))
    return [shortest(loss) for loss in sums / np.bincount(part)]


def measured_on_test(task: Task, outputs: np.ndarray) -> dict[str, float]:
    """Measure outputs of any origin, as an ensemble's, on the test split of a task.

    Args:
        task: whose test split and loss count.
        outputs: as the loss takes them, of shape (n, outputs), for the examples of the test split.

    Returns:
        "data_loss"; "accuracy", for classes; and the measures of `lab.statistics.measures.measures`.
    """
    targets, as_tensor = tf.constant(task.data.test.y), tf.constant(outputs, tf.float32)
    losses = objective.data_loss(task.training.loss, targets, as_tensor)
    found = {"data_loss": float(tf.reduce_mean(losses))}
    if not targets.dtype.is_floating:
        found["accuracy"] = float(tf.reduce_mean(objective.hits(targets, as_tensor)))
    return found | _on_test(task, outputs)


def _on_test(task: Task, outputs: np.ndarray) -> dict[str, float]:
    y, target = task.data.test.y, task.data.target
    if target is not None:
        outputs, y = (values * target.deviation + target.mean for values in (outputs, y))
    return measures.measures(task.training.loss, outputs, y)


def predicted(model, x: np.ndarray | Rows) -> np.ndarray:
    """Return the outputs of a model in inference, of shape (n, outputs)."""
    pieces = (np.asarray(x[start : start + BATCH]) for start in range(0, len(x), BATCH))
    return np.concatenate([model(tf.constant(piece), training=False).numpy() for piece in pieces])


def _outputs(model, weights: Sequence[np.ndarray], x: np.ndarray | Rows) -> np.ndarray:
    model.set_weights(weights)
    return predicted(model, x)
