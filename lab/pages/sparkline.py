"""The small chart of an experiment among others: median train and validation curves, as SVG without a script."""

from dataclasses import dataclass

import numpy as np

from lab.pages.epochs_chart import Series

WIDTH, HEIGHT = 320, 150
_MARGIN = 6


@dataclass(frozen=True)
class Line:
    """One curve: the place of its variant, its split, and the points as SVG writes them."""

    v: int
    split: str
    points: str


def small(series: Series) -> list[Line]:
    """Return the curves of the variants that are shown at first, in a box of `WIDTH` by `HEIGHT`.

    The value axis is that of the large chart, logarithmic where that is.
    """
    low, high = series.axis.low, series.axis.high
    bend = np.log if series.axis.log else np.asarray
    lines = []
    for row in series.medians:
        if row["v"] not in series.shown or not row["whole"]:
            continue
        values = np.array([np.nan if value is None else value for value in row["m"]], float)
        seen = np.isfinite(values) & (values > 0 if series.axis.log else True)
        epochs = np.array(row["e"], float)[seen]
        x = _MARGIN + (WIDTH - 2 * _MARGIN) * (epochs - 1) / max(1, series.epochs - 1)
        height = (bend(np.clip(values[seen], low, high)) - bend(low)) / (bend(high) - bend(low))
        y = HEIGHT - _MARGIN - (HEIGHT - 2 * _MARGIN) * height
        lines.append(Line(row["v"], row["split"], " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))))
    # The baseline last: it lies on top.
    return sorted(lines, key=lambda line: (line.v == 0, line.v, line.split))
