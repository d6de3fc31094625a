"""CSV files of numbers and categories."""

import os
from collections.abc import Mapping, Sequence

import numpy as np

from lab.checks import UsageError, shown
from lab.data.csv_table import Table, read_table
from lab.data.dataset import Dataset
from lab.data.files import file_path
from lab.data.folds import Fold
from lab.data.keras_cache import content
from lab.data.splitting import Cut
from lab.data.table_roles import RARE, Roles
from lab.data.tables import cut_table


def from_csv(
    path: str | os.PathLike[str],
    *,
    target: str,
    labels: str = "classes",
    separator: str = ",",
    categories: Sequence[str] = (),
    leave_out: Sequence[str] = (),
    group: str | None = None,
    time: str | None = None,
    rare: int = RARE,
    standardize: bool = True,
    scale_target: bool = False,
    sample_weight: str | None = None,
    class_weight: str | Mapping[str, float] | None = None,
    train_size: int | None = None,
    validation_size: int | None = None,
    test_size: int | None = None,
    label_noise: float = 0.0,
    seed: int = 0,
    fold: Fold | None = None,
) -> Dataset:
    """Return the dataset of a CSV table: one column is the label, the others are numbers or categories.

    Args:
        path: of a UTF-8 table whose first row names the columns. Among numbers, "NA", "nan", "null", "none" and "?"
            are missing like an empty cell; among categories they are levels.
        target: the column of the labels. Its different texts, sorted, are the classes (as numbers, if all of them
            are numbers).
        separator: one character between two cells.
        labels, categories, leave_out, group, time, rare, standardize, scale_target, sample_weight,
            class_weight: as in `from_frame`.

    Raises:
        UsageError: an argument that cannot be; a name that is no column.
        DataError: a file that is missing or no table; columns that mix numbers and texts, with their rows; data that
            cannot be used.
    """
    cut = Cut(train_size, validation_size, test_size, label_noise, seed, fold)
    roles = Roles(
        target=target,
        labels=labels,
        categories=categories,
        leave_out=leave_out,
        group=group,
        time=time,
        rare=rare,
        standardize=standardize,
        scale_target=scale_target,
        sample_weight=sample_weight,
        class_weight=class_weight,
    )
    place = file_path(path)
    table = csv_table(path, separator)
    features = roles.features(table.where, list(table.columns))
    y = table.labels(target) if labels == "classes" else np.empty(0)
    sizes = {"train": len(table.rows)}
    return cut_table(cut, roles, place.stem, table.where, table.columns, table.rows, features, y, sizes)


def csv_table(path: str | os.PathLike[str], separator: str = ",") -> Table:
    """Return the cells of a CSV file.

    Raises:
        UsageError: a separator that is not one character.
        DataError: a file that is missing or no table.
    """
    if not (isinstance(separator, str) and len(separator) == 1 and separator not in '"\r\n\0'):
        raise UsageError(
            f"separator must be one character (it is what stands between two cells), got {shown(separator)}"
        )
    place = file_path(path)
    return read_table(content(place), str(place), separator)
