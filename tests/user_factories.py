"""Factories as people write them: no layer has a seed."""

import keras
from keras import layers


def unseeded(input_shape, outputs, *, dropout=0.0, end=None, seed=0):
    """A tutorial's model: no layer has a seed."""
    net = [keras.Input(input_shape), layers.Dense(8, "relu")]
    net += [layers.Dropout(dropout)] if dropout else []
    return keras.Sequential([*net, layers.Dense(8, "relu"), layers.Dense(outputs, end)])


def ending(*ends, outputs_first=True):
    """Return a factory of a net that ends in some layers, the last dense one without an activation."""

    def factory(input_shape, outputs, *, seed=0):
        body = [layers.Dense(8, "relu"), *([layers.Dense(outputs)] if outputs_first else [])]
        return keras.Sequential([keras.Input(input_shape), *body, *(end(outputs) for end in ends)])

    return factory


class Subclassed(keras.Model):
    def __init__(self, outputs, end):
        super().__init__()
        self.head = layers.Dense(outputs, end)

    def call(self, x):
        return self.head(x)


def subclassed(input_shape, outputs, *, end=None, seed=0):
    return Subclassed(outputs, end)
