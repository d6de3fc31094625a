"""The moving means and variances of batch normalization, computed anew for weights that no step has seen.

An average of weights (SWA) needs statistics of its own: those of the weights it was made of belong to other outputs.
The net passes over the training examples as in training, and the momentum of its layers is the share of the examples
seen before. So the statistics end as the mean over the batches, each counted by its examples, whatever the momentum is
in training. Both engines use this file.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from lab.engine import keras_internals
from lab.engine.blueprint import Blueprint


def layers(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """Return the batch normalizations of a model that follow their batches, whatever their depth."""
    found = keras_internals.parts(model)
    return [one for one in found if isinstance(one, keras.layers.BatchNormalization) and one.trainable]


def statistics(model: keras.Model) -> list[keras.Variable]:
    """Return the moving statistics of these layers."""
    return [v for layer in layers(model) for v in (layer.moving_mean, layer.moving_variance)]


def places(model: Blueprint) -> list[int]:
    """Return the places of the moving statistics among a blueprint's variables."""
    own = {id(v) for v in statistics(model.model)}
    return [i for i, v in enumerate(model.variables) if id(v) in own]


@contextlib.contextmanager
def momentum_of(models: Sequence[keras.Model], momentum: Any) -> Iterator[None]:
    """Give the layers another momentum for a while.

    Args:
        models: those that are called meanwhile.
        momentum: a tensor, in a function that is being traced.
    """
    before = [(layer, layer.momentum) for model in models for layer in layers(model)]
    try:
        for layer, _ in before:
            layer.momentum = momentum
        yield
    finally:
        for layer, own in reversed(before):
            layer.momentum = own


def follow(model: keras.Model, x: tf.Tensor, seen: tf.Tensor) -> None:
    """Let the statistics of a model follow a batch.

    Args:
        model: the model.
        x: the examples of the batch.
        seen: how many examples came before, float32.
    """
    with momentum_of([model], seen / (seen + tf.cast(tf.shape(x)[0], tf.float32))):
        model(x, training=True)
