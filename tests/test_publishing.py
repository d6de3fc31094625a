"""Runs of one form are measured with one model, and as if each had its own."""

import dataclasses
import functools
import json

import keras
import numpy as np
import pytest

from lab import models, pages
from lab.cli import compare
from lab.data import digits
from lab.engine.outputs import measured
from lab.experiment import Experiment, Variant
from lab.models import dense
from lab.regularization import NONE, Regularization
from lab.run import run
from lab.sweep.publishing import MOST_MODELS, Models
from lab.sweep.unpublished import train
from lab.training import Training

DATA = functools.partial(digits, train_size=60, validation_size=60, test_size=60)
TRAINING = Training(epochs=2)


def mine(input_shape, outputs, *, regularization=NONE, seed=0):
    """A factory of somebody's own, whose nets of odd seeds are wider."""
    return dense(input_shape, outputs, widths=(4 + seed % 2,), regularization=regularization, seed=seed)


@keras.saving.register_keras_serializable("tests")
class Odd(keras.layers.Layer):
    """A layer that the lab has no rule for, which differs from model to model in what is no weight."""

    def __init__(self, times, **kwargs):
        super().__init__(**kwargs)
        self.times = times

    def call(self, x):
        return x * self.times + keras.ops.cumsum(x, axis=1) * 0


def odd(input_shape, outputs, *, seed=0):
    """A net that no seed tells to be another, but for its layer."""
    inputs = keras.Input(input_shape)
    hidden = Odd(1.0 + seed)(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, keras.layers.Dense(outputs)(hidden))


def runs_of(factory, seeds=(0, 1, 2), **more):
    return train({"one": Variant(data=DATA, model=factory, training=TRAINING, **more)}, seeds=seeds)


@pytest.mark.parametrize("factory", [functools.partial(dense, widths=(4,)), mine, odd])
def test_what_is_measured_is_what_a_model_of_its_own_gives(factory):
    shared = Models()
    for one in runs_of(factory).values():
        model = shared.of(one.task, one.trained.structure)
        assert measured(one.task, one.trained, model) == measured(one.task, one.trained, one.task.build())


@pytest.mark.parametrize(
    ("factory", "built"), [(functools.partial(dense, widths=(4,)), [0]), (mine, [0, 1]), (odd, [0, 1, 2])]
)
def test_runs_share_a_model_where_they_are_known_to_differ_in_their_weights_only(factory, built):
    shared, built_for = Models(), []
    for (_, seed), one in runs_of(factory).items():
        own = one.task.build

        def build(own=own, seed=seed):
            built_for.append(seed)
            return own()

        shared.of(dataclasses.replace(one.task, build=build), one.trained.structure)
    assert built_for == built


def test_variants_do_not_share_a_model_and_a_saved_file_is_one_factory(tmp_path):
    dense((8, 8, 1), 10, widths=(4,)).save(tmp_path / "net.keras")
    saved = functools.partial(models.saved, tmp_path / "net.keras", start="fresh")
    variants = {
        name: Variant(data=DATA, model=model, training=TRAINING)
        for name, model in {
            "plain": saved,
            "dropout": functools.partial(saved, regularization=Regularization(dropout=0.5)),
        }.items()
    }
    shared = Models()
    runs = train(variants, seeds=(0, 1))
    found = {key: shared.of(one.task, one.trained.structure) for key, one in runs.items()}
    assert found["plain", 0] is found["plain", 1]
    assert found["dropout", 0] is found["dropout", 1]
    assert found["plain", 0] is not found["dropout", 0]


def test_variants_of_different_losses_do_not_share_a_model():
    model = functools.partial(dense, widths=(4,))
    losses = ("softmax_cross_entropy", "squared_error")
    variants = {
        one: Variant(data=DATA, model=model, training=dataclasses.replace(TRAINING, loss=one)) for one in losses
    }
    shared = Models()
    runs = train(variants, seeds=(0,))
    first, second = (shared.of(one.task, one.trained.structure) for one in runs.values())
    assert first is not second


def test_only_the_models_that_were_used_last_are_kept():
    shared = Models()
    task = next(iter(runs_of(dense, seeds=(0,)).values())).task
    made = [shared.of(dataclasses.replace(task, factory=i), None) for i in range(MOST_MODELS)]
    assert shared.of(dataclasses.replace(task, factory=0), None) is made[0]
    shared.of(dataclasses.replace(task, factory="more"), None)
    assert shared.of(dataclasses.replace(task, factory=0), None) is made[0]
    assert shared.of(dataclasses.replace(task, factory=1), None) is not made[1]


def in_parts(**named):
    return dataclasses.replace(DATA(**named), redrawn="training split", test_parts=5)


@pytest.mark.parametrize("engine", ["cohort", "keras_fit"])
def test_the_losses_at_the_parts_of_a_test_split_are_published_and_compared(tmp_path, engine):
    variants = {
        name: Variant(data=in_parts, model=functools.partial(dense, widths=widths), training=TRAINING)
        for name, widths in {"small": (4,), "large": (16,)}.items()
    }
    experiment = Experiment(name="x", question="?", variants=variants, baseline="small", seeds=(0, 1, 2))
    folder = run(experiment, results_folder=tmp_path, engine=engine)
    tables = compare.read(folder)
    means = tables.test_parts.groupby(["variant", "seed"])["test_data_loss"].mean()
    losses = tables.summary.set_index(["variant", "seed"])["test_data_loss"]
    np.testing.assert_allclose(means.sort_index(), losses.sort_index(), rtol=1e-5)
    assert tables.test_parts.groupby(["variant", "seed"])["part"].apply(list).tolist() == [[0, 1, 2, 3, 4]] * 6
    assert (tables.comparison["test_parts"] == 5).all()
    assert (tables.comparison["generalizes_over"] == "seeds and test examples").all()
    made = compare.compare(tables)
    assert made["p_value"].tolist()[1] == tables.comparison["p_value"].tolist()[1]
    other = compare.compare(tables, metric="test_accuracy")
    assert (other["generalizes_over"] == "seeds").all()
    assert (compare.compare(tables, method="bootstrap")["generalizes_over"] == "seeds").all()
    record = json.loads(next(folder.glob("runs/*/run.json")).read_text())
    assert len(record["test_parts"]) == 5
    assert "test_parts.csv" in pages.experiment_page(folder, tables).read_text(encoding="utf-8")
