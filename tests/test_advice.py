"""Advice: its data, its space, its answer, and a whole one that is as small as it can be."""

import functools
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

import lab.data
import lab.models
from lab.advice import advise, seconds_of
from lab.advice.answer import sentence_of, table_of
from lab.advice.confirming import confirm, parts_in
from lab.advice.fresh_splits import fresh_splits, parts_of
from lab.advice.pace import Batch, Pace
from lab.advice.script import script_of
from lab.advice.space import space_of
from lab.checks import DataError, UsageError
from lab.cli.find import find
from lab.engine.outputs import measured_on_test, predicted
from lab.experiment import Experiment, Variant
from lab.plan import plan
from lab.regularization import Regularization
from lab.results.studies import study_names
from lab.results.tables import read_tables
from lab.sweep.progress import listening
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


def compared(*decisions):
    names = ["none", *(f"v{i}" for i in range(len(decisions)))]
    rows = {"variant": names, "decision": ["baseline", *decisions], "n": 8, "difference": -0.1, "seeds_needed": 6.2}
    return pd.DataFrame(rows | {"difference_low": -0.2, "difference_high": -0.05})


def test_only_a_candidate_that_is_decided_better_is_said_to_help():
    assert sentence_of(table_of(compared("worse", "better")), 9).startswith("v1 helps: test data loss -0.1000 [-0.2000")
    said = sentence_of(table_of(compared("not shown", "equivalent", "worse")), 9)
    assert said == (
        "Nothing is shown to help: of 9 families the best 3 were confirmed on fresh seeds "
        "(1 equivalent, 1 undecided, 1 harms). About 7 more seeds would tell of v0."
    )


@pytest.mark.parametrize(("budget", "seconds"), [("90s", 90), ("5m", 300), ("1h", 3600), (2.5, 2.5)])
def test_a_budget_in_seconds(budget, seconds):
    assert seconds_of(budget) == seconds


@pytest.mark.parametrize("budget", ["5", "m", "0s", "-1m", "5 m", "", "infs"])
def test_a_budget_that_is_none_is_refused(budget):
    with pytest.raises(UsageError, match="budget must be a number above 0 with s, m or h, as '5m', got"):
        seconds_of(budget)


FITTING = Training(loss="softmax_cross_entropy", epochs=18)


def silent(sentence):
    return None


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
    monkeypatch.setattr("lab.advice.trials.train", lambda *_, **__: pytest.fail("it was screened again"))
    again = advise(model, DIGITS, budget="1s", training=Training(epochs=2), results_folder=tmp_path, say=said.append)
    assert f"going on from the screening in {tmp_path / 'advice' / 'advice' / 'screening.json'}" in said
    assert again.sentence == advice.sentence
    assert answered() == ""
    assert study_names(again.folder) == []
    # The model is that of the first confirming seed, and what is saved can be loaded and used.
    saved = again.save(tmp_path / "saved")
    assert {"model.keras", "model.json", "advice.txt", "advice.csv", "experiment.py", "histories.csv"} <= {
        path.name for path in saved.iterdir()
    }
    assert (saved / "advice.txt").read_text() == f"{again}\n"
    loaded, data = keras.saving.load_model(saved / "model.keras"), again.recommended.data()
    summary = read_tables(again.folder).summary
    same = (summary["variant"] == again.recommended.setting.name) & (summary["seed"] == 1000)
    found = measured_on_test(plan(declared)[0].task, predicted(loaded, data.test.x))
    assert found["data_loss"] == pytest.approx(summary["test_data_loss"][same].item(), rel=1e-5)


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


@pytest.mark.parametrize(
    ("fixed", "training", "until", "looks"),
    [
        (10, 1, 20.9, [5]),
        (10, 1, 21.9, [5]),
        (10, 1, 22, [5, 8]),
        (10, 1, 22.3, [5, 8]),
        (10, 1, 22.5, [5, 12]),
        (10, 1, 1000, [5, 24]),
        (1, 10, 1000, [5, 8, 12, 16, 24]),
        (4, 2, 1000, [5, 12, 16, 24]),
    ],
)
def test_a_batch_ends_in_time_and_goes_on_over_further_looks_while_it_trains_no_longer_than_it_compiles(
    monkeypatch, tmp_path, fixed, training, until, looks
):
    """5 seeds take `fixed + training` seconds, fewer take as long, and of more the training takes longer."""
    now, ran = [0.0], [0]

    def run(experiment, *, progress, **_):
        new = len(experiment.seeds) - ran[-1]
        ran.append(len(experiment.seeds))
        now[0] += fixed
        progress.on_epoch(range(2 * new), 1, 2 * new, 0.0, [])
        now[0] += training * max(1, new / 5)
        progress.on_epoch(range(2 * new), 2, 2 * new, 0.0, [])
        return tmp_path

    monkeypatch.setattr("lab.advice.confirming.run", run)
    tables = type("Tables", (), {"comparison": compared("not shown")})
    monkeypatch.setattr("lab.results.tables.read_tables", lambda folder: tables)
    space = space_of(DIGITS, lab.models.dense, FITTING)
    with forgotten():
        confirm(
            "x",
            DIGITS,
            [space.at((), 0), space.at([("dropout", 0.1)], 0)],
            parts=24,
            margin=None,
            until=until,
            pace=Pace(lambda: now[0]),
            tried=1,
            results_folder=tmp_path,
            say=silent,
        )
    assert ran[1:] == looks
    assert now[0] <= max(until, fixed + training)


@pytest.mark.parametrize(
    ("seconds", "most", "parts"), [(0, 24, 5), (21.9, 24, 5), (22, 24, 8), (22.5, 24, 12), (1000, 24, 24), (1000, 6, 6)]
)
def test_the_test_split_is_cut_into_as_many_parts_as_seeds_are_in_time(seconds, most, parts):
    pace = Pace(lambda: 0.0)
    assert parts_in(1.0, 24, 2, pace) == 24, "nothing is known of the time"
    pace.batches.append(Batch(runs=10, fixed=10.0, training=1.0))
    assert parts_in(seconds, most, 2, pace) == parts


def test_as_many_parts_are_cut_as_the_confirmation_would_reach_batch_by_batch():
    pace = Pace(lambda: 0.0)
    pace.batches.append(Batch(runs=10, fixed=1.0, training=10.0))
    # 11 s for each of the first four batches, as fewer runs take as long as ten, and 17 s for the last 16 runs.
    assert [parts_in(seconds, 24, 2, pace) for seconds in (43.9, 44, 60.9, 61)] == [12, 16, 16, 24]


def test_a_batch_is_measured_though_an_error_ends_it_and_without_training_it_is_none():
    now = [0.0]
    pace = Pace(lambda: now[0])
    with pace.measured():
        now[0] += 5
    assert (pace.batches, pace.last.seconds(7), pace.slowest(7).seconds(7)) == ([], 0.0, 0.0)

    @pace.measured()
    def failing():
        for epoch, took in ((1, 3.0), (2, 1.0), (1, 4.0), (2, 0.5)):
            now[0] += took
            listening().on_epoch(range(4), epoch, 4, 0.0, [])
        now[0] += 0.25
        raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert pace.batches == [Batch(runs=8, fixed=7.25, training=1.5)]
    pace.batches.append(Batch(runs=2, fixed=1.0, training=4.0))
    assert [pace.slowest(8).seconds(8), pace.slowest(1).seconds(1), pace.last.seconds(1)] == [17.0, 8.75, 5.0]
