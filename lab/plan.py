"""The runs of an experiment: each variant at each seed, its data loaded, its model checked when it is built."""

import functools
import itertools
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from lab.checks import DataError, UsageError
from lab.data import Dataset
from lab.data.dataset import extremes
from lab.data.folds import Fold
from lab.engine.task import Task
from lab.experiment import Experiment, Variant
from lab.identity import NUMERICS, declare, hashed_once, identify
from lab.identity.failures import call_or_refuse
from lab.regularization.in_training import BETWEEN_EXAMPLES
from lab.sweep.loading import Loaded, key_of, loaded_or_not, loader, why

if TYPE_CHECKING:
    import keras

MOST_STEPS = 20_000_000
"""The most steps of a run: the learning rates of all steps are computed before it starts, and more fill the memory."""

Key = TypeVar("Key", bound=Hashable)

_FACTORIES = ("lab.models.factories", "lab.models.residual")
_SAVED = "lab.models.saved_model"


@dataclass(frozen=True)
class Run:
    """One variant at one seed, known by the hash of its declaration.

    Args:
        variant: its name.
        seed: the run's seed.
        id: the hash of the declaration without fields that are at their defaults, so that a new field renames no run.
        declaration: in JSON types, with all fields.
        task: what an engine trains.
        fold: the place of its fold, from 0, and how many there are; None where the data are not cut into folds.
    """

    variant: str
    seed: int
    id: str
    declaration: Mapping[str, Any]
    task: Task
    fold: Fold | None = None

    @property
    def name(self) -> str:
        """The name of the run's folder, as `lab.results.schema.run_name` makes it."""
        fold = "" if self.fold is None else f"-fold{self.fold[0]}"
        return f"{self.variant}-seed{self.seed}{fold}-{self.id}"

    @property
    def place(self) -> str:
        """The run in words, as in "variant 'l2' at seed 0"; of a fold, "variant 'l2' at seed 0 in fold 2"."""
        fold = "" if self.fold is None else f" in fold {self.fold[0]}"
        return f"variant {self.variant!r} at seed {self.seed}{fold}"


@dataclass(frozen=True)
class Unloaded:
    """A run whose data cannot be loaded, so that it has no id.

    Args:
        variant, seed, fold: as of a `Run`.
        reason: a sentence.
    """

    variant: str
    seed: int
    fold: Fold | None
    reason: str

    @property
    def name(self) -> str:
        """The name under which its failure is written down; see `lab.results.failures.is_unloaded`."""
        return f"{self.variant}-seed{self.seed}" + ("" if self.fold is None else f"-fold{self.fold[0]}")


Place = tuple[str, int, Fold | None]
"""The variant, the seed and the fold of a run."""


@hashed_once()
def plan(
    experiment: Experiment,
    unloaded: "list[Unloaded] | None" = None,
    only: Collection[Place] | None = None,
    loaded: dict[Hashable, Loaded] | None = None,
) -> list[Run]:
    """Return the runs of an experiment, seed by seed and fold by fold, with their data loaded.

    Args:
        experiment: what declares them.
        unloaded: gets the runs whose data cannot be loaded, where others' can; None refuses the first of them.
        only: the runs that are wanted; None takes all.
        loaded: data that were loaded before; what is loaded now is added.

    Raises:
        UsageError: the loss of a variant does not fit its data, a loader or factory has no identity, or two variants
            are declared alike.
        DataError: data cannot be loaded or used.
    """
    # All variants are declared before any data is loaded, so that one without an identity is refused at once.
    declared = {name: _declared(variant, name) for name, variant in experiment.variants.items()}
    runs = []
    count = experiment.folds
    folds = (None,) if count is None else tuple((place, count) for place in range(count))
    planned = _tasks(experiment.variants, experiment.seeds, experiment.redraws, folds, unloaded, only, loaded)
    for (name, seed, fold), task in planned.items():
        load = loader(experiment.variants[name], seed if experiment.redraws else None, fold)
        ends: dict[str, Any] = {"fingerprint": task.data.fingerprint, "seed": seed, "numerics": NUMERICS}
        if experiment.precision != "exact":
            ends["precision"] = experiment.precision
        short, full = (
            {"data": declare(load, f"data of variant {name!r}", defaults=i == 1), **declared[name][i], **ends}
            for i in (0, 1)
        )
        runs.append(Run(name, seed, identify(short), full, task, fold))
    _refuse_copies(runs[: len(experiment.variants)])
    _refuse_equal_folds(runs)
    return runs


def _declared(variant: Variant, name: str) -> tuple[dict[str, Any], ...]:
    """Return the declaration of a variant's model and training twice: without what is at its default, and with it."""
    return tuple(
        {
            "model": declare(variant.model, f"model of variant {name!r}", omit=("seed",), defaults=defaults),
            "training": declare(variant.training, f"training of variant {name!r}", defaults=defaults),
        }
        for defaults in (False, True)
    )


def _refuse_copies(runs: Sequence[Run]) -> None:
    """Refuse variants that would be trained to the same numbers under two names."""
    first: dict[str, str] = {}
    for run in runs:
        twin = first.setdefault(run.id, run.variant)
        if twin != run.variant:
            raise UsageError(
                f"variants must differ in their data, model or training, got {twin!r} and {run.variant!r}, which are "
                "declared alike; change one or leave it out"
            )


def _refuse_equal_folds(runs: Sequence[Run]) -> None:
    """Refuse a loader that gives two folds the same data, as one that does not pass `fold` on."""
    first: dict[tuple[str, int, str], Fold] = {}
    for run in runs:
        if run.fold is None:
            continue
        twin = first.setdefault((run.variant, run.seed, run.task.data.fingerprint), run.fold)
        if twin != run.fold:
            raise DataError(
                f"the loader of variant {run.variant!r} must give each fold other splits, got the same for fold "
                f"{twin[0]} and {run.fold[0]}; pass fold on to a loader of lab.data"
            )


def tasks(
    variants: Mapping[Key, Variant], seeds: Sequence[int], redraw_data: bool = False
) -> dict[tuple[Key, int], Task]:
    """Return each variant at each seed as a task for an engine, seed by seed, with equal data loaded once.

    Args:
        variants: by name or any other key.
        seeds: of the runs.
        redraw_data: whether each seed is also the data seed.

    Raises:
        UsageError: the loss of a variant does not fit its data.
        DataError: data cannot be loaded or used.
    """
    return {(key, seed): task for (key, seed, _), task in _tasks(variants, seeds, redraw_data, (None,)).items()}


def _tasks(
    variants: Mapping[Key, Variant],
    seeds: Sequence[int],
    redraw_data: bool,
    folds: Sequence[Fold | None],
    unloaded: list[Unloaded] | None = None,
    only: Collection[tuple[Key, int, Fold | None]] | None = None,
    loaded: dict[Hashable, Loaded] | None = None,
) -> dict[tuple[Key, int, Fold | None], Task]:
    loaded = {} if loaded is None else loaded
    wanted = None if only is None else set(only)
    planned = {}
    tried: set[Hashable] = set()
    for seed, fold in itertools.product(seeds, folds):
        for key, variant in variants.items():
            if wanted is not None and (key, seed, fold) not in wanted:
                continue
            data_seed = seed if redraw_data else None
            load = loader(variant, data_seed, fold)
            call = key_of(load) or (id(variant.data), data_seed, fold)
            if call not in loaded:
                loaded[call] = loaded_or_not(load, key)
            data = loaded[call]
            if isinstance(data, Dataset):
                planned[key, seed, fold] = _task(variant, key, data, seed, tried)
            elif unloaded is None:
                raise data
            else:
                unloaded.append(Unloaded(str(key), seed, fold, why(data, key)))
    if unloaded and not planned:
        # Where nothing at all can be loaded there is nothing to go on with.
        raise next(data for data in loaded.values() if not isinstance(data, Dataset))
    return planned


def _task(variant: Variant, key: Hashable, data: Dataset, seed: int, tried: set[Hashable]) -> Task:
    training = variant.training
    steps = training.steps(len(data.train.y)) * training.epochs
    if steps > MOST_STEPS:
        raise UsageError(f"a run must be of at most {MOST_STEPS} steps, got {steps} of variant {key!r}; lower epochs")
    classes = None if data.classes is None else len(data.classes)
    training.check_inputs(data.input_shape)
    if training.trivial_augment:
        training.check_pixels(*extremes(data.train))
    outputs = training.outputs(classes, data.train.y.shape[-1], data.several)
    build = functools.partial(_build, variant, key, data, outputs, seed, tried)
    # The tests hold the lab's own factories to it; what anybody else's do with a seed is not known.
    what = id(variant.model), data.input_shape, outputs
    mixes = bool(training.manifold_mixup)
    recipe = (variant.model, *what[1:], mixes) if _is_of(variant.model, _FACTORIES) else None
    # What a model is checked for is part of what makes it a twin.
    changed = mixes, *(bool(getattr(training, name)) for name in BETWEEN_EXAMPLES)
    # The loss decides whether a final activation stays.
    factory = (*what, training.loss, changed)
    twin = (*factory, seed)
    return Task(build, data, training, seed, recipe, twin, factory, _is_of(variant.model, (*_FACTORIES, _SAVED)))


def _build(
    variant: Variant, key: Hashable, data: Dataset, outputs: int, seed: int, tried: set[Hashable]
) -> "keras.Model":
    from lab.engine.keras_internals import names_from_zero
    from lab.models.trial import try_out
    from lab.models.user_model import fit_for_training, refuse_changed_ids, refuse_no_hidden_place

    who = f"variant {key!r}"
    arguments = variant.model, who, data.input_shape, outputs, variant.training.loss, seed

    def build() -> "keras.Model":
        # The lab's own factories need no trial: their tests hold them to it.
        what = _what_is_tried(variant.model), data.input_shape, outputs, variant.training.loss
        if what not in tried and not _is_of(variant.model, _FACTORIES):
            try_out(*arguments, data.train.x, data.train.y)
            tried.add(what)
        with names_from_zero():
            model = fit_for_training(*arguments)
        refuse_changed_ids(model, variant.training, who)
        refuse_no_hidden_place(model, variant.training, who)
        return model

    return call_or_refuse(build, f"{who} cannot build its model")


def _is_of(factory: Callable, modules: Collection[str]) -> bool:
    while isinstance(factory, functools.partial):
        factory = factory.func
    return factory.__module__ in modules


def _what_is_tried(factory: Callable) -> Hashable:
    """Return what is equal for factories of which one trial is enough: one file, however it is regularized."""
    if isinstance(factory, functools.partial) and factory.func.__module__ == _SAVED:
        others = {name: value for name, value in factory.keywords.items() if name != "regularization"}
        return "saved", repr(factory.args), repr(others)
    return id(factory)
