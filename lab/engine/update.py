"""The optimizer's update of stacked weights, compiled by XLA into one pass over the memory.

Without XLA each of the dozen operations of an update reads and writes all weights of all replicas once more; compiled,
they are read and written once. Nothing else of the engine is compiled by XLA: on a CPU its convolutions and its
gathering of batches are far slower than TensorFlow's own. Small weights are left to TensorFlow too: they would only be
compiled for longer, and at the odd end of a tensor a compiled product and sum is rounded once instead of twice, which
would let a replica feel its place among the others.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from lab.engine import invariant, objective
from lab.engine.invariant import LANE
from lab.engine.layer_rules import meeting

if TYPE_CHECKING:
    from lab.training import Training


WORTH_COMPILING = 2048
"""How many numbers a weight must have to be updated by the compiled function."""


class Update:
    """Keras's own optimizer on weights of shape (replicas, ...), with a learning rate a replica.

    Args:
        training: names the optimizer and its constants.
        variables: the stacked weights, those of the gradients that `step` gets and in their order.
        decays: whether weight decay applies to each of them.
        axes: over how many of the first axes of one replica's weight its norms are bounded by "max_norm"; None if
            they are not.
    """

    def __init__(
        self,
        training: "Training",
        variables: Sequence[keras.Variable],
        decays: Sequence[bool],
        axes: Sequence[int | None],
    ) -> None:
        self.training = training
        self.variables = list(variables)
        self.decays = decays
        self.axes = axes
        # The decay is taken here, because the replicas' strengths may differ.
        self.optimizer = objective.optimizer(dataclasses.replace(training, weight_decay=0.0), 1.0, [])
        self.optimizer.build(self.variables)

    @property
    def slots(self) -> list[keras.Variable]:
        """The optimizer's own memory, each of shape (replicas, ...)."""
        counters = {id(self.optimizer.iterations), id(self.optimizer._learning_rate)}
        return [v for v in self.optimizer.variables if id(v) not in counters]

    def step(
        self,
        gradients: Sequence[tf.Tensor],
        rates: tf.Tensor,
        decay: tf.Tensor | None,
        numbers: Sequence[dict[str, tf.Tensor]],
    ) -> None:
        """Take one step.

        Args:
            gradients: of the loss without the penalties on the weights, each of shape (replicas, ...).
            rates: the learning rates, of shape (replicas,).
            decay: the decoupled weight decay, of shape (replicas,); None if no replica has any.
            numbers: for each weight "l1" and "l2", the strengths of its penalties, and "max_norm", each of shape
                (replicas,) and there only if some replica has it.
        """
        large = [i for i, v in enumerate(self.variables) if _compiled(v)]
        if large:
            self._compiled([gradients[i] for i in large], large, rates, decay, [numbers[i] for i in large])
        for i in range(len(self.variables)):
            if i not in large:
                self._move(i, gradients[i], rates, decay, numbers[i])
        self.optimizer.iterations.assign_add(1)
        for variable, axes, own in zip(self.variables, self.axes, numbers, strict=True):
            if axes is not None:
                self._bound(variable, own["max_norm"], axes)

    @tf.function(jit_compile=True, autograph=False)
    def _compiled(self, gradients, places, rates, decay, numbers):
        for i, gradient, own in zip(places, gradients, numbers, strict=True):
            self._move(i, gradient, rates, decay, own)

    def _move(
        self, i: int, gradient: tf.Tensor, rates: tf.Tensor, decay: tf.Tensor | None, own: dict[str, tf.Tensor]
    ) -> None:
        variable = self.variables[i]
        value = variable.value.read_value()
        rate = meeting(rates, value)
        if "l1" in own:
            gradient = gradient + meeting(own["l1"], value) * tf.sign(value)
        if "l2" in own:
            gradient = gradient + meeting(own["l2"], value) * (2.0 * value)
        if decay is not None and self.decays[i]:
            variable.value.assign_sub(value * meeting(decay, value) * rate)
        if self.training.optimizer in ("adagrad", "rmsprop"):
            self._scale_by_root(i, gradient, rate)
        else:
            self.optimizer.update_step(gradient, variable, rate)

    def _scale_by_root(self, i: int, gradient: tf.Tensor, rate: tf.Tensor) -> None:
        """Take a step of Adagrad or RMSprop.

        Keras's own divides by a square root, which compilers replace by an approximation of its reciprocal that is
        another for a single number than for a vector of them. Bounded from above by what it never reaches, it stays.
        """
        variable, slot = self.variables[i].value, self.slots[i].value
        squared = tf.square(gradient)
        if self.training.optimizer == "rmsprop":
            slot.assign(self.training.rho * slot + (1 - self.training.rho) * squared)
        else:
            slot.assign_add(squared)
        root = tf.minimum(tf.sqrt(slot.read_value() + self.training.epsilon), gradient.dtype.max)
        variable.assign_sub(rate * gradient / root)

    def _bound(self, variable: keras.Variable, largest: tf.Tensor, axes: int) -> None:
        """Bound the norms of each replica's weight with the arithmetic of `keras.constraints.MaxNorm`."""
        value = variable.value.read_value()
        leading = math.prod(value.shape[1 : axes + 1])
        rows = tf.reshape(value, [value.shape[0], leading, -1])
        norms = invariant.in_lanes(tf.sqrt, invariant.total(tf.square(rows), leading))
        desired = tf.minimum(tf.maximum(norms, 0.0), largest[:, None])
        scale = desired / (keras.backend.epsilon() + norms)
        variable.value.assign(tf.reshape(rows * scale[:, None], value.shape))


def _compiled(variable: keras.Variable) -> bool:
    """Say whether a weight is worth compiling, and of a size that leaves nothing odd in any number of replicas."""
    size = math.prod(variable.shape[1:])
    return size >= WORTH_COMPILING and size % LANE == 0


def leading_axes(constraint: Any, rank: int) -> int | None:
    """Return over how many of the first axes of a weight of `rank` axes a `MaxNorm` takes norms, else None."""
    if type(constraint) is not keras.constraints.MaxNorm:
        return None
    axis = constraint.axis
    axes = sorted(a % rank for a in ([axis] if isinstance(axis, int) else axis))
    return len(axes) if axes == list(range(len(axes))) and len(axes) < rank else None
