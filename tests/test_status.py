"""`reglab status`: how each run stands, in words and as JSON, by the files and the lock alone."""

import json
import os
import shutil
import socket
import subprocess
import sys
import types
from functools import partial

import pytest

from lab import cli, results
from lab.checks import DataError
from lab.data import digits
from lab.experiment import Experiment, Variant
from lab.models import dense
from lab.results.driver import only_driver
from lab.results.schema import HISTORY, named_run, run_name
from lab.run import run
from lab.sweep.journal import Journal
from lab.sweep.status import status
from lab.training import Training


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """An experiment of two variants at two seeds, all of them published."""
    variants = {
        name: Variant(
            data=partial(digits, train_size=40),
            model=partial(dense, widths=(4,)),
            training=Training(epochs=1, batch_size=20, learning_rate=rate),
        )
        for name, rate in {"a": 0.1, "b-seed1": 0.01}.items()
    }
    declared = Experiment(name="x", variants=variants, baseline="a", seeds=(0, 1))
    return run(declared, results_folder=tmp_path_factory.mktemp("trained"))


@pytest.fixture
def folder(trained, tmp_path, monkeypatch):
    """A copy of it in results/x below the working folder, whose names are in the order of experiment.json."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained, tmp_path / "results" / "x")
    return tmp_path / "results" / "x"


def names(folder):
    return results.read_experiment(folder)["runs"]


def said(capsys, *words):
    cli.lab(["status", *words])
    return capsys.readouterr().out


def test_every_name_of_a_run_says_of_which_variant_seed_and_fold_it_is():
    for run_of in (("a", 0, None), ("a-seed1", 12, None), ("a-seed1-fold2", 3, 4), ("l1+l2", 0, 0)):
        variant, seed, fold = run_of
        assert named_run(run_name(variant, seed, "r5110c8918dfb", fold)) == run_of


def test_finished_runs_are_one_line(folder, capsys):
    assert said(capsys, "x") == "x: 4 runs: 4 finished\n"


def test_damaged_and_missing_runs_are_told_from_finished_and_diverged_ones(folder, capsys):
    first, second, third, fourth = names(folder)
    (folder / "runs" / first / "run.json").write_text('{"status": "fin')
    (folder / "runs" / second / "history.csv").unlink()
    (folder / "runs" / second / "run.json").unlink()
    (folder / "runs" / third).rename(folder / "gone")
    record = folder / "runs" / fourth / "run.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"status": "diverged", "seconds": 3723.0}))
    assert status(folder).counts == {"diverged": 1, "missing": 1, "damaged": 2}
    assert status(folder).left == 3 * 3723.0
    out = said(capsys, "x").splitlines()
    assert out[0] == "x: 4 runs: 1 diverged, 1 missing, 2 damaged"
    assert out[1] == "About 3:06:09 of training is missing, by what the published runs took one by one."
    assert [line.split() for line in out[2:]] == [
        ["variant", "diverged", "missing", "damaged"],
        ["a", "1", "1"],
        ["b-seed1", "1", "1"],
    ]


@pytest.mark.parametrize(
    ("record", "counts", "left"),
    [
        ('{"status": "finished"}', {"finished": 1, "missing": 1}, None),
        ('{"status": "finished", "seconds": 3}', {"finished": 1, "missing": 1}, 3.0),
        ('{"status": "finished", "seconds": "3"}', {"finished": 1, "missing": 1}, None),
        ('{"status": "done", "seconds": 3}', {"missing": 1, "damaged": 1}, None),
        ('["finished"]', {"missing": 1, "damaged": 1}, None),
        ("[" * 5000, {"missing": 1, "damaged": 1}, None),
    ],
)
def test_a_run_stands_as_its_record_says_and_without_a_time_none_is_estimated(tmp_path, record, counts, left):
    folder = tmp_path / "x"
    results.write_experiment(folder, {"name": "x", "baseline": "a", "runs": ["a-seed0-r0", "a-seed1-r1"]})
    (folder / "runs" / "a-seed0-r0").mkdir(parents=True)
    (folder / "runs" / "a-seed0-r0" / "run.json").write_text(record)
    assert (status(folder).counts, status(folder).left) == (counts, left)


def test_where_no_run_is_here_the_tables_tell_of_those_they_hold_and_without_tables_all_are_missing(tmp_path):
    folder = tmp_path / "x"
    names = ["a-seed0-fold1-r0", "a-seed1-r1", "b-seed2-r2", "b-seed3-r3"]
    results.write_experiment(folder, {"name": "x", "baseline": "a", "runs": names})
    found = status(folder)
    assert (found.counts, found.of_tables) == ({"missing": 4}, False)
    rows = ["variant,seed,fold,id,status", "a,0,1,r0,finished", "a,1,,r1,diverged", "b,2,,r2,failed"]
    (folder / "summary.csv").write_text("\n".join(rows) + "\n")
    found = status(folder)
    assert [(run.name, run.kind, run.fold) for run in found.runs] == [
        ("a-seed0-fold1-r0", "finished", 1),
        ("a-seed1-r1", "diverged", None),
        ("b-seed2-r2", "missing", None),
        ("b-seed3-r3", "missing", None),
    ]
    assert found.of_tables
    (folder / "summary.csv").write_text("variant,seed\na,0\n")
    with pytest.raises(DataError, match=r"summary.csv cannot be read; take it from where the folder came from$"):
        status(folder)


def test_failed_runs_are_listed_with_their_reasons_those_without_data_too(folder, capsys):
    first, second, *_ = names(folder)
    for name in (first, second):
        (folder / "runs" / name).rename(folder / name)
    results.write_failure(folder, results.Failure(first, "a", 0, None, "no memory"))
    for seed in (0, 1):
        results.write_failure(folder, results.Failure(f"a-seed{seed}", "a", seed, None, "no disk"))
    results.write_failure(folder, results.Failure("c-seed0", "c", 0, None, "of a variant that is declared no more"))
    assert status(folder).counts == {"finished": 2, "failed": 3, "missing": 1}
    out = said(capsys, "x")
    assert "failed: a seed 0: no memory\nfailed: 2 runs of a: no disk\n" in out
    told = json.loads(said(capsys, "x", "--json"))
    assert told["counts"] == {"finished": 2, "diverged": 0, "failed": 3, "running": 0, "missing": 1, "damaged": 0}
    assert [one.get("reason") for one in told["runs"]] == ["no memory", None, None, None, "no disk", "no disk"]


def test_a_failure_of_a_run_that_was_published_since_is_of_the_past(folder, capsys):
    first = names(folder)[0]
    results.write_failure(folder, results.Failure(first, "a", 0, None, "no memory"))
    told = json.loads(said(capsys, "x", "--json"))["runs"][0]
    assert told == {"name": first, "variant": "a", "seed": 0, "fold": None, "status": "finished"}


def test_what_trains_now_is_shown_with_its_epoch_and_the_time_that_is_left(folder, capsys):
    first, second, *_ = names(folder)
    for name in (first, second):
        (folder / "runs" / name).rename(folder / name)
    clock = types.SimpleNamespace(now=0.0)
    with only_driver(folder):
        assert "runs it; how long it takes is not known yet" in said(capsys, "x")
        journal = Journal(folder, names(folder), clock=lambda: clock.now)
        journal.on_plan(4, 2)
        journal.on_wait("compiling the program of 2 runs")
        assert "runs it, for 0:00:00 now; compiling the program of 2 runs" in said(capsys, "x")
        task = types.SimpleNamespace(training=types.SimpleNamespace(epochs=10))
        row = dict.fromkeys(HISTORY, 0.25)
        for epoch in (1, 2):
            clock.now += 60.0
            journal.on_epoch([types.SimpleNamespace(name=first, task=task)], epoch, 1, 0.25, [[row] * epoch])
        holder = f"process {os.getpid()} on {socket.gethostname()}"
        found = status(folder)
        assert (found.runner, found.left) == (holder, 60.0 * (8 + 10))
        assert found.counts == {"finished": 2, "running": 1, "missing": 1}
        out = said(capsys, "x").splitlines()
        assert out[1] == f"{holder.capitalize()} runs it, for 0:02:00 now; about 0:18:00 left".replace(
            holder.capitalize(), "P" + holder[1:]
        )
        assert out[2] == "epoch 2 of 10: 1 runs of a, lowest validation data loss 0.25"
        told = json.loads(said(capsys, "x", "--json"))
        assert (told["process"], told["elapsed"], told["left"]) == (os.getpid(), 120.0, 1080.0)
        [running] = [one for one in told["runs"] if one["status"] == "running"]
        assert (running["epoch"], running["epochs"], running["val_data_loss"]) == (2, 10, 0.25)
        [listed] = json.loads(said(capsys, "--json"))
        assert listed["counts"] == told["counts"]
    out = said(capsys, "x").splitlines()
    assert out[1] == (
        f"P{holder[1:]} was killed after 0:02:00 with 1 runs in training; run goes on from what is there."
    )


def test_without_a_name_every_experiment_has_a_line(folder, capsys):
    for other in ("y", "z"):
        (folder.parent / other).mkdir()
    (folder.parent / "y" / "experiment.json").write_text("{")
    (folder / "runs" / names(folder)[0]).rename(folder / "gone")
    lines = said(capsys).splitlines()
    assert lines[0].split() == ["experiment", "finished", "missing"]
    assert lines[1].split()[:3] == ["x", "3", "1"]
    assert lines[2].split()[0] == "y"
    assert "cannot be read as JSON" in lines[2]
    [x, y] = json.loads(said(capsys, "--json"))
    assert (x["experiment"], y["experiment"]) == ("x", "y")
    assert "cannot be read as JSON" in y["error"]


def test_of_a_clone_without_the_runs_the_tables_tell(folder, capsys):
    (folder / "runs").rename(folder / "away")
    assert said(capsys, "x") == (
        "x: 4 runs: 4 finished\n"
        "The tables tell of the runs, which are not here themselves; run would train them again.\n"
    )


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["nope"], 1, "results/nope holds no experiment; run it first: python -m lab list"),
        (["--results", "nowhere"], 1, "nowhere holds no experiment; run one first: python -m lab list"),
    ],
    ids=["an experiment", "a folder"],
)
def test_what_is_not_there_is_refused(folder, capsys, words, code, sentence):
    with pytest.raises(SystemExit) as end:
        cli.lab(["status", *words])
    assert end.value.code == code
    assert capsys.readouterr().err == f"{sentence}\n"


def test_the_status_is_told_without_tensorflow(folder):
    code = "import sys; from lab import cli; cli.lab(['status', 'x']); print({'tensorflow', 'keras'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
