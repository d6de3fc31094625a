"""Keras's settings for all models: they change what layers compute, and are no part of what a run is."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from lab.checks import DataError

_DEFAULTS = {"floatx": "float32", "dtype_policy": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}
_FOR_NEW_LAYERS = ("dtype_policy", "image_data_format")
"""What a layer reads when it is made; the others also act when it is called, in all runs of the process."""


@contextlib.contextmanager
def default_settings() -> Iterator[None]:
    """Call a factory with Keras's default settings, and undo what it sets for its own layers.

    Raises:
        DataError: a setting is not at its default before, or one that also acts in training is not afterwards.
    """
    _check(_DEFAULTS)
    try:
        yield
        _check([name for name in _DEFAULTS if name not in _FOR_NEW_LAYERS])
    finally:
        for name, value in _DEFAULTS.items():
            getattr(keras.config, f"set_{name}")(value)


def _check(names: Any) -> None:
    for name in names:
        value = getattr(keras.config, name)()
        value = getattr(value, "name", value)
        if value != _DEFAULTS[name]:
            remedy = "set it inside the factory" if name in _FOR_NEW_LAYERS else "leave it as it is"
            raise DataError(
                f"keras.config.{name}() must be {_DEFAULTS[name]!r} when models are built and trained, because it "
                f"changes numbers and is no part of what a run is, got {value!r}; {remedy}"
            )
