"""The measures that a page's chart over the epochs can show: pairs of columns, one of train and one of validation."""

from dataclasses import dataclass

from lab.report.curves import Curves, has

MOST = 8
"""The most measures of a page, so that it stays small; the CSV files have them all."""

# Train is shown as it is measured at the end of an epoch. The means over the epoch mix the weights of all its steps,
# and stand in only where nothing else was logged, as in the logs of others.
_MEASURED = (
    ("data loss", "train_data_loss", "val_data_loss"),
    ("accuracy", "train_accuracy", "val_accuracy"),
    ("gap", "", "gap"),
    ("loss with penalty", "loss", "val_loss"),
    ("penalty", "", "val_penalty"),
    ("learning rate", "learning_rate", ""),
)
_RUNNING = {"train_data_loss": "data_loss", "train_accuracy": "accuracy"}
_KEYS = {"experiment", "variant", "seed", "fold", "epoch"}


@dataclass(frozen=True)
class Measure:
    """A measure and the columns that hold it.

    Args:
        name: in words.
        train, validation: its columns; empty where there is none.
    """

    name: str
    train: str
    validation: str

    @property
    def columns(self) -> dict[str, str]:
        """The columns that are there, by "train" and "validation"."""
        both = {"train": self.train, "validation": self.validation}
        return {split: column for split, column in both.items() if column}


def measures(curves: Curves) -> list[Measure]:
    """Return the measures of an experiment, the one that it is compared by first; at most `MOST`.

    A measure that repeats another one is left out: the loss with penalty where no variant has a penalty, and the
    penalty itself. Any other column with numbers is a measure of its own name; "x" and "val_x" are one.
    """
    table = curves.table
    found = []
    for name, train, validation in _MEASURED:
        if not has(table, train):
            train = _RUNNING.get(train, "")
        measure = Measure(name, train if has(table, train) else "", validation if has(table, validation) else "")
        if measure.columns:
            found.append(measure)
    penalized = has(table, "val_penalty") and bool((table["val_penalty"].fillna(0) != 0).any())
    if has(table, "val_data_loss"):
        found = [one for one in found if penalized or one.name not in ("loss with penalty", "penalty")]
    elif has(table, "val_loss"):
        found = [Measure("loss", one.train, one.validation) if one.name == "loss with penalty" else one
                 for one in found]  # fmt: skip
        found.sort(key=lambda one: one.name != "loss")
    taken = _KEYS | {column for _, *columns in _MEASURED for column in columns}
    taken |= {*_RUNNING.values(), "penalty"}
    for column in table.select_dtypes("number"):
        name = str(column).removeprefix("val_")
        if str(column) in taken or not has(table, str(column)):
            continue
        pair = Measure(name, name if has(table, name) else "", f"val_{name}" if has(table, f"val_{name}") else "")
        taken |= set(pair.columns.values())
        found.append(pair)
    return found[:MOST]
