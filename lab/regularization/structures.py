"""Regularization of whole structures, as fields of `lab.regularization.Regularization`: channels and squares of images,
residual branches, the weights of an input or a unit, and the units of a layer.

They are a class of their own so that each half of a regularization can be read at once.
"""

from dataclasses import dataclass

from lab.checks import choice, number, whole


@dataclass(frozen=True, kw_only=True)
class Structures:
    """What is dropped or penalized as a whole. All of it is off by default.

    Args:
        spatial_dropout: probability of dropping a whole channel of an image, in [0, 1). Neighbouring pixels are so
            alike that the others tell what a dropped one was. Kept channels are scaled by 1 / (1 - spatial_dropout).
            It is for convolutions, once a block as dropout is; dense layers refuse it.
        dropblock: the share of an image's values, in [0, 1), that is dropped in squares of each channel, about. It is
            for convolutions, where `spatial_dropout` is.
        block_size: height and width of these squares, at least 1.
        stochastic_depth: probability of dropping the last residual branch of an example, in [0, 1); of the l-th of L
            branches l / L times this. Kept branches are scaled by 1 / (1 - probability). It is for
            `lab.models.residual_dense` and `residual_conv`.
        kernels: "plain", "normalized" (weight normalization) or "standardized" (weight standardization). The kernel
            that a hidden layer uses is `gain * v / norm(v)` of the weights v into each unit, for "standardized" after
            their mean was taken off, with learned gains that start as the lengths of the initial weights. Penalties
            and bounds are on v. It does not go with `dropconnect`.
        group_inputs: strength of the group lasso on the inputs of every hidden kernel, at least 0: it adds
            `sqrt(n) * sqrt(sum(w ** 2))` of the n weights from each input, and so makes whole inputs small. For
            convolutions an input is a channel.
        group_units: strength of the group lasso on its units, at least 0: likewise for the weights into each unit.
        orthogonal: strength of `sum((W.T @ W - I) ** 2)`, at least 0, on every hidden kernel as a matrix W with a row
            for each input (of each pixel of the window), which makes units orthogonal and their weights of norm 1.
            `W @ W.T` takes the place of `W.T @ W` where there are more units than rows.

    Raises:
        UsageError: a value outside its range, by name.

    Reference: Tompson et al. 2015 (spatial dropout); Ghiasi et al. 2018 (DropBlock); Huang et al. 2016
    (stochastic depth); Salimans and Kingma 2016, Qiao et al. 2019, Brock et al. 2021
    (kernels); Yuan and Lin 2006, Scardapane et al. 2017 (group lasso); Bansal et al. 2018 (orthogonal).
    """

    spatial_dropout: float = 0.0
    dropblock: float = 0.0
    block_size: int = 3
    stochastic_depth: float = 0.0
    kernels: str = "plain"
    group_inputs: float = 0.0
    group_units: float = 0.0
    orthogonal: float = 0.0

    def __post_init__(self) -> None:
        def store(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        for name, meaning in (
            ("spatial_dropout", "the probability of dropping a channel"),
            ("dropblock", "the share of the values that is dropped in squares"),
            ("stochastic_depth", "the probability of dropping the last residual branch"),
        ):
            store(name, number(name, getattr(self, name), meaning, high=1, high_open=True))
        for name, meaning in (
            ("group_inputs", "the strength of the group lasso on the inputs of a kernel"),
            ("group_units", "the strength of the group lasso on the units of a kernel"),
            ("orthogonal", "the strength of the orthogonal penalty"),
        ):
            store(name, number(name, getattr(self, name), meaning))
        choice("kernels", self.kernels, KERNELS)
        store("block_size", whole("block_size", self.block_size, "the height and width of a dropped square"))


KERNELS = ("plain", "normalized", "standardized")

OF_IMAGES = ("spatial_dropout", "dropblock")
"""The fields that mean something for images only."""

OF_WHOLE_KERNELS = ("group_inputs", "group_units", "orthogonal")
"""The fields that penalize kernels as a whole."""
