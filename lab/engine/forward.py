"""The forward pass of many replicas of one model through the model's own graph, one rule per kind of layer."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import tensorflow as tf

from lab.engine import keras_internals, penalties
from lab.engine.blueprint import Blueprint, Operation
from lab.engine.draws import Draws
from lab.engine.layer_kinds import Rule
from lab.engine.layer_rules import Call
from lab.engine.mixing import INPUT, at
from lab.engine.mixing import places as places_of
from lab.engine.penalties import Key
from lab.engine.replicas import Replicas, Values, all_stacked, of_replica
from lab.engine.unrolled import Unrolled


@dataclass
class Forward:
    """One pass.

    Args:
        models: the blueprints of the replicas; the graph is that of the first.
        replicas: how many there are.
        values: of the variables. A pass that trains replaces those of variables that no gradient trains, such as
            moving statistics.
        per_run: what differs between the replicas, each of shape (replicas,).
        draws: the random numbers that are drawn.
        seeds: the rows of `draws.seeds`, as tensors.
        step: the number of steps taken before.
        training: whether this pass is a step of training.
        batch: how many examples there are at most.

    Attributes:
        charges: what layers add to the loss on account of their outputs, each of shape (replicas,) or (1,).
    """

    models: Sequence[Blueprint]
    replicas: int
    values: Values
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
        self.unrolled = Unrolled(self.models, self.values, self.training)
        self.split: dict[Key, list[tf.Tensor]] = {}
        self.called: dict[int, int] = {}

    def run(self, x: tf.Tensor, mixing: tf.Tensor | None = None) -> tf.Tensor:
        """Return the model's outputs, of shape (replicas, batch, outputs).

        Args:
            x: the inputs, of shape (replicas, batch, ...), or (1, batch, ...) where all replicas see the same.
            mixing: what manifold mixup drew for the step, of shape (replicas, 2).
        """
        model = self.models[0].model
        graph, places = keras_internals.graph(model), [] if mixing is None else places_of(model)
        x = keras_internals.standardized(graph, x)

        def operation(layer: Any) -> Any:
            called = self._operation(layer)
            if id(layer) not in places:
                return called
            share = at(places, id(layer), mixing)
            return lambda *args, **kwargs: called(*args, **kwargs).mixed(share)

        inputs = Replicas(self.replicas, x)
        if INPUT in places:
            inputs = inputs.mixed(at(places, INPUT, mixing))
        outputs = keras_internals.run(graph, [inputs], operation).stacked
        return outputs if outputs.shape[0] == self.replicas else tf.repeat(outputs, self.replicas, 0)

    def _operation(self, layer: Any) -> Any:
        i, op = self.operations[id(layer)]
        rule = op.rule
        if rule is None:
            return lambda *args, **kwargs: self._unrolled(i, args, kwargs)
        return lambda *args, **kwargs: self._ruled(i, op, rule, args)

    def _unrolled(self, i: int, args: tuple, kwargs: dict) -> Any:
        outputs, charge = self.unrolled.call(i, args, kwargs)
        self.charges.append(charge)
        return outputs

    def _ruled(self, i: int, op: Operation, rule: Rule, args: tuple) -> Replicas:
        inputs = [x for x in keras.tree.flatten(args) if isinstance(x, Replicas)]
        draw = self.called[i] = self.called.get(i, -1) + 1
        if rule.one_by_one or (rule.one_by_one is None and any(x.is_one_by_one for x in inputs)):
            return self._one_by_one(i, op, rule, args, draw)
        call, changed = self._call(i, op, draw, None)
        output = rule.apply(call, *all_stacked(args))
        for place, value in changed.items():
            self.values[place] = value
        self.charges += self._charged(i, output, None)
        return Replicas(self.replicas, output)

    def _one_by_one(self, i: int, op: Operation, rule: Rule, args: tuple, draw: int) -> Replicas:
        outputs, updates, charges = [], [], []
        for r in range(self.replicas):
            call, changed = self._call(i, op, draw, r)
            own = of_replica(args, r)
            if rule.apply_one is not None:
                outputs.append(rule.apply_one(call, *own))
            else:
                only = keras.tree.map_structure(lambda x: tf.expand_dims(x, 0), own)
                outputs.append(tf.squeeze(rule.apply(call, *only), 0))
            updates.append(changed)
            charges += self._charged(i, tf.expand_dims(outputs[-1], 0), r)
        for place in updates[0]:
            self.values[place] = tf.concat([changed[place] for changed in updates], 0)
        if charges:
            self.charges.append(tf.concat(charges, 0))
        return Replicas(self.replicas, one_by_one=outputs)

    def _call(self, i: int, op: Operation, draw: int, r: int | None) -> tuple[Call, dict[int, tf.Tensor]]:
        """Return a call for one replica, or for all of them, and where it puts its updates."""
        changed: dict[int, tf.Tensor] = {}

        def weight(v: keras.Variable) -> tf.Tensor:
            place = self.place[id(v)]
            return self.values[place] if r is None else self.values.one_by_one(place)[r]

        def drawn(sample: Any, shape: Any) -> tf.Tensor:
            return self.draws.draw(i, sample, shape, self.seeds, self.step * op.calls + draw, r)

        call = Call(
            layer=op.layer,
            training=self.training,
            one_by_one=r is not None,
            batch=self.batch,
            weight=weight,
            update=lambda v, value: changed.update({self.place[id(v)]: value}),
            per_run=lambda name: self._one(("operation", i, name), r),
            uniform=lambda shape: drawn(tf.random.stateless_uniform, shape),
            normal=lambda shape: drawn(tf.random.stateless_normal, shape),
        )
        return call, changed

    def _one(self, key: Key, r: int | None) -> tf.Tensor:
        if r is None:
            return self.per_run[key]
        if key not in self.split:
            self.split[key] = tf.split(self.per_run[key], self.replicas)
        return self.split[key][r]

    def _charged(self, i: int, output: tf.Tensor, r: int | None) -> list[tf.Tensor]:
        """Return the activity penalty of a layer's output, if it has one: summed over values, averaged over a batch."""
        keys = {kind: key for kind, key in penalties.keys("operation", i).items() if key in self.per_run}
        if not keys:
            return []
        charge = penalties.charge(output, {kind: self._one(key, r) for kind, key in keys.items()})
        return [charge / tf.cast(tf.shape(output)[1], output.dtype)]
