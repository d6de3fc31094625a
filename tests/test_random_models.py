"""Random models of all kinds of layers: a cohort trains each run as a plain loop does, with the same bits as alone."""

from functools import partial

import numpy as np
import pytest

from lab.engine import cohort
from lab.engine.task import Task
from lab.training import Training
from tests.cohorts import dataset, identical, is_promised
from tests.random_models import build, by_hand

CLOSE = 1e-4
QUICK = 40


def assert_trained_as_by_hand(case: int, size: int, epochs: int) -> None:
    kind = ("sgd", "momentum", "adam")[case % 3]
    training = Training(
        optimizer=kind,
        learning_rate=0.01 if kind == "adam" else 0.03,
        momentum=0.5,
        epsilon=1e-2,
        epochs=epochs,
        batch_size=20,
    )
    tasks = [Task(partial(build, case, r, size), dataset(seed=case), training, r) for r in range(2)]
    plan = cohort.group(tasks)
    assert ([g.indices for g in plan.groups], plan.refused) == ([[0, 1]], {})
    checked = case % 2
    trained = cohort.train(tasks, blueprints=plan.groups[0].blueprints)[checked]
    task = tasks[checked]
    if is_promised():
        assert identical(trained, cohort.train([task])[0])
    rows, weights = by_hand(task.build(), task.data, training, task.seed)
    diverged = trained.status == "diverged"
    if diverged:
        # Both lose the finite numbers in the same epoch, after which the cohort trains no other.
        rows = rows[: len(trained.rows)]
        assert not all(np.isfinite(list(rows[-1].values())))
    for mine, own in zip(trained.rows, rows, strict=True):
        for name, value in own.items():
            assert np.isclose(mine[name], value, rtol=CLOSE, atol=CLOSE, equal_nan=True), name
    if trained.kept_epoch is not None:
        for mine, own in zip(trained.weights, weights[trained.kept_epoch - 1], strict=True):
            # On their way to infinity weights are hundreds, and float32 tells no digits behind the point.
            assert np.allclose(mine, own, rtol=CLOSE if diverged else 0, atol=CLOSE)


@pytest.mark.parametrize("case", range(QUICK))
def test_a_small_random_model_trains_as_a_plain_loop_trains_it(case, monkeypatch):
    # The comparison with Keras takes a second, and what it compares is compared here.
    monkeypatch.setattr(cohort, "rehearse", lambda loop: None)
    assert_trained_as_by_hand(case, size=2, epochs=1)


@pytest.mark.slow
@pytest.mark.parametrize("case", range(QUICK, QUICK + 300))
def test_a_random_model_trains_as_a_plain_loop_trains_it(case):
    assert_trained_as_by_hand(case, size=6, epochs=3)
