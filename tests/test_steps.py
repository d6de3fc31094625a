"""A run followed step by step is the run that the engines train."""

import subprocess
import sys
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from lab.checks import UsageError
from lab.experiment import Variant
from lab.models import dense
from lab.probes.steps import follow
from lab.regularization import Regularization
from lab.run import train
from lab.sweep.progress import Progress, heard_by
from lab.training import Training
from tests.selection import quick

MANY_RUNS = """
from functools import partial
from lab.data import digits
from lab.experiment import Variant
from lab.models import dense
from lab.probes.steps import follow
from lab.training import Training

data = partial(digits, train_size=64, validation_size=32, test_size=32)
run = Variant(data=data, model=partial(dense, widths=(4,)), training=Training(epochs=1))
for seed in range(6):
    list(follow(run, seed=seed, every=1000))
"""


def variant(blobs, **training):
    settings = {"optimizer": "sgd", "learning_rate": 0.1, "batch_size": 16, "epochs": 4, "schedule": "cosine"}
    regularization = Regularization(l2=1e-3, dropout=0.25, normalization="batch")
    model = partial(dense, widths=(8,), regularization=regularization)
    return Variant(data=lambda: blobs, model=model, training=Training(**settings | training))


@pytest.mark.parametrize("settings", quick([{"optimizer": "adam", "learning_rate": 0.01, "replacement": True}, {}]))
def test_following_a_run_trains_it_as_the_reference_does(blobs, settings):
    run = variant(blobs, **settings)
    trained = train({"run": run}, seeds=[3], engine="keras_fit")["run", 3].trained
    seen = {step: model.get_weights() for step, model in follow(run, seed=3, every=3)}
    assert list(seen) == [0, 3, 6, 9, 12]
    # 40 examples in batches of 16 make an epoch of three steps.
    for mine, kept in zip(seen[3 * trained.kept_epoch], trained.weights, strict=True):
        np.testing.assert_allclose(mine, kept, rtol=2e-4, atol=2e-6)


def test_tensorflow_warns_of_nothing_however_many_runs_are_followed():
    """Neither of functions that it traces again nor of some that it cannot convert, in a process of its own."""
    ran = subprocess.run([sys.executable, "-c", MANY_RUNS], capture_output=True, text=True, check=True)
    assert "WARNING" not in ran.stderr


def test_a_run_is_looked_at_before_the_first_step_and_after_the_last(blobs):
    run = variant(blobs)
    seen = [(step, model.get_weights()[0].copy()) for step, model in follow(run, seed=3, every=5)]
    assert [step for step, _ in seen] == [0, 5, 10, 12]
    np.testing.assert_array_equal(seen[0][1], run.model((2,), 3, seed=3).get_weights()[0])
    assert all((a[1] != b[1]).any() for a, b in pairwise(seen))


def test_the_steps_between_two_looks_must_be_at_least_one(blobs):
    with pytest.raises(UsageError) as refusal:
        next(follow(variant(blobs), seed=3, every=0))
    words = "every must be a whole number of at least 1 (it is the number of steps between two looks), got 0"
    assert str(refusal.value) == words


@pytest.mark.parametrize(
    ("name", "value"),
    [("flooding", 0.1), ("clip_norm", 1.0), ("gradient_noise", 0.1), ("sharpness", 0.05), ("mixup", 0.2)],
)
def test_a_training_that_cannot_be_followed_is_refused_and_not_followed_in_part(blobs, name, value):
    run = replace(variant(blobs), training=replace(variant(blobs).training, **{name: value}))
    with pytest.raises(UsageError, match=f"variant must train without {name} to be followed step by step"):
        next(follow(run, seed=3, every=1))


def test_weights_of_examples_are_not_left_out_without_a_word(blobs):
    run = variant(blobs)
    data = run.data()
    weighted = replace(data, train=replace(data.train, weight=np.ones(len(data.train.y), np.float32)))
    with pytest.raises(UsageError, match="variant must train without weights of examples"):
        next(follow(replace(run, data=lambda: weighted), seed=3, every=1))


@pytest.mark.slow
def test_what_is_trained_comes_back_by_variant_and_seed_with_its_kept_model(blobs):
    variants = {"small batches": variant(blobs), ("a pair", 20): variant(blobs, batch_size=20)}
    told: list[object] = []
    heard = Progress(
        on_plan=lambda *counts: told.append(counts), on_end=lambda run, _: told.append((run.variant, run.seed))
    )
    with heard_by(heard):
        together = train(variants, seeds=[1, 2])
    assert told[0] == (4, 0)
    assert sorted(told[1:]) == [("a pair 20", 1), ("a pair 20", 2), ("small batches", 1), ("small batches", 2)]
    assert list(together) == [(key, seed) for key in variants for seed in (1, 2)]
    for key, alone in train(variants, seeds=[1, 2], engine="keras_fit").items():
        one = together[key]
        assert one.trained.rows[-1]["val_data_loss"] == pytest.approx(alone.trained.rows[-1]["val_data_loss"], rel=1e-3)
        for kept, weights in zip(one.trained.weights, one.model().get_weights(), strict=True):
            np.testing.assert_array_equal(kept, weights)
