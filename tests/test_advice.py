"""Advice: its data, its space, its answer, and a whole one that is as small as it can be."""

import functools
import types
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

import lab.data
import lab.models
from lab.advice import advise, seconds_of
from lab.advice.answer import sentence_of, table_of
from lab.advice.choosing import CANDIDATES
from lab.advice.confirming import Size, confirm, size_for
from lab.advice.fresh_splits import check_tested, fresh_splits
from lab.advice.pace import Batch, Forecast, Pace
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


def test_each_seed_is_tested_on_the_same_examples_in_parts_and_none_is_learned_from():
    data = DIGITS()
    seeds = [fresh_splits(DIGITS, seed=seed) for seed in range(100, 106)]
    for one in seeds:
        np.testing.assert_array_equal(one.test.x, data.test.x)
        assert sorted(np.bincount(one.part_of_test)) == [2] * 12 + [3] * 12
        np.testing.assert_array_equal(one.part_of_test, seeds[0].part_of_test)
        assert rows_of(one.train, one.validation) == rows_of(data.train, data.validation)
        assert len(one.train) == len(data.train)
    assert not np.array_equal(seeds[0].train.x, seeds[1].train.x)


def test_advice_needs_fifty_test_examples():
    check_tested(DIGITS())
    with pytest.raises(DataError, match="at least 50 test examples, got 40"):
        check_tested(lab.data.digits(train_size=60, validation_size=60, test_size=40))


def compared(*decisions):
    rows = {
        "variant": [f"v{i}" for i in range(len(decisions))],
        "against": "none",
        "decision": decisions,
        "n": 8,
        "difference": -0.1,
        "seeds_needed": 6.2,
        "diverged": 0,
    }
    return pd.DataFrame(rows | {"difference_low": -0.2, "difference_high": -0.05})


def test_only_a_candidate_that_is_decided_better_is_said_to_help():
    assert sentence_of(table_of(compared("worse", "better")), 9, 60).startswith(
        "v1 helps: test data loss -0.1000 [-0.2000"
    )
    said = sentence_of(table_of(compared("not shown", "equivalent", "worse")), 9, 60)
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
    plain, other = list(advice.settings)[:2]
    assert (plain, other[:10]) == ("none", "none-rate-")
    assert list(advice.settings)[2:] == sorted(advice.table["variant"], key=list(advice.settings).index)
    assert set(advice.table["against"]) <= {plain, other}
    assert 1 <= len(advice.table) <= CANDIDATES
    assert set(advice.table["seeds"]) == {5}
    assert (tmp_path / "advice" / "comparison.csv").is_file()
    assert all("budget of the screening was spent" in why for why in advice.not_tried.values())
    assert any("test examples that nothing has looked at" in sentence for sentence in said)
    # The confirmation is a script, which declares the runs that are published.
    declared = find(str(tmp_path / "advice" / "experiment.py"))
    published = {path.name for path in (tmp_path / "advice" / "runs").iterdir()}
    assert {run.name for run in plan(declared)} == published
    # Its page, which compares with the baseline only, says so.
    assert declared.notes.startswith(f"The plain model is confirmed at 2 learning rates, none and {other}. ")
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


def paced(clock, fixed, steps, run):
    """Return a pace that has measured two batches of ten epochs in a world in which the seconds are these."""
    pace = Pace(clock)
    pace.batches += [Batch(runs, 1, fixed, steps + run * runs, 10, 10 * runs) for runs in (10, 20)]
    return pace


@pytest.mark.parametrize(
    ("fixed", "steps", "run", "until", "looks"),
    [
        (10, 0, 0.1, 20.9, [5]),
        (10, 0, 0.1, 21.5, [5]),
        (10, 0, 0.1, 21.7, [5, 8]),
        (10, 0, 0.1, 22.3, [5, 8]),
        (10, 0, 0.1, 22.5, [5, 12]),
        (10, 0, 0.1, 1000, [5, 12, 24]),
        (1, 0, 1.0, 1000, [5, 12, 24]),
        (4, 2, 0.2, 1000, [5, 12, 24]),
    ],
)
def test_the_seeds_double_where_the_batch_ends_in_time(monkeypatch, tmp_path, fixed, steps, run, until, looks):
    now, ran, each = [0.0], [0], run

    def run(experiment, *, progress, **_):
        new = len(experiment.seeds) - ran[-1]
        ran.append(len(experiment.seeds))
        now[0] += fixed
        progress.on_epoch(range(2 * new), 1, 2 * new, 0.0, [])
        for epoch in range(2, 11):
            now[0] += (steps + each * 2 * new) / 9
            progress.on_epoch(range(2 * new), epoch, 2 * new, 0.0, [])
        return tmp_path

    monkeypatch.setattr("lab.advice.confirming.run", run)
    tables = types.SimpleNamespace(comparison=compared("not shown"))
    monkeypatch.setattr("lab.results.tables.read_tables", lambda folder: tables)
    space = space_of(DIGITS, lab.models.dense, FITTING)
    with forgotten():
        confirm(
            "x",
            DIGITS,
            {"none": space.at((), 0), "v0": space.at([("dropout", 0.1)], 0)},
            ["none"],
            most_seeds=24,
            margin=None,
            until=until,
            pace=paced(lambda: now[0], fixed, steps, each),
            tried=1,
            tested=60,
            results_folder=tmp_path,
            say=silent,
        )
    assert ran[1:] == looks
    assert now[0] <= max(until, fixed + steps + 10 * each)


@pytest.mark.parametrize(
    ("seconds", "most", "seeds"),
    [(0, 24, 5), (21.5, 24, 5), (21.7, 24, 8), (22.5, 24, 12), (1000, 24, 24), (1000, 6, 6)],
)
def test_as_many_seeds_are_planned_as_are_in_time(seconds, most, seeds):
    assert size_for(1.0, Size(1, 24), Pace(lambda: 0.0), plain=1, like_last=False).seeds == 24, (
        "nothing is known of the time"
    )
    assert size_for(seconds, Size(1, most), paced(lambda: 0.0, 5, 0, 0.1), plain=1, like_last=False) == (1, seeds)


@pytest.mark.parametrize(
    ("seconds", "most", "size"),
    [
        (1000, 5, (5, 24)),
        (48.1, 5, (5, 5)),
        (47.9, 5, (4, 5)),
        (40.1, 5, (4, 5)),
        (39.9, 5, (3, 5)),
        (0, 5, (1, 5)),
        (1000, 2, (2, 24)),
        (1000, 0, (1, 24)),
    ],
)
def test_fewer_candidates_are_confirmed_where_their_first_seeds_would_not_end_in_time(seconds, most, size):
    # Each setting is a program of its own, 3 s, and its five runs take 5 s.
    assert size_for(seconds, Size(most, 24), paced(lambda: 0.0, 1, 2, 1.0), plain=1, like_last=False) == size


def test_as_many_seeds_are_planned_as_the_confirmation_would_reach_batch_by_batch():
    # Two programs, 3 s: 13 s for 5 seeds; from them 9 s to 8, 17 s to 12, and 27 s on to 24.
    pace = paced(lambda: 0.0, 1, 0.5, 1.0)
    seconds = (21.9, 22.1, 29.9, 30.1, 40.9, 41.1, 56.9, 57.1)
    planned = [size_for(one, Size(1, 24), pace, plain=1, like_last=False).seeds for one in seconds]
    assert planned == [5, 8, 8, 12, 12, 16, 16, 24]


def test_the_plain_model_takes_a_place_for_each_of_its_learning_rates():
    # Each setting is a program of its own, 3 s, and its five runs take 5 s: 24 s for two rates and one candidate.
    sizes = [size_for(at, Size(5, 24), paced(lambda: 0.0, 1, 2, 1.0), plain=2, like_last=False) for at in (0, 33, 56.1)]
    assert sizes == [(1, 5), (2, 5), (5, 5)]


def test_a_shortlist_tells_how_long_the_same_settings_take():
    # Six settings would be six programs of 4 s; those of the shortlist were one.
    pace = paced(lambda: 0.0, 4, 0, 0.1)
    assert size_for(20, Size(5, 24), pace, plain=1, like_last=False) == (3, 5)
    assert size_for(20, Size(5, 24), pace, plain=1, like_last=True) == (5, 12)


def test_a_forecast_is_fitted_to_the_batches_and_as_slow_as_the_last_one():
    pace = Pace(lambda: 0.0)
    assert pace.forecast(3) == pace.forecast_after_last() == Forecast(0.0, 0.0, 0.0)
    # A program has 3 s and ten epochs of .2 s; a run has five, of .2 s too.
    counts = ((4, 1), (9, 2), (10, 3))
    pace.batches += [Batch(runs, n, 3.0 * n, 2.0 * n + runs, 10 * n, 5 * runs) for runs, n in counts]
    forecast = pace.forecast(4)
    assert [forecast.fixed, forecast.programs, forecast.run] == pytest.approx([12, 8, 1])
    pace.batches.append(Batch(4, 1, 5.0, 12.0, 10, 20))
    usual, forecast = pace.forecast(1), pace.forecast_after_last()
    assert forecast.fixed == 5.0
    assert forecast.seconds(4) == pytest.approx(17.0)
    assert forecast.run / forecast.programs == pytest.approx(usual.run / usual.programs)
    assert (forecast.known, forecast.at_most(4)) == (4, pytest.approx(17.0))
    assert forecast.at_most(2) == forecast.seconds(2)
    assert forecast.at_most(12) == pytest.approx(5 + 3 * 12.0)
    assert usual.at_most(100) == usual.seconds(100)


def test_a_batch_is_measured_though_an_error_ends_it_and_without_training_it_is_none():
    now = [0.0]
    pace = Pace(lambda: now[0])
    with pace.measured():
        now[0] += 5
    assert pace.batches == []

    @pace.measured()
    def failing():
        for epoch, took in ((1, 3.0), (2, 1.0), (1, 4.0), (2, 0.5)):
            now[0] += took
            listening().on_epoch(range(4), epoch, 4, 0.0, [])
        now[0] += 0.25
        raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert pace.batches == [Batch(runs=8, programs=2, fixed=7.25, training=1.5, epochs=4, run_epochs=16)]
