"""One hidden layer, made and checked: the fixed order of regularization, activations and initial weights.

The factories of `lab.models` are made of these. Wrong arguments are refused before Keras is loaded.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

from lab.checks import UsageError, choice, number, whole
from lab.regularization import NONE, Regularization
from lab.regularization.structures import OF_IMAGES, OF_WHOLE_KERNELS
from lab.seeds import derive

ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky_relu", "prelu", "maxout", "elu", "linear")
KERAS_INITIALIZERS = (
    *("glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "lecun_normal", "lecun_uniform"),
    *("orthogonal", "random_normal", "random_uniform", "truncated_normal", "variance_scaling"),
)
INITIALIZERS = ("zeros", "xavier", "he", *KERAS_INITIALIZERS)
PIECES = 2
"""The number of linear pieces of a maxout unit."""


def whole_numbers(name: str, values: object, meaning: str) -> tuple[int, ...]:
    """Return the whole numbers of a list, or refuse it."""
    if not isinstance(values, (list, tuple)):
        raise UsageError(f"{name} must be a list of whole numbers, got {values!r}")
    return tuple(whole(f"{name}[{i}]", value, meaning) for i, value in enumerate(values))


def widths_of(widths: object) -> tuple[int, ...]:
    """Return the widths of dense hidden layers, or refuse them."""
    return whole_numbers("widths", widths, "the number of units of a hidden layer")


def outputs_of(outputs: object) -> int:
    """Return the number of logits, or refuse it."""
    return whole("outputs", outputs, "the number of logits")


def check_kind(name: str, regularization: object) -> None:
    """Refuse a value that is not a `Regularization`."""
    if not isinstance(regularization, Regularization):
        raise UsageError(f"{name} must be a Regularization, got {regularization!r}")


def check_branches(name: str, regularization: Regularization) -> None:
    """Refuse stochastic depth where there are no residual branches to drop."""
    if regularization.stochastic_depth:
        raise UsageError(
            f"stochastic_depth must be 0 in {name} (it drops residual branches, and this net has none), got "
            f"{regularization.stochastic_depth}; use lab.models.residual_dense or residual_conv"
        )


def check_normalization(where: str, regularization: Regularization, features: int, positions: int = 1) -> None:
    """Refuse a normalization that cannot be done, or that would normalize single numbers, which makes them zeros.

    Args:
        where: the layer, as the refusal names it.
        regularization: names the kind of normalization.
        features: the size of the last axis of the layer's outputs.
        positions: how many pixels or positions share that axis.
    """
    kind, groups = regularization.normalization, regularization.groups
    if kind == "group" and features % groups:
        raise UsageError(
            f"groups must divide the {features} channels of {where} (it is the number of groups of channels), "
            f"got {groups}"
        )
    if kind == "rms" and features == 1:
        raise UsageError(
            f"normalization 'rms' would output only signs at {where}, which has 1 feature; leave it out there"
        )
    # How many numbers are normalized together.
    sizes = {"layer": features * positions, "instance": positions, "group": features // groups * positions}
    if sizes.get(kind) == 1:
        raise UsageError(
            f"normalization {kind!r} would output zeros at {where}, where it would normalize one number at a time; "
            f"choose another normalization{' or fewer groups' if kind == 'group' else ''} there"
        )


def _penalty(l1: float, l2: float) -> Any:
    import keras

    # By keyword: L1L2(0.01) is an L1 penalty only.
    return keras.regularizers.L1L2(l1=l1, l2=l2) if l1 or l2 else None


@dataclass(frozen=True)
class Style:
    """The choices that all layers of a model share, and the methods that make one of them.

    Args:
        activation: one of `ACTIVATIONS`.
        initializer: of all kernels: one of `INITIALIZERS`, or the standard deviation of a Gaussian.
        seed: the run's, from which every layer's seeds are derived.
    """

    activation: str
    initializer: str | float
    seed: int

    def __post_init__(self) -> None:
        choice("activation", self.activation, ACTIVATIONS)
        if isinstance(self.initializer, str):
            choice("initializer", self.initializer, INITIALIZERS)
        else:
            meaning = "the name of an initializer or the standard deviation of a Gaussian"
            number("initializer", self.initializer, meaning, low_open=True)
        whole("seed", self.seed, "the seed of the run", low=0)

    @property
    def pieces(self) -> int:
        """The number of linear outputs that a unit needs."""
        return PIECES if self.activation == "maxout" else 1

    def check_dense(self, widths: tuple[int, ...], name: str, regularization: Regularization) -> None:
        """Refuse a regularization that the dense layers cannot have, and any where there are no dense layers."""
        check_kind(name, regularization)
        check_branches(name, regularization)
        if not widths and regularization != NONE:
            raise UsageError(
                f"{name} is for the dense hidden layers, of which widths () makes none, got {regularization!r}; "
                f"leave it at its default or give widths"
            )
        for field in OF_IMAGES:
            if getattr(regularization, field):
                raise UsageError(
                    f"{field} must be 0 in {name} (it drops parts of images, and dense layers have none), got "
                    f"{getattr(regularization, field)}; use dropout there"
                )
        for i, units in enumerate(widths, 1):
            check_normalization(f"dense_{i}", regularization, units * self.pieces)

    def kernel(self, name: str) -> Any:
        """Return the initializer of a layer's kernel."""
        import keras

        seed = derive(self.seed, name, "kernel")
        match self.initializer:
            case "zeros":
                return keras.initializers.Zeros()
            case "xavier":
                return keras.initializers.VarianceScaling(1.0, "fan_in", "untruncated_normal", seed)
            case "he":
                return keras.initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal", seed)
            case str(own):
                return keras.initializers.get({"class_name": own, "config": {"seed": seed}})
            case deviation:
                return keras.initializers.RandomNormal(0.0, float(deviation), seed)

    def penalty(self, name: str, r: Regularization) -> Any:
        """Return the penalty on a layer's kernel, or None."""
        if whole_kernels := {name: getattr(r, name) for name in OF_WHOLE_KERNELS if getattr(r, name)}:
            from lab.regularizers import KernelPenalty

            return KernelPenalty(r.l1, r.l2, **whole_kernels)
        if not r.l2_start:
            return _penalty(r.l1, r.l2)
        from lab.regularizers import L1L2Start

        return L1L2Start(r.l1, r.l2, r.l2_start, self.kernel(name))

    def weighted(self, name: str, units: int, r: Regularization, window: int = 0, padding: str = "valid") -> Any:
        """Return a layer with weights: dense, or a convolution if it has a window."""
        import keras

        from lab import layers

        options: dict[str, Any] = {
            "name": name,
            "kernel_initializer": self.kernel(name),
            "kernel_regularizer": self.penalty(name, r),
        }
        if r.max_norm is not None:
            # The axes of all weights into one unit; Keras's default is right for dense kernels only.
            options["kernel_constraint"] = keras.constraints.MaxNorm(r.max_norm, axis=[0, 1, 2] if window else 0)
        if r.kernels != "plain":
            centred = r.kernels == "standardized"
            if window:
                return layers.NormalizedConv2D(units, window, centred, padding=padding, **options)
            return layers.NormalizedDense(units, centred, **options)
        if r.dropconnect:
            options |= {"rate": r.dropconnect, "seed": derive(self.seed, name, "dropconnect")}
        if window:
            convolution = layers.DropConnectConv2D if r.dropconnect else keras.layers.Conv2D
            return convolution(units, window, padding=padding, **options)
        return (layers.DropConnectDense if r.dropconnect else keras.layers.Dense)(units, **options)

    def finish(self, x: Any, name: str, r: Regularization) -> Any:
        """Apply what follows the linear part of a hidden layer: normalization, activation, noise."""
        return self.activated(self.normalized(x, name, r), name, r)

    def normalized(self, x: Any, name: str, r: Regularization) -> Any:
        """Apply the normalization, if there is any."""
        import keras

        from lab.layers import GhostBatchNormalization

        image = len(x.shape) == 4
        match r.normalization:
            case "batch":
                x = keras.layers.BatchNormalization(momentum=r.batch_momentum, name=f"{name}_norm")(x)
            case "ghost":
                x = GhostBatchNormalization(r.ghost_size, momentum=r.batch_momentum, name=f"{name}_norm")(x)
            case "rms":
                x = keras.layers.RMSNormalization(name=f"{name}_norm")(x)
            case "layer" if not image:
                x = keras.layers.LayerNormalization(name=f"{name}_norm")(x)
            case "layer" | "instance" | "group" as kind:
                groups = {"layer": 1, "instance": -1, "group": r.groups}[kind]
                x = keras.layers.GroupNormalization(groups, name=f"{name}_norm")(x)
        return x

    def activated(self, x: Any, name: str, r: Regularization) -> Any:
        """Apply the activation with its penalty, and noise."""
        import keras

        from lab.layers import Maxout

        image = len(x.shape) == 4
        options: dict[str, Any] = {
            "name": f"{name}_activation",
            "activity_regularizer": _penalty(r.activity_l1, r.activity_l2),
        }
        match self.activation:
            case "leaky_relu":
                x = keras.layers.LeakyReLU(negative_slope=0.01, **options)(x)
            case "prelu":
                slopes = keras.initializers.Constant(0.25)
                x = keras.layers.PReLU(slopes, shared_axes=[1, 2] if image else None, **options)(x)
            case "maxout":
                x = Maxout(PIECES, **options)(x)
            case plain:
                x = keras.layers.Activation(plain, **options)(x)
        if r.noise:
            x = keras.layers.GaussianNoise(r.noise, seed=derive(self.seed, name, "noise"), name=f"{name}_noise")(x)
        return x

    def dropped(self, x: Any, name: str, r: Regularization) -> Any:
        """Apply the kinds of dropout that there are."""
        import keras

        from lab.layers import DropBlock

        layers = keras.layers
        kinds: dict[str, Any] = {
            "dropout": layers.Dropout,
            "gaussian_dropout": layers.GaussianDropout,
            "spatial_dropout": layers.SpatialDropout2D,
            "dropblock": partial(DropBlock, block_size=r.block_size),
        }
        for role, kind in kinds.items():
            if rate := getattr(r, role):
                x = kind(rate, seed=derive(self.seed, name, role), name=f"{name}_{role}")(x)
        return x

    def hidden(self, x: Any, widths: tuple[int, ...], r: Regularization) -> Any:
        """Apply the dense hidden layers."""
        for i, units in enumerate(widths, 1):
            name = f"dense_{i}"
            x = self.weighted(name, units * self.pieces, r)(x)
            x = self.dropped(self.finish(x, name, r), name, r)
        return x
