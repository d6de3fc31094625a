"""The forward pass of many replicas of one model through the model's own graph, a rule a layer."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lab.engine import invariant
from lab.engine.blueprint import Blueprint, Operation
from lab.engine.layer_rules import Call, meeting

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


_MEASURES = {"l1": (tf.abs, tf.sign), "l2": (tf.square, lambda x: 2.0 * x)}
"""What the penalties sum, and its derivative."""


class Replicas:
    """One tensor of the graph for all replicas, kept in the form it was made in: together or one at a time."""

    def __init__(self, count: int, together: Any = None, apart: list[tf.Tensor] | None = None) -> None:
        self.count = count
        self._together = together
        self._apart = apart

    @property
    def is_apart(self) -> bool:
        """Whether the replicas were computed one at a time."""
        return self._together is None

    @property
    def together(self) -> tf.Tensor:
        """One tensor of shape (replicas, batch, ...), or (1, batch, ...) while all replicas see the same."""
        if self._together is None:
            self._together = tf.stack(self._apart)
        return self._together

    @property
    def apart(self) -> list[tf.Tensor]:
        """A tensor of shape (batch, ...) for each replica."""
        if self._apart is None:
            whole = self._together
            self._apart = [whole[0]] * self.count if whole.shape[0] == 1 else tf.unstack(whole)
        return self._apart


@dataclass
class Forward:
    """One pass.

    Args:
        models: the blueprints of the replicas; the graph is that of the first.
        values: the variables' values, each of shape (replicas, ...). A pass that trains replaces those that are not
            trained by gradients, as moving statistics.
        numbers: what differs between the replicas, each of shape (replicas,).
        draws: which random numbers are drawn.
        seeds: the rows of `draws.seeds`, as tensors.
        step: the number of steps taken before.
        training: whether this pass is a step of training.
        batch: how many examples there are at most.

    Attributes:
        penalties: what layers add to the loss on account of their outputs, each of shape (replicas,) or (1,).
    """

    models: Sequence[Blueprint]
    replicas: int
    values: list[tf.Tensor]
    numbers: dict[str, tf.Tensor]
    draws: Draws
    seeds: dict[int, tf.Tensor]
    step: tf.Tensor
    training: bool
    batch: int
    penalties: list[tf.Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        first = self.models[0]
        self.operations = {id(op.layer): (i, op) for i, op in enumerate(first.operations)}
        self.place = {id(v): i for i, v in enumerate(first.variables)}
        self.pieces: dict[int, list[tf.Tensor]] = {}
        self.split: dict[str, list[tf.Tensor]] = {}
        self.called: dict[int, int] = {}
        self._charges: list[tf.Tensor] = []

    def run(self, x: tf.Tensor) -> tf.Tensor:
        """Return the model's outputs, of shape (replicas, batch, outputs).

        Args:
            x: the inputs, of shape (replicas, batch, ...), or (1, batch, ...) where all replicas see the same.
        """
        model = self.models[0].model
        function = model._functional if isinstance(model, keras.Sequential) else model
        result = function._run_through_graph([Replicas(self.replicas, x)], operation_fn=self._operation)
        outputs = keras.tree.flatten(result)[0].together
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
        if rule.apart or (rule.apart is None and any(x.is_apart for x in inputs)):
            outputs, updates = [], []
            for r in range(self.replicas):
                call, changed = self._call(i, op, draw, r)
                if rule.alone is not None:
                    outputs.append(rule.alone(call, *_each(args, lambda x, r=r: x.apart[r])))
                else:
                    outputs.append(rule.apply(call, *_each(args, lambda x, r=r: x.apart[r][None]))[0])
                updates.append(changed)
                self._charge(i, outputs[-1][None], r)
            for place in updates[0]:
                self._replace(place, tf.concat([changed[place] for changed in updates], 0))
            self._collect(i)
            return Replicas(self.replicas, apart=outputs)
        call, changed = self._call(i, op, draw, None)
        output = rule.apply(call, *_each(args, lambda x: x.together))
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
            return self.values[place] if r is None else self._apart(place)[r]

        def draws(sample: Any, shape: Any) -> tf.Tensor:
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
            apart=r is not None,
            batch=self.batch,
            weight=weight,
            update=lambda v, value: changed.update({self.place[id(v)]: value}),
            numbers=lambda name: self._number(f"operation{i}.{name}", r),
            uniform=lambda shape: draws(tf.random.stateless_uniform, shape),
            normal=lambda shape: draws(tf.random.stateless_normal, shape),
        )
        return call, changed

    def _number(self, name: str, r: int | None) -> tf.Tensor:
        if r is None:
            return self.numbers[name]
        if name not in self.split:
            self.split[name] = tf.split(self.numbers[name], self.replicas)
        return self.split[name][r]

    def _apart(self, place: int) -> list[tf.Tensor]:
        # Unstacked once: the gradient is then one stack, where a slice a replica would each make a whole tensor.
        if place not in self.pieces:
            self.pieces[place] = [piece[None] for piece in tf.unstack(self.values[place], self.replicas)]
        return self.pieces[place]

    def _replace(self, place: int, value: tf.Tensor) -> None:
        self.values[place] = value
        self.pieces.pop(place, None)

    def _charge(self, i: int, output: tf.Tensor, r: int | None) -> None:
        """Add the activity penalty of a layer's output: summed over the values, averaged over the batch."""
        kinds = [kind for kind in ("l1", "l2") if f"operation{i}.{kind}" in self.numbers]
        if not kinds:
            return
        strengths = [self._number(f"operation{i}.{kind}", r) for kind in kinds]

        # One function for both kinds: TensorFlow would add their gradients in another order for a single replica.
        @tf.custom_gradient
        def charge(output: tf.Tensor) -> tuple[tf.Tensor, Any]:
            known = [(strength, *_MEASURES[kind]) for kind, strength in zip(kinds, strengths, strict=True)]
            parts = [tf.math.multiply_no_nan(invariant.sums(value(output)), strength) for strength, value, _ in known]

            def gradient(upstream: tf.Tensor) -> tf.Tensor:
                return _added([meeting(upstream * strength, output) * slope(output) for strength, _, slope in known])

            return _added(parts), gradient

        self._charges.append(charge(output) / tf.cast(tf.shape(output)[1], output.dtype))

    def _collect(self, i: int) -> None:
        if self._charges:
            self.penalties.append(tf.concat(self._charges, 0))
            self._charges = []

    def _unrolled(self, i: int, op: Operation, args: tuple, kwargs: dict) -> Any:
        """Call each replica's own layer on its own tensors."""
        results: list[tuple[Any, dict[int, tf.Tensor], list[tf.Tensor]]] = []
        for r, mine in enumerate(self.models):
            layer = mine.operations[i].layer
            own_args, own_kwargs = (
                _each(args, lambda x, r=r: x.apart[r]),
                _each(kwargs, lambda x, r=r: x.apart[r]),
            )
            if not isinstance(layer, keras.Layer):
                results.append((layer(*own_args, **own_kwargs), {}, []))
                continue
            place = {id(v): p for v, p in zip(layer.variables, mine.operations[i].variables, strict=True)}
            given = [(v, self._apart(place[id(v)])[r][0]) for v in layer.variables]
            # Called as a whole: `stateless_call` would leave out the activity penalty, and inner layers would not
            # know that this is a step of training.
            with keras.StatelessScope(given, collect_losses=True) as scope:
                outputs = layer(*own_args, **own_kwargs | {"training": self.training})
                losses = layer.losses
            changes = {place[id(v)]: scope.get_current_value(v) for v in layer.non_trainable_variables}
            results.append((outputs, changes, losses))
        for p in results[0][1]:
            self._replace(p, tf.stack([changes[p] for _, changes, _ in results]))
        if results[0][2]:
            self.penalties.append(tf.stack([tf.add_n(losses) for _, _, losses in results]))
        outputs = [outputs for outputs, _, _ in results]
        return keras.tree.map_structure(lambda *each: Replicas(self.replicas, apart=list(each)), *outputs)


def _added(parts: Sequence[tf.Tensor]) -> tf.Tensor:
    return functools.reduce(tf.add, parts)


def _each(args: Any, take: Any) -> Any:
    return keras.tree.map_structure(lambda x: take(x) if isinstance(x, Replicas) else x, args)
