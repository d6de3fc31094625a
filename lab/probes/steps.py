"""A run followed step by step, for what can only be seen on the way: gradients, units that die, accuracy by iteration.

The engines hand over the kept weights; here the model itself can be looked at while it trains.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from lab.checks import UsageError, whole
from lab.engine.task import Task
from lab.engine.tensorflow import load_tensorflow
from lab.experiment import Variant
from lab.plan import tasks
from lab.regularization.of_inputs import OF_IMAGES, OF_TABLES
from lab.training import pieces

if TYPE_CHECKING:
    import keras


_NOT_FOLLOWED = (
    "flooding",
    "clip_norm",
    "gradient_noise",
    "sharpness",
    "adaptive_sharpness",
    "adversarial",
    "r_drop",
    "gradient_penalty",
    "proximal",
    "lookahead",
    "ema",
    "swa",
    "mixup",
    "manifold_mixup",
    *OF_IMAGES,
    *OF_TABLES,
)
"""The fields of a training that change a step in more than the loss of each example."""


def follow(variant: Variant, *, seed: int, every: int) -> "Iterator[tuple[int, keras.Model]]":
    """Train a run as an engine would, and yield its model before the first step, now and then, and after the last.

    Initial weights, batches, rates and masks are those of the engines, so that what is seen belongs to the run that an
    experiment publishes. Nothing is kept and nothing ends early: a run that diverges goes on with NaN.

    Args:
        variant: trained for all its epochs.
        seed: of the run.
        every: how many steps lie between two looks, at least 1.

    Yields:
        The number of steps taken (0, every, 2 * every, ..., the last) and the model, always the same one. It may be
        looked at, not changed.

    Raises:
        UsageError: `every` is no whole number of at least 1; the variant trains in a way that is not followed: with
            weights of examples, flooding, mixup, SAM, clipping or noise on gradients.
    """
    every = whole("every", every, "the number of steps between two looks")
    load_tensorflow()
    import tensorflow as tf

    from lab.engine import objective, optimizers
    from lab.engine.update import compiled

    (task,) = tasks({"followed": variant}, [seed]).values()
    data, training = task.data.train, task.training
    # What is not followed would be left out of the steps without a word.
    others = [name for name in _NOT_FOLLOWED if getattr(training, name)]
    if others or data.weight is not None:
        raise UsageError(
            f"variant must train without {others[0] if others else 'weights of examples'} to be followed step by step, "
            "got one with it; leave it out"
        )
    model = task.build()
    rates = training.rates(len(data.y)).ravel()
    optimizer = optimizers.optimizer(training, training.learning_rate, model.trainable_variables)
    optimizer.build(model.trainable_variables)
    x, y = tf.constant(data.x), tf.constant(data.y)

    def take_one(order, rate):
        targets = tf.gather(y, order)
        optimizer.learning_rate.assign(rate)
        with tf.GradientTape() as tape:
            outputs = model(tf.gather(x, order), training=True)
            plain = objective.data_loss(training.loss, targets, outputs)
            minimized = objective.minimized(training.loss, objective.numbers(training), targets, outputs, plain)
            loss = tf.reduce_mean(minimized) + tf.add_n([tf.constant(0.0), *model.losses])
        optimizer.apply(tape.gradient(loss, model.trainable_variables))

    def take_all(orders, rates_of_them):
        def one_more(i):
            take_one(orders[i], rates_of_them[i])
            return (i + 1,)

        tf.while_loop(lambda i: i < tf.shape(orders)[0], one_more, [tf.constant(0)])

    take = compiled(
        take_all, input_signature=[tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.float32)]
    )
    yield 0, model
    for first in range(0, len(rates), every):
        taken = list(_batches(task, first, min(first + every, len(rates))))
        for _, same in groupby(taken, key=lambda batch: len(batch[1])):
            steps, orders = zip(*same, strict=True)
            take(tf.constant(np.stack(orders)), tf.constant(rates[list(steps)]))
        yield taken[-1][0] + 1, model


def _batches(task: Task, first: int, end: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the steps from `first` to `end`, counted from 0, each with the examples of its batch."""
    n, training = len(task.data.train.y), task.training
    steps = training.steps(n)
    for epoch in range(first // steps, -(-end // steps)):
        batches = pieces(training.order(n, task.seed, epoch + 1), training.batch_size)
        for step, batch in enumerate(batches, epoch * steps):
            if first <= step < end:
                yield step, batch
