"""The optimizer's update of stacked weights, compiled by XLA into one pass over the memory.

Without XLA each of the dozen operations of an update reads and writes all weights of all replicas once more; compiled,
they are read and written once. Nothing else of the engine is compiled by XLA: on a CPU its convolutions and its
gathering of batches are far slower than TensorFlow's own. Small weights are left to TensorFlow too: they would only
take longer to compile. So are weights that leave a remainder in a vector loop, where XLA rounds a product and a sum
once instead of twice, so that a result would depend on the replica's place.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from lab.engine import keras_internals, optimizers
from lab.engine.gradient_registry import forgotten_gradients
from lab.engine.invariant import LANE
from lab.engine.penalties import bounded, meeting, pulled

if TYPE_CHECKING:
    from lab.training import Training


WORTH_COMPILING = 2048
"""The fewest numbers of a replica's weight that is updated by the compiled function."""


class Update:
    """Keras's own optimizer on weights of shape (replicas, ...), with a learning rate per replica.

    Args:
        training: names the optimizer and its constants.
        variables: the stacked weights, those of the gradients that `step` gets and in their order.
        decays: whether weight decay applies to each of them.
        axes: over how many of the first axes of one replica's weight its norms are bounded; None if they are not.
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
        self.optimizer = optimizers.optimizer(dataclasses.replace(training, weight_decay=0.0), 1.0, [])
        self.optimizer.build(self.variables)
        self.memory = keras_internals.memory(self.optimizer)
        """The optimizer's own memory, each of shape (replicas, ...)."""
        self._move_compiled = compiled(self._move_all, jit_compile=True)

    def step(
        self,
        gradients: Sequence[tf.Tensor | None],
        rates: tf.Tensor,
        decay: tf.Tensor | None,
        strengths: Sequence[dict[str, tf.Tensor]],
        largest: Sequence[tf.Tensor | None],
    ) -> None:
        """Take one step.

        Args:
            gradients: of the loss without the penalties on the weights, each of shape (replicas, ...); None for a
                weight that the loss does not depend on, which Keras leaves alone unless it has a penalty.
            rates: the learning rates, of shape (replicas,).
            decay: the decoupled weight decay, of shape (replicas,); None if no replica has any.
            strengths: for each weight those of its penalties by kind, each of shape (replicas,).
            largest: for each weight its largest norm, of shape (replicas,); None if its norms are not bounded.
        """
        gradients = [
            tf.zeros(v.shape) if gradient is None and own else gradient
            for v, gradient, own in zip(self.variables, gradients, strengths, strict=True)
        ]
        moved = [i for i, gradient in enumerate(gradients) if gradient is not None]
        large = [i for i in moved if _worth_compiling(self.variables[i])]
        if large:
            self._move_compiled([gradients[i] for i in large], large, rates, decay, [strengths[i] for i in large])
        for i in moved:
            if i not in large:
                self._move(i, gradients[i], rates, decay, strengths[i])
        self.optimizer.iterations.assign_add(1)
        for i in moved:
            variable, axes, bound = self.variables[i], self.axes[i], largest[i]
            if axes is not None and bound is not None:
                variable.value.assign(bounded(variable.value.read_value(), bound, axes))

    def _move_all(self, gradients, places, rates, decay, strengths):
        for i, gradient, own in zip(places, gradients, strengths, strict=True):
            self._move(i, gradient, rates, decay, own)

    def _move(
        self, i: int, gradient: tf.Tensor, rates: tf.Tensor, decay: tf.Tensor | None, strengths: dict[str, tf.Tensor]
    ) -> None:
        variable = self.variables[i]
        value = variable.value.read_value()
        rate = meeting(rates, value)
        gradient = pulled(gradient, value, strengths)
        if decay is not None and self.decays[i]:
            variable.value.assign_sub(value * meeting(decay, value) * rate)
        optimizers.step(self.training, self.optimizer, i, variable, gradient, rate)


def _worth_compiling(variable: keras.Variable) -> bool:
    """Say whether a weight is worth compiling, and of a size that leaves nothing odd in any number of replicas."""
    size = math.prod(variable.shape[1:])
    return size >= WORTH_COMPILING and size % LANE == 0


def compiled(
    function: Callable[..., Any], *, input_signature: Any = None, jit_compile: bool | None = None
) -> tf.types.experimental.PolymorphicFunction:
    """Return a method of one object as a compiled function of its own.

    TensorFlow warns of functions that it traces often, and takes all that share a code object for one function, as a
    method of many objects does. A partial has none.
    """
    own = functools.partial(_traced, function)
    return tf.function(own, input_signature=input_signature, jit_compile=jit_compile, autograph=False)


def _traced(function: Callable[..., Any], *args: Any) -> Any:
    with forgotten_gradients():
        return function(*args)
