"""How many seeds a comparison needs: against textbook tables, by integration, by simulation."""

import math

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from lab.statistics import compare, seeds_for, seeds_interval
from tests.runs_by_hand import many


def test_seeds_for_an_effect_are_those_of_the_textbook_tables():
    # Cohen (1988), table 2.3.5 and G*Power 3.1: two-sided paired t test, 5 %, power 80 %.
    assert seeds_for(np.array([0.2, -0.5, 0.8]), 0.05).tolist() == [199.0, 34.0, 15.0]


@pytest.mark.parametrize("effect", [0.7, 1.0, 1.5, 2.5])
def test_seeds_for_are_the_fewest_with_a_power_of_80_percent(effect):
    def power(seeds):
        # The t statistic exceeds its threshold where a normal mean exceeds it times the root of a chi square.
        degrees = seeds - 1
        threshold = stats.t.isf(0.025, degrees)

        def density(x):
            return stats.chi2.pdf(x, degrees) * stats.norm.cdf(
                effect * math.sqrt(seeds) - threshold * math.sqrt(x / degrees)
            )

        return integrate.quad(density, 0, np.inf)[0]

    needed = int(seeds_for(np.array(effect), 0.05))
    assert power(needed) >= 0.8 > power(needed - 1)


def test_the_exact_and_the_approximate_number_of_seeds_meet():
    effects = np.array([0.0880, 0.0875, 0.0870])
    needed = seeds_for(effects, 0.05)
    assert needed[0] < 1024 < needed[2]
    z = stats.norm.isf(0.025) + stats.norm.ppf(0.8)
    assert np.all(np.abs(needed - (z / effects) ** 2 - stats.norm.isf(0.025) ** 2 / 2) < 1.5)


@pytest.mark.parametrize("level", [0.5, 0.05, 0.05 / 3, 0.0125, 0.05 / 23, 1e-4])
def test_a_larger_effect_never_needs_more_seeds(level):
    # scipy.special.nctdtr is NaN at some of the numbers that are tried on the way.
    needed = seeds_for(np.geomspace(0.05, 50, 2000), level)
    assert np.all(np.diff(needed) <= 0)
    assert seeds_for(np.array(1.6117), 0.0125) == 8


@pytest.mark.parametrize("seeds", [2, 3, 5, 12, 48])
def test_the_ends_of_an_interval_are_in_their_order(seeds):
    low, high = seeds_interval(np.geomspace(1e-6, 1, 500), np.array(seeds), 0.0125)
    assert np.all(low <= high)


def test_no_effect_needs_no_number_of_seeds():
    assert np.isnan(seeds_for(np.array([0.0, np.nan, np.inf]), 0.05)).all()
    assert seeds_for(np.array([1000.0]), 0.05).tolist() == [2.0]


def test_so_many_seeds_decide_as_often_as_promised():
    effect, level = 0.9, 0.05
    seeds = int(seeds_for(np.array(effect), level))
    differences = np.random.default_rng(0).normal(-effect, 1, (4000, seeds))
    table = compare(many(differences), "none", correction="none")
    share = (table["decision"][1:] == "better").mean()
    assert 0.8 - 0.02 <= share <= 0.8 + 0.04  # the number is whole, so the power is 80 % or a little more


def effects_over(seeds, effect, experiments):
    differences = np.random.default_rng(seeds).normal(effect, 1, (experiments, seeds))
    return stats.ttest_1samp(differences, 0, axis=1).pvalue


@pytest.mark.parametrize(("seeds", "effect"), [(3, 0.8), (5, 0.8), (10, 0.5)])
def test_the_interval_holds_the_number_of_seeds_needed_in_80_of_100_experiments(seeds, effect):
    low, high = seeds_interval(effects_over(seeds, effect, 600), np.array(seeds), 0.05)
    right = seeds_for(np.array(effect), 0.05) - seeds
    covered = ((low <= right) & (right <= high)).mean()
    assert 0.8 - 3 * math.sqrt(0.16 / 600) <= covered <= 0.95


def test_the_ends_of_the_interval_are_those_of_the_noncentral_t():
    # t = 4 over 5 seeds: noncentralities at which 10 and 90 % of the experiments have a smaller t.
    low, high = seeds_interval(np.array(2 * stats.t.sf(4.0, 4)), np.array(5), 0.001)
    for end, below in ((low, 0.1), (high, 0.9)):
        effect = optimize.brentq(lambda d, below=below: stats.nct.cdf(4.0, 4, d) - below, 0, 20) / math.sqrt(5)
        assert end == seeds_for(np.array(effect), 0.001) - 5


def test_no_number_of_seeds_is_promised_where_the_effect_may_be_zero():
    low, high = seeds_interval(np.array([0.21, 0.19]), np.array([5, 5]), 0.05)
    assert np.isinf(high).tolist() == [True, False]
    assert np.all(low >= 1)


def test_an_undecided_comparison_needs_at_least_one_more_seed():
    # p = .06 over 20 seeds: at the upper end of the effect size fewer seeds than 20 would have done.
    low, _ = seeds_interval(np.array(0.06), np.array(20), 0.05)
    assert low == 1
