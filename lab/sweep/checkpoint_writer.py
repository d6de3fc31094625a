"""Checkpoints written by a thread while training goes on: one at a time, and what comes of each is told later.

Training waits only for the copy of its state. Hashing, writing and waiting for the disk take most of the time, and need
neither Python nor all cores.
"""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.engine.training_state import State

Write = Callable[[Path, State, Mapping[str, Any]], None]
"""Writes a file, as `lab.sweep.checkpoint_file.write` does."""


@dataclass(frozen=True)
class Written:
    """The end of a writing.

    Args:
        path: of the file.
        runs: whose state it is.
        epoch: after which it is.
        cpu: the seconds of a core that it took.
        error: what was raised; None if the file is there.
    """

    path: Path
    runs: Sequence[str]
    epoch: int
    cpu: float
    error: Exception | None


class Writer:
    """Writes one file after the other, in a thread.

    Its methods are called by the thread that trains. A state is let go as soon as it is written: there is never more
    than one of them.

    Args:
        clock: returns seconds.

    Attributes:
        path: of the file that is being written; None while there is none.
        seconds: that the last one took.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.path: Path | None = None
        self.seconds = 0.0
        self.thread: threading.Thread | None = None
        self.written: Written | None = None

    def begin(self, write: Write, path: Path, state: State, header: Mapping[str, Any]) -> None:
        """Begin to write a state; what was begun before has been taken by `ended`."""

        def work(state: State) -> None:
            _give_way()
            began, error = self.clock(), None
            try:
                write(path, state, header)
            except Exception as raised:
                error = raised
            self.seconds = self.clock() - began
            self.written = Written(path, header["runs"], state.epoch, time.thread_time(), error)

        # A process that ends by itself waits for it, as it is no daemon.
        self.path = path
        self.thread = threading.Thread(target=work, args=(state,), name="checkpoint")
        self.thread.start()

    def ended(self, wait: bool) -> Written | None:
        """Return what came of the writing that was begun, once; None if there is none.

        Args:
            wait: whether to wait for it; otherwise the result is None while it goes on.
        """
        if self.thread is None or (not wait and self.thread.is_alive()):
            return None
        self.thread.join()
        self.thread = self.path = None
        written, self.written = self.written, None
        return written


def _give_way() -> None:
    """Let all other threads go first; only Linux knows priorities of threads."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
