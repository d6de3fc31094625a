"""People's own arrays, and what is asked of them."""

from collections.abc import Sequence

import numpy as np

from lab.checks import DataError, UsageError, choice, flag, shown
from lab.data.conversion import array
from lab.data.dataset import Dataset, finite
from lab.data.images import pixels
from lab.data.labels import codes
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
        DataError: data that cannot be used: another type or length, a missing value (NaN, None, NA or masked),
            infinity, an empty split, one class only, a class that is missing from a split, labels too large to be
            told apart, splits that share examples (see `lab.data.overlap`).
    """
    cut = Cut(train_size, validation_size, test_size, label_noise, seed)
    choice("labels", labels, LABELS)
    if not (isinstance(name, str) and name.strip()):
        raise UsageError(f"name must be a text (it is what the data are called), got {shown(name)}")
    standardize = flag("standardize", standardize)
    parts = {"": _pair("x and y", (x, y))}
    for part, pair in (("validation", validation), ("test", test)):
        if pair is not None:
            parts[f" of {part}"] = _pair(part, pair)
    features = [_features(x, f"x{where}") for where, (x, _) in parts.items()]
    if labels == "classes":
        numbered, found = codes([(y, f"y{where}") for where, (_, y) in parts.items()], classes)
    elif classes is not None:
        raise UsageError(
            f"classes must be left out where labels is 'numbers' (it is the names of classes), got {shown(classes)}"
        )
    else:
        numbered, found = [_values(y, f"y{where}") for where, (_, y) in parts.items()], None
    for x, y, where in zip(features, numbered, parts, strict=True):
        if len(x) != len(y):
            raise DataError(
                f"x{where} has {len(x)} examples and y{where} has {len(y)} labels; give each example one label"
            )
    pairs = dict(zip(parts, zip(features, numbered, strict=True), strict=True))
    return cut.dataset(
        name,
        pairs[""],
        validation=pairs.get(" of validation"),
        test=pairs.get(" of test"),
        classes=found,
        standardize=standardize,
    )


def _pair(name: str, pair: object) -> tuple[object, object]:
    if isinstance(pair, tuple | list) and len(pair) == 2:
        return pair[0], pair[1]
    raise UsageError(f"{name} must be a pair of x and y (it is a split), got {type(pair).__name__}")


def _features(value: object, where: str) -> np.ndarray:
    made = array(value, where, "biuf", "numbers", "x.astype('float32')")
    if made.ndim < 2 or 0 in made.shape[1:]:
        remedy = "a single feature is x.reshape(-1, 1)" if made.ndim == 1 else "give each example at least one number"
        raise DataError(f"{where} must be of shape (n, ...), one example per row, got {made.shape}; {remedy}")
    if len(made) == 0:
        raise DataError(f"{where} is empty; every split needs examples")
    if made.dtype == np.uint8 and made.ndim in (3, 4):
        return pixels(made)
    return _float32(made, where)


def _float32(made: np.ndarray, where: str) -> np.ndarray:
    with np.errstate(over="ignore"):
        made = made.astype(np.float32)
    finite(made, where)
    return made


def _values(value: object, where: str) -> np.ndarray:
    made = array(value, where, "biuf", "numbers", "y.astype('float32')")
    if made.ndim not in (1, 2) or 0 in made.shape[1:]:
        raise DataError(
            f"{where} must be of shape (n,) or (n, k), the numbers of one example per row, got {made.shape}"
        )
    return _float32(made.reshape(len(made), -1) if len(made) else made.reshape(0, 1), where)
