"""Seeds are added until each variant is decided."""

import dataclasses
from pathlib import Path
from typing import Any

from lab.checks import UsageError
from lab.experiment import Experiment
from lab.run import run
from lab.sweep.progress import SILENT, Progress


def run_until_decided(
    experiment: Experiment,
    *,
    most_seeds: int | None = None,
    margin: float | None = None,
    progress: Progress = SILENT,
    **options: Any,
) -> Path:
    """Run an experiment with 5 seeds, 8, 12, 16, 24, ... until each variant is better, worse or equivalent.

    The decisions hold although one looks after each batch: see `lab.statistics.sequential`. All variants get all seeds,
    also those that are decided, so that what is published is one experiment. Runs that are there are not trained again.

    Args:
        experiment: its seeds do not count; they are 0, 1, 2, ...
        most_seeds: where it ends, decided or not, at least 5; None takes `lab.statistics.sequential.MOST_SEEDS`.
        margin: as in `lab.statistics.compare`. Without one a variant that makes no difference is never decided.
        progress: called as the runs go on; after each batch it is told how many variants are decided.
        options: as `lab.run.run` takes them.

    Returns:
        The experiment's folder.

    Raises:
        UsageError, DataError, OSError: as `lab.run.run`.
        UsageError: the experiment has folds, for which no sequential test is known to the lab.
    """
    # They load pandas.
    from lab.results.tables import read_tables
    from lab.statistics.sequential import MOST_SEEDS, looks

    if experiment.folds is not None:
        raise UsageError(
            f"folds must be left out where seeds are added until all is decided, as no sequential test of folds is "
            f"known to the lab, got {experiment.folds}"
        )
    most_seeds = MOST_SEEDS if most_seeds is None else most_seeds
    plan = looks(most_seeds)
    for look in plan:
        seeded = dataclasses.replace(experiment, seeds=tuple(range(look)))
        # What looks into the nets follows from the last batch alone.
        seeded = dataclasses.replace(seeded, studies=())
        folder = run(seeded, margin=margin, most_seeds=most_seeds, progress=progress, **options)
        decisions = read_tables(folder).comparison["decision"]
        counts = decisions[decisions != "baseline"].value_counts()
        said = ", ".join(f"{count} {decision}" for decision, count in counts.items())
        progress.on_note(f"after {look} seeds: {said}")
        if look == plan[-1] or not counts.get("not shown"):
            break
    if experiment.studies:
        run(dataclasses.replace(seeded, studies=experiment.studies), margin=margin, most_seeds=most_seeds, **options)
    return folder
