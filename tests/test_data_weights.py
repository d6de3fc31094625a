"""Weights of examples and classes change what is minimized, alike in both engines, and nothing that is reported."""

# ruff: noqa: E501

from functools import partial

import keras
import numpy as np
import pandas as pd
import pytest

from lab.checks import DataError, UsageError
from lab.data import Dataset, Split, from_arrays, from_csv, from_frame, from_npz
from lab.engine import cohort, keras_fit
from lab.experiment import Variant
from lab.models import dense
from lab.plan import tasks
from lab.regularization import Regularization
from lab.training import Training
from tests.cohorts import difference, identical, together
from tests.data_files import X, Y, refused

CLOSE = 1e-5


def rare(n=240, seed=0):
    """Return numbers, of which one in six is of the second class, and weights."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, 4)).astype(np.float32)
    return x, (x[:, 0] + x[:, 1] > 1.4).astype(int), generator.random(n)


def data(seed=0, weighted=True, **named):
    x, y, weight = rare(seed=seed)
    return from_arrays(x, y, sample_weight=weight if weighted else None, **named)


def test_balanced_classes_have_one_sum_of_weights_and_all_weights_the_mean_1():
    x, y, _ = rare()
    made = from_arrays(x, y, class_weight="balanced", train_size=100)
    sums = [made.train.weight[made.train.y == one].sum() for one in (0, 1)]
    np.testing.assert_allclose(sums, [50, 50], rtol=1e-5)
    assert made.train.weight.dtype == np.float32
    assert made.validation.weight is None
    # scikit-learn's formula: n / (classes * examples of the class).
    counts = np.bincount(made.train.y)
    np.testing.assert_allclose(np.unique(made.train.weight), np.sort(100 / (2 * counts)), rtol=1e-6)
    assert from_arrays(x, y).train.weight is None
    noisy = from_arrays(x, y, class_weight="balanced", label_noise=0.3)
    sums = [noisy.train.weight[noisy.train.y == one].sum() for one in (0, 1)]
    np.testing.assert_allclose(*sums, rtol=1e-5)


def test_weights_stay_with_their_examples_and_their_mean_is_1():
    x, y, weight = rare()
    x[:, 3] = weight
    made = from_arrays(x, y, sample_weight=weight, train_size=90, seed=3)
    np.testing.assert_allclose(made.train.weight, made.train.x[:, 3] / made.train.x[:, 3].mean(), rtol=1e-5)
    both = from_arrays(x, y, sample_weight=weight, class_weight={"0": 1, "1": 3})
    expected = both.train.x[:, 3] * np.where(both.train.y == 1, 3, 1)
    np.testing.assert_allclose(both.train.weight, expected / expected.mean(), rtol=1e-5)


def test_weights_are_part_of_the_fingerprint_and_move_no_example():
    plain, weighted = data(weighted=False), data()
    assert plain.fingerprint != weighted.fingerprint != data(class_weight="balanced").fingerprint
    np.testing.assert_array_equal(plain.train.x, weighted.train.x)


def test_a_column_of_a_table_may_be_the_weights(tmp_path):
    x, y, weight = rare()
    frame = pd.DataFrame(x, columns=list("abcd")).assign(ill=y, weight=weight.round(6))
    made = from_frame(frame, target="ill", sample_weight="weight")
    assert made.preprocessing.features == ("a", "b", "c", "d")
    same = from_arrays(x, y, sample_weight=weight.round(6))
    np.testing.assert_allclose(made.train.weight, same.train.weight, rtol=1e-6)
    frame.to_csv(tmp_path / "ill.csv", index=False)
    read = from_csv(tmp_path / "ill.csv", target="ill", sample_weight="weight", class_weight="balanced")
    np.testing.assert_allclose(read.train.weight[read.train.y == 1].mean() / read.train.weight.mean(), 3, rtol=0.5)
    np.savez(tmp_path / "ill.npz", x=x, y=y)
    balanced = from_arrays(x, y, class_weight="balanced")
    assert from_npz(tmp_path / "ill.npz", class_weight="balanced").fingerprint == balanced.fingerprint


def variants():
    training = Training(epochs=4, batch_size=16, learning_rate=0.02)
    model = partial(dense, widths=(8,), regularization=Regularization(l2=0.01))
    loads = {
        "samples": data,
        "other samples": partial(data, seed=1),
        "classes": partial(data, class_weight="balanced", weighted=False),
    }
    return {name: Variant(data=load, model=model, training=training) for name, load in loads.items()}


@pytest.mark.slow
def test_both_engines_weight_alike_whatever_trains_beside_a_run():
    runs = list(tasks(variants(), [0]).values())
    found = together(runs)
    for mine, task in zip(found, runs, strict=True):
        assert max(difference(mine, keras_fit.train(task)).values()) < CLOSE
    assert identical(found[1], cohort.train([runs[1]])[0])


def test_a_weighted_step_is_that_of_keras_with_sample_weight():
    made = data(train_size=40)
    build = partial(dense, (4,), 2, widths=(), seed=1)
    training = Training(optimizer="sgd", learning_rate=0.3, epochs=1, batch_size=40)
    (task,) = tasks({"a": Variant(data=lambda: made, model=partial(dense, widths=()), training=training)}, [1]).values()
    model = build()
    model.compile(keras.optimizers.SGD(0.3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(made.train.x, made.train.y, sample_weight=made.train.weight, batch_size=40, shuffle=False, verbose=0)
    for engine in (keras_fit.train, lambda one: cohort.train([one])[0]):
        trained = engine(task)
        for mine, own in zip(trained.weights, model.get_weights(), strict=True):
            np.testing.assert_allclose(mine, own, atol=1e-6)
        # What is reported is the plain loss.
        model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        plain = model.evaluate(made.train.x, made.train.y, verbose=0)
        assert trained.rows[0]["train_data_loss"] == pytest.approx(plain, rel=1e-5)


def test_equal_weights_change_no_number():
    x, y, _ = rare()
    loads = {"none": partial(from_arrays, x, y), "equal": partial(from_arrays, x, y, sample_weight=np.full(240, 7.0))}
    training = Training(epochs=2, batch_size=16)
    runs = tasks({name: Variant(data=load, model=dense, training=training) for name, load in loads.items()}, [0])
    none, equal = (cohort.train([run])[0] for run in runs.values())
    assert max(difference(none, equal).values()) == 0


def test_runs_with_weights_and_without_do_not_train_in_one_cohort():
    loads = {"plain": partial(data, weighted=False), "weighted": data}
    made = {name: Variant(data=load, model=dense, training=Training(epochs=1)) for name, load in loads.items()}
    plan = cohort.group(list(tasks(made, [0]).values()))
    assert [group.indices for group in plan.groups] == [[0], [1]]


W = np.ones(30)
F = pd.DataFrame({"a": np.arange(30), "w": 1.0, "y": Y})
HEAVY = Split(X, Y.astype(np.int32), weight=np.ones(30, np.float32))

# fmt: off
REFUSED = [
    (lambda: from_arrays(X, Y, sample_weight=W[:9]), DataError, "sample_weight must be of shape (30,), one number per example, got (9,); give each example one"),
    (lambda: from_arrays(X, Y, sample_weight=-W), DataError, "sample_weight must be at least 0 and finite, got -1.0 at [0]; correct it"),
    (lambda: from_arrays(X, Y, sample_weight=W * np.nan), DataError, "sample_weight must be at least 0 and finite, got nan at [0]; correct it"),
    (lambda: from_arrays(X, Y, sample_weight=W * 0), DataError, "a training split must have an example whose weight is above 0, and all of its are 0"),
    (lambda: from_arrays(X, Y, sample_weight=Y.astype(str)), DataError, "sample_weight must hold numbers, got <U21; convert texts to numbers, as in s.astype('float32')"),
    (lambda: from_arrays(X, Y, class_weight="auto"), UsageError, "class_weight must be 'balanced' or a dict from the names of classes to numbers, got 'auto'"),
    (lambda: from_arrays(X, Y, class_weight={}), UsageError, "class_weight must be 'balanced' or a dict from the names of classes to numbers, got {}"),
    (lambda: from_arrays(X, Y, class_weight={"0": 1, "1": 2}), UsageError, "class_weight must name the classes '0', '1', '2', got '0', '1'; name each of them once"),
    (lambda: from_arrays(X, Y, class_weight={"0": 0, "1": 2, "2": 1}), UsageError, "class_weight of '0' must be above 0 (it is how much an example of the class counts), got 0"),
    (lambda: from_arrays(X, X, labels="numbers", class_weight="balanced"), UsageError, "class_weight must be left out unless labels is 'classes' (it weights the classes), got 'balanced' with 'numbers'"),
    (lambda: from_frame(F, target="y", sample_weight="v"), UsageError, "sample_weight must be one of 'a', 'w', 'y', got 'v'"),
    (lambda: from_frame(F, target="y", sample_weight="y"), UsageError, "a column must have one role, got 'y' as target and as sample_weight; leave out one"),
    (lambda: from_frame(F.assign(w=-1), target="y", sample_weight="w"), DataError, "sample_weight must be at least 0 and finite, got -1.0 at [0]; correct it"),
    (lambda: Dataset("d", Split(X, HEAVY.y), HEAVY, HEAVY, ("a", "b", "c")), DataError, "the validation split of d must have no weights, as it is measured and not learned from; leave them out"),
    (lambda: Dataset("d", Split(X, HEAVY.y, weight=W), HEAVY, HEAVY, ("a", "b", "c")), DataError, "weight of the training split of d must be float32 of shape (30,) and at least 0, got float64 of shape (30,); sample_weight of the loaders converts"),
]
# fmt: on


@pytest.mark.parametrize(("call", "error", "sentence"), REFUSED)
def test_weights_that_cannot_be_are_refused(call, error, sentence):
    refused(call, error, sentence)
