"""Weight normalization and weight standardization: kernels whose units have a learned length."""

import keras
from keras import ops

from lab.checks import flag

LEAST = 1e-10
"""What is added to the sum of squares of a unit's weights, so that nothing is divided by 0."""


def _axes(weights):
    return list(range(len(weights.shape) - 1))


def _centred(weights, centred):
    return weights - ops.mean(weights, _axes(weights), keepdims=True) if centred else weights


def lengths(weights, centred):
    """Return the Euclidean length of the weights into each unit, of shape (units,), their mean taken off if asked."""
    return ops.sqrt(ops.sum(ops.square(_centred(weights, centred)), _axes(weights)) + LEAST)


def normalized(weights, gain, centred):
    """Return a kernel whose units have the lengths `gain`, of shape (units,), and the mean 0 if they are centred."""
    return _centred(weights, centred) * (gain / lengths(weights, centred))


@keras.saving.register_keras_serializable(package="lab")
class LengthOf(keras.initializers.Initializer):
    """The lengths of the units of a kernel that another initializer makes.

    Args:
        initializer: of the kernel, with a number as its seed, so that it returns the initial values again.
        kernel_shape: of the kernel.
        centred: whether the mean is taken off.
    """

    def __init__(self, initializer, kernel_shape, centred):
        self.initializer = keras.initializers.get(initializer)
        self.kernel_shape = tuple(kernel_shape)
        self.centred = centred

    def __call__(self, shape, dtype=None):
        """Return the lengths."""
        return ops.reshape(lengths(self.initializer(self.kernel_shape, dtype=dtype), self.centred), shape)

    def get_config(self):
        """Return what `from_config` needs to make this initializer again."""
        initializer = keras.initializers.serialize(self.initializer)
        return {"initializer": initializer, "kernel_shape": list(self.kernel_shape), "centred": self.centred}


def _build_gain(layer):
    layer.gain = layer.add_weight(
        name="gain",
        shape=(layer.kernel.shape[-1],),
        initializer=LengthOf(layer.kernel_initializer, layer.kernel.shape, layer.centred),
    )


@keras.saving.register_keras_serializable(package="lab")
class NormalizedDense(keras.layers.Dense):
    """A Dense layer whose units have a learned length: weight normalization, or weight standardization if centred.

    The kernel that is used is `gain * v / norm(v)` of each unit's weights v, from which the mean is taken off first in
    weight standardization. The gains start as the lengths that the initial weights have, so that with weight
    normalization the layer begins as the plain one.

    Args:
        units: how many outputs, at least 1.
        centred: whether the weights into each unit have the mean 0.
        kwargs: the other arguments of `keras.layers.Dense`; the kernel's initializer needs a seed.

    Reference: Salimans and Kingma 2016 (weight normalization); Qiao et al. 2019 (weight standardization, there without
    gains and before a normalization); Brock et al. 2021 (with gains).
    """

    def __init__(self, units, centred, **kwargs):
        super().__init__(units, **kwargs)
        self.centred = flag("centred", centred)

    def build(self, input_shape):
        """Make the weights."""
        super().build(input_shape)
        _build_gain(self)

    def call(self, inputs, training=None):
        """Return the outputs, of shape (..., units)."""
        outputs = ops.matmul(inputs, normalized(ops.convert_to_tensor(self.kernel), self.gain, self.centred))
        if self.use_bias:
            outputs = ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)

    def save_own_variables(self, store):
        """Write all weights; Keras's own layer would write those it knows."""
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store):
        """Read all weights."""
        keras.layers.Layer.load_own_variables(self, store)

    def get_config(self):
        """Return what `from_config` needs to make this layer again."""
        return {**super().get_config(), "centred": self.centred}


@keras.saving.register_keras_serializable(package="lab")
class NormalizedConv2D(keras.layers.Conv2D):
    """A Conv2D layer whose filters have a learned length: see `NormalizedDense`.

    Args:
        filters, kernel_size: as of Conv2D.
        centred: whether the weights of each filter have the mean 0.
        kwargs: the other arguments of `keras.layers.Conv2D`; the kernel's initializer needs a seed.
    """

    def __init__(self, filters, kernel_size, centred, **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        self.centred = flag("centred", centred)

    def build(self, input_shape):
        """Make the weights."""
        super().build(input_shape)
        _build_gain(self)

    def call(self, inputs):
        """Return the filtered images, of shape (batch, height, width, filters)."""
        kernel = normalized(ops.convert_to_tensor(self.kernel), self.gain, self.centred)
        outputs = self.convolution_op(inputs, kernel)
        if self.use_bias:
            outputs = ops.add(outputs, ops.reshape(self.bias, (1, 1, 1, -1)))
        return outputs if self.activation is None else self.activation(outputs)

    def save_own_variables(self, store):
        """Write all weights; Keras's own layer would write those it knows."""
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store):
        """Read all weights."""
        keras.layers.Layer.load_own_variables(self, store)

    def get_config(self):
        """Return what `from_config` needs to make this layer again."""
        return {**super().get_config(), "centred": self.centred}
