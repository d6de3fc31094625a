"""When the state of runs in training is written: so often that little is lost, so rarely that it costs little.

Where nobody says how often, it is written every 30 s, or as much less often as keeps what that costs below 2 % of the
time of training. Whoever says it gets it: then training even waits for a file that would be there too late.
"""

import os
from collections.abc import Callable

EVERY = 30.0
"""Seconds of training after which the state of the runs in training is written again, unless that costs too much."""

SHARE = 0.02
"""The largest share of the time of training that checkpoints cost where nobody says how often they are written."""


class Pace:
    """Says at each epoch's end whether the state of the runs is to be written.

    Args:
        every: the seconds of training that may be lost; 0 for no checkpoints, None for `EVERY`, or more where
            checkpoints would cost more than `SHARE` of the time.
        clock: returns seconds.

    Attributes:
        cost: the seconds that the last checkpoint cost.
    """

    def __init__(self, every: float | None, clock: Callable[[], float]) -> None:
        self.every = EVERY if every is None else every
        self.stretches = every is None
        self.clock = clock
        self.began: float | None = None
        self.taken = self.safe = self.epoch_ended = self.epoch = 0.0
        self.spent = self.cost = 0.0

    def begin(self) -> None:
        """Note that runs begin to train now."""
        self.taken = self.safe = self.epoch_ended = self.clock()
        if self.began is None:
            self.began = self.taken

    def end_epoch(self) -> None:
        """Note that an epoch ends now."""
        now = self.clock()
        self.epoch, self.epoch_ended = now - self.epoch_ended, now

    def due(self, writing: float) -> bool:
        """Say whether the state after this epoch is to be written: after one more it would be there too late.

        Args:
            writing: the seconds that writing it takes.
        """
        if not self.every or self.began is None:
            return False
        now = self.epoch_ended
        if self.stretches and self.spent + self.cost > SHARE * (now - self.began):
            return False
        return now - self.taken + self.epoch + writing > self.every

    def late(self) -> bool:
        """Say whether training is to wait for the file that is being written, as more than was asked for is at risk."""
        return not self.stretches and self.epoch_ended - self.safe + self.epoch > self.every

    def take(self, waited: float) -> None:
        """Note that the state of now is written from now on; the next epoch begins.

        Args:
            waited: the seconds in which training stood still for it.
        """
        self.taken = self.epoch_ended = self.clock()
        self.cost = 0.0
        self.pay(waited, 0.0)

    def pay(self, waited: float, cpu: float) -> None:
        """Note what the checkpoint that was taken last costs beside that.

        Args:
            waited: the seconds in which training stood still.
            cpu: those in which it went on with a core less.
        """
        cost = waited + cpu / (os.cpu_count() or 1)
        self.cost += cost
        self.spent += cost

    def keep(self) -> None:
        """Note that the state that was taken last is on the disk."""
        self.safe = self.taken
