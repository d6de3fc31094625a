"""Maxout: the largest of several linear pieces, as an activation."""

import functools

import keras
from keras import ops

from lab.checks import UsageError, whole


@keras.saving.register_keras_serializable(package="lab")
class Maxout(keras.layers.Layer):
    """The largest of several linear pieces, as an activation: max(w1 x + b1, w2 x + b2).

    The layer has no weights. It follows a Dense or Conv2D layer with `pieces * units` outputs, so that normalization
    can come between the two, and returns `units` of them: output u is the largest of the inputs
    u, units + u, 2 * units + u, ... (piece j is the block from j * units to (j + 1) * units of the last axis).
    A unit learns its own convex activation, which is ReLU if one of two pieces is held at 0. No region of it is
    saturated or dead, and it takes `pieces` times the weights.

    Args:
        pieces: how many linear pieces an output chooses from, at least 2.
        kwargs: `name`, `dtype` and `activity_regularizer`.

    Raises:
        UsageError: `pieces` below 2 or not dividing the last axis of the inputs.

    Reference: Goodfellow et al. 2013, "Maxout Networks".
    """

    def __init__(self, pieces=2, **kwargs):
        pieces = whole("pieces", pieces, "the number of linear pieces an output chooses from", low=2)
        super().__init__(**kwargs)
        self.pieces = pieces

    def build(self, input_shape):
        """Refuse inputs that cannot be cut into pieces of one size."""
        if input_shape[-1] % self.pieces:
            raise UsageError(
                f"pieces must divide the {input_shape[-1]} features of the inputs (it is the number of linear pieces "
                f"an output chooses from), got {self.pieces}; give the layer before Maxout pieces * units outputs"
            )
        super().build(input_shape)

    def call(self, inputs):
        """Return the largest piece, of shape (..., units)."""
        return functools.reduce(ops.maximum, ops.split(inputs, self.pieces, axis=-1))

    def compute_output_shape(self, input_shape):
        """Return the shape of the inputs with the last axis divided by `pieces`."""
        return (*input_shape[:-1], input_shape[-1] // self.pieces)

    def get_config(self):
        """Return what `from_config` needs to make this layer again."""
        return {**super().get_config(), "pieces": self.pieces}
