"""Two steps of a cohort with unrolled operations, compared with Keras on the real model before it trains.

A model with layers of people's own may do what no check expects, so it is tried: the very program that will train takes
two steps, and the first run's are compared with those of Keras's own arithmetic. Keras goes on from the weights of the
cohort each time, so that rounding, which some optimizers amplify, does not add up. What it costs is Keras's own graph,
whatever the size of the data.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from lab.checks import is_out_of_memory
from lab.engine import keras_internals, objective, optimizers, stacking
from lab.engine.graph import RefusedError
from lab.engine.loop import Loop
from lab.engine.task import Task
from lab.engine.tensorflow import graph_options
from lab.engine.update import compiled

STEPS = 2
MEASURED = 16
"""The most examples of a split that are measured."""

RATES = {"sgd": 0.05, "momentum": 0.05, "nesterov": 0.05}
RATE = 1e-3
"""The learning rates of the steps: plain ones show the gradient itself, those of the other optimizers are all alike."""

TOLERANCE = 1e-3
"""The largest relative error of a measured number, or of how far a weight has moved."""

SMALL = 1e-2
"""The share of a weight's largest gradient below which optimizers that divide by its size may amplify rounding."""

DENSE_ONLY = ("adagrad", "rmsprop", "adam", "adamw")
"""Optimizers that square each part of a sparse gradient, where cohorts square the sum of the parts."""


def rehearse(loop: Loop) -> None:
    """Take two steps of a cohort, compare those of its first run with Keras's, and put everything back.

    Args:
        loop: the cohort, before its first epoch.

    Raises:
        RefusedError: the two differ by more than rounding, or the model does what cohorts cannot compute.
    """
    before = loop.program.values(best=False)
    try:
        with np.errstate(all="ignore"):
            _compare_steps(loop)
    except Exception as error:
        if isinstance(error, RefusedError) or is_out_of_memory(error):
            raise
        # The layers are anybody's code, called in a way they were not written for.
        raise RefusedError(f"a cohort cannot compute it: {type(error).__name__}: {error}") from error
    loop.program.load(before, None, 0)


def _compare_steps(loop: Loop) -> None:
    program, task = loop.program, loop.runs[0].task
    rate = RATES.get(task.training.optimizer, RATE)
    reference = _Reference(task, rate)
    for _ in range(STEPS):
        starts = [v.numpy() for v in reference.weights]
        _compare_all(_measured(loop), reference.measured())
        expected, gradients = reference.step()
        _compare_all(_step(loop, rate), expected)
        weights = [v.value[0].numpy() for v in program.variables[: len(starts)]]
        memory = [v.value[0].numpy() for v in program.update.memory]
        _compare_memory(reference, memory)
        _compare_weights(reference, weights, starts, gradients)
        reference.adopt(weights, memory)


def _step(loop: Loop, rate: float) -> dict[str, float]:
    """Train the first batch of the first epoch and return what the first run sees of it."""
    steps = loop.training.steps(loop.train_split.examples)
    rates = np.full((steps, len(loop.members)), rate, np.float32)
    (data_loss, _, extra, *penalties), visits = loop.take_steps(1, rates, loop.numbers(), 1, loop.only_of_the_loss())
    seen = min(loop.training.batch_size, visits)
    return {"data_loss": data_loss[0] / seen, "penalty": (sum(part[0] for part in penalties) + extra[0]) / seen}


def _measured(loop: Loop) -> dict[str, float]:
    """Measure the first examples of both splits and return what is found of the first run."""
    whole = loop.measured, loop.validation
    splits = [stacking.part(split, np.arange(min(MEASURED, split.examples))) for split in whole]
    train, validation = (values[:, 0] for values in loop.measure(False, splits, loop.numbers()))
    return {"train_data_loss": train[0], "val_data_loss": validation[0], "val_penalty": validation[1]}


class _Reference:
    """Keras's own arithmetic on the real model of a run.

    Args:
        task: the run; its first batch is used, with its weights, and the first examples of the splits.
        rate: the learning rate.

    Attributes:
        weights: the model's, as the cohort orders them.
        memory: the optimizer's.
    """

    def __init__(self, task: Task, rate: float) -> None:
        training, data = task.training, task.data
        self.model = task.build()
        self.training = training
        self.weights = list(self.model.weights)
        self.trained = [v for v in self.weights if v.trainable]
        self.optimizer = optimizers.optimizer(training, rate, self.trained)
        self.optimizer.build(self.trained)
        self.memory = keras_internals.memory(self.optimizer)
        batch = training.order(len(data.train.y), task.seed, 1)[: training.batch_size]
        weight = np.ones(len(data.train.y), np.float32) if data.train.weight is None else data.train.weight
        self.batch = [tf.constant(np.asarray(a[batch])) for a in (data.train.x, data.train.y, weight)]
        part = slice(None) if task.part is None else task.part
        train = data.train.x[part], data.train.y[part]
        validation = data.validation.x, data.validation.y
        self.splits = [[tf.constant(np.asarray(a[:MEASURED])) for a in split] for split in (train, validation)]
        # Compiled, as Keras does it: uncompiled, a recurrent layer takes a second per hundred positions.
        signature = [tf.TensorSpec([None, *a.shape[1:]], a.dtype) for a in self.batch]
        self._compiled_step = compiled(self._step, input_signature=signature)
        self._compiled_measure = compiled(self._measure, input_signature=signature[:2])

    def step(self) -> tuple[dict[str, float], list[np.ndarray | None]]:
        """Take a step; return what is seen of the batch before it, and the gradient of each trained weight."""
        with graph_options(disable_meta_optimizer=True):
            plain, penalty, gradients = self._compiled_step(*self.batch)
        given = [None if gradient is None else gradient.numpy() for gradient in gradients]
        return {"data_loss": float(plain), "penalty": float(penalty)}, given

    def measured(self) -> dict[str, float]:
        """Measure the first examples of both splits."""
        with graph_options(disable_meta_optimizer=True):
            (train, _), (validation, penalty) = (self._compiled_measure(*split) for split in self.splits)
        found = {"train_data_loss": train, "val_data_loss": validation, "val_penalty": penalty}
        return {name: float(value) for name, value in found.items()}

    def adopt(self, weights: list[np.ndarray], memory: list[np.ndarray]) -> None:
        """Go on from these values."""
        for v, value in zip([*self.weights, *self.memory], [*weights, *memory], strict=True):
            v.assign(value)

    def _step(self, x: tf.Tensor, y: tf.Tensor, weight: tf.Tensor) -> tuple:
        training, variables = self.training, self.model.trainable_variables
        with tf.GradientTape() as tape:
            outputs = self.model(x, training=True)
            plain = objective.data_loss(training.loss, y, outputs)
            minimized = objective.minimized(training.loss, objective.numbers(training), y, outputs, plain)
            penalty = self._penalty()
            loss = tf.reduce_mean(minimized * weight) + penalty
        gradients = tape.gradient(loss, variables)
        for v, gradient in zip(variables, gradients, strict=True):
            if isinstance(gradient, tf.IndexedSlices) and training.optimizer in DENSE_ONLY:
                raise RefusedError(
                    f"its weight {v.path} has a sparse gradient, whose parts {training.optimizer} squares one by one, "
                    "and cohorts square their sum"
                )
        known = [(g, v) for g, v in zip(gradients, variables, strict=True) if g is not None]
        if known:
            self.optimizer.apply_gradients(known)
        dense = {id(v): tf.convert_to_tensor(gradient) for gradient, v in known}
        return tf.reduce_mean(plain), penalty, [dense.get(id(v)) for v in self.trained]

    def _measure(self, x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        outputs = self.model(x, training=False)
        return tf.reduce_mean(objective.data_loss(self.training.loss, y, outputs)), self._penalty()

    def _penalty(self) -> tf.Tensor:
        return tf.add_n([tf.zeros([]), *(tf.cast(loss, tf.float32) for loss in self.model.losses)])


def _compare_all(found: dict[str, float], expected: dict[str, float]) -> None:
    for name, wanted in expected.items():
        _compare(name, found[name], wanted, max(abs(wanted), 1e-2))


def _compare_memory(reference: _Reference, found: list[np.ndarray]) -> None:
    wanted = [v.numpy() for v in reference.memory]
    # Keras keeps the kinds of one weight side by side. A weight whose gradient is nothing but rounding is no scale.
    kinds = max(1, len(wanted) // max(1, len(reference.trained)))
    largest = [max((float(np.abs(a).max()) for a in wanted[k::kinds] if a.size), default=0.0) for k in range(kinds)]
    for i, (mine, own) in enumerate(zip(found, wanted, strict=True)):
        if own.size:
            scale = max(float(np.abs(own).max()), 1e-3 * largest[i % kinds], 1e-12)
            _compare(f"the optimizer's {reference.memory[i].path}", mine, own, scale)


def _compare_weights(
    reference: _Reference, found: list[np.ndarray], starts: list[np.ndarray], gradients: list[np.ndarray | None]
) -> None:
    wanted = [v.numpy() for v in reference.weights]
    step = max((float(np.abs(a - b).max()) for a, b in zip(wanted, starts, strict=True) if a.size), default=0.0)
    slope = {id(v): gradient for v, gradient in zip(reference.trained, gradients, strict=True)}
    steepest = max((float(np.abs(g).max()) for g in gradients if g is not None and g.size), default=0.0)
    for v, mine, own in zip(reference.weights, found, wanted, strict=True):
        if not own.size:
            continue
        gradient = slope.get(id(v))
        if gradient is not None and reference.training.optimizer not in RATES:
            # A gradient of nothing but rounding moves a weight as far as any other does, in whatever direction.
            size = np.abs(np.nan_to_num(gradient))
            steep = size >= SMALL * max(float(size.max()), SMALL * steepest)
            mine = np.where(steep, mine, own)
        _compare(f"the weight {v.path}", mine, own, max(step, 1e-3 * float(np.abs(own).max()), 1e-6))


def _compare(name: str, found: Any, wanted: Any, scale: float) -> None:
    off = float(np.max(np.abs(np.nan_to_num(found) - np.nan_to_num(wanted)))) / scale
    if off > TOLERANCE:
        raise RefusedError(
            f"its first steps in a cohort are not those of Keras: {name} is off by {off:.1g} of its size, "
            f"which is more than rounding"
        )
