"""`reglab ensemble`: the runs of a variant as one ensemble, which is already paid for, or the cycles of a run."""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from lab.checks import DataError, UsageError, choice, shown
from lab.cli.find import find
from lab.cli.options import RESULTS, Count, Flag, Folder, Name, OptionalPath
from lab.experiment import Experiment
from lab.sweep.snapshots import cycle_ends

if TYPE_CHECKING:
    import keras

    from lab.engine.task import Task
    from lab.plan import Run


def ensemble(
    experiment: Name,
    /,
    *,
    variant: Name,
    seeds: Count = None,
    snapshots: Flag = False,
    output: Annotated[OptionalPath, Parameter(name=["--output", "-o"])] = None,
    results: Folder = RESULTS,
) -> None:
    """Measure the ensemble of a variant's runs on the test split, and write it as one .keras file.

    Its members are the variant's nets, one a seed, with the weights of their kept epochs; its probabilities are the
    mean of theirs. Ensembles of 1, 2, 4, 8, ... and of all members are measured, those of one size sharing no member,
    and compared with their own members. A size that is chosen by this table is chosen on the test data.

    Members must share a test split, so all are trained on one draw of the data, also where each seed of the experiment
    draws its own. Runs whose models were kept by --keep-models are read; otherwise all are trained again, in one
    cohort.

    With --snapshots the members are the nets at the ends of the cycles of one run, whose learning rate restarts
    (schedule="cosine_restarts"). Ensembles of the last 1, 2, 3, ... cycles are measured of each run and compared with
    the net of its last cycle, which is what the run alone would have come to.

    Args:
        experiment: its name in the folder "experiments" here or among the lab's own, or the path of a script.
        variant: whose runs are the members.
        seeds: the number of members, seeds 0, 1, 2, ...; the experiment's own seeds unless given.
        snapshots: make an ensemble of the cycles of each run.
        output: the .keras file, with --snapshots of the first run; none is written unless named. Beside it a file of
            the same name that ends in .json says how rows become the model's inputs, and what its outputs mean.
        results: the folder with the experiments' folders.
    """
    found = find(experiment)
    if not isinstance(found, Experiment):
        raise UsageError(f"experiment must declare an Experiment, which has runs, got the study {found.name!r}")
    choice("variant", variant, found.variants)
    if found.folds is not None:
        raise UsageError(
            f"experiment must have no folds, as nets of different folds are tested on different rows, got {found.folds}"
        )
    if output is not None and output.suffix != ".keras":
        raise UsageError(f"output must end in .keras, as Keras demands of such a file, got {shown(str(output))}")
    one = dataclasses.replace(
        found if seeds is None else found.resized(seeds=seeds),
        variants={variant: found.variants[variant]},
        baseline=variant,
        redraw_data=False,
        strength_paths={},
        studies=(),
    )
    if snapshots:
        # Refused before data are loaded.
        cycle_ends(one.variants[variant].training)
    elif len(one.seeds) < 2:
        raise UsageError(f"seeds must be at least 2, as one net is no ensemble, got {len(one.seeds)}")
    if found.redraws:
        print("data: one draw for all members, where each seed of the experiment draws its own")
    if snapshots:
        _measure_snapshots(one, variant, output)
    else:
        _measure(one, variant, output, results / found.name)


def _measure(experiment: Experiment, variant: str, output: Path | None, folder: Path) -> None:
    from lab.cli.terminal import console, ensemble_table
    from lab.models.ensemble import mean_outputs
    from lab.plan import plan
    from lab.statistics.ensembles import ensembles

    runs = plan(experiment)
    task = runs[0].task
    models = _kept(runs, folder) or _trained(experiment, variant)

    import numpy as np

    # It imports TensorFlow, which has been loaded by now.
    from lab.engine.outputs import measured_on_test, predicted

    members = np.stack([predicted(model, task.data.test.x) for model in models])
    loss = task.training.loss
    table = ensembles(lambda group: measured_on_test(task, mean_outputs(loss, members[group])), len(models))
    console().print(ensemble_table(f"{experiment.name}, {variant}", table))
    if output is not None:
        _write(output, models, task)


def _measure_snapshots(experiment: Experiment, variant: str, output: Path | None) -> None:
    from lab.cli.terminal import console, ensemble_table
    from lab.models.ensemble import mean_outputs
    from lab.plan import plan
    from lab.statistics.ensembles import snapshot_ensembles
    from lab.sweep.snapshots import snapshots

    task = plan(experiment)[0].task
    with _progress():
        nets = snapshots(variant, experiment.variants[variant], experiment.seeds)
    runs, cycles = len(nets), len(nets[0])
    print(f"members: the ends of {cycles} cycles of {'1 run' if runs == 1 else f'each of {runs} runs'}")

    import numpy as np

    # It imports TensorFlow, which has been loaded by now.
    from lab.engine.outputs import measured_on_test, predicted

    outputs = [np.stack([predicted(net, task.data.test.x) for net in run]) for run in nets]
    loss = task.training.loss
    table = snapshot_ensembles(
        lambda run, group: measured_on_test(task, mean_outputs(loss, outputs[run][group])), runs, cycles
    )
    console().print(ensemble_table(f"{experiment.name}, {variant}", table, snapshots=True))
    if output is not None:
        _write(output, nets[0], task)


def _write(output: Path, models: "Sequence[keras.Model]", task: "Task") -> None:
    from lab.data.description import description
    from lab.models.ensemble import joined_ensemble
    from lab.models.keras_file import model_bytes
    from lab.results import write_atomically

    joined = joined_ensemble(models, task.training.loss, task.data.test.x[:1])
    write_atomically(output.with_suffix(".json"), description(task.data))
    write_atomically(output, model_bytes(joined, "the ensemble"))
    print(f"model: {output}")
    print(f"preprocessing: {output.with_suffix('.json')}")


@contextlib.contextmanager
def _progress() -> Iterator[None]:
    from rich.console import Console

    from lab.sweep.progress import heard_by, on_terminal

    with on_terminal(Console()) as progress, heard_by(progress):
        yield


def _kept(runs: "Sequence[Run]", folder: Path) -> "list[keras.Model] | None":
    """Return the models that were kept with the runs, None unless all were."""
    from lab.results import is_published, read_model
    from lab.results.layout import run_folder
    from lab.results.schema import MODEL_FILE

    places = [run_folder(folder, run.name) for run in runs]
    if not all(is_published(folder, run.name) and read_model(run_folder(folder, run.name)) for run in runs):
        return None
    from lab.models.keras_file import load

    print(f"members: {len(runs)} runs, whose models were kept")
    return [load(place / MODEL_FILE) for place in places]


def _trained(experiment: Experiment, variant: str) -> "list[keras.Model]":
    from lab.run import train

    with _progress():
        trained = train({variant: experiment.variants[variant]}, seeds=experiment.seeds)
    lost = [seed for (_, seed), run in trained.items() if run.trained.weights is None]
    if lost:
        raise DataError(
            f"every member must have kept an epoch, got none for {'seed' if len(lost) == 1 else 'seeds'} "
            f"{', '.join(map(str, lost))} of variant {variant!r}, whose loss was not finite; lower the learning rate"
        )
    print(f"members: {len(trained)} runs, trained again in one cohort")
    return [run.model() for run in trained.values()]
