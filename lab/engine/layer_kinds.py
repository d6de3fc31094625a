"""The kinds of layers that have a rule, when it holds, and what may differ between replicas and what may not."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from lab.engine import dropping_rules as dropping
from lab.engine import keras_internals
from lab.engine import layer_rules as rules
from lab.layers import (
    DropBlock,
    DropConnectConv2D,
    DropConnectDense,
    LocalResponseNormalization,
    Maxout,
    NormalizedConv2D,
    NormalizedDense,
)

layers = keras.layers


@dataclass(frozen=True)
class Rule:
    """The way to compute one kind of layer for many replicas.

    Args:
        apply: maps a call and its inputs, of shape (replicas, batch, ...), to its output.
        fixed: returns what must be equal for layers to be stacked, besides the shapes of their weights.
        free: returns the numbers that may differ, by name.
        fits: says whether the rule holds for a layer of this kind as it is configured.
        one_by_one: whether the replicas must be computed one at a time; None computes them in the form in which their
            inputs come.
        apply_one: `apply` for one replica, whose tensors are of shape (batch, ...); None leaves it to `apply`.
            TensorFlow fuses a convolution with what follows it only if nothing, not even a reshape, comes between.
    """

    apply: Callable[..., tf.Tensor]
    fixed: Callable[[Any], tuple] = lambda layer: ()
    free: Callable[[Any], dict[str, float]] = lambda layer: {}
    fits: Callable[[Any], bool] = lambda layer: True
    one_by_one: bool | None = None
    apply_one: Callable[..., tf.Tensor] | None = None


def _configuration(layer: Any) -> tuple:
    config = layer.get_config()
    for name in ("name", "trainable", "dtype", "activity_regularizer"):
        config.pop(name, None)
    return (json.dumps(config, sort_keys=True, default=repr),)


def _plain_dense(layer: Any) -> bool:
    return layer.quantization_mode is None and not layer.lora_enabled and rules.plain_activation(layer.activation)


def _plain_conv(layer: Any) -> bool:
    return (
        layer.groups == 1
        and layer.data_format == "channels_last"
        and not getattr(layer, "lora_enabled", False)
        and getattr(layer, "quantization_mode", None) is None
        and rules.plain_activation(layer.activation)
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
    rank = keras_internals.input_rank(layer)
    axes = sorted(axis % rank for axis in layer.axis)
    return axes == list(range(rank - len(axes), rank)) and 0 not in axes


def _dropped_share(layer: Any) -> dict[str, float]:
    # Taken in float64 and rounded once, as Keras and `drop_weights` do with a float.
    return {"rate": layer.rate, "kept": 1 - layer.rate, "scale": 1 / (1 - layer.rate)}


def _noise_shape(layer: Any) -> tuple:
    return (layer.noise_shape,)


def _channels_last(layer: Any) -> bool:
    return layer.rate < 1 and getattr(layer, "data_format", "channels_last") == "channels_last"


def _momentum(layer: Any) -> dict[str, float]:
    return {"momentum": layer.momentum, "renewal": 1.0 - layer.momentum}


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
    **dict.fromkeys(_FOLDED_KINDS, Rule(rules.folded, _configuration, apply_one=rules.called)),
    **dict.fromkeys(_ONE_AT_A_TIME, Rule(rules.folded, _configuration, one_by_one=True, apply_one=rules.called)),
    layers.Activation: Rule(
        rules.activated,
        _function,
        fits=lambda layer: rules.plain_activation(layer.activation),
        apply_one=rules.activated,
    ),
    layers.Concatenate: Rule(rules.folded, _configuration, fits=lambda layer: layer.axis == -1, apply_one=rules.called),
    layers.Dense: Rule(rules.dense, _dense_form, fits=_plain_dense, one_by_one=False),
    layers.Conv2D: Rule(rules.conv, _conv_form, fits=_plain_conv, one_by_one=True, apply_one=rules.conv),
    DropConnectDense: Rule(rules.dropconnect_dense, _dense_form, _dropped_share, _plain_dense, one_by_one=False),
    DropConnectConv2D: Rule(
        rules.dropconnect_conv,
        _conv_form,
        _dropped_share,
        _plain_conv,
        one_by_one=True,
        apply_one=rules.dropconnect_conv,
    ),
    NormalizedDense: Rule(
        rules.normalized_dense, lambda layer: (*_dense_form(layer), layer.centred), fits=_plain_dense, one_by_one=False
    ),
    NormalizedConv2D: Rule(
        rules.normalized_conv,
        lambda layer: (*_conv_form(layer), layer.centred),
        fits=_plain_conv,
        one_by_one=True,
        apply_one=rules.normalized_conv,
    ),
    layers.BatchNormalization: Rule(
        rules.batch_normalization,
        _normalization_form,
        _momentum,
        lambda layer: not layer.renorm and not layer.synchronized and layer.axis in (-1, layer.input_spec.ndim - 1),
    ),
    layers.LayerNormalization: Rule(
        rules.layer_normalization,
        lambda layer: (*_normalization_form(layer), tuple(layer.axis)),
        fits=lambda layer: not layer.rms_scaling and _trailing(layer),
    ),
    layers.RMSNormalization: Rule(
        rules.rms_normalization, lambda layer: (layer.epsilon, layer.trainable), fits=lambda layer: layer.axis == -1
    ),
    layers.GroupNormalization: Rule(
        rules.group_normalization,
        lambda layer: (*_normalization_form(layer), layer.groups),
        fits=lambda layer: layer.axis in (-1, layer.input_spec.ndim - 1),
    ),
    layers.PReLU: Rule(rules.prelu),
    layers.Dropout: Rule(dropping.dropout, _noise_shape, _dropped_share, lambda layer: layer.rate < 1),
    layers.SpatialDropout1D: Rule(dropping.spatial_dropout, free=_dropped_share, fits=_channels_last),
    layers.SpatialDropout2D: Rule(dropping.spatial_dropout, free=_dropped_share, fits=_channels_last),
    layers.SpatialDropout3D: Rule(dropping.spatial_dropout, free=_dropped_share, fits=_channels_last),
    DropBlock: Rule(dropping.dropblock, lambda layer: (layer.block_size,), lambda layer: {"begins": layer.begins}),
    layers.GaussianNoise: Rule(dropping.noise, free=lambda layer: {"stddev": layer.stddev}),
    layers.GaussianDropout: Rule(
        dropping.gaussian_dropout, free=lambda layer: {"stddev": math.sqrt(layer.rate / (1 - layer.rate))}
    ),
}


def rule(layer: object) -> Rule | None:
    """Return the rule of a layer, or None if its replicas must be unrolled.

    Only exact kinds have rules: a subclass may do anything.
    """
    known = RULES.get(type(layer))
    return known if known is not None and known.fits(layer) else None
