"""Regularization of whole structures, as fields of `lab.regularization.Regularization`: channels of images.

They are a class of their own so that each half of a regularization can be read at once.
"""

from dataclasses import dataclass

from lab.checks import number


@dataclass(frozen=True, kw_only=True)
class Structures:
    """What is dropped as a whole. All of it is off by default.

    Args:
        spatial_dropout: probability of dropping a whole channel of an image, in [0, 1). Neighbouring pixels are so
            alike that the others tell what a dropped one was. Kept channels are scaled by 1 / (1 - spatial_dropout).
            It is for convolutions, once a block as dropout is; dense layers refuse it.

    Raises:
        UsageError: a value outside its range, by name.

    Reference: Tompson et al. 2015 (spatial dropout).
    """

    spatial_dropout: float = 0.0

    def __post_init__(self) -> None:
        def store(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        for name, meaning in (("spatial_dropout", "the probability of dropping a channel"),):
            store(name, number(name, getattr(self, name), meaning, high=1, high_open=True))


OF_IMAGES = ("spatial_dropout",)
"""The fields that mean something for images only."""
