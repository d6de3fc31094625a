"""The initial values of models' variables, drawn by Keras's own initializers, and equal ones of a cohort only once."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from lab.seeds import Derived

_KNOWN = (
    *(keras.initializers.Zeros, keras.initializers.Ones, keras.initializers.Constant),
    *(keras.initializers.RandomNormal, keras.initializers.TruncatedNormal, keras.initializers.RandomUniform),
    *(keras.initializers.VarianceScaling, keras.initializers.Orthogonal),
)
"""Keras's initializers whose values follow from their configuration; others leave out a part of it, as `Identity`."""


@dataclass(frozen=True)
class Start:
    """The initial value of one variable.

    Args:
        initializer: called as `initializer(shape, dtype=dtype)`.
        shape, dtype: of the variable.
    """

    initializer: Callable[..., Any]
    shape: tuple[int, ...]
    dtype: str

    def __call__(self) -> np.ndarray:
        """Return the value."""
        return np.asarray(self.initializer(self.shape, dtype=self.dtype))

    @property
    def key(self) -> Hashable:
        """Equal for two starts only if their values are; None where that cannot be told without drawing them."""
        settings = self._settings()
        if settings is None:
            return None
        return type(self.initializer), repr(settings), self.shape, self.dtype

    def reseeded(self, seed: int) -> "Start | None":
        """Return the start of the same variable in a run of another seed; None if it does not follow from `derive`.

        Args:
            seed: the other run's.
        """
        settings = self._settings()
        if settings is None:
            return None
        if "seed" not in settings:
            return self
        if not isinstance(settings["seed"], Derived):
            return None
        kind: Any = type(self.initializer)
        return replace(self, initializer=kind.from_config(settings | {"seed": settings["seed"].of_run(seed)}))

    def _settings(self) -> dict[str, Any] | None:
        """Return what the values follow from besides shape and type; None where that is not plain numbers and words."""
        initializer = self.initializer
        if not isinstance(initializer, _KNOWN) or not type(initializer).__module__.startswith("keras."):
            return None
        settings = initializer.get_config()
        plain = all(value is None or isinstance(value, (str, int, float)) for value in settings.values())
        return settings if plain and settings.get("seed", 0) is not None else None


def stacked(runs: Sequence[Sequence[Start]]) -> list[np.ndarray]:
    """Return the initial values of each variable of many runs of one structure, each of shape (runs, ...)."""
    return [_stacked(starts) for starts in zip(*runs, strict=True)]


def _stacked(starts: Sequence[Start]) -> np.ndarray:
    drawn: dict[Hashable, np.ndarray] = {}
    values = []
    for place, start in enumerate(starts):
        key = start.key or place
        if key not in drawn:
            drawn[key] = start()
        values.append(drawn[key])
    return np.stack(values)
