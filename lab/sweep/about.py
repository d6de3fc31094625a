"""The content of experiment.json: what an experiment asks, and which runs are its own."""

from collections.abc import Mapping, Sequence
from typing import Any

from lab.experiment import Experiment
from lab.plan import Run
from lab.statistics.scope import generalizes_over


def about(
    experiment: Experiment, runs: Sequence[Run], names: Sequence[str], deciding: Mapping[str, float | None]
) -> dict[str, Any]:
    """Return the content of experiment.json, in JSON types.

    Args:
        experiment: what was declared.
        runs: those whose data were loaded.
        names: of the runs.
        deciding: how its comparison decides, without what is None.
    """
    redrawn = [run.task.data.redrawn for run in runs] if experiment.redraws else []
    has_parts = len(runs) > 0 and all(run.task.data.test_parts is not None for run in runs)
    return {
        "name": experiment.name,
        "question": experiment.question,
        "notes": experiment.notes,
        "baseline": experiment.baseline,
        "variants": list(experiment.variants),
        "seeds": list(experiment.seeds),
        **({} if experiment.folds is None else {"folds": experiment.folds}),
        **{name: value for name, value in deciding.items() if value is not None},
        "generalizes_over": generalizes_over(redrawn, experiment.folds is not None, has_parts),
        "paths": {family: dict(strengths) for family, strengths in experiment.strength_paths.items()},
        "runs": list(names),
    }
