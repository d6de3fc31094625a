"""Ghost batch normalization: the statistics of small parts of a batch take the place of those of all of it."""

import keras
import tensorflow as tf

from lab.checks import whole


@keras.saving.register_keras_serializable(package="lab")
class GhostBatchNormalization(keras.layers.BatchNormalization):
    """Batch normalization over ghosts: parts of `ghost_size` consecutive examples of the batch.

    The last ghost of a batch has what is left. The moving statistics take the mean of the ghosts' means and variances
    in one update per step; the paper updates them once per ghost. With a ghost as large as the batch it is batch
    normalization. A cohort calls it run by run.

    Args:
        ghost_size: how many examples a ghost has, at least 1.
        kwargs: the other arguments of `keras.layers.BatchNormalization`; the axis is the last.

    Raises:
        UsageError: a size that is no whole number of at least 1.

    Reference: Hoffer et al. 2017, "Train longer, generalize better".
    """

    def __init__(self, ghost_size, **kwargs):
        ghost_size = whole("ghost_size", ghost_size, "the number of examples that are normalized together")
        super().__init__(**kwargs)
        self.ghost_size = ghost_size

    def call(self, inputs, training=None, mask=None):
        """Return the normalized inputs, of their shape (batch, ..., channels)."""
        if not training or not self.trainable:
            return super().call(inputs, training=False)
        x = tf.cast(inputs, "float32")
        examples, shape = tf.shape(x)[0], tf.shape(x)
        ghosts = (examples + self.ghost_size - 1) // self.ghost_size
        missing = ghosts * self.ghost_size - examples
        padded = tf.pad(x, [[0, missing], *[[0, 0]] * (len(x.shape) - 1)])
        rows = tf.reshape(padded, [ghosts, self.ghost_size, -1, x.shape[-1]])
        here = tf.reshape(tf.cast(tf.range(ghosts * self.ghost_size) < examples, x.dtype), [ghosts, -1, 1, 1])
        size = tf.reduce_sum(here, 1, keepdims=True) * tf.cast(tf.shape(rows)[2], x.dtype)
        mean = tf.reduce_sum(rows, [1, 2], keepdims=True) / size
        apart = (rows - mean) * here
        variance = tf.reduce_sum(tf.square(apart), [1, 2], keepdims=True) / size
        old = self.momentum
        for moving, seen in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * old + tf.stop_gradient(tf.reduce_mean(seen, [0, 1, 2])) * (1.0 - old))
        y = apart * tf.math.rsqrt(variance + self.epsilon)
        if self.scale:
            y *= tf.convert_to_tensor(self.gamma)
        if self.center:
            y += tf.convert_to_tensor(self.beta)
        whole_batch = tf.reshape(y, tf.concat([[ghosts * self.ghost_size], shape[1:]], 0))[:examples]
        return tf.cast(tf.ensure_shape(whole_batch, inputs.shape), inputs.dtype)

    def get_config(self):
        """Return what `from_config` needs to make this layer again."""
        return {**super().get_config(), "ghost_size": self.ghost_size}
