"""What measures is compiled beside the first epoch, which changes no bit."""

import contextlib
import threading

import pytest

from lab.engine import beside, cohort, loop
from lab.engine.program import Program
from lab.training import Training
from tests.cohorts import identical, task, together

TASKS = [task(training=Training(epochs=2, batch_size=16), seed=s, widths=(6,)) for s in range(3)]


def test_what_measures_is_compiled_in_the_first_epoch_only_and_changes_no_bit(monkeypatch):
    seen = []

    @contextlib.contextmanager
    def noted(program, *rest):
        before = bool(program.compiled)
        with beside.measuring_compiled(program, *rest):
            yield
        seen.append((before, bool(program.compiled)))

    monkeypatch.setattr(loop, "measuring_compiled", noted)
    mine = together(TASKS)
    assert seen == [(False, True), (True, True)]
    monkeypatch.setattr(loop, "measuring_compiled", lambda *_: contextlib.nullcontext())
    assert all(identical(a, b) for a, b in zip(mine, together(TASKS), strict=True))


def test_a_failure_of_what_measures_is_raised_where_it_measures_and_leaves_no_thread(monkeypatch):
    def fails(*_):
        raise ValueError("no room")

    monkeypatch.setattr(Program, "_measure", fails)
    with pytest.raises(ValueError, match="no room"):
        cohort.train(TASKS)
    assert "compiling what measures" not in [thread.name for thread in threading.enumerate()]
