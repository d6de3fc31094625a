"""One step of training of a cohort: its passes, what is done to the gradients, and the update."""

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from lab.engine import augmentation, copies, gradients, invariant, objective, proximal
from lab.engine.blueprint import Blueprint
from lab.engine.draws import Draws
from lab.engine.forward import Forward
from lab.engine.penalties import Key, Penalties, meeting, pulled
from lab.engine.replicas import Values
from lab.engine.update import Update

if TYPE_CHECKING:
    from lab.training import Training


class Step:
    """The steps of a `Program`, which sets the attributes.

    Attributes:
        models: the blueprints of the replicas.
        replicas: how many there are.
        draws: which of them draw the same random numbers.
        training: of any of the runs; what is read of it they have in common.
        variables: the stacked variables, as the blueprints order them.
        trained: the places of the trained ones.
        foreign: the places of those with constraints of people's own.
        averages, slow: copies of the weights, and of the trained ones; empty if no run has them.
        update: of the trained ones.
        penalties: on them.
    """

    models: Sequence[Blueprint]
    replicas: int
    draws: Draws
    training: "Training"
    variables: Sequence[keras.Variable]
    trained: list[int]
    foreign: list[int]
    averages: Sequence[keras.Variable]
    slow: Sequence[keras.Variable]
    update: Update
    penalties: Penalties

    def _step(self, x, y, weight, rates, decay, numbers, per_run, seeds):
        values = [v.value.read_value() for v in self.variables]
        pulling = _without_kinks(per_run, numbers)
        strengths = [self.penalties.strengths(i, pulling) for i in self.trained]
        x = augmentation.changed(x, numbers, tf.cast(self.update.optimizer.iterations.value, tf.int64))
        shares = []
        if "mixup" in numbers:
            x = _mixed(x, tf.roll(x, 1, 1), numbers["mixup"])
            shares.append(numbers["mixup"])
        if "cutmix" in numbers:
            x, share = augmentation.pasted(x, numbers["cutmix"])
            shares.append(share)
        if shares:
            # A run has one of the two, and the share 1 of the other.
            numbers = numbers | {"share": functools.reduce(tf.multiply, shares)}
        found, forward, plain, hits, extra = self._pass(values, x, y, weight, numbers, per_run, seeds)
        # Asked for beside the weights, and only where some replica's examples are attacked.
        slope = found.pop() if "adversarial" in numbers else None
        if numbers.keys() & set(gradients.GRADIENT_NUMBERS):
            rest = y, weight, numbers, per_run, seeds
            found, strengths = self._changed(found, strengths, values, x, slope, *rest)
        penalties = self.penalties.parts(values, per_run)
        largest = [per_run.get(("variable", i, "max_norm")) for i in self.trained]
        self.update.step(found, rates, decay, strengths, largest)
        reached = {i for i, gradient in zip(self.trained, found, strict=True) if gradient is not None}
        for i in self.foreign:
            if i not in reached:
                continue
            v = self.variables[i]
            bounded = [m.variables[i].constraint(v.value[r]) for r, m in enumerate(self.models)]
            v.assign(tf.stack(bounded))
        if "proximal" in numbers:
            for i in self.trained:
                kinked, v = self.penalties.with_a_kink(i, proximal.KINDS, per_run), self.variables[i]
                if kinked:
                    v.value.assign(proximal.shrunk(v.value.read_value(), kinked, rates * numbers["proximal"]))
        trained = set(self.trained)
        for i, v in enumerate(self.variables):
            if i not in trained and forward.values[i] is not values[i]:
                v.assign(forward.values[i])
        self._copy(numbers)
        visits = tf.cast(tf.shape(plain)[1], tf.float32)
        return tf.concat([[invariant.sums(plain), invariant.sums(hits), extra * visits], penalties * visits], 0)

    def _copy(self, numbers):
        """Let the copies of the weights follow a step."""
        steps = self.update.optimizer.iterations.value
        for i, slow in zip(self.trained if self.slow else (), self.slow, strict=True):
            fast = self.variables[i]
            both = slow.value.read_value(), fast.value.read_value()
            moved = copies.looked_ahead(*both, numbers["lookahead"], numbers["lookahead_pull"], steps)
            for v, value in zip((slow, fast), moved, strict=True):
                v.value.assign(value)
        for average, v in zip(self.averages, self.variables, strict=False):
            both = average.value.read_value(), v.value.read_value()
            average.value.assign(copies.averaged(*both, numbers["ema"], steps))

    def _changed(self, raw, strengths, values, x, slope, y, weight, numbers, per_run, seeds):
        """Return the gradients after second passes, clipping and noise, and the strengths of the penalties they lack.

        The replicas for which something is on get gradients that have those of the penalties in them, as Keras sees
        them. The gradients of the others are left alone, and so is how they are added to those of the penalties.
        """
        found, on = self._whole(raw, values, strengths), tf.zeros([self.replicas], tf.bool)
        if "adversarial" in numbers:
            epsilon = numbers["adversarial"]
            there = gradients.attacked(x, slope, epsilon)
            second = self._pass(values, there, y, weight, numbers, per_run, seeds)[0][:-1]
            mean = gradients.halved(found, self._whole(second, values, strengths))
            found, on = gradients.chosen(epsilon, mean, found), epsilon > 0.0
        for name in numbers.keys() & set(gradients.SECOND_PASS):
            radius, own = numbers[name], [values[i] for i in self.trained]
            there = list(values)
            sizes = gradients.sizes_of(own) if name == "adaptive_sharpness" else None
            for i, w in zip(self.trained, gradients.uphill(own, found, radius, sizes), strict=True):
                there[i] = w
            second = self._pass(there, x, y, weight, numbers, per_run, seeds)[0][: len(self.trained)]
            found, on = gradients.chosen(radius, self._whole(second, there, strengths), found), radius > 0.0
        if "clip_norm" in numbers:
            found = gradients.clipped(found, numbers["clip_norm"])
            on |= tf.math.is_finite(numbers["clip_norm"])
        if "gradient_noise" in numbers:
            step = tf.cast(self.update.optimizer.iterations.value, tf.int64)
            found = gradients.noisy(found, numbers["gradient_noise"], numbers["noise_seeds"], step)
            on |= numbers["gradient_noise"] > 0.0
        changed = [
            a if a is None else tf.where(meeting(on, a), a, tf.zeros(a.shape) if b is None else tf.convert_to_tensor(b))
            for a, b in zip(found, raw, strict=True)
        ]
        return changed, [{kind: tf.where(on, 0.0, s) for kind, s in charged.items()} for charged in strengths]

    def _pass(self, values, x, y, weight, numbers, per_run, seeds):
        """Return the gradients at some values, the pass itself, the plain data loss, the hits and the penalties.

        The last gradient is that of the examples, if any are attacked.
        """
        forward = Forward(
            models=self.models,
            replicas=self.replicas,
            values=Values(list(values)),
            per_run=per_run,
            draws=self.draws,
            seeds=seeds,
            step=self.update.optimizer.iterations.value,
            training=True,
            batch=self.training.batch_size,
        )
        watched = [values[i] for i in self.trained] + ([x] if "adversarial" in numbers else [])
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(watched)
            outputs = forward.run(x)
            minimized, plain, hits = self._losses(y, outputs, numbers)
            if weight:
                minimized *= weight[0]
            if "share" in numbers:
                others = self._losses(tf.roll(y, 1, 1), outputs, numbers)
                if weight:
                    others[0] *= tf.roll(weight[0], 1, 1)
                minimized, plain, hits = (
                    _mixed(own, other, numbers["share"])
                    for own, other in zip((minimized, plain, hits), others, strict=True)
                )
            extra = self._differentiated(forward, _without_kinks(per_run, numbers))
            mean = tf.reduce_mean(minimized, 1)
            if "flooding" in numbers:
                mean = objective.flooded(mean, numbers["flooding"])
            loss = tf.reduce_sum(mean + extra)
        return tape.gradient(loss, watched), forward, plain, hits, extra

    def _whole(self, found, values, strengths):
        """Return gradients with those of the penalties on the weights; None only where there is none of either."""
        own = [values[i] for i in self.trained]
        return [
            g
            if g is None and not charged
            else pulled(tf.zeros(w.shape) if g is None else tf.convert_to_tensor(g), w, charged)
            for g, w, charged in zip(found, own, strengths, strict=True)
        ]

    def _losses(self, y, outputs, numbers):
        """Return what is minimized, the plain data loss and the hits, each of shape (replicas, batch)."""
        names = [name for name in objective.LOSS_NUMBERS if name in numbers]

        def losses(y: tf.Tensor, outputs: tf.Tensor, *strengths: tf.Tensor) -> tf.Tensor:
            plain = objective.data_loss(self.training.loss, y, outputs)
            own = {name: tf.expand_dims(strength, 1) for name, strength in zip(names, strengths, strict=True)}
            minimized = objective.minimized(self.training.loss, own, y, outputs, plain)
            return tf.stack([minimized, plain, objective.hits(y, outputs)], 1)

        # The exponentials of a loss are rounded alike for every replica.
        return tf.unstack(invariant.in_lanes(losses, y, outputs, *(numbers[name] for name in names)), axis=1)

    def _differentiated(self, forward: Forward, pulling: dict[Key, tf.Tensor] | None = None) -> tf.Tensor:
        """Return the penalties that are differentiated with the loss, of shape (replicas,)."""
        total = self.penalties.differentiated(forward.values, forward.per_run, pulling)
        return functools.reduce(tf.add, forward.charges, total)


def _without_kinks(per_run: dict[Key, tf.Tensor], numbers: dict[str, tf.Tensor]) -> dict[Key, tf.Tensor]:
    """Return what differs between replicas with those strengths 0 that are for the proximal step of a replica."""
    if "proximal" not in numbers:
        return per_run
    on = numbers["proximal"] > 0.0
    return {
        key: tf.where(on, 0.0, x) if key[0] == "variable" and key[2] in proximal.KINDS else x
        for key, x in per_run.items()
    }


def _mixed(own: tf.Tensor, other: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """Return the mixture of two stacked tensors, bit by bit `own` where a replica's share is 1."""
    share = meeting(share, own)
    return tf.where(share < 1.0, share * own + (1.0 - share) * other, own)
