"""The course's optimizers in NumPy, on landscapes of two parameters: exact, small, and readable beside the formulas.

A landscape is a function of two numbers with its gradient. Two of them are the course's: the valley
x ** 2 / 20 + y ** 2 on which the optimizers are compared, and the sum of squared errors of one neuron over its weight
and its bias.

The engines do not use this room: they train with Keras's optimizers, whose AdaGrad, RMSProp and Adam differ from these
in where epsilon stands and where the sums start.
"""

import math
import numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lab.checks import UsageError, choice, number, whole

OPTIMIZERS = ("sgd", "momentum", "adagrad", "rmsprop", "adam")
COURSE_RATES = {"sgd": 0.95, "momentum": 0.1, "adagrad": 1.5, "rmsprop": 0.1, "adam": 0.3}
"""The learning rates at which the course compares the optimizers on the valley: unequal ones, chosen by hand."""

NEURONS = ("linear", "sigmoid", "tanh", "relu")


@dataclass(frozen=True)
class Landscape:
    """A function of two parameters with its gradient.

    Args:
        value: takes both parameters, numbers or arrays of one shape, and returns the height.
        gradient: takes both parameters as numbers and returns both partial derivatives.
        names: what the parameters are called in tables and figures.
        height: what the value is called there.
    """

    value: Callable
    gradient: Callable
    names: tuple[str, str] = ("x", "y")
    height: str = "f"


def _valley(x, y):
    return x**2 / 20 + y**2


def _valley_gradient(x, y):
    return x / 10, 2 * y


VALLEY = Landscape(_valley, _valley_gradient)
"""f(x, y) = x ** 2 / 20 + y ** 2, twenty times as curved in y as in x: the course's ground for optimizers."""


def neuron(x: Sequence[float], y: Sequence[float], activation: str = "sigmoid") -> Landscape:
    """Return the landscape of one neuron: the sum over the examples of (activation(w * x + b) - y) ** 2 over (w, b).

    Args:
        x: the inputs, one number an example.
        y: the targets, as many.
        activation: "linear", "sigmoid", "tanh" or "relu".

    Raises:
        UsageError: x and y are no two lists of finite numbers of one length, or the activation is unknown.
    """
    inputs, targets = np.asarray(x, float), np.asarray(y, float)
    if inputs.ndim != 1 or inputs.shape != targets.shape or not inputs.size:
        raise UsageError(
            f"x and y must be two lists with one number an example, got shapes {inputs.shape} and {targets.shape}"
        )
    if not (np.isfinite(inputs).all() and np.isfinite(targets).all()):
        raise UsageError("x and y must be finite numbers, got NaN or infinity")
    choice("activation", activation, NEURONS)

    def outputs(w, b):
        # Any shape of parameters, with the examples as one more axis at the end.
        z = np.asarray(w, float)[..., None] * inputs + np.asarray(b, float)[..., None]
        match activation:
            case "sigmoid":
                # The same function, without an exponential that overflows.
                return 0.5 * (1 + np.tanh(z / 2))
            case "tanh":
                return np.tanh(z)
            case "relu":
                return np.maximum(z, 0)
        return z

    def slope(a):
        match activation:
            case "sigmoid":
                return a * (1 - a)
            case "tanh":
                return 1 - a**2
            case "relu":
                return a > 0
        return 1.0

    def value(w, b):
        return np.sum((outputs(w, b) - targets) ** 2, axis=-1)

    def gradient(w, b):
        a = outputs(w, b)
        error = 2 * (a - targets) * slope(a)
        return float(np.sum(error * inputs)), float(np.sum(error))

    return Landscape(value, gradient, names=("w", "b"), height="loss")


def trajectory(
    optimizer: str,
    landscape: Landscape = VALLEY,
    *,
    learning_rate: float,
    start: Sequence[float] = (-7.0, 2.0),
    steps: int = 30,
    momentum: float = 0.9,
    rho: float = 0.9,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
) -> pd.DataFrame:
    """Return the points an optimizer visits on a landscape.

    With the gradient g, step t from 1, all state starting at 0 and epsilon outside every root:

    - sgd: p -= rate * g. Each step is orthogonal to the contour it starts from.
    - momentum: v = momentum * v - rate * g; p += v.
    - adagrad: h += g ** 2; p -= rate * g / (sqrt(h) + epsilon).
    - rmsprop: h = rho * h + (1 - rho) * g ** 2; p -= rate * g / (sqrt(h) + epsilon).
    - adam: m = beta_1 * m + (1 - beta_1) * g; v = beta_2 * v + (1 - beta_2) * g ** 2;
      p -= rate * m / (1 - beta_1 ** t) / (sqrt(v / (1 - beta_2 ** t)) + epsilon).
      The book corrects both moments in the rate instead, which differs by about 1e-5 on the valley: epsilon then
      stands beside the uncorrected root.

    Args:
        optimizer: one of `OPTIMIZERS`.
        landscape: where it descends.
        learning_rate: the step size, above 0; the course's are `COURSE_RATES`.
        start: the two parameters at the start.
        steps: how many, at least 1.
        momentum, rho, beta_1, beta_2: in [0, 1).
        epsilon: above 0.

    Returns:
        A row a step, the start (step 0) included: "step", both parameters and the height under the landscape's
        names ("x", "y" and "f" on the valley).

    Raises:
        UsageError: a wrong argument.

    Reference: *Deep Learning from Scratch*, chapter 6; Kingma and Ba 2015, algorithm 1 (Adam).
    """
    choice("optimizer", optimizer, OPTIMIZERS)
    rate = number("learning_rate", learning_rate, "the step size", low_open=True)
    for name, share in (("momentum", momentum), ("rho", rho), ("beta_1", beta_1), ("beta_2", beta_2)):
        number(name, share, "the share of the past kept in a step", high=1, high_open=True)
    number("epsilon", epsilon, "what keeps an adaptive optimizer from dividing by zero", low_open=True)
    steps = whole("steps", steps, "the number of steps")
    point = _point("start", start)

    points, first, second = [point], np.zeros(2), np.zeros(2)
    for t in range(1, steps + 1):
        g = np.array(landscape.gradient(*map(float, point)), float)
        match optimizer:
            case "sgd":
                change = -rate * g
            case "momentum":
                change = first = momentum * first - rate * g
            case "adagrad":
                second = second + g**2
                change = -rate * g / (np.sqrt(second) + epsilon)
            case "rmsprop":
                second = rho * second + (1 - rho) * g**2
                change = -rate * g / (np.sqrt(second) + epsilon)
            case _:
                first = beta_1 * first + (1 - beta_1) * g
                second = beta_2 * second + (1 - beta_2) * g**2
                root = np.sqrt(second / (1 - beta_2**t))
                change = -rate * first / (1 - beta_1**t) / (root + epsilon)
        point = point + change
        points.append(point)
    a, b = np.array(points).T
    x, y = landscape.names
    return pd.DataFrame({"step": range(steps + 1), x: a, y: b, landscape.height: landscape.value(a, b)})


def _point(name: str, values: object) -> np.ndarray:
    if isinstance(values, (list, tuple)) and len(values) == 2:
        real = [isinstance(v, numbers.Real) and not isinstance(v, bool) and math.isfinite(v) for v in values]
        if all(real):
            return np.array(values, float)
    raise UsageError(f"{name} must be two finite numbers, one a parameter, got {values!r}")
