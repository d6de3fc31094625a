"""The small chart of an experiment among others: median train and validation curves, as SVG without a script."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lab.pages.epochs_series import EPOCHS, SHOWN, columns_of, thinned
from lab.report.curves import Curves

WIDTH, HEIGHT = 320, 150
_MARGIN = 6


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
    axis = curves.axis(*reversed(columns.values()))
    epochs = int(curves.table["epoch"].max())
    return Frame(f"{axis.low:.2g}", f"{axis.high:.2g}", epochs, (float(axis.low), float(axis.high)), axis.log)


def sparkline(curves: Curves, names: Sequence[str]) -> list[Line]:
    """Return the curves of the variants that a page shows at first, in a box of `WIDTH` by `HEIGHT`.

    The value axis is that of the large chart, logarithmic where that is. Without a finite validation loss there is
    no curve.

    Args:
        curves: all curves of the experiment.
        names: its variants in order, the baseline first.
    """
    columns = columns_of(curves)
    if not columns:
        return []
    axis = curves.axis(*reversed(columns.values()))
    bend = np.log if axis.log else np.asarray
    shown = curves.only(curves.named(SHOWN))
    epochs = int(curves.table["epoch"].max())
    lines = []
    for split, column in columns.items():
        medians = thinned(shown.medians(column).query("whole"), ["variant"], math.ceil(epochs / EPOCHS))
        for variant, median in medians.groupby("variant", sort=False):
            values = median["median"].to_numpy(float)
            seen = np.isfinite(values) & ((values > 0) | (not axis.log))
            x = _MARGIN + (WIDTH - 2 * _MARGIN) * (median["epoch"].to_numpy(float)[seen] - 1) / max(1, epochs - 1)
            height = (bend(np.clip(values[seen], axis.low, axis.high)) - bend(axis.low)) / (
                bend(axis.high) - bend(axis.low)
            )
            y = HEIGHT - _MARGIN - (HEIGHT - 2 * _MARGIN) * height
            points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
            lines.append(Line(names.index(str(variant)), split, points))
    # The baseline comes last, so that it lies on top.
    return sorted(lines, key=lambda line: (line.v == 0, line.v, line.split))
