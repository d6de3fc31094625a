"""Measures of a model's predictions beside loss and accuracy, by scikit-learn."""

import numpy as np

from lab.checks import UsageError
from lab.statistics.reliability import PROBABLE, calibration_error, probabilities

LOWER = ("brier", "calibration_error", "rmse", "mae")
"""The measures of which lower values are better."""

HIGHER = ("balanced_accuracy", "f1", "roc_auc", "average_precision", "r2")
"""The measures of which higher values are better."""

MEASURES = (*HIGHER, *LOWER, "temperature")
"""All measures. The temperature has no better direction: 1 is right, above it a model is too sure of itself."""


def better_direction(metric: str) -> str:
    """Return whether "lower" or "higher" values of a metric are better, judged by its name.

    Raises:
        UsageError: the name says neither accuracy, nor loss, penalty or gap.
    """
    measure = metric.removeprefix("test_")
    if "accuracy" in metric or measure in HIGHER:
        return "higher"
    if measure in LOWER or any(word in metric for word in ("loss", "penalty", "gap")):
        return "lower"
    raise UsageError(
        f"better must be 'lower' or 'higher' for a metric whose name says neither accuracy, loss, penalty nor gap, "
        f"got None for {metric!r}"
    )


def measures(loss: str, outputs: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Return the measures that fit the labels and the loss.

    Args:
        loss: one of `lab.training.LOSSES`. Only cross-entropies have "brier" and "calibration_error".
        outputs: logits, scores or predictions, of shape (n, outputs); one output scores the second of two classes.
            Numbers are in the unit of the target.
        y: classes, int of shape (n,); or 1 for each class that an example has and else 0, int of shape (n, outputs);
            or numbers, float of shape (n, outputs).

    Returns:
        Of numbers, see `of_numbers`. Of classes: "balanced_accuracy", the mean over the classes of the share that is
        found; "f1", the mean over the classes of F1; "roc_auc" and "average_precision", of the second of two classes,
        or the mean over each class against the rest, NaN where y lacks a class; "brier", the mean squared distance of
        the probabilities to the truth, summed over the classes, for two classes of the second only;
        "calibration_error", see `lab.statistics.reliability`. Where an example may have several classes, each is the
        mean over the classes of what it is for this class and its absence. All are NaN where an output is not finite.
    """
    if y.dtype.kind == "f":
        return of_numbers(outputs, y)
    if y.ndim == 2:
        each = [measures(loss, outputs[:, [k]], y[:, k]) for k in range(y.shape[1])]
        return {name: float(np.mean([one[name] for one in each])) for name in each[0]}
    return _of_classes(loss, outputs, y)


def _of_classes(loss: str, outputs: np.ndarray, y: np.ndarray) -> dict[str, float]:
    from sklearn import metrics

    names = [name for name in (*HIGHER[:4], *LOWER[:2]) if loss in PROBABLE or name not in LOWER]
    if not np.isfinite(outputs).all():
        return dict.fromkeys(names, float("nan"))
    outputs = outputs.astype(np.float64)
    one, classes = outputs.shape[1] == 1, max(2, outputs.shape[1])
    guess = (outputs[:, 0] > 0).astype(int) if one else outputs.argmax(axis=1)
    scores = probabilities(loss, outputs) if loss in PROBABLE else np.hstack([-outputs, outputs]) if one else outputs
    truth = np.eye(classes)[y]
    if classes == 2:
        # Of two scores only their difference decides; of two probabilities the second says all.
        scores = scores if loss in PROBABLE else (scores[:, 1:] - scores[:, :1]) * [-1, 1]
    ranked, right = (scores[:, 1], y) if classes == 2 else (scores, truth)
    whole = bool((truth.sum(axis=0) > 0).all())
    found = {
        # `balanced_accuracy_score` is this too, but warns where a class is guessed that y lacks.
        "balanced_accuracy": metrics.recall_score(y, guess, labels=np.unique(y), average="macro", zero_division=0),
        "f1": metrics.f1_score(y, guess, labels=range(classes), average="macro", zero_division=0),
        "roc_auc": metrics.roc_auc_score(right, ranked) if whole else np.nan,
        "average_precision": metrics.average_precision_score(right, ranked) if whole else np.nan,
    }
    if loss in PROBABLE:
        off = np.square(scores - truth).sum(axis=1).mean()
        found["brier"] = off / 2 if classes == 2 else off
        found["calibration_error"] = calibration_error(scores, y)
    return {name: float(value) for name, value in found.items()}


def temperature(loss: str, logits: np.ndarray, y: np.ndarray) -> float:
    """Return the number by which logits are to be divided so that their cross-entropy is lowest.

    Above 1 a model is too sure of itself. It is to be fitted on validation examples, never on those it is judged by.
    It is searched from exp(-5) to exp(5): where all examples are right it ends at the lower bound.

    Args:
        loss: one of `lab.statistics.reliability.PROBABLE`.
        logits: of shape (n, outputs).
        y: as for `measures`, classes or several classes per example.

    Returns:
        The temperature, NaN where a logit is not finite.

    Reference: Guo et al. 2017.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    if not np.isfinite(logits).all():
        return float("nan")
    logits = logits.astype(np.float64)
    sign = 2.0 * y.reshape(len(y), -1) - 1

    def cost(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        if loss == "binary_cross_entropy":
            return float(np.logaddexp(0, -sign * scaled).mean())
        return float(-log_softmax(scaled, axis=1)[np.arange(len(y)), y].mean())

    return float(np.exp(minimize_scalar(cost, bounds=(-5, 5), method="bounded", options={"xatol": 1e-6}).x))


def of_numbers(predictions: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Return the measures of predicted numbers, each the mean over the k outputs.

    Args:
        predictions, y: of shape (n, k), in the unit of the target and not in that of scaled losses.

    Returns:
        "rmse": the root of the mean squared error. "mae": the mean absolute error. "r2": one minus the mean squared
        error over the variance; 0 is what the mean of y would reach, NaN for a single example. All are NaN where a
        prediction is not finite.
    """
    from sklearn import metrics

    if not np.isfinite(predictions).all():
        return dict.fromkeys(("rmse", "mae", "r2"), float("nan"))
    return {
        "rmse": float(metrics.root_mean_squared_error(y, predictions)),
        "mae": float(metrics.mean_absolute_error(y, predictions)),
        "r2": float(metrics.r2_score(y, predictions)) if len(y) > 1 else float("nan"),
    }
