"""DropConnect: weights are dropped instead of units, in Dense and Conv2D."""

import keras
from keras import ops

from lab.checks import number, whole
from lab.seeds import Derived


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
