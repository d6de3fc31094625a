"""Steering a sweep that runs: the process that runs it makes way for one that was given a changed declaration.

    results/<experiment>/.request    who asks, and for which plan; removed when it has what it asked for
    results/<experiment>/.asker      the kernel's lock that whoever asks holds for as long as it waits

The running process looks for a request at the end of every epoch. It ends only for one whose author lives: the lock
tells, so that nobody ends for the request of a process that was killed. What is published stays, checkpoints stay, and
the other process goes on from there.
"""

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import filelock

from lab.checks import DataError
from lab.results.driver import PATIENCE, holder, is_held
from lab.results.files import write_atomically
from lab.sweep import state
from lab.sweep.progress import HandedOverError, Progress

REQUEST, ASKER = ".request", ".asker"

LOOKS_EVERY = 0.25
"""Seconds between two looks for a request, or for the end of the process that was asked."""

BEGINS_WITHIN = 2.0
"""Seconds in which a process that has the lock says what it runs."""


def ask(folder: Path, names: Sequence[str], on_wait: Callable[[str], None]) -> str:
    """Ask the process that runs an experiment to hand it over, and wait until it has.

    Args:
        folder: of the experiment.
        names: of the runs that are wanted now.
        on_wait: called with a few words on what is waited for.

    Returns:
        A sentence on who has handed it over; "" where nobody runs it. Where somebody runs just these runs it is ""
        too, and `lab.results.only_driver` refuses to run them twice.

    Raises:
        DataError: another process is asking already.
    """
    runner = holder(folder)
    until = time.monotonic() + BEGINS_WITHIN
    while runner is not None and (sweep := state.read(folder)) is None and time.monotonic() < until:
        time.sleep(LOOKS_EVERY)
        runner = holder(folder)
    if runner is None or sweep is None or sweep.plan == state.digest(names):
        return ""
    lock = filelock.FileLock(folder / ASKER)
    try:
        lock.acquire(timeout=PATIENCE, poll_interval=PATIENCE / 10)
    except filelock.Timeout:
        raise DataError(
            f"{folder.name} is about to be handed over by {runner} to another process that asked before; wait for it"
        ) from None
    try:
        request = {"process": os.getpid(), "host": socket.gethostname(), "plan": state.digest(names)}
        write_atomically(folder / REQUEST, json.dumps(request))
        on_wait(f"waiting until {runner} ends its epoch and hands over")
        while holder(folder) is not None:
            time.sleep(LOOKS_EVERY)
    finally:
        with contextlib.suppress(OSError):
            (folder / REQUEST).unlink()
        lock.release()
    return f"{runner} has handed over, and this process goes on with the changed declaration"


def asked(folder: Path) -> str | None:
    """Return which process asks for an experiment, in words; None if none does."""
    try:
        request = json.loads((folder / REQUEST).read_bytes())
        who = f"process {request['process']} on {request['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return who if is_held(folder / ASKER) else None


class Handover:
    """Looks for a request while a sweep runs.

    Args:
        folder: of the experiment, whose lock this process holds.
        clock: returns seconds.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder = folder
        self.clock = clock
        self.looked = clock()
        self.who: str | None = None

    def is_asked(self) -> bool:
        """Say whether another process asks for the sweep; what can be kept for it is to be kept now."""
        if self.who is None and self.clock() - self.looked >= LOOKS_EVERY:
            self.who = asked(self.folder)
            self.looked = self.clock()
        return self.who is not None

    def _end_of_epoch(self, *_: Any) -> None:
        # A request that is seen only now was not seen when the checkpoint of this epoch could be written.
        if self.who is None:
            self.is_asked()
        else:
            self._end_if_asked()

    def _end_if_asked(self, *_: Any) -> None:
        if self.is_asked():
            raise HandedOverError(
                f"{self.folder.name} is handed over to {self.who}, which was given a changed declaration; what is "
                "published stays, and that process goes on from there"
            )

    def progress(self) -> Progress:
        """Return what ends the sweep at the end of an epoch, or before the next work that takes a while.

        Raises:
            HandedOverError: by its callbacks, where another process asks for the sweep.
        """
        return Progress(on_epoch=self._end_of_epoch, on_wait=self._end_if_asked)
