"""How many seeds a paired comparison needs before it can decide."""

import numpy as np
from scipy import special, stats

POWER = 0.8
"""The probability with which a comparison over `seeds_for` seeds decides, if the effect is what it seems."""

_EXACT = 1024  # above so many seeds the normal approximation errs by less than one


def seeds_for(effect: np.ndarray, level: np.ndarray | float) -> np.ndarray:
    """Return over how many seeds a two-sided paired t test shows an effect with a probability of 80 %.

    Args:
        effect: mean of the differences over their standard deviation, any shape; the sign does not matter.
        level: the error probability of the test, in (0, 1).

    Returns:
        Whole numbers from 2 as float64; NaN where the effect is 0 or not finite.

    Reference:
        Cohen, Statistical Power Analysis for the Behavioral Sciences (1988), chapter 2: the power of a t test
        from the noncentral t distribution.
    """
    effect, level = np.broadcast_arrays(np.abs(np.asarray(effect, np.float64)), np.asarray(level, np.float64))
    known = np.isfinite(effect) & (effect > 0)
    size = np.where(known, effect, 1.0)
    z = special.ndtri(1 - level / 2)
    # The normal count, and Guenther's correction for the estimated standard deviation (1981).
    many = np.ceil(((z + special.ndtri(POWER)) / size) ** 2 + z**2 / 2)

    low, high = np.full(size.shape, 2), np.full(size.shape, 2 * _EXACT)
    while np.any(low < high):
        middle = (low + high) // 2
        enough = _power(size, middle, level) >= POWER
        high = np.where(enough, middle, high)
        low = np.where(enough, low, np.minimum(middle + 1, high))
    return np.where(known, np.where(many > _EXACT, many, low), np.nan)


def _power(effect: np.ndarray, seeds: np.ndarray, level: np.ndarray) -> np.ndarray:
    # The other tail, a decision in the wrong direction, is no success.
    threshold = stats.t.isf(level / 2, seeds - 1)
    return stats.nct.sf(threshold, seeds - 1, effect * np.sqrt(seeds))
