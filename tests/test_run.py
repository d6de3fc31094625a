"""Running: what can be published is, wherever a factory goes and whatever the disk does."""

import errno
import os
from functools import partial

import pytest

from lab import results
from lab.checks import UsageError
from lab.data import digits
from lab.experiment import Experiment, Variant
from lab.models import dense
from lab.progress import Progress
from lab.run import run, train
from lab.training import Training


@pytest.mark.parametrize("engine", ["cohort", "keras_fit"])
def test_a_run_that_cannot_be_published_costs_no_other_run(tmp_path, monkeypatch, engine):
    publish, tried = results.publish, []

    def full(folder, name, *args):
        tried.append(name)
        if len(tried) in (1, 3):
            raise OSError(errno.ENOSPC, "No space left on device", str(folder / "runs" / name))
        return publish(folder, name, *args)

    monkeypatch.setattr(results, "publish", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        run(four(), results_folder=tmp_path, engine=engine)
    runs = tmp_path / "x" / "runs"
    assert caught.value.filename == str(runs / tried[0])
    assert sorted(path.name for path in runs.iterdir()) == sorted([tried[1], tried[3]])
    monkeypatch.setattr(results, "publish", publish)
    run(four(), results_folder=tmp_path, engine=engine)
    assert len(list(runs.iterdir())) == 4


def four():
    rates = {"a": 0.1, "b": 0.01, "c": 0.02, "d": 0.03}
    variants = {name: variant(learning_rate=rate) for name, rate in rates.items()}
    return Experiment(name="x", variants=variants, baseline="a", seeds=(0,))


def test_what_is_waited_for_before_the_first_epoch_is_reported(tmp_path):
    words = []
    run(
        four(),
        results_folder=tmp_path,
        progress=Progress(on_wait=words.append, on_epoch=lambda *_: words.append("an epoch")),
    )
    building = [f"building model {i} of 4" for i in (1, 2, 3, 4)]
    assert words == ["loading TensorFlow", *building, "compiling the program of 4 runs", "an epoch"]


SMALL = partial(dense, widths=(4,))


def variant(model=SMALL, **training):
    return Variant(
        data=partial(digits, train_size=40), model=model, training=Training(epochs=1, batch_size=20, **training)
    )


def test_a_record_says_of_how_many_training_examples_the_measurements_are_where_not_of_all(tmp_path):
    variants = {"part": variant(measured=30), "whole": variant()}
    folder = run(Experiment(name="x", variants=variants, baseline="whole", seeds=(0,)), results_folder=tmp_path)
    part, whole = results.read_provenance(folder)
    assert part["measured"] == 30
    assert "measured" not in whole
    assert part["id"] != whole["id"]


def wandering(input_shape, outputs, *, seed):
    os.makedirs("elsewhere", exist_ok=True)
    os.chdir("elsewhere")
    return dense(input_shape, outputs, widths=(4,), seed=seed)


def test_a_factory_that_changes_the_working_folder_moves_no_results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = run(Experiment(name="x", variants={"a": variant(wandering)}, baseline="a", seeds=(0, 1)))
    assert folder == tmp_path / "results" / "x"
    assert len(list((folder / "runs").iterdir())) == 2
    assert (folder / "summary.csv").exists()


def test_training_publishes_nothing_and_refuses_an_unknown_engine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained = train({"a": variant()}, seeds=[0])
    assert trained["a", 0].trained.status == "finished"
    assert len(trained["a", 0].task.data.train) == 40
    assert not list(tmp_path.iterdir())
    with pytest.raises(UsageError):
        train({"a": variant()}, seeds=[0], engine="fit")
    assert train({}, seeds=[0]) == {}
