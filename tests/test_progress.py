"""Progress while runs train: the line of a terminal, the lines of a log, the time that is left."""

import io
import os
import re
import subprocess
import sys
import types

import pytest
from rich.console import Console

from lab.sweep.progress import Progress, TimeLeft, bar, heard_by, lines, listening, on_terminal


def named(variant, epochs=40, fold=None):
    training = types.SimpleNamespace(epochs=epochs)
    return types.SimpleNamespace(variant=variant, seed=0, fold=fold, task=types.SimpleNamespace(training=training))


ENDED = types.SimpleNamespace(status="finished", kept_epoch=3, rows=[{}] * 5, seconds=1.25, engine="cohort")


class TestTimeLeft:
    def clocked(self, runs, *seconds):
        times = iter(seconds)
        return TimeLeft(runs, clock=lambda: next(times))

    def test_the_first_epoch_which_compiles_is_no_measure_of_the_others(self):
        assert self.clocked(4, 100.0).after(1, 10, 4) is None

    def test_what_is_ahead_takes_as_long_as_what_is_done_took(self):
        left = self.clocked(4, 100.0, 102.0)
        left.after(1, 10, 4)
        assert left.after(2, 10, 4) == pytest.approx(16.0), "8 epochs of 2 seconds"

    def test_runs_that_have_not_begun_count_with_all_their_epochs(self):
        left = self.clocked(8, 100.0, 102.0)
        left.after(1, 10, 4)
        assert left.after(2, 10, 4) == pytest.approx(16.0 + 20.0)

    def test_runs_that_have_ended_take_no_more_time(self):
        left = self.clocked(4, 100.0, 102.0)
        left.after(1, 10, 4)
        left.ended += 2
        assert left.after(2, 10, 2) == pytest.approx(16.0), "half of the runs at half of the speed"
        left = self.clocked(4, 100.0, 102.0)
        left.after(1, 2, 4)
        left.ended += 4
        assert left.after(2, 2, 0) == 0.0


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
def test_the_line_of_a_terminal_holds_bar_count_and_times_at_any_width(columns):
    shown = io.StringIO()
    with bar(Console(file=shown, force_terminal=True, width=columns, color_system=None)) as progress:
        progress.on_plan(100, 12)
        runs = [named("a very long name of a variant"), named("another"), named("a third"), named("a fourth")]
        for epoch in (1, 2):
            progress.on_epoch(runs, epoch, 4, 0.51234)
        progress.on_end(runs[0], ENDED)
    text = [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", part) for part in re.split(r"[\r\n]", shown.getvalue())]
    drawn = [part for part in text if part.strip()]
    assert all(len(part) <= columns for part in drawn)
    assert re.match(r"━+\S* *13/100 runs 0:00:0\d 0:00:00 left epoch 2/40", drawn[-1])


def test_the_line_of_a_terminal_fills_it_and_is_gone_when_the_context_ends():
    shown = io.StringIO()
    with bar(Console(file=shown, force_terminal=True, width=100, color_system=None)) as progress:
        progress.on_plan(2, 0)
        progress.on_epoch([named("v" * 200)], 1, 1, 0.5)
        progress.on_end(named("v" * 200), ENDED)
    drawn = [part for part in re.split(r"[\r\n]", shown.getvalue()) if "vvv" in part]
    assert len(re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", drawn[-1])) == 100
    assert shown.getvalue().endswith("\x1b[1A\x1b[2K")


def test_no_count_is_shown_before_the_plan_is_known():
    shown = io.StringIO()
    with bar(Console(file=shown, force_terminal=True, width=80, color_system=None)) as progress:
        progress.on_wait("computing")
    assert "computing" in shown.getvalue()
    assert "runs" not in shown.getvalue()


def test_a_log_gets_one_line_per_run_that_ended():
    written = []
    progress = lines(written.append)
    progress.on_plan(3, 1)
    progress.on_end(named("l2"), ENDED)
    progress.on_end(named("l2", fold=(1, 5)), ENDED)
    assert written == [
        "3 runs, 1 already there",
        "[2/3] l2 seed 0: finished, kept epoch 3 of 5, 1.2 s (cohort)",
        "[3/3] l2 seed 0 fold 1: finished, kept epoch 3 of 5, 1.2 s (cohort)",
    ]


def test_quiet_says_only_what_was_found_and_mended(capsys):
    with on_terminal(Console(), quiet=True) as progress:
        progress.on_plan(3, 1)
        progress.on_end(named("l2"), ENDED)
        progress.on_note("a damaged run was set aside")
    assert capsys.readouterr() == ("", "a damaged run was set aside\n")


def test_verbose_writes_lines_on_a_terminal_too(capsys):
    with on_terminal(Console(force_terminal=True), verbose=True) as progress:
        progress.on_plan(3, 1)
    assert capsys.readouterr().out == "3 runs, 1 already there\n"


def test_what_a_study_trains_is_told_to_whoever_listens():
    heard = Progress()
    with heard_by(heard):
        assert listening() is heard
    assert listening() is not heard


SCRIPT = """
import types
from rich.console import Console
from lab.sweep.progress import on_terminal
run = types.SimpleNamespace(variant="l2", seed=0, task=types.SimpleNamespace(training=types.SimpleNamespace(epochs=9)))
with on_terminal(Console()) as progress:
    progress.on_plan(20, 3)
    for epoch in (1, 2, 3):
        progress.on_epoch([run], epoch, 1, 0.25)
"""


def test_a_real_terminal_of_80_columns_shows_one_line_without_breaking_it():
    pty = pytest.importorskip("pty")
    main, other = pty.openpty()
    size = {"COLUMNS": "80", "LINES": "24", "TERM": "xterm-256color"}
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=other, stderr=other, stdin=other, env=os.environ | size
    ) as process:
        os.close(other)
        read = b""
        try:
            while part := os.read(main, 65536):
                read += part
        except OSError:
            pass  # Linux reports the end of a terminal so.
        assert process.wait() == 0
    os.close(main)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", read.decode())
    drawn = [part for part in re.split(r"[\r\n]+", text) if part.strip()]
    assert all(len(part) <= 80 for part in drawn)
    assert re.search(r"━.* 3/20 runs 0:00:0\d 0:00:00 left epoch 3/9, best 0.25: l2", drawn[-1])
