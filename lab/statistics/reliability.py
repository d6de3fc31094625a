"""Reliability: of the examples that a model is 80 % sure of, are 80 % right?"""

import numpy as np

PROBABLE = ("softmax_cross_entropy", "binary_cross_entropy")
"""The losses of `lab.training.LOSSES` whose outputs are logits; the outputs of the others are no probabilities."""

BINS = 15
"""The bins of confidence, of equal width, as in Guo et al. 2017."""

RELIABILITY = ("bin", "examples", "confidence", "accuracy")
"""The columns of a reliability curve, one row per bin that holds an example. `bin` counts from 1: the k-th is of
confidences above (k - 1) / BINS up to k / BINS. `confidence` and `accuracy` are means over its examples."""


def probabilities(loss: str, logits: np.ndarray) -> np.ndarray:
    """Return the probabilities of classes, of shape (n, max(2, outputs)), that logits of shape (n, outputs) stand for.

    Args:
        loss: one of `PROBABLE`.
        logits: one of them is that of the second of two classes.
    """
    from scipy.special import expit, softmax

    logits = logits.astype(np.float64)
    if logits.shape[1] == 1:
        second = expit(logits)
        return np.hstack([1 - second, second])
    return softmax(logits, axis=1)


def reliability(loss: str, logits: np.ndarray, y: np.ndarray) -> list[tuple[int, int, float, float]] | None:
    """Return the reliability curve of logits: the values of the columns `RELIABILITY`, bin by bin.

    Args:
        loss: one of `lab.training.LOSSES`.
        logits: of shape (n, outputs).
        y: classes, int of shape (n,); or 1 for each class that an example has and else 0, int of shape (n, outputs):
            then each class of an example, or its absence, counts as an example.

    Returns:
        The rows; None where the outputs are no probabilities or not finite.

    Reference: Guo et al. 2017, figure 1.
    """
    if loss not in PROBABLE or not np.isfinite(logits).all():
        return None
    if y.ndim == 2:
        logits, y = logits.reshape(-1, 1), y.ravel()
    return curve(probabilities(loss, logits), y)


def curve(probabilities: np.ndarray, y: np.ndarray) -> list[tuple[int, int, float, float]]:
    """Return the reliability curve of probabilities of shape (n, classes), as `reliability` does of logits."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == y
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    sums = (np.bincount(bins, weights=values, minlength=BINS) for values in (confidence, right))
    rows = zip(range(1, BINS + 1), counts.tolist(), *(values.tolist() for values in sums), strict=True)
    return [(k, n, confident / n, correct / n) for k, n, confident, correct in rows if n]


def calibration_error(probabilities: np.ndarray, y: np.ndarray) -> float:
    """Return the expected calibration error: how far confidence is from accuracy, in bins of equal width.

    The mean over the examples of |accuracy - mean confidence| of the bin that an example's confidence, the largest of
    its probabilities, is in. It is biased upwards where bins hold few examples.

    Args:
        probabilities: of shape (n, classes).
        y: classes, int of shape (n,).

    Reference: Guo et al. 2017, equation 3.
    """
    rows = curve(probabilities, y)
    return sum(n * abs(accuracy - confidence) for _, n, confidence, accuracy in rows) / len(y)
