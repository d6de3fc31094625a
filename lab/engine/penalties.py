"""What a cohort's models are charged: the penalties on their weights and on their outputs.

L1 and L2 of large weights, a pass over all of them, are computed for the replicas alone that have them. Their
gradients are taken with the update.
"""

import math
from collections.abc import Sequence

import tensorflow as tf

from lab.engine import invariant
from lab.engine.blueprint import Blueprint, strengths
from lab.engine.forward import Forward

MEASURES = {"l1": tf.abs, "l2": tf.square}

WORTH_NARROWING = 2**16
"""How many numbers a weight must have to be passed over for the replicas alone that are charged for it."""


class Penalties:
    """The penalties of a cohort.

    Args:
        models: the blueprints of the replicas; only those with operations that are unrolled differ.
        trained: which of the variables are trained.
        spans: between which replicas a strength is not 0, for each that is not 0 for all.

    Attributes:
        spans: those of the penalties on weights, by variable and kind.
    """

    def __init__(self, models: Sequence[Blueprint], trained: Sequence[int], spans: dict[str, slice]) -> None:
        self.models = models
        first = models[0]
        # A layer that is unrolled computes its own.
        unrolled = {place for op in first.operations if op.rule is None for place in op.variables}
        self.ruled = [i for i in trained if i not in unrolled]
        self.odd = [i for i in self.ruled if strengths(first.variables[i].regularizer) is None]
        named = {(i, kind): f"variable{i}.{kind}" for i in self.ruled for kind in MEASURES}
        whole = slice(0, len(models))
        self.spans = {
            (i, kind): spans[name] if math.prod(first.variables[i].shape) >= WORTH_NARROWING else whole
            for (i, kind), name in named.items()
            if name in spans
        }

    def parts(self, values: Sequence[tf.Tensor], numbers: dict[str, tf.Tensor]) -> tf.Tensor:
        """Return the L1 and L2 penalties on the weights, of shape (parts, replicas).

        The parts are for the caller to add, as TensorFlow may reorder the sums of a graph.

        Args:
            values: of the variables, each of shape (replicas, ...).
            numbers: what differs between the replicas.
        """
        replicas = len(self.models)
        parts = [tf.zeros([0, replicas])]
        for (i, kind), span in self.spans.items():
            weights, strength = values[i], numbers[f"variable{i}.{kind}"]
            narrow = span.stop - span.start < replicas
            if narrow:
                weights, strength = weights[span], strength[span]
            # A run without the penalty has none, whatever has become of its weights.
            part = tf.math.multiply_no_nan(invariant.sums(MEASURES[kind](weights)), strength)
            parts.append((tf.pad(part, [[span.start, replicas - span.stop]]) if narrow else part)[None])
        return tf.concat(parts, 0)

    def differentiated(self, forward: Forward) -> tf.Tensor:
        """Return the other penalties, which are differentiated with the loss, of shape (replicas,)."""
        total = tf.zeros([forward.replicas])
        for penalty in forward.penalties:
            total += penalty
        for i in self.odd:
            pieces = tf.unstack(forward.values[i], forward.replicas)
            each = [m.variables[i].regularizer(w) for m, w in zip(self.models, pieces, strict=True)]
            total += tf.stack(each)
        return total

    def numbers(self, i: int, numbers: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Return what `Update.step` needs to know of a variable: "l1", "l2" and "max_norm", where it has them."""
        kinds = (*MEASURES, "max_norm") if i in self.ruled else ("max_norm",)
        return {kind: numbers[f"variable{i}.{kind}"] for kind in kinds if f"variable{i}.{kind}" in numbers}
