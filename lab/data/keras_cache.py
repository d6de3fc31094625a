"""Files of Keras's cache, without letting Keras decide about them.

`keras.datasets` deletes a cached file whose hash is wrong if the download that should replace it fails, and unpacks
the CIFAR archives anew at each call, so that parallel workers read half-written files. Here Keras only downloads what
is absent, into a folder of its own; a file that is there is read as it is, once its content is known to be right,
and is never written, moved or deleted.
"""

import contextlib
import errno
import hashlib
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lab.checks import DataError
from lab.data.dataset import update

KINDS = {
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a named pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}
# Why a folder cannot be written, as opposed to a network that is not there.
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST)

KERAS_DATASETS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


@dataclass(frozen=True)
class Download:
    """A file that Keras publishes or points to.

    Args:
        file: where it is in the cache, relative to `folder()`.
        url: where it comes from.
        sha256: of the file; None where its reader knows the content instead.
        names: other names under which people put it there.
    """

    file: str
    url: str
    sha256: str | None = None
    names: tuple[str, ...] = ()


def folder() -> Path:
    """Return Keras's folder of data sets: `$KERAS_HOME/datasets`, or `~/.keras/datasets`."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "datasets"


def read(download: Download) -> bytes:
    """Return the content of a cached file, downloaded if it is absent.

    Raises:
        DataError: absent and not to be had; there but unreadable; not the content that was published.
    """
    there = (folder() / name for name in (download.file, *download.names))
    path = next((path for path in there if path.exists()), None) or fetch(download)
    raw = content(path)
    found = hashlib.sha256(raw).hexdigest()
    if download.sha256 not in (None, found):
        raise DataError(
            f"{path} is not the published file: its SHA-256 is {found} instead of {download.sha256}, so it may be "
            f"torn; it was left as it is, move it away and the next run downloads it again"
        )
    return raw


def content(path: Path) -> bytes:
    """Return what a file holds, or say in a `DataError` why it cannot be read.

    Only a file is opened: a named pipe without a writer would never end.
    """
    with _refused_where_unreadable(path):
        refuse_no_file(path)
        return path.read_bytes()


def refuse_no_file(path: Path) -> None:
    """Refuse a path at which there is no file to read, in a `DataError`."""
    with _refused_where_unreadable(path):
        kind = path.stat().st_mode
        if not stat.S_ISREG(kind):
            what = next((word for holds, word in KINDS.items() if holds(kind)), "something else")
            raise DataError(f"{path} must be a file and is {what}; name a file")
        path.open("rb").close()


@contextlib.contextmanager
def _refused_where_unreadable(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{path} is not there; check the path") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); name a readable file") from error


def fetch(download: Download) -> Path:
    """Download an absent file into the cache and return its path; a file that is there is left alone.

    Raises:
        DataError: the folder cannot be written or the download failed, with what to do.
    """
    path = folder() / download.file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        from filelock import FileLock

        # One of several workers downloads, the others wait and find the file.
        with FileLock(path.with_name(f".{path.name}.lock")):
            if not path.exists():
                with _workshop(path) as place:
                    _download(download, place).rename(path)
    # Keras raises a bare Exception for a network that is not there.
    except Exception as error:
        if isinstance(error, OSError) and error.errno in UNWRITABLE:
            raise DataError(
                f"{path} is not there and could not be written ({error.strerror}); free or unlock its folder, or let "
                f"KERAS_HOME name another one"
            ) from error
        raise DataError(
            f"{path} is not there and could not be downloaded ({error}); get {download.url} on a machine with a "
            f"network and put it there under this name"
        ) from error
    return path


@contextlib.contextmanager
def _workshop(path: Path) -> Iterator[Path]:
    """Make the folder in which a file is made before it is moved to its path, and remove it in the end.

    Its name follows from the path, so that the next one to hold the path's lock clears what a killed one left.
    """
    place = path.with_name(f".making-{path.name}")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _download(download: Download, place: Path) -> Path:
    # Keras shows its progress on stdout, which belongs to results.
    with contextlib.redirect_stdout(sys.stderr):
        import keras

        name = Path(download.file).name
        return Path(keras.utils.get_file(name, origin=download.url, file_hash=download.sha256, cache_subdir=str(place)))


def unpacked(download: Download, unpack: Callable[[bytes], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the arrays of an archive, unpacked once and kept as an .npz beside it for the next reader.

    Args:
        download: the archive.
        unpack: makes named arrays of its content.
    """
    path = folder() / f"lab-{Path(download.file).name}-{(download.sha256 or '')[:12]}.npz"
    return once(path, lambda: unpack(read(download)))


def once(path: Path, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return named arrays, made once and kept as an .npz for the next reader.

    The .npz carries a digest of its arrays and appears by one rename; one that is torn is made again. Where it
    cannot be written (a read-only folder, a full disk), the arrays are simply made at each call.

    Args:
        path: of the .npz.
        make: computes the arrays.
    """
    if (arrays := _kept(path)) is not None:
        return arrays
    from filelock import FileLock

    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire()
    except OSError:
        return make()
    # One of several workers makes them, the others wait and find its file.
    try:
        if (arrays := _kept(path)) is not None:
            return arrays
        arrays = make()
        with contextlib.suppress(OSError):
            _publish(path, arrays)
        return arrays
    finally:
        lock.release()


def _kept(path: Path) -> dict[str, np.ndarray] | None:
    """Return the arrays of an .npz that `once` made, or None where there is none or it is torn."""
    # Whatever is wrong with it, it is ours and is made again. NumPy leaves a torn file open that it opened itself.
    with contextlib.suppress(Exception):
        if path.is_file():
            with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            if str(arrays.pop("digest")) == _digest(arrays):
                return arrays
    return None


def _publish(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with _workshop(path) as place:
        with (place / path.name).open("wb") as file:
            np.savez(file, digest=np.array(_digest(arrays)), **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        os.replace(place / path.name, path)


def _digest(arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(arrays):
        digest.update(name.encode())
        update(digest, arrays[name])
    return digest.hexdigest()
