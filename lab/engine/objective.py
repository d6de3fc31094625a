"""The losses and the hits in TensorFlow: what is minimized and what is reported.

The functions work on the last axis, so one model's outputs of shape (batch, outputs) and a cohort's of shape
(runs, batch, outputs) go through the same lines.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import tensorflow as tf

if TYPE_CHECKING:
    from lab.training import Training

LOSS_NUMBERS = ("label_smoothing", "focal", "noise_robust", "confidence_penalty")
"""The fields of `Training` that change the loss of each example; `flooding` changes that of a batch."""

TINY = 1e-7
"""The smallest chance of being wrong that `focal` raises to a power: below 1 the power's slope is infinite at 0."""


def data_loss(loss: str, targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """Return the plain loss of each example, without penalties and without label smoothing.

    Args:
        loss: a name of `lab.training.LOSSES`; the formulas are in `Training`'s docstring.
        targets: int32 classes of shape (..., batch), or zeros and ones of shape (..., batch, outputs) where an example
            may have several; or float32 numbers of shape (..., batch, outputs).
        outputs: logits, scores or predictions, float32 of shape (..., batch, outputs).

    Returns:
        float32 of shape (..., batch).
    """
    if loss == "softmax_cross_entropy":
        return tf.nn.sparse_softmax_cross_entropy_with_logits(targets, outputs)
    if loss == "binary_cross_entropy":
        return _binary(tf.cast(targets, outputs.dtype), outputs)
    if loss == "hinge" and outputs.shape[-1] == 1:
        sign = 2.0 * tf.cast(targets, outputs.dtype) - 1.0
        return tf.nn.relu(1.0 - sign * tf.squeeze(outputs, -1))
    if loss == "hinge":
        truth = tf.one_hot(targets, outputs.shape[-1], dtype=outputs.dtype)
        right = tf.reduce_sum(outputs * truth, -1, keepdims=True)
        return tf.reduce_sum(tf.nn.relu(outputs - right + 1.0) * (1.0 - truth), -1)
    truth = targets if targets.dtype.is_floating else tf.one_hot(targets, outputs.shape[-1], dtype=outputs.dtype)
    return tf.reduce_sum(tf.square(truth - outputs), -1)


def numbers(training: "Training") -> dict[str, float]:
    """Return those fields of a training that change the loss of each example, without those that are 0."""
    return {name: value for name in LOSS_NUMBERS if (value := getattr(training, name))}


def minimized(
    loss: str, numbers: "Mapping[str, float | tf.Tensor]", targets: tf.Tensor, outputs: tf.Tensor, plain: tf.Tensor
) -> tf.Tensor:
    """Return what is minimized for each example, of shape (..., batch): `plain` where all numbers are 0, bit by bit.

    Args:
        loss: as for `data_loss`.
        numbers: fields of `Training` by name: numbers, or for a cohort tensors of shape (runs, 1).
        targets, outputs: as for `data_loss`.
        plain: the result of `data_loss`, of shape (..., batch).
    """
    found = smoothed(loss, numbers.get("label_smoothing", 0.0), targets, outputs, plain)
    if "focal" in numbers:
        gamma = tf.convert_to_tensor(numbers["focal"])
        wrong = tf.maximum(-tf.math.expm1(-plain), TINY)
        found = tf.where(gamma > 0.0, found * tf.pow(wrong, gamma), found)
    if "noise_robust" in numbers:
        q = tf.convert_to_tensor(numbers["noise_robust"])
        exponent = tf.where(q > 0.0, q, 1.0)
        found = tf.where(q > 0.0, -tf.math.expm1(-exponent * plain) / exponent, found)
    if "confidence_penalty" in numbers:
        weight = tf.convert_to_tensor(numbers["confidence_penalty"])
        found = tf.where(weight > 0.0, found - weight * _entropy(loss, outputs), found)
    return found


def flooded(mean: tf.Tensor, level: "float | tf.Tensor") -> tf.Tensor:
    """Return what is minimized of a batch's mean loss: it climbs below the level (Ishida et al. 2020)."""
    return tf.where(level > 0.0, tf.abs(mean - level) + level, mean)


def _entropy(loss: str, outputs: tf.Tensor) -> tf.Tensor:
    """Return the entropy of the predicted classes of each example; the mean where it may have several classes."""
    if loss == "binary_cross_entropy":
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(tf.sigmoid(outputs), outputs), -1)
    return -tf.reduce_sum(tf.nn.softmax(outputs) * tf.nn.log_softmax(outputs), -1)


def smoothed(
    loss: str, share: "float | tf.Tensor", targets: tf.Tensor, outputs: tf.Tensor, plain: tf.Tensor
) -> tf.Tensor:
    """Return what is minimized for each example: `plain`, or its label-smoothed form (Szegedy et al. 2016).

    Args:
        loss: as for `data_loss`.
        share: the share of the target that is spread over the classes; for a cohort, a tensor of shape (runs, 1).
            The number 0 returns `plain` itself.
        targets, outputs: as for `data_loss`.
        plain: the result of `data_loss`, of shape (..., batch).
    """
    if isinstance(share, float) and share == 0:
        return plain
    if loss == "binary_cross_entropy":
        # A cohort's shares are of shape (runs, 1), one axis short of several classes per example.
        if not isinstance(share, float) and len(targets.shape) == len(outputs.shape):
            share = share[..., None]
        truth = tf.cast(targets, outputs.dtype) * (1.0 - share) + 0.5 * share
        return _binary(truth, outputs)
    uniform = -tf.reduce_mean(tf.nn.log_softmax(outputs), -1)
    return (1.0 - share) * plain + share * uniform


def _binary(truth: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    if len(truth.shape) == len(outputs.shape):
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(truth, outputs), -1)
    return tf.nn.sigmoid_cross_entropy_with_logits(truth, tf.squeeze(outputs, -1))


def hits(targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """Return 1.0 for each example whose predicted class is right, else 0.0; NaN where targets are numbers.

    One output predicts the second class where it is above 0, several predict their largest. Where an example may have
    several classes, each output predicts its own where it is above 0, and the share of right ones is returned.
    """
    if targets.dtype.is_floating:
        return tf.fill(tf.shape(outputs)[:-1], float("nan"))
    if len(targets.shape) == len(outputs.shape):
        return tf.reduce_mean(tf.cast(tf.equal(outputs > 0.0, targets > 0), tf.float32), -1)
    if outputs.shape[-1] == 1:
        guess = tf.cast(tf.squeeze(outputs, -1) > 0.0, targets.dtype)
    else:
        guess = tf.argmax(outputs, -1, targets.dtype)
    return tf.cast(tf.equal(guess, targets), tf.float32)
