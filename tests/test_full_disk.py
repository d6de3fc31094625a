"""A disk that is full, or fails, at any moment: what can be published is, and the same bytes are there at the end."""

import builtins
import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab import results
from tests.test_results import history, record

RUNS = [("none", 0), ("l2", 0), ("dropout", 0)]
NAMES = [f"{variant}-seed{seed}-r{seed}" for variant, seed in RUNS]


def experiment(folder: Path) -> list[OSError]:
    """Publish what is missing of an experiment and rebuild its tables, as `lab.run` does; return what failed."""
    failures = []
    results.set_damaged_aside(folder, NAMES)
    about = {"name": "x", "question": "Why?", "baseline": "none", "runs": NAMES}
    try:
        results.write_experiment(folder, about)
        results.sweep(folder)
        for (variant, seed), name in zip(RUNS, NAMES, strict=True):
            if not results.is_published(folder, name):
                try:
                    results.publish(folder, name, history(40), record(variant, seed, rows=40))
                except OSError as error:
                    failures.append(error)
        if not failures:
            results.rebuild(folder)
    except OSError as error:
        failures.append(error)
    return failures


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all files by name, but for the locks, which are empty."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "x"
    assert experiment(folder) == []
    return contents(folder)


class Failing:
    """A disk whose n-th writing step fails with ENOSPC, and every later one too until it is `mended`."""

    def __init__(self, after: int, *, once: bool) -> None:
        self.left, self.once, self.steps = after, once, 0
        self.mended = False

    def step(self) -> None:
        self.steps += 1
        failing = self.steps == self.left if self.once else self.steps >= self.left
        if failing and not self.mended:
            raise OSError(28, "No space left on device")


def installed(monkeypatch: pytest.MonkeyPatch, disk: Failing) -> None:
    """Let the steps of writing go through a failing disk: making files and folders, syncing and renaming."""
    for module, name in ((os, "fsync"), (os, "rename"), (os, "replace"), (os, "mkdir")):
        working = getattr(module, name)

        def failing(*args, working=working, **keywords):
            disk.step()
            return working(*args, **keywords)

        monkeypatch.setattr(module, name, failing)
    opening = builtins.open

    def opened(file, mode="r", *args, **keywords):
        if set(mode) & set("wxa+"):
            disk.step()
        return opening(file, mode, *args, **keywords)

    monkeypatch.setattr(builtins, "open", opened)


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """The number of writing steps of an experiment."""
    disk = Failing(10**9, once=False)
    with pytest.MonkeyPatch.context() as patch:
        installed(patch, disk)
        experiment(tmp_path_factory.mktemp("counted") / "x")
    return disk.steps


@pytest.mark.parametrize("once", [False, True], ids=["full from there on", "fails once"])
def test_whatever_step_of_writing_fails_the_file_is_named_and_the_end_has_the_same_bytes(tmp_path, whole, steps, once):
    assert steps > 30
    for n in range(1, steps + 1):
        folder = tmp_path / str(n) / "x"
        disk = Failing(n, once=once)
        with pytest.MonkeyPatch.context() as patch:
            installed(patch, disk)
            failures = experiment(folder)
        # A step that failed once may have been taken again.
        assert failures or (once and contents(folder) == whole), f"step {n}"
        for error in failures:
            assert error.errno == 28
            assert str(error.filename).startswith(str(tmp_path / str(n))), f"step {n} names the file"
        lost = [name for name in NAMES if not results.is_published(folder, name)]
        # Without experiment.json nothing is published; a run that does not fit costs the others nothing.
        assert not once or len(lost) in (0, 1, len(NAMES))
        # What is there is whole: nothing torn has the name of a file.
        assert not results.set_damaged_aside(folder, NAMES)
        for name, content in contents(folder).items() if folder.exists() else ():
            assert name.split("/")[-1].startswith(".tmp-") or content == whole[name]
        assert experiment(folder) == []
        assert contents(folder) == whole


@contextlib.contextmanager
def small_disk(place: Path, kilobytes: int):
    """Mount a file system of this size, or skip the test where nobody may."""
    place.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={kilobytes}k", "none", str(place)]
    try:
        done = subprocess.run(["mount", *options], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount")
    if done.returncode:
        pytest.skip("mounting takes root")
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("free", [4, 12, 24, 36, 48])
def test_an_experiment_on_a_disk_that_is_really_full_goes_on_when_there_is_room(tmp_path, whole, free):
    place = tmp_path / "disk"
    with small_disk(place, 256):
        filler = place / "filler"
        filler.write_bytes(b"\0" * (256 - free) * 1024)
        failures = experiment(place / "x")
        assert failures
        for error in failures:
            assert (error.errno, str(error.filename).startswith(str(place))) == (28, True)
        for name, content in contents(place / "x").items() if (place / "x").exists() else ():
            assert content == whole[name]
        filler.unlink()
        assert experiment(place / "x") == []
        assert contents(place / "x") == whole


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
def test_output_that_cannot_be_written_is_said_in_one_sentence(unbuffered):
    command = [sys.executable, "-m", "lab", "compare", "weight_penalty", "--format", "csv"]
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "w") as stdout:
        ended = subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    assert ended.stderr == (
        "cannot write to standard output: No space left on device; what is published stays: send the output elsewhere\n"
    )
    assert ended.returncode == 1
