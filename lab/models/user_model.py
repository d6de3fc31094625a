"""The model that a factory returns, checked and made fit for a fair comparison.

A factory may be anybody's. Its layers may have no seeds: they get seeds that follow from the run's seed and their
names, so that the same run gives the same numbers and variants of one seed start from the same weights. Its model may
end in softmax or sigmoid, whereas the lab's losses take logits: the activation is removed with a warning where it is
recognised, and the model is refused where it is not. So is any model that cannot be trained as it was meant.
"""

import warnings
import weakref
from collections.abc import Callable

import keras

from lab.checks import DataError
from lab.engine import keras_internals, mixing
from lab.identity.failures import raised_in
from lab.models.final_activation import ModelWarning, without_probabilities
from lab.models.keras_settings import default_settings
from lab.models.seeding import seed_generators, seeded
from lab.models.shapes import takes, written
from lab.regularization.in_training import BETWEEN_EXAMPLES
from lab.training import Training

_TRAINING = (
    *("train_step", "test_step", "compute_loss", "compute_metrics", "fit", "evaluate"),
    *("train_on_batch", "test_on_batch", "make_train_function", "make_test_function"),
)
"""The methods by which Keras trains and measures a model."""

_seen: "weakref.WeakValueDictionary[int, keras.Variable]" = weakref.WeakValueDictionary()
"""The variables of all models that were built and still exist, by their ids."""


def fit_for_training(
    factory: Callable[..., keras.Model], who: str, input_shape: tuple[int, ...], outputs: int, loss: str, seed: int
) -> keras.Model:
    """Build a model by its factory and return it checked, seeded and without a final softmax or sigmoid.

    Args:
        factory: called as `factory(input_shape, outputs, seed=seed)`.
        who: whose model it is, as a refusal names it: "variant 'l2'".
        input_shape: of one example.
        outputs: how many numbers the loss takes for one example.
        loss: a name of `lab.training.LOSSES`.
        seed: the run's.

    Raises:
        DataError: the factory returns no model of its own, or one that cannot be trained as it was meant.
    """
    return without_probabilities(built(factory, who, input_shape, outputs, seed), loss, who)


def built(
    factory: Callable[..., keras.Model], who: str, input_shape: tuple[int, ...], outputs: int, seed: int
) -> keras.Model:
    """Build a model by its factory and return it checked and seeded, with whatever activation it ends in.

    The arguments are those of `fit_for_training`.
    """
    with default_settings(), seeded(seed):
        model = factory(input_shape, outputs, seed=seed)
        if not isinstance(model, keras.Model):
            raise DataError(f"the factory of {who} must return a keras.Model, got {type(model).__name__}")
        _refuse_own_training(model, who)
        _build(model, input_shape, who)
        refuse_global_draws(who)
    _refuse_shared(model, who)
    _refuse_lost_settings(model, who)
    seed_generators(model, seed)
    _check_shapes(model, input_shape, outputs, who)
    if not model.trainable_variables:
        warnings.warn(f"the model of {who} has no weights that are trained", ModelWarning, stacklevel=2)
    return model


def refuse_changed_ids(model: keras.Model, training: Training, who: str) -> None:
    """Refuse to change examples that are ids, as those of an embedding: between two of them there is nothing."""
    on = [name for name in BETWEEN_EXAMPLES if getattr(training, name)]
    # A model that is no graph has no inputs of its own.
    dtypes = [str(tensor.dtype) for tensor in getattr(model, "inputs", None) or ()]
    embeds = any(isinstance(layer, keras.layers.Embedding) for layer in keras_internals.layers(model))
    if on and (embeds or not all(dtype.startswith("float") for dtype in dtypes)):
        raise DataError(
            f"{on[0]} must be 0 for the model of {who}, whose inputs are whole numbers that stand for something, got "
            f"{getattr(training, on[0])}; leave it out"
        )


def refuse_no_hidden_place(model: keras.Model, training: Training, who: str) -> None:
    """Refuse manifold mixup in a model without a hidden layer at whose outputs examples can be mixed."""
    if training.manifold_mixup and not [place for place in mixing.places(model) if place != mixing.INPUT]:
        raise DataError(
            f"manifold_mixup must be 0 for the model of {who}, which has no hidden layer at which all of an example "
            f"can be mixed (its call is code, its positions are masked, or it has no hidden layer), got "
            f"{training.manifold_mixup}; leave it out, or take mixup"
        )


def refuse_global_draws(who: str) -> None:
    """Refuse a model that draws from Keras's global stream: its numbers depend on what else draws in the process."""
    if keras_internals.global_stream_is_used():
        raise DataError(
            f"the model of {who} must draw its random numbers by seeds of its own, got keras.random without a seed; "
            "give it seed=generator, with generator = keras.random.SeedGenerator(seed), in a layer as an attribute"
        )


def _build(model: keras.Model, input_shape: tuple[int, ...], who: str) -> None:
    if model.built and getattr(model, "inputs", None):
        return
    try:
        # Layers that are built by their first call are built here, so that their weights are seeded like the others.
        model(keras.Input(input_shape))
    except Exception as error:
        raise DataError(
            f"the model of {who} must take examples of shape {written(input_shape)}, and calling it on them fails: "
            f"{raised_in(error)}"
        ) from error


def refuse_other_numbers(dtype: str, who: str) -> None:
    """Refuse outputs of another type than the losses take."""
    if dtype != "float32":
        raise DataError(
            f"the model of {who} must return float32, as the losses take, got {dtype}; give its last layer "
            "dtype='float32'"
        )


def _refuse_own_training(model: keras.Model, who: str) -> None:
    for method in _TRAINING:
        of_class = getattr(getattr(type(model), method), "__module__", None) or ""
        if method in vars(model) or not of_class.startswith("keras."):
            raise DataError(
                f"the model of {who} must be trained by the lab, which does not call its own {method} "
                f"({type(model).__name__}.{method}); return a model without it, and say the loss in Training"
            )
    if model.compiled:
        warnings.warn(
            f"the model of {who} is compiled; its own loss, optimizer and metrics are not used, those of Training are",
            ModelWarning,
            stacklevel=2,
        )


def _refuse_shared(model: keras.Model, who: str) -> None:
    """Refuse variables that another run trains too: a second run would start where the first one ended."""
    layers = keras_internals.parts(model)
    own = [(layer, v) for layer in layers for v in keras_internals.own_variables(layer)]
    for layer, v in own:
        if id(v) in _seen and _moves(layer, v):
            frozen = ", or freeze what is shared (trainable=False)" if layer.weights else ""
            raise DataError(
                f"the factory of {who} must build a new model at each call, got the {type(layer).__name__} "
                f"{layer.name!r} of an earlier call again; build its layers inside the factory (no functools.cache)"
                f"{frozen}"
            )
    _seen.update((id(v), v) for _, v in own)


def _moves(layer: keras.Layer, v: keras.Variable) -> bool:
    """Say whether training moves a variable of a layer."""
    if any(v is generator.state for generator in keras_internals.generators(layer)):
        return True
    # Other variables may be statistics that each step updates; those of Normalization are adapted before the training.
    return v.trainable or (layer.trainable and not isinstance(layer, keras.layers.Normalization))


def _refuse_lost_settings(model: keras.Model, who: str) -> None:
    """Refuse a regularizer or constraint set on a layer whose weights were made before: Keras ignores it in silence."""
    for layer in keras_internals.parts(model):
        for name in (name for name in dir(layer) if name.endswith(("_regularizer", "_constraint"))):
            weight, _, kind = name.rpartition("_")
            given = getattr(layer, name)
            variables = [getattr(layer, weight, None), getattr(layer, f"{weight}_kernel", None)]
            if given is not None and any(getattr(v, kind, given) is not given for v in variables):
                raise DataError(
                    f"the model of {who} has a {name} on the layer {layer.name!r} that reaches no weight, because it "
                    "was set after the layer was built; give it to the layer when it is made"
                )


def _check_shapes(model: keras.Model, input_shape: tuple[int, ...], outputs: int, who: str) -> None:
    tensors = getattr(model, "inputs", None) or []
    # A graph tells its structure of outputs without being called; code has to be called for it.
    structure = getattr(model, "output", None) if tensors else None
    returned = model(keras.Input(input_shape)) if structure is None else structure
    results = keras.tree.flatten(returned)
    if len(tensors) > 1 or len(results) != 1:
        raise DataError(
            f"the model of {who} must have one input and one output, got {len(tensors) or 1} inputs and "
            f"{len(results)} outputs; join them inside the model"
        )
    for tensor in tensors:
        taken = tuple(tensor.shape)
        if taken[0] is not None:
            raise DataError(
                f"the model of {who} must take any number of examples at once, got an Input with "
                f"batch_size={taken[0]}; leave batch_size out"
            )
        if not takes(taken[1:], input_shape):
            raise DataError(
                f"the model of {who} must take examples of shape {written(input_shape)}, as the data has them, got an "
                f"input of shape {written(taken[1:])}; build it from the input_shape that the factory is given"
            )
    if not isinstance(returned, keras.KerasTensor) and (isinstance(returned, dict) or not tensors):
        raise DataError(
            f"the model of {who} must return its outputs as they are, got a {type(returned).__name__} with them; "
            "return what is in it"
        )
    refuse_other_numbers(results[0].dtype, who)
    shape = tuple(results[0].shape)
    if shape[1:] != (outputs,):
        raise DataError(
            f"the model of {who} must return {outputs} {'number' if outputs == 1 else 'numbers'} for each example, as "
            f"the data and the loss need, got shape {written(shape[1:])}; give its last layer as many units as the "
            f"factory's argument outputs says"
        )
