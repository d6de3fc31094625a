"""R-Drop and the gradient penalty against their formulas, on nets in which both can be written down."""

from dataclasses import replace
from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from lab import models
from lab.data import Dataset, Split
from lab.engine import cohort, keras_fit, smoothness
from lab.engine.task import Task
from lab.regularization import Regularization
from lab.training import Training
from tests.cohorts import dataset, difference, identical, task

SGD = Training(optimizer="sgd", learning_rate=0.1, epochs=1, batch_size=12)


def of_lines(training: Training, x: np.ndarray, y: np.ndarray, classes, regularization=None, weight=None) -> Task:
    splits = [Split(x + shift, y, weight=weight if shift == 0 else None) for shift in np.float32([0, 1, 2])]
    data = Dataset("lines", *splits, classes)
    net = partial(models.dense, x.shape[1:], 1, widths=(), seed=0)
    if regularization is not None:
        net = partial(models.dense, x.shape[1:], 1, widths=(4,), activation="linear", regularization=regularization)
    return Task(net, data, training, 0)


def lines(seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    return generator.normal(size=(12, 3)).astype("float32"), np.int32([0, 1] * 6)


def test_the_divergence_is_the_mean_of_both_directions_of_kullback_and_leibler():
    from scipy.special import rel_entr, softmax
    from scipy.stats import bernoulli

    generator = np.random.default_rng(0)
    one, other = generator.normal(size=(2, 5, 3)).astype("float32") * 2
    p, q = softmax(one.astype(np.float64), -1), softmax(other.astype(np.float64), -1)
    expected = (rel_entr(p, q).sum(-1) + rel_entr(q, p).sum(-1)) / 2
    np.testing.assert_allclose(smoothness.disagreement("softmax_cross_entropy", one, other), expected, rtol=1e-5)

    chances = [[bernoulli(1 / (1 + np.exp(-z[0]))).pmf([0, 1]) for z in side] for side in (one, other)]
    p, q = map(np.array, chances)
    expected = (rel_entr(p, q).sum(-1) + rel_entr(q, p).sum(-1)) / 2
    found = smoothness.disagreement("binary_cross_entropy", one[:, :1], other[:, :1])
    np.testing.assert_allclose(found, expected, rtol=1e-4)

    found = smoothness.disagreement("squared_error", one, other)
    np.testing.assert_allclose(found, ((one - other) ** 2).sum(-1), rtol=1e-6)


def test_r_drop_without_anything_random_is_the_plain_run_bit_by_bit():
    r = Regularization(l2=1e-3, normalization="layer")
    plain = replace(SGD, batch_size=16, learning_rate=0.05)
    # Beside another run: alone they differ in the last bits with AVX2, for which `lab.engine.cohort` promises less.
    both = [cohort.train([task(r, seed=s, training=replace(plain, r_drop=w)) for s in (0, 1)])[0] for w in (0.0, 3.0)]
    assert identical(*both)


@pytest.mark.parametrize("engine", [cohort.train, lambda tasks: [keras_fit.train(tasks[0])]], ids=["cohort", "keras"])
def test_r_drop_is_the_loss_of_two_masks_and_their_divergence(engine):
    """A linear net with dropout on 4 linear units; the masks are those that Keras draws by this seed and the next."""
    x, _ = lines()
    y = np.random.default_rng(2).normal(size=(12, 1)).astype("float32")
    training = replace(SGD, loss="squared_error", r_drop=0.7)
    one = of_lines(training, x, y, None, Regularization(dropout=0.5))
    model = one.build()
    (dropout,) = (layer for layer in model.layers if "dropout" in layer.name)
    weights = [tf.constant(v) for v in model.get_weights()]
    state, order = dropout.seed_generator.state, training.order(12, 0, 1)

    def outputs(others: int, w) -> tf.Tensor:
        state.assign(state.value * 0 + [dropout.seed_generator._initial_seed + others, 0])
        return dropout(x[order] @ w[0] + w[1], training=True) @ w[2] + w[3]

    with tf.GradientTape() as tape:
        tape.watch(weights)
        z = [outputs(k, weights) for k in (0, 1)]
        losses = [tf.reduce_mean((y[order] - each) ** 2) for each in z]
        loss = (losses[0] + losses[1]) / 2 + 0.7 * tf.reduce_mean((z[0] - z[1]) ** 2)
    assert float(tf.reduce_max(tf.abs(z[0] - z[1]))) > 0.1
    expected = [w - 0.1 * g for w, g in zip(weights, tape.gradient(loss, weights), strict=True)]
    found = engine([one])[0]
    for mine, wanted in zip(found.weights, expected, strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-4, atol=1e-6)
    assert found.rows[0]["data_loss"] == pytest.approx(float(losses[0]), rel=1e-5), "what is reported is the first pass"


def test_the_gradient_penalty_on_a_linear_net_is_an_l2_penalty_times_the_squared_error_of_the_probability():
    x, labels = lines()
    weight = np.float32([0, 1, 2] * 4)
    training = replace(SGD, loss="binary_cross_entropy", gradient_penalty=0.8)
    one = of_lines(training, x, labels, ("a", "b"), weight=weight)
    w = one.build().get_weights()[0][:, 0].astype(np.float64)
    z, p = x.astype(np.float64), 1 / (1 + np.exp(-(x.astype(np.float64) @ w)))
    # The slope of an example's loss is (p - t) w, and its squared norm an L2 penalty of strength (p - t) ** 2.
    loss = weight * (p - labels) @ z / 12
    square = weight * (2 * (p - labels) * p * (1 - p) * (w @ w)) @ z + 2 * (weight * (p - labels) ** 2).sum() * w
    found = [cohort.train([one])[0], keras_fit.train(one)]
    for each in found:
        np.testing.assert_allclose(each.weights[0][:, 0], w - 0.1 * (loss + 0.8 * square / 12), rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["r_drop", "gradient_penalty"])
def test_a_second_pass_keeps_a_run_independent_of_its_company(name):
    r = Regularization(l1=1e-4, dropout=0.3, normalization="batch")
    base = replace(SGD, batch_size=16, epochs=2)
    tasks = [task(r, training=replace(base, **{name: 0.1 * (k + 1)}), data=dataset(seed=k)) for k in range(3)]
    tasks[0] = replace(tasks[0], training=replace(tasks[0].training, learning_rate=1e30))
    assert identical(cohort.train(tasks)[2], cohort.train(tasks[2:])[0])


def of_layers_without_rules() -> keras.Model:
    parts = [
        keras.Input((6, 6, 1)),
        layers.Flatten(),
        layers.Dense(5),
        layers.AlphaDropout(0.3, seed=7),
        layers.Dense(3),
    ]
    for part in parts[2::2]:
        part.kernel_initializer = keras.initializers.HeNormal(seed=3)
    return keras.Sequential(parts)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["r_drop", "gradient_penalty"])
def test_layers_without_a_rule_pass_twice_too(name):
    training = replace(SGD, batch_size=16, epochs=2, **{name: 0.5})
    one = Task(of_layers_without_rules, dataset(), training, 1)
    far = difference(cohort.train([one])[0], keras_fit.train(one))
    assert max(far.values()) <= 1e-5, far
