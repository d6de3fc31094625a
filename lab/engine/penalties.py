"""Everything that cohorts know of each penalty and bound: its key, value and gradient, and how to read it off Keras.

Numbers that differ between runs are kept by key: ("operation" or "variable", its place in the blueprint, a name such as
"l2").
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from lab import regularizers
from lab.engine import invariant
from lab.engine.kernel_penalties import KERNEL_KINDS
from lab.engine.kernel_penalties import charge as charge_kernel
from lab.engine.replicas import Values

Key = tuple[str, int, str]

KINDS: dict[str, tuple[Callable[[tf.Tensor], tf.Tensor], Callable[[tf.Tensor], tf.Tensor]]] = {
    "l1": (tf.abs, tf.sign),
    "l2": (tf.square, lambda x: 2.0 * x),
}
"""The function that each penalty sums over the numbers it is charged for, and its derivative."""

WORTH_CHOOSING = 2**15
"""The numbers per replica from which on it is quicker to pick the charged replicas than to sum over all."""


def strengths(regularizer: object) -> dict[str, float] | None:
    """Return the strengths of a penalty of `KINDS` alone, all 0 for no regularizer; None for any other one."""
    found = regularizers.strengths(regularizer)
    return None if found is None or found.keys() - KINDS.keys() else dict.fromkeys(KINDS, 0.0) | found


def of_kernel(regularizer: object) -> dict[str, float] | None:
    """Return the strengths of a penalty of `KINDS` and `KERNEL_KINDS`, as `strengths` does."""
    found, known = regularizers.strengths(regularizer), (*KINDS, *KERNEL_KINDS)
    return None if found is None or found.keys() - set(known) else dict.fromkeys(known, 0.0) | found


def keys(owner: str, place: int) -> dict[str, Key]:
    """Return the key of each kind of penalty of an operation's output or a variable."""
    kinds = (*KINDS, *KERNEL_KINDS) if owner == "variable" else KINDS
    return {kind: (owner, place, kind) for kind in kinds}


def is_strength(key: Key) -> bool:
    """Say whether a key names the strength of a penalty, which costs nothing where it is 0."""
    return key[2] in KINDS or key[2] in KERNEL_KINDS


def meeting(values: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Return values of shape (replicas,) with as many axes of size 1 as `x` has beyond the first."""
    return tf.reshape(values, [-1] + [1] * (len(x.shape) - 1))


def charge(x: tf.Tensor, strengths: dict[str, tf.Tensor]) -> tf.Tensor:
    """Return the sum of the penalties on each replica's numbers, of shape (replicas,), to be differentiated.

    A replica of strength 0 is charged 0, even if its numbers are infinite or NaN.
    """

    @tf.custom_gradient
    def charged(x: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        parts = [part(kind, x, strength) for kind, strength in strengths.items()]

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            slopes = [meeting(upstream * strength, x) * KINDS[kind][1](x) for kind, strength in strengths.items()]
            return functools.reduce(tf.add, slopes)

        return functools.reduce(tf.add, parts), gradient

    return charged(x)


def part(kind: str, x: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    """Return one penalty on each replica's numbers, of shape (replicas,)."""
    return tf.math.multiply_no_nan(invariant.sums(KINDS[kind][0](x)), strength)


def part_where_charged(kind: str, x: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    """Return one penalty on each replica's weights, of shape (replicas,), bit for bit as `part` does.

    Of large weights only the charged are read: in a sweep, replicas with a penalty train beside many without one.
    """
    replicas = x.shape[0]
    if math.prod(x.shape[1:]) < WORTH_CHOOSING or replicas < 2:
        return part(kind, x, strength)
    charged = tf.where(strength != 0.0)[:, 0]

    def some() -> tf.Tensor:
        # A single row would be summed in another order than one of several, so it is taken twice.
        lonely = tf.cast(tf.equal(tf.size(charged), 1), tf.int32)
        rows = tf.concat([charged, charged[:lonely]], 0)
        sums = tf.reduce_sum(KINDS[kind][0](tf.gather(x, rows)), list(range(1, len(x.shape))))
        return tf.tensor_scatter_nd_update(tf.zeros([replicas]), rows[:, None], sums * tf.gather(strength, rows))

    return tf.cond(tf.size(charged) < replicas, some, lambda: part(kind, x, strength))


def pulled(gradient: tf.Tensor, weights: tf.Tensor, strengths: dict[str, tf.Tensor]) -> tf.Tensor:
    """Return the gradient of a stacked weight with those of its penalties."""
    for kind, strength in strengths.items():
        gradient = gradient + meeting(strength, weights) * KINDS[kind][1](weights)
    return gradient


def norm_axes(constraint: Any, rank: int) -> int | None:
    """Return over how many of the first axes of a weight of `rank` axes a `MaxNorm` takes norms, else None."""
    if type(constraint) is not keras.constraints.MaxNorm:
        return None
    axis = constraint.axis
    axes = sorted(a % rank for a in ([axis] if isinstance(axis, int) else axis))
    return len(axes) if axes == list(range(len(axes))) and len(axes) < rank else None


def bounded(weights: tf.Tensor, largest: tf.Tensor, axes: int) -> tf.Tensor:
    """Return stacked weights with their norms bounded, with the arithmetic of `keras.constraints.MaxNorm`."""
    leading = math.prod(weights.shape[1 : axes + 1])
    rows = tf.reshape(weights, [weights.shape[0], leading, -1])
    norms = invariant.in_lanes(tf.sqrt, invariant.total(tf.square(rows), leading))
    desired = tf.minimum(tf.maximum(norms, 0.0), largest[:, None])
    scale = desired / (keras.backend.epsilon() + norms)
    return tf.reshape(rows * scale[:, None], weights.shape)


class Penalties:
    """The penalties on a cohort's weights.

    Args:
        variables: of each replica's model.
        places: of the trained ones among them.
        per_run: the keys of the numbers that differ between the replicas.

    Attributes:
        keys: of the known penalties on single numbers, those with a strength above 0 in any replica.
        kernel_keys: of those on whole kernels, likewise.
        odd: the places of the weights with regularizers of people's own.
    """

    def __init__(self, variables: Sequence[Sequence[keras.Variable]], places: Sequence[int], per_run: Sequence[Key]):
        self.variables = variables
        self.odd = [i for i in places if of_kernel(variables[0][i].regularizer) is None]
        found = [key for i in places for key in keys("variable", i).values() if key in per_run]
        self.keys = [key for key in found if key[2] in KINDS]
        self.kernel_keys = [key for key in found if key[2] in KERNEL_KINDS]

    def parts(self, values: Sequence[tf.Tensor], per_run: dict[Key, tf.Tensor]) -> tf.Tensor:
        """Return the known penalties on single weights, of shape (parts, replicas), for the caller to add.

        Args:
            values: of the variables, each of shape (replicas, ...).
            per_run: what differs between the replicas.
        """
        parts = [part_where_charged(key[2], values[key[1]], per_run[key]) for key in self.keys]
        return tf.stack(parts) if parts else tf.zeros([0, len(self.variables)])

    def differentiated(
        self, values: Values, per_run: dict[Key, tf.Tensor], pulling: dict[Key, tf.Tensor] | None = None
    ) -> tf.Tensor:
        """Return the penalties on whole kernels and of people's own regularizers, of shape (replicas,).

        Args:
            values: of the variables.
            per_run: what differs between the replicas.
            pulling: the strengths by which the penalties on kernels pull, where these are others.
        """
        total = tf.zeros([len(self.variables)])
        for key in self.kernel_keys:
            total += charge_kernel(key[2], values[key[1]], per_run[key], (pulling or per_run)[key])
        for i in self.odd:
            weights = values.one_by_one(i)
            total += tf.stack([own[i].regularizer(w[0]) for own, w in zip(self.variables, weights, strict=True)])
        return total

    def with_a_kink(self, i: int, kinds: Sequence[str], per_run: dict[Key, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Return the strengths of those penalties on a variable that are of some kinds."""
        found = [*self.keys, *self.kernel_keys]
        return {key[2]: per_run[key] for key in found if key[1] == i and key[2] in kinds}

    def strengths(self, i: int, per_run: dict[Key, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Return the strengths of the known penalties on a variable's single numbers."""
        return {key[2]: per_run[key] for key in self.keys if key[1] == i}
