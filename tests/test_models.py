"""The factories: what they build, in which order, from which weights, and with which penalty."""

import random
import subprocess
import sys
import threading

import keras
import numpy as np
import pytest

from lab import models
from lab.checks import UsageError
from lab.layers import DropConnectConv2D, DropConnectDense, LocalResponseNormalization
from lab.models import INITIALIZERS, alexnet_like, conv, dense, simple_conv
from lab.regularization import NONE, Regularization
from lab.seeds import derive

# Keras 3.15 hands its variables to NumPy 2 in an old way when it saves a model.
saves = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")

EVERYTHING = Regularization(
    l1=0.01,
    l2=0.02,
    activity_l1=0.03,
    activity_l2=0.04,
    dropout=0.3,
    dropconnect=0.2,
    noise=0.1,
    normalization="group",
    groups=2,
    max_norm=3.0,
)


def numbers(*shape, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def names(model) -> list[str]:
    return [layer.name for layer in model.layers]


def kernels(model) -> dict[str, np.ndarray]:
    """The initial or trained kernel of each layer that has one."""
    return {layer.name: layer.kernel.numpy() for layer in model.layers if hasattr(layer, "kernel")}


def small_dense(regularization=NONE, **options):
    return dense((6,), 3, **({"widths": (8, 4), "regularization": regularization} | options))


def small_conv(regularization=NONE, **options):
    return conv(
        (8, 8, 2),
        3,
        **(
            {
                "blocks": ((4, 6), (8,)),
                "widths": (10,),
                "regularization": regularization,
                "head": regularization,
            }
            | options
        ),
    )


FACTORIES = {"dense": (small_dense, (6,)), "conv": (small_conv, (8, 8, 2))}
each_factory = pytest.mark.parametrize(("factory", "shape"), FACTORIES.values(), ids=FACTORIES)


def refusal(factory, *arguments, **options) -> str:
    with pytest.raises(UsageError) as caught:
        factory(*arguments, **options)
    return str(caught.value)


# Structure


def test_a_dense_net_has_its_layers_in_the_fixed_order():
    model = small_dense(EVERYTHING)
    parts = [f"dense_{i}{part}" for i in (1, 2) for part in ("", "_norm", "_activation", "_noise", "_dropout")]
    assert names(model) == ["input", *parts, "output"]


def test_a_convolutional_net_has_its_layers_in_the_fixed_order():
    one = ["", "_norm", "_activation", "_noise"]
    assert names(small_conv(EVERYTHING)) == [
        "input",
        *(f"conv_1_{j}{part}" for j in (1, 2) for part in one),
        *("pool_1", "block_1_dropout"),
        *(f"conv_2_1{part}" for part in one),
        *("pool_2", "block_2_dropout", "flatten"),
        *(f"dense_1{part}" for part in (*one, "_dropout")),
        "output",
    ]


def test_what_has_strength_zero_is_left_out():
    assert names(small_dense()) == ["input", "dense_1", "dense_1_activation", "dense_2", "dense_2_activation", "output"]
    for layer in small_dense().layers:
        assert getattr(layer, "kernel_regularizer", None) is None
        assert getattr(layer, "kernel_constraint", None) is None
        assert layer.activity_regularizer is None
    assert names(conv((4, 4, 1), 2, blocks=((3,),), pool=1, widths=())) == [
        *("input", "conv_1_1", "conv_1_1_activation", "flatten", "output")
    ]


def test_blocks_and_head_are_regularized_apart():
    model = small_conv(regularization=Regularization(dropout=0.2, l2=0.1), head=Regularization(dropconnect=0.3))
    assert "block_1_dropout" in names(model)
    assert "dense_1_dropout" not in names(model)
    assert type(model.get_layer("conv_1_1")) is keras.layers.Conv2D
    assert type(model.get_layer("dense_1")) is DropConnectDense
    assert model.get_layer("dense_1").kernel_regularizer is None


def test_dropconnect_stands_in_for_both_kinds_of_hidden_layers_and_not_for_the_output():
    model = small_conv(Regularization(dropconnect=0.3))
    kinds = {layer.name: type(layer) for layer in model.layers if hasattr(layer, "kernel")}
    assert kinds == {
        **dict.fromkeys(("conv_1_1", "conv_1_2", "conv_2_1"), DropConnectConv2D),
        "dense_1": DropConnectDense,
        "output": keras.layers.Dense,
    }


@pytest.mark.parametrize(
    ("build", "parameters"),
    [
        (lambda: dense((3,), 2, widths=(4,)), 26),
        (lambda: dense((3,), 1, widths=(4, 4)), 41),
        (lambda: simple_conv((28, 28, 1), 10), 433_890),
        (
            lambda: conv(
                *((32, 32, 3), 10),
                blocks=((32, 32),),
                padding=("same", "valid"),
                widths=(512,),
                initializer="glorot_uniform",
            ),
            3_702_186,
        ),
        # Maxout doubles the 3-4 and 4-4 weights and biases: 2 * (16 + 20) + 5.
        (lambda: dense((3,), 1, widths=(4, 4), activation="maxout"), 77),
        # PReLU adds a slope for each of the 8 units, or for each of the 4 channels.
        (lambda: dense((3,), 1, widths=(4, 4), activation="prelu"), 49),
        (lambda: conv((6, 6, 1), 2, blocks=((4,),), widths=(), activation="prelu"), 40 + 4 + 74),
        (lambda: dense((5, 5), 3, widths=()), 78),
    ],
)
def test_parameter_counts_are_those_of_the_course_and_of_arithmetic(build, parameters):
    assert build().count_params() == parameters


def test_simple_conv_works_on_the_small_digits_too():
    model = simple_conv((8, 8, 1), 10)
    assert names(model) == [
        *("input", "conv_1_1", "conv_1_1_activation", "pool_1", "flatten", "dense_1", "dense_1_activation", "output")
    ]
    assert model.get_layer("pool_1").output.shape == (None, 2, 2, 30)
    assert simple_conv((8, 8, 1), 10, kernel_size=3, filters=4).get_layer("pool_1").output.shape == (None, 3, 3, 4)


@pytest.mark.parametrize("size", [15, 28, 32])
def test_alexnet_like_has_five_convolutions_response_normalization_and_a_dropped_head(size):
    model = alexnet_like((size, size, 3), 10, filters=(2, 3, 4, 4, 3), widths=(6, 5))
    assert names(model) == [
        *("input", "conv_1_1", "conv_1_1_activation", "lrn_1", "pool_1"),
        *("conv_2_1", "conv_2_1_activation", "lrn_2", "pool_2"),
        *("conv_3_1", "conv_3_1_activation", "conv_3_2", "conv_3_2_activation", "conv_3_3", "conv_3_3_activation"),
        *("pool_3", "flatten", "dense_1", "dense_1_activation", "dense_1_dropout"),
        *("dense_2", "dense_2_activation", "dense_2_dropout", "output"),
    ]
    assert isinstance(model.get_layer("lrn_1"), LocalResponseNormalization)
    assert [model.get_layer(f"conv_{i}").kernel.shape[0] for i in ("1_1", "2_1", "3_1")] == [5, 5, 3]
    assert model.get_layer("pool_3").output.shape == (None, *({15: (1, 1), 28: (2, 2), 32: (3, 3)}[size]), 3)
    assert model.get_layer("dense_2_dropout").rate == 0.5


def test_alexnet_like_does_without_response_normalization_and_dropout():
    model = alexnet_like((15, 15, 1), 2, filters=(1, 1, 1, 1, 1), widths=(3,), lrn=False, head=NONE)
    assert not [name for name in names(model) if "lrn" in name or "dropout" in name]


@pytest.mark.parametrize(
    ("activation", "function"),
    [
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x))),
        ("tanh", np.tanh),
        ("relu", lambda x: np.maximum(x, 0)),
        ("leaky_relu", lambda x: np.where(x > 0, x, 0.01 * x)),
        ("prelu", lambda x: np.where(x > 0, x, 0.25 * x)),
        ("elu", lambda x: np.where(x > 0, x, np.exp(x) - 1)),
        ("linear", lambda x: x),
        ("maxout", lambda x: np.maximum(x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :])),
    ],
)
@each_factory
def test_every_activation_is_the_function_it_names(factory, shape, activation, function):
    model = factory(activation=activation)
    first = model.layers[1].name
    probe = keras.Model(model.input, [model.get_layer(first).output, model.get_layer(f"{first}_activation").output])
    linear, activated = (np.array(value) for value in probe(numbers(4, *shape)))
    np.testing.assert_allclose(activated, function(linear), rtol=1e-5, atol=1e-6)
    assert activated.shape[-1] == (8 if factory is small_dense else 4)


def test_the_output_layer_gives_logits():
    model = small_dense()
    assert model.get_layer("output").activation is keras.activations.linear


@pytest.mark.parametrize(
    ("kind", "axes"), [("layer", (1, 2, 3)), ("instance", (1, 2)), ("group", (1, 2, 4)), ("batch", (0, 1, 2))]
)
def test_normalization_of_images_is_over_the_axes_it_names(kind, axes):
    model = conv((6, 6, 2), 2, blocks=((8,),), regularization=Regularization(normalization=kind, groups=4))
    layer = model.get_layer("conv_1_1_norm")
    x = 10 * numbers(3, 6, 6, 8) + 5
    grouped = x.reshape(3, 6, 6, 4, 2) if kind == "group" else x
    mean, variance = grouped.mean(axes, keepdims=True), grouped.var(axes, keepdims=True)
    expected = ((grouped - mean) / np.sqrt(variance + 1e-3)).reshape(x.shape)
    np.testing.assert_allclose(layer(x, training=True) if kind == "batch" else layer(x), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("kind", "axes"), [("layer", (1,)), ("group", (2,)), ("batch", (0,))])
def test_normalization_of_dense_layers_is_over_the_axes_it_names(kind, axes):
    model = small_dense(Regularization(normalization=kind, groups=4), widths=(8,))
    layer = model.get_layer("dense_1_norm")
    x = 10 * numbers(5, 8) + 5
    grouped = x.reshape(5, 4, 2) if kind == "group" else x
    mean, variance = grouped.mean(axes, keepdims=True), grouped.var(axes, keepdims=True)
    expected = ((grouped - mean) / np.sqrt(variance + 1e-3)).reshape(x.shape)
    np.testing.assert_allclose(layer(x, training=True) if kind == "batch" else layer(x), expected, rtol=1e-3, atol=1e-4)


def test_batch_normalization_moves_its_statistics_by_its_momentum():
    model = small_dense(Regularization(normalization="batch", batch_momentum=0.75))
    layer, x = model.get_layer("dense_1_norm"), numbers(50, 8) + 3
    layer(x, training=True)
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.25 * x.mean(0), rtol=1e-5)


# Seeds


VARIANTS = {
    "l2": Regularization(l2=0.1),
    "dropout": Regularization(dropout=0.5),
    "dropconnect": Regularization(dropconnect=0.5),
    "batch": Regularization(normalization="batch"),
    "noise and max norm": Regularization(noise=0.1, max_norm=2),
    "everything": EVERYTHING,
}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
@each_factory
def test_variants_of_one_seed_start_from_the_same_weights(factory, shape, variant):
    plain, varied = kernels(factory(seed=3)), kernels(factory(variant, seed=3))
    assert list(plain) == list(varied)
    for name, kernel in plain.items():
        np.testing.assert_array_equal(varied[name], kernel)


@each_factory
def test_other_seeds_and_other_layers_start_from_other_weights(factory, shape):
    one, other = kernels(factory(seed=3)), kernels(factory(seed=4))
    assert all(not np.array_equal(one[name], other[name]) for name in one)
    twins = kernels(dense((8,), 8, widths=(8, 8)))
    assert not np.array_equal(twins["dense_1"], twins["dense_2"])
    assert not np.array_equal(twins["dense_1"], twins["output"])


def test_weights_and_masks_are_the_same_while_another_thread_hammers_the_global_generators():
    def draw() -> list[np.ndarray]:
        found = []
        for variant in VARIANTS.values():
            for factory, shape in FACTORIES.values():
                model = factory(variant, seed=9)
                found += [*kernels(model).values(), np.array(model(numbers(2, *shape), training=True))]
        return found

    quiet, over = draw(), threading.Event()

    def hammer() -> None:
        while not over.is_set():
            random.random()
            np.random.rand()
            keras.utils.set_random_seed(random.randrange(1000))
            keras.random.uniform((2,))

    thread = threading.Thread(target=hammer)
    thread.start()
    try:
        loud = draw()
    finally:
        over.set()
        thread.join()
    for before, after in zip(quiet, loud, strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("activation", models.ACTIVATIONS)
@pytest.mark.parametrize("initializer", [*INITIALIZERS, 0.3])
def test_building_a_model_draws_nothing_from_the_global_generators(activation, initializer):
    random.seed(1)
    np.random.seed(1)
    before = random.getstate(), np.random.get_state()[1].tolist()
    small_dense(EVERYTHING, activation=activation, initializer=initializer, widths=(4,))
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


def test_variants_of_one_seed_draw_the_same_masks_where_they_share_layers():
    one = small_conv(Regularization(dropout=0.3, noise=0.1, dropconnect=0.2), seed=2)
    other = small_conv(EVERYTHING, seed=2)
    ones = np.ones((4, 50), np.float32)
    masks = {}
    for name in ("block_1_dropout", "block_2_dropout", "dense_1_dropout", "conv_1_2_noise", "dense_1_noise"):
        masks[name], again = (np.array(model.get_layer(name)(ones, training=True)) for model in (one, other))
        np.testing.assert_array_equal(again, masks[name])
    assert not np.array_equal(masks["block_1_dropout"], masks["block_2_dropout"])
    impulses = np.eye(32, dtype=np.float32)[:, :32]
    first, second = (np.array(model.get_layer("dense_1")(impulses, training=True)) for model in (one, other))
    np.testing.assert_array_equal(first, second)


def test_random_layers_have_seeds_of_their_own_by_name_and_role():
    model = small_conv(EVERYTHING, seed=4)
    seeds = {
        ("conv_1_1", "dropconnect"): model.get_layer("conv_1_1").seed,
        ("conv_1_1", "kernel"): model.get_layer("conv_1_1").kernel_initializer.seed,
        ("conv_1_1", "noise"): model.get_layer("conv_1_1_noise").seed,
        ("block_1", "dropout"): model.get_layer("block_1_dropout").seed,
        ("dense_1", "dropconnect"): model.get_layer("dense_1").seed,
        ("dense_1", "dropout"): model.get_layer("dense_1_dropout").seed,
        ("output", "kernel"): model.get_layer("output").kernel_initializer.seed,
    }
    assert seeds == {key: derive(4, *key) for key in seeds}


# Initial weights


@pytest.mark.parametrize(
    ("initializer", "expected"), [("xavier", lambda n: 1 / n), ("he", lambda n: 2 / n), (0.01, lambda n: 1e-4)]
)
def test_gaussian_initializers_have_their_variance_and_are_not_truncated(initializer, expected):
    deep = dense((500,), 300, widths=(400,), initializer=initializer)
    image = conv((5, 5, 40), 3, blocks=((300,),), widths=(), initializer=initializer)
    found = [
        (deep.get_layer("dense_1"), 500),
        (deep.get_layer("output"), 400),
        (image.get_layer("conv_1_1"), 9 * 40),
    ]
    for layer, inputs in found:
        w = layer.kernel.numpy() / np.sqrt(expected(inputs))
        # A standard deviation of N draws is off by 1 / sqrt(2 N), here at most 0.0022; a mean by 1 / sqrt(N).
        assert w.std() == pytest.approx(1, abs=5 / np.sqrt(2 * w.size))
        assert w.mean() == pytest.approx(0, abs=5 / np.sqrt(w.size))
        # 0.27 % of a Gaussian lies beyond three deviations; Keras truncates at 2.3 of its "he_normal".
        assert np.mean(np.abs(w) > 3) == pytest.approx(0.0027, abs=5 * np.sqrt(0.0027 / w.size))
        assert not layer.bias.numpy().any()


def test_the_initializer_zeros_makes_all_weights_zero():
    for model in (small_dense(initializer="zeros"), small_conv(initializer="zeros")):
        assert not any(kernel.any() for kernel in kernels(model).values())


@pytest.mark.parametrize("name", models.KERAS_INITIALIZERS)
def test_an_initializer_of_keras_by_name_is_that_initializer(name):
    model = small_conv(initializer=name, seed=6)
    for layer in ("conv_1_2", "dense_1", "output"):
        theirs = keras.initializers.get(name).__class__(seed=derive(6, layer, "kernel"))
        kernel = model.get_layer(layer).kernel
        np.testing.assert_array_equal(kernel.numpy(), theirs(kernel.shape))


# Penalties


def scrambled(model):
    """Give every weight, biases and normalization included, a value of its own, so that nothing hides at zero."""
    generator = np.random.default_rng(1)
    model.set_weights(
        [generator.uniform(0.1, 1, w.shape) * generator.choice([-1, 1], w.shape) for w in model.get_weights()]
    )
    return model


@pytest.mark.parametrize(
    "penalty",
    [
        {"l1": 0.01},
        {"l2": 0.02},
        {"l1": 0.01, "l2": 0.02},
        {"activity_l1": 0.03},
        {"activity_l2": 0.04},
        {"activity_l1": 0.03, "activity_l2": 0.04},
        {"l1": 0.01, "l2": 0.02, "activity_l1": 0.03, "activity_l2": 0.04},
    ],
    ids="+".join,
)
@pytest.mark.parametrize(
    "others",
    [
        {},
        {"dropconnect": 0.5},
        {"normalization": "group", "groups": 2},
        {"normalization": "layer", "dropout": 0.5, "noise": 0.1, "max_norm": 1.0},
    ],
    ids=["alone", "dropconnect", "group", "layer and noise"],
)
@each_factory
def test_the_penalty_equals_the_formula_on_hidden_kernels_and_activations_alone(factory, shape, penalty, others):
    model = scrambled(factory(Regularization(**penalty, **others), activation="prelu"))
    x = numbers(5, *shape)
    hidden = [kernel.astype(np.float64) for name, kernel in kernels(model).items() if name != "output"]
    activations = [layer.output for layer in model.layers if layer.name.endswith("_activation")]
    outputs = [np.array(value, np.float64) for value in keras.Model(model.input, activations)(x)]
    expected = (
        penalty.get("l1", 0) * sum(np.abs(w).sum() for w in hidden)
        + penalty.get("l2", 0) * sum((w**2).sum() for w in hidden)
        + penalty.get("activity_l1", 0) * sum(np.abs(a).sum() for a in outputs) / len(x)
        + penalty.get("activity_l2", 0) * sum((a**2).sum() for a in outputs) / len(x)
    )
    model(x)
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-5)


def test_the_output_of_a_linear_classifier_is_penalized_when_asked():
    model = scrambled(dense((4, 4, 1), 3, widths=(), output_regularization=Regularization(l1=0.1, l2=0.2)))
    assert names(model) == ["input", "flatten", "output"]
    w = model.get_layer("output").kernel.numpy().astype(np.float64)
    model(numbers(2, 4, 4, 1))
    assert float(sum(model.losses)) == pytest.approx(0.1 * np.abs(w).sum() + 0.2 * (w**2).sum(), rel=1e-6)


def test_dropout_gives_zero_or_the_value_scaled_up_and_is_the_identity_in_inference():
    model = small_dense(Regularization(dropout=0.4), widths=(2000,))
    layer, x = model.get_layer("dense_1_dropout"), np.abs(numbers(3, 2000)) + 0.1
    y = np.array(layer(x, training=True))
    np.testing.assert_allclose(y[y != 0], (x / 0.6)[y != 0], rtol=1e-6)
    assert np.mean(y == 0) == pytest.approx(0.4, abs=5 * np.sqrt(0.4 * 0.6 / y.size))
    np.testing.assert_array_equal(layer(x), x)


# Training without the lab


def fitted(model, shape, **options):
    # Without shuffling: the order would come from a global random state.
    options = {"epochs": 2, "batch_size": 8, "verbose": 0, "shuffle": False} | options
    model.compile(keras.optimizers.SGD(0.5), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model.fit(numbers(24, *shape), np.arange(24) % 3, **options).history


@each_factory
def test_a_model_can_be_compiled_and_fitted_without_the_lab(factory, shape):
    model = factory(EVERYTHING, activation="maxout")
    before = kernels(model)
    history = fitted(model, shape)
    assert np.isfinite(history["loss"]).all()
    assert all(not np.array_equal(before[name], kernel) for name, kernel in kernels(model).items())


def test_max_norm_holds_for_every_unit_after_training_and_leaves_the_output_alone():
    limit = 0.5
    model = small_conv(Regularization(max_norm=limit))
    fitted(model, (8, 8, 2))
    for name, kernel in kernels(model).items():
        norms = np.sqrt((kernel.astype(np.float64) ** 2).reshape(-1, kernel.shape[-1]).sum(0))
        if name == "output":
            assert norms.max() > limit
        else:
            assert norms.max() <= limit * (1 + 1e-6)
            # The constraint works near its limit, so it does not hold by chance, or by shrinking whole kernels.
            assert norms.max() > 0.9 * limit


@saves
@pytest.mark.parametrize("activation", ["relu", "prelu", "leaky_relu", "maxout"])
@each_factory
def test_a_model_survives_saving_and_loading(factory, shape, activation, tmp_path):
    model = scrambled(factory(EVERYTHING, activation=activation, seed=8))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert names(loaded) == names(model)
    x = numbers(4, *shape)
    np.testing.assert_array_equal(loaded(x), model(x))
    np.testing.assert_allclose(sum(loaded.losses), sum(model.losses), rtol=1e-6)
    np.testing.assert_array_equal(loaded(x, training=True), model(x, training=True))
    assert loaded.layers[1].kernel_constraint.get_config() == model.layers[1].kernel_constraint.get_config()


@saves
def test_alexnet_like_survives_saving_and_loading(tmp_path):
    model = alexnet_like((15, 15, 1), 4, filters=(4, 4, 4, 4, 4), widths=(5,))
    model.save(tmp_path / "model.keras")
    x = numbers(2, 15, 15, 1)
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras")(x), model(x))


# Refusals


KNOWN = ", ".join(map(repr, INITIALIZERS))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"widths": 256}, "widths must be a list of whole numbers, got 256"),
        ({"widths": "256"}, "widths must be a list of whole numbers, got '256'"),
        (
            {"widths": (8, 0)},
            "widths[1] must be a whole number of at least 1 (it is the number of units of a hidden layer), got 0",
        ),
        (
            {"widths": (True,)},
            "widths[0] must be a whole number of at least 1 (it is the number of units of a hidden layer), got True",
        ),
        (
            {"widths": ("",)},
            "widths[0] must be a whole number of at least 1 (it is the number of units of a hidden layer), got ''",
        ),
        (
            {"activation": "rleu"},
            "activation must be one of 'sigmoid', 'tanh', 'relu', 'leaky_relu', 'prelu', 'maxout', 'elu', "
            "'linear', got 'rleu'; did you mean 'relu'?",
        ),
        ({"initializer": "xaver"}, f"initializer must be one of {KNOWN}, got 'xaver'; did you mean 'xavier'?"),
        (
            {"initializer": 0},
            "initializer must be above 0 (it is the name of an initializer or the standard deviation of a Gaussian), "
            "got 0",
        ),
        ({"seed": -1}, "seed must be a whole number of at least 0 (it is the seed of the run), got -1"),
        ({"regularization": 0.1}, "regularization must be a Regularization, got 0.1"),
        (
            {"widths": (), "regularization": Regularization(l2=0.1)},
            "regularization is for the dense hidden layers, of which widths () makes none, got Regularization(l2=0.1); "
            "leave it at its default or give widths",
        ),
        (
            {"output_regularization": Regularization(l2=0.1, dropout=0.5)},
            "output_regularization is the penalty on the output kernel and may set l1, l2, group_inputs and "
            "group_units alone, "
            "got Regularization(l2=0.1, dropout=0.5); set the rest in regularization, for the hidden layers",
        ),
        (
            {"regularization": Regularization(normalization="instance")},
            "normalization 'instance' would output zeros at dense_1, where it would normalize one number at a time; "
            "choose another normalization there",
        ),
        (
            {"regularization": Regularization(normalization="group", groups=3)},
            "groups must divide the 8 channels of dense_1 (it is the number of groups of channels), got 3",
        ),
        (
            {"regularization": Regularization(normalization="group", groups=4), "widths": (8, 4)},
            "normalization 'group' would output zeros at dense_2, where it would normalize one number at a time; "
            "choose another normalization or fewer groups there",
        ),
        (
            {"regularization": Regularization(normalization="layer"), "widths": (8, 1)},
            "normalization 'layer' would output zeros at dense_2, where it would normalize one number at a time; "
            "choose another normalization there",
        ),
    ],
)
def test_a_wrong_argument_of_dense_is_refused(options, message):
    assert refusal(small_dense, **options) == message


@pytest.mark.parametrize(
    ("shape", "outputs", "message"),
    [
        ((), 2, "input_shape must have at least one axis (it is the shape of one example), got ()"),
        (4, 2, "input_shape must be a list of whole numbers, got 4"),
        (
            (4, None),
            2,
            "input_shape[1] must be a whole number of at least 1 (it is the size of one axis of an example), got None",
        ),
        ((4,), 0, "outputs must be a whole number of at least 1 (it is the number of logits), got 0"),
    ],
)
def test_a_wrong_shape_of_dense_is_refused(shape, outputs, message):
    assert refusal(dense, shape, outputs) == message


BLOCKS = "blocks must list the filters of each block, as in ((32, 32), (64, 64)), got "


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"blocks": ()}, f"{BLOCKS}()"),
        ({"blocks": (32, 32)}, f"{BLOCKS}(32, 32)"),
        ({"blocks": ((8,), ())}, f"{BLOCKS}((8,), ())"),
        ({"blocks": "32"}, f"{BLOCKS}'32'"),
        (
            {"blocks": ((8, -1),)},
            "blocks[0][1] must be a whole number of at least 1 (it is the number of filters of a convolution), got -1",
        ),
        (
            {"kernel_size": 2.5},
            "kernel_size must be a whole number of at least 1 (it is the height and width of the kernels), got 2.5",
        ),
        ({"pool": 0}, "pool must be a whole number of at least 1 (it is the height and width of the pooling), got 0"),
        ({"padding": "sane"}, "padding must be one of 'same', 'valid', got 'sane'; did you mean 'same'?"),
        ({"padding": 1}, "padding must be one of 'same', 'valid', got 1"),
        (
            {"padding": ("same", "valid")},
            "padding must be one word, or one for each of the 1 convolutions of block 2, got ('same', 'valid')",
        ),
        (
            {"blocks": ((4,), (4,), (4,), (4,))},
            "input_shape (8, 8, 2) is too small for block 4: pool_4 needs at least 2x2 pixels and gets 1x1; "
            "use larger images, or fewer or smaller blocks",
        ),
        (
            {"padding": "valid", "blocks": ((4, 4), (4,))},
            "input_shape (8, 8, 2) is too small for block 2: conv_2_1 needs at least 3x3 pixels and gets 2x2; "
            "use larger images, or fewer or smaller blocks",
        ),
        (
            {"widths": (), "head": Regularization(dropout=0.5)},
            "head is for the dense hidden layers, of which widths () makes none, got Regularization(dropout=0.5); "
            "leave it at its default or give widths",
        ),
        ({"head": None}, "head must be a Regularization, got None"),
        (
            {"head": Regularization(normalization="instance")},
            "normalization 'instance' would output zeros at dense_1, where it would normalize one number at a time; "
            "choose another normalization there",
        ),
        (
            {"regularization": Regularization(normalization="group", groups=4)},
            "groups must divide the 6 channels of conv_1_2 (it is the number of groups of channels), got 4",
        ),
        (
            {
                "regularization": Regularization(normalization="instance"),
                "blocks": ((4,), (4,), (4,)),
                "padding": "valid",
                "kernel_size": 2,
            },
            "input_shape (8, 8, 2) is too small for block 3: conv_3_1 needs at least 2x2 pixels and gets 1x1; "
            "use larger images, or fewer or smaller blocks",
        ),
        (
            {"regularization": Regularization(normalization="instance"), "blocks": ((4,), (4,), (4,), (4,)), "pool": 2},
            "normalization 'instance' would output zeros at conv_4_1, where it would normalize one number at a time; "
            "choose another normalization there",
        ),
    ],
)
def test_a_wrong_argument_of_conv_is_refused(options, message):
    assert refusal(small_conv, **options) == message


@pytest.mark.parametrize("factory", [conv, simple_conv, alexnet_like])
def test_convolutions_refuse_what_is_no_image(factory):
    assert refusal(factory, (28, 28), 10) == (
        "input_shape must be (height, width, channels) for convolutions, got (28, 28)"
    )


def test_wrong_arguments_of_the_named_nets_are_refused():
    assert refusal(alexnet_like, (14, 20, 1), 10) == (
        "input_shape (14, 20, 1) is too small for block 3: pool_3 needs at least 3x3 pixels and gets 2x4; "
        "use larger images, or fewer or smaller blocks"
    )
    assert refusal(alexnet_like, (28, 28, 1), 10, filters=(1, 2)) == (
        "filters must give the filters of the 5 convolutions, got 2 numbers"
    )
    assert refusal(alexnet_like, (28, 28, 1), 10, lrn=1) == "lrn must be True or False, got 1"
    assert refusal(simple_conv, (28, 28, 1), 10, filters=0) == (
        "filters must be a whole number of at least 1 (it is the number of filters of a convolution), got 0"
    )
    assert refusal(simple_conv, (4, 4, 1), 10) == (
        "input_shape (4, 4, 1) is too small for block 1: conv_1_1 needs at least 5x5 pixels and gets 4x4; "
        "use larger images, or fewer or smaller blocks"
    )


def test_neither_importing_the_factories_nor_a_refusal_loads_keras():
    script = """
import sys
from lab.models import alexnet_like, conv, dense, simple_conv
from lab.regularization import Regularization
from lab.checks import UsageError
for factory, arguments, options in [
    (dense, ((4,), 2), {"activation": "?"}), (dense, ((4,), 2), {"widths": (0,)}),
    (dense, ((4,), 2), {"regularization": Regularization(normalization="instance")}),
    (conv, ((8, 8), 2), {}), (conv, ((2, 2, 1), 2), {}), (conv, ((8, 8, 1), 2), {"head": None}),
    (simple_conv, ((4, 4, 1), 2), {}), (alexnet_like, ((8, 8, 1), 2), {}), (alexnet_like, ((28, 28, 1), 0), {}),
]:
    try:
        factory(*arguments, **options)
    except UsageError:
        continue
    sys.exit(f"{factory.__name__}{arguments} {options} was accepted")
print(sorted({"keras", "tensorflow"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
