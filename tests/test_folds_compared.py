"""The comparison of folds: its interval by hand, its coverage, and what a comparison generalizes over."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lab import statistics
from lab.checks import DataError, UsageError
from lab.statistics.estimates import effective_counts, intervals, moments
from lab.statistics.identical import identical
from lab.statistics.scope import NOTES, generalizes_over, scope_note, scope_sentence
from tests.runs_by_hand import history, row

FOLDS = 5


def of_folds(values, folds=FOLDS):
    """A table of runs from {variant: [[value of fold 0, of fold 1, ...] of seed 0, ...]}."""
    rows = [
        {"variant": variant, "seed": seed, "fold": fold, "folds": folds, "test_data_loss": value}
        for variant, seeds in values.items()
        for seed, own in enumerate(seeds)
        for fold, value in enumerate(own)
        if value is not None
    ]
    return pd.DataFrame(rows)


BASE = [[0.50, 0.61, 0.47, 0.55, 0.58], [0.52, 0.57, 0.49, 0.60, 0.53]]
LESS = [[0.48, 0.60, 0.44, 0.50, 0.57], [0.49, 0.56, 0.47, 0.56, 0.53]]
TABLE = of_folds({"none": BASE, "l2": LESS})


def test_the_interval_and_p_of_folds_are_those_of_nadeau_and_bengio_by_hand():
    found = row(statistics.compare(TABLE, "none"), "l2")
    differences = [-0.02, -0.01, -0.03, -0.05, -0.01, -0.03, -0.01, -0.02, -0.04, 0.0]
    # Squares around the mean add up to .0070 - 10 * .022**2 = .00216; t with 9 degrees of freedom is 2.262157 at .975.
    mean, variance = -0.022, 0.00216 / 9
    assert np.var(differences, ddof=1) == pytest.approx(variance)
    error = (variance * (1 / 10 + 1 / 4)) ** 0.5
    assert found["n"] == 10
    assert found["difference"] == pytest.approx(mean)
    assert found["difference_low"] == pytest.approx(mean - 2.262157 * error, abs=1e-7)
    assert found["difference_high"] == pytest.approx(mean + 2.262157 * error, abs=1e-7)
    assert found["p_value"] == pytest.approx(2 * stats.t.sf(-mean / error, 9))


def test_the_interval_of_a_variants_own_mean_is_widened_too():
    found = row(statistics.compare(TABLE, "none"), "none")
    own = np.ravel(BASE)
    half = stats.t.ppf(0.975, 9) * own.std(ddof=1) * np.sqrt(1 / 10 + 1 / 4)
    assert (found["low"], found["high"]) == pytest.approx((own.mean() - half, own.mean() + half))


def test_the_same_differences_of_seeds_have_a_narrower_interval_and_are_decided_sooner():
    seeds = TABLE.assign(seed=TABLE["seed"] * FOLDS + TABLE["fold"]).drop(columns=["fold", "folds"])
    apart, folds = (row(statistics.compare(table, "none"), "l2") for table in (seeds, TABLE))
    widths = [one["difference_high"] - one["difference_low"] for one in (apart, folds)]
    assert widths[1] / widths[0] == pytest.approx(np.sqrt((1 / 10 + 1 / 4) * 10))
    assert (apart["decision"], folds["decision"]) == ("better", "better")
    half = TABLE.assign(test_data_loss=TABLE["test_data_loss"].where(TABLE["seed"] == 0)).dropna()
    assert row(statistics.compare(half, "none"), "l2")["decision"] == "not shown"


def test_no_number_of_seeds_is_promised_where_folds_do_not_decide():
    half = TABLE[TABLE["seed"] == 0]
    table = statistics.compare(half, "none")
    assert np.isnan(row(table, "l2")["seeds_needed"])
    assert np.isnan(statistics.seeds_needed_interval(table)[1][1])


def test_with_correlated_values_as_in_theory_the_interval_covers_the_mean_as_often_as_it_says():
    generator, count = np.random.default_rng(3), 10
    overlap = 1 / (FOLDS - 1)
    correlation = overlap / (1 + overlap)
    shared = generator.normal(size=(20_000, 1)) * correlation**0.5
    values = shared + generator.normal(size=(20_000, count)) * (1 - correlation) ** 0.5
    assert coverage(values, 0.0, overlap) == pytest.approx(0.95, abs=0.006)
    assert coverage(values, 0.0, 0.0) < 0.75


def coverage(values, truth, overlap):
    """Return in how many rows the 95 % interval of the mean holds the truth."""
    n, mean, spread = moments(values, np.zeros(len(values)))
    low, high = intervals(values, n, mean, spread, 0.95, "t", overlap)
    return float(((low < truth) & (truth < high)).mean())


def test_without_overlap_the_count_of_values_is_theirs_to_the_last_bit():
    n = np.arange(1, 200)
    assert (effective_counts(n, 0.0) == n).all()
    assert effective_counts(np.array([10**9]), 0.25) == pytest.approx(4), "no number of seeds makes more than 4 of it"


RIDGE = {"rows": 60, "features": 20, "strengths": (1.0, 30.0), "seeds": 3}


def ridge_losses(x, y, test_x, test_y):
    """Return the difference of the squared errors of two ridge regressions on test rows."""
    losses = []
    for strength in RIDGE["strengths"]:
        weights = np.linalg.solve(x.T @ x + strength * np.eye(x.shape[1]), x.T @ y)
        losses.append(np.mean((test_y - test_x @ weights) ** 2))
    return losses[1] - losses[0]


def drawn(generator, rows):
    x = generator.normal(size=(rows, RIDGE["features"]))
    return x, x.mean(axis=1) * RIDGE["features"] ** 0.5 + 2 * generator.normal(size=rows)


@pytest.mark.slow
def test_the_interval_of_folds_covers_the_difference_on_new_data_and_that_of_independent_values_does_not():
    """Ridge regressions of 60 rows in 5 folds of 3 seeds. Measured with 2 000 data sets: .969 against .746."""
    generator = np.random.default_rng(1)
    learned = RIDGE["rows"] - RIDGE["rows"] // FOLDS
    truth = np.mean([ridge_losses(*drawn(generator, learned), *drawn(generator, 200)) for _ in range(8_000)])
    values = np.empty((1_000, RIDGE["seeds"] * FOLDS))
    for repeat in values:
        x, y = drawn(generator, RIDGE["rows"])
        for seed in range(RIDGE["seeds"]):
            part = generator.permutation(RIDGE["rows"]) % FOLDS
            for fold in range(FOLDS):
                tested = part == fold
                repeat[seed * FOLDS + fold] = ridge_losses(x[~tested], y[~tested], x[tested], y[tested])
    assert coverage(values, truth, 1 / (FOLDS - 1)) >= 0.94
    assert coverage(values, truth, 0.0) < 0.8


def test_a_diverged_fold_is_no_pair_and_keeps_a_variant_from_being_called_better():
    table = TABLE.assign(status="finished")
    table.loc[(table["variant"] == "l2") & (table["seed"] == 1) & (table["fold"] == 2), "status"] = "diverged"
    found = row(statistics.compare(table, "none"), "l2")
    assert (found["n"], found["diverged"], found["decision"]) == (9, 1, "not shown")


def test_the_order_of_the_rows_does_not_matter():
    mixed = statistics.compare(TABLE.sample(frac=1, random_state=1), "none").set_index("variant")
    for variant in ("none", "l2"):
        pd.testing.assert_series_equal(mixed.loc[variant], row(statistics.compare(TABLE, "none"), variant))


WRONG = {
    "two runs of one fold": (
        pd.concat([TABLE, TABLE[3:4]]),
        "a variant must have one run per seed and fold, got two of variant 'none', seed 0, fold 3; pass the summary of "
        "one experiment",
    ),
    "no number of folds": (
        TABLE.drop(columns="folds"),
        "a summary must have the column 'folds', got variant, seed, fold, test_data_loss",
    ),
    "several numbers of folds": (
        TABLE.assign(folds=[5, 4] * 10),
        "the column 'folds' of a summary must be one number above 1 and that of 'fold' below it, got [5, 4] and 0 to "
        "4; pass the summary of one experiment",
    ),
    "a fold beyond the last": (
        TABLE.assign(folds=4),
        "the column 'folds' of a summary must be one number above 1 and that of 'fold' below it, got [4] and 0 to 4; "
        "pass the summary of one experiment",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_summary_of_folds_that_cannot_be_is_refused(case):
    table, sentence = WRONG[case]
    with pytest.raises(DataError) as caught:
        statistics.compare(table, "none")
    assert str(caught.value) == sentence


def test_a_bootstrap_of_folds_is_refused():
    with pytest.raises(UsageError) as caught:
        statistics.compare(TABLE, "none", method="bootstrap")
    assert str(caught.value) == (
        "method must be 't' where runs are of folds, which share training examples (the bootstrap takes them for "
        "independent), got 'bootstrap'"
    )


@pytest.mark.parametrize(
    ("redrawn", "folds", "over"),
    [
        ([], False, "seeds"),
        (["nothing", "splits"], False, "seeds"),
        (["training split"], False, "seeds and training splits of this data set"),
        (["splits", "data"], False, "seeds and splits of this data set"),
        (["data"], False, "seeds and new data"),
        (["splits"], True, "seeds and new data (approximately)"),
    ],
)
def test_what_a_comparison_generalizes_over_follows_from_what_is_drawn_anew(redrawn, folds, over):
    assert generalizes_over(redrawn, folds) == over
    assert over in NOTES


def test_each_row_of_a_comparison_says_what_it_generalizes_over_and_folds_say_so_themselves():
    assert set(statistics.compare(TABLE, "none")["generalizes_over"]) == {"seeds and new data (approximately)"}
    seeds = TABLE[TABLE["fold"] == 0].drop(columns=["fold", "folds"])
    table = statistics.compare(seeds, "none", generalizes_over="seeds")
    assert set(table["generalizes_over"]) == {"seeds"}
    assert scope_sentence(table) == "The intervals generalize over seeds."
    assert scope_note(table).startswith("All runs have the same splits of the data")


@pytest.mark.parametrize("said", [{}, {"generalizes_over": np.nan}, {"generalizes_over": ""}])
def test_a_comparison_that_does_not_say_it_says_nothing(said):
    table = pd.DataFrame({"variant": ["none"], **{name: [value] for name, value in said.items()}})
    assert (scope_sentence(table), scope_note(table)) == ("", "")


def test_curves_and_facts_take_the_folds_of_a_seed_as_runs():
    long = pd.concat([history([1.0, 0.5 + fold]).assign(variant="none", seed=0, fold=fold) for fold in range(3)])
    assert statistics.curves(long)[["runs", "n", "median"]].to_numpy().tolist() == [[3, 3, 1.0], [3, 3, 1.5]]
    assert statistics.facts(long)[["seed", "fold", "kept_epoch"]].to_numpy().tolist() == [
        [0, 0, 2],
        [0, 1, 1],
        [0, 2, 1],
    ]
    assert statistics.diverged(long).index.names == ["variant", "seed", "fold"]


def test_variants_are_identical_only_if_they_are_on_each_fold():
    assert identical(of_folds({"a": BASE, "b": BASE, "c": [BASE[0], BASE[1][::-1]]})) == [["a", "b"]]
