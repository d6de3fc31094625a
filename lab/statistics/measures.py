"""What a field reports of a model's test predictions beside loss and accuracy, by scikit-learn."""

import numpy as np

BINS = 15
"""The bins of the calibration error, as in Guo et al. 2017."""


def of_classes(probabilities: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Return the measures of predicted classes.

    Args:
        probabilities: of each class, of shape (n, classes); each row sums to 1.
        y: the classes, whole numbers of shape (n,), of which each is there at least once.

    Returns:
        "balanced_accuracy": the mean over the classes of the share that is found. "f1": the mean over the classes of
        F1. "roc_auc" and "average_precision": of the second of two classes, or the mean over each class against the
        rest. "brier": the mean squared distance of the probabilities to the truth, summed over the classes; for two
        classes of the second only. "calibration_error": see `calibration_error`.
    """
    from sklearn import metrics

    guess = probabilities.argmax(axis=1)
    two = probabilities.shape[1] == 2
    scores = probabilities[:, 1] if two else probabilities
    truth = y if two else np.eye(probabilities.shape[1])[y]
    return {
        "balanced_accuracy": float(metrics.balanced_accuracy_score(y, guess)),
        "f1": float(metrics.f1_score(y, guess, average="macro")),
        "roc_auc": float(metrics.roc_auc_score(truth, scores)),
        "average_precision": float(metrics.average_precision_score(truth, scores)),
        "brier": float(np.square(scores - truth).reshape(len(y), -1).sum(axis=1).mean()),
        "calibration_error": calibration_error(probabilities, y),
    }


def calibration_error(probabilities: np.ndarray, y: np.ndarray) -> float:
    """Return the expected calibration error: how far confidence is from accuracy, in bins of equal width.

    The mean over the examples of |accuracy - mean confidence| of the bin that an example's confidence, the largest of
    its probabilities, is in. It is biased upwards where bins hold few examples.

    Reference: Guo et al. 2017, equation 3.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == y
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    off = np.bincount(bins, weights=right - confidence, minlength=BINS)
    return float(np.abs(off[counts > 0]).sum() / len(y))


def temperature(logits: np.ndarray, y: np.ndarray) -> float:
    """Return the number by which logits are to be divided so that their cross-entropy is lowest.

    Above 1 a model is too sure of itself. It is to be fitted on validation examples, never on those it is judged by.

    Args:
        logits: of shape (n, classes).
        y: the classes, of shape (n,).

    Reference: Guo et al. 2017.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(logits / np.exp(log_temperature), axis=1)
        return float(-scaled[np.arange(len(y)), y].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-5, 5), method="bounded", options={"xatol": 1e-6}).x))


def of_numbers(predictions: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Return the measures of predicted numbers, each the mean over the k outputs.

    Args:
        predictions, y: of shape (n, k), in the unit of the target and not in that of scaled losses.

    Returns:
        "rmse": the root of the mean squared error. "mae": the mean absolute error. "r2": one minus the mean squared
        error over the variance; 0 is what the mean of y would reach.
    """
    from sklearn import metrics

    return {
        "rmse": float(metrics.root_mean_squared_error(y, predictions)),
        "mae": float(metrics.mean_absolute_error(y, predictions)),
        "r2": float(metrics.r2_score(y, predictions)),
    }
