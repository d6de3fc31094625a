"""Factories: plain functions that return an uncompiled `keras.Model` with logits.

Architecture and regularization are orthogonal: any `Regularization` goes with any widths, blocks and activation, and
is applied to every hidden layer in one fixed order, layer -> normalization -> activation -> noise -> dropout. What has
strength 0 is left out. The output layer is a linear Dense layer without regularization; biases, the parameters of the
normalization layers and the slopes of PReLU carry no penalty.

Every initializer and every random layer has its own seed, derived from the run's seed, the layer's name and the role
("kernel", "dropout", "noise" or "dropconnect"). Models of one seed that differ in regularization start from the same
weights and, where they share layers, draw the same masks, whatever else draws random numbers in the process.

Wrong arguments are refused before Keras is loaded, which happens inside the factories: importing this file is free.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lab.checks import UsageError, choice, flag, whole
from lab.models.blocks import (
    ACTIVATIONS,
    INITIALIZERS,
    KERAS_INITIALIZERS,
    Style,
    check_branches,
    check_kind,
    outputs_of,
    whole_numbers,
    widths_of,
)
from lab.models.convolution_blocks import Block
from lab.regularization import NONE, Regularization

if TYPE_CHECKING:
    import keras

__all__ = ["ACTIVATIONS", "INITIALIZERS", "KERAS_INITIALIZERS", "alexnet_like", "conv", "dense", "simple_conv"]

ALEXNET_HEAD = Regularization(dropout=0.5)
_FILTERS = "the number of filters of a convolution"


def dense(
    input_shape: Sequence[int],
    outputs: int,
    *,
    widths: Sequence[int] = (256, 256),
    activation: str = "relu",
    initializer: str | float = "he",
    regularization: Regularization = NONE,
    output_regularization: Regularization = NONE,
    seed: int = 0,
) -> "keras.Model":
    """Return a net of dense layers.

    The layers are `dense_1`, `dense_1_norm`, `dense_1_activation`, `dense_1_noise`, `dense_1_dropout`, `dense_2`, ...
    and `output`; an image is flattened first.

    Args:
        input_shape: the shape of one example, without the batch.
        outputs: how many logits, at least 1.
        widths: the units of the hidden layers, each at least 1. Empty, the model is a linear classifier.
        activation: "sigmoid", "tanh", "relu", "leaky_relu" (slope 0.01), "prelu" (a learned slope for each unit or
            channel, 0.25 at the start as in He et al. 2015), "maxout" (of 2 pieces, which doubles the weights into a
            layer: `lab.layers.Maxout`), "elu" or "linear".
        initializer: of all kernels, the output's included; biases start at 0. "zeros"; a number, the standard
            deviation of a Gaussian; "xavier", the Gaussian of variance 1 / n with n inputs into a unit; "he", of
            variance 2 / n (none of them truncated); or one of Keras's own: `KERAS_INITIALIZERS`.
        regularization: of the hidden layers. "layer" is `keras.layers.LayerNormalization`; "group" needs `groups` to
            divide every width (for maxout twice the width, as normalization comes before the activation).
        output_regularization: `l1`, `l2`, `group_inputs` and `group_units` of the output kernel, free by default. For a
            linear classifier this is the only kernel there is.
        seed: the run's seed, at least 0.

    Raises:
        UsageError: a wrong argument, or a normalization that does not fit a width.

    Reference: He et al. 2015, "Delving Deep into Rectifiers"; Glorot and Bengio 2010 (Keras's "glorot_uniform" and
    "glorot_normal"; their "xavier" counts the outputs of a unit too, the course's does not).
    """
    shape, widths = whole_numbers("input_shape", input_shape, "the size of one axis of an example"), widths_of(widths)
    if not shape:
        raise UsageError("input_shape must have at least one axis (it is the shape of one example), got ()")
    outputs = outputs_of(outputs)
    style = Style(activation, initializer, seed)
    check_kind("output_regularization", output_regularization)
    if replace(output_regularization, l1=0.0, l2=0.0, group_inputs=0.0, group_units=0.0) != NONE:
        raise UsageError(
            f"output_regularization is the penalty on the output kernel and may set l1, l2, group_inputs and "
            f"group_units alone, got {output_regularization!r}; set the rest in regularization, for the hidden layers"
        )
    style.check_dense(widths, "regularization", regularization)
    import keras

    inputs = keras.Input(shape, name="input")
    x = inputs if len(shape) == 1 else keras.layers.Flatten(name="flatten")(inputs)
    x = style.hidden(x, widths, regularization)
    x = style.weighted("output", outputs, output_regularization)(x)
    return keras.Model(inputs, x, name="dense")


def conv(
    input_shape: Sequence[int],
    outputs: int,
    *,
    blocks: Sequence[Sequence[int]] = ((32, 32), (64, 64)),
    kernel_size: int = 3,
    padding: str | Sequence[str] = "same",
    pool: int = 2,
    widths: Sequence[int] = (128,),
    activation: str = "relu",
    initializer: str | float = "he",
    regularization: Regularization = NONE,
    head: Regularization = NONE,
    seed: int = 0,
) -> "keras.Model":
    """Return a net of blocks of convolutions, each ended by max pooling, then dense layers.

    The layers are `conv_1_1` (block, convolution), `conv_1_1_norm`, `conv_1_1_activation`, `conv_1_1_noise`, ...,
    `pool_1`, `block_1_dropout`, `conv_2_1`, ..., `flatten`, `dense_1` and so on as in `dense`, and `output`.

    In a block, dropout comes once, after the pooling, and drops single values. Before the pooling, the next largest
    neighbour would take the place of a dropped value, and more values would have to be drawn. For images, "layer"
    normalizes everything that one example has at this layer (height x width x channels), whereas Keras's
    `LayerNormalization()` would normalize the channels of each pixel separately. "instance" normalizes each channel of
    each image, "group" each group of channels of each image. All of them then scale and shift each channel.

    The course's CIFAR-10 net (3 702 186 parameters on 32x32x3) is `conv(shape, 10, blocks=((32, 32),),
    padding=("same", "valid"), widths=(512,), initializer="glorot_uniform")`.

    Args:
        input_shape: (height, width, channels).
        outputs: how many logits, at least 1.
        blocks: the filters of each convolution of each block, as in ((32, 32), (64, 64)).
        kernel_size: height and width of the kernels, at least 1.
        padding: "same", "valid", or one of these for each convolution of a block, as in ("same", "valid").
        pool: height and width of the pooling, and its stride; 1 leaves it out.
        widths: the units of the dense layers after the blocks; may be empty.
        activation: of all hidden layers, as in `dense`.
        initializer: of all kernels, as in `dense`.
        regularization: of the blocks.
        head: of the dense layers after them.
        seed: the run's seed, at least 0.

    Raises:
        UsageError: a wrong argument, a normalization that does not fit, or an image too small for a block.

    Reference: Simonyan and Zisserman 2015 (blocks of small convolutions); Ulyanov et al. 2016, Wu and He 2018.
    """
    if (
        not isinstance(blocks, (list, tuple))
        or not all(isinstance(b, (list, tuple)) and b for b in blocks)
        or not blocks
    ):
        raise UsageError(f"blocks must list the filters of each block, as in ((32, 32), (64, 64)), got {blocks!r}")
    kernel_size = whole("kernel_size", kernel_size, "the height and width of the kernels")
    pool = whole("pool", pool, "the height and width of the pooling")
    plan = []
    for i, filters in enumerate(blocks, 1):
        sizes = whole_numbers(f"blocks[{i - 1}]", filters, _FILTERS)
        words = padding if isinstance(padding, (list, tuple)) else [padding] * len(sizes)
        paddings = tuple(choice("padding", word, ("same", "valid")) for word in words)
        if len(paddings) != len(sizes):
            raise UsageError(
                f"padding must be one word, or one for each of the {len(sizes)} convolutions of block {i}, "
                f"got {padding!r}"
            )
        plan.append(Block(sizes, kernel_size, paddings, pool, stride=pool))
    style = Style(activation, initializer, seed)
    return _convolutional("conv", input_shape, outputs, plan, widths, style, regularization, head)


def simple_conv(
    input_shape: Sequence[int],
    outputs: int,
    *,
    filters: int = 30,
    kernel_size: int = 5,
    widths: Sequence[int] = (100,),
    activation: str = "relu",
    initializer: str | float = 0.01,
    regularization: Regularization = NONE,
    head: Regularization = NONE,
    seed: int = 0,
) -> "keras.Model":
    """Return the course's SimpleConvNet, the LeNet pattern at its smallest: convolution, ReLU, pooling, dense, output.

    433 890 parameters on 28x28x1 images and 10 outputs. It is `conv` with one block of one convolution without
    padding; the arguments mean the same there, and `filters` is the convolution's.

    Reference: LeCun et al. 1998; *Deep Learning from Scratch*, chapter 7.
    """
    filters = whole("filters", filters, _FILTERS)
    return conv(
        input_shape,
        outputs,
        blocks=((filters,),),
        kernel_size=kernel_size,
        padding="valid",
        widths=widths,
        activation=activation,
        initializer=initializer,
        regularization=regularization,
        head=head,
        seed=seed,
    )


def alexnet_like(
    input_shape: Sequence[int],
    outputs: int,
    *,
    filters: Sequence[int] = (32, 64, 96, 96, 64),
    widths: Sequence[int] = (256, 256),
    lrn: bool = True,
    initializer: str | float = "he",
    regularization: Regularization = NONE,
    head: Regularization = ALEXNET_HEAD,
    seed: int = 0,
) -> "keras.Model":
    """Return AlexNet's pattern for small images, 28x28 to 32x32 (at least 15x15).

    Five ReLU convolutions (5x5, 5x5, then three of 3x3) in three blocks, each ended by overlapping 3x3 pooling with
    stride 2; local response normalization after the first two (`lrn_1`, `lrn_2`, after the activation and noise, before
    the pooling); two dense layers with dropout. Filters and widths are about a third and a sixteenth of the original's.

    Args:
        input_shape: (height, width, channels).
        outputs: how many logits, at least 1.
        filters: of the five convolutions.
        widths: the units of the dense layers.
        lrn: whether local response normalization is there.
        initializer: of all kernels, as in `dense`. The original's Gaussian of 0.01 learns slowly at this size.
        regularization: of the convolutions.
        head: of the dense layers; their dropout of 0.5 is part of the pattern and `NONE` takes it off.
        seed: the run's seed, at least 0.

    Raises:
        UsageError: a wrong argument, a normalization that does not fit, or an image too small.

    Reference: Krizhevsky et al. 2012, "ImageNet Classification with Deep Convolutional Neural Networks".
    """
    sizes = whole_numbers("filters", filters, _FILTERS)
    if len(sizes) != 5:
        raise UsageError(f"filters must give the filters of the 5 convolutions, got {len(sizes)} numbers")
    flag("lrn", lrn)
    plan = [Block((size,), 5, ("same",), 3, stride=2, lrn=lrn) for size in sizes[:2]]
    plan.append(Block(tuple(sizes[2:]), 3, ("same",) * 3, 3, stride=2))
    style = Style("relu", initializer, seed)
    return _convolutional("alexnet_like", input_shape, outputs, plan, widths, style, regularization, head)


def _convolutional(
    name: str,
    input_shape: object,
    outputs: object,
    plan: list[Block],
    widths: object,
    style: Style,
    regularization: Regularization,
    head: Regularization,
) -> "keras.Model":
    """Check everything that the convolutional factories share, then build."""
    shape = whole_numbers("input_shape", input_shape, "the size of one axis of an image")
    if len(shape) != 3:
        raise UsageError(f"input_shape must be (height, width, channels) for convolutions, got {shape}")
    units, logits = widths_of(widths), outputs_of(outputs)
    check_kind("regularization", regularization)
    check_branches("regularization", regularization)
    size = shape[:2]
    for i, block in enumerate(plan, 1):
        size = block.check(shape, i, size, style.pieces, regularization)
    style.check_dense(units, "head", head)
    import keras

    inputs = x = keras.Input(shape, name="input")
    for i, block in enumerate(plan, 1):
        x = block.apply(x, i, style, regularization)
    x = style.hidden(keras.layers.Flatten(name="flatten")(x), units, head)
    return keras.Model(inputs, style.weighted("output", logits, NONE)(x), name=name)
