"""TensorFlow: loaded for one precision of products, without what it prints while it loads, and how it optimizes."""

import contextlib
import gc
import os
from collections.abc import Iterator

from lab.engine.precision import check, loaded_for, prepare, settle


def load_tensorflow(precision: str | None = None) -> None:
    """Import TensorFlow and Keras and find the devices, with the file descriptor of stderr closed to them.

    TensorFlow 2.21 writes notes on oneDNN and errors on missing CUDA drivers before its log level can be set, to
    the descriptor itself. An import that fails raises as ever.

    Args:
        precision: of products: one of `lab.engine.precision.PRECISIONS`. None takes the one for which TensorFlow was
            loaded before, and "exact" if it was not.

    Raises:
        UsageError: the machine gains nothing from the precision, or TensorFlow was loaded for another one.
    """
    wanted = precision or loaded_for() or "exact"
    check(wanted)
    first = loaded_for() is None
    if first:
        prepare(wanted)
    # What TensorFlow logs as an error is raised too, or is no error, such as that oneDNN leaves an operation to Eigen.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    keep = os.dup(2)
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        with collector_paused():
            import keras  # noqa: F401  (which imports TensorFlow, and is wanted next)
            import tensorflow as tf

        # The precision cannot be set once the devices are in use.
        settle(tf, wanted)
        tf.config.list_logical_devices()
    finally:
        os.dup2(keep, 2)
        os.close(keep)
        os.close(sink)
    if first:
        # The 400 000 objects of TensorFlow and Keras stay: the collector need not search them ever again.
        gc.freeze()


@contextlib.contextmanager
def graph_options(**options: bool) -> Iterator[None]:
    """Set options of TensorFlow's optimization of graphs for what is compiled and called meanwhile.

    Args:
        options: as for `tf.config.optimizer.set_experimental_options`. Whoever had not set them finds them at
            TensorFlow's own choice again: it optimizes.
    """
    import tensorflow as tf

    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options(options)
    try:
        yield
    finally:
        own = {name: before.get(name, not name.startswith("disable")) for name in options}
        tf.config.optimizer.set_experimental_options(own)


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Keep Python's collector of cycles from searching a growing number of living objects again and again.

    It takes a quarter of the time in which TensorFlow is imported, and more of that in which models are built.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
