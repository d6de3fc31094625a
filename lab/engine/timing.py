"""The seconds that a step of training takes: of runs that train alone, each in a cohort of its own, and take turns.

What is timed is the compiled program that trains the run, with the drawing of its batches and without measuring. In a
cohort of many runs a step costs less than the sum of these, and how its time would be shared out is not known.
"""

import time
from collections.abc import Sequence

import numpy as np

from lab.checks import UsageError
from lab.engine import cohort
from lab.engine.blueprint import blueprint
from lab.engine.loop import Loop
from lab.engine.task import Task

ROUNDS = 7
"""How often each run has its turn."""

STEPS = 100
"""The most steps of a turn: an epoch, if it has fewer."""


def seconds_per_step(tasks: Sequence[Task], names: Sequence[str], rounds: int = ROUNDS) -> np.ndarray:
    """Time the first steps of runs.

    Args:
        tasks: the runs.
        names: how a refusal names each of them, as in "variant 'l2' at seed 0".
        rounds: how often each is timed, at least 1. The runs take turns, so that a machine that slows down for a while
            does so for all of them.

    Returns:
        The seconds per step of each run and round, of shape (runs, rounds).

    Raises:
        UsageError, DataError: a model cannot be built, or no cohort can train it.
    """
    plan = cohort.group(tasks)
    for error in plan.failed.values():
        raise error
    for i, reason in plan.refused.items():
        raise UsageError(
            f"{names[i]} must be one that a cohort can train to be timed, got one that it cannot ({reason}); leave it "
            "out"
        )
    loops = {}
    for group in plan.groups:
        for i, known in zip(group.indices, group.blueprints, strict=True):
            # One that has operations without a rule is built again, as `cohort.train` does.
            member = known or blueprint(tasks[i], with_values=True)
            loops[i] = Loop([tasks[i]], [member], {}, time.perf_counter())
    for loop in loops.values():
        _turn(loop)  # Compiles.
    return np.array([[_turn(loops[i]) for i in range(len(tasks))] for _ in range(rounds)]).T


def _turn(loop: Loop) -> float:
    """Train the first steps of the first epoch, and return the seconds of one."""
    rates = loop.runs[0].rates[0][:, None]
    steps = min(STEPS, len(rates))
    began = time.perf_counter()
    loop.take_steps(1, rates, loop.numbers(), steps)
    return (time.perf_counter() - began) / steps
