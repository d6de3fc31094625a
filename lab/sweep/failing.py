"""The runs of a sweep that fail: each costs no other, is written down with its reason, and is reported at the end."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.checks import DataError, UsageError
from lab.plan import Run, Unloaded
from lab.results.failures import (
    Failure,
    forget_failure,
    is_unloaded,
    read_failures,
    write_failure,
)
from lab.results.store import is_published
from lab.sweep.progress import Progress

AGAIN = "it failed before and is not tried again; --retry-failed tries it"


@dataclass(eq=False)
class Failing:
    """The runs of one sweep that fail.

    Args:
        folder: of the experiment.
        runs: of the experiment.
        unloaded: those of which there are no data.
        retry: whether runs that failed before are tried again.

    Attributes:
        skipped: for each run that failed before and is not tried again, by its name, the reason.
        reasons: of all that failed, in the order in which they were told of.
    """

    folder: Path
    runs: Sequence[Run]
    unloaded: Sequence[Unloaded]
    retry: bool = False
    skipped: dict[str, str] = field(default_factory=dict, init=False)
    reasons: list[str] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        before = read_failures(self.folder)
        for name, failure in before.items():
            if is_unloaded(failure):
                # Its data may be there by now, and a run that has them has another name.
                forget_failure(self.folder, name)
        for run in self.runs:
            if run.name in before and not is_published(self.folder, run.name) and not self.retry:
                self.skipped[run.name] = before[run.name].reason

    def tell(self, progress: Progress) -> None:
        """Tell of the runs that have failed before any is trained."""
        for one in self.unloaded:
            progress.on_failure(one, one.reason)
        for run in self.runs:
            if run.name in self.skipped:
                progress.on_failure(run, f"{self.skipped[run.name]} ({AGAIN})")

    def progress(self) -> Progress:
        """Return what writes down which runs fail, and forgets those that are published after all."""
        return Progress(on_failure=self._on_failure, on_end=lambda run, _: forget_failure(self.folder, run.name))

    def _on_failure(self, run: Any, reason: str) -> None:
        self.reasons.append(reason)
        if run.name in self.skipped:
            return
        fold = None if run.fold is None else run.fold[0]
        # A disk that is full keeps no reason; the run is missing, and is tried again.
        with contextlib.suppress(OSError):
            write_failure(self.folder, Failure(run.name, run.variant, run.seed, fold, reason))

    def refuse(self, error: UsageError | DataError | None = None) -> None:
        """Raise the first reason, if there is one, and say how many other runs failed.

        Args:
            error: what training raised; where it is not about runs that failed, it is raised as it is.
        """
        if error is not None and len(self.reasons) == len(self.unloaded) + len(self.skipped):
            raise error
        if self.reasons:
            others = len(self.reasons) - 1
            too = {0: "", 1: "; 1 other run failed too"}.get(others, f"; {others} other runs failed too")
            raise (DataError if error is None else type(error))(f"{self.reasons[0]}{too}") from error
