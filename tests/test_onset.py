"""The onset of overfitting: found where a curve turns, silent where it does not."""

import math

import numpy as np
import pytest

from lab.statistics import find_onset
from tests.runs_by_hand import falling


def test_without_noise_the_onset_is_where_the_rise_passes_one_percent_of_the_minimum():
    # From epoch 20 on (position 20) the curve rises by 0.001 an epoch from 0.5; 1 % is 0.005. The running median
    # over 5 of a rising line is the line, and its lowest value, around the turn, is 0.501 (a median of V).
    val = 0.5 + np.where(np.arange(60) < 20, 0.05 * (20 - np.arange(60)), 0.001 * (np.arange(60) - 20))
    lowest = np.median(val[18:23])
    smallest = min(np.median(val[i : i + 5]) for i in range(56))
    assert smallest <= lowest
    expected = next(t for t in range(20, 60) if val[t] > smallest + 0.01 * smallest)
    assert find_onset(val) == expected


def test_a_curve_that_comes_back_before_the_end_has_no_onset():
    val = falling() + 0.5 * np.exp(-(((np.arange(60) - 40) / 5) ** 2))
    assert find_onset(val) is None


def test_a_jump_in_the_last_epochs_is_no_onset():
    val = falling() + np.random.default_rng(0).normal(0, 0.01, 60)
    val[-2:] += 5.0
    assert find_onset(val) is None


def test_the_onset_comes_after_the_lowest_value():
    val = falling() + 0.01 * np.arange(60)
    val[45] = 0.1
    assert find_onset(val) == 46


def test_a_constant_and_a_short_curve_have_no_onset():
    assert find_onset(np.full(100, 0.3)) is None
    assert find_onset(np.zeros(100)) is None
    assert find_onset(np.array([1.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])) is None
    assert find_onset(np.array([1.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1])) is not None


def share_of_alarms(curve, noise, epochs, runs=1000, seed=0):
    generator = np.random.default_rng(seed)
    return np.mean([find_onset(curve + noise(generator, epochs)) is not None for _ in range(runs)])


def independent(generator, epochs):
    return generator.normal(0, 0.05, epochs)


def jumping(generator, epochs):
    return 0.05 * generator.standard_t(3, epochs)


def staying(generator, epochs):
    noise = generator.normal(0, 0.05, epochs + 30)
    for t in range(1, len(noise)):
        noise[t] += 0.5 * noise[t - 1]
    return noise[30:]


@pytest.mark.parametrize("epochs", [8, 20, 50, 150])
@pytest.mark.parametrize(("noise", "most"), [(independent, 0.02), (jumping, 0.04), (staying, 0.07)])
def test_the_onset_is_silent_on_flat_noise(epochs, noise, most):
    # `most` is what the room's docstring states; 2.4 standard errors of 1000 runs are the Monte Carlo error.
    assert share_of_alarms(1.0, noise, epochs) <= most + 2.4 * math.sqrt(most * (1 - most) / 1000)


@pytest.mark.parametrize("epochs", [20, 150])
@pytest.mark.parametrize("shape", ["line", "exponential"])
def test_the_onset_is_silent_on_noisy_curves_that_only_improve(epochs, shape):
    t = np.arange(epochs) / epochs
    curve = 2 - t if shape == "line" else 0.3 + 2 * np.exp(-5 * t)
    assert share_of_alarms(curve, independent, epochs) <= 0.01


@pytest.mark.parametrize(
    ("epochs", "turn", "rise", "noise"),
    [(150, 40, 0.005, 0.02), (150, 40, 0.002, 0.01), (60, 15, 0.02, 0.03), (20, 6, 0.05, 0.02), (150, 40, 0.005, 0.0)],
)
def test_planted_onsets_are_found_within_the_stated_error(epochs, turn, rise, noise):
    t = np.arange(epochs)
    curve = np.where(t < turn, 0.5 + ((turn - t) / turn) ** 2, 0.5 + rise * (t - turn))
    generator = np.random.default_rng(0)
    found = [find_onset(curve + generator.normal(0, noise, epochs)) for _ in range(500)]
    assert None not in found
    delay = np.array(found) - turn
    assert np.mean((delay >= 0) & (delay <= 6 + 5 * noise / rise)) >= 0.97


def turning(epochs, turn, steep, shape):
    """A curve that falls to 1 at `turn` and then rises by 0.02 per epoch; a line falls `steep` times as fast."""
    t = np.arange(epochs)
    fall = {
        "line": (turn - t) / turn,
        "parabola": ((turn - t) / turn) ** 2,
        "exponential": np.exp(-3 * t / turn) - np.exp(-3),
    }[shape]
    return 1 + np.where(t < turn, steep * 0.02 * turn * fall, 0.02 * (t - turn))


def late(curve, turn, ratio, runs):
    """The share of noisy runs whose onset comes after the documented bound or not at all; none may come early."""
    generator = np.random.default_rng(0)
    found = [find_onset(curve + generator.normal(0, 0.02 * ratio, len(curve))) for _ in range(runs)]
    delay = np.array([np.inf if onset is None else onset - turn for onset in found])
    assert delay.min() >= 0
    return (delay > 6 + 5 * ratio).mean()


@pytest.mark.parametrize(("epochs", "turn", "ratio", "most"), [(30, 3, 1, 0.03), (30, 6, 1, 0.07), (60, 12, 4, 0.07)])
def test_an_early_turn_is_found_within_the_documented_bound(epochs, turn, ratio, most):
    share = late(turning(epochs, turn, 20, "line"), turn, ratio, runs=500)
    assert share <= most + 2.4 * math.sqrt(most * (1 - most) / 500)


def test_a_turn_after_a_long_fall_is_found_late_as_documented():
    assert late(turning(30, 10, 20, "line"), 10, 1, runs=200) >= 0.95
    assert late(turning(60, 30, 20, "parabola"), 30, 1, runs=50) == 1.0


def slow(generator, epochs):
    noise = generator.normal(0, 0.05, epochs + 100)
    for t in range(1, len(noise)):
        noise[t] += 0.8 * noise[t - 1]
    return noise[100:]


def growing(generator, epochs):
    return generator.normal(0, 0.05, epochs) * np.linspace(0.2, 1, epochs)


@pytest.mark.parametrize(
    ("noise", "epochs", "share"),
    [
        (slow, 8, 0.13),
        (slow, 100, 0.12),
        (slow, 500, 0.23),
        (growing, 50, 0.04),
        (growing, 100, 0.09),
        (growing, 500, 0.27),
    ],
)
def test_slow_and_growing_noise_raise_false_alarms_as_often_as_documented(noise, epochs, share):
    alarms = share_of_alarms(1.0, noise, epochs, runs=600)
    assert abs(alarms - share) <= 0.01 + 3 * math.sqrt(share * (1 - share) / 600)
