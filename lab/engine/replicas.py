"""Tensors and variables of many replicas, stacked along the first axis or one by one, each form made once."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from lab.engine.mixing import mixed


class Replicas:
    """One tensor of the graph for all replicas, kept in the form it was made in: stacked or one by one."""

    def __init__(self, count: int, stacked: Any = None, one_by_one: list[tf.Tensor] | None = None) -> None:
        self.count = count
        self._stacked = stacked
        self._one_by_one = one_by_one

    @property
    def is_one_by_one(self) -> bool:
        """Whether the replicas were computed one at a time."""
        return self._stacked is None

    @property
    def stacked(self) -> tf.Tensor:
        """One tensor of shape (replicas, batch, ...), or (1, batch, ...) while all replicas see the same."""
        if self._stacked is None:
            self._stacked = tf.stack(self._one_by_one)
        return self._stacked

    @property
    def one_by_one(self) -> list[tf.Tensor]:
        """A tensor of shape (batch, ...) for each replica."""
        if self._one_by_one is None:
            whole = self._stacked
            self._one_by_one = [tf.squeeze(whole, 0)] * self.count if whole.shape[0] == 1 else tf.unstack(whole)
        return self._one_by_one

    def mixed(self, share: tf.Tensor) -> "Replicas":
        """Return the tensor with each example mixed with its neighbour, by the shares, of shape (replicas,)."""
        if self.is_one_by_one:
            pairs = zip(self.one_by_one, tf.unstack(share), strict=True)
            return Replicas(self.count, one_by_one=[mixed(own, of_one) for own, of_one in pairs])
        own = self.stacked
        share = tf.reshape(share, [-1] + [1] * (len(own.shape) - 1))
        return Replicas(self.count, tf.where(share < 1.0, share * own + (1.0 - share) * tf.roll(own, 1, 1), own))


def all_stacked(args: Any) -> Any:
    """Return the arguments of a call for all replicas, the tensors among them stacked."""
    return keras.tree.map_structure(lambda x: x.stacked if isinstance(x, Replicas) else x, args)


def of_replica(args: Any, r: int) -> Any:
    """Return the arguments of a call for one replica, the tensors among them of shape (batch, ...)."""
    return keras.tree.map_structure(lambda x: x.one_by_one[r] if isinstance(x, Replicas) else x, args)


class Values:
    """The values of a cohort's variables in one pass, which may replace some.

    Args:
        stacked: the values by place, each of shape (replicas, ...).
    """

    def __init__(self, stacked: Sequence[tf.Tensor]) -> None:
        self._stacked = list(stacked)
        self._unstacked: dict[int, list[tf.Tensor]] = {}

    def __getitem__(self, place: int) -> tf.Tensor:
        """Return a variable's values, of shape (replicas, ...)."""
        return self._stacked[place]

    def __setitem__(self, place: int, value: tf.Tensor) -> None:
        self._stacked[place] = value
        self._unstacked.pop(place, None)

    def one_by_one(self, place: int) -> list[tf.Tensor]:
        """Return a variable's value for each replica, each of shape (1, ...)."""
        # Unstacked once: the gradient is then one stack, whereas that of each slice would be a whole tensor of zeros.
        if place not in self._unstacked:
            self._unstacked[place] = [tf.expand_dims(value, 0) for value in tf.unstack(self._stacked[place])]
        return self._unstacked[place]
