"""The gain of an ensemble over its members, with intervals over groups that share no member; that of snapshots."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from lab.statistics.estimates import intervals, moments

ENSEMBLES = ("members", "groups", "measure", "mean", "low", "high", "gain", "gain_low", "gain_high")
"""The columns of the table of ensembles.

A row for each size and measure. `members`: the size. `groups`: how many ensembles of this size were made, no two of
which share a member. `mean`: of the measure over the groups, `low` and `high` the ends of its interval. `gain`: the
measure of a group minus the mean over its own members, averaged over the groups, with its interval. The intervals hold
for new nets on the same test split; they are missing where there is one group.
"""


def sizes(members: int) -> list[int]:
    """Return the sizes of ensembles that are measured: 1, 2, 4, 8, ... and all members."""
    powers = [2**power for power in range(members.bit_length()) if 2**power < members]
    return [*powers, members]


def ensembles(
    measured: Callable[[list[int]], dict[str, float]], members: int, confidence: float = 0.95
) -> pd.DataFrame:
    """Return how good ensembles of each size are, against their own members.

    Args:
        measured: returns the measures of the ensemble of some members, which are numbered from 0.
        members: how many there are, at least 1. A group is a run of neighbours; those left over belong to none.
        confidence: of the intervals.

    Returns:
        A table with the columns `ENSEMBLES`.
    """
    alone = [measured([member]) for member in range(members)]
    rows = []
    for size in sizes(members):
        groups = [list(range(start, start + size)) for start in range(0, members - size + 1, size)]
        made = alone if size == 1 else [measured(group) for group in groups]
        for name in alone[0]:
            values = np.array([found[name] for found in made])
            gains = values - [np.mean([alone[member][name] for member in group]) for group in groups]
            (mean, gain), low, high = _with_intervals(np.stack([values, gains]), confidence)
            rows.append((size, len(groups), name, mean, low[0], high[0], gain, low[1], high[1]))
    return pd.DataFrame(rows, columns=list(ENSEMBLES))


def snapshot_ensembles(
    measured: Callable[[int, list[int]], dict[str, float]], runs: int, cycles: int, confidence: float = 0.95
) -> pd.DataFrame:
    """Return how good ensembles of the last cycles of a run are, against the net of its last cycle alone.

    Args:
        measured: returns the measures of the ensemble of some cycles, numbered from 0, of a run, numbered likewise.
        runs: how many there are, at least 1.
        cycles: of each run.
        confidence: of the intervals over the runs.

    Returns:
        A table with the columns `ENSEMBLES`: a group is a run, and its gain is over the net of the last cycle.
    """
    last = [measured(run, [cycles - 1]) for run in range(runs)]
    rows = []
    for size in range(1, cycles + 1):
        newest = list(range(cycles - size, cycles))
        made = last if size == 1 else [measured(run, newest) for run in range(runs)]
        for name in last[0]:
            values = np.array([found[name] for found in made])
            gains = values - [found[name] for found in last]
            (mean, gain), low, high = _with_intervals(np.stack([values, gains]), confidence)
            rows.append((size, runs, name, mean, low[0], high[0], gain, low[1], high[1]))
    return pd.DataFrame(rows, columns=list(ENSEMBLES))


def _with_intervals(values: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n, mean, spread = moments(values, np.zeros(len(values)))
    return mean, *intervals(values, n, mean, spread, confidence, "t")
