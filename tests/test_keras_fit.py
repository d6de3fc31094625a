"""The reference engine: plain `fit`, with the ledger and the rules of a fair comparison."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from lab.engine import keras_fit
from lab.regularization import Regularization
from lab.training import Training
from tests.cohorts import dataset, task
from tests.selection import quick

PENALIZED = Regularization(l1=1e-3, l2=1e-2)


def cross_entropy(logits, y):
    shifted = logits - logits.max(1, keepdims=True)
    return np.mean(np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(y)), y])


def logits_of(one, weights, x):
    model = one.build()
    model.set_weights(weights)
    return model, model.predict(x, verbose=0)


def test_a_row_holds_what_the_weights_at_the_end_of_the_epoch_measure():
    # One epoch, so that the kept weights are those of the row; dropout and noise must not be on.
    one = task(replace(PENALIZED, dropout=0.5, noise=0.3), training=Training(epochs=1, batch_size=16))
    trained = keras_fit.train(one)
    row = trained.rows[0]
    for name, split in (("train", one.data.train), ("val", one.data.validation)):
        model, logits = logits_of(one, trained.weights, split.x)
        assert np.isclose(row[f"{name}_data_loss"], cross_entropy(logits, split.y), rtol=1e-5)
        assert np.isclose(row[f"{name}_accuracy"], np.mean(logits.argmax(1) == split.y))
    kernels = [layer.kernel.numpy() for layer in model.layers if hasattr(layer, "kernel")][:-1]
    penalty = sum(1e-3 * np.abs(w).sum() + 1e-2 * (w**2).sum() for w in kernels)
    assert np.isclose(row["val_penalty"], penalty, rtol=1e-5)
    assert np.isclose(row["val_loss"], row["val_data_loss"] + penalty, rtol=1e-5)


def test_the_loss_is_data_loss_plus_penalty_and_is_the_one_keras_reports():
    one = task(PENALIZED, training=Training(epochs=3, batch_size=14, learning_rate=0.01))
    rows = keras_fit.train(one).rows
    model = one.build()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    for epoch, row in enumerate(rows, 1):
        order = one.training.order(42, one.seed, epoch)
        x, y = one.data.train.x[order], one.data.train.y[order]
        logs = model.fit(x, y, batch_size=14, shuffle=False, verbose=0).history
        assert np.isclose(row["loss"], logs["loss"][0], rtol=1e-5)
        assert np.isclose(row["accuracy"], logs["accuracy"][0])
        assert np.isclose(row["loss"], row["data_loss"] + row["penalty"], rtol=1e-6)


def test_the_penalty_does_not_choose_the_kept_epoch():
    # The penalty still falls when the data loss has begun to rise.
    one = task(Regularization(l2=0.01), training=Training(epochs=25, batch_size=16, learning_rate=0.01))
    trained = keras_fit.train(one)
    data_losses = [row["val_data_loss"] for row in trained.rows]
    sums = [row["val_loss"] for row in trained.rows]
    assert trained.kept_epoch == 1 + int(np.argmin(data_losses)) != 1 + int(np.argmin(sums))


def test_label_smoothing_changes_what_is_minimized_and_not_what_is_reported():
    plain = task(training=Training(epochs=1, batch_size=16))
    one = replace(plain, training=replace(plain.training, label_smoothing=0.3))
    trained = keras_fit.train(one)
    _, logits = logits_of(one, trained.weights, one.data.validation.x)
    assert np.isclose(trained.rows[0]["val_data_loss"], cross_entropy(logits, one.data.validation.y), rtol=1e-5)
    others = keras_fit.train(plain).weights
    assert any(not np.allclose(a, b) for a, b in zip(trained.weights, others, strict=True))


def test_patience_ends_the_run_and_the_test_split_is_measured_with_the_kept_weights():
    one = task(training=Training(epochs=40, batch_size=16, learning_rate=0.05, patience=3))
    trained = keras_fit.train(one)
    assert len(trained.rows) == trained.kept_epoch + 3 < 40
    _, logits = logits_of(one, trained.weights, one.data.test.x)
    assert np.isclose(trained.test["data_loss"], cross_entropy(logits, one.data.test.y), rtol=1e-5)
    assert np.isclose(trained.test["accuracy"], np.mean(logits.argmax(1) == one.data.test.y))


def test_a_diverged_run_keeps_its_last_row():
    trained = keras_fit.train(task(training=Training(optimizer="sgd", learning_rate=1e30, epochs=5)))
    assert trained.status == "diverged"
    assert len(trained.rows) == 1
    assert not np.isfinite(trained.rows[0]["val_data_loss"])
    assert (trained.kept_epoch, trained.test, trained.weights) == (None, None, None)


@pytest.mark.parametrize("optimizer", quick(["adam", "sgd", "momentum"]))
def test_one_step_of_decoupled_decay_spares_biases_and_normalization(optimizer):
    training = Training(optimizer=optimizer, learning_rate=0.1, weight_decay=0.5, epochs=1, batch_size=42)
    one = task(Regularization(normalization="layer"), training=training, widths=(5,))
    decayed = keras_fit.train(one).weights
    free = keras_fit.train(replace(one, training=replace(training, weight_decay=0.0))).weights
    model = one.build()
    for variable, start, a, b in zip(model.weights, model.get_weights(), decayed, free, strict=True):
        # Decay takes rate * decay * w off the kernel before the step, whose gradient it does not change.
        taken = 0.1 * 0.5 * start if variable.name == "kernel" else 0.0
        np.testing.assert_allclose(a, b - taken, atol=1e-6)


def test_the_labels_may_be_numbers():
    one = task(training=Training(loss="squared_error", epochs=2, batch_size=16), data=dataset(None))
    trained = keras_fit.train(one)
    _, outputs = logits_of(one, trained.weights, one.data.test.x)
    assert np.isclose(trained.test["data_loss"], np.mean(np.sum((outputs - one.data.test.y) ** 2, 1)), rtol=1e-5)
    assert np.isnan(trained.rows[0]["accuracy"])
