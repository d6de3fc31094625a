"""An ensemble as one model: the mean of what its members predict."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lab.statistics.reliability import PROBABLE

if TYPE_CHECKING:
    import keras


def mean_outputs(loss: str, members: np.ndarray) -> np.ndarray:
    """Return the outputs of an ensemble, as the loss takes them.

    Probabilities are averaged, and the logits that stand for the average are returned: their softmax, or their sigmoid,
    is the mean of the members' probabilities. Where outputs are no logits they are averaged themselves.

    Args:
        loss: one of `lab.training.LOSSES`.
        members: the outputs of each member, of shape (members, n, outputs).

    Returns:
        float64 of shape (n, outputs).

    Reference: Lakshminarayanan et al. 2017, section 2.4.
    """
    from scipy.special import log_expit, log_softmax, logsumexp

    members = members.astype(np.float64)
    if loss not in PROBABLE:
        return members.mean(axis=0)
    if loss == "binary_cross_entropy":
        # The common factor, one over the number of members, falls out of the odds.
        return logsumexp(log_expit(members), axis=0) - logsumexp(log_expit(-members), axis=0)
    return logsumexp(log_softmax(members, axis=-1), axis=0) - np.log(len(members))


def joined_ensemble(members: "Sequence[keras.Model]", loss: str, like: np.ndarray) -> "keras.Model":
    """Return a model that returns what `mean_outputs` makes of its members' outputs.

    It holds the members' own variables, and no layer that Keras does not have: its file is loaded by
    `keras.saving.load_model` without the lab, if its members' files are.

    Args:
        members: models of one input shape and one number of outputs. They get the names "member_0", "member_1", ...
        loss: the loss they were trained with, one of `lab.training.LOSSES`.
        like: some of their inputs, of shape (n, ...).
    """
    import keras
    from keras import ops

    for place, member in enumerate(members):
        # Two layers of one model must not share a name, and all members come from one factory.
        member.name = f"member_{place}"
    given = keras.Input(like.shape[1:], dtype=str(like.dtype))
    outputs = ops.stack([member(given) for member in members])
    if loss not in PROBABLE:
        mean = ops.mean(outputs, axis=0)
    elif loss == "binary_cross_entropy":
        mean = ops.logsumexp(ops.log_sigmoid(outputs), axis=0) - ops.logsumexp(ops.log_sigmoid(-outputs), axis=0)
    else:
        mean = ops.logsumexp(ops.log_softmax(outputs, axis=-1), axis=0) - float(np.log(len(members)))
    return keras.Model(given, mean, name="ensemble")
