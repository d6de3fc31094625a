"""Pace: how long a batch of runs will take, from the batches before it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from lab.sweep.progress import Progress, both, heard_by, listening


@dataclass(frozen=True)
class Batch:
    """How long a batch of runs took.

    Args:
        runs: how many trained.
        fixed: the seconds in which nothing trained: building, compiling, writing. The first epoch is among them, as
            the compiling happens in it.
        training: the other seconds.
    """

    runs: int
    fixed: float
    training: float

    def seconds(self, runs: int) -> float:
        """Return how long a batch of so many runs will take at most: fewer runs may take as long as these."""
        return self.fixed + self.training * max(1.0, runs / self.runs)


NONE = Batch(1, 0.0, 0.0)
"""A batch of no time."""


@dataclass(eq=False)
class Pace:
    """The batches that have been measured.

    Args:
        clock: returns seconds.
        batches: those in which something trained.
    """

    clock: Callable[[], float]
    batches: list[Batch] = field(default_factory=list)

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure what trains in the context as one batch, also if it ends with an error."""
        begun = last = self.clock()
        training, runs = 0.0, 0

        def on_epoch(members: Sequence[object], epoch: int, *_: object) -> None:
            nonlocal last, training, runs
            now = self.clock()
            if epoch == 1:
                runs += len(members)
            else:
                training += now - last
            last = now

        try:
            with heard_by(both(listening(), Progress(on_epoch=on_epoch))):
                yield
        finally:
            if runs:
                self.batches.append(Batch(runs, self.clock() - begun - training, training))

    def slowest(self, runs: int) -> Batch:
        """Return the batch by which one of so many runs takes longest; one of no time where none was measured."""
        return max(self.batches, key=lambda batch: batch.seconds(runs), default=NONE)

    @property
    def last(self) -> Batch:
        """The last batch; one of no time where none was measured."""
        return self.batches[-1] if self.batches else NONE
