"""The regularization lab: which regularizer helps a Keras model, by how much, and how sure are we.

An experiment is a value: variants, each a loader, a factory and a training, times seeds. Data flows one way:

    declare     regularization, training, models, data -> experiment, study
    plan        plan: the runs that follow, each known by its identity
    train       run, engine: many runs of one structure in one compiled program
    publish     results: CSV files, a folder per run
    count       statistics: paired differences, intervals, onset of overfitting
    draw        report: figures; pages: HTML; outcome: both of one experiment
    advise      advice: which regularizer helps a model on data
    ask         cli: `reglab`, and `main(EXPERIMENT)` in a script

What most people need can be had from here, and is loaded when it is first used: `import lab` loads neither TensorFlow
nor pandas. In a notebook, `lab.show(lab.Experiment(...))` trains what is missing and shows the comparison.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lab.advice import advise
    from lab.experiment import Experiment, Variant
    from lab.outcome import Outcome, show
    from lab.regularization import Regularization
    from lab.study import Study
    from lab.training import Training

__version__ = "0.1.0"
__all__ = ["Experiment", "Outcome", "Regularization", "Study", "Training", "Variant", "advise", "show"]

_HOMES = {
    "Experiment": "lab.experiment",
    "Outcome": "lab.outcome",
    "Regularization": "lab.regularization",
    "Study": "lab.study",
    "Training": "lab.training",
    "Variant": "lab.experiment",
    "advise": "lab.advice",
    "show": "lab.outcome",
}
_ROOMS = ("data", "models", "report", "results", "statistics")


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _ROOMS:
        return importlib.import_module(f"lab.{name}")
    raise AttributeError(f"module 'lab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_ROOMS})
