"""The kernels of a layer: the weights that penalties and bounds are for, and the arguments that put them there.

A kernel is a weight for which its layer has an argument `<name>_regularizer`, unless it is a bias, a parameter of
normalization or the slopes of PReLU: the kernels of Dense, EinsumDense and all convolutions, both kernels of separable
ones; kernel and recurrent kernel of recurrent layers and their cells; the vectors of an Embedding; the projections of
attention. Layers of people's own count if they have such an argument and a weight of that name. So do the layers
inside wrappers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

from lab.models.graph_copy import configuration

L = keras.layers

_NO_KERNELS = ("bias", "beta", "gamma", "alpha")
"""The names of weights that are no kernels; the slopes of PReLU (alpha) are a learned activation."""

CONVOLUTIONS = (
    *(L.Conv1D, L.Conv2D, L.Conv3D, L.Conv1DTranspose, L.Conv2DTranspose, L.Conv3DTranspose),
    *(L.DepthwiseConv1D, L.DepthwiseConv2D, L.SeparableConv1D, L.SeparableConv2D),
)
_TRANSPOSED = (L.Conv1DTranspose, L.Conv2DTranspose, L.Conv3DTranspose)
_ATTENTION = (L.MultiHeadAttention, L.GroupQueryAttention)


@dataclass(frozen=True)
class Kernel:
    """The weights of a layer that one of its arguments regularizes.

    Args:
        holder: the layer with the argument: the layer itself or one inside a wrapper.
        prefix: of the argument, as in "recurrent" of `recurrent_regularizer`.
        weights: those that the argument reaches; several in attention.
    """

    holder: Any
    prefix: str
    weights: tuple[keras.Variable, ...]

    @property
    def regularizer(self) -> str:
        """The name of the argument that takes the penalty."""
        return f"{self.prefix}_regularizer"

    @property
    def constraint(self) -> str:
        """The name of the argument that takes the bound."""
        return f"{self.prefix}_constraint"

    @property
    def unit_axes(self) -> int | list[int] | None:
        """The axes of all weights into one unit, or of an embedding's vector; None if they are not known."""
        rank = len(self.weights[0].shape)
        if self.prefix == "embeddings":
            return 1
        if isinstance(self.holder, _ATTENTION):
            return None
        if isinstance(self.holder, L.EinsumDense):
            inputs, kernel, output = self.holder.equation.replace("->", ",").replace("...", "").split(",")
            return [i for i, axis in enumerate(kernel) if axis in inputs and axis not in output]
        if isinstance(self.holder, _TRANSPOSED):
            return [*range(rank - 2), rank - 1]
        if self.prefix == "depthwise":
            return list(range(rank - 2))
        if self.prefix in ("kernel", "pointwise", "recurrent") and rank > 1:
            return 0 if rank == 2 else list(range(rank - 1))
        return None

    @property
    def has_inputs_and_units(self) -> bool:
        """Whether the last two axes of the weights are inputs and units, one weight for each pair and position."""
        return self.prefix == "kernel" and isinstance(self.holder, (L.Dense, L.Conv1D, L.Conv2D, L.Conv3D))


def inner_layers(layer: Any) -> list[tuple[str, int | None, Any]]:
    """Return the layers inside a layer that are part of its configuration.

    Returns:
        Of each the key in the configuration, the place in the list there (None if there is no list), and the layer.
    """
    if isinstance(layer, L.Bidirectional):
        return [("layer", None, layer.forward_layer), ("backward_layer", None, layer.backward_layer)]
    if isinstance(layer, L.Wrapper):
        return [] if isinstance(layer.layer, keras.Model) else [("layer", None, layer.layer)]
    if isinstance(layer, L.StackedRNNCells):
        return [("cells", i, cell) for i, cell in enumerate(layer.cells)]
    return [("cell", None, layer.cell)] if type(layer) is L.RNN else []


def kernels(layer: Any) -> Iterator[Kernel]:
    """Yield the kernels of a built layer and of the layers inside it."""
    yield from (kernel for kernel in penalized(layer) if kernel.prefix not in _NO_KERNELS)


def penalized(layer: Any) -> Iterator[Kernel]:
    """Yield all weights that a built layer, or the layers inside it, can penalize: kernels, biases and any others."""
    inside = inner_layers(layer)
    for _, _, inner in inside:
        yield from penalized(inner)
    if inside or isinstance(layer, keras.Model):
        return
    for name in configuration(layer):
        prefix = name.removesuffix("_regularizer")
        if prefix == name or prefix == "activity":
            continue
        names = [prefix, f"{prefix}_kernel"]
        if isinstance(layer, L.DepthwiseConv1D | L.DepthwiseConv2D) and prefix == "depthwise":
            names.append("kernel")
        weights = tuple(v for v in layer.weights if v.name in names)
        if weights:
            yield Kernel(layer, prefix, weights)
