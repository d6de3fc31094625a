"""What the other tests of the statistics leave open: each rule at its edge, with the whole sentence."""

import math

import numpy as np
import pandas as pd
import pytest

from lab.checks import DataError, UsageError
from lab.statistics import onset, power
from lab.statistics.bands import curves
from lab.statistics.comparison import better_direction, compare
from lab.statistics.estimates import effective_counts, hedges, improvements, intervals, moments, p_values
from lab.statistics.facts import columns_of, facts, facts_from, run_facts
from lab.statistics.identical import identical, identical_note
from lab.statistics.measures import measures, of_numbers, temperature
from lab.statistics.pairs import matrix, overlap
from lab.statistics.reliability import calibration_error, curve, probabilities, reliability
from lab.statistics.runs import averaged_over, pair_columns, run_columns
from lab.statistics.scope import rules_sentence, scope, scope_note, scope_sentence

NAN = np.nan


def summary(**more):
    """Return two variants at two seeds."""
    table = pd.DataFrame(
        {"variant": ["a", "a", "b", "b"], "seed": [0, 1, 0, 1], "test_data_loss": [1.0, 2.0, 3.0, 5.0]}
    )
    return table.assign(**more)


# Measures


def test_measures_of_numbers_are_those_of_numbers():
    y, predicted = np.array([[0.0], [2.0]]), np.array([[1.0], [2.0]])
    assert measures("mean_squared_error", predicted, y) == of_numbers(predicted, y)
    assert of_numbers(predicted, y) == {"rmse": pytest.approx(0.5**0.5), "mae": 0.5, "r2": 0.5}
    assert np.isnan(of_numbers(predicted[:1], y[:1])["r2"])
    assert list(of_numbers(np.array([[NAN]]), y[:1])) == ["rmse", "mae", "r2"]


def test_scores_of_a_hinge_rank_and_guess_but_are_no_probabilities():
    outputs = np.array([[2.0, 1.0], [0.0, 3.0], [1.0, 0.5], [0.2, 0.1]], np.float32)
    found = measures("categorical_hinge", outputs, np.array([0, 1, 1, 0]))
    assert found == {
        "balanced_accuracy": 0.75,
        "f1": pytest.approx((0.8 + 2 / 3) / 2),
        "roc_auc": 0.75,
        "average_precision": pytest.approx((1 + 2 / 3) / 2),
    }
    one = measures("hinge", (outputs[:, 1:] - outputs[:, :1]), np.array([0, 1, 1, 0]))
    assert one == found
    gone = measures("hinge", np.array([[np.inf]]), np.array([1]))
    assert list(gone) == list(found)
    assert np.isnan(list(gone.values())).all()


def test_the_brier_score_of_two_classes_is_that_of_the_second_and_of_three_their_sum():
    two = measures("softmax_cross_entropy", np.log([[0.8, 0.2], [0.4, 0.6]]), np.array([0, 1]))
    assert two["brier"] == pytest.approx((0.04 + 0.16) / 2)
    three = measures("softmax_cross_entropy", np.log([[0.5, 0.3, 0.2]] * 3), np.array([0, 1, 2]))
    assert three["brier"] == pytest.approx(((0.25 + 0.09 + 0.04) + (0.25 + 0.49 + 0.04) + (0.25 + 0.09 + 0.64)) / 3)
    assert list(three)[4:] == ["brier", "calibration_error"]


def test_the_temperature_undoes_a_scale_of_the_logits():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(4000, 3)) * 2
    y = np.array([generator.choice(3, p=p) for p in probabilities("softmax_cross_entropy", logits)])
    right = temperature("softmax_cross_entropy", logits, y)
    assert right == pytest.approx(1, abs=0.1)
    assert temperature("softmax_cross_entropy", 3 * logits, y) == pytest.approx(3 * right, rel=1e-3)
    one = logits[:, :1]
    y = (generator.random((4000, 1)) < probabilities("binary_cross_entropy", one)[:, 1:]).astype(int)
    assert temperature("binary_cross_entropy", 3 * one, y[:, 0]) == pytest.approx(3, abs=0.3)
    assert np.isnan(temperature("binary_cross_entropy", np.array([[NAN]]), np.array([1])))


def test_bins_are_closed_above_and_the_last_holds_certainty():
    sure = np.array([[1 / 15, 14 / 15], [0.0, 1.0], [0.5, 0.5], [0.4, 0.6]])
    assert curve(sure, np.array([1, 0, 0, 1])) == [
        (8, 1, 0.5, 1.0),
        (9, 1, 0.6, 1.0),
        (14, 1, 14 / 15, 1.0),
        (15, 1, 1.0, 0.0),
    ]
    assert calibration_error(sure, np.array([1, 0, 0, 1])) == pytest.approx((0.5 + 0.4 + 1 / 15 + 1) / 4)
    assert reliability("hinge", np.array([[1.0]]), np.array([1])) is None
    assert reliability("binary_cross_entropy", np.array([[np.inf]]), np.array([1])) is None
    several = reliability("binary_cross_entropy", np.array([[0.0, 50.0]]), np.array([[1, 1]]))
    assert several == [(8, 1, 0.5, 0.0), (15, 1, 1.0, 1.0)]


# Pairs and the comparison


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (summary().drop(columns="seed"), "a summary must have the column 'seed', got variant, test_data_loss"),
        (summary()[[]], "a summary must have the column 'variant', got no column"),
        (summary(variant=["a", None, "b", "b"]), "the column 'variant' of a summary must be filled in every row, got "
         "an empty one"),
        (summary(seed=[0, 0, 0, 1]), "a variant must have one run per seed, got two of variant 'a', seed 0; pass the "
         "summary of one experiment"),
        (summary(seed=0, fold=0, folds=2), "a variant must have one run per seed and fold, got two of variant 'a', "
         "seed 0, fold 0; pass the summary of one experiment"),
        (summary(fold=0), None),
        (summary(fold=[0, 1, 0, 1], folds=[2, 2, 2, 3]), "the column 'folds' of a summary must be one number above 1 "
         "and that of 'fold' below it, got [2, 3] and 0 to 1; pass the summary of one experiment"),
        (summary(fold=[0, 2, 0, 1], folds=2), "the column 'folds' of a summary must be one number above 1 and that of "
         "'fold' below it, got [2] and 0 to 2; pass the summary of one experiment"),
        (summary(fold=[0, -1, 0, 1], folds=2), "the column 'folds' of a summary must be one number above 1 and that of "
         "'fold' below it, got [2] and -1 to 1; pass the summary of one experiment"),
        (summary(fold=0, folds=1), "the column 'folds' of a summary must be one number above 1 and that of 'fold' "
         "below it, got [1] and 0 to 0; pass the summary of one experiment"),
        (summary(fold=[0, 1, 0, 1], folds=[2.0, NAN, 2.0, 2.0]), "the column 'folds' of a summary must be filled in "
         "every row, got an empty one"),
        (summary().iloc[:0], "a summary must have at least one run, got none"),
    ],
)  # fmt: skip
def test_a_summary_that_cannot_be_compared_is_refused(table, said):
    if said is None:
        with pytest.raises((DataError, KeyError)):
            compare(table, "a")
        return
    with pytest.raises(DataError) as caught:
        compare(table, "a")
    assert str(caught.value) == said


def test_the_overlap_of_folds():
    assert overlap(summary()) == 0
    assert overlap(summary(fold=[0, 1, 0, 1], folds=2)) == 1
    assert overlap(summary(fold=[0, 4, 0, 4], folds=5)) == 0.25
    assert effective_counts(np.array([4]), 0.25).tolist() == [2]


def test_runs_that_diverged_or_have_no_number_do_not_count():
    values, diverged = matrix(
        summary(status=["finished", "diverged", "finished", "finished"], test_data_loss=[1.0, 2.0, np.inf, 5.0]),
        ["b", "a"],
        "test_data_loss",
    )
    np.testing.assert_array_equal(values, [[NAN, 5.0], [1.0, NAN]])
    assert diverged.tolist() == [[False, False], [False, True]]


def test_the_direction_of_a_metric_follows_from_its_name():
    lower = ("test_data_loss", "val_penalty", "gap", "test_brier", "brier", "rmse", "test_mae", "calibration_error")
    higher = ("accuracy", "test_balanced_accuracy", "f1", "test_roc_auc", "average_precision", "test_r2")
    assert {better_direction(name) for name in lower} == {"lower"}
    assert {better_direction(name) for name in higher} == {"higher"}
    with pytest.raises(UsageError) as caught:
        better_direction("test_temperature")
    assert str(caught.value) == (
        "better must be 'lower' or 'higher' for a metric whose name says neither accuracy, loss, penalty nor gap, got "
        "None for 'test_temperature'"
    )


def test_a_bootstrap_of_folds_is_refused_in_this_sentence():
    with pytest.raises(UsageError) as caught:
        compare(summary(fold=[0, 1, 0, 1], folds=2), "a", method="bootstrap")
    assert str(caught.value) == (
        "method must be 't' where runs are of folds, which share training examples (the bootstrap takes them for "
        "independent), got 'bootstrap'"
    )


def test_estimates_at_their_edges():
    n, mean, spread = moments(np.array([[1.0, 3.0], [NAN, 2.0], [NAN, NAN], [1.0, 1.0 + 1e-9]]), np.full(4, 1e-6))
    assert n.tolist() == [2, 1, 0, 2]
    np.testing.assert_allclose(mean, [2.0, 2.0, NAN, 1.0])
    np.testing.assert_allclose(spread, [2**0.5, NAN, NAN, 0.0])
    assert p_values(np.array([3, 3, 1]), np.array([0.0, 1.0, 1.0]), np.array([0.0, 0.0, NAN]), 0.0).tolist()[:2] == [
        1,
        0,
    ]
    assert np.isnan(p_values(np.array([1]), np.array([1.0]), np.array([NAN]), 0.0)).all()
    low, high = intervals(
        np.array([[1.0, 1.0], [1.0, NAN]]), np.array([2, 1]), np.ones(2), np.zeros(2), 0.95, "bootstrap"
    )
    np.testing.assert_array_equal(low, [1.0, NAN])
    np.testing.assert_array_equal(high, [1.0, NAN])
    np.testing.assert_allclose(hedges(np.array([2, 3, 5, 20])), [NAN, 0.5642, 0.7979, 0.9599], atol=1e-4)
    won = improvements(np.array([[1.0, 2.0], [2.0, 2.0], [NAN, 1.0], [NAN, NAN]]), 1.0)
    np.testing.assert_array_equal(won, [NAN, 0.75, 0.0, NAN])


# Facts, curves and identical variants


def test_facts_of_a_part_of_many_runs_are_those_of_the_run():
    table = pd.DataFrame({"epoch": [1, 2, 1, 2, 3], "val_data_loss": [2.0, 1.0, 3.0, 2.0, 2.5]})
    columns = columns_of(table)
    assert list(columns) == [
        *("epoch", "loss", "train_data_loss", "val_data_loss", "train_accuracy", "val_accuracy"),
    ]
    part = facts_from({name: values[2:] for name, values in columns.items()}, kept_epoch=3)
    alone = run_facts(table.iloc[2:], kept_epoch=3)
    assert repr(part) == repr(alone)
    assert (part["kept_epoch"], part["val_data_loss"], part["epochs"]) == (3, 2.5, 3)
    with pytest.raises(DataError, match="must rise from row to row, got another order"):
        facts_from(columns)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"seed": [0]}, "a table of histories must have the column 'variant', got seed"),
        ({"variant": ["a"]}, "a table of histories must have the column 'seed', got variant"),
        ({"variant": [], "seed": []}, "a table of histories must have at least one row, got none"),
        ({"variant": ["a"], "seed": 0, "epoch": 1}, "a history must have the column 'val_data_loss', got variant, "
         "seed, epoch"),
        ({"variant": ["a"] * 2, "seed": 0, "epoch": [2, 1], "val_data_loss": 1.0}, "the epochs of the history of "
         "variant 'a', seed 0 must rise from row to row, got another order"),
        ({"variant": ["a"] * 2, "seed": 0, "epoch": [1, np.inf], "val_data_loss": 1.0}, "the epochs of the history of "
         "variant 'a', seed 0 must rise from row to row, got another order"),
    ],
)  # fmt: skip
def test_histories_without_facts_are_refused(table, said):
    with pytest.raises(DataError) as caught:
        facts(pd.DataFrame(table))
    assert str(caught.value) == said


@pytest.mark.parametrize(("kept", "said"), [(-1, "-1"), (1.5, "1.5")])
def test_a_kept_epoch_that_is_no_epoch_is_refused(kept, said):
    with pytest.raises(UsageError) as caught:
        run_facts(pd.DataFrame({"epoch": [1], "val_data_loss": [1.0]}), kept_epoch=kept)
    assert str(caught.value) == (
        f"kept_epoch must be a whole number of at least 0 (it is the epoch whose weights were kept), got {said}"
    )


def test_a_chance_level_must_be_above_zero():
    with pytest.raises(UsageError) as caught:
        run_facts(pd.DataFrame({"epoch": [1], "val_data_loss": [1.0]}), chance=0)
    assert str(caught.value) == (
        "chance must be above 0 (it is the validation data loss of a model that has learned nothing), got 0"
    )


def test_a_running_median_is_that_of_numpy_and_unknown_where_a_value_is():
    generator = np.random.default_rng(1)
    for epochs in (8, 29, 30, 64):
        values = generator.normal(size=epochs)
        width = onset.window(epochs)
        assert width == (3 if epochs < 30 else 5)
        windows = np.lib.stride_tricks.sliding_window_view(values, width)
        np.testing.assert_array_equal(onset.smooth(values), np.median(windows, -1))
        values[4] = NAN
        np.testing.assert_array_equal(onset.smooth(values), np.median(windows, -1))
    for count in (1, 2, 5, 6):
        some = generator.normal(size=count)
        assert onset._median(some) == np.median(some)


def test_curves_of_folds_and_their_refusals():
    table = pd.DataFrame({"variant": "a", "seed": 0, "fold": [0, 1], "epoch": 1, "loss": [1.0, 3.0]})
    assert curves(table, "loss").to_numpy().tolist() == [["a", 1, 2, 2, 2.0, 1.0, 3.0]]
    half = curves(table, "loss", band=0.5)
    assert half[["low", "high"]].to_numpy().tolist() == [[1.5, 2.5]]
    for bad, said in (
        (table.drop(columns="epoch"), "a table of histories must have the column 'epoch', got variant, seed, fold, "
         "loss"),
        (table[[]], "a table of histories must have the column 'variant', got no column"),
        (table.drop(columns="fold"), "a run must have one row per epoch, got two of variant 'a', seed 0, epoch 1; pass "
         "the histories of one experiment"),
    ):  # fmt: skip
        with pytest.raises(DataError) as caught:
            curves(bad, "loss")
        assert str(caught.value) == said
    for wrong, said in (
        ({"metric": "seed"}, "metric must be one of 'loss', got 'seed'"),
        ({"metric": "fold"}, "metric must be one of 'loss', got 'fold'"),
        ({"metric": "loss", "band": 0}, "band must be in (0, 1] (it is the share of the runs inside the band), got 0"),
        ({"metric": "loss", "unequal": "all"}, "unequal must be one of 'live', 'common', got 'all'"),
    ):
        with pytest.raises(UsageError) as caught:
            curves(table, **wrong)
        assert str(caught.value) == said


def test_identical_variants_may_be_listed_in_any_order_and_be_more_than_two():
    rows = [(v, s, loss) for v in ("c", "a", "b") for s, loss in ((0, 0.5), (1, 0.25))]
    table = pd.DataFrame(rows, columns=["variant", "seed", "val_data_loss"]).iloc[[0, 1, 3, 2, 5, 4]]
    assert identical(table) == [["c", "a", "b"]]
    assert identical_note(table).startswith("c, a and b have the same losses to the last digit on every seed: what")
    assert identical(table.drop(columns="seed")) == []
    assert identical(table.drop(columns="val_data_loss")) == []
    partly = table.assign(val_data_loss=[0.5, NAN, NAN, 0.5, 0.25, 0.5])
    assert identical(partly) == [["c", "a"]]


def test_runs_are_told_apart_by_their_fold_where_there_is_one():
    plain, folds = summary(), summary(fold=0, folds=2)
    assert [run_columns(plain), run_columns(folds)] == [["variant", "seed"], ["variant", "seed", "fold"]]
    assert [pair_columns(plain), pair_columns(folds)] == [["seed"], ["seed", "fold"]]
    assert [averaged_over(plain), averaged_over(folds)] == ["seeds", "seeds and folds"]


@pytest.mark.parametrize(
    ("table", "said", "sentence"),
    [
        ({"generalizes_over": ["seeds", "seeds"]}, "seeds", "The intervals generalize over seeds."),
        ({"generalizes_over": [NAN, "seeds and new data"]}, "seeds and new data", "The intervals generalize over seeds "
         "and new data."),
        ({"generalizes_over": [NAN]}, "", ""),
        ({"variant": ["a"]}, "", ""),
    ],
)  # fmt: skip
def test_the_scope_of_a_comparison_in_words(table, said, sentence):
    table = pd.DataFrame(table)
    assert scope(table) == said
    assert scope_sentence(table) == sentence
    assert bool(scope_note(table)) is bool(said)


# Power


def test_the_power_of_a_textbook_test():
    # Cohen 1988: d = .5, alpha = .05 two-sided, power .80 of the paired test needs 34.
    assert power.seeds_for(np.array([0.5, -0.5, 0.0, NAN, np.inf]), 0.05).tolist()[:2] == [34, 34]
    assert np.isnan(power.seeds_for(np.array([0.0, NAN, np.inf]), 0.05)).all()
    assert power.seeds_for(np.array([100.0]), 0.05).tolist() == [2]
    many = power.seeds_for(np.array([0.01]), 0.05)[0]
    assert many == np.ceil(((1.959964 + 0.8416212) / 0.01) ** 2 + 1.959964**2 / 2)


@pytest.mark.parametrize(("epochs", "width"), [(9, 3), (12, 3), (30, 5)])
def test_the_margin_is_five_deviations_of_a_running_median_or_a_hundredth_of_the_lowest(epochs, width):
    """Where neighbours take turns, each second difference is 2 and the median of a window one of the two values."""
    values = np.arange(epochs) % 2.0
    neighbours = 1.482602218505602 * 2 / math.sqrt(6) * math.sqrt(math.pi / 2 / width)
    # One window apart an odd window meets the other value, so that those differences are 2 as well.
    apart = 1.482602218505602 * 2 / math.sqrt(6) if epochs - width + 1 > 3 * width else 0.0
    found = onset.margin(values, onset.smooth(values))
    assert found == pytest.approx(5 * max(neighbours, apart), rel=1e-12)
    assert onset.margin(np.full(epochs, -3.0), np.full(epochs - width + 1, -3.0)) == pytest.approx(0.03, rel=1e-12)


def test_what_else_a_comparison_was_decided_by_is_said_in_whole_sentences():
    table = pd.DataFrame({"variant": ["a", "b"]})
    looks = "Seeds were added until each variant was decided, at most 48; tests and intervals allow for every look."
    margin = "Equivalent: shown to differ by less than 0.05."
    assert rules_sentence(table) == ""
    assert rules_sentence(table.iloc[:0].assign(margin=0.05)) == ""
    assert rules_sentence(table.assign(most_seeds=48)) == looks
    assert rules_sentence(table.assign(margin=0.05)) == margin
    assert rules_sentence(table.assign(margin=0.05, most_seeds=48)) == f"{looks} {margin}"


def test_the_columns_of_a_comparison_are_these():
    assert list(compare(summary(), "a")) == [
        *("variant", "metric", "runs", "diverged", "n", "mean", "low", "high"),
        *("difference", "difference_low", "difference_high", "effect_size", "probability_of_improvement"),
        *("p_value", "p_adjusted", "seeds_needed", "decision", "generalizes_over"),
    ]
