"""Advice: its data, its space, its answer, and a whole one that is as small as it can be."""

import functools

import numpy as np
import pandas as pd
import pytest

import lab.data
import lab.models
from lab.advice import advise, seconds_of
from lab.advice.answer import sentence_of, table_of
from lab.advice.fresh_splits import fresh_splits, parts_of
from lab.advice.screening import screen
from lab.advice.space import RATES, factory_of, settings
from lab.checks import DataError, UsageError
from lab.training import Training

DIGITS = functools.partial(lab.data.digits, train_size=60, validation_size=60, test_size=60)


def rows_of(*splits):
    return {row.tobytes() for split in splits for row in np.asarray(split.x)}


def test_each_test_example_confirms_at_one_seed_and_none_is_learned_from():
    data = DIGITS()
    seeds = [fresh_splits(DIGITS, parts=6, first=100, seed=seed) for seed in range(100, 106)]
    assert sum(len(one.test) for one in seeds) == len(data.test)
    assert set.union(*(rows_of(one.test) for one in seeds)) == rows_of(data.test)
    for one in seeds:
        assert rows_of(one.train, one.validation) == rows_of(data.train, data.validation)
        assert len(one.train) == len(data.train)
    assert not np.array_equal(seeds[0].train.x, seeds[1].train.x)


def test_five_seeds_need_fifty_test_examples():
    assert parts_of(DIGITS(), 24) == 6
    with pytest.raises(DataError, match="at least 50 test examples, 10 for each of five seeds, got 40"):
        parts_of(lab.data.digits(train_size=60, validation_size=60, test_size=40), 24)


def test_every_setting_is_tried_at_the_same_learning_rates():
    space = settings(DIGITS, factory_of(lab.models.dense), Training(loss="softmax_cross_entropy"))
    expected = sorted(1e-3 * rate for rate in RATES)
    assert {"none", "L1 penalty", "dropout", "label smoothing"} <= set(space)
    for tried in space.values():
        by_strength: dict = {}
        for one in tried:
            by_strength.setdefault(one.strength, []).append(one.variant.training.learning_rate)
        assert all(sorted(rates) == pytest.approx(expected) for rates in by_strength.values())


def test_a_family_that_does_not_go_with_the_loss_is_not_in_the_space():
    assert "label smoothing" not in settings(DIGITS, factory_of(lab.models.dense), Training(loss="squared_error"))


def compared(*decisions):
    names = ["none", *(f"v{i}" for i in range(len(decisions)))]
    rows = {"variant": names, "decision": ["baseline", *decisions], "n": 8, "difference": -0.1}
    return pd.DataFrame(rows | {"difference_low": -0.2, "difference_high": -0.05})


def test_only_a_candidate_that_is_decided_better_is_said_to_help():
    assert sentence_of(table_of(compared("worse", "better")), 9).startswith("v1 helps: test data loss -0.1000 [-0.2000")
    said = sentence_of(table_of(compared("not shown", "equivalent", "worse")), 9)
    assert said == (
        "Nothing is shown to help: of 9 families the best 3 were confirmed on fresh seeds "
        "(1 equivalent, 1 undecided, 1 harms)."
    )


@pytest.mark.parametrize(("budget", "seconds"), [("90s", 90), ("5m", 300), ("1h", 3600), (2.5, 2.5)])
def test_a_budget_in_seconds(budget, seconds):
    assert seconds_of(budget) == seconds


@pytest.mark.parametrize("budget", ["5", "m", "0s", "-1m", "5 m", "", "infs"])
def test_a_budget_that_is_none_is_refused(budget):
    with pytest.raises(UsageError, match="budget must be a number above 0 with s, m or h, as '5m', got"):
        seconds_of(budget)


def test_screening_does_not_look_at_the_test_split(monkeypatch):
    """The settings are the best of validation, although the test losses say the opposite."""

    class Ran:
        status = "finished"

        def __init__(self, i):
            self.trained = self
            self.rows = [{"val_data_loss": 1.0 + i}]
            self.test = {"data_loss": -i}

    monkeypatch.setattr("lab.advice.screening.train", lambda tried, seeds: {(i, 0): Ran(i) for i in tried})
    space = settings(DIGITS, factory_of(lab.models.dense), Training())
    found, left_out = screen(space, float("inf"), lambda sentence: None)
    assert not left_out
    assert all(found[family][0] is space[family][0] for family in space)


def test_a_whole_advice_is_confirmed_on_fresh_seeds_and_published(tmp_path):
    said: list[str] = []
    model = functools.partial(lab.models.dense, widths=(8,))
    advice = advise(model, DIGITS, budget="1s", training=Training(epochs=2), results_folder=tmp_path, say=said.append)
    assert list(advice.table["variant"]) == ["L1_penalty-" + advice.table["variant"][0].partition("-")[2]]
    assert advice.table["seeds"].tolist() == [5]
    assert (tmp_path / "advice" / "comparison.csv").is_file()
    assert "dropout" in advice.not_tried
    assert any("test examples that nothing has looked at" in sentence for sentence in said)


def test_what_is_noticed_of_the_model_is_said_once_and_other_warnings_are_left_alone():
    import warnings

    from lab.advice.notes import said_once
    from lab.models.final_activation import ModelWarning

    said: list[str] = []

    def noticed() -> None:
        with said_once(said.append):
            for variant in ("none", "L1 penalty-0.1", 0, 12):
                warnings.warn(f"the model of variant {variant!r} ends in softmax", ModelWarning, stacklevel=1)
            warnings.warn("mine", RuntimeWarning, stacklevel=1)

    with pytest.warns(RuntimeWarning, match="mine"):
        noticed()
    assert said == ["the model ends in softmax"]
