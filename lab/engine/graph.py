"""A model as a graph: its operations and what each call gets. Models that cannot be stacked are refused."""

from typing import Any

import keras
import numpy as np

from lab.engine import keras_internals


class RefusedError(Exception):
    """A model that the cohort engine cannot train rightly; the message says why."""


def function(model: keras.Model) -> Any:
    """Return a model's graph.

    Raises:
        RefusedError: it has none, or not one input and one output.
    """
    name, function = model.name, keras_internals.graph(model)
    if function is None and type(model) is keras.Sequential:
        raise RefusedError(f"model {name!r} is not built: give its first layer an Input")
    if function is None:
        raise RefusedError(f"model {name!r} is a {type(model).__name__}, whose call is code and not a graph of layers")
    if len(function.inputs) != 1 or len(function.outputs) != 1:
        inputs, outputs = len(function.inputs), len(function.outputs)
        raise RefusedError(f"model {name!r} has {inputs} inputs and {outputs} outputs, and cohorts know one of each")
    return function


def calls(function: Any, places: dict[int, int]) -> tuple[dict[Any, int], list[tuple], int]:
    """Return the operations, each with how often it is called; what each call gets; and the size of the largest output.

    Args:
        function: the graph.
        places: of the model's weights, by their ids: some calls get one as an argument.

    Returns:
        The operations in the order of their first calls. A call is (place of its operation, text that is equal for
        calls that get the same, whether it passes nothing but tensors by position). The size is that of one example.
    """
    order: dict[Any, int] = {}
    connections = []
    source: dict[int, tuple] = {id(function.inputs[0]): ("input",)}
    position: dict[int, int] = {}
    largest = 1

    def given(x: Any) -> str:
        if id(x) in places:
            return f"weight {places[id(x)]}"
        if id(x) in source:
            return repr(source[id(x)])
        return repr((x.shape, np.asarray(x).tobytes())) if hasattr(x, "shape") else repr(x)

    for node in keras_internals.nodes(function):
        layer = node.operation
        place = position.setdefault(id(layer), len(position))
        order[layer] = order.get(layer, 0) + 1
        inputs = keras.tree.map_structure(given, (node.arguments.args, _options(node)))
        connections.append((place, repr(inputs), _plain_call(node)))
        for i, output in enumerate(node.outputs):
            source[id(output)] = (place, order[layer], i)
            largest = max(largest, int(np.prod([size or 1 for size in output.shape[1:]])))
    return order, connections, largest


def _options(node: Any) -> dict[str, Any]:
    """Return the named arguments of a call. Keras records a `training` there that the model's own overrides."""
    return {name: x for name, x in node.arguments.kwargs.items() if name != "training" and x is not None}


def _plain_call(node: Any) -> bool:
    """Say whether a call passes nothing but tensors, by position."""
    given = keras.tree.flatten(node.arguments.args)
    return not _options(node) and all(isinstance(x, keras.KerasTensor) for x in given)


def check(layer: Any) -> None:
    """Refuse a layer that cohorts cannot compute."""
    name, kind = getattr(layer, "name", repr(layer)), type(layer).__name__
    if isinstance(layer, keras.Layer) and layer.compute_dtype != "float32":
        raise RefusedError(f"its layer {name!r} ({kind}) computes in {layer.compute_dtype}, and cohorts in float32")
