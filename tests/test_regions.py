"""Decision regions and surfaces against the functions they are drawn from."""

import numpy as np
import pytest

from lab.checks import UsageError
from lab.models import dense
from lab.probes.regions import around, decision_region, surface
from lab.textbook.descent import VALLEY, neuron


def linear(outputs, kernel, bias):
    model = dense((2,), outputs, widths=())
    model.set_weights([np.array(kernel, np.float32), np.array(bias, np.float32)])
    return model


def test_a_decision_region_of_one_logit_splits_where_the_logit_is_zero():
    model = linear(1, [[1], [-2]], [0.5])
    table = decision_region(model, ((-1, 1), (-2, 2)), 5)
    assert list(table.columns) == ["x1", "x2", "class", "probability", "p0", "p1"]
    assert list(table["x1"][:6]) == [-1, -0.5, 0, 0.5, 1, -1]
    assert list(table["x2"][:6]) == [-2, -2, -2, -2, -2, -1]
    logits = table["x1"] - 2 * table["x2"] + 0.5
    np.testing.assert_allclose(table["p1"], 1 / (1 + np.exp(-logits)), atol=1e-7)
    assert table["class"].tolist() == (logits > 0).astype(int).tolist()
    np.testing.assert_allclose(table["probability"], np.maximum(table["p0"], table["p1"]))


def test_a_decision_region_of_three_classes_takes_the_largest_logit():
    kernel = np.array([[1, 0, -1], [0, 1, -1]])
    table = decision_region(linear(3, kernel, [0, 0, 0.3]), ((-2, 2), (-2, 2)), 41)
    logits = table[["x1", "x2"]].to_numpy() @ kernel + [0, 0, 0.3]
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(table[["p0", "p1", "p2"]], softmax, atol=1e-6)
    assert set(table["class"]) == {0, 1, 2}


def test_a_decision_region_of_a_model_of_three_features_is_refused():
    with pytest.raises(UsageError) as refusal:
        decision_region(dense((3,), 2, widths=()), ((0, 1), (0, 1)))
    assert str(refusal.value) == "a decision region is drawn for two features, got a model of (3,)"


@pytest.mark.parametrize("ends", [(1, 1), (2, 1), (0, float("nan")), (0,), (False, 1)])
def test_bounds_that_are_no_range_are_refused(ends):
    with pytest.raises(UsageError) as refusal:
        decision_region(linear(1, [[1], [1]], [0]), ((0, 1), ends))
    message = f"bounds[1] must be a range of two finite numbers, the lower one first, got {ends!r}"
    assert str(refusal.value) == message


def test_around_leaves_room_on_every_side():
    (x_low, x_high), (y_low, y_high) = around(np.array([[0, 5], [2, 5], [1, 5]]), margin=0.25)
    assert (x_low, x_high, y_low, y_high) == (-0.5, 2.5, 4, 6)


def test_points_of_three_features_have_nothing_around_them():
    with pytest.raises(UsageError) as refusal:
        around(np.zeros((4, 3)))
    assert str(refusal.value) == "points must be of shape (n, 2), got (4, 3)"


def test_a_surface_is_the_landscape_on_a_grid():
    table = surface(VALLEY, (-10, 10), (-4, 4), 5)
    assert list(table.columns) == ["x", "y", "f"]
    assert list(table["x"][:5]) == [-10, -5, 0, 5, 10]
    assert table["f"].tolist() == (table["x"] ** 2 / 20 + table["y"] ** 2).tolist()


def test_the_surface_of_a_neuron_is_lowest_at_the_weights_that_made_its_data():
    x = np.linspace(-2, 2, 15)
    landscape = neuron(x, np.tanh(1.5 * x - 0.5), "tanh")
    table = surface(landscape, (-3, 3), (-2, 2), 49)
    lowest = table.loc[table["loss"].idxmin()]
    assert list(table.columns) == ["w", "b", "loss"]
    assert (lowest["w"], lowest["b"]) == (1.5, -0.5)
    assert lowest["loss"] == pytest.approx(0, abs=1e-25)
