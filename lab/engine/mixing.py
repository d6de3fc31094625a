"""Manifold mixup: where in a model all of an example is in one tensor, and the mixture of the examples there.

Such a place is a tensor through which everything goes that the model still needs of its input: any tensor of a chain,
and in a residual net what a branch begins from, but nothing inside a branch. Of those between two layers with kernels
the last is taken, which is what the next kernel gets. Both engines use this file.

Reference: Verma et al. 2019, "Manifold Mixup".
"""

from collections import Counter
from typing import Any

import keras
import tensorflow as tf

from lab.engine import keras_internals

INPUT = -1
"""Stands for the model's input among the places."""


def places(model: keras.Model) -> list[int]:
    """Return the ids of the operations whose outputs are places, in their order; `INPUT` for the input.

    It is empty for a model that is no graph of one input and one output, and where positions are masked.
    """
    graph = keras_internals.graph(model)
    if graph is None or len(graph.inputs) != 1 or len(graph.outputs) != 1:
        return []
    if any(_masks(part) for part in keras_internals.parts(model)):
        return []
    nodes = list(keras_internals.nodes(graph))
    last_use = {id(x): k for k, node in enumerate(nodes) for x in node.input_tensors}
    last_use |= {id(x): len(nodes) for x in graph.outputs}
    calls = Counter(id(node.operation) for node in nodes)
    begin = graph.inputs[0]
    alive = {id(begin)}
    cut = INPUT if begin.dtype.startswith("float") else None
    found = []
    for k, node in enumerate(nodes):
        if _has_kernel(node.operation):
            # The numbers of ids mean nothing, and neither does what is between them.
            if cut is not None and not isinstance(node.operation, keras.layers.Embedding):
                found.append(cut)
            cut = None
        alive = {x for x in alive | {id(x) for x in node.outputs} if last_use.get(x, k) > k}
        if alive == {id(x) for x in node.outputs} and len(alive) == 1 and calls[id(node.operation)] == 1:
            cut = id(node.operation)
    return found


def at(places: list[int], place: int, drawn: tf.Tensor) -> tf.Tensor:
    """Return how much of each example remains at a place in a step, of the shape of `drawn` without its last axis.

    Args:
        places: of the model.
        place: one of them.
        drawn: what `Training.mixing` drew for the step, of shape (..., 2): the share, and in [0, 1) which place it is.
    """
    chosen = tf.cast(drawn[..., 1] * float(len(places)), tf.int32)
    return tf.where(chosen == places.index(place), drawn[..., 0], 1.0)


def mixed(own: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """Return one model's batch mixed with its neighbours, bit by bit `own` where the share, a scalar, is 1."""
    return tf.where(share < 1.0, share * own + (1.0 - share) * tf.roll(own, 1, 0), own)


def _has_kernel(operation: Any) -> bool:
    return any(len(v.shape) >= 2 for v in getattr(operation, "trainable_variables", ()))


def _masks(layer: Any) -> bool:
    return isinstance(layer, keras.layers.Masking) or bool(getattr(layer, "mask_zero", False))
