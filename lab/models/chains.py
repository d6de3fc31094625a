"""The layers that follow a layer in a model's graph, such as its normalization and activation; those that end it."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeGuard

import keras

from lab.engine import keras_internals
from lab.layers import DropBlock
from lab.models.activations import activation_of, is_activation

L = keras.layers

NORMALIZATIONS = (
    *(L.BatchNormalization, L.LayerNormalization, L.GroupNormalization, L.RMSNormalization, L.UnitNormalization),
)
DROPOUTS = (L.Dropout, L.SpatialDropout1D, L.SpatialDropout2D, L.SpatialDropout3D)
_POOLINGS = tuple(
    getattr(L, f"{prefix}{kind}Pooling{rank}D")
    for prefix in ("", "Global")
    for kind in ("Max", "Average")
    for rank in (1, 2, 3)
)


def is_graph(operation: Any) -> TypeGuard[keras.Model]:
    """Say whether an operation is a model whose calls can be seen."""
    return isinstance(operation, keras.Model) and keras_internals.graph(operation) is not None


class Graph:
    """The calls of a Functional or Sequential model.

    Args:
        model: built, with a graph.
        path: the names of the models around it but for the outermost, and its own; empty for the outermost.

    Attributes:
        nodes: the calls, in the order in which they are computed.
        uses: for each tensor, by its id, the calls that take it, and None if the model returns it.
        makers: for each tensor, by its id, the call that makes it.
    """

    def __init__(self, model: keras.Model, path: tuple[str, ...] = ()) -> None:
        self.path = path
        self.graph = keras_internals.graph(model)
        self.nodes = list(keras_internals.nodes(self.graph))
        self.uses: dict[int, list[Any]] = defaultdict(list)
        self.makers = {id(x): node for node in self.nodes for x in node.outputs}
        for node in self.nodes:
            for x in node.input_tensors:
                self.uses[id(x)].append(node)
        for x in self.graph.outputs:
            self.uses[id(x)].append(None)


@dataclass(frozen=True)
class Chain:
    """The calls through which the output of one call of a layer flows before anything else uses it.

    Args:
        activation: the call that ends with the activation; the last of these calls if there is none.
        end: the last call of normalization, activation, noise, pooling and dropout.
        normalization: the layer that normalizes the output, or None.
        own: the layers that regularize it already, by "dropout", "gaussian_dropout", "dropblock", "noise" and
            "activity"; a dropout of channels by "spatial_dropout", too.
        joins: whether the output joins others, or is used in several places, before any activation.
    """

    activation: Any
    end: Any
    normalization: Any
    own: dict[str, Any]
    joins: bool


def chain(graph: Graph, node: Any) -> Chain:
    """Return the chain of a call of a layer."""
    end, activation, normalization, joins = node, None, None, False
    own: dict[str, Any] = {}
    if activation_of(node.operation) not in (None, "linear"):
        activation = node
    while len(end.outputs) == 1:
        users = graph.uses[id(end.outputs[0])]
        if users == [None] or not users:
            break
        after = users[0]
        if len(users) > 1 or after is None or len(after.input_tensors) > 1:
            joins = activation is None
            break
        operation = after.operation
        role = _role(operation)
        if role is not None and role not in own:
            own[role] = operation
            if isinstance(operation, DROPOUTS[1:]):
                own["spatial_dropout"] = operation
        elif isinstance(operation, NORMALIZATIONS) and normalization is None:
            normalization = operation
        elif is_activation(operation) and activation is None:
            activation = after
        elif not isinstance(operation, _POOLINGS):
            break
        end = after
    return Chain(activation or end, end, normalization, own, joins)


def _role(operation: Any) -> str | None:
    """Return the regularizer that a layer is by itself, as `Chain.own` has it; None if it is none."""
    if isinstance(operation, DROPOUTS) and getattr(operation, "noise_shape", None) is None:
        return "dropout"
    if type(operation) is L.GaussianNoise:
        return "noise"
    if type(operation) in (L.GaussianDropout, DropBlock):
        return "gaussian_dropout" if type(operation) is L.GaussianDropout else "dropblock"
    is_linear = type(operation) is L.Activation and operation.activation is keras.activations.linear
    return "activity" if is_linear and operation.activity_regularizer is not None else None


def ends(graph: Graph, place: int | None = None) -> Iterator[Any]:
    """Yield the operations with kernels that make a model's outputs, the innermost where models are nested.

    They are found by going back from an output through operations without kernels. Where several branches are joined,
    a branch that ends in an activation is hidden and does not count, unless the activation is one that ends models.

    Args:
        graph: of the model.
        place: of the output; None for all outputs.
    """
    outputs = graph.graph.outputs if place is None else [graph.graph.outputs[place]]
    waiting = [(x, False) for x in outputs]
    seen = set()
    while waiting:
        x, joined = waiting.pop()
        node = graph.makers.get(id(x))
        if node is None or id(x) in seen:
            continue
        seen.add(id(x))
        operation = node.operation
        if joined and activation_of(operation) not in (None, "linear", "softmax", "sigmoid"):
            continue
        if is_graph(operation):
            output = next(i for i, other in enumerate(node.outputs) if other is x)
            inner = list(ends(Graph(operation, (*graph.path, operation.name)), output))
            yield from inner
            if inner:
                continue
        elif has_kernel(operation):
            yield operation
            continue
        joined = joined or len(node.input_tensors) > 1
        waiting += [(tensor, joined) for tensor in node.input_tensors]


def has_kernel(operation: Any) -> bool:
    """Say whether an operation has a weight of more than one axis that is neither normalization nor activation."""
    plain = not isinstance(operation, L.Layer) or isinstance(operation, NORMALIZATIONS) or is_activation(operation)
    return not plain and any(len(v.shape) > 1 for v in operation.weights)
