"""A rule for each kind of layer: what it does to many replicas at once, with Keras's own arithmetic.

A rule sees tensors with the replicas on a leading axis, (replicas, batch, ...), and weights likewise. Everything it
does to one replica it does without looking at the others, so a replica full of NaN harms no other. The rules also hold
for a single replica on that axis: convolutions are computed one replica at a time, because oneDNN has no other way, and
so is what follows them, until a dense layer stacks the replicas again.

Layers that drop or disturb values are in `dropping_rules`. A layer without a rule is unrolled: each replica's own Keras
layer is called on its own tensors, which is slower and right whatever the layer does.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lab.engine import invariant, keras_internals
from lab.engine.penalties import meeting
from lab.layers.normalized_kernels import LEAST


@dataclass(frozen=True)
class Call:
    """One call of a layer, for the replicas whose tensors it gets.

    Args:
        layer: the layer of the first replica; what may differ between replicas is not read from it.
        training: whether this is a step of training.
        one_by_one: whether these are the tensors of a single replica, whatever the size of the cohort.
        batch: how many examples there are at most.
        weight: returns a variable's values, of shape (replicas, ...).
        update: takes the new values of a variable that no gradient trains.
        per_run: returns what may differ between replicas, by name, of shape (replicas,).
        uniform, normal: draw numbers of shape (replicas, *shape), each replica's from its own seed.
    """

    layer: Any
    training: bool
    one_by_one: bool
    batch: int
    weight: Callable[[keras.Variable], tf.Tensor]
    update: Callable[[keras.Variable, tf.Tensor], None]
    per_run: Callable[[str], tf.Tensor]
    uniform: Callable[[Any], tf.Tensor]
    normal: Callable[[Any], tf.Tensor]

    def number(self, name: str, x: tf.Tensor) -> tf.Tensor:
        """Return one number per replica, shaped to meet `x`."""
        return meeting(self.per_run(name), x)

    def rounded_alike(self, f: Callable[..., tf.Tensor], x: tf.Tensor) -> tf.Tensor:
        """Return f(x), every number rounded alike: see `invariant.in_lanes`."""
        return f(x) if self.one_by_one else invariant.in_lanes(f, x)

    def longest(self, x: tf.Tensor) -> int:
        """Return how many rows the last axis of `x` has at most, as `invariant` takes it."""
        return 0 if self.one_by_one else self.batch * math.prod(x.shape[2:-1])


def _rows(x: tf.Tensor, channels: int) -> tf.Tensor:
    """Return x as (replicas, rows, channels), where the channels may be several of its last axes."""
    return tf.reshape(x, [x.shape[0], -1, channels])


def _like(y: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Return rows in the shape of `x`; there may be more replicas now, if `x` was shared by all."""
    y = tf.reshape(y, tf.concat([[y.shape[0]], tf.shape(x)[1:]], 0))
    return tf.ensure_shape(y, [y.shape[0], *x.shape[1:]])


_EXACT = (keras.activations.relu, keras.activations.linear, keras.activations.leaky_relu)
"""Activations made only of products, sums and comparisons, which are rounded alike everywhere."""


def plain_activation(activation: object) -> bool:
    """Say whether an activation is one of Keras's functions, which never look across examples."""
    return activation is None or keras_internals.is_own_activation(activation)


def activated(call: Call, x: tf.Tensor) -> tf.Tensor:
    """Apply the layer's activation."""
    activation = call.layer.activation
    if activation is None:
        return x
    return activation(x) if activation in _EXACT else call.rounded_alike(activation, x)


def dense(call: Call, x: tf.Tensor) -> tf.Tensor:
    """Dense."""
    return _affine(call, x, call.weight(call.layer.kernel))


def _affine(call: Call, x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    # A dense layer may take images or sequences: all positions are rows of one matrix.
    longest = call.longest(x)
    y = invariant.linear(_rows(tf.cast(x, kernel.dtype), kernel.shape[1]), kernel, longest)
    if call.layer.use_bias:
        y = invariant.add(y, call.weight(call.layer.bias), longest)
    if len(x.shape) != 3:
        y = tf.reshape(y, tf.concat([[y.shape[0]], tf.shape(x)[1:-1], [y.shape[-1]]], 0))
        y = tf.ensure_shape(y, [y.shape[0], *x.shape[1:-1], kernel.shape[-1]])
    return activated(call, y)


def dropconnect_dense(call: Call, x: tf.Tensor) -> tf.Tensor:
    """DropConnectDense."""
    return _affine(call, x, _dropped(call))


def _dropped(call: Call) -> tf.Tensor:
    kernel = call.weight(call.layer.kernel)
    if not call.training:
        return kernel
    uniform = call.uniform(kernel.shape[1:])
    # Where the rate is 0 no weight is dropped and the kernel is divided by 1: nothing changes.
    keep = tf.cast(uniform >= call.number("rate", kernel), kernel.dtype)
    return kernel * keep / call.number("kept", kernel)


def normalized_dense(call: Call, x: tf.Tensor) -> tf.Tensor:
    """NormalizedDense."""
    return _affine(call, x, _of_length(call))


def normalized_conv(call: Call, x: tf.Tensor) -> tf.Tensor:
    """NormalizedConv2D of one replica."""
    return _convolved(call, x, _of_length(call))


def _of_length(call: Call) -> tf.Tensor:
    """Return the kernels whose units have the lengths of their gains."""
    kernel, gain = call.weight(call.layer.kernel), call.weight(call.layer.gain)
    rows = _rows(kernel, kernel.shape[-1])
    size = rows.shape[1]
    if call.layer.centred:
        rows = invariant.add(rows, -invariant.mean(rows, size), size)
    length = call.rounded_alike(tf.sqrt, invariant.total(tf.square(rows), size) + LEAST)
    return tf.reshape(invariant.multiply(rows, gain / length, size), kernel.shape)


def conv(call: Call, x: tf.Tensor) -> tf.Tensor:
    """Conv2D of one replica, whose images are of shape (batch, height, width, channels)."""
    return _convolved(call, x, call.weight(call.layer.kernel))


def dropconnect_conv(call: Call, x: tf.Tensor) -> tf.Tensor:
    """DropConnectConv2D of one replica."""
    return _convolved(call, x, _dropped(call))


def _convolved(call: Call, x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    layer = call.layer
    y = tf.nn.convolution(x, tf.squeeze(kernel, 0), layer.strides, layer.padding.upper(), dilations=layer.dilation_rate)
    if layer.use_bias:
        y = tf.nn.bias_add(y, tf.squeeze(call.weight(layer.bias), 0))
    return activated(call, y)


def batch_normalization(call: Call, x: tf.Tensor) -> tf.Tensor:
    """BatchNormalization over the last axis."""
    layer, rows, longest = call.layer, _rows(x, x.shape[-1]), call.longest(x)
    moving_mean, moving_variance = call.weight(layer.moving_mean), call.weight(layer.moving_variance)
    if call.training and layer.trainable:
        mean = invariant.mean(rows, longest)
        variance = invariant.mean(tf.math.squared_difference(rows, tf.expand_dims(tf.stop_gradient(mean), 1)), longest)
        old, new = call.number("momentum", mean), call.number("renewal", mean)
        call.update(layer.moving_mean, moving_mean * old + mean * new)
        call.update(layer.moving_variance, moving_variance * old + variance * new)
    else:
        mean, variance = moving_mean, moving_variance
    inverse = call.rounded_alike(tf.math.rsqrt, variance + layer.epsilon)
    if layer.scale:
        inverse = inverse * call.weight(layer.gamma)
    shift = -mean * inverse
    if layer.center:
        shift = call.weight(layer.beta) - mean * inverse
    return _like(invariant.add(invariant.multiply(rows, inverse, longest), shift, longest), x)


def _scaled(call: Call, x: tf.Tensor, size: int) -> tf.Tensor:
    """Apply gamma and beta of a normalization over one example, which have `size` values."""
    rows, longest = _rows(x, size), call.longest(x)
    if call.layer.scale:
        rows = invariant.multiply(rows, _flat(call.weight(call.layer.gamma)), longest)
    if call.layer.center:
        rows = invariant.add(rows, _flat(call.weight(call.layer.beta)), longest)
    return _like(rows, x)


def _normalized(call: Call, x: tf.Tensor, axes: list[int]) -> tf.Tensor:
    def normalize(x: tf.Tensor) -> tf.Tensor:
        mean, variance = tf.nn.moments(x, axes, keepdims=True)
        # TensorFlow would replace the whole pattern by a fused operation, in some graphs and not in others.
        return tf.ensure_shape(x - mean, x.shape) * tf.math.rsqrt(variance + call.layer.epsilon)

    return call.rounded_alike(normalize, x)


def layer_normalization(call: Call, x: tf.Tensor) -> tf.Tensor:
    """LayerNormalization over the last axes."""
    axes = list(range(len(x.shape) - len(call.layer.axis), len(x.shape)))
    return _scaled(call, _normalized(call, x, axes), math.prod(x.shape[axis] for axis in axes))


def rms_normalization(call: Call, x: tf.Tensor) -> tf.Tensor:
    """RMSNormalization over the last axis."""

    def normalize(x: tf.Tensor) -> tf.Tensor:
        squares = tf.reduce_mean(tf.square(x), -1, keepdims=True)
        return x * tf.math.rsqrt(squares + call.layer.epsilon)

    rows, longest = _rows(call.rounded_alike(normalize, x), x.shape[-1]), call.longest(x)
    return _like(invariant.multiply(rows, call.weight(call.layer.scale), longest), x)


def group_normalization(call: Call, x: tf.Tensor) -> tf.Tensor:
    """GroupNormalization of the last axis."""
    groups, size = call.layer.groups, x.shape[-1]
    grouped = tf.reshape(x, tf.concat([tf.shape(x)[:-1], [groups, size // groups]], 0))
    axes = [axis for axis in range(2, len(x.shape) + 1) if axis != len(x.shape) - 1]
    return _scaled(call, _like(_normalized(call, grouped, axes), x), size)


def prelu(call: Call, x: tf.Tensor) -> tf.Tensor:
    """PReLU, with slopes for each value or shared along some axes."""
    alpha = call.weight(call.layer.alpha)
    shared = [axis for axis in range(2, len(x.shape)) if alpha.shape[axis - 1] != x.shape[axis]]
    order = [0, 1, *shared, *(axis for axis in range(2, len(x.shape)) if axis not in shared)]
    # A slope meets all numbers of one column.
    below = tf.transpose(tf.nn.relu(-x), order) if shared else tf.nn.relu(-x)
    slopes = _like(invariant.multiply(_rows(below, math.prod(alpha.shape[1:])), _flat(alpha), call.longest(x)), below)
    return tf.nn.relu(x) - (tf.transpose(slopes, np.argsort(order)) if shared else slopes)


def _flat(values: tf.Tensor) -> tf.Tensor:
    return tf.reshape(values, [values.shape[0], -1])


def called(call: Call, *inputs: Any) -> tf.Tensor:
    """Call the Keras layer itself on one replica."""
    return call.layer.call(*inputs)


def folded(call: Call, *inputs: Any) -> tf.Tensor:
    """Hand the replicas to the Keras layer itself as more examples, each of which it treats alike and by itself."""
    replicas = max(x.shape[0] for x in keras.tree.flatten(inputs))

    def fold(x: tf.Tensor) -> tf.Tensor:
        if x.shape[0] != replicas:
            x = tf.repeat(x, replicas, 0)
        return tf.reshape(x, tf.concat([[-1], tf.shape(x)[2:]], 0) if None in x.shape[2:] else [-1, *x.shape[2:]])

    y = call.layer.call(*keras.tree.map_structure(fold, inputs))
    unfolded = tf.reshape(y, tf.concat([[replicas, -1], tf.shape(y)[1:]], 0))
    return tf.ensure_shape(unfolded, [replicas, None, *y.shape[1:]])
