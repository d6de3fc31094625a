"""How a model is regularized, as one immutable value.

A factory of `lab.models` takes a `Regularization` and applies it in one fixed order, to every hidden layer:
layer (with its weight penalty, DropConnect and max-norm constraint) -> normalization -> activation (with its
activity penalty) -> noise -> dropout of units, Gaussian, of channels, of squares (for convolutions once a block,
after pooling). The output layer is left alone; biases and the parameters of the normalization layers carry no penalty.

`structures` has the fields that act on whole structures, `in_training` those that `lab.training.Training` has.
"""

import dataclasses
from dataclasses import dataclass

from lab.checks import UsageError, choice, number, whole
from lab.regularization.in_training import InTraining
from lab.regularization.structures import OF_WHOLE_KERNELS, Structures

__all__ = ["NONE", "NORMALIZATIONS", "InTraining", "Regularization", "half_lambda"]

NORMALIZATIONS = ("none", "batch", "layer", "instance", "group", "rms", "ghost")


@dataclass(frozen=True, kw_only=True)
class Regularization(Structures):
    """Which regularizers a factory applies, and how strongly. All are off by default.

    What acts on whole structures, as `spatial_dropout`, is documented in
    `lab.regularization.structures.Structures`.

    Penalties follow Keras: `l2` adds `l2 * sum(w ** 2)`, summed and without a half, so the `lambda` of
    the course and of CS231n (half lambda times the sum) is twice this `l2`; see `half_lambda`. Activity
    penalties are summed over the units and averaged over the batch.

    Args:
        l1: strength of `l1 * sum(|w|)` on every hidden kernel, at least 0. With `l2`, an elastic net.
        l2: strength of `l2 * sum(w ** 2)` on every hidden kernel, at least 0.
        l2_start: strength of `l2_start * sum((w - w_start) ** 2)` on every hidden kernel, at least 0: a pull towards
            the initial weights instead of towards 0.
        activity_l1: strength of the L1 penalty on the outputs of every hidden activation, at least 0.
        activity_l2: strength of the L2 penalty on the outputs of every hidden activation, at least 0.
        dropout: probability of dropping a unit, in [0, 1). Kept units are scaled by 1 / (1 - dropout)
            while training ("inverted"), so inference needs no scaling.
        dropconnect: probability of dropping a weight, in [0, 1), scaled likewise.
        noise: standard deviation of Gaussian noise added after the activation while training, at least 0.
        gaussian_dropout: the rate p, in [0, 1), of multiplying each unit by a normal number of mean 1 and variance
            p / (1 - p) while training: the mean and variance that dropout of this rate gives it.
        normalization: "none", "batch", "layer", "instance", "group", "rms" or "ghost". "layer" normalizes everything
            one example has (height x width x channels for images); "instance" one channel of one image at a
            time, and is refused on dense layers, where it would output zeros.
            "rms" divides by the root of the mean square, over the features, or the channels of each pixel, and does
            not take the mean off. "ghost" is "batch" over parts of a batch.
        groups: how many groups of channels "group" normalizes by; must divide the layer's width.
        ghost_size: how many examples of a batch "ghost" normalizes together, at least 1.
        batch_momentum: how much of the moving statistics of "batch" and "ghost" survives a step, in [0, 1). They
            average over about 1 / (1 - batch_momentum) steps, which should not exceed the steps of an epoch or two:
            Keras's 0.99 lags behind on short runs and makes validation look terrible (keras #3571), hence 0.9.
        max_norm: largest Euclidean norm of the weights into one unit, above 0; None leaves them free.

    Raises:
        UsageError: a value outside its range, by name.

    Reference: Srivastava et al. 2014 (dropout, Gaussian dropout, max-norm); Wan et al. 2013 (DropConnect);
    Ioffe and Szegedy 2015, Ba et al. 2016, Ulyanov et al. 2016, Wu and He 2018 (batch, layer, instance, group);
    Zhang and Sennrich 2019 (RMS), Hoffer et al. 2017 (ghost batch); Li et al. 2018 (L2 towards the start).
    """

    l1: float = 0.0
    l2: float = 0.0
    l2_start: float = 0.0
    activity_l1: float = 0.0
    activity_l2: float = 0.0
    dropout: float = 0.0
    dropconnect: float = 0.0
    noise: float = 0.0
    gaussian_dropout: float = 0.0
    normalization: str = "none"
    groups: int = 4
    ghost_size: int = 16
    batch_momentum: float = 0.9
    max_norm: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()

        # 0 and 0.0 are one regularization and must have one identity: numbers are stored as floats.
        def store(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        for name, meaning in (
            ("l1", "the strength of the L1 penalty on the weights"),
            ("l2", "the strength of the L2 penalty on the weights"),
            ("l2_start", "the strength of the L2 penalty on how far the weights are from their start"),
            ("activity_l1", "the strength of the L1 penalty on the activations"),
            ("activity_l2", "the strength of the L2 penalty on the activations"),
            ("noise", "the standard deviation of the Gaussian noise"),
        ):
            store(name, number(name, getattr(self, name), meaning))
        for name, meaning in (
            ("dropout", "the probability of dropping a unit"),
            ("dropconnect", "the probability of dropping a weight"),
            ("gaussian_dropout", "the rate of dropout whose variance the noise has"),
            ("batch_momentum", "the share of the moving statistics kept in a step"),
        ):
            store(name, number(name, getattr(self, name), meaning, high=1, high_open=True))
        choice("normalization", self.normalization, NORMALIZATIONS)
        store("groups", whole("groups", self.groups, "the number of groups of channels"))
        if self.dropconnect and self.kernels != "plain":
            raise UsageError(
                f"kernels must be 'plain' with dropconnect, as a layer does one or the other, got {self.kernels!r}; "
                "leave one of them out"
            )
        others = [name for name in OF_WHOLE_KERNELS if getattr(self, name)]
        if self.l2_start and others:
            raise UsageError(
                f"l2_start must not be combined with a penalty on whole kernels, got {', '.join(others)} beside it; "
                "leave one of them out"
            )
        meaning = "the number of examples that are normalized together"
        store("ghost_size", whole("ghost_size", self.ghost_size, meaning))
        if self.max_norm is not None:
            meaning = "the largest norm of the weights into one unit"
            store("max_norm", number("max_norm", self.max_norm, meaning, low_open=True))

    def __repr__(self) -> str:
        changed = (f for f in dataclasses.fields(self) if getattr(self, f.name) != f.default)
        return f"Regularization({', '.join(f'{f.name}={getattr(self, f.name)!r}' for f in changed)})"


def half_lambda(strength: float) -> float:
    """Return the `l2` that equals a penalty of half `strength` times the sum of squares.

    The course (*Deep Learning from Scratch*) and CS231n write weight decay as `0.5 * lambda * sum(w ** 2)`.

    Args:
        strength: their lambda, at least 0.
    """
    return 0.5 * number("strength", strength, "the lambda of half lambda times the sum of squares")


NONE = Regularization()
