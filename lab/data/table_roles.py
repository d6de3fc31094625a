"""The roles of a table's columns, and the columns by which it is cut."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lab.checks import DataError, UsageError, choice, shown, whole
from lab.data.arrays import check_scaling
from lab.data.columns import NAMED, number, read
from lab.data.groups_and_time import refuse_both
from lab.data.labels import OF_A_COLUMN

# Levels that fewer training examples than this have share one feature.
RARE = 5


@dataclass(frozen=True, kw_only=True)
class Roles:
    """The arguments that loaders of tables share: see `lab.data.from_frame`."""

    target: str
    labels: str
    categories: Sequence[str]
    leave_out: Sequence[str]
    group: str | None
    time: str | None
    rare: int
    standardize: bool
    scale_target: bool
    sample_weight: str | None
    class_weight: str | Mapping[str, float] | None

    def __post_init__(self) -> None:
        choice("labels", self.labels, OF_A_COLUMN)
        check_scaling(self.labels, self.standardize, self.scale_target)
        object.__setattr__(self, "rare", whole("rare", self.rare, "the fewest examples of a category of its own"))
        if not isinstance(self.target, str):
            raise UsageError(
                f"target must be a text (it is the name of the column of labels), got {shown(self.target)}"
            )
        for name in ("categories", "leave_out"):
            columns = getattr(self, name)
            if not isinstance(columns, list | tuple) or not all(isinstance(one, str) for one in columns):
                raise UsageError(f"{name} must be a list of names of columns, got {shown(columns)}")
        refuse_both(self.group, self.time)

    @property
    def together(self) -> tuple[str, str] | None:
        """The rule that a cut follows, "group" or "time", and the column that holds it; None where it follows none."""
        return next(((by, name) for by in ("group", "time") if (name := getattr(self, by)) is not None), None)

    def features(self, where: str, columns: Sequence[str]) -> list[str]:
        """Return the columns that are learned from, or refuse names that are no columns or have two roles."""
        roles: dict[str, str] = {}
        given = {"target": [self.target], "leave_out": self.leave_out, "categories": self.categories}
        if self.together is not None:
            by, name = self.together
            given[by] = [name]
        if self.sample_weight is not None:
            given["sample_weight"] = [self.sample_weight]
        for role, named in given.items():
            for name in named:
                _column(role, name, columns)
                if roles.setdefault(name, role) != role:
                    raise UsageError(
                        f"a column must have one role, got {name!r} as {roles[name]} and as {role}; leave out one"
                    )
        found = [name for name in columns if roles.get(name, "categories") == "categories"]
        if not found:
            raise DataError(f"{where} has the column {self.target!r} only; learning takes at least one other column")
        return found


def _column(role: str, name: str, columns: Sequence[str]) -> None:
    """Refuse a name that is no column, with at most `NAMED` names where there are many."""
    if len(columns) <= 10 * NAMED or name in columns:
        choice(role, name, columns)
    else:
        choice(role, name, columns[:NAMED], otherwise=f"another of the {len(columns)} columns")


def groups(where: str, name: str, cells: np.ndarray | Sequence[str], rows: Sequence[int]) -> np.ndarray:
    """Return the group of each row, as texts; a row without one is refused, as it could belong to any group."""
    texts = [str(cell).strip() for cell in cells]
    if "" in texts:
        raise DataError(
            f"the column {name!r} of {where} must hold the group of each row and has none in row "
            f"{rows[texts.index('')]}; fill it or remove the row"
        )
    return np.array(texts)


def times(where: str, name: str, cells: np.ndarray | Sequence[str], rows: Sequence[int]) -> np.ndarray:
    """Return the time of each row as a number: a number as it is, a date in nanoseconds."""
    what = f"the column {name!r} of {where} must hold numbers or ISO dates, as 2026-11-25, where it is the time"
    if not isinstance(cells, np.ndarray):
        texts = [cell.strip() for cell in cells]
        if "" in texts:
            raise DataError(f"{what}, and has none in row {rows[texts.index('')]}; fill it or remove the row")
        numbers = [number(text) for text in texts]
        if None not in numbers:
            # In float64: float32 cannot tell one day of 20261124 and 20261125 from the other.
            cells = np.array(numbers, np.float64)
            if not np.isfinite(cells).all():
                wrong = int(np.flatnonzero(~np.isfinite(cells))[0])
                raise DataError(f"{what}, and has other content ({texts[wrong]!r} in row {rows[wrong]}); correct it")
            return cells
        if any("-" in text[1:] for text in texts):
            import pandas as pd

            dates = pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce")
            if dates.isna().any():
                wrong = int(dates.isna().argmax())
                raise DataError(f"{what}, and has other content ({texts[wrong]!r} in row {rows[wrong]}); correct it")
            return dates.as_unit("ns").asi8
        cells = read(where, {name: texts}, rows, numbers=[name]).values[:, 0]
    if np.isnan(cells).any():
        raise DataError(f"{what}, and has none in row {rows[int(np.isnan(cells).argmax())]}; fill it or remove the row")
    return cells
