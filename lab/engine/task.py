"""A task, which an engine is given, and its result."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

    from lab.data import Dataset
    from lab.training import Training


History = Sequence[Mapping[str, float]]
"""The rows of a run, one per epoch, each with the columns of `lab.results.HISTORY`."""


@dataclass(frozen=True)
class Task:
    """One run, ready to be trained.

    Args:
        build: returns the run's fresh, uncompiled model, seeded with the run's seed.
        data: the three splits.
        training: how it is trained.
        seed: the run's seed, which decides the batches.
        recipe: equal for runs whose models differ by nothing but the numbers that `lab.seeds.derive` makes of the
            run's seed; None where that is not known, as of anybody's own factory.
        twin: equal for runs whose models are the same to the last bit; None where that is not known.
        factory: equal for runs whose models one factory makes for data of one form, whatever their seeds; None where
            that is not known.
        alike: whether such models are known to differ in their weights only, so that one with the weights of another
            computes what the other does.
    """

    build: Callable[[], "keras.Model"]
    data: "Dataset"
    training: "Training"
    seed: int
    recipe: Hashable = None
    twin: Hashable = None
    factory: Hashable = None
    alike: bool = False

    @property
    def part(self) -> np.ndarray | None:
        """The training examples that are measured after each epoch, as `Training.part` returns them."""
        return self.training.part(len(self.data.train.y), len(self.data.validation.y))


@dataclass
class Trained:
    """The result of a task.

    Args:
        engine: the engine's name, "keras_fit" or "cohort".
        status: "finished" or "diverged" (a loss was no longer finite; the row that shows it is the last).
        kept_epoch: the epoch of the lowest validation data loss, from 1; None if the first epoch diverged.
        rows: one dict per epoch, with the columns of `lab.results.HISTORY`.
        test: "loss", "data_loss", "penalty" and "accuracy" of the kept weights on the test split, measured
            once; None if no epoch was kept.
        weights: the kept weights, as `model.get_weights()` orders them; None if no epoch was kept.
        last_weights: those at the end of the last epoch, the same list where that epoch is kept; None if none is.
        parameters: how many numbers the model trains.
        seconds: the time of the whole run, without what `cohort.group` took to build its model; what a cohort does for
            several runs at once is divided equally among them.
        epoch_seconds: the time of each epoch, divided likewise.
        structure: equal for runs of one factory whose models differ in their weights only; None where that is not
            known.
    """

    engine: str
    status: str
    kept_epoch: int | None
    rows: list[dict[str, float]]
    test: dict[str, float] | None
    weights: list[np.ndarray] | None
    last_weights: list[np.ndarray] | None
    parameters: int
    seconds: float
    epoch_seconds: list[float] = field(default_factory=list)
    structure: Hashable = None
