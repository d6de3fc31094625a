"""One process at a time trains an experiment: a lock that the kernel frees when its holder dies, however it dies."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import filelock

from lab.checks import DataError
from lab.results.files import make_folder, write_atomically

try:
    import fcntl
except ImportError:  # Windows, where filelock asks
    fcntl = None  # type: ignore[assignment]

LOCK, HOLDER = ".driver", ".driver-holder"

PATIENCE = 0.2
"""Seconds for which the lock is asked for: whoever looks whether an experiment is run holds it for a moment."""


class Hold:
    """The lock of an experiment's folder, which this process holds.

    Args:
        folder: of the experiment.

    Raises:
        DataError: another process holds it; the sentence says which.
        OSError: the folder cannot be made or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._take()

    def _take(self) -> None:
        folder = self.folder
        make_folder(folder)
        self._lock = filelock.FileLock(folder / LOCK)
        try:
            self._lock.acquire(timeout=PATIENCE, poll_interval=PATIENCE / 10)
        except filelock.Timeout:
            raise DataError(
                f"{folder.name} must be run by one process at a time, got another that runs it now "
                f"({_holder(folder)}); wait for it, or stop it: what is published stays"
            ) from None
        self._file = _identity(folder / LOCK)
        # Whoever asks for the lock empties its file, so the holder is named in a file of its own.
        write_atomically(folder / HOLDER, f"process {os.getpid()} on {socket.gethostname()}")

    def is_lost(self) -> bool:
        """Say whether somebody has removed the folder, so that another process could take a lock of its own."""
        return _identity(self.folder / LOCK) != self._file

    def regain(self) -> None:
        """Make the folder again and take its lock.

        Raises:
            DataError, OSError: as for a new one.
        """
        self._lock.release()
        self._take()

    def release(self) -> None:
        """Let other processes run the experiment."""
        if not self.is_lost():
            with contextlib.suppress(OSError):
                (self.folder / HOLDER).unlink()
        self._lock.release()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextlib.contextmanager
def only_driver(folder: Path) -> Iterator[Hold]:
    """Hold the lock of an experiment's folder while its runs are trained and its tables written.

    Two drivers of one experiment would train the same runs twice, and the later one would print the tables of both.

    Raises:
        DataError: another process holds it; the sentence says which.
        OSError: the folder cannot be made or written.
    """
    hold = Hold(folder)
    try:
        yield hold
    finally:
        hold.release()


def holder(folder: Path) -> str | None:
    """Return in words which process runs an experiment now; None where none does.

    The lock is asked, so a process that was killed counts as none whatever it left behind.
    """
    return _holder(folder) if is_held(folder / LOCK) else None


def is_held(path: Path) -> bool:
    """Say whether a process holds the lock of a file.

    Asking holds the lock shared for a moment, so that whoever wants it must ask for longer than that: `PATIENCE`.
    """
    if fcntl is None:
        lock = filelock.FileLock(path)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            return True
        lock.release()
        return False
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        # A file system without locks has no driver that holds one.
        return False
    finally:
        os.close(handle)
    return False


def _holder(folder: Path) -> str:
    try:
        return (folder / HOLDER).read_text(encoding="utf-8")
    except OSError:
        return "it has not said its number yet"
