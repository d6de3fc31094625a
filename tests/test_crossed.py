"""Runs that are all tested on the same examples: intervals and tests that allow for the luck of both."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
import scipy

from lab.checks import DataError, UsageError
from lab.data import Dataset, Split
from lab.statistics import compare, seeds_needed_interval
from lab.statistics.crossed import crossed, of_parts
from lab.statistics.estimates import intervals, p_values
from lab.statistics.paired_tests import PairedTests
from lab.statistics.power import seeds_for
from lab.statistics.scope import generalizes_over, without_test_examples
from lab.statistics.sequential import looks
from tests.test_data import said

MIXTURES = {
    "a planted task": (0.00047, 0.0002, 0.0029),
    "a start near the truth": (0.0001, 0.004, 0.00025),
    "seeds": (1.0, 0.0, 1e-9),
    "parts": (0.0, 1.0, 1e-9),
    "noise": (0.0, 0.0, 1.0),
    "seeds and parts": (1.0, 1.0, 0.0),
    "all alike": (1.0, 1.0, 1.0),
}
"""Variances of seeds, of parts, and of both together."""


def drawn(mixture, shape, seed=0, mean=0.0):
    """Return normal differences of shape (variants, seeds, parts)."""
    variants, seeds, parts = shape
    of_seeds, of_parts, both = np.sqrt(mixture)
    random = np.random.default_rng(seed)
    return (
        mean
        + of_seeds * random.standard_normal((variants, seeds, 1))
        + of_parts * random.standard_normal((variants, 1, parts))
        + both * random.standard_normal(shape)
    )


def p_of(differences):
    _, seeds, parts = differences.shape
    spread, floor = crossed(differences)
    return p_values(np.array(seeds), differences.mean((1, 2)), spread, 0.0, floor, parts)


def test_the_variance_of_a_mean_is_that_of_a_two_way_analysis():
    differences = drawn((1.0, 2.0, 0.5), (1, 6, 9))
    spread, floor = crossed(differences)
    own = differences[0]
    seeds, parts = own.shape
    of_seeds = parts * own.mean(1).var(ddof=1)
    of_parts = seeds * own.mean(0).var(ddof=1)
    both = np.sum((own - own.mean(1, keepdims=True) - own.mean(0) + own.mean()) ** 2) / ((seeds - 1) * (parts - 1))
    wanted = (of_seeds + of_parts - both) / (seeds * parts)
    assert spread[0] ** 2 / seeds + floor[0] == pytest.approx(wanted)


@pytest.mark.parametrize("mixture", [(1.0, 2.0, 0.5), (0.2, 0.0, 1.0), (0.0, 3.0, 1.0)])
def test_on_average_it_is_the_true_one(mixture):
    seeds, parts = 8, 24
    spread, floor = crossed(drawn(mixture, (4000, seeds, parts)))
    true = mixture[0] / seeds + mixture[1] / parts + mixture[2] / (seeds * parts)
    # At least the noise is taken for each share, so it is a little more.
    assert true * 0.98 < np.mean(spread**2 / seeds + floor) < true * 1.15


def test_seeds_without_a_part_are_left_out_and_one_seed_says_nothing():
    differences = drawn((1.0, 1.0, 1.0), (2, 5, 4))
    differences[0, 2, 1] = np.nan
    differences[1, 1:] = np.nan
    spread, floor = crossed(differences)
    kept = crossed(np.delete(differences[:1], 2, axis=1))
    assert (spread[0], floor[0]) == (kept[0][0], kept[1][0])
    assert np.isnan([spread[1], floor[1]]).all()


@pytest.mark.parametrize("shape", [(5, 24), (24, 24), (24, 5)])
@pytest.mark.parametrize("mixture", MIXTURES)
def test_what_does_not_differ_is_shown_to_in_5_of_100_at_most(mixture, shape):
    found = p_of(drawn(MIXTURES[mixture], (2000, *shape)))
    for level in (0.05, 0.01):
        assert (found <= level).mean() <= level + 3 * math.sqrt(level * (1 - level) / 2000)


def test_a_test_over_seeds_alone_would_err_where_test_examples_differ():
    differences = drawn((0.0, 1.0, 0.1), (500, 12, 24))
    over_seeds = differences.mean(2)
    alone = p_values(np.array(12), over_seeds.mean(1), over_seeds.std(1, ddof=1), 0.0)
    assert (alone <= 0.05).mean() > 0.5
    assert (p_of(differences) <= 0.05).mean() < 0.09


def test_intervals_hold_what_the_test_does_not_refuse():
    differences = drawn((1.0, 1.0, 1.0), (50, 8, 24))
    spread, floor = crossed(differences)
    mean, n = differences.mean((1, 2)), np.full(50, 8)
    low, high = intervals(differences.mean(2), n, mean, spread, 0.95, "t", 0.0, floor, 24)
    np.testing.assert_array_equal((low > 0) | (high < 0), p_of(differences) < 0.05)


@pytest.mark.parametrize(("effect", "floor", "parts"), [(1.0, 0.05, 24), (0.8, 0.02, 24), (1.5, 0.1, 8)])
def test_so_many_seeds_are_the_fewest_with_a_power_of_80_percent(effect, floor, parts):
    needed = int(seeds_for(np.array(effect), 0.05, floor, parts))

    def power(seeds):
        random = np.random.default_rng(seeds)
        freedom = min(seeds, parts) - 1
        error = math.sqrt(1 / seeds + floor)
        t = (effect + error * random.standard_normal(50_000)) / (
            error * np.sqrt(random.chisquare(freedom, 50_000) / freedom)
        )
        return np.mean(p_values(np.array(seeds), t * error, np.array(1.0), 0.0, floor, parts) <= 0.05)

    assert power(needed) > 0.79
    assert power(needed - 1) < 0.81


def test_where_the_test_examples_decide_no_number_of_seeds_suffices():
    # At most 2 standard errors, where 2.8 are needed.
    assert np.isnan(seeds_for(np.array(1.0), 0.05, 0.25, 24))
    assert np.isfinite(seeds_for(np.array(1.0), 0.05, 0.1, 24))
    assert seeds_for(np.array(0.01), 0.05) == seeds_for(np.array(0.01), 0.05, 0.0, math.inf)
    assert seeds_for(np.array(0.03), 0.05, 1e-5) > seeds_for(np.array(0.03), 0.05)
    assert np.isnan(seeds_for(np.array(0.5), 1e-6, 1e-3, 3)), "two degrees of freedom never show so much"


def summary_of(values):
    """Return a summary and the losses at parts of values of shape (variants, seeds, parts)."""
    runs, parts = [], []
    for variant, own in zip("abc", values, strict=False):
        for seed, losses in enumerate(own):
            runs.append({"variant": variant, "seed": seed, "test_data_loss": losses.mean(), "test_accuracy": losses[0]})
            parts += [
                {"variant": variant, "seed": seed, "part": part, "test_data_loss": loss}
                for part, loss in enumerate(losses)
            ]
    return pd.DataFrame(runs), pd.DataFrame(parts)


VALUES = 1 + drawn((0.01, 0.04, 0.02), (3, 6, 8), seed=3)
OVER = "seeds, training splits of this data set and test examples"


def test_a_comparison_rests_on_the_parts():
    summary, parts = summary_of(VALUES)
    made = compare(summary, "a", parts=parts, generalizes_over=OVER)
    differences = VALUES - VALUES[0]
    spread, floor = crossed(differences[1:])
    assert made["p_value"][1:].to_numpy() == pytest.approx(p_of(differences[1:]))
    assert made["effect_size"][1:].to_numpy() == pytest.approx(
        differences[1:].mean((1, 2)) / spread * made["effect_size"][1] / (made["difference"][1] / spread[0])
    )
    assert (made["test_parts"] == 8).all()
    own_spread, own_floor = crossed(VALUES)
    half = scipy.stats.t.ppf(0.975, 5) * np.sqrt(own_spread**2 / 6 + own_floor)
    assert ((made["high"] - made["low"]) / 2).to_numpy() == pytest.approx(half)
    assert (made["generalizes_over"] == OVER).all()
    alone = compare(summary, "a", generalizes_over=OVER)
    assert (made["difference_high"] - made["difference_low"])[1:].min() > 0
    assert list(made["difference"][1:]) == list(alone["difference"][1:])
    assert "test_parts" not in alone
    assert floor.max() > 0
    assert (made["p_value"] != alone["p_value"])[1:].all()
    assert (alone["generalizes_over"] == "seeds and training splits of this data set").all()


def test_the_order_of_parts_and_runs_does_not_matter():
    summary, parts = summary_of(VALUES)
    made = compare(summary, "a", parts=parts)
    mixed = compare(
        summary, "a", parts=pd.concat([parts.sample(frac=1, random_state=1), parts.assign(variant="z")[:8]])
    )
    pd.testing.assert_frame_equal(made, mixed)


def test_other_metrics_say_nothing_of_test_examples():
    summary, parts = summary_of(VALUES)
    made = compare(summary, "a", "test_accuracy", parts=parts, generalizes_over=OVER)
    pd.testing.assert_frame_equal(
        made,
        compare(summary, "a", "test_accuracy", generalizes_over="seeds and training splits of this data set"),
    )


def test_a_run_without_its_parts_does_not_count():
    summary, parts = summary_of(VALUES)
    some = parts[(parts["variant"] != "b") | (parts["seed"] != 2)]
    made = compare(summary, "a", parts=some).set_index("variant")
    assert made["n"].to_dict() == {"a": 6, "b": 5, "c": 6}
    left = [0, 1, 3, 4, 5]
    assert made.loc["b", "p_value"] == pytest.approx(p_of((VALUES[1] - VALUES[0])[None, left])[0])


def test_where_a_variant_has_no_parts_they_do_not_count():
    summary, parts = summary_of(VALUES)
    alone = compare(summary, "a", generalizes_over="seeds and training splits of this data set")
    for some in (parts[parts["variant"] != "b"], parts[(parts["variant"] != "b") | (parts["part"] != 3)]):
        pd.testing.assert_frame_equal(compare(summary, "a", parts=some, generalizes_over=OVER), alone)
    # One that has diverged at each seed has none either.
    diverged = summary.assign(test_data_loss=summary["test_data_loss"].where(summary["variant"] != "b"))
    assert (compare(diverged, "a", parts=parts[parts["variant"] != "b"])["test_parts"] == 8).all()


def test_a_look_rests_on_its_seeds():
    summary, parts = summary_of(np.concatenate([VALUES, VALUES + 0.01 * VALUES[::-1]], axis=1))
    made = compare(summary, "a", parts=parts, most_seeds=24)
    first = compare(summary[summary["seed"] < 8], "a", parts=parts[parts["seed"] < 8], most_seeds=24)
    pd.testing.assert_frame_equal(
        made[["p_value", "n"]], compare(summary, "a", parts=parts, most_seeds=24)[["p_value", "n"]]
    )
    assert first["n"].tolist() == [8, 8, 8]
    tests = PairedTests(VALUES.mean(2) - 1, np.zeros(3), 0.0, 5, VALUES - 1)
    assert tests.parts.shape == (3, 5, 8)
    np.testing.assert_allclose(tests.moments()[2], crossed(VALUES[:, :5] - 1)[0])


def test_equivalence_rests_on_the_parts_too():
    summary, parts = summary_of(VALUES)
    made = compare(summary, "a", parts=parts, margin=10.0, correction="none")
    assert made["decision"].tolist() == ["baseline", "equivalent", "equivalent"]
    spread, floor = crossed((VALUES - VALUES[0])[1:])
    shifted = made["difference"][1:].to_numpy() + np.array([-10.0, 10.0])[:, None]
    sides = [p_values(np.array(6), one, spread, 0.0, floor, 8) / 2 for one in shifted]
    assert made["p_equivalent"][1:].max() == pytest.approx(np.max(sides), rel=1e-6)


def test_no_interval_of_the_seeds_needed_is_told():
    summary, parts = summary_of(VALUES)
    made = compare(summary, "a", parts=parts)
    low, high = seeds_needed_interval(made)
    decided = made["decision"].isin(["better", "worse"]).to_numpy()
    assert np.isnan(low[~decided]).all()
    assert np.isnan(high[~decided]).all()


def test_differences_that_are_the_same_everywhere_have_no_spread():
    summary, parts = summary_of(np.stack([VALUES[0], VALUES[0], VALUES[0] + 0.5]))
    made = compare(summary, "a", parts=parts)
    assert made["p_value"].tolist()[1:] == [1.0, 0.0]
    assert made["difference_low"].tolist()[2] == pytest.approx(0.5)


def test_where_only_the_parts_differ_the_seeds_do_not_make_it_sure():
    once = VALUES[0, :1].repeat(6, 0)
    other = once + drawn((0.0, 0.04, 0.0), (1, 1, 8), seed=5)[0]
    summary, parts = summary_of(np.stack([once, other]))
    made = compare(summary, "a", parts=parts)
    # All seeds say the same of these examples, and nothing of others: as the t test over parts has it, but for the
    # degrees of freedom.
    gains = (other - once)[0]
    low, high = made.loc[1, ["difference_low", "difference_high"]]
    assert (high - low) / 2 == pytest.approx(2.5706 * gains.std(ddof=1) / math.sqrt(8), rel=1e-3)


def test_a_bootstrap_and_a_single_part_are_refused():
    summary, parts = summary_of(VALUES)
    assert said(UsageError, compare, summary, "a", parts=parts, method="bootstrap") == (
        "method must be 't' where all runs are tested on the same examples, for whose luck the bootstrap does not "
        "allow, got 'bootstrap'"
    )
    assert said(DataError, of_parts, parts[parts["part"] == 0], ["a"], np.arange(6)) == (
        "the losses of runs must be of at least two parts of the test split, got 1"
    )


@pytest.mark.parametrize(
    ("redrawn", "folds", "over"),
    [
        ([], False, "seeds and test examples"),
        (["training split"], False, OVER),
        (["splits"], False, "seeds and splits of this data set"),
        ([], True, "seeds and new data (approximately)"),
    ],
)
def test_a_comparison_says_that_it_allows_for_test_examples(redrawn, folds, over):
    assert generalizes_over(redrawn, folds, test_parts=True) == over
    if not folds:
        assert without_test_examples(over) == generalizes_over(redrawn, folds)


def dataset(**more):
    random = np.random.default_rng(0)
    splits = [
        Split(random.standard_normal((n, 3)).astype("f4"), random.standard_normal((n, 1)).astype("f4"))
        for n in (12, 8, 20)
    ]
    return Dataset("d", *splits, None, redrawn="nothing", **more)


def test_a_test_split_has_parts_of_nearly_one_size_and_not_in_order():
    part = dataset(test_parts=6).part_of_test
    assert sorted(np.bincount(part)) == [3, 3, 3, 3, 4, 4]
    assert list(part) != sorted(part)
    np.testing.assert_array_equal(part, dataset(test_parts=6).part_of_test)
    assert dataset().part_of_test is None


def test_classes_keep_their_shares_in_the_parts():
    random = np.random.default_rng(0)
    y = (random.random(100) < 0.13).astype(np.int32)
    splits = [Split(random.standard_normal((100, 3)).astype("f4"), y) for _ in range(3)]
    made = Dataset("d", *splits, ("often", "rare"), redrawn="nothing", test_parts=7)
    counts = np.array([np.bincount(y[made.part_of_test == part], minlength=2) for part in range(7)])
    assert (counts.max(0) - counts.min(0) <= 1).all()
    assert set(counts.sum(1)) == {14, 15}


def test_parts_are_part_of_what_is_run():
    assert len({dataset(**more).fingerprint for more in ({}, {"test_parts": 2}, {"test_parts": 3})}) == 3


@pytest.mark.parametrize("count", [1, 21, 2.5])
def test_each_part_has_an_example(count):
    assert said(UsageError, dataset, test_parts=count).startswith("test_parts must be ")


def test_test_splits_that_differ_from_seed_to_seed_have_no_parts():
    assert said(UsageError, dataclasses.replace, dataset(test_parts=2), redrawn="splits").startswith(
        "redrawn must be one of 'nothing', 'training split', got 'splits'"
    )


@pytest.mark.slow
@pytest.mark.parametrize("plan", [24, 192])
@pytest.mark.parametrize("mixture", MIXTURES)
def test_over_looks_and_variants_one_wrong_decision_is_made_in_5_of_100(mixture, plan):
    sweeps = 10_000
    wrong = 0
    for sweep in range(sweeps // 2000):
        base, *others = (drawn(MIXTURES[mixture], (2000, plan, 24), seed=4 * sweep + i) for i in range(4))
        p = []
        for other in others:
            # The variants share the noise of the plain model.
            differences = (other - base) / math.sqrt(2)
            tests = PairedTests(differences.mean(2), np.zeros(2000), 0.0, plan, differences)
            p.append(tests.p())
        wrong += (np.min(p, axis=0) <= 0.05 / 3).sum()
    assert wrong / sweeps <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / sweeps)


@pytest.mark.slow
def test_with_all_test_examples_for_each_seed_more_is_shown_than_with_a_part_for_each():
    differences = drawn(MIXTURES["a planted task"], (2000, 24, 24), mean=-0.035)
    together = PairedTests(differences.mean(2), np.zeros(2000), 0.0, 24, differences).p()
    own = np.einsum("vss->vs", differences)
    apart = PairedTests(own, np.zeros(2000), 0.0, 24).p()
    assert (together <= 0.05 / 3).mean() > 0.99
    assert (apart <= 0.05 / 3).mean() < 0.6


@pytest.mark.slow
@pytest.mark.parametrize("mixture", MIXTURES)
@pytest.mark.parametrize("effect", [0.0, 2.0])
@pytest.mark.parametrize("plan", [24, 192])
def test_the_interval_at_which_one_stops_covers_the_truth_in_95_of_100(mixture, effect, plan):
    shape, variances = (4000, plan, 24), MIXTURES[mixture]
    true = effect * math.sqrt(variances[0] / 12 + variances[1] / 24 + variances[2] / 288)
    differences = drawn(variances, shape, seed=9, mean=true)
    covered, open_ = np.zeros(len(differences), bool), np.ones(len(differences), bool)
    for look in looks(plan):
        tests = PairedTests(differences[:, :look].mean(2), np.zeros(len(differences)), 0.0, plan, differences[:, :look])
        n, mean, spread, floor = tests.moments()
        low, high = intervals(tests.differences, n, mean, spread, tests.confidence(0.95), "t", 0.0, floor, plan)
        stops = open_ & ((tests.p() <= 0.05) | (look == plan))
        covered[stops] = ((low <= true) & (true <= high))[stops]
        open_ &= ~stops
    assert covered.mean() >= 0.95 - 4 * math.sqrt(0.05 * 0.95 / len(differences))
