"""One run of a cohort: its history so far, the time it took, and what is handed over of it in the end."""

from dataclasses import dataclass, field

import numpy as np

from lab.engine.task import Task, Trained


@dataclass
class Member:
    """A run of a cohort in training.

    Args:
        task: the run.
        parameters: how many numbers its model trains.
        rates: the learning rates, of shape (epochs, steps).
        seconds: the time it took outside of its epochs.
        rows: its history so far.
        epoch_seconds: the time of each epoch so far.
    """

    task: Task
    parameters: int
    rates: np.ndarray
    seconds: float
    rows: list[dict[str, float]] = field(default_factory=list)
    epoch_seconds: list[float] = field(default_factory=list)

    def result(
        self,
        *,
        kept: int | None,
        diverged: bool,
        test: dict[str, float] | None,
        weights: list[np.ndarray] | None,
        last: list[np.ndarray] | None,
    ) -> Trained:
        """Return its result; the arguments are those of `Trained` with similar names."""
        return Trained(
            engine="cohort",
            status="diverged" if diverged else "finished",
            kept_epoch=kept,
            rows=self.rows,
            test=test,
            weights=weights,
            last_weights=last,
            parameters=self.parameters,
            seconds=self.seconds + sum(self.epoch_seconds),
            epoch_seconds=self.epoch_seconds,
        )
