"""A copy of a model: the same graph with the same weights, in which layers may be changed and others put behind them.

Keras's `clone_model` copies no weights, adds no layers to a Sequential model, and gives a layer to change, not one of
its calls: an activation layer that is called behind three convolutions would be a single place.
"""

import contextlib
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras

from lab.checks import UsageError
from lab.engine import keras_internals

Remake = Callable[[keras.layers.Layer], keras.layers.Layer]
"""Returns the unbuilt layer that takes the place of a layer."""

After = Callable[[Any], Sequence[keras.layers.Layer]]
"""Returns the layers that are called on the first output of a call in the graph, one after the other."""


def configuration(layer: keras.layers.Layer) -> dict[str, Any]:
    """Return a layer's configuration.

    Raises:
        UsageError: `get_config` fails, as it does for a layer with arguments and without a `get_config` of its own.
    """
    try:
        return layer.get_config()
    except Exception as error:
        raise UsageError(_no_copy(layer, f"{type(error).__name__}: {error}")) from error


def _no_copy(layer: keras.layers.Layer, reason: str) -> str:
    kind = type(layer).__name__
    return f"layer {layer.name!r} must be what {kind}.from_config makes of its get_config, got {reason}; mend it"


def again(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Return the layer that a layer's configuration makes, unbuilt."""
    if type(layer) is keras.layers.Lambda:
        # Its code is here already; from a configuration Keras would not run it.
        return keras.layers.Lambda(
            layer.function,
            keras_internals.output_shape(layer),
            layer.mask,
            layer.arguments,
            name=layer.name,
            trainable=layer.trainable,
            dtype=layer.dtype_policy,
        )
    return type(layer).from_config(configuration(layer))


def reseeded(config: dict[str, Any], seed: int) -> dict[str, Any]:
    """Return a layer's configuration with a new seed for what it draws, and no seeds for its initializers."""

    def changed(name: str, value: Any) -> Any:
        if name == "seed" and (value is None or isinstance(value, int)):
            return seed
        own = value.get("config") if name.endswith("_initializer") and isinstance(value, dict) else None
        return value | {"config": own | {"seed": None}} if isinstance(own, dict) and "seed" in own else value

    return {name: changed(name, value) for name, value in config.items()}


def copied(
    model: keras.Model, remake: Remake = again, after: After = lambda node: (), fresh: bool = False
) -> keras.Model:
    """Return a model of the same graph, uncompiled, with the weights of the given one, which stays as it is.

    Layers that several calls or several nested models share are shared in the copy too.

    Args:
        model: a Functional or built Sequential model, with any models of these kinds inside.
        remake: makes the layer in the place of one. It is called once per layer, however often that is called; models
            inside, and what is inside a TimeDistributed, are copied layer by layer.
        after: returns the layers that are put behind a call.
        fresh: whether trained layers keep what their initializers draw instead of the weights of the given model.
            Layers without trained weights take over theirs all the same: frozen layers, and those that were adapted
            to data before the training.

    Raises:
        UsageError: the model is neither, or a layer cannot be made from its configuration.
    """
    refuse_code(model)
    copy = _Copy(remake, after)
    with copy.own_names(model):
        made = copy.of(model)
    # From the outside in: setting the flag of a model sets those of its layers.
    for old, new in reversed(copy.pairs):
        new.trainable = old.trainable
    for layer in copy.added:
        # In a model that is frozen but for some of its layers, it was added for these.
        layer.trainable = True
    for old, new in copy.pairs:
        # The layers inside a model or a TimeDistributed have pairs of their own.
        if not isinstance(old, keras.Model | keras.layers.TimeDistributed):
            _take_over(old, new, fresh)
    return made


def refuse_code(model: object, within: str = "") -> None:
    """Refuse a model that is not a graph of layers, or holds such a model: its calls cannot be seen.

    Args:
        model: to be checked.
        within: how a refusal names the model around it, as in " inside of 'outer'".
    """
    if not isinstance(model, keras.Model):
        raise UsageError(f"model must be a keras.Model, got {type(model).__name__}")
    if keras_internals.graph(model) is None:
        kind, name = type(model).__name__, f"{model.name!r}{within}"
        if type(model) is keras.Sequential:
            raise UsageError(
                f"model must be built, got the Sequential {name}, which is not; give its first layer a keras.Input, "
                "or call it on data once"
            )
        raise UsageError(
            f"model must be a Functional or Sequential model, whose calls can be seen, got {name} of the class "
            f"{kind}, whose call is code; give its layers their regularizers where {kind} makes them, or write it as "
            "keras.Model(inputs, outputs)"
        )
    for layer in model.layers:
        inner = layer.layer if isinstance(layer, keras.layers.Wrapper) else layer
        if isinstance(inner, keras.Model):
            refuse_code(inner, f" inside of {model.name!r}")


class _Copy:
    """A copy in the making.

    Attributes:
        clones: the copies made so far, by the ids of the originals.
        added: the layers that were put behind calls.
        pairs: each layer and model with its copy, those inside before those around them.
    """

    def __init__(self, remake: Remake, after: After) -> None:
        self.remake = remake
        self.after = after
        self.clones: dict[int, Any] = {}
        self.added: list[keras.layers.Layer] = []
        self.pairs: list[tuple[keras.layers.Layer, keras.layers.Layer]] = []

    def of(self, operation: Any) -> Any:
        """Return the copy of a layer, a model or an operation of Keras."""
        if id(operation) not in self.clones:
            self.clones[id(operation)] = clone = self._made(operation)
            if isinstance(operation, keras.layers.Layer):
                self.pairs.append((operation, clone))
        return self.clones[id(operation)]

    def _made(self, operation: Any) -> Any:
        if isinstance(operation, keras.Model):
            return self._model(operation)
        if not isinstance(operation, keras.layers.Layer):
            try:
                return type(operation).from_config(operation.get_config())
            except Exception:
                # It has no state, so the original will do.
                return operation
        if hasattr(operation, "get_vocabulary"):
            raise UsageError(
                f"model must hold no look-up tables, got the {type(operation).__name__} {operation.name!r}; look up "
                "the words before the model"
            )
        if type(operation) is keras.layers.TimeDistributed:
            inner = self.of(operation.layer)
            return keras.layers.TimeDistributed(inner, name=operation.name, dtype=operation.dtype_policy)
        try:
            return self.remake(operation)
        except UsageError:
            raise
        except Exception as error:
            raise UsageError(_no_copy(operation, f"{type(error).__name__}: {error}")) from error

    def _model(self, model: keras.Model) -> keras.Model:
        graph = keras_internals.graph(model)
        entrances = [keras_internals.same_input(x) for x in graph.inputs]
        if type(model) is keras.Sequential:
            layers = [entrances[0]]
            for node in keras_internals.nodes(graph):
                layers += [self.of(node.operation), *self._behind(node)]
            return keras.Sequential(layers, name=model.name)
        tensors = {id(x): entrance for x, entrance in zip(graph.inputs, entrances, strict=True)}
        for node in keras_internals.nodes(graph):
            args, kwargs = node.arguments.fill_in(tensors)
            outputs = keras.tree.flatten(self.of(node.operation)(*args, **kwargs))
            for layer in self._behind(node):
                outputs[0] = layer(outputs[0])
            tensors |= {id(x): output for x, output in zip(node.outputs, outputs, strict=True)}

        def ends(x: Any) -> Any:
            return tensors[id(x)]

        inputs = keras.tree.map_structure(ends, model.input)
        return keras.Model(inputs, keras.tree.map_structure(ends, model.output), name=model.name)

    def _behind(self, node: Any) -> Sequence[keras.layers.Layer]:
        layers = self.after(node)
        self.added += layers
        return layers

    @contextlib.contextmanager
    def own_names(self, model: keras.Model) -> Iterator[None]:
        """Let Keras find people's own classes and functions that the configurations name."""
        found = {}
        for layer in [model, *keras_internals.layers(model)]:
            for value in (layer, *vars(layer).values()):
                kind = value if isinstance(value, types.FunctionType) else type(value)
                if not kind.__module__.startswith(("keras.", "builtins")) and kind.__name__.isidentifier():
                    found[kind.__name__] = kind
        with keras.saving.custom_object_scope(found):
            yield


def _take_over(old: keras.layers.Layer, new: keras.layers.Layer, fresh: bool) -> None:
    """Give a copied layer the values and the flags of the weights of the original."""
    if [v.shape for v in old.weights] != [v.shape for v in new.weights]:
        shapes = [str([tuple(v.shape) for v in layer.weights]) for layer in (new, old)]
        raise UsageError(_no_copy(old, f"weights of shapes {shapes[0]} for {shapes[1]}"))
    for before, now in zip(old.weights, new.weights, strict=True):
        if not fresh or not old.trainable_variables:
            now.assign(before)
        if now.trainable != before.trainable:
            now.trainable = before.trainable
