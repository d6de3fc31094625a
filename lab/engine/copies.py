"""Copies of the weights that go with a run while it trains: their averages, and the slow weights of Lookahead.

Both engines keep them. Tensors are stacked, of shape (replicas, ...), and a replica without a copy keeps its bits.
"""

import tensorflow as tf

from lab.engine.penalties import meeting


def averaged(average: tf.Tensor, weights: tf.Tensor, decay: tf.Tensor, steps: tf.Tensor) -> tf.Tensor:
    """Return the moving average after a step; it is the weights themselves after the first, and where the decay is 0.

    Args:
        average: after the step before.
        weights: after this one.
        decay: how much of the average survives a step, of shape (replicas,).
        steps: the number of steps taken, this one included.
    """
    decay = tf.where(steps > 1, meeting(decay, weights), 0.0)
    return tf.where(decay > 0.0, decay * average + (1.0 - decay) * weights, weights)


def joined(average: tf.Tensor, weights: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """Return the equal average after weights have joined it (SWA).

    Args:
        average: of those before.
        weights: these.
        share: 1 over their number with these, of shape (replicas,); 0 leaves the average alone.
    """
    share = meeting(share, weights)
    moved = tf.where(share < 1.0, average + share * (weights - average), weights)
    return tf.where(share > 0.0, moved, average)


def looked_ahead(
    slow: tf.Tensor, fast: tf.Tensor, every: tf.Tensor, pull: tf.Tensor, steps: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the slow and the fast weights of Lookahead after a step.

    Args:
        slow, fast: the slow weights, and those that the optimizer has moved.
        every: after how many steps they meet, of shape (replicas,); 0 for replicas without.
        pull: how far the slow ones then go towards the fast, of shape (replicas,).
        steps: the number of steps taken, this one included.
    """
    now = (every > 0.0) & (tf.math.floormod(tf.cast(steps, tf.float32), tf.maximum(every, 1.0)) == 0.0)
    met = tf.where(meeting(pull, fast) < 1.0, slow + meeting(pull, fast) * (fast - slow), fast)
    return tuple(tf.where(meeting(now, fast), met, weights) for weights in (slow, fast))
