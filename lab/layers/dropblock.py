"""DropBlock: squares of an image's channels are dropped together."""

import keras
import tensorflow as tf

from lab.checks import UsageError, number, whole
from lab.seeds import Derived


def centers(rate: float, block_size: int, height: int, width: int) -> float:
    """Return the probability with which a position begins a block, so that about `rate` of all values are dropped.

    The paper's gamma, `rate / block_size ** 2` times all positions over those at which a whole block fits. Blocks may
    overlap, so that fewer values are dropped than `rate` says.
    """
    fitting = (height - block_size + 1) * (width - block_size + 1)
    return rate / block_size**2 * height * width / fitting


def kept(begun: tf.Tensor, block_size: int) -> tf.Tensor:
    """Return 0 where a block is and 1 elsewhere.

    Args:
        begun: whether a block begins at each position where a whole one fits, bool of shape (batch, height -
            block_size + 1, width - block_size + 1, channels).
        block_size: height and width of a block.

    Returns:
        float32 of shape (batch, height, width, channels).
    """
    edge = [block_size - 1] * 2
    padded = tf.pad(tf.cast(begun, tf.float32), [[0, 0], edge, edge, [0, 0]])
    return 1.0 - tf.nn.max_pool2d(padded, block_size, 1, "VALID")


def scale(mask: tf.Tensor) -> tf.Tensor:
    """Return all values over those that are kept, for each example, of shape (..., 1, 1, 1).

    The numbers summed are whole, so that the order of the sum makes no difference.
    """
    size = float(mask.shape[-3] * mask.shape[-2] * mask.shape[-1])
    return size / tf.maximum(tf.reduce_sum(mask, [-3, -2, -1], keepdims=True), 1.0)


@keras.saving.register_keras_serializable(package="lab")
class DropBlock(keras.layers.Layer):
    """Drops squares of each channel of an image while training, and scales what is kept up.

    Neighbouring values are so alike that dropping single ones takes little away. The kept values of an example are
    multiplied by the number of all its values over that of the kept, so that its mean is kept about. The paper does
    not say whether it counts by example or by batch; by example, no example depends on the others.

    Args:
        rate: the share of the values that is dropped, about, in [0, 1). 0 drops nothing.
        block_size: height and width of a square, at least 1. 1 is about dropout.
        seed: of the masks, at least 0.
        kwargs: `name` and `dtype`.

    Attributes:
        begins: the probability with which a position begins a block; known once the layer is built.

    Raises:
        UsageError: an argument outside its range, or images smaller than a block.

    Reference: Ghiasi et al. 2018, "DropBlock: A regularization method for convolutional networks".
    """

    def __init__(self, rate, block_size, seed, **kwargs):
        rate = number("rate", rate, "the share of the values that is dropped", high=1, high_open=True)
        block_size = whole("block_size", block_size, "the height and width of a dropped square")
        checked = whole("seed", seed, "the seed of the masks", low=0)
        super().__init__(**kwargs)
        self.rate = rate
        self.block_size = block_size
        self.seed = seed if isinstance(seed, Derived) else checked
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    def build(self, input_shape):
        """Refuse images that are smaller than a block."""
        if len(input_shape) != 4 or None in input_shape[1:] or min(input_shape[1:3]) < self.block_size:
            raise UsageError(
                f"block_size must be at most the height and width of the images (it is the height and width of a "
                f"dropped square), got {self.block_size} for inputs of shape {tuple(input_shape[1:])}"
            )
        super().build(input_shape)
        self.begins = centers(self.rate, self.block_size, *input_shape[1:3])

    def call(self, inputs, training=False):
        """Return the images, of the inputs' shape (batch, height, width, channels)."""
        _, height, width, channels = inputs.shape
        if not training or self.rate == 0:
            return inputs
        fits = [tf.shape(inputs)[0], height - self.block_size + 1, width - self.block_size + 1, channels]
        uniform = keras.random.uniform(fits, dtype="float32", seed=self.seed_generator)
        mask = kept(uniform < self.begins, self.block_size)
        return inputs * tf.cast(mask * scale(mask), inputs.dtype)

    def compute_output_shape(self, input_shape):
        """Return the shape of the inputs."""
        return input_shape

    def get_config(self):
        """Return what `from_config` needs to make this layer again."""
        return {**super().get_config(), "rate": self.rate, "block_size": self.block_size, "seed": self.seed}
