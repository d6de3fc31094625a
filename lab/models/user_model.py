"""A model as its factory returns it, checked and made fit for a fair comparison.

A factory may be anybody's: layers without seeds, softmax at the end, any number of outputs. Layers without a seed get
one that follows from the run's seed and the layer's name, so that the same run gives the same numbers and variants of
one seed start from the same weights. The lab's losses take logits, so a softmax or sigmoid at the end is removed where
it is recognised, with a warning, and refused where it is not. What cannot be trained as it was meant is refused.
"""

import contextlib
import functools
import random
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from lab.checks import DataError
from lab.models.final_activation import ModelWarning, without_probabilities
from lab.seeds import derive

_seen: "weakref.WeakSet[keras.layers.Layer]" = weakref.WeakSet()


def fit_for_training(
    factory: Callable[..., keras.Model],
    who: str,
    input_shape: tuple[int, ...],
    outputs: int,
    loss: str,
    seed: int,
    examples: np.ndarray | None = None,
) -> keras.Model:
    """Build a model by its factory and return it checked, seeded and without a final softmax or sigmoid.

    Args:
        factory: called as `factory(input_shape, outputs, seed=seed)`.
        who: whose model it is, for the sentences, as in "variant 'l2'".
        input_shape: of one example.
        outputs: how many numbers the loss takes for one example.
        loss: a name of `lab.training.LOSSES`.
        seed: the run's.
        examples: some inputs, to look whether a model whose end is not recognised returns probabilities; None skips
            this (it takes a forward pass).

    Raises:
        DataError: the factory returns no model of its own, or one that cannot be trained as it was meant.
    """
    with _seeded(seed):
        model = factory(input_shape, outputs, seed=seed)
        if not isinstance(model, keras.Model):
            raise DataError(f"the factory of {who} must return a keras.Model, got {type(model).__name__}")
        _refuse_own_training(model, who)
        _build(model, input_shape, who)
    _refuse_shared(model, who)
    _refuse_lost_penalties(model, who)
    _seed_generators(model, seed)
    _check_shapes(model, input_shape, outputs, who)
    return without_probabilities(model, loss, who, examples)


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Give a seed to every initializer that has none, by the layer and the weight it is for.

    What draws from the global streams instead follows from the run's seed too, though in the order of the draws.
    """
    plain, states = keras.layers.Layer.add_weight, (random.getstate(), np.random.get_state())
    counts: dict[tuple[str, str], int] = {}

    @functools.wraps(plain)
    def add_weight(self: Any, *args: Any, **kwargs: Any) -> Any:
        values = dict(zip(("shape", "initializer", "dtype"), args, strict=False)) | kwargs
        initializer = keras.initializers.get(values.get("initializer") or "glorot_uniform")
        if getattr(initializer, "_init_seed", 0) is None and not _is_whole(values.get("dtype")):
            key = self.name, str(values.get("name"))
            counts[key] = counts.get(key, -1) + 1
            drawn = derive(seed, *key, *([counts[key]] if counts[key] else []))
            values["initializer"] = type(initializer).from_config(initializer.get_config() | {"seed": drawn})
        return plain(self, **values)

    keras.utils.set_random_seed(derive(seed, "global"))
    keras.layers.Layer.add_weight = add_weight
    try:
        yield
    finally:
        keras.layers.Layer.add_weight = plain
        random.setstate(states[0])
        np.random.set_state(states[1])


def _is_whole(dtype: Any) -> bool:
    return "int" in str(dtype) or "bool" in str(dtype)


def _layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return a model and all layers inside it, once each, whatever their depth."""
    found: dict[int, keras.layers.Layer] = {}
    waiting: list[Any] = [model]
    while waiting:
        layer = waiting.pop()
        if id(layer) not in found:
            found[id(layer)] = layer
            waiting += layer._layers
    return list(found.values())


def _seed_generators(model: keras.Model, seed: int) -> None:
    """Let the random layers that have no seed draw by the run's seed and their names."""
    counts: dict[str, int] = {}
    for layer in _layers(model):
        for generator in layer._seed_generators:
            if generator._initial_seed is not None:
                continue
            counts[layer.name] = counts.get(layer.name, -1) + 1
            drawn = derive(seed, layer.name, "draws", *([counts[layer.name]] if counts[layer.name] else []))
            generator._initial_seed = drawn
            state = generator.state
            if state._value is None:
                state._initializer = functools.partial(_start, drawn)
            else:
                state.assign([drawn, 0])


def _start(seed: int, *_: Any, dtype: Any = None, **__: Any) -> Any:
    return keras.ops.convert_to_tensor([seed, 0], dtype=dtype)


def _build(model: keras.Model, input_shape: tuple[int, ...], who: str) -> None:
    if model.built and getattr(model, "inputs", None):
        return
    try:
        # Layers that are built by their first call are built here, so that their weights are seeded like the others.
        model(keras.Input(input_shape))
    except Exception as error:
        raise DataError(
            f"the model of {who} must take examples of shape {_shown(input_shape)}, and calling it on them fails: "
            f"{type(error).__name__}: {error}"
        ) from error


def _refuse_own_training(model: keras.Model, who: str) -> None:
    for method in ("train_step", "compute_loss", "test_step", "fit"):
        own = getattr(type(model), method)
        if not own.__module__.startswith("keras."):
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
    """Refuse layers that another run trains too: a second run would go on from the first one's weights."""
    layers = _layers(model)
    for layer in layers:
        if layer in _seen and layer.trainable_variables:
            raise DataError(
                f"the factory of {who} must build a new model at each call, got the {type(layer).__name__} "
                f"{layer.name!r} of an earlier call again; build its layers inside the factory (no functools.cache), "
                f"or freeze what is shared (trainable=False)"
            )
    _seen.update(layers)


def _refuse_lost_penalties(model: keras.Model, who: str) -> None:
    """Refuse a regularizer that was set on a layer when its weights were already made: Keras ignores it in silence."""
    for layer in _layers(model):
        for name in (name for name in dir(layer) if name.endswith("_regularizer")):
            weight = name.removesuffix("_regularizer")
            variables = [getattr(layer, weight, None), getattr(layer, f"{weight}_kernel", None)]
            lost = any(getattr(variable, "regularizer", name) is None for variable in variables)
            if getattr(layer, name) is not None and lost:
                raise DataError(
                    f"the model of {who} has a {name} on the layer {layer.name!r} that reaches no weight, because it "
                    "was set after the layer was built; give it to the layer when it is made"
                )


def _check_shapes(model: keras.Model, input_shape: tuple[int, ...], outputs: int, who: str) -> None:
    tensors = getattr(model, "inputs", None) or []
    results = getattr(model, "outputs", None) or keras.tree.flatten(model(keras.Input(input_shape)))
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
        if not _takes(taken[1:], input_shape):
            raise DataError(
                f"the model of {who} must take examples of shape {_shown(input_shape)}, as the data has them, got an "
                f"input of shape {_shown(taken[1:])}; build it from the input_shape that the factory is given"
            )
    shape = tuple(results[0].shape)
    if shape[1:] != (outputs,):
        raise DataError(
            f"the model of {who} must return {outputs} {'number' if outputs == 1 else 'numbers'} for each example, as "
            f"the data and the loss need, got shape {_shown(shape[1:])}; give its last layer as many units as the "
            f"factory's argument outputs says"
        )


def _takes(taken: tuple[int | None, ...], given: tuple[int, ...]) -> bool:
    """Say whether Keras feeds examples of one shape to an input of another: it adds or drops a last axis of 1."""

    def alike(a: tuple[int | None, ...], b: tuple[int, ...]) -> bool:
        return len(a) == len(b) and all(x is None or x == y for x, y in zip(a, b, strict=True))

    return alike(taken, given) or alike(taken, (*given, 1)) or (given[-1:] == (1,) and alike(taken, given[:-1]))


def _shown(shape: tuple[int | None, ...]) -> str:
    sizes = ["any" if size is None else str(size) for size in shape]
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"
