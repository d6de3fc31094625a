"""The lab's own layers, against their formulas in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from lab.checks import UsageError
from lab.layers import DropConnectConv2D, DropConnectDense, LocalResponseNormalization, Maxout

# Keras 3.15 hands its variables to NumPy 2 in an old way when it saves a model.
saves = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")


def numbers(*shape, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def dense_layer(rate=0.3, seed=5, **options):
    layer = DropConnectDense(7, rate, seed, **options)
    layer.build((None, 6))
    layer.set_weights([numbers(6, 7), numbers(7, seed=1)])
    return layer


def conv_layer(rate=0.3, seed=5, **options):
    layer = DropConnectConv2D(4, 3, rate, seed, padding="same", **options)
    layer.build((None, 3, 3, 2))
    layer.set_weights([numbers(3, 3, 2, 4), numbers(4, seed=1)])
    return layer


def used_kernel(layer) -> np.ndarray:
    """The kernel of one training step, read off the layer's outputs for unit inputs; exact, since the rest is zeros."""
    bias = layer.bias.numpy()
    layer.bias.assign(np.zeros_like(bias))
    if isinstance(layer, DropConnectDense):
        kernel = np.array(layer(np.eye(6, dtype=np.float32), training=True))
    else:
        impulses = np.zeros((2, 3, 3, 2), np.float32)
        impulses[0, 1, 1, 0] = impulses[1, 1, 1, 1] = 1
        # A convolution layer correlates, so the answer to an impulse is the kernel turned round.
        kernel = np.moveaxis(np.array(layer(impulses, training=True))[:, ::-1, ::-1], 0, 2)
    layer.bias.assign(bias)
    return kernel


def masked(layer, rate, seed, step=1) -> np.ndarray:
    generator = keras.random.SeedGenerator(seed)
    for _ in range(step):
        uniform = np.array(keras.random.uniform(layer.kernel.shape, seed=generator))
    return layer.kernel.numpy() * (uniform >= np.float32(rate)).astype(np.float32) / np.float32(1 - rate)


both = pytest.mark.parametrize("make", [dense_layer, conv_layer])


@both
@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.9])
def test_dropconnect_trains_with_the_kernel_of_the_formula_bit_by_bit(make, rate):
    layer = make(rate)
    for step in (1, 2, 3):
        np.testing.assert_array_equal(used_kernel(layer), masked(layer, rate, 5, step))


@both
def test_dropconnect_draws_a_new_mask_each_step_and_the_same_ones_from_the_same_seed(make):
    layer, twin, other = make(), make(), make(seed=6)
    first, second = used_kernel(layer), used_kernel(layer)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal([used_kernel(twin), used_kernel(twin)], [first, second])
    assert not np.array_equal(used_kernel(other), first)


@both
def test_dropconnect_drops_the_share_it_says_and_keeps_the_expectation(make):
    layer, rate, steps = make(0.3), 0.3, 400
    kernels = np.stack([used_kernel(layer) for _ in range(steps)])
    n = kernels.size
    # The share of n independent drops has standard deviation sqrt(p (1 - p) / n); five of them.
    assert np.mean(kernels == 0) == pytest.approx(rate, abs=5 * np.sqrt(rate * (1 - rate) / n))
    full = layer.kernel.numpy()
    # A kept weight is w / (1 - p), so the mean over the steps has standard deviation |w| sqrt(p / (1 - p) / steps).
    deviation = np.abs(full) * np.sqrt(rate / (1 - rate) / steps)
    assert np.all(np.abs(kernels.mean(0) - full) < 5 * deviation)


@both
def test_dropconnect_never_drops_the_bias(make):
    layer = make(0.9)
    zeros = np.zeros((3, *((6,) if make is dense_layer else (3, 3, 2))), np.float32)
    outputs = np.array(layer(zeros, training=True))
    np.testing.assert_array_equal(outputs, np.broadcast_to(layer.bias.numpy(), outputs.shape))


@both
def test_dropconnect_is_the_plain_layer_in_inference(make):
    layer = make(0.5)
    plain = keras.layers.Dense(7) if make is dense_layer else keras.layers.Conv2D(4, 3, padding="same")
    x = numbers(2, 6) if make is dense_layer else numbers(2, 3, 3, 2)
    plain.build(x.shape)
    plain.set_weights([layer.kernel.numpy(), layer.bias.numpy()])
    np.testing.assert_array_equal(layer(x, training=False), plain(x))
    np.testing.assert_array_equal(layer(x), plain(x))


@both
def test_dropconnect_of_rate_zero_is_the_plain_layer_in_training(make):
    layer = make(0)
    x = numbers(2, 6) if make is dense_layer else numbers(2, 3, 3, 2)
    np.testing.assert_array_equal(layer(x, training=True), layer(x, training=False))


@both
def test_dropconnect_applies_the_activation_after_the_bias(make):
    linear, relu = make(), make(activation="relu")
    x = numbers(2, 6) if make is dense_layer else numbers(2, 3, 3, 2)
    np.testing.assert_array_equal(relu(x, training=True), np.maximum(linear(x, training=True), 0))


def test_a_dropped_weight_has_no_gradient_and_a_kept_one_is_scaled():
    layer = dense_layer(0.5)
    x = numbers(4, 6)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(x, training=True))
    gradient = np.array(tape.gradient(total, layer.kernel.value))
    kept = masked(layer, 0.5, 5) != 0
    np.testing.assert_allclose(gradient, kept * x.sum(0)[:, None] / 0.5, rtol=1e-5, atol=1e-6)


@both
def test_a_penalty_on_a_dropconnect_kernel_counts_all_weights(make):
    layer = make(0.5, kernel_regularizer=keras.regularizers.L1L2(l1=0.1, l2=0.2))
    used_kernel(layer)
    w = layer.kernel.numpy().astype(np.float64)
    assert float(sum(layer.losses)) == pytest.approx(0.1 * np.abs(w).sum() + 0.2 * (w**2).sum(), rel=1e-6)


@both
def test_dropconnect_computes_in_half_precision_when_asked(make):
    layer = make(0.5, dtype="mixed_float16")
    x = numbers(2, 6) if make is dense_layer else numbers(2, 3, 3, 2)
    outputs = layer(x, training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == "float16"
    exact = np.array(make(0.5)(x, training=True))
    np.testing.assert_allclose(np.array(outputs, np.float32), exact, atol=0.05)


@pytest.mark.parametrize("rate", [1.0, -0.1, True, "half"])
def test_a_bad_dropconnect_rate_is_refused(rate):
    for make in (lambda: DropConnectDense(3, rate, 0), lambda: DropConnectConv2D(3, 3, rate, 0)):
        with pytest.raises(UsageError) as caught:
            make()
        assert str(caught.value) == f"rate must be in [0, 1) (it is the probability of dropping a weight), got {rate!r}"


def test_a_bad_dropconnect_seed_is_refused():
    with pytest.raises(UsageError) as caught:
        DropConnectDense(3, 0.5, None)
    assert str(caught.value) == "seed must be a whole number of at least 0 (it is the seed of the masks), got None"


@pytest.mark.parametrize("shape", [(5, 6), (2, 3, 4, 6)])
@pytest.mark.parametrize("pieces", [2, 3])
def test_maxout_takes_the_largest_of_the_blocks_of_the_last_axis(shape, pieces):
    x = numbers(*shape)
    units = 6 // pieces
    expected = np.max([x[..., j * units : (j + 1) * units] for j in range(pieces)], axis=0)
    np.testing.assert_array_equal(Maxout(pieces)(x), expected)


def test_maxout_with_one_piece_held_at_zero_is_relu():
    x = numbers(5, 4)
    inputs = keras.Input((4,))
    linear = keras.layers.Dense(6)
    model = keras.Model(inputs, Maxout()(linear(inputs)))
    w, b = numbers(4, 3, seed=1), numbers(3, seed=2)
    linear.set_weights([np.hstack([w, np.zeros_like(w)]), np.hstack([b, np.zeros_like(b)])])
    np.testing.assert_allclose(model(x), np.maximum(x @ w + b, 0), rtol=1e-5, atol=1e-6)


def test_maxout_sends_the_gradient_to_the_largest_piece_alone():
    x = tf.constant([[1.0, 5.0, 2.0, 3.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = Maxout()(x)
    np.testing.assert_array_equal(tape.gradient(y, x), [[0, 1, 1, 0]])


def test_maxout_refuses_features_it_cannot_cut():
    with pytest.raises(UsageError) as caught:
        Maxout(2)(numbers(3, 5))
    assert str(caught.value) == (
        "pieces must divide the 5 features of the inputs (it is the number of linear pieces an output chooses from), "
        "got 2; give the layer before Maxout pieces * units outputs"
    )
    with pytest.raises(UsageError) as caught:
        Maxout(1)
    assert str(caught.value) == (
        "pieces must be a whole number of at least 2 (it is the number of linear pieces an output chooses from), got 1"
    )


def response_normalized(a, radius, bias, alpha, beta) -> np.ndarray:
    b = np.empty_like(a)
    for i in range(a.shape[-1]):
        total = 0.0
        for j in range(max(0, i - radius), min(a.shape[-1] - 1, i + radius) + 1):
            total = total + a[..., j] ** 2
        b[..., i] = a[..., i] / (bias + alpha * total) ** beta
    return b


@pytest.mark.parametrize(
    "options",
    [{}, {"depth_radius": 1, "bias": 1.0, "alpha": 0.5, "beta": 0.5}, {"depth_radius": 0}, {"depth_radius": 9}],
)
def test_local_response_normalization_equals_the_loop_of_the_paper(options):
    x = 20 * numbers(2, 3, 4, 7)
    used = {"depth_radius": 2, "bias": 2.0, "alpha": 1e-4, "beta": 0.75} | options
    expected = response_normalized(x.astype(np.float64), *used.values())
    np.testing.assert_allclose(LocalResponseNormalization(**options)(x), expected, rtol=1e-5)
    theirs = tf.nn.local_response_normalization(x, **used)
    np.testing.assert_allclose(LocalResponseNormalization(**options)(x), theirs, rtol=1e-5)


def test_local_response_normalization_does_not_overflow_in_half_precision():
    x = np.full((1, 1, 1, 5), 300, np.float16)
    y = np.array(LocalResponseNormalization(dtype="mixed_float16")(x))
    assert y.dtype == np.float16
    np.testing.assert_allclose(y, response_normalized(x.astype(np.float64), 2, 2, 1e-4, 0.75), rtol=2e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"depth_radius": -1},
            "depth_radius must be a whole number of at least 0 (it is the number of channels to each side that count), "
            "got -1",
        ),
        ({"bias": 0}, "bias must be above 0 (it is what the activity of the channels is added to), got 0"),
        ({"alpha": -1}, "alpha must be at least 0 (it is the weight of the activity of the channels), got -1"),
        ({"beta": "x"}, "beta must be at least 0 (it is the exponent of the normalization), got 'x'"),
    ],
)
def test_bad_numbers_of_local_response_normalization_are_refused(options, message):
    with pytest.raises(UsageError) as caught:
        LocalResponseNormalization(**options)
    assert str(caught.value) == message


@saves
def test_every_layer_survives_saving_and_loading(tmp_path):
    inputs = keras.Input((6, 6, 2))
    x = DropConnectConv2D(8, 3, 0.4, 11, padding="same", activation="tanh", name="conv")(inputs)
    x = Maxout(4, name="maxout", activity_regularizer=keras.regularizers.L2(0.1))(x)
    x = LocalResponseNormalization(3, 1.5, 0.25, 0.5, name="lrn")(x)
    x = keras.layers.Flatten()(x)
    x = DropConnectDense(3, 0.25, 12, use_bias=False, kernel_regularizer="l2", name="dense")(x)
    model = keras.Model(inputs, x)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for name in ("conv", "maxout", "lrn", "dense"):
        assert type(loaded.get_layer(name)) is type(model.get_layer(name))
        assert loaded.get_layer(name).get_config() == model.get_layer(name).get_config()
    images = numbers(2, 6, 6, 2)
    np.testing.assert_array_equal(loaded(images), model(images))
    np.testing.assert_array_equal(loaded(images, training=True), model(images, training=True))
    np.testing.assert_array_equal(sum(loaded.losses), sum(model.losses))


@saves
def test_a_loaded_model_starts_its_masks_from_the_seed_again_as_dropout_does(tmp_path):
    inputs = keras.Input((6,))
    model = keras.Model(inputs, keras.layers.Dropout(0.5, seed=2)(DropConnectDense(30, 0.5, 1)(inputs)))
    x = numbers(4, 6)
    first, second = np.array(model(x, training=True)), np.array(model(x, training=True))
    assert not np.array_equal(first, second)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x, training=True), first)
    np.testing.assert_array_equal(loaded(x, training=True), second)
