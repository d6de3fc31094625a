"""Keras's settings for all models: they change what layers compute, and are not part of a run's identity."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from lab.checks import DataError

_DEFAULTS = {"floatx": "float32", "dtype_policy": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}
_FOR_NEW_LAYERS = ("dtype_policy", "image_data_format")
"""The settings that a layer reads when it is made. The others also act whenever a layer of the process is called."""


@contextlib.contextmanager
def default_settings() -> Iterator[None]:
    """Hold Keras's settings at their defaults around the call of a factory, and undo what it sets for its own layers.

    Raises:
        DataError: a setting is not at its default before the call, or one that also acts in training is not after it.
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
