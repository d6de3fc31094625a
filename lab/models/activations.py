"""The activation with which an operation of Keras ends, by its name."""

from typing import Any

import keras
import tensorflow as tf

from lab.layers import Maxout

L = keras.layers

OWN = "own"
"""The name of every activation that is none of Keras's or TensorFlow's, whatever its author calls it."""

_LAYERS = (L.ReLU, L.LeakyReLU, L.PReLU, L.ELU, L.Softmax, Maxout)
_OPERATIONS = {
    *("Celu", "Elu", "Gelu", "Glu", "HardShrink", "HardSigmoid", "HardSilu", "HardTanh", "LeakyRelu", "LogSigmoid"),
    *("LogSoftmax", "Relu", "Relu6", "Selu", "Sigmoid", "Silu", "SoftShrink", "Softmax", "Softplus", "Softsign"),
    *("SparsePlus", "Sparsemax", "SquarePlus", "Squareplus", "Tanh", "TanhShrink", "Threshold"),
}
_NAMES = [name for name in dir(keras.activations) if callable(getattr(keras.activations, name))]


def activation_of(operation: Any) -> str | None:
    """Return the name of the activation with which an operation of Keras ends.

    It is "linear" for none, `OWN` for a function of somebody's own, and None for an operation that is not known.
    """
    if isinstance(operation, _LAYERS):
        return type(operation).__name__.lower()
    if not isinstance(operation, L.Layer):
        kind = type(operation)
        return kind.__name__.lower() if kind.__module__.startswith("keras.") and kind.__name__ in _OPERATIONS else None
    if isinstance(operation, L.TimeDistributed):
        return activation_of(operation.layer)
    activation = getattr(operation, "activation", None)
    if activation is None:
        return None
    return activation_of(activation) or OWN if isinstance(activation, L.Layer) else _name(activation)


def _name(function: Any) -> str:
    homes = (keras.activations, keras.ops, tf.nn)
    return next((name for name in _NAMES if any(function is getattr(home, name, None) for home in homes)), OWN)


def is_activation(operation: Any) -> bool:
    """Say whether an operation is an activation and nothing else."""
    if isinstance(operation, L.Layer):
        return isinstance(operation, (L.Activation, *_LAYERS))
    return activation_of(operation) is not None
