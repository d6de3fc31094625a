"""Where the strengths of penalties begin: where a penalty pulls as hard at the weights as the data do.

A penalty of the strength s pulls with s times the gradient it has at strength 1. Far below the strength at which this
is as long as the gradient of the data loss, a penalty does nothing, and far above it the data do nothing. Both are
measured on the model at its start, and the strength is rounded to a power of ten.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.advice.space import Space
from lab.checks import DataError, UsageError
from lab.experiment import Variant
from lab.regularization import Regularization

if TYPE_CHECKING:
    from lab.engine.task import Task

FIELDS = ("l1", "l2", "l2_start", "activity_l1", "activity_l2", "group_inputs", "group_units", "orthogonal")
"""The fields of `Regularization` whose penalty is their strength times something."""

DECAY = "weight_decay"

MEASURED = 512
"""The most training examples that the gradients are measured on."""

AROUND = (0.1, 1.0, 10.0)
"""Times the strength of balance: the first strengths."""

ADAPTIVE = ("adagrad", "rmsprop", "adam", "adamw")
"""The optimizers whose first steps are of the same size for every weight, whatever its gradient."""


def balances(space: Space) -> dict[str, float]:
    """Return by family the power of ten nearest to the strength at which its penalty balances the data.

    "L2 towards the start" pulls at nothing at the start; it gets the strength of the L2 penalty, which is right for
    weights that are as far from the start as 0 is. Decoupled weight decay takes off a share of the weights instead of
    adding a gradient: it balances the steps of the optimizer.

    Args:
        space: whose families are asked. Those that are no penalty, or whose model cannot be built, have no strength.
            The first `MEASURED` training examples count.
    """
    from lab.plan import tasks

    units: dict[str, Variant] = {}
    for name, family in space.families.items():
        if family.value == "Regularization" and family.field in FIELDS:
            strength: dict[str, Any] = {"l2" if family.field == "l2_start" else family.field: 1.0}
            unit = Regularization(**strength)
            model = functools.partial(space.factory, regularization=unit)
            units[name] = Variant(data=space.load, model=model, training=space.training)
        elif family.field == DECAY:
            units[name] = space.at((), 0).variant
    found = {}
    for (name, _), task in tasks(units, [0]).items():
        try:
            at = _of_decay(task) if space.families[name].field == DECAY else _of_penalty(task)
        except (UsageError, DataError):
            continue
        if math.isfinite(at) and at > 0:
            found[name] = 10.0 ** round(math.log10(at))
    return found


def around(space: Space, found: Mapping[str, float]) -> dict[str, tuple[float | str, ...]]:
    """Return the first strengths of each family of a space: around its balance, where it has one."""
    rows = {name: tuple(float(f"{at * times:.3g}") for times in AROUND) for name, at in found.items()}
    return {**space.strengths, **rows}


def _of_penalty(task: "Task") -> float:
    _, by_data, by_penalty = _gradients(task)
    touched = [i for i, one in enumerate(by_penalty) if np.any(one)]
    return _ratio([by_data[i] for i in touched], [by_penalty[i] for i in touched])


def _of_decay(task: "Task") -> float:
    weights, by_data, _ = _gradients(task)
    kernels = [i for i, one in enumerate(weights) if one.ndim > 1]
    steps = [np.sign(by_data[i]) if task.training.optimizer in ADAPTIVE else by_data[i] for i in kernels]
    return _ratio(steps, [weights[i] for i in kernels])


def _gradients(task: "Task") -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Return the trainable weights, and by each the gradients of the data loss and of the penalty."""
    import tensorflow as tf

    from lab.engine import objective

    model = task.build()
    x, y = tf.constant(np.asarray(task.data.train.x[:MEASURED])), tf.constant(task.data.train.y[:MEASURED])
    variables = [one.value for one in model.trainable_variables]
    with tf.GradientTape(persistent=True) as tape:
        loss = tf.reduce_mean(objective.data_loss(task.training.loss, y, model(x, training=False)))
        penalty = tf.add_n(model.losses) if model.losses else 0.0 * loss
    # A variable that a loss does not depend on has no gradient by it; one that is looked up in, a sparse one.
    by_data, by_penalty = (
        [np.zeros(variable.shape) if one is None else np.asarray(tf.convert_to_tensor(one)) for one, variable in pairs]
        for pairs in (zip(tape.gradient(of, variables), variables, strict=True) for of in (loss, penalty))
    )
    return [np.asarray(one) for one in variables], by_data, by_penalty


def _ratio(some: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> float:
    """Return how many times as long some gradients are as others; 0 if the others are 0."""
    length, unit = (math.sqrt(sum(float((one.astype(float) ** 2).sum()) for one in all_)) for all_ in (some, others))
    return length / unit if unit else 0.0
