"""Advice: its data, its space, its answer, and a whole one that is as small as it can be."""

import functools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lab.data
import lab.models
from lab.advice import advise, seconds_of
from lab.advice.answer import sentence_of, table_of
from lab.advice.confirming import confirm
from lab.advice.fresh_splits import fresh_splits, parts_of
from lab.advice.screening import Screened, screen
from lab.advice.screening_file import identity_of, remember, remembered
from lab.advice.script import script_of
from lab.advice.space import RATES, factory_of, settings, wider
from lab.checks import DataError, UsageError
from lab.cli.find import find
from lab.experiment import Experiment, Variant
from lab.plan import plan
from lab.regularization import Regularization
from lab.sweep.resumption import answered, forgotten
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


FITTING = Training(loss="softmax_cross_entropy", epochs=18)


def training(losses, monkeypatch, epochs=FITTING.epochs):
    """Replace what trains: each setting's validation loss in each epoch is `losses(setting name, epoch)`.

    Returns:
        The epochs that each setting has trained, by family, strength and place of the learning rate.
    """
    trained: dict = {}

    def train(variants, *, seeds, leave):
        live = {name: [] for name in variants}
        for epoch in range(1, epochs + 1):
            for name, rows in live.items():
                trained[name] = epoch
                rows.append({"val_data_loss": losses(name, epoch), "train_data_loss": 0.0})
            for name, _ in leave([(name, 0) for name in live], epoch, list(live.values())):
                del live[name]

    monkeypatch.setattr("lab.advice.screening.train", train)
    return trained


def silent(sentence):
    return None


def test_a_third_of_each_family_goes_on_and_then_the_best(monkeypatch):
    trained = training(lambda name, epoch: float(name[-1]) / epoch, monkeypatch)
    space = settings(DIGITS, factory_of(lab.models.dense), FITTING)
    found, left_out = screen({name: space[name] for name in ("none", "dropout")}, float("inf"), silent)
    assert not left_out
    assert trained == {
        **{"none 0": 18, "none 1": 3, "none 2": 3, "dropout 0": 18, "dropout 1": 6, "dropout 2": 6},
        **{f"dropout {i}": 3 for i in range(3, 9)},
    }
    assert found["dropout"].setting is space["dropout"][0]
    assert found["none"].loss == 0.0


def test_a_run_that_fell_behind_one_that_ended_before_does_not_go_on(monkeypatch):
    """Settings whose patience was spent are not asked any more, and are still the best of their family."""
    space = settings(DIGITS, factory_of(lab.models.dense), FITTING)
    asked = []

    def train(variants, *, seeds, leave):
        def rows(loss):
            return [{"val_data_loss": loss}]

        assert leave([("none 0", 0), ("none 1", 0)], 1, [rows(0.1), rows(0.2)]) == []
        asked.append(leave([("none 1", 0)], 3, [rows(0.2)]))

    monkeypatch.setattr("lab.advice.screening.train", train)
    found, _ = screen({"none": space["none"]}, float("inf"), silent)
    assert asked == [[("none 1", 0)]]
    assert found["none"].setting is space["none"][0]


def test_settings_that_train_later_are_compared_at_the_same_epoch(monkeypatch):
    """Structures train one after the other, and those that have trained to their end have lower losses."""
    space = settings(DIGITS, factory_of(lab.models.dense), FITTING)
    asked = []

    def train(variants, *, seeds, leave):
        first = [{"val_data_loss": 1 / epoch} for epoch in range(1, 19)]
        for epoch in range(1, 19):
            leave([("normalization 0", 0)], epoch, [first[:epoch]])
        for loss in (0.16, 0.17):
            asked.append(leave([("normalization 3", 0)], 6, [[{"val_data_loss": loss}] * 6]))

    monkeypatch.setattr("lab.advice.screening.train", train)
    with pytest.raises(UsageError, match="the plain model must be trained"):
        screen({"normalization": space["normalization"]}, float("inf"), silent)
    assert asked == [[], [("normalization 3", 0)]]


def test_strengths_grow_while_the_best_is_at_their_end(monkeypatch):
    space = settings(DIGITS, factory_of(lab.models.dense), FITTING)
    calls = []

    def train(variants, *, seeds, leave):
        strengths = {
            name: one.model.keywords["regularization"].l2
            for name, one in variants.items()
            if isinstance(one.model, functools.partial)
        }
        calls.append([*strengths.values()])
        for name in variants:
            strength = strengths.get(name, 2.0)
            leave([(name, 0)], 1, [[{"val_data_loss": abs(strength - 0.1)}]])

    monkeypatch.setattr("lab.advice.screening.train", train)
    found, _ = screen({name: space[name] for name in ("none", "L2 penalty")}, float("inf"), silent)
    grown = [[1e-4] * 3 + [1e-3] * 3 + [1e-2] * 3, [0.1] * 3, [1.0] * 3]
    assert calls == grown
    assert found["L2 penalty"].setting.strength == 0.1


def test_rates_of_dropout_do_not_grow():
    dropout = settings(DIGITS, factory_of(lab.models.dense), FITTING)["dropout"]
    assert wider(dropout[-1], dropout) == []


def test_what_has_no_epoch_in_time_is_named_and_what_has_counts(monkeypatch):
    space = settings(DIGITS, factory_of(lab.models.dense), FITTING)

    def train(variants, *, seeds, leave):
        leave([("none 0", 0), ("L1 penalty 1", 0)], 1, [[{"val_data_loss": 1.0}], [{"val_data_loss": 0.5}]])

    monkeypatch.setattr("lab.advice.screening.train", train)
    found, left_out = screen(space, 0.0, silent)
    assert set(found) == {"none", "L1 penalty"}
    assert left_out["dropout"] == "not tried: the budget of the screening was spent"


def test_without_an_epoch_of_the_plain_model_there_is_nothing_to_compare_with(monkeypatch):
    monkeypatch.setattr("lab.advice.screening.train", lambda variants, *, seeds, leave: None)
    with pytest.raises(UsageError) as refused:
        screen(settings(DIGITS, factory_of(lab.models.dense), FITTING), 0.0, silent)
    assert str(refused.value) == (
        "the plain model must be trained before others can be compared with it, but: the budget ended before its first "
        "epoch; raise it"
    )


def test_a_whole_advice_is_confirmed_on_fresh_seeds_and_published(tmp_path, monkeypatch):
    said: list[str] = []
    model = functools.partial(lab.models.dense, widths=(8,))
    advice = advise(model, DIGITS, budget="1s", training=Training(epochs=2), results_folder=tmp_path, say=said.append)
    assert len(advice.table) == 3
    assert set(advice.table["seeds"]) == {5}
    assert (tmp_path / "advice" / "comparison.csv").is_file()
    assert all("budget of the screening was spent" in why for why in advice.not_tried.values())
    assert any("test examples that nothing has looked at" in sentence for sentence in said)
    # The confirmation is a script, which declares the runs that are published.
    declared = find(str(tmp_path / "advice" / "experiment.py"))
    published = {path.name for path in (tmp_path / "advice" / "runs").iterdir()}
    assert {run.name for run in plan(declared)} == published
    # After a kill, the same call goes on from what the screening found.
    monkeypatch.setattr("lab.advice.screen", lambda *_: pytest.fail("it was screened again"))
    again = advise(model, DIGITS, budget="1s", training=Training(epochs=2), results_folder=tmp_path, say=said.append)
    assert f"going on from the screening in {tmp_path / 'advice' / 'screening.json'}" in said
    assert again.sentence == advice.sentence
    assert answered() == ""


@pytest.fixture(scope="module")
def space():
    return settings(DIGITS, factory_of(lab.models.dense), FITTING)


class TestScreeningFile:
    @pytest.fixture
    def found(self, space):
        rows = [{"epoch": 1, "val_data_loss": 0.5}]
        grown = wider(space["L1 penalty"][-1], space["L1 penalty"])[1]
        return {"none": Screened(space["none"][2], 0.5, rows), "L1 penalty": Screened(grown, 0.4, rows)}

    def test_what_was_found_comes_back_with_strengths_that_have_grown(self, tmp_path, space, found):
        remember(tmp_path, "an id", 5.0, found, {})
        back, left_out = remembered(tmp_path, "an id", 60.0, space)
        assert left_out == {}
        assert back["none"].setting is space["none"][2]
        assert back["L1 penalty"].setting.label == found["L1 penalty"].setting.label == "L1 penalty 0.01"
        assert back["L1 penalty"].setting.variant.training == found["L1 penalty"].setting.variant.training
        assert [(one.loss, one.rows) for one in back.values()] == [(one.loss, one.rows) for one in found.values()]

    def test_one_that_left_families_out_counts_for_no_larger_budget(self, tmp_path, space, found):
        remember(tmp_path, "an id", 5.0, found, {"dropout": "not tried"})
        assert remembered(tmp_path, "an id", 5.0, space) is not None
        assert remembered(tmp_path, "an id", 6.0, space) is None

    @pytest.mark.parametrize("damage", ["", "{", "[]", "{}", '{"id": "an id"}'])
    def test_a_damaged_one_or_none_is_screened_again(self, tmp_path, space, damage):
        assert remembered(tmp_path, "an id", 1.0, space) is None
        (tmp_path / "screening.json").write_text(damage)
        assert remembered(tmp_path, "an id", 1.0, space) is None

    def test_that_of_other_data_or_settings_is_another(self, tmp_path, space, found):
        remember(tmp_path, identity_of(space), 5.0, found, {})
        other = functools.partial(lab.data.digits, train_size=61, validation_size=60, test_size=60)
        others = settings(other, factory_of(lab.models.dense), FITTING)
        assert identity_of(others) != identity_of(space)
        assert remembered(tmp_path, identity_of(others), 1.0, others) is None
        assert remembered(tmp_path, identity_of(space), 1.0, space) is not None


def test_the_best_answer_so_far_is_ready_at_any_moment(monkeypatch):
    said = []

    def train(variants, *, seeds, leave):
        for name, loss in (("none 0", 0.7), ("dropout 1", 0.6)):
            leave([(name, 0)], 1, [[{"val_data_loss": loss}]])
            said.append(answered())

    monkeypatch.setattr("lab.advice.screening.train", train)
    space = settings(DIGITS, factory_of(lab.models.dense), FITTING)
    with forgotten():
        screen({name: space[name] for name in ("none", "dropout")}, float("inf"), silent)
    assert said == [
        "so far no family can be compared with the plain model\n",
        "so far, by validation only: dropout 0.1 has a loss of 0.6 and the plain model 0.7; nothing is confirmed\n",
    ]
    assert answered() == ""


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


class TestScript:
    """The source of an experiment."""

    def experiment(self, data=DIGITS, **settings):
        variants = {
            "none": Variant(data=data, model=lab.models.dense, training=Training(epochs=2)),
            "first": Variant(
                data=data,
                model=functools.partial(lab.models.dense, widths=(8,), regularization=Regularization(l1=0.01)),
                training=Training(learning_rate=3e-3),
            ),
        }
        return Experiment(name="x", question="Which?", variants=variants, baseline="none", **settings)

    @pytest.mark.parametrize("seeds", [(3,), (3, 5), (7, 8, 9), range(1000, 1024)])
    def test_it_declares_the_same_experiment(self, seeds):
        experiment = self.experiment(seeds=seeds, redraw_data=True)
        names = {"__name__": "a script"}
        exec(script_of(experiment, Path("results/x/experiment.py")), names)
        assert repr(names["EXPERIMENT"]) == repr(experiment)  # partials are equal to themselves only

    def test_it_names_what_is_exported_and_leaves_defaults_out(self):
        source = script_of(self.experiment(seeds=range(5)), Path("x.py"))
        assert "from functools import partial\n\nfrom lab import Experiment, Regularization" in source
        assert "from lab.data import digits" in source
        assert "Training(learning_rate=0.003)," in source
        assert "on_data" not in source

    def test_what_has_no_source_has_no_script(self):
        assert script_of(self.experiment(data=lambda: None), Path("x.py")) is None
        made = type("Loader", (), {"__call__": lambda self: None})()
        assert script_of(self.experiment(data=made), Path("x.py")) is None


def test_only_the_families_that_are_named_are_in_the_space_and_images_are_augmented():
    space = settings(DIGITS, factory_of(lab.models.dense), FITTING, families=["dropout"])
    assert list(space) == ["none", "dropout"]
    assert "random shifts (crops)" not in settings(DIGITS, factory_of(lab.models.dense), FITTING)
    images = settings(DIGITS, factory_of(lab.models.dense), FITTING, images=True)
    assert {"random shifts (crops)", "cutout", "TrivialAugment"} <= set(images)
    assert set(images) - set(settings(DIGITS, factory_of(lab.models.dense), FITTING, images=True, pixels=False)) == {
        "TrivialAugment"
    }
    assert "spatial dropout" not in images
    with pytest.raises(UsageError) as refused:
        settings(DIGITS, factory_of(lab.models.dense), FITTING, families=["drop-out"])
    fitting = ", ".join(
        f"{name!r}" for name in settings(DIGITS, factory_of(lab.models.dense), FITTING) if name != "none"
    )
    assert str(refused.value) == f"families must be one of {fitting}, got 'drop-out'; did you mean 'dropout'?"


def test_a_batch_that_would_pass_the_budget_is_not_begun_though_it_has_fewer_seeds(monkeypatch, tmp_path):
    """Compiling takes as long for 3 seeds as for 5: a batch is taken to last at least as long as the one before."""
    times = iter([0.0, 10.0, 10.0])
    ran = []

    def run(experiment, **_):
        ran.append(len(experiment.seeds))
        return tmp_path

    monkeypatch.setattr("lab.advice.confirming.run", run)
    tables = type("Tables", (), {"comparison": compared("not shown")})
    monkeypatch.setattr("lab.results.tables.read_tables", lambda folder: tables)
    space = settings(DIGITS, factory_of(lab.models.dense), FITTING)
    with forgotten():
        confirm(
            "x",
            DIGITS,
            [space["none"][0], space["dropout"][0]],
            parts=24,
            margin=None,
            until=19.0,
            clock=lambda: next(times),
            tried=1,
            results_folder=tmp_path,
            say=silent,
        )
    assert ran == [5]
