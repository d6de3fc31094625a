"""The numbers behind a comparison, for many variants at once: moments, tests, intervals, corrections.

Tables of shape (variants, seeds) go in, NaN where there is no run; one number per variant comes out.
"""

import numpy as np
import scipy

from lab.checks import choice

METHODS = ("t", "bootstrap")
CORRECTIONS = ("holm", "benjamini_hochberg", "none")

_RESAMPLES = 9999


def moments(values: np.ndarray, rounding: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return count, mean and standard deviation of the finite values of each row; NaN where there are none.

    Args:
        values: shape (variants, seeds).
        rounding: shape (variants,); a standard deviation up to this counts as 0, and so does then a mean up to this.
    """
    n = np.isfinite(values).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(n > 0, np.nansum(values, 1) / n, np.nan)
        spread = np.sqrt(np.nansum((values - mean[:, None]) ** 2, 1) / (n - 1))
    spread = np.where(n > 1, np.where(spread <= rounding, 0.0, spread), np.nan)
    mean = np.where((spread == 0) & (np.abs(mean) <= rounding), 0.0, mean)
    return n, mean, spread


def effective_counts(n: np.ndarray, overlap: float) -> np.ndarray:
    """Return how many independent values would have a mean as sure as that of `n` values: `1 / (1 / n + overlap)`.

    Args:
        n: how many values there are.
        overlap: of splits of one data set, the number of test examples over that of all others; 0 where values are
            independent. If each two values have the correlation `overlap / (1 + overlap)`, which is the chance that a
            test example of one split is a test example of another, the t test with this count is exact.

    Reference: Nadeau and Bengio, Inference for the generalization error (2003): the corrected resampled t test.
    """
    # Written so that it is `n` to the last bit where nothing overlaps.
    return n / (1 + n * overlap)


def p_values(
    n: np.ndarray,
    mean: np.ndarray,
    spread: np.ndarray,
    overlap: float,
    floor: np.ndarray | float = 0.0,
    parts: float = np.inf,
) -> np.ndarray:
    """Return p of the two-sided t test that a mean is 0; NaN under 2 values; without spread 0, or 1 if it is 0.

    Args:
        n, mean, spread, overlap: of the values.
        floor: the part of the variance of the mean that more values do not make smaller.
        parts: there are at most so many degrees of freedom and one.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        # As `scipy.stats.t.sf`, which takes half a second to load.
        error = np.hypot(spread / np.sqrt(effective_counts(n, overlap)), np.sqrt(floor))
        p = 2 * scipy.special.stdtr(np.minimum(n, parts) - 1, -np.abs(mean) / error)
    p = np.where(error == 0, np.where(mean == 0, 1.0, 0.0), p)
    return np.where(n > 1, p, np.nan)


def intervals(
    values: np.ndarray,
    n: np.ndarray,
    mean: np.ndarray,
    spread: np.ndarray,
    confidence: float,
    method: str,
    overlap: float = 0.0,
    floor: np.ndarray | float = 0.0,
    parts: float = np.inf,
) -> tuple[np.ndarray, np.ndarray]:
    """Return both ends of the interval of each row's mean; NaN under 2 values, of width 0 without spread.

    The bootstrap takes values for independent, so it is no method where they overlap, or where there is a floor. The
    last arguments are those of `p_values`.
    """
    if method == "t":
        with np.errstate(divide="ignore", invalid="ignore"):
            root = np.sqrt(effective_counts(n, overlap))
            quantile = scipy.special.stdtrit(np.minimum(n, parts) - 1, (1 + confidence) / 2)
            half = np.hypot(quantile * spread / root, quantile * np.sqrt(floor))
        return mean - half, mean + half
    low = np.where(n > 1, mean, np.nan)
    high = low.copy()
    for row in np.flatnonzero((n > 1) & (spread > 0)):
        # The same seed for every row: the interval of a variant does not depend on its neighbours.
        interval = scipy.stats.bootstrap(
            (values[row][np.isfinite(values[row])],),
            np.mean,
            confidence_level=confidence,
            n_resamples=_RESAMPLES,
            method="BCa",
            rng=np.random.default_rng(0),
        ).confidence_interval
        low[row], high[row] = interval
    return low, high


def hedges(n: np.ndarray) -> np.ndarray:
    """Return Hedges's exact correction of a standardized mean of `n` values; NaN under 3, where it is not defined."""
    freedom = np.maximum(n - 1, 2)
    exact = np.exp(scipy.special.gammaln(freedom / 2) - scipy.special.gammaln((freedom - 1) / 2)) / np.sqrt(freedom / 2)
    return np.where(n > 2, exact, np.nan)


def improvements(values: np.ndarray, sign: float) -> np.ndarray:
    """Return the probability of improvement of each row over the first; NaN for the first and without pairs."""
    result = np.full(len(values), np.nan)
    for row in range(1, len(values)):
        shared = np.isfinite(values[row]) & np.isfinite(values[0])
        if shared.any():
            wins = np.sign(sign * (values[row, shared][:, None] - values[0, shared]))
            result[row] = 0.5 + 0.5 * wins.mean()
    return result


def adjust(p_values: np.ndarray, correction: str = "holm") -> np.ndarray:
    """Correct p values for their number, along the last axis.

    Args:
        p_values: in [0, 1], any shape; NaN is no test: it stays NaN and does not count.
        correction: "holm", "benjamini_hochberg" or "none".

    Returns:
        The adjusted p values, of the same shape, in [0, 1].
    """
    choice("correction", correction, CORRECTIONS)
    p = np.array(p_values, np.float64)
    if correction == "none":
        return p
    order = np.argsort(p, axis=-1)  # NaN last
    ordered = np.take_along_axis(p, order, -1)
    tests = np.isfinite(p).sum(-1, keepdims=True)
    rank = np.arange(1, p.shape[-1] + 1)
    if correction == "holm":
        ordered = np.maximum.accumulate(ordered * np.maximum(tests - rank + 1, 1), axis=-1)
    else:
        # The smallest of the values from a rank on; NaN behind the tests must not be the smallest.
        scaled = np.where(np.isnan(ordered), np.inf, ordered * tests / rank)
        scaled = np.flip(np.minimum.accumulate(np.flip(scaled, -1), axis=-1), -1)
        ordered = np.where(np.isnan(ordered), np.nan, scaled)
    np.put_along_axis(p, order, np.minimum(ordered, 1.0), -1)
    return p
