"""The frozen part of a pretrained model: its beginning up to a layer, and that beginning joined with a trained head."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lab.checks import DataError, UsageError, shown
from lab.engine import keras_internals
from lab.models.chains import Graph, has_kernel, is_graph
from lab.models.keras_file import load
from lab.models.shapes import refuse_misfit, written

CHUNK = 32
"""The number of examples that go through a backbone at once, always filled up, so that an example's features do not
depend on how many others there are. Keras takes as many by default."""


def beginning(path: Path, layer: str | None) -> keras.Model:
    """Return the beginning of a saved model, frozen: from its input to the output of a layer.

    Args:
        path: of the .keras file.
        layer: the name of the layer; None takes what the last layer with a kernel is given, so that everything but the
            output layer is kept.

    Raises:
        UsageError: the layer is called several times or returns several tensors, or has to be named.
        DataError: the file cannot be used, or its model has several inputs or a call that is code.
    """
    with keras_internals.with_values():
        model = load(path)
    graph = keras_internals.graph(model)
    if graph is None:
        raise DataError(
            f"{path} must hold a Functional or Sequential model, whose layers can be told apart, got "
            f"{type(model).__name__}; build it from layers and save it again"
        )
    if len(graph.inputs) != 1:
        raise DataError(
            f"{path} must hold a model with one input, got {len(graph.inputs)}; join them before, and save the model "
            "again"
        )
    tensor = _penultimate(model, path) if layer is None else _output(model, layer, path)
    # A model of its own, so that it takes any number of examples whatever the saved one takes.
    made = keras.Model(graph.inputs[0], tensor, name="backbone")
    made.trainable = False
    return made


def _penultimate(model: keras.Model, path: Path) -> Any:
    """Return the tensor that the last layer with a kernel is given."""
    graph = Graph(model)
    outputs = graph.graph.outputs
    tensor = outputs[0] if len(outputs) == 1 else None
    while tensor is not None and (node := graph.makers.get(id(tensor))) is not None:
        if len(node.input_tensors) != 1 or is_graph(node.operation):
            break
        tensor = node.input_tensors[0]
        if has_kernel(node.operation):
            if tensor is graph.graph.inputs[0]:
                break
            return tensor
    raise UsageError(
        f"layer must name the layer of {path} whose output is taken, as its model does not end in one output layer "
        "behind others, got None"
    )


def _output(model: keras.Model, layer: str, path: Path) -> Any:
    """Return the tensor that a layer returns."""
    calls = [node for node in Graph(model).nodes if node.operation.name == layer]
    outputs = [tensor for node in calls for tensor in node.outputs]
    if len(outputs) != 1:
        raise UsageError(
            f"layer must name a layer of {path} that is called once and returns one tensor, got {layer!r}, which "
            f"returns {len(outputs) or 'the input'}; name a layer after it"
        )
    return outputs[0]


def outputs(model: keras.Model, x: Any, path: Path) -> np.ndarray:
    """Return what a model makes of examples in inference mode, float32 of shape (n, ...).

    The same example gives the same bits, whatever the others are.

    Args:
        model: as `beginning` returns it.
        x: float32 of shape (n, ...), as a `Split` holds it.
        path: of its file, for refusals.

    Raises:
        DataError: examples of another shape than the model takes, or values that are not finite.
    """
    refuse_misfit(path, tuple(model.inputs[0].shape[1:]), x.shape[1:])
    signature = [tf.TensorSpec([CHUNK, *x.shape[1:]], tf.float32)]
    run = tf.function(lambda chunk: model(chunk, training=False), input_signature=signature, autograph=False)
    chunk, made = np.zeros((CHUNK, *x.shape[1:]), np.float32), []
    for start in range(0, len(x), CHUNK):
        rows = np.asarray(x[start : start + CHUNK])
        chunk[: len(rows)] = rows
        made.append(run(tf.constant(chunk)).numpy()[: len(rows)].astype(np.float32))
    found = np.concatenate(made)
    if not np.isfinite(found).all():
        raise DataError(
            f"{path} must make finite features of the data, got NaN or infinity for "
            f"{int((~np.isfinite(found)).reshape(len(found), -1).any(1).sum())} of {len(found)} examples; scale the "
            "data as those that the model was trained on"
        )
    return found


def joined(backbone: str | Path, head: "keras.Model | str | Path", *, layer: str | None = None) -> keras.Model:
    """Return one model of a frozen backbone and the head that was trained on its features.

    It takes what the backbone takes and returns what the head returns. The backbone is frozen, so that its batch
    normalization stays as it is even where the head is trained further. Plain Keras can save and load the model.

    Args:
        backbone, layer: as they were given to `lab.data.features`.
        head: the trained model, or the path of its .keras file.

    Raises:
        UsageError, DataError: as `lab.data.features`; the head does not take what the backbone makes.
    """
    for name, value in (("backbone", backbone), ("head", head)):
        if not isinstance(value, (str, Path)) and not (name == "head" and isinstance(value, keras.Model)):
            also = " or a keras.Model" if name == "head" else ""
            raise UsageError(f"{name} must be the path of a .keras file{also}, got {shown(value)}")
    first = beginning(Path(backbone), layer)
    last = head if isinstance(head, keras.Model) else load(Path(head))
    made, taken = tuple(first.outputs[0].shape[1:]), tuple(last.inputs[0].shape[1:])
    if made != taken:
        raise DataError(
            f"head must take what {backbone} makes, of shape {written(made)}, got a model for {written(taken)}; give "
            "the layer that it was trained behind"
        )
    x = keras_internals.same_input(first.inputs[0])
    return keras.Model(x, last(first(x)))
