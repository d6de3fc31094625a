"""Factories of residual nets: branches of two layers, added to what goes past them.

A branch is layer -> normalization -> activation -> dropout -> layer -> normalization; then it is added, and the
activation and dropout follow, as in He et al. 2016. With `Regularization.stochastic_depth` whole branches are dropped,
example by example.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lab.checks import UsageError, whole
from lab.models.blocks import Style, check_kind, check_normalization, outputs_of, whole_numbers
from lab.regularization import NONE, Regularization
from lab.seeds import derive

if TYPE_CHECKING:
    import keras


def residual_dense(
    input_shape: Sequence[int],
    outputs: int,
    *,
    width: int = 64,
    branches: int = 3,
    activation: str = "relu",
    initializer: str | float = "he",
    regularization: Regularization = NONE,
    seed: int = 0,
) -> "keras.Model":
    """Return a net of residual branches of dense layers.

    The layers are `stem` (and what follows it), then for each branch `branch_1_1`, `branch_1_2`,
    `branch_1_stochastic_depth`, `branch_1_add`, `branch_1_activation`, ..., and `output`.

    Args:
        input_shape: the shape of one example, without the batch; an image is flattened.
        outputs: how many logits, at least 1.
        width: the units of each layer, at least 1.
        branches: how many, at least 1.
        activation, initializer: as of `lab.models.dense`, but for "maxout", which would halve what goes past.
        regularization: of all layers but the output.
        seed: the run's seed, at least 0.

    Raises:
        UsageError: a wrong argument.

    Reference: He et al. 2016, "Deep Residual Learning"; Huang et al. 2016, "Deep Networks with Stochastic Depth".
    """
    shape = whole_numbers("input_shape", input_shape, "the size of one axis of an example")
    if not shape:
        raise UsageError("input_shape must have at least one axis (it is the shape of one example), got ()")
    width = whole("width", width, "the number of units of a layer")
    branches = whole("branches", branches, "the number of residual branches")
    logits, style = outputs_of(outputs), _style(activation, initializer, seed)
    check_kind("regularization", regularization)
    for field in ("spatial_dropout", "dropblock"):
        if getattr(regularization, field):
            raise UsageError(
                f"{field} must be 0 in regularization (it drops parts of images, and dense layers have none), got "
                f"{getattr(regularization, field)}; use dropout there"
            )
    check_normalization("branch_1_1", regularization, width)
    import keras

    inputs = keras.Input(shape, name="input")
    x = inputs if len(shape) == 1 else keras.layers.Flatten(name="flatten")(inputs)
    x = style.dropped(
        style.finish(style.weighted("stem", width, regularization)(x), "stem", regularization), "stem", regularization
    )
    for i in range(1, branches + 1):
        x = _branch(x, i, branches, width, 0, style, regularization)
    return keras.Model(inputs, style.weighted("output", logits, NONE)(x), name="residual_dense")


def residual_conv(
    input_shape: Sequence[int],
    outputs: int,
    *,
    filters: Sequence[int] = (16, 32),
    branches: int = 2,
    activation: str = "relu",
    initializer: str | float = "he",
    regularization: Regularization = NONE,
    seed: int = 0,
) -> "keras.Model":
    """Return a net of stages of residual branches of 3x3 convolutions.

    A stage begins with a convolution, `stem_1`, that makes its filters, then has its branches, and ends with 2x2
    pooling, `pool_1`; the last ends with the mean over the pixels instead. Branches are numbered through the net.

    Args:
        input_shape: (height, width, channels).
        outputs: how many logits, at least 1.
        filters: of the convolutions of each stage.
        branches: of each stage, at least 1.
        activation, initializer, regularization, seed: as of `residual_dense`.

    Raises:
        UsageError: a wrong argument, or an image too small to be halved that often.

    Reference: as of `residual_dense`.
    """
    shape = whole_numbers("input_shape", input_shape, "the size of one axis of an image")
    if len(shape) != 3:
        raise UsageError(f"input_shape must be (height, width, channels) for convolutions, got {shape}")
    sizes = whole_numbers("filters", filters, "the number of filters of a convolution")
    if not sizes:
        raise UsageError("filters must have the filters of at least one stage, as in (16, 32), got ()")
    branches = whole("branches", branches, "the number of residual branches of a stage")
    logits, style = outputs_of(outputs), _style(activation, initializer, seed)
    check_kind("regularization", regularization)
    smallest = min(shape[:2]) // 2 ** (len(sizes) - 1)
    if smallest < max(1, regularization.dropblock and regularization.block_size):
        raise UsageError(
            f"input_shape {shape} is too small for {len(sizes)} stages, which leave {smallest} pixels; use larger "
            "images, fewer stages or a smaller block_size"
        )
    for i, units in enumerate(sizes):
        check_normalization(f"stage {i + 1}", regularization, units, (min(shape[:2]) // 2**i) ** 2)
    import keras

    inputs = x = keras.Input(shape, name="input")
    for stage, units in enumerate(sizes, 1):
        name = f"stem_{stage}"
        x = style.finish(style.weighted(name, units, regularization, 3, "same")(x), name, regularization)
        for i in range(1, branches + 1):
            number = (stage - 1) * branches + i
            x = _branch(x, number, branches * len(sizes), units, 3, style, regularization)
        if stage < len(sizes):
            x = keras.layers.MaxPooling2D(2, name=f"pool_{stage}")(x)
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(inputs, style.weighted("output", logits, NONE)(x), name="residual_conv")


def _style(activation: str, initializer: str | float, seed: int) -> Style:
    style = Style(activation, initializer, seed)
    if style.pieces > 1:
        raise UsageError(
            "activation must be another than 'maxout' in a residual net (it halves what a branch is added to), got "
            "'maxout'; choose relu"
        )
    return style


def _branch(x: Any, i: int, of: int, units: int, window: int, style: Style, r: Regularization) -> Any:
    """Apply a residual branch, and what follows the sum."""
    import keras

    names = f"branch_{i}_1", f"branch_{i}_2"
    y = style.weighted(names[0], units, r, window, "same")(x)
    y = style.dropped(style.finish(y, names[0], r), names[0], r)
    y = style.normalized(style.weighted(names[1], units, r, window, "same")(y), names[1], r)
    name = f"branch_{i}"
    if r.stochastic_depth:
        y = keras.layers.Dropout(
            r.stochastic_depth * i / of,
            noise_shape=(None, *[1] * (len(y.shape) - 1)),
            seed=derive(style.seed, name, "stochastic_depth"),
            name=f"{name}_stochastic_depth",
        )(y)
    x = style.activated(keras.layers.Add(name=f"{name}_add")([x, y]), name, r)
    return style.dropped(x, name, r)
