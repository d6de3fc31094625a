"""The measures of predictions are those of their formulas and of scikit-learn."""

import json
import shutil
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn import metrics

from lab import pages, results
from lab.checks import DataError, UsageError
from lab.cli import compare
from lab.data import digits
from lab.experiment import Experiment, Variant
from lab.models import dense
from lab.pages.measures_table import measures_table
from lab.run import run
from lab.statistics import measures
from lab.statistics.reliability import calibration_error
from lab.training import Training


def predictions(classes, n=400, seed=0):
    generator = np.random.default_rng(seed)
    y = np.concatenate([np.arange(classes), generator.integers(0, classes, n - classes)])
    logits = generator.normal(size=(n, classes)) + 1.5 * np.eye(classes)[y]
    return logits, y


def test_two_classes_are_measured_by_the_second():
    logits, y = predictions(2)
    p = softmax(logits, axis=1)
    found = measures.measures("softmax_cross_entropy", logits, y)
    guess = p[:, 1] > 0.5
    recall = [np.mean(guess[y == 1]), np.mean(~guess[y == 0])]
    assert found["balanced_accuracy"] == pytest.approx(np.mean(recall))
    # The share of pairs of a positive and a negative example that are in the right order.
    assert found["roc_auc"] == pytest.approx(np.mean(p[y == 1, 1][:, None] > p[y == 0, 1][None]))
    assert found["brier"] == pytest.approx(metrics.brier_score_loss(y, p[:, 1]))
    assert found["average_precision"] == pytest.approx(metrics.average_precision_score(y, p[:, 1]))
    both = [metrics.f1_score(y, guess), metrics.f1_score(1 - y, ~guess)]
    assert found["f1"] == pytest.approx(np.mean(both))


def test_several_classes_are_the_mean_of_each_against_the_rest():
    logits, y = predictions(4)
    p = softmax(logits, axis=1)
    found = measures.measures("softmax_cross_entropy", logits, y)
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(y, p, multi_class="ovr"))
    each = [metrics.average_precision_score(y == one, p[:, one]) for one in range(4)]
    assert found["average_precision"] == pytest.approx(np.mean(each))
    assert found["brier"] == pytest.approx(np.mean(np.sum((p - np.eye(4)[y]) ** 2, axis=1)))


def test_who_is_always_sure_and_right_has_no_error_and_who_is_sure_and_wrong_has_all():
    y = np.array([0, 1, 2, 0])
    assert calibration_error(np.eye(3)[y], y) == 0
    assert calibration_error(np.eye(3)[(y + 1) % 3], y) == 1


def test_the_calibration_error_is_the_gap_of_each_bin_weighted_by_its_examples():
    # Three examples at confidence .6 of which one is right, one at .9 that is right.
    p = np.array([[0.6, 0.4], [0.6, 0.4], [0.6, 0.4], [0.1, 0.9]])
    y = np.array([0, 1, 1, 1])
    assert calibration_error(p, y) == pytest.approx(3 / 4 * abs(1 / 3 - 0.6) + 1 / 4 * (1 - 0.9))


def test_probabilities_that_are_the_frequencies_have_a_small_calibration_error_and_a_temperature_of_1():
    generator = np.random.default_rng(1)
    logits = generator.normal(size=(50_000, 3)) * 2
    p = softmax(logits, axis=1)
    y = (generator.random((len(p), 1)) > p.cumsum(axis=1)).sum(axis=1)
    assert calibration_error(p, y) < 0.01
    assert measures.temperature("softmax_cross_entropy", logits, y) == pytest.approx(1, abs=0.03)
    assert measures.temperature("softmax_cross_entropy", logits * 3, y) == pytest.approx(3, abs=0.09)


def test_the_temperature_is_searched_from_exp_minus_5_to_exp_5():
    """Of a model that is always right it would be 0, and of one that is always wrong infinite."""
    right, wrong = np.array([0, 1]), np.array([1, 0])
    assert measures.temperature("softmax_cross_entropy", 0.01 * np.eye(2), right) == pytest.approx(np.exp(-5), rel=1e-4)
    assert measures.temperature("softmax_cross_entropy", 100 * np.eye(2), wrong) == pytest.approx(np.exp(5), rel=1e-4)


def test_numbers_are_measured_in_their_own_unit():
    y, p = np.array([[1.0], [2.0], [4.0]]), np.array([[1.0], [3.0], [2.0]])
    found = measures.of_numbers(p, y)
    assert found["rmse"] == pytest.approx(np.sqrt(5 / 3))
    assert found["mae"] == pytest.approx(1)
    assert found["r2"] == pytest.approx(1 - 5 / np.sum((y - y.mean()) ** 2))
    assert measures.of_numbers(np.full((3, 1), y.mean()), y)["r2"] == pytest.approx(0)


def test_one_logit_is_measured_as_two_of_which_the_first_is_0():
    logits, y = predictions(2)
    margin = logits[:, 1:] - logits[:, :1]
    one, two = (
        measures.measures("binary_cross_entropy", margin, y),
        measures.measures("softmax_cross_entropy", logits, y),
    )
    assert one == pytest.approx(two)
    fitted = measures.temperature("binary_cross_entropy", margin, y)
    assert fitted == pytest.approx(measures.temperature("softmax_cross_entropy", logits, y), rel=1e-4)


@pytest.mark.parametrize("classes", [2, 3])
def test_scores_that_are_no_probabilities_are_ranked_but_not_calibrated(classes):
    logits, y = predictions(classes)
    found = measures.measures("squared_error", logits, y)
    assert set(found) == {"balanced_accuracy", "f1", "roc_auc", "average_precision"}
    if classes == 2:
        assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(y, logits[:, 1] - logits[:, 0]))
        margin = measures.measures("hinge", logits[:, 1:] - logits[:, :1], y)
        assert margin == pytest.approx(found)


def test_several_classes_per_example_are_the_mean_of_each_and_its_absence():
    logits, y = predictions(3)
    labels = np.eye(3, dtype=np.int32)[y]
    found = measures.measures("binary_cross_entropy", logits, labels)
    each = [metrics.roc_auc_score(labels[:, k], logits[:, k]) for k in range(3)]
    assert found["roc_auc"] == pytest.approx(np.mean(each))
    p = 1 / (1 + np.exp(-logits))
    assert found["brier"] == pytest.approx(np.square(p - labels).mean())


def test_a_class_that_the_split_lacks_leaves_its_rankings_open_and_warns_of_nothing():
    logits, y = predictions(3)
    found = measures.measures("softmax_cross_entropy", logits[y < 2], y[y < 2])
    assert np.isnan([found["roc_auc"], found["average_precision"]]).all()
    assert np.isfinite([found[name] for name in ("balanced_accuracy", "f1", "brier", "calibration_error")]).all()


def test_outputs_that_are_not_finite_have_no_measures():
    logits, y = predictions(3)
    names = set(measures.measures("softmax_cross_entropy", logits, y))
    logits[0, 0] = np.inf
    found = measures.measures("softmax_cross_entropy", logits, y)
    assert set(found) == names
    assert np.isnan(list(found.values())).all()
    assert np.isnan(measures.temperature("softmax_cross_entropy", logits, y))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folders of one experiment, trained by each engine."""
    data = partial(digits, train_size=60)
    variants = {
        name: Variant(data=data, model=partial(dense, widths=(8,)), training=Training(epochs=2, learning_rate=rate))
        for name, rate in (("slow", 0.001), ("fast", 0.02))
    }
    experiment = Experiment(name="x", variants=variants, baseline="slow", seeds=(0, 1))
    engines = ("cohort", "keras_fit")
    return [run(experiment, results_folder=tmp_path_factory.mktemp(engine), engine=engine) for engine in engines]


@pytest.mark.slow
def test_both_engines_leave_the_same_measures(trained):
    one, two = (compare.read(folder).measures for folder in trained)
    assert all(compare.read(folder).summary["zeros"].between(0, 1).all() for folder in trained)
    assert list(one.columns) == [
        "experiment",
        "variant",
        "seed",
        *(f"test_{name}" for name in (*measures.HIGHER[:4], *measures.LOWER[:2], "temperature")),
    ]
    pd.testing.assert_frame_equal(one, two, rtol=1e-4, atol=1e-5)
    assert one["test_brier"].between(0, 2).all()


def test_both_engines_leave_the_same_reliability_curves(trained):
    one, two = (compare.read(folder).reliability for folder in trained)
    bins = ["variant", "seed", "weights", "bin"]
    assert one.groupby(bins[:3])["examples"].sum().nunique() == 1, "each curve is of the whole validation split"
    # Confidences at the edge of two bins may fall on either side.
    merged = one.merge(two, on=bins, suffixes=("", "_too"))
    assert len(merged) > 0.9 * len(one)
    assert ((merged["examples"] - merged["examples_too"]).abs() <= 1).all()
    curves = one.set_index(bins)
    histories, kept = (compare.read(trained[0]).histories, compare.read(trained[0]).summary)
    for (variant, seed, weights), curve in curves.groupby(level=bins[:3]):
        run = histories[(histories["variant"] == variant) & (histories["seed"] == seed)].set_index("epoch")
        of = kept[(kept["variant"] == variant) & (kept["seed"] == seed)]["kept_epoch"].item()
        epoch = {"kept": of, "last": len(run)}[weights]
        accuracy = (curve["examples"] * curve["accuracy"]).sum() / curve["examples"].sum()
        assert accuracy == pytest.approx(run["val_accuracy"][epoch], abs=1e-6)


def test_a_measure_is_compared_as_the_test_data_loss_is(trained):
    tables = compare.read(trained[0])
    made = compare.compare(tables, metric="test_brier").set_index("variant")
    wide = tables.measures.pivot(index="seed", columns="variant", values="test_brier")
    difference = wide["fast"] - wide["slow"]
    assert made.loc["fast", "difference"] == pytest.approx(difference.mean())
    assert made.loc["fast", "difference_low"] < difference.mean() < made.loc["fast", "difference_high"]
    lower = wide["fast"].to_numpy()[:, None] < wide["slow"].to_numpy()[None]
    assert made.loc["fast", "probability_of_improvement"] == pytest.approx(lower.mean())
    with pytest.raises(UsageError, match="better must be 'lower' or 'higher'"):
        compare.compare(tables, metric="test_temperature")


def test_runs_that_were_published_without_measures_leave_the_files_that_they_left(trained, tmp_path):
    folder = tmp_path / "x"
    shutil.copytree(trained[0], folder)
    without_measures(folder)
    results.rebuild(folder)
    assert not (folder / "measures.csv").exists()
    assert not (folder / "reliability.csv").exists()
    for name in ("summary.csv", "histories.csv", "comparison.csv"):
        assert (folder / name).read_bytes() == (trained[0] / name).read_bytes()
    tables = compare.read(folder)
    assert tables.measures is None
    assert measures_table(tables) is None
    page = pages.experiment_page(folder, tables).read_text()
    assert "More metrics" not in page
    assert "Sure and right" not in page
    assert tables.measured_summary() is tables.summary


def without_measures(folder):
    for path in (folder / "runs").glob("*/run.json"):
        record = json.loads(path.read_text())
        path.write_text(json.dumps({k: v for k, v in record.items() if k not in ("measures", "reliability")}))


@pytest.mark.parametrize("name", ["measures", "reliability"])
@pytest.mark.parametrize("lost", ["the file", "a run"])
def test_measures_that_are_lost_come_back_from_the_runs(trained, tmp_path, name, lost):
    folder = tmp_path / "x"
    shutil.copytree(trained[0], folder)
    path = folder / f"{name}.csv"
    if lost == "the file":
        path.unlink()
    else:
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if not line.startswith("x,fast,1,")))
    assert results.is_stale(folder)
    assert len(getattr(results.current_tables(folder), name).drop_duplicates(["variant", "seed"])) == 4
    assert path.read_bytes() == (trained[0] / f"{name}.csv").read_bytes()
    assert not results.is_stale(folder)


def test_measures_of_earlier_runs_are_not_taken_for_those_of_runs_without_any(trained, tmp_path):
    folder = tmp_path / "x"
    shutil.copytree(trained[0], folder)
    without_measures(folder)
    assert results.current_tables(folder).measures is None
    assert not (folder / "measures.csv").exists()


def test_tables_outlive_a_run_that_is_damaged(trained, tmp_path):
    folder = tmp_path / "x"
    shutil.copytree(trained[0], folder)
    next((folder / "runs").glob("*/run.json")).write_text("{")
    assert len(results.current_tables(folder).measures) == 4


def test_measures_of_a_run_that_the_summary_lacks_are_refused(trained, tmp_path):
    folder = tmp_path / "x"
    shutil.copytree(trained[0], folder)
    path = folder / "measures.csv"
    path.write_text(path.read_text().replace("x,fast,1,", "x,fast,7,"))
    with pytest.raises(DataError) as caught:
        compare.read(folder)
    assert str(caught.value).startswith(
        f"{path}, line 5: 'variant' must be a run in summary.csv at seed 7, got 'fast'; "
    )


def test_the_page_shows_the_mean_of_each_measure_and_its_difference_to_the_baseline(trained, tmp_path):
    folder = tmp_path / "x"
    shutil.copytree(trained[0], folder)
    tables = compare.read(folder)
    shown = measures_table(tables)
    assert [heading for heading, _ in shown.columns][-2:] == ["calibration error", "temperature"]
    (slow, first), (fast, second) = shown.rows
    assert (slow, fast) == ("slow", "fast")
    means = tables.measures.groupby("variant")["test_temperature"].mean()
    assert (first[-1][0], second[-1][0]) == (f"{means['slow']:.3f}", f"{means['fast']:.3f}")
    assert all(len(lines) == 1 for lines in first), "the baseline differs from nothing"
    page = pages.experiment_page(folder, tables).read_text()
    assert "More metrics" in page
    assert len(second[-1]) == 3
    assert "<br>".join(second[-1]) in page
