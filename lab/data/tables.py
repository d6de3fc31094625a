"""People's own tables of numbers and categories: DataFrames, and how any table is cut."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lab.checks import DataError, UsageError, shown
from lab.data.arrays import answers, check_name
from lab.data.columns import read
from lab.data.dataset import Dataset
from lab.data.folds import Fold
from lab.data.frame_cells import cells_of_frame
from lab.data.groups_and_time import Together
from lab.data.preprocessing import Preprocessing
from lab.data.splitting import Cut, Fitted
from lab.data.table_roles import RARE, Roles, groups, times
from lab.data.weights import weighting

if TYPE_CHECKING:
    import pandas as pd

_CODE = re.compile(r"0[0-9]+")


def from_frame(
    frame: "pd.DataFrame",
    *,
    target: str,
    validation: "pd.DataFrame | None" = None,
    test: "pd.DataFrame | None" = None,
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
    name: str = "frame",
    train_size: int | None = None,
    validation_size: int | None = None,
    test_size: int | None = None,
    label_noise: float = 0.0,
    seed: int = 0,
    fold: Fold | None = None,
) -> Dataset:
    """Return the dataset of a pandas DataFrame: one column is the label, the others are numbers or categories.

    What turns columns into features is fitted on the training split only and is `dataset.preprocessing`, a
    `lab.data.preprocessing.Preprocessing`: a missing number becomes the median, with a feature that says that it was
    missing; a category becomes a feature of zeros and ones for each of its levels; a missing category is a level.
    Texts, booleans and pandas's categories are categories; texts that are all numbers are numbers, and
    dates are refused.

    Args:
        frame: one example per row. The index is not learned from.
        target: the column of the labels. Its different values, sorted, are the classes.
        validation, test: tables of the data's own splits, with the same columns; those not given are cut from `frame`.
        labels: "classes"; or "numbers", if the target is a number to be predicted.
        categories: columns of numbers that are names, as postal codes are.
        leave_out: columns that are not learned from.
        group: a column of which no two splits share a value; it is not learned from. Sizes and proportions are those
            that whole groups allow.
        time: a column of numbers or dates by which the splits follow each other, training, validation, test; it is not
            learned from. Rows of one time stay together.
        rare: levels that fewer training examples than this have share one feature, with those that only validation or
            test examples have (whose features are all 0 where no level is rare).
        standardize: whether every column of numbers gets mean 0 and standard deviation 1 over the training split.
        scale_target: whether numbers to be predicted are scaled likewise; losses are then in units of
            `dataset.target.deviation ** 2`.
        sample_weight: a column of numbers of at least 0, which say how much a row counts when it is trained on; it is
            not learned from. Weights are scaled to mean 1 over the training split, and no loss that is reported is
            weighted.
        class_weight: as in `from_arrays`.
        name: what the data are called in messages.

    Raises:
        UsageError: an argument that cannot be; a name that is no column.
        DataError: a column of numbers and texts, of dates, or of nothing; data that cannot be used.
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
    check_name(name)
    given = {"train": frame, "validation": validation, "test": test}
    frames = {part: one for part, one in given.items() if one is not None}
    for part, one in frames.items():
        _check_frame("frame" if part == "train" else part, one, frame)
    import pandas as pd

    columns = [str(column) for column in frame.columns]
    features = roles.features(name, columns)
    table = pd.concat([one[columns] for one in frames.values()], ignore_index=True)
    # A column of pandas's own type for categories holds names, even where these are whole numbers.
    named = [column for column in features if isinstance(frame[column].dtype, pd.CategoricalDtype)]
    named += [*roles.categories, *([roles.group] if roles.group is not None else [])]
    cells, rows = cells_of_frame({one: table[one] for one in columns if one not in roles.leave_out}, name, named)
    for column in features:
        code = next((cell for cell in cells[column] if isinstance(cell, str) and _CODE.fullmatch(cell)), None)
        if code is not None and column not in named:
            raise DataError(
                f"{name} must not hold texts with a zero in front in a column of numbers, got {code!r} in {column!r}; "
                f"name the column in categories, or make its texts numbers"
            )
    roles = replace(roles, categories=[one for one in features if one in named])
    y = table[target]
    if y.isna().any():
        raise DataError(
            f"the column {target!r} of {name} must hold labels and has none in row "
            f"{int(y.isna().to_numpy().argmax())}; fill it or remove the row"
        )
    # pandas keeps texts as objects, which are no labels until NumPy has made texts of them.
    values = y.to_numpy() if isinstance(cells[target], np.ndarray) else list(y.astype(object))
    sizes = {part: len(one) for part, one in frames.items()}
    return cut_table(cut, roles, name, name, cells, rows, features, values, sizes)


def cut_table(
    cut: Cut,
    roles: Roles,
    name: str,
    where: str,
    cells: Mapping[str, np.ndarray | Sequence[str]],
    rows: Sequence[int],
    features: Sequence[str],
    y: object,
    sizes: Mapping[str, int],
) -> Dataset:
    """Cut a table.

    Args:
        cut: sizes, label noise and seed.
        roles: what the columns are for.
        name: of the dataset.
        where: what the table is called in refusals.
        cells: the cells of each column by its name, as `lab.data.columns.read` takes them.
        rows: the number of each row, for refusals.
        features: the columns that are learned from.
        y: the labels, if they are classes; numbers to be predicted are read from `cells`.
        sizes: how many rows "train" has and, where they are given, "validation" and "test", in the order of the rows.
    """
    columns = read(where, {one: cells[one] for one in features}, rows, categories=roles.categories)
    if roles.labels == "numbers":
        y = read(where, {roles.target: cells[roles.target]}, rows, numbers=[roles.target]).values
        if np.isnan(y).any():
            row = rows[int(np.isnan(y).argmax())]
            raise DataError(
                f"the column {roles.target!r} of {where} must hold numbers and has none in row {row}; fill it or "
                f"remove the row"
            )
    (labels,), classes = answers([(y, "y")], roles.labels, None)
    ends = np.cumsum(list(sizes.values()))[:-1]
    xs = dict(zip(sizes, np.split(columns.values, ends), strict=True))
    ys = dict(zip(sizes, np.split(labels, ends), strict=True))
    together = None
    if roles.together is not None:
        by, column = roles.together
        keys = times(where, column, cells[column], rows) if by == "time" else groups(where, column, cells[column], rows)
        together = Together(by, dict(zip(sizes, np.split(keys, ends), strict=True)))
    weight = None
    if roles.sample_weight is not None:
        column = roles.sample_weight
        weight = read(where, {column: cells[column]}, rows, numbers=[column]).values[: sizes["train"], 0]

    def fit(train: np.ndarray) -> Fitted:
        found = Preprocessing.fit(replace(columns, values=train), rare=roles.rare, standardize=roles.standardize)
        if not found.features:
            raise DataError(
                f"{where} has columns of categories only, and none of these that {roles.rare} training examples share; "
                f"give columns to learn from, or lower rare"
            )
        return found, lambda values: found.transform(replace(columns, values=values))

    pairs = {part: (xs[part], ys[part]) for part in sizes}
    return cut.dataset(
        name,
        pairs["train"],
        validation=pairs.get("validation"),
        test=pairs.get("test"),
        classes=classes,
        fit=fit,
        scale_target=roles.scale_target,
        together=together,
        weighting=weighting(weight, roles.class_weight, roles.labels, sizes["train"]),
    )


def _check_frame(name: str, value: object, first: object) -> None:
    """Refuse what is no DataFrame whose columns have different texts for names: those of the first table."""
    import pandas as pd

    if not isinstance(value, pd.DataFrame):
        raise UsageError(f"{name} must be a pandas DataFrame, got {type(value).__name__}")
    names = list(value.columns)
    if not all(isinstance(one, str) for one in names) or len(set(names)) < len(names):
        raise DataError(
            f"the columns of {name} must have different texts for names, got {shown(names)}; rename them, as in "
            f"frame.columns = [...]"
        )
    if len(value) == 0:
        raise DataError(f"{name} has no rows; add examples")
    if isinstance(first, pd.DataFrame) and set(names) != set(first.columns):
        other = sorted(set(names) ^ set(first.columns))
        raise DataError(
            f"{name} must have the columns of frame, and only one of them has {other[0]!r}; make them alike"
        )
