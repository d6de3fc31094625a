"""The end of a model: a final softmax or sigmoid is removed where it is recognised, and refused where it is not.

The lab's losses take logits. If a model ends in softmax and the loss applies softmax once more, the loss cannot fall
below a floor. Nearly every saved classifier ends in softmax.
"""

import warnings
from typing import Any

import keras

from lab.checks import DataError
from lab.engine import keras_internals
from lab.models.activations import activation_of

_FITTING = {"softmax_cross_entropy": {"softmax"}, "binary_cross_entropy": {"sigmoid"}, "hinge": {"softmax", "sigmoid"}}
"""The activations that may be removed from a model's end for each loss: what remains is what the loss takes."""

_LINEAR_AT_THE_END = (keras.layers.Dense, keras.layers.EinsumDense)
_WITH_ACTIVATION = (*_LINEAR_AT_THE_END, keras.layers.Activation, keras.layers.Softmax)


class ModelWarning(UserWarning):
    """A part of a user's model is not used as it was written."""


def without_probabilities(model: keras.Model, loss: str, who: str) -> keras.Model:
    """Return a model without the softmax or sigmoid at its end, where the loss takes logits.

    Raises:
        DataError: the end is recognised and cannot be removed, or does not fit the loss.
    """
    activation = _final_activation(model)
    if loss not in _FITTING or activation is None:
        return model
    wanted = f"the model of {who} must return logits for the loss {loss!r}, got {activation} at its end"
    if activation not in _FITTING[loss]:
        raise DataError(f"{wanted}; remove it, or choose the loss that fits it")
    bare = _removed(model, model)
    if bare is None:
        raise DataError(f"{wanted}, where the lab cannot remove it; remove it")
    if (before := _final_activation(bare)) is not None:
        raise DataError(f"{wanted} after {before}; remove both")
    warnings.warn(
        f"the model of {who} ends in {activation}; it is trained without, since the loss {loss!r} takes logits",
        ModelWarning,
        stacklevel=2,
    )
    return bare


def _last(model: keras.Model) -> Any:
    """Return the operation that makes a model's output, looking into the models inside it; None for code."""
    call = keras_internals.last_call(model)
    if call is None:
        return None
    return _last(call.operation) if isinstance(call.operation, keras.Model) else call.operation


def ends_linear(model: keras.Model) -> bool:
    """Say whether a model certainly ends in a product with weights and nothing behind it."""
    last = _last(model)
    return type(last) in _LINEAR_AT_THE_END and activation_of(last) == "linear"


def _final_activation(model: keras.Model) -> str | None:
    """Return "softmax" or "sigmoid" if a model certainly ends in one of Keras's or TensorFlow's own, else None."""
    last = _last(model)
    if isinstance(last, keras.layers.Layer) and type(last) not in _WITH_ACTIVATION:
        return None  # a layer of another kind may do more behind its activation
    name = activation_of(last)
    axis = getattr(getattr(last, "activation", last), "axis", -1)
    return name if name in ("softmax", "sigmoid") and axis in (-1, 1) else None  # outputs have two axes


def _removed(model: keras.Model, whole: keras.Model) -> keras.Model | None:
    """Return a model without its final activation, or None if that would change something else too.

    The given model stays as it is, as it may be somebody's own: a factory may return one that it keeps.
    """
    call = keras_internals.last_call(model)
    last = call.operation
    if isinstance(last, keras.Model):
        inner = _removed(last, whole)
        if inner is None or inner is last:
            return inner and model
        return keras.Model(model.inputs[0], inner(*call.arguments.args, **call.arguments.kwargs), name=model.name)
    if getattr(last, "activity_regularizer", None) is not None:
        return None
    if type(last) in _LINEAR_AT_THE_END:
        if keras_internals.times_called(whole, last) > 1:
            return None
        logits = keras_internals.linear_twin(last)(*call.arguments.args, **call.arguments.kwargs)
        return keras.Model(model.inputs[0], logits, name=model.name)
    return keras.Model(model.inputs[0], call.input_tensors[0], name=model.name)
