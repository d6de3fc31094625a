"""Filter-normalized slices and lines between nets, against their definitions in NumPy."""

import numpy as np
import pytest

from lab.checks import UsageError
from lab.models import conv, dense
from lab.probes.loss_slices import direction, interpolate, slice_1d, slice_2d
from lab.regularization import Regularization

X = np.random.default_rng(0).normal(size=(1500, 5)).astype(np.float32)
Y = (np.arange(1500) % 3).astype(np.int32)


def net(seed=0, **options):
    return dense((5,), 3, widths=(8, 6), seed=seed, **options)


def cross_entropy(weights, x, y):
    """Mean loss and accuracy of the net of two ReLU layers, in NumPy."""
    for kernel, bias in zip(weights[:4:2], weights[1:4:2], strict=True):
        x = np.maximum(x @ kernel + bias, 0)
    logits = (x @ weights[4] + weights[5]).astype(float)
    right = logits[np.arange(len(y)), y]
    return (np.log(np.exp(logits).sum(axis=1)) - right).mean(), (logits.argmax(axis=1) == y).mean()


@pytest.mark.parametrize(
    "model",
    [
        net(regularization=Regularization(normalization="batch")),
        conv((6, 6, 2), 3, blocks=((4, 3),), widths=(5,), activation="prelu"),
    ],
    ids=["dense with batch normalization", "convolutions with PReLU"],
)
def test_every_filter_of_a_direction_is_as_long_as_the_filter_it_moves_and_the_rest_stays(model):
    weights = model.get_weights()
    moved = 0
    for variable, step, w in zip(model.weights, direction(model, weights), weights, strict=True):
        assert step.shape == w.shape
        assert step.dtype == w.dtype
        if variable.name == "kernel":
            # A filter: all the weights into one unit.
            flat, steps = (a.reshape(-1, a.shape[-1]) for a in (w, step))
            np.testing.assert_allclose(np.linalg.norm(steps, axis=0), np.linalg.norm(flat, axis=0), rtol=1e-5)
            moved += 1
        else:
            assert not step.any()
    assert moved == 3 if model.name == "dense" else moved == 4


def test_directions_depend_on_the_seed_and_on_nothing_else():
    model = net()
    weights = model.get_weights()
    first, again, other = (direction(model, weights, seed) for seed in (1, 1, 2))
    for a, b, c in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not a.any() or not np.allclose(a, c)


def test_scaling_a_layer_up_and_the_next_one_down_leaves_the_slice_as_it_is():
    model = net()
    weights = model.get_weights()
    scaled = [8 * weights[0], weights[1], weights[2] / 8, *weights[3:]]
    plain, rescaled = (slice_1d(model, w, X, Y, points=9) for w in (weights, scaled))
    np.testing.assert_allclose(plain["data_loss"], rescaled["data_loss"], rtol=1e-5)
    assert np.ptp(plain["data_loss"]) > 0.05


def test_a_slice_measures_the_net_with_moved_weights():
    model = net()
    weights = [w + np.float32(0.01) for w in model.get_weights()]
    step = direction(model, weights, seed=4)
    table = slice_1d(model, weights, X, Y, reach=0.5, points=5, seed=4)
    assert list(table.columns) == ["alpha", "data_loss", "accuracy"]
    assert table["alpha"].tolist() == [-0.5, -0.25, 0, 0.25, 0.5]
    for alpha, loss, accuracy in table.itertuples(index=False):
        moved = [w + np.float32(alpha) * s for w, s in zip(weights, step, strict=True)]
        assert (loss, accuracy) == pytest.approx(cross_entropy(moved, X, Y), rel=1e-5)


def test_a_plane_holds_the_line_of_its_first_direction():
    model = net()
    weights = model.get_weights()
    plane = slice_2d(model, weights, X, Y, points=5, seed=3)
    assert list(plane.columns) == ["alpha", "beta", "data_loss", "accuracy"]
    assert len(plane) == 25
    assert plane["alpha"][:6].tolist() == [-1, -0.5, 0, 0.5, 1, -1]
    line = slice_1d(model, weights, X, Y, points=5, seed=3)
    middle = plane[plane["beta"] == 0].drop(columns="beta").reset_index(drop=True)
    assert middle.equals(line)
    assert not np.allclose(plane[plane["alpha"] == 0]["data_loss"], line["data_loss"])


def test_the_line_between_two_nets_starts_at_one_and_ends_at_the_other():
    first, second = net(seed=1), net(seed=2)
    a, b = first.get_weights(), second.get_weights()
    table = interpolate(first, a, b, X, Y, alphas=(0, 0.5, 1))
    for alpha, loss, accuracy in table.itertuples(index=False):
        mixed = [(1 - alpha) * p + alpha * q for p, q in zip(a, b, strict=True)]
        assert (loss, accuracy) == pytest.approx(cross_entropy(mixed, X, Y), rel=1e-5)
    itself = interpolate(first, a, a, X, Y, alphas=(0, 1))
    assert itself["data_loss"][0] == table["data_loss"][0]


def test_the_line_moves_statistics_and_biases_too():
    model = net(regularization=Regularization(normalization="batch"))
    a = model.get_weights()
    names = [variable.name for variable in model.weights]
    b = [2 * w if name in ("moving_mean", "moving_variance", "bias") else w for w, name in zip(a, names, strict=True)]
    table = interpolate(model, a, b, X, Y, alphas=(0, 1))
    assert table["data_loss"][0] != table["data_loss"][1]


def test_the_model_keeps_its_weights():
    model = net()
    before = model.get_weights()
    other = [w + np.float32(1) for w in before]
    slice_1d(model, other, X, Y, points=3)
    with pytest.raises(UsageError):
        slice_1d(model, other, X, Y, points=3, loss="mean")
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_weights_come_back_when_a_measurement_fails():
    model = net()
    before = model.get_weights()
    with pytest.raises(Exception, match="incompatible"):
        slice_1d(model, [w + np.float32(1) for w in before], X[:, :4], Y, points=3)
    np.testing.assert_array_equal(before[0], model.get_weights()[0])


def test_a_net_of_numbers_has_no_accuracy():
    model = dense((5,), 2, widths=(4,))
    targets = X[:, :2]
    table = slice_1d(model, model.get_weights(), X, targets, "squared_error", points=3)
    assert table["accuracy"].isna().all()
    outputs = np.asarray(model(X))
    assert table["data_loss"][1] == pytest.approx(((outputs - targets) ** 2).sum(axis=1).mean(), rel=1e-5)


def test_weights_of_another_model_are_refused():
    model = dense((5,), 2, widths=())
    with pytest.raises(UsageError) as refusal:
        slice_1d(model, [np.zeros((5, 3)), np.zeros(3)], X, Y)
    message = "weights must be of the shapes of the model's weights [(5, 2), (2,)], got [(5, 3), (3,)]"
    assert str(refusal.value) == message


def test_an_even_number_of_points_is_refused():
    model = net()
    with pytest.raises(UsageError) as refusal:
        slice_2d(model, model.get_weights(), X, Y, points=20)
    assert str(refusal.value) == "points must be odd, so that the net itself is one of them, got 20"


@pytest.mark.parametrize("alpha", [float("inf"), "0", True])
def test_a_place_on_the_line_that_is_no_number_is_refused(alpha):
    model = net()
    with pytest.raises(UsageError) as refusal:
        interpolate(model, model.get_weights(), model.get_weights(), X, Y, alphas=[alpha])
    message = f"alphas must be finite numbers, 0 at the first net and 1 at the second, got {alpha!r}"
    assert str(refusal.value) == message
