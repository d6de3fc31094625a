"""`reglab cost` and `compare --equal-time`: what a step costs, and variants cut where they have used up one time."""

import dataclasses
import io
import json
from functools import partial

import numpy as np
import pandas as pd
import pytest

from lab import cli
from lab.checks import DataError, UsageError
from lab.cli.compare import in_equal_time, metric_in_time, with_costs
from lab.results.costs import Cost, read_costs
from lab.results.tables import Tables, read_tables
from lab.statistics import facts
from lab.statistics.equal_time import costs_of_a_step, cut, epochs_in_time
from tests.cohorts import SHAPE, TRAINING, task
from tests.user_factories import subclassed

SCRIPT = """
from functools import partial
from lab import Experiment, Training, Variant
from lab.data import digits
from lab.models import dense

def variant(epochs=6, **fields):
    return Variant(
        data=partial(digits, train_size=40),
        model=partial(dense, widths=(4,)),
        training=Training(epochs=epochs, batch_size=20, learning_rate=0.1, **fields),
    )

EXPERIMENT = Experiment(
    name="x", variants={"plain": variant(), "sam": variant(sharpness=0.05)}, baseline="plain", seeds=(0, 1, 2)
)
"""


def test_the_cheapest_variant_has_all_its_epochs_and_the_others_what_they_reach_in_its_time():
    epochs = epochs_in_time({"plain": 0.5, "sam": 1.0, "slow": 30.0}, {"plain": 20, "sam": 20, "slow": 20})
    assert epochs == {"plain": 20, "sam": 10, "slow": 1}
    # A variant that ends within the time keeps all its epochs, and rounding costs none of them.
    assert epochs_in_time({"a": 0.1, "b": 0.3}, {"a": 30, "b": 10}) == {"a": 30, "b": 10}
    assert epochs_in_time({"a": 1.0, "b": 1.0}, {"a": 5, "b": 100}) == {"a": 5, "b": 5}


def test_what_differs_in_some_turns_only_costs_what_the_baseline_costs():
    seconds = {"plain": [1.0, 2.0, 1.5], "same": [1.1, 1.9, 3.0], "sam": [1.9, 4.0, 3.0], "half": [0.4, 1.0, 0.9]}
    found = costs_of_a_step(seconds, "plain")
    assert found == pytest.approx({"plain": 1.5, "same": 1.5, "sam": 3.0, "half": 0.75})
    assert costs_of_a_step(seconds, "sam")["plain"] == pytest.approx(1.5)


def history(variant, losses, seed=0):
    epochs = np.arange(1, len(losses) + 1)
    return pd.DataFrame(
        {
            "experiment": "x", "variant": variant, "seed": seed, "epoch": epochs, "loss": losses, "data_loss": losses,
            "train_data_loss": losses, "val_data_loss": losses, "train_accuracy": 0.5, "val_accuracy": 0.5,
            "learning_rate": 0.1,
        }
    )  # fmt: skip


def tables_of(*histories):
    whole = pd.concat(histories, ignore_index=True)
    summary = facts(whole).assign(status="finished", zeros=0.25, test_data_loss=2.0)
    comparison = pd.DataFrame({"variant": ["plain", "sam"], "decision": ["baseline", ""]})
    return Tables(whole, summary, comparison)


def test_a_run_that_kept_an_epoch_within_the_time_is_what_it_was_and_any_other_keeps_its_best_one_there():
    tables = tables_of(history("plain", [3.0, 1.0, 2.0, 4.0]), history("sam", [3.0, 2.5, 2.7, 1.0]))
    shorter, summary = cut(tables.histories, tables.summary, {"plain": 4, "sam": 3})
    assert shorter.groupby("variant")["epoch"].max().to_dict() == {"plain": 4, "sam": 3}
    plain, sam = (row for _, row in summary.iterrows())
    assert plain.equals(tables.summary.iloc[0])
    assert (sam["kept_epoch"], sam["val_data_loss"], sam["epochs"], sam["end_val_data_loss"]) == (2, 2.5, 3, 2.7)
    assert np.isnan(sam["test_data_loss"])
    assert np.isnan(sam["zeros"])


def test_the_end_of_a_run_that_is_cut_is_that_of_the_cut_even_if_it_kept_an_earlier_epoch():
    tables = tables_of(history("plain", [3.0, 1.0, 2.0, 4.0]))
    _, summary = cut(tables.histories, tables.summary, {"plain": 3})
    row = summary.iloc[0]
    assert (row["kept_epoch"], row["epochs"], row["end_val_data_loss"], row["test_data_loss"]) == (2, 3, 2.0, 2.0)


def test_a_kept_epoch_that_another_rule_chose_stays():
    # Where min_delta is above 0 it is not that of the lowest loss.
    tables = tables_of(history("plain", [3.0, 1.0, 0.99, 4.0]))
    chosen = tables.summary.assign(kept_epoch=2.0, val_data_loss=1.0)
    _, summary = cut(tables.histories, chosen, {"plain": 3})
    assert (summary["kept_epoch"].iloc[0], summary["val_data_loss"].iloc[0]) == (2, 1.0)


def test_a_run_that_diverged_later_had_not_diverged_within_the_time():
    tables = tables_of(history("plain", [3.0, 2.0, 1.0, np.nan]), history("sam", [3.0, np.nan, 1.0, 1.0]))
    diverged = tables.summary.assign(status="diverged")
    _, summary = cut(tables.histories, diverged, {"plain": 3, "sam": 2})
    assert list(summary["status"]) == ["finished", "diverged"]


def cost(seconds, steps=2, epochs=4):
    return Cost("run", tuple(seconds), steps, epochs)


def test_the_time_is_that_of_all_steps_by_the_median_turn():
    tables = tables_of(history("plain", [3.0, 2.0, 1.5, 1.0]), history("sam", [3.0, 2.0, 1.5, 1.0]))
    found = in_equal_time(tables, {"plain": cost([0.1, 0.2, 9.0]), "sam": cost([0.2, 0.4, 18.0])})
    assert found.seconds == pytest.approx(0.2 * 2 * 4)
    assert found.epochs == {"plain": 4, "sam": 2}
    # The two runs kept their last epochs, of which one lies in the time.
    assert found.later == 1
    assert found.scheduled == ()


def test_a_variant_that_is_gone_or_has_no_runs_sets_no_time():
    tables = tables_of(history("plain", [3.0, 1.0, 1.5, 2.0]), history("sam", [3.0, 1.0, 1.5, 2.0]))
    costs = {"plain": cost([0.1]), "sam": cost([0.2])}
    others = {"gone": cost([0.001]), "slow": cost([9.0])}
    assert in_equal_time(tables, costs | others).epochs == in_equal_time(tables, costs).epochs == {"plain": 4, "sam": 2}


def test_the_test_split_is_compared_only_where_each_run_has_kept_an_epoch_in_the_time():
    tables = tables_of(history("plain", [3.0, 1.0, 1.5, 2.0]), history("sam", [3.0, 1.0, 1.5, 2.0]))
    costs = {"plain": cost([0.1]), "sam": cost([0.2])}
    assert metric_in_time(in_equal_time(tables, costs), None) == "test_data_loss"
    late = tables_of(history("plain", [3.0, 1.0, 1.5, 2.0]), history("sam", [3.0, 2.0, 1.5, 1.0]))
    found = in_equal_time(late, costs)
    assert metric_in_time(found, None) == "val_data_loss"
    assert metric_in_time(found, "val_accuracy") == "val_accuracy"
    with pytest.raises(UsageError, match=r"as 1 run kept a later epoch.*got 'test_accuracy'; use val_data_loss"):
        metric_in_time(found, "test_accuracy")


def test_rates_that_were_planned_for_all_epochs_are_named_where_a_variant_is_cut():
    falling = [0.1, 0.05, 0.02, 0.01]
    tables = tables_of(
        history("plain", [3.0, 1.0, 1.5, 2.0]).assign(learning_rate=falling),
        history("sam", [3.0, 1.0, 1.5, 2.0]).assign(learning_rate=falling),
    )
    assert in_equal_time(tables, {"plain": cost([0.1]), "sam": cost([0.2])}).scheduled == ("sam",)


def test_a_cost_is_the_median_of_the_ratios_of_the_turns():
    comparison = pd.DataFrame({"variant": ["sam", "plain"], "decision": ["better", "baseline"]})
    # A machine that slows down by ten in the second turn.
    made = with_costs(comparison, {"plain": cost([0.1, 1.0, 0.1]), "sam": cost([0.2, 2.0, 0.3])})
    assert made["cost"].tolist() == pytest.approx([2.0, 1.0])
    assert made["seconds_per_step"].tolist() == pytest.approx([0.3, 0.1])
    assert with_costs(comparison, {}) is comparison


def test_steps_are_those_of_the_run_and_the_steps_of_an_epoch_are_taken_in_each_turn(monkeypatch):
    from lab.engine import timing
    from lab.engine.loop import Loop

    taken = []
    original = Loop.take_steps

    def take_steps(self, epoch, rates, per_run, steps, in_training=None):
        taken.append((self.runs[0].task.training.sharpness, steps, rates.shape))
        return original(self, epoch, rates, per_run, steps, in_training)

    monkeypatch.setattr(Loop, "take_steps", take_steps)
    # So many seconds a step: the clock ticks once a call.
    ticks = iter(range(1000))
    monkeypatch.setattr(timing.time, "perf_counter", lambda: next(ticks))
    tasks = [task(training=dataclasses.replace(TRAINING, sharpness=radius)) for radius in (0.0, 0.1)]
    seconds = timing.seconds_per_step(tasks, ["a", "b"], rounds=2)
    assert taken == [(0.0, 3, (3, 1)), (0.1, 3, (3, 1))] * 3
    assert seconds.tolist() == [[1 / 3] * 2] * 2


def test_a_run_that_no_cohort_can_train_is_not_timed():
    from lab.engine.timing import seconds_per_step

    ours = task()
    theirs = dataclasses.replace(ours, build=partial(subclassed, SHAPE, 3))
    with pytest.raises(UsageError, match=r"^b must be one that a cohort can train to be timed, got one that it cannot"):
        seconds_per_step([ours, theirs], ["a", "b"])


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a script, its published runs and their costs, and what `cost` printed."""
    folder = tmp_path_factory.mktemp("cost")
    (folder / "x.py").write_text(SCRIPT)
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, pytest.MonkeyPatch.context() as printing:
        patch.chdir(folder)
        cli.lab(["run", "x.py", "--quiet"])
        printing.setattr("sys.stdout", out)
        cli.lab(["cost", "x.py"])
    return folder, out.getvalue()


@pytest.fixture
def folder(home, monkeypatch):
    monkeypatch.chdir(home[0])
    path = home[0] / "results" / "x" / "costs.json"
    before = path.read_bytes()
    yield path.parent
    path.write_bytes(before)


def test_costs_are_of_the_published_runs_and_compare_shows_them(home, folder, capsys):
    costs = read_costs(folder)
    tables = read_tables(folder)
    assert set(costs) == {"plain", "sam"}
    assert {(one.steps, one.epochs, len(one.seconds)) for one in costs.values()} == {(2, 6, 7)}
    assert "plain" in home[1]
    assert "cost" in home[1]
    cli.lab(["compare", "x", "--format", "csv"])
    shown = pd.read_csv(io.StringIO(capsys.readouterr().out)).set_index("variant")
    assert shown.loc["plain", "cost"] == 1.0
    assert shown.loc["sam", "seconds_per_step"] == pytest.approx(np.median(costs["sam"].seconds))
    assert len(tables.summary) == 6


def test_variants_are_compared_at_equal_time(folder, capsys):
    record = json.loads((folder / "costs.json").read_text())
    for name, seconds in (("plain", 0.001), ("sam", 0.0021)):
        record["variants"][name]["seconds"] = [seconds]
    (folder / "costs.json").write_text(json.dumps(record))
    cli.lab(["compare", "x", "--equal-time", "--format", "csv"])
    shown = pd.read_csv(io.StringIO(capsys.readouterr().out)).set_index("variant")
    histories = read_tables(folder).histories
    of_sam = histories[(histories["variant"] == "sam") & (histories["epoch"] <= 2)]
    assert shown.loc["sam", "metric"] == "val_data_loss"
    assert shown.loc["sam", "mean"] == pytest.approx(of_sam.groupby("seed")["val_data_loss"].min().mean())
    cli.lab(["compare", "x", "--equal-time"])
    printed = " ".join(capsys.readouterr().out.split())
    assert "Compared at equal training time, 0.012 s of steps of a run alone; epochs: plain 6, sam 2." in printed


def ends(capsys, *words):
    with pytest.raises(SystemExit) as end:
        cli.lab(list(words))
    return end.value.code, capsys.readouterr().err.strip()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda record: record.pop("variants"), "must have 'variants', an object of objects"),
        (lambda record: record["variants"]["sam"].pop("steps"), "must have 'steps', a whole number of at least 1"),
        (lambda record: record["variants"]["sam"].update(seconds=[]), "one number a turn"),
        (lambda record: record["variants"]["sam"].update(seconds=[0.0]), "'seconds' in"),
        (lambda record: record["variants"]["sam"].update(seconds=[0.1]), "'seconds' in"),
        (lambda record: record["variants"].pop("sam"), "must have variant 'sam' as it was last run"),
        (lambda record: record["variants"]["sam"].update(run="sam-seed0-r0"), "must have variant 'sam' as it was"),
    ],
)
def test_costs_that_are_damaged_or_of_other_runs_are_refused(folder, capsys, change, sentence):
    record = json.loads((folder / "costs.json").read_text())
    change(record)
    (folder / "costs.json").write_text(json.dumps(record))
    with pytest.raises(DataError, match=r"measure again: reglab cost x$"):
        read_costs(folder)
    assert ends(capsys, "compare", "x", "--equal-time")[0] == 1
    # Without it they are not needed, and what cannot be read is not shown.
    cli.lab(["compare", "x", "--format", "csv"])
    assert "seconds_per_step" not in capsys.readouterr().out


def test_what_was_not_run_or_has_no_costs_is_refused(folder, capsys, tmp_path):
    assert ends(capsys, "cost", "x.py", "--train-size", "50")[1].endswith(
        "give the options that the experiment was run with"
    )
    assert "holds no experiment; run it first: reglab run x" in ends(capsys, "cost", "x.py", "--results", "none")[1]
    assert "--engine must be left out of cost" in ends(capsys, "cost", "x.py", "--engine", "keras_fit")[1]
    logs = tmp_path / "logs"
    logs.mkdir()
    for name in ("a", "b"):
        pd.DataFrame({"epoch": [0, 1], "loss": [2.0, 1.0], "val_loss": [2.0, 1.5]}).to_csv(logs / f"{name}.csv")
    assert "must hold runs of the lab for --equal-time" in ends(capsys, "compare", str(logs), "--equal-time")[1]
