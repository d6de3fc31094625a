"""A sweep whose driver is killed again and again, at any moment and at any step of writing, ends as if it had not been.

`make chaos` does the same 200 times and says how many seconds of training were lost.
"""

import json
import os
import random

import pytest

from tests.chaos import Chaos, Log
from tests.chaos_sweep import Lost, Sweep, contents, problems
from tests.selection import quick


@pytest.mark.timeout(900)
@pytest.mark.skipif(os.name != "posix", reason="processes are forked")
@pytest.mark.parametrize(("engine", "kills"), quick([("cohort", 1), ("cohort", 3), ("workers", 2)]))
def test_a_sweep_that_is_killed_leaves_the_same_bytes(tmp_path, engine, kills):
    if engine == "workers":
        pytest.importorskip("distributed")
    chaos = Chaos(tmp_path, random.Random(3), epochs=40, every=0.2)
    try:
        whole = contents(chaos.sweep("whole", engine, 0).folder)
        assert sum(name.endswith("run.json") for name in whole) == 8
        done = 0
        while done < kills:
            sweep = chaos.sweep(f"after {done} kills", engine, kills - done)
            done += len(sweep.ends)
            assert problems(sweep, whole) == []
    finally:
        chaos.close()


def test_what_a_kill_costs_is_training_that_is_done_again_and_apart_from_it_what_was_compiled_in_vain(tmp_path):
    lines = [
        # The first epoch compiles.
        (0, 1, "begin", ["a", "b"], 0),
        (10, 1, "epoch", ["a", "b"], 1),
        (11, 1, "epoch", ["a", "b"], 2),
        (11.5, 1, "checkpoint", ["a", "b"], 2),
        (12, 1, "epoch", ["a", "b"], 3),
        (20, 2, "begin", ["a"], 2),
        (30, 3, "begin", ["a"], 2),
        (31, 3, "killed", [], 0),
        (40, 4, "begin", ["a"], 1),
    ]
    journal = tmp_path / "x.journal"
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    sweep = Sweep(tmp_path / "x", journal, every=0.5, ends=[{1: 12.25}, {2: 25.0}, {3: 33.0}])
    assert sweep.lost() == [Lost(1.25, 1.5, 0.0), Lost(1.0, 1.5, 4.0), Lost(1.0, 1.5, 0.0)]
    assert sweep.ignored() == ["a began after epoch 1 and not after 2"]


def test_a_chaos_run_goes_on_from_its_log_and_a_torn_line_counts_for_nothing(tmp_path):
    log = Log(tmp_path / "log")
    assert log.sweeps() == []
    log.add(engine="cohort", every=0.5, lost=[Lost(0.2, 0.6, 3.0), Lost(0.7, 0.6, 0.0)], outlived=0.0, problems=[])
    with log.path.open("a") as file:
        file.write('{"engine": "wor')
    log.add(engine="workers", every=0.5, lost=[Lost()], outlived=1.0, problems=["y differs"])
    assert [len(sweep["lost"]) for sweep in log.sweeps()] == [2, 1]
    assert log.told().splitlines() == [
        "3 kills in 2 sweeps, a checkpoint every 0.5 s",
        "training lost per kill: median 0.20 s, nine of ten at most 0.70 s, largest 0.70 s",
        "1 lost more than the interval and an epoch; 0.70 s instead of 0.60 s",
        "compiled in vain by the first epoch of a process, beside that: median 0.00 s, nine of ten at most 3.00 s, "
        "largest 3.00 s",
        "the last worker of a driver ended at most 1.0 s after it",
        "sweep 1 (workers): y differs",
    ]
