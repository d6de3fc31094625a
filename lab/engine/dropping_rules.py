"""The rules of layers that drop or disturb values while training: see `lab.engine.layer_rules`."""

from collections.abc import Sequence

import tensorflow as tf

from lab.engine.layer_rules import Call
from lab.engine.penalties import meeting
from lab.layers.dropblock import kept, scale


def dropout(call: Call, x: tf.Tensor) -> tf.Tensor:
    """Dropout; a replica of rate 0 keeps everything."""
    return _dropped_where(call, x, call.layer.noise_shape or [None] * (len(x.shape) - 1))


def spatial_dropout(call: Call, x: tf.Tensor) -> tf.Tensor:
    """SpatialDropout1D, 2D and 3D: one number per example and channel, for all its positions."""
    return _dropped_where(call, x, [None, *[1] * (len(x.shape) - 3), None])


def _dropped_where(call: Call, x: tf.Tensor, sizes: Sequence[int | None]) -> tf.Tensor:
    """Drop values; along an axis of size 1 they share a random number, and None is the size that `x` has."""
    if not call.training:
        return x
    shape = tf.shape(x)[1:]
    if any(size is not None for size in sizes):
        shape = tf.stack([shape[k] if size is None else size for k, size in enumerate(sizes)])
    uniform = call.uniform(shape)
    dropped = tf.where(uniform >= call.number("rate", x), x * call.number("scale", x), 0.0)
    # A shape that is put together of numbers is not known while the graph is made, and layers that follow ask for it.
    dropped.set_shape(x.shape)
    return dropped


def dropblock(call: Call, x: tf.Tensor) -> tf.Tensor:
    """DropBlock; a replica of rate 0 keeps everything, and is multiplied by 1."""
    if not call.training:
        return x
    size, (height, width, channels) = call.layer.block_size, x.shape[2:]
    uniform = call.uniform(tf.stack([tf.shape(x)[1], height - size + 1, width - size + 1, channels]))
    begun = uniform < meeting(call.per_run("begins"), uniform)
    mask = kept(tf.reshape(begun, [-1, height - size + 1, width - size + 1, channels]), size)
    return x * tf.reshape(mask * scale(mask), [begun.shape[0], -1, height, width, channels])


def gaussian_dropout(call: Call, x: tf.Tensor) -> tf.Tensor:
    """GaussianDropout; a replica of rate 0 is multiplied by 1."""
    if not call.training:
        return x
    return x * (call.normal(tf.shape(x)[1:]) * call.number("stddev", x) + 1.0)


def noise(call: Call, x: tf.Tensor) -> tf.Tensor:
    """GaussianNoise; a replica of deviation 0 adds none."""
    if not call.training:
        return x
    return x + call.normal(tf.shape(x)[1:]) * call.number("stddev", x)
