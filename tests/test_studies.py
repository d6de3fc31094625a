"""The parts of the studies of generalization, against formulas, references and tables by hand."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from experiments import cocktail, double_descent, ensembles, families, generalization_measures, grokking, random_labels
from lab.checks import DataError
from lab.data import digits
from lab.models import dense
from lab.models.families import FAMILIES
from lab.statistics import compare
from tests.selection import quick


def test_the_families_that_are_tried_are_at_least_twenty_and_each_changes_its_field_alone():
    assert len(families.TRIED) >= 20
    assert set(families.TRIED) < {one.name for one in FAMILIES}
    for family in families.TRIED.values():
        for strength in family.strengths:
            variant = families.variant(3, family, strength)
            regularization = variant.model.keywords["regularization"]
            value = regularization if family.value == "Regularization" else variant.training
            assert getattr(value, family.field) == strength
            plain = families.variant(3)
            is_model_alone = variant.training == plain.training
            assert is_model_alone == (family.value == "Regularization")
            assert (regularization == plain.model.keywords["regularization"]) == (not is_model_alone)


@pytest.mark.parametrize("features", [20, 150], ids=["fewer features than examples", "more"])
def test_random_features_are_fitted_as_ridge_regression_does(features):
    data = double_descent.noisy(60, seed=3)
    found = {row[0]: row[1:] for row in double_descent.ridge(data, features, 3)}
    generator = np.random.default_rng(double_descent.derive(3, "double_descent"))
    directions = generator.normal(size=(max(double_descent.FEATURES), 64))[:features].T / 8
    x, new = (np.maximum(split.x.reshape(-1, 64) @ directions, 0) for split in (data.train, data.test))
    targets, truth = (np.eye(10)[split.y] - 0.1 for split in (data.train, data.test))
    for strength in (double_descent.RIDGES[5], double_descent.RIDGES[10]):
        predicted = Ridge(alpha=strength, fit_intercept=False).fit(x, targets).predict(new)
        assert found[strength][1] == pytest.approx(((predicted - truth) ** 2).sum(axis=1).mean(), rel=1e-6)
        assert found[strength][2] == pytest.approx((predicted.argmax(axis=1) != data.test.y).mean())
    shortest = new @ (np.linalg.pinv(x) @ targets)
    assert found[0.0][1] == pytest.approx(((shortest - truth) ** 2).sum(axis=1).mean(), rel=1e-6)


def test_the_ratios_that_double_descent_reports_are_those_of_its_table():
    path = Path(__file__).parent.parent / "results" / "double_descent" / "runs.csv"
    if not path.exists():
        pytest.skip("the tables of double_descent are not in results: run it, or commit them")
    runs, said = pd.read_csv(path), " ".join(double_descent.__doc__.split())
    columns = ["difference", "difference_low", "difference_high"]
    found = double_descent.differences(runs).set_index(["model", "chosen", "width"])[columns]
    for place, digits_ in (
        (("random features", "no L2", 350), 1),
        (("random features", "best L2", 300), 2),
        (("random features", "best L2", 2000), 2),
        (("nets", "no L2", 16), 1),
    ):
        ratio, low, high = (f"{10**value:.{digits_}f}" for value in found.loc[place])
        assert f"{ratio} [{low}, {high}]" in said
    medians = runs.groupby(["model", "chosen", "width"])["test_loss"].median()
    of_features, of_nets = (medians[model, "no L2"].map("{:.2f}".format) for model in ("random features", "nets"))
    few, many = of_features[50].removeprefix("0"), of_features[3000].removeprefix("0")
    peak = medians["random features", "no L2", 300]
    assert f"is {few} at 50 features (median), {peak:.1f} at 300 and {many} at 3 000" in said
    assert f"is {of_nets[8]} with 8 units, {of_nets[16]} with 16" in said
    assert f"and {of_nets[300]} with 300" in said
    ratio, low, high = (10**value for value in found.loc["random features", "no L2", 300])
    assert f"{ratio:.0f} [{low:.0f}, {round(high, -1):,.0f}] times".replace(",", " ").replace("  ", ", ") in said

    def compared(model, metric, baseline, variants):
        own = runs[runs["model"] == model].assign(log10=np.log10(runs["test_loss"]))
        table = compare(own.assign(variant=variants(own)).dropna(subset="variant"), baseline, metric, better="lower")
        return table.iloc[1][columns]

    def of_l2(width):
        return lambda own: own["chosen"].where(own["width"] == width)

    def without_l2(own):
        return own["width"].map(str).where((own["chosen"] == "no L2") & own["width"].isin([8, 16]))

    lower, high, low = -compared("random features", "test_loss", "no L2", of_l2(3000))
    assert f"by {lower:.2f} [{low:.2f}, {high:.2f}]".replace("0.", ".") in said
    fewer, most, least = -100 * compared("random features", "test_error", "no L2", of_l2(3000))
    assert f"by {fewer:.0f} points [{least:.0f}, {most:.0f}]" in said
    lower, high, low = -compared("nets", "test_loss", "no L2", of_l2(300))
    assert f"by {lower:.2f} [{low:.2f}, {high:.2f}]".replace("0.", ".") in said
    ratio, low, high = 10 ** compared("nets", "log10", "8", without_l2)
    assert f"{ratio:.2f} [{low:.2f}, {high:.2f}]".replace(" [0.", " [.") in said


def test_labels_that_mean_nothing_are_right_as_often_as_chance_and_pixels_are_shuffled_alike():
    plain, shuffled, random, noise = (
        random_labels.examples(kind, train_size=500, seed=2)
        for kind in ("right labels", "shuffled pixels", "random labels", "Gaussian pixels")
    )
    assert (random.train.y == plain.train.y).mean() == pytest.approx(0.1)
    np.testing.assert_array_equal(random.test.y, plain.test.y)
    for part in ("train", "test"):
        first, second = (getattr(data, part).x.reshape(-1, 64) for data in (plain, shuffled))
        assert not np.array_equal(first, second)
        np.testing.assert_array_equal(np.sort(first, axis=1), np.sort(second, axis=1))
    # One order for all: each pixel's mean over the training split is found once more.
    first, second = (np.sort(data.train.x.reshape(-1, 64).mean(axis=0)) for data in (plain, shuffled))
    np.testing.assert_allclose(first, second, rtol=1e-6)
    np.testing.assert_array_equal(noise.train.y, plain.train.y)
    assert noise.train.x.std() == pytest.approx(plain.train.x.std(), rel=0.02)


def test_every_pair_of_numbers_is_in_one_split_with_its_sum():
    data = grokking.sums(11, seed=1)
    pairs = set()
    for split in (data.train, data.validation, data.test):
        a, b = split.x[:, :11].argmax(axis=1), split.x[:, 11:].argmax(axis=1)
        np.testing.assert_array_equal(split.x.sum(axis=1), 2)
        assert [data.classes[y] for y in split.y] == [str((i + j) % 11) for i, j in zip(a, b, strict=True)]
        pairs |= set(zip(a.tolist(), b.tolist(), strict=True))
    assert len(pairs) == sum(len(split) for split in (data.train, data.validation, data.test)) == 121
    assert len(data.train) == round(0.6 * 121)


def test_measures_of_a_net_are_those_of_their_formulas():
    model = dense((3,), 2, widths=(4,), seed=1)
    start = [w.astype(float) for w in model.get_weights()]
    weights = [w + 0.1 for w in start]
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(9, 3)), generator.integers(0, 2, 9)
    model.set_weights([w.astype(np.float32) for w in weights])
    np.testing.assert_allclose(generalization_measures.forward(weights, x), np.asarray(model(x)), rtol=1e-5)
    logits = generalization_measures.forward(weights, x)
    found = generalization_measures.measures(weights, start, x, y, seed=0)
    assert found["number of parameters"] == model.count_params() == 4 * 3 + 4 + 2 * 4 + 2
    assert found["squared distance from the start"] == pytest.approx((12 + 8) * 0.01)
    norms = [np.linalg.svd(w, compute_uv=False)[0] for w in weights[::2]]
    assert found["product of spectral norms"] == pytest.approx(math.log(norms[0] * norms[1]))
    paths = sum(weights[0][i, j] ** 2 * weights[2][j, k] ** 2 for i in range(3) for j in range(4) for k in range(2))
    assert found["path norm"] == pytest.approx(math.log(paths))
    margins = [row[label] - row[1 - label] for row, label in zip(logits, y, strict=True)]
    assert found["inverse margin"] == pytest.approx(-np.quantile(margins, 0.1))
    losses = [math.log(1 + math.exp(-margin)) for margin in margins]
    assert found["train loss"] == pytest.approx(np.mean(losses))
    assert found["confidence"] == pytest.approx(np.mean([1 / (1 + math.exp(-abs(margin))) for margin in margins]))


def test_signs_are_counted_between_nets_that_differ_in_one_setting():
    rows = [
        # width, rate, seed, gap, measure
        (16, 1, 0, 0.1, 1.0),
        (64, 1, 0, 0.2, 3.0),
        (16, 2, 0, 0.3, 0.5),
        (64, 2, 0, 0.2, 2.0),
    ]
    nets = pd.DataFrame(rows, columns=["width", "rate", "seed", "gap", "norm"])
    found = generalization_measures.signs(nets, ["width", "rate"]).set_index("setting")
    # Wider at rate 1: both rise; at rate 2: the gap falls and the norm rises.
    assert found.loc["width", "agreement"] == 0
    # A higher rate at width 16: the gap rises, the norm falls; at width 64 the gap is the same.
    assert found.loc["rate", "agreement"] == -0.5
    assert list(found["pairs"]) == [2, 2]


def test_a_student_sees_pictures_of_no_split_of_its_teachers():
    data = ensembles.labelled(300, seed=1)
    more = ensembles.unlabelled(data, 1)
    known = {x.tobytes() for split in (data.train, data.validation, data.test) for x in split.x}
    assert not known & {x.tobytes() for x in more}
    assert len(more) == ensembles.UNLABELLED < len(digits(seed=1).train) - 300


@pytest.mark.parametrize("name", quick(cocktail.DATA, ("digits", "diabetes")))
def test_each_table_of_the_cocktail_is_rows_of_at_most_300_training_examples(name):
    try:
        data = cocktail.table(name, seed=1)
    except DataError as missing:
        pytest.skip(str(missing))
    assert len(data.input_shape) == 1
    assert len(data.train) <= 300
    assert (data.classes is None) == (name == "diabetes")


def test_a_mixture_has_the_ingredients_it_is_named_for():
    mixed = cocktail.variant("wine", 3, ("dropout", "mixup"))
    assert mixed.model.keywords["regularization"].dropout == 0.25
    assert (mixed.training.mixup, mixed.training.swap_noise) == (0.3, 0.0)
    assert cocktail.variant("diabetes", 3, ()).training.loss == "squared_error"
