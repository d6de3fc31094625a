"""What silently goes wrong in a Keras model: found in its layers, in its graph and in how it is compiled."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from lab.checks import UsageError
from lab.engine import keras_internals
from lab.models.chains import Graph, activation_of, is_activation
from lab.models.kernels import Kernel, penalized
from lab.models.keras_file import load, read_configuration

L = keras.layers

HUGE = 1.0
"""A strength from which on a penalty rules the loss: gradient descent with rate 0.1 takes a fifth of a weight a step."""

_SHIFTED = (L.Dropout, L.SpatialDropout1D, L.SpatialDropout2D, L.SpatialDropout3D, L.GaussianDropout, L.AlphaDropout)
_SHAPES = (L.Reshape, L.Flatten, L.Permute, L.Identity, L.Dropout)
_LOSSES = {
    *("binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy"),
    *("categorical_focal_crossentropy", "sparse_categorical_crossentropy"),
}
"""The losses that take probabilities, or logits if that is asked."""

_PROBABILITIES = ("softmax", "sigmoid")
_NO_PROBABILITIES = ("elu", "gelu", "leakyrelu", "linear", "relu", "relu6", "selu", "silu", "tanh")
_AVERAGED_SINCE = (3, 14)


@dataclass(frozen=True)
class Finding:
    """Something that silently goes wrong.

    Args:
        layer: where, by name, with the names of the models around it; "compile" for what concerns none.
        reason: what goes wrong, and why.
        mend: the line that mends it.
    """

    layer: str
    reason: str
    mend: str


def lint(model: keras.Model | str | Path) -> list[Finding]:
    """Return what silently goes wrong in a model.

    Looked for: penalties that charge nothing (set on a built layer, on frozen weights, of strength 0); penalties on
    biases and the parameters of normalization; a softmax or sigmoid whose loss takes logits, and the reverse; a softmax
    over one number; dropout whose values a batch normalization normalizes; L2 beside a decoupled weight decay; huge
    strengths, and activity penalties from before Keras 3.14.

    The graph is looked at of Functional and Sequential models, layers of all models that are built. How a model is
    compiled is known of a model that is, and of a `.keras` file that was.

    Args:
        model: a built model, or the path of a `.keras` file.

    Raises:
        UsageError: the model is neither, or not built.
        DataError: the file cannot be used.

    Reference: Li et al. 2019, "Understanding the Disharmony between Dropout and Batch Normalization by Variance
    Shift"; Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization".
    """
    compiled, version = None, ""
    if isinstance(model, str | Path):
        path = Path(model)
        config, version = read_configuration(path)
        compiled, model = config.get("compile_config"), load(path)
    elif not isinstance(model, keras.Model):
        raise UsageError(f"model must be a keras.Model or the path of a .keras file, got {type(model).__name__}")
    elif model.compiled:
        compiled = model.get_compile_config()
    if not model.built:
        raise UsageError(f"model must be built, got {model.name!r}, which is not; call it on data once")
    compiled = compiled if isinstance(compiled, dict) else {}
    found = [finding for path, layer in _layers(model) for finding in _of_layer(path, layer, version)]
    if keras_internals.graph(model) is not None:
        graph = Graph(model)
        found += _dropped(graph)[0]
        found += _of_ends(model, graph, compiled.get("loss"))
    found += _beside_decay(model, compiled.get("optimizer"))
    return list(dict.fromkeys(found))


def _layers(model: keras.Model, around: str = "") -> Iterator[tuple[str, Any]]:
    for layer in model.layers:
        inner = layer.layer if isinstance(layer, L.TimeDistributed) else layer
        if isinstance(inner, keras.Model):
            yield from _layers(inner, f"{around}{inner.name}/")
        else:
            yield f"{around}{layer.name}", layer


def _strengths(regularizer: Any) -> dict[str, float]:
    """Return the strengths of a penalty of Keras's or the lab's that is a sum of L1 and L2; nothing for any other."""
    kinds = keras.regularizers.L1 | keras.regularizers.L2 | keras.regularizers.L1L2
    if not isinstance(regularizer, kinds):
        return {}
    return {name: float(getattr(regularizer, name, 0.0)) for name in ("l1", "l2", "l2_start")}


def _written(regularizer: Any) -> str:
    strengths = {name: value for name, value in _strengths(regularizer).items() if value}
    if not strengths:
        return "keras.regularizers.L2(1e-3)"
    return f"keras.regularizers.L1L2({', '.join(f'{name}={value:g}' for name, value in strengths.items())})"


def _of_layer(path: str, layer: Any, version: str) -> Iterator[Finding]:
    for kernel in penalized(layer):
        regularizer = getattr(kernel.holder, kernel.regularizer, None)
        if regularizer is not None:
            yield from _of_penalty(path, kernel, regularizer)
    activity = getattr(layer, "activity_regularizer", None)
    strongest = max(_strengths(activity).values(), default=0.0)
    if strongest > 0 and version and _version(version) < _AVERAGED_SINCE:
        yield Finding(
            path,
            f"its activity penalty was chosen for Keras {version}, which summed it over the batch; since 3.14 it is "
            "averaged, so that it is weaker by the batch size",
            f"activity_regularizer={_written(activity)} with strengths times the batch size",
        )
    elif strongest >= HUGE:
        yield Finding(
            path,
            f"its activity penalty of strength {strongest:g} is huge, also since Keras 3.14 averages it over the batch",
            "activity_regularizer=keras.regularizers.L2(1e-3)",
        )


def _of_penalty(path: str, kernel: Kernel, regularizer: Any) -> Iterator[Finding]:
    name, strengths = kernel.regularizer, _strengths(regularizer)
    if all(v.regularizer is None for v in kernel.weights):
        yield Finding(
            path,
            f"its {name} was set after its weights were made, and never reaches the loss",
            f"give {name} to the layer when it is made, or: model = lab.models.regularized(model, Regularization(...))",
        )
    elif not any(v.trainable for v in kernel.weights):
        yield Finding(path, f"its {name} charges nothing, because the layer is frozen", f"{name}=None")
    elif strengths and not any(strengths.values()):
        yield Finding(
            path,
            f"its {name} has strength 0 and charges nothing, as the string 'L1L2' does",
            f"{name}=keras.regularizers.L2(1e-3)",
        )
    elif kernel.prefix in ("bias", "beta", "gamma"):
        what = "a bias" if kernel.prefix == "bias" else f"{kernel.prefix} of a normalization"
        yield Finding(path, f"its {name} shrinks {what}, which does not overfit and moves the outputs", f"{name}=None")
    elif max(strengths.values(), default=0.0) >= HUGE:
        yield Finding(
            path,
            f"its {name} of strength {max(strengths.values()):g} is huge; since Keras 3.14 activity penalties are "
            "divided by the batch size, penalties on weights are not",
            f"{name}=keras.regularizers.L2(1e-3)",
        )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())


def _dropped(graph: Graph) -> tuple[list[Finding], list[str]]:
    """Return findings of dropout before batch normalization, and the dropouts whose values the model returns."""
    found, returned = [], []
    around = "".join(f"{name}/" for name in graph.path)
    for node in graph.nodes:
        operation = node.operation
        inside: list[str] = []
        if isinstance(operation, keras.Model) and keras_internals.graph(operation) is not None:
            findings, inside = _dropped(Graph(operation, (*graph.path, operation.name)))
            found += findings
        elif isinstance(operation, _SHIFTED) and operation.rate and getattr(operation, "noise_shape", None) is None:
            inside = [f"{around}{operation.name}"]
        if inside:
            reached, ends = _normalized(graph, node.outputs)
            found += [_shift(name, batch) for name in inside for batch in reached]
            returned += inside if ends else []
    return found, returned


def _normalized(graph: Graph, tensors: list[Any]) -> tuple[list[str], bool]:
    """Return which batch normalizations normalize some tensors, and whether the model returns them."""
    reached, ends, waiting, seen = [], False, list(tensors), set()
    while waiting:
        x = waiting.pop()
        for node in graph.uses[id(x)] if id(x) not in seen else ():
            operation = None if node is None else node.operation
            if node is None:
                ends = True
            elif isinstance(operation, L.BatchNormalization):
                reached.append(operation.name)
            elif isinstance(operation, keras.Model) and keras_internals.graph(operation) is not None:
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


def _of_ends(model: keras.Model, graph: Graph, loss: Any) -> Iterator[Finding]:
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
    """Return the name and the activation of what makes an output, behind what only changes its shape."""
    x = graph.graph.outputs[place]
    while (node := graph.makers.get(id(x))) is not None:
        operation = node.operation
        if isinstance(operation, keras.Model) and keras_internals.graph(operation) is not None:
            output = next(i for i, other in enumerate(node.outputs) if other is x)
            return _end(Graph(operation, (*graph.path, operation.name)), output)
        activation = activation_of(operation)
        plain = isinstance(operation, _SHAPES) or (is_activation(operation) and activation == "linear")
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


def _beside_decay(model: keras.Model, optimizer: Any) -> Iterator[Finding]:
    config = optimizer.get("config") if isinstance(optimizer, dict) else None
    decay = config.get("weight_decay") if isinstance(config, dict) else None
    if not decay:
        return
    charged = [
        path
        for path, layer in _layers(model)
        for kernel in penalized(layer)
        if any(v.regularizer is not None and v.trainable for v in kernel.weights)
        and _strengths(getattr(kernel.holder, kernel.regularizer, None)).get("l2")
    ]
    kind = optimizer.get("class_name")
    for path in dict.fromkeys(charged):
        yield Finding(
            path,
            f"its L2 stands beside the weight_decay {decay:g} of {kind}, which shrinks the same weights apart from the "
            "gradient: two penalties of different kinds",
            "kernel_regularizer=None"
            if kind == "AdamW"
            else f"kernel_regularizer=None, or keras.optimizers.{kind}(weight_decay=None)",
        )
