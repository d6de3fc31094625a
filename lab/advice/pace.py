"""Pace: how long a batch of runs will take, from the batches before it.

A program takes some seconds to compile and, as it trains, some for each epoch whatever its number of runs; each run
that trains in it adds to that. How many of each is learned from the batches so far.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from lab.sweep.progress import Progress, both, heard_by, listening


@dataclass(frozen=True)
class Batch:
    """How long a batch of runs took.

    Args:
        runs: how many trained.
        programs: in how many compiled programs.
        fixed: the seconds in which nothing trained: building, compiling, writing. The first epoch is among them, as
            the compiling happens in it.
        training: the other seconds.
        epochs: of all programs.
        run_epochs: of all runs.
    """

    runs: int
    programs: int
    fixed: float
    training: float
    epochs: int
    run_epochs: int


@dataclass(frozen=True)
class Forecast:
    """How long batches of some programs will take.

    Args:
        fixed: the seconds in which nothing trains.
        programs: those that training takes, whatever the number of runs.
        run: those that it takes more for each run.
        known: the number of runs of the batch that this rests on most, if it rests on one.
    """

    fixed: float
    programs: float
    run: float
    known: float = math.inf

    def seconds(self, runs: int) -> float:
        """Return how long a batch of so many runs will take."""
        return self.fixed + self.programs + self.run * runs

    def at_most(self, runs: int) -> float:
        """Return how long a batch of so many runs will take if all of the training takes longer with more runs."""
        training = self.programs + self.run * min(runs, self.known)
        return self.fixed + training * max(1.0, runs / self.known)


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
        training, runs, programs, epochs, run_epochs = 0.0, 0, 0, 0, 0

        def on_epoch(members: Sequence[object], epoch: int, *_: object) -> None:
            nonlocal last, training, runs, programs, epochs, run_epochs
            now = self.clock()
            epochs, run_epochs = epochs + 1, run_epochs + len(members)
            if epoch == 1:
                runs, programs = runs + len(members), programs + 1
            else:
                training += now - last
            last = now

        try:
            with heard_by(both(listening(), Progress(on_epoch=on_epoch))):
                yield
        finally:
            if runs:
                fixed = self.clock() - begun - training
                self.batches.append(Batch(runs, programs, fixed, training, epochs, run_epochs))

    def forecast(self, programs: int) -> Forecast:
        """Return how long batches of so many programs will take: nothing where none was measured.

        The seconds are fitted by least squares, none of them negative.
        """
        from scipy.optimize import nnls

        if not self.batches:
            return Forecast(0.0, 0.0, 0.0)
        counts = np.array([(one.programs, 1) for one in self.batches], np.float64)
        compiling, once = nnls(counts, np.array([one.fixed for one in self.batches]))[0]
        epoch, run_epoch = self._training()
        epochs = sum(one.epochs for one in self.batches) / sum(one.programs for one in self.batches)
        run_epochs = sum(one.run_epochs for one in self.batches) / sum(one.runs for one in self.batches)
        return Forecast(compiling * programs + once, epoch * epochs * programs, run_epoch * run_epochs)

    def forecast_after_last(self) -> Forecast:
        """Return how long batches of the same settings as the last one will take, if they are as slow as it was."""
        if not self.batches:
            return self.forecast(1)
        last = self.batches[-1]
        epoch, run_epoch = self._training()
        usual = epoch * last.epochs, run_epoch * last.run_epochs
        slower = last.training / sum(usual) if sum(usual) else 1.0
        return Forecast(last.fixed, usual[0] * slower, usual[1] / last.runs * slower, last.runs)

    def _training(self) -> tuple[float, float]:
        """Return the seconds that an epoch takes: of a program, and of each of its runs."""
        from scipy.optimize import nnls

        counts = np.array([(one.epochs, one.run_epochs) for one in self.batches], np.float64)
        epoch, run_epoch = nnls(counts, np.array([one.training for one in self.batches]))[0]
        return float(epoch), float(run_epoch)
