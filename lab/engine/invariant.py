"""Arithmetic on stacked replicas whose last bits do not depend on how many there are, or on a replica's place.

Two things would make them depend. TensorFlow sums over the middle axis of (replicas, rows, channels) in an order that
changes with the number of replicas and with the place of a replica among them, and so does the gradient of everything
it broadcasts along that axis: biases, the scales of normalizations. As a product with a row of ones the sum takes the
same order for every replica, as fast. And a processor computes `LANE` numbers at once and the odd ones at the end of a
tensor by other instructions, which round exponentials, logarithms and roots otherwise: with as many replicas as make
nothing odd, all numbers are computed alike.

Unless said otherwise the functions take x of shape (replicas, rows, channels) and v of shape (replicas, channels).
"""

from collections.abc import Callable

import tensorflow as tf

LANE = 16
"""A multiple of how many float32 a vector instruction takes: 8 with AVX2, 16 with AVX-512."""


def total(x: tf.Tensor) -> tf.Tensor:
    """Return the sum over the rows, of shape (replicas, channels)."""
    return tf.matmul(tf.ones([x.shape[0], 1, tf.shape(x)[1]], x.dtype), x)[:, 0]


@tf.custom_gradient
def mean(x: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """Return the mean over the rows, of shape (replicas, channels)."""
    rows = tf.cast(tf.shape(x)[1], x.dtype)
    return total(x) / rows, lambda gradient: tf.broadcast_to((gradient / rows)[:, None], tf.shape(x))


@tf.custom_gradient
def add(x: tf.Tensor, v: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """Return x + v, with v the same for all rows."""
    return x + v[:, None], lambda gradient: (gradient, total(gradient))


@tf.custom_gradient
def multiply(x: tf.Tensor, v: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """Return x * v, with v the same for all rows."""
    return x * v[:, None], lambda gradient: (gradient * v[:, None], total(gradient * x))


def in_lanes(f: Callable[..., tf.Tensor], *inputs: tf.Tensor) -> tf.Tensor:
    """Return f(*inputs), computed with empty replicas added until their number is a multiple of `LANE`.

    Args:
        f: treats every replica alike and alone.
        inputs: each of shape (replicas, ...).
    """
    replicas = inputs[0].shape[0]
    odd = -replicas % LANE
    if not odd:
        return f(*inputs)
    padded = [tf.pad(x, [[0, odd]] + [[0, 0]] * (len(x.shape) - 1)) for x in inputs]
    return f(*padded)[:replicas]


def sums(x: tf.Tensor) -> tf.Tensor:
    """Return the sum over all axes but the first, of shape (replicas,)."""
    # One row alone would be summed in another order than one of several.
    rows = x if x.shape[0] > 1 else tf.repeat(x, 2, 0)
    return tf.reduce_sum(rows, list(range(1, len(x.shape))))[: x.shape[0]]
