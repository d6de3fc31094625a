"""A model from a `.keras` file as a factory: from its own weights or from fresh ones, regularized or not."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lab.checks import DataError, UsageError, choice, shown, whole
from lab.models.keras_file import load
from lab.models.shapes import refuse_misfit, written
from lab.regularization import NONE, Regularization

if TYPE_CHECKING:
    import keras

STARTS = ("saved", "fresh")


def saved(
    path: str | Path,
    input_shape: tuple[int, ...],
    outputs: int,
    *,
    start: str = "saved",
    regularization: Regularization | None = None,
    layers: Mapping[str, Regularization | None] | None = None,
    spatial: bool = False,
    seed: int = 0,
) -> "keras.Model":
    """Return the model of a `.keras` file for one run, as in `Variant(model=partial(saved, "model.keras"), ...)`.

    The bytes of the file are part of the run's identity, its name is not. A file that other code wrote is data: its
    configuration and its weights are read, and nothing in it is run.

    Args:
        path: of the file.
        input_shape, outputs: what the data needs; the lab gives them.
        start: "saved" goes on from the weights of the file, "fresh" draws new ones by the model's initializers, each
            by the run's seed and the names of the layer and the weight, so that variants of one seed start alike.
            Frozen layers keep the weights of the file.
        regularization, layers, spatial: as in `lab.models.regularized`; None leaves the model as it is.
        seed: the run's. Random layers draw by it and their names, whatever seeds they were saved with.

    Raises:
        UsageError: a wrong argument, or regularization that does not fit the model.
        DataError: the file cannot be used, or its model does not fit the data.
    """
    choice("start", start, STARTS)
    whole("seed", seed, "the seed of the run", low=0)
    if not isinstance(path, str | Path):
        raise UsageError(f"path must be the path of a .keras file, got {shown(path)}")
    file = Path(path)
    try:
        state = file.stat()
        template = _template(file.resolve(), state.st_mtime_ns, state.st_size)
    except FileNotFoundError:
        raise DataError(f"{file} must be a .keras file, got none; there is no such file") from None
    _refuse_misfit(template, file, input_shape, outputs)
    from lab.models.regularized_model import for_run

    return for_run(
        template,
        NONE if regularization is None else regularization,
        layers=layers,
        spatial=spatial,
        seed=seed,
        fresh=start == "fresh",
    )


@functools.lru_cache(maxsize=1)
def _template(path: Path, *_changes: int) -> "keras.Model":
    """Load a model once; runs get copies of it. A file whose time or size has changed is loaded again."""
    from lab.engine import keras_internals

    with keras_internals.with_values():
        return load(path)


def _refuse_misfit(model: "keras.Model", file: Path, input_shape: tuple[int, ...], outputs: int) -> None:
    inputs, results = (getattr(model, name, None) or [] for name in ("inputs", "outputs"))
    if len(inputs) != 1 or len(results) != 1:
        # `lab.models.user_model` refuses any such model.
        return
    refuse_misfit(file, tuple(inputs[0].shape[1:]), tuple(input_shape))
    made = tuple(results[0].shape[1:])
    if made != (outputs,):
        two = made == (1,) and outputs == 2
        way = "choose loss='binary_cross_entropy', or " if two else ""
        raise DataError(
            f"{file} must return {outputs} {'number' if outputs == 1 else 'numbers'} for each example, as the data and "
            f"the loss need, got a model that returns {written(made)}; {way}give it another last layer and save it"
        )
