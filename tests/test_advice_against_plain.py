"""A candidate helps if it is better than the plain model at each rate that is confirmed."""

import types

import numpy as np
import pandas as pd
import pytest
import scipy

from lab.advice.against_plain import against_plain, best_plain, chances
from lab.statistics import compare

RATES = ["none", "none-rate-0.003"]


def tables(seeds, **gains):
    """Return tables of an experiment whose variants have the losses of the baseline, less a gain and some noise."""
    random = np.random.default_rng(3)
    base = random.normal(1.0, 0.1, seeds)
    rows = [
        (name, seed, base[seed] - gain + 0.01 * random.standard_normal())
        for name, gain in {"none": 0.0, **gains}.items()
        for seed in range(seeds)
    ]
    summary = pd.DataFrame(rows, columns=["variant", "seed", "test_data_loss"])
    comparison = compare(summary, "none")
    return types.SimpleNamespace(summary=summary, comparison=comparison, test_parts=None)


def test_what_is_better_than_the_plain_model_at_one_rate_only_is_undecided():
    found = tables(12, **{RATES[1]: 0.1}, a=0.1, b=0.2, c=-0.1, d=0.03)
    assert dict(zip(found.comparison["variant"], found.comparison["decision"], strict=True)) == {
        "none": "baseline", RATES[1]: "better", "a": "better", "b": "better", "c": "worse", "d": "better",
    }  # fmt: skip
    rows = against_plain(found, RATES, margin=None, most_seeds=None)
    assert rows[["variant", "decision", "against"]].to_numpy().tolist() == [
        ["a", "not shown", RATES[1]],
        ["b", "better", RATES[1]],
        ["c", "worse", RATES[1]],
        ["d", "worse", RATES[1]],
    ]
    assert rows["difference"].tolist() == pytest.approx([0.0, -0.1, 0.2, 0.07], abs=0.01)
    # Nothing but the baseline is in the way of those that are compared with it.
    alone = against_plain(found, RATES[:1], margin=None, most_seeds=None)
    assert alone["decision"].tolist() == ["better", "better", "better", "worse", "better"]
    assert set(alone["against"]) == {"none"}


def test_the_better_rate_may_be_that_of_the_baseline():
    rows = against_plain(tables(12, **{RATES[1]: -0.1}, a=0.0, b=0.1), RATES, margin=None, most_seeds=None)
    assert rows[["decision", "against"]].to_numpy().tolist() == [["not shown", "none"], ["better", "none"]]


def test_a_rate_at_which_too_little_is_known_decides_though_it_looks_worse():
    found = tables(12, **{RATES[1]: -0.05}, a=0.05)
    at_rate = found.summary["variant"] == RATES[1]
    found.summary.loc[at_rate, "test_data_loss"] += 4.0 * (found.summary.loc[at_rate, "seed"] % 2) - 2.0
    rows = against_plain(found, RATES, margin=None, most_seeds=None)
    assert rows[["decision", "against"]].to_numpy().tolist() == [["not shown", RATES[1]]]


def test_a_rate_at_which_a_run_diverged_does_not_count():
    found = tables(12, **{RATES[1]: 0.1}, a=0.1)
    found.summary["status"] = np.where(
        (found.summary["variant"] == RATES[1]) & (found.summary["seed"] == 3), "diverged", "completed"
    )
    found.comparison = compare(found.summary, "none")
    rows = against_plain(found, RATES, margin=None, most_seeds=None)
    assert rows[["variant", "decision", "against"]].to_numpy().tolist() == [["a", "better", "none"]]


def test_the_rules_are_those_of_the_comparison_with_the_baseline():
    found = tables(8, **{RATES[1]: 0.1}, a=0.1, b=0.2)
    random = np.random.default_rng(4)
    parts = pd.concat([found.summary.assign(part=part) for part in range(6)])
    parts["test_data_loss"] += 0.1 * random.standard_normal(len(parts))
    rules = {"margin": 0.5, "most_seeds": 48}
    found.test_parts = parts
    found.comparison = compare(found.summary, "none", parts=parts, generalizes_over="seeds", **rules)
    own = compare(found.summary, RATES[1], parts=parts, generalizes_over="seeds", **rules)
    rows = against_plain(found, RATES, **rules)
    assert set(rows["against"]) == {RATES[1]}
    pd.testing.assert_frame_equal(rows.drop(columns="against"), own[~own["variant"].isin(RATES)].reset_index(drop=True))


def test_the_chance_of_a_decision_is_that_of_a_t_test_whose_error_has_a_part_that_seeds_do_not_make_smaller():
    random = np.random.default_rng(5)
    seeds, count = 200, 24
    luck = {"none": np.zeros(count), "a": 0.2 * random.standard_normal(count), "b": np.zeros(count)}
    rows = [
        (name, seed, part, 1.0 - 0.1 * (name == "a") + luck[name][part] + 0.01 * random.standard_normal())
        for name in luck
        for seed in range(seeds)
        for part in range(count)
    ]
    parts = pd.DataFrame(rows, columns=["variant", "seed", "part", "test_data_loss"])
    summary = parts.groupby(["variant", "seed"], as_index=False)["test_data_loss"].mean()
    found = types.SimpleNamespace(summary=summary, comparison=compare(summary, "none", parts=parts), test_parts=parts)
    compared = against_plain(found, ["none"], margin=None, most_seeds=None)
    first, _ = chances(found, compared, 10_000)
    # Two candidates: a level of .025.
    threshold = scipy.stats.t.ppf(1 - 0.05 / 4, count - 1)
    shift = (0.1 - luck["a"].mean()) / (luck["a"].std(ddof=1) / np.sqrt(count))
    assert first == pytest.approx(scipy.stats.nct.sf(threshold, count - 1, abs(shift)), abs=0.01)
    assert 0.1 < first < 0.95 < chances(found, compared, 10_000, confidence=0.5)[0]


@pytest.mark.parametrize(("gain", "advised"), [(0.1, RATES[1]), (0.0, "none"), (-0.1, "none")])
def test_another_rate_is_advised_only_where_it_is_shown_to_be_better(gain, advised):
    assert best_plain(tables(12, **{RATES[1]: gain}, a=0.2), RATES) == advised
