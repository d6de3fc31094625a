"""Copies of the weights: moving averages and Lookahead."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from lab.engine import cohort, copies, keras_fit
from lab.regularization import Regularization
from lab.training import Training, pieces
from tests.cohorts import dataset, identical, task

SGD = Training(optimizer="momentum", learning_rate=0.05, epochs=2, batch_size=16)


def steps_of(training: Training, optimizer: keras.optimizers.Optimizer) -> tuple[keras.Model, list[list[np.ndarray]]]:
    """Train a plain net by hand as an engine would; return it and its weights after each step."""
    one, data = task(training=training), dataset().train
    model, seen = one.build(), []
    for epoch in range(1, training.epochs + 1):
        for batch in pieces(training.order(len(data.y), one.seed, epoch), training.batch_size):
            with tf.GradientTape() as tape:
                losses = keras.losses.sparse_categorical_crossentropy(
                    data.y[batch], model(data.x[batch], training=True), from_logits=True
                )
                loss = tf.reduce_mean(losses)
            optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
            seen.append([v.numpy() for v in model.weights])
    return model, seen


def test_the_average_is_that_of_keras_and_is_what_is_kept_and_measured():
    training = replace(SGD, ema=0.8)
    trained = cohort.train([task(training=training)])[0]
    optimizer = keras.optimizers.SGD(0.05, momentum=0.9, use_ema=True, ema_momentum=0.8)
    model, seen = steps_of(training, optimizer)
    optimizer.finalize_variable_values(model.trainable_variables)
    for mine, theirs in zip(trained.last_weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-6)
    average = seen[0]
    for weights in seen[1:]:
        average = [0.8 * a + 0.2 * w for a, w in zip(average, weights, strict=True)]
    np.testing.assert_allclose(trained.last_weights[0], average[0], rtol=1e-4, atol=1e-6)
    validation = dataset().validation
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(validation.y, model(validation.x))
    assert trained.rows[-1]["val_data_loss"] == pytest.approx(float(loss), rel=1e-4)


def test_lookahead_is_the_optimizer_with_a_meeting_every_so_many_steps():
    training = replace(SGD, optimizer="sgd", lookahead=2, lookahead_pull=0.25)
    trained = cohort.train([task(training=training)])[0]
    one, data = task(training=training), dataset().train
    model = one.build()
    slow, taken = [v.numpy() for v in model.weights], 0
    for epoch in (1, 2):
        for batch in pieces(training.order(len(data.y), one.seed, epoch), 16):
            with tf.GradientTape() as tape:
                losses = keras.losses.sparse_categorical_crossentropy(
                    data.y[batch], model(data.x[batch]), from_logits=True
                )
                loss = tf.reduce_mean(losses)
            for v, g in zip(model.weights, tape.gradient(loss, model.trainable_variables), strict=True):
                v.assign(v - 0.05 * g)
            taken += 1
            if taken % 2 == 0:
                slow = [s + 0.25 * (v.numpy() - s) for s, v in zip(slow, model.weights, strict=True)]
                model.set_weights(slow)
    for mine, expected in zip(trained.last_weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-4, atol=1e-6)


def test_a_meeting_at_every_step_all_the_way_is_the_optimizer_bit_by_bit():
    r = Regularization(dropout=0.2, normalization="batch")
    plain, other = task(r, training=SGD), task(r, training=replace(SGD, lookahead=1, lookahead_pull=1.0))
    assert identical(*(cohort.train([one])[0] for one in (plain, other)))


def test_a_replica_without_a_copy_keeps_its_bits():
    weights = tf.constant([[0.1, float("inf")], [0.3, 0.4]])
    other, steps = tf.zeros([2, 2]), tf.constant(4)
    found = copies.averaged(other, weights, tf.constant([0.0, 0.5]), steps)
    np.testing.assert_array_equal(found, np.float32([[0.1, np.inf], [0.15, 0.2]]))
    slow, fast = copies.looked_ahead(other, weights, tf.constant([0.0, 2.0]), tf.constant([0.5, 0.5]), steps)
    np.testing.assert_array_equal(fast, np.float32([[0.1, np.inf], [0.15, 0.2]]))
    np.testing.assert_array_equal(slow, np.float32([[0, 0], [0.15, 0.2]]))


@pytest.mark.parametrize(
    ("engine", "average"),
    [
        pytest.param("keras_fit", {"ema": 0.8}, marks=pytest.mark.slow),
        pytest.param("keras_fit", {"swa": 1.0}, marks=pytest.mark.slow),
        pytest.param("cohort", {"ema": 0.8}, marks=pytest.mark.slow),
        ("cohort", {"swa": 1.0}),
    ],
)
def test_a_run_goes_on_from_its_copies(engine, average):
    from lab.engine.training_state import State

    training = replace(SGD, **average, lookahead=2, epochs=3)
    one = task(Regularization(normalization="batch"), training=training)
    states: list[State] = []

    class Kept:
        def __init__(self, found):
            self.found = found

        def saved(self, engine, tasks):
            return self.found

        def offer(self, engine, tasks):
            return lambda going, capture: states.append(capture())

    class Saved:
        tasks = (one,)

        def read(self, tasks):
            return states[0]

        def refuse(self, reason):
            raise AssertionError(reason)

    def train(found):
        if engine == "cohort":
            return cohort.train([one], checkpoints=Kept(found))[0]
        return keras_fit.train(one, checkpoints=Kept(found))

    whole = train([])
    assert identical(whole, train([Saved()]))
