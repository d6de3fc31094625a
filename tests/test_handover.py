"""A running sweep is steered: a process with a changed declaration asks for it, and goes on with what is there."""

import json
import os
import socket
import threading
import time
from functools import partial

import filelock
import pytest

from lab.checks import DataError
from lab.cli.sentences import ending
from lab.data import digits
from lab.experiment import Experiment, Variant
from lab.models import dense
from lab.results.driver import only_driver
from lab.run import run
from lab.sweep.handover import ASKER, REQUEST, Handover, ask, asked
from lab.sweep.journal import journal
from lab.sweep.progress import HandedOverError, Progress
from lab.training import Training

ME = f"process {os.getpid()} on {socket.gethostname()}"


def experiment(epochs, *variants, seeds=(0, 1)):
    declared = {
        name: Variant(
            data=partial(digits, train_size=40),
            model=partial(dense, widths=(4,)),
            training=Training(epochs=epochs, batch_size=20, learning_rate=rate),
        )
        for name, rate in (("a", 0.1), ("b", 0.01), ("c", 0.02))
        if name in variants
    }
    return Experiment(name="x", variants=declared, baseline="a", seeds=seeds)


@pytest.fixture
def asker(tmp_path):
    """A process that asks for results/x, as far as others can see: its request and its lock."""
    (tmp_path / "x").mkdir()
    lock = filelock.FileLock(tmp_path / "x" / ASKER)
    lock.acquire()
    (tmp_path / "x" / REQUEST).write_text(json.dumps({"process": 77, "host": "elsewhere", "plan": "another"}))
    yield lock
    lock.release()


def test_a_sweep_that_is_asked_for_ends_with_its_epoch_and_is_taken_up_with_the_changed_declaration(
    tmp_path, asker, monkeypatch
):
    monkeypatch.setattr("lab.sweep.handover.LOOKS_EVERY", 0.0)
    asker.release()
    epochs = []

    def at(runs, epoch, *_):
        epochs.append(epoch)
        if epoch == 3:
            asker.acquire()

    first = run(experiment(2, "a", seeds=(0,)), results_folder=tmp_path)
    [finished] = (first / "runs").iterdir()
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in finished.iterdir()}
    long = experiment(9, "a", "b")
    with pytest.raises(HandedOverError) as caught:
        run(long, results_folder=tmp_path, progress=Progress(on_epoch=at))
    assert epochs == [1, 2, 3, 4], "at the end of epoch 4 what is to be kept can be kept"
    assert str(caught.value) == (
        "x is handed over to process 77 on elsewhere, which was given a changed declaration; what is published stays, "
        "and that process goes on from there"
    )
    assert ending(caught.value) == (4, str(caught.value))
    asker.release()
    told = []
    run(
        experiment(2, "a", "c"), results_folder=tmp_path, progress=Progress(on_end=lambda run, _: told.append(run.name))
    )
    assert sorted(name[:7] for name in told) == ["a-seed1", "c-seed0", "c-seed1"]
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in finished.iterdir()} == before


def test_a_request_counts_only_while_its_author_lives(tmp_path, asker):
    assert asked(tmp_path / "x") == "process 77 on elsewhere"
    asker.release()
    assert asked(tmp_path / "x") is None
    asker.acquire()
    (tmp_path / "x" / REQUEST).write_text("{")
    assert asked(tmp_path / "x") is None
    (tmp_path / "x" / REQUEST).unlink()
    assert asked(tmp_path / "x") is None


def test_a_request_that_is_seen_too_late_for_a_checkpoint_ends_the_next_epoch(tmp_path, asker):
    now = [0.0]
    watch = Handover(tmp_path / "x", clock=lambda: now[0])
    told = watch.progress()
    assert not watch.is_asked(), "it has looked a moment ago"
    now[0] = 1.0
    told.on_epoch([], 1, 1, 0.5, [])
    assert watch.is_asked()
    with pytest.raises(HandedOverError):
        told.on_epoch([], 2, 1, 0.5, [])
    with pytest.raises(HandedOverError):
        told.on_wait("compiling")


def test_a_sweep_looks_for_requests_now_and_then_and_not_at_every_epoch(tmp_path, monkeypatch):
    looked = []
    now = [0.0]
    monkeypatch.setattr("lab.sweep.handover.asked", lambda _: looked.append(now[0]))
    watch = Handover(tmp_path, clock=lambda: now[0])
    for i in range(1, 101):
        now[0] = i / 100
        assert not watch.is_asked()
    assert looked == pytest.approx([0.25, 0.5, 0.75, 1.0])


@pytest.fixture
def running(tmp_path):
    """A sweep of the runs a and b in another thread, which ends when it is asked to."""
    folder, began, asked_by = tmp_path / "x", threading.Event(), []

    def drive():
        watch = Handover(folder)
        with only_driver(folder), journal(folder, ["a", "b"]):
            began.set()
            until = time.monotonic() + 20
            while not watch.is_asked() and time.monotonic() < until and not asked_by:
                time.sleep(0.02)
            asked_by.append(watch.who)

    thread = threading.Thread(target=drive)
    thread.start()
    began.wait()
    yield asked_by
    asked_by.append("the end of the test")
    thread.join()


def test_whoever_has_other_runs_waits_until_the_sweep_is_handed_over(tmp_path, running):
    waited = []
    said = ask(tmp_path / "x", ["a", "c"], waited.append)
    assert said == f"{ME} has handed over, and this process goes on with the changed declaration"
    assert running == [ME]
    assert waited == [f"waiting until {ME} ends its epoch and hands over"]
    assert not (tmp_path / "x" / REQUEST).exists()
    with only_driver(tmp_path / "x"):
        pass


def test_whoever_has_the_same_runs_is_refused_as_before(tmp_path, running):
    assert ask(tmp_path / "x", ["b", "a"], pytest.fail) == ""
    assert not (tmp_path / "x" / REQUEST).exists()
    with pytest.raises(DataError, match="must be run by one process at a time, got another that runs it now"):
        only_driver(tmp_path / "x").__enter__()
    assert running == []


def test_two_cannot_ask_at_once(tmp_path, running):
    with filelock.FileLock(tmp_path / "x" / ASKER), pytest.raises(DataError) as caught:
        ask(tmp_path / "x", ["c"], pytest.fail)
    assert str(caught.value) == (
        f"x is about to be handed over by {ME} to another process that asked before; wait for it"
    )


def test_where_nobody_runs_it_nobody_is_asked(tmp_path):
    assert ask(tmp_path / "x", ["a"], pytest.fail) == ""
    assert not (tmp_path / "x").exists()
