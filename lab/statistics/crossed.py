"""Crossed differences: all runs are tested on the same examples, so seeds and test examples vary independently.

A mean over such runs is off for two reasons, the seeds and the test examples, and more seeds make only the first
smaller. Both are told apart where the loss of each run is known for each of several parts of the test split: the parts
play the role of the examples. Where classes keep their shares in the parts, it is the luck of the examples of each
class that counts, and not that of how many there are.

Testing each seed on a part of its own would let the spread over the seeds tell of both, but the noise of a single net
at single examples, which is most of it, would then be averaged over the examples only, and not over the seeds. On two
samples each of three planted tasks (`benchmarks.advise` "a", "b" and "i", 24 seeds, 1200 test examples) the mean
difference between a regularizer and the plain model was 2.7 to 6.8 standard errors with a part for each seed, and 6.1
to 11.4 with all examples for each.

Reference: Gallas, One-shot estimate of MRMC variance: AUC (2006), and Hillis, A comparison of denominator degrees of
freedom methods for multiple observer ROC analysis (2007), for readers and cases, as seeds and examples are called where
this comes from.
"""

import numpy as np
import pandas as pd

from lab.checks import DataError
from lab.statistics.estimates import moments

PART = "part"
LOSS = "test_data_loss"
"""The only metric that is known for each part."""


def crossed(differences: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return by variant what the variance of its mean difference is made of.

    With `n` seeds it is `spread**2 / n + floor`. The mean squares of a two-way analysis of variance estimate both:
    `floor` is the share of the parts beyond what the nets' own noise explains, and `spread` is at least that noise.
    A t test takes `min(n, parts) - 1` degrees of freedom.

    Simulated (20 000 experiments of normal differences, 5, 8 or 24 seeds and 5, 8 or 24 parts, eight mixtures of the
    variances of seeds, parts and their interaction): a test at .05 errs in .003 to .052 of them and one at .01 in 0 to
    .012; it errs least often with few parts and where nothing but the interaction varies. The sequential test over
    three variants, which share the noise of a baseline, errs in .006 to .047 of the sweeps of up to 24 seeds, and in
    .010 to .025 of those of up to 192 (10 000 of each of seven mixtures).

    Args:
        differences: of shape (variants, seeds, parts); seeds with NaN are left out.

    Returns:
        `spread` and `floor`, each of shape (variants,); NaN under two seeds.
    """
    there, parts = np.isfinite(differences).all(2), differences.shape[2]
    seeds = there.sum(1)
    own = np.where(there[:, :, None], differences, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        of_seeds, of_parts = own.mean(2), own.sum(1) / seeds[:, None]
        mean = of_parts.mean(1)
        apart = (of_seeds - mean[:, None]) * there
        noise = (own - of_seeds[:, :, None] - of_parts[:, None, :] + mean[:, None, None]) * there[:, :, None]
        between_seeds = parts * (apart**2).sum(1) / (seeds - 1)
        between_parts = seeds * of_parts.var(1, ddof=1)
        interaction = (noise**2).sum((1, 2)) / ((seeds - 1) * (parts - 1))
        spread = np.sqrt(np.maximum(between_seeds, interaction) / parts)
        floor = np.maximum(between_parts - interaction, 0.0) / (seeds * parts)
    known = seeds > 1
    return np.where(known, spread, np.nan), np.where(known, floor, np.nan)


def crossed_moments(
    values: np.ndarray, rounding: np.ndarray, parts: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return count, mean, spread and floor of the values of each variant; see `crossed`.

    Args:
        values: of shape (variants, seeds).
        rounding: as for `lab.statistics.estimates.moments`; a floor whose root is not above it is 0.
        parts: the values at each part, of shape (variants, seeds, parts); with None spread is the standard deviation
            and floor 0.
    """
    n, mean, spread = moments(values, rounding)
    if parts is None:
        return n, mean, spread, np.zeros_like(spread)
    across, floor = crossed(parts)
    return n, mean, np.where(spread == 0, 0.0, across), np.where(np.sqrt(floor) <= rounding, 0.0, floor)


def of_parts(parts: pd.DataFrame, variants: list[str], seeds: np.ndarray) -> np.ndarray:
    """Return the loss of each run at each part, of shape (variants, seeds, parts); NaN where a run has none.

    Args:
        parts: one row per run and part, with the columns "variant", "seed", "part" and "test_data_loss".
        variants, seeds: the order of the first two axes; other runs are left out.

    Raises:
        DataError: there is only one part.
    """
    names, places = parts[PART].unique(), parts["variant"].map(str)
    if len(names) < 2:
        raise DataError(f"the losses of runs must be of at least two parts of the test split, got {len(names)}")
    found = np.full((len(variants), len(seeds), len(names)), np.nan)
    at = (pd.Index(variants).get_indexer(pd.Index(places)), pd.Index(seeds).get_indexer(pd.Index(parts["seed"])))
    known = (at[0] >= 0) & (at[1] >= 0)
    place = pd.Index(names).get_indexer(pd.Index(parts[PART]))
    found[at[0][known], at[1][known], place[known]] = parts.loc[known, LOSS].to_numpy(np.float64, na_value=np.nan)
    return found
