"""One step of training of a cohort: its passes, what is done to the gradients, and the update."""

import functools
from collections.abc import Sequence

import keras
import tensorflow as tf

from lab.engine import augmentation, copies, gradients, invariant, proximal
from lab.engine.passes import Passes, mixed, without_kinks
from lab.engine.penalties import meeting, pulled


class Step(Passes):
    """The steps of a `Program`, which sets the attributes.

    Attributes:
        foreign: the places of those trained variables that have constraints of people's own.
        averages, slow: copies of the weights, and of the trained ones; empty if no run has them.
    """

    foreign: list[int]
    averages: Sequence[keras.Variable]
    slow: Sequence[keras.Variable]

    def _step(self, x, y, weight, rates, decay, numbers, per_run, seeds):
        values = [v.value.read_value() for v in self.variables]
        pulling = without_kinks(per_run, numbers)
        strengths = [self.penalties.strengths(i, pulling) for i in self.trained]
        x = augmentation.changed(x, numbers, tf.cast(self.update.optimizer.iterations.value, tf.int64))
        shares = []
        if "mixup" in numbers:
            x = mixed(x, tf.roll(x, 1, 1), numbers["mixup"])
            shares.append(numbers["mixup"])
        if "cutmix" in numbers:
            x, share = augmentation.pasted(x, numbers["cutmix"])
            shares.append(share)
        if "row_cutmix" in numbers:
            x, share = augmentation.exchanged(x, numbers["row_cutmix"])
            shares.append(share)
        if "manifold_mixup" in numbers:
            shares.append(numbers["manifold_mixup"][:, 0])
        if shares:
            # A run has one of these, and the share 1 of the others.
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
            before, weights = average.value.read_value(), v.value.read_value()
            moved = copies.averaged(before, weights, numbers.get("ema", tf.zeros([self.replicas])), steps)
            if "swa" in numbers:
                # These move at the end of an epoch.
                moved = tf.where(meeting(numbers["swa"], before) > 0.0, before, moved)
            average.value.assign(moved)

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

    def _whole(self, found, values, strengths):
        """Return gradients with those of the penalties on the weights; None only where there is none of either."""
        own = [values[i] for i in self.trained]
        return [
            g
            if g is None and not charged
            else pulled(tf.zeros(w.shape) if g is None else tf.convert_to_tensor(g), w, charged)
            for g, w, charged in zip(found, own, strengths, strict=True)
        ]
