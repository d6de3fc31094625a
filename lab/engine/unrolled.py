"""Operations without a rule: each replica's own layer is called on its own tensors, and sees what Keras sees."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from lab.engine import keras_internals
from lab.engine.blueprint import Blueprint
from lab.engine.graph import RefusedError
from lab.engine.replicas import Replicas, Values, of_replica


class Unrolled:
    """The operations of a pass that have no rule.

    Args:
        models: the blueprints of the replicas.
        values: of their variables; a call may replace some.
        training: whether this pass is a step of training.
    """

    def __init__(self, models: Sequence[Blueprint], values: Values, training: bool) -> None:
        self.models = models
        self.values = values
        self.training = training
        self.places = [{id(v): i for i, v in enumerate(model.variables)} for model in models]

    def call(self, i: int, args: tuple, kwargs: dict) -> tuple[Any, tf.Tensor]:
        """Call an operation.

        Returns:
            Its outputs, and what the calls add to the loss, of shape (replicas,).
        """
        outputs, changes, charges = [], [], []
        for r, model in enumerate(self.models):
            layer = model.operations[i].layer
            own_args, own_kwargs = self._of_replica(args, r), self._of_replica(kwargs, r)
            if isinstance(layer, keras.Layer):
                own_kwargs |= {"training": self.training}
                # Unstacked out here: what is made inside a branch of the call may not be used outside of it.
                for v in layer.variables:
                    self._value(r, v)
            # Called as a whole: `stateless_call` would leave out the activity penalty, and inner layers would not
            # know that this is a step of training. Penalties on weights are charged elsewhere, once per weight.
            with _Scope(functools.partial(self._value, r)) as scope:
                outputs.append(layer(*own_args, **own_kwargs))
            changes.append(self._changed(layer, model, scope))
            charges.append(tf.add_n([tf.zeros([]), *(tf.cast(loss, tf.float32) for loss in scope.losses)]))
            if any(keras_internals.mask(x) is not None for x in keras.tree.flatten(outputs[-1])):
                raise RefusedError(f"its layer {_named(layer)} makes a mask, and cohorts carry none")
        for place in sorted(set().union(*changes)):
            values = [own.get(place, tf.squeeze(self.values.one_by_one(place)[r], 0)) for r, own in enumerate(changes)]
            self.values[place] = tf.stack(values)
        replicas = len(self.models)
        stacked = keras.tree.map_structure(lambda *own: Replicas(replicas, one_by_one=list(own)), *outputs)
        return stacked, tf.stack(charges)

    def _of_replica(self, args: Any, r: int) -> Any:
        """Return the arguments of a call for one replica; a weight among them is that of the replica's model."""

        def own(x: Any) -> Any:
            place = self.places[0].get(id(x))
            return tf.squeeze(self.values.one_by_one(place)[r], 0) if place is not None else x

        return keras.tree.map_structure(own, of_replica(args, r))

    def _value(self, r: int, v: keras.Variable) -> tf.Tensor | None:
        """Return the value of a variable of a replica's model, whichever layer reads it; None for any other."""
        place = self.places[r].get(id(v))
        return None if place is None else tf.squeeze(self.values.one_by_one(place)[r], 0)

    def _changed(self, layer: Any, model: Blueprint, scope: "_Scope") -> dict[int, tf.Tensor]:
        """Return the new values of the variables that a call assigned, by place."""
        found = {}
        for place, v in enumerate(model.variables):
            if id(v) not in scope.state_mapping:
                continue
            if place < model.weights and v.trainable:
                raise RefusedError(f"its layer {_named(layer)} assigns {v.path}, which is trained")
            if not self.training:
                raise RefusedError(
                    f"its layer {_named(layer)} draws random numbers or changes its state while it is measured"
                )
            found[place] = scope.state_mapping[id(v)]
        return found


class _Scope(keras.StatelessScope):
    """A scope that gives each variable of a replica's model its value, and keeps what is assigned to it."""

    def __init__(self, value: Callable[[keras.Variable], tf.Tensor | None]) -> None:
        super().__init__(collect_losses=True)
        self.value = value

    def get_current_value(self, variable: keras.Variable) -> tf.Tensor | None:
        """Return what was assigned in this scope, or the replica's value."""
        assigned = self.state_mapping.get(id(variable))
        return self.value(variable) if assigned is None else assigned

    def add_update(self, update: tuple[keras.Variable, tf.Tensor]) -> None:
        """Take a new value. As from a real variable, no gradient comes through it."""
        variable, value = update
        super().add_update((variable, tf.stop_gradient(value)))


def _named(layer: Any) -> str:
    return f"{getattr(layer, 'name', type(layer).__name__)!r} ({type(layer).__name__})"
