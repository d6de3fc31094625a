"""Workers: other processes train the cohorts of a sweep, and nothing of what they publish tells that they did."""

import contextlib
import dataclasses
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab import results
from lab.checks import DataError, UsageError
from lab.cli.find import find
from lab.data import from_csv
from lab.engine.task import Trained
from lab.plan import plan
from lab.run import run
from lab.sweep import checkpoint_file, crew, distribute, publishing, resumption, source, workers
from lab.sweep.crew import Answer, Crew, Worker
from lab.sweep.progress import Progress
from lab.sweep.source import Source
from lab.sweep.workers import Workers

SCRIPT = '''"""Does a penalty help?"""
from functools import partial
from lab import Experiment, Regularization, Training, Variant
from lab.data import digits
from lab.models import dense

def variant(epochs=EPOCHS, **penalty):
    return Variant(
        data=partial(digits, train_size=60),
        model=partial(dense, widths=(8,), regularization=Regularization(**penalty)),
        training=Training(epochs=epochs, batch_size=20),
    )

EXPERIMENT = Experiment(
    name="x", variants={"none": variant(), "l2": variant(l2=0.01)}, baseline="none", seeds=range(8)
)

if __name__ == "__main__":
    from lab.cli import main

    main(EXPERIMENT)
'''


@pytest.fixture(autouse=True)
def same_working_folder(monkeypatch):
    """Come back from the folder into which a worker of this process was sent."""
    monkeypatch.chdir(os.getcwd())


@pytest.fixture
def script(tmp_path):
    return written(tmp_path, epochs=3)


def written(folder, epochs):
    path = folder / "x.py"
    path.write_text(SCRIPT.replace("EPOCHS", str(epochs)))
    return path


def histories(folder):
    return {path.parent.name: path.read_bytes() for path in folder.glob("x/runs/*/history.csv")}


def test_two_workers_publish_the_same_bytes_as_one_process(tmp_path, script):
    pytest.importorskip("distributed")
    experiment = find(str(script))
    heard = []
    run(
        experiment,
        results_folder=tmp_path / "two",
        workers=Workers(count=2),
        source=Source(script),
        progress=Progress(
            on_wait=heard.append,
            on_epoch=lambda runs, epoch, live, best, rows: heard.append((len(runs), [len(one) for one in rows])),
            on_end=lambda run, trained: heard.append(run.name),
        ),
    )
    run(experiment, results_folder=tmp_path / "one")
    names = [run.name for run in plan(experiment)]
    assert sorted(item for item in heard if item in names) == sorted(names)
    assert "starting 2 workers" in heard
    assert (8, [1] * 8) in heard
    assert histories(tmp_path / "two") == histories(tmp_path / "one")
    assert len(histories(tmp_path / "two")) == 16
    expected = workers.threads_of_each(2)
    assert {record["threads"] for record in results.read_provenance(tmp_path / "two" / "x")} == {expected}


class FakeCrew:
    """A crew of workers that answer as a test says."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []
        self.there = {name: Worker(name, 0, 0, False, "ready", "a host") for name in ("a", "b")}
        self.news = []

    def look(self):
        lost = [worker for worker in self.there.values() if worker.state == "dead"]
        for worker in lost:
            worker.state, worker.future = "ready", None
        return lost

    def idle(self):
        return [worker for worker in self.there.values() if worker.state == "ready" and worker.future is None]

    def give(self, worker, function, request, work):
        self.requests.append((function.__name__, [run[3] for run in request["runs"]]))
        worker.work, worker.future = work, "busy"
        answer = self.answers.pop(0) if self.answers else {"failed": [], "unwritten": []}
        if answer == "dies":
            worker.state = "dead"
        else:
            self.news.append((worker, work, answer))

    def hear(self, seconds):
        if not self.news:
            return None
        worker, work, answer = self.news.pop(0)
        worker.future = None
        return Answer(worker, work, answer)


def sweep(monkeypatch, crew, count, on_unwritten=None, **callbacks):
    runs = [SimpleNamespace(name=f"r{i}", variant="v", seed=i, fold=None, place=f"run {i}") for i in range(count)]
    ended = []
    monkeypatch.setattr(distribute, "published", lambda *_: None)
    progress = Progress(on_end=lambda run, _: ended.append(run.name), **callbacks)
    return distribute._Sweep(crew, runs, Path("folder"), {}, on_unwritten, progress), ended


def test_runs_are_sorted_by_a_worker_and_then_given_out_in_parts_the_largest_first(monkeypatch):
    found = {"groups": [[0, 1], list(range(2, 30))], "refused": [[30, "it has a loop"]], "largest": 32}
    fake = FakeCrew(found)
    refused = []
    made, ended = sweep(monkeypatch, fake, 31, on_refusal=lambda run, reason: refused.append((run.name, reason)))
    made.train("cohort")
    names = [(kind, len(runs)) for kind, runs in fake.requests]
    assert names == [("group", 31), ("train", 14), ("train", 14), ("train", 2), ("train", 1)]
    assert fake.requests[-1] == ("train", ["r30"])
    assert refused == [("r30", "it has a loop")]
    assert sorted(ended) == sorted(f"r{i}" for i in range(31))


def test_what_a_dead_worker_leaves_is_given_to_another_and_divided_after_three_deaths(monkeypatch):
    found = {"groups": [[0, 1, 2, 3]], "refused": [], "largest": 32}
    fake = FakeCrew(found, "dies", "dies", "dies")
    notes = []
    made, ended = sweep(monkeypatch, fake, 4, on_note=notes.append)
    made.train("cohort")
    assert [len(runs) for _, runs in fake.requests] == [4, 4, 4, 4, 2, 2]
    assert sorted(ended) == ["r0", "r1", "r2", "r3"]
    assert notes == ["a worker on a host is gone, and another one trains what it has left"] * 3


def test_a_cohort_that_comes_forward_before_each_death_is_neither_divided_nor_given_up(monkeypatch):
    found = {"groups": [[0, 1, 2, 3]], "refused": [], "largest": 32}
    fake = FakeCrew(found, *["dies"] * 5)
    made, ended = sweep(monkeypatch, fake, 4)
    giving = fake.give

    def give(worker, function, request, work):
        giving(worker, function, request, work)
        if function is distribute.on_worker.train:
            made._told({"unit": request["unit"], "kept": [[0, 1], len(fake.requests)]})

    fake.give = give
    made.train("cohort")
    assert [len(runs) for _, runs in fake.requests] == [4] * 7
    assert sorted(ended) == ["r0", "r1", "r2", "r3"]
    assert resumption.told() == ""


def test_models_with_which_three_workers_die_while_they_are_built_end_the_sweep_with_a_sentence(monkeypatch):
    made, ended = sweep(monkeypatch, FakeCrew("dies", "dies", "dies"), 2)
    with pytest.raises(DataError, match=r"^3 workers ended while they built the models; train without workers to see"):
        made.train("cohort")
    assert ended == []


def test_work_goes_to_the_worker_that_it_is_given_to_and_is_never_taken_for_other_work(tmp_path):
    pytest.importorskip("distributed")
    submitted, callbacks = [], []
    future = SimpleNamespace(add_done_callback=callbacks.append)
    client = FakeClient()
    client.submit = lambda function, request, **options: submitted.append((function, request, options)) or future
    made = Crew(client, Workers(cluster="tcp://h:1"), tmp_path, print, print)
    plain, fast = Worker("tcp://h:2", 0, 0, False), Worker("tcp://h:3", 0, 0, True)
    for worker in (plain, plain, fast):
        made.give(worker, crew.on_worker.probe, {"folder": "x"}, "work")
    assert [function for function, _, _ in submitted] == [crew.on_worker.probe] * 3
    assert [json.loads(request) for _, request, _ in submitted] == [{"folder": "x", "topic": made.topic}] * 3
    keys = [options.pop("key") for _, _, options in submitted]
    assert len(set(keys)) == 3
    on = {"allow_other_workers": False, "pure": False}
    assert [options for _, _, options in submitted] == [
        {"workers": ["tcp://h:2"], "resources": None} | on,
        {"workers": ["tcp://h:2"], "resources": None} | on,
        {"workers": ["tcp://h:3"], "resources": {"GPU": 1}} | on,
    ]
    assert (plain.work, plain.future) == ("work", future)
    for callback in callbacks:
        callback("done")
    assert [made.inbox.get_nowait() for _ in callbacks] == [(plain, "done"), (plain, "done"), (fast, "done")]


def test_the_driver_knows_where_the_runs_of_its_workers_go_on_and_says_a_note_once(monkeypatch):
    resumption.nothing_trains()
    heard = []
    made, _ = sweep(
        monkeypatch,
        FakeCrew(),
        3,
        on_note=heard.append,
        on_epoch=lambda runs, epoch, live, best, rows: heard.append([[row["epoch"] for row in one] for one in rows]),
    )
    made._give(Worker("tcp://h:2", 0, 0, False), distribute._Unit([1, 2], "cohort"))
    assert resumption.told() == ": 2 runs from the first epoch"
    made._told({"unit": 0, "kept": [[0, 1], 7]})
    assert resumption.told() == ": 2 runs after epoch 7"
    past = [{"epoch": 1}, {"epoch": 2}]
    made._told({"unit": 0, "epochs": [[[0, 1], 2, 2, 0.5, [past, past]], [[0], 3, 1, 0.5, [[{"epoch": 3}]]]]})
    made._told({"unit": 0, "epochs": [[[0], 2, 1, 0.5, [[{"epoch": 2}]]]]})
    for _ in range(2):
        made._told({"unit": 0, "note": "the checkpoint x is ignored"})
    assert heard == [[[1, 2]] * 2, [[1, 2, 3]], [[1, 2]], "the checkpoint x is ignored"]
    made._end(1)
    assert resumption.told() == ": 1 run after epoch 7"
    resumption.nothing_trains()


def test_workers_are_asked_for_what_was_asked_for_and_what_failed_is_raised_at_the_end(monkeypatch, tmp_path, script):
    answers = [
        {"groups": [[0, 1]], "refused": [], "largest": 32},
        {"failed": [[1, "DataError", "why"]], "unwritten": []},
    ]
    crew = FakeCrew(*answers)
    asked = []
    give = crew.give
    crew.give = lambda worker, function, request, work: asked.append(request) or give(worker, function, request, work)
    monkeypatch.setattr(distribute, "Crew", lambda client, *_: crew)
    monkeypatch.setattr(distribute, "connected", lambda *_: contextlib.nullcontext("a client"))
    monkeypatch.setattr(distribute, "published", lambda *_: None)
    runs = [SimpleNamespace(name=f"r{i}", variant="v", seed=i, fold=None, place=f"run {i}") for i in range(2)]
    given = {"engine": "cohort", "precision": "fast", "keep_models": True, "checkpoint_every": 5.0}
    tmp_path.joinpath("x").mkdir()
    with pytest.raises(DataError, match="why"):
        distribute.train(
            runs, tmp_path / "x", workers=SimpleNamespace(sharing=2), source=Source(script), on_unwritten=print,
            progress=Progress(), **given,
        )  # fmt: skip
    wanted = {"source": Source(script).to_json(), "folder": str(tmp_path / "x"), "working_folder": os.getcwd()}
    wanted |= {"sharing": 2} | {name: value for name, value in given.items() if name != "engine"}
    assert len(asked) == 2
    assert all(request | wanted == request for request in asked)
    assert asked[1]["engine"] == "cohort"


def test_a_run_with_which_three_workers_die_has_failed_and_the_others_are_trained(monkeypatch):
    fake = FakeCrew("dies", "dies", "dies")
    fake.there.pop("b")
    failed = []
    made, ended = sweep(monkeypatch, fake, 2, on_failure=lambda run, reason: failed.append(run.name))
    made.train("keras_fit")
    assert (failed, ended) == (["r0"], ["r1"])
    assert str(made.failures[0]) == (
        "run 0 cannot be trained: 3 workers ended with it, perhaps for want of memory; make its model, batch_size or "
        "train_size smaller, or train with fewer workers"
    )


def test_failures_and_runs_that_could_not_be_written_are_told_and_cost_no_other(monkeypatch):
    answer = {"failed": [[0, "UsageError", "wrong"]], "unwritten": [[1, 28, "No space left on device", "/r/runs/r1"]]}
    fake = FakeCrew({"groups": [[0, 1, 2]], "refused": [], "largest": 32}, answer)
    failed, unwritten = [], []
    made, ended = sweep(
        monkeypatch,
        fake,
        3,
        on_unwritten=lambda i, error: unwritten.append((i, str(error))),
        on_failure=lambda run, reason: failed.append((run.name, reason)),
    )
    made.train("cohort")
    assert ended == ["r2"]
    assert failed == [("r0", "wrong")]
    assert unwritten == [(1, "[Errno 28] No space left on device: '/r/runs/r1'")]
    assert type(made.failures[0]) is UsageError


def test_work_that_a_worker_cannot_do_is_given_to_another(monkeypatch):
    fake = FakeCrew({"error": "its script differs"})
    made, ended = sweep(monkeypatch, fake, 1)
    made.train("keras_fit")
    assert [kind for kind, _ in fake.requests] == ["train", "train"]
    assert ended == ["r0"]


class FakeClient:
    def subscribe_topic(self, *_):
        return None


@pytest.fixture
def probed(tmp_path):
    """Return a function that says what a worker's answer to the probe, and the file that it wrote, lead to."""
    pytest.importorskip("distributed")
    notes = []
    place = tmp_path / ".tmp-probe"
    place.mkdir()
    made = Crew(FakeClient(), Workers(cluster="tcp://h:1"), place, notes.append, lambda _: None)

    def answer(content, text=None):
        worker = Worker("tcp://h:2", 0, 0, False, host="worker-1")
        if text is not None:
            (place / "worker-1").write_text(text or made.token)
        made._take_in(worker, content)
        return worker.state, notes

    return answer


def test_a_worker_is_asked_to_write_a_file_of_its_own_into_the_folder(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    made = Crew(FakeClient(), Workers(cluster="tcp://h:1"), tmp_path, print, print)
    asked = []
    monkeypatch.setattr(made, "give", lambda worker, function, request, work: asked.append((function, request)))
    workers_asked = [Worker(f"tcp://h:{port}", 0, 0, False) for port in (2, 3)]
    for worker in workers_asked:
        made._probe(worker)
    names = [worker.host for worker in workers_asked]
    assert len(set(names)) == 2
    assert asked == [(crew.on_worker.probe, {"folder": str(tmp_path), "name": name}) for name in names]


class Cluster:
    """Stands for the client of a scheduler; what its workers are is set from outside."""

    def __init__(self):
        self.workers, self.restarted, self.told = {}, [], None

    def subscribe_topic(self, topic, tell):
        self.told = tell

    def scheduler_info(self):
        return {"workers": self.workers}

    def submit(self, *_, **__):
        return SimpleNamespace(add_done_callback=lambda _: None, cancel=lambda: None)

    def restart_workers(self, addresses, timeout):
        self.restarted += addresses


@pytest.fixture
def watched(tmp_path, monkeypatch):
    """A crew, its cluster, a clock, and the notes of the crew."""
    pytest.importorskip("distributed")
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(crew.time, "monotonic", lambda: clock.now)
    # A thread does its work as soon as it is started.
    monkeypatch.setattr(crew.threading, "Thread", lambda target, daemon: SimpleNamespace(start=target))
    notes = []
    cluster = Cluster()
    made = Crew(cluster, Workers(cluster="tcp://h:1"), tmp_path, notes.append, notes.append)
    return SimpleNamespace(crew=made, cluster=cluster, clock=clock, notes=notes)


def seen(at, gpu=0):
    return {"last_seen": at, "resources": {"GPU": gpu} if gpu else None}


def test_workers_that_come_are_probed_and_those_that_go_or_fall_silent_leave_their_work(watched):
    made, cluster, clock = watched.crew, watched.cluster, watched.clock
    cluster.workers = {"tcp://h:2": seen(1.0), "tcp://h:3": seen(1.0, gpu=1)}
    assert made.look() == []
    two, three = made.there.values()
    assert [(w.address, w.gpu, w.state, w.future is not None) for w in (two, three)] == [
        ("tcp://h:2", False, "new", True), ("tcp://h:3", True, "new", True),
    ]  # fmt: skip
    two.state = three.state = "ready"
    two.work, three.work = "a cohort", None
    cluster.workers = {}
    clock.now += crew.LOOK_EVERY / 2
    assert made.look() == [], "it looks only so often"
    cluster.workers = {"tcp://h:2": seen(1.0), "tcp://h:3": seen(2.0)}
    clock.now = 100.0 + crew.SILENCE
    assert made.look() == []
    clock.now += crew.LOOK_EVERY
    # The one that was not seen since.
    cluster.workers["tcp://h:3"] = seen(3.0)
    assert made.look() == [two]
    assert list(made.there) == ["tcp://h:3"]
    cluster.workers = {}
    clock.now += crew.LOOK_EVERY
    assert made.look() == [], "it had no work"
    assert made.there == {}


def test_a_scheduler_that_is_gone_ends_the_sweep_with_a_sentence(watched, monkeypatch):
    monkeypatch.setattr(watched.cluster, "scheduler_info", lambda: 1 / 0)
    with pytest.raises(DataError, match=r"^the workers of the scheduler tcp://h:1 can no longer be reached \(ZeroDiv"):
        watched.crew.look()


def test_where_no_worker_can_train_others_are_waited_for_a_while(watched):
    made, cluster, clock = watched.crew, watched.cluster, watched.clock
    cluster.workers = {"tcp://h:2": seen(1.0)}
    made.look()
    made._refuse(made.there["tcp://h:2"], "it has another lab")
    for clock.now in (101.0, 101.0 + crew.GRACE - crew.LOOK_EVERY):
        cluster.workers = {"tcp://h:2": seen(clock.now)}
        made.look()
    clock.now = 101.0 + crew.GRACE
    with pytest.raises(DataError, match=r"^no worker can train: it has another lab$"):
        made.look()
    assert watched.notes == ["it has another lab"]


def test_workers_of_this_machine_that_do_not_start_are_waited_for_no_longer_than_they_need(watched):
    watched.crew.workers = SimpleNamespace(count=2, place="on this machine")
    watched.crew.look()
    assert watched.notes == ["waiting for a worker on this machine"]
    watched.clock.now += crew.PATIENCE
    watched.crew.look()
    watched.clock.now += crew.LOOK_EVERY
    with pytest.raises(DataError, match=rf"^workers must start within {crew.PATIENCE:.0f} s, got none; "):
        watched.crew.look()


def done(worker, content=None, error=None):
    """Return the future of a worker's work, with its answer or what it raised."""
    status = "lost" if content is None and error is None else "finished" if error is None else "error"
    worker.future = SimpleNamespace(
        status=status, result=lambda: json.dumps(content), exception=lambda: error
    )  # fmt: skip
    return worker, worker.future


def test_answers_and_messages_are_heard_and_what_comes_from_the_dead_is_not(watched):
    made = watched.crew
    made.there["tcp://h:2"] = worker = Worker("tcp://h:2", 0, 0, False, "ready", "node7", work="a cohort")
    watched.cluster.told(("a time", {"unit": 3, "epochs": []}))
    assert made.hear(0) == {"unit": 3, "epochs": []}
    assert made.hear(0) is None
    made.inbox.put(done(worker, {"failed": [], "memory": 5}))
    assert made.hear(0) == Answer(worker, "a cohort", {"failed": [], "memory": 5})
    assert (worker.work, worker.future, worker.done, worker.memory, worker.state) == (None, None, 1, 5, "ready")
    # Its work was lost with it, which the next look finds.
    worker.work = "another"
    made.inbox.put(done(worker))
    assert made.hear(0) is None
    assert worker.work == "another"
    # An answer to what was given to somebody else since.
    made.inbox.put((worker, "an earlier future"))
    assert made.hear(0) is None
    made.inbox.put(done(worker, error=ValueError("no such file")))
    assert made.hear(0).content == {"error": "ValueError: no such file"}
    assert worker.state == "refused"
    assert watched.notes == ["the worker on node7 gets no more work: ValueError: no such file"]


def test_a_worker_begins_anew_before_it_has_grown_too_large(watched):
    made = watched.crew

    def after(*memories):
        worker = Worker("tcp://h:2", 0, 0, False, "ready", "node7")
        for memory in memories:
            made._recycle(worker, memory)
        restarted, watched.cluster.restarted = watched.cluster.restarted, []
        return worker.state, restarted

    large = int(1.5 * 1e9 + crew.GROWN_BY)
    assert after(*[10**9] * (crew.RECYCLED_AFTER - 1)) == ("ready", [])
    assert after(*[10**9] * crew.RECYCLED_AFTER) == ("leaving", ["tcp://h:2"])
    assert after(10**9, large) == ("ready", [])
    assert after(10**9, large + 1) == ("leaving", ["tcp://h:2"])
    # One that nobody starts again goes on as it is.
    watched.cluster.restart_workers = lambda *_, **__: 1 / 0
    assert after(10**9, large + 1) == ("ready", [])


ANSWER = {"host": "node7", "version": crew.version(), "trouble": ""}


def test_a_worker_that_has_written_what_the_driver_wrote_gets_work(probed):
    assert probed(ANSWER, "") == ("ready", [])


def test_a_worker_that_cannot_see_the_results_gets_no_work_and_says_so(probed, tmp_path):
    state, notes = probed({**ANSWER, "trouble": "No such file or directory"})
    assert state == "refused"
    assert notes == [
        f"the worker tcp://h:2 on node7 gets no work: it must see {tmp_path} of this machine and write there, got No "
        "such file or directory; mount it there under the same path"
    ]


def test_a_worker_with_another_folder_of_that_name_gets_no_work(probed, monkeypatch):
    monkeypatch.setattr(crew, "VISIBLE_WITHIN", 0)
    state, notes = probed(ANSWER, "another token")
    assert state == "refused"
    assert "got another folder of that name" in notes[0]


def test_a_worker_with_another_version_of_the_lab_gets_no_work(probed):
    state, notes = probed({**ANSWER, "version": "9.9"})
    assert state == "refused"
    assert notes == [
        f"the worker tcp://h:2 on node7 gets no work: it must run the lab {crew.version()} as this machine does, got "
        "9.9; install the same version there"
    ]


def test_a_worker_without_the_lab_gets_no_work(probed):
    state, notes = probed({"error": "ModuleNotFoundError: No module named 'lab'"})
    assert state == "refused"
    assert notes == [
        "the worker tcp://h:2 on tcp://h:2 gets no work: it cannot run the lab (ModuleNotFoundError: No module named "
        "'lab'); install it there"
    ]


def test_a_source_survives_json(script):
    made = Source(script, None, "", {"epochs": 2, "seeds": None})
    again = source.from_json(json.loads(json.dumps(made.to_json())))
    assert again == Source(script, None, "", {"epochs": 2})
    assert list(again.experiment().variants) == ["none", "l2"]
    assert again.experiment().variants["l2"].training.epochs == 2


def test_the_data_of_a_source_survive_json(tmp_path, script):
    loader = functools.partial(from_csv, tmp_path / "t.csv", target="y", leave_out=("a", "b"))
    again = source.from_json(json.loads(json.dumps(Source(script, loader, "t").to_json())))
    assert (again.loader.func, again.loader.args, again.loader.keywords) == (
        from_csv,
        (tmp_path / "t.csv",),
        {"target": "y", "leave_out": ("a", "b")},
    )


def test_one_of_the_labs_own_scripts_is_found_wherever_the_lab_is():
    from lab.cli.find import OWN

    assert Source(OWN / "dropout.py").to_json()["script"] == "dropout"
    assert source.from_json(Source(OWN / "dropout.py").to_json()).script == OWN / "dropout.py"


def test_runs_that_are_declared_otherwise_on_a_worker_are_refused(script):
    from lab.sweep import on_worker

    asked = {"source": Source(script).to_json(), "precision": "exact", "runs": [["none", 0, None, "none-seed0-abc"]]}
    with pytest.raises(
        DataError, match=r"must declare the same runs on .* got none-seed0-.* instead of none-seed0-abc"
    ):
        on_worker._runs(asked)
    asked["runs"] = [["l3", 0, None, "l3-seed0-abc"]]
    with pytest.raises(DataError, match="got no such run instead of l3-seed0-abc"):
        on_worker._runs(asked)


def test_a_worker_loads_what_is_asked_for_before_the_data(script, monkeypatch):
    from lab.sweep import on_worker

    loaded = []
    monkeypatch.setattr(on_worker, "load_tensorflow", loaded.append)
    monkeypatch.setattr(on_worker, "plan", lambda *_, **__: loaded.append("plan") or [])
    asked = {"source": Source(script).to_json(), "runs": [["none", 0, None, "none-seed0-abc"]]}
    for precision in ("exact", "fast"):
        with pytest.raises(DataError, match="got no such run instead of none-seed0-abc"):
            on_worker._runs(asked | {"precision": precision})
    assert loaded == ["plan", "fast", "plan"]


def test_a_worker_trains_as_it_is_asked_to_and_tells_the_driver_of_everything(tmp_path, script, monkeypatch):
    distributed = pytest.importorskip("distributed")
    from lab.sweep import on_worker

    events, taken = [], {}
    worker = SimpleNamespace(log_event=lambda topic, message: events.append((topic, message)))
    monkeypatch.setattr(distributed, "get_worker", lambda: worker)
    monkeypatch.setattr(on_worker.memory, "share", lambda processes: taken.update(sharing=processes))
    experiment = find(str(script))
    runs = [run for run in plan(dataclasses.replace(experiment, seeds=(0, 1))) if (run.variant, run.seed) != ("l2", 1)]
    places = [run.place for run in runs]

    def planned(*given, only, **others):
        taken["only"] = only
        return plan(*given, only=only, **others)

    # Data of other runs need not be where this worker is.
    monkeypatch.setattr(on_worker, "plan", planned)

    def train(tasks, names, *, engine, precision, on_failure, on_refusal, on_wait, checkpoints, **others):
        taken.update(names=names, engine=engine, precision=precision, **others)
        taken["saved"] = [checkpoints.saved("cohort", tasks)]
        on_wait("compiling")
        on_refusal(1, "a lambda")
        on_failure(0, UsageError("no such layer"))

    monkeypatch.setattr(on_worker.dispatch, "train", train)
    request = {
        "topic": "x", "unit": 7, "working_folder": str(tmp_path), "sharing": 3, "folder": str(tmp_path / "x"),
        "source": Source(script).to_json(), "runs": [[run.variant, run.seed, None, run.name] for run in runs],
        "engine": "keras_fit", "precision": "exact", "keep_models": False, "checkpoint_every": 5.0,
    }  # fmt: skip
    answer = json.loads(on_worker.train(json.dumps(request)))
    assert (taken["names"], taken["engine"], taken["precision"], taken["sharing"]) == (places, "keras_fit", "exact", 3)
    assert set(taken) >= {"on_trained", "on_epoch", "saved"}
    assert taken["only"] == [("none", 0, None), ("l2", 0, None), ("none", 1, None)]
    assert answer["failed"] == [[0, "UsageError", "no such layer"]]
    assert (answer["unwritten"], answer["host"], answer["process"]) == ([], socket.gethostname(), os.getpid())
    assert answer["memory"] > 1_000_000
    told = [("x", {"unit": 7, "wait": "compiling"}), ("x", {"unit": 7, "refusal": [1, "a lambda"]})]
    assert [event for event in events if "note" not in event[1]] == told


def test_a_worker_shows_that_it_sees_the_folder_or_says_why_not(tmp_path):
    from lab.sweep import on_worker

    request = {"folder": str(tmp_path), "name": "mine"}
    assert json.loads(on_worker.probe(json.dumps(request)))["trouble"] == "No such file or directory"
    (tmp_path / "driver").write_text("a token")
    told = json.loads(on_worker.probe(json.dumps(request)))
    assert told == {
        "host": socket.gethostname(),
        "process": os.getpid(),
        "version": workers.version(),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "trouble": "",
    }
    assert (tmp_path / "mine").read_text() == "a token"


def test_threads_are_divided_unless_the_environment_names_them(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8))
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    assert [workers.threads_of_each(count) for count in (1, 2, 3, 16)] == [8, 4, 2, 1]
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "5")
    assert workers.threads_of_each(2) == 5
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "0")
    assert workers.threads_of_each(2) == 4


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "workers must be given as exactly one of 'count', 'cluster' and 'scheduler_file', got {}"),
        (
            {"count": 0},
            "workers must be a whole number from 1 to 1000 (it is the number of processes that train), got 0",
        ),
        ({"cluster": 8786}, "cluster must be the address of a Dask scheduler, as tcp://10.0.0.1:8786, got 8786"),
        (
            {"cluster": "nowhere"},
            "cluster must be the address of a Dask scheduler, as tcp://10.0.0.1:8786, got 'nowhere'",
        ),
        (
            {"scheduler_file": Path("absent.json")},
            "scheduler_file must be the file that a Dask scheduler writes its address into, got 'absent.json', which "
            "is no file; start the scheduler first: dask scheduler --scheduler-file FILE",
        ),
    ],
    ids=["none", "no worker", "a port", "no port", "no file"],
)
def test_workers_that_cannot_be_are_refused(given, sentence):
    with pytest.raises(UsageError) as caught:
        Workers(**given)
    assert str(caught.value) == sentence


def test_without_dask_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr(workers.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError) as caught:
        Workers(count=2)
    assert str(caught.value) == (
        "workers must have the package distributed, got an installation without it; pip install "
        "'regularization-lab[workers]' brings it"
    )


def test_an_address_where_no_scheduler_is_is_refused_in_a_sentence(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(workers, "CONNECT_WITHIN", 0.5)
    with pytest.raises(DataError) as caught, workers.connected(Workers(cluster="tcp://127.0.0.1:9"), lambda _: None):
        pass
    assert str(caught.value).startswith("the workers of the scheduler tcp://127.0.0.1:9 cannot be reached (")


def test_a_process_that_runs_no_script_must_name_one(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace())
    with pytest.raises(UsageError) as caught:
        source.of_script(None)
    assert str(caught.value) == (
        "script must name the file that declares the experiment where workers train (they load it themselves), got "
        "None in a process that runs no script; write the experiment into one"
    )
    with pytest.raises(UsageError, match="which is no file"):
        source.of_script(tmp_path / "absent.py")


def test_a_published_run_is_read_back_without_its_weights(tmp_path, script):
    experiment = find(str(script))
    one = plan(dataclasses.replace(experiment, seeds=(0,)))[0]
    rows = [dict.fromkeys(results.HISTORY, 0.5) | {"epoch": 1}]
    trained = Trained("cohort", "finished", 1, rows, None, None, None, 3, 0.25, [0.25])
    results.publish(tmp_path / "x", one.name, rows, results_record("x", one, trained))
    again = publishing.published(tmp_path / "x", one.name, 0)
    assert (again.engine, again.status, again.kept_epoch, again.rows) == ("cohort", "finished", 1, rows)
    with pytest.raises(DataError):
        publishing.published(tmp_path / "x", "none-seed9-00000000", 0)


def results_record(*arguments):
    from lab.results.record import record

    return record(*arguments)


def started(script, folder, *options):
    return subprocess.Popen(
        [sys.executable, str(script), "--results", str(folder), "--verbose", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder.parent,
    )


def below(process):
    """Return the processes below one, by the children files of the kernel."""
    found = []
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        for child in children.read_text().split():
            found += [int(child), *below(int(child))]
    return found


def trainers(process):
    """Return the processes below one that have loaded TensorFlow."""
    found = []
    for child in below(process):
        try:
            maps = Path(f"/proc/{child}/maps").read_text()
        except OSError:
            continue
        if "libtensorflow" in maps:
            found.append(child)
    return found


def waited_for(condition, seconds=120):
    until = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.1)
    return value


@pytest.mark.slow
def test_a_killed_worker_costs_nothing_and_the_bytes_are_those_of_one_process(tmp_path):
    pytest.importorskip("distributed")
    script = written(tmp_path, epochs=400)
    driver = started(script, tmp_path / "two", "--workers", "2")
    for _ in range(2):
        os.kill(waited_for(lambda: trainers(driver.pid))[0], signal.SIGKILL)
        time.sleep(2)
    said, _ = driver.communicate(timeout=240)
    assert driver.returncode == 0, said
    assert "is gone, and another one trains what it has left" in said
    run(find(str(script)), results_folder=tmp_path / "one")
    assert histories(tmp_path / "two") == histories(tmp_path / "one")


@pytest.mark.slow
def test_the_cohort_of_a_killed_worker_and_of_a_killed_driver_goes_on_from_its_checkpoint(tmp_path):
    pytest.importorskip("distributed")
    script = written(tmp_path, epochs=1500)
    options = "--workers", "1", "--checkpoint-every", "1"

    def kept():
        return next(iter((tmp_path / "two" / "x" / ".checkpoints").glob("*.safetensors")), None)

    def sweep_state():
        files = (tmp_path / "two" / "x" / ".sweep").glob("*.csv")
        return [int(line.split(",")[1]) for path in files for line in path.read_text().splitlines()[1:]]

    driver = started(script, tmp_path / "two", *options)
    waited_for(kept)
    os.kill(trainers(driver.pid)[0], signal.SIGKILL)
    first = waited_for(kept).stat().st_ino
    # The next worker has written another one, of a later epoch.
    waited_for(lambda: (path := kept()) and path.stat().st_ino != first)
    driver.kill()
    said, _ = driver.communicate()
    assert "is gone, and another one trains what it has left" in said
    epoch = checkpoint_file.read_header(waited_for(kept))["epoch"]
    shutil.rmtree(tmp_path / "two" / "x" / ".sweep")
    driver = started(script, tmp_path / "two", *options)
    begun = waited_for(sweep_state)
    assert begun[0] == 1, "the page that grows has the past of the runs"
    said, _ = driver.communicate(timeout=240)
    assert driver.returncode == 0, said
    assert epoch > 1
    assert kept() is None
    run(find(str(script)), results_folder=tmp_path / "one")
    assert histories(tmp_path / "two") == histories(tmp_path / "one")


@pytest.mark.slow
def test_no_worker_outlives_a_killed_driver_and_the_same_command_goes_on(tmp_path):
    pytest.importorskip("distributed")
    script = written(tmp_path, epochs=4000)
    with started(script, tmp_path / "two", "--workers", "2") as driver:
        waited_for(lambda: len(trainers(driver.pid)) == 2)
        time.sleep(3)
        left = below(driver.pid)
        driver.kill()
    waited_for(lambda: not [process for process in left if Path(f"/proc/{process}").exists()], seconds=5)
    # The lock is free, and what was half-written is swept.
    script = written(tmp_path, epochs=3)
    said, _ = started(script, tmp_path / "two", "--workers", "2").communicate(timeout=240)
    assert len(histories(tmp_path / "two")) == 16, said
    assert list((tmp_path / "two" / "x").glob(".tmp-*")) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"address": "tcp://10.0.0.1:8786"}', ""),
        ('{"address": "10.0.0.1"}', "holds no address"),
        ('{"address": 8786}', "holds no address"),
        ('{"address": null}', "holds no address"),
        ("{}", "holds no address"),
        ("[]", "holds no address"),
        ("{", "holds no address"),
    ],
)
def test_a_scheduler_file_holds_an_address_or_is_refused(tmp_path, content, said):
    (tmp_path / "scheduler.json").write_text(content)
    assert workers._no_scheduler_file(tmp_path / "scheduler.json") == said
