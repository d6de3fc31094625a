"""The number of seeds a paired comparison needs before it can decide, and how uncertain that number is."""

import numpy as np
import scipy

POWER = 0.8
"""The probability with which a comparison over `seeds_for` seeds decides, if the effect size is right."""

SEEDS_CONFIDENCE = 0.8
"""The probability with which `seeds_interval` holds the number of seeds needed."""

_EXACT = 1024  # above so many seeds the normal approximation errs by less than one


def seeds_for(
    effect: np.ndarray, level: np.ndarray | float, floor: np.ndarray | float = 0.0, parts: float = np.inf
) -> np.ndarray:
    """Return the number of seeds with which a two-sided paired t test shows an effect with a probability of 80 %.

    Args:
        effect: mean of the differences over their standard deviation, any shape; the sign does not matter.
        level: the error probability of the test, in (0, 1).
        floor: the part of the variance of the mean that more seeds do not make smaller, over the variance of the
            differences.
        parts: the test has at most so many degrees of freedom and one.

    Returns:
        Whole numbers from 2 as float64; NaN where the effect is 0 or not finite, and where no number suffices.

    Reference:
        Cohen, Statistical Power Analysis for the Behavioral Sciences (1988), chapter 2: the power of a t test
        from the noncentral t distribution.
    """
    effect, level, floor = np.broadcast_arrays(
        np.abs(np.asarray(effect, np.float64)), np.asarray(level, np.float64), np.asarray(floor, np.float64)
    )
    known = np.isfinite(effect) & (effect > 0)
    size = np.where(known, effect, 1.0)
    z = scipy.special.ndtri(1 - level / 2)
    # The normal count, and Guenther's correction for the estimated standard deviation (1981).
    normal = ((z + scipy.special.ndtri(POWER)) / size) ** 2
    known &= normal * floor < 1
    with np.errstate(divide="ignore", invalid="ignore"):
        many = np.ceil(normal / (1 - normal * floor) + z**2 / 2)

    low, high = np.full(size.shape, 2), np.full(size.shape, 2 * _EXACT)
    while np.any(low < high):
        middle = (low + high) // 2
        enough = power(size, middle, level, floor, parts) >= POWER
        high = np.where(enough, middle, high)
        low = np.where(enough, low, np.minimum(middle + 1, high))
    known &= (low < 2 * _EXACT) | np.isinf(parts)
    return np.where(known, np.where(many > _EXACT, many, low), np.nan)


def seeds_interval(p_value: np.ndarray, seeds: np.ndarray, level: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Return how many more seeds a paired t test needs, as an interval that holds the number with 80 %.

    The ends of the interval are `seeds_for` the ends of the interval of the effect size, less the seeds there are.

    Args:
        p_value: of the two-sided paired t test, in (0, 1], any shape.
        seeds: the number of seeds it was made of, at least 2.
        level: the error probability that is asked for, in (0, 1).

    Returns:
        The lower and the upper end, float64, at least 1. The upper end is infinite where the interval of the effect
        size contains 0.

    Reference:
        Cumming and Finch, A primer on the understanding, use, and calculation of confidence intervals that are
        based on central and noncentral distributions (2001).
    """
    p_value, seeds, level = np.broadcast_arrays(*(np.asarray(each, np.float64) for each in (p_value, seeds, level)))
    t = -scipy.special.stdtrit(seeds - 1, p_value / 2)
    tail = (1 - SEEDS_CONFIDENCE) / 2
    strongest, weakest = (_noncentrality(t, seeds - 1, below) / np.sqrt(seeds) for below in (tail, 1 - tail))
    low = np.maximum(seeds_for(strongest, level) - seeds, 1)
    with_zero = p_value / 2 >= tail
    high = np.where(with_zero, np.inf, np.maximum(seeds_for(np.where(with_zero, 1.0, weakest), level) - seeds, 1))
    return low, high


def _noncentrality(t: np.ndarray, freedom: np.ndarray, below: float) -> np.ndarray:
    """Return the noncentrality at which a noncentral t is below `t` with a probability of `below`; 0 if negative."""
    low, high = np.zeros(t.shape), t * np.sqrt(scipy.special.chdtri(freedom, 1e-6) / freedom) + 6
    for _ in range(50):
        middle = (low + high) / 2
        weak = _cumulative(freedom, middle, t) > below
        low, high = np.where(weak, middle, low), np.where(weak, high, middle)
    return (low + high) / 2


def power(
    effect: np.ndarray,
    seeds: np.ndarray | int,
    level: np.ndarray | float,
    floor: np.ndarray | float = 0.0,
    parts: float = np.inf,
) -> np.ndarray:
    """Return the probability with which a two-sided paired t test shows an effect, and its direction.

    Args:
        effect, level, floor, parts: as for `seeds_for`; the effect at least 0.
        seeds: how many the test has.
    """
    # The other tail, a decision in the wrong direction, is no success.
    freedom = np.minimum(seeds, parts) - 1
    threshold = -scipy.special.stdtrit(freedom, level / 2)
    return 1 - _cumulative(freedom, effect * np.sqrt(seeds / (1 + seeds * floor)), threshold)


def _cumulative(freedom: np.ndarray, noncentrality: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Return the probability that a noncentral t is below `t`.

    SciPy returns NaN for some large arguments, such as 539 degrees of freedom and a noncentrality of 37.45 at 2.5; the
    normal approximation stands in for it there.

    Reference: Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.7.10.
    """
    exact = scipy.special.nctdtr(freedom, noncentrality, t)
    normal = scipy.special.ndtr((t * (1 - 1 / (4 * freedom)) - noncentrality) / np.sqrt(1 + t**2 / (2 * freedom)))
    return np.where(np.isfinite(exact), exact, normal)
