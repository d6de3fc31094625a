"""Parquet files: DataFrames with the types of their columns, read by pyarrow, which is an extra."""

import importlib.util
import io
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lab.checks import DataError
from lab.data.csv_table import Table
from lab.data.dataset import Dataset
from lab.data.files import file_path
from lab.data.folds import Fold
from lab.data.keras_cache import content
from lab.data.table_roles import RARE
from lab.data.tables import from_frame

if TYPE_CHECKING:
    import pandas as pd


def from_parquet(
    path: str | os.PathLike[str],
    *,
    target: str,
    labels: str = "classes",
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
    """Return the dataset of a Parquet file, as `from_frame` does of a DataFrame.

    Args:
        path: of a file; a folder of files is refused.
        target, labels, categories, leave_out, group, time, rare, standardize, scale_target, sample_weight,
            class_weight: as in `from_frame`.

    Raises:
        UsageError: an argument that cannot be; a name that is no column.
        DataError: pyarrow is not installed; a file that is missing or no Parquet file; data that cannot be used.
    """
    return from_frame(
        parquet_frame(path),
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
        name=file_path(path).stem,
        train_size=train_size,
        validation_size=validation_size,
        test_size=test_size,
        label_noise=label_noise,
        seed=seed,
        fold=fold,
    )


def parquet_target(path: str | os.PathLike[str], target: str) -> Table:
    """Return the target column of a Parquet file as texts; a table without columns where the file has no such column.

    Raises:
        DataError: as `parquet_frame`.
    """
    frame = parquet_frame(path)
    cells = [str(cell) for cell in frame[target]] if target in frame else []
    return Table(str(path), {target: tuple(cells)} if target in frame else {}, list(range(len(cells))))


def parquet_frame(path: str | os.PathLike[str]) -> "pd.DataFrame":
    """Return the table of a Parquet file.

    Raises:
        DataError: pyarrow is not installed; a file that is missing or no Parquet file.
    """
    place = file_path(path)
    raw = content(place)
    if importlib.util.find_spec("pyarrow") is None:
        raise DataError(
            f"reading {place} takes pyarrow, which is not installed; install it with python -m pip install pyarrow, or "
            f"save the table as CSV"
        )
    import pandas as pd

    try:
        return pd.read_parquet(io.BytesIO(raw), engine="pyarrow")
    except (ValueError, OSError, KeyError, NotImplementedError) as error:
        raise DataError(
            f"{place} is torn or no Parquet file ({' '.join(str(error).split())}); write it again"
        ) from error
