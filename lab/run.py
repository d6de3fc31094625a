"""Train and publish the runs of an experiment, and compute its studies.

Plan, train, publish: a run that is already published is not trained again, a run that ends is published at once, and
whatever interrupts the process, the same call goes on where it stopped.
"""

import functools
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lab.checks import DataError, UsageError, choice, raised
from lab.compute import compute
from lab.data.preprocessing import Preprocessing
from lab.engine import precision as precisions
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
        UsageError, DataError: as `lab.plan.plan`; also a model that cannot be built.
        UsageError: the precision of the experiment gains nothing on this machine, or TensorFlow was loaded for another.
        DataError: a model fails while it is trained. Every other run is trained and published first.
        DataError: another process runs the experiment.
        OSError: a file cannot be written. Every other run that ended is published first, and stays.
    """
    # pandas and TensorFlow load here: declaring and refusing cost nothing.
    from lab import results

    choice("engine", engine, ENGINES)
    precisions.check(experiment.precision)
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
    tables = (run.task.data.preprocessing for run in runs)
    for sentence in dict.fromkeys(table.note for table in tables if isinstance(table, Preprocessing)):
        if sentence:
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

    try:
        _train(
            [run.task for run in pending],
            [f"variant {run.variant!r} at seed {run.seed}" for run in pending],
            engine,
            experiment.precision,
            publish,
            on_epoch=lambda members, *state: progress.on_epoch([pending[i] for i in members], *state),
            on_refusal=lambda i, reason: progress.on_refusal(pending[i], reason),
            on_wait=progress.on_wait,
        )
    except DataError:
        # The tables hold the other runs, whoever reads them next.
        if not failures and any(results.is_published(folder, name) for name in names):
            results.rebuild(folder)
        raise
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

    names = [f"variant {key!r} at seed {seed}" for key, seed in keys]
    _train(list(planned.values()), names, engine, "exact", keep)
    return {(key, seed): TrainedRun(planned[key, seed], trained[key, seed]) for key in variants for seed in seeds}


def _train(
    planned: "Sequence[Task]",
    names: Sequence[str],
    engine: str,
    precision: str,
    on_trained: "Callable[[int, Trained], None]",
    on_epoch: Callable[[Sequence[int], int, int, float], None] = lambda members, epoch, live, best: None,
    on_refusal: Callable[[int, str], None] = lambda i, reason: None,
    on_wait: Callable[[str], None] = lambda sentence: None,
) -> None:
    """Train tasks in cohorts, and one by one those that no cohort can train.

    The callbacks name a task by its place in `planned`. A task that fails costs no other: the runs of a cohort that
    fails are trained one by one, and what fails there is reported by its name when all others have ended.

    Raises:
        UsageError, DataError: models cannot be built, or fail while they are trained.
    """
    if not planned:
        return
    from lab.engine.tensorflow import load_tensorflow

    on_wait("loading TensorFlow")
    load_tensorflow(precision)
    from lab.engine import cohort, keras_fit

    done: set[int] = set()
    failed: list[UsageError | DataError] = []
    ours: list[Exception] = []

    def call(function: Callable[..., None], *arguments: Any) -> None:
        try:
            function(*arguments)
        except Exception as error:
            ours.append(error)
            raise

    def hand_over(i: int, trained: "Trained") -> None:
        call(on_trained, i, trained)
        done.add(i)

    def check(error: Exception) -> None:
        # Publishing and progress fail for all runs alike; without memory nothing can be expected of the others.
        if ours or isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
            raise error

    def together(members: Sequence[int], blueprints: Any) -> None:
        on_wait(f"compiling the program of {len(members)} runs")
        cohort.train(
            [planned[i] for i in members],
            on_epoch=functools.partial(call, on_epoch, members),
            on_trained=lambda place, trained: hand_over(members[place], trained),
            blueprints=blueprints,
            keep=False,
        )

    def one_by_one(i: int) -> "Trained":
        return keras_fit.train(planned[i], on_epoch=lambda epoch, best: call(on_epoch, [i], epoch, 1, best))

    rest = list(range(len(planned)))
    if engine == "cohort":
        groups = cohort.group(planned, on_wait)
        for i, reason in groups.refused.items():
            on_refusal(i, reason)
        rest = list(groups.refused)
        for group in groups.groups:
            try:
                together(group.indices, group.blueprints)
            except Exception as error:
                check(error)
                left = [i for i in group.indices if i not in done]
                for i in left:
                    on_refusal(i, f"its cohort failed: {raised(error)}")
                rest += left
    for i in rest:
        try:
            trained = one_by_one(i)
        except (UsageError, DataError) as error:
            check(error)
            failed.append(error)
        except Exception as error:
            check(error)
            failed.append(DataError(f"{names[i]} cannot be trained: {raised(error)}"))
            failed[-1].__cause__ = error
        else:
            hand_over(i, trained)
    if failed:
        others = len(failed) - 1
        too = f"; so {'do' if others > 1 else 'does'} {others} other run{'s'[: others > 1]}" if others else ""
        raise type(failed[0])(f"{failed[0]}{too}") from failed[0]
