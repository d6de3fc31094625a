"""Weights of training examples, by which they count in what is minimized; nothing that is reported is weighted."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lab.checks import DataError, UsageError, number, quoted, shown
from lab.data.conversion import array


@dataclass(frozen=True, eq=False)
class Weighting:
    """The rule by which training examples are weighted.

    Args:
        samples: a weight for each example of the part of the data from which the training split is taken, or None.
        classes: "balanced" gives all classes the same sum of weights; a dict says the weight of each class by its
            name; None weights them alike.
    """

    samples: np.ndarray | None
    classes: str | Mapping[str, float] | None

    def weights(self, rows: np.ndarray, y: np.ndarray, names: tuple[str, ...] | None) -> np.ndarray:
        """Return the weights of a training split, float32 of shape (n,) and mean 1.

        With mean 1 a penalty and a learning rate mean the same with weights and without.

        Args:
            rows: which examples it holds.
            y: their labels.
            names: of the classes.
        """
        found = np.ones(len(rows)) if self.samples is None else self.samples[rows].astype(np.float64)
        if self.classes is not None and names is not None:
            counts = np.bincount(y, minlength=len(names))
            if isinstance(self.classes, str):
                factors = len(y) / (len(names) * np.maximum(counts, 1))
            else:
                factors = self._factors(self.classes, names)
            found = found * factors[y]
        if not found.any():
            raise DataError("a training split must have an example whose weight is above 0, and all of its are 0")
        return (found / found.mean()).astype(np.float32)

    @staticmethod
    def _factors(classes: Mapping[str, float], names: tuple[str, ...]) -> np.ndarray:
        if set(classes) != set(names):
            raise UsageError(
                f"class_weight must name the classes {quoted(names)}, got {quoted(classes)}; name each of them once"
            )
        return np.array([classes[name] for name in names])


def weighting(sample_weight: object, class_weight: object, labels: str, examples: int) -> Weighting | None:
    """Return the weighting that two arguments of a loader ask for; None where nothing is weighted.

    Args:
        sample_weight: numbers of at least 0 of shape (examples,), or None.
        class_weight: "balanced", a dict from names of classes to numbers above 0, or None.
        labels: as in `lab.data.from_arrays`.
        examples: how many there are.
    """
    if sample_weight is None and class_weight is None:
        return None
    if class_weight is not None and labels != "classes":
        raise UsageError(
            f"class_weight must be left out unless labels is 'classes' (it weights the classes), got "
            f"{shown(class_weight)} with {labels!r}"
        )
    if isinstance(class_weight, Mapping) and class_weight:
        meaning = "how much an example of the class counts"
        classes: str | Mapping[str, float] | None = {
            str(name): number(f"class_weight of {name!r}", value, meaning, low_open=True)
            for name, value in class_weight.items()
        }
    elif class_weight is None or (isinstance(class_weight, str) and class_weight == "balanced"):
        classes = class_weight
    else:
        raise UsageError(
            f"class_weight must be 'balanced' or a dict from the names of classes to numbers, got {shown(class_weight)}"
        )
    return Weighting(None if sample_weight is None else _samples(sample_weight, examples), classes)


def _samples(value: object, examples: int) -> np.ndarray:
    found = array(value, "sample_weight", "biuf", "numbers", "numpy.array(sample_weight, dtype=float)")
    if found.shape != (examples,):
        raise DataError(
            f"sample_weight must be of shape ({examples},), one number per example, got {found.shape}; give each "
            f"example one"
        )
    bad = np.flatnonzero(~(np.isfinite(found) & (found >= 0)))
    if len(bad):
        raise DataError(f"sample_weight must be at least 0 and finite, got {found[bad[0]]} at [{bad[0]}]; correct it")
    return found
