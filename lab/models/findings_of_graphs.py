"""Mistakes between the layers of a model: dropout before batch normalization, outputs that do not fit their loss."""

from collections.abc import Iterator
from typing import Any

import keras

from lab.models.activations import activation_of, is_activation
from lab.models.chains import DROPOUTS, Graph, is_graph
from lab.models.findings_of_layers import Finding

L = keras.layers

_SHIFTING = (*DROPOUTS, L.GaussianDropout, L.AlphaDropout)
"""Layers behind which values vary more in training than in inference."""

_PASSING = (L.Reshape, L.Flatten, L.Permute, L.Identity, L.Dropout)
"""Layers that hand the values themselves on in inference."""

_LOSSES = {
    *("binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy"),
    *("categorical_focal_crossentropy", "sparse_categorical_crossentropy"),
}
"""The losses that take probabilities, or logits if they are told to."""

_PROBABILITIES = ("softmax", "sigmoid")
_NO_PROBABILITIES = ("elu", "gelu", "leakyrelu", "linear", "relu", "relu6", "selu", "silu", "tanh")


def of_dropouts(graph: Graph) -> tuple[list[Finding], list[str]]:
    """Return the findings of dropout before batch normalization, and the dropouts whose values the model returns."""
    found, returned = [], []
    around = "".join(f"{name}/" for name in graph.path)
    for node in graph.nodes:
        operation = node.operation
        inside: list[str] = []
        if is_graph(operation):
            findings, inside = of_dropouts(Graph(operation, (*graph.path, operation.name)))
            found += findings
        elif isinstance(operation, _SHIFTING) and operation.rate and getattr(operation, "noise_shape", None) is None:
            inside = [f"{around}{operation.name}"]
        if inside:
            reached, ends = _normalized(graph, node.outputs)
            found += [_shift(name, batch) for name in inside for batch in reached]
            returned += inside if ends else []
    return found, returned


def _normalized(graph: Graph, tensors: list[Any]) -> tuple[list[str], bool]:
    """Return the batch normalizations that normalize some tensors, and whether the model returns any of the tensors."""
    reached, ends, waiting, seen = [], False, list(tensors), set()
    while waiting:
        x = waiting.pop()
        for node in graph.uses[id(x)] if id(x) not in seen else ():
            operation = None if node is None else node.operation
            if node is None:
                ends = True
            elif isinstance(operation, L.BatchNormalization):
                reached.append(operation.name)
            elif is_graph(operation):
                inner = Graph(operation)
                places = [i for i, other in enumerate(node.input_tensors) if other is x]
                names, through = _normalized(inner, [inner.graph.inputs[i] for i in places])
                reached += [f"{operation.name}/{name}" for name in names]
                waiting += node.outputs if through else []
            elif not getattr(operation, "weights", []) or is_activation(operation):
                waiting += node.outputs
        seen.add(id(x))
    return reached, ends


def _shift(dropout: str, batch: str) -> Finding:
    return Finding(
        dropout,
        f"it drops values that {batch!r} normalizes: they vary more in training than in inference, and the moving "
        "variance is wrong there",
        f"put {dropout!r} behind {batch!r} and its activation",
    )


def of_ends(model: keras.Model, graph: Graph, loss: Any) -> Iterator[Finding]:
    """Yield the mistakes at a model's outputs.

    Args:
        model: with a graph.
        graph: of the model.
        loss: with which it was compiled, serialized; None if it was not.
    """
    names = list(getattr(model, "output_names", []))
    for place, output in enumerate(graph.graph.outputs):
        path, activation = _end(graph, place)
        if activation == "softmax" and output.shape[-1] == 1:
            yield Finding(path, "it is a softmax over one number, which is always 1", "activation='sigmoid'")
        name, from_logits = _loss(_part(loss, place, names))
        if name not in _LOSSES:
            continue
        kind = "".join(word.capitalize() for word in name.split("_"))
        if from_logits and activation in _PROBABILITIES:
            yield Finding(
                path,
                f"it ends in {activation}, and the loss takes it for logits (from_logits=True): it is applied twice",
                f"model.compile(loss=keras.losses.{kind}(from_logits=False), ...)",
            )
        if not from_logits and activation in _NO_PROBABILITIES:
            what = "logits" if activation == "linear" else f"what {activation} returns"
            yield Finding(
                path,
                f"it returns {what}, and the loss takes them for probabilities (from_logits=False)",
                f"model.compile(loss=keras.losses.{kind}(from_logits=True), ...)"
                if activation == "linear"
                else "activation='softmax'",
            )


def _end(graph: Graph, place: int) -> tuple[str, str | None]:
    """Return the name and the activation of the operation that makes an output; those that pass values on do not count.

    The name is "" where an input of the model is an output.
    """
    x = graph.graph.outputs[place]
    while (node := graph.makers.get(id(x))) is not None:
        operation = node.operation
        if is_graph(operation):
            output = next(i for i, other in enumerate(node.outputs) if other is x)
            return _end(Graph(operation, (*graph.path, operation.name)), output)
        activation = activation_of(operation)
        plain = isinstance(operation, _PASSING) or (is_activation(operation) and activation == "linear")
        if not plain or len(node.input_tensors) != 1:
            return "/".join((*graph.path, operation.name)), activation
        x = node.input_tensors[0]
    return "", None


def _part(loss: Any, place: int, names: list[str]) -> Any:
    """Return the loss of one output from how a model was compiled."""
    if isinstance(loss, list):
        return loss[place] if place < len(loss) else None
    if isinstance(loss, dict) and "class_name" not in loss:
        return loss.get(names[place]) if place < len(names) else None
    return loss


def _loss(loss: Any) -> tuple[str, bool]:
    """Return the name of a serialized loss, in lower case with underscores, and whether it takes logits."""
    config: Any = {}
    if isinstance(loss, dict):
        config = loss.get("config")
        loss = config if loss.get("class_name") == "function" else loss.get("class_name")
    if not isinstance(loss, str):
        return "", False
    name = "".join(f"_{c.lower()}" if c.isupper() else c for c in loss).strip("_")
    return name, bool(config.get("from_logits", False)) if isinstance(config, dict) else False
