"""Seeds for everything in a model that has none, derived from the run's seed and the names of layer and weight.

With them the same run gives the same numbers each time, and variants of one seed start from the same weights.
"""

import contextlib
import functools
import random
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from lab.engine import keras_internals
from lab.seeds import derive


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Give a seed to every initializer that has none, by the names of its layer and its weight.

    Draws from the global streams of Python, NumPy and TensorFlow follow from the run's seed too, but also from their
    order.
    """
    plain = keras.layers.Layer.add_weight
    counts: dict[tuple[str, str], int] = {}

    @functools.wraps(plain)
    def add_weight(self: Any, *args: Any, **kwargs: Any) -> Any:
        values = dict(zip(("shape", "initializer", "dtype"), args, strict=False)) | kwargs
        initializer = keras.initializers.get(values.get("initializer") or "glorot_uniform")
        if keras_internals.is_unseeded(initializer) and not _is_whole(values.get("dtype")):
            key = self.name, str(values.get("name"))
            counts[key] = counts.get(key, -1) + 1
            drawn = derive(seed, *key, *([counts[key]] if counts[key] else []))
            values["initializer"] = type(initializer).from_config(initializer.get_config() | {"seed": drawn})
        return plain(self, **values)

    with global_streams(derive(seed, "global")):
        keras.layers.Layer.add_weight = add_weight
        try:
            yield
        finally:
            keras.layers.Layer.add_weight = plain


@contextlib.contextmanager
def global_streams(seed: int) -> Iterator[None]:
    """Let the global streams of random numbers start at a seed, and go on with those of Python and NumPy afterwards."""
    states = random.getstate(), np.random.get_state()
    keras.utils.set_random_seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


def seed_generators(model: keras.Model, seed: int) -> None:
    """Let the random layers that have no seed draw by the run's seed and their names."""
    counts: dict[str, int] = {}
    for layer in keras_internals.parts(model):
        for generator in keras_internals.generators(layer):
            if keras_internals.is_unseeded(generator):
                counts[layer.name] = counts.get(layer.name, -1) + 1
                drawn = derive(seed, layer.name, "draws", *([counts[layer.name]] if counts[layer.name] else []))
                keras_internals.seed_generator(generator, drawn)


def _is_whole(dtype: Any) -> bool:
    return "int" in str(dtype) or "bool" in str(dtype)
