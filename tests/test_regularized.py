"""A model that is there already, regularized: the same outputs, the penalties of the formula, and nothing else."""

from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.checks import UsageError
from lab.layers import DropConnectConv2D, DropConnectDense
from lab.models import describe, regularized
from lab.regularization import NONE, Regularization
from tests import random_models
from tests.cohorts import SHAPE

L = keras.layers
KERNELS = ("kernel", "recurrent_kernel", "depthwise_kernel", "pointwise_kernel", "embeddings")
CUSTOM = {kind.__name__: kind for kind in (random_models.Pull, random_models.Smooth, random_models.Clipped)}
EXAMPLES = np.random.default_rng(5).normal(size=(4, *SHAPE)).astype("float32")

strengths = st.sampled_from([0.0, 0.0, 1e-4, 0.03, 0.7])
rates = st.sampled_from([0.0, 0.0, 0.2, 0.5])
regularizations = st.builds(
    Regularization,
    l1=strengths,
    l2=strengths,
    l2_start=strengths,
    dropout=rates,
    noise=rates,
    normalization=st.sampled_from(["none", "none", "batch"]),
)


def losses(model: keras.Model, x: object) -> float:
    model(x, training=False)
    return float(np.sum([np.asarray(loss, "float64") for loss in model.losses]))


def output_layer(model: keras.Model) -> keras.layers.Layer:
    return next(layer for layer in reversed(model.layers) if layer.weights)


def hidden_kernels(model: keras.Model) -> list[keras.Variable]:
    """Return the kernels that a regularization is for, by the names that Keras gives weights."""
    last = {id(v) for v in output_layer(model).weights}
    return [v for v in model.trainable_weights if v.name in KERNELS and id(v) not in last]


def formula(model: keras.Model, r: Regularization, x: object) -> float:
    """Return the losses that the model of a graph should have once it is regularized: at the start, l2_start has none."""
    expected = losses(model, x)
    if r.l1 or r.l2 or r.l2_start:
        for v in hidden_kernels(model):
            w = v.numpy().astype("float64")
            own = 0.0 if v.regularizer is None else float(v.regularizer(v))
            expected += r.l1 * np.abs(w).sum() + r.l2 * np.square(w).sum() - own
    return expected


def assert_regularized(model: keras.Model, r: Regularization, x: object, folder: Path) -> None:
    before, weights = model(x, training=False).numpy(), model.get_weights()
    config = str(model.get_config())
    try:
        made = regularized(model, r, seed=3)
    except UsageError as refusal:
        assert "of which it reaches none" in str(refusal)
        return
    assert np.array_equal(made(x, training=False).numpy(), before)
    assert np.isclose(losses(made, x), formula(model, r, x), rtol=1e-5, atol=1e-6)
    made.save(folder / "made.keras")
    loaded = keras.models.load_model(folder / "made.keras", custom_objects=CUSTOM)
    assert np.array_equal(loaded(x, training=False).numpy(), before)
    assert losses(loaded, x) == losses(made, x)
    assert str(model.get_config()) == config
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), weights, strict=True))


def check_random(case: int, size: int, r: Regularization, folder: Path) -> None:
    model = random_models.build(case, 1, size)
    assert_regularized(model, r, EXAMPLES, folder)


graphs = given(case=st.integers(0, 10_000), size=st.integers(1, 6), r=regularizations)
common = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=25, **common)
@graphs
def test_a_random_graph_computes_the_same_and_is_charged_by_the_formula(tmp_path_factory, case, size, r):
    check_random(case, size, r, tmp_path_factory.mktemp("graph"))


@pytest.mark.slow
@settings(max_examples=200, **common)
@graphs
def test_many_random_graphs_compute_the_same_and_are_charged_by_the_formula(tmp_path_factory, case, size, r):
    check_random(case + 10_001, size, r, tmp_path_factory.mktemp("graph"))
