"""Labels of people's own data as codes of classes: 0, 1, ... Labels that differ are never made one class."""

from collections.abc import Sequence

import numpy as np

from lab.checks import DataError, UsageError, quoted, shown
from lab.data.conversion import array
from lab.data.dataset import finite

OF_A_COLUMN = ("classes", "numbers")
"""The kinds of labels that one column of a table can hold."""

LABELS = (*OF_A_COLUMN, "several")
"""The kinds of labels: an example has one class, or numbers, or several classes or none."""

Values = list[tuple[object, str]]


def codes(values: Values, names: Sequence[str] | None) -> tuple[list[np.ndarray], tuple[str, ...]]:
    """Return the labels of all splits as int32 codes, and the names of the classes.

    Args:
        values: the labels of each split, and what they are called in refusals.
        names: of the classes 0, 1, ...; None names them by the labels, sorted.
    """
    _check_names(names)
    splits = [_labels(value, where) for value, where in values]
    for (_, where), split in zip(values, splits, strict=True):
        if (split.dtype.kind == "U") != (splits[0].dtype.kind == "U"):
            raise DataError(
                f"{where} and y must both hold numbers or both texts, got {split.dtype} and {splits[0].dtype}"
            )
    found, numbered = np.unique(np.concatenate(splits), return_inverse=True)
    classes = tuple(str(one) for one in found)
    if names is not None:
        known = list(names) if found.dtype.kind == "U" else [str(i) for i in range(len(names))]
        unknown = [one for one in classes if one not in known]
        if unknown:
            raise DataError(f"y holds {unknown[0]}, which is none of the classes {quoted(known)}")
        numbered = np.array([known.index(one) for one in classes], int)[numbered]
        classes = tuple(names)
    ends = np.cumsum([len(split) for split in splits])[:-1]
    return np.split(numbered.astype(np.int32), ends), classes


def several(values: Values, names: Sequence[str] | None) -> tuple[list[np.ndarray], tuple[str, ...]]:
    """Return the labels of examples that may have several classes, or none, as int32 of shape (n, classes).

    Args:
        values: the labels of each split, 1 for the classes that an example has and else 0, and what they are called
            in refusals.
        names: of the classes; None names them 0, 1, ...
    """
    _check_names(names)
    splits = []
    for value, where in values:
        y = array(value, where, "biuf", "zeros and ones", f"{where[0]}.astype('int32')")
        if y.ndim != 2 or y.shape[1] < 2:
            raise DataError(
                f"{where} must be of shape (n, classes), at least two, where labels is 'several', got {y.shape}; "
                f"choose labels='classes' where an example has one class"
            )
        wrong = np.argwhere(~np.isin(y, (0, 1)))
        if len(wrong):
            first = tuple(int(i) for i in wrong[0])
            raise DataError(
                f"{where} must hold 1 for the classes that an example has and else 0 where labels is 'several', got "
                f"{y[first]} at {list(first)}; correct it"
            )
        splits.append(y.astype(np.int32))
    count = splits[0].shape[1]
    for (_, where), y in zip(values, splits, strict=True):
        if y.shape[1] != count:
            raise DataError(f"{where} must have the {count} classes of y, got {y.shape[1]}; make them alike")
    if names is not None and len(names) != count:
        raise UsageError(f"classes must name the {count} classes that y has, got {shown(names)}")
    classes = tuple(names) if names is not None else tuple(str(i) for i in range(count))
    absent = np.flatnonzero(~np.any([y.any(axis=0) for y in splits], axis=0))
    if len(absent):
        raise DataError(f"y must have an example of each class, and none has {classes[absent[0]]!r}; leave it out")
    return splits, classes


def _check_names(names: object) -> None:
    if names is None:
        return
    if isinstance(names, list | tuple) and all(isinstance(one, str) for one in names) and len(set(names)) == len(names):
        return
    raise UsageError(f"classes must be different texts (it is the names of the classes 0, 1, ...), got {shown(names)}")


def _labels(value: object, where: str) -> np.ndarray:
    """Return labels of shape (n,): texts, or whole numbers, or booleans."""
    labels = array(value, where, "biuUf", "whole numbers or texts", "numpy.array(y, dtype=str)")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise DataError(f"{where} must be of shape (n,), one label per example, got {labels.shape}; {_advice(labels)}")
    if labels.dtype.kind == "U":
        blank = np.flatnonzero(np.char.strip(labels) == "") if len(labels) else labels
        if len(blank):
            raise DataError(f"{where} must hold labels and has an empty text at [{blank[0]}]; fill or remove it")
        return labels
    if labels.dtype.kind == "f":
        return _from_floats(labels, where)
    if labels.dtype.kind == "u":
        # Beside int64 NumPy would make float64 of uint64, which merges large numbers.
        if len(labels) and labels.max() >= 2**63:
            raise DataError(
                f"{where} must hold whole numbers below 2**63, got {labels.max()}; give the labels as texts"
            )
        return labels.astype(np.int64)
    return labels


def _from_floats(labels: np.ndarray, where: str) -> np.ndarray:
    finite(labels, where)
    broken = labels[labels != np.floor(labels)]
    if len(broken):
        raise DataError(
            f"{where} must hold whole numbers or texts where labels is 'classes', got {broken[0]:g}; choose "
            f"labels='numbers' to predict numbers"
        )
    bits = min(np.finfo(labels.dtype).nmant + 1, 62)
    large = labels[np.abs(labels) >= 2.0**bits]
    if len(large):
        raise DataError(
            f"{where} must hold labels that {labels.dtype} tells apart, below 2**{bits}, got {large[0]:g}; give them "
            f"as whole numbers or as texts"
        )
    return labels.astype(np.int64)


def _advice(labels: np.ndarray) -> str:
    """Return what to do about labels that are several numbers or texts per example."""
    if labels.ndim == 2 and labels.dtype.kind in "biuf" and labels.size and np.isin(labels, (0, 1)).all():
        if (labels.sum(axis=1) == 1).all():
            return "one-hot labels are y.argmax(axis=1)"
        return "choose labels='several' where an example may have several classes, or none"
    if labels.ndim == 2 and labels.dtype.kind in "biuf":
        return "choose labels='numbers' to predict several numbers per example, or give one column, as in y[:, 0]"
    return "give each example a label of its own" + (", as in y[:, 0]" if labels.ndim == 2 else "")
