"""Which optimizer crosses a valley best, at the course's learning rates and at its own best one?

At the course's rates AdaGrad is best and RMSProp last by far; at its own best rate RMSProp comes second. The ranking is
one of five learning rates, not of five optimizers.

    python experiments/trajectories.py            # about 8 seconds

On f = x^2 / 20 + y^2 from (-7, 2), after 30 steps at the course's rates: AdaGrad 7.2e-4, SGD 1.3e-2, momentum 4.8e-2,
Adam 1.0e-1, RMSProp 6.0e-1.

Each at its best of 80 rates (by the highest of the last five steps): AdaGrad 1.5e-38 (rate 8.9), RMSProp 3.4e-12
(.58), SGD 1.1e-2 (.86), Adam 7.0e-2 (.26), momentum 1.3e-1 (.076). AdaGrad and RMSProp both scale each axis by its own
gradients, and a valley along an axis is their best case.

Where the course was wrong: its report ranks Adam first and calls RMSProp stable.
"""

import numpy as np

from lab.cli import main
from lab.study import Study

RATES = tuple(float(f"{rate:.3g}") for rate in np.geomspace(0.01, 30, 80))

LAST = 5
"""A rate is judged by the highest of so many last steps: one that swings through the bottom may be there by luck."""


def compute(epochs=30):
    """Walk down x ** 2 / 20 + y ** 2 from (-7, 2) in `epochs` steps, at the course's rates and at many others."""
    import pandas as pd

    from lab.probes.regions import surface
    from lab.textbook.descent import COURSE_RATES, VALLEY, trajectory

    tried = [(name, rate) for name in COURSE_RATES for rate in RATES]
    heights = [trajectory(name, learning_rate=rate, steps=epochs)["f"] for name, rate in tried]
    sweep = pd.DataFrame(tried, columns=["optimizer", "learning_rate"])
    sweep = sweep.assign(f=[f.iloc[-1] for f in heights], highest=[f.iloc[-LAST:].max() for f in heights])
    best = sweep.loc[sweep.groupby("optimizer", sort=False)["highest"].idxmin()]
    own = dict(zip(best["optimizer"], best["learning_rate"], strict=True))
    chosen = {"the course's": COURSE_RATES, "their own best": own}
    paths = [
        trajectory(name, learning_rate=rate, steps=epochs).assign(optimizer=name, rates=rates, learning_rate=rate)
        for rates, of in chosen.items()
        for name, rate in of.items()
    ]
    return {
        "trajectories": pd.concat(paths, ignore_index=True),
        "sweep": sweep,
        "valley": surface(VALLEY, (-8, 8), (-3, 3), 81),
    }


def draw(tables):
    """Draw the paths on the contours, the height over the steps, and the height reached at each rate."""
    from lab.report.kit import contours, figure_of, panels

    paths, figures = tables["trajectories"], {}
    for rates, of in paths.groupby("rates", sort=False):
        walked = {
            f"{name} ({path['learning_rate'].iloc[0]:g})": path for name, path in of.groupby("optimizer", sort=False)
        }
        title = f"{paths['step'].max()} steps at {rates} rates"
        figures[f"paths_{rates.split()[-1].removesuffix(chr(39) + 's')}"] = figure_of(
            contours(tables["valley"], walked, title=title, of="trajectories")
        )
    figures["height"] = panels(
        paths.assign(panel=paths["rates"] + " rates"), "step", "f", line="optimizer",
        log=(False, True), limits=(1e-14, 100), title="height over the steps", of="trajectories",
        notes=["What lies beyond the axis is cut."],
    )  # fmt: skip
    sweep = tables["sweep"]
    figures["rates"] = panels(
        sweep[sweep["highest"] < 10].assign(panel=""), "learning_rate", "highest", line="optimizer", log=(True, True),
        limits=(1e-14, 30),
        names=("learning rate", f"highest f of the last {LAST} steps"), title="height reached at each learning rate",
        of="trajectories", notes=["What lies beyond the axis is cut."],
    )  # fmt: skip
    return figures


EXPERIMENT = Study(name="trajectories", compute=compute, draw=draw)

if __name__ == "__main__":
    main(EXPERIMENT)
