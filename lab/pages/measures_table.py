"""The collapsed table "More metrics": what a page says of the test split beside loss and accuracy."""

from collections.abc import Sequence
from dataclasses import dataclass

from lab import statistics
from lab.results.tables import Tables
from lab.statistics import words

MEANINGS = {
    "balanced_accuracy": "the mean over the classes of the share that is found; higher is better",
    "f1": "the mean over the classes of F1; higher is better",
    "roc_auc": "the share of pairs of a class and the rest that are in the right order; higher is better",
    "average_precision": "the area under precision over recall, the mean over the classes; higher is better",
    "r2": "one minus the mean squared error over the variance; higher is better",
    "brier": "the mean squared distance of the probabilities to the truth; lower is better",
    "calibration_error": "how far confidence is from accuracy, in 15 bins; lower is better",
    "rmse": "the root of the mean squared error, in the unit of the target; lower is better",
    "mae": "the mean absolute error, in the unit of the target; lower is better",
    "temperature": "fitted on the validation split; above 1 a model is too sure of itself",
}

HEADINGS = {"brier": "Brier score", "f1": "F1", "roc_auc": "ROC AUC", "r2": "R²", "rmse": "RMSE", "mae": "MAE"}


@dataclass(frozen=True)
class MeasuresTable:
    """The table: the heading and the meaning of each measure, and for each variant its name and its cells.

    The lines of a cell are the mean over the seeds, the paired difference to the baseline and its 95 % interval.
    """

    columns: Sequence[tuple[str, str]]
    rows: Sequence[tuple[str, Sequence[Sequence[str]]]]


def measures_table(tables: Tables) -> MeasuresTable | None:
    """Return the measures of an experiment's variants, the baseline first; None where no run has any.

    An experiment that was interrupted before its baseline ran has none either.
    """
    baseline = tables.comparison.loc[tables.comparison["decision"] == "baseline", "variant"]
    if tables.measures is None or baseline.empty:
        return None
    runs = tables.measured_summary()
    there = [name for name in MEANINGS if f"test_{name}" in runs and runs[f"test_{name}"].notna().any()]
    rows: dict[str, list[list[str]]] = {}
    for name in there:
        # Only the means and the differences are read, which no direction changes: the temperature has none.
        made = statistics.compare(runs, str(baseline.iloc[0]), f"test_{name}", better="lower")
        for row in made.to_dict("records"):
            value, low, high = (float(row[key]) for key in ("difference", "difference_low", "difference_high"))
            lines = [words.number(float(row["mean"]), ".3f")]
            if row["decision"] != "baseline":
                # The interval has a line of its own, so that all measures fit beside one another.
                lines += words.difference(value, low, high, "+.3f").replace(" [", "\n[").split("\n")
            rows.setdefault(str(row["variant"]), []).append(lines)
    headings = [(HEADINGS.get(name, name.replace("_", " ")), MEANINGS[name]) for name in there]
    return MeasuresTable(headings, list(rows.items()))
