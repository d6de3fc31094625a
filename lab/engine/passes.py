"""One pass of a cohort over a batch: from the examples to the loss of each replica and its gradients."""

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from lab.engine import invariant, keras_internals, objective, proximal, smoothness
from lab.engine.blueprint import Blueprint
from lab.engine.draws import Draws
from lab.engine.forward import Forward
from lab.engine.penalties import Key, Penalties, meeting
from lab.engine.replicas import Values
from lab.engine.update import Update

if TYPE_CHECKING:
    from lab.training import Training


class Passes:
    """The passes of a `Program`, which sets the attributes.

    Attributes:
        models: the blueprints of the replicas.
        replicas: how many there are.
        draws: which of them draw the same random numbers.
        training: of any of the runs; what is read of it they have in common.
        variables: the stacked variables, as the blueprints order them.
        trained: the places of the trained ones.
        update: of the trained ones.
        penalties: on them.
    """

    models: Sequence[Blueprint]
    replicas: int
    draws: Draws
    training: "Training"
    variables: Sequence[keras.Variable]
    trained: list[int]
    update: Update
    penalties: Penalties

    def _pass(self, values, x, y, weight, numbers, per_run, seeds):
        """Return the gradients at some values, the pass itself, the plain data loss, the hits and the penalties.

        The last gradient is that of the examples, if any are attacked.
        """
        forward = self._forward(values, per_run, seeds)
        watched = [values[i] for i in self.trained] + ([x] if "adversarial" in numbers else [])
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(watched)
            loss, outputs, plain, hits, extra = self._loss(forward, x, y, weight, numbers, per_run)
            if "r_drop" in numbers:
                # Other masks: the seeds of the second pass are the next ones, and it leaves nothing behind.
                other_seeds = {i: rows + tf.constant([1, 0], rows.dtype) for i, rows in seeds.items()}
                again = self._forward([self._reseeded(*one) for one in enumerate(values)], per_run, other_seeds)
                other, others, *_ = self._loss(again, x, y, weight, numbers, per_run)
                apart = invariant.in_lanes(
                    functools.partial(smoothness.disagreement, self.training.loss), outputs, others
                )
                strength = numbers["r_drop"]
                both = 0.5 * (loss + other) + strength * tf.reduce_mean(_weighted(apart, weight, numbers), 1)
                loss = tf.where(strength > 0.0, both, loss)
            loss = tf.reduce_sum(loss)
        return tape.gradient(loss, watched), forward, plain, hits, extra

    def _forward(self, values, per_run, seeds, later=0):
        return Forward(
            models=self.models,
            replicas=self.replicas,
            values=Values(list(values)),
            per_run=per_run,
            draws=self.draws,
            seeds=seeds,
            step=self.update.optimizer.iterations.value + later,
            training=True,
            batch=self.training.batch_size,
        )

    def _reseeded(self, i, value):
        """Return a variable's values for other masks: the seeds of operations that are unrolled are variables."""
        is_seed = i >= self.models[0].weights and self.variables[i].name == keras_internals.SEED_STATE
        return value + tf.constant([1, 0], value.dtype) if is_seed else value

    def _loss(self, forward, x, y, weight, numbers, per_run):
        """Return what is minimized, of shape (replicas,), the outputs, and what `_pass` returns of a pass."""
        with tf.GradientTape(watch_accessed_variables=False) as by_examples:
            if "gradient_penalty" in numbers:
                by_examples.watch(x)
            outputs = forward.run(x, numbers.get("manifold_mixup"))
            minimized, plain, hits = self._losses(y, outputs, numbers)
            if weight:
                minimized *= weight[0]
            if "share" in numbers:
                others = self._losses(tf.roll(y, 1, 1), outputs, numbers)
                if weight:
                    others[0] *= tf.roll(weight[0], 1, 1)
                minimized, plain, hits = (
                    mixed(own, other, numbers["share"])
                    for own, other in zip((minimized, plain, hits), others, strict=True)
                )
        mean = tf.reduce_mean(minimized, 1)
        if "flooding" in numbers:
            mean = objective.flooded(mean, numbers["flooding"])
        if "gradient_penalty" in numbers:
            steep = functools.partial(smoothness.steepness, leading=2)
            steepness = invariant.in_lanes(steep, by_examples.gradient(plain, x))
            strength = numbers["gradient_penalty"]
            more = mean + strength * tf.reduce_mean(_weighted(steepness, weight, numbers), 1)
            mean = tf.where(strength > 0.0, more, mean)
        extra = self._differentiated(forward, without_kinks(per_run, numbers))
        return mean + extra, outputs, plain, hits, extra

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


def without_kinks(per_run: dict[Key, tf.Tensor], numbers: dict[str, tf.Tensor]) -> dict[Key, tf.Tensor]:
    """Return what differs between replicas with those strengths 0 that are for the proximal step of a replica."""
    if "proximal" not in numbers:
        return per_run
    on = numbers["proximal"] > 0.0
    return {
        key: tf.where(on, 0.0, x) if key[0] == "variable" and key[2] in proximal.KINDS else x
        for key, x in per_run.items()
    }


def _weighted(term: tf.Tensor, weight: Sequence[tf.Tensor], numbers: dict[str, tf.Tensor]) -> tf.Tensor:
    """Return a term of each example, of shape (replicas, batch), times the weights of examples, mixed as they are."""
    if not weight:
        return term
    (own,) = weight
    return term * (mixed(own, tf.roll(own, 1, 1), numbers["share"]) if "share" in numbers else own)


def mixed(own: tf.Tensor, other: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """Return the mixture of two stacked tensors, bit by bit `own` where a replica's share is 1."""
    share = meeting(share, own)
    return tf.where(share < 1.0, share * own + (1.0 - share) * other, own)
