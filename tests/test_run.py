"""Running: what can be published is, wherever a factory goes and whatever the disk does."""

import dataclasses
import errno
import os
from functools import partial

import keras
import pytest
import tensorflow as tf

from lab import results
from lab.checks import DataError, UsageError
from lab.data import digits
from lab.experiment import Experiment, Variant
from lab.models import dense
from lab.run import run, train
from lab.sweep.progress import Progress
from lab.training import Training
from tests.lines import place
from tests.selection import quick


@pytest.mark.parametrize("engine", quick(["cohort", "keras_fit"]))
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


@keras.saving.register_keras_serializable()
class Failing(keras.layers.Layer):
    """A layer that is built and tried as any other, and fails on what only training brings: a row it does not like."""

    def __init__(self, limit, **options):
        super().__init__(**options)
        self.limit = limit

    def call(self, inputs):
        checked = tf.debugging.assert_less(tf.reduce_max(inputs), self.limit, message="a pixel is too bright")
        with tf.control_dependencies([checked] if checked is not None else []):
            return tf.identity(inputs)


def failing(input_shape, outputs, *, limit, seed):
    layers = [keras.layers.Flatten(), Failing(limit), keras.layers.Dense(outputs)]
    return keras.Sequential([keras.Input(input_shape), *layers])


def dark():
    """Return digits of which one training image is too bright: not one of the first, with which models are tried."""
    data = digits(train_size=40)
    x = data.train.x.copy()
    x[30] = 7.0
    return dataclasses.replace(data, train=dataclasses.replace(data.train, x=x))


@pytest.mark.parametrize("engine", quick(["cohort", "keras_fit"]))
def test_a_run_that_fails_in_training_costs_no_other_and_is_reported_by_its_variant_and_seed(tmp_path, engine):
    plain = variant()
    variants = {
        "good": dataclasses.replace(plain, data=dark),
        "bad": dataclasses.replace(plain, data=dark, model=partial(failing, limit=2.0)),
        "lucky": dataclasses.replace(plain, data=dark, model=partial(failing, limit=9.0)),
    }
    experiment = Experiment(name="x", variants=variants, baseline="good", seeds=(0, 1))
    with pytest.raises(DataError) as caught:
        run(experiment, results_folder=tmp_path, engine=engine)
    sentence, other = str(caught.value).split("; ")
    assert sentence.startswith(
        "variant 'bad' at seed 0 cannot be trained: InvalidArgumentError: assertion failed: [a pixel is too bright] "
    )
    assert other == "1 other run failed too"
    published = {path.name.split("-")[0] for path in (tmp_path / "x" / "runs").iterdir()}
    assert published == {"good", "lucky"}
    assert "lucky" in (tmp_path / "x" / "summary.csv").read_text()


def broken(input_shape, outputs, *, seed):
    raise ValueError("no such width")


@pytest.mark.parametrize("engine", quick(["cohort", "keras_fit"]))
def test_a_factory_that_builds_no_model_costs_no_other_run_and_is_reported_last(tmp_path, engine):
    variants = {"bad": variant(broken), "good": variant(), "narrow": variant(partial(dense, widths=(3,)))}
    experiment = Experiment(name="x", variants=variants, baseline="good", seeds=(0, 1))
    with pytest.raises(DataError) as caught:
        run(experiment, results_folder=tmp_path, engine=engine)
    assert str(caught.value) == (
        f"variant 'bad' cannot build its model: ValueError: no such width {place(broken)}; 1 other run failed too"
    )
    published = sorted(path.name.split("-")[0] for path in (tmp_path / "x" / "runs").iterdir())
    assert published == ["good", "good", "narrow", "narrow"]
    assert "narrow" in (tmp_path / "x" / "summary.csv").read_text()


def too_large(input_shape, outputs, *, seed):
    raise MemoryError


@pytest.mark.parametrize("engine", quick(["keras_fit", "cohort"]))
def test_a_model_that_does_not_fit_into_memory_costs_no_other_run(tmp_path, engine):
    experiment = Experiment(
        name="x", variants={"large": variant(too_large), "small": variant()}, baseline="small", seeds=(0,)
    )
    with pytest.raises(DataError) as caught:
        run(experiment, results_folder=tmp_path, engine=engine)
    assert str(caught.value) == (
        "variant 'large' at seed 0 does not fit into memory; make its model, batch_size or train_size smaller, or "
        "close other programs"
    )
    assert [path.name.split("-")[0] for path in (tmp_path / "x" / "runs").iterdir()] == ["small"]


CALLS = []


def flaky(input_shape, outputs, *, seed):
    """Fail from the fifth call on, when a cohort is compared with Keras."""
    CALLS.append(seed)
    if len(CALLS) > 4:
        raise ValueError("not again")
    inputs = keras.Input(input_shape)
    flat = keras.layers.Flatten()(inputs)
    hidden = keras.layers.Dense(outputs, kernel_initializer=keras.initializers.GlorotUniform(seed))(flat)
    return keras.Model(inputs, keras.ops.multiply(hidden, 2.0))


def test_a_factory_that_fails_late_costs_no_other_run(tmp_path):
    CALLS.clear()
    experiment = Experiment(name="x", variants={"late": variant(flaky), "good": variant()}, baseline="good", seeds=(0,))
    with pytest.raises(DataError) as caught:
        run(experiment, results_folder=tmp_path)
    assert len(CALLS) > 4
    assert str(caught.value) == f"variant 'late' cannot build its model: ValueError: not again {place(flaky, 4)}"
    assert [path.name.split("-")[0] for path in (tmp_path / "x" / "runs").iterdir()] == ["good"]


def test_measures_that_cannot_be_computed_cost_no_run_and_are_told(tmp_path, monkeypatch):
    def fails(*_):
        raise ValueError("no measures today")

    monkeypatch.setattr("lab.engine.outputs.measured", fails)
    told = []
    experiment = Experiment(name="x", variants={"a": variant()}, baseline="a", seeds=(0,))
    folder = run(experiment, results_folder=tmp_path, progress=Progress(on_note=told.append))
    assert told == [
        "variant 'a' at seed 0 is published without more measures of its test split: ValueError: no measures today"
    ]
    assert [path.name for path in sorted((folder / "runs").iterdir())[0].iterdir()].count("run.json") == 1
    assert not (folder / "measures.csv").exists()
