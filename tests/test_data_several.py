"""Examples that may have several classes, and sequences of whole numbers: both engines train them alike."""

# ruff: noqa: E501

import json
import math
from functools import partial

import keras
import numpy as np
import pytest

from lab.checks import DataError, UsageError
from lab.data import Dataset, Split, from_arrays, from_npz
from lab.engine import keras_fit
from lab.engine.task import Task
from lab.experiment import Experiment, Variant
from lab.models import dense
from lab.plan import plan, tasks
from lab.regularization import Regularization
from lab.results.record import record
from lab.training import Training
from tests.cohorts import difference, together
from tests.data_files import X, refused

CLOSE = 1e-5


def weather(n=200, seed=0):
    """Return numbers, and for each example whether there is rain, wind and snow."""
    x = np.random.default_rng(seed).normal(size=(n, 5)).astype(np.float32)
    return x, np.stack([x[:, 0] > 0, x[:, 1] + x[:, 2] > 0.3, x[:, 0] - x[:, 3] > 0.8], axis=1)


def data():
    return from_arrays(*weather(), labels="several", classes=["rain", "wind", "snow"])


def test_several_classes_per_example_are_zeros_and_ones_and_every_split_has_its_rows():
    made = data()
    assert made.several
    assert made.classes == ("rain", "wind", "snow")
    assert [len(split) for split in (made.train, made.validation, made.test)] == [120, 40, 40]
    assert (made.train.y.shape, made.train.y.dtype) == ((120, 3), np.int32)
    for split in (made.train, made.validation, made.test):
        np.testing.assert_array_equal(split.y[:, 0], split.x[:, 0] > 0)
        np.testing.assert_array_equal(split.y[:, 2], split.x[:, 0] - split.x[:, 3] > 0.8)
    unnamed = from_arrays(*weather(), labels="several")
    assert unnamed.classes == ("0", "1", "2")
    assert not from_arrays(weather()[0], weather()[1][:, 0]).several


def test_an_npz_file_may_hold_several_classes_per_example(tmp_path):
    x, y = weather()
    np.savez(tmp_path / "w.npz", x=x, y=y)
    made = from_npz(tmp_path / "w.npz", labels="several", classes=["rain", "wind", "snow"])
    assert made.fingerprint == data().fingerprint


@pytest.mark.slow
def test_both_engines_train_several_classes_per_example_alike():
    variants = {
        name: Variant(
            data=data,
            model=partial(dense, widths=(9,), regularization=Regularization(l2=l2)),
            training=Training(
                loss="binary_cross_entropy", label_smoothing=smoothing, epochs=4, batch_size=16, learning_rate=0.02
            ),
        )
        for name, l2, smoothing in (("none", 0.0, 0.0), ("both", 0.01, 0.2))
    }
    runs = list(tasks(variants, [0]).values())
    for mine, task in zip(together(runs), runs, strict=True):
        own = keras_fit.train(task)
        assert max(difference(mine, own).values()) < CLOSE
        # What is measured is what Keras's own loss and metric say.
        model = task.build()
        model.set_weights(mine.weights)
        logits = model.predict(task.data.test.x, verbose=0)
        loss = keras.losses.BinaryCrossentropy(from_logits=True)(task.data.test.y, logits)
        assert mine.test["data_loss"] == pytest.approx(float(loss), rel=1e-5)
        assert mine.test["accuracy"] == pytest.approx(((logits > 0) == task.data.test.y).mean(), rel=1e-6)
        assert mine.rows[-1]["val_data_loss"] < mine.rows[0]["val_data_loss"]


def test_label_smoothing_of_several_classes_is_that_of_keras():
    from lab.engine import objective

    y, logits = data().train.y, np.random.default_rng(1).normal(size=(120, 3)).astype(np.float32)
    plain = objective.data_loss(
        "binary_cross_entropy", keras.ops.convert_to_tensor(y), keras.ops.convert_to_tensor(logits)
    )
    smoothed = objective.smoothed(
        "binary_cross_entropy", 0.3, keras.ops.convert_to_tensor(y), keras.ops.convert_to_tensor(logits), plain
    )
    own = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.3)
    assert float(np.mean(smoothed)) == pytest.approx(float(own(y.astype(np.float32), logits)), rel=1e-5)


def test_a_run_of_several_classes_records_the_loss_of_chance():
    variant = Variant(data=data, model=dense, training=Training(loss="binary_cross_entropy", epochs=1))
    (run,) = plan(Experiment(name="w", variants={"none": variant}, baseline="none", seeds=[0]))
    written = record("w", run, keras_fit.train(run.task))
    assert written["chance"] == math.log(2)
    assert json.dumps(written)


def test_data_of_several_classes_take_the_binary_loss_into_a_script():
    experiment = Experiment(name="w", variants={"none": Variant(data=data, model=dense)}, baseline="none")
    moved = experiment.with_data(partial(from_npz, "w.npz", labels="several"), "w")
    assert moved.variants["none"].training.loss == "binary_cross_entropy"


Y = (np.arange(90).reshape(30, 3) % 4 < 2).astype(int)


# fmt: off
REFUSED = [
    (lambda: from_arrays(X, Y[:, 0], labels="several"), DataError, "y must be of shape (n, classes), at least two, where labels is 'several', got (30,); choose labels='classes' where an example has one class"),
    (lambda: from_arrays(X, Y + 1, labels="several"), DataError, "y must hold 1 for the classes that an example has and else 0 where labels is 'several', got 2 at [0, 0]; correct it"),
    (lambda: from_arrays(X, np.where(Y, np.nan, 0), labels="several"), DataError, "y must hold 1 for the classes that an example has and else 0 where labels is 'several', got nan at [0, 0]; correct it"),
    (lambda: from_arrays(X, Y.astype(str), labels="several"), DataError, "y must hold zeros and ones, got <U21; convert texts to numbers, as in y.astype('float32')"),
    (lambda: from_arrays(X, Y * [1, 1, 0], labels="several"), DataError, "y must have an example of each class, and none has '2'; leave it out"),
    (lambda: from_arrays(X, Y, labels="several", classes=["a", "b"]), UsageError, "classes must name the 3 classes that y has, got ['a', 'b']"),
    (lambda: from_arrays(X, Y, labels="several", classes=["a", "b", "b"]), UsageError, "classes must be different texts (it is the names of the classes 0, 1, ...), got ['a', 'b', 'b']"),
    (lambda: from_arrays(X, Y, labels="several", test=(X + 100, Y[:, :2])), DataError, "y of test must have the 3 classes of y, got 2; make them alike"),
    (lambda: from_arrays(X, Y, labels="several", label_noise=0.1), UsageError, "label_noise must be 0 where an example may have several classes (it is the share of training labels that are replaced by another class), got 0.1"),
    (lambda: from_arrays(X, Y, labels="several", scale_target=True), UsageError, "scale_target must be False unless labels is 'numbers' (classes have no scale), got True with 'several'"),
    (lambda: Training().outputs(3, several=True), UsageError, "loss must be 'binary_cross_entropy' where an example may have several classes, got 'softmax_cross_entropy'"),
    (lambda: Dataset("d", *[Split(X, (Y * 2).astype(np.int32), pool=1)] * 3, ("a", "b", "c")), DataError, "y of the training split of d must hold 0 or 1 for each of the 3 classes where an example may have several, got values from 0 to 2 for 3"),
]
# fmt: on


@pytest.mark.parametrize(("call", "error", "sentence"), REFUSED)
def test_several_classes_that_cannot_be_are_refused(call, error, sentence):
    refused(call, error, sentence)


def sentences(n=150, length=7, words=20, seed=0):
    """Return sequences of words as whole numbers, and whether word 3 is in them."""
    x = np.random.default_rng(seed).integers(0, words, (n, length))
    return x, (x == 3).any(axis=1)


def reader(input_shape, outputs, *, seed=0):
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Embedding(20, 4),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(outputs),
        ]
    )


def test_sequences_of_whole_numbers_stay_what_they_are_and_train_an_embedding_in_both_engines():
    x, y = sentences()
    load = partial(from_arrays, x, y)
    made = load()
    assert made.preprocessing is None
    assert set(np.unique(made.train.x)) == set(range(20))
    training = Training(epochs=3, batch_size=16, learning_rate=0.05, optimizer="sgd")
    runs: list[Task] = list(tasks({"a": Variant(data=load, model=reader, training=training)}, [0]).values())
    for mine, task in zip(together(runs), runs, strict=True):
        assert max(difference(mine, keras_fit.train(task)).values()) < CLOSE
