"""The compiled program of a cohort: an epoch of training, the measurement of a split, keeping the best weights.

Whatever differs between runs comes in as tensors, so one program trains cohort after cohort of the same structure and
size. The replicas' weights stay in its variables.
"""

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from lab.engine import optimizers
from lab.engine.averaging import Averaging
from lab.engine.blueprint import Blueprint
from lab.engine.draws import Draws
from lab.engine.forward import Forward
from lab.engine.on_disk import OnDisk, gathered
from lab.engine.penalties import Key, Penalties, norm_axes
from lab.engine.replicas import Values
from lab.engine.stacking import Splits
from lab.engine.step import Step
from lab.engine.update import Update, compiled

if TYPE_CHECKING:
    from lab.training import Training

MEASURED_AT_ONCE = 2**20
"""The most values per replica that a tensor of a measurement may have; a larger split is measured in chunks.

The chunks follow from the structure and not from the number of replicas: see the promise in `lab.engine.cohort`.
"""

FEWEST_AT_ONCE = 32
"""The fewest examples of a chunk, however large a tensor they make."""


BY_STEP = ("mixup", "cutmix", "row_cutmix", "manifold_mixup")
"""The fields of a training that have other numbers in each step."""

COPIED = ("ema", "swa", "lookahead")
"""The fields of a training that take copies of the weights."""


class Program(Step, Averaging):
    """Trains and measures `replicas` models of one structure.

    Args:
        blueprints: one per replica. Their strengths and seeds are not read.
        draws: which replicas draw the same random numbers.
        per_run: the keys of the numbers that differ between the replicas.
        training: of any of the runs; what is read of it they have in common.
        copied: which of `COPIED` any of the runs has.

    Attributes:
        averages: the averages of the weights, which are measured in their place; empty if no run has one.
        slow: the slow weights of the trained ones; empty if no run looks ahead.
        variables: the stacked variables, as the blueprints order them.
        best: the weights of the kept epoch.
        epoch, average, keep: `_epoch`, `_average` and `_keep`, compiled.
    """

    def __init__(
        self,
        blueprints: Sequence[Blueprint],
        draws: Draws,
        per_run: Sequence[Key],
        training: "Training",
        copied: Sequence[str] = (),
    ) -> None:
        first = blueprints[0]
        self.models = list(blueprints) if first.unrolled else [first] * len(blueprints)
        self.replicas = len(blueprints)
        self.draws = draws
        self.training = training
        self.chunk = max(FEWEST_AT_ONCE, MEASURED_AT_ONCE // first.outputs)
        self.variables = [_variable(v, self.replicas) for v in first.variables]
        self.best = [_variable(v, self.replicas) for v in first.variables[: first.weights]]
        self.trained = [i for i, v in enumerate(first.variables[: first.weights]) if v.trainable]
        averaged = first.variables[: first.weights] if "ema" in copied or "swa" in copied else []
        self.averages = [_variable(v, self.replicas) for v in averaged]
        self.slow = [_variable(first.variables[i], self.replicas) for i in self.trained if "lookahead" in copied]
        weights = [first.variables[i] for i in self.trained]
        self.update = Update(
            training,
            [self.variables[i] for i in self.trained],
            [optimizers.decays(v) for v in weights],
            [norm_axes(v.constraint, len(v.shape)) for v in weights],
        )
        self.foreign = [
            i
            for i, axes in zip(self.trained, self.update.axes, strict=True)
            if axes is None and first.variables[i].constraint is not None
        ]
        self.penalties = Penalties([model.variables for model in self.models], self.trained, per_run)
        self.epoch = compiled(self._epoch)
        self.average = compiled(self._average)
        self.keep = compiled(self._keep, input_signature=[tf.TensorSpec([None], tf.int32)])
        # Called as they were traced: to look at dozens of arguments for another trace takes longer than a small split.
        self.compiled: dict[bool | OnDisk, tf.types.experimental.ConcreteFunction] = {}
        self.charging: tf.types.experimental.ConcreteFunction | None = None

    @property
    def memory(self) -> list[keras.Variable]:
        """All that a run remembers from one step to the next besides its variables."""
        return [*self.update.memory, *self.averages, *self.slow]

    def load(self, values: Sequence[np.ndarray | tf.Tensor], memory: Sequence[tf.Tensor] | None, step: int) -> None:
        """Set the variables, and the optimizer's memory (None starts it anew) and its count of steps."""
        for v, value in zip(self.variables, values, strict=True):
            v.assign(value)
        if memory is None:
            memory = [tf.fill(v.shape, optimizers.start(self.training)) for v in self.update.memory]
            memory += [tf.convert_to_tensor(value) for value in values[: len(self.averages)]]
            memory += [tf.convert_to_tensor(values[i]) for i in self.trained if self.slow]
        for v, value in zip(self.memory, memory, strict=True):
            v.assign(value)
        self.update.optimizer.iterations.assign(step)

    def _epoch(
        self,
        train: tuple[tf.Tensor | OnDisk, ...],
        order: tf.Tensor,
        rates: tf.Tensor,
        steps: tf.Tensor,
        decay: tf.Tensor | None,
        numbers: dict[str, tf.Tensor],
        per_run: dict[Key, tf.Tensor],
        seeds: dict[int, tf.Tensor],
    ) -> tf.Tensor:
        """Train one epoch, or the first steps of one.

        Args:
            train: examples, labels and, if there are any, weights of all distinct training splits, one after the other.
                Examples that stay on the disk are read batch by batch.
            order: the rows of each of these that each replica visits, int32 of shape (2 or 3, replicas, visits).
            rates: the learning rates, of shape (steps, replicas).
            steps: how many steps are taken, an int32.
            decay: of shape (replicas,), or None if no replica has any.
            numbers: the fields of `InTraining` and `OfInputs` and label smoothing that any replica has, each of shape
                (replicas,); of mixup the shares, of shape (steps, replicas), of manifold mixup what was drawn, of shape
                (steps, replicas, 2), of CutMix the boxes, of shape (steps, replicas, 4), and for rows the columns; what
                `augmentation.by_visit` drew, as "<field>_drawn", of shape (replicas, visits, 2); and seeds, int64, as
                "noise_seeds" and "swap_seeds".
            per_run, seeds: what differs between the replicas.

        Returns:
            Sums over the visits, of shape (3 + parts, replicas): the data loss, the hits, the penalties that are
            differentiated with the loss, and the parts of those that are not.
        """
        size, visits = self.training.batch_size, tf.shape(order)[2]

        def step(i: tf.Tensor, sums: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            batch = order[:, :, i * size : tf.minimum((i + 1) * size, visits)]
            x, y, *weight = (gathered(values, batch[k]) for k, values in enumerate(train))
            now = {}
            for name, values in numbers.items():
                of_visits = name.endswith("_drawn")
                ends = i * size, tf.minimum((i + 1) * size, visits)
                now[name] = values[:, ends[0] : ends[1]] if of_visits else values[i] if name in BY_STEP else values
            return i + 1, sums + self._step(x, y, weight, rates[i], decay, now, per_run, seeds)

        start = tf.zeros([3 + len(self.penalties.keys), self.replicas])
        return tf.while_loop(lambda i, sums: i < steps, step, [tf.constant(0), start])[1]

    def values(self, best: bool) -> list[tf.Tensor]:
        """Return the values of the variables as they are measured, or those of the kept epoch."""
        kept = self.best if best else self.averages
        return [v.value.read_value() for v in [*kept, *self.variables[len(kept) :]]]

    def charged(self, values: Sequence[tf.Tensor], per_run: dict[Key, tf.Tensor]) -> tf.Tensor:
        """Return `Penalties.parts`, compiled."""
        if self.charging is None:
            self.charging = compiled(self.penalties.parts).get_concrete_function(list(values), per_run)
        return self.charging(list(values), per_run)

    def measure(
        self, values: Sequence[tf.Tensor], split: Sequence[tf.Tensor | OnDisk], per_run: dict[Key, tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Measure a split in inference mode.

        Args:
            values: of the variables, as they are or as they were kept, each of shape (replicas, ...).
            split: what `inputs` returns: the distinct arrays of examples and of labels, each of shape (distinct,
                examples, ...), and which of them each replica has, each of shape (replicas,).
            per_run: what differs between the replicas.

        Returns:
            The data loss and the hit of each example, of shape (replicas, examples), and the penalties that are not in
            the parts of `charged`, of shape (replicas,).
        """
        x, *rest = split
        # Splits differ only in size: with that left open, all of them share one compiled measurement.
        key = x if isinstance(x, OnDisk) else x.shape[0] == 1
        if key not in self.compiled:
            self.compiled[key] = self._compiled_measure(x, rest, values, per_run)
        return self.compiled[key](*(rest if isinstance(x, OnDisk) else split), list(values), per_run)

    def _compiled_measure(self, x, rest, values, per_run):
        y, *rows = (tf.TensorSpec.from_tensor(tensor) for tensor in rest)
        y = tf.TensorSpec([None, None, *y.shape[2:]], y.dtype)
        others = keras.tree.map_structure(tf.TensorSpec.from_tensor, (list(values), per_run))
        if isinstance(x, OnDisk):
            function = compiled(functools.partial(self._measure, x), input_signature=[y, *rows, *others])
            return function.get_concrete_function()
        distinct = 1 if x.shape[0] == 1 else None
        x = tf.TensorSpec([distinct, None, *x.shape[2:]], x.dtype)
        return compiled(self._measure, input_signature=[x, y, *rows, *others]).get_concrete_function()

    def _measure(self, x, y, x_rows, y_rows, values, per_run):
        examples = x.shape[1] if isinstance(x, OnDisk) else tf.shape(x)[1]
        chunks = (examples + self.chunk - 1) // self.chunk

        def measure(i, losses, hits, extra):
            start, end = i * self.chunk, tf.minimum((i + 1) * self.chunk, examples)
            chunk_x = x.chunk(start, end) if isinstance(x, OnDisk) else x[:, start:end]
            chunk_y = tf.gather(y[:, start:end], y_rows)
            if x.shape[0] != 1:
                chunk_x = tf.gather(chunk_x, x_rows)
            loss, hit, more = self._measure_chunk(values, chunk_x, chunk_y, per_run)
            extra += more * tf.cast(end - start, tf.float32)
            return i + 1, losses.write(i, tf.transpose(loss)), hits.write(i, tf.transpose(hit)), extra

        def array() -> tf.TensorArray:
            return tf.TensorArray(tf.float32, chunks, infer_shape=False, element_shape=[None, self.replicas])

        start = [tf.constant(0), array(), array(), tf.zeros([self.replicas])]
        _, losses, hits, extra = tf.while_loop(lambda i, *_: i < chunks, measure, start)
        return tf.transpose(losses.concat()), tf.transpose(hits.concat()), extra / tf.cast(examples, tf.float32)

    def _measure_chunk(self, values, x, y, per_run):
        forward = Forward(
            models=self.models,
            replicas=self.replicas,
            values=Values(values),
            per_run=per_run,
            draws=self.draws,
            seeds={},
            step=tf.constant(0, tf.int64),
            training=False,
            batch=self.chunk,
        )
        _, plain, hits = self._losses(y, forward.run(x), {})
        return plain, hits, self._differentiated(forward)

    def _keep(self, rows: tf.Tensor) -> None:
        """Copy the weights of some replicas, int32 of shape (some,), to `best`."""
        for best, v in zip(self.best, self.averages or self.variables, strict=False):
            best.value.scatter_update(tf.IndexedSlices(tf.gather(v.value.read_value(), rows), rows))


def inputs(splits: Splits, rows: np.ndarray) -> tuple[tf.Tensor | OnDisk, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return a split as `Program.measure` takes it, for the runs in `rows`."""
    return splits.x.values, splits.y.values, tf.constant(splits.x.rows[rows]), tf.constant(splits.y.rows[rows])


def _variable(v: keras.Variable, replicas: int) -> keras.Variable:
    shape = (replicas, *v.shape)
    return keras.Variable(initializer="zeros", shape=shape, dtype=v.dtype, trainable=v.trainable, name=v.name)
