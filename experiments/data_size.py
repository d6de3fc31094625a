"""From how many examples on does dropout help?

    python experiments/data_size.py            # about 3 minutes on 2 cores

Where a fifth of the labels is wrong, from 100 on: dropout .5 lowers the test loss by .075 [.021, .130] at 100
examples, .096 [.075, .116] at 500 and .102 [.054, .150] at 1 079, all there are. Where all labels are right it makes
no difference that 6 seeds can show at any size (at most .0064 of .08 to .32) but once: .0095 [.0036, .0154] at 300,
an interval of five without correction. Srivastava et al. (2014, figure 10) found no gain at 100 and 500 examples and
more in between 1 000 and 50 000: on clean digits this net, kept at its best epoch, has nothing for dropout to cure,
and what decides here is not the number of examples but the noise in them.
"""

import math
from collections.abc import Mapping

from lab.cli import main
from lab.study import Study

SIZES = (100, 200, 300, 500, 1079)
RATES = (0.0, 0.5)


def compute(
    seeds: int = 6, epochs: int = 150, sizes: tuple[int, ...] = SIZES, rates: tuple[float, ...] = RATES,
    label_noise: tuple[float, ...] = (0.0, 0.2),
):  # fmt: skip
    """Train two layers of 256 with and without dropout on growing parts of the digits, as they are and mislabelled."""
    from functools import partial

    import pandas as pd

    from lab.data import digits
    from lab.engine.task import Task
    from lab.models import dense
    from lab.regularization import Regularization
    from lab.run import train_all
    from lab.training import Training

    rows = []
    for size in sizes:
        training = Training(epochs=epochs, patience=30)
        arms = [(noise, rate, seed) for noise in label_noise for rate in rates for seed in range(seeds)]
        tasks = []
        for noise, rate, seed in arms:
            data = digits(train_size=size, label_noise=noise, seed=seed)
            build = partial(dense, widths=(256, 256), regularization=Regularization(dropout=rate))
            tasks.append(Task(partial(build, data.input_shape, 10, seed=seed), data, training, seed))
        for (noise, rate, seed), one in zip(arms, train_all(tasks), strict=True):
            test = one.test or {"data_loss": math.nan, "accuracy": math.nan}
            rows.append((size, noise, rate, seed, one.kept_epoch, test["data_loss"], test["accuracy"]))
    columns = ["train_size", "label_noise", "dropout", "seed", "kept_epoch", "test_data_loss", "test_accuracy"]
    return {"runs": pd.DataFrame(rows, columns=columns).sort_values(columns[:4])}


def differences(runs):
    """Return how much lower the test data loss is with dropout, with its 95 % interval, at each size."""
    import numpy as np
    import pandas as pd

    from lab.statistics.estimates import intervals, moments

    rows = []
    wide = runs.pivot_table(index=["label_noise", "train_size", "seed"], columns="dropout", values="test_data_loss")
    for rate in wide.columns[1:]:
        for (noise, size), pairs in (wide[rate] - wide[0.0]).groupby(level=[0, 1]):
            values = pairs.to_numpy()[None]
            n, mean, spread = moments(values, np.zeros(1))
            low, high = intervals(values, n, mean, spread, 0.95, "t")
            rows.append((noise, size, rate, n[0], mean[0], low[0], high[0]))
    return pd.DataFrame(rows, columns=["label_noise", "train_size", "dropout", "n", "difference", "low", "high"])


def draw(tables: Mapping):
    """Draw the paired difference to no dropout against the number of examples, and the accuracy of both."""
    from lab.report.layout import WIDE, footnote, headline_over, pair_of_axes
    from lab.report.theme import look, styles, text

    runs = tables["runs"]
    table, sizes = differences(runs), sorted(runs["train_size"].unique())
    rates = sorted(table["dropout"].unique())
    look_of = styles([f"{rate:g}" for rate in [0.0, *rates]])
    with look():
        figure, axes = pair_of_axes()
        for i, (ax, (noise, part)) in enumerate(zip(axes, table.groupby("label_noise"), strict=False)):
            ax.axhline(0, color="0.45", lw=0.8)
            for rate in rates:
                rows, style = part[part["dropout"] == rate], look_of[f"{rate:g}"]
                ax.vlines(rows["train_size"], rows["low"], rows["high"], color=style.colour, lw=1.2)
                ax.plot(rows["train_size"], rows["difference"], color=style.colour, marker=style.marker, ms=6, lw=1.2)
            ax.set_xscale("log")
            ax.set_xticks(sizes, [f"{size}" for size in sizes])
            ax.minorticks_off()
            ax.set_xlabel("training examples")
            ax.grid(axis="y", color="0.92", lw=0.7)
            named = f"{noise:.0%} of the labels wrong" if noise else "all labels right"
            text(ax.set_title(named, loc="left", pad=6), 9, fontweight="bold")
            if i == 0:
                ax.set_ylabel("test data loss: dropout minus none")
        headline_over(axes[0], "what dropout changes, by the number of examples", "data_size", WIDE, above=26)
        said = f"Dropout {', '.join(f'{rate:g}' for rate in rates)}. Below 0 dropout helps."
        footnote(axes[0], [said, "Mean of the paired differences over seeds, bar: its 95 % interval."], WIDE)
    return {"differences": figure}


EXPERIMENT = Study(name="data_size", compute=compute, draw=draw)

if __name__ == "__main__":
    main(EXPERIMENT)
