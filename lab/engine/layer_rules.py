"""A rule for each kind of layer: what it does to many replicas at once, with Keras's own arithmetic.

A rule sees tensors with the replicas on a leading axis, (replicas, batch, ...), and weights likewise. Everything it
does to one replica it does without looking at the others, so a replica full of NaN harms nobody. The rules are written
so that they also hold for a single replica on that axis: convolutions are computed one replica at a time, because
oneDNN has no other way, and so is what follows them until a dense layer takes the replicas together again.

A layer without a rule is unrolled: each replica's own Keras layer is called on its own tensors. Slower, and right
whatever the layer does.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from lab.engine import channels
from lab.layers import DropConnectConv2D, DropConnectDense, LocalResponseNormalization, Maxout

layers = keras.layers


@dataclass(frozen=True)
class Call:
    """One call of a layer, for the replicas whose tensors it gets.

    Args:
        layer: the layer of the first replica; what may differ between replicas is not read from it.
        training: whether this is a step of training.
        apart: whether these are the tensors of one replica alone, whatever the size of the cohort.
        weight: returns a variable's values, of shape (replicas, ...).
        update: takes new values of a variable that is not trained.
        numbers: returns what may differ between replicas, by name, of shape (replicas,).
        uniform, normal: draw numbers of shape (replicas, *shape), each replica's from its own seed.
    """

    layer: Any
    training: bool
    apart: bool
    weight: Callable[[keras.Variable], tf.Tensor]
    update: Callable[[keras.Variable, tf.Tensor], None]
    numbers: Callable[[str], tf.Tensor]
    uniform: Callable[[Any], tf.Tensor]
    normal: Callable[[Any], tf.Tensor]

    def number(self, name: str, x: tf.Tensor) -> tf.Tensor:
        """Return one number a replica, shaped to meet `x`."""
        return meeting(self.numbers(name), x)

    def rounded_alike(self, f: Callable[..., tf.Tensor], x: tf.Tensor) -> tf.Tensor:
        """Return f(x), every number rounded alike: see `channels.in_lanes`."""
        return f(x) if self.apart else channels.in_lanes(f, x)


@dataclass(frozen=True)
class Rule:
    """How a kind of layer is computed for many replicas.

    Args:
        apply: maps a call and its input, of shape (replicas, batch, ...), to its output.
        fixed: what must be equal for layers to be computed together, besides the shapes of their weights.
        free: the numbers that may differ.
        fits: whether the rule holds for a layer of this kind as it is configured.
        apart: whether the replicas must be computed one at a time; None follows what came before.
    """

    apply: Callable[..., tf.Tensor]
    fixed: Callable[[Any], tuple] = lambda layer: ()
    free: Callable[[Any], dict[str, float]] = lambda layer: {}
    fits: Callable[[Any], bool] = lambda layer: True
    apart: bool | None = None


def meeting(values: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Return values of shape (replicas,) with as many axes of size 1 as `x` has beyond the first."""
    return tf.reshape(values, [-1] + [1] * (len(x.shape) - 1))


def _rows(x: tf.Tensor, channels: int) -> tf.Tensor:
    """Return x as (replicas, rows, channels), where the channels may be several of its last axes."""
    return tf.reshape(x, [x.shape[0], -1, channels])


def _like(y: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Return rows in the shape of `x`; there may be more replicas now, if `x` was shared by all."""
    y = tf.reshape(y, tf.concat([[y.shape[0]], tf.shape(x)[1:]], 0))
    return tf.ensure_shape(y, [y.shape[0], *x.shape[1:]])


def plain_activation(activation: object) -> bool:
    """Say whether an activation is one of Keras's functions, which never look across examples."""
    return activation is None or getattr(activation, "__module__", "").startswith("keras.src.activations")


def _activated(call: Call, x: tf.Tensor) -> tf.Tensor:
    activation = call.layer.activation
    if activation is None:
        return x
    return activation(x) if activation in _EXACT else call.rounded_alike(activation, x)


def _dense(call: Call, x: tf.Tensor) -> tf.Tensor:
    return _affine(call, x, call.weight(call.layer.kernel))


def _affine(call: Call, x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    # A dense layer may stand on images or sequences: all positions are rows of one matrix.
    y = tf.matmul(_rows(x, kernel.shape[1]), kernel)
    if call.layer.use_bias:
        y = channels.add(y, call.weight(call.layer.bias))
    if len(x.shape) != 3:
        y = tf.reshape(y, tf.concat([[y.shape[0]], tf.shape(x)[1:-1], [y.shape[-1]]], 0))
        y = tf.ensure_shape(y, [y.shape[0], *x.shape[1:-1], kernel.shape[-1]])
    return _activated(call, y)


def _dropconnect_dense(call: Call, x: tf.Tensor) -> tf.Tensor:
    return _affine(call, x, _dropped(call))


def _dropped(call: Call) -> tf.Tensor:
    kernel = call.weight(call.layer.kernel)
    if not call.training:
        return kernel
    uniform = call.uniform(kernel.shape[1:])
    # Where the rate is 0 no weight is dropped and the kernel is divided by 1: nothing changes.
    keep = tf.cast(uniform >= call.number("rate", kernel), kernel.dtype)
    return kernel * keep / call.number("kept", kernel)


def _conv(call: Call, x: tf.Tensor) -> tf.Tensor:
    return _convolved(call, x, call.weight(call.layer.kernel))


def _dropconnect_conv(call: Call, x: tf.Tensor) -> tf.Tensor:
    return _convolved(call, x, _dropped(call))


def _convolved(call: Call, x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    layer = call.layer
    y = tf.nn.convolution(x[0], kernel[0], layer.strides, layer.padding.upper(), dilations=layer.dilation_rate)
    if layer.use_bias:
        y = y + call.weight(layer.bias)[:, None, None]
    return _activated(call, y)[None]


def _batch_normalization(call: Call, x: tf.Tensor) -> tf.Tensor:
    layer, rows = call.layer, _rows(x, x.shape[-1])
    moving_mean, moving_variance = call.weight(layer.moving_mean), call.weight(layer.moving_variance)
    if call.training and layer.trainable:
        mean = channels.mean(rows)
        variance = channels.mean(tf.math.squared_difference(rows, tf.stop_gradient(mean)[:, None]))
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
    return _like(channels.add(channels.multiply(rows, inverse), shift), x)


def _scaled(call: Call, x: tf.Tensor, size: int) -> tf.Tensor:
    """Apply gamma and beta of a normalization over one example, which have `size` values."""
    rows = _rows(x, size)
    if call.layer.scale:
        rows = channels.multiply(rows, _flat(call.weight(call.layer.gamma)))
    if call.layer.center:
        rows = channels.add(rows, _flat(call.weight(call.layer.beta)))
    return _like(rows, x)


def _normalized(call: Call, x: tf.Tensor, axes: list[int]) -> tf.Tensor:
    def normalize(x: tf.Tensor) -> tf.Tensor:
        mean, variance = tf.nn.moments(x, axes, keepdims=True)
        # TensorFlow would replace the whole pattern by a fused operation, in some graphs and not in others.
        return tf.ensure_shape(x - mean, x.shape) * tf.math.rsqrt(variance + call.layer.epsilon)

    return call.rounded_alike(normalize, x)


def _layer_normalization(call: Call, x: tf.Tensor) -> tf.Tensor:
    axes = list(range(len(x.shape) - len(call.layer.axis), len(x.shape)))
    return _scaled(call, _normalized(call, x, axes), math.prod(x.shape[axis] for axis in axes))


def _group_normalization(call: Call, x: tf.Tensor) -> tf.Tensor:
    groups, size = call.layer.groups, x.shape[-1]
    grouped = tf.reshape(x, tf.concat([tf.shape(x)[:-1], [groups, size // groups]], 0))
    axes = [axis for axis in range(2, len(x.shape) + 1) if axis != len(x.shape) - 1]
    return _scaled(call, _like(_normalized(call, grouped, axes), x), size)


def _prelu(call: Call, x: tf.Tensor) -> tf.Tensor:
    alpha = call.weight(call.layer.alpha)
    size = math.prod(alpha.shape[1:])
    if alpha.shape[1:] == x.shape[2:] or size == x.shape[-1]:
        # One slope a feature, or one a channel for all positions: either way the last axes of x.
        slopes = _like(channels.multiply(_rows(tf.nn.relu(-x), size), _flat(alpha)), x)
    else:
        slopes = alpha[:, None] * tf.nn.relu(-x)
    return tf.nn.relu(x) - slopes


def _flat(values: tf.Tensor) -> tf.Tensor:
    return tf.reshape(values, [values.shape[0], -1])


def _dropout(call: Call, x: tf.Tensor) -> tf.Tensor:
    if not call.training:
        return x
    uniform = call.uniform(tf.shape(x)[1:])
    return tf.where(uniform >= call.number("rate", x), x * call.number("scale", x), 0.0)


def _noise(call: Call, x: tf.Tensor) -> tf.Tensor:
    if not call.training:
        return x
    return x + call.normal(tf.shape(x)[1:]) * call.number("stddev", x)


def _folded(call: Call, *inputs: Any) -> tf.Tensor:
    """Let the Keras layer itself see the replicas as more examples: it treats every example alike and alone."""
    first = keras.tree.flatten(inputs)
    replicas = max(x.shape[0] for x in first)

    def fold(x: tf.Tensor) -> tf.Tensor:
        if x.shape[0] != replicas:
            x = tf.repeat(x, replicas, 0)
        return tf.reshape(x, tf.concat([[-1], tf.shape(x)[2:]], 0) if None in x.shape[2:] else [-1, *x.shape[2:]])

    y = call.layer.call(*keras.tree.map_structure(fold, inputs))
    unfolded = tf.reshape(y, tf.concat([[replicas, -1], tf.shape(y)[1:]], 0))
    return tf.ensure_shape(unfolded, [replicas, None, *y.shape[1:]])


def _configuration(layer: Any) -> tuple:
    config = layer.get_config()
    for name in ("name", "trainable", "dtype", "activity_regularizer"):
        config.pop(name, None)
    return (json.dumps(config, sort_keys=True, default=repr),)


def _plain_dense(layer: Any) -> bool:
    return layer.quantization_mode is None and not layer.lora_enabled and plain_activation(layer.activation)


def _plain_conv(layer: Any) -> bool:
    return (
        layer.groups == 1
        and layer.data_format == "channels_last"
        and not getattr(layer, "lora_enabled", False)
        and getattr(layer, "quantization_mode", None) is None
        and plain_activation(layer.activation)
    )


def _dense_form(layer: Any) -> tuple:
    return layer.activation, layer.use_bias


def _conv_form(layer: Any) -> tuple:
    return layer.activation, layer.use_bias, layer.strides, layer.padding, layer.dilation_rate


def _function(layer: Any) -> tuple:
    return (layer.activation,)


def _normalization_form(layer: Any) -> tuple:
    return layer.epsilon, layer.center, layer.scale, layer.trainable


def _trailing(layer: Any) -> bool:
    rank = len(layer._inbound_nodes[0].input_tensors[0].shape)
    axes = sorted(axis % rank for axis in layer.axis)
    return axes == list(range(rank - len(axes), rank)) and 0 not in axes


def _dropped_share(layer: Any) -> dict[str, float]:
    # Taken in float64 and rounded once, as Keras and `drop_weights` do with a float.
    return {"rate": layer.rate, "kept": 1 - layer.rate, "scale": 1 / (1 - layer.rate)}


def _momentum(layer: Any) -> dict[str, float]:
    return {"momentum": layer.momentum, "renewal": 1.0 - layer.momentum}


_EXACT = (keras.activations.relu, keras.activations.linear, keras.activations.leaky_relu)
"""Activations made of products, sums and comparisons alone, which are rounded alike everywhere."""

_FOLDED_KINDS = (
    *(layers.Flatten, layers.Reshape, layers.Permute, layers.RepeatVector, layers.Identity, layers.Rescaling),
    *(layers.ReLU, layers.LeakyReLU, layers.ActivityRegularization, Maxout),
    *(layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D),
    *(layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D, layers.GlobalMaxPooling3D),
    *(layers.ZeroPadding1D, layers.ZeroPadding2D, layers.Cropping1D, layers.Cropping2D),
    *(layers.Add, layers.Subtract, layers.Multiply, layers.Maximum, layers.Minimum),
)
_ONE_AT_A_TIME = (
    *(layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D),
    *(layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D, layers.GlobalAveragePooling3D),
    *(layers.UpSampling2D, layers.Average, layers.ELU, LocalResponseNormalization),
)
"""Kinds that sum over positions or take powers, in an order or a rounding that more examples could change."""

RULES: dict[type, Rule] = {
    **dict.fromkeys(_FOLDED_KINDS, Rule(_folded, _configuration)),
    **dict.fromkeys(_ONE_AT_A_TIME, Rule(_folded, _configuration, apart=True)),
    layers.Activation: Rule(_activated, _function, fits=lambda layer: plain_activation(layer.activation)),
    layers.Concatenate: Rule(_folded, _configuration, fits=lambda layer: layer.axis == -1),
    layers.Dense: Rule(_dense, _dense_form, fits=_plain_dense, apart=False),
    layers.Conv2D: Rule(_conv, _conv_form, fits=_plain_conv, apart=True),
    DropConnectDense: Rule(_dropconnect_dense, _dense_form, _dropped_share, _plain_dense, apart=False),
    DropConnectConv2D: Rule(_dropconnect_conv, _conv_form, _dropped_share, _plain_conv, apart=True),
    layers.BatchNormalization: Rule(
        _batch_normalization,
        _normalization_form,
        _momentum,
        lambda layer: not layer.renorm and not layer.synchronized and layer.axis in (-1, layer.input_spec.ndim - 1),
    ),
    layers.LayerNormalization: Rule(
        _layer_normalization,
        lambda layer: (*_normalization_form(layer), tuple(layer.axis)),
        fits=lambda layer: not layer.rms_scaling and _trailing(layer),
    ),
    layers.GroupNormalization: Rule(
        _group_normalization,
        lambda layer: (*_normalization_form(layer), layer.groups),
        fits=lambda layer: layer.axis in (-1, layer.input_spec.ndim - 1),
    ),
    layers.PReLU: Rule(_prelu),
    layers.Dropout: Rule(
        _dropout, free=_dropped_share, fits=lambda layer: layer.noise_shape is None and layer.rate < 1
    ),
    layers.GaussianNoise: Rule(_noise, free=lambda layer: {"stddev": layer.stddev}),
}


def rule(layer: object) -> Rule | None:
    """Return the rule of a layer, or None if its replicas must be unrolled.

    Only exact kinds have rules: a subclass may do anything.
    """
    found = RULES.get(type(layer))
    return found if found is not None and found.fits(layer) else None
