"""How many outputs a model must have for a loss and labels, and the loss of a model that knows nothing."""

import math

from lab.checks import UsageError


class OfLabels:
    """The part of `lab.training.Training` that knows losses and labels.

    Attributes:
        loss, focal, noise_robust: as of `Training`.
    """

    loss: str
    focal: float
    noise_robust: float

    def outputs(self, classes: int | None, values: int = 1, several: bool = False) -> int:
        """Return how many outputs a model needs for this loss.

        Args:
            classes: the number of classes, or None where the labels are numbers.
            values: how many numbers one example's label has, where the labels are numbers.
            several: whether an example may have several classes, or none.

        Raises:
            UsageError: the loss and the labels do not fit each other.
        """
        if classes is None:
            if self.loss != "squared_error":
                raise UsageError(
                    f"loss must be 'squared_error' where the labels are numbers instead of classes, got {self.loss!r}"
                )
            return values
        if several:
            if self.loss != "binary_cross_entropy":
                raise UsageError(
                    f"loss must be 'binary_cross_entropy' where an example may have several classes, got {self.loss!r}"
                )
            for name in ("focal", "noise_robust"):
                if getattr(self, name):
                    raise UsageError(
                        f"{name} must be 0 where an example may have several classes, got {getattr(self, name)}"
                    )
            return classes
        if self.loss == "binary_cross_entropy" and classes != 2:
            raise UsageError(
                f"binary_cross_entropy is a loss for 2 classes, got data with {classes}; choose softmax_cross_entropy"
            )
        if self.loss == "binary_cross_entropy" or (self.loss == "hinge" and classes == 2):
            return 1
        return classes

    def chance(self, classes: int | None, several: bool = False) -> float | None:
        """Return the data loss of a model that knows nothing but the number of classes; None for numbers."""
        if classes is None:
            return None
        if several:
            return math.log(2)
        match self.loss:
            case "hinge":
                return classes - 1.0
            case "squared_error":
                return 1.0 - 1.0 / classes
            case _:
                return math.log(classes)
