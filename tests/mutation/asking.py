"""Ask the tests that reach a fault, the quickest first, until one fails."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.mutation.faults import Fault
from tests.mutation.planting import in_process, planted, run_tests
from tests.mutation.reach import Reach
from tests.mutation.rooms import ROOT

BUDGET = 120  # seconds that the tests of one fault took where nothing was planted


@dataclass(frozen=True)
class Verdict:
    """Whether a fault was noticed.

    Attributes:
        fault: the fault.
        by: the test that failed, or "" where none did.
        asked: how many tests were to be asked, and passed where none failed.
    """

    fault: Fault
    by: str
    asked: int


def ask(fault: Fault, reaches: list[Reach], tree: Path) -> Verdict:
    """Plant a fault in the copy of the tree and ask the tests that reach it."""
    chosen = _chosen(fault, reaches)
    count = sum(len(tests) for _, tests in chosen)
    if not chosen:
        return Verdict(fault, "", 0)
    with planted(tree / fault.path, fault.planted((tree / fault.path).read_text(encoding="utf-8"))):
        by = in_process(lambda: _first_failure(chosen), tree, limit=60 + 10 * BUDGET)
    return Verdict(fault, "a process that did not end" if by is None else by, count)


def _chosen(fault: Fault, reaches: list[Reach]) -> list[tuple[str, dict[str, float]]]:
    """Return the test files that reach a fault, each with its tests, the cheapest first, within the budget."""
    # The room's own tests name its modules: they are asked before those that only pass by.
    word = Path(fault.path).parent.name if fault.path.endswith("__init__.py") else Path(fault.path).stem
    reached = []
    for reach in reaches:
        tests = {name: reach.seconds[name] for name in reach.of(fault.path, fault.first, fault.last)}
        if tests:
            is_near = word in (ROOT / reach.file).read_text(encoding="utf-8")
            reached.append((not is_near, sum(tests.values()), reach.file, tests))
    chosen, spent = [], 0.0
    for _, _, file, tests in sorted(reached, key=lambda one: one[:3]):
        kept = {}
        for name, needed in tests.items():
            if spent + needed <= BUDGET:
                kept[name] = needed
                spent += needed
        if kept:
            chosen.append((file, kept))
    return chosen


def _first_failure(chosen: list[tuple[str, dict[str, float]]]) -> str:
    for file, tests in chosen:
        asked = _Asked(file, tests)
        code = run_tests(file, asked, "-x")
        if asked.failed or code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            return asked.failed or f"{file}, which cannot be collected"
    return ""


class _Asked:
    """A plugin of pytest that leaves out the tests that are not asked, orders the others and remembers the failure."""

    def __init__(self, file: str, tests: dict[str, float]) -> None:
        self.file, self.tests, self.failed = file, tests, ""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        there = {item.nodeid: item for item in items}
        if missing := [name for name in self.tests if name not in there]:  # cases that are made from what was changed
            self.failed = missing[0]
        items[:] = [there[name] for name in self.tests if name in there]
        for item in items:  # a fault may make an endless loop
            item.add_marker(pytest.mark.timeout(30 + 20 * self.tests[item.nodeid]), append=False)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.failed = self.failed or report.nodeid


def drawn(candidates: list[Fault], sample: int | None, seed: int) -> Iterator[Fault]:
    """Yield a random sample of the faults with which a file is a program still, or all of them in their order."""
    order = random.Random(seed).sample(candidates, len(candidates)) if sample else candidates
    sources = {path: (ROOT / path).read_text(encoding="utf-8") for path in {fault.path for fault in candidates}}
    left = sample or len(candidates)
    for fault in order:
        if left and fault.is_python(sources[fault.path]):
            left -= 1
            yield fault
