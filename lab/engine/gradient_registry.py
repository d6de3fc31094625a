"""Gradients of one's own that are forgotten once a function is traced.

`tf.custom_gradient` in a graph registers its gradient under a new name, for as long as the process lives, and the
gradient holds the graph. Nothing looks it up after the function that contains it has been traced with its tapes. So a
process that traces function after function would grow by all of their graphs.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from tensorflow.python.framework import ops


@contextmanager
def forgotten_gradients() -> Iterator[None]:
    """Take the custom gradients out of TensorFlow's registry again that are registered in the context."""
    registry = getattr(ops.gradient_registry, "_registry", {})
    before = set(registry)
    try:
        yield
    finally:
        for name in set(registry) - before:
            if name.startswith("CustomGradient-"):
                del registry[name]
