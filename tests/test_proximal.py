"""Proximal steps: exact zeros of L1 and group lasso, and the minima that scikit-learn finds."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from sklearn.linear_model import Lasso, MultiTaskLasso

from lab import models
from lab.data import Dataset, Split
from lab.engine import cohort, keras_fit
from lab.engine.task import Task
from lab.regularization import Regularization
from lab.training import Training
from tests.cohorts import difference, identical, task, together

SGD = Training(optimizer="sgd", learning_rate=0.05, epochs=2, batch_size=16, proximal=True)
STRONG = {"l1": 0.02, "group_inputs": 0.02, "group_units": 0.02}


def line(regularization: Regularization, x: np.ndarray, y: np.ndarray, training: Training) -> Task:
    """Return a linear net on a table, whose loss is the mean of the sum of squares."""
    data = Dataset("line", *(Split(x + s, y + s) for s in np.float32([0, 1e-3, 2e-3])), None)
    build = partial(models.dense, x.shape[1:], y.shape[1], widths=(), output_regularization=regularization, seed=0)
    return Task(build, data, training, 0)


def table() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    x = generator.normal(size=(40, 6)).astype(np.float32)
    w = generator.normal(size=(6, 3)) * (np.arange(6) < 2)[:, None]
    return x, (x @ w + 0.3 * generator.normal(size=(40, 3)) + 1).astype(np.float32)


@pytest.fixture(scope="module")
def at_the_end() -> dict[str, list[np.ndarray]]:
    """The last kernel and bias of a run with L1 and of one with group lasso, trained until nothing moves."""
    full = replace(SGD, learning_rate=0.1, epochs=300, batch_size=40, loss="squared_error", measured=1)
    tasks = [line(Regularization(**{name: 0.4}), *table(), full) for name in ("l1", "group_inputs")]
    return dict(zip(("l1", "group_inputs"), (t.last_weights for t in together(tasks)), strict=True))


def test_l1_ends_where_the_lasso_of_scikit_learn_does_with_the_same_zeros(at_the_end):
    exact = [part.astype(float) for part in table()]
    # Their loss is half the mean square.
    lasso = Lasso(alpha=0.2, tol=1e-10, max_iter=100_000).fit(*exact)
    kernel, bias = at_the_end["l1"]
    np.testing.assert_array_equal(kernel == 0, lasso.coef_.T == 0)
    assert 0 < (kernel == 0).sum() < kernel.size
    np.testing.assert_allclose(kernel, lasso.coef_.T, atol=2e-5)
    np.testing.assert_allclose(bias, lasso.intercept_, atol=2e-5)


def test_group_lasso_on_inputs_ends_where_the_multi_task_lasso_does(at_the_end):
    exact = [part.astype(float) for part in table()]
    lasso = MultiTaskLasso(alpha=0.4 * 3**0.5 / 2, tol=1e-10, max_iter=100_000).fit(*exact)
    kernel, bias = at_the_end["group_inputs"]
    np.testing.assert_array_equal((kernel == 0).all(1), (lasso.coef_ == 0).all(0))
    assert 0 < (kernel == 0).all(1).sum() < 6
    np.testing.assert_allclose(kernel, lasso.coef_.T, atol=2e-5)
    np.testing.assert_allclose(bias, lasso.intercept_, atol=2e-5)


def test_a_weight_is_0_only_where_the_gradient_of_the_loss_is_at_most_the_strength(at_the_end):
    kernel, bias = (w.astype(np.float64) for w in at_the_end["l1"])
    x, y = table()
    gradient = 2 * x.T @ (x @ kernel + bias - y) / len(x)
    zero = kernel == 0
    assert (np.abs(gradient[zero]) <= 0.4).all()
    np.testing.assert_allclose(gradient[~zero], -0.4 * np.sign(kernel[~zero]), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_proximal_steps_train_in_a_cohort_as_alone_and_beside_plain_runs(kind):
    r = Regularization(l2=1e-3, normalization="batch", **STRONG)
    plain = replace(SGD, proximal=False)
    none = replace(r, l1=0, group_inputs=0, group_units=0)
    tasks = [task(one, kind=kind, training=t) for one, t in ((r, plain), (r, SGD), (none, SGD))]
    trained = together(tasks)
    far = {k: v for k, v in difference(trained[1], keras_fit.train(tasks[1])).items() if not v <= 1e-5}
    assert far == {}
    assert kind == "conv" or (trained[1].weights[0] == 0).sum() > (trained[0].weights[0] == 0).sum() == 0
    assert identical(trained[0], cohort.train(tasks[:1])[0])
    assert identical(trained[2], cohort.train([task(none, kind=kind, training=plain)])[0])


def test_the_penalty_is_reported_as_ever():
    one = task(Regularization(**STRONG), training=replace(SGD, epochs=1))
    trained = cohort.train([one])[0]
    model = one.build()
    model.set_weights(trained.weights)
    assert trained.rows[0]["val_penalty"] == pytest.approx(float(sum(model.losses)), rel=1e-5)


@pytest.mark.slow
def test_without_a_penalty_it_changes_no_bit_in_the_reference():
    tasks = [task(Regularization(l2=1e-3), training=replace(SGD, proximal=on)) for on in (False, True)]
    one, other = (keras_fit.train(task) for task in tasks)
    assert identical(one, other)
