"""What intervals generalize over: whatever varies from run to run of one variant.

An interval says how far a mean would be off if everything that varies were drawn again. Where only the seed varies, it
says nothing of other splits; where each seed cuts its splits from one data set, these share examples, and it says
nothing of new data. Folds share training examples too, but there it is known how many, and the interval is widened.

Reference: Nadeau and Bengio, Inference for the generalization error (2003); Bouckaert and Frank, Evaluating the
replicability of significance tests for comparing learning algorithms (2004), for folds of several seeds.
"""

SEEDS = "seeds"
TRAINING_SPLITS = "seeds and training splits of this data set"
SPLITS = "seeds and splits of this data set"
NEW_DATA = "seeds and new data"
FOLDS_OF_DATA = "seeds and new data, approximately"

NOTES = {
    SEEDS: "All runs have the same splits of the data, so nothing is said of other splits, or of new data.",
    TRAINING_SPLITS: (
        "Each seed cuts its own training and validation split, and the test split is the same for all; nothing is said "
        "of new data."
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
"""What an interval may generalize over, as comparison.csv says it, each with a sentence on what varies."""


def scope_note(generalizes_over: str) -> str:
    """Return what the intervals generalize over, in two sentences; empty where it is not known."""
    if not generalizes_over:
        return ""
    return f"The intervals generalize over {generalizes_over}. {NOTES.get(generalizes_over, '')}".rstrip()
