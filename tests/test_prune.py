"""`reglab prune`: what the declaration does not name is listed, removed if that is asked for, and nothing else ever."""

import json
import os
import shutil
from functools import partial

import pytest

from lab import cli, results
from lab.data import digits
from lab.experiment import Experiment, Variant
from lab.models import dense
from lab.results.driver import only_driver
from lab.run import run
from lab.training import Training


def declared(*variants):
    rates = {"a": 0.1, "b": 0.01}
    every = {
        name: Variant(
            data=partial(digits, train_size=40),
            model=partial(dense, widths=(4,)),
            training=Training(epochs=1, batch_size=20, learning_rate=rates[name]),
        )
        for name in variants
    }
    return Experiment(name="x", variants=every, baseline="a", seeds=(0,))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """An experiment that had two variants once and has one now."""
    folder = tmp_path_factory.mktemp("prune")
    run(declared("a", "b"), results_folder=folder)
    return run(declared("a"), results_folder=folder)


@pytest.fixture
def folder(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained, tmp_path / "results" / "x")
    return tmp_path / "results" / "x"


def everything(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_a_run_of_a_variant_that_is_no_more_is_listed_and_removed_if_that_is_asked_for(folder, capsys):
    [kept, stray] = sorted(path.name for path in (folder / "runs").iterdir())
    before = everything(folder)
    cli.lab(["prune", "x"])
    size = sum(path.stat().st_size for path in (folder / "runs" / stray).iterdir())
    listed = f"runs/{stray}: a run\n1 of no use to x, {size / 1e3:.1f} kB; --yes removes them\n"
    assert capsys.readouterr().out == listed
    assert everything(folder) == before
    cli.lab(["prune", "x", "--yes"])
    assert capsys.readouterr().out == f"removed 1, {size / 1e3:.1f} kB\n"
    gone = {name for name in before if name.startswith(f"runs/{stray}")}
    assert everything(folder) - {".driver"} == before - gone - {".driver"}
    cli.lab(["prune", "x", "--yes"])
    cli.lab(["prune", "x"])
    assert capsys.readouterr().out == "nothing to remove\n" * 2
    assert (folder / "runs" / kept / "run.json").exists()


def test_what_the_lab_did_not_write_is_never_touched(folder, capsys):
    runs = folder / "runs"
    [kept, stray] = sorted(path.name for path in runs.iterdir())
    shutil.copytree(runs / stray, runs / "b-seed1-rabc")
    (runs / "notes").mkdir()
    (runs / "notes" / "mine.txt").write_text("mine")
    (runs / "mine.txt").write_text("mine")
    os.symlink(runs / kept, runs / "b-seed2-rabc")
    (runs / stray / "mine.txt").write_text("mine")
    before = everything(folder)
    cli.lab(["prune", "x", "--yes"])
    assert capsys.readouterr().out == "nothing to remove\n"
    assert everything(folder) == before
    (runs / stray / "mine.txt").unlink()
    record = json.loads((runs / stray / "run.json").read_text())
    (runs / stray / "run.json").write_text(json.dumps(record | {"experiment": "y"}))
    cli.lab(["prune", "x"])
    assert capsys.readouterr().out == "nothing to remove\n", "it is of another experiment"


def test_damaged_runs_that_were_set_aside_and_reasons_of_other_declarations_are_removed_too(folder, capsys):
    runs = folder / "runs"
    [kept, stray] = sorted(path.name for path in runs.iterdir())
    shutil.copytree(runs / kept, runs / f".damaged-{kept}-1")
    (runs / f".damaged-{kept}-1" / "run.json").write_text("{")
    for name in (stray, kept, "a-seed0"):
        results.write_failure(folder, results.Failure(name, name[0], 0, None, "no memory"))
    cli.lab(["prune", "x"])
    listed = [line.partition(": ") for line in capsys.readouterr().out.splitlines()[:-1]]
    assert [(path, what) for path, _, what in listed] == [
        (f"runs/.damaged-{kept}-1", "a damaged run that was set aside"),
        (f"runs/{stray}", "a run"),
        (f"failed/{stray}.json", "the reason of a failure"),
    ]
    cli.lab(["prune", "x", "--yes"])
    assert {path.name for path in runs.iterdir()} == {kept}
    assert {path.stem for path in (folder / "failed").iterdir()} == {kept, "a-seed0"}


def test_runs_whose_data_could_not_be_loaded_last_time_are_spared(folder, capsys):
    results.write_failure(folder, results.Failure("b-seed0", "b", 0, None, "no disk"))
    cli.lab(["prune", "x", "--yes"])
    assert capsys.readouterr().out == "nothing to remove\n"


def test_while_a_process_runs_the_experiment_nothing_is_removed(folder, capsys):
    before = everything(folder)
    with only_driver(folder), pytest.raises(SystemExit):
        cli.lab(["prune", "x", "--yes"])
    assert "must be run by one process at a time" in capsys.readouterr().err
    assert everything(folder) - {".driver"} == before - {".driver"}


def test_an_experiment_that_is_not_there_is_refused(folder, capsys):
    with pytest.raises(SystemExit) as end:
        cli.lab(["prune", "y"])
    assert (end.value.code, capsys.readouterr().err) == (
        1,
        "results/y holds no experiment; run it first: python -m lab list\n",
    )
