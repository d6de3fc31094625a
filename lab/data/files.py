"""People's own .npz archives, read and given to `from_arrays`."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.checks import DataError, UsageError, shown
from lab.data.arrays import from_arrays
from lab.data.dataset import Dataset
from lab.data.folds import Fold
from lab.data.keras_cache import content
from lab.data.npz_file import npz
from lab.data.splitting import Cut


def from_npz(
    path: str | os.PathLike[str],
    *,
    labels: str = "classes",
    classes: Sequence[str] | None = None,
    standardize: bool = False,
    scale_target: bool = False,
    class_weight: str | Mapping[str, float] | None = None,
    train_size: int | None = None,
    validation_size: int | None = None,
    test_size: int | None = None,
    label_noise: float = 0.0,
    seed: int = 0,
    fold: Fold | None = None,
) -> Dataset:
    """Return the dataset of an .npz file, as `from_arrays` does of arrays.

    Args:
        path: of a file with the arrays x and y; or x_train and y_train and, if the data have splits of their own,
            x_val and y_val, x_test and y_test.
        labels, classes, standardize, scale_target, class_weight: as in `from_arrays`.

    Raises:
        UsageError: an argument that cannot be.
        DataError: a file that is missing, torn, pickled or without these arrays; data that cannot be used.
    """
    cut = Cut(train_size, validation_size, test_size, label_noise, seed, fold)
    place = file_path(path)
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
        scale_target=scale_target,
        class_weight=class_weight,
        name=place.stem,
        train_size=cut.train_size,
        validation_size=cut.validation_size,
        test_size=cut.test_size,
        label_noise=cut.label_noise,
        seed=cut.seed,
        fold=cut.fold,
    )


def file_path(path: object) -> Path:
    """Return the path of a file, or refuse what cannot be one."""
    if isinstance(path, str | os.PathLike):
        named = os.fspath(path)
        if isinstance(named, str) and named and "\0" not in named:
            return Path(named)
    raise UsageError(f"path must be a text or a path (it is the name of a file), got {shown(path)}")
