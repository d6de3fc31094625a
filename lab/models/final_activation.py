"""A final softmax or sigmoid: removed where it is recognised, refused where it is not.

The lab's losses take logits. What has gone through softmax once and goes through the loss's own again cannot fall below
a floor: nearly every saved classifier would be judged so.
"""

import warnings
from typing import Any

import keras
import numpy as np

from lab.checks import DataError

_PROBABILITIES = {"softmax", "sigmoid"}
_FITTING = {"softmax_cross_entropy": {"softmax"}, "binary_cross_entropy": {"sigmoid"}, "hinge": {"softmax", "sigmoid"}}
"""The activations that may be removed from a model's end for each loss: what remains is what the loss takes."""


class ModelWarning(UserWarning):
    """Something of a user's model is not used as it was written."""


def _activation(operation: Any) -> str | None:
    """Return the name of the activation that an operation of Keras ends with, "linear" included; None if unknown."""
    if isinstance(operation, keras.layers.Softmax):
        return "softmax"
    kind = type(operation)
    if not kind.__module__.startswith("keras."):
        return None
    if not isinstance(operation, keras.layers.Layer):
        name = kind.__name__.lower()
        return name if name in _PROBABILITIES else None
    activation = getattr(operation, "activation", None)
    return getattr(activation, "__name__", None) if activation is not None else None


def _last(model: keras.Model) -> tuple[Any, Any]:
    """Return the operation that makes a model's output, and the tensor it makes it from; None for code."""
    if not getattr(model, "outputs", None):
        return None, None
    graph = model._functional if isinstance(model, keras.Sequential) else model
    if not hasattr(graph, "_nodes_by_depth"):
        return None, None
    operation, node, _ = graph.outputs[0]._keras_history
    tensors = operation._inbound_nodes[node].input_tensors
    return operation, tensors[0] if len(tensors) == 1 else None


def without_probabilities(model: keras.Model, loss: str, who: str, examples: np.ndarray | None) -> keras.Model:
    """Return a model that gives logits, where the loss takes logits."""
    if loss not in _FITTING:
        return model
    operation, before = _last(model)
    inner = operation
    while isinstance(inner, keras.Model):
        inner, _ = _last(inner)
    activation = _activation(inner)
    if activation not in _PROBABILITIES:
        if activation is None and examples is not None:
            _refuse_probabilities(model, loss, who, examples)
        return model
    wanted = f"the model of {who} must return logits for the loss {loss!r}, got {activation} at its end"
    if activation not in _FITTING[loss]:
        raise DataError(f"{wanted}; remove it, or choose the loss that fits it")
    if inner is operation and before is not None and not hasattr(operation, "kernel"):
        model = keras.Model(model.inputs[0], before, name=model.name)
    elif hasattr(inner, "kernel") and len(inner._inbound_nodes) <= (1 if inner is operation else 2):
        inner.activation = keras.activations.linear
    else:
        raise DataError(f"{wanted}, where the lab cannot remove it; remove it")
    warnings.warn(
        f"the model of {who} ends in {activation}; it is trained without, since the loss {loss!r} takes logits",
        ModelWarning,
        stacklevel=2,
    )
    return model


def _refuse_probabilities(model: keras.Model, loss: str, who: str, examples: np.ndarray) -> None:
    """Refuse a model whose outputs are probabilities whatever it is given."""
    x = examples[:32].astype("float32")
    # Logits of this size leave the interval from 0 to 1; what has gone through softmax or sigmoid cannot.
    found = np.concatenate([np.asarray(model(factor * x, training=False)) for factor in (1.0, -1.0, 100.0, -100.0)])
    if not np.isfinite(found).all() or found.min() < 0 or found.max() > 1 or np.ptp(found) == 0:
        return
    if found.shape[1] == 1 or np.allclose(found.sum(1), 1, atol=1e-3):
        raise DataError(
            f"the model of {who} must return logits for the loss {loss!r}, got outputs that are probabilities for "
            f"whatever it is given; remove what makes them so at its end"
        )
