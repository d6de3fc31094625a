"""TensorFlow without its chatter: what it prints while it loads helps nobody who asked for a table."""

import os


def load_tensorflow() -> None:
    """Import TensorFlow and Keras and find the devices, with the file descriptor of stderr closed to them.

    TensorFlow 2.21 writes notes on oneDNN and errors on missing CUDA drivers before its log level can be set, to
    the descriptor itself. An import that fails raises as ever.
    """
    # What TensorFlow logs as an error is also raised, or is none: that oneDNN leaves an operation to Eigen, say.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    keep = os.dup(2)
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        import tensorflow as tf

        tf.config.list_logical_devices()
    finally:
        os.dup2(keep, 2)
        os.close(keep)
        os.close(sink)
