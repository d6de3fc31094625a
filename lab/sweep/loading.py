"""The data of variants, loaded once for equal calls; what cannot be loaded is told, and costs no other variant."""

import functools
from collections.abc import Callable, Hashable
from typing import Any

from lab.checks import DataError
from lab.data import Dataset
from lab.data.folds import Fold
from lab.experiment import Variant
from lab.identity.failures import call_or_refuse

Loaded = Dataset | DataError | MemoryError
"""What comes of loading data: they, or why they cannot be loaded."""


def loader(variant: Variant, data_seed: int | None, fold: Fold | None) -> Callable[[], Dataset]:
    """Return a variant's loader with the data's seed and the fold bound; None leaves one out."""
    bound = {name: value for name, value in (("seed", data_seed), ("fold", fold)) if value is not None}
    return functools.partial(variant.data, **bound) if bound else variant.data


def key_of(load: Callable) -> Hashable:
    """Return a key that is equal for equal calls of one loader; None if its arguments cannot be hashed, as arrays."""
    found = _bound(load)
    try:
        hash(found)
    except TypeError:
        return None
    return found


def _bound(value: Any) -> Any:
    """Return a partial as what it binds, other partials included; any other value as it is."""
    if not isinstance(value, functools.partial):
        return value
    keywords = ((name, _bound(argument)) for name, argument in sorted(value.keywords.items()))
    return value.func, tuple(map(_bound, value.args)), tuple(keywords)


def loaded_or_not(load: Callable[[], Any], key: Hashable) -> Loaded:
    """Return the data of a variant, or why they cannot be loaded; whatever a loader raises is told as a DataError."""
    try:
        return _loaded(load, key)
    except (DataError, MemoryError) as error:
        return error


def why(error: DataError | MemoryError, key: Hashable) -> str:
    """Return in words why the data of a variant cannot be loaded."""
    if isinstance(error, DataError):
        return str(error)
    return f"the data of variant {key!r} do not fit into memory; make its train_size smaller, or close other programs"


def _loaded(load: Callable[[], Any], key: Hashable) -> Dataset:
    data = call_or_refuse(load, f"the loader of variant {key!r} cannot load its data")
    if not isinstance(data, Dataset):
        raise DataError(
            f"the loader of variant {key!r} must return a lab.data.Dataset, got {type(data).__name__}; "
            "lab.data.from_arrays makes one"
        )
    return data
