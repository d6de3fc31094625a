"""Dropout as an ensemble: many thinned nets averaged, against the one net with scaled weights that stands for them.

A net with dropout is trained as an ensemble of sub-networks that share their weights. At test time all units are kept
and scaled, which is one pass instead of many; how close it comes to the average of sampled sub-networks, and that to
an ensemble of nets trained apart, is what the functions here measure.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lab.checks import UsageError, whole
from lab.seeds import derive

if TYPE_CHECKING:
    import keras

BATCH = 1024


def probabilities(model: "keras.Model", x: np.ndarray, *, batch: int = BATCH) -> np.ndarray:
    """Return the probability of each class as the model predicts it in inference mode, which is weight scaling.

    Args:
        model: returns logits: one for two classes, otherwise one a class.
        x: float32 of shape (n, ...).
        batch: how many examples at a time, at least 1.

    Returns:
        float64 of shape (n, classes).
    """
    return _predicted(model, x, whole("batch", batch, "the number of examples at a time"), training=False)


def sampled(model: "keras.Model", x: np.ndarray, masks: int, seed: int = 0) -> np.ndarray:
    """Return what thinned copies of a model predict, one copy a mask.

    Only the layers that draw random numbers (dropout of every kind, Gaussian noise) work as in training; the others,
    batch normalization among them, as in inference. Dropout draws its own mask for each example; DropConnect one for
    each 1 024 examples. The model itself is not touched, nor are the masks of its training.

    Args:
        model: functional or sequential; returns logits, as for `probabilities`.
        x: float32 of shape (n, ...).
        masks: how many, at least 1. The first masks of a seed are the same however many follow.
        seed: of the masks, at least 0.

    Returns:
        float64 of shape (masks, n, classes).

    Raises:
        UsageError: the model has no layer that draws random numbers.

    Reference: Srivastava et al. 2014, section 7.5 and figure 11, where about 50 masks match weight scaling.
    """
    masks = whole("masks", masks, "the number of sampled masks")
    seed = whole("seed", seed, "the seed of the masks", low=0)
    import keras

    # A layer of noise has a deviation in place of a rate.
    drawing = {
        layer.name for layer in model.layers if hasattr(layer, "seed_generator") and getattr(layer, "rate", True)
    }
    if not drawing:
        raise UsageError(
            f"the model {model.name} has no layer that draws random numbers, so all masks would predict the same; "
            "give it dropout, DropConnect or noise"
        )

    def call(layer, *args, **kwargs):
        return layer(*args, **kwargs | ({"training": True} if layer.name in drawing else {}))

    # Keras takes a call function for functional models alone; a sequential one becomes one on the way.
    thinned = keras.models.clone_model(keras.Model(model.inputs[0], model.outputs[0]), call_function=call)
    thinned.set_weights(model.get_weights())
    result = []
    for mask in range(masks):
        for name in drawing:
            state = thinned.get_layer(name).seed_generator.state
            state.assign(np.array([derive(seed, name, "mask", mask), 0], state.dtype))
        # None leaves each layer in the mode it was called in above.
        result.append(_predicted(thinned, x, BATCH, training=None))
    return np.stack(result)


def growing(members: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    """Return how good the average of the first 1, 2, 3, ... members of an ensemble is.

    Args:
        members: probabilities of shape (members, n, classes): of masks as `sampled` returns them, or of nets trained
            apart, `np.stack([probabilities(net, x) for net in nets])`.
        y: the classes, whole numbers of shape (n,).

    Returns:
        A row for each size: "members", "data_loss" (mean cross-entropy of the averaged probabilities) and "accuracy".

    Raises:
        UsageError: the labels are not one for each example.
    """
    if members.ndim != 3 or y.shape != members.shape[1:2]:
        raise UsageError(
            f"members must be of shape (members, n, classes) and y of shape (n,), got {members.shape} and {y.shape}"
        )
    sizes = np.arange(1, len(members) + 1)
    averages = np.cumsum(members, axis=0) / sizes[:, None, None]
    right = np.take_along_axis(averages, np.asarray(y)[None, :, None].astype(int), axis=2)[:, :, 0]
    # The smallest float keeps a probability that underflowed from making the mean infinite.
    losses = -np.log(np.maximum(right, np.finfo(float).tiny)).mean(axis=1)
    hits = (averages.argmax(axis=2) == y).mean(axis=1)
    return pd.DataFrame({"members": sizes, "data_loss": losses, "accuracy": hits})


def _predicted(model: "keras.Model", x: np.ndarray, batch: int, training: bool | None) -> np.ndarray:
    pieces = [np.asarray(model(x[i : i + batch], training=training)) for i in range(0, len(x), batch)]
    return _normalized(np.concatenate(pieces))


def _normalized(logits: np.ndarray) -> np.ndarray:
    wide = logits.astype(np.float64)
    if wide.shape[-1] == 1:
        # One logit against a second that is always 0.
        wide = np.concatenate([np.zeros_like(wide), wide], axis=-1)
    powers = np.exp(wide - wide.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
