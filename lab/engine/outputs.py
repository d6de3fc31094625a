"""The outputs of a run's weights, and what is measured of them, the same lines for both engines."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from lab.data.rows import Rows
from lab.engine.task import Task, Trained
from lab.statistics import measures
from lab.statistics.reliability import PROBABLE, reliability

BATCH = 1024


@dataclass(frozen=True)
class Measured:
    """Measures of a run that its engine does not take.

    Args:
        measures: of the kept weights on the test split, as `lab.statistics.measures.measures` returns them; after them
            "temperature", fitted on the validation split, for the losses whose outputs are logits.
        reliability: on the validation split, the curve of the "kept" weights and that of the "last" epoch's, as
            `lab.statistics.reliability.reliability` returns them. A curve is absent where it returns none.
    """

    measures: dict[str, float]
    reliability: dict[str, list[tuple[int, int, float, float]]]


def measured(task: Task, trained: Trained) -> Measured | None:
    """Measure a run's weights; return None if no epoch was kept.

    The model is built once more, alone, so that what is measured depends on the weights only: not on the engine, nor on
    the runs that trained beside it.
    """
    if trained.weights is None or trained.last_weights is None:
        return None
    model = task.build()
    data, loss = task.data, task.training.loss
    x, labels = data.validation.x, data.validation.y
    curves = {}
    if loss in PROBABLE and trained.last_weights is not trained.weights:
        curves["last"] = reliability(loss, _outputs(model, trained.last_weights, x), labels)
    outputs, y = _outputs(model, trained.weights, data.test.x), data.test.y
    if data.target is not None:
        outputs, y = (values * data.target.deviation + data.target.mean for values in (outputs, y))
    found = measures.measures(loss, outputs, y)
    if loss in PROBABLE:
        logits = _outputs(model, trained.weights, x)
        found["temperature"] = measures.temperature(loss, logits, labels)
        kept = reliability(loss, logits, labels)
        curves = {"kept": kept, "last": kept} | curves
    return Measured(found, {weights: curve for weights, curve in curves.items() if curve is not None})


def _outputs(model, weights: Sequence[np.ndarray], x: np.ndarray | Rows) -> np.ndarray:
    model.set_weights(weights)
    pieces = (np.asarray(x[start : start + BATCH]) for start in range(0, len(x), BATCH))
    return np.concatenate([model(tf.constant(piece), training=False).numpy() for piece in pieces])
