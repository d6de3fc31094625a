"""The promise of `lab.engine.cohort`: a run's bits do not depend on its company."""

from dataclasses import replace
from functools import partial

import keras
import numpy as np
import pytest

from lab import models
from lab.data import Dataset, Split
from lab.engine import cohort, keras_fit, loop, penalties, program
from lab.engine.task import Task
from lab.regularization import Regularization
from lab.training import Training
from tests.cohorts import dataset, difference, identical, is_promised, rich, task, together
from tests.selection import quick

SIZES = (1, 2, 5, 9)


pytestmark = pytest.mark.skipif(not is_promised(), reason="the promise needs AVX-512, or one thread")


@pytest.mark.parametrize("kind", quick(["dense", "conv"]))
def test_a_run_does_not_feel_its_neighbours(kind):
    tasks = rich(kind)
    # The others get other data, seeds, strengths, and a learning rate that blows them up.
    strange = [
        replace(t, data=dataset(seed=9), seed=77, training=replace(t.training, learning_rate=1e30)) for t in rich(kind)
    ]
    with np.errstate(all="ignore"):
        alone = cohort.train([tasks[2] if i == 2 else other for i, other in enumerate(strange)])
    assert [t.status for t in alone] == ["diverged", "diverged", "finished", "diverged", "diverged"]
    assert identical(together(tasks)[2], alone[2])


@pytest.mark.parametrize("kind", quick(["conv", "dense"]))
def test_a_run_feels_neither_its_place_among_the_others_nor_their_number(kind):
    tasks = rich(kind)
    all_of_them = cohort.train(tasks)
    for order in ([3, 0, 4, 2, 1], [2]):
        for mine, i in zip(cohort.train([tasks[i] for i in order]), order, strict=True):
            assert identical(mine, all_of_them[i])


# The exponentials, roots and sums of these are where a replica could feel its place.
@pytest.mark.parametrize("activation", quick(["sigmoid", "tanh", "elu", "prelu", "maxout"], ("tanh",)))
@pytest.mark.parametrize("normalization", quick(["layer", "group"]))
def test_a_run_alone_is_a_row_of_eight(activation, normalization):
    training = Training(epochs=2, batch_size=16, label_smoothing=0.1, optimizer="momentum", learning_rate=0.01)
    regularization = Regularization(
        l1=1e-4, l2=1e-3, dropout=0.2, dropconnect=0.1, activity_l1=1e-3, max_norm=1.0, normalization=normalization
    )
    tasks = [task(regularization, activation=activation, training=training, seed=s, widths=(12,)) for s in range(8)]
    assert identical(cohort.train(tasks[5:6])[0], cohort.train(tasks)[5])


@pytest.mark.slow
@pytest.mark.parametrize("kind", quick(["conv", "dense"]))
def test_compaction_changes_nothing(kind, monkeypatch):
    tasks = rich(kind, patience=2, epochs=9)
    sizes = []
    compact = loop.Loop._compact

    def watch(self, going):
        sizes.append((len(self.members), len(going)))
        compact(self, going)

    monkeypatch.setattr(loop.Loop, "_compact", watch)
    monkeypatch.setattr(loop, "worth_compacting", lambda *_: False)
    whole = cohort.train(tasks)
    assert sizes == []
    monkeypatch.setattr(loop, "worth_compacting", lambda replicas, going, *_: going < replicas)
    small = cohort.train(tasks)
    assert len(sizes) > 1
    assert all(identical(a, b) for a, b in zip(whole, small, strict=True))


def clouds(shape: tuple[int, ...], train: int, validation: int, seed: int = 0) -> Dataset:
    """Return random inputs of two classes, told apart by their first number."""
    generator = np.random.default_rng(seed)

    def split(n: int) -> Split:
        x = generator.normal(size=(n, *shape)).astype(np.float32)
        return Split(x, (x.reshape(n, -1)[:, 0] > 0).astype(np.int32))

    return Dataset("clouds", split(train), split(validation), split(50), ("a", "b"))


def assert_equal_in_cohorts_of_any_size(tasks: list[Task]) -> None:
    whole = cohort.train(tasks)
    for size in SIZES[:-1]:
        for mine, expected in zip(cohort.train(tasks[-size:]), whole[-size:], strict=True):
            assert identical(mine, expected)


@pytest.mark.parametrize("normalization", quick(["batch", "none", "layer"]))
@pytest.mark.parametrize("optimizer", quick(["sgd", "adam"]))
def test_bits_do_not_depend_on_the_company_with_full_batches(normalization, optimizer):
    # From 2048 terms on, oneDNN takes the sums of a single narrow product in another order than those of several.
    data = clouds((20,), 3000, 40)
    training = Training(optimizer=optimizer, learning_rate=0.01, batch_size=3000, epochs=6)
    regularization = Regularization(normalization=normalization, l2=1e-3, dropout=0.1)
    tasks = []
    for r in range(SIZES[-1]):
        build = partial(
            models.dense, (20,), 2, widths=(100,), activation="prelu", regularization=regularization, seed=r
        )
        tasks.append(Task(build, data, training, r))
    assert_equal_in_cohorts_of_any_size(tasks)


def test_bits_do_not_depend_on_the_company_with_splits_larger_than_a_measuring_chunk_and_activity_penalties():
    units = 1024
    data = clouds((20,), 60, 1100)
    assert program.MEASURED_AT_ONCE // units < 1100
    training = Training(batch_size=20, epochs=2)
    tasks = []
    for r in range(SIZES[-1]):
        regularization = Regularization(activity_l1=1e-3 * (r + 1), activity_l2=1e-3)
        build = partial(models.dense, (20,), 2, widths=(units,), regularization=regularization, seed=r)
        tasks.append(Task(build, data, training, r))
    assert_equal_in_cohorts_of_any_size(tasks)


def called_often(seed: int) -> keras.Model:
    """Return a model that calls one layer fourteen times, so that as many gradients of its weights are added."""
    dense = partial(keras.layers.Dense, activation="tanh")
    normal = partial(keras.initializers.GlorotNormal)
    again = dense(12, kernel_initializer=normal(seed), activity_regularizer=keras.regularizers.L2(1e-3))
    inputs = x = keras.Input((12,))
    for _ in range(14):
        x = again(x)
    return keras.Model(inputs, keras.layers.Dense(2, kernel_initializer=normal(seed))(x))


def test_bits_do_not_depend_on_the_company_where_many_gradients_are_added():
    """TensorFlow sorts what it adds by names, and these are others where a run trains alone."""
    data, training = clouds((12,), 60, 40), Training(batch_size=20, learning_rate=0.01, epochs=6)
    assert_equal_in_cohorts_of_any_size([Task(partial(called_often, r), data, training, r) for r in range(SIZES[-1])])


def on_positions(seed: int) -> keras.Model:
    """Return a model with a dense layer and normalizations on 48 x 48 positions, of which a batch has many."""
    normal = partial(keras.initializers.GlorotNormal)
    x = keras.Input((48, 48, 1))
    y = keras.layers.Dense(4, kernel_initializer=normal(seed))(x)
    y = keras.layers.PReLU(shared_axes=[1, 2])(keras.layers.LayerNormalization()(y))
    y = keras.layers.BatchNormalization()(y)
    y = keras.layers.Dense(2, kernel_initializer=normal(seed + 100))(y)
    return keras.Model(x, keras.layers.GlobalAveragePooling2D()(y))


@pytest.mark.slow
def test_bits_do_not_depend_on_the_company_with_many_positions():
    data = clouds((48, 48, 1), 6, 5)
    tasks = [Task(partial(on_positions, r), data, Training(batch_size=4, epochs=2), r) for r in range(SIZES[-1])]
    assert_equal_in_cohorts_of_any_size(tasks)


@pytest.mark.parametrize("features", quick([2100, 20_000]))
def test_bits_do_not_depend_on_the_company_with_many_features(features):
    # The last batch and the last measurement have one row only, and the norms are sums over all features.
    data = clouds((features,), 33, 41)
    training = Training(optimizer="sgd", batch_size=32, epochs=2, learning_rate=0.01)
    tasks = []
    for r in range(SIZES[-1]):
        regularization = Regularization(max_norm=0.5 + 0.1 * r)
        build = partial(models.dense, (features,), 2, widths=(16,), regularization=regularization, seed=r)
        tasks.append(Task(build, data, training, r))
    assert_equal_in_cohorts_of_any_size(tasks)


@pytest.mark.slow
def test_bits_do_not_depend_on_the_company_where_only_some_runs_have_a_penalty():
    # Of weights as large as these only the charged are summed: one of two, four of five, one of nine.
    features, units = 400, 100
    assert features * units >= penalties.WORTH_CHOOSING
    data = clouds((features,), 40, 30)
    tasks = []
    for r, (l1, l2) in enumerate([(0, 0), (0, 0), (0, 0), (0, 0), (0, 1), (0, 1), (0, 1), (0, 0), (1, 1)]):
        regularization = Regularization(l1=1e-4 * l1, l2=1e-3 * l2)
        build = partial(models.dense, (features,), 2, widths=(units,), regularization=regularization, seed=r)
        tasks.append(Task(build, data, Training(batch_size=20, epochs=2), r))
    assert_equal_in_cohorts_of_any_size(tasks)
    assert max(difference(cohort.train(tasks)[8], keras_fit.train(tasks[8])).values()) < 1e-5
