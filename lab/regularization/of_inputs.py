"""Regularization by what is done to examples while a net trains, as fields of `lab.training.Training`.

They are a class of their own, as they mean something only for data of a certain kind: images, or tables.
"""

from dataclasses import dataclass

from lab.checks import UsageError, flag, number, whole


@dataclass(frozen=True, kw_only=True)
class OfInputs:
    """Augmentation of the examples of a training step. All of it is off by default.

    Everything random follows from the run's seed and the epoch, so that variants of one seed see the same. In a cohort
    each is a number per run. The loss and the accuracy that a run sees while it trains are those of changed examples;
    validation and test splits, and train as it is measured, are left alone.

    Args:
        flip: whether each image is turned over from left to right with probability 1/2.
        shift: by how many pixels at most each image is moved along each axis, at least 0; what comes in is 0. It is a
            random crop of the image with as much padding.
        trivial_augment: whether each image undergoes one operation, drawn from nine, at a strength drawn from 0 to 30
            (TrivialAugment): none, a slant or a move along rows or columns, a rotation, brighter or darker, fewer
            levels of grey, or the bright pixels inverted. It is for pixels from 0 to 1.
        cutout: height and width in pixels of a square that is set to 0 in each image, at least 0; its centre is any
            pixel, so that it may reach over the edge.
        cutmix: alpha, at least 0, of the Beta(alpha, alpha) from which each step draws a share. In a box of the rest of
            the area each image of the batch gets the pixels of its neighbour, and the losses of both are mixed by the
            pixels that each has.
        swap_noise: probability, in [0, 1), with which each number of a row of a table is replaced by that of another
            row of the batch in the same column.
        row_cutmix: alpha, at least 0, of the Beta(alpha, alpha) from which each step draws a share. In the rest of the
            columns of a table, which are drawn for each step, each row of the batch gets the numbers of its neighbour,
            and the losses of both are mixed by the columns that each has.

    Raises:
        UsageError: a value outside its range, by name.

    Reference: Müller and Hutter 2021 (TrivialAugment); DeVries and Taylor 2017 (cutout); Yun et al. 2019 (CutMix);
    Kadra et al. 2021 (for tables).
    """

    flip: bool = False
    shift: int = 0
    trivial_augment: bool = False
    cutout: int = 0
    cutmix: float = 0.0
    swap_noise: float = 0.0
    row_cutmix: float = 0.0

    def __post_init__(self) -> None:
        def store(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        flag("flip", self.flip)
        flag("trivial_augment", self.trivial_augment)
        for name, meaning in (
            ("shift", "the most pixels by which an image is moved"),
            ("cutout", "the height and width of a square that is set to 0"),
        ):
            store(name, whole(name, getattr(self, name), meaning, low=0, high=2**24))
        store("cutmix", number("cutmix", self.cutmix, "the alpha of the Beta distribution of shares"))
        store("row_cutmix", number("row_cutmix", self.row_cutmix, "the alpha of the Beta distribution of shares"))
        meaning = "the probability with which a number is replaced"
        store("swap_noise", number("swap_noise", self.swap_noise, meaning, high=1, high_open=True))

    def check_inputs(self, shape: tuple[int, ...]) -> None:
        """Refuse what means nothing for examples of a shape.

        Raises:
            UsageError: images are asked for where there are none, or a table.
        """
        for name in OF_IMAGES:
            if getattr(self, name) and len(shape) != 3:
                raise UsageError(
                    f"{name} must be {getattr(OfInputs, name)!r} for examples of shape {shape} (it is for images of "
                    f"height, width and channels), got {getattr(self, name)!r}; leave it out"
                )
        for name in OF_TABLES:
            if getattr(self, name) and len(shape) != 1:
                raise UsageError(
                    f"{name} must be 0 for examples of shape {shape} (it is for rows of a table), got "
                    f"{getattr(self, name)}; leave it out"
                )

    def check_pixels(self, lowest: float, highest: float) -> None:
        """Refuse what is for pixels from 0 to 1 where there are others.

        Args:
            lowest, highest: of the numbers of some examples.

        Raises:
            UsageError: `trivial_augment` for other numbers.
        """
        if self.trivial_augment and not 0 <= lowest <= highest <= 1:
            raise UsageError(
                f"trivial_augment must be False for numbers from {lowest:g} to {highest:g} (it is for pixels from 0 to "
                "1), got True; leave the images as they are, without standardizing, or leave it out"
            )


OF_IMAGES = ("flip", "shift", "cutout", "cutmix", "trivial_augment")
"""The fields that are for images."""

OF_TABLES = ("swap_noise", "row_cutmix")
"""The fields that are for rows of a table."""
