"""Train and publish the runs of an experiment, and compute its studies.

A run that is already published is not trained again, and a run that ends is published at once. Whatever interrupts the
process, the same call goes on where it stopped.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lab.checks import DataError, UsageError, choice, number
from lab.compute import compute
from lab.data.preprocessing import Preprocessing
from lab.engine import dispatch, precision
from lab.engine.dispatch import ENGINES
from lab.engine.tensorflow import load_tensorflow
from lab.experiment import Experiment
from lab.plan import Run, Unloaded, plan
from lab.sweep import distribute
from lab.sweep.progress import SILENT, Progress, both
from lab.sweep.publishing import publisher
from lab.sweep.source import Source, of_script
from lab.sweep.unpublished import TrainedRun, train
from lab.sweep.workers import Workers

if TYPE_CHECKING:
    from lab.engine.task import Trained
    from lab.sweep.checkpoints import Checkpoints
    from lab.sweep.failing import Failing

__all__ = ["ENGINES", "KEPT_MODELS", "TrainedRun", "run", "train"]

KEPT_MODELS = ("none", "best")


def run(
    experiment: Experiment,
    *,
    results_folder: str | Path = "results",
    engine: str = "cohort",
    keep_models: str = "none",
    checkpoint_every: float | None = None,
    retry_failed: bool = False,
    margin: float | None = None,
    most_seeds: int | None = None,
    workers: Workers | None = None,
    source: Source | None = None,
    progress: Progress = SILENT,
) -> Path:
    """Train what is not published yet, publish each run as it ends, rebuild the tables and compute the studies.

    Args:
        experiment: its runs and its studies.
        results_folder: the folder of the experiment's folder, which is made if it is not there.
        engine: "keras_fit", the reference, trains run by run; "cohort" trains runs of one structure together, and with
            "keras_fit" those that no cohort can train.
        keep_models: "best" publishes with each run its model with the weights of the kept epoch, model.keras, and its
            data, model.json; "none" does not. It is no part of a run's id.
        checkpoint_every: seconds of training after which the state of the runs in training is written again, at an
            epoch's end; 0 writes none. None is 30 s, and more where checkpoints would cost more than 2 % of the time.
            Whatever ends the process, the same call goes on from what was written last.
        retry_failed: whether runs that failed before are tried again. Each would fail again, unless what it lacked is
            there now, as memory. Data that could not be loaded are always loaded again.
        margin, most_seeds: how its comparison decides, as in `lab.statistics.compare`.
        workers: the processes that train the runs beside this one; None trains them in this one.
        source: where workers find the experiment; None takes the script that this process runs, as it declares it.
        progress: called as the runs go on.

    Returns:
        The experiment's folder, as an absolute path.

    Raises:
        UsageError, DataError: as in `lab.plan.plan`.
        UsageError: the precision of the experiment gains nothing on this machine, or TensorFlow was loaded for another.
        UsageError, DataError: the data of some variants cannot be loaded, or a model cannot be built or trained. Every
            other run is published first, and failed/<run>.json has the reasons.
        UsageError: workers are given, and this process runs no script that they could load.
        DataError: another process runs these runs, or no worker can take work.
        HandedOverError: another process was given a changed declaration of this experiment, and asked for it.
        OSError: a file cannot be written. Every other run that ended is published first, and stays.
    """
    # pandas and TensorFlow load here: declaring and refusing cost nothing.
    from lab import results
    from lab.sweep.checkpoints import Checkpoints
    from lab.sweep.failing import Failing
    from lab.sweep.handover import Handover, ask
    from lab.sweep.journal import journal
    from lab.sweep.removal import Removal

    choice("engine", engine, ENGINES)
    choice("keep_models", keep_models, KEPT_MODELS)
    if checkpoint_every is not None:
        checkpoint_every = number(
            "checkpoint_every", checkpoint_every, "the seconds of training after which a checkpoint is written", low=0
        )
    precision.check(experiment.precision)
    if experiment.precision != "exact":
        # A loader may compute with TensorFlow, whose precision follows from its start.
        load_tensorflow(experiment.precision)
    crew = None if workers is None else (workers, source or of_script(None))
    # A loader or a factory may change the working folder.
    folder = Path(results_folder).absolute() / experiment.name
    unloaded: list[Unloaded] = []
    runs = plan(experiment, unloaded)
    names = [run.name for run in runs] + [run.name for run in unloaded]
    handed_over = ask(folder, names, progress.on_wait)
    with results.only_driver(folder) as hold, journal(folder, names) as kept:
        if handed_over:
            progress.on_note(handed_over)
        failing = Failing(folder, runs, unloaded, retry_failed)
        removal = Removal(folder, hold, progress.on_note)
        handover = Handover(folder)
        others = (kept, failing.progress(), removal.progress(), handover.progress())
        told = functools.reduce(both, others, progress)
        deciding = {"margin": margin, "most_seeds": most_seeds}
        keeping = functools.partial(
            Checkpoints, folder, every=checkpoint_every, on_note=progress.on_note, wanted=handover.is_asked
        )
        _run(experiment, runs, folder, engine, keep_models == "best", keeping, crew, failing, told, deciding)
        removal.refuse()
    return folder


def _run(
    experiment: Experiment,
    runs: Sequence[Run],
    folder: Path,
    engine: str,
    keep_models: bool,
    keeping: "Callable[[Mapping[int, str]], Checkpoints]",
    crew: tuple[Workers, Source] | None,
    failing: "Failing",
    progress: Progress,
    deciding: Mapping[str, float | None],
) -> None:
    from lab import results
    from lab.sweep.about import about

    names = [run.name for run in runs]
    for sentence in (*results.set_damaged_aside(folder, names), *_notes(runs)):
        progress.on_note(sentence)
    missing = [run for run in runs if not results.is_published(folder, run.name)]
    pending = [run for run in missing if run.name not in failing.skipped]
    if keep_models and len(missing) < len(runs):
        progress.on_note(
            "a run that is already there keeps no model now; where it has none, this trains it again and writes it: "
            f"reglab export model {experiment.name} --variant V --seed K"
        )
    results.write_experiment(folder, about(experiment, runs, names, deciding))
    results.sweep(folder)
    progress.on_plan(len(runs) + len(failing.unloaded), len(runs) - len(missing))
    failing.tell(progress)
    failures: list[OSError] = []
    write = publisher(folder, keep_models, progress.on_note)
    checkpoints = keeping({id(run.task): run.name for run in pending})

    def unwritten(i: int, error: OSError) -> None:
        # A full disk may have room for the next run, and a run that is not published is lost.
        failures.append(error)
        progress.on_unwritten(pending[i], error)

    def publish(i: int, trained: "Trained") -> None:
        try:
            write(pending[i], trained)
        except OSError as error:
            unwritten(i, error)
        else:
            checkpoints.published(pending[i].name)
            progress.on_end(pending[i], trained)

    failed: UsageError | DataError | None = None
    try:
        if crew is None:
            dispatch.train(
                [run.task for run in pending],
                [run.place for run in pending],
                engine=engine,
                precision=experiment.precision,
                on_trained=publish,
                on_epoch=lambda members, *state: progress.on_epoch([pending[i] for i in members], *state),
                on_failure=lambda i, error: progress.on_failure(pending[i], str(error)),
                on_refusal=lambda i, reason: progress.on_refusal(pending[i], reason),
                on_wait=progress.on_wait,
                checkpoints=checkpoints,
            )
        else:
            distribute.train(
                pending,
                folder,
                *crew,
                engine=engine,
                precision=experiment.precision,
                keep_models=keep_models,
                checkpoint_every=checkpoints.every,
                on_unwritten=unwritten,
                progress=progress,
            )
    except (UsageError, DataError) as error:
        failed = error
    finally:
        # Another process may go on from it as soon as this one has let the experiment go.
        checkpoints.wait()
    if failures and failed is None:
        raise failures[0]
    # Whoever reads the tables next finds in them the runs that did not fail.
    has_runs = any(results.is_published(folder, name) for name in names)
    if not failures and (has_runs or not (failed or failing.reasons)):
        results.rebuild(folder)
    failing.refuse(failed)
    checkpoints.clear()
    for study in experiment.studies:
        compute(study, folder, beside=[other for other in experiment.studies if other is not study])


def _notes(runs: Sequence[Run]) -> Iterator[str]:
    """Yield what the loaders did to missing numbers, each sentence once."""
    tables = (run.task.data.preprocessing for run in runs)
    yield from filter(None, dict.fromkeys(table.note for table in tables if isinstance(table, Preprocessing)))
