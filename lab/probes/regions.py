"""Surfaces over a plane: what a model decides everywhere in it, and how high a landscape of two parameters lies."""

import math
import numbers
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lab.checks import UsageError, number, whole
from lab.probes.ensembles import probabilities
from lab.textbook.descent import Landscape

if TYPE_CHECKING:
    import keras

BATCH = 4096


def around(points: np.ndarray, margin: float = 0.1) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the ranges of both axes that hold some points with room around them, as `decision_region` takes them.

    Args:
        points: (n, 2), with at least one point.
        margin: the room at either end, as a share of the points' extent along that axis, at least 0.
    """
    share = number("margin", margin, "the room around the points as a share of their extent")
    if np.ndim(points) != 2 or np.shape(points)[1] != 2 or not len(points):
        raise UsageError(f"points must be of shape (n, 2), got {np.shape(points)}")
    low, high = np.min(points, axis=0).astype(float), np.max(points, axis=0).astype(float)
    # Points on one line across an axis still need a range with an extent.
    room = np.where(high > low, share * (high - low), 1.0)
    (x_low, y_low), (x_high, y_high) = (low - room).tolist(), (high + room).tolist()
    return (x_low, x_high), (y_low, y_high)


def decision_region(model: "keras.Model", bounds: Sequence[Sequence[float]], resolution: int = 200) -> pd.DataFrame:
    """Return what a model of two features decides at each point of a grid: its class and how sure it is.

    How wiggly the border between the classes is shows a net's capacity, and how much of it the penalty leaves.

    Args:
        model: takes (n, 2) and returns logits. One logit means two classes, the second where it is above 0.
        bounds: ((low, high), (low, high)) of both features; see `around`.
        resolution: how many points a side, at least 2.

    Returns:
        `resolution ** 2` rows, the first feature running fastest: "x1", "x2", "class" (the most probable),
        "probability" (of that class, as `lab.probes.ensembles.probabilities` has it; of scores trained with a hinge
        loss it only says how far the best score leads) and "p0", "p1", ... (of each class).

    Raises:
        UsageError: bounds that are no ranges, or a model that does not take two features.

    Reference: CS231n, *Neural Networks Part 1*, section "Setting number of layers and their sizes".
    """
    if not isinstance(bounds, (list, tuple)) or len(bounds) != 2:
        raise UsageError(f"bounds must be two ranges, ((low, high), (low, high)), got {bounds!r}")
    x_range, y_range = _range("bounds[0]", bounds[0]), _range("bounds[1]", bounds[1])
    side = whole("resolution", resolution, "the number of points a side", low=2)
    if tuple(model.input_shape[1:]) != (2,):
        raise UsageError(f"a decision region is drawn for two features, got a model of {model.input_shape[1:]}")
    x, y = np.meshgrid(np.linspace(*x_range, side), np.linspace(*y_range, side))
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    of_classes = probabilities(model, points.astype(np.float32), batch=BATCH)
    table = pd.DataFrame({"x1": points[:, 0], "x2": points[:, 1], "class": of_classes.argmax(axis=1)})
    table["probability"] = of_classes.max(axis=1)
    return table.assign(**{f"p{i}": column for i, column in enumerate(of_classes.T)})


def surface(
    landscape: Landscape, first: Sequence[float], second: Sequence[float], resolution: int = 101
) -> pd.DataFrame:
    """Return the height of a landscape on a grid over both parameters.

    Args:
        landscape: of two parameters, as `lab.textbook.descent.neuron` and `VALLEY`.
        first: (low, high) of the first parameter.
        second: (low, high) of the second.
        resolution: how many points a side, at least 2.

    Returns:
        `resolution ** 2` rows, the first parameter running fastest: both parameters and the height, under the
        landscape's names ("w", "b" and "loss" for a neuron).

    Raises:
        UsageError: a range that is none.
    """
    side = whole("resolution", resolution, "the number of points a side", low=2)
    ranges = [_range(name, ends) for name, ends in zip(landscape.names, (first, second), strict=True)]
    a, b = (grid.ravel() for grid in np.meshgrid(*(np.linspace(*ends, side) for ends in ranges)))
    return pd.DataFrame({landscape.names[0]: a, landscape.names[1]: b, landscape.height: landscape.value(a, b)})


def _range(name: str, ends: object) -> tuple[float, float]:
    if isinstance(ends, (list, tuple)) and len(ends) == 2:
        real = [isinstance(end, numbers.Real) and not isinstance(end, bool) and math.isfinite(end) for end in ends]
        if all(real) and ends[0] < ends[1]:
            return float(ends[0]), float(ends[1])
    raise UsageError(f"{name} must be a range of two finite numbers, the lower one first, got {ends!r}")
