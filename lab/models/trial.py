"""A trial of a user's factory before its models are trained: does it build the same model each time, with logits?

A run is known by its declaration. A factory that draws numbers which no seed decides would give other results under
the same name, and variants of one seed that do not start from the same weights.
"""

import contextlib
import warnings
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from lab.checks import DataError, is_out_of_memory
from lab.engine import keras_internals
from lab.identity.failures import raised_in
from lab.models.final_activation import ModelWarning, without_probabilities
from lab.models.output_range import check_range
from lab.models.seeding import global_streams
from lab.models.user_model import built, refuse_global_draws, refuse_other_numbers

EXAMPLES = 8
"""The number of examples with which a model is tried."""

_CALLS = 4
"""The number of calls in training: a layer that is left out at random may be left out twice by chance."""


def try_out(
    factory: Callable[..., keras.Model],
    who: str,
    input_shape: tuple[int, ...],
    outputs: int,
    loss: str,
    seed: int,
    inputs: np.ndarray,
    targets: np.ndarray,
) -> None:
    """Build a model twice with one seed, refuse the factory if the two differ, and look at the range of the outputs.

    It takes the time of two builds and a few forward passes of 8 examples, so it is done once for each variant.

    Args:
        factory, who, input_shape, outputs, loss, seed: as for `lab.models.user_model.fit_for_training`.
        inputs: the training inputs, of which the first are used.
        targets: of the training split.

    Raises:
        DataError: the model is not the same each time, cannot be called in training, or does not return logits.
    """
    examples = np.asarray(inputs[:EXAMPLES])
    with keras_internals.with_values():
        with _without_warnings():
            first, second = (_built_anew(factory, who, input_shape, outputs, seed) for _ in range(2))
        _compare_weights(first, second, who)
        # Numbers that no seed of the model decides differ, because the two global streams start at different seeds.
        one, other = (_training_outputs(model, examples, who, i) for i, model in enumerate((first, second)))
        if not np.allclose(one, other, rtol=1e-3, atol=1e-5, equal_nan=True):
            raise DataError(
                f"the model of {who} must draw its random numbers by seeds of its own, got other outputs in training "
                "from a second model of the same seed; give its layers keras.random.SeedGenerator(seed) as an "
                "attribute, and draw by keras.random with it as the seed"
            )
        with _without_warnings():
            logits = without_probabilities(first, loss, who)
        check_range(logits, loss, who, examples, targets)


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Leave the warnings of a build to the one that is trained."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)
        yield


def _built_anew(
    factory: Callable[..., keras.Model], who: str, input_shape: tuple[int, ...], outputs: int, seed: int
) -> keras.Model:
    with keras_internals.names_from_zero():
        return built(factory, who, input_shape, outputs, seed)


def _compare_weights(first: keras.Model, second: keras.Model, who: str) -> None:
    shapes = [[tuple(v.shape) for v in model.variables] for model in (first, second)]
    if shapes[0] != shapes[1]:
        raise DataError(
            f"the factory of {who} must build the same model at each call with one seed, got weights of other shapes "
            "at a second call; let it depend on its arguments only"
        )
    for a, b in zip(first.variables, second.variables, strict=True):
        if not np.array_equal(a.numpy(), b.numpy(), equal_nan=a.dtype.startswith("float")):
            raise DataError(
                f"the factory of {who} must build the same model at each call with one seed, got other values of "
                f"{a.path} at a second call; draw them by its argument seed, as np.random.default_rng(seed) does"
            )


def _training_outputs(model: keras.Model, examples: np.ndarray, who: str, stream: int) -> np.ndarray:
    """Return a model's outputs in training, leaving its variables as they are, after calling it in inference too."""
    own = {id(v.value) for v in model.variables}
    try:
        with global_streams(stream), keras.StatelessScope(), tf.GradientTape() as tape:
            model(examples, training=False)
            found = np.stack([model(examples, training=True) for _ in range(_CALLS)])
            refuse_global_draws(who)
            # A function of TensorFlow may return another type than Keras expects.
            refuse_other_numbers(str(found.dtype), who)
    except Exception as error:
        if isinstance(error, DataError) or is_out_of_memory(error):
            raise
        raise DataError(
            f"the model of {who} must take the data in training and in inference, and calling it on {len(examples)} "
            f"examples fails: {raised_in(error)}"
        ) from error
    if strange := [v for v in tape.watched_variables() if id(v) not in own]:
        raise DataError(
            f"the model of {who} must hold all weights that it computes with, got one of shape "
            f"{tuple(strange[0].shape)} that is not among them, so that nothing would train it; make it with "
            "add_weight, or keep its layer as an attribute of the layer that calls it"
        )
    return found
