"""The statistics room: facts of a run, the onset, the comparison, curves; and that its probabilities hold."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from lab import statistics
from lab.checks import DataError, UsageError
from lab.statistics import adjust, compare, curves, facts, find_onset, run_facts, seeds_for


def history(val, train=None, **columns):
    val = np.asarray(val, float)
    train = val / 2 if train is None else train
    epochs = np.arange(1, len(val) + 1)
    return pd.DataFrame({"epoch": epochs, "train_data_loss": train, "val_data_loss": val} | columns)


def falling(epochs=60, start=2.0, end=0.5, scale=6.0):
    return end + (start - end) * np.exp(-np.arange(epochs) / scale)


def summary(values, metric="test_data_loss", **columns):
    """A table of runs from {variant: [value of seed 0, of seed 1, ...]}; None is a run that is not there."""
    rows = [
        {"variant": variant, "seed": seed, metric: value}
        for variant, runs in values.items()
        for seed, value in enumerate(runs)
        if value is not None
    ]
    return pd.DataFrame(rows).assign(**columns)


def many(differences, seed=0):
    """A summary in which variant i minus the baseline is differences[i], over a baseline that varies."""
    base = np.random.default_rng(seed).normal(1.0, 0.3, differences.shape[1])
    names = np.array(["none", *(f"v{i}" for i in range(len(differences)))])
    values = np.vstack([base, base + differences])
    variant, run = np.indices(values.shape)
    return pd.DataFrame({"variant": names[variant.ravel()], "seed": run.ravel(), "test_data_loss": values.ravel()})


def row(table, variant):
    return table.set_index("variant").loc[variant]


# --- facts of a run -----------------------------------------------------------------------------------------


def test_the_facts_of_a_run_are_those_of_a_table_worked_by_hand():
    table = history(
        [1.0, 0.5, 0.5, 0.75],
        train=[0.9, 0.4, 0.3, 0.25],
        train_accuracy=[0.5, 0.7, 0.8, 0.9],
        val_accuracy=[0.4, 0.6, 0.7, 0.65],
    )
    assert run_facts(table) == {
        "epochs": 4,
        "kept_epoch": 2,
        "train_data_loss": 0.4,
        "val_data_loss": 0.5,
        "train_accuracy": 0.7,
        "val_accuracy": 0.6,
        "gap": 0.5 - 0.4,
        "end_gap": 0.5,
        "end_train_data_loss": 0.25,
        "end_val_data_loss": 0.75,
        "end_train_accuracy": 0.9,
        "end_val_accuracy": 0.65,
        "onset": None,
        "wasted_epochs": 0,
        "verdict": "too short",
    }
    assert tuple(run_facts(table)) == statistics.FACTS


def test_the_row_that_diverged_is_neither_kept_nor_the_end():
    table = history([1.0, 0.6, 0.7, -np.inf], train=[0.9, 0.5, 0.4, np.nan])
    result = run_facts(table)
    assert (result["epochs"], result["kept_epoch"], result["verdict"]) == (4, 2, "diverged")
    assert (result["end_val_data_loss"], result["end_train_data_loss"]) == (0.7, 0.4)


def test_a_finite_validation_loss_beside_a_train_loss_of_infinity_is_not_kept():
    assert run_facts(history([1.0, 0.6, 0.1], train=[0.9, 0.5, np.inf]))["kept_epoch"] == 2


def test_a_run_that_diverged_at_once_keeps_nothing():
    result = run_facts(history([np.nan], train=[1.0]))
    assert (result["epochs"], result["kept_epoch"], result["onset"], result["verdict"]) == (1, None, None, "diverged")
    assert math.isnan(result["val_data_loss"])
    assert math.isnan(result["end_gap"])


def test_losses_that_were_never_measured_are_nan_and_no_divergence():
    result = run_facts(history(falling()).drop(columns="train_data_loss"))
    assert (result["kept_epoch"], result["verdict"]) == (60, "healthy")
    assert math.isnan(result["gap"])
    assert math.isnan(result["train_accuracy"])


def runs_of(**runs):
    """Histories of several variants at seed 0, from their validation data losses."""
    tables = [history(run).assign(variant=name, seed=0) for name, run in runs.items()]
    return pd.concat(tables, ignore_index=True)


def ended(table, summary=None):
    return {variant: bool(lost) for (variant, _), lost in statistics.diverged(table, summary).items()}


def test_a_run_diverged_if_a_loss_is_not_finite_and_the_verdict_says_the_same():
    table = runs_of(well=[1.0, 0.5], lost=[1.0, np.nan], wild=[1.0, np.inf])
    assert ended(table) == {"well": False, "lost": True, "wild": True}
    verdicts = statistics.facts(table).set_index("variant")["verdict"]
    assert {variant: verdict == "diverged" for variant, verdict in verdicts.items()} == ended(table)


def test_a_loss_of_training_that_is_not_finite_is_a_divergence_unless_the_run_never_measured_it():
    table = runs_of(well=[1.0, 0.5], lost=[1.0, 0.5], keras=[1.0, 0.5])
    table["loss"] = [1.0, 1.0, 1.0, np.inf, np.nan, np.nan]
    assert ended(table) == {"well": False, "lost": True, "keras": False}


def test_the_validation_loss_decides_where_the_data_loss_was_not_measured():
    table = runs_of(well=[1.0, 0.5], lost=[1.0, np.nan]).rename(columns={"val_data_loss": "val_loss"})
    table["train_data_loss"] = 0.5
    assert ended(table) == {"well": False, "lost": True}
    assert ended(table.assign(val_data_loss=np.nan)) == {"well": False, "lost": True}
    # A penalty of infinity is no divergence: the engines stop at the data loss.
    assert ended(table.assign(val_data_loss=1.0)) == {"well": False, "lost": False}


def test_the_status_decides_for_the_runs_that_a_summary_knows():
    table = runs_of(well=[1.0, 0.5], lost=[1.0, np.nan], new=[1.0, np.nan])
    summary = pd.DataFrame({"variant": ["well", "lost"], "seed": 0, "status": ["diverged", "finished"]})
    assert ended(table, summary) == {"well": True, "lost": False, "new": True}
    assert ended(table, summary.drop(columns="status")) == ended(table)


def test_the_verdict_follows_the_status_where_it_is_known():
    assert run_facts(history(falling()), status="diverged")["verdict"] == "diverged"
    assert run_facts(history([*falling(), np.nan]), status="finished")["verdict"] == "healthy"
    assert run_facts(history([np.nan]), status="finished")["verdict"] == "diverged", "there is no curve to judge"


def test_an_epoch_kept_by_another_rule_decides_what_is_reported():
    result = run_facts(history([1.0, 0.5, 0.4]), kept_epoch=2)
    assert (result["kept_epoch"], result["val_data_loss"], result["end_val_data_loss"]) == (2, 0.5, 0.4)


def test_facts_of_many_runs_are_the_facts_of_each():
    noise = np.random.default_rng(0)
    runs = {
        ("b", 1): history(falling(40) + 0.01 * np.arange(40)),
        ("a", 0): history(falling(50) + noise.normal(0, 0.01, 50)),
        ("b", 0): history([1.0, np.nan]),
    }
    tables = [run.assign(variant=variant, seed=seed) for (variant, seed), run in runs.items()]
    # Rows of different runs may alternate; only the rows of one run have an order.
    long = pd.concat(tables).sort_values("epoch", kind="stable")
    result = facts(long)
    assert list(zip(result["variant"], result["seed"], strict=True)) == list(runs)
    for (_, got), run in zip(result.iterrows(), runs.values(), strict=True):
        for name, value in run_facts(run).items():
            want = math.nan if value is None else value
            assert got[name] == want or (math.isnan(want) and math.isnan(got[name])), name


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (history([1.0]).drop(columns="val_data_loss"), "a history must have the column 'val_data_loss', got epoch, "),
        (history([]), "the history must have at least one row, got none"),
        (history([2.0, 1.0])[::-1], "the epochs of the history must rise from row to row, got another order"),
        (
            history([1.0, 2.0]).assign(val_data_loss=["1.0", "high"]),
            "the column 'val_data_loss' of a history must hold numbers, but could not convert string to float: 'high'",
        ),
    ],
)
def test_a_history_that_cannot_be_used_is_refused_with_a_sentence(table, sentence):
    with pytest.raises(DataError) as caught:
        run_facts(table)
    assert str(caught.value) == sentence + ("train_data_loss" if sentence.endswith(", ") else "")


def test_facts_refuse_histories_without_variant_without_rows_and_with_runs_mixed_into_one():
    with pytest.raises(DataError) as caught:
        facts(history([1.0]))
    got = "epoch, train_data_loss, val_data_loss"
    assert str(caught.value) == f"a table of histories must have the column 'variant', got {got}"
    with pytest.raises(DataError) as caught:
        facts(history([]).assign(variant="l2", seed=3))
    assert str(caught.value) == "a table of histories must have at least one row, got none"
    twice = pd.concat([history([1.0, 2.0])] * 2).assign(variant="l2", seed=3)
    with pytest.raises(DataError) as caught:
        facts(twice)
    assert str(caught.value) == (
        "the epochs of the history of variant 'l2', seed 3 must rise from row to row, got another order"
    )


def test_a_kept_epoch_that_is_not_there_and_a_chance_level_of_zero_are_refused():
    with pytest.raises(DataError) as data:
        run_facts(history([1.0, np.nan]), kept_epoch=2)
    assert str(data.value) == "the kept epoch must be a finite row of the history, got epoch 2"
    with pytest.raises(UsageError) as usage:
        run_facts(history([1.0]), chance=0.0)
    assert str(usage.value) == (
        "chance is the validation data loss of a model that has learned nothing and must be above 0, got 0.0"
    )


# --- verdict ------------------------------------------------------------------------------------------------


def test_validation_that_turns_while_train_falls_overfits():
    val = falling() + 0.01 * np.arange(60)
    result = run_facts(history(val, train=falling(end=0.01)))
    assert result["verdict"] == "overfits"
    assert result["wasted_epochs"] == 60 - result["onset"] + 1


def test_validation_that_turns_overfits_also_where_train_was_not_measured():
    assert run_facts(history(falling() + 0.01 * np.arange(60), train=np.nan))["verdict"] == "overfits"


def test_validation_and_train_that_rise_together_underfit():
    val = falling() + 0.01 * np.arange(60)
    result = run_facts(history(val, train=val - 0.1))
    assert result["onset"] is not None
    assert result["verdict"] == "underfits"


def test_a_run_that_ends_while_it_still_improves_underfits():
    assert run_facts(history(np.linspace(2, 1, 60)))["verdict"] == "underfits"
    assert run_facts(history(falling(scale=40.0)))["verdict"] == "underfits"


def test_a_run_that_settles_is_healthy_with_and_without_noise():
    assert run_facts(history(falling()))["verdict"] == "healthy"
    assert run_facts(history(falling() + np.random.default_rng(3).normal(0, 0.02, 60)))["verdict"] == "healthy"


def test_the_last_fifth_must_bring_more_than_5_percent_of_the_whole_improvement():
    # The medians over 5 stand 2 epochs from the end: of exp(-t / 50) the fall from t = 117 to t = 147 is 4.6 % of
    # the fall from t = 0, of exp(-t / 56) it is 5.5 %.
    assert run_facts(history(falling(150, scale=50.0)))["verdict"] == "healthy"
    assert run_facts(history(falling(150, scale=56.0)))["verdict"] == "underfits"


def test_a_flat_noisy_run_does_not_still_improve():
    noise = np.random.default_rng(0).normal(0, 0.05, (300, 60))
    verdicts = [run_facts(history(1 + run))["verdict"] for run in noise]
    assert verdicts.count("healthy") >= 0.98 * 300


def test_a_plateau_close_to_the_chance_level_underfits_once_the_level_is_known():
    poor = history(falling(start=2.3, end=1.9), train=falling(start=2.3, end=1.8))
    assert run_facts(poor)["verdict"] == "healthy"
    assert run_facts(poor, chance=math.log(10))["verdict"] == "underfits"
    learned = history(falling(start=2.3, end=1.9), train=falling(start=2.3, end=0.1))
    assert run_facts(learned, chance=math.log(10))["verdict"] == "healthy"


@given(scale=st.floats(1e-3, 1e3), seed=st.integers(0, 20), slope=st.sampled_from([0.0, 0.003, 0.02]))
@settings(max_examples=40, deadline=None)
def test_the_verdict_does_not_depend_on_the_unit_of_the_loss(scale, seed, slope):
    val = falling() + slope * np.arange(60) + np.random.default_rng(seed).normal(0, 0.02, 60)
    one, other = run_facts(history(val)), run_facts(history(scale * val))
    assert (one["verdict"], one["onset"]) == (other["verdict"], other["onset"])


# --- onset --------------------------------------------------------------------------------------------------


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


# --- comparison: against hand-made tables and scipy ----------------------------------------------------------


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
        ({"baseline": "nine"}, "baseline must be one of none, l2, got 'nine'; did you mean 'none'?"),
        (
            {"metric": "test_dataloss"},
            "metric must be one of test_data_loss, got 'test_dataloss'; did you mean 'test_data_loss'?",
        ),
        ({"method": "boots"}, "method must be one of t, bootstrap, got 'boots'; did you mean 'bootstrap'?"),
        ({"correction": "bonf"}, "correction must be one of holm, benjamini_hochberg, none, got 'bonf'"),
        ({"better": "more"}, "better must be one of lower, higher, got 'more'"),
        (
            {"confidence": 95},
            "confidence is the probability of an interval and must be in (0, 1), got 95",
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
        "better must be lower or higher for a metric whose name says neither accuracy, loss, penalty nor gap, "
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
            "a variant must have one run a seed, got two of variant 'none', seed 0; pass the summary of one experiment",
        ),
    ],
)
def test_a_summary_that_cannot_be_used_is_refused_with_a_sentence(table, sentence):
    if "two of" in sentence:
        table = pd.concat([table, summary({"none": [3.0]})])
    with pytest.raises(DataError) as caught:
        compare(table, "none")
    assert str(caught.value) == sentence


# --- comparison: properties ---------------------------------------------------------------------------------

tables = st.integers(2, 5).flatmap(
    lambda seeds: st.lists(
        st.lists(st.integers(1, 400).map(lambda k: k / 100), min_size=seeds, max_size=seeds), min_size=2, max_size=4
    )
)
OF_DIFFERENCES = ["n", "difference", "difference_low", "difference_high", "p_value", "p_adjusted", "decision"]


def named(values):
    return summary({"none": values[0]} | {f"v{i}": runs for i, runs in enumerate(values[1:])})


def without_edges(values):
    """Whether no row of differences is (nearly) constant, where rounding alone decides about its spread."""
    return all(np.ptp(np.subtract(runs, values[0])) > 1e-3 for runs in values[1:])


@given(values=tables, shift=st.integers(-3, 3))
@settings(max_examples=50, deadline=None)
def test_adding_a_constant_to_every_run_leaves_the_differences(values, shift):
    one = compare(named(values), "none")
    other = compare(named([[value + shift for value in runs] for runs in values]), "none")
    pd.testing.assert_frame_equal(one[OF_DIFFERENCES], other[OF_DIFFERENCES], atol=1e-9)


@given(values=tables.filter(without_edges), scale=st.floats(0.01, 100))
@settings(max_examples=50, deadline=None)
def test_the_unit_of_the_metric_scales_the_differences_and_nothing_else(values, scale):
    one = compare(named(values), "none")
    other = compare(named([[value * scale for value in runs] for runs in values]), "none")
    lengths = ["mean", "low", "high", "difference", "difference_low", "difference_high"]
    pd.testing.assert_frame_equal(one[lengths] * scale, other[lengths], atol=1e-9)
    # A tie of two runs may break in the last bit, and a p value of exactly 5 % too: neither is compared.
    same = ["n", "effect_size", "p_value", "p_adjusted"]
    pd.testing.assert_frame_equal(one[same], other[same])


@given(values=tables, seed=st.integers(0, 1000))
@settings(max_examples=50, deadline=None)
def test_the_order_of_the_rows_changes_nothing(values, seed):
    table = named(values)
    mixed = table.sample(frac=1, random_state=seed)
    one, other = (compare(rows, "none").sort_values("variant", ignore_index=True) for rows in (table, mixed))
    pd.testing.assert_frame_equal(one, other)


@given(values=tables.filter(without_edges))
@settings(max_examples=50, deadline=None)
def test_swapping_variant_and_baseline_turns_the_difference_round(values):
    table = named(values[:2])
    one, other = row(compare(table, "none"), "v0"), row(compare(table, "v0"), "none")
    assert one["difference"] == pytest.approx(-other["difference"])
    assert one["difference_low"] == pytest.approx(-other["difference_high"])
    assert one["p_value"] == pytest.approx(other["p_value"])
    assert one["probability_of_improvement"] == pytest.approx(1 - other["probability_of_improvement"])


# --- corrections and seeds ----------------------------------------------------------------------------------


def test_holm_is_that_of_a_table_worked_by_hand():
    # Sorted .01 .02 .03 .04 times 4 3 2 1 = .04 .06 .06 .04, and never below the one before.
    assert adjust(np.array([0.03, 0.01, 0.04, 0.02])).tolist() == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert adjust(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]


def test_missing_tests_stay_missing_and_do_not_count():
    for correction in statistics.CORRECTIONS:
        got = adjust(np.array([np.nan, 0.02, 0.01, np.nan]), correction)
        assert got[1:3].tolist() == pytest.approx(adjust(np.array([0.02, 0.01]), correction).tolist())
        assert np.isnan(got[[0, 3]]).all()
        assert np.isnan(adjust(np.array([np.nan]), correction)).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
@settings(max_examples=50, deadline=None)
def test_benjamini_hochberg_is_that_of_scipy(p):
    assert adjust(np.array(p), "benjamini_hochberg").tolist() == pytest.approx(
        stats.false_discovery_control(p).tolist()
    )


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


# --- honesty ------------------------------------------------------------------------------------------------


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


# --- curves over seeds --------------------------------------------------------------------------------------


def long(runs):
    """Histories from {(variant, seed): values}."""
    return pd.concat([history(val).assign(variant=name, seed=seed) for (name, seed), val in runs.items()])


def test_curves_show_how_many_runs_stand_behind_every_epoch():
    table = curves(long({("b", 0): [3.0, 1.0], ("b", 1): [5.0, 4.0, 2.0], ("b", 2): [4.0, np.inf], ("a", 0): [1.0]}))
    assert table.values.tolist() == [
        ["b", 1, 3, 3, 4.0, 3.0, 5.0],
        ["b", 2, 3, 2, 2.5, 1.0, 4.0],
        ["b", 3, 3, 1, 2.0, 2.0, 2.0],
        ["a", 1, 1, 1, 1.0, 1.0, 1.0],
    ]
    assert tuple(table.columns) == statistics.BANDS


def test_curves_can_keep_only_the_epochs_that_all_runs_reach():
    runs = {("b", 0): [3.0, 1.0], ("b", 1): [5.0, 4.0, 2.0], ("a", 0): [1.0, 2.0, 3.0]}
    table = curves(long(runs), unequal="common")
    assert table[["variant", "epoch"]].values.tolist() == [["b", 1], ["b", 2], ["a", 1], ["a", 2], ["a", 3]]
    assert (table["n"] == table["runs"]).all()


def test_the_band_is_that_of_numpy():
    values = np.random.default_rng(0).normal(size=(7, 4))
    table = curves(long({("a", seed): run for seed, run in enumerate(values)}), band=0.5)
    np.testing.assert_allclose(table["median"], np.median(values, 0))
    np.testing.assert_allclose(table[["low", "high"]].T, np.quantile(values, [0.25, 0.75], axis=0))


def test_curves_refuse_what_they_cannot_use_with_a_sentence():
    table = long({("a", 0): [1.0, 2.0]})
    with pytest.raises(UsageError) as usage:
        curves(table, "val_dataloss")
    assert str(usage.value) == (
        "metric must be one of train_data_loss, val_data_loss, got 'val_dataloss'; did you mean 'val_data_loss'?"
    )
    with pytest.raises(UsageError) as usage:
        curves(table, band=0)
    assert str(usage.value) == "band is the share of the runs inside the band and must be in (0, 1], got 0"
    with pytest.raises(UsageError) as usage:
        curves(table, unequal="mean")
    assert str(usage.value) == "unequal must be one of live, common, got 'mean'"
    with pytest.raises(DataError) as data:
        curves(table.drop(columns="seed"))
    assert str(data.value) == (
        "a table of histories must have the column 'seed', got epoch, train_data_loss, val_data_loss, variant"
    )
    with pytest.raises(DataError) as data:
        curves(pd.concat([table, table]))
    assert str(data.value) == (
        "a run must have one row an epoch, got two of variant 'a', seed 0, epoch 1; "
        "pass the histories of one experiment"
    )
