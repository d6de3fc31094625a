"""Every private name of Keras that the lab uses. A new version of Keras is checked here."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras.src.backend.common import global_state

from lab.engine.starts import Start

SEED_STATE = "seed_generator_state"
"""The name of the variable in which a generator of random numbers keeps its seed and how often it has drawn."""


def graph(model: keras.Model) -> Any:
    """Return the functional graph of a model, or None if its call is code or it is not built."""
    if type(model) is keras.Sequential:
        return model._functional if model.built else None
    kind = type(model)
    return model if kind.__name__ == "Functional" and kind.__module__.startswith("keras.") else None


def nodes(graph: Any) -> Iterator[Any]:
    """Yield the calls in a functional graph, in the order in which they are computed."""
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        yield from (node for node in graph._nodes_by_depth[depth] if not node.is_input)


def same_input(x: Any) -> Any:
    """Return a new entrance of a model that takes what an input tensor of another takes."""
    config = x._keras_history.operation.get_config()
    names = ("batch_shape", "dtype", "sparse", "ragged", "name", "optional")
    return keras.Input(**{name: config[name] for name in names if config.get(name)})


def run(graph: Any, inputs: list[Any], operation: Callable[[Any], Callable]) -> Any:
    """Return the output of a functional graph in which `operation(layer)` is called in the place of each layer."""
    return keras.tree.flatten(graph._run_through_graph(inputs, operation_fn=operation))[0]


def run_on(model: keras.Model, x: Any, change: Callable[[Any, Any], Any]) -> Any:
    """Return a model's output, with what each layer makes, and the input (None), changed by `change(layer, made)`.

    It is called in the call of another layer, whose `training` holds, and not the one that Keras records in a graph.
    """
    whole = graph(model)
    (given,) = whole._standardize_inputs(x)

    def operation(layer: Any) -> Callable:
        return lambda *args, training=None, **kwargs: change(layer, layer(*args, **kwargs))

    return run(whole, [change(None, given)], operation)


def standardized(graph: Any, x: Any) -> Any:
    """Return stacked inputs of shape (replicas, batch, ...) as Keras's `_standardize_inputs` would return them."""
    kind, shape = graph.inputs[0].dtype, graph.inputs[0].shape
    if "int" in kind or "bool" in kind:
        x = keras.ops.cast(x, kind)
    if len(x.shape) == len(shape) + 2 and x.shape[-1] == 1:
        return keras.ops.squeeze(x, -1)
    return keras.ops.expand_dims(x, -1) if len(x.shape) == len(shape) and shape[-1] == 1 else x


def mask(x: Any) -> Any:
    """Return the mask that a layer has put on its output, or None."""
    return getattr(x, "_keras_mask", None)


def layers(model: keras.Model) -> list[keras.Layer]:
    """Return all layers inside a model, whatever their depth."""
    return list(model._flatten_layers(include_self=False))


def output_shape(layer: keras.layers.Lambda) -> Any:
    """Return the shape or the function of it that a Lambda layer was given as `output_shape`, or None."""
    return layer._output_shape


def input_rank(layer: Any) -> int:
    """Return how many axes the input of a layer has, the batch included."""
    return len(layer._inbound_nodes[0].input_tensors[0].shape)


def is_own_activation(activation: object) -> bool:
    """Say whether an activation is one of Keras's functions."""
    return getattr(activation, "__module__", "").startswith("keras.src.activations")


def start(v: Any) -> Start:
    """Return a variable's initial value, whether it has been computed or not."""
    if v._value is not None:
        return Start(lambda shape, dtype: v.value.numpy(), tuple(v.shape), v.dtype)
    return Start(v._initializer, v._shape, v.dtype)


def built_without_values(build: Callable[[], keras.Model]) -> keras.Model | None:
    """Call a factory without giving variables their values; return None if it fails, needs values or sets some."""
    waiting = global_state.get_global_attribute("uninitialized_variables")
    global_state.set_global_attribute("uninitialized_variables", [])
    try:
        with keras.StatelessScope(initialize_variables=False) as scope:
            model = build()
    except Exception:
        # Whatever is wrong is reported when the factory is called in the usual way.
        return None
    finally:
        # Keras would give the variables values after all when the next such scope ends.
        global_state.set_global_attribute("uninitialized_variables", waiting or [])
    # A value that the factory set went to the scope and not to the variable.
    return None if scope.state_mapping or not all(_is_function(v) for v in model.variables) else model


def _is_function(v: Any) -> bool:
    """Say whether a variable's initial value is the same whenever it is computed, and in whatever order."""
    initializer = v._initializer
    if isinstance(initializer, keras.initializers.Initializer):
        own = type(initializer).__module__.startswith("keras.")
        return own and isinstance(getattr(initializer, "seed", 0), (int, np.integer))
    # The state of a seed generator starts at its seed.
    return initializer is not None and v.name == SEED_STATE


def memory(optimizer: keras.optimizers.Optimizer) -> list[keras.Variable]:
    """Return an optimizer's own variables without its counter and its learning rate."""
    counters = {id(optimizer.iterations), id(optimizer._learning_rate)}
    return [v for v in optimizer.variables if id(v) not in counters]


@contextlib.contextmanager
def names_from_zero() -> Iterator[None]:
    """Let Keras name layers as in a fresh process, so that a model does not depend on those that were built before.

    With Keras's own counters a factory whose names clash may fail for the first model of a process and for no other.
    """
    before = global_state.get_global_attribute("object_name_uids")
    global_state.set_global_attribute("object_name_uids", None)
    try:
        yield
    finally:
        global_state.set_global_attribute("object_name_uids", before)


def parts(model: keras.Model) -> list[keras.Layer]:
    """Return a model and all layers inside it, once each, whatever their depth, cells and wrapped layers included."""
    found: dict[int, keras.Layer] = {}
    waiting: list[Any] = [model]
    while waiting:
        layer = waiting.pop()
        if id(layer) not in found:
            found[id(layer)] = layer
            waiting += layer._layers
    return list(found.values())


def generators(layer: Any) -> list[keras.random.SeedGenerator]:
    """Return the generators of random numbers that a layer itself holds."""
    return list(layer._seed_generators)


def own_variables(layer: Any) -> list[keras.Variable]:
    """Return the variables that a layer itself holds, without those of the layers inside it."""
    return [
        *layer._trainable_variables,
        *layer._non_trainable_variables,
        *(generator.state for generator in layer._seed_generators),
    ]


def is_unseeded(drawing: Any) -> bool:
    """Say whether an initializer or a generator draws random numbers and was given no seed."""
    return any(getattr(drawing, name, 0) is None for name in ("_init_seed", "_initial_seed"))


def initial_seed(generator: Any) -> Any:
    """Return the seed that a generator of random numbers was made with."""
    return generator._initial_seed


def seed_generator(generator: Any, seed: int) -> None:
    """Let a generator of random numbers start at a seed, as if it had been made with it."""
    generator._initial_seed = seed
    state = generator.state
    if state._value is None:
        state._initializer = lambda *_, dtype=None, **__: keras.ops.convert_to_tensor([seed, 0], dtype=dtype)
    else:
        state.assign([seed, 0])


def global_stream_is_used() -> bool:
    """Say whether anything drew from Keras's global stream of random numbers since its seed was set."""
    return global_state.get_global_attribute("global_seed_generator") is not None


@contextlib.contextmanager
def with_values() -> Iterator[None]:
    """Give variables their values as they are made, even where a model is being built without."""
    before = global_state.get_global_attribute("stateless_scope")
    global_state.set_global_attribute("stateless_scope", None)
    try:
        yield
    finally:
        global_state.set_global_attribute("stateless_scope", before)


def last_call(model: keras.Model) -> Any:
    """Return the call in a model's graph that makes its output; None if the model has no graph."""
    whole = graph(model)
    if whole is None:
        return None
    operation, place, _ = whole.outputs[0]._keras_history
    return operation._inbound_nodes[place]


def times_called(model: keras.Model, layer: Any) -> int:
    """Return how often a model's graph calls a layer, also inside the models in it."""
    whole = graph(model)
    found = 0
    for node in nodes(whole) if whole is not None else ():
        inner = isinstance(node.operation, keras.Model)
        found += times_called(node.operation, layer) if inner else node.operation is layer
    return found


def linear_twin(layer: Any) -> Any:
    """Return a Dense or EinsumDense that holds the same variables as a built one, which stays as it is, and is linear.

    A copy by configuration would have variables of its own, and Python's `copy` saves and loads the layer.
    """
    twin = object.__new__(type(layer))
    twin.__dict__.update(layer.__dict__, activation=keras.activations.linear, _inbound_nodes=[], _outbound_nodes=[])
    return twin
