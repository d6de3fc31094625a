"""A model that is there already, regularized: the same outputs, the penalties of the formula, and nothing else."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.checks import UsageError
from lab.engine import cohort, keras_fit
from lab.engine.keras_internals import names_from_zero
from lab.engine.task import Task
from lab.layers import DropConnectConv2D, DropConnectDense
from lab.models import describe, regularized
from lab.regularization import NONE, Regularization
from lab.training import Training
from tests import random_models
from tests.cohorts import SHAPE, dataset, difference
from tests.selection import quick

L = keras.layers
KERNELS = ("kernel", "recurrent_kernel", "depthwise_kernel", "pointwise_kernel", "embeddings")
CUSTOM = {kind.__name__: kind for kind in (random_models.Pull, random_models.Smooth, random_models.Clipped)}
EXAMPLES = np.random.default_rng(5).normal(size=(4, *SHAPE)).astype("float32")


def losses(model: keras.Model, x: object) -> float:
    model(x, training=False)
    return float(np.sum([np.asarray(loss, "float64") for loss in model.losses]))


def last_layer(model: keras.Model) -> keras.layers.Layer:
    return next(layer for layer in reversed(model.layers) if layer.weights)


def hidden_kernels(model: keras.Model) -> list[keras.Variable]:
    """Return the kernels that a regularization is for, by the names that Keras gives weights."""
    last = {id(v) for v in last_layer(model).weights}
    return [v for v in model.trainable_weights if v.name in KERNELS and id(v) not in last]


def moved(model: keras.Model) -> None:
    """Move the hidden kernels of a model, always by the same numbers."""
    generator = np.random.default_rng(8)
    for v in hidden_kernels(model):
        v.assign(v.numpy() + 0.1 * generator.normal(size=v.shape))


def formula(kernels: list[np.ndarray], starts: list[np.ndarray], r: Regularization) -> float:
    return sum(
        r.l1 * np.abs(w).sum() + r.l2 * np.square(w).sum() + r.l2_start * np.square(w - start).sum()
        for w, start in zip(kernels, starts, strict=True)
    )


def assert_regularized(model: keras.Model, r: Regularization, x: object, folder: Path) -> bool:
    """Compare a model that is regularized with the formula; say whether there was something to regularize."""
    before, weights, config = model(x, training=False).numpy(), model.get_weights(), str(model.get_config())
    starts = [v.numpy().astype("float64") for v in hidden_kernels(model)]
    penalized = bool(r.l1 or r.l2 or r.l2_start)
    refusal = ""
    try:
        made = regularized(model, r, seed=3)
    except UsageError as error:
        refusal = str(error)
    if refusal:
        assert "of which it reaches none" in refusal
        assert not starts or refusal.startswith(("dropout", "noise", "normalization"))
        return False
    plain = regularized(model, NONE)
    after = made(x, training=False).numpy()
    # A new normalization layer changes nothing but for its root: 1 / sqrt(1) is 1 - 1e-7 on processors with AVX-512.
    assert (
        np.allclose(after, before, rtol=1e-5, atol=1e-5)
        if r.normalization == "batch"
        else np.array_equal(after, before)
    )
    assert np.array_equal(plain(x, training=False).numpy(), before)

    own = sum(float(v.regularizer(v)) for v in hidden_kernels(model) if v.regularizer) if penalized else 0.0
    assert np.isclose(losses(made, x), losses(plain, x) - own + formula(starts, starts, r), rtol=1e-5, atol=1e-6)

    moved(made)
    moved(plain)
    kernels = [v.numpy().astype("float64") for v in hidden_kernels(made)]
    own = sum(float(v.regularizer(v)) for v in hidden_kernels(plain) if v.regularizer) if penalized else 0.0
    assert np.isclose(losses(made, x), losses(plain, x) - own + formula(kernels, starts, r), rtol=1e-5, atol=1e-6)

    made.save(folder / "made.keras")
    loaded = keras.models.load_model(folder / "made.keras", custom_objects=CUSTOM)
    assert np.array_equal(loaded(x, training=False).numpy(), made(x, training=False).numpy())
    assert losses(loaded, x) == losses(made, x)

    assert str(model.get_config()) == config
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), weights, strict=True))
    return True


STRENGTHS = st.sampled_from([0.0, 0.0, 1e-4, 0.03, 0.7])
RATES = st.sampled_from([0.0, 0.0, 0.2, 0.5])
NORMALIZATIONS = st.sampled_from(["none", "none", "batch"])
REGULARIZATIONS = st.builds(
    Regularization,
    l1=STRENGTHS,
    l2=STRENGTHS,
    l2_start=STRENGTHS,
    dropout=RATES,
    noise=RATES,
    normalization=NORMALIZATIONS,
)
GRAPHS = given(case=st.integers(0, 10_000), size=st.integers(1, 6), r=REGULARIZATIONS)
SETTINGS = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=12, **SETTINGS)
@GRAPHS
def test_a_random_graph_computes_the_same_and_is_charged_by_the_formula(tmp_path_factory, case, size, r):
    assert_regularized(random_models.build(case, 1, size), r, EXAMPLES, tmp_path_factory.mktemp("graph"))


@pytest.mark.slow
@settings(max_examples=250, **SETTINGS)
@GRAPHS
def test_many_random_graphs_compute_the_same_and_are_charged_by_the_formula(tmp_path_factory, case, size, r):
    model = random_models.build(case + 10_001, 1, size)
    assert_regularized(model, r, EXAMPLES, tmp_path_factory.mktemp("graph"))


def test_most_random_graphs_have_something_to_regularize(tmp_path):
    r = Regularization(l1=0.1, l2_start=0.1)
    assert sum(assert_regularized(random_models.build(case, 1, 4), r, EXAMPLES, tmp_path) for case in range(6)) >= 5


APPLICATIONS = {
    "ConvNeXtTiny": 32,
    "DenseNet121": 32,
    "EfficientNetB0": 32,
    "MobileNet": 32,
    "MobileNetV2": 32,
    "MobileNetV3Small": 32,
    "NASNetMobile": 32,
    "ResNet50": 32,
    "Xception": 71,
}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "size"), APPLICATIONS.items())
def test_an_application_of_keras_computes_the_same_and_is_charged_by_the_formula(name, size, tmp_path):
    model = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), classes=5)
    x = np.random.default_rng(1).normal(size=(2, size, size, 3)).astype("float32")
    assert assert_regularized(model, Regularization(l1=1e-5, l2=1e-4, dropout=0.2), x, tmp_path)
    assert assert_regularized(model, Regularization(l2_start=0.1), x, tmp_path)


def random_task(case: int, run: int, size: int, r: Regularization) -> Task:
    training = Training(optimizer="sgd", learning_rate=0.03, epochs=3, batch_size=20)
    return Task(partial(random_run, case, run, size, r), dataset(seed=case), training, run)


def random_run(case: int, run: int, size: int, r: Regularization) -> keras.Model:
    # As the lab builds them: the seeds follow from the names of the layers.
    with names_from_zero():
        return regularized(random_models.build(case, run, size), r, seed=run)


RICH = Regularization(l1=1e-4, l2=1e-3, l2_start=1e-2, activity_l2=1e-3, dropout=0.2, noise=0.05)


def assert_engines_agree(case: int, size: int) -> None:
    """Compare the engines on a graph with a hidden kernel whose losses stay finite, as those of the cases below do."""
    tasks = [random_task(case, run, size, RICH) for run in range(2)]
    plan = cohort.group(tasks)
    assert ([group.indices for group in plan.groups], plan.refused) == ([[0, 1]], {})
    for mine, one in zip(cohort.train(tasks), tasks, strict=True):
        assert max(difference(mine, keras_fit.train(one)).values()) < 1e-5


@pytest.mark.parametrize("case", quick([8, 11]))
def test_both_engines_train_a_regularized_random_graph_alike(case):
    assert_engines_agree(case, 2)


@pytest.mark.slow
@pytest.mark.parametrize("case", [*range(102, 115), 116, 118])
def test_both_engines_train_many_regularized_random_graphs_alike(case):
    assert_engines_agree(case, 4)


def sequence(layer: keras.layers.Layer) -> keras.Model:
    x = keras.Input((4, 6))
    return keras.Model(x, L.Dense(2, name="out")(L.Flatten()(layer(x))))


def attention(kind: type, *sizes: int) -> keras.Model:
    x = keras.Input((4, 6))
    return keras.Model(x, L.Dense(2, name="out")(L.Flatten()(kind(*sizes, name="layer")(x, x))))


def image(layer: keras.layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((5, 5, 2)), layer, L.Flatten(), L.Dense(2, name="out")])


def words() -> keras.Model:
    return keras.Sequential([keras.Input((4,)), L.Embedding(9, 3), L.Flatten(), L.Dense(2, name="out")])


def cells() -> keras.layers.Layer:
    return L.RNN([L.LSTMCell(3), L.GRUCell(2)])


KINDS = {
    "dense": (lambda: sequence(L.Dense(3)), ["kernel"]),
    "einsum_dense": (lambda: sequence(L.EinsumDense("abc,cde->abde", (4, 2, 3))), ["kernel"]),
    "conv_1d": (lambda: sequence(L.Conv1D(3, 2)), ["kernel"]),
    "conv_2d_in_groups": (lambda: image(L.Conv2D(4, 2, groups=2)), ["kernel"]),
    "conv_transpose": (lambda: image(L.Conv2DTranspose(3, 2)), ["kernel"]),
    "depthwise": (lambda: image(L.DepthwiseConv2D(2)), ["kernel"]),
    "separable": (lambda: image(L.SeparableConv2D(3, 2)), ["depthwise_kernel", "pointwise_kernel"]),
    "simple_rnn": (lambda: sequence(L.SimpleRNN(3)), ["kernel", "recurrent_kernel"]),
    "lstm": (lambda: sequence(L.LSTM(3)), ["kernel", "recurrent_kernel"]),
    "gru": (lambda: sequence(L.GRU(3)), ["kernel", "recurrent_kernel"]),
    "bidirectional": (lambda: sequence(L.Bidirectional(L.LSTM(3))), ["kernel", "recurrent_kernel"] * 2),
    "cells": (lambda: sequence(cells()), ["kernel", "recurrent_kernel"] * 2),
    "time_distributed": (lambda: sequence(L.TimeDistributed(L.Dense(3))), ["kernel"]),
    "embedding": (words, ["embeddings"]),
    "attention": (lambda: attention(L.MultiHeadAttention, 2, 3), ["kernel"] * 4),
    "grouped_attention": (lambda: attention(L.GroupQueryAttention, 3, 4, 2), ["kernel"] * 4),
}


@pytest.mark.parametrize("name", KINDS)
def test_the_penalty_is_on_the_kernels_of_every_kind_of_layer_and_on_nothing_else(name, tmp_path):
    build, expected = KINDS[name]
    model = build()
    x = np.random.default_rng(2).integers(0, 9, size=(3, *model.input_shape[1:])).astype("float32")
    made = regularized(model, Regularization(l2=0.1))
    assert [v.name for v in made.weights if v.regularizer is not None] == expected
    assert assert_regularized(model, Regularization(l1=0.1, l2=0.2, l2_start=0.3), x, tmp_path)


def fused() -> keras.Model:
    return keras.Sequential([keras.Input((6,)), L.Dense(5, "tanh"), L.Dense(4, "relu"), L.Dense(2)])


def apart() -> keras.Model:
    x = inputs = keras.Input((6,))
    for units in (5, 4):
        x = L.ReLU()(L.BatchNormalization()(L.Dense(units)(x)))
    return keras.Model(inputs, L.Dense(2)(x))


def one_activation_for_all() -> keras.Model:
    relu, x = L.ReLU(), keras.Input((6,))
    return keras.Model(x, L.Dense(2)(relu(L.Dense(4)(relu(L.Dense(5)(x))))))


def operations() -> keras.Model:
    x = keras.Input((6,))
    return keras.Model(x, L.Dense(2)(keras.ops.relu(L.Dense(5)(x))))


def shared() -> keras.Model:
    x, dense = keras.Input((6,)), L.Dense(5, "relu")
    return keras.Model(x, L.Dense(2)(L.Concatenate()([dense(x), dense(-2.0 * x)])))


def activations(model: keras.Model, x: np.ndarray) -> list[np.ndarray]:
    """Return what the model computes behind each activation, by hand from its weights."""
    weights, found = [w.astype("float64") for w in model.get_weights()], []
    if len(model.layers) == len(apart().layers):
        for i in (0, 6):
            gamma, beta, mean, variance = weights[i + 2 : i + 6]
            x = np.maximum((x @ weights[i] + weights[i + 1] - mean) / np.sqrt(variance + 1e-3) * gamma + beta, 0)
            found.append(x)
        return found
    for i in range(0, len(weights) - 2, 2):
        z = x @ weights[i] + weights[i + 1]
        is_tanh = getattr(model.layers[0], "activation", None) is keras.activations.tanh and i == 0
        x = np.tanh(z) if is_tanh else np.maximum(z, 0)
        found.append(x)
    return found


@pytest.mark.parametrize("build", [fused, apart, one_activation_for_all, operations])
def test_the_activity_penalty_is_on_the_activations_summed_and_averaged_over_the_batch(build):
    model, x = build(), np.random.default_rng(3).normal(size=(7, 6)).astype("float32")
    made = regularized(model, Regularization(activity_l1=0.1, activity_l2=0.2))
    expected = sum((0.1 * np.abs(a).sum() + 0.2 * np.square(a).sum()) / 7 for a in activations(model, x))
    assert np.isclose(losses(made, x), expected, rtol=1e-5)


def test_an_activity_penalty_in_mixed_precision_is_a_sum_of_float32():
    policy = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_float16")
        model = fused()
    finally:
        keras.config.set_dtype_policy(policy)
    model.layers[0].activation = keras.activations.relu
    model.set_weights([np.ones_like(w) for w in model.get_weights()])
    x = np.full((7, 6), 30.0, "float32")
    made = regularized(model, Regularization(activity_l2=1.0, dropout=0.5))
    assert np.array_equal(made(x, training=False), model(x, training=False))
    # 5 units of 6 * 30 + 1 and 4 units of 5 * 181 + 1, rounded to float16; it holds numbers up to 65504.
    assert losses(made, x) == pytest.approx(5 * 181**2 + 4 * 906**2, rel=1e-3)
    assert {str(loss.dtype) for loss in made.losses} == {"<dtype: 'float32'>"}


def test_a_shared_layer_is_charged_once_for_its_weights_and_for_every_call_for_its_activity():
    model, x = shared(), np.random.default_rng(3).normal(size=(7, 6)).astype("float32")
    kernel, bias = (w.astype("float64") for w in model.get_weights()[:2])
    outputs = [np.maximum(z @ kernel + bias, 0) for z in (x, -2.0 * x)]
    made = regularized(model, Regularization(l2=0.1, activity_l1=0.2))
    expected = 0.1 * np.square(kernel).sum() + sum(0.2 * a.sum() / 7 for a in outputs)
    assert np.isclose(losses(made, x), expected, rtol=1e-5)


def test_a_layer_that_two_models_share_stays_one_layer():
    dense, x = L.Dense(6, name="both"), keras.Input((6,))
    inner = [keras.Sequential([keras.Input((6,)), dense], name=name) for name in ("a", "b")]
    model = keras.Model(x, L.Dense(2, name="out")(L.Add()([inner[0](x), inner[1](-2.0 * x)])))
    made = regularized(model, Regularization(l2=0.1))
    assert made.get_layer("a").get_layer("both") is made.get_layer("b").get_layer("both")
    assert len(made.losses) == 1


def names(model: keras.Model) -> list[str]:
    return [layer.name for layer in model.layers]


def convolutional() -> keras.Sequential:
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            L.Conv2D(4, 3, name="conv"),
            L.BatchNormalization(name="bn"),
            L.ReLU(name="relu"),
            L.MaxPooling2D(name="pool"),
            L.Flatten(name="flat"),
            L.Dense(5, "relu", name="dense"),
            L.Dense(2, "softmax", name="out"),
        ]
    )


def test_dropout_stands_behind_the_pooling_and_noise_behind_the_activation():
    made = regularized(convolutional(), Regularization(dropout=0.5, noise=0.1))
    conv = ["conv", "bn", "relu", "conv_noise", "pool", "conv_dropout"]
    assert names(made) == [*conv, "flat", "dense", "dense_noise", "dense_dropout", "out"]
    assert type(made) is keras.Sequential


def test_dropout_behind_convolutions_drops_channels_where_that_is_asked():
    made = regularized(convolutional(), Regularization(dropout=0.5), spatial=True)
    assert [type(made.get_layer(f"{name}_dropout")) for name in ("conv", "dense")] == [L.SpatialDropout2D, L.Dropout]


def test_normalization_stands_between_a_layer_and_its_activation_and_not_where_there_is_one():
    made = regularized(convolutional(), Regularization(normalization="batch"))
    assert names(made) == ["conv", "bn", "relu", "pool", "flat", "dense", "dense_norm", "dense_activation", "out"]
    assert made.get_layer("dense_norm").momentum == 0.9
    assert made.get_layer("dense").activation is keras.activations.linear
    assert made.get_layer("dense_activation").activation is keras.activations.relu


def test_a_dropout_that_is_there_takes_the_rate():
    model = keras.Sequential(
        [keras.Input((6,)), L.Dense(5, "relu", name="dense"), L.Dropout(0.2, name="drop"), L.Dense(2, name="out")]
    )
    made = regularized(model, Regularization(dropout=0.6))
    assert (names(made), made.get_layer("drop").rate, model.get_layer("drop").rate) == (names(model), 0.6, 0.2)
    assert [(row.layer, row.done) for row in describe(made)][:2] == [
        ("dense", "dropout 0.6 instead of 0.2 in 'drop'"),
        ("drop", "dropout 0.6 instead of 0.2, for 'dense'"),
    ]


def test_what_was_regularized_is_not_regularized_twice():
    first = Regularization(l2=0.1, activity_l1=0.1, noise=0.1, dropout=0.1, normalization="batch", dropconnect=0.1)
    second = Regularization(l2=0.2, activity_l1=0.2, noise=0.2, dropout=0.2, dropconnect=0.2)
    x = np.random.default_rng(3).normal(size=(7, 8, 8, 3)).astype("float32")
    for model in (convolutional(), regularized(convolutional(), NONE)):
        made = regularized(model, first)
        twice = regularized(made, second)
        assert names(twice) == names(made)
        assert losses(twice, x) == pytest.approx(2 * losses(made, x), rel=1e-5)
        assert {layer.rate for layer in twice.layers if hasattr(layer, "rate")} == {0.2}
        assert {layer.stddev for layer in twice.layers if hasattr(layer, "stddev")} == {0.2}


def test_a_pull_towards_a_start_goes_on_towards_it_when_the_model_is_regularized_again(tmp_path):
    for model in (fused(), attention(L.MultiHeadAttention, 2, 3)):
        x = np.random.default_rng(3).normal(size=(3, *model.input_shape[1:])).astype("float32")
        pulled = regularized(model, Regularization(l2_start=0.3))
        moved(pulled)
        pulled.save(tmp_path / "pulled.keras")
        expected = losses(pulled, x)
        assert expected > 0
        for one in (pulled, keras.saving.load_model(tmp_path / "pulled.keras")):
            assert losses(regularized(one, NONE), x) == pytest.approx(expected, rel=1e-6)
            assert losses(regularized(one, Regularization(l2_start=0.1)), x) == 0.0


def attention_run(run: int) -> keras.Model:
    with names_from_zero():
        x = keras.Input(SHAPE)
        y = L.Reshape((6, 6))(x)
        start = keras.initializers.GlorotUniform
        y = L.MultiHeadAttention(2, 3, kernel_initializer=start(seed=run))(y, y)
        model = keras.Model(x, L.Dense(3, kernel_initializer=start(seed=run))(L.Flatten()(y)))
        return regularized(model, Regularization(l2_start=0.1))


@pytest.mark.slow
def test_attention_is_pulled_towards_its_start_in_a_cohort_too():
    training = Training(optimizer="sgd", learning_rate=0.03, epochs=2, batch_size=20)
    tasks = [Task(partial(attention_run, run), dataset(), training, run) for run in range(2)]
    plan = cohort.group(tasks)
    assert ([group.indices for group in plan.groups], plan.refused) == ([[0, 1]], {})
    for mine, one in zip(cohort.train(tasks), tasks, strict=True):
        assert mine.rows[-1]["val_penalty"] > 0
        assert max(difference(mine, keras_fit.train(one)).values()) < 1e-5


def test_one_dropout_behind_two_layers_takes_one_rate():
    x, drop = keras.Input((6,)), L.Dropout(0.3, name="drop")
    model = keras.Model(x, L.Dense(2, name="out")(drop(L.Dense(5, name="b")(drop(L.Dense(6, name="a")(x))))))
    assert regularized(model, Regularization(dropout=0.5)).get_layer("drop").rate == 0.5
    with pytest.raises(UsageError) as caught:
        regularized(model, Regularization(dropout=0.5), layers={"b": Regularization(dropout=0.1)})
    assert str(caught.value) == (
        "rate must be one for the layer 'drop', which 'b' and others share, got 0.5 and 0.1; give them one "
        "regularization"
    )


def test_names_that_are_taken_are_not_taken_again():
    model = keras.Sequential(
        [keras.Input((6,)), L.Dense(5, "relu", name="a"), L.Dense(5, name="a_dropout"), L.Dense(2, name="out")]
    )
    made = regularized(model, Regularization(dropout=0.6))
    assert names(made) == ["a", "a_dropout_2", "a_dropout", "a_dropout_dropout", "out"]


def test_dropconnect_takes_the_place_of_dense_and_conv_2d():
    made = regularized(convolutional(), Regularization(dropconnect=0.3))
    kinds = {name: type(made.get_layer(name)) for name in ("conv", "dense", "out")}
    assert kinds == {"conv": DropConnectConv2D, "dense": DropConnectDense, "out": L.Dense}
    assert made.get_layer("dense").rate == 0.3


def residual() -> keras.Model:
    inputs = keras.Input((8, 8, 3))
    x = L.Conv2D(4, 3, padding="same", activation="relu", name="stem")(inputs)
    y = L.Conv2D(4, 3, padding="same", name="branch")(x)
    x = L.ReLU(name="joined")(L.Add(name="add")([x, y]))
    return keras.Model(inputs, L.Dense(2, name="out")(L.GlobalAveragePooling2D(name="average")(x)))


def test_a_convolution_that_is_joined_before_its_activation_is_penalized_and_not_dropped():
    made = regularized(residual(), Regularization(l2=0.1, dropout=0.5))
    rows = {row.layer: (row.done, row.why) for row in describe(made)}
    assert rows["stem"] == ("l2 0.1 on kernel; dropout 0.5", "")
    why = "no dropout: it is joined with others, or used in several places, before its activation"
    assert rows["branch"] == ("l2 0.1 on kernel", why)


MAX_NORMS = {
    "dense": lambda w: np.square(w).sum(0),
    "einsum_dense": lambda w: np.square(w).sum(0),
    "conv_2d_in_groups": lambda w: np.square(w).sum((0, 1, 2)),
    "conv_transpose": lambda w: np.square(w).sum((0, 1, 3)),
    "depthwise": lambda w: np.square(w).sum((0, 1)),
    "embedding": lambda w: np.square(w).sum(1),
    "lstm": lambda w: np.square(w).sum(0),
}


@pytest.mark.parametrize("name", MAX_NORMS)
def test_the_bound_is_on_the_norm_of_the_weights_into_one_unit(name):
    made = regularized(KINDS[name][0](), Regularization(max_norm=0.7))
    bounded = [v for v in made.weights if v.constraint is not None]
    assert [v.name for v in bounded] == KINDS[name][1]
    large = np.random.default_rng(4).normal(size=bounded[0].shape) + 3.0
    squares = MAX_NORMS[name](np.asarray(bounded[0].constraint(keras.ops.convert_to_tensor(large, "float32"))))
    assert np.allclose(squares, 0.49, rtol=1e-4)


def test_new_random_layers_draw_by_the_seed_and_their_names():
    def masks(seed: int) -> list[np.ndarray]:
        made = regularized(named(), Regularization(dropout=0.5), seed=seed)
        drop = [layer for layer in made.layers if isinstance(layer, L.Dropout)]
        return [np.asarray(layer(np.ones((5, 5), "float32"), training=True)) for layer in drop]

    first, again, other = (masks(seed) for seed in (1, 1, 2))
    assert len(first) == 3
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[0], other[0])


def named() -> keras.Sequential:
    return keras.Sequential(
        [
            keras.Input((6,)),
            L.Dense(5, "relu", name="block1_a"),
            L.Dense(5, "relu", name="block1_b"),
            L.Dense(5, "relu", name="block2_a"),
            L.Dense(2, name="head"),
        ]
    )


def strengths(model: keras.Model) -> dict[str, float]:
    return {
        layer.name: round(layer.kernel_regularizer.l2, 6)
        for layer in model.layers
        if hasattr(layer, "kernel") and layer.kernel_regularizer is not None
    }


def test_patterns_say_where_and_a_full_name_counts_before_them_in_any_order():
    r = [Regularization(l2=strength) for strength in (0.1, 0.2, 0.3)]
    assert strengths(regularized(named(), r[0])) == {"block1_a": 0.1, "block1_b": 0.1, "block2_a": 0.1}
    assert strengths(regularized(named(), r[0], layers={"block1_*": None})) == {"block2_a": 0.1}
    layers = {"block1_*": None, "block1_b": r[1], "head": r[2]}
    for order in (layers, dict(reversed(layers.items()))):
        found = strengths(regularized(named(), r[0], layers=order))
        assert found == {"block1_b": 0.2, "block2_a": 0.1, "head": 0.3}


def test_a_pattern_for_the_output_layer_must_be_its_full_name():
    assert strengths(regularized(named(), NONE, layers={"*": Regularization(l2=0.1)})).keys() == {
        "block1_a",
        "block1_b",
        "block2_a",
    }


def nested() -> keras.Model:
    inner = keras.Sequential(
        [keras.Input((6,)), L.Dense(5, "relu", name="a"), L.Dense(4, "relu", name="b")], name="backbone"
    )
    x = keras.Input((6,))
    return keras.Model(x, L.Dense(2, name="head")(L.Dense(3, "relu", name="a")(inner(x))))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("backbone", ["", "", "l2 0.1 on kernel"]),
        ("backbone/a", ["", "l2 0.1 on kernel", "l2 0.1 on kernel"]),
        ("a", ["", "l2 0.1 on kernel", ""]),
    ],
)
def test_a_pattern_names_a_layer_its_path_or_a_model_around_it(pattern, expected):
    made = regularized(nested(), Regularization(l2=0.1), layers={pattern: None})
    done = {row.layer: row.done for row in describe(made)}
    assert [done[name] for name in ("backbone/a", "backbone/b", "a")] == expected


def test_the_output_layer_inside_a_nested_model_is_left_alone():
    inner = keras.Sequential([keras.Input((6,)), L.Dense(5, "relu", name="a"), L.Dense(2, name="b")], name="inner")
    model = keras.Sequential([keras.Input((6,)), inner, L.Softmax(name="end")])
    rows = {row.layer: (row.done, row.why) for row in describe(regularized(model, Regularization(l2=0.1)))}
    assert rows["inner/a"] == ("l2 0.1 on kernel", "")
    assert rows["inner/b"] == ("", "is the output layer")


def test_what_is_joined_behind_an_activation_is_hidden_and_what_is_averaged_makes_the_output():
    x = keras.Input((6,))
    hidden = L.Dense(5, "relu", name="hidden")(x)
    averaged = L.Average()([L.Dense(5, "softmax", name=name)(hidden) for name in ("a", "b")])
    joined = keras.Model(x, L.Add()([hidden, L.Dense(5, name="c")(hidden)]))
    for model, expected in ((keras.Model(x, averaged), {"a", "b"}), (joined, {"c"})):
        rows = describe(regularized(model, Regularization(l2=0.1)))
        assert {row.layer for row in rows if row.why == "is the output layer"} == expected


def test_frozen_layers_are_left_alone_and_stay_frozen():
    model = nested()
    model.get_layer("backbone").trainable = False
    model.get_layer("backbone").get_layer("b").trainable = True
    made = regularized(model, Regularization(l2=0.1, dropout=0.5))
    rows = {row.layer: (row.done, row.why) for row in describe(made)}
    assert rows["backbone/a"] == ("", "is frozen")
    frozen = [
        [layer.name for layer in (*m.layers, *m.get_layer("backbone").layers) if not layer.trainable]
        for m in (model, made)
    ]
    assert frozen == [["backbone", "a"], ["backbone", "a"]]
    assert [v.trainable for v in model.weights] == [v.trainable for v in made.weights]


def test_a_frozen_model_that_was_trained_in_part_keeps_what_it_trains():
    model = nested()
    model.get_layer("backbone").get_layer("a").trainable = False
    made = regularized(model, Regularization(l2=0.1))
    shapes = [[tuple(v.shape) for v in m.trainable_weights] for m in (model, made)]
    assert shapes[0] == shapes[1]
    assert len(made.losses) == 2


def test_a_penalty_of_its_own_is_kept_where_none_is_asked_and_replaced_where_one_is():
    own = keras.regularizers.OrthogonalRegularizer(0.1)
    model = keras.Sequential([keras.Input((6,)), L.Dense(5, kernel_regularizer=own, name="a"), L.Dense(2, name="out")])
    assert type(regularized(model, NONE).get_layer("a").kernel_regularizer) is type(own)
    made = regularized(model, Regularization(l2=0.1))
    assert type(made.get_layer("a").kernel_regularizer) is keras.regularizers.L1L2
    assert describe(made)[0].done == "l2 0.1 on kernel instead of its own OrthogonalRegularizer"


def test_the_description_prints_as_a_table():
    made = regularized(named(), Regularization(l2=0.1), layers={"block1_*": None})
    assert str(describe(made)).splitlines() == [
        "layer     kind   done              why",
        "block1_a  Dense                    layers['block1_*'] is None",
        "block1_b  Dense                    layers['block1_*'] is None",
        "block2_a  Dense  l2 0.1 on kernel",
        "head      Dense                    is the output layer",
    ]


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__(name="mine")
        self.head = L.Dense(2)

    def call(self, inputs):
        return self.head(inputs)


def lone() -> keras.Model:
    return keras.Sequential([keras.Input((6,)), L.Dense(2, name="out")])


def bounded() -> keras.Model:
    dense = L.Dense(5, kernel_constraint=keras.constraints.NonNeg(), name="a")
    return keras.Sequential([keras.Input((6,)), dense, L.Dense(2, name="out")])


class Lost(L.Layer):
    def __init__(self, width):
        super().__init__(name="lost")
        self.width = width

    def get_config(self):
        return super().get_config()

    def call(self, inputs):
        return inputs


def lost() -> keras.Model:
    return keras.Sequential([keras.Input((6,)), Lost(3), L.Dense(5, name="a"), L.Dense(2, name="out")])


REFUSALS = [
    (
        Subclassed,
        Regularization(l2=0.1),
        {},
        "model must be a Functional or Sequential model, whose calls can be seen, got 'mine' of the class Subclassed, "
        "whose call is code; give its layers their regularizers where Subclassed makes them, or write it as "
        "keras.Model(inputs, outputs)",
    ),
    (
        lambda: keras.Sequential([L.Dense(2)], name="s"),
        Regularization(l2=0.1),
        {},
        "model must be built, got the Sequential 's', which is not; give its first layer a keras.Input, or call it on "
        "data once",
    ),
    (lambda: "model", NONE, {}, "model must be a keras.Model, got str"),
    (named, 0.1, {}, "regularization must be a Regularization, got 0.1"),
    (
        named,
        NONE,
        {"layers": {"block1_a": 0.1}},
        "layers['block1_a'] must be a Regularization or None, got 0.1",
    ),
    (named, NONE, {"layers": ["a"]}, "layers must be a dict from patterns for names to regularizations, got ['a']"),
    (
        named,
        NONE,
        {"layers": {"block3_*": None}},
        "layers['block3_*'] must name a layer, got none; the model has 'block1_a', 'block1_b', 'block2_a', 'head'",
    ),
    (
        named,
        NONE,
        {"layers": {"block1_*": None, "*_a": Regularization(l2=0.1)}},
        "layers must ask for one thing per layer, got 'block1_*', '*_a' for 'block1_a'; give its full name",
    ),
    (
        named,
        NONE,
        {"layers": {"head": Regularization(l2=0.1, dropout=0.5)}},
        "layers['head'] names the output layer and may set 'l1', 'l2', 'l2_start', 'group_inputs', 'group_units', "
        "'orthogonal', 'kernels', 'max_norm', 'dropconnect' only, got 'dropout'; what is dropped or normalized there "
        "is the answer itself",
    ),
    (
        lone,
        Regularization(l2=0.1),
        {},
        "l2 must reach a layer, got Regularization(l2=0.1), of which it reaches none: 'out' is the output layer",
    ),
    (
        lambda: sequence(L.LSTM(3, name="lstm")),
        Regularization(dropconnect=0.1),
        {},
        "dropconnect must reach a layer, got Regularization(dropconnect=0.1), of which it reaches none: no "
        "dropconnect: it is for Dense and Conv2D, not LSTM",
    ),
    (
        bounded,
        Regularization(max_norm=1.0),
        {},
        "max_norm must not take the place of another bound, got the NonNeg of the layer 'a'; leave it out there: "
        "layers={'a': Regularization(...)}",
    ),
    (
        named,
        Regularization(normalization="layer"),
        {},
        "normalization must be 'none' or 'batch' where weights are kept, got 'layer', which would change what the "
        "layer 'block1_a' returns; train from fresh weights: lab.models.saved(..., start='fresh')",
    ),
    (
        lost,
        Regularization(l2=0.1),
        {},
        "layer 'lost' must be what Lost.from_config makes of its get_config, got TypeError: Error when deserializing "
        "class 'Lost' using config=",
    ),
    (
        named,
        NONE,
        {"seed": -1},
        "seed must be a whole number of at least 0 (it is what the seeds of new random layers follow from), got -1",
    ),
    (named, NONE, {"spatial": 1}, "spatial must be True or False, got 1"),
]


@pytest.mark.parametrize(("build", "r", "options", "sentence"), REFUSALS, ids=range(len(REFUSALS)))
def test_what_cannot_be_done_is_refused_in_a_sentence(build, r, options, sentence):
    with pytest.raises(UsageError) as caught:
        regularized(build(), r, **options)
    found = str(caught.value)
    assert found[: len(sentence)] == sentence
    assert found == sentence or sentence.endswith("config=")


def test_a_model_that_was_not_regularized_here_has_no_description():
    with pytest.raises(UsageError) as caught:
        describe(named())
    assert str(caught.value) == (
        "model must be one that lab.models.regularized returned in this process, got Sequential; regularize it here to "
        "see what is done"
    )


def test_a_saved_model_is_loaded_where_only_the_layers_of_the_lab_are_imported(tmp_path):
    r = Regularization(l1=0.1, l2_start=0.3, dropconnect=0.2)
    made = regularized(fused(), r)
    moved(made)
    made.save(tmp_path / "made.keras")
    code = (
        "import keras, lab.layers\n"
        f"model = keras.models.load_model({str(tmp_path / 'made.keras')!r})\n"
        "print(repr(float(sum(model.losses))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=True
    )
    assert float(done.stdout.split()[-1]) == float(sum(made.losses))
