"""Regularization of whole structures, as fields of `lab.regularization.Regularization`: channels and squares of images.

They are a class of their own so that each half of a regularization can be read at once.
"""

from dataclasses import dataclass

from lab.checks import number, whole


@dataclass(frozen=True, kw_only=True)
class Structures:
    """What is dropped as a whole. All of it is off by default.

    Args:
        spatial_dropout: probability of dropping a whole channel of an image, in [0, 1). Neighbouring pixels are so
            alike that the others tell what a dropped one was. Kept channels are scaled by 1 / (1 - spatial_dropout).
            It is for convolutions, once a block as dropout is; dense layers refuse it.
        dropblock: the share of an image's values, in [0, 1), that is dropped in squares of each channel, about. It is
            for convolutions, where `spatial_dropout` is.
        block_size: height and width of these squares, at least 1.

    Raises:
        UsageError: a value outside its range, by name.

    Reference: Tompson et al. 2015 (spatial dropout); Ghiasi et al. 2018 (DropBlock).
    """

    spatial_dropout: float = 0.0
    dropblock: float = 0.0
    block_size: int = 3

    def __post_init__(self) -> None:
        def store(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        for name, meaning in (
            ("spatial_dropout", "the probability of dropping a channel"),
            ("dropblock", "the share of the values that is dropped in squares"),
        ):
            store(name, number(name, getattr(self, name), meaning, high=1, high_open=True))
        store("block_size", whole("block_size", self.block_size, "the height and width of a dropped square"))


OF_IMAGES = ("spatial_dropout", "dropblock")
"""The fields that mean something for images only."""
