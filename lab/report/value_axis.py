"""The value axis of a figure: where it starts and ends, and when it is logarithmic."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

LOG_ABOVE = 30.0
"""Above this ratio of the highest to the lowest value a linear axis hides the lower curves."""

# A logarithmic axis shows this factor beyond the usual curve and the lowest deciding value, and cuts the rest.
_LOG_BEYOND = 1000.0


@dataclass(frozen=True)
class Axis:
    """A value axis: whether it is logarithmic, where it starts and ends, and whether some lines leave it."""

    log: bool
    low: float
    high: float
    cut: bool


def linear(low: float, high: float) -> Axis:
    """Return a linear axis for values from `low` to `high`; it starts at 0 if that is near."""
    room = 0.05 * (high - low) or 0.05 * abs(high) or 0.5
    return Axis(False, 0.0 if 0 <= low < 0.25 * high else low - room, high + room, False)


def logarithmic(low: float, high: float) -> Axis:
    """Return a logarithmic axis for positive values from `low` to `high`."""
    room = (high / low) ** 0.04 if high > low else 2.0
    return Axis(True, low / room, high * room, False)


def fitted(values: pd.Series, *, log: bool) -> Axis:
    """Return the axis for values: logarithmic where that is asked for and a value is above 0, otherwise linear."""
    finite = values[np.isfinite(values) & ((values > 0) | (not log))]
    if not len(finite):
        return Axis(False, 0.0, 1.0, False)
    return (logarithmic if log else linear)(float(finite.min()), float(finite.max()))


def shared(values: pd.DataFrame, tops: pd.Series) -> Axis:
    """Return the axis for several columns of curves.

    It is logarithmic where the highest positive value of the first column is more than 30 times the lowest, as
    happens to validation losses when the penalties of the variants differ by orders of magnitude. It then ends at
    1 000 times the median of the curves' highest values and starts at a thousandth of the first column's lowest;
    what lies beyond is cut. Otherwise it is linear, and starts at 0 if the lowest value is under a quarter of the
    highest.

    Args:
        values: the columns that are drawn, the deciding one first; NaN is not drawn. With a value below 0 the axis
            is linear.
        tops: the highest value of each curve.
    """
    drawn = values.to_numpy(float)
    drawn = drawn[np.isfinite(drawn)]
    if not drawn.size:
        return Axis(False, 0.0, 1.0, False)
    lowest, highest = float(drawn.min()), float(drawn.max())
    first = values.iloc[:, 0]
    deciding = first[first > 0]
    if lowest < 0 or not len(deciding) or not deciding.max() > LOG_ABOVE * deciding.min():
        return linear(lowest, highest)
    low = max(float(drawn[drawn > 0].min()), float(deciding.min()) / _LOG_BEYOND)
    high = min(highest, _LOG_BEYOND * max(float(tops.median()), low))
    axis = logarithmic(low, high)
    return Axis(True, axis.low, axis.high, lowest < low or highest > high)
