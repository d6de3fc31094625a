"""The range of a model's outputs whatever its weights are: where the loss cannot become small within it, that is told.

Softmax, tanh or relu at a model's end may be written in any way: as a function, in a layer of people's own, in code. So
the trained weights are drawn at random, again and again, and the outputs are looked at.
"""

import contextlib
import math
import warnings
from collections.abc import Iterator, Sequence

import keras
import numpy as np

from lab.checks import DataError
from lab.models.final_activation import ModelWarning, ends_linear

DRAWS = 24
"""The number of draws of the weights in search of an output of either sign: chance misses it once in 2 ** 24 times."""

SMALL = (0.5,)
LARGE = (5.0, 50.0, 500.0)
"""Standard deviations of drawn weights, in turn. Behind large ones every function with bounds comes close to them."""

LOWEST_FLOOR = 1e-3
"""A loss that can fall so far is not held up."""


def check_range(model: keras.Model, loss: str, who: str, examples: np.ndarray, targets: np.ndarray) -> None:
    """Refuse outputs that are probabilities, or of one sign, whatever the model's weights are, for losses of logits.

    Outputs of both signs within bounds, as those of tanh, are warned of: the loss cannot fall below a floor. So are
    outputs that cannot reach the numbers to be predicted.

    Args:
        model: with values.
        loss: a name of `lab.training.LOSSES`.
        who: whose model it is.
        examples: some inputs.
        targets: of the training split, as `lab.data.Split` holds them.

    Raises:
        DataError: no drawn weights have given outputs that are logits.
    """
    if ends_linear(model) or not model.trainable_variables:
        return
    if loss == "squared_error":
        _warn_of_targets(model, who, examples, targets)
        return
    for training in (False, True):
        if outputs_are := _one_signed(model, examples, training):
            raise DataError(
                f"the model of {who} must return logits for the loss {loss!r}, got outputs that are {outputs_are} "
                "whatever its weights are; remove the function at its end that makes them so"
            )
    _warn_of_floor(model, loss, who, examples)


def _outputs(
    model: keras.Model, examples: np.ndarray, training: bool, deviations: Sequence[float]
) -> Iterator[np.ndarray]:
    """Yield a model's outputs with drawn weights, where they are finite."""
    generator = np.random.default_rng(0)
    for i in range(DRAWS):
        deviation = deviations[i % len(deviations)]
        drawn = [(v, generator.normal(0, deviation, v.shape)) for v in model.trainable_variables]
        # A layer of somebody's own may not take just any weights, and numbers may overflow.
        with contextlib.suppress(Exception), keras.StatelessScope(drawn):
            outputs = np.asarray(model(examples, training=training))
            if np.isfinite(outputs).all():
                yield outputs


def _one_signed(model: keras.Model, examples: np.ndarray, training: bool) -> str:
    """Return how outputs of one sign are bounded whatever the weights are; "" if they are not, or it cannot be told."""
    lowest, highest = np.inf, -np.inf
    for outputs in _outputs(model, examples, training, SMALL):
        lowest, highest = min(lowest, outputs.min()), max(highest, outputs.max())
        if lowest < 0 and (highest > 0 or outputs.shape[-1] > 1):
            return ""
    if lowest >= 0 and np.isfinite(lowest):
        return "between 0 and 1, as probabilities are," if highest < 1.001 else "never below 0"
    return "never above 0" if lowest < 0 else ""


def _warn_of_floor(model: keras.Model, loss: str, who: str, examples: np.ndarray) -> None:
    lowest, highest, floor = np.inf, -np.inf, 0.0
    for outputs in _outputs(model, examples, False, LARGE):
        lowest, highest = min(lowest, float(outputs.min())), max(highest, float(outputs.max()))
        floor = lowest_loss(loss, outputs.shape[-1], lowest, highest)
        if floor < LOWEST_FLOOR:
            return
    if floor:
        bounds = f"from {_written(lowest)} to {_written(highest)}"
        warnings.warn(
            f"the model of {who} gives outputs {bounds} whatever its weights are, with which the loss {loss!r} cannot "
            f"fall below {floor:.2g}; remove the function at its end that makes them so",
            ModelWarning,
            stacklevel=2,
        )


def lowest_loss(loss: str, outputs: int, lowest: float, highest: float) -> float:
    """Return the lowest loss of one example whose outputs lie in a range."""
    # One logit is compared with 0, several with one another.
    margin = max(highest, -lowest) if outputs == 1 or loss == "binary_cross_entropy" else highest - lowest
    others = max(outputs - 1, 1) if loss != "binary_cross_entropy" else 1
    return others * max(0.0, 1 - margin) if loss == "hinge" else math.log1p(others * math.exp(-margin))


def _warn_of_targets(model: keras.Model, who: str, examples: np.ndarray, targets: np.ndarray) -> None:
    # Classes are compared with zeros and ones.
    wanted = (float(targets.min()), float(targets.max())) if targets.dtype.kind == "f" else (0.0, 1.0)
    lowest, highest = np.inf, -np.inf
    slack = 1e-3 * (wanted[1] - wanted[0])
    for outputs in _outputs(model, examples, False, LARGE):
        lowest, highest = min(lowest, float(outputs.min())), max(highest, float(outputs.max()))
        if lowest <= wanted[0] + slack and highest >= wanted[1] - slack:
            return
    if np.isfinite(lowest):
        too_high, too_low = lowest > wanted[0] + slack, highest < wanted[1] - slack
        bounds = [f"below {_written(lowest)}"] * too_high + [f"above {_written(highest)}"] * too_low
        warnings.warn(
            f"the model of {who} gives no outputs {' or '.join(bounds)} whatever its weights are, and is to predict "
            f"numbers from {wanted[0]:.3g} to {wanted[1]:.3g}; remove the function at its end that makes them so",
            ModelWarning,
            stacklevel=2,
        )


def _written(bound: float) -> str:
    """Return a bound in words; one that outputs come close to as 0, without a sign."""
    return f"{round(bound, 6) + 0.0:.3g}"
