"""Decisions while seeds are still being added: valid although one looks after every batch.

Whoever tests at .05 after each batch of seeds and stops when something is shown errs in 19 of 100 experiments in which
nothing differs (see `sequential_p`). Here each look gets a part of the error, in proportion to its number of seeds: a
look that has half of the seeds asks for a p value half as large as the last look does. From that a sequential p value
is made, which may be compared with .05 whenever one stops.
"""

import functools
from collections.abc import Callable, Sequence

import numpy as np
import scipy

from lab.checks import UsageError, whole

FIRST_LOOK = 5
"""The seeds before anything is decided. Under it, skewed differences break every rule that rests on t."""

MOST_SEEDS = 48
"""The most seeds unless somebody says another number."""

_PATHS = 200_000


def looks(most: int = MOST_SEEDS) -> tuple[int, ...]:
    """Return the numbers of seeds at which one looks: 5, 8, 12, 16, 24, 32, 48, 64, 96, ... up to `most`.

    Args:
        most: the last of them, at least `FIRST_LOOK`.
    """
    most = whole("most", most, "the most seeds", low=FIRST_LOOK)
    plan = [FIRST_LOOK, 8, 12]
    while plan[-1] < most:
        plan.append(plan[-2] * 2)
    return (*(look for look in plan if look < most), most)


def sequential_p(p: np.ndarray, plan: Sequence[int], *, one_sided: bool = False) -> np.ndarray:
    """Return p values that hold although one looked after each batch of seeds and could have stopped.

    The statistic is the smallest of p_k N / n_k over the looks so far, where look k has n_k of at most N seeds. Its
    distribution where the mean difference is 0 is taken from 200 000 simulated experiments of normal differences.

    Simulated (20 000 experiments of up to 48 seeds, one variant, level .05): wrong decisions in .048 with normal
    differences, .039 with t of 3 degrees of freedom, and .131 with exponential ones, which are skewed; tests at .05 at
    each look err in .189, .165 and .288. A true difference of .5, .8, 1.5 and 3 standard deviations of the differences
    is shown in .88, 1.00, 1.00 and 1.00, with 32, 19, 10 and 6 seeds on average; one t test of a fixed number of seeds
    needs 42 for .88 at a difference of .5.

    Over several variants, corrected by Holm's rule (10 000 sweeps, noise of the baseline shared): a wrong decision in
    .050, .047, .043 and .041 with 1, 3, 6 and 24 variants that make no difference, and in .044 with 3 of them beside 3
    that do. It does not hold against skewed differences: with 3 variants and at most 24 seeds, one that loses much at
    a few seeds is called better wrongly in .22 (exponential) and .41 (lognormal), against .026 with normal ones.

    Args:
        p: p values of the t test at each look, of shape (variants, looks so far); NaN where a look has none.
        plan: the seeds of all looks, as `looks` returns them.
        one_sided: whether the p values are of one-sided tests.

    Returns:
        float64 of shape (variants,); NaN where no look has a p value.

    Reference: Jennison and Turnbull 2000, chapter 7, for spending the error over the looks.
    """
    plan = tuple(plan)
    if p.ndim != 2 or not 1 <= p.shape[1] <= len(plan):
        raise UsageError(f"p must be of shape (variants, looks), at most {len(plan)} looks, got {p.shape}")
    shares = np.array(plan[: p.shape[1]]) / plan[-1]
    told = np.isfinite(p).any(axis=1)
    smallest = np.nanmin(np.where(told[:, None], p, 1.0) / shares, axis=1)
    null = _null(plan, one_sided)
    simulated = (1 + np.searchsorted(null, smallest, side="right")) / (1 + len(null))
    # The sum over all looks bounds it, and is nearer where no simulated experiment is so extreme.
    bound = smallest * np.array(plan).sum() / plan[-1]
    return np.where(told, np.minimum(np.minimum(simulated, bound), 1.0), np.nan)


def needed_p(level: float, plan: Sequence[int], look: int) -> float:
    """Return the p value of the t test at a look that makes a sequential p value of `level`.

    The interval at the look with the confidence of one minus this holds together with those of all other looks.

    Args:
        level: in (0, 1).
        plan: the seeds of all looks.
        look: which of them, from 0.
    """
    plan = tuple(plan)
    statistic = float(np.quantile(_null(plan, False), level))
    return min(statistic * plan[look] / plan[-1], level)


@functools.cache
def _null(plan: tuple[int, ...], one_sided: bool) -> np.ndarray:
    """Return the statistic of simulated experiments without a difference, sorted."""
    # Any seed will do, but it must be one: a decision is the same wherever it is made.
    random = np.random.default_rng(0)
    smallest = np.full(_PATHS, np.inf)
    count, total, squares = 0, np.zeros(_PATHS), np.zeros(_PATHS)
    for look in plan:
        # A batch of normal numbers by its sum and its squares around its own mean.
        batch = look - count
        mean = random.standard_normal(_PATHS) / np.sqrt(batch)
        inside = random.chisquare(batch - 1, _PATHS) if batch > 1 else 0.0
        shift = mean - total / max(count, 1)
        squares += inside + (shift**2 * count * batch / look if count else 0.0)
        total += mean * batch
        count = look
        t = total / np.sqrt(squares / (count - 1) * count)
        tail = scipy.special.stdtr(count - 1, -(t if one_sided else np.abs(t)))
        np.minimum(smallest, (tail if one_sided else 2 * tail) * plan[-1] / look, out=smallest)
    return np.sort(smallest)


def at_looks(differences: np.ndarray, plan: Sequence[int], test: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return the p values of a test at each look that the seeds suffice for, of shape (variants, looks so far).

    Args:
        differences: of shape (variants, seeds), in the order in which the seeds were added.
        plan: the seeds of all looks.
        test: returns a p value for each row of differences; NaN where it has none.
    """
    made = [test(differences[:, :look]) for look in plan if look <= differences.shape[1]]
    return np.stack(made, axis=1) if made else np.full((len(differences), 1), np.nan)
