"""An experiment is a question: variants times seeds. It is declared as a value and run by `run`.

Plan, train, publish: a run that is already published is not trained again, a run that ends is published at
once, and whatever interrupts the process, the same call goes on where it stopped.
"""

import functools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lab.checks import DataError, UsageError, choice, flag, number, whole
from lab.plan import Run, plan
from lab.progress import Watch
from lab.study import Study, compute
from lab.training import Training

if TYPE_CHECKING:
    import keras

    from lab.data import Dataset
    from lab.engine.task import Trained

ENGINES = ("cohort", "keras_fit")


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One arm of an experiment.

    Args:
        data: a loader with its arguments bound; called without arguments, returns a `lab.data.Dataset`.
        model: a factory with its arguments bound; called as `model(input_shape, outputs, seed=seed)`,
            returns an uncompiled `keras.Model` with logits. Your own function will do.
        training: how it is trained.
    """

    data: "Callable[..., Dataset]"
    model: "Callable[..., keras.Model]"
    training: Training = field(default_factory=Training)

    def __post_init__(self) -> None:
        for name in ("data", "model"):
            if not callable(getattr(self, name)):
                raise UsageError(
                    f"{name} of a variant must be a function, with functools.partial around it to bind its "
                    f"arguments, got {getattr(self, name)!r}"
                )
        if not isinstance(self.training, Training):
            raise UsageError(f"training of a variant must be a lab.training.Training, got {self.training!r}")


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """Variants times seeds, with the variant the others are compared with.

    Args:
        name: of the results folder; letters, digits, "_" and "-".
        variants: the arms by name, in the order of the figures.
        baseline: the name of the variant the others are compared with.
        seeds: the runs' seeds. One seed gives all variants the same initial weights and batches.
        redraw_data: whether each seed is the data seed too, so that it draws splits and label noise of its own. The
            intervals over the seeds then cover the luck of the draw; otherwise they hold for one draw of the data.
        question: what the experiment asks, in one line; a script's docstring says it when this is empty.
        notes: what is to be said of it, in paragraphs; likewise the rest of the docstring.
        elsewhere: settings of their own for other data sets, by the name that `--data` takes.
        paths: strength paths: for each family (a regularizer) the strength of its variants, at least 0. A variant
            without any regularizer may stand in several families at strength 0.
        studies: tables and figures beside the runs, computed after them.

    Raises:
        UsageError: a name that cannot be a folder, a baseline that is no variant, seeds twice.
    """

    name: str
    variants: Mapping[str, Variant]
    baseline: str
    seeds: Sequence[int] = tuple(range(5))
    redraw_data: bool = False
    question: str = ""
    notes: str = ""
    elsewhere: "Mapping[str, Experiment]" = field(default_factory=dict)
    paths: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    studies: Sequence[Study] = ()

    def _repr_html_(self) -> str:
        """Return the experiment as a notebook shows it: a table of its variants, each with what it changes."""
        from dataclasses import fields
        from html import escape

        def called(function: Callable) -> str:
            keywords: dict[str, object] = {}
            while isinstance(function, functools.partial):
                keywords, function = function.keywords | keywords, function.func
            bound = ", ".join(f"{name}={value!r}" for name, value in keywords.items())
            return f"{getattr(function, '__name__', function)}({bound})"

        def changed(training: Training) -> str:
            values = ((one.name, getattr(training, one.name), one.default) for one in fields(training))
            return ", ".join(f"{name}={value!r}" for name, value, default in values if value != default)

        rows = [("variant", "data", "model", "training")]
        for name, variant in self.variants.items():
            rows.append((name, called(variant.data), called(variant.model), changed(variant.training)))
        cells = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        count = f"{len(self.variants)} variants x {len(self.seeds)} seeds, compared with {self.baseline}"
        return f"<p><b>{escape(self.name)}</b> {escape(self.question)}</p><p>{escape(count)}</p><table>{cells}</table>"

    def __post_init__(self) -> None:
        if not isinstance(self.variants, Mapping) or not self.variants:
            raise UsageError(f"variants must be a dict from names to variants and not empty, got {self.variants!r}")
        for name in (self.name, *self.variants):
            if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}", name):
                raise UsageError(
                    f"names of experiments and variants become folders and must be made of letters, digits, "
                    f"'_', '.', '+' and '-', got {name!r}"
                )
        for name in self.variants:
            # pandas reads "None" as a missing value, and a file system may not tell "L1" from "l1".
            twins = [other for other in self.variants if other.lower() == name.lower()]
            if name in ("None", "nan") or len(twins) > 1:
                raise UsageError(
                    f"names of variants must differ in more than case and must not be 'None' or 'nan', got {twins}"
                )
            if not isinstance(self.variants[name], Variant):
                raise UsageError(f"variant {name!r} must be a Variant, got {self.variants[name]!r}")
        choice("baseline", self.baseline, self.variants)
        flag("redraw_data", self.redraw_data)
        try:
            seeds = tuple(whole("a seed", seed, "what a run's randomness follows from", low=0) for seed in self.seeds)
        except TypeError:
            raise UsageError(f"seeds must be a sequence of whole numbers, got {self.seeds!r}") from None
        if not seeds or len(set(seeds)) < len(seeds):
            raise UsageError(f"seeds must not be empty and none may stand twice, got {list(seeds)}")
        object.__setattr__(self, "seeds", seeds)
        for family, strengths in self.paths.items():
            for variant, strength in strengths.items():
                choice(f"a variant of the path {family!r}", variant, self.variants)
                number(f"the strength of {variant!r}", strength, f"its place on the path {family!r}")


def run(
    experiment: Experiment,
    *,
    results_folder: str | Path = "results",
    engine: str = "cohort",
    watch: Watch | None = None,
) -> Path:
    """Train what is not published yet, publish each run as it ends, and rebuild the tables.

    Args:
        experiment: what to run.
        results_folder: where the experiment's folder stands or is made.
        engine: "cohort" trains runs of one structure together, and what no cohort can train rightly with
            "keras_fit", which is also the reference.
        watch: is told how far it is.

    Returns:
        The experiment's folder.

    Raises:
        UsageError, DataError: as `plan`; also a model that cannot be built or trained.
        OSError: a file cannot be written. What was published stays.
    """
    # pandas and TensorFlow load here: declaring and refusing cost nothing.
    from lab import results

    choice("engine", engine, ENGINES)
    watch = watch or Watch()
    runs = plan(experiment)
    folder = Path(results_folder) / experiment.name
    names = [run.name for run in runs]
    pending = [name for name in names if not (folder / "runs" / name / "run.json").exists()]
    company = _company(folder, names, pending)
    made = {
        "schema": results.SCHEMA,
        "name": experiment.name,
        "question": experiment.question,
        "notes": experiment.notes,
        "baseline": experiment.baseline,
        "variants": list(experiment.variants),
        "seeds": list(experiment.seeds),
        "paths": {family: dict(strengths) for family, strengths in experiment.paths.items()},
        "runs": names,
        "company": company,
    }
    results.write_atomically(folder / "experiment.json", json.dumps(made, indent=1) + "\n")
    results.sweep(folder)
    watch.planned(len(runs), len(runs) - len(pending))
    if pending:
        _train(experiment, [run for run in runs if run.name in company], set(pending), folder, engine, watch)
    results.rebuild(folder)
    for study in experiment.studies:
        compute(study, folder)
    return folder


def _company(folder: Path, names: list[str], pending: list[str]) -> list[str]:
    """Return the runs that were to be trained when this experiment was begun, if it was interrupted; else `pending`.

    The last bits of a run may depend on how many others train beside it. An experiment that is killed and started
    again trains what is missing in the same company, and gets the same bytes.
    """
    from lab import results

    try:
        before = results.read_experiment(folder)
    except DataError:
        return pending
    known = before.get("company", [])
    return known if before["runs"] == names and set(pending) <= set(known) else pending


def _train(experiment: Experiment, runs: list[Run], pending: set[str], folder: Path, engine: str, watch: Watch) -> None:
    from lab.engine.tensorflow import load_tensorflow

    load_tensorflow()
    from lab import results
    from lab.engine import keras_fit
    from lab.results.record import record

    def publish(run: Run, trained: "Trained") -> None:
        if run.name in pending:
            results.publish(folder, run.name, trained.rows, record(experiment.name, run, trained))
            watch.published(run, trained)

    def told(members: Sequence[Run]) -> Callable[[int, int, float], None]:
        return lambda epoch, live, best: watch.epoch(members, epoch, live, best)

    def published(members: Sequence[Run]) -> "Callable[[int, Trained], None]":
        return lambda i, trained: publish(members[i], trained)

    alone = list(range(len(runs)))
    if engine == "cohort":
        from lab.engine import cohort

        planned = cohort.group([run.task for run in runs])
        for group in planned.groups:
            members = [runs[i] for i in group.indices]
            missing = [i for i, run in enumerate(members) if run.name in pending]
            tasks = [run.task for run in members]
            cohort.train(tasks, told(members), published(members), group.blueprints, missing)
        alone = list(planned.refused)
        for i, reason in planned.refused.items():
            watch.refused(runs[i], reason)
    for i in alone:
        if runs[i].name in pending:
            tell = told([runs[i]])
            publish(runs[i], keras_fit.train(runs[i].task, functools.partial(_alone, tell)))


def _alone(tell: Callable[[int, int, float], None], epoch: int, best: float) -> None:
    tell(epoch, 1, best)
