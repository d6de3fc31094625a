"""A copy of the tree in which a fault is planted, and processes that ask the tests there.

What takes seconds to import, TensorFlow before all, is imported once; each fault has a process forked from that one, in
which nothing of the lab was imported yet. TensorFlow has computed nothing by then, so it can be forked. The tests that
start processes of their own find the fault in the copy too.
"""

import importlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import pytest

from tests.mutation.rooms import ROOT

HEAVY = ("hypothesis", "scipy.stats", "pandas", "sklearn.linear_model", "matplotlib.pyplot", "altair", "keras")
ARGUMENTS = [
    "-q",
    "-m",
    "not slow",
    "-p",
    "no:cacheprovider",
    "--no-header",
    "-W",
    "ignore::pytest.PytestWarning",
]


def import_heavy() -> None:
    """Import what the tests need and what is not planted in, without what TensorFlow says of the machine."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        for name in HEAVY:
            importlib.import_module(name)
    finally:
        os.dup2(kept, 2)


@contextmanager
def copied(folder: Path) -> Iterator[Path]:
    """Copy what is planted in, and link the rest; the copy is removed at the end."""
    folder.mkdir(parents=True)
    try:
        for path in ROOT.iterdir():
            if path.name in ("lab", "tests", "experiments"):
                shutil.copytree(path, folder / path.name)
            elif path.name not in ("mutants", ".git", ".hypothesis"):
                (folder / path.name).symlink_to(path)
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def planted(path: Path, text: str) -> Iterator[None]:
    """Put another text into a file, and the old one back at the end."""
    before = path.read_bytes()
    try:
        path.write_bytes(text.encode())
        for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
            compiled.unlink()
        yield
    finally:
        path.write_bytes(before)
        # Byte code is told from older by whole seconds: none of the fault may be left.
        for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
            compiled.unlink()


def in_process(work: Callable[[], Any], tree: Path, *, limit: float) -> Any:
    """Return what a function returns in a forked process that works in a copy of the tree.

    Args:
        work: the function; what it returns must be JSON.
        tree: the copy.
        limit: after so many seconds the process and those it has started are killed.

    Returns:
        What it returned, or None where it was killed or ended otherwise.
    """
    answer = tree / ".answer.json"
    answer.unlink(missing_ok=True)
    sys.stdout.flush()
    process = os.fork()
    if process == 0:
        try:
            _move_to(tree)
            answer.write_text(json.dumps(work()), encoding="utf-8")
        finally:
            os._exit(0)
    end, has_ended = time.monotonic() + limit, False
    try:
        while not has_ended and time.monotonic() < end:
            time.sleep(0.02)
            has_ended = os.waitpid(process, os.WNOHANG) != (0, 0)
    finally:  # an interruption does not reach it, as it leads a group of its own
        _kill(process)  # and what its tests may have left running
        if not has_ended:
            os.waitpid(process, 0)
    return json.loads(answer.read_text(encoding="utf-8")) if answer.exists() else None


def run_tests(file: str, plugin: object, *arguments: str) -> int:
    """Run the tests of a file in this process with more arguments of pytest, and return its exit code."""
    return int(pytest.main([*ARGUMENTS, *arguments, file], plugins=[plugin]))


def _move_to(tree: Path) -> None:
    """Let this process find the lab and the tests in a copy of the tree, silently and in a group of its own."""
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.chdir(tree)
    os.environ["PYTHONPATH"] = str(tree)
    sys.path[:] = [str(tree), *(path for path in sys.path if path not in ("", str(ROOT)))]
    for name in list(sys.modules):
        if name.partition(".")[0] in ("lab", "tests", "experiments"):
            del sys.modules[name]
    importlib.invalidate_caches()


def _kill(process: int) -> None:
    try:
        os.killpg(process, signal.SIGKILL)
    except ProcessLookupError:
        return
