"""One process at a time trains an experiment: a lock that the kernel frees when its holder dies, however it dies."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import filelock

from lab.checks import DataError
from lab.results.files import write_atomically

LOCK, HOLDER = ".driver", ".driver-holder"


@contextlib.contextmanager
def only_driver(folder: Path) -> Iterator[None]:
    """Hold the lock of an experiment's folder while its runs are trained and its tables written.

    Two drivers of one experiment would train the same runs twice, and the later one would print the tables of both.

    Raises:
        DataError: another process holds it; the sentence says which.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise DataError(
            f"{folder.name} must be run by one process at a time, got another that runs it now ({_holder(folder)}); "
            "wait for it, or stop it: what is published stays"
        ) from None
    try:
        # Whoever asks for the lock empties its file, so the holder is named in a file of its own.
        write_atomically(folder / HOLDER, f"process {os.getpid()} on {socket.gethostname()}")
        yield
    finally:
        with contextlib.suppress(OSError):
            (folder / HOLDER).unlink()
        lock.release()


def _holder(folder: Path) -> str:
    try:
        return (folder / HOLDER).read_text(encoding="utf-8")
    except OSError:
        return "it has not said its number yet"
