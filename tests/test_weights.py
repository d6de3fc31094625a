"""Zeros, soft thresholding and the proximal step, against their definitions."""

import keras
import numpy as np
import pytest

from lab.checks import UsageError
from lab.models import dense
from lab.probes.weights import kernels, prox_l1, shrink, zeros
from lab.regularization import Regularization


def net(**regularization):
    return dense((6,), 3, widths=(5, 4), activation="prelu", regularization=Regularization(**regularization))


def test_kernels_leave_out_biases_slopes_and_normalization():
    found = kernels(net(normalization="batch"))
    assert {name: kernel.shape for name, kernel in found.items()} == {
        "dense_1": (6, 5),
        "dense_2": (5, 4),
        "output": (4, 3),
    }


def test_kernels_are_copies():
    model = net()
    kernels(model)["dense_1"][:] = 7
    assert not (kernels(model)["dense_1"] == 7).any()


def test_zeros_are_counted_exactly_and_within_the_tolerance():
    model = net()
    kernel = np.full((6, 5), 0.5, np.float32)
    kernel[0] = 0
    kernel[1] = [1e-3, -1e-3, 1e-4, -1e-9, 2e-3]
    model.get_layer("dense_1").kernel.assign(kernel)
    # float32's 1e-3 lies above the double of that name, so the tolerance is given in float32's terms.
    table = zeros(model, tolerance=float(np.float32(1e-3))).set_index("layer")
    assert list(table.columns) == ["weights", "exact", "near", "exact_share", "near_share"]
    assert table.loc["dense_1"].tolist() == [30, 5, 9, 5 / 30, 9 / 30]
    assert table.loc["output", "weights"] == 12


def test_with_a_tolerance_of_zero_only_exact_zeros_count():
    model = net()
    shrink(model, 0.3)
    table = zeros(model, tolerance=0)
    assert (table["exact"] == table["near"]).all()
    assert table["exact"].sum() > 0


def test_soft_thresholding_minimizes_what_it_says():
    weights, threshold = np.linspace(-2, 2, 41), 0.7
    candidates = np.linspace(-2.5, 2.5, 100_001)
    costs = 0.5 * (candidates[:, None] - weights) ** 2 + threshold * np.abs(candidates)[:, None]
    np.testing.assert_allclose(prox_l1(weights, threshold), candidates[costs.argmin(axis=0)], atol=5e-5)


def test_soft_thresholding_sets_what_lies_within_to_exact_zero_and_keeps_the_type():
    weights = np.array([-0.5, -0.1, 0.0, 0.1, 0.5], np.float32)
    result = prox_l1(weights, 0.1)
    assert result.dtype == np.float32
    assert (result[1:4] == 0).all()
    np.testing.assert_array_equal(result[[0, 4]], np.float32([-0.5, 0.5]) - np.float32([-0.1, 0.1]))
    np.testing.assert_array_equal(prox_l1(weights, 0), weights)


def test_a_negative_threshold_is_refused():
    with pytest.raises(UsageError) as refusal:
        prox_l1(np.ones(2), -0.1)
    assert str(refusal.value) == "threshold must be at least 0 (it is how far each weight moves towards zero), got -0.1"


def test_shrink_moves_the_hidden_kernels_alone():
    model = net()
    before = model.get_weights()
    wanted = {id(model.get_layer(name).kernel) for name in ("dense_1", "dense_2")}
    shrink(model, 0.2)
    for variable, old in zip(model.weights, before, strict=True):
        expected = prox_l1(old, 0.2) if id(variable) in wanted else old
        np.testing.assert_array_equal(variable.numpy(), expected)


def test_shrink_refuses_a_kernel_that_is_not_there():
    with pytest.raises(UsageError) as refusal:
        shrink(net(), 0.1, layers=["dense_3"])
    assert str(refusal.value) == "layers must be among the kernels 'dense_1', 'dense_2', 'output', got 'dense_3'"


def test_the_proximal_step_gives_exact_zeros_where_gradient_descent_on_l1_gives_none():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(60, 6)).astype(np.float32)
    y = x[:, :1] - 2 * x[:, 1:2]
    l1, rate = 0.2, 0.05

    def trained(penalized):
        model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1, use_bias=False, name="dense_1")])
        model.layers[0].kernel.assign(np.full((6, 1), 0.5, np.float32))
        w = model.layers[0].kernel.numpy()
        for _ in range(300):
            w = w - rate * (x.T @ (x @ w - y) / len(x) + (l1 * np.sign(w) if penalized else 0))
            model.layers[0].kernel.assign(w)
            if not penalized:
                shrink(model, rate * l1)
            w = model.layers[0].kernel.numpy()
        return model

    plain, proximal = (zeros(trained(penalized), 0.02).loc[0] for penalized in (True, False))
    assert (plain["exact"], proximal["exact"]) == (0, 4)
    assert (plain["near"], proximal["near"]) == (4, 4)
