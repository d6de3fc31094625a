"""The facts of a run and its verdict."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab import statistics
from lab.checks import DataError, UsageError
from lab.statistics import facts, run_facts
from tests.runs_by_hand import falling, history


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
        "chance must be above 0 (it is the validation data loss of a model that has learned nothing), got 0.0"
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


def test_eight_epochs_are_enough_for_a_verdict_and_seven_are_not():
    assert run_facts(history(np.linspace(2, 1, 8)))["verdict"] == "underfits"
    assert run_facts(history(np.linspace(2, 1, 7)))["verdict"] == "too short"


@pytest.mark.parametrize(("share", "verdict"), [(0.45, "overfits"), (0.55, "underfits")])
def test_train_must_rise_half_as_much_as_validation_for_an_underfit(share, verdict):
    # Both turn at once, so both smoothed curves rise from the same epoch to the end.
    rise = 0.02 * np.maximum(0, np.arange(60) - 20)
    fall = 0.05 * np.maximum(0, 20 - np.arange(60))
    result = run_facts(history(1 + fall + rise, train=1 + fall + share * rise))
    assert result["onset"] is not None
    assert result["verdict"] == verdict


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
