"""How many seeds a comparison needs: against textbook tables, by integration, by simulation."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from lab.statistics import compare, seeds_for
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
