"""The layers Keras lacks: DropConnect for Dense and Conv2D, DropBlock, Maxout, local response normalization.

Each is an ordinary Keras layer, registered under the package name "lab": a model that holds one is saved to a
`.keras` file and, wherever this module has been imported, loaded from it without `custom_objects`. So are the
penalties of `lab.regularizers` and the layers in files of their own, which this module imports.
"""

import functools

import keras
from keras import ops

import lab.regularizers  # noqa: F401, it registers what a saved model may hold
from lab.checks import UsageError, number, whole
from lab.dropblock import DropBlock
from lab.seeds import Derived

__all__ = ["DropBlock", "DropConnectConv2D", "DropConnectDense", "LocalResponseNormalization", "Maxout", "drop_weights"]


def drop_weights(kernel, uniform, rate):
    """Return the kernel with the weights dropped whose uniform number is below the rate, and the rest scaled up.

    The arithmetic is `kernel * (uniform >= rate) / (1 - rate)`, in this order and in the kernel's dtype. It is kept
    this plain because an engine that stacks the kernels of many runs must get the same numbers bit by bit.

    Args:
        kernel: a tensor of any shape.
        uniform: as many uniform random numbers in [0, 1), of the kernel's shape.
        rate: the probability of dropping a weight, in [0, 1). With a float, `1 - rate` is taken in float64 and
            rounded once to the kernel's dtype.

    Returns:
        A tensor of the kernel's shape whose expectation is the kernel.
    """
    keep = ops.cast(ops.greater_equal(uniform, rate), kernel.dtype)
    return ops.divide(ops.multiply(kernel, keep), 1 - rate)


def _rate(rate: float) -> float:
    return number("rate", rate, "the probability of dropping a weight", high=1, high_open=True)


def _seed(seed: int) -> int:
    checked = whole("seed", seed, "the seed of the masks", low=0)
    # The purpose of a derived seed stays known: see `lab.seeds.Derived`.
    return seed if isinstance(seed, Derived) else checked


def _thinned(layer):
    """Draw the next mask of a DropConnect layer and return its kernel under it."""
    # As a tensor first, so that under mixed precision the kernel has the compute dtype; the random numbers
    # stay in float32, where a rate is not rounded to a coarse grid.
    kernel = ops.convert_to_tensor(layer.kernel)
    uniform = keras.random.uniform(kernel.shape, dtype="float32", seed=layer.seed_generator)
    return drop_weights(kernel, uniform, layer.rate)


@keras.saving.register_keras_serializable(package="lab")
class DropConnectDense(keras.layers.Dense):
    """A Dense layer whose weights, not its units, are dropped while training.

    While training, each step draws one mask over the kernel, drops each weight with probability `rate` and scales the
    others by 1 / (1 - rate); the bias is never dropped. In inference the whole kernel is used. A penalty or a
    constraint on the kernel sees the whole kernel too.

    This differs from the paper twice. Wan et al. draw a mask for each example, which needs as many kernels as the batch
    has examples; here all examples of a step share one, so the gradient is noisier but right on average. And in
    inference they sample the input of the activation from a Gaussian; here its mean is used, as in inverted dropout.

    Args:
        units: how many outputs, at least 1.
        rate: the probability of dropping a weight, in [0, 1). 0 is a plain Dense layer.
        seed: the seed of the masks, at least 0. The masks depend on it and on the number of masks drawn before; a
            loaded layer starts from the first again, as Keras's Dropout does.
        kwargs: the other arguments of `keras.layers.Dense`, and `name` and `dtype`.

    Raises:
        UsageError: a rate or a seed outside its range.

    Reference: Wan et al. 2013, "Regularization of Neural Networks using DropConnect".
    """

    def __init__(self, units, rate, seed, **kwargs):
        rate, seed = _rate(rate), _seed(seed)
        super().__init__(units, **kwargs)
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        """Return the outputs, of shape (..., units)."""
        if not training or self.rate == 0:
            return super().call(inputs)
        outputs = ops.matmul(inputs, _thinned(self))
        if self.use_bias:
            outputs = ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)

    def get_config(self):
        """Return what `from_config` needs to make this layer again."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


@keras.saving.register_keras_serializable(package="lab")
class DropConnectConv2D(keras.layers.Conv2D):
    """A Conv2D layer whose weights are dropped while training: see `DropConnectDense`.

    One mask over the kernel serves all positions of the image and all examples of a step, so a dropped weight is
    missing from its filter everywhere.

    Args:
        filters: how many filters, at least 1.
        kernel_size: height and width of the kernel; one number for a square.
        rate: the probability of dropping a weight, in [0, 1). 0 is a plain Conv2D layer.
        seed: the seed of the masks, at least 0.
        kwargs: the other arguments of `keras.layers.Conv2D`, and `name` and `dtype`.

    Raises:
        UsageError: a rate or a seed outside its range.

    Reference: Wan et al. 2013, "Regularization of Neural Networks using DropConnect", who drop the weights of dense
    layers; for convolutions this is the plain extension.
    """

    def __init__(self, filters, kernel_size, rate, seed, **kwargs):
        rate, seed = _rate(rate), _seed(seed)
        super().__init__(filters, kernel_size, **kwargs)
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        """Return the filtered images, of shape (batch, height, width, filters)."""
        if not training or self.rate == 0:
            return super().call(inputs)
        outputs = self.convolution_op(inputs, _thinned(self))
        if self.use_bias:
            shape = (1, 1, 1, -1) if self.data_format == "channels_last" else (1, -1, 1, 1)
            outputs = ops.add(outputs, ops.reshape(self.bias, shape))
        return outputs if self.activation is None else self.activation(outputs)

    def get_config(self):
        """Return what `from_config` needs to make this layer again."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


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
