"""A folder of results that somebody removes while its runs train: it is made again, and what was lost is said."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lab.checks import DataError
from lab.results.driver import Hold
from lab.results.experiments import read_experiment, write_experiment
from lab.results.store import is_published
from lab.sweep.progress import Progress

LOOKS_EVERY = 1.0
"""Seconds between two looks at least; a run that ends is a reason to look at once."""


class Removal:
    """Looks whether the folder of an experiment is still there while its runs train.

    Args:
        folder: of the experiment.
        hold: its lock.
        on_note: told that the folder was removed.
        clock: returns seconds.
    """

    def __init__(
        self,
        folder: Path,
        hold: Hold,
        on_note: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder, self.hold, self.on_note, self.clock = folder, hold, on_note, clock
        self.experiment: Mapping[str, Any] = {}
        self.there: set[str] = set()
        self.lost: set[str] = set()
        self.looked = clock()

    def progress(self) -> Progress:
        """Return what looks now and then, and when a run has ended."""
        return Progress(on_plan=self._begin, on_epoch=self._now_and_then, on_end=self._at_the_end_of)

    def _begin(self, *_: object) -> None:
        self.experiment = read_experiment(self.folder)
        self.there = {name for name in self.experiment["runs"] if is_published(self.folder, name)}

    def _now_and_then(self, *_: object) -> None:
        if self.clock() - self.looked >= LOOKS_EVERY:
            self.look()

    def _at_the_end_of(self, run: Any, _: object) -> None:
        self.there.add(run.name)
        self.look()

    def look(self) -> None:
        """Make the folder again if it is gone.

        Raises:
            DataError: another process has made it and runs the experiment.
            OSError: it cannot be made.
        """
        self.looked = self.clock()
        if not self.hold.is_lost():
            return
        self.hold.regain()
        write_experiment(self.folder, self.experiment)
        gone = {name for name in self.there if not is_published(self.folder, name)}
        self.there -= gone
        self.lost |= gone
        self.on_note(
            f"{self.folder} was removed while its runs train, with {len(gone)} runs that were published; it is made "
            "again, and what trains goes on"
        )

    def refuse(self) -> None:
        """Raise what was lost and is not there again.

        Raises:
            DataError: runs were lost.
        """
        lost = [name for name in sorted(self.lost) if not is_published(self.folder, name)]
        if lost:
            raise DataError(
                f"{self.folder} was removed while its runs trained, and {len(lost)} published runs with it; the same "
                "command trains them again"
            )
