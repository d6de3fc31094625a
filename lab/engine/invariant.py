"""Arithmetic on stacked replicas whose last bits depend neither on how many there are nor on a replica's place.

There are three ways in which they would. TensorFlow sums over the middle axis of (replicas, rows, channels) in an order
that changes with the number of replicas and with the place of a replica, and so it does in the gradient of whatever it
broadcasts along that axis, such as biases and the scales of normalizations. As a product with a row of ones, the sum
has the same order for every replica and is as fast. A processor computes up to `LANE` numbers at once, and the
remaining ones at the end of a tensor by other instructions, which round exponentials, logarithms and roots differently:
`in_lanes` adds replicas until no number remains. And a single matrix is multiplied in another way than one of several:
oneDNN may divide its sums among the threads, and Eigen, which TensorFlow takes where oneDNN is not asked for, has other
code for it. `product` computes such a matrix beside a copy of itself.

Unless said otherwise the functions take x of shape (replicas, rows, channels) and v of shape (replicas, channels).
Where they take `longest`, it is how many rows x has at most, or 0 where the replicas are computed one by one whatever
their number, so that the order of their sums is the same anyway.
"""

import functools
import os
from collections.abc import Callable

import numpy as np
import tensorflow as tf

LANE = 16
"""A multiple of the float32 numbers that a vector instruction takes: 8 with AVX2, 16 with AVX-512."""

LONG = 64
"""The number of terms from which on oneDNN may divide the sums of a single product among the threads.

Seen from 64 terms on with AVX2 and 2 columns, from 512 on with 8 to 64, and from 2048 on with AVX-512.
"""

NARROW = 64 * (os.cpu_count() or 1)
"""The number of columns up to which a product keeps all threads busy only if its sums are divided.

One of a single row does so up to any number of columns: seen from 384 terms on.
"""


def product(a: tf.Tensor, b: tf.Tensor, terms: int, transpose_a: bool = False, transpose_b: bool = False) -> tf.Tensor:
    """Return the matrix products of each replica.

    Args:
        a, b: stacked matrices; a may have one for all replicas.
        terms: how many terms one of the sums has at most.
        transpose_a, transpose_b: as for `tf.matmul`.
    """

    def multiplied() -> tf.Tensor:
        return tf.matmul(a, b, transpose_a, transpose_b)

    def twice() -> tf.Tensor:
        return tf.matmul(tf.concat([a, a], 0), tf.concat([b, b], 0), transpose_a, transpose_b)[:1]

    if b.shape[0] > 1:
        return multiplied()
    rows, columns = a.shape[2 if transpose_a else 1], b.shape[1 if transpose_b else 2]
    if not is_onednn() or (terms >= LONG and (columns <= NARROW or rows == 1)):
        return twice()
    if terms < LONG or rows is not None:
        return multiplied()
    # The last batch of an epoch may be a single example.
    return tf.cond(tf.equal(tf.shape(a)[1], 1), twice, multiplied)


@functools.cache
def is_onednn() -> bool:
    """Say whether oneDNN multiplies: with Eigen a single small matrix has other bits than beside another."""
    random = np.random.default_rng(0)
    with tf.init_scope():
        for rows, terms, columns in ((20, 64, 8), (50, 2, 10), (100, 10, 10)):
            a = tf.constant(random.standard_normal((2, rows, terms)), tf.float32)
            b = tf.constant(random.standard_normal((2, terms, columns)), tf.float32)
            if not np.array_equal(tf.matmul(a, b)[:1], tf.matmul(a[:1], b[:1])):
                return False
    return True


def linear(x: tf.Tensor, kernel: tf.Tensor, longest: int) -> tf.Tensor:
    """Return x times a kernel of shape (replicas, channels, units), whose gradient is made of such products too."""
    if kernel.shape[0] > 1 or not longest:
        return tf.matmul(x, kernel)

    @tf.custom_gradient
    def multiplied(x: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        _, channels, units = kernel.shape

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return (
                product(upstream, kernel, units, transpose_b=True),
                product(x, upstream, longest, transpose_a=True),
            )

        return product(x, kernel, channels), gradient

    return multiplied(x, kernel)


def total(x: tf.Tensor, longest: int) -> tf.Tensor:
    """Return the sum over the rows, of shape (replicas, channels)."""
    return tf.squeeze(product(tf.ones([x.shape[0], 1, tf.shape(x)[1]], x.dtype), x, longest), 1)


def mean(x: tf.Tensor, longest: int) -> tf.Tensor:
    """Return the mean over the rows, of shape (replicas, channels)."""

    @tf.custom_gradient
    def averaged(x: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        rows = tf.cast(tf.shape(x)[1], x.dtype)
        return total(x, longest) / rows, lambda upstream: tf.broadcast_to(
            tf.expand_dims(upstream / rows, 1), tf.shape(x)
        )

    return averaged(x)


def add(x: tf.Tensor, v: tf.Tensor, longest: int) -> tf.Tensor:
    """Return x + v, with v the same for all rows."""

    @tf.custom_gradient
    def added(x: tf.Tensor, v: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        return x + tf.expand_dims(v, 1), lambda upstream: (upstream, total(upstream, longest))

    return added(x, v)


def multiply(x: tf.Tensor, v: tf.Tensor, longest: int) -> tf.Tensor:
    """Return x * v, with v the same for all rows."""

    @tf.custom_gradient
    def scaled(x: tf.Tensor, v: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        factors = tf.expand_dims(v, 1)
        return x * factors, lambda upstream: (upstream * factors, total(upstream * x, longest))

    return scaled(x, v)


def in_lanes(f: Callable[..., tf.Tensor], *inputs: tf.Tensor) -> tf.Tensor:
    """Return f(*inputs), computed with empty replicas added until their number is a multiple of `LANE`.

    Args:
        f: treats every replica alike and by itself.
        inputs: each of shape (replicas, ...).
    """
    replicas = inputs[0].shape[0]
    odd = -replicas % LANE
    if not odd:
        return f(*inputs)
    padded = [tf.pad(x, [[0, odd]] + [[0, 0]] * (len(x.shape) - 1)) for x in inputs]
    return f(*padded)[:replicas]


def sums(x: tf.Tensor) -> tf.Tensor:
    """Return the sum over all axes but the first, of shape (replicas,). The caller defines its gradient."""
    axes = list(range(1, len(x.shape)))
    # A single row would be summed in another order than one of several.
    return tf.reduce_sum(x, axes) if x.shape[0] > 1 else tf.reduce_sum(tf.concat([x, x], 0), axes)[:1]
