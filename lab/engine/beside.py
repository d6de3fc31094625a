"""Compiles the program that measures a cohort on another core, while its first epoch is compiled and trained.

Making a graph is Python's work, one thread at a time; optimizing it, compiling it and computing with it are not, so the
two overlap. Only the time differs: both are called with the same numbers as ever.
"""

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import tensorflow as tf

from lab.engine.on_disk import OnDisk

if TYPE_CHECKING:
    from lab.engine.penalties import Key
    from lab.engine.program import Program
    from lab.engine.stacking import Splits


@contextlib.contextmanager
def measuring_compiled(program: "Program", split: "Splits", numbers: "dict[Key, tf.Tensor]") -> Iterator[None]:
    """Let a program compile what it measures with in a thread of its own, until the block ends.

    A program that has measured before is left alone, and so is one with layers that are called as they are: these may
    keep something from one call to the next, which is not for two threads at once.

    Args:
        program: the program.
        split: one that it is going to measure.
        numbers: what differs between the replicas.
    """
    x, y = split.x.values, split.y.values
    if program.compiled or program.models[0].unrolled or isinstance(x, OnDisk) or isinstance(y, OnDisk):
        yield
        return
    first = tf.zeros([program.replicas], tf.int32)
    example = x[:, :1], y[:, :1], first, first

    def compile_all() -> None:
        # Whatever fails here fails again where its result is wanted, and is reported there.
        with contextlib.suppress(Exception):
            values = [tf.zeros(v.shape, v.dtype) for v in program.variables]
            program.charged(values, numbers)
            program.keep(tf.zeros([0], tf.int32))
            program.measure(values, example, numbers)

    thread = threading.Thread(target=compile_all, name="compiling what measures")
    thread.start()
    try:
        yield
    finally:
        thread.join()
