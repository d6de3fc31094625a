"""NumPy's .npy files as a dataset, memory-mapped, so that they may be larger than the memory."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from lab.checks import DataError, UsageError, shown
from lab.data.arrays import from_arrays
from lab.data.dataset import Dataset
from lab.data.files import file_path
from lab.data.folds import Fold
from lab.data.keras_cache import refuse_no_file
from lab.data.npz_file import TORN

PathLike = str | os.PathLike[str]


def from_npy(
    x: PathLike,
    y: PathLike,
    *,
    validation: tuple[PathLike, PathLike] | None = None,
    test: tuple[PathLike, PathLike] | None = None,
    labels: str = "classes",
    classes: Sequence[str] | None = None,
    class_weight: str | Mapping[str, float] | None = None,
    train_size: int | None = None,
    validation_size: int | None = None,
    test_size: int | None = None,
    label_noise: float = 0.0,
    seed: int = 0,
    fold: Fold | None = None,
) -> Dataset:
    """Return the dataset of two .npy files, of which the one with the examples stays on the disk.

    Both engines read each batch from there, and a run has the same bits as on the same arrays in memory. What is read
    is given back, so that the memory of the process does not grow with the file. Once, all of it is read to check the
    numbers, and once for the fingerprint.

    Args:
        x: the path of a file that numpy.save wrote, with examples as `from_arrays` takes them.
        y: the path of the file with their labels, which are read into memory.
        validation, test: the paths of x and y of the data's own splits; those not given are cut from x and y.
        labels, classes, class_weight: as in `from_arrays`.

    Raises:
        UsageError: an argument that cannot be.
        DataError: a file that is missing, torn or pickled; data that cannot be used.
    """
    pairs = {"": (x, y)}
    for part, given in (("validation", validation), ("test", test)):
        if given is None:
            continue
        if not isinstance(given, tuple | list) or len(given) != 2:
            raise UsageError(f"{part} must be the paths of x and y (it is a split), got {shown(given)}")
        pairs[part] = given[0], given[1]
    read = {part: (_mapped(files[0]), np.array(_mapped(files[1]))) for part, files in pairs.items()}
    return from_arrays(
        *read[""],
        validation=read.get("validation"),
        test=read.get("test"),
        labels=labels,
        classes=classes,
        class_weight=class_weight,
        name=Path(x).stem,
        train_size=train_size,
        validation_size=validation_size,
        test_size=test_size,
        label_noise=label_noise,
        seed=seed,
        fold=fold,
    )


def _mapped(path: object) -> np.memmap:
    """Return the array of a file without reading it."""
    place = file_path(path)
    refuse_no_file(place)
    try:
        with place.open("rb") as file:
            is_npy = file.read(6) == b"\x93NUMPY"
        if is_npy:
            return np.load(place, mmap_mode="r", allow_pickle=False)
    except TORN as error:
        raise DataError(
            f"{place} is torn, or holds Python objects ({str(error) or type(error).__name__}); write numbers with "
            "numpy.save(path, x)"
        ) from error
    raise DataError(f"{place} is not an .npy file; write one with numpy.save(path, x)")
