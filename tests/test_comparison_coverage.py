"""The probabilities of the comparison hold: coverage of its intervals, wrong decisions, what pairing gains."""

import math

import numpy as np
import pytest

from lab.statistics import adjust, compare
from tests.runs_by_hand import many, row, summary


@pytest.mark.parametrize("seeds", [3, 5, 20])
@pytest.mark.parametrize("truth", [0.0, -0.2])
def test_intervals_of_95_percent_cover_the_truth_in_93_to_97_of_100_experiments(seeds, truth):
    # 8000 experiments: the standard error of the coverage is 0.24 %, so 2 % are 8 of them.
    differences = np.random.default_rng(seeds).normal(truth, 0.1, (8000, seeds))
    table = compare(many(differences), "none")[1:]
    covered = (table["difference_low"] <= truth) & (truth <= table["difference_high"])
    assert 0.93 <= covered.mean() <= 0.97


def test_intervals_of_a_variants_own_mean_cover_it_too():
    values = np.random.default_rng(0).normal(1.3, 0.2, (8000, 5))
    table = compare(many(values - np.random.default_rng(0).normal(1.0, 0.3, 5)), "none")[1:]
    assert 0.93 <= ((table["low"] <= 1.3) & (table["high"] >= 1.3)).mean() <= 0.97


@pytest.mark.slow
def test_bootstrap_intervals_cover_between_93_and_97_of_100_at_40_seeds():
    # 500 experiments: the standard error is 1 %. With few seeds the bootstrap is known to cover less.
    differences = np.random.default_rng(8).normal(0.1, 1.0, (500, 40))
    table = compare(many(differences), "none", method="bootstrap")[1:]
    assert 0.93 <= ((table["difference_low"] <= 0.1) & (table["difference_high"] >= 0.1)).mean() <= 0.97


def test_five_variants_that_do_nothing_are_called_different_in_at_most_5_of_100_experiments():
    # All five share the experiment's baseline, so their differences hang together, as in a real experiment.
    experiments, variants, seeds = 4000, 5, 5
    generator = np.random.default_rng(0)
    noise = generator.normal(size=(experiments, variants, seeds)) - generator.normal(size=(experiments, 1, seeds))
    p = compare(many(noise.reshape(-1, seeds)), "none")["p_value"].to_numpy()[1:].reshape(experiments, variants)
    error = math.sqrt(0.05 * 0.95 / experiments)
    uncorrected = (p <= 0.05).any(1).mean()
    assert uncorrected > 0.10  # or the correction would not be needed and this test would show nothing
    assert (adjust(p) <= 0.05).any(1).mean() <= 0.05 + 3 * error
    assert (adjust(p, "benjamini_hochberg") <= 0.05).any(1).mean() <= 0.05 + 3 * error
    # Tests that share a baseline correlate by at most a half: the variance of their mean is at most (1 + 4 / 2) / 5.
    assert abs((p <= 0.05).mean() - 0.05) <= 3 * error * math.sqrt(3 / variants)


def test_whole_experiments_of_null_variants_end_without_a_decision():
    generator = np.random.default_rng(1)
    wrong = 0
    for _ in range(200):
        runs = {name: generator.normal(1, 0.1, 5) for name in ("none", "a", "b", "c", "d", "e")}
        wrong += compare(summary(runs), "none")["decision"].isin(["better", "worse"]).any()
    assert wrong <= 200 * 0.05 + 3 * math.sqrt(200 * 0.05 * 0.95)


def test_pairing_shows_what_the_spread_over_seeds_hides():
    generator = np.random.default_rng(0)
    seed_effect = generator.normal(0, 1, 6)
    table = compare(summary({"none": 5 + seed_effect, "l2": 4.8 + seed_effect + generator.normal(0, 0.02, 6)}), "none")
    got = row(table, "l2")
    assert got["decision"] == "better"
    assert got["low"] < row(table, "none")["mean"] < got["high"]


def test_bootstrap_intervals_of_5_seeds_cover_84_of_100():
    differences = np.random.default_rng(3).normal(0.1, 1.0, (600, 5))
    table = compare(many(differences), "none", method="bootstrap")[1:]
    covered = ((table["difference_low"] <= 0.1) & (table["difference_high"] >= 0.1)).mean()
    assert abs(covered - 0.84) <= 3 * math.sqrt(0.84 * 0.16 / 600)
