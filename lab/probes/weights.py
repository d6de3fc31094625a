"""How many weights are zero, and the step that makes them so.

Gradient descent on an L1 penalty never lands on zero: each step moves a weight by the same amount and past it, to and
fro. A proximal step stops there. Zeros without it are only near zero, so a share of them is worth as much as the
tolerance it is stated with.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lab.checks import UsageError, number, quoted

if TYPE_CHECKING:
    import keras


def kernels(model: "keras.Model") -> dict[str, np.ndarray]:
    """Return a copy of each kernel of a model by the name of its layer: what penalties act on, in the order of layers.

    Biases, parameters of normalization and slopes of PReLU are not kernels. A layer with several kernels gives
    "layer/name" for each.
    """
    return {name: np.array(variable.numpy()) for name, variable in variables(model).items()}


def variables(model: "keras.Model") -> "dict[str, keras.Variable]":
    """Return the trainable kernels of a model themselves, named as in `kernels`."""
    from lab.engine.optimizers import decays

    result: dict[str, keras.Variable] = {}
    for layer in model.layers:
        mine = [v for v in layer.trainable_variables if decays(v)]
        result |= {layer.name if len(mine) == 1 else f"{layer.name}/{v.name}": v for v in mine}
    return result


def zeros(model: "keras.Model", tolerance: float = 1e-3) -> pd.DataFrame:
    """Return how many weights of each kernel are zero, exactly and within a tolerance.

    Args:
        model: any Keras model.
        tolerance: the largest absolute value that counts as zero, at least 0.

    Returns:
        A row a kernel: "layer", "weights" (how many), "exact" and "near" (how many are exactly zero, and at most
        `tolerance` in absolute value), "exact_share" and "near_share". Over the whole model, divide the sums.
    """
    tolerance = number("tolerance", tolerance, "the largest absolute weight that counts as zero")
    rows = [
        (name, w.size, np.count_nonzero(w == 0), np.count_nonzero(np.abs(w.astype(float)) <= tolerance))
        for name, w in kernels(model).items()
    ]
    table = pd.DataFrame(rows, columns=["layer", "weights", "exact", "near"])
    for kind in ("exact", "near"):
        table[f"{kind}_share"] = table[kind] / table["weights"]
    return table


def share_of_zeros(weights: Iterable[np.ndarray], tolerance: float = 1e-3) -> float:
    """Return the share of a model's weights within a tolerance of zero, in [0, 1]; what summary.csv calls `zeros`.

    Args:
        weights: as `model.get_weights()` returns them; arrays of one axis (biases, normalization) do not count.
        tolerance: the largest absolute value that counts as zero, at least 0.
    """
    tolerance = number("tolerance", tolerance, "the largest absolute weight that counts as zero")
    kernels = [w for w in weights if w.ndim > 1]
    size = sum(w.size for w in kernels)
    return sum(np.count_nonzero(np.abs(w) <= tolerance) for w in kernels) / size if size else 0.0


def prox_l1(weights: np.ndarray, threshold: float) -> np.ndarray:
    """Return the weights moved towards zero by a threshold, and those within it set to zero: soft thresholding.

    It is the proximal step of the L1 penalty: the v that minimizes `0.5 * sum((v - weights) ** 2) + threshold *
    sum(|v|)`. After a gradient step on the data loss alone with learning rate r, the threshold of a penalty
    `l1 * sum(|w|)` is `r * l1`.

    Args:
        weights: of any shape.
        threshold: at least 0.

    Returns:
        An array of the shape and type of the weights.

    Reference: Beck and Teboulle 2009 (ISTA); Parikh and Boyd 2014, "Proximal Algorithms", section 6.5.
    """
    threshold = number("threshold", threshold, "how far each weight moves towards zero")
    return np.sign(weights) * np.maximum(np.abs(weights) - np.asarray(threshold, weights.dtype), 0)


def shrink(model: "keras.Model", threshold: float, layers: Iterable[str] | None = None) -> None:
    """Take one proximal step of the L1 penalty on the kernels of a model, in place.

    To be called after each step of plain gradient descent; the model must not carry the L1 penalty in its loss as
    well. With Adam and its kin the step of each weight has its own length and this threshold does not fit.

    Args:
        model: its kernels are changed.
        threshold: learning rate times `l1`, at least 0.
        layers: the names of the kernels as in `kernels`; None takes all but "output", which the lab's factories leave
            free.

    Raises:
        UsageError: a name that no kernel has.
    """
    found = variables(model)
    names = [name for name in found if name != "output"] if layers is None else list(layers)
    for name in names:
        if name not in found:
            raise UsageError(f"layers must be among the kernels {quoted(found)}, got {name!r}")
        found[name].assign(prox_l1(found[name].numpy(), threshold))
