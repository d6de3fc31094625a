"""The proximal step after an update: weights, inputs and units that a penalty does not let grow become exactly 0.

A penalty with a kink, L1 or group lasso, pulls towards 0 by a step that overshoots it, so that weights swing around 0
for ever. Here the gradient leaves the penalty out, and after the update of size `rate` each weight is moved to where
`rate * penalty + half the squared distance` is smallest. With "sgd" that is proximal gradient descent (ISTA), whose
fixed points are the minima of loss and penalty; with other optimizers the step of the penalty is not scaled as theirs.

Weights are stacked, of shape (replicas, ...), and a replica of strength 0 keeps its bits.
"""

import math

import tensorflow as tf

from lab.engine import invariant
from lab.engine.penalties import meeting

KINDS = ("l1", "group_inputs", "group_units")
"""The penalties with a kink, in the order in which they are applied.

L1 and one kind of group lasso after each other are exact together; both kinds of group lasso, whose groups overlap, are
not.
"""


def shrunk(weights: tf.Tensor, strengths: dict[str, tf.Tensor], rates: tf.Tensor) -> tf.Tensor:
    """Return stacked weights after the proximal step.

    Args:
        weights: as above.
        strengths: of those of `KINDS` that there are, each of shape (replicas,).
        rates: the learning rates of the step, of shape (replicas,); 0 for replicas without proximal steps.
    """
    for kind in KINDS:
        if kind in strengths:
            threshold = strengths[kind] * rates
            moved = _soft(weights, threshold) if kind == "l1" else _groups(weights, threshold, kind == "group_inputs")
            weights = tf.where(meeting(threshold, weights) > 0.0, moved, weights)
    return weights


def _soft(weights: tf.Tensor, threshold: tf.Tensor) -> tf.Tensor:
    return tf.sign(weights) * tf.maximum(tf.abs(weights) - meeting(threshold, weights), 0.0)


def _groups(weights: tf.Tensor, threshold: tf.Tensor, by_inputs: bool) -> tf.Tensor:
    replicas, inputs, units = weights.shape[0], weights.shape[-2], weights.shape[-1]
    grouped = tf.reshape(weights, [replicas, -1, inputs, units])
    if by_inputs:
        grouped = tf.transpose(grouped, [0, 1, 3, 2])
    groups = grouped.shape[-1]
    members = math.prod(weights.shape[1:]) // groups
    rows = tf.reshape(grouped, [replicas, members, groups])
    norms = invariant.in_lanes(tf.sqrt, invariant.total(tf.square(rows), members))
    kept = tf.maximum(1.0 - tf.math.divide_no_nan(math.sqrt(members) * threshold[:, None], norms), 0.0)
    moved = tf.reshape(rows * kept[:, None], tf.shape(grouped))
    if by_inputs:
        moved = tf.transpose(moved, [0, 1, 3, 2])
    return tf.reshape(moved, weights.shape)
