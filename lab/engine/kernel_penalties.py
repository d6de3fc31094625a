"""Penalties on kernels as a whole, of many replicas: group lasso on inputs and units, and the orthogonal penalty.

Their slopes are written out here; `lab.regularizers.KernelPenalty`, which Keras calls, leaves them to TensorFlow, so
that each holds the other. Kernels are of shape (replicas, ..., inputs, units).
"""

import functools
import math
from collections.abc import Callable

import tensorflow as tf

from lab.engine import invariant


def _lasso(kernel: tf.Tensor, by_inputs: bool) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the group lasso of each replica, of shape (replicas,), and its slope.

    The slope of a group that is 0 is 0, as is in the interval of its subgradients.
    """
    replicas, inputs, units = kernel.shape[0], kernel.shape[-2], kernel.shape[-1]
    grouped = tf.reshape(kernel, [replicas, -1, inputs, units])
    if by_inputs:
        grouped = tf.transpose(grouped, [0, 1, 3, 2])
    groups = grouped.shape[-1]
    members = math.prod(kernel.shape[1:]) // groups
    rows = tf.reshape(grouped, [replicas, members, groups])
    norms = invariant.in_lanes(tf.sqrt, invariant.total(tf.square(rows), members))
    weight = math.sqrt(members)
    slope = tf.reshape(weight * tf.math.divide_no_nan(rows, norms[:, None]), tf.shape(grouped))
    if by_inputs:
        slope = tf.transpose(slope, [0, 1, 3, 2])
    return weight * invariant.sums(norms), tf.reshape(slope, kernel.shape)


def _orthogonal(kernel: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the orthogonal penalty of each replica, of shape (replicas,), and its slope."""
    replicas, units = kernel.shape[0], kernel.shape[-1]
    w = tf.reshape(kernel, [replicas, -1, units])
    inputs = w.shape[1]
    narrow = units <= inputs
    gram = invariant.product(w, w, max(inputs, units), transpose_a=narrow, transpose_b=not narrow)
    apart = gram - tf.eye(min(inputs, units))
    slope = invariant.product(w, apart, units) if narrow else invariant.product(apart, w, inputs)
    return invariant.sums(tf.square(apart)), tf.reshape(4.0 * slope, kernel.shape)


KERNEL_KINDS: dict[str, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]] = {
    "group_inputs": functools.partial(_lasso, by_inputs=True),
    "group_units": functools.partial(_lasso, by_inputs=False),
    "orthogonal": _orthogonal,
}
"""The penalty and the slope of each kind."""


def charge(kind: str, kernel: tf.Tensor, strength: tf.Tensor, pull: tf.Tensor | None = None) -> tf.Tensor:
    """Return a penalty on each replica's kernel, of shape (replicas,), to be differentiated.

    A replica of strength 0 is charged 0 and has the slope 0, even if its weights are infinite or NaN.

    Args:
        kind: of `KERNEL_KINDS`.
        kernel: of shape (replicas, ..., inputs, units).
        strength: of shape (replicas,).
        pull: the strength that its slope has instead, of shape (replicas,).
    """

    @tf.custom_gradient
    def charged(kernel: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        value, slope = KERNEL_KINDS[kind](kernel)

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            factor = tf.reshape(upstream * (strength if pull is None else pull), [-1] + [1] * (len(kernel.shape) - 1))
            return tf.math.multiply_no_nan(slope, tf.broadcast_to(factor, kernel.shape))

        return tf.math.multiply_no_nan(value, strength), gradient

    return charged(kernel)
