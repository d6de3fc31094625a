"""Which test reaches which line of a room, recorded once for each test file, and how long the test takes."""

import hashlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coverage
import pytest

from tests.mutation.planting import in_process, run_tests
from tests.mutation.rooms import ROOT, asked_of, files_of

LONGEST = 600
LONGEST_TEST = 30
"""Seconds after which a file and a test are given up, and not asked."""


@dataclass(frozen=True)
class Reach:
    """The lines that the tests of one file reach.

    Attributes:
        file: the test file.
        seconds: of each test that passed where nothing was planted, how long it took.
        lines: by "path:line", the tests that reach the line; the name of the file stands for all of them.
        elsewhere: the tests that start processes of their own, in which nobody sees what they reach.
    """

    file: str
    seconds: dict[str, float]
    lines: dict[str, list[str]]
    elsewhere: list[str]

    def of(self, path: str, first: int, last: int) -> list[str]:
        """Return the tests that reach some lines, the quickest first: all of the file where an import runs one."""
        names = {name for line in range(first, last + 1) for name in self.lines.get(f"{path}:{line}", [])}
        chosen = self.seconds if self.file in names else {*names, *self.elsewhere} & set(self.seconds)
        return sorted(chosen, key=lambda name: self.seconds[name])


def record(room: str, tree: Path, folder: Path) -> list[Reach]:
    """Return what each test file of a room reaches; files that did not change since are not run again."""
    found = []
    for file in asked_of(room):
        key = _digest([*files_of(room), *sorted((ROOT / "tests").glob("[!t]*.py")), ROOT / file])
        store = folder / f"{room}.{Path(file).stem}.json"
        kept = json.loads(store.read_text(encoding="utf-8")) if store.exists() else {}
        if kept.get("key") != key:
            print(f"recording what {file} reaches of {room}", flush=True)
            kept = in_process(lambda file=file: _recorded(room, file), tree, limit=LONGEST) or {
                "seconds": {},
                "lines": {},
                "elsewhere": [],
            }
            if not kept["seconds"]:
                print(f"  no test of it passes within {LONGEST} s: it is not asked")
            store.write_text(json.dumps(kept | {"key": key}), encoding="utf-8")
        found.append(Reach(file, kept["seconds"], kept["lines"], kept["elsewhere"]))
    return found


def _recorded(room: str, file: str) -> dict[str, Any]:
    """Run a test file under coverage, each test as a context."""
    here = Path.cwd()
    paths = {str(here / path.relative_to(ROOT)): str(path.relative_to(ROOT)) for path in files_of(room)}
    measured = coverage.Coverage(data_file=None, include=list(paths), config_file=False)
    watcher = _Watcher(measured, file)
    measured.start()
    measured.switch_context(file)
    run_tests(file, watcher, "--timeout", str(LONGEST_TEST))
    measured.stop()
    lines = {}
    data = measured.get_data()
    for path, short in paths.items():
        for line, names in data.contexts_by_lineno(path).items():
            reached = sorted({name for name in names if name})
            if reached:
                lines[f"{short}:{line}"] = [file] if file in reached else reached
    return {"seconds": watcher.seconds, "lines": lines, "elsewhere": sorted(watcher.elsewhere)}


class _Watcher:
    """A plugin of pytest that tells coverage which test runs.

    What fixtures of a module, class or session run counts for all tests of the file, and so does what an import runs.
    """

    def __init__(self, measured: coverage.Coverage, file: str) -> None:
        self.measured, self.file, self.test = measured, file, file
        self.seconds: dict[str, float] = {}
        self.elsewhere: set[str] = set()
        sys.addaudithook(self._on_event)

    def _on_event(self, event: str, _: object) -> None:
        if event in ("subprocess.Popen", "os.fork", "os.posix_spawn", "os.exec"):
            self.elsewhere.add(self.test)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.test = item.nodeid
        self.measured.switch_context(self.test)
        self.start = time.monotonic()
        result = yield
        self.measured.switch_context(self.file)
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self.seconds[report.nodeid] = round(time.monotonic() - self.start, 3)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef) -> Iterator[None]:
        if fixturedef.scope != "function":
            self.measured.switch_context(self.file)
        result = yield
        self.measured.switch_context(self.test)
        return result


def _digest(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()
