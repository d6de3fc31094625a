"""The runs of an experiment: each a variant at a seed, declared, identified, ready to be trained."""

import contextlib
import functools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.checks import DataError, UsageError
from lab.identity import NUMERICS, declare, identify

if TYPE_CHECKING:
    import keras

    from lab.data import Dataset
    from lab.engine.task import Task
    from lab.experiment import Experiment, Variant


@dataclass(frozen=True)
class Run:
    """One variant at one seed, known by the hash of its declaration."""

    variant: str
    seed: int
    id: str
    declaration: Mapping[str, Any]
    task: "Task"

    @property
    def name(self) -> str:
        """The name of the run's folder."""
        return f"{self.variant}-seed{self.seed}-{self.id}"


def plan(experiment: "Experiment") -> list[Run]:
    """Return the runs of an experiment, seed by seed, with their data loaded.

    Raises:
        UsageError: a variant's loss and data do not fit, or a loader or factory has no identity.
        DataError: data cannot be used.
    """
    from lab.engine.task import Task

    loaded: dict[str, Dataset] = {}
    runs = []
    for seed in experiment.seeds:
        for name, variant in experiment.variants.items():
            load = functools.partial(variant.data, seed=seed) if experiment.redraw_data else variant.data
            identity, declaration = (_declared(name, variant, load, defaults) for defaults in (False, True))
            key = json.dumps(declaration["data"], sort_keys=True)
            if key not in loaded:
                loaded[key] = load()
            data = loaded[key]
            classes = None if data.classes is None else len(data.classes)
            outputs = variant.training.outputs(classes, data.train.y.shape[-1])
            ends = {"fingerprint": data.fingerprint, "seed": seed, "numerics": NUMERICS}
            build = functools.partial(_build, variant, name, data, outputs, seed)
            task = Task(build, data, variant.training, seed)
            runs.append(Run(name, seed, identify(identity | ends), declaration | ends, task))
    return runs


def _declared(name: str, variant: "Variant", load: "Callable[..., Dataset]", defaults: bool) -> dict[str, Any]:
    return {
        "data": declare(load, f"data of variant {name!r}", defaults=defaults),
        "model": declare(variant.model, f"model of variant {name!r}", omit=("seed",), defaults=defaults),
        "training": declare(variant.training, f"training of variant {name!r}", defaults=defaults),
    }


def _build(variant: "Variant", name: str, data: "Dataset", outputs: int, seed: int) -> "keras.Model":
    from lab.user_model import fit_for_training

    who, loss = f"variant {name!r}", variant.training.loss
    try:
        with _names_from_zero():
            return fit_for_training(variant.model, who, data.input_shape, outputs, loss, seed, data.train.x[:32])
    except (UsageError, DataError, MemoryError):
        raise
    except Exception as error:
        # The factory may be anybody's code: whatever it raises is told as one sentence.
        raise DataError(f"{who} cannot build its model: {type(error).__name__}: {error}") from error


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
