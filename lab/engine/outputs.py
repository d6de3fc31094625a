"""The outputs of a run's kept weights, and their measures, the same lines for both engines."""

import numpy as np
import tensorflow as tf

from lab.data.rows import Rows
from lab.engine.task import Task, Trained
from lab.statistics import measures

BATCH = 1024


def kept_measures(task: Task, trained: Trained) -> dict[str, float] | None:
    """Return the measures of the kept weights on the test split; None if no epoch was kept.

    The model is built once more, alone, so that they depend on the weights only: not on the engine, nor on the runs
    that trained beside it.

    Returns:
        As `lab.statistics.measures.measures`; after them "temperature", fitted on the validation split, for the losses
        whose outputs are logits.
    """
    if trained.weights is None:
        return None
    model = task.build()
    model.set_weights(trained.weights)
    data, loss = task.data, task.training.loss
    outputs, y = _outputs(model, data.test.x), data.test.y
    if data.target is not None:
        outputs, y = (values * data.target.deviation + data.target.mean for values in (outputs, y))
    found = measures.measures(loss, outputs, y)
    if loss in measures.PROBABLE:
        found["temperature"] = measures.temperature(loss, _outputs(model, data.validation.x), data.validation.y)
    return found


def _outputs(model, x: np.ndarray | Rows) -> np.ndarray:
    pieces = (np.asarray(x[start : start + BATCH]) for start in range(0, len(x), BATCH))
    return np.concatenate([model(tf.constant(piece), training=False).numpy() for piece in pieces])
