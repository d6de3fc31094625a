"""Models that differ in their seeds only: one is built, and the others' numbers are those of the models themselves."""

from dataclasses import replace
from functools import partial

import keras
import numpy as np
import pytest

from lab import models
from lab.data import Dataset, Split
from lab.engine import cohort, starts
from lab.engine.blueprint import Blueprint, blueprint, of_another_seed
from lab.engine.starts import Start
from lab.engine.task import Task
from lab.experiment import Variant
from lab.models.factories import INITIALIZERS
from lab.plan import tasks
from lab.regularization import Regularization
from lab.seeds import derive
from lab.training import Training
from tests.cohorts import dataset

RICH = Regularization(
    l1=1e-4, l2=1e-3, dropout=0.2, dropconnect=0.1, noise=0.1, normalization="batch", activity_l2=1e-3, max_norm=1.0
)


def planned(model, data: Dataset | None = None) -> list[Task]:
    """Return runs of two seeds of one variant, as an experiment plans them."""
    data = data or dataset()
    variant = Variant(data=lambda: data, model=model, training=Training(epochs=1))
    return list(tasks({"variant": variant}, [3, 4]).values())


def images(size: int) -> Dataset:
    """Return blank images of `size` x `size` pixels in 3 classes."""
    split = Split(np.zeros((6, size, size, 1), np.float32), np.arange(6, dtype=np.int32) % 3)
    return Dataset("blank", split, split, split, ("a", "b", "c"))


def assert_same(found: Blueprint | None, built: Blueprint) -> None:
    assert found is not None
    assert (found.signature, found.per_run, found.seeds) == (built.signature, built.per_run, built.seeds)
    for mine, own in zip(found.starts, built.starts, strict=True):
        np.testing.assert_array_equal(mine(), own(), strict=True)


@pytest.mark.parametrize("initializer", [*INITIALIZERS, 0.01])
def test_the_weights_of_another_seed_are_those_of_its_own_model_with_every_initializer(initializer):
    first, second = planned(partial(models.dense, widths=(4,), initializer=initializer))
    weights = second.build().get_weights()
    (batch,) = cohort.group([first, second]).groups
    found = starts.stacked([b.starts for b in batch.blueprints])
    assert len(found) == len(weights)
    for stacked, own in zip(found, weights, strict=True):
        np.testing.assert_array_equal(stacked[1], own, strict=True)


@pytest.mark.parametrize(
    "model",
    [
        partial(models.dense, widths=(4, 4), regularization=RICH, activation="prelu"),
        partial(models.alexnet_like, filters=(2,) * 5, widths=(2, 2)),
        partial(models.conv, blocks=((2, 2),), widths=(4,), regularization=RICH, head=RICH),
        partial(models.simple_conv, filters=2, kernel_size=3, widths=(4,), regularization=RICH),
        partial(models.residual_dense, width=4, branches=1, regularization=replace(RICH, stochastic_depth=0.5)),
        partial(models.residual_conv, filters=(2,), branches=1, regularization=replace(RICH, dropblock=0.5)),
    ],
    ids=["dense", "alexnet_like", "conv", "simple_conv", "residual_dense", "residual_conv"],
)
def test_the_numbers_of_another_seed_are_those_of_its_own_model(model):
    first, second = planned(model, images(15))
    assert first.recipe == second.recipe is not None
    known = blueprint(first)
    assert len(known.seeds) > 1
    assert_same(of_another_seed(known, second), blueprint(second))


def test_a_model_is_built_once_for_all_seeds_of_a_variant():
    built = []

    def counted(task: Task) -> Task:
        return replace(task, build=lambda: built.append(task.seed) or task.build())

    group = cohort.group([counted(task) for task in planned(partial(models.dense, widths=(4,)))]).groups[0]
    assert built == [3]
    assert group.blueprints[0].model is group.blueprints[1].model


def test_models_of_anybodys_own_factory_are_built_for_each_seed():
    def factory(input_shape, outputs, *, seed):
        return models.dense(input_shape, outputs, widths=(4,), seed=seed % 2)

    assert [task.recipe for task in planned(factory)] == [None, None]


def test_a_run_of_another_size_of_data_has_the_form_of_its_own():
    first, _ = planned(partial(models.dense, widths=(4,)))
    _, second = planned(partial(models.dense, widths=(4,)), dataset(train=24))
    assert_same(of_another_seed(blueprint(first), second), blueprint(second))


def test_a_pull_towards_the_start_takes_a_model_of_its_own():
    first, second = planned(partial(models.dense, widths=(4,), regularization=Regularization(l2_start=0.1)))
    assert of_another_seed(blueprint(first), second) is None


def test_a_seed_of_unknown_origin_follows_from_no_other():
    start = Start(keras.initializers.HeNormal(seed=5), (3, 2), "float32")
    assert start.reseeded(1) is None
    assert Start(keras.initializers.Zeros(), (3, 2), "float32").reseeded(1).key is not None


def test_the_seed_of_a_choice_follows_for_another_run():
    assert derive(0, "dense_1", "kernel").of_run(7) == derive(7, "dense_1", "kernel")


class Odd(keras.initializers.HeNormal):
    """An initializer of somebody's own."""


@pytest.mark.parametrize(
    "initializer",
    [
        keras.initializers.Identity(2.0),
        keras.initializers.Constant(np.zeros(2)),
        keras.initializers.RandomNormal(seed=keras.random.SeedGenerator(1)),
        Odd(seed=1),
        lambda shape, dtype: np.zeros(shape, dtype),
    ],
    ids=["identity", "array", "generator", "own class", "function"],
)
def test_values_that_are_not_known_by_plain_settings_are_drawn_for_each_run(initializer):
    assert Start(initializer, (2, 2), "float32").key is None


def test_equal_values_are_drawn_once_and_others_apart():
    calls = []

    class Counted(keras.initializers.Constant):
        def __call__(self, shape, dtype=None):
            calls.append(self.value)
            return super().__call__(shape, dtype)

    Counted.__module__ = "keras.initializers"
    runs = [[Start(Counted(value), (2,), "float32")] for value in (0.0, 1.0, 0.0, -0.0)]
    (found,) = starts.stacked(runs)
    assert calls == [0.0, 1.0, -0.0]
    assert found.tolist() == [[0, 0], [1, 1], [0, 0], [0, 0]]
