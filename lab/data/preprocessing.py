"""The way from the columns of a mixed table to features: fitted on the training split, kept as plain data.

scikit-learn's `ColumnTransformer` finds the medians and the levels; what it found is kept as numbers and texts, so
that it can be written beside a model as JSON and applied again without unpickling anything.
"""

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lab.checks import DataError, shown
from lab.data.columns import Columns, read
from lab.data.frame_cells import cells_of_frame
from lab.data.standardization import Standardization

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Number:
    """A column of numbers: one feature, `(value - mean) / deviation`.

    Args:
        name: of the column.
        median: of the training split; takes the place of a missing value.
        mean, deviation: of the training split once it is filled; 0 and 1 where nothing is standardized.
        indicator: whether another feature is 1 where the value is missing and else 0. There is one if a value of the
            training split is missing.
    """

    name: str
    median: float
    mean: float = 0.0
    deviation: float = 1.0
    indicator: bool = False


@dataclass(frozen=True)
class Category:
    """A column of categories: a feature for each level, which is 1 for that level and else 0.

    Args:
        name: of the column.
        levels: that have a feature of their own; None is a missing value.
        rare: whether another feature is 1 for all other levels: those that few training examples have, and those that
            none has. Without it these are 0 everywhere.
    """

    name: str
    levels: tuple[str | None, ...]
    rare: bool = False


@dataclass(frozen=True)
class Preprocessing:
    """The features of a mixed table: all numbers, then the indicators of missing ones, then the categories.

    Args:
        columns: the columns in their order, with statistics of the training split only.
    """

    columns: tuple[Number | Category, ...]

    @classmethod
    def fit(cls, train: Columns, *, rare: int = 1, standardize: bool = True) -> "Preprocessing":
        """Return the preprocessing of a training split.

        Args:
            train: the training split.
            rare: levels that fewer training examples than this have share one feature.
            standardize: whether numbers get mean 0 and standard deviation 1.

        Warns:
            UserWarning: a column of categories in which all levels are rare, as names and numbers of customers are;
                it has no feature.
        """
        from sklearn.compose import ColumnTransformer
        from sklearn.impute import SimpleImputer
        from sklearn.preprocessing import OneHotEncoder

        numbers = [i for i, levels in enumerate(train.levels.values()) if levels is None]
        categories = [i for i, levels in enumerate(train.levels.values()) if levels is not None]
        names = list(train.levels)
        imputer = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
        encoder = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=rare, sparse_output=False)
        parts = [("numbers", imputer, numbers), ("categories", encoder, categories)]
        fitted = ColumnTransformer([part for part in parts if part[2]]).fit(train.values).named_transformers_
        columns: dict[int, Number | Category] = {}
        if numbers:
            # A column without any value in the training split is filled with 0, from which nothing can be learned.
            medians = np.nan_to_num(fitted["numbers"].statistics_)
            filled = np.where(np.isnan(train.values[:, numbers]), medians, train.values[:, numbers])
            scale = Standardization.fit(filled) if standardize else None
            missing = set(fitted["numbers"].indicator_.features_.tolist())
            for place, i in enumerate(numbers):
                one = Number(names[i], float(medians[place]), indicator=place in missing)
                if scale is not None:
                    one = replace(one, mean=float(scale.mean[place]), deviation=float(scale.deviation[place]))
                columns[i] = one
        if categories:
            found, merged = fitted["categories"].categories_, fitted["categories"].infrequent_categories_
            for i, codes, few in zip(categories, found, merged, strict=True):
                columns[i] = _category(train, names[i], codes, few)
        return cls(tuple(columns[i] for i in range(len(names))))

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features, as in "area", "area is missing", "kind = flat", "kind is rare"."""
        numbers = [one for one in self.columns if isinstance(one, Number)]
        found = [one.name for one in numbers] + [f"{one.name} is missing" for one in numbers if one.indicator]
        for one in self.columns:
            if isinstance(one, Category):
                found += [f"{one.name} is missing" if at is None else f"{one.name} = {at}" for at in one.levels]
                found += [f"{one.name} is rare"] * one.rare
        return tuple(found)

    @property
    def note(self) -> str:
        """A sentence on what was done to missing numbers; "" where none was missing."""
        names = [one.name for one in self.columns if isinstance(one, Number) and one.indicator]
        if not names:
            return ""
        return (
            f"missing numbers of {', '.join(names)} are filled with the median of the training split, and a feature "
            "of their own says where"
        )

    def apply(self, frame: "pd.DataFrame | Mapping[str, Sequence]") -> np.ndarray:
        """Return the features of other rows of the table, float32 of shape (n, features).

        Args:
            frame: a table with these columns, others are passed over; texts that are numbers will do for numbers. A
                CSV file read as texts, with `pandas.read_csv(path, dtype=str, keep_default_na=False)`, gives what
                `lab.data.from_csv` gave; otherwise pandas makes missing values of categories called "NA" or "none".

        Raises:
            DataError: a column that is not there, or holds what is no number where numbers are expected.
        """
        lacking = [one.name for one in self.columns if one.name not in frame]
        if lacking:
            raise DataError(f"the table must have the columns it was fitted on, and {lacking[0]!r} is missing from it")
        numbers = [one.name for one in self.columns if isinstance(one, Number)]
        categories = [one.name for one in self.columns if isinstance(one, Category)]
        cells, rows = cells_of_frame({one.name: frame[one.name] for one in self.columns}, "the table", categories)
        columns = read("the table", cells, rows, categories=categories, numbers=numbers, tell_apart=False)
        return self.transform(columns)

    def transform(self, table: Columns) -> np.ndarray:
        """Return the features of columns that were read, float32 of shape (n, features)."""
        values = dict(zip(table.levels, table.values.T, strict=True))
        numbers = [one for one in self.columns if isinstance(one, Number)]
        features = []
        for one in numbers:
            filled = np.where(np.isnan(values[one.name]), one.median, values[one.name])
            features.append((filled - one.mean) / one.deviation)
        features += [np.isnan(values[one.name]) for one in numbers if one.indicator]
        for column in self.columns:
            if isinstance(column, Category):
                features += _one_hot(column, values[column.name], table.levels[column.name] or ())
        made = np.empty((len(table.values), len(features)), np.float32)
        for i, feature in enumerate(features):
            made[:, i] = feature
        return made

    def to_json(self) -> str:
        """Return the preprocessing as JSON, to be written beside a model."""
        return json.dumps({"columns": [{"is": type(one).__name__} | asdict(one) for one in self.columns]}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Preprocessing":
        """Return the preprocessing that `to_json` wrote.

        Raises:
            DataError: a text that is something else.
        """
        kinds = {"Number": Number, "Category": Category}
        try:
            columns = []
            for one in json.loads(text)["columns"]:
                kind = kinds[one.pop("is")]
                columns.append(kind(**{name: tuple(at) if name == "levels" else at for name, at in one.items()}))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"a preprocessing must be the JSON that Preprocessing.to_json writes, got {shown(text)}"
            ) from error
        return cls(tuple(columns))


def _category(train: Columns, name: str, codes: np.ndarray, few: np.ndarray | None) -> Category:
    """Return a column of categories from what the encoder found.

    Args:
        train: the training split.
        name: of the column.
        codes: the places of its levels, NaN for a missing value.
        few: those of the rare ones, or None.
    """
    levels = train.levels[name] or ()
    merged: Sequence[float] | np.ndarray = () if few is None else few
    # NaN does not equal itself, by which two missing values are known to be one level.
    kept = [code for code in codes if not any(code == one or (code != code and one != one) for one in merged)]
    if not kept:
        warnings.warn(
            f"the column {name!r} of {train.where} is left out: none of its {len(codes)} categories is in more than a "
            f"few training examples",
            stacklevel=2,
        )
        return Category(name, ())
    return Category(name, tuple(None if code != code else levels[int(code)] for code in kept), rare=len(merged) > 0)


def _one_hot(column: Category, codes: np.ndarray, levels: tuple[str, ...]) -> list[np.ndarray]:
    missing = np.isnan(codes)
    places = {level: place for place, level in enumerate(levels)}
    # A level of the training split that none of these rows has is at no place.
    found = [missing if one is None else codes == places.get(one, -1) for one in column.levels]
    return [*found, ~np.any(found, axis=0)] if column.rare else found
