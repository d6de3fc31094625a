"""The end of a model: a final softmax or sigmoid is removed where it is recognised, and refused where it is not.

The lab's losses take logits. If a model ends in softmax and the loss applies softmax once more, the loss cannot fall
below a floor. Nearly every saved classifier ends in softmax.
"""

import contextlib
import warnings
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lab.checks import DataError
from lab.engine import keras_internals

_ACTIVATIONS = {
    "softmax": (keras.activations.softmax, keras.ops.softmax, tf.nn.softmax),
    "sigmoid": (keras.activations.sigmoid, keras.ops.sigmoid, tf.nn.sigmoid),
}
_FITTING = {"softmax_cross_entropy": {"softmax"}, "binary_cross_entropy": {"sigmoid"}, "hinge": {"softmax", "sigmoid"}}
"""The activations that may be removed from a model's end for each loss: what remains is what the loss takes."""

_LINEAR_AT_THE_END = (keras.layers.Dense, keras.layers.EinsumDense)
_DRAWS = 24
"""The number of draws of the weights in search of an output of either sign: chance misses it once in 2 ** 24 times."""


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


def _final_activation(model: keras.Model) -> str | None:
    """Return "softmax" or "sigmoid" if a model certainly ends in one of Keras's or TensorFlow's own, else None."""
    last = _last(model)
    if type(last) is keras.layers.Softmax:
        return "softmax" if last.axis in (-1, 1) else None  # outputs have two axes
    function = last.activation if type(last) in (*_LINEAR_AT_THE_END, keras.layers.Activation) else None
    for name, known in _ACTIVATIONS.items():
        if any(function is one for one in known) or keras_internals.is_final_operation(last, name):
            return name
    return None


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


def refuse_bounded(model: keras.Model, loss: str, who: str, examples: np.ndarray) -> None:
    """Refuse a model whose outputs are probabilities, or of one sign, whatever its weights are.

    Softmax may be written in any way: as a function, in a layer of people's own, in code. So the trained weights are
    drawn at random, again and again, until an output is below 0 (and one above 0, if there is only one output).

    Args:
        model: with values.
        loss: a name of `lab.training.LOSSES`.
        who: whose model it is.
        examples: some inputs.

    Raises:
        DataError: no drawn weights have given such outputs.
    """
    last = _last(model)
    is_linear = type(last) in _LINEAR_AT_THE_END and last.activation is keras.activations.linear
    if loss not in _FITTING or is_linear or not model.trainable_variables:
        return
    for training in (False, True):
        if outputs_are := _bounds(model, examples, training):
            raise DataError(
                f"the model of {who} must return logits for the loss {loss!r}, got outputs that are {outputs_are} "
                "whatever its weights are; remove the function at its end that makes them so"
            )


def _bounds(model: keras.Model, examples: np.ndarray, training: bool) -> str:
    """Return how a model's outputs are bounded whatever its weights are; "" if they are not, or it cannot be told."""
    generator = np.random.default_rng(0)
    lowest, highest = np.inf, -np.inf
    for _ in range(_DRAWS):
        drawn = [(v, generator.normal(0, 0.5, v.shape)) for v in model.trainable_variables]
        # A layer of somebody's own may not take just any weights, and numbers may overflow.
        with contextlib.suppress(Exception), keras.StatelessScope(drawn):
            outputs = np.asarray(model(examples, training=training))
            if np.isfinite(outputs).all():
                lowest, highest = min(lowest, outputs.min()), max(highest, outputs.max())
            if lowest < 0 and (highest > 0 or outputs.shape[-1] > 1):
                return ""
    if lowest >= 0 and np.isfinite(lowest):
        return "between 0 and 1, as probabilities are," if highest < 1.001 else "never below 0"
    return "never above 0" if lowest < 0 else ""
