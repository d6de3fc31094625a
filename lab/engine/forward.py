"""The forward pass of many replicas of one model through the model's own graph, a rule a layer."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lab.engine import keras_internals, penalties
from lab.engine.blueprint import Blueprint, Operation
from lab.engine.graph import RefusedError
from lab.engine.layer_rules import Call
from lab.engine.penalties import Key

_SEED_LIMIT = tf.int32.max - 1  # Keras folds its 64-bit seeds into 32 bits with this modulus.


@dataclass(frozen=True)
class Draws:
    """Which random numbers the replicas draw; runs of one seed draw the same, once.

    Args:
        seeds: for each operation that draws, what is drawn: int32 rows (seed, drawn so far) of shape (distinct, 2).
        owners: for each of them, which row each replica uses.
    """

    seeds: dict[int, np.ndarray]
    owners: dict[int, tuple[int, ...]]

    @classmethod
    def of(cls, blueprints: Sequence[Blueprint]) -> "Draws":
        """Return what the replicas of these runs draw."""
        seeds, owners = {}, {}
        for i in sorted(set().union(*(b.seeds for b in blueprints))):
            # A replica whose rate is 0 has no seed; whatever it draws changes nothing.
            rows = [b.seeds.get(i) for b in blueprints]
            distinct = list(dict.fromkeys(row for row in rows if row is not None))
            seeds[i] = np.array(distinct, np.int64)
            owners[i] = tuple(distinct.index(row) if row is not None else 0 for row in rows)
        return cls(seeds, owners)


class Replicas:
    """One tensor of the graph for all replicas, kept in the form it was made in: stacked or one by one."""

    def __init__(self, count: int, stacked: Any = None, one_by_one: list[tf.Tensor] | None = None) -> None:
        self.count = count
        self._stacked = stacked
        self._one_by_one = one_by_one

    @property
    def is_one_by_one(self) -> bool:
        """Whether the replicas were computed one at a time."""
        return self._stacked is None

    @property
    def stacked(self) -> tf.Tensor:
        """One tensor of shape (replicas, batch, ...), or (1, batch, ...) while all replicas see the same."""
        if self._stacked is None:
            self._stacked = tf.stack(self._one_by_one)
        return self._stacked

    @property
    def one_by_one(self) -> list[tf.Tensor]:
        """A tensor of shape (batch, ...) for each replica."""
        if self._one_by_one is None:
            whole = self._stacked
            self._one_by_one = [whole[0]] * self.count if whole.shape[0] == 1 else tf.unstack(whole)
        return self._one_by_one


@dataclass
class Forward:
    """One pass.

    Args:
        models: the blueprints of the replicas; the graph is that of the first.
        values: the variables' values, each of shape (replicas, ...). A pass that trains replaces those that are not
            trained by gradients, as moving statistics.
        per_run: what differs between the replicas, each of shape (replicas,).
        draws: which random numbers are drawn.
        seeds: the rows of `draws.seeds`, as tensors.
        step: the number of steps taken before.
        training: whether this pass is a step of training.
        batch: how many examples there are at most.

    Attributes:
        charges: what layers add to the loss on account of their outputs, each of shape (replicas,) or (1,).
    """

    models: Sequence[Blueprint]
    replicas: int
    values: list[tf.Tensor]
    per_run: dict[Key, tf.Tensor]
    draws: Draws
    seeds: dict[int, tf.Tensor]
    step: tf.Tensor
    training: bool
    batch: int
    charges: list[tf.Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        first = self.models[0]
        self.operations = {id(op.layer): (i, op) for i, op in enumerate(first.operations)}
        self.place = {id(v): i for i, v in enumerate(first.variables)}
        self.places = [{id(v): i for i, v in enumerate(model.variables)} for model in self.models]
        self.unstacked: dict[int, list[tf.Tensor]] = {}
        self.split: dict[Key, list[tf.Tensor]] = {}
        self.called: dict[int, int] = {}
        self._pending: list[tf.Tensor] = []

    def run(self, x: tf.Tensor) -> tf.Tensor:
        """Return the model's outputs, of shape (replicas, batch, outputs).

        Args:
            x: the inputs, of shape (replicas, batch, ...), or (1, batch, ...) where all replicas see the same.
        """
        graph = keras_internals.graph(self.models[0].model)
        x = keras_internals.standardized(graph, x)
        outputs = keras_internals.run(graph, [Replicas(self.replicas, x)], self._operation).stacked
        return outputs if outputs.shape[0] == self.replicas else tf.repeat(outputs, self.replicas, 0)

    def _operation(self, layer: Any) -> Any:
        i, op = self.operations[id(layer)]
        return (
            (lambda *args, **kwargs: self._unrolled(i, op, args, kwargs))
            if op.rule is None
            else (lambda *args, **kwargs: self._ruled(i, op, args))
        )

    def _ruled(self, i: int, op: Operation, args: tuple) -> Replicas:
        rule = op.rule
        if rule is None:
            raise TypeError("an operation without a rule is unrolled")
        inputs = [x for x in keras.tree.flatten(args) if isinstance(x, Replicas)]
        draw = self.called[i] = self.called.get(i, -1) + 1
        if rule.one_by_one or (rule.one_by_one is None and any(x.is_one_by_one for x in inputs)):
            outputs, updates = [], []
            for r in range(self.replicas):
                call, changed = self._call(i, op, draw, r)
                if rule.apply_one is not None:
                    outputs.append(rule.apply_one(call, *_each(args, lambda x, r=r: x.one_by_one[r])))
                else:
                    outputs.append(rule.apply(call, *_each(args, lambda x, r=r: x.one_by_one[r][None]))[0])
                updates.append(changed)
                self._charge(i, outputs[-1][None], r)
            for place in updates[0]:
                self._replace(place, tf.concat([changed[place] for changed in updates], 0))
            self._collect(i)
            return Replicas(self.replicas, one_by_one=outputs)
        call, changed = self._call(i, op, draw, None)
        output = rule.apply(call, *_each(args, lambda x: x.stacked))
        for place, value in changed.items():
            self._replace(place, value)
        self._charge(i, output, None)
        self._collect(i)
        return Replicas(self.replicas, output)

    def _call(self, i: int, op: Operation, draw: int, r: int | None) -> tuple[Call, dict[int, tf.Tensor]]:
        """Return a call for one replica, or for all of them, and where it puts its updates."""
        changed: dict[int, tf.Tensor] = {}

        def weight(v: keras.Variable) -> tf.Tensor:
            place = self.place[id(v)]
            return self.values[place] if r is None else self._one_by_one(place)[r]

        def draws(sample: Any, shape: Any) -> tf.Tensor:
            if i not in self.draws.owners:
                # No replica has a seed, as their rates are 0: whatever is drawn changes nothing.
                return tf.zeros([1, *shape] if isinstance(shape, tuple) else tf.concat([[1], shape], 0))
            owners = self.draws.owners[i]
            drawn = self.step * op.calls + draw
            seeds = [
                tf.cast(tf.math.floormod(seed + tf.stack([tf.zeros_like(drawn), drawn]), _SEED_LIMIT), tf.int32)
                for seed in tf.unstack(self.seeds[i])
            ]
            if r is not None:
                return sample(shape, seeds[owners[r]])[None]
            numbers = tf.stack([sample(shape, seed) for seed in seeds])
            return numbers if len(seeds) == 1 or owners == tuple(range(len(seeds))) else tf.gather(numbers, owners)

        call = Call(
            layer=op.layer,
            training=self.training,
            one_by_one=r is not None,
            batch=self.batch,
            weight=weight,
            update=lambda v, value: changed.update({self.place[id(v)]: value}),
            per_run=lambda name: self._one(("operation", i, name), r),
            uniform=lambda shape: draws(tf.random.stateless_uniform, shape),
            normal=lambda shape: draws(tf.random.stateless_normal, shape),
        )
        return call, changed

    def _one(self, key: Key, r: int | None) -> tf.Tensor:
        if r is None:
            return self.per_run[key]
        if key not in self.split:
            self.split[key] = tf.split(self.per_run[key], self.replicas)
        return self.split[key][r]

    def _one_by_one(self, place: int) -> list[tf.Tensor]:
        # Unstacked once: the gradient is then one stack, where a slice a replica would each make a whole tensor.
        if place not in self.unstacked:
            self.unstacked[place] = [value[None] for value in tf.unstack(self.values[place], self.replicas)]
        return self.unstacked[place]

    def _replace(self, place: int, value: tf.Tensor) -> None:
        self.values[place] = value
        self.unstacked.pop(place, None)

    def _charge(self, i: int, output: tf.Tensor, r: int | None) -> None:
        """Add the activity penalty of a layer's output: summed over the values, averaged over the batch."""
        keys = {kind: key for kind, key in penalties.keys("operation", i).items() if key in self.per_run}
        if keys:
            charge = penalties.charge(output, {kind: self._one(key, r) for kind, key in keys.items()})
            self._pending.append(charge / tf.cast(tf.shape(output)[1], output.dtype))

    def _collect(self, i: int) -> None:
        if self._pending:
            self.charges.append(tf.concat(self._pending, 0))
            self._pending = []

    def _unrolled(self, i: int, op: Operation, args: tuple, kwargs: dict) -> Any:
        """Call each replica's own layer on its own tensors."""
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
            # know that this is a step of training. Weight penalties are charged once, whatever is called how often.
            with _Scope(functools.partial(self._value, r)) as scope:
                outputs.append(layer(*own_args, **own_kwargs))
            changes.append(self._changed(layer, model, scope))
            charges.append(tf.add_n([tf.zeros([]), *(tf.cast(loss, tf.float32) for loss in scope.losses)]))
            if any(keras_internals.mask(x) is not None for x in keras.tree.flatten(outputs[-1])):
                raise RefusedError(f"its layer {_named(layer)} makes a mask, and cohorts carry none")
        for place in sorted(set().union(*changes)):
            values = [own.get(place, self._one_by_one(place)[r][0]) for r, own in enumerate(changes)]
            self._replace(place, tf.stack(values))
        self.charges.append(tf.stack(charges))
        return keras.tree.map_structure(lambda *each: Replicas(self.replicas, one_by_one=list(each)), *outputs)

    def _of_replica(self, args: Any, r: int) -> Any:
        """Return the arguments of a call for one replica; a weight among them is that of the replica's model."""

        def own(x: Any) -> Any:
            place = self.place.get(id(x))
            return self._one_by_one(place)[r][0] if place is not None else x

        return keras.tree.map_structure(own, _each(args, lambda x: x.one_by_one[r]))

    def _value(self, r: int, v: keras.Variable) -> tf.Tensor | None:
        """Return the value of a variable of a replica's model, whichever layer reads it; None for any other."""
        place = self.places[r].get(id(v))
        return None if place is None else self._one_by_one(place)[r][0]

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
    """Gives each variable of a replica's model its value, and takes what is assigned instead of the variable."""

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


def _each(args: Any, take: Any) -> Any:
    return keras.tree.map_structure(lambda x: take(x) if isinstance(x, Replicas) else x, args)
