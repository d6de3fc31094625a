"""A sweep whose driver is killed again and again, at any moment and at any step of writing, ends as if it had not been.

`make chaos` does the same 200 times and says how many seconds of training were lost.
"""

import os
import random

import pytest

from tests.chaos import Chaos
from tests.chaos_sweep import contents, problems

KILLS = 2


@pytest.mark.timeout(900)
@pytest.mark.skipif(os.name != "posix", reason="processes are forked")
@pytest.mark.parametrize("engine", ["cohort", pytest.param("workers", marks=pytest.mark.slow)])
def test_a_sweep_that_is_killed_again_and_again_leaves_the_same_bytes(tmp_path, engine):
    if engine == "workers":
        pytest.importorskip("distributed")
    chaos = Chaos(tmp_path, random.Random(3), epochs=200, every=0.2)
    try:
        whole = contents(chaos.sweep("whole", engine, 0).folder)
        assert sum(name.endswith("run.json") for name in whole) == 8
        kills = 0
        while kills < KILLS:
            sweep = chaos.sweep(f"after {kills} kills", engine, KILLS - kills)
            kills += len(sweep.ends)
            assert problems(sweep, whole) == []
            # No checkpoint that was written is lost: each process goes on from the last one of each run.
            written = {}
            for _, _, kind, runs, epoch in sweep.events():
                if kind == "begin":
                    assert all(epoch >= written.get(run, 0) for run in runs)
                elif kind == "checkpoint":
                    written.update(dict.fromkeys(runs, epoch))
    finally:
        chaos.close()
