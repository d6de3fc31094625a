"""Trials of KerasTuner: trial_<id>/trial.json in the folder of a project.

A trial tells of one epoch only, that at which its objective was best.
"""

import json
import warnings
from pathlib import Path
from typing import Any

from lab.checks import DataError
from lab.results.files import read_json
from lab.results.logs.logged import Curve, Logged, curves_by_column

TRIALS = "trial_*/trial.json"

_REMEDY = "leave the trial out, or name another folder"


def read(folder: Path) -> list[Logged]:
    """Return the completed trials of a project; the others are left out with a warning.

    Raises:
        DataError: a trial.json is damaged, or none is completed.
    """
    found, left = [], []
    for path in sorted(folder.glob(TRIALS)):
        trial = read_json(path, _REMEDY, _REMEDY)
        status = trial.get("status")
        if status != "COMPLETED":
            left.append(f"{path.parent.name} ({status})")
            continue
        try:
            values = trial["hyperparameters"]["values"].items()
            settings = {str(key): value if isinstance(value, str) else json.dumps(value) for key, value in values}
            curves = {str(name): _curve(one["observations"]) for name, one in trial["metrics"]["metrics"].items()}
            name = str(trial["trial_id"])
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise DataError(f"{path} must be a trial of KerasTuner, got {_in_words(error)}; {_REMEDY}") from None
        # What a tuner sets for itself is no setting of the net.
        settings = {key: text for key, text in settings.items() if not key.startswith("tuner/")}
        found.append(Logged(name, str(path), curves_by_column(curves, str(path)), settings, counts_epochs=True))
    if not found:
        raise DataError(f"{folder} must hold a completed trial, got {', '.join(left)}; {_REMEDY}")
    if left:
        warnings.warn(f"{folder}: left out are the trials {', '.join(left)}", stacklevel=2)
    return found


def _curve(observations: list[dict[str, Any]]) -> Curve:
    """Return a metric's observations: of several executions the mean."""
    return [(float(one["step"]), sum(map(float, one["value"])) / len(one["value"])) for one in observations]


def _in_words(error: Exception) -> str:
    return f"none of {error}" if isinstance(error, KeyError) else f"a value of another kind ({error})"
