"""Runs that are trained and not published: what studies and notebooks look into."""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from lab.checks import choice
from lab.engine import dispatch
from lab.experiment import Variant
from lab.plan import tasks
from lab.sweep.progress import listening

if TYPE_CHECKING:
    import keras

    from lab.engine.task import History, Task, Trained

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class _StudyRun:
    """A run of a study, which is not published and has no name, as progress is told of it."""

    variant: str
    seed: int
    task: "Task"
    fold: None = None


@dataclass(frozen=True, eq=False)
class TrainedRun:
    """A run that was trained and not published, for studies and notebooks.

    Args:
        task: its data, its model and its training.
        trained: its result: the history, the kept epoch, the test losses, the kept weights.
    """

    task: "Task"
    trained: "Trained"

    def model(self) -> "keras.Model":
        """Return the run's model with the kept weights, or with the initial ones if no epoch was kept."""
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
    leave: Callable[[Sequence[tuple[Key, int]], int, "Sequence[History]"], Collection[tuple[Key, int]]] | None = None,
) -> dict[tuple[Key, int], TrainedRun]:
    """Train each variant at each seed without publishing anything: for studies and notebooks.

    Args:
        variants: by name or any other key, such as (width, rate).
        seeds: of the runs.
        redraw_data: whether each seed is also the data seed, so that the loaders are called with `seed=seed`.
        engine: as for `lab.run.run`.
        leave: called after each epoch with the runs that trained in it together, as (key of the variant, seed), the
            epoch, and the rows of each, and returns those that end with it.

    Returns:
        The trained runs, by (key of the variant, seed), variant by variant.

    Raises:
        UsageError, DataError: the loss of a variant does not fit its data, data cannot be loaded or used, or a model
            cannot be built or trained.
    """
    choice("engine", engine, dispatch.ENGINES)
    planned = tasks(variants, seeds, redraw_data)
    progress = listening()
    keys, trained = list(planned), {}
    runs = [_StudyRun(_label(key), seed, task) for (key, seed), task in planned.items()]
    progress.on_plan(len(runs), 0)

    def keep(i: int, result: "Trained") -> None:
        trained[keys[i]] = result
        progress.on_end(runs[i], result)

    def leaving(members: Sequence[int], epoch: int, histories: "Sequence[History]") -> Collection[int]:
        return [] if leave is None else [keys.index(key) for key in leave([keys[i] for i in members], epoch, histories)]

    dispatch.train(
        list(planned.values()),
        [f"variant {key!r} at seed {seed}" for key, seed in keys],
        engine=engine,
        precision="exact",
        on_trained=keep,
        on_epoch=lambda members, *state: progress.on_epoch([runs[i] for i in members], *state),
        on_failure=lambda i, error: progress.on_failure(runs[i], str(error)),
        on_refusal=lambda i, reason: progress.on_refusal(runs[i], reason),
        on_wait=progress.on_wait,
        leave=leaving,
    )
    return {(key, seed): TrainedRun(planned[key, seed], trained[key, seed]) for key in variants for seed in seeds}


def _label(key: object) -> str:
    """Return the key of a variant as people read it: (64, 0.5) is "64 0.5"."""
    return " ".join(map(str, key)) if isinstance(key, tuple) else str(key)
