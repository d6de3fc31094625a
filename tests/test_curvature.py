"""The largest eigenvalues of the Hessian, against the Hessian itself."""

import numpy as np
import pytest

from lab.checks import UsageError
from lab.models import dense
from lab.probes.curvature import top_eigenvalues

X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
Y = (np.arange(40) % 3).astype(np.int32)


def test_those_of_a_linear_model_with_the_squared_error_are_those_of_its_second_moments():
    model = dense((4,), 1, widths=(), seed=1)
    augmented = np.concatenate([X, np.ones((40, 1))], axis=1).astype(float)
    hessian = 2 * augmented.T @ augmented / 40
    found = top_eigenvalues(model, model.get_weights(), X, Y.astype(np.float32)[:, None], loss="squared_error", count=3)
    np.testing.assert_allclose(found, np.sort(np.linalg.eigvalsh(hessian))[:-4:-1], rtol=1e-4)


def test_those_of_a_softmax_classifier_are_those_of_its_formula():
    model = dense((4,), 3, widths=(), initializer=0.5, seed=1)
    kernel, bias = model.get_weights()
    logits = X.astype(float) @ kernel + bias
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    augmented = np.concatenate([X, np.ones((40, 1))], axis=1).astype(float)
    of_logits = [np.diag(row) - np.outer(row, row) for row in p]
    hessian = sum(np.kron(np.outer(a, a), h) for a, h in zip(augmented, of_logits, strict=True)) / 40
    found = top_eigenvalues(model, model.get_weights(), X, Y, count=2)
    np.testing.assert_allclose(found, np.sort(np.linalg.eigvalsh(hessian))[:-3:-1], rtol=1e-4)


def test_those_of_a_deeper_net_are_those_of_second_differences():
    model = dense((4,), 3, widths=(5,), activation="tanh", initializer=0.7, seed=2)
    weights = model.get_weights()
    ends = np.cumsum([w.size for w in weights])[:-1]
    flat = np.concatenate([w.ravel() for w in weights]).astype(float)

    def height(point):
        first, one, second, two = (p.reshape(w.shape) for p, w in zip(np.split(point, ends), weights, strict=True))
        logits = np.tanh(X.astype(float) @ first + one) @ second + two
        return (np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(40), Y]).mean()

    h, steps = 1e-3, 1e-3 * np.eye(len(flat))
    hessian = np.array([
        [
            height(flat + a + b) - height(flat + a - b) - height(flat - a + b) + height(flat - a - b)
            for b in steps
        ]
        for a in steps
    ]) / (4 * h**2)  # fmt: skip
    found = top_eigenvalues(model, weights, X, Y, count=2)
    np.testing.assert_allclose(found, np.linalg.eigvalsh(hessian)[:-3:-1], rtol=1e-3)


def test_the_models_own_weights_are_put_back():
    model = dense((4,), 3, widths=(5,), seed=3)
    own = model.get_weights()
    top_eigenvalues(model, [w + 1 for w in own], X, Y)
    for before, after in zip(own, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(
    ("options", "y", "sentence"),
    [
        ({"count": 15}, Y, "count must be less than the number of trainable weights, 15, got 15"),
        ({}, Y[:-1], "x and y must have one label for each of at least one example, got 40 and 39"),
    ],
    ids=["as many as weights", "a label too few"],
)
def test_what_cannot_be_is_refused(options, y, sentence):
    model = dense((4,), 3, widths=(), seed=1)
    with pytest.raises(UsageError) as caught:
        top_eigenvalues(model, model.get_weights(), X, y, **options)
    assert str(caught.value) == sentence
