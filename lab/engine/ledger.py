"""A model around the model of a run that `keras.Model.fit` trains: its losses, its steps, and what follows them."""

import contextlib
import functools
from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf

from lab import regularizers
from lab.engine import (
    copies,
    gradients,
    keras_internals,
    mixing,
    objective,
    proximal,
    recalibration,
    smoothness,
    stacking,
)
from lab.engine.task import Task
from lab.training.averaging import first_averaged, joining


class Ledger(keras.Model):
    """A model around the model that logs data loss and penalty apart, of which Keras logs only the sum."""

    def __init__(self, model: keras.Model, task: Task) -> None:
        super().__init__(name="ledger")
        self.model = model
        self.training = task.training
        self.numbers = {name: tf.constant(values) for name, values in stacking.in_training([task]).items()}
        self.averages = [tf.Variable(v.value) for v in model.weights] if task.training.ema or task.training.swa else []
        self.slow = [tf.Variable(v.value) for v in model.trainable_variables] if task.training.lookahead else []
        self.drawn: tf.Tensor | None = None
        self.places = mixing.places(model) if task.training.manifold_mixup else []
        self.following = tf.function(functools.partial(recalibration.follow, model), autograph=False)
        self.data_losses = keras.metrics.Mean("data_loss")
        self.penalties = keras.metrics.Mean("penalty")
        self.accuracies = keras.metrics.Mean("accuracy")

    def call(self, x, training=None):
        """Call the model; a step with manifold mixup mixes the examples on their way."""
        if self.drawn is None:
            return self.model(x, training=training)

        def change(layer, made):
            place = mixing.INPUT if layer is None else id(layer)
            return mixing.mixed(made, mixing.at(self.places, place, self.drawn)) if place in self.places else made

        return keras_internals.run_on(self.model, x, change)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Return what is minimized of a batch; log its data loss, its penalty and its accuracy."""
        penalty = self._penalty()
        minimized, plain, hits = self._of_labels(y, y_pred, sample_weight)
        self.data_losses.update_state(plain)
        self.penalties.update_state(penalty, sample_weight=tf.shape(plain)[0])
        self.accuracies.update_state(hits)
        return self._whole(minimized, penalty, training)

    def _penalty(self):
        """Return the sum of the penalties of the last call."""
        return tf.add_n([tf.cast(loss, tf.float32) for loss in self.losses]) if self.losses else tf.constant(0.0)

    def _whole(self, minimized, penalty, training=True):
        """Return what is minimized of a batch, by what is minimized of each example and the penalty."""
        mean = tf.reduce_mean(minimized)
        if self.training.flooding:
            mean = objective.flooded(mean, self.training.flooding)
        if self.training.proximal and training:
            # Penalties that the proximal step applies are reported, but left out of the gradients.
            penalty = penalty - sum(kinked(v.value) for v, kinked in self._with_kinks())
        return mean + penalty

    def _of_labels(self, y, y_pred, weight):
        """Return what is minimized, the plain data loss and the hits of each example."""
        if isinstance(y, tuple):
            # Mixed examples: their labels, those of what was mixed in, and the shares.
            own, other, share, *_ = y
            others = self._of_labels(other, y_pred, None if weight is None else tf.roll(weight, 1, 0))
            pairs = zip(self._of_labels(own, y_pred, weight), others, strict=True)
            return tuple(share * a + (1.0 - share) * b for a, b in pairs)
        plain = objective.data_loss(self.training.loss, y, y_pred)
        minimized = objective.minimized(self.training.loss, objective.numbers(self.training), y, y_pred, plain)
        return minimized if weight is None else minimized * weight, plain, objective.hits(y, y_pred)

    def _with_kinks(self):
        """Return the weights with penalties that have a kink, each with what it is charged for them alone."""
        found = []
        for v in self.model.trainable_variables:
            known = regularizers.strengths(v.regularizer) or {}
            kinked = {name: known[name] for name in proximal.KINDS if known.get(name)}
            if kinked:
                found.append((v, regularizers.KernelPenalty(**kinked)))
        return found

    def train_step(self, data):
        """Take a step with what follows it."""
        if self.training.manifold_mixup:
            self.drawn = keras.utils.unpack_x_y_sample_weight(data)[1][3]
        logs = self._proximal_step(data) if self.training.proximal else self._gradient_step(data)
        self.drawn = None
        steps, numbers = self.optimizer.iterations.value, self.numbers
        for slow, v in zip(self.slow, self.trainable_variables if self.slow else (), strict=True):
            both = slow.read_value()[None], v.value.read_value()[None]
            moved = copies.looked_ahead(*both, numbers["lookahead"], numbers["lookahead_pull"], steps)
            slow.assign(moved[0][0])
            v.assign(moved[1][0])
        for average, v in zip(self.averages, self.model.weights, strict=False):
            if self.training.swa:
                break  # These move at the end of an epoch.
            both = average.read_value()[None], v.value.read_value()[None]
            average.assign(copies.averaged(*both, numbers["ema"], steps)[0])
        return logs

    def average(self, epoch: int, batches: Iterable[np.ndarray]) -> None:
        """Let the weights of an epoch join their equal average, and give it moving statistics of its own.

        Args:
            epoch: from 1.
            batches: the examples that the epoch visited, batch by batch.
        """
        training = self.training
        share = joining(training.swa, training.swa_every, training.epochs, epoch)
        for average, v in zip(self.averages, self.model.weights, strict=True):
            both = average.read_value()[None], v.value.read_value()[None]
            average.assign(copies.joined(*both, tf.constant([share]))[0])
        places = {id(v): i for i, v in enumerate(self.model.weights)}
        moving = recalibration.statistics(self.model)
        if not moving or not share or epoch < first_averaged(training.swa, training.epochs):
            return
        here = [(v, v.value.read_value()) for v in self.model.variables]
        with self.as_measured():
            for v in moving:
                v.assign(tf.zeros_like(v.value))
            seen = 0.0
            for x in batches:
                self.following(tf.constant(x), tf.constant(seen))
                seen += len(x)
            for v in moving:
                self.averages[places[id(v)]].assign(v.value.read_value())
        for v, value in here:
            v.assign(value)

    @contextlib.contextmanager
    def as_measured(self):
        """Give the model the averages of its weights for a while, if it has any."""
        own = [v.numpy() for v in self.model.weights] if self.averages else []
        if self.averages:
            self.model.set_weights([average.numpy() for average in self.averages])
        yield
        if self.averages:
            self.model.set_weights(own)

    def _proximal_step(self, data):
        # The step that follows has the rate of the one before the counter goes on.
        rate = tf.reshape(self.optimizer.learning_rate, [1])
        logs = self._gradient_step(data)
        for v, kinked in self._with_kinks():
            known = regularizers.strengths(kinked) or {}
            strengths = {name: tf.constant([known[name]]) for name in proximal.KINDS if known[name]}
            v.assign(proximal.shrunk(v.value.read_value()[None], strengths, rate)[0])
        return logs

    def _gradient_step(self, data):
        """Take a step, as Keras does unless something is to be done to the gradients."""
        if not self.numbers.keys() & {*gradients.GRADIENT_NUMBERS, *smoothness.SMOOTHNESS_NUMBERS}:
            return super().train_step(data)
        weights, states = self.trainable_variables, self.model.non_trainable_variables
        before = [v.value.read_value() for v in states]
        found, slope = self._gradients(data)
        logs = self.get_metrics_result()
        if "adversarial" in self.numbers:
            x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
            there = gradients.attacked(x[None], slope[None], self.numbers["adversarial"])[0]
            second = self._again((there, y, weight), [w.value.read_value() for w in weights], before)
            found = gradients.halved(found, second)
        for name in self.numbers.keys() & set(gradients.SECOND_PASS):
            stacked = [w.value.read_value()[None] for w in weights]
            sizes = gradients.sizes_of(stacked) if name == "adaptive_sharpness" else None
            there = gradients.uphill(stacked, found, self.numbers[name], sizes)
            found = self._again(data, [w[0] for w in there], before)
        if "clip_norm" in self.numbers:
            found = gradients.clipped(found, self.numbers["clip_norm"])
        if "gradient_noise" in self.numbers:
            step = tf.cast(self.optimizer.iterations.value, tf.int64)
            found = gradients.noisy(found, self.numbers["gradient_noise"], self.numbers["noise_seeds"], step)
        self.optimizer.apply_gradients([(g[0], v) for g, v in zip(found, weights, strict=True) if g is not None])
        return logs

    def _again(self, data, there, before):
        """Return the gradients at other weights or examples, in a second pass that leaves nothing behind.

        It draws what the first drew, and neither statistics nor sums keep it.

        Args:
            data: the batch.
            there: the values of the weights.
            before: those of the other variables before the first pass.
        """
        weights, states = self.trainable_variables, self.model.non_trainable_variables
        kept = [*weights, *states, *self.metrics_variables]
        here = [(v, v.value.read_value()) for v in kept]
        for v, value in zip([*weights, *states], [*there, *before], strict=True):
            v.assign(value)
        found, _ = self._gradients(data)
        for v, value in here:
            v.assign(value)
        return found

    def _gradients(self, data):
        """Return the gradients of the weights, as those of one replica, and that of the examples if it is wanted."""
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        of_inputs = "adversarial" in self.numbers
        with tf.GradientTape() as tape:
            if of_inputs:
                tape.watch(x)
            with tf.GradientTape(watch_accessed_variables=False) as by_examples:
                if self.training.gradient_penalty:
                    by_examples.watch(x)
                states = [(v, v.value.read_value()) for v in self.model.non_trainable_variables]
                outputs = self(x, training=True)
                plain = self._of_labels(y, outputs, weight)[1]
            loss = self.compute_loss(x, y, outputs, weight)
            if self.training.gradient_penalty:
                steepness = smoothness.steepness(by_examples.gradient(plain, x), 1)
                loss += self.training.gradient_penalty * tf.reduce_mean(_weighted(steepness, y, weight))
            if self.training.r_drop:
                others = self._with_other_masks(x, states)
                other = self._whole(self._of_labels(y, others, weight)[0], self._penalty())
                apart = smoothness.disagreement(self.training.loss, outputs, others)
                loss = 0.5 * (loss + other) + self.training.r_drop * tf.reduce_mean(_weighted(apart, y, weight))
        wanted = [*self.trainable_variables, *([x] if of_inputs else [])]
        found = tape.gradient(loss, wanted)
        slope = found.pop() if of_inputs else None
        return [None if g is None else tf.convert_to_tensor(g)[None] for g in found], slope

    def _with_other_masks(self, x, states):
        """Return the outputs of a second pass that draws by the next seeds and leaves nothing behind.

        Args:
            x: the examples.
            states: the variables that no gradient trains, with their values before the first pass.
        """
        here = [(v, v.value.read_value()) for v, _ in states]
        for v, value in states:
            v.assign(value + tf.constant([1, 0], value.dtype) if v.name == keras_internals.SEED_STATE else value)
        outputs = self(x, training=True)
        for v, value in here:
            v.assign(value)
        return outputs


def _weighted(term, y, weight):
    """Return a term of each example times the weights of examples, mixed as they are."""
    if weight is None:
        return term
    if isinstance(y, tuple):
        share = y[2]
        weight = share * weight + (1.0 - share) * tf.roll(weight, 1, 0)
    return term * weight
