"""The cache of downloaded data: kills, full disks and folders that cannot be written harm neither it nor the user."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import filelock
import numpy as np
import pytest

from lab import data
from lab.checks import DataError
from lab.data import images, keras_cache
from lab.data.keras_cache import Download
from tests.data_files import refused

ARCHIVE = Download("archive.bin", "https://example.org/archive.bin")
# Unpacks the archive in the folder that the first argument names, after the code in the second one.
WORKER = """
import os, resource, signal, sys
import numpy as np
from lab.data import keras_cache
from lab.data.keras_cache import Download

os.environ["KERAS_HOME"] = sys.argv[1]
savez = np.savez
def torn(file, **arrays):
    file.write(b"PK half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
exec(sys.argv[2])
made = keras_cache.unpacked(
    Download("archive.bin", "https://example.org/archive.bin"),
    lambda content: {"x": np.frombuffer(content, np.uint8)},
)
print(int(made["x"].sum()))
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache with an archive and two files of the user's."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    folder = tmp_path / "datasets"
    folder.mkdir()
    (folder / "archive.bin").write_bytes(b"\1" * 100_000)
    (folder / "mine.npz").write_bytes(b"mine")
    (folder / ".unpacked-mine.npz").write_bytes(b"mine too")
    return folder


def work(cache, first=""):
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", WORKER, str(cache.parent), first]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def there(cache):
    """Return the names of the files that are neither the user's nor locks."""
    users = {"archive.bin": b"\1" * 100_000, "mine.npz": b"mine", ".unpacked-mine.npz": b"mine too"}
    for name, content in users.items():
        assert (cache / name).read_bytes() == content
    return sorted(path.name for path in cache.iterdir() if path.name not in users and path.suffix != ".lock")


def unpack(cache):
    made = keras_cache.unpacked(ARCHIVE, lambda content: {"x": np.frombuffer(content, np.uint8)})
    return int(made["x"].sum())


def test_what_a_killed_worker_left_half_written_is_not_read_and_is_cleared_by_the_next_one(cache):
    killed = work(cache, "np.savez = torn")
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert there(cache) == [".making-lab-archive.bin-.npz"]
    assert unpack(cache) == 100_000
    assert there(cache) == ["lab-archive.bin-.npz"]


def test_on_a_full_disk_the_archive_is_unpacked_and_nothing_is_left(cache):
    # A limit on the size of a file ends the writing as a full disk does, halfway.
    full = work(cache, "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))")
    assert full.communicate(timeout=60) == ("100000\n", "")
    assert there(cache) == []


def test_workers_that_start_at_once_agree_and_leave_one_file(cache):
    workers = [work(cache) for _ in range(3)]
    assert [one.communicate(timeout=60) for one in workers] == [("100000\n", "")] * 3
    assert there(cache) == ["lab-archive.bin-.npz"]


def test_where_the_folder_cannot_be_locked_the_archive_is_unpacked(cache, monkeypatch):
    def denied(lock):
        raise PermissionError(errno.EROFS, os.strerror(errno.EROFS), lock.lock_file)

    monkeypatch.setattr(filelock.FileLock, "acquire", denied)
    assert unpack(cache) == 100_000
    assert there(cache) == []


def test_a_folder_of_the_users_in_the_place_of_the_unpacked_file_stays(cache):
    place = cache / "lab-archive.bin-.npz"
    place.mkdir()
    (place / "note").write_text("mine")
    assert unpack(cache) == 100_000
    assert (place / "note").read_text() == "mine"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_download_that_cannot_be_written_names_the_file_and_what_to_do(cache, monkeypatch, number):
    def failing(download, place):
        (place / "half").write_bytes(b"half")
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(keras_cache, "_download", failing)
    refused(
        data.mnist,
        DataError,
        f"{cache / 'mnist.npz'} is not there and could not be written ({os.strerror(number)}); free or unlock its "
        f"folder, or let KERAS_HOME name another one",
    )
    assert there(cache) == []


def test_a_cache_that_is_no_folder_is_said(monkeypatch):
    monkeypatch.setenv("KERAS_HOME", "/dev/null")
    refused(
        data.cifar10,
        DataError,
        f"/dev/null/datasets/{images.CIFAR10.file} is not there and could not be written (Not a directory); free or "
        f"unlock its folder, or let KERAS_HOME name another one",
    )


def test_what_a_killed_download_left_is_cleared_by_the_next_one(cache, monkeypatch):
    left = cache / ".making-file.bin"
    left.mkdir()
    (left / "half").write_bytes(b"half")

    def download(download, place):
        assert not list(place.iterdir())
        (place / "file.bin").write_bytes(b"whole")
        return place / "file.bin"

    monkeypatch.setattr(keras_cache, "_download", download)
    assert keras_cache.read(Download("file.bin", "https://example.org/file.bin")) == b"whole"
    assert there(cache) == ["file.bin"]


def test_a_named_pipe_in_the_cache_is_refused_without_waiting(cache):
    os.mkfifo(cache / "mnist.npz")
    refused(data.mnist, DataError, f"{cache / 'mnist.npz'} must be a file and is a named pipe; name a file")
