"""The documented probabilities of the statistics, by simulations that take minutes."""

import math

import numpy as np
import pytest

from lab.statistics import compare, find_onset, seeds_for, seeds_interval
from tests.runs_by_hand import many
from tests.test_onset import late, turning
from tests.test_power import effects_over

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("seeds", "share"), [(3, 0.73), (5, 0.84), (10, 0.90), (40, 0.94)])
def test_bootstrap_intervals_cover_as_often_as_documented(seeds, share):
    differences = np.random.default_rng(seeds + 200).normal(0.1, 1.0, (3000, seeds))
    table = compare(many(differences), "none", method="bootstrap")[1:]
    covered = ((table["difference_low"] <= 0.1) & (table["difference_high"] >= 0.1)).mean()
    assert abs(covered - share) <= 0.005 + 3 * math.sqrt(share * (1 - share) / 3000)


@pytest.mark.parametrize("effect", [0.3, 0.5, 0.8, 1.2, 2.0])
@pytest.mark.parametrize("seeds", [2, 3, 5, 10, 20])
def test_the_interval_of_seeds_needed_holds_the_right_number(effect, seeds):
    low, high = seeds_interval(effects_over(seeds, effect, 2000), np.array(seeds), 0.05)
    right = max(seeds_for(np.array(effect), 0.05) - seeds, 1)
    assert ((low <= right) & (right <= high)).mean() >= 0.8 - 3 * math.sqrt(0.16 / 2000)


@pytest.mark.parametrize(
    ("first", "least", "epochs", "ratio"),
    [
        (first, least, epochs, ratio)
        for first, least in [(0.1, 0.97), (0.2, 0.93)]
        for epochs in (30, 60, 100, 200)
        for ratio in (1, 2, 4)
        if epochs - int(first * epochs) >= 6 + 5 * ratio + 10  # as documented: 10 epochs after the bound
    ],
)
@pytest.mark.parametrize("steep", [1, 4, 20, 100])
@pytest.mark.parametrize("shape", ["line", "parabola", "exponential"])
def test_early_turns_are_found_within_the_documented_bound(first, least, epochs, ratio, steep, shape):
    turn = int(first * epochs)
    share = late(turning(epochs, turn, steep, shape), turn, ratio, runs=1000)
    assert share <= 1 - least + 3 * math.sqrt(least * (1 - least) / 1000)


def test_independent_noise_of_500_epochs_raises_an_alarm_in_fewer_than_2_of_100():
    generator = np.random.default_rng(0)
    alarms = [find_onset(generator.normal(1, 0.05, 500)) is not None for _ in range(2000)]
    assert np.mean(alarms) <= 0.02
