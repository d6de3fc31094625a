"""The state of a running sweep: what it says, that it goes when the runs have ended, that the lock decides."""

import json
import os
import signal
import socket
import subprocess
import sys
import types
from functools import partial
from pathlib import Path

import pytest

from lab.data import digits
from lab.experiment import Experiment, Variant
from lab.models import dense
from lab.results.driver import holder
from lab.results.schema import HISTORY
from lab.run import run
from lab.sweep import journal as journals
from lab.sweep import state
from lab.sweep.journal import Journal
from lab.sweep.progress import Progress, both
from lab.training import Training


def experiment(epochs=3, **rates):
    rates = rates or {"a": 0.1, "b": 0.01}
    variants = {
        name: Variant(
            data=partial(digits, train_size=40),
            model=partial(dense, widths=(4,)),
            training=Training(epochs=epochs, batch_size=20, learning_rate=rate),
        )
        for name, rate in rates.items()
    }
    return Experiment(name="x", variants=variants, baseline="a", seeds=(0,))


def test_a_running_sweep_says_what_trains_and_leaves_nothing_when_it_has_ended(tmp_path, monkeypatch):
    monkeypatch.setattr("lab.sweep.journal.EVERY", 0.0)
    folder, seen, histories = tmp_path / "x", [], []

    def look(*_):
        seen.append(state.read(folder))
        histories.append([state.read_histories(folder, cohort) for cohort in seen[-1].running])

    run(experiment(), results_folder=tmp_path, progress=Progress(on_wait=look))
    assert [one.doing for one in seen] == ["", "loading TensorFlow", "building model 1 of 2", "building model 2 of 2"]
    seen.clear(), histories.clear()
    # The journal is told after the terminal, so each look shows the epoch before.
    run(experiment(epochs=4), results_folder=tmp_path, progress=Progress(on_epoch=look))
    before, first, *_, last = seen
    assert before.running == ()
    assert before.doing == "compiling the program of 2 runs"
    assert (before.process, before.host) == (os.getpid(), socket.gethostname())
    assert (before.planned, before.published, before.failed, before.left) == (2, 0, 0, None)
    [cohort] = first.running
    assert (cohort.epoch, cohort.epochs, len(cohort.runs)) == (1, 4, 2)
    assert sorted(name.partition("-")[0] for name in cohort.runs) == ["a", "b"]
    assert first.runs == dict.fromkeys(cohort.runs, cohort)
    [(rows, place)] = histories[1]
    assert [name for name, _ in rows] == list(cohort.runs)
    assert [row["train_data_loss"] for _, row in rows] == list(cohort.train)
    assert [row["val_data_loss"] for _, row in rows] == list(cohort.validation)
    assert last.running == (), "the last epoch is shown when its runs are published"
    assert last.published == 2
    assert state.read(folder) is None
    assert not (folder / ".sweep").exists()
    assert place > 0


def test_the_histories_of_a_cohort_are_read_on_from_where_one_was(tmp_path):
    clock = types.SimpleNamespace(now=0.0)
    journal = Journal(tmp_path, ["a", "b", "c"], clock=lambda: clock.now)
    runs = [types.SimpleNamespace(name=name, task=experiment_task(epochs=9)) for name in ("a", "b")]
    third = types.SimpleNamespace(name="c", task=runs[0].task)
    histories = [[], []]
    journal.on_plan(3, 0)
    for epoch in (1, 2, 3):
        clock.now += 10.0
        for k, rows in enumerate(histories):
            rows.append(dict.fromkeys(HISTORY, epoch + k / 10) | {"epoch": epoch})
        histories[1][-1]["val_data_loss"] = float("nan")
        journal.on_epoch(runs, epoch, 2, 0.5, histories)
        if epoch == 1:
            [cohort] = state.left_behind(tmp_path).running
            rows, place = state.read_histories(tmp_path, cohort)
            assert [(name, row["epoch"]) for name, row in rows] == [("a", 1), ("b", 1)]
    shown = state.left_behind(tmp_path)
    assert shown.left == 20 / 4 * (2 * 6 + 9), "4 epochs in 20 s, 12 and 9 ahead"
    assert shown.elapsed == 30.0
    [cohort] = shown.running
    assert cohort.validation == (3.0, None)
    with open(tmp_path / ".sweep" / cohort.file, "a") as file:
        file.write("a,4,0.5")
    rows, place = state.read_histories(tmp_path, cohort, place)
    assert [(name, row["epoch"]) for name, row in rows] == [("a", 2), ("b", 2), ("a", 3), ("b", 3)]
    assert state.read_histories(tmp_path, cohort, place) == ([], place)
    journal.on_end(runs[0])
    # One that has ended is told of once more, in the epoch that it ended with.
    clock.now += 10.0
    journal.on_epoch(runs, 4, 1, 0.5, [[*rows, dict.fromkeys(HISTORY, 4.0) | {"epoch": 4}] for rows in histories])
    assert [one.runs for one in state.left_behind(tmp_path).running] == [("b",)]
    journal.on_epoch([runs[1], third], 1, 2, 0.5, [[dict.fromkeys(HISTORY, 1.0) | {"epoch": 1}]] * 2)
    clock.now += 10.0
    # A run that could not be written trains no more, and is missing.
    journal.on_unwritten(third)
    assert [one.runs for one in state.left_behind(tmp_path).running] == [("b",)]
    journal.on_failure(runs[1], "it failed")
    assert not (tmp_path / ".sweep" / cohort.file).exists()
    assert state.read_histories(tmp_path, cohort, place) == ([], place)
    clock.now += 10.0
    journal.write()
    after = state.left_behind(tmp_path)
    assert (after.published, after.failed, after.running) == (1, 1, ())


def experiment_task(epochs):
    return types.SimpleNamespace(training=types.SimpleNamespace(epochs=epochs))


def test_runs_that_begin_again_after_their_cohort_failed_are_another_cohort(tmp_path):
    clock = types.SimpleNamespace(now=0.0)
    journal = Journal(tmp_path, ["a", "b"], clock=lambda: clock.now)
    runs = [types.SimpleNamespace(name=name, task=experiment_task(epochs=9)) for name in ("a", "b")]
    row = dict.fromkeys(HISTORY, 1.0)
    journal.on_epoch(runs, 1, 2, 0.5, [[row], [row]])
    clock.now += 10.0
    journal.on_epoch(runs[1:], 1, 1, 0.5, [[row]])
    together, one = state.left_behind(tmp_path).running
    assert (together.runs, one.runs) == (("a",), ("b",))
    assert together.file != one.file


def test_a_state_is_written_at_most_once_a_second_whatever_the_wall_clock_does(tmp_path, monkeypatch):
    clock = types.SimpleNamespace(now=0.0)
    journal = Journal(tmp_path, ["a"], clock=lambda: clock.now)
    written = []
    monkeypatch.setattr(journal, "write", lambda: (written.append(clock.now), setattr(journal, "wrote", clock.now)))
    monkeypatch.setattr("time.time", lambda: -1e9)
    runs = [types.SimpleNamespace(name="a", task=experiment_task(epochs=99))]
    for i in range(1, 41):
        clock.now = i / 10
        journal.on_epoch(runs, i, 1, 0.5, [[dict.fromkeys(HISTORY, 1.0)] * i])
    assert written == pytest.approx([0.1, 1.1, 2.1, 3.1])


def test_a_state_is_whole_before_it_takes_the_place_of_the_last_one(tmp_path, monkeypatch):
    replaced, replace = [], os.replace

    def look(source, target):
        replaced.append(json.loads(Path(source).read_text()))
        replace(source, target)

    monkeypatch.setattr(os, "replace", look)
    with journals.journal(tmp_path, ["a-seed0-r1"]) as progress:
        progress.on_plan(1, 0)
    assert replaced
    assert all(state["experiment"] == tmp_path.name for state in replaced)


def test_a_disk_that_takes_no_state_stops_no_training(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / ".sweep").write_text("in the way")
    folder = run(experiment(), results_folder=tmp_path)
    assert len(list((folder / "runs").iterdir())) == 2


HOLD = """
import sys, time
from pathlib import Path
from lab.results.driver import only_driver
from lab.sweep.journal import journal
with only_driver(Path(sys.argv[1])), journal(Path(sys.argv[1]), ["a", "b"]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_lock_decides_whether_a_sweep_runs_and_what_a_killed_process_left_counts_for_nothing(tmp_path):
    folder = tmp_path / "x"
    assert holder(folder) is None
    with subprocess.Popen([sys.executable, "-c", HOLD, folder], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        assert holder(folder) == f"process {process.pid} on {socket.gethostname()}"
        found = state.read(folder)
        assert (found.process, found.experiment, found.plan) == (process.pid, "x", state.digest(["b", "a"]))
        process.send_signal(signal.SIGKILL)
    assert holder(folder) is None
    assert state.read(folder) is None
    assert state.left_behind(folder) == found


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"running": 3}', '{"running": [{"runs": []}]}', "\0"])
def test_a_state_that_cannot_be_read_is_none(tmp_path, content):
    (tmp_path / ".sweep").mkdir()
    (tmp_path / ".sweep" / "state.json").write_text(content)
    assert state.left_behind(tmp_path) is None


def test_two_are_told_of_everything():
    first, second = [], []
    told = both(Progress(on_plan=lambda *now: first.append(now)), Progress(on_plan=lambda *now: second.append(now)))
    told.on_plan(3, 1)
    told.on_note("ignored")
    assert first == second == [(3, 1)]
