"""People's own arrays as a dataset, and the rules that they must meet."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lab.checks import DataError, UsageError, choice, flag, shown
from lab.data.conversion import array
from lab.data.dataset import Dataset, finite
from lab.data.folds import Fold
from lab.data.groups_and_time import Together, refuse_both
from lab.data.images import pixels
from lab.data.labels import LABELS, codes, several
from lab.data.rounding import refuse_merged
from lab.data.rows import AT_ONCE, Mapped, Rows, is_mapped
from lab.data.splitting import Cut, Fitted
from lab.data.standardization import Standardization
from lab.data.weights import weighting


def from_arrays(
    x: np.ndarray,
    y: np.ndarray,
    *,
    validation: tuple[np.ndarray, np.ndarray] | None = None,
    test: tuple[np.ndarray, np.ndarray] | None = None,
    labels: str = "classes",
    classes: Sequence[str] | None = None,
    standardize: bool = False,
    scale_target: bool = False,
    group: np.ndarray | None = None,
    time: np.ndarray | None = None,
    sample_weight: np.ndarray | None = None,
    class_weight: str | Mapping[str, float] | None = None,
    name: str = "arrays",
    train_size: int | None = None,
    validation_size: int | None = None,
    test_size: int | None = None,
    label_noise: float = 0.0,
    seed: int = 0,
    fold: Fold | None = None,
) -> Dataset:
    """Return the dataset of arrays, which are copied.

    A memory-mapped x, as `numpy.load(path, mmap_mode="r")` returns it, is not copied: it stays on the disk, and
    training reads each batch from there. So it may be larger than the memory. `lab.data.from_npy` takes paths of files.

    Args:
        x: numbers of shape (n, ...). Bytes (uint8) of shape (n, height, width) or (n, height, width, channels) are
            images and become float32 in [0, 1] with channels; everything else is taken as it is, as float32.
        y: labels of shape (n,) or (n, 1): whole numbers, texts or booleans. Numbers to be predicted are of shape
            (n,) or (n, k). Where an example may have several classes, or none, y is of shape (n, k) and holds 1 for the
            classes that it has and else 0.
        validation, test: (x, y) of the data's own splits; those not given are cut from x and y.
        labels: "classes"; "numbers"; or "several", where an example may have several classes, or none. The splits are
            then cut at random, and the loss is "binary_cross_entropy", the mean over the classes.
        classes: names of the classes 0, 1, ...; by default the classes are the different labels in y, sorted.
        standardize: whether every feature gets mean 0 and standard deviation 1 over the training split, whose
            numbers shift and scale the other splits too. Memory-mapped examples are read as they are.
        scale_target: whether numbers to be predicted are scaled likewise; losses are then in units of
            `dataset.target.deviation ** 2`.
        group: the group of each example, of shape (n,): whole numbers or texts. The splits that are cut have no group
            in common, and sizes and proportions that whole groups allow (see `lab.data.groups_and_time`).
        time: the time of each example, of shape (n,): numbers or datetime64. The test split that is cut is the latest,
            and the validation split comes before it; examples of one time stay together.
        sample_weight: how much each example of x counts when it is trained on, at least 0, of shape (n,). Weights are
            scaled to mean 1 over the training split; no loss that is reported is weighted.
        class_weight: "balanced" gives all classes the same sum of weights in the training split; a dict gives the
            weight of each class by its name.
        name: what the data are called in messages.

    Raises:
        UsageError: an argument that cannot be.
        DataError: data that cannot be used: another type or length, a missing value (NaN, None, NA or masked),
            infinity, an empty split, one class only, a class that is missing from a split, labels too large to be
            told apart, numbers that float32 makes one, splits that share examples (see `lab.data.overlap`).
    """
    cut = Cut(train_size, validation_size, test_size, label_noise, seed, fold)
    choice("labels", labels, LABELS)
    check_name(name)
    check_scaling(labels, standardize, scale_target)
    parts = {"": _pair("x and y", (x, y))}
    for part, pair in (("validation", validation), ("test", test)):
        if pair is not None:
            parts[f" of {part}"] = _pair(part, pair)
    features = [_features(x, f"x{where}") for where, (x, _) in parts.items()]
    if standardize and any(isinstance(x, Rows) for x in features):
        raise UsageError(
            "standardize must be False where x is memory-mapped (its examples are read as they are), got True; scale "
            "the file, or begin the model with keras.layers.Normalization"
        )
    numbered, found = answers([(y, f"y{where}") for where, (_, y) in parts.items()], labels, classes)
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
        fit=_standardization if standardize else None,
        scale_target=scale_target,
        together=_together(group, time, len(features[0]), len(parts) > 1),
        weighting=weighting(sample_weight, class_weight, labels, len(features[0])),
    )


def check_name(name: object) -> None:
    """Refuse a name of data that is no text or blank."""
    if not (isinstance(name, str) and name.strip()):
        raise UsageError(f"name must be a text (it is what the data are called), got {shown(name)}")


def check_scaling(labels: str, standardize: object, scale_target: object) -> None:
    """Refuse flags that are not booleans, and scaling of a target that is no number."""
    flag("standardize", standardize)
    if flag("scale_target", scale_target) and labels != "numbers":
        raise UsageError(
            f"scale_target must be False unless labels is 'numbers' (classes have no scale), got True with {labels!r}"
        )


def answers(
    values: list[tuple[object, str]], labels: str, classes: Sequence[str] | None
) -> tuple[list[np.ndarray], tuple[str, ...] | None]:
    """Return the labels of all splits as a `Split` takes them, and the names of the classes, None for numbers.

    Args:
        values: the labels of each split, and what they are called in refusals.
        labels: one of `LABELS`.
        classes: names of the classes, or None.
    """
    if labels == "classes":
        return codes(values, classes)
    if labels == "several":
        return several(values, classes)
    if classes is not None:
        raise UsageError(
            f"classes must be left out where labels is 'numbers' (it is the names of classes), got {shown(classes)}"
        )
    return [_values(y, where) for y, where in values], None


def _standardization(train: np.ndarray) -> Fitted:
    found = Standardization.fit(train)
    return found, found.apply


def _together(group: object, time: object, examples: int, has_splits: bool) -> Together | None:
    """Return what a cut keeps together; None without groups and times."""
    refuse_both(group, time)
    given = {by: value for by, value in (("group", group), ("time", time)) if value is not None}
    for by, value in given.items():
        if has_splits:
            raise UsageError(f"{by} must be left out where validation or test is given (it says how to cut them)")
        kinds, what = ("iufM", "numbers or dates") if by == "time" else ("biuU", "whole numbers or texts")
        keys = array(value, by, kinds, what, f"numpy.array({by}, dtype={'float' if by == 'time' else 'str'})")
        if keys.shape != (examples,):
            raise DataError(
                f"{by} must be of shape ({examples},), one value per example, got {keys.shape}; give each example one"
            )
        if keys.dtype.kind in "fM" and (keys != keys).any():
            raise DataError(f"{by} must have no missing values, and is missing at [{int((keys != keys).argmax())}]")
        return Together(by, {"train": keys})
    return None


def _pair(name: str, pair: object) -> tuple[object, object]:
    if isinstance(pair, tuple | list) and len(pair) == 2:
        return pair[0], pair[1]
    raise UsageError(f"{name} must be a pair of x and y (it is a split), got {type(pair).__name__}")


def _features(value: Any, where: str) -> Any:
    """Return examples as an array, or as `Rows` where they stay on the disk."""
    made = array(value, where, "biuf", "numbers", "x.astype('float32')")
    if made.ndim < 2 or 0 in made.shape[1:]:
        remedy = "a single feature is x.reshape(-1, 1)" if made.ndim == 1 else "give each example at least one number"
        raise DataError(f"{where} must be of shape (n, ...), one example per row, got {made.shape}; {remedy}")
    if len(made) == 0:
        raise DataError(f"{where} is empty; every split needs examples")
    is_image = made.dtype == np.uint8 and made.ndim in (3, 4)
    if is_mapped(value):
        rows = Rows(Mapped(value, pixels if is_image else _to_float32))
        finite(rows, where)
        # As many as are read at once stand for all: what float32 makes one among them it makes one everywhere.
        refuse_merged(np.asarray(value[: max(1, AT_ONCE // value[:1].nbytes)]), where)
        return rows
    return pixels(made) if is_image else _float32(made, where)


def _to_float32(numbers: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return numbers.astype(np.float32)


def _float32(made: np.ndarray, where: str) -> np.ndarray:
    rounded = _to_float32(made)
    finite(rounded, where)
    refuse_merged(made, where)
    return rounded


def _values(value: object, where: str) -> np.ndarray:
    made = array(value, where, "biuf", "numbers", "y.astype('float32')")
    if made.ndim not in (1, 2) or 0 in made.shape[1:]:
        raise DataError(
            f"{where} must be of shape (n,) or (n, k), the numbers of one example per row, got {made.shape}"
        )
    return _float32(made.reshape(len(made), -1) if len(made) else made.reshape(0, 1), where)
