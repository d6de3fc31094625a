"""People's own arrays, and what is asked of them."""

from collections.abc import Sequence

import numpy as np

from lab.checks import DataError, UsageError, choice, flag
from lab.data.dataset import Dataset, finite
from lab.data.images import pixels
from lab.data.splitting import Cut

LABELS = ("classes", "numbers")


def from_arrays(
    x: np.ndarray,
    y: np.ndarray,
    *,
    validation: tuple[np.ndarray, np.ndarray] | None = None,
    test: tuple[np.ndarray, np.ndarray] | None = None,
    labels: str = "classes",
    classes: Sequence[str] | None = None,
    standardize: bool = False,
    name: str = "arrays",
    train_size: int | None = None,
    validation_size: int | None = None,
    test_size: int | None = None,
    label_noise: float = 0.0,
    seed: int = 0,
) -> Dataset:
    """Return the dataset of arrays, which are copied.

    Args:
        x: numbers of shape (n, ...). Bytes (uint8) of shape (n, height, width) or (n, height, width, channels) are
            images and become float32 in [0, 1] with channels; everything else is taken as it is, as float32.
        y: labels of shape (n,) or (n, 1): whole numbers, texts or booleans. Numbers to be predicted are of shape
            (n,) or (n, k).
        validation, test: (x, y) of the data's own splits; those not given are cut from x and y.
        labels: "classes" or "numbers".
        classes: names of the classes 0, 1, ...; by default the classes are the different labels in y, sorted.
        standardize: whether every feature gets mean 0 and standard deviation 1 over the training split, whose
            numbers shift and scale the other splits too.
        name: what the data are called in messages.

    Raises:
        UsageError: an argument that cannot be.
        DataError: data that cannot be used: another type or length, NaN or infinity, an empty split, one class
            only, a class that is missing from a split.
    """
    cut = Cut(train_size, validation_size, test_size, label_noise, seed)
    choice("labels", labels, LABELS)
    standardize = flag("standardize", standardize)
    parts = {"": _pair("x and y", (x, y))}
    for part, pair in (("validation", validation), ("test", test)):
        if pair is not None:
            parts[f" of {part}"] = _pair(part, pair)
    features = [_features(x, f"x{where}") for where, (x, _) in parts.items()]
    if labels == "classes":
        codes, found = _codes([(y, f"y{where}") for where, (_, y) in parts.items()], classes)
    elif classes is not None:
        raise UsageError(
            f"classes must be left out where labels is 'numbers' (it is the names of classes), got {classes!r}"
        )
    else:
        codes, found = [_values(y, f"y{where}") for where, (_, y) in parts.items()], None
    for x, y, where in zip(features, codes, parts, strict=True):
        if len(x) != len(y):
            raise DataError(
                f"x{where} has {len(x)} examples and y{where} has {len(y)} labels; give each example one label"
            )
    pairs = dict(zip(parts, zip(features, codes, strict=True), strict=True))
    return cut.dataset(
        name,
        pairs[""],
        validation=pairs.get(" of validation"),
        test=pairs.get(" of test"),
        classes=found,
        standardize=standardize,
    )


def _array(value: object, where: str, kinds: str, what: str, remedy: str) -> np.ndarray:
    """Return a value as an array of one of NumPy's `kinds` of types."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DataError(f"{where} must be an array, and its rows are not of one length") from error
    if array.dtype.kind == "O":
        raise DataError(f"{where} holds Python objects instead of {what}; convert it first, as in {remedy}")
    if array.dtype.kind not in kinds:
        raise DataError(f"{where} must hold {what}, got {array.dtype}")
    return array


def _pair(name: str, pair: object) -> tuple[object, object]:
    if isinstance(pair, tuple | list) and len(pair) == 2:
        return pair[0], pair[1]
    raise UsageError(f"{name} must be a pair of x and y (it is a split), got {type(pair).__name__}")


def _features(value: object, where: str) -> np.ndarray:
    array = _array(value, where, "biuf", "numbers", "x.astype('float32')")
    if array.ndim < 2 or 0 in array.shape[1:]:
        raise DataError(
            f"{where} must be of shape (n, ...), an example a row, got {array.shape}; a single feature is "
            f"x.reshape(-1, 1)"
        )
    if array.dtype == np.uint8 and array.ndim in (3, 4):
        return pixels(array)
    return _float32(array, where)


def _float32(array: np.ndarray, where: str) -> np.ndarray:
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    finite(array, where)
    return array


def _values(value: object, where: str) -> np.ndarray:
    array = _array(value, where, "biuf", "numbers", "y.astype('float32')")
    if array.ndim not in (1, 2) or 0 in array.shape[1:]:
        raise DataError(f"{where} must be of shape (n,) or (n, k), the numbers of an example a row, got {array.shape}")
    return _float32(array.reshape(len(array), -1) if len(array) else array.reshape(0, 1), where)


def _labels(value: object, where: str) -> np.ndarray:
    """Return labels of shape (n,): texts, or whole numbers, or booleans."""
    array = _array(value, where, "biuUf", "whole numbers or texts", "numpy.array(y, dtype=str)")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(
            f"{where} must be of shape (n,), a label an example, got {array.shape}; one-hot labels are y.argmax(axis=1)"
        )
    if array.dtype.kind != "f":
        return array
    finite(array, where)
    broken = array[array != np.floor(array)]
    if len(broken):
        raise DataError(
            f"{where} must hold whole numbers or texts where labels is 'classes', got {broken[0]:g}; choose "
            f"labels='numbers' to predict numbers"
        )
    return array.astype(np.int64)


def _codes(values: list[tuple[object, str]], names: Sequence[str] | None) -> tuple[list[np.ndarray], tuple[str, ...]]:
    """Return the labels of all splits as int32 codes, and the names of the classes."""
    splits = [_labels(value, where) for value, where in values]
    for (_, where), split in zip(values, splits, strict=True):
        if (split.dtype.kind == "U") != (splits[0].dtype.kind == "U"):
            raise DataError(
                f"{where} and y must both hold numbers or both texts, got {split.dtype} and {splits[0].dtype}"
            )
    found, codes = np.unique(np.concatenate(splits), return_inverse=True)
    classes = tuple(str(one) for one in found)
    if names is not None:
        if isinstance(names, str) or not all(isinstance(one, str) for one in names) or len(set(names)) < len(names):
            raise UsageError(
                f"classes must be different texts (it is the names of the classes 0, 1, ...), got {names!r}"
            )
        known = names if found.dtype.kind == "U" else [str(i) for i in range(len(names))]
        unknown = [one for one in classes if one not in known]
        if unknown:
            raise DataError(f"y holds {unknown[0]}, which is none of the classes {', '.join(known)}")
        codes = np.array([known.index(one) for one in classes], int)[codes]
        classes = tuple(names)
    ends = np.cumsum([len(split) for split in splits])[:-1]
    return np.split(codes.astype(np.int32), ends), classes
