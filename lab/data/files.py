"""People's own files: .npz archives and CSV tables, read and given to `from_arrays`."""

import os
from collections.abc import Sequence
from pathlib import Path

from lab.checks import DataError, UsageError, choice, shown
from lab.data.arrays import LABELS, from_arrays
from lab.data.csv_table import read_table
from lab.data.dataset import Dataset
from lab.data.keras_cache import content
from lab.data.npz_file import npz
from lab.data.splitting import Cut


def from_npz(
    path: str | os.PathLike[str],
    *,
    labels: str = "classes",
    classes: Sequence[str] | None = None,
    standardize: bool = False,
    train_size: int | None = None,
    validation_size: int | None = None,
    test_size: int | None = None,
    label_noise: float = 0.0,
    seed: int = 0,
) -> Dataset:
    """Return the dataset of an .npz file, as `from_arrays` does of arrays.

    Args:
        path: of a file with the arrays x and y; or x_train and y_train and, if the data have splits of their own,
            x_val and y_val, x_test and y_test.
        labels, classes, standardize: as in `from_arrays`.

    Raises:
        UsageError: an argument that cannot be.
        DataError: a file that is missing, torn, pickled or without these arrays; data that cannot be used.
    """
    cut = Cut(train_size, validation_size, test_size, label_noise, seed)
    place = _path(path)
    arrays = npz(content(place), str(place))
    if "x" in arrays and "x_train" in arrays:
        raise DataError(f"{place} must hold either x or x_train and holds both; leave out or rename one")
    first = ("x", "y") if "x" in arrays else ("x_train", "y_train")
    pairs = {}
    for names in (first, ("x_val", "y_val"), ("x_test", "y_test")):
        there = [name for name in names if name in arrays]
        if len(there) == 1 or (names == first and not there):
            missing = next(name for name in names if name not in there)
            raise DataError(
                f"{place} must hold x and y, or x_train, y_train and x_val, y_val and x_test, y_test as far as there "
                f"are such splits; {missing} is missing from {', '.join(arrays) or 'no array at all'}"
            )
        if there:
            pairs[names[0]] = arrays[names[0]], arrays[names[1]]
    return from_arrays(
        *pairs[first[0]],
        validation=pairs.get("x_val"),
        test=pairs.get("x_test"),
        labels=labels,
        classes=classes,
        standardize=standardize,
        name=place.stem,
        train_size=cut.train_size,
        validation_size=cut.validation_size,
        test_size=cut.test_size,
        label_noise=cut.label_noise,
        seed=cut.seed,
    )


def from_csv(
    path: str | os.PathLike[str],
    *,
    target: str,
    labels: str = "classes",
    separator: str = ",",
    standardize: bool = True,
    train_size: int | None = None,
    validation_size: int | None = None,
    test_size: int | None = None,
    label_noise: float = 0.0,
    seed: int = 0,
) -> Dataset:
    """Return the dataset of a CSV table: one column is the label, all others are numbers.

    Args:
        path: of a UTF-8 table whose first row names the columns.
        target: the column of the labels. Its different texts, sorted, are the classes (as numbers, if all of them
            are numbers).
        labels: "classes"; or "numbers", if the target is a number to be predicted.
        separator: one character between two cells.
        standardize: whether every column gets mean 0 and standard deviation 1 over the training split, whose
            numbers shift and scale the other splits too. On by default, as each column has a unit of its own.

    Raises:
        UsageError: an argument that cannot be; a target that is no column.
        DataError: a file that is missing or no table; empty cells, texts or NaN in columns of numbers, by column and
            row; data that cannot be used.
    """
    cut = Cut(train_size, validation_size, test_size, label_noise, seed)
    choice("labels", labels, LABELS)
    if not (isinstance(separator, str) and len(separator) == 1 and separator not in '"\r\n\0'):
        raise UsageError(
            f"separator must be one character (it is what stands between two cells), got {shown(separator)}"
        )
    if not isinstance(target, str):
        raise UsageError(f"target must be a text (it is the name of the column of labels), got {shown(target)}")
    place = _path(path)
    table = read_table(content(place), str(place), separator)
    table.column(target)
    names = [name for name in table.columns if name != target]
    if not names:
        raise DataError(f"{place} has the column {target!r} only; learning takes at least one other column")
    # All columns at once, so that one refusal tells all that is wrong.
    wanted = names if labels == "classes" else [*names, target]
    numbers = table.numbers(wanted)
    features, answers = numbers[:, : len(names)], numbers[:, len(names) :]
    return from_arrays(
        features,
        table.labels(target) if labels == "classes" else answers,
        labels=labels,
        standardize=standardize,
        name=place.stem,
        train_size=cut.train_size,
        validation_size=cut.validation_size,
        test_size=cut.test_size,
        label_noise=cut.label_noise,
        seed=cut.seed,
    )


def _path(path: object) -> Path:
    if isinstance(path, str | os.PathLike):
        named = os.fspath(path)
        if isinstance(named, str) and named and "\0" not in named:
            return Path(named)
    raise UsageError(f"path must be a text or a path (it is the name of a file), got {shown(path)}")
