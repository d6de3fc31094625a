"""Local response normalization, in which neighbouring channels compete."""

import functools

import keras
from keras import ops

from lab.checks import number, whole


@keras.saving.register_keras_serializable(package="lab")
class LocalResponseNormalization(keras.layers.Layer):
    """Each channel divided by how active its neighbouring channels are at the same pixel.

    `b[i] = a[i] / (bias + alpha * sum(a[j] ** 2 for j from i - depth_radius to i + depth_radius)) ** beta`, where the
    sum leaves out channels that do not exist. Channels compete, as in lateral inhibition. `alpha` multiplies the sum
    itself, as in the paper; some libraries divide it by the number of channels in the window first.

    Args:
        depth_radius: how many channels to each side count, at least 0. The paper's window n = 5 is a radius of 2.
        bias: the paper's k, above 0, so that nothing is divided by zero.
        alpha: the weight of the activity, at least 0.
        beta: the exponent, at least 0.
        kwargs: `name` and `dtype`.

    Raises:
        UsageError: an argument outside its range.

    Reference: Krizhevsky et al. 2012, "ImageNet Classification with Deep Convolutional Neural Networks", section 3.3,
    whose values are the defaults.
    """

    def __init__(self, depth_radius=2, bias=2.0, alpha=1e-4, beta=0.75, **kwargs):
        depth_radius = whole("depth_radius", depth_radius, "the number of channels to each side that count", low=0)
        bias = number("bias", bias, "what the activity of the channels is added to", low_open=True)
        alpha = number("alpha", alpha, "the weight of the activity of the channels")
        beta = number("beta", beta, "the exponent of the normalization")
        super().__init__(**kwargs)
        self.depth_radius = depth_radius
        self.bias = bias
        self.alpha = alpha
        self.beta = beta

    def call(self, inputs):
        """Return the normalized images, of the inputs' shape (batch, height, width, channels)."""
        # Squares overflow in float16 from 256 on.
        squares = ops.square(ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32")))
        radius, channels = self.depth_radius, inputs.shape[-1]
        padded = ops.pad(squares, [[0, 0]] * (len(inputs.shape) - 1) + [[radius, radius]])
        activity = functools.reduce(ops.add, (padded[..., i : i + channels] for i in range(2 * radius + 1)))
        scale = ops.power(self.bias + self.alpha * activity, -self.beta)
        return ops.multiply(inputs, ops.cast(scale, inputs.dtype))

    def compute_output_shape(self, input_shape):
        """Return the shape of the inputs."""
        return input_shape

    def get_config(self):
        """Return what `from_config` needs to make this layer again."""
        numbers = {name: getattr(self, name) for name in ("depth_radius", "bias", "alpha", "beta")}
        return {**super().get_config(), **numbers}
