"""What is to be trained: each variant at each seed, with its data loaded and its model checked when it is built."""

import contextlib
import functools
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from lab.checks import DataError, UsageError
from lab.data import Dataset
from lab.engine.task import Task
from lab.experiment import Experiment, Variant
from lab.identity import NUMERICS, declare, identify

if TYPE_CHECKING:
    import keras

MOST_STEPS = 20_000_000
"""The learning rate of every step of a run is known before it starts; more steps would fill the memory."""

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Run:
    """One variant at one seed, known by the hash of its declaration."""

    variant: str
    seed: int
    declaration: Mapping[str, Any]
    task: Task

    @functools.cached_property
    def id(self) -> str:
        """The hash of the declaration."""
        return identify(self.declaration)

    @property
    def name(self) -> str:
        """The name of the run's folder."""
        return f"{self.variant}-seed{self.seed}-{self.id}"


def plan(experiment: Experiment) -> list[Run]:
    """Return the runs of an experiment, seed by seed, with their data loaded.

    Raises:
        UsageError: the loss of a variant does not fit its data, a loader or factory has no identity, or two variants
            are declared alike.
        DataError: data cannot be loaded or used.
    """
    declared = {
        name: {
            "model": declare(variant.model, f"model of variant {name!r}", omit=("seed",)),
            "training": declare(variant.training, f"training of variant {name!r}"),
        }
        for name, variant in experiment.variants.items()
    }
    runs = []
    for (name, seed), task in tasks(experiment.variants, experiment.seeds, experiment.redraw_data).items():
        load = _loader(experiment.variants[name], seed if experiment.redraw_data else None)
        declaration = {"data": declare(load, f"data of variant {name!r}"), **declared[name]}
        declaration |= {"fingerprint": task.data.fingerprint, "seed": seed, "numerics": NUMERICS}
        runs.append(Run(name, seed, declaration, task))
    _refuse_copies(runs[: len(experiment.variants)])
    return runs


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


def tasks(
    variants: Mapping[Key, Variant], seeds: Sequence[int], redraw_data: bool = False
) -> dict[tuple[Key, int], Task]:
    """Return each variant at each seed as a task for an engine, seed by seed, with equal data loaded once.

    Args:
        variants: by name, or by whatever tells them apart.
        seeds: of the runs.
        redraw_data: whether each seed is also the data seed.

    Raises:
        UsageError: the loss of a variant does not fit its data.
        DataError: data cannot be loaded or used.
    """
    loaded: dict[Hashable, Dataset] = {}
    found = {}
    for seed in seeds:
        for key, variant in variants.items():
            data_seed = seed if redraw_data else None
            load = _loader(variant, data_seed)
            call = _call(load) or (id(variant.data), data_seed)
            if call not in loaded:
                loaded[call] = _loaded(load, key)
            found[key, seed] = _task(variant, key, loaded[call], seed)
    return found


def _loader(variant: Variant, data_seed: int | None) -> Callable[[], Dataset]:
    return variant.data if data_seed is None else functools.partial(variant.data, seed=data_seed)


def _call(load: Callable) -> Hashable:
    """Return what is equal for equal calls of one loader; None for arguments that cannot be compared, as arrays."""
    if not isinstance(load, functools.partial):
        return load
    call = load.func, load.args, tuple(sorted(load.keywords.items()))
    try:
        hash(call)
    except TypeError:
        return None
    return call


def _loaded(load: Callable[[], Any], key: Hashable) -> Dataset:
    data = _somebodys(load, f"the loader of variant {key!r} cannot load its data")
    if not isinstance(data, Dataset):
        raise DataError(
            f"the loader of variant {key!r} must return a lab.data.Dataset, got {type(data).__name__}; "
            "lab.data.from_arrays makes one"
        )
    return data


def _task(variant: Variant, key: Hashable, data: Dataset, seed: int) -> Task:
    training = variant.training
    steps = training.steps(len(data.train.y)) * training.epochs
    if steps > MOST_STEPS:
        raise UsageError(f"a run must be of at most {MOST_STEPS} steps, got {steps} of variant {key!r}; lower epochs")
    classes = None if data.classes is None else len(data.classes)
    outputs = training.outputs(classes, data.train.y.shape[-1])
    build = functools.partial(_build, variant, key, data.input_shape, outputs, seed)
    return Task(build, data, training, seed)


def _build(variant: Variant, key: Hashable, input_shape: tuple[int, ...], outputs: int, seed: int) -> "keras.Model":
    import keras

    with _names_from_zero():
        factory = functools.partial(variant.model, input_shape, outputs, seed=seed)
        model = _somebodys(factory, f"variant {key!r} cannot build its model")
    if not isinstance(model, keras.Model):
        raise DataError(f"the factory of variant {key!r} must return a keras.Model, got {type(model).__name__}")
    _refuse_lost_penalties(model, key)
    return model


def _somebodys(function: Callable[[], Any], failure: str) -> Any:
    """Call a loader or factory. It may be anybody's code: whatever it raises is reported as one sentence."""
    try:
        return function()
    except (UsageError, DataError, MemoryError):
        raise
    except SystemExit as end:
        code = "" if end.code is None else repr(end.code)
        raise DataError(f"{failure}: it called sys.exit({code}); let it return, or raise an error instead") from end
    except Exception as error:
        # TensorFlow's own word for too little memory, by name: a loader may run before TensorFlow is there.
        if type(error).__name__ == "ResourceExhaustedError":
            raise MemoryError from error
        raise DataError(f"{failure}: {type(error).__name__}: {error}") from error


def _refuse_lost_penalties(model: "keras.Model", key: Hashable) -> None:
    """Refuse a regularizer that was set on a layer when its weights were already made: Keras ignores it in silence."""
    for layer in model._flatten_layers():
        for name in (name for name in dir(layer) if name.endswith("_regularizer")):
            weight = name.removesuffix("_regularizer")
            variables = [getattr(layer, weight, None), getattr(layer, f"{weight}_kernel", None)]
            lost = any(getattr(variable, "regularizer", name) is None for variable in variables)
            if getattr(layer, name) is not None and lost:
                raise DataError(
                    f"variant {key!r} has a {name} on the layer {layer.name!r} that reaches no weight, because it was "
                    "set after the layer was built; give it to the layer when it is made"
                )


@contextlib.contextmanager
def _names_from_zero() -> Iterator[None]:
    """Let Keras name layers as in a fresh process, so that a model does not depend on those that were built before.

    With Keras's own counters a factory whose names clash may fail for the first model of a process and for no other.
    """
    from keras.src.backend.common import global_state

    before = global_state.get_global_attribute("object_name_uids")
    global_state.set_global_attribute("object_name_uids", None)
    try:
        yield
    finally:
        global_state.set_global_attribute("object_name_uids", before)
