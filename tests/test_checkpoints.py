"""Whatever ends the process, runs go on from their checkpoint and end with the bits of uninterrupted ones."""

import io
import json
import os
import threading
import weakref
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from lab.engine import cohort, keras_fit, loop
from lab.engine.task import Task, Trained
from lab.engine.training_state import State
from lab.regularization import Regularization
from lab.sweep import checkpoint_file, checkpoints, resumption
from lab.sweep.checkpoint_pace import SHARE, Pace
from lab.sweep.checkpoints import Checkpoints
from lab.training import Training
from tests.cohorts import SHAPE, dataset, identical, rich, task
from tests.selection import quick


class KilledError(Exception):
    """Ends a process of these tests."""


def moved(seed: int) -> keras.Model:
    """Return a model with a layer that no rule covers: pictures are moved at random."""
    glorot = partial(keras.initializers.GlorotNormal, seed)
    x = keras.Input(SHAPE)
    y = keras.layers.Flatten()(keras.layers.RandomTranslation(0.2, 0.2, seed=seed)(x))
    y = keras.layers.Dense(8, "relu", kernel_initializer=glorot())(y)
    return keras.Model(x, keras.layers.Dense(3, kernel_initializer=glorot())(keras.layers.Dropout(0.2, seed=seed)(y)))


def unrolled() -> list[Task]:
    training = Training(epochs=5, batch_size=16, learning_rate=0.02)
    return [Task(partial(moved, seed), dataset(), training, seed) for seed in range(2)]


def scheduled(schedule: str, optimizer: str) -> list[Task]:
    training = Training(
        optimizer=optimizer,
        schedule=schedule,
        decay_steps=5,
        learning_rate=0.05,
        epochs=5,
        batch_size=16,
        weight_decay=1e-3,
        label_smoothing=0.1,
        replacement=optimizer == "rmsprop",
    )
    return [task(Regularization(l2=1e-3, max_norm=1.0), training=training, seed=seed) for seed in range(3)]


def stopping() -> list[Task]:
    """Return runs that end after 3, 5 and many epochs, the last of which is not their best."""
    training = Training(epochs=9, batch_size=16, patience=2, learning_rate=0.01)
    rates = (0.3, 0.0005, 0.08, 0.02)
    return [
        task(Regularization(dropout=0.2), training=replace(training, learning_rate=rate), seed=seed)
        for seed, rate in enumerate(rates)
    ]


CASES = {
    "dropout, noise, batch normalization and penalties": rich,
    "convolutions": partial(rich, "conv", 5),
    "unrolled, with augmentation": unrolled,
    "cosine and momentum": partial(scheduled, "cosine", "momentum"),
    "exponential and RMSprop, drawn with replacement": partial(scheduled, "exponential", "rmsprop"),
    "early stopping": stopping,
}


QUICK_CASES = {
    "cohort": ("unrolled, with augmentation",),
    "keras_fit": (),
}
"""Those that `make test` runs; `make test-slow` runs the others."""


def kept_in(folder, tasks: list[Task], notes: list[str] | None = None, every: float = 1e-9) -> Checkpoints:
    """Return checkpoints as a new process would have them."""
    names = {id(one): f"run{i}" for i, one in enumerate(tasks)}
    return Checkpoints(folder, names, every, [].append if notes is None else notes.append)


def train(engine: str, folder, tasks: list[Task], ended: dict[int, Trained], until: int = 10**9) -> list[int]:
    """Train what has not ended in a process that is killed after an epoch; return the epochs that it trained."""
    left = [i for i in range(len(tasks)) if i not in ended]
    keeping, epochs = kept_in(folder, tasks), []

    def on_epoch(epoch: int, *_: object) -> None:
        epochs.append(epoch)
        if epoch >= until:
            raise KilledError

    def end(i: int, trained: Trained) -> None:
        ended[i] = trained
        keeping.published(f"run{i}")

    try:
        if engine == "cohort":
            cohort.train([tasks[i] for i in left], on_epoch, lambda i, it: end(left[i], it), checkpoints=keeping)
        else:
            for i in left:
                end(i, keras_fit.train(tasks[i], on_epoch, keeping))
    finally:
        keeping.wait()
    return epochs


@pytest.mark.parametrize(
    ("engine", "case"),
    [
        pytest.param(engine, case, marks=() if case in QUICK_CASES[engine] else pytest.mark.slow)
        for engine in ("cohort", "keras_fit")
        for case in CASES
    ],
)
def test_killed_twice_runs_end_with_the_same_bits(tmp_path, monkeypatch, engine, case):
    # Whether it saves time is a matter of seconds.
    monkeypatch.setattr(loop, "worth_compacting", lambda replicas, going, *_: going < replicas)
    tasks = CASES[case]()[: 2 if engine == "keras_fit" else None]
    whole, ended = {}, {}
    train(engine, tmp_path / "whole", tasks, whole)
    if case == "early stopping":
        lengths = [len(one.rows) for one in whole.values()]
        assert len(set(lengths)) > 1
        assert any(one.kept_epoch < len(one.rows) for one in whole.values())
    for until in (2, 3):
        with pytest.raises(KilledError):
            train(engine, tmp_path / "killed", tasks, ended, until)
    assert len(ended) < len(tasks)
    assert train(engine, tmp_path / "killed", tasks, ended)[0] == 4, "no epoch is trained again"
    assert all(identical(ended[i], whole[i]) for i in range(len(tasks)))
    for i in whole:
        assert len(ended[i].epoch_seconds) == len(whole[i].epoch_seconds) == len(whole[i].rows)
        assert all(np.array_equal(a, b) for a, b in zip(ended[i].last_weights, whole[i].last_weights, strict=True))
    assert not list((tmp_path / "killed").rglob("*.safetensors")), "the files of published runs are removed"


def killed_after(folder, tasks: list[Task], epoch: int) -> str:
    """Kill the training of tasks after an epoch and return the path of the checkpoint."""
    with pytest.raises(KilledError):
        train("cohort", folder, tasks, {}, epoch)
    [path] = folder.rglob("*.safetensors")
    return path


@pytest.fixture(scope="module")
def three():
    return rich()[:3]


@pytest.fixture(scope="module")
def whole(three):
    return cohort.train(three)


@pytest.mark.slow
def test_runs_go_on_without_those_that_were_taken_out_and_with_new_ones(tmp_path, three, whole):
    tasks = [*three, *rich()[3:]]
    killed_after(tmp_path, tasks[:3], 2)
    keeping, epochs = kept_in(tmp_path, tasks), []
    mine = [tasks[4], tasks[2], tasks[0]]
    found = cohort.train(mine, lambda epoch, live, *_: epochs.append((epoch, live)), checkpoints=keeping)
    assert epochs[0] == (3, 2), "two runs go on"
    assert (1, 1) in epochs, "and the new one begins"
    assert identical(found[1], whole[2])
    assert identical(found[2], whole[0])
    assert identical(found[0], cohort.train([tasks[4]])[0])


@pytest.mark.slow
def test_a_cohort_that_is_halved_by_lack_of_memory_goes_on_from_its_checkpoint(tmp_path, monkeypatch, three, whole):
    killed_after(tmp_path, three, 2)
    monkeypatch.setattr(cohort, "_at_most", lambda *_: 2)
    epochs = []
    with pytest.warns(UserWarning, match="do not fit into memory together"):
        found = cohort.train(three, lambda epoch, *_: epochs.append(epoch), checkpoints=kept_in(tmp_path, three))
    assert epochs == [3, 4, 3, 4]
    assert all(identical(a, b) for a, b in zip(found, whole, strict=True))


def spoiled(path, how: str) -> None:
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    if how == "truncated":
        path.write_bytes(content[:-1])
    elif how == "its header torn":
        path.write_bytes(content[:40])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "a bit turned":
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif how == "no checkpoint":
        from safetensors.numpy import save_file

        save_file({"x": np.zeros(3)}, path)
    elif how == "a folder":
        path.unlink()
        path.mkdir()
    elif how == "a FIFO":
        path.unlink()
        os.mkfifo(path)
    else:
        header, state = checkpoint_file.read(path)
        del header["sha256"]
        if how == "of another version":
            header["bits"] = {**header["bits"], "tensorflow": "2.20.0"}
        elif how == "of another number of threads":
            header["bits"] = {**header["bits"], "threads": 96}
        elif how == "of the other engine":
            header["engine"] = "keras_fit"
        elif how == "of another model":
            arrays = {**state.arrays, "variable.0": state.arrays["variable.0"][:, :-1]}
            state = State(state.epoch, arrays)
        checkpoint_file.write(path, state, header)
        if how == "of another format":
            changed = path.read_bytes()[8 : 8 + size].replace(b'\\"format\\": 1', b'\\"format\\": 9')
            path.write_bytes(content[:8] + changed + content[8 + size :])


SPOILED = {
    "truncated": "it is torn or no checkpoint (Error while deserializing header: incomplete metadata, file not fully "
    "covered)",
    "its header torn": None,
    "empty": None,
    "a bit turned": "its content does not have its hash",
    "no checkpoint": "it is no checkpoint of the lab",
    "a folder": "it is no file",
    "a FIFO": "it is no file",
    "of another version": "it was written with tensorflow 2.20.0 instead of 2.",
    "of another number of threads": None,
    "of the other engine": "it was written by the engine keras_fit, and cohort trains now",
    "of another model": "its variable.0 is float32 of shape (3, 35, 12), and that of the model float32 of shape "
    "(3, 36, 12)",
    "of another format": "its format is 9, and this version of the lab reads 1",
}


QUICK = ("a bit turned",)


@pytest.fixture(scope="module")
def written(tmp_path_factory, three):
    """The name and the content of a checkpoint."""
    path = killed_after(tmp_path_factory.mktemp("written"), three, 2)
    return path.name, path.read_bytes()


@pytest.mark.parametrize("how", [how for how in SPOILED if how != "of another model"])
def test_a_checkpoint_that_cannot_be_read_or_used_says_why(tmp_path, three, written, how):
    keeping = kept_in(tmp_path, three, notes := [], every=0)
    keeping.folder.mkdir(parents=True, exist_ok=True)
    path = keeping.folder / written[0]
    path.write_bytes(written[1])
    spoiled(path, how)
    assert [saved.read(three) for saved in keeping.saved("cohort", three)] in ([], [None])
    (note,) = notes
    reason = note.removeprefix(f"the checkpoint {path.name} is ignored: ")
    reason = reason.removesuffix("; its runs train from their first epoch")
    expected = SPOILED[how]
    assert reason != note
    assert expected is None or (reason.startswith(expected) if expected.endswith("2.") else reason == expected)


@pytest.mark.parametrize("how", [pytest.param(how, marks=() if how in QUICK else pytest.mark.slow) for how in SPOILED])
def test_a_checkpoint_that_cannot_be_used_is_ignored_with_one_sentence(tmp_path, three, whole, how):
    path = killed_after(tmp_path, three, 2)
    spoiled(path, how)
    notes, epochs = [], []
    keeping = kept_in(tmp_path, three, notes, every=0)
    found = cohort.train(three, lambda epoch, *_: epochs.append(epoch), checkpoints=keeping)
    assert epochs == [1, 2, 3, 4]
    assert all(identical(a, b) for a, b in zip(found, whole, strict=True))
    assert len(notes) == 1
    assert notes[0].startswith(f"the checkpoint {path.name} is ignored: ")
    assert notes[0].endswith("; its runs train from their first epoch")
    assert SPOILED[how] is None or SPOILED[how] in notes[0]


@pytest.mark.parametrize("reason", quick(["No space left on device", "Read-only file system"]))
def test_where_none_can_be_written_training_goes_on_and_one_sentence_says_so(
    tmp_path, monkeypatch, three, whole, reason
):
    path = killed_after(tmp_path, three, 1)
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, reason)

    monkeypatch.setattr(checkpoint_file.os, "fsync", fail)
    notes = []
    found = cohort.train(three, checkpoints=kept_in(tmp_path, three, notes))
    assert notes == [f"no checkpoint is written of 3 runs in training: {reason}; they train on without"]
    assert all(identical(a, b) for a, b in zip(found, whole, strict=True))
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name], "nothing half-written is left"


@pytest.mark.skipif(not os.path.exists("/proc/cpuinfo"), reason="this kernel names none")
def test_the_processor_is_the_one_that_the_kernel_names(monkeypatch):
    described = Path("/proc/cpuinfo")
    named = [line.partition(":")[2].strip() for line in described.read_text().splitlines() if "model name" in line]
    assert checkpoint_file.bits()["processor"] == (named[0] if named else "")
    monkeypatch.setattr("builtins.open", lambda *_, **__: io.StringIO("vendor_id: x\n"))
    assert checkpoint_file._processor() == ""


def test_the_hash_of_a_checkpoint_is_of_names_and_forms_too():
    x = np.arange(6, dtype=np.float32)
    others = ({"b": x}, {"a": x.reshape(2, 3)}, {"a": x.view(np.int32)}, {"a": x[:5]}, {})
    hashes = {checkpoint_file._hash({"epoch": 1}, arrays) for arrays in ({"a": x}, *others)}
    hashes.add(checkpoint_file._hash({"epoch": 2}, {"a": x}))
    assert len(hashes) == 7


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("every", "seconds", "epochs"),
    [
        # After 24 s another epoch would end at 36 s, too late.
        (30, 12, [2, 4, 6]),
        (30, 10, [3, 6]),
        (30, 100, [1, 2, 3, 4, 5, 6]),
        (30, 1, []),
        (0, 100, []),
    ],
)
def test_it_is_written_so_often_that_no_more_than_the_interval_is_lost(tmp_path, monkeypatch, every, seconds, epochs):
    written, clock = [], Clock()
    monkeypatch.setattr(checkpoints, "write", lambda path, state, header: written.append(state.epoch))
    one = task()
    keeping = Checkpoints(tmp_path, {id(one): "run"}, every, clock=clock)
    offer = keeping.offer("cohort", [one])
    for epoch in range(1, 7):
        clock.now += seconds
        offer([one], lambda epoch=epoch: State(epoch, {}))
    keeping.wait()
    assert written == epochs


def paced(every: float | None, seconds: float, waiting: float, epochs: int) -> tuple[list[int], Pace]:
    """Return after which epochs a state is written that training waits for, and the pace."""
    clock, written = Clock(), []
    pace = Pace(every, clock)
    pace.begin()
    for epoch in range(1, epochs + 1):
        clock.now += seconds
        pace.end_epoch()
        if pace.due(0.0):
            clock.now += waiting
            pace.take(waiting)
            pace.keep()
            written.append(epoch)
    return written, pace


@pytest.mark.parametrize(
    ("waiting", "epochs"),
    [
        # After the first one 3 s are 2 % of 150 s: those spent and those of the next one are 2 % of 300 s.
        (3.0, [3, 30, 45, 60, 74, 89]),
        (0.1, [3 * k for k in range(1, 31)]),
    ],
    ids=["that cost much", "that cost little"],
)
def test_unless_somebody_says_how_often_checkpoints_cost_less_than_a_fiftieth_of_the_time(waiting, epochs):
    written, pace = paced(None, 10.0, waiting, 90)
    assert written == epochs
    assert pace.spent <= max(SHARE * (pace.clock() - pace.began), waiting)


@pytest.mark.parametrize(("seconds", "due"), [(15.0, [False, True]), (15.25, [True, True])])
def test_unless_somebody_says_how_often_one_is_due_where_the_next_would_come_after_more_than_30_seconds(seconds, due):
    clock, found = Clock(), []
    pace = Pace(None, clock)
    pace.begin()
    for _ in due:
        clock.now += seconds
        pace.end_epoch()
        found.append(pace.due(writing=0.0))
    assert found == due


def test_whoever_says_how_often_gets_it_whatever_it_costs():
    assert paced(30.0, 10.0, 3.0, 9)[0] == [3, 6, 9]


def test_what_training_waits_and_the_time_of_a_core_that_writes_are_counted():
    pace = Pace(None, Clock())
    pace.take(0.5)
    pace.pay(0.25, cpu=2.0)
    pace.take(0.5)
    assert (pace.cost, pace.spent) == (0.5, 3.25)


def test_training_waits_for_a_file_that_is_late_only_where_somebody_says_how_often():
    for every, late in ((30.0, [False, False, True, False]), (None, [False] * 4)):
        clock, found = Clock(), []
        pace = Pace(every, clock)
        pace.begin()
        for epoch in range(1, 5):
            clock.now += 10.0
            pace.end_epoch()
            found.append(pace.late())
            if epoch == 2:
                pace.take(0.0)
            elif epoch == 3:
                # It was there at last: what is at risk began after the second epoch.
                pace.keep()
        assert found == late


def test_it_is_written_at_once_where_that_is_wanted(tmp_path, monkeypatch):
    written, wanted = [], []
    monkeypatch.setattr(checkpoints, "write", lambda path, state, header: written.append(state.epoch))
    one = task()
    offer = Checkpoints(tmp_path, {id(one): "run"}, 1e9, wanted=lambda: bool(wanted)).offer("cohort", [one])
    offer([one], lambda: State(1, {}))
    wanted.append(True)
    offer([one], lambda: State(2, {}))
    assert written == [2]


@pytest.fixture
def slow(tmp_path, monkeypatch):
    """Return checkpoints of one run that are written when an event is set, and how many states there are meanwhile."""
    let, alive = threading.Event(), []

    def write(path, state, header):
        assert let.wait(20)
        checkpoint_file.write(path, state, header)

    monkeypatch.setattr(checkpoints, "write", write)
    one = task()
    keeping = Checkpoints(tmp_path, {id(one): "run"}, 1e-9)
    offer = keeping.offer("cohort", [one])

    def after(epoch):
        state = State(epoch, {"x": np.full((1, 3), epoch)})
        alive.append(weakref.ref(state))
        return state

    yield SimpleNamespace(let=let, keeping=keeping, epoch=lambda epoch: offer([one], lambda: after(epoch)), alive=alive)
    let.set()
    keeping.wait()


def test_training_goes_on_while_one_is_written_and_what_is_written_is_told_at_an_epochs_end(slow):
    slow.epoch(1)
    assert list(slow.keeping.folder.glob("*.safetensors")) == [], "the epoch has ended before it is written"
    assert resumption.told() == ": 1 run from the first epoch"
    slow.let.set()
    slow.keeping.wait()
    assert resumption.told() == ": 1 run after epoch 1"


@pytest.mark.parametrize("every", [30.0, None], ids=["waits where that is asked for", "never waits otherwise"])
def test_an_epoch_that_would_put_more_at_risk_than_was_asked_for_waits_for_the_file(tmp_path, monkeypatch, every):
    let, clock, one = threading.Event(), Clock(), task()

    def write(path, state, header):
        assert let.wait(20)
        checkpoint_file.write(path, state, header)

    monkeypatch.setattr(checkpoints, "write", write)
    keeping = Checkpoints(tmp_path, {id(one): "run"}, every, clock=clock)
    offer = keeping.offer("cohort", [one])
    for epoch in range(1, 5):
        clock.now += 10.0
        if epoch == 4 and every:
            threading.Timer(0.05, let.set).start()
        offer([one], lambda epoch=epoch: State(epoch, {"x": np.full((1, 3), epoch)}))
    epochs = [checkpoint_file.read(path)[1].epoch for path in keeping.folder.glob("*.safetensors")]
    assert epochs == ([3] if every else [])
    let.set()
    keeping.wait()


def test_one_is_written_after_the_other_and_no_state_is_kept_beside_the_one_that_is_written(slow):
    slow.epoch(1)
    threading.Timer(0.05, slow.let.set).start()
    slow.epoch(2)
    assert slow.alive[0]() is None
    slow.keeping.wait()
    assert slow.alive[1]() is None
    (path,) = slow.keeping.folder.glob("*.safetensors")
    assert checkpoint_file.read(path)[1].epoch == 2


def test_a_run_that_is_published_while_its_checkpoint_is_written_leaves_none(slow):
    slow.epoch(1)
    threading.Timer(0.05, slow.let.set).start()
    slow.keeping.published("run")
    assert list(slow.keeping.folder.glob("*.safetensors")) == []
    assert resumption.told() == ""


def test_a_checkpoint_with_runs_of_other_processes_stays_until_all_are_published(tmp_path, three):
    path = killed_after(tmp_path, three, 2)
    mine = Checkpoints(tmp_path, {id(three[0]): "run0"}, 30, shared=True)
    (found,) = mine.saved("cohort", three[:1])
    assert found.read(three[:1]).epoch == 2
    mine.published("run0")
    assert path.exists()
    mine.clear()
    assert not path.exists()


def test_a_checkpoint_goes_with_the_last_of_its_runs_that_this_process_has_where_no_other_one_trains(tmp_path, three):
    path = killed_after(tmp_path, three, 2)
    alone = Checkpoints(tmp_path, {id(three[0]): "run0", id(three[1]): "run1"}, 30)
    alone.saved("cohort", three[:2])
    alone.published("run0")
    assert path.exists()
    # Nobody asks for run2 any more.
    alone.published("run1")
    assert not path.exists()


def test_a_checkpoint_says_what_it_holds(tmp_path, three):
    path = killed_after(tmp_path, three, 2)
    header = checkpoint_file.read_header(path)
    assert (header["format"], header["engine"], header["epoch"]) == (1, "cohort", 2)
    assert header["runs"] == ["run0", "run1", "run2"]
    assert {"tensorflow", "keras", "numpy", "threads", "processor"} <= set(header["bits"])
    assert json.loads(json.dumps(header)) == header
