"""What the course's experiments on training must show: exactly where the truth is exact, in bands elsewhere."""

from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest

from experiments import (
    course_mistakes,
    dead_units,
    initialization,
    loss_surface,
    optimizer_dropout,
    optimizers,
    trajectories,
    vanishing_gradient,
)
from lab.data import digits
from lab.experiment import Variant
from lab.probes.activations import gradient_norms
from lab.run import train
from lab.training import Training

# The course's table, worked out with its own code: x and y at step 10, at step 30, and f at step 30.
COURSE = {
    "sgd": ((-2.579787, 0.697357), (-0.350393, 0.084782), 1.3327e-2),
    "momentum": ((-4.347554, 0.008800), (0.896414, 0.088086), 4.7937e-2),
    "adagrad": ((-1.489386, 0.000004), (-0.120162, 0.0), 7.219e-4),
    "rmsprop": ((-5.345545, 0.602797), (-3.476243, 0.011688), 6.0435e-1),
    "adam": ((-4.059412, -0.491847), (0.136014, 0.318245), 1.0221e-1),
}


@cache
def trajectory_table():
    return trajectories.compute()["trajectories"]


def walked(optimizer, rates="the course's"):
    table = trajectory_table()
    return table[(table["optimizer"] == optimizer) & (table["rates"] == rates)].set_index("step")


@pytest.mark.parametrize("optimizer", COURSE)
def test_trajectories_are_the_courses_to_six_digits(optimizer):
    path, (at_10, at_30, f) = walked(optimizer), COURSE[optimizer]
    np.testing.assert_allclose(path.loc[10, ["x", "y"]].to_numpy(float), at_10, atol=5.1e-7)
    np.testing.assert_allclose(path.loc[30, ["x", "y"]].to_numpy(float), at_30, atol=5.1e-7)
    assert path.loc[30, "f"] == pytest.approx(f, rel=1e-4)


def test_at_the_courses_rates_adagrad_is_best_and_rmsprop_last():
    ranking = sorted(COURSE, key=lambda optimizer: walked(optimizer)["f"].iloc[-1])
    assert (ranking[0], ranking[-1]) == ("adagrad", "rmsprop")


def test_at_its_own_best_rate_rmsprop_comes_second():
    ranking = sorted(COURSE, key=lambda optimizer: walked(optimizer, "their own best")["f"].iloc[-5:].max())
    assert ranking[:2] == ["adagrad", "rmsprop"]


def test_tanh_is_a_stretched_sigmoid_and_no_sigmoid_is_steeper_than_a_quarter():
    z = np.linspace(-9, 9, 2001)
    sigmoid = initialization.activate("sigmoid", z)
    np.testing.assert_allclose(sigmoid, 1 / (1 + np.exp(-z)), atol=1e-15)
    twice = initialization.activate("sigmoid", 2 * z)
    np.testing.assert_allclose(initialization.activate("tanh", z), 2 * twice - 1, atol=1e-15)
    slope = np.gradient(sigmoid, z)
    assert slope.max() <= 0.25
    assert slope.max() == pytest.approx(0.25, abs=1e-4)
    assert z[slope.argmax()] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("activation", "name", "low", "high"),
    [
        ("relu", "he", 0.7, 1.0),
        ("relu", "xavier", 0.1, 0.2),
        ("relu", "std 0.01", 0.0, 1e-4),
        ("relu", "std 1", 1e3, 1e5),
        ("tanh", "xavier", 0.25, 0.4),
        ("tanh", "std 0.01", 0.0, 1e-4),
        ("sigmoid", "std 0.01", 0.005, 0.02),
    ],
)
def test_the_initial_spread_decides_how_wide_the_fifth_layer_is(activation, name, low, high):
    spread = initialization.SPREADS[name]
    assert low <= initialization.signals(activation, spread)["layer 5"].std() <= high


def test_weights_of_spread_one_saturate_sigmoids():
    table = initialization.histograms()["histograms"]
    mine = table[(table["activation"] == "sigmoid") & (table["variant"] == "std 1") & (table["layer"] == "layer 5")]
    ends = mine[(mine["left"] < 0.1 - 1e-9) | (mine["right"] > 0.9 + 1e-9)]
    assert len(ends) == 6
    assert ends["share"].sum() > 0.6


def test_units_that_start_at_zero_stay_identical(monkeypatch):
    monkeypatch.setattr(initialization, "RANGES", ("sigmoid", "relu"))
    table = initialization.symmetry(train_size=200, epochs=30)
    zeros = table[table["variant"].str.endswith("zeros")]
    # Not 0 to the last bit with AVX2, where the columns of a product are not all computed by the same instructions.
    assert (zeros["between_units"] < 1e-9).all()
    moved = zeros[zeros["step"] > 0].groupby("variant")["largest_weight"].max()
    # The weights of a relu net do not even move; those of a sigmoid net do, all alike.
    assert moved["relu zeros"] == 0 < moved["sigmoid zeros"]
    assert (table.loc[table["variant"].str.endswith("xavier"), "between_units"] > 0.1).all()


@pytest.mark.slow
def test_batch_normalization_forgives_tiny_weights_only_with_a_tiny_epsilon():
    variants = {
        (spread, epsilon): Variant(
            data=partial(digits, train_size=1000),
            model=partial(initialization.net, spread=spread, epsilon=epsilon),
            training=Training(optimizer="sgd", learning_rate=0.01, batch_size=100, epochs=20),
        )
        for spread, epsilon in ((1e-4, None), (1e-4, 1e-3), (1e-4, 1e-6), (0.025, None), (0.025, 1e-3))
    }
    reached = {key: one.trained.rows[-1]["train_accuracy"] for (key, _), one in train(variants, seeds=[0]).items()}
    assert max(reached[1e-4, None], reached[1e-4, 1e-3], reached[0.025, None]) < 0.2
    assert reached[1e-4, 1e-6] > 0.3
    assert reached[0.025, 1e-3] > 0.95


def gradients(activation, initial):
    data = digits(train_size=200)
    model = vanishing_gradient.net("deep", activation, initial, "none")(data.input_shape, 10)
    return gradient_norms(model, "softmax_cross_entropy", data.train.x, data.train.y)["rms"].to_numpy()


def test_the_gradient_of_sigmoids_vanishes_on_its_way_to_the_input_and_that_of_relus_with_he_does_not():
    assert (np.diff(np.log10(gradients("sigmoid", "0.01")))[1:] > 1).all()
    assert gradients("sigmoid", "0.01")[0] < 1e-12
    assert gradients("sigmoid", "he")[0] < 0.01 * gradients("sigmoid", "he")[-1]
    assert gradients("relu", "he").max() < 10 * gradients("relu", "he").min()


@pytest.mark.slow
def test_sigmoid_with_weights_of_a_hundredth_never_learns_while_relu_with_he_does():
    both = vanishing_gradient.variants(partial(digits, train_size=1000), epochs=200)
    both = {name: both[name] for name in ("shallow_sigmoid_0.01", "shallow_relu_he")}
    trained = train(both, seeds=[0])
    assert trained["shallow_sigmoid_0.01", 0].trained.rows[-1]["val_accuracy"] < 0.15
    assert trained["shallow_relu_he", 0].trained.rows[-1]["val_accuracy"] > 0.9


@pytest.mark.slow
def test_a_high_learning_rate_kills_relus_and_no_leaky_relu(monkeypatch):
    monkeypatch.setattr(dead_units, "ACTIVATIONS", ("relu", "leaky_relu"))
    monkeypatch.setattr(dead_units, "RATES", (0.01, 1.0))
    table = dead_units.compute(seeds=1, epochs=10)["dead"]
    dead = table[table["step"] == table["step"].max()].set_index(["activation", "learning_rate"])["dead"]
    assert dead["leaky_relu", 0.01] == dead["leaky_relu", 1.0] == 0
    assert dead["relu", 0.01] < 0.15
    assert dead["relu", 1.0] > 0.4


@pytest.mark.slow
def test_the_sgd_that_never_learns_in_the_course_learns_at_a_rate_of_its_own():
    rates = {rate: optimizers.variant("sigmoid 0.01", "sgd", rate) for rate in (optimizers.COURSE_RATES["sgd"], 3.2)}
    trained = train(rates, seeds=[0])
    assert trained[optimizers.COURSE_RATES["sgd"], 0].trained.rows[-1]["val_accuracy"] < 0.15
    assert trained[3.2, 0].trained.test["accuracy"] > 0.9


def test_every_optimizer_with_dropout_has_its_control_without():
    variants = optimizer_dropout.EXPERIMENT.variants
    for optimizer in optimizer_dropout.OPTIMIZERS:
        control = variants[f"{optimizer}_0"]
        for dropout in (0.15, 0.2):
            variant = variants[f"{optimizer}_{dropout}"]
            assert variant.training == control.training
            regularization = variant.model.keywords["regularization"]
            assert replace(regularization, dropout=0.0) == control.model.keywords["regularization"]
            assert regularization.dropout == dropout


def test_every_step_of_gradient_descent_is_orthogonal_to_its_contour():
    path = loss_surface.descent(steps=60)["path"]
    angles = path["angle_to_contour"].iloc[:-1]
    assert len(angles) == 60
    np.testing.assert_allclose(angles, 90, atol=1e-4)
    assert (path["loss"].diff().dropna() < 0).all()
    assert path["loss"].iloc[-1] < 0.1 * path["loss"].iloc[0]


@pytest.mark.slow
def test_a_penalty_leaves_the_net_in_a_flatter_place():
    tables = loss_surface.around(train_size=300, seeds=1, epochs=100)
    lines = tables["slices"][tables["slices"]["split"] == "train"]
    middle = lines[lines["alpha"] == 0].groupby("variant")["data_loss"].median()
    ends = lines[lines["alpha"].abs() == 1].groupby("variant")["data_loss"].median()
    rise = ends - middle
    assert rise["none"] > 2 * rise["l2"]
    assert rise["none"] > 1.5 * rise["dropout"]


def test_the_elastic_net_as_the_course_wrote_it_is_plain_l1():
    import keras

    small = course_mistakes.EXPERIMENT.resized(train_size=60, epochs=2).variants
    names = ("activity_l1", "activity_as_written", "activity_elastic_net", "kernel_l1", "kernel_as_written")
    rows = {name: one.trained.rows for (name, _), one in train({n: small[n] for n in names}, seeds=[1]).items()}
    assert keras.regularizers.L1L2(0.01).l2 == 0
    assert rows["activity_as_written"] == rows["activity_l1"] != rows["activity_elastic_net"]
    assert rows["kernel_as_written"] == rows["kernel_l1"]
    for row in rows["kernel_l1"]:
        assert row["val_loss"] == pytest.approx(row["val_data_loss"] + row["val_penalty"], rel=1e-5)
        assert row["val_penalty"] > 0.05


def test_layer_normalization_as_the_course_wrote_it_normalizes_pixels_and_not_images():
    import keras

    x = digits(train_size=40).train.x
    outputs = {}
    for kind in ("channels", "image"):
        model = course_mistakes.net((8, 8, 1), 10, filters=16, width=8, normalization=kind)
        norm = next(layer for layer in model.layers if "normalization" in layer.name)
        outputs[kind] = keras.Model(model.inputs[0], norm.output)(x).numpy()
    assert np.abs(outputs["channels"].mean(axis=-1)).max() < 1e-4
    assert np.abs(outputs["image"].mean(axis=(1, 2, 3))).max() < 1e-4
    assert np.abs(outputs["image"].mean(axis=-1)).max() > 0.1


def test_the_penalty_of_untrained_weights_is_what_glorots_formula_says():
    table = course_mistakes.penalties()["penalties"].set_index("penalty")
    assert (table["parameters"] == 3_702_186).all()
    np.testing.assert_allclose(table["measured"], table["expected"], rtol=2e-3)
    assert table.loc["L1(1e-4)", "expected"] == pytest.approx(5.14, abs=0.005)
    assert table.loc["L2(1e-4)", "expected"] == pytest.approx(0.096, abs=0.0005)
