"""The optimizers on the valley against the course's table, and one neuron's landscape against its formulas."""

import numpy as np
import pytest

from lab.checks import UsageError
from lab.textbook.descent import COURSE_RATES, VALLEY, neuron, trajectory

# Section 3 of the course's experiments: (x, y) after 10 and after 30 steps from (-7, 2), and the height after 30.
TABLE = {
    "sgd": ((-2.579787, 0.697357), (-0.350393, 0.084782), 1.3327e-2),
    "momentum": ((-4.347554, 0.008800), (0.896414, 0.088086), 4.7937e-2),
    "adagrad": ((-1.489386, 0.000004), (-0.120162, 0.0), 7.219e-4),
    "rmsprop": ((-5.345545, 0.602797), (-3.476243, 0.011688), 6.0435e-1),
    "adam": ((-4.059412, -0.491847), (0.136014, 0.318245), 1.0221e-1),
}
X = np.array([-2.0, -0.5, 0.7, 1.9])
Y = np.array([0.1, 0.6, 0.4, 0.95])


def numerical(landscape, w, b, h=1e-6):
    """The gradient by central differences."""
    f = landscape.value
    return np.array([f(w + h, b) - f(w - h, b), f(w, b + h) - f(w, b - h)]) / (2 * h)


@pytest.mark.parametrize("optimizer", TABLE)
def test_a_trajectory_on_the_valley_equals_the_courses_table_to_six_digits(optimizer):
    at_10, at_30, height = TABLE[optimizer]
    table = trajectory(optimizer, learning_rate=COURSE_RATES[optimizer])
    assert list(table.columns) == ["step", "x", "y", "f"]
    assert list(table["step"]) == list(range(31))
    assert tuple(table.loc[0, ["x", "y"]]) == (-7.0, 2.0)
    assert tuple(table.loc[10, ["x", "y"]].round(6)) == at_10
    assert tuple(table.loc[30, ["x", "y"]].round(6)) == at_30
    assert table.loc[30, "f"] == pytest.approx(height, rel=1e-4)
    assert table["f"].equals(table["x"] ** 2 / 20 + table["y"] ** 2)


def test_at_the_courses_rates_adagrad_ends_lowest_and_rmsprop_highest():
    ends = {name: trajectory(name, learning_rate=rate)["f"].iloc[-1] for name, rate in COURSE_RATES.items()}
    assert min(ends, key=ends.get) == "adagrad"
    assert max(ends, key=ends.get) == "rmsprop"


@pytest.mark.parametrize("activation", ["linear", "sigmoid", "tanh", "relu"])
def test_a_neurons_landscape_is_the_sum_of_squared_errors(activation):
    phi = {
        "linear": lambda z: z,
        "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
        "tanh": np.tanh,
        "relu": lambda z: np.maximum(z, 0),
    }[activation]
    landscape = neuron(X, Y, activation)
    w, b = np.array([[0.3, -1.2], [2.0, 0.1]]), np.array([[0.2, 0.4], [-0.7, 1.5]])
    heights = landscape.value(w, b)
    assert heights.shape == (2, 2)
    for i in np.ndindex(2, 2):
        assert heights[i] == pytest.approx(np.sum((phi(w[i] * X + b[i]) - Y) ** 2), rel=1e-12)


@pytest.mark.parametrize("activation", ["linear", "sigmoid", "tanh", "relu"])
def test_a_neurons_gradient_equals_the_numerical_one(activation):
    landscape = neuron(X, Y, activation)
    for w, b in ((0.3, 0.2), (-1.2, 0.4), (2.0, -0.7)):
        np.testing.assert_allclose(landscape.gradient(w, b), numerical(landscape, w, b), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("landscape", [VALLEY, neuron(X, Y, "sigmoid"), neuron(X, Y, "tanh")])
def test_every_step_of_gradient_descent_is_orthogonal_to_the_contour(landscape):
    path = trajectory("sgd", landscape, learning_rate=0.3, start=(-3.0, 2.5), steps=40)
    points = path[list(landscape.names)].to_numpy()
    for point, step in zip(points, np.diff(points, axis=0), strict=False):
        downhill = -numerical(landscape, *point)
        sine = (step[0] * downhill[1] - step[1] * downhill[0]) / (np.linalg.norm(step) * np.linalg.norm(downhill))
        assert abs(sine) < 1e-5
        assert step @ downhill > 0


def test_a_step_of_momentum_is_not_orthogonal_to_the_contour():
    points = trajectory("momentum", learning_rate=0.1, steps=3)[["x", "y"]].to_numpy()
    step, downhill = points[3] - points[2], -np.array(VALLEY.gradient(*points[2]))
    sine = (step[0] * downhill[1] - step[1] * downhill[0]) / (np.linalg.norm(step) * np.linalg.norm(downhill))
    assert abs(sine) > 0.1


def test_a_trajectory_names_the_parameters_of_its_landscape():
    path = trajectory("sgd", neuron(X, Y), learning_rate=0.5, start=(1, 2), steps=1)
    assert list(path.columns) == ["step", "w", "b", "loss"]
    assert len(path) == 2


def test_a_saturated_neuron_overflows_nowhere():
    landscape = neuron([1000.0, -1000.0], [1.0, 0.0])
    assert landscape.value(5.0, 0.0) == 0.0
    assert landscape.gradient(5.0, 0.0) == (0.0, 0.0)


def test_the_derivative_of_the_sigmoid_is_at_most_a_quarter():
    z = np.linspace(-20, 20, 100_001)
    one = neuron([1.0], [0.0])
    # With one example, target 0 and weight 0, the height is sigmoid(b) ** 2 and the slope 2 sigmoid sigmoid'.
    slopes = np.array([one.gradient(0.0, b)[1] for b in z]) / (2 * np.sqrt(one.value(np.zeros_like(z), z)))
    assert slopes.max() == pytest.approx(0.25, abs=1e-15)
    assert z[slopes.argmax()] == pytest.approx(0, abs=1e-9)


def test_an_unknown_optimizer_is_refused():
    with pytest.raises(UsageError) as refusal:
        trajectory("adamw", learning_rate=0.1)
    message = (
        "optimizer must be one of 'sgd', 'momentum', 'adagrad', 'rmsprop', 'adam', got 'adamw'; did you mean 'adam'?"
    )
    assert str(refusal.value) == message


@pytest.mark.parametrize("start", [(1.0,), (1.0, float("nan")), (True, 1.0), "ab"])
def test_a_start_that_is_not_two_numbers_is_refused(start):
    with pytest.raises(UsageError) as refusal:
        trajectory("sgd", learning_rate=0.1, start=start)
    assert str(refusal.value) == f"start must be two finite numbers, one a parameter, got {start!r}"


def test_a_learning_rate_of_zero_is_refused():
    with pytest.raises(UsageError) as refusal:
        trajectory("sgd", learning_rate=0)
    assert str(refusal.value) == "learning_rate must be above 0 (it is the step size), got 0"


def test_examples_without_targets_are_refused():
    with pytest.raises(UsageError) as refusal:
        neuron([1.0, 2.0], [1.0])
    message = "x and y must be two lists with one number an example, got shapes (2,) and (1,)"
    assert str(refusal.value) == message
