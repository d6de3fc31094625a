"""From which epoch on a run overfits: a rule that estimates the noise of the curve it looks at.

The lowest value of a noisy curve is partly luck, and the last epochs of a perfectly flat one lie above it. A rule
that calls every rise after the minimum overfitting finds it in every run. This one was set on simulated curves;
the tests repeat the simulations.

False alarms. Over 8 to 500 epochs the rule reports an onset on fewer than 2 flat curves in 100 with independent
noise, fewer than 4 where single epochs jump (Student's t with 3 degrees of freedom), fewer than 7 where half of
each epoch's noise stays in the next, and fewer than 1 noisy curve in 100 that only improves. It cannot tell slow
noise from a rise: where 80 % of the noise stays, it reports an onset on 5 to 13 flat curves in 100 of up to 100
epochs and on 23 of 500 epochs. Nor can it tell noise that grows along the run: where the last epoch is five times as
noisy as the first, it does so on 4 flat curves in 100 of 50 epochs, on 9 of 100 epochs and on 27 of 500.

Delay. After a turn and a steady rise the onset comes late rather than early. It is found up to
`6 + 5 * noise / rise` epochs after the turn (noise of one epoch, rise per epoch) in 97 of 100 runs that turn in
their first tenth and in 93 of 100 that turn in their first fifth, if the run has at least 30 epochs and goes on for
10 epochs after that bound. A fall that fills more of the run is partly taken for noise, the more so the steeper it
is. With noise as large as the rise, the onset of a run of 30 epochs that turns at epoch 10 after a steep straight fall
nearly always comes after the bound, and after a steep curved fall over half of the run it may be missed altogether.
"""

import numpy as np

SHORTEST = 8
"""The fewest epochs from which the noise of a curve can be estimated."""

NOISES = 5.0
"""The number of standard deviations of a smoothed value by which a curve must rise."""

SHARE = 0.01
"""The share of the lowest smoothed value by which a curve must rise: less is not worth a name, however quiet."""

_MAD = 1.482602218505602  # standard deviations in a median absolute deviation of normal noise, 1 / Phi^-1(3/4)


def window(epochs: int) -> int:
    """Return the number of epochs over which a curve is smoothed: 3, from 30 epochs on 5."""
    return 3 if epochs < 30 else 5


def smooth(values: np.ndarray) -> np.ndarray:
    """Return the running median of a curve over its `window`, float64 of shape (epochs - window + 1,).

    Value i is the median of the epochs i to i + window - 1. A median, because one lucky epoch must not set the
    minimum and one jump must not look like a rise. There is no value without a full window: a shorter one would
    be noisier than the margin allows for.
    """
    values = np.asarray(values, np.float64)
    width = window(len(values))
    # What np.median does, without its checks: tens of thousands of short curves are smoothed. NaN is sorted last.
    ordered = np.sort(np.stack([values[i : len(values) - width + 1 + i] for i in range(width)]), 0)
    return np.where(np.isnan(ordered[-1]), np.nan, ordered[width // 2])


def margin(values: np.ndarray, smoothed: np.ndarray) -> float:
    """Return the distance a smoothed curve must move before it is more than noise, at least 0.

    `NOISES` standard deviations of a smoothed value, or `SHARE` of the lowest one if that is more. The standard
    deviation is the larger of two estimates, each from the median absolute second difference, which neither a
    trend nor a few jumps disturb: of neighbouring epochs, times sqrt(pi / 2 / window), which is what a median
    leaves of independent noise; and of smoothed values one window apart, for noise that stays for some epochs.
    A curve that bends all along, or turns in a short run, looks noisier than it is: the onset is then reported
    later or not at all, never too early.

    Args:
        values: one value per epoch, shape (epochs,), all finite, at least `SHORTEST`.
        smoothed: the result of `smooth`.
    """
    width = window(len(values))
    noise = _MAD * _median(np.abs(np.diff(values, 2))) / np.sqrt(6) * np.sqrt(np.pi / 2 / width)
    if len(smoothed) > 3 * width:
        apart = smoothed[2 * width :] - 2 * smoothed[width:-width] + smoothed[: -2 * width]
        noise = max(noise, _MAD * _median(np.abs(apart)) / np.sqrt(6))
    return float(max(NOISES * noise, SHARE * abs(smoothed.min())))


def _median(values: np.ndarray) -> float:
    ordered = np.sort(values)
    return 0.5 * (ordered[(len(values) - 1) // 2] + ordered[len(values) // 2])


def find_onset(val_data_loss: np.ndarray) -> int | None:
    """Return the onset of overfitting: the epoch from which the curve stays above its minimum by more than noise.

    The rule: smooth the curve (`smooth`), take its lowest smoothed value, add the noise (`margin`), and find the
    epoch from which on every smoothed value, to the end of the run, lies above that. The epoch in the middle of
    that first window is the onset, but never an epoch before the one after the curve's own lowest value.

    The epochs between the minimum and the onset are those in which the rise cannot yet be told from noise. The
    onset comes later on a noisier or flatter curve.

    Args:
        val_data_loss: one value per epoch, shape (epochs,), all finite.

    Returns:
        The position of the onset in `val_data_loss`, from 0; None where the curve does not rise by more than its
        noise, comes back before the end, or has fewer than `SHORTEST` epochs.
    """
    values = np.asarray(val_data_loss, np.float64)
    if len(values) < SHORTEST:
        return None
    smoothed = smooth(values)
    back = np.flatnonzero(~(smoothed > smoothed.min() + margin(values, smoothed)))[-1]
    if back == len(smoothed) - 1:
        return None
    onset = max(int(back) + 1 + window(len(values)) // 2, int(values.argmin()) + 1)
    return onset if onset < len(values) else None
