"""The probes against NumPy, and that they leave a model as they found it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from lab.checks import UsageError
from lab.models import conv, dense
from lab.probes.activations import activations, dead_units, gradient_norms, histogram, moments
from lab.regularization import Regularization


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def forward(model, x, phi):
    """The values after each hidden layer and the logits, in NumPy."""
    weights, values = model.get_weights(), []
    for kernel, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        x = phi(x @ kernel + bias)
        values.append(x)
    return values, x @ weights[-2] + weights[-1]


def state(model):
    return [np.array(v.numpy()) for v in (*model.trainable_variables, *model.non_trainable_variables)]


def test_activations_are_the_values_after_each_activation():
    model = dense((7,), 3, widths=(5, 4), activation="sigmoid", initializer="xavier", seed=1)
    x = numbers(20, 7)
    found = activations(model, x)
    assert list(found) == ["dense_1_activation", "dense_2_activation"]
    for mine, theirs in zip(found.values(), forward(model, x, sigmoid)[0], strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_activations_of_many_examples_are_those_of_single_ones():
    model = dense((2,), 3, widths=(4,))
    x = numbers(2500, 2)
    found = activations(model, x)["dense_1_activation"]
    assert found.shape == (2500, 4)
    np.testing.assert_allclose(found[[0, 1023, 1024, 2499]], activations(model, x[[0, 1023, 1024, 2499]])[
        "dense_1_activation"
    ], atol=1e-6)  # fmt: skip


def test_activations_built_into_a_layer_count_and_linear_ones_do_not():
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, activation="tanh", name="a"), keras.layers.Dense(2, name="b")]
    )
    assert list(activations(model, numbers(5, 4))) == ["a"]


def test_activations_in_training_mode_are_normalized_by_the_batch():
    model = dense((6,), 2, widths=(5,), activation="linear", regularization=Regularization(normalization="batch"))
    x = 10 * numbers(400, 6) + 3
    values = activations(model, x, training=True)["dense_1_activation"]
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(values.std(axis=0), 1, atol=1e-3)
    assert activations(model, x)["dense_1_activation"].std() > 5


def test_a_probe_leaves_statistics_and_masks_as_they_were():
    model = dense((6,), 2, widths=(5,), regularization=Regularization(normalization="batch", dropout=0.5))
    x, y = numbers(30, 6), np.zeros(30, np.int32)
    before = state(model)
    activations(model, x, training=True)
    gradient_norms(model, "softmax_cross_entropy", x, y)
    dead_units(model, x)
    for old, new in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_model_without_activation_is_refused():
    with pytest.raises(UsageError) as refusal:
        activations(dense((4,), 2, widths=()), numbers(3, 4))
    assert str(refusal.value) == ("the model dense has no activation to look behind; give it a hidden layer with one")


def test_no_examples_are_refused():
    with pytest.raises(UsageError) as refusal:
        dead_units(dense((4,), 2, widths=(3,)), numbers(0, 4))
    assert str(refusal.value) == "x must have at least one example to look at, got none"


def test_the_courses_five_layers_fade_with_a_small_deviation_and_hold_with_the_right_one():
    x = numbers(1000, 100, seed=3)

    def last(activation, initializer):
        model = dense((100,), 2, widths=(100,) * 5, activation=activation, initializer=initializer)
        return moments(activations(model, x)).iloc[-1]

    # Tanh multiplies the deviation by about 0.01 * sqrt(100) = 0.1 a layer; with relu a further sqrt(1/2).
    assert last("tanh", 0.01)["std"] == pytest.approx(1e-5, rel=0.3)
    assert last("tanh", "xavier")["std"] > 0.3
    assert last("sigmoid", 0.01)["std"] < 0.03
    assert last("sigmoid", 0.01)["mean"] == pytest.approx(0.5, abs=0.02)
    assert last("relu", "he")["std"] > 0.5
    # Saturated: with a deviation of 1 most sigmoids are at either end.
    saturated = activations(dense((100,), 2, widths=(100,) * 5, activation="sigmoid", initializer=1.0), x)
    ends = histogram(saturated, [0, 0.1, 0.9, 1]).query("layer == 'dense_5_activation'")["share"].tolist()
    assert ends[0] + ends[2] > 0.6


def test_a_histogram_counts_as_numpy_does_and_shares_are_of_all_values():
    values = {"a": np.float32([0.0, 0.1, 0.5, 1.0, 7.0]), "b": numbers(3, 4)}
    table = histogram(values, [0, 0.5, 1])
    assert list(table.columns) == ["layer", "left", "right", "count", "share"]
    assert table[table["layer"] == "a"].values[:, 1:].tolist() == [[0, 0.5, 2, 0.4], [0.5, 1, 2, 0.4]]
    b = values["b"].ravel()
    assert table[table["layer"] == "b"]["count"].tolist() == [
        np.sum((b >= 0) & (b < 0.5)), np.sum((b >= 0.5) & (b <= 1)),
    ]  # fmt: skip


def test_edges_that_do_not_increase_are_refused():
    with pytest.raises(UsageError) as refusal:
        histogram({"a": np.zeros(3)}, [0, 1, 1])
    assert str(refusal.value) == "edges must be at least two finite numbers that increase, got [0, 1, 1]"


def test_gradient_norms_are_those_of_backpropagation_by_hand():
    model = dense((6,), 3, widths=(5,), activation="sigmoid", initializer="xavier", seed=2)
    x, y = numbers(11, 6), np.arange(11, dtype=np.int32) % 3
    (hidden,), logits = forward(model, x.astype(float), sigmoid)
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    back = (softmax - np.eye(3)[y]) / 11
    below = back @ model.get_weights()[2].T * hidden * (1 - hidden)
    expected = [np.linalg.norm(x.T @ below), np.linalg.norm(hidden.T @ back)]
    table = gradient_norms(model, "softmax_cross_entropy", x, y)
    assert list(table.columns) == ["layer", "weights", "norm", "rms"]
    assert list(table["layer"]) == ["dense_1", "output"]
    assert list(table["weights"]) == [30, 15]
    np.testing.assert_allclose(table["norm"], expected, rtol=1e-5)
    np.testing.assert_allclose(table["rms"], np.array(expected) / np.sqrt([30, 15]), rtol=1e-5)


def test_gradient_norms_leave_the_penalty_out():
    x, y = numbers(11, 6), np.arange(11, dtype=np.int32) % 3
    plain, penalized = (
        gradient_norms(dense((6,), 3, widths=(5,), regularization=r), "softmax_cross_entropy", x, y)
        for r in (Regularization(), Regularization(l2=1.0, activity_l1=1.0))
    )
    assert plain.equals(penalized)


def test_sigmoid_gradients_vanish_towards_the_input_and_batch_normalization_restores_them():
    x, y = numbers(100, 50), np.arange(100, dtype=np.int32) % 10

    def profile(**options):
        model = dense((50,), 10, widths=(30,) * 6, activation="sigmoid", initializer=0.01, **options)
        return gradient_norms(model, "softmax_cross_entropy", x, y)["norm"].to_numpy()

    plain, normalized = profile(), profile(regularization=Regularization(normalization="batch"))
    assert plain[0] < 1e-8 * plain[-1]
    assert normalized[0] > 1e-2 * normalized[-1]


def test_labels_that_do_not_match_are_refused():
    with pytest.raises(UsageError) as refusal:
        gradient_norms(dense((4,), 2, widths=(3,)), "hinge", numbers(3, 4), np.zeros(2, np.int32))
    assert str(refusal.value) == "x and y must have one label for each of at least one example, got 3 and 2"


def test_dead_units_are_those_that_are_zero_on_every_example():
    model = dense((3,), 2, widths=(4, 2))
    layer = model.get_layer("dense_1")
    # Unit 0 never fires, unit 1 fires for one example in the second batch, units 2 and 3 always.
    layer.kernel.assign(np.float32([[0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]))
    layer.bias.assign(np.float32([-1, -5, 1, 2]))
    x = np.zeros((1500, 3), np.float32)
    x[1400, 0] = 6
    table = dead_units(model, x).set_index("layer")
    assert list(table.columns) == ["units", "dead", "dead_share", "zero_share"]
    first = table.loc["dense_1_activation"]
    assert (first["units"], first["dead"], first["dead_share"]) == (4, 1, 0.25)
    assert first["zero_share"] == pytest.approx((1500 + 1499) / 6000, rel=1e-12)


def test_a_channel_of_an_image_is_one_unit():
    model = conv((6, 6, 1), 2, blocks=((3,),), widths=())
    layer = model.get_layer("conv_1_1")
    layer.kernel.assign(np.zeros((3, 3, 1, 3), np.float32) + np.float32([0, 1, 0]))
    layer.bias.assign(np.float32([-1, 0, 1]))
    x = np.zeros((2, 6, 6, 1), np.float32)
    x[1, 3, 3] = 1
    table = dead_units(model, x)
    assert table[["units", "dead"]].values.tolist() == [[3, 1]]


@pytest.mark.parametrize("activation", ["leaky_relu", "prelu", "maxout", "sigmoid"])
def test_units_of_other_activations_do_not_die(activation):
    model = dense((5,), 2, widths=(8,), activation=activation)
    model.get_layer("dense_1").bias.assign(np.full(model.get_layer("dense_1").bias.shape, -9, np.float32))
    assert dead_units(model, numbers(50, 5))["dead"].tolist() == [0]


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_with_all_weights_at_zero_the_units_of_a_layer_stay_identical(activation):
    model = dense((6,), 3, widths=(5, 4), activation=activation, initializer="zeros")
    for layer in ("dense_1", "dense_2"):
        # A constant start is the same symmetry, and with it even the first layer gets a gradient.
        model.get_layer(layer).bias.assign(np.full(model.get_layer(layer).bias.shape, 0.5))
    x, y = numbers(40, 6), np.arange(40, dtype=np.int32) % 3
    optimizer = keras.optimizers.SGD(0.5)
    for _ in range(20):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, model(x, training=True)))
        optimizer.apply(tape.gradient(loss, [v.value for v in model.trainable_variables]), model.trainable_variables)
    for layer in ("dense_1", "dense_2"):
        kernel = model.get_layer(layer).kernel.numpy()
        assert np.ptp(kernel, axis=1).max() == 0
        assert np.abs(kernel).max() > 0
    assert np.ptp(model.get_layer("output").kernel.numpy(), axis=0).max() == 0
    for values in activations(model, x).values():
        assert np.ptp(values, axis=1).max() == 0
