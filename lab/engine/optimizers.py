"""Everything that the engines know of each optimizer: how it is made, its constants, its start and its step."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from lab.engine import keras_internals

if TYPE_CHECKING:
    from lab.training import Training

CONSTANTS = {
    "sgd": (),
    "momentum": ("momentum",),
    "nesterov": ("momentum",),
    "adagrad": ("accumulator", "epsilon"),
    "rmsprop": ("rho", "epsilon"),
    "adam": ("beta_1", "beta_2", "epsilon"),
    "adamw": ("beta_1", "beta_2", "epsilon"),
}
"""The fields of `Training` that each optimizer reads, besides the learning rate and the weight decay."""


def optimizer(training: "Training", rate: object, variables: Iterable[keras.Variable]) -> keras.optimizers.Optimizer:
    """Return the unbuilt Keras optimizer of a training.

    Args:
        training: names the optimizer and its constants.
        rate: a learning rate or a Keras schedule.
        variables: the trainable variables; those that are not kernels are excluded from weight decay here,
            before the optimizer is built, because afterwards Keras silently ignores the exclusion.
    """
    decay = training.weight_decay or None
    match training.optimizer:
        case "sgd":
            made = keras.optimizers.SGD(rate, weight_decay=decay)
        case "momentum" | "nesterov" as kind:
            made = keras.optimizers.SGD(
                rate, momentum=training.momentum, nesterov=kind == "nesterov", weight_decay=decay
            )
        case "adagrad":
            made = keras.optimizers.Adagrad(rate, training.accumulator, epsilon=training.epsilon, weight_decay=decay)
        case "rmsprop":
            made = keras.optimizers.RMSprop(rate, rho=training.rho, epsilon=training.epsilon, weight_decay=decay)
        case _:
            made = keras.optimizers.Adam(
                rate, training.beta_1, training.beta_2, epsilon=training.epsilon, weight_decay=decay
            )
    if decay is not None:
        made.exclude_from_weight_decay(var_list=[v for v in variables if not decays(v)])
    return made


def decays(variable: keras.Variable) -> bool:
    """Say whether weight decay applies to a variable: to kernels, not to biases or normalization's parameters."""
    return len(variable.shape) >= 2 and variable.name not in ("bias", "gamma", "beta", "alpha", "scale")


def constants(training: "Training") -> tuple[object, ...]:
    """Return the optimizer's name and constants, which are equal for all runs of a cohort."""
    return training.optimizer, *(getattr(training, name) for name in CONSTANTS[training.optimizer])


def start(training: "Training") -> float:
    """Return the number that fills the optimizer's memory before the first step."""
    return training.accumulator if training.optimizer == "adagrad" else 0.0


def step(
    training: "Training",
    optimizer: keras.optimizers.Optimizer,
    place: int,
    variable: keras.Variable,
    gradient: tf.Tensor,
    rate: tf.Tensor,
) -> None:
    """Update a stacked weight by one step.

    Args:
        training: names the optimizer and its constants.
        optimizer: built.
        place: of the weight among the optimizer's.
        variable: the weight, of shape (replicas, ...).
        gradient: of the weight's shape.
        rate: the learning rate of each replica, of shape (replicas, 1, ...).
    """
    if training.optimizer in ("adagrad", "rmsprop"):
        _scale_by_root(training, keras_internals.memory(optimizer)[place].value, variable.value, gradient, rate)
    else:
        optimizer.update_step(gradient, variable, rate)


def _scale_by_root(training: "Training", squares: tf.Variable, weights: tf.Variable, gradient, rate) -> None:
    """Take a step of Adagrad or RMSprop.

    Keras divides by a square root, which compilers replace by an approximation of its reciprocal that differs between
    a single number and a vector of numbers. They leave alone a root that is bounded from above, here by a number that
    it never reaches.
    """
    squared = tf.square(gradient)
    if training.optimizer == "rmsprop":
        squares.assign(training.rho * squares + (1 - training.rho) * squared)
    else:
        squares.assign_add(squared)
    root = tf.minimum(tf.sqrt(squares.read_value() + training.epsilon), gradient.dtype.max)
    weights.assign_sub(rate * gradient / root)
