"""Decisions while seeds are added: the looks, sequential p values, equivalence, and their errors in simulation."""

import functools
import types

import numpy as np
import pandas as pd
import pytest
import scipy

from lab import statistics
from lab.checks import UsageError
from lab.statistics.sequential import _null, at_looks, looks, needed_p, sequential_p

PLAN = looks(48)


def test_the_looks_grow_by_a_third_to_a_half_and_end_with_the_most_seeds():
    assert PLAN == (5, 8, 12, 16, 24, 32, 48)
    assert looks(5) == (5,)
    assert looks(20) == (5, 8, 12, 16, 20)
    assert looks(100) == (5, 8, 12, 16, 24, 32, 48, 64, 96, 100)
    with pytest.raises(UsageError, match="most must be a whole number of at least 5"):
        looks(4)


def test_with_one_look_a_sequential_p_value_is_the_p_value():
    p = np.array([[0.003], [0.05], [0.4], [np.nan]])
    found = sequential_p(p, (12,))
    # 200 000 simulated experiments tell .4 to .003.
    np.testing.assert_allclose(found, p[:, 0], rtol=0.03)


def test_a_sequential_p_value_never_rises_with_another_look_and_pays_for_the_looks():
    p = np.array([[0.01, 0.2, 0.001], [0.5, 0.5, 0.5]])
    one, two, three = (sequential_p(p[:, :k], PLAN) for k in (1, 2, 3))
    assert one[0] == two[0] > three[0] > p[0, 2]
    assert (two[1], three[1]) == (one[1], one[1]) == (1.0, 1.0) or one[1] >= two[1] >= three[1]


def test_where_no_simulated_experiment_is_so_extreme_the_sum_over_the_looks_bounds_it():
    found = sequential_p(np.array([[1e-12]]), PLAN)
    assert found[0] == pytest.approx(1e-12 * sum(PLAN) / 5)


def test_a_p_value_at_the_level_of_its_look_is_decided_and_one_above_is_not():
    for look in range(len(PLAN)):
        at = needed_p(0.05, PLAN, look)
        p = np.ones((2, look + 1))
        p[:, look] = at * 0.999, at * 1.001
        below, above = sequential_p(p, PLAN)
        assert below <= 0.05 + 1e-5
        assert above > 0.05 - 1e-5
    assert needed_p(0.05, (5,), 0) == pytest.approx(0.05, rel=0.02)


def test_the_simulated_null_is_that_of_raw_normal_numbers():
    """The batches are drawn by their sums and squares; here from single numbers."""
    random = np.random.default_rng(3)
    smallest = _smallest(random.standard_normal((20_000, 48)))
    for level in (0.01, 0.05, 0.2, 0.5):
        share = (smallest <= np.quantile(_null(PLAN, False), level)).mean()
        assert abs(share - level) < 4 * np.sqrt(level * (1 - level) / 20_000)


def _p_at_looks(differences: np.ndarray) -> np.ndarray:
    return at_looks(differences, PLAN, lambda some: scipy.stats.ttest_1samp(some, 0, axis=1).pvalue)


def _smallest(differences: np.ndarray) -> np.ndarray:
    return (_p_at_looks(differences) / np.array(PLAN) * PLAN[-1]).min(axis=1)


def summary(differences: dict[str, np.ndarray], baseline: np.ndarray) -> pd.DataFrame:
    rows = [("none", seed, value) for seed, value in enumerate(baseline)]
    for name, some in differences.items():
        rows += [(name, seed, baseline[seed] + value) for seed, value in enumerate(some)]
    return pd.DataFrame(rows, columns=["variant", "seed", "test_data_loss"])


def test_a_margin_decides_that_two_variants_are_equivalent():
    random = np.random.default_rng(0)
    base = random.normal(0.5, 0.1, 12)
    same, better = random.normal(0, 0.01, 12), random.normal(-0.2, 0.01, 12)
    table = statistics.compare(summary({"same": same, "better": better}, base), "none", margin=0.05)
    assert table["decision"].tolist() == ["baseline", "equivalent", "better"]
    assert table["margin"].tolist() == [0.05] * 3
    # The worse of both one-sided tests, times two for Holm.
    sides = [
        scipy.stats.ttest_1samp(same, -0.05, alternative="greater").pvalue,
        scipy.stats.ttest_1samp(same, 0.05, alternative="less").pvalue,
    ]
    assert table["p_equivalent"][1] == pytest.approx(2 * max(sides), rel=1e-9)
    assert table["p_equivalent"][2] == pytest.approx(1.0)
    assert np.isnan(table["p_equivalent"][0])
    without = statistics.compare(summary({"same": same, "better": better}, base), "none")
    assert "p_equivalent" not in without
    assert without["decision"].tolist() == ["baseline", "not shown", "better"]


def test_a_variant_that_diverged_on_a_seed_is_never_equivalent():
    random = np.random.default_rng(0)
    table = summary({"same": random.normal(0, 0.01, 12)}, random.normal(0.5, 0.1, 12))
    table["status"] = "finished"
    assert statistics.compare(table, "none", margin=0.05)["decision"][1] == "equivalent"
    table.loc[table.index[-1], "status"] = "diverged"
    assert statistics.compare(table, "none", margin=0.05)["decision"][1] == "not shown"


def test_seeds_after_the_last_look_count_for_nothing_and_none_is_decided_before_the_first():
    random = np.random.default_rng(1)
    base, gain = random.normal(0.5, 0.1, 10), random.normal(-0.1, 0.02, 10)
    at_8 = statistics.compare(summary({"a": gain[:8]}, base[:8]), "none", most_seeds=48)
    at_10 = statistics.compare(summary({"a": gain}, base), "none", most_seeds=48)
    paired = ["n", "difference", "difference_low", "difference_high", "p_value", "decision"]
    pd.testing.assert_frame_equal(at_8.iloc[1:][paired], at_10.iloc[1:][paired])
    assert at_8["decision"][1] == "better"
    wide = needed_p(0.05, PLAN, 1)
    half = scipy.stats.t.ppf(1 - wide / 2, 7) * gain[:8].std(ddof=1) / np.sqrt(8)
    assert at_8["difference_high"][1] == pytest.approx(gain[:8].mean() + half)
    at_4 = statistics.compare(summary({"a": gain[:4]}, base[:4]), "none", most_seeds=48)
    assert at_4["decision"][1] == "not shown"
    assert np.isnan(at_4["p_value"][1])


@pytest.mark.parametrize("p", [np.zeros(3), np.zeros((2, 0)), np.zeros((2, 4)), np.zeros((2, 1, 1))])
def test_p_values_of_other_looks_than_those_of_the_plan_are_refused(p):
    with pytest.raises(UsageError, match=r"^p must be of shape \(variants, looks\), at most 3 looks, got \("):
        sequential_p(p, (5, 6, 12))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"margin": 0.0}, "margin must be above 0"),
        ({"margin": float("nan")}, "margin must be above 0"),
        ({"most_seeds": 4}, "most must be a whole number of at least 5"),
        ({"most_seeds": 48, "method": "bootstrap"}, "method must be 't' while seeds are being added, got 'bootstrap'"),
    ],
)
def test_what_cannot_be_decided_is_refused(wrong, sentence):
    table = summary({"a": np.zeros(6)}, np.arange(6.0))
    with pytest.raises(UsageError, match=sentence):
        statistics.compare(table, "none", **wrong)


# The figures of the docstring of `sequential_p`; a wrong .01 of 20 000 is 7 standard errors at .05.
FIGURES = {"normal": (0.048, 0.189), "t3": (0.039, 0.165), "exponential": (0.131, 0.288)}


@pytest.mark.slow
@pytest.mark.parametrize("shape", FIGURES)
def test_wrong_decisions_are_as_rare_as_is_said(shape):
    random = np.random.default_rng(1)
    size = (20_000, 48)
    drawn = {
        "normal": lambda: random.standard_normal(size),
        "t3": lambda: random.standard_t(3, size),
        "exponential": lambda: random.exponential(size=size) - 1,
    }[shape]()
    p = _p_at_looks(drawn)
    found = (sequential_p(p, PLAN) <= 0.05).mean(), (p <= 0.05).any(axis=1).mean()
    np.testing.assert_allclose(found, FIGURES[shape], atol=0.008)


@pytest.mark.slow
@pytest.mark.parametrize(("effect", "share", "seeds"), [(0.5, 0.88, 32), (0.8, 1.0, 19), (1.5, 1.0, 10), (3, 1.0, 6)])
def test_a_true_difference_is_shown_with_as_many_seeds_as_is_said(effect, share, seeds):
    p = _p_at_looks(np.random.default_rng(1).standard_normal((20_000, 48)) + effect)
    decided = np.stack([sequential_p(p[:, : k + 1], PLAN) <= 0.05 for k in range(len(PLAN))])
    used = np.where(decided.any(axis=0), np.array(PLAN)[decided.argmax(axis=0)], 48)
    assert abs(decided.any(axis=0).mean() - share) < 0.01
    assert abs(used.mean() - seeds) < 0.7


SWEEPS = 10_000

# Wrong decisions in 10 000 sweeps of variants that share the baseline's noise: how many have no true difference, how
# many have one of a standard deviation, the shape of their own noise, and what was found. .0065 is 3 standard errors.
OVER_VARIANTS = {
    "1": (1, 0, "normal", 0.0495),
    "3, as advice confirms": (3, 0, "normal", 0.047),
    "6": (6, 0, "normal", 0.0432),
    "24": (24, 0, "normal", 0.0409),
    "3 beside 3 that differ": (3, 3, "normal", 0.0438),
    "3, t with 3 degrees of freedom": (3, 0, "t3", 0.0404),
    "3, skewed": (3, 0, "exponential", 0.0552),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", OVER_VARIANTS)
def test_over_variants_that_share_the_noise_of_the_baseline_one_wrong_decision_is_made_in_5_of_100(case):
    same, differ, shape, expected = OVER_VARIANTS[case]
    random = np.random.default_rng(2)
    drawn = {
        "normal": random.standard_normal,
        "t3": lambda size: random.standard_t(3, size),
        "exponential": lambda size: random.exponential(size=size) - 1,
    }[shape]
    wrong = 0
    for _ in range(10):
        some = drawn((SWEEPS // 10, same + differ, 48)) - random.standard_normal((SWEEPS // 10, 1, 48))
        some[:, same:] += np.sqrt(2)
        p = sequential_p(_p_at_looks(some.reshape(-1, 48)), PLAN).reshape(-1, same + differ)
        wrong += sum((statistics.estimates.adjust(own)[:same] <= 0.05).any() for own in p)
    assert wrong / SWEEPS <= 0.0565
    assert wrong / SWEEPS == pytest.approx(expected, abs=0.008)


# In 10 000 sweeps of 3 variants and at most 24 seeds, as advice confirms: how many say wrongly that a variant helps.
# Noise is skewed to the right where a variant loses much at a few seeds, which may not be among those seen.
FALSE_HELP = {"normal": 0.0255, "exponential": 0.2215, "lognormal": 0.4062}


@pytest.mark.slow
@pytest.mark.parametrize("shape", FALSE_HELP)
def test_that_a_variant_helps_is_said_wrongly_where_a_few_seeds_lose_much(shape):
    plan, random, wrong = looks(24), np.random.default_rng(3), 0
    drawn = {
        "normal": random.standard_normal,
        "exponential": lambda size: random.exponential(size=size) - 1,
        "lognormal": lambda size: np.exp(random.standard_normal(size)) - np.exp(0.5),
    }[shape]
    for _ in range(10):
        some = drawn((SWEEPS // 10, 3, 24)).reshape(-1, 24)
        p = at_looks(some, plan, lambda each: scipy.stats.ttest_1samp(each, 0, axis=1).pvalue)
        decided = np.stack([statistics.estimates.adjust(own) for own in sequential_p(p, plan).reshape(-1, 3)]) <= 0.05
        look = np.argmin(p / np.array(plan), axis=1)
        helps = [one[: plan[at]].mean() < 0 for one, at in zip(some, look, strict=True)]
        wrong += (decided & np.reshape(helps, (-1, 3))).any(axis=1).sum()
    assert wrong / SWEEPS == pytest.approx(FALSE_HELP[shape], abs=0.002)


@pytest.mark.slow
@pytest.mark.parametrize("true", [1.0, 0.5, 0.0])
def test_equivalence_is_claimed_wrongly_in_5_of_100_at_the_margin(true):
    random = np.random.default_rng(4)
    claimed = 0
    for _ in range(1_000):
        base = random.standard_normal(48)
        table = summary({"a": true + random.standard_normal(48)}, base)
        made = statistics.compare(table, "none", margin=1.0, most_seeds=48)
        claimed += made["decision"][1] == "equivalent"
    assert claimed <= 70 if true == 1.0 else claimed > 500


def test_seeds_are_added_until_all_is_decided_and_what_is_published_says_so(tmp_path, monkeypatch):
    """Neighbours of one seed differ by little, so a tiny penalty is equivalent and a huge one worse with 5 seeds."""
    from lab.data import digits
    from lab.experiment import Experiment, Variant
    from lab.models import dense
    from lab.pages.answer import answer
    from lab.regularization import Regularization
    from lab.results.experiments import read_experiment
    from lab.results.tables import read_tables
    from lab.sweep.deciding import run_until_decided
    from lab.sweep.progress import Progress
    from lab.training import Training

    strengths = {"none": 0.0, "tiny": 1e-7, "huge": 3.0}
    variants = {
        name: Variant(
            data=functools.partial(digits, train_size=100, validation_size=50),
            model=functools.partial(dense, widths=(8,), regularization=Regularization(l2=strength)),
            training=Training(epochs=5, learning_rate=0.01),
        )
        for name, strength in strengths.items()
    }
    experiment = Experiment(name="few", variants=variants, baseline="none", seeds=(0,), question="?")
    notes = []
    folder = run_until_decided(
        experiment, most_seeds=12, margin=0.01, results_folder=tmp_path, progress=Progress(on_note=notes.append)
    )
    assert notes[-1] in ("after 5 seeds: 1 equivalent, 1 worse", "after 5 seeds: 1 worse, 1 equivalent")
    kept = read_experiment(folder)
    assert (kept["margin"], kept["most_seeds"], kept["seeds"]) == (0.01, 12, [0, 1, 2, 3, 4])
    tables = read_tables(folder)
    assert tables.comparison["decision"].tolist() == ["baseline", "equivalent", "worse"]
    said = answer(tables.comparison, tables.summary)
    assert "tiny is equivalent within 0.01" in said
    assert "at most 12; tests and intervals allow for every look." in said
    with pytest.raises(UsageError, match="folds must be left out where seeds are added until all is decided"):
        run_until_decided(experiment.resized(folds=3), results_folder=tmp_path)


def test_a_look_of_one_more_seed_adds_one_normal_number():
    random = np.random.default_rng(5)
    raw = random.standard_normal((100_000, 6))
    p = np.stack([scipy.stats.ttest_1samp(raw[:, :look], 0, axis=1).pvalue for look in (5, 6)], axis=1)
    smallest = (p / np.array([5, 6]) * 6).min(axis=1)
    for level in (0.05, 0.5):
        assert abs((smallest <= np.quantile(_null((5, 6), False), level)).mean() - level) < 0.008


def test_the_tests_of_a_comparison_at_its_looks_are_these():
    random = np.random.default_rng(6)
    base, gain = random.normal(0.5, 0.1, 12), random.normal(0.02, 0.02, 12)
    for seeds in (5, 8, 12):
        table = summary({"a": gain[:seeds]}, base[:seeds])
        made = statistics.compare(table, "none", most_seeds=48, margin=0.03).iloc[1]
        so_far = [look for look in PLAN if look <= seeds]
        differences = (base + gain)[:seeds] - base[:seeds]
        two, above, below = (
            np.array([[scipy.stats.ttest_1samp(differences[:n], at, alternative=side).pvalue for n in so_far]])
            for at, side in ((0, "two-sided"), (-0.03, "greater"), (0.03, "less"))
        )
        assert made["p_value"] == pytest.approx(sequential_p(two, PLAN)[0], rel=1e-6)
        sides = [sequential_p(p, PLAN, one_sided=True)[0] for p in (above, below)]
        assert made["p_equivalent"] == pytest.approx(max(sides), rel=1e-6)
        level = needed_p(0.05, PLAN, len(so_far) - 1)
        half = scipy.stats.t.ppf(1 - level / 2, seeds - 1) * differences.std(ddof=1) / np.sqrt(seeds)
        assert made["difference_low"] == pytest.approx(differences.mean() - half, rel=1e-6)


@pytest.mark.parametrize("one_sided", [False, True])
@pytest.mark.parametrize("p", [0.05, 0.3, 0.7])
def test_a_sequential_p_is_the_share_of_experiments_without_a_difference_that_look_so_extreme(one_sided, p):
    """The experiments are simulated here number by number, not by their sums."""
    plan = (4, 6, 12)
    drawn = np.random.default_rng(5).standard_normal((20_000, plan[-1]))
    alternative = "greater" if one_sided else "two-sided"
    made = [scipy.stats.ttest_1samp(drawn[:, :n], 0, axis=1, alternative=alternative).pvalue for n in plan]
    smallest = np.min(np.stack(made, axis=1) / (np.array(plan) / plan[-1]), axis=1)
    found = sequential_p(np.full((1, 3), p), plan, one_sided=one_sided)[0]
    assert found == pytest.approx(np.mean(smallest <= p), abs=0.015)


def test_equivalence_is_that_of_two_one_sided_tests_in_statsmodels():
    weightstats = pytest.importorskip("statsmodels.stats.weightstats")
    random = np.random.default_rng(7)
    for seeds, shift in ((5, 0.0), (12, 0.02), (30, -0.04), (30, 0.2)):
        base, gain = random.normal(0.5, 0.1, seeds), random.normal(shift, 0.05, seeds)
        made = statistics.compare(summary({"a": gain}, base), "none", margin=0.05).iloc[1]
        expected = weightstats.ttost_paired(base + gain, base, -0.05, 0.05)[0]
        assert made["p_equivalent"] == pytest.approx(expected, rel=1e-6)
        if made["p_adjusted"] > 0.05:
            assert (made["decision"] == "equivalent") == (expected <= 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("true", [0.0, 0.8])
def test_the_interval_at_which_one_stops_covers_the_truth_in_95_of_100(true):
    drawn = np.random.default_rng(8).standard_normal((10_000, 48)) + true
    p = _p_at_looks(drawn)
    decided = np.stack([sequential_p(p[:, : k + 1], PLAN) <= 0.05 for k in range(len(PLAN))])
    stops = np.where(decided.any(axis=0), decided.argmax(axis=0), len(PLAN) - 1)
    covered = np.zeros(len(drawn), bool)
    for k, look in enumerate(PLAN):
        own = drawn[stops == k, :look]
        half = scipy.stats.t.ppf(1 - needed_p(0.05, PLAN, k) / 2, look - 1) * own.std(axis=1, ddof=1) / np.sqrt(look)
        covered[stops == k] = abs(own.mean(axis=1) - true) <= half
    assert covered.mean() >= 0.95 - 4 * np.sqrt(0.05 * 0.95 / len(drawn))


def test_what_looks_into_the_nets_runs_once_after_the_last_batch_with_the_same_options(monkeypatch, tmp_path):
    from lab.data import digits
    from lab.experiment import Experiment, Variant
    from lab.models import dense
    from lab.study import Study
    from lab.sweep.deciding import run_until_decided
    from lab.training import Training

    calls = []

    def run(experiment, **options):
        options.pop("progress", None)
        calls.append((len(experiment.seeds), len(experiment.studies), options))
        return tmp_path

    decided = iter([["baseline", "not shown"], ["baseline", "better"]])
    monkeypatch.setattr("lab.sweep.deciding.run", run)
    monkeypatch.setattr(
        "lab.results.tables.read_tables",
        lambda folder: types.SimpleNamespace(comparison=pd.DataFrame({"decision": next(decided)})),
    )
    variants = {name: Variant(data=digits, model=dense, training=Training()) for name in ("a", "b")}
    study = Study(name="s", compute=dict, draw=dict)
    asked = Experiment(name="x", question="?", variants=variants, baseline="a", studies=[study])
    run_until_decided(asked, most_seeds=24, margin=0.5, results_folder=tmp_path, keep_models=True)
    options = {"margin": 0.5, "most_seeds": 24, "results_folder": tmp_path, "keep_models": True}
    assert calls == [(5, 0, options), (8, 0, options), (8, 1, options)]
