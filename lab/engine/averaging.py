"""The equal average of a cohort's weights over epochs (SWA), and the moving statistics of normalization that fit it."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from lab.engine import copies, recalibration
from lab.engine.on_disk import OnDisk, gathered
from lab.engine.passes import Passes
from lab.engine.penalties import Key, meeting


class Averaging(Passes):
    """The averages of a `Program`, which sets the attributes, at the end of an epoch.

    Attributes:
        averages: of the weights; empty if no run has them.
    """

    averages: Sequence[keras.Variable]

    def _average(
        self,
        shares: tf.Tensor,
        begun: tf.Tensor,
        examples: tf.Tensor | OnDisk,
        order: tf.Tensor,
        per_run: dict[Key, tf.Tensor],
        seeds: dict[int, tf.Tensor],
    ) -> None:
        """Let the weights join the averages.

        Args:
            shares: how far each average goes towards the weights, of shape (replicas,): 0 leaves it alone.
            begun: whether it is an average by now, or will be: bool of shape (replicas,).
            examples: as `train` of `Program.epoch` has them.
            order: their rows that each replica visited in the epoch, int32 of shape (replicas, visits).
            per_run, seeds: as for `Program.epoch`.
        """
        for average, v in zip(self.averages, self.variables, strict=False):
            both = average.value.read_value(), v.value.read_value()
            average.value.assign(copies.joined(*both, shares))
        found = self._statistics(examples, order, per_run, seeds)
        for place, value in found.items():
            average = self.averages[place]
            now = begun & (shares > 0.0)
            average.value.assign(tf.where(meeting(now, value), value, average.value.read_value()))

    def _statistics(self, examples, order, per_run, seeds):
        """Return the moving statistics of the averages by place: the means of those of the batches of an epoch."""
        places = recalibration.places(self.models[0])
        if not places:
            return {}
        kept = [v.value.read_value() for v in [*self.averages, *self.variables[len(self.averages) :]]]
        # Besides the statistics a pass may change the seeds of operations that are unrolled.
        changing = [i for i in range(len(kept)) if i in places or i >= len(self.averages)]
        size, visits = self.training.batch_size, tf.shape(order)[1]

        def follow(i: tf.Tensor, state: list[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
            rows = order[:, i * size : tf.minimum((i + 1) * size, visits)]
            x, seen = gathered(examples, rows), tf.cast(i * size, tf.float32)
            momentum = seen / (seen + tf.cast(tf.shape(rows)[1], tf.float32))
            values = list(kept)
            for place, value in zip(changing, state, strict=True):
                values[place] = value
            numbers = {
                key: tf.fill(x.shape[:1], momentum if key[2] == "momentum" else 1.0 - momentum)
                if key[2] in ("momentum", "renewal")
                else number
                for key, number in per_run.items()
            }
            with recalibration.momentum_of([model.model for model in self.models], momentum):
                forward = self._forward(values, numbers, seeds, tf.cast(i, tf.int64))
                forward.run(x)
            return i + 1, [forward.values[place] for place in changing]

        start = [tf.zeros_like(kept[i]) if i in places else kept[i] for i in changing]
        batches = (visits + size - 1) // size
        _, found = tf.while_loop(lambda i, _: i < batches, follow, [tf.constant(0), start])
        return {place: value for place, value in zip(changing, found, strict=True) if place in places}
