"""Variants against the baseline: by hand, against scipy, with runs missing, and what is refused."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lab import statistics
from lab.checks import DataError, UsageError
from lab.statistics import compare, seeds_for, seeds_interval, seeds_needed_interval
from tests.runs_by_hand import many, row, summary


def test_the_comparison_is_that_of_a_table_worked_by_hand():
    # Differences -1, -2, -3: mean -2, standard deviation 1, t = -2 / (1 / sqrt(3)) with 2 degrees of freedom.
    table = compare(summary({"none": [5.0, 6.0, 7.0], "l2": [4.0, 4.0, 4.0]}), "none")
    assert tuple(table.columns) == statistics.COMPARISON
    none, l2 = row(table, "none"), row(table, "l2")
    assert (l2["runs"], l2["diverged"], l2["n"], l2["mean"], l2["difference"]) == (3, 0, 3, 4.0, -2.0)
    half = 4.302652729911275 / math.sqrt(3)  # the 97.5 % point of Student's t with 2 degrees of freedom
    assert (l2["difference_low"], l2["difference_high"]) == pytest.approx((-2 - half, -2 + half))
    assert (l2["low"], l2["high"]) == (4.0, 4.0)
    # Hedges's correction for 2 degrees of freedom: gamma(1) / (sqrt(1) gamma(1/2)) = 1 / sqrt(pi).
    assert l2["effect_size"] == pytest.approx(-2 / math.sqrt(math.pi))
    # With 2 degrees of freedom p = 1 - t / sqrt(2 + t^2), t^2 = 12.
    assert l2["p_value"] == pytest.approx(1 - math.sqrt(12 / 14))
    assert l2["p_adjusted"] == l2["p_value"]
    assert l2["probability_of_improvement"] == 1.0
    assert (l2["decision"], l2["seeds_needed"]) == ("not shown", 2.0)
    assert (none["decision"], none["n"], none["mean"]) == ("baseline", 3, 6.0)
    assert none[["difference", "effect_size", "p_value", "seeds_needed"]].isna().all()
    assert (none["low"], none["high"]) == pytest.approx((6 - half, 6 + half))


def test_a_p_value_of_exactly_1_minus_the_confidence_shows_a_difference():
    table = summary({"none": [5.0, 6.0, 7.0, 8.0], "l2": [5.25, 5.5, 7.75, 7.0]})
    p = float(row(compare(table, "none"), "l2")["p_value"])
    # In [0.5, 1) both subtractions are exact.
    assert p > 0.5
    assert row(compare(table, "none", confidence=1 - p), "l2")["decision"] == "better"
    assert row(compare(table, "none", confidence=1 - p + 1e-9), "l2")["decision"] == "not shown"


def test_the_comparison_is_that_of_scipy():
    generator = np.random.default_rng(5)
    means = {"none": 1.0, "a": 0.98, "b": 0.7, "c": 0.4}
    values = {name: generator.normal(mean, 0.4, 12) for name, mean in means.items()}
    table = compare(summary(values), "none", confidence=0.9)
    p = []
    for name in ("a", "b", "c"):
        test = stats.ttest_rel(values[name], values["none"])
        got = row(table, name)
        p.append(test.pvalue)
        assert got["p_value"] == pytest.approx(test.pvalue)
        interval = test.confidence_interval(0.9)
        assert (got["difference_low"], got["difference_high"]) == pytest.approx((interval.low, interval.high))
        own = stats.ttest_1samp(values[name], 0).confidence_interval(0.9)
        assert (got["low"], got["high"]) == pytest.approx((own.low, own.high))
        u = stats.mannwhitneyu(values["none"], values[name]).statistic
        assert got["probability_of_improvement"] == pytest.approx(u / 144)
    p = np.array(p)
    order = np.argsort(p)
    holm = np.empty(3)
    holm[order] = np.maximum.accumulate(np.minimum(1, p[order] * [3, 2, 1]))
    assert table["p_adjusted"].tolist()[1:] == pytest.approx(holm.tolist())
    decisions = np.where(holm <= 0.1, "better", "not shown")
    assert table["decision"].tolist() == ["baseline", *decisions]
    assert set(decisions) == {"better", "not shown"}


def test_bootstrap_intervals_are_those_of_scipy_and_the_same_every_time():
    differences = np.random.default_rng(1).exponential(0.5, (2, 15))
    table = many(differences)
    got = compare(table, "none", method="bootstrap")
    want = stats.bootstrap(
        (differences[1],), np.mean, n_resamples=9999, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    assert (row(got, "v1")["difference_low"], row(got, "v1")["difference_high"]) == pytest.approx(tuple(want))
    pd.testing.assert_frame_equal(got, compare(table, "none", method="bootstrap"))
    assert (got["decision"] == compare(table, "none")["decision"]).all()


def test_bootstrap_of_one_two_and_equal_seeds_is_not_torn():
    table = summary({"none": [1.0, 1.1, 1.3], "one": [2.0, None, None], "two": [2.0, 2.2, None], "same": [2.0] * 3})
    table = compare(table, "none", method="bootstrap")
    assert row(table, "one")[["low", "high", "difference_low", "difference_high"]].isna().all()
    assert (
        row(table, "two")["difference_low"] <= row(table, "two")["difference"] <= row(table, "two")["difference_high"]
    )
    assert (row(table, "same")["low"], row(table, "same")["high"]) == (2.0, 2.0)


def test_a_higher_accuracy_is_better_and_a_lower_loss_too():
    low, high = [0.5, 0.51, 0.52, 0.5], [0.9, 0.92, 0.91, 0.93]
    accuracy = compare(summary({"none": low, "l2": high}, "test_accuracy"), "none", "test_accuracy")
    assert accuracy["decision"].tolist() == ["baseline", "better"]
    assert row(accuracy, "l2")["probability_of_improvement"] == 1.0
    loss = compare(summary({"none": low, "l2": high}), "none")
    assert loss["decision"].tolist() == ["baseline", "worse"]
    assert row(loss, "l2")["probability_of_improvement"] == 0.0
    named = compare(summary({"none": low, "l2": high}, "zeros"), "none", "zeros", better="higher")
    assert named["decision"].tolist() == ["baseline", "better"]


def test_ties_count_half_in_the_probability_of_improvement():
    # Of the four pairs (1, 1), (1, 2), (2, 1), (2, 2) one is won, one lost, two are ties.
    assert row(compare(summary({"none": [1.0, 2.0], "l2": [2.0, 1.0]}), "none"), "l2")[
        "probability_of_improvement"
    ] == pytest.approx(0.5)


# --- comparison: what is missing ----------------------------------------------------------------------------


def test_one_seed_shows_nothing():
    got = row(compare(summary({"none": [1.0], "l2": [0.1]}), "none"), "l2")
    assert (got["n"], got["difference"], got["decision"]) == (1, -0.9, "not shown")
    assert got[["low", "high", "difference_low", "difference_high", "p_value", "seeds_needed"]].isna().all()


def test_two_seeds_have_no_effect_size_and_three_have_one():
    table = compare(summary({"none": [1.0, 1.0, 1.0], "two": [1.1, 1.3, None], "three": [1.1, 1.3, 1.2]}), "none")
    assert math.isnan(row(table, "two")["effect_size"])
    assert row(table, "three")["effect_size"] == pytest.approx(2 / math.sqrt(math.pi))


def test_a_baseline_alone_is_a_table_of_one_row():
    table = compare(summary({"none": [1.0, 2.0]}), "none")
    assert table["decision"].tolist() == ["baseline"]


def test_variants_are_paired_on_the_seeds_they_share():
    table = compare(summary({"none": [1.0, 2.0, None, 9.0], "l2": [None, 2.5, 7.0, 9.7]}), "none")
    got = row(table, "l2")
    assert (got["runs"], got["n"], got["difference"]) == (3, 2, pytest.approx(0.6))
    assert got["mean"] == pytest.approx((2.5 + 7.0 + 9.7) / 3)
    apart = row(compare(summary({"none": [1.0, None], "l2": [None, 2.0]}), "none"), "l2")
    assert (apart["runs"], apart["n"], apart["decision"]) == (1, 0, "not shown")
    assert apart[["difference", "probability_of_improvement"]].isna().all()


def test_a_variant_is_not_better_on_the_seeds_it_survived():
    table = summary({"none": [1.0, 1.1, 1.2, 1.3], "hot": [0.1, 0.21, 0.3, 0.4]}, status="finished")
    assert compare(table, "none")["decision"].tolist() == ["baseline", "better"]
    table.loc[(table["variant"] == "hot") & (table["seed"] == 3), "status"] = "diverged"
    got = row(compare(table, "none"), "hot")
    assert (got["runs"], got["diverged"], got["n"], got["decision"]) == (3, 1, 3, "not shown")
    assert got["p_adjusted"] < 0.05
    assert math.isnan(got["seeds_needed"])
    # The other way round: where the baseline diverged, the variant is not called worse.
    swapped = row(compare(table, "hot"), "none")
    assert (swapped["n"], swapped["decision"]) == (3, "not shown")


def test_runs_without_a_finite_metric_do_not_count():
    table = compare(summary({"none": [1.0, 2.0, 3.0], "l2": [1.5, np.inf, 3.4], "l1": [np.nan] * 3}), "none")
    assert row(table, "l2")["n"] == 2
    assert (row(table, "l1")["runs"], row(table, "l1")["decision"]) == (0, "not shown")
    assert math.isnan(row(table, "l1")["mean"])
    # A variant that could not be tested is no test to correct for.
    assert row(table, "l2")["p_adjusted"] == row(table, "l2")["p_value"]


def test_a_metric_that_no_run_has_gives_a_table_of_nothing_shown():
    table = compare(
        summary({"none": [np.nan, np.nan], "l2": [np.nan, np.nan]}, "test_accuracy"), "none", "test_accuracy"
    )
    assert table["decision"].tolist() == ["baseline", "not shown"]
    assert table["n"].tolist() == [0, 0]


def test_equal_differences_have_an_interval_without_width():
    table = compare(summary({"none": [0.1, 0.2, 0.7], "up": [0.4, 0.5, 1.0], "same": [0.1, 0.2, 0.7]}), "none")
    up, same = row(table, "up"), row(table, "same")
    assert (up["difference_low"], up["difference_high"]) == (up["difference"], up["difference"])
    assert (up["p_value"], up["decision"], up["seeds_needed"]) == (0.0, "worse", 0.0)
    assert (same["difference"], same["p_value"], same["decision"]) == (0.0, 1.0, "not shown")
    assert math.isnan(up["effect_size"])
    assert math.isnan(same["seeds_needed"])


def test_rounding_to_float32_is_no_difference():
    values = np.array([0.1, 0.2, 0.7])
    table = compare(summary({"none": values, "same": values.astype(np.float32).astype(float)}), "none")
    assert (row(table, "same")["difference"], row(table, "same")["p_value"]) == (0.0, 1.0)


def test_a_variant_that_exploded_does_not_hide_small_differences_of_another():
    values = {"none": [1.0, 1.1, 1.3], "l2": [0.9, 1.01, 1.2], "hot": [1e12, 2e12, 5e12]}
    alone = compare(summary({name: values[name] for name in ("none", "l2")}), "none")
    assert row(compare(summary(values), "none"), "l2")["p_value"] == row(alone, "l2")["p_value"] < 0.05


def test_the_decision_is_taken_after_the_correction():
    # t = 2.8 over 8 seeds: p = 0.027, and 0.106 as the first of four.
    differences = stats.zscore(np.random.default_rng(2).normal(0, 1, (4, 8)), axis=1, ddof=1)
    differences[0] += 2.8 / math.sqrt(8)
    table = many(differences)
    alone = row(compare(table, "none", correction="none"), "v0")
    assert (alone["decision"], alone["p_value"]) == ("worse", alone["p_adjusted"])
    got = row(compare(table, "none"), "v0")
    assert got["p_value"] <= 0.05 < got["p_adjusted"] == pytest.approx(4 * got["p_value"])
    assert got["decision"] == "not shown"
    # Over all four, the test of the largest effect is held to a level of 5 % / 4.
    assert got["seeds_needed"] == seeds_for(np.array(2.8 / math.sqrt(8)), 0.05 / 4) - 8
    assert seeds_for(np.array(2.8 / math.sqrt(8)), 0.05 / 4) > seeds_for(np.array(2.8 / math.sqrt(8)), 0.05)


def test_variants_stand_in_the_order_of_the_table_after_the_baseline():
    table = compare(summary({"z": [1.0, 2.0], "none": [1.0, 3.0], "a": [2.0, 3.0]}), "none")
    assert table["variant"].tolist() == ["none", "z", "a"]


def test_variants_named_by_numbers_are_names():
    assert compare(summary({1: [1.0, 2.0], 2: [1.0, 3.0]}), "1")["variant"].tolist() == ["1", "2"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"baseline": "nine"}, "baseline must be one of 'none', 'l2', got 'nine'; did you mean 'none'?"),
        (
            {"metric": "test_dataloss"},
            "metric must be one of 'test_data_loss', got 'test_dataloss'; did you mean 'test_data_loss'?",
        ),
        ({"method": "boots"}, "method must be one of 't', 'bootstrap', got 'boots'; did you mean 'bootstrap'?"),
        ({"correction": "bonf"}, "correction must be one of 'holm', 'benjamini_hochberg', 'none', got 'bonf'"),
        ({"better": "more"}, "better must be one of 'lower', 'higher', got 'more'"),
        (
            {"confidence": 95},
            "confidence must be in (0, 1) (it is the probability of an interval), got 95",
        ),
    ],
)
def test_a_wrong_option_of_the_comparison_is_refused_with_a_sentence(options, sentence):
    with pytest.raises(UsageError) as caught:
        compare(summary({"none": [1.0, 2.0], "l2": [1.0, 2.0]}), **{"baseline": "none"} | options)
    assert str(caught.value) == sentence


def test_a_metric_whose_direction_is_not_in_its_name_is_refused():
    with pytest.raises(UsageError) as caught:
        compare(summary({"none": [1.0]}, "zeros"), "none", "zeros")
    assert str(caught.value) == (
        "better must be 'lower' or 'higher' for a metric whose name says neither accuracy, loss, penalty nor gap, "
        "got None for 'zeros'"
    )


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (pd.DataFrame({"seed": [0]}), "a summary must have the column 'variant', got seed"),
        (summary({"none": [1.0]})[:0], "a summary must have at least one run, got none"),
        (
            summary({"none": [1.0]}).assign(variant=None),
            "the column 'variant' of a summary must be filled in every row, got an empty one",
        ),
        (
            pd.concat([summary({"none": [1.0], "l2": [1.0, 2.0]})] * 2)[2:5],
            "a variant must have one run per seed, got two of variant 'none', seed 0; "
            "pass the summary of one experiment",
        ),
    ],
)
def test_a_summary_that_cannot_be_used_is_refused_with_a_sentence(table, sentence):
    if "two of" in sentence:
        table = pd.concat([table, summary({"none": [3.0]})])
    with pytest.raises(DataError) as caught:
        compare(table, "none")
    assert str(caught.value) == sentence


def test_the_interval_of_seeds_needed_is_at_the_level_of_the_correction_and_only_for_the_undecided():
    differences = stats.zscore(np.random.default_rng(2).normal(0, 1, (4, 8)), axis=1, ddof=1)
    differences[0] += 2.8 / math.sqrt(8)
    differences[1] += 20.0
    table = compare(many(differences), "none")
    low, high = seeds_needed_interval(table)
    want = seeds_interval(table["p_value"][1], 8, 0.05 / 4)
    assert (low[1], high[1]) == want
    assert low[1] < table["seeds_needed"][1] < high[1]
    assert (low[2], high[2]) == (0.0, 0.0)
    assert np.isnan([low[0], high[0]]).all()
    alone = compare(many(differences[2:]), "none", correction="none")
    uncorrected = seeds_needed_interval(alone, correction="none")
    assert uncorrected[0][1] == seeds_interval(alone["p_value"][1], 8, 0.05)[0]


def test_the_probability_of_improvement_lies_between_that_of_independent_and_of_paired_runs():
    # As documented: of 25 pairs 5 are of one seed, so (4 * .665 + .841) / 5 = .70.
    generator = np.random.default_rng(0)
    shares = []
    for _ in range(400):
        base = generator.normal(1, 0.03, 5)
        values = {"none": base, "l2": base - generator.normal(0.02, 0.02, 5)}
        shares.append(row(compare(summary(values), "none"), "l2")["probability_of_improvement"])
    assert np.mean(shares) == pytest.approx(0.70, abs=0.03)
