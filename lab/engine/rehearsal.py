"""Two steps of one run, compared with Keras on the real model before a cohort with unrolled operations trains.

A model with layers of people's own may do what no check expects, so it is tried. Both sides take steps of plain
gradient descent on a few examples, which does not amplify rounding, and measure after each step. It takes a second or
two, most of it for making the graphs of both sides, whatever the size of the data.
"""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lab.checks import is_out_of_memory
from lab.data import Split
from lab.engine import objective, optimizers
from lab.engine.blueprint import Blueprint
from lab.engine.graph import RefusedError
from lab.engine.loop import Loop
from lab.engine.task import Task

STEPS = 2
EXAMPLES = 16
RATE = 0.05
TOLERANCE = 1e-3
"""The largest relative error of a measured number, or of how far a weight has moved."""

DENSE_ONLY = ("adagrad", "rmsprop", "adam", "adamw")
"""Optimizers that square each part of a sparse gradient, where cohorts square the sum of the parts."""


@dataclass(frozen=True)
class _Splits:
    """The first examples of a run's data."""

    train: Split
    validation: Split
    test: Split


def rehearse(task: Task, blueprint: Blueprint) -> None:
    """Take two steps of a run in a cohort of its own and with Keras, and compare what is measured after each.

    Args:
        task: the run; its first examples are used, with their weights.
        blueprint: of its model.

    Raises:
        RefusedError: the two differ by more than rounding, or the model does what cohorts cannot compute.
    """
    short = _short(task)
    results: list[Any] = []
    try:
        with _graphs_as_they_are(), np.errstate(all="ignore"):
            expected, weights, starts = _with_keras(short, task.training.optimizer)
            loop = Loop([short], [blueprint], {}, time.perf_counter())
            loop.train(lambda *_: None, lambda _, trained: results.append(trained))
    except Exception as error:
        if isinstance(error, RefusedError) or is_out_of_memory(error):
            raise
        # The layers are anybody's code, called in a way they were not written for.
        raise RefusedError(f"a cohort cannot compute it: {type(error).__name__}: {error}") from error
    (trained,) = results
    names = list(expected[0])
    for epoch, row in enumerate(trained.rows):
        for name in names:
            _compare(name, row[name], expected[epoch][name], max(abs(expected[epoch][name]), 1e-2))
    if trained.weights is None or trained.kept_epoch is None:
        return
    kept = weights[trained.kept_epoch - 1]
    step = max((float(np.abs(a - b).max()) for a, b in zip(kept, starts, strict=True) if a.size), default=0.0)
    for v, found, wanted in zip(blueprint.variables, trained.weights, kept, strict=False):
        if found.size:
            _compare(f"the weight {v.path}", found, wanted, max(step, 1e-3 * float(np.abs(wanted).max()), 1e-6))


@contextlib.contextmanager
def _graphs_as_they_are() -> Iterator[None]:
    """Leave out TensorFlow's optimization of graphs, which takes longer than two steps do."""
    before = tf.config.optimizer.get_experimental_options().get("disable_meta_optimizer", False)
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": before})


def _compare(name: str, found: Any, wanted: Any, scale: float) -> None:
    off = float(np.max(np.abs(np.nan_to_num(found) - np.nan_to_num(wanted)))) / scale
    if off > TOLERANCE:
        raise RefusedError(
            f"its first steps in a cohort are not those of Keras: {name} is off by {off:.1g} of its size, "
            f"which is more than rounding"
        )


def _short(task: Task) -> Task:
    size = min(task.training.batch_size, EXAMPLES, len(task.data.train.y))
    training = replace(
        task.training,
        optimizer="sgd",
        learning_rate=RATE,
        schedule="constant",
        epochs=STEPS,
        batch_size=size,
        patience=None,
    )
    splits = [getattr(task.data, name) for name in ("train", "validation", "test")]
    data: Any = _Splits(
        *(
            Split(np.asarray(split.x[:n]), split.y[:n], weight=None if split.weight is None else split.weight[:n])
            for split, n in zip(splits, (size, 8, 1), strict=True)
        )
    )
    return replace(task, data=data, training=training)


def _with_keras(task: Task, optimizer: str) -> tuple[list[dict[str, float]], list[list[np.ndarray]], list[np.ndarray]]:
    """Return what Keras measures after each step, its weights after each step, and its initial weights."""
    model, training = task.build(), task.training
    starts = model.get_weights()
    own = optimizers.optimizer(training, training.learning_rate, model.trainable_variables)
    own.build(model.trainable_variables)

    def step(x: tf.Tensor, y: tf.Tensor, weight: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            outputs = model(x, training=True)
            plain = objective.data_loss(training.loss, y, outputs)
            minimized = objective.smoothed(training.loss, training.label_smoothing, y, outputs, plain)
            penalty = _penalty(model)
            loss = tf.reduce_mean(minimized * weight) + penalty
        gradients = tape.gradient(loss, model.trainable_variables)
        for v, gradient in zip(model.trainable_variables, gradients, strict=True):
            if isinstance(gradient, tf.IndexedSlices) and optimizer in DENSE_ONLY:
                raise RefusedError(
                    f"its weight {v.path} has a sparse gradient, whose parts {optimizer} squares one by one, "
                    "and cohorts square their sum"
                )
        if any(gradient is not None for gradient in gradients):
            known = [(g, v) for g, v in zip(gradients, model.trainable_variables, strict=True) if g is not None]
            own.apply_gradients(known)
        return tf.reduce_mean(plain), penalty

    def measured(x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        outputs = model(x, training=False)
        return tf.reduce_mean(objective.data_loss(training.loss, y, outputs)), _penalty(model)

    # Compiled, as Keras does it: uncompiled, a recurrent layer takes a second per hundred positions.
    data = task.data
    given = data.train.weight
    examples = data.train.x, data.train.y, np.ones(len(data.train.y), np.float32) if given is None else given
    signature = [tf.TensorSpec([None, *a.shape[1:]], tf.as_dtype(a.dtype)) for a in examples]
    step = tf.function(step, input_signature=signature, autograph=False)
    measured = tf.function(measured, input_signature=signature[:2], autograph=False)
    rows, weights = [], []
    for epoch in range(1, training.epochs + 1):
        order = training.order(len(data.train.y), task.seed, epoch)[: training.batch_size]
        plain, penalty = step(*(tf.constant(a[order]) for a in examples))
        (train, _), (validation, after) = (
            measured(tf.constant(split.x), tf.constant(split.y)) for split in (data.train, data.validation)
        )
        row = {"data_loss": plain, "penalty": penalty, "train_data_loss": train, "val_data_loss": validation}
        rows.append({name: float(value) for name, value in (row | {"val_penalty": after}).items()})
        weights.append(model.get_weights())
    return rows, weights, starts


def _penalty(model: keras.Model) -> tf.Tensor:
    return tf.add_n([tf.zeros([]), *(tf.cast(loss, tf.float32) for loss in model.losses)])
