"""Variants against the baseline, paired over seeds: how much, how sure, and how many more seeds are needed.

Variants of one seed start from the same weights and see the same batches, so the difference of two runs of one
seed is less noisy than the runs themselves. The comparison rests on these differences.
"""

import numpy as np
import pandas as pd

from lab.checks import UsageError, choice, number
from lab.statistics.crossed import LOSS, crossed_moments, of_parts
from lab.statistics.estimates import (
    CORRECTIONS,
    METHODS,
    adjust,
    hedges,
    improvements,
    intervals,
)
from lab.statistics.measures import better_direction
from lab.statistics.paired_tests import PairedTests
from lab.statistics.pairs import check, matrix, overlap
from lab.statistics.power import seeds_for
from lab.statistics.runs import FOLD, FOLDS
from lab.statistics.scope import FOLDS_OF_DATA, without_test_examples
from lab.statistics.seeds_needed import strictest_level

COMPARISON = (
    "variant",
    "metric",
    "runs",
    "diverged",
    "n",
    "mean",
    "low",
    "high",
    "difference",
    "difference_low",
    "difference_high",
    "effect_size",
    "probability_of_improvement",
    "p_value",
    "p_adjusted",
    "seeds_needed",
    "decision",
    "generalizes_over",
)
"""The columns of `compare`."""

RULES = ("margin", "p_equivalent", "most_seeds", "test_parts")
"""The columns of `compare` that a table has only where it is asked for equivalence, seeds were added, or runs were
tested on the same parts."""

DECISIONS = ("baseline", "better", "worse", "equivalent", "not shown")

_NO_SPREAD = 4 * float(np.finfo(np.float32).eps)  # metrics are float32: less than this is rounding


def compare(
    summary: pd.DataFrame,
    baseline: str,
    metric: str = "test_data_loss",
    *,
    confidence: float = 0.95,
    better: str | None = None,
    method: str = "t",
    correction: str = "holm",
    generalizes_over: str = "",
    margin: float | None = None,
    most_seeds: int | None = None,
    parts: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Compare every variant with the baseline over the seeds they share: one row per variant.

    Where the data are cut into folds, a seed is read as a fold of a seed in all that follows, and the intervals and the
    test allow for the training sets that folds share: the variance of a mean of `n` differences is taken as
    `(1 / n + 1 / (folds - 1))` times theirs, as the test set of a fold has `1 / (folds - 1)` of the examples of the
    others. See `lab.statistics.scope` for what this generalizes over.

    Where all runs are tested on the same examples and the loss of each run is known at each of several parts of them,
    the intervals and the tests allow for the luck of the test examples too, as `lab.statistics.crossed` says. Other
    metrics than the test data loss are not known for parts, and their intervals do not.

    A run counts if its status is not "diverged" and its metric is finite. Per variant:

    * `metric`: the column that is compared.
    * `runs`, `diverged`: how many runs count, and how many diverged; `n`: the seeds for which the variant's run
      and the baseline's both count. The paired numbers below are over these `n` seeds.
    * `mean`, `low`, `high`: the variant's own mean over its `runs`, with its interval.
    * `difference`, `difference_low`, `difference_high`: the mean of variant minus baseline, with its interval.
      The intervals hold one by one, at `confidence`; they are not widened for the number of variants.
    * `effect_size`: the mean difference over the standard deviation of the differences (Cohen's d_z; with parts over
      the spread of `lab.statistics.crossed`), times Hedges's correction for few seeds. NaN under 3 seeds and where the
      differences do not vary.
    * `probability_of_improvement`: how often a run of the variant is better than a run of the baseline, over all
      pairs of runs of the shared seeds, equal seeds or not; a tie counts half. In [0, 1]. One in `n` pairs is of
      one seed, so the number lies between the probability for two runs of different seeds and the (usually more
      extreme) one for two runs of the same seed. Simulated with a seed effect of standard deviation .03 and
      differences of mean .02 and standard deviation .02, over 5 seeds: .70 on average, where two runs of
      different seeds have .665 and two of the same seed .84.
    * `p_value`: of the two-sided paired t test; `p_adjusted`: corrected over the variants that could be tested.
    * `seeds_needed`: how many more seeds the test would need for a decision with a probability of 80 %, if the
      effect size were exactly the one observed, at the strictest level the correction may ask for; 0 once
      decided, NaN where more seeds would not help or nothing can be said. A few seeds determine the effect size
      poorly: where 15 seeds are right in truth, 3 seeds lead to numbers from 5 to 177 in 80 of 100 experiments.
      `seeds_needed_interval` reports the uncertainty. NaN also for folds of which too little is shown: no number of
      seeds makes up for data that are too few.
    * `decision`: "better" or "worse" if `p_adjusted <= 1 - confidence`, else "not shown"; "baseline" for the
      baseline. A variant that diverged on a seed where the baseline finished is never called better, and one that
      finished where the baseline diverged is never called worse: the missing runs are not missing by chance. With a
      margin, "equivalent" where the difference is shown to be smaller than it, whatever its sign. That some variant
      is wrongly said to differ, and that some is wrongly called equivalent, have each at most the probability
      `1 - confidence`. Equivalence rests on one-sided tests, so an interval may reach beyond the margin a little.
    * `generalizes_over`: what the intervals, p and the decision generalize over, the same in each row.

    One seed gives no interval and no decision: NaN and "not shown". Differences that are the same on every seed
    (up to float32 rounding) have an interval of width 0, and p is 0, or 1 if they are 0.

    Args:
        summary: one row per run of one experiment, with the columns "variant", "seed", the metric and, where runs
            may have diverged, "status"; of folds also "fold", from 0, and "folds", how many there are.
        baseline: the variant with which the others are compared.
        metric: a numeric column of the summary.
        confidence: of the intervals and of the decision, in (0, 1).
        better: "lower" or "higher"; None derives it from the metric's name (`better_direction`).
        method: how intervals are made. "t", Student's; or "bootstrap", BCa with 9 999 resamples of the seeds and
            a fixed seed. The bootstrap does not assume normal differences, but it needs many seeds: with
            normal differences its 95 % intervals covered the truth in 73 of 100 simulated experiments of 3 seeds,
            in 84 of 5 seeds, in 90 of 10 seeds and in 94 of 40 seeds. Test and decision are those of the t test
            in either case.
        correction: "holm" bounds the probability of one or more wrong decisions over the variants;
            "benjamini_hochberg" the expected share of wrong ones among the decisions; "none".
        generalizes_over: one of `lab.statistics.scope.NOTES`, which the summary cannot tell; "" where it is not known.
            Of folds it is known.
        margin: the smallest difference that matters, in the unit of the metric, above 0; None asks for no equivalence.
        most_seeds: where seeds are added until all is decided, the most of them. Tests, decisions and the intervals of
            the differences then hold although one looked after each batch, and rest on the seeds of the last look: see
            `lab.statistics.sequential`. None where the number of seeds was chosen beforehand.
        parts: the test data loss of each run at each part of the test split, with the columns "variant", "seed", "part"
            and "test_data_loss"; None where it is not known. A run that has not all parts does not count; where a
            variant has no run that has, the parts do not count.

    Returns:
        The columns `COMPARISON`; after them, where there is a margin, it and "p_equivalent", corrected; where it is
        given, "most_seeds"; and where parts count, "test_parts", their number. The baseline first, then the variants in
        the order in which they first appear.

    Raises:
        UsageError: the baseline, the metric or an option is unknown.
        DataError: a column is missing, a name or seed is empty, or a variant has two runs of one seed.
        UsageError: a bootstrap of folds, which would take them for independent, or of runs with parts; `most_seeds` of
            folds, or with a bootstrap, whose intervals hold for one look.

    Reference:
        Nadeau and Bengio, Inference for the generalization error (2003), for folds;
        Holm, A simple sequentially rejective multiple test procedure (1979); Benjamini and Hochberg (1995);
        Efron, Better bootstrap confidence intervals (1987); Hedges (1981); Agarwal et al., Deep reinforcement
        learning at the edge of the statistical precipice (2021), for the probability of improvement.
    """
    confidence = number(
        "confidence", confidence, "the probability of an interval", low_open=True, high=1, high_open=True
    )
    choice("method", method, METHODS)
    choice("correction", correction, CORRECTIONS)
    if margin is not None:
        margin = number("margin", margin, "the smallest difference that matters", low_open=True)
    if most_seeds is not None and method != "t":
        raise UsageError(f"method must be 't' while seeds are being added, got {method!r}")
    check(summary)
    numeric = summary.select_dtypes("number").columns.difference(["seed", FOLD, FOLDS], sort=False)
    choice("metric", metric, map(str, numeric))
    direction = better_direction(metric) if better is None else choice("better", better, ("lower", "higher"))
    summary = summary.assign(variant=summary["variant"].map(str))  # names may read as numbers
    choice("baseline", baseline, summary["variant"].unique())

    shared = overlap(summary)
    if shared:
        generalizes_over = FOLDS_OF_DATA
        if method != "t":
            raise UsageError(
                f"method must be 't' where runs are of folds, which share training examples (the bootstrap takes them "
                f"for independent), got {method!r}"
            )

    variants = [baseline, *(name for name in summary["variant"].unique() if name != baseline)]
    values, diverged = matrix(summary, variants, metric)
    at_parts = own_parts = None
    if parts is not None and metric == LOSS and not shared:
        if method != "t":
            raise UsageError(
                f"method must be 't' where all runs are tested on the same examples, for whose luck the bootstrap does "
                f"not allow, got {method!r}"
            )
        own_parts = of_parts(parts, variants, np.sort(summary["seed"].unique()))
        whole = np.isfinite(own_parts).all(2)
        if (whole.any(1) | ~np.isfinite(values).any(1)).all():
            values[~whole] = np.nan
            at_parts = own_parts - own_parts[0]
        else:
            # A variant whose data have no such parts cannot be compared at them.
            own_parts = None
    if at_parts is None:
        generalizes_over = without_test_examples(generalizes_over)
    differences = values - values[0]
    differences[0] = np.nan

    level = 1 - confidence
    rounding = _NO_SPREAD * np.nan_to_num(np.abs(values)).max(1)
    tests = PairedTests(differences, np.maximum(rounding, rounding[0]), shared, most_seeds, at_parts)
    n, difference, spread, floor = tests.moments()
    p = tests.p()
    tested = np.isfinite(p)
    strictest = strictest_level(level, tested.sum(), correction)
    p_adjusted = adjust(p, correction)
    sign = -1.0 if direction == "lower" else 1.0
    shown = p_adjusted <= level
    # A run that diverged on one side only is evidence against that side, and the differences do not contain it.
    lost = (diverged & np.isfinite(values[0])).any(1)
    won = (diverged[0] & np.isfinite(values)).any(1)
    equal = np.full(len(variants), np.nan) if margin is None else adjust(tests.p_equivalent(margin), correction)
    decision = np.select(
        [
            np.arange(len(variants)) == 0,
            (equal <= level) & ~lost & ~won,
            shown & (sign * difference > 0) & ~lost,
            shown & (sign * difference < 0) & ~won,
        ],
        ["baseline", "equivalent", "better", "worse"],
        "not shown",
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = np.where(spread > 0, difference / spread, np.nan)
        wanted = seeds_for(effect, strictest, floor / spread**2, tests.count)
    needed = np.where(shown | (shared > 0), np.nan, wanted - n)
    needed = np.where(np.isin(decision, ["better", "worse", "equivalent"]), 0.0, needed)

    own_n, own_mean, own_spread, own_floor = crossed_moments(values, rounding, own_parts)
    low, high = intervals(values, own_n, own_mean, own_spread, confidence, method, shared, own_floor, tests.count)
    difference_low, difference_high = intervals(
        tests.differences, n, difference, spread, tests.confidence(confidence), method, shared, floor, tests.count
    )
    n[0] = own_n[0]
    table = {
        "variant": variants,
        "metric": metric,
        "runs": own_n,
        "diverged": diverged.sum(1),
        "n": n,
        "mean": own_mean,
        "low": low,
        "high": high,
        "difference": difference,
        "difference_low": difference_low,
        "difference_high": difference_high,
        "effect_size": effect * hedges(n),
        "probability_of_improvement": improvements(values, sign),
        "p_value": p,
        "p_adjusted": p_adjusted,
        "seeds_needed": needed,
        "decision": decision,
        "generalizes_over": generalizes_over,
    }
    made = pd.DataFrame(table, columns=list(COMPARISON))
    if margin is not None:
        made = made.assign(margin=margin, p_equivalent=equal)
    if most_seeds is not None:
        made = made.assign(most_seeds=most_seeds)
    return made if at_parts is None else made.assign(test_parts=at_parts.shape[2])
