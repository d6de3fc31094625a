"""Train and publish the runs of an experiment, and compute its studies.

Plan, train, publish: a run that is already published is not trained again, a run that ends is published at once, and
whatever interrupts the process, the same call goes on where it stopped.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lab.checks import choice
from lab.compute import compute
from lab.experiment import Experiment, Variant
from lab.plan import Run, plan, tasks
from lab.progress import SILENT, Progress

if TYPE_CHECKING:
    import keras

    from lab.engine.task import Task, Trained

ENGINES = ("cohort", "keras_fit")

Key = TypeVar("Key", bound=Hashable)


def run(
    experiment: Experiment,
    *,
    results_folder: str | Path = "results",
    engine: str = "cohort",
    progress: Progress = SILENT,
) -> Path:
    """Train what is not published yet, publish each run as it ends, rebuild the tables and compute the studies.

    Args:
        experiment: what to run.
        results_folder: where the experiment's folder is, or is made.
        engine: "cohort" trains runs of one structure together, and what no cohort can train with "keras_fit", which
            is also the reference.
        progress: called as the runs go on.

    Returns:
        The experiment's folder, as an absolute path.

    Raises:
        UsageError, DataError: as `lab.plan.plan`; also a model that cannot be built or trained.
        DataError: another process runs the experiment.
        OSError: a file cannot be written. Every other run that ended is published first, and stays.
    """
    # pandas and TensorFlow load here: declaring and refusing cost nothing.
    from lab import results

    choice("engine", engine, ENGINES)
    # A loader or a factory may change the working folder.
    folder = Path(results_folder).absolute() / experiment.name
    runs = plan(experiment)
    with results.only_driver(folder):
        _run(experiment, runs, folder, engine, progress)
    return folder


def _run(experiment: Experiment, runs: Sequence[Run], folder: Path, engine: str, progress: Progress) -> None:
    from lab import results
    from lab.results.record import record

    names = [run.name for run in runs]
    for sentence in results.set_damaged_aside(folder, names):
        progress.on_note(sentence)
    pending = [run for run in runs if not results.is_published(folder, run.name)]
    results.write_experiment(
        folder,
        {
            "name": experiment.name,
            "question": experiment.question,
            "notes": experiment.notes,
            "baseline": experiment.baseline,
            "variants": list(experiment.variants),
            "seeds": list(experiment.seeds),
            "paths": {family: dict(strengths) for family, strengths in experiment.strength_paths.items()},
            "runs": names,
        },
    )
    results.sweep(folder)
    progress.on_plan(len(runs), len(runs) - len(pending))
    failures: list[OSError] = []

    def publish(i: int, trained: "Trained") -> None:
        try:
            results.publish(folder, pending[i].name, trained.rows, record(experiment.name, pending[i], trained))
        except OSError as error:
            # A full disk may have room for the next run, and a run that is not published is lost.
            failures.append(error)
        else:
            progress.on_publish(pending[i], trained)

    _train(
        [run.task for run in pending],
        engine,
        publish,
        on_epoch=lambda members, *state: progress.on_epoch([pending[i] for i in members], *state),
        on_refusal=lambda i, reason: progress.on_refusal(pending[i], reason),
    )
    if failures:
        raise failures[0]
    results.rebuild(folder)
    for study in experiment.studies:
        compute(study, folder, beside=[other for other in experiment.studies if other is not study])


@dataclass(frozen=True, eq=False)
class TrainedRun:
    """A run that was trained and not published, to be looked into.

    Args:
        task: what was trained: its data and its training.
        trained: how it went: the history, the kept epoch, the test losses.
    """

    task: "Task"
    trained: "Trained"

    def model(self) -> "keras.Model":
        """Return the run's model with the kept weights; with the initial ones where no epoch was kept."""
        model = self.task.build()
        if self.trained.weights is not None:
            model.set_weights(self.trained.weights)
        return model


def train(
    variants: Mapping[Key, Variant],
    *,
    seeds: Sequence[int],
    redraw_data: bool = False,
    engine: str = "cohort",
) -> dict[tuple[Key, int], TrainedRun]:
    """Train each variant at each seed without publishing anything: for studies and notebooks.

    Args:
        variants: by name, or by whatever tells them apart, such as (width, rate).
        seeds: of the runs.
        redraw_data: whether each seed is also the data seed, so that the loaders are called with `seed=seed`.
        engine: as for `run`.

    Returns:
        What was trained, by (key of the variant, seed), all seeds of a variant after another.

    Raises:
        UsageError, DataError: as `lab.plan.plan`; also a model that cannot be built or trained.
    """
    choice("engine", engine, ENGINES)
    planned = tasks(variants, seeds, redraw_data)
    keys, trained = list(planned), {}

    def keep(i: int, one: "Trained") -> None:
        trained[keys[i]] = one

    _train(list(planned.values()), engine, keep)
    return {(key, seed): TrainedRun(planned[key, seed], trained[key, seed]) for key in variants for seed in seeds}


def _train(
    planned: "Sequence[Task]",
    engine: str,
    on_trained: "Callable[[int, Trained], None]",
    on_epoch: Callable[[Sequence[int], int, int, float], None] = lambda members, epoch, live, best: None,
    on_refusal: Callable[[int, str], None] = lambda i, reason: None,
) -> None:
    """Train tasks in cohorts, and one by one those that no cohort can train.

    The callbacks name a task by its place in `planned`.
    """
    if not planned:
        return
    from lab.engine.tensorflow import load_tensorflow

    load_tensorflow()
    from lab.engine import cohort, keras_fit

    def together(members: Sequence[int], blueprints: Any) -> None:
        cohort.train(
            [planned[i] for i in members],
            on_epoch=lambda *state: on_epoch(members, *state),
            on_trained=lambda place, trained: on_trained(members[place], trained),
            blueprints=blueprints,
        )

    def one_by_one(i: int) -> None:
        on_trained(i, keras_fit.train(planned[i], on_epoch=lambda epoch, best: on_epoch([i], epoch, 1, best)))

    rest: Sequence[int] = range(len(planned))
    if engine == "cohort":
        groups = cohort.group(planned)
        for i, reason in groups.refused.items():
            on_refusal(i, reason)
        for group in groups.groups:
            together(group.indices, group.blueprints)
        rest = list(groups.refused)
    for i in rest:
        one_by_one(i)
