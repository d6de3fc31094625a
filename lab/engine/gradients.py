"""Gradients of a step on their way to the update: clipping, noise, and second passes.

Gradients are lists with one tensor per trained weight, of shape (replicas, ...), or None where the loss does not depend
on it. A run that trains alone is one replica. What is off for a replica changes no bit of it.
"""

import functools
from collections.abc import Sequence

import tensorflow as tf

from lab.engine import invariant
from lab.engine.penalties import meeting

Gradients = list[tf.Tensor | None]

SECOND_PASS = ("sharpness", "adaptive_sharpness")
"""The fields of `Training` for which the gradient is taken at other weights. No training has both."""

GRADIENT_NUMBERS = (*SECOND_PASS, "adversarial", "clip_norm", "gradient_noise")
"""The fields of `Training` that change gradients. Runs that train together have the same of them on."""

FALL = 0.55
"""How fast the variance of gradient noise falls, as in Neelakantan et al. 2015."""


def norms(gradients: Sequence[tf.Tensor | None]) -> tf.Tensor:
    """Return the Euclidean norm of each replica's gradients, of shape (replicas,)."""
    squares = functools.reduce(tf.add, [invariant.sums(tf.square(g)) for g in gradients if g is not None])
    return invariant.in_lanes(tf.sqrt, squares)


def clipped(gradients: Gradients, largest: tf.Tensor) -> Gradients:
    """Return the gradients scaled down to a norm, of shape (replicas,), where theirs is larger."""
    norm = norms(gradients)
    scale = tf.where(norm > largest, largest / norm, 1.0)
    return [g if g is None else g * meeting(scale, g) for g in gradients]


def noisy(gradients: Gradients, variance: tf.Tensor, seeds: tf.Tensor, step: tf.Tensor) -> Gradients:
    """Return the gradients with the noise of a step.

    Args:
        gradients: as above.
        variance: at the first step, of shape (replicas,).
        seeds: of the replicas, int64 of shape (replicas,).
        step: the number of steps taken before, int64.
    """
    now = invariant.in_lanes(tf.sqrt, variance) * (1.0 + tf.cast(step, tf.float32)) ** (-FALL / 2)

    def one(i: int, g: tf.Tensor) -> tf.Tensor:
        draws = [tf.random.stateless_normal(g.shape[1:], tf.stack([seed + i, step])) for seed in tf.unstack(seeds)]
        return tf.where(meeting(variance, g) > 0.0, g + meeting(now, g) * tf.stack(draws), g)

    return [g if g is None else one(i, g) for i, g in enumerate(gradients)]


LEAST = 0.01
"""The least size of a weight by which "adaptive_sharpness" scales, eta in Kwon et al. 2021."""


def uphill(
    weights: Sequence[tf.Tensor], gradients: Gradients, radius: tf.Tensor, sizes: Gradients | None = None
) -> list[tf.Tensor]:
    """Return the weights moved by `radius`, of shape (replicas,), along their gradients: where SAM looks.

    Args:
        weights, gradients: as above.
        radius: of shape (replicas,).
        sizes: what directions are measured by, as `sizes_of` returns them: ASAM moves along `sizes ** 2 * g` over the
            norm of `sizes * g`. None is SAM.
    """
    measured = gradients if sizes is None else [_times(s, g) for s, g in zip(sizes, gradients, strict=True)]
    scale = tf.math.divide_no_nan(radius, norms(measured))
    along = measured if sizes is None else [_times(s, g) for s, g in zip(sizes, measured, strict=True)]
    return [w if g is None else w + meeting(scale, w) * g for w, g in zip(weights, along, strict=True)]


def sizes_of(weights: Sequence[tf.Tensor], least: float = LEAST) -> Gradients:
    """Return the sizes of weights by which ASAM scales."""
    return [tf.abs(w) + least for w in weights]


def _times(a: tf.Tensor | None, b: tf.Tensor | None) -> tf.Tensor | None:
    return None if a is None or b is None else a * b


def attacked(x: tf.Tensor, slope: tf.Tensor, epsilon: tf.Tensor) -> tf.Tensor:
    """Return examples moved by `epsilon`, of shape (replicas,), along the signs of the slope of their losses."""
    return x + meeting(epsilon, x) * tf.sign(slope)


def halved(first: Gradients, second: Gradients) -> Gradients:
    """Return the mean of two gradients."""
    return [None if a is None or b is None else 0.5 * (a + b) for a, b in zip(first, second, strict=True)]


def chosen(radius: tf.Tensor, second: Gradients, first: Gradients) -> Gradients:
    """Return the gradients of the second pass where the radius is above 0, else those of the first."""
    return [
        b if a is None or b is None else tf.where(meeting(radius, a) > 0.0, a, b)
        for a, b in zip(second, first, strict=True)
    ]
