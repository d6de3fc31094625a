"""The scope of intervals: they generalize over whatever varies from run to run of one variant.

An interval says how far a mean would be off if everything that varies were drawn again. Where only the seed varies, it
says nothing of other splits; where each seed cuts its splits from one data set, these share examples, and it says
nothing of new data. Folds share training examples too, but there it is known how many, and the interval is widened.

Reference: Nadeau and Bengio, Inference for the generalization error (2003); Bouckaert and Frank, Evaluating the
replicability of significance tests for comparing learning algorithms (2004), for folds of several seeds.
"""

from collections.abc import Collection

import pandas as pd

from lab.data.dataset import REDRAWN
from lab.statistics.language import named, say

SEEDS = "seeds"
SEEDS_TESTED = "seeds and test examples"
TRAINING_SPLITS = "seeds and training splits of this data set"
TRAINING_SPLITS_TESTED = "seeds, training splits of this data set and test examples"
SPLITS = "seeds and splits of this data set"
NEW_DATA = "seeds and new data"
FOLDS_OF_DATA = "seeds and new data (approximately)"

NOTES = {
    SEEDS: "All runs have the same splits of the data, so nothing is said of other splits, or of new data.",
    SEEDS_TESTED: (
        "All runs have the same splits of the data; the intervals of the test data loss allow for the luck of the test "
        "examples, those of other metrics do not. Nothing is said of other training data."
    ),
    TRAINING_SPLITS: (
        "Each seed cuts its own training and validation split, and the test split is the same for all; nothing is said "
        "of new data."
    ),
    TRAINING_SPLITS_TESTED: (
        "Each seed cuts its own training and validation split, and all are tested on the same examples; the intervals "
        "of the test data loss allow for the luck of these, those of other metrics do not. Nothing is said of other "
        "training data."
    ),
    SPLITS: (
        "Each seed cuts its own splits, which share examples, and the intervals are not widened for that: for new data "
        "they are too narrow."
    ),
    NEW_DATA: "Each seed draws data of its own.",
    FOLDS_OF_DATA: (
        "Each seed cuts its own folds, which test each example once. Training sets overlap, for which the intervals "
        "and p are widened (Nadeau and Bengio 2003): they are of new data of this size from the same source."
    ),
}
"""All that an interval may generalize over, as comparison.csv says it, each with a sentence on what varies."""


def generalizes_over(redrawn: Collection[str], folds: bool, test_parts: bool = False) -> str:
    """Return what the comparison of an experiment generalizes over: one of `NOTES`.

    Args:
        redrawn: what each data set draws anew with another data seed, as `lab.data.Dataset.redrawn`; empty where all
            runs have one data seed. Of different data the one that draws least counts.
        folds: whether the data are cut into folds.
        test_parts: whether the loss of each run is known at parts of one test split.
    """
    if folds:
        return FOLDS_OF_DATA
    found = (SEEDS, TRAINING_SPLITS, SPLITS, NEW_DATA)[min(map(REDRAWN.index, redrawn), default=0)]
    return _TESTED.get(found, found) if test_parts else found


_TESTED = {SEEDS: SEEDS_TESTED, TRAINING_SPLITS: TRAINING_SPLITS_TESTED}


def without_test_examples(over: str) -> str:
    """Return what a comparison generalizes over whose metric is not known at parts of the test split.

    Args:
        over: what that of the test data loss does.
    """
    return next((plain for plain, tested in _TESTED.items() if tested == over), over)


def scope(comparison: pd.DataFrame) -> str:
    """Return what a comparison generalizes over; "" where it does not say so."""
    said = comparison["generalizes_over"].dropna().tolist() if "generalizes_over" in comparison else []
    return str(said[0]) if said else ""


def scope_sentence(comparison: pd.DataFrame) -> str:
    """Return what the intervals of a comparison generalize over, as a sentence; empty where it is not known."""
    found = scope(comparison)
    return say("The intervals generalize over {scope}.", scope=named(found)) if found else ""


def scope_note(comparison: pd.DataFrame) -> str:
    """Return what varies from run to run of a variant, and so what the intervals are good for; empty if not known."""
    return named(NOTES.get(scope(comparison), ""))


def rules_sentence(comparison: pd.DataFrame) -> str:
    """Return what else a comparison was decided by: the looks while seeds were added, the margin; "" for neither."""
    if not len(comparison):
        return ""
    said, first = [], comparison.iloc[0]
    if "most_seeds" in first:
        said.append(
            say(
                "Seeds were added until each variant was decided, at most {most}; tests and intervals allow for every "
                "look.",
                most=int(first["most_seeds"]),
            )
        )
    if "margin" in first:
        said.append(say("Equivalent: shown to differ by less than {margin}.", margin=f"{first['margin']:g}"))
    return say(" ").join(said)
