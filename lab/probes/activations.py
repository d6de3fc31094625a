"""What goes on inside a model: the values after each activation, the gradient at each kernel, the units that died.

A probe looks and leaves everything as it was: weights, moving statistics and the masks still to be drawn.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lab.checks import UsageError, choice, flag
from lab.probes.weights import variables
from lab.training import LOSSES

if TYPE_CHECKING:
    import keras

BATCH = 1024


def activations(model: "keras.Model", x: np.ndarray, *, training: bool = False) -> dict[str, np.ndarray]:
    """Return the values after each activation of a model, by the name of its layer, from input to output.

    Signals that fade or saturate from layer to layer are the first sign of bad initial weights.

    Args:
        model: functional or sequential, with one input. Its activation layers count (of `lab.models` these are
            `dense_1_activation`, ...), and layers that have an activation other than "linear" built in; layers of
            models inside the model do not.
        x: float32 of shape (n, ...).
        training: work as in a training step, all of x being one batch: batch normalization then uses the statistics of
            the batch, which matters before its moving statistics have learned anything, and dropout drops.

    Returns:
        A float32 array of shape (n, ...) for each layer.

    Raises:
        UsageError: the model has no activation, or no examples were given.

    Reference: Glorot and Bengio 2010; *Deep Learning from Scratch*, section 6.2.
    """
    flag("training", training)
    parts = list(_outputs(model, x, len(x) if training else BATCH, training))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def histogram(values: Mapping[str, np.ndarray], edges: Sequence[float]) -> pd.DataFrame:
    """Return how the values of each layer are spread over bins.

    Args:
        values: an array of any shape for each layer: of `activations`, or of `lab.probes.weights.kernels`.
        edges: the edges of the bins, at least two, increasing; as in `np.linspace(0, 1, 31)` for 30 bins. A bin
            holds its left edge, the last one both.

    Returns:
        A row a bin of a layer: "layer", "left", "right", "count" and "share" (of all values of the layer, so that
        shares add up to less than 1 where values lie outside of the bins).

    Raises:
        UsageError: the edges do not increase.
    """
    cuts = np.asarray(edges, float)
    if cuts.ndim != 1 or len(cuts) < 2 or not (np.isfinite(cuts).all() and (np.diff(cuts) > 0).all()):
        raise UsageError(f"edges must be at least two finite numbers that increase, got {edges!r}")
    tables = []
    for layer, array in values.items():
        # In float64, so that a float32 value and its edge are compared as they read.
        counts, _ = np.histogram(np.asarray(array, float).ravel(), cuts)
        columns = {"layer": layer, "left": cuts[:-1], "right": cuts[1:], "count": counts}
        tables.append(pd.DataFrame(columns).assign(share=counts / np.size(array)))
    return pd.concat(tables, ignore_index=True)


def moments(values: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return in a few numbers how the values of each layer are spread.

    Args:
        values: an array for each layer, as for `histogram`.

    Returns:
        A row a layer: "layer", "mean", "std", "low" and "high" (the smallest and the largest value), "zero" (the share
        of values that are exactly 0).
    """
    rows = [
        (layer, wide.mean(), wide.std(), wide.min(), wide.max(), np.mean(wide == 0))
        for layer, wide in ((layer, np.asarray(array, float)) for layer, array in values.items())
    ]
    return pd.DataFrame(rows, columns=["layer", "mean", "std", "low", "high", "zero"])


def gradient_norms(
    model: "keras.Model", loss: str, x: np.ndarray, y: np.ndarray, *, training: bool = True
) -> pd.DataFrame:
    """Return how large the gradient of the data loss is at each kernel of a model.

    A gradient that shrinks by a factor from each layer to the one before leaves the first layers untrained.

    Args:
        model: any Keras model that returns logits, scores or predictions.
        loss: a name of `lab.training.LOSSES`; its mean over the examples is differentiated, without penalties.
        x, y: the examples, as one batch.
        training: as in `activations`. True is the gradient a training step would see.

    Returns:
        A row a kernel, from input to output: "layer", "weights" (how many), "norm" (Euclidean) and "rms" (norm /
        sqrt(weights), which compares layers of different sizes).

    Raises:
        UsageError: the loss is unknown or x and y do not fit each other.

    Reference: Hochreiter 1991; Glorot and Bengio 2010.
    """
    choice("loss", loss, LOSSES)
    flag("training", training)
    if len(x) != len(y) or not len(x):
        raise UsageError(f"x and y must have one label for each of at least one example, got {len(x)} and {len(y)}")
    import tensorflow as tf

    from lab.engine.objective import data_loss

    named = variables(model)
    with _untouched(model), tf.GradientTape() as tape:
        mean = tf.reduce_mean(data_loss(loss, tf.convert_to_tensor(y), model(x, training=training)))
    values = [variable.value for variable in named.values()]
    found = tape.gradient(mean, values, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    table = pd.DataFrame({"layer": list(named), "weights": [int(np.prod(v.shape)) for v in values]})
    # In float64: squares of a gradient that has all but vanished would underflow.
    table["norm"] = [float(np.linalg.norm(np.asarray(gradient, np.float64))) for gradient in found]
    return table.assign(rms=table["norm"] / np.sqrt(table["weights"]))


def dead_units(model: "keras.Model", x: np.ndarray) -> pd.DataFrame:
    """Return how many units of each activation layer are zero on all examples, in inference mode.

    A ReLU that is zero on the whole training set gets no gradient and cannot come back by itself. Leaky ReLU, PReLU,
    maxout and the sigmoids practically never output exactly zero; they are counted the same way.

    Args:
        model: as for `activations`.
        x: float32 of shape (n, ...): the whole training set.

    Returns:
        A row a layer: "layer", "units", "dead" (how many are zero on all of x), "dead_share" (dead / units) and
        "zero_share" (of all values). Of an image, a channel is one unit: its weights are shared by all positions.

    Raises:
        UsageError: the model has no activation, or no examples were given.

    Reference: CS231n, *Neural Networks Part 1*, "Commonly used activation functions".
    """
    alive: dict[str, np.ndarray] = {}
    zero: dict[str, float] = {}
    for part in _outputs(model, x, BATCH, False):
        for name, values in part.items():
            units = values.reshape(-1, values.shape[-1])
            alive[name] = alive.get(name, np.zeros(units.shape[1], bool)) | (units != 0).any(axis=0)
            zero[name] = zero.get(name, 0.0) + len(values) / len(x) * float(np.mean(values == 0))
    table = pd.DataFrame({"layer": list(alive), "units": [len(units) for units in alive.values()]})
    table["dead"] = [int(np.count_nonzero(~units)) for units in alive.values()]
    return table.assign(dead_share=table["dead"] / table["units"], zero_share=list(zero.values()))


def _activating(model: "keras.Model") -> "list[keras.layers.Layer]":
    """Return the layers of a model that end in an activation."""
    import keras

    from lab.layers import Maxout

    own = keras.layers
    kinds = (own.Activation, own.ReLU, own.LeakyReLU, own.PReLU, own.ELU, own.Softmax, Maxout)

    def ends_in_one(layer) -> bool:
        built_in = getattr(layer, "activation", None)
        return isinstance(layer, kinds) or (built_in is not None and built_in is not keras.activations.linear)

    return [layer for layer in model.layers if ends_in_one(layer)]


def _outputs(model: "keras.Model", x: np.ndarray, batch: int, training: bool) -> Iterator[dict[str, np.ndarray]]:
    """Yield, batch by batch, what comes out of each activation."""
    layers = _activating(model)
    if not layers:
        raise UsageError(f"the model {model.name} has no activation to look behind; give it a hidden layer with one")
    if not len(x):
        raise UsageError("x must have at least one example to look at, got none")
    import keras

    inside = keras.Model(model.inputs[0], {layer.name: layer.output for layer in layers})
    with _untouched(model):
        for start in range(0, len(x), batch):
            values = inside(x[start : start + batch], training=training)
            yield {layer.name: np.asarray(values[layer.name]) for layer in layers}


@contextmanager
def _untouched(model: "keras.Model") -> Iterator[None]:
    """Put back what a step in training mode changes without a gradient: moving statistics and random states."""
    before = [np.array(variable.numpy()) for variable in model.non_trainable_variables]
    try:
        yield
    finally:
        for variable, value in zip(model.non_trainable_variables, before, strict=True):
            variable.assign(value)
