"""What the course says about activations and losses, held against what the lab trains with."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from lab.engine.objective import data_loss


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def slope(activation, x):
    points = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(points)
        values = keras.activations.get(activation)(points)
    return tape.gradient(values, points).numpy()


def test_the_derivative_of_the_sigmoid_is_at_most_a_quarter_and_is_that_at_zero():
    slopes = slope("sigmoid", np.linspace(-30, 30, 60_001))
    assert slopes.max() == 0.25
    assert slopes.argmax() == 30_000
    # Six sigmoid layers shrink a gradient 4 096-fold even where they are steepest.
    assert slopes.max() ** 6 == 1 / 4096


def test_tanh_is_a_sigmoid_of_the_double_stretched_to_minus_one_and_one():
    x = tf.constant(np.linspace(-20, 20, 4001))
    expected = 2 * keras.activations.sigmoid(2 * x).numpy() - 1
    np.testing.assert_allclose(keras.activations.tanh(x).numpy(), expected, rtol=0, atol=1e-15)


def test_the_derivative_of_tanh_is_at_most_one():
    slopes = slope("tanh", np.linspace(-5, 5, 10_001))
    assert slopes.max() == 1
    assert slopes.argmax() == 5000


def cross_entropy(y, s):
    return np.log(np.exp(s).sum(axis=1)) - s[np.arange(len(y)), y]


def binary_cross_entropy(y, s):
    return np.log(1 + np.exp(np.where(y == 1, -s[:, 0], s[:, 0])))


def hinge(y, s):
    return np.array([sum(max(0, s[i, j] - s[i, k] + 1) for j in range(s.shape[1]) if j != k) for i, k in enumerate(y)])


def binary_hinge(y, s):
    return np.maximum(0, 1 - np.where(y == 1, 1, -1) * s[:, 0])


def squared_error(y, s):
    return ((np.eye(s.shape[1])[y] - s) ** 2).sum(axis=1)


LOSSES = {
    "softmax": ("softmax_cross_entropy", cross_entropy, 4),
    "binary": ("binary_cross_entropy", binary_cross_entropy, 1),
    "hinge": ("hinge", hinge, 4),
    "binary hinge": ("hinge", binary_hinge, 1),
    "squared error": ("squared_error", squared_error, 4),
}


def gradient(name, y, scores):
    outputs = tf.constant(scores)
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        losses = data_loss(name, tf.constant(y, tf.int32), outputs)
    return losses.numpy(), tape.gradient(losses, outputs).numpy()


@pytest.mark.parametrize(("name", "formula", "outputs"), LOSSES.values(), ids=LOSSES)
def test_a_loss_and_its_gradient_equal_the_formula_and_its_differences(name, formula, outputs):
    scores, y = 2 * numbers(30, outputs), np.arange(30) % max(2, outputs)
    losses, found = gradient(name, y, scores)
    np.testing.assert_allclose(losses, formula(y, scores), rtol=1e-12)
    h = 1e-6
    for j in range(outputs):
        nudge = h * np.eye(outputs)[j]
        expected = (formula(y, scores + nudge) - formula(y, scores - nudge)) / (2 * h)
        np.testing.assert_allclose(found[:, j], expected, atol=1e-8)


def test_the_gradient_of_the_softmax_loss_is_probability_minus_truth():
    scores, y = numbers(9, 4), np.arange(9) % 4
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(
        gradient("softmax_cross_entropy", y, scores)[1], probabilities - np.eye(4)[y], atol=1e-12
    )


def test_the_gradient_of_the_hinge_loss_counts_the_margins_that_are_violated():
    scores, y = numbers(9, 4), np.arange(9) % 4
    right = scores[np.arange(9), y][:, None]
    violated = ((scores - right + 1 > 0) & (np.eye(4)[y] == 0)).astype(float)
    expected = violated - np.eye(4)[y] * violated.sum(axis=1, keepdims=True)
    assert 0 < violated.sum() < violated.size - 9
    np.testing.assert_array_equal(gradient("hinge", y, scores)[1], expected)


def test_a_net_that_knows_nothing_starts_at_the_logarithm_of_the_number_of_classes():
    # CS231n's three spirals: 1.0986 before the first step.
    assert gradient("softmax_cross_entropy", np.arange(3), np.zeros((3, 3)))[0] == pytest.approx(np.log(3), rel=1e-15)
