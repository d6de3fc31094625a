"""Terms of the loss of each example: how far its outputs differ between masks, how steep its data loss is around it.

The functions work on the last axis, or on all but the leading ones, so one model's batch and a cohort's go through the
same lines.
"""

import tensorflow as tf

SMOOTHNESS_NUMBERS = ("r_drop", "gradient_penalty")
"""The fields of `Training` that add such a term. Runs that train together have the same of them on."""


def disagreement(loss: str, one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """Return how far two outputs for each example are apart, at least 0, of shape (..., batch).

    It is half the symmetric Kullback-Leibler divergence of the predicted classes, the mean of both directions, as in
    R-Drop (Liang et al. 2021); the normalizers of the softmax fall out of it. Of two classes, and of each of several
    that an example may have, it is that of Bernoulli distributions, and their mean. Of numbers it is the squared
    difference.

    Args:
        loss: a name of `lab.training.LOSSES`, but not "hinge".
        one, other: logits or predictions, float32 of shape (..., batch, outputs).
    """
    apart = one - other
    if loss == "squared_error":
        return tf.reduce_sum(tf.square(apart), -1)
    if loss == "binary_cross_entropy":
        return 0.5 * tf.reduce_mean((tf.sigmoid(one) - tf.sigmoid(other)) * apart, -1)
    return 0.5 * tf.reduce_sum((tf.nn.softmax(one) - tf.nn.softmax(other)) * apart, -1)


def steepness(slope: tf.Tensor, leading: int) -> tf.Tensor:
    """Return the squared Euclidean norm of the slope of the loss at each example (Drucker and LeCun 1992).

    Args:
        slope: the gradient of the sum of the data losses by the examples, of shape (..., *example).
        leading: how many axes come before those of an example; the result has them alone.
    """
    return tf.reduce_sum(tf.square(slope), list(range(leading, len(slope.shape))))
