"""What the course's experiments on regularization, capacity and convolution must show, exactly or within a band."""

import keras
import numpy as np
import pandas as pd
import pytest

from experiments import (
    activation_speed,
    alexnet,
    approximation,
    capacity,
    convolution,
    data_size,
    dropout_ensemble,
    fashion,
    implicit,
    linear_classifiers,
    penalty_geometry,
    small_data,
    spirals,
    strength_regions,
)
from lab.checks import DataError
from lab.data import digits
from lab.data import spirals as spiral_data
from lab.models import dense, simple_conv
from lab.plan import plan
from lab.probes.ensembles import probabilities
from lab.regularization import Regularization
from lab.results.tables import read_tables
from lab.run import run


def test_dropout_as_the_course_distributed_it_drops_units_without_scaling_up_the_others():
    net = small_data.as_distributed((4,), 2, regularization=Regularization(dropout=0.25), seed=1)
    hidden = keras.Model(net.inputs[0], [net.get_layer("dense_1_activation").output, net.layers[4].output])
    assert isinstance(net.layers[4], keras.layers.Rescaling)
    x = np.random.default_rng(0).normal(size=(500, 4)).astype("float32")
    for training, share in ((True, None), (False, 0.75)):
        before, after = (np.asarray(values) for values in hidden(x, training=training))
        ratio = after[before > 0] / before[before > 0]
        if training:
            # Kept units pass as they are; inverted dropout would give 4 / 3.
            assert np.all(np.isclose(ratio, 1, atol=1e-6) | (ratio == 0))
            assert 0.2 < (ratio == 0).mean() < 0.3
        else:
            np.testing.assert_allclose(ratio, share, rtol=1e-6)


def test_the_frozen_output_of_the_course_is_not_trained_and_starts_as_the_corrected_one_does():
    wrong = small_data.as_distributed((64,), 10, regularization=Regularization(l2=0.05), frozen=True, seed=3)
    right = dense((64,), 10, widths=small_data.WIDTHS, regularization=Regularization(l2=0.05), seed=3)
    assert [v.path for v in wrong.trainable_variables] == [v.path for v in right.trainable_variables[:-2]]
    for mine, other in zip(wrong.get_weights(), right.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_every_arm_on_300_images_takes_the_courses_thousand_steps_of_a_hundred():
    for variant in small_data.EXPERIMENT.variants.values():
        assert variant.data.keywords["train_size"] == 300
        assert variant.training.steps(300) * variant.training.epochs == 999
        assert variant.training.batch_size == 100


def test_corrected_arms_of_the_course_differ_from_none_in_one_thing_alone():
    variants = small_data.EXPERIMENT.variants
    none = variants["none"]
    for name, variant in variants.items():
        if not name.startswith(("wrong", "adam")):
            assert variant.training == none.training
            assert variant.data.keywords == none.data.keywords


def test_lambda_of_convnetjs_is_a_tenth_of_the_same_lambda_of_cs231n():
    runs = strength_regions.compute(seeds=1, epochs=20, lambdas=(0.01, 0.1))["runs"].set_index(
        ["convention", "strength"]
    )
    columns = ["train_data_loss", "penalty", "train_accuracy", "nearby_accuracy"]
    pd.testing.assert_series_equal(
        runs.loc[("CS231n", 0.01), columns], runs.loc[("ConvNetJS", 0.1), columns], check_names=False
    )
    assert runs.loc[("CS231n", 0.1), "penalty"] != runs.loc[("ConvNetJS", 0.1), "penalty"]


@pytest.mark.slow
def test_a_stronger_lambda_fits_fewer_of_the_points():
    runs = strength_regions.compute()["runs"]
    for _, rows in runs.groupby("convention"):
        hits = rows.groupby("strength")["train_accuracy"].mean()
        assert hits[0.001] == 1
        assert hits[0.1] <= 0.88
        assert hits.is_monotonic_decreasing
    # No epoch was chosen to flatter the picture: the lowest data loss is that of the end.
    assert (runs["train_data_loss"] - runs["kept_data_loss"]).max() < 0.02


@pytest.mark.slow
def test_more_hidden_units_fit_more_and_their_loss_spreads_less_over_the_starts():
    runs = capacity.compute()["runs"]
    losses = runs.groupby("units")["train_data_loss"]
    middle = losses.median()
    assert middle[3] > 0.2 > middle[6] > 0.05 > middle[20]
    half = losses.quantile(0.75) - losses.quantile(0.25)
    assert min(half[3], half[6]) > 10 * half[20]
    assert runs.groupby("units")["train_accuracy"].median()[20] == 1


def test_the_spiral_net_starts_at_the_loss_of_a_guess_with_half_lambda_on_both_kernels():
    data = spiral_data(seed=0)
    half = Regularization(l2=0.5 * spirals.LAMBDA)
    net = dense((2,), 3, widths=(100,), initializer=0.01, regularization=half, output_regularization=half)
    first, second = net.get_weights()[0], net.get_weights()[2]
    penalty = 0.5e-3 * (np.sum(first.astype(float) ** 2) + np.sum(second.astype(float) ** 2))
    assert float(sum(net.losses)) == pytest.approx(penalty, rel=1e-5)
    chances = probabilities(net, data.train.x)[np.arange(300), data.train.y]
    # CS231n prints 1.098744 for its own draw of the weights.
    assert -np.log(chances).mean() + penalty == pytest.approx(1.0987, abs=5e-4)


def test_losses_of_the_spirals_are_told_with_their_penalty_and_never_after_the_end():
    tables = spirals.compute(seeds=1, epochs=12, linear_epochs=5)
    steps = tables["losses"].groupby("variant")["step"]
    assert steps.max().to_dict() == dict.fromkeys(("net", "net, hidden layer alone", "net, no penalty"), 12) | {
        "linear": 5
    }
    losses = tables["losses"].set_index("variant")
    assert (losses["loss"] > losses["train_data_loss"])["net"].all()
    assert (losses["loss"] == losses["train_data_loss"])["net, no penalty"].all()


@pytest.mark.slow
def test_the_three_spirals_are_learned_to_97_percent_with_a_loss_near_that_of_cs231n():
    tables = spirals.compute(seeds=3)
    runs = tables["runs"].set_index("variant")
    assert (runs.loc["net", "steps"] == 9000).all()
    assert (runs.loc["net", "train_accuracy"] >= 0.97).all()
    # CS231n: .245292, on a draw of its own.
    assert runs.loc["net", "loss"].between(0.225, 0.265).all()
    # CS231n: .786302 after 200 steps, with about half of the points right.
    assert runs.loc["linear", "loss"].between(0.70, 0.82).all()
    assert runs.loc["linear", "train_accuracy"].between(0.45, 0.58).all()


@pytest.fixture(scope="module")
def geometry():
    return penalty_geometry.compute(epochs=40, train_size=100)


def test_l1_meets_its_constraint_in_a_corner_and_l2_does_not(geometry):
    path = geometry["path"]
    l1, l2 = (path[path["penalty"] == name] for name in ("l1", "l2"))
    inside = l1[l1["w1"].abs() + l1["w2"].abs() < 1]
    assert len(inside)
    assert (inside["w1"] == 0).all()
    assert (l2["w1"] > 0).all()
    assert (l2["w2"] > 0).all()


def test_points_of_both_paths_are_the_lowest_of_loss_plus_penalty(geometry):
    curvature, bottom = np.array(penalty_geometry.CURVATURE), np.array(penalty_geometry.BOTTOM)
    for _, row in geometry["path"].iterrows():
        w = row[["w1", "w2"]].to_numpy(float)
        slope = curvature @ (w - bottom)
        if row["penalty"] == "l2":
            np.testing.assert_allclose(slope, -2 * row["strength"] * w, atol=1e-9)
        else:
            moving = w != 0
            np.testing.assert_allclose(slope[moving], -row["strength"] * np.sign(w[moving]), atol=1e-9)
            assert np.all(np.abs(slope[~moving]) <= row["strength"] + 1e-9)


def test_gradient_descent_leaves_no_exact_zero_and_the_proximal_step_does(geometry):
    zeros = geometry["zeros"].set_index("variant")
    assert zeros["exact"].drop("l1, proximal").eq(0).all()
    assert zeros.loc["l1, proximal", "exact"] > 0.02 * zeros.loc["l1, proximal", "weights"]
    assert (zeros["exact"] <= zeros["near"]).all()


@pytest.mark.slow
def test_an_average_over_all_nets_does_not_depend_on_their_order_and_scaling_is_one_net():
    table = dropout_ensemble.compute(seeds=2, members=3, masks=4, epochs=2, train_size=50)["curves"]
    apart = table[(table["kind"] == "nets trained apart") & (table["members"] == 3)]
    assert apart["data_loss"].iloc[0] == pytest.approx(apart["data_loss"].iloc[1])
    counts = table.groupby("kind")["members"].max()
    assert counts.to_dict() == {
        "weight scaling": 1,
        "sampled masks": 4,
        "sampled masks, geometric": 2,
        "nets trained apart": 3,
        "dropout nets trained apart": 3,
    }
    # One mask has one mean, whichever.
    one = table[(table["members"] == 1) & (table["draw"] == 0)].set_index("kind")["data_loss"]
    assert one["sampled masks"] == pytest.approx(one["sampled masks, geometric"])


@pytest.mark.slow
def test_weight_scaling_is_as_accurate_as_the_average_of_fifty_masks():
    table = dropout_ensemble.compute(seeds=3, members=3, masks=50)["curves"]
    middle = table.groupby(["kind", "members"])[["data_loss", "accuracy"]].median()
    scaled = middle.loc[("weight scaling", 1)]
    assert middle.loc[("sampled masks", 50), "accuracy"] == pytest.approx(scaled["accuracy"], abs=0.02)
    assert middle.loc[("sampled masks", 1), "accuracy"] < scaled["accuracy"] - 0.04
    # In its probabilities it is near the geometric mean, not the arithmetic one.
    to_geometric = abs(middle.loc[("sampled masks, geometric", 50), "data_loss"] - scaled["data_loss"])
    assert to_geometric < 0.5 * abs(middle.loc[("sampled masks", 50), "data_loss"] - scaled["data_loss"])


@pytest.mark.parametrize(
    ("shape", "units", "most"), [((8, 8, 1), 185, 5), ((28, 28, 1), 546, 190), ((12, 12, 1), 322, 30)]
)
def test_the_dense_net_beside_the_convolution_has_about_as_many_parameters(shape, units, most):
    conv, plain = simple_conv(shape, 10), dense(shape, 10, widths=(units,))
    assert abs(conv.count_params() - plain.count_params()) <= most
    if shape == (28, 28, 1):
        assert conv.count_params() == 433_890


def test_convolutions_run_the_courses_thousand_steps():
    for experiment in (convolution.EXPERIMENT, *convolution.EXPERIMENT.on_data.values()):
        for variant in experiment.variants.values():
            size = getattr(variant.data, "keywords", {}).get("train_size", 1079)
            assert 1000 <= variant.training.steps(size) * variant.training.epochs <= 1001


def test_tables_of_receptive_fields_are_those_of_the_course():
    tables = convolution.fields()
    assert tables["im2col"].to_numpy()[:5].tolist() == [
        [0, 1, 4, 5],
        [1, 2, 5, 6],
        [2, 3, 6, 7],
        [4, 5, 8, 9],
        [5, 6, 9, 10],
    ]
    assert tables["overlaps"].to_numpy().tolist() == [[1, 2, 2, 1], [2, 4, 4, 2], [2, 4, 4, 2], [1, 2, 2, 1]]
    shapes = tables["sizes"].set_index(["size", "window", "pad", "stride"])
    assert shapes.loc[(6, 2, 1, 1), "output"] == 7
    assert shapes.loc[(28, 5, 0, 1), "output"] == 24
    assert shapes.loc[(24, 2, 0, 2), "output"] == 12
    assert shapes.loc[(4, 2, 1, 1)].tolist() == [5, 25, 4]
    assert shapes.loc[(6, 3, 0, 2)].tolist() == [2, 4, 9]
    assert shapes.loc[(6, 4, 0, 1)].tolist() == [3, 9, 16]


def test_images_moved_by_nothing_are_the_test_images():
    table = convolution.shift(seeds=1, epochs=1, train_size=50, furthest=1)["shifts"]
    assert list(table.columns) == ["variant", "seed", "shift", "parameters", "test_accuracy"]
    assert table.groupby("variant")["shift"].apply(list).to_dict() == {"conv": [0, 1], "dense": [0, 1]}
    assert table.groupby("variant")["parameters"].first().to_dict() == {"conv": 49_890, "dense": 49_920}


def test_an_enlarged_digit_has_each_pixel_as_a_square():
    small, large = digits(train_size=50, seed=4), alexnet.enlarged_digits(train_size=50, seed=4)
    assert large.input_shape == (16, 16, 1)
    for part in ("train", "validation", "test"):
        mine, other = getattr(large, part), getattr(small, part)
        for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
            np.testing.assert_array_equal(mine.x[:, i::2, j::2], other.x)
        np.testing.assert_array_equal(mine.y, other.y)
    assert large.fingerprint == alexnet.enlarged_digits(train_size=50, seed=4).fingerprint


def test_arms_of_alexnet_have_the_layers_they_are_named_after():
    for one in plan(alexnet.EXPERIMENT)[: len(alexnet.NETS)]:
        kinds = [type(layer).__name__ for layer in one.task.build().layers]
        assert ("LocalResponseNormalization" in kinds) == (one.variant in ("lrn", "both"))
        assert ("Dropout" in kinds) == (one.variant in ("dropout", "both"))


def test_differences_by_the_number_of_examples_are_paired_over_seeds():
    rows = [(100, 0.0, rate, seed, loss) for rate, losses in ((0.0, (1, 2, 4)), (0.5, (0.5, 1, 3.5)))
            for seed, loss in enumerate(losses)]  # fmt: skip
    runs = pd.DataFrame(rows, columns=["train_size", "label_noise", "dropout", "seed", "test_data_loss"])
    found = data_size.differences(runs).iloc[0]
    differences = np.array([-0.5, -1, -0.5])
    # 4.302653 is the 97.5 % point of Student's t with 2 degrees of freedom.
    half = 4.302652729911275 * differences.std(ddof=1) / np.sqrt(3)
    assert (found["n"], found["dropout"]) == (3, 0.5)
    assert found["difference"] == pytest.approx(differences.mean())
    assert (found["low"], found["high"]) == pytest.approx((differences.mean() - half, differences.mean() + half))


def test_every_batch_size_takes_about_as_many_steps():
    for variant in implicit.EXPERIMENT.variants.values():
        steps = variant.training.steps(implicit.EXAMPLES) * variant.training.epochs
        assert abs(steps - implicit.STEPS) < 0.02 * implicit.STEPS


def test_the_best_rate_of_an_activation_is_the_fastest_and_of_equals_the_smallest():
    times = pd.DataFrame(
        [("relu", 0.1, 0, 5), ("relu", 0.3, 0, 5), ("relu", 1.0, 0, np.inf), ("tanh", 0.1, 0, 9), ("tanh", 0.3, 0, 7)],
        columns=["activation", "learning_rate", "seed", "epochs_to_error"],
    )
    assert activation_speed.best(times)["learning_rate"].to_dict() == {"relu": 0.1, "tanh": 0.3}


def test_one_neuron_forgets_its_start_the_sooner_the_stronger_l2():
    tables = linear_classifiers.compute(seeds=3, epochs=400, strengths=(1e-4, 0.1))
    spread = tables["runs"].groupby(["loss", "l2"])["norm_at_end"].std()
    for loss in linear_classifiers.LOSSES:
        # Loss plus L2 has one lowest point, so all starts lead to it.
        assert spread[loss, 0.1] < 0.02
        assert spread[loss, 1e-4] > 0.2


def test_bumps_are_as_high_as_the_mean_of_their_samples_and_more_of_them_fit_the_noise():
    tables = approximation.compute(epochs=2, sizes=(5, 80), seeds=1)
    fits = tables["fits"]
    coarse = fits[(fits["kind"] == "bumps") & (fits["size"] == 5) & (fits["function"] == "wave")]
    assert coarse["fit"].nunique() == 5
    errors = tables["errors"].set_index(["function", "kind", "size"])
    assert errors.loc[("wave", "bumps", 80), "numbers"].item() == 80
    assert errors.loc[("wave", "net", 80), "numbers"].item() == 3 * 80 + 1
    assert errors.loc[("jump", "bumps", 80), "rms_error"].item() > errors.loc[("jump", "bumps", 5), "rms_error"].item()


@pytest.mark.slow
def test_on_fashion_mnist_plain_nets_come_within_a_point_and_a_half_of_its_readme(tmp_path):
    try:
        fashion.EXPERIMENT.variants["mlp"].data(train_size=10)
    except DataError as error:
        pytest.skip(str(error))
    summary = read_tables(run(fashion.EXPERIMENT, results_folder=tmp_path)).summary
    means = summary.groupby("variant")["test_accuracy"].mean()
    for name, published in fashion.README.items():
        assert means[name] == pytest.approx(published, abs=0.015), name
