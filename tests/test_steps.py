"""A run followed step by step is the run that the engines train."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from lab.checks import UsageError
from lab.engine import keras_fit
from lab.engine.task import Task
from lab.models import dense
from lab.probes.steps import follow
from lab.regularization import Regularization
from lab.run import train_all
from lab.training import Training


def task(blobs, seed=3, **training):
    settings = {"optimizer": "sgd", "learning_rate": 0.1, "batch_size": 16, "epochs": 4, "schedule": "cosine"}
    regularization = Regularization(l2=1e-3, dropout=0.25, normalization="batch")
    build = partial(dense, (2,), 3, widths=(8,), regularization=regularization, seed=seed)
    return Task(build, blobs, Training(**settings | training), seed)


@pytest.mark.parametrize("settings", [{}, {"optimizer": "adam", "learning_rate": 0.01, "replacement": True}])
def test_following_a_run_trains_it_as_the_reference_does(blobs, settings):
    run = task(blobs, **settings)
    trained = keras_fit.train(run)
    seen = {step: model.get_weights() for step, model in follow(run, every=3)}
    assert list(seen) == [0, 3, 6, 9, 12]
    # 40 examples in batches of 16 make an epoch of three steps.
    for mine, kept in zip(seen[3 * trained.kept_epoch], trained.weights, strict=True):
        np.testing.assert_allclose(mine, kept, rtol=2e-4, atol=2e-6)


def test_a_run_is_looked_at_before_the_first_step_and_after_the_last(blobs):
    run = task(blobs)
    seen = [(step, model.get_weights()[0].copy()) for step, model in follow(run, every=5)]
    assert [step for step, _ in seen] == [0, 5, 10, 12]
    np.testing.assert_array_equal(seen[0][1], run.build().get_weights()[0])
    assert all((a[1] != b[1]).any() for a, b in pairwise(seen))


def test_the_steps_between_two_looks_must_be_at_least_one(blobs):
    with pytest.raises(UsageError) as refusal:
        next(follow(task(blobs), every=0))
    words = "every must be a whole number of at least 1 (it is the number of steps between two looks), got 0"
    assert str(refusal.value) == words


def test_runs_trained_together_come_back_in_their_order(blobs):
    tasks = [task(blobs, seed=1), task(blobs, seed=2, batch_size=20), task(blobs, seed=3)]
    together = train_all(tasks)
    for one, alone in zip(together, map(keras_fit.train, tasks), strict=True):
        assert one.rows[-1]["val_data_loss"] == pytest.approx(alone.rows[-1]["val_data_loss"], rel=1e-3)
