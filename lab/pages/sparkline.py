"""The small chart of an experiment among others: median train and validation curves, as SVG without a script."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lab.pages.epochs_series import EPOCHS, SHOWN, columns_of, focused, thinned
from lab.report.curves import Curves

WIDTH, HEIGHT = 320, 150
_MARGIN = 6
_FAR = 1000.0
"""How many heights of the chart a line may lie off it, so that its numbers stay short."""


@dataclass(frozen=True)
class Line:
    """One curve: the place of its variant, its split, and the points as SVG writes them."""

    v: int
    split: str
    points: str


@dataclass(frozen=True)
class Frame:
    """The edges of the small chart: its lowest and highest loss, in words and as numbers, and its last epoch.

    On a logarithmic axis, `log` is True.
    """

    low: str
    high: str
    epochs: int
    ends: tuple[float, float]
    log: bool


def frame(curves: Curves) -> Frame | None:
    """Return the edges of the chart that `sparkline` draws of the same curves; None where it draws none."""
    columns = columns_of(curves)
    if not columns:
        return None
    low, high, log = _ends(curves, columns)
    return Frame(f"{low:.2g}", f"{high:.2g}", int(curves.table["epoch"].max()), (low, high), log)


def _ends(curves: Curves, columns: dict[str, str]) -> tuple[float, float, bool]:
    """Return the ends of the value axis and whether it is logarithmic: what differs, as at the large chart."""
    axis = curves.axis(*reversed(columns.values()))
    shown = curves.only(curves.named(SHOWN)).medians(columns["validation"]).query("whole")
    rows = [
        {"e": median["epoch"].tolist(), "lo": values, "hi": values}
        for _, median in shown.groupby("variant", sort=False)
        if (values := [value if math.isfinite(value) else None for value in median["median"]])
    ]
    low, high = focused(rows, int(curves.table["epoch"].max()), axis) or (axis.low, axis.high)
    return float(low), float(high), axis.log


def sparkline(curves: Curves, names: Sequence[str]) -> list[Line]:
    """Return the curves of the variants that a page shows at first, in a box of `WIDTH` by `HEIGHT`.

    The value axis fits what the validation curves differ in, and is logarithmic where that of the large chart is; a
    line goes on beyond it. Without a finite validation loss there is no curve.

    Args:
        curves: all curves of the experiment.
        names: its variants in order, the baseline first.
    """
    columns = columns_of(curves)
    if not columns:
        return []
    low, high, log = _ends(curves, columns)
    bend = np.log if log else np.asarray
    shown = curves.only(curves.named(SHOWN))
    epochs = int(curves.table["epoch"].max())
    lines = []
    for split, column in columns.items():
        medians = thinned(shown.medians(column).query("whole"), ["variant"], math.ceil(epochs / EPOCHS))
        for variant, median in medians.groupby("variant", sort=False):
            values = median["median"].to_numpy(float)
            seen = np.isfinite(values) & ((values > 0) | (not log))
            x = _MARGIN + (WIDTH - 2 * _MARGIN) * (median["epoch"].to_numpy(float)[seen] - 1) / max(1, epochs - 1)
            height = np.clip((bend(values[seen]) - bend(low)) / (bend(high) - bend(low)), -_FAR, _FAR)
            y = HEIGHT - _MARGIN - (HEIGHT - 2 * _MARGIN) * height
            points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
            lines.append(Line(names.index(str(variant)), split, points))
    # The baseline comes last, so that it lies on top.
    return sorted(lines, key=lambda line: (line.v == 0, line.v, line.split))
