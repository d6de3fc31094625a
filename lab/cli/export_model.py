"""`python -m lab export model`: the model of a run, as it was kept with the run, or trained again."""

import dataclasses
import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from lab.checks import DataError, UsageError, choice, shown
from lab.cli.find import find
from lab.cli.options import RESULTS, Fold, Folder, Name, Seed
from lab.experiment import Experiment

if TYPE_CHECKING:
    from lab.engine.task import Trained

OUTPUTS = "outputs: as the loss takes them, so for classes logits and no probabilities"


def export_model(
    experiment: Name,
    *,
    variant: Name,
    seed: Seed = 0,
    fold: Fold = None,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    results: Folder = RESULTS,
) -> None:
    """Write the model of a run with the weights of its kept epoch as a .keras file.

    A run with --keep-models has kept it. Any other is trained again as its script declares it, which gives the same
    numbers on the same machine; where it is published, that is checked.

    Args:
        experiment: its name in the folder "experiments" here or among the lab's own, or the path of a script.
        variant: of the run.
        seed: of the run.
        fold: of the run, from 0, where the experiment declares folds.
        output: the file; <experiment>-<variant>-seed<k>[-fold<i>].keras in the current folder unless named. Beside it a
            file of the same name that ends in .json says how rows become the model's inputs, and what its outputs mean.
        results: the folder with the experiments' folders.
    """
    found = find(experiment)
    if not isinstance(found, Experiment):
        raise UsageError(f"experiment must declare an Experiment, which has runs, got the study {found.name!r}")
    choice("variant", variant, found.variants)
    if seed not in found.seeds:
        raise UsageError(f"seed must be one of {', '.join(map(str, found.seeds))}, got {shown(seed)}")
    if found.folds is None and fold is not None:
        raise UsageError(f"fold must be left out, as the experiment has no folds, got {shown(fold)}")
    if found.folds is not None and fold not in range(found.folds):
        raise UsageError(f"fold must be from 0 to {found.folds - 1}, the last of its folds, got {shown(fold)}")
    of_fold = "" if fold is None else f"-fold{fold}"
    path = output or Path(f"{found.name}-{variant}-seed{seed}{of_fold}.keras")
    if path.suffix != ".keras":
        raise UsageError(f"output must end in .keras, as Keras demands of such a file, got {shown(str(path))}")
    _export(found, variant, seed, fold, path, results / found.name)


def _export(experiment: Experiment, variant: str, seed: int, fold: int | None, path: Path, folder: Path) -> None:
    from lab.data.description import description
    from lab.models.keras_file import model_bytes
    from lab.plan import plan
    from lab.results import is_published, read_model, read_run
    from lab.results.layout import run_folder
    from lab.run import train

    one = dataclasses.replace(
        experiment,
        variants={variant: experiment.variants[variant]},
        baseline=variant,
        seeds=(seed,),
        strength_paths={},
        studies=(),
    )
    planned = plan(one)[fold or 0]
    place = run_folder(folder, planned.name)
    published = read_run(place)[0] if is_published(folder, planned.name) else None
    if published is not None and (kept := read_model(place)) is not None:
        _write(path, kept, description(planned.task.data))
        print(f"run: {planned.name}, whose model was kept; weights of epoch {published['kept_epoch']}")
        print(OUTPUTS)
        return
    engine = "cohort" if published is None else published["engine"]
    declared = one.variants[variant]
    if planned.fold is not None:
        declared = dataclasses.replace(declared, data=functools.partial(declared.data, fold=planned.fold))
    trained = train({variant: declared}, seeds=(seed,), redraw_data=one.redraws, engine=engine)[variant, seed]
    if trained.trained.weights is None:
        raise DataError(f"the run {planned.name} kept no epoch, as its loss was not finite; there is no model of it")
    saved = model_bytes(trained.model(), f"the model of the run {planned.name}")
    _write(path, saved, description(planned.task.data))
    print(
        f"run: {planned.name}, {_compared(trained.trained, published)}; weights of epoch {trained.trained.kept_epoch}"
    )
    print(OUTPUTS)


def _write(path: Path, model: bytes, data: str) -> None:
    from lab.results import write_atomically

    write_atomically(path.with_suffix(".json"), data)
    write_atomically(path, model)
    print(f"model: {path}")
    print(f"preprocessing: {path.with_suffix('.json')}")


def _compared(trained: "Trained", published: dict[str, Any] | None) -> str:
    """Return in words whether a run that was trained again has the history of the published one."""
    import pandas as pd

    from lab.results import HISTORY, to_csv

    if published is None:
        return "which is not published"
    history = to_csv(pd.DataFrame(trained.rows, columns=list(HISTORY)))
    if hashlib.sha256(history.encode()).hexdigest() == published["history_sha256"]:
        return "the same to the last digit as the published one"
    return "which differs from the published one, as it does on another machine or with other versions"
