"""Mean 0 and standard deviation 1, as the training split has them."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Standardization:
    """Mean and standard deviation of every feature over the training split, which shift and scale every split.

    Both are of the training split only, so nothing of the others is known before they are measured.

    Args:
        mean, deviation: float64 of the shape of one example. A feature that is constant has the deviation 1: it is
            only shifted.
    """

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def fit(cls, x: np.ndarray) -> "Standardization":
        """Return mean and deviation of the training split, x of shape (n, ...)."""
        x = x.astype(np.float64)
        mean, deviation = x.mean(axis=0), x.std(axis=0)
        # Exactly 0 for a constant feature, as float64 adds equal float32 numbers without rounding.
        deviation[deviation == 0] = 1
        return cls(mean, deviation)

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Return `(x - mean) / deviation` as float32."""
        return ((x.astype(np.float64) - self.mean) / self.deviation).astype(np.float32)
