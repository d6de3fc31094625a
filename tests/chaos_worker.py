"""Loaded by the process from which workers are forked: workers then start in no time, keep a journal and can be killed.

Dask knows this way of starting workers, "forkserver", beside the one that the lab takes, "spawn". All else of a worker
is as always.
"""

import contextlib
import json
import os
from pathlib import Path

FOLDER = "LAB_CHAOS_FOLDER"
"""The environment variable with the folder into which each worker writes a file with its process id as its name."""


def _born() -> None:
    with contextlib.suppress(OSError):
        Path(os.environ[FOLDER], str(os.getpid())).touch()


def _armed(results: Path) -> None:
    """Let the worker that begins first die at the step of writing that was asked for, if one was."""
    from tests.chaos_driver import kill_at

    asked, taken = (results.with_name(f"{results.name}.{ending}") for ending in ("kill", f"kill.{os.getpid()}"))
    try:
        asked.rename(taken)
    except FileNotFoundError:
        return
    kill_at(results, *json.loads(taken.read_text()))


if FOLDER in os.environ:
    from tests.chaos_driver import load
    from tests.chaos_journal import keep_journal

    load()
    keep_journal(_armed)
    os.register_at_fork(after_in_child=_born)
