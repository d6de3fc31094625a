"""An experiment is a question: variants times seeds. It is declared as a value; `lab.run.run` trains it."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import lab.data
from lab.checks import UsageError, choice, flag, number, shown, whole
from lab.data.folds import checked_folds, refuse_without_fold
from lab.data.frozen_backbone import on_other_data
from lab.engine.precision import PRECISIONS
from lab.seeds import MOST_SEEDS
from lab.study import Study, folder_name, line, seed_count, text
from lab.training import Training

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One way to train, compared with the other variants of an experiment.

    Args:
        data: a loader with its arguments bound; called without arguments, returns a `lab.data.Dataset`. Where each
            seed draws its own data it is called with `seed=seed`.
        model: a factory with its arguments bound; called as `model(input_shape, outputs, seed=seed)`, returns an
            uncompiled `keras.Model` with logits. Your own function will do.
        training: how it is trained.

    Raises:
        UsageError: a field of a wrong type, or a function that does not take these arguments.
    """

    data: "Callable[..., lab.data.Dataset]"
    model: "Callable[..., keras.Model]"
    training: Training = field(default_factory=Training)

    def __post_init__(self) -> None:
        for name in ("data", "model"):
            if not callable(getattr(self, name)):
                raise UsageError(
                    f"{name} of a variant must be a function, with functools.partial around it to bind its "
                    f"arguments, got {shown(getattr(self, name))}"
                )
        _takes("data", self.data, "data()")
        _takes("model", self.model, "model(input_shape, outputs, seed=seed)", "input_shape", "outputs", seed=0)
        if not isinstance(self.training, Training):
            raise UsageError(f"training of a variant must be a lab.training.Training, got {shown(self.training)}")


def _takes(name: str, function: Callable, call: str, *arguments: object, **keywords: object) -> None:
    """Refuse a loader or a factory whose signature does not allow the call that the lab will make."""
    try:
        inspect.signature(function).bind(*arguments, **keywords)
    except (TypeError, ValueError) as misfit:
        known = getattr(function, "__qualname__", None) or shown(function)
        raise UsageError(f"{name} of a variant must be callable as {call}, got {known}: {misfit}") from None


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """Variants times seeds, with the variant that the others are compared with.

    Args:
        name: of the results folder; letters, digits, "_", ".", "+" and "-".
        variants: by name, in the order of the figures.
        baseline: the name of the variant that the others are compared with.
        seeds: the seeds of the runs. One seed gives all variants the same initial weights and batches.
        redraw_data: whether each seed is also the data seed, so that it draws its own splits and label noise. The
            intervals over the seeds then cover the luck of the draw; otherwise they hold for one draw of the data.
        folds: how many parts the data are cut into, of which each is the test split once; None cuts no folds. Each
            variant is trained at each seed in each fold. Each seed cuts its own folds, whatever `redraw_data` says, and
            the intervals allow for the training examples that folds share: see `lab.statistics.scope`. Every loader
            is called with `fold=(place, folds)` and `seed=seed`.
        question: what the experiment asks, in one line; empty takes the first line of the script's docstring.
        notes: what is to be known about it, in paragraphs; empty takes the rest of the docstring.
        on_data: the experiment to run instead when `--data` names one of these data sets.
        strength_paths: for each family (a regularizer) the strength of its variants, at least 0. A variant without
            any regularizer may be in several families at strength 0.
        studies: tables and figures computed after the runs, in the experiment's folder.
        precision: of the products: "exact", or "fast" where the hardware has units for it: see `lab.engine.precision`.
            It is a setting of the process, so all variants share it, and part of a run's id unless it is "exact".

    Raises:
        UsageError: a field of a wrong type, a name that cannot be a folder, a baseline that is no variant, a seed
            or a study given twice, folds of a loader that takes none.
    """

    name: str
    variants: Mapping[str, Variant]
    baseline: str
    seeds: Sequence[int] = tuple(range(5))
    redraw_data: bool = False
    folds: int | None = None
    question: str = ""
    notes: str = ""
    on_data: "Mapping[str, Experiment]" = field(default_factory=dict)
    strength_paths: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    studies: Sequence[Study] = ()
    precision: str = "exact"

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
        folds = f" x {self.folds} folds" if self.folds else ""
        count = f"{len(self.variants)} variants x {len(self.seeds)} seeds{folds}, compared with {self.baseline}"
        return f"<p><b>{escape(self.name)}</b> {escape(self.question)}</p><p>{escape(count)}</p><table>{cells}</table>"

    def __post_init__(self) -> None:
        if not isinstance(self.variants, Mapping) or not self.variants:
            raise UsageError(
                f"variants must be a dict from names to variants and not empty, got {shown(self.variants)}"
            )
        for name in (self.name, *self.variants):
            folder_name("names of experiments and variants become folders", name)
        for name, variant in self.variants.items():
            # pandas reads "None" as a missing value, and a file system may not distinguish "L1" from "l1".
            twins = [other for other in self.variants if other.lower() == name.lower()]
            if name in ("None", "nan") or len(twins) > 1:
                raise UsageError(
                    f"names of variants must differ in more than case and must not be 'None' or 'nan', got {twins}"
                )
            if not isinstance(variant, Variant):
                raise UsageError(f"variant {name!r} must be a Variant, got {shown(variant)}")
        choice("baseline", self.baseline, self.variants)
        object.__setattr__(self, "seeds", _seeds(self.seeds))
        if flag("redraw_data", self.redraw_data):
            for variant in self.variants.values():
                _takes("data", variant.data, "data(seed=seed) where redraw_data is True", seed=0)
        if self.folds is not None:
            object.__setattr__(self, "folds", checked_folds(self.folds))
            for variant in self.variants.values():
                refuse_without_fold(variant.data)
        line("question", self.question)
        text("notes", self.notes)
        self._check_on_data()
        self._check_strength_paths()
        self._check_studies()
        choice("precision", self.precision, PRECISIONS)

    @property
    def redraws(self) -> bool:
        """Whether each seed is also the data seed."""
        return self.redraw_data or self.folds is not None

    def _check_on_data(self) -> None:
        if not isinstance(self.on_data, Mapping) or not all(isinstance(e, Experiment) for e in self.on_data.values()):
            raise UsageError(f"on_data must be a dict from data sets to experiments, got {shown(self.on_data)}")
        # The other lower-case names make data of files or of other data.
        sets = [name for name in lab.data.__all__ if name.islower() and not name.startswith(("from_", "features"))]
        for name in self.on_data:
            choice("a data set of on_data", name, sets)

    def _check_strength_paths(self) -> None:
        paths = self.strength_paths
        if not isinstance(paths, Mapping) or not all(isinstance(path, Mapping) for path in paths.values()):
            raise UsageError(
                f"strength_paths must be a dict from families to dicts from variants to strengths, got {shown(paths)}"
            )
        for family, strengths in paths.items():
            if line("the name of a strength path", family).strip() in ("", "nan"):
                raise UsageError(f"the name of a strength path must not be empty or 'nan', got {family!r}")
            if not strengths:
                raise UsageError(f"the path {family!r} must have at least one variant, got none; leave it out")
            for variant, strength in strengths.items():
                choice(f"a variant of the path {family!r}", variant, self.variants)
                number(f"the strength of {variant!r}", strength, f"its place on the path {family!r}")

    def _check_studies(self) -> None:
        if not isinstance(self.studies, (list, tuple)) or not all(isinstance(one, Study) for one in self.studies):
            raise UsageError(f"studies must be a list or tuple of studies, got {shown(self.studies)}")
        names = [study.name for study in self.studies]
        if len({name.lower() for name in names}) < len(names):
            raise UsageError(f"names of studies must differ in more than case, got {names}")
        if names and self.precision == "fast":
            raise UsageError(
                f"an experiment of precision 'fast' must have no studies, which are computed exactly, got {names}; "
                "leave them out"
            )

    def resized(
        self,
        *,
        train_size: int | None = None,
        validation_size: int | None = None,
        seeds: int | None = None,
        folds: int | None = None,
        epochs: int | None = None,
        precision: str | None = None,
    ) -> "Experiment":
        """Return the experiment with fewer or more examples, seeds or epochs; None leaves a size as it is.

        Its studies are given the sizes that they take. With the precision "fast" it has none.

        Args:
            train_size, validation_size: the number of training and of validation examples.
            seeds: how many seeds, counted from 0.
            folds: how many folds the data are cut into.
            epochs: the most epochs that a run trains.
            precision: of the products.

        Raises:
            UsageError: a size that is no whole number of at least 1, or that a loader does not take.
        """
        sizes = {"train_size": train_size, "validation_size": validation_size}
        bound = {
            name: whole(name, size, "the number of examples of a split")
            for name, size in sizes.items()
            if size is not None
        }

        def changed(variant: Variant) -> Variant:
            load = functools.partial(variant.data, **bound) if bound else variant.data
            training = variant.training if epochs is None else dataclasses.replace(variant.training, epochs=epochs)
            return Variant(data=load, model=variant.model, training=training)

        precision = precision or self.precision
        return dataclasses.replace(
            self,
            precision=precision,
            variants={name: changed(variant) for name, variant in self.variants.items()},
            seeds=self.seeds if seeds is None else range(seed_count(seeds)),
            folds=self.folds if folds is None else folds,
            studies=[
                study.resized(train_size=train_size, seeds=seeds, epochs=epochs, strict=False)
                for study in (self.studies if precision == "exact" else ())
            ],
        )

    def with_data(self, loader: "Callable[..., lab.data.Dataset]", name: str) -> "Experiment":
        """Return the experiment on other data.

        An experiment that has its own settings for the name in `on_data` gives those. One of the lab's data sets
        takes the place of every variant's and keeps their bound arguments, sizes and label noise. Data of your own
        takes nothing from the script but its models and trainings: wrong labels are not added to it. The studies are
        left out, as they look at the script's data, and so are its notes, which report that data. Where the loader's
        labels are numbers, the squared error takes the place of each variant's loss, and where they are several classes
        per example the binary cross-entropy. A frozen backbone in front of the data stays.

        Args:
            loader: called without arguments, returns a `lab.data.Dataset`.
            name: of the data; becomes part of the experiment's name.
        """
        of_the_lab = getattr(lab.data, name, None) is loader
        # A file of one's own may be called like a data set of the lab.
        if of_the_lab and name in self.on_data:
            special = self.on_data[name]
            return dataclasses.replace(special, question=special.question or self.question)

        def moved(variant: Variant) -> Variant:
            load = on_other_data(variant.data, loader, keeps=of_the_lab)
            training = variant.training
            labels = loader.keywords.get("labels") if isinstance(loader, functools.partial) else None
            if labels == "several":
                training = dataclasses.replace(training, loss="binary_cross_entropy")
            elif labels == "numbers":
                training = dataclasses.replace(training, loss="squared_error", label_smoothing=0.0)
            return Variant(data=load, model=variant.model, training=training)

        return dataclasses.replace(
            self,
            name=f"{self.name}-{name}",
            variants={variant: moved(its) for variant, its in self.variants.items()},
            question=f"How do the variants of {self.name} compare on {name}?",
            notes="",
            studies=(),
        )


def _seeds(seeds: object) -> tuple[int, ...]:
    """Return the seeds as a tuple, or refuse them before so many are listed that the memory is full."""
    if not isinstance(seeds, (list, tuple, range)):
        raise UsageError(f"seeds must be a list, tuple or range of whole numbers, got {shown(seeds)}")
    if len(seeds) > MOST_SEEDS:
        raise UsageError(f"seeds must be at most {MOST_SEEDS}, got {len(seeds)}")
    found = tuple(whole("a seed", seed, "what a run's randomness follows from", low=0) for seed in seeds)
    if not found or len(set(found)) < len(found):
        raise UsageError(f"seeds must not be empty and none may stand twice, got {shown(list(found))}")
    return found
