"""The random numbers of the replicas: each draws what its own Keras model would."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from lab.engine.blueprint import Blueprint

_SEED_LIMIT = tf.int32.max - 1  # Keras folds its 64-bit seeds into 32 bits with this modulus.


@dataclass(frozen=True)
class Draws:
    """The random numbers that the replicas draw; those of runs of one seed are the same, and drawn once.

    Args:
        seeds: for each operation that draws, its distinct states: int64 rows (seed, draws so far), of shape
            (distinct, 2).
        owners: for each of these operations, the row of each replica.
    """

    seeds: dict[int, np.ndarray]
    owners: dict[int, tuple[int, ...]]

    @classmethod
    def of(cls, blueprints: Sequence[Blueprint]) -> "Draws":
        """Return what the replicas of these runs draw."""
        seeds, owners = {}, {}
        for i in sorted(set().union(*(b.seeds for b in blueprints))):
            # A replica whose rate is 0 may have no seed; whatever it draws changes nothing.
            rows = [b.seeds.get(i) for b in blueprints]
            distinct = list(dict.fromkeys(row for row in rows if row is not None))
            seeds[i] = np.array(distinct, np.int64)
            owners[i] = tuple(distinct.index(row) if row is not None else 0 for row in rows)
        return cls(seeds, owners)

    def draw(
        self,
        i: int,
        sample: Callable[[Any, tf.Tensor], tf.Tensor],
        shape: Any,
        seeds: dict[int, tf.Tensor],
        drawn: tf.Tensor,
        r: int | None,
    ) -> tf.Tensor:
        """Draw for an operation.

        Args:
            i: the operation.
            sample: draws numbers of a shape from a seed.
            shape: of what one replica draws.
            seeds: the rows of `self.seeds`, as tensors.
            drawn: how often the operation has drawn before.
            r: the replica that draws; None for all of them.

        Returns:
            The numbers, of shape (replicas, *shape), or (1, *shape) for one replica and where all draw the same.
        """
        if i not in self.owners:
            # No replica has a seed, as their rates are 0: whatever is drawn changes nothing.
            return tf.zeros([1, *shape] if isinstance(shape, tuple) else tf.concat([[1], shape], 0))
        owners = self.owners[i]
        folded = [
            tf.cast(tf.math.floormod(seed + tf.stack([tf.zeros_like(drawn), drawn]), _SEED_LIMIT), tf.int32)
            for seed in tf.unstack(seeds[i])
        ]
        if r is not None:
            return tf.expand_dims(sample(shape, folded[owners[r]]), 0)
        numbers = tf.stack([sample(shape, seed) for seed in folded])
        return numbers if len(folded) == 1 or owners == tuple(range(len(folded))) else tf.gather(numbers, owners)
