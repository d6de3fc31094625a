"""Half-written files and folders: each is held by a kernel lock while its writer lives, and swept once it is dead.

The lock ends with the process, however that ends, so neither a clock nor a process id on another machine can
make a live writer look dead. Where a file system has no locks nothing is swept.
"""

import contextlib
import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from lab.results.schema import PARTIAL

_OURS = re.compile(re.escape(PARTIAL) + "[0-9a-f]{32}")

try:
    import fcntl
except ImportError:  # Windows, which removes no open file
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def partial_file(folder: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Make a file that is to be written and renamed; it is removed if it was not renamed."""
    while True:
        path = folder / f"{PARTIAL}{uuid.uuid4().hex}"
        file = open(path, "xb")  # noqa: SIM115 (closed below)
        if _hold(file.fileno(), path):
            break
        file.close()
    try:
        with file:
            yield path, file
    finally:
        # Nothing is there to remove after a success.
        with contextlib.suppress(OSError):
            path.unlink()


@contextlib.contextmanager
def partial_folder(folder: Path) -> Iterator[Path]:
    """Make a folder that is to be filled and renamed; it is removed if it was not renamed."""
    while True:
        path = folder / f"{PARTIAL}{uuid.uuid4().hex}"
        path.mkdir()
        try:
            handle = os.open(path, os.O_RDONLY) if fcntl else None
        except FileNotFoundError:
            continue
        if handle is None or _hold(handle, path):
            break
        os.close(handle)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def sweep_folder(folder: Path) -> None:
    """Remove what killed processes left half-written in a folder; the folders in it are not searched."""
    for path in folder.glob(f"{PARTIAL}*"):
        # Other programs have files of such names too, where the results are in a folder of other things.
        if _OURS.fullmatch(path.name):
            with contextlib.suppress(OSError):
                _remove_if_left(path)


def _hold(handle: int, path: Path) -> bool:
    """Lock what was just made; False if somebody swept it before it was locked."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:
        return True
    return path.exists()


def _remove_if_left(path: Path) -> None:
    mode = path.lstat().st_mode
    # Anything else is no leftover of the lab, and opening a FIFO would wait for a writer.
    if fcntl is None or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if stat.S_ISDIR(mode):
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
    finally:
        os.close(handle)
