"""The L2 penalty towards the initial weights."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from lab import models
from lab.engine import cohort, keras_fit
from lab.regularization import Regularization
from lab.training import Training
from tests.cohorts import difference, task

TRAINING = Training(optimizer="momentum", learning_rate=0.02, epochs=3, batch_size=16)


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_the_penalty_is_the_squared_distance_of_the_hidden_kernels_from_their_start(kind):
    one = task(Regularization(l1=1e-3, l2=1e-2, l2_start=0.05), kind=kind, training=TRAINING)
    starts, trained = one.build(), keras_fit.train(replace(one, training=replace(TRAINING, epochs=1)))
    model = one.build()
    model.set_weights(trained.weights)
    expected = 0.0
    for layer, first in zip(model.layers[:-1], starts.layers[:-1], strict=True):
        if hasattr(layer, "kernel") and layer.kernel.regularizer is not None:
            w, start = layer.kernel.numpy(), first.kernel.numpy()
            own = layer.kernel.regularizer
            expected += own.l1 * np.abs(w).sum() + own.l2 * np.sum(w**2)
            expected += getattr(own, "l2_start", 0.0) * np.sum((w - start) ** 2)
    assert np.isclose(trained.rows[0]["val_penalty"], expected, rtol=1e-5)
    assert np.isclose(float(sum(model.losses)), expected, rtol=1e-5)


@pytest.mark.parametrize("initializer", ["he", "xavier", "orthogonal", "zeros", 0.1])
def test_the_penalty_is_zero_at_the_start(initializer):
    r = Regularization(l2_start=1.0)
    model = models.dense((6,), 3, widths=(5, 4), initializer=initializer, regularization=r, seed=2)
    assert [float(loss) for loss in model.losses] == [0.0, 0.0]


def test_a_strength_of_zero_is_no_penalty_at_all():
    zero = Regularization(l2_start=0)
    assert zero == Regularization()
    model = models.dense((6,), 3, widths=(5, 4), regularization=zero, seed=2)
    assert [layer.kernel_regularizer for layer in model.layers if layer.weights] == [None, None, None]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_both_engines_train_towards_the_start(kind):
    tasks = [
        task(Regularization(l2_start=strength, dropout=0.1), kind=kind, training=TRAINING, seed=seed)
        for seed, strength in enumerate((0.01, 0.1))
    ]
    plan = cohort.group(tasks)
    assert ([g.indices for g in plan.groups], plan.refused) == ([[0, 1]], {})
    for mine, one in zip(cohort.train(tasks), tasks, strict=True):
        assert max(difference(mine, keras_fit.train(one)).values()) < 1e-5


def test_a_strong_pull_keeps_the_weights_near_their_start():
    far = []
    for strength in (0.0, 1.0):
        one = task(Regularization(l2_start=strength), training=replace(TRAINING, epochs=10), widths=(12,))
        start, end = one.build().get_weights()[0], keras_fit.train(one).weights[0]
        far.append(np.abs(end - start).max())
    assert far[1] < 0.5 * far[0]


def test_a_saved_penalty_is_made_again():
    from lab.regularizers import L1L2Start

    own = L1L2Start(0.1, 0.2, 0.3, keras.initializers.RandomNormal(seed=4))
    again = keras.regularizers.deserialize(keras.regularizers.serialize(own))
    weights = keras.ops.ones((3, 2))
    assert type(again) is L1L2Start
    assert float(again(weights)) == float(own(weights))
