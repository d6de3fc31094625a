"""From how many examples on does dropout help?

Where a fifth of the labels is wrong, from 100 on. Where all labels are right, at no size that was tried for sure: what
decides here is not the number of examples but the noise in them.

    python experiments/data_size.py            # about 3 minutes on 2 cores

With a fifth of the labels wrong, dropout .5 lowers the test loss by .075 [.021, .130] at 100 examples, .096 [.075,
.116] at 500 and .102 [.054, .150] at 1 079, all there are.

Where all labels are right it makes no difference that 6 seeds can show at any size (at most .0064 of .08 to .32) but
once: .0095 [.0036, .0154] at 300, an interval of five without correction.

Srivastava et al. (2014, figure 10) found no gain at 100 and 500 examples and more in between 1 000 and 50 000: on clean
digits this net, kept at its best epoch, has nothing for dropout to cure.
"""

import math
from collections.abc import Mapping
from functools import partial

from lab.cli import main
from lab.data import digits
from lab.experiment import Variant
from lab.models import dense
from lab.regularization import Regularization
from lab.run import train
from lab.study import Study
from lab.training import Training

SIZES = (100, 200, 300, 500, 1079)
RATES = (0.0, 0.5)


def compute(
    seeds: int = 6, epochs: int = 150, sizes: tuple[int, ...] = SIZES, rates: tuple[float, ...] = RATES,
    label_noise: tuple[float, ...] = (0.0, 0.2),
):  # fmt: skip
    """Train two layers of 256 with and without dropout on growing parts of the digits, as they are and mislabelled."""
    import pandas as pd

    variants = {
        (size, noise, rate): Variant(
            data=partial(digits, train_size=size, label_noise=noise),
            model=partial(dense, widths=(256, 256), regularization=Regularization(dropout=rate)),
            training=Training(epochs=epochs, patience=30),
        )
        for size in sizes
        for noise in label_noise
        for rate in rates
    }
    rows = []
    for ((size, noise, rate), seed), one in train(variants, seeds=range(seeds), redraw_data=True).items():
        test = one.trained.test or {"data_loss": math.nan, "accuracy": math.nan}
        rows.append((size, noise, rate, seed, one.trained.kept_epoch, test["data_loss"], test["accuracy"]))
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
    """Draw the paired difference to no dropout against the number of examples, for clean and for noisy labels."""
    from lab.report.kit import figure_of, line, pair, styles

    table = differences(tables["runs"])
    sizes, rates = sorted(table["train_size"].unique()), sorted(table["dropout"].unique())
    noises = sorted(table["label_noise"].unique())
    look_of = styles(["0", *(f"{rate:g}" for rate in rates)], "0")
    first, second = (f"{noise:.0%} of the labels wrong" if noise else "all labels right" for noise in noises)
    with pair(
        title="what dropout changes, by the number of examples", of="data_size", headings=(first, second),
        x=("training examples", "training examples"), y=("test data loss: dropout minus none", ""),
        notes=[
            f"Dropout {', '.join(f'{rate:g}' for rate in rates)}. Below 0 dropout helps.",
            "Mean of the paired differences over seeds, bar: its 95 % interval.",
        ],
    ) as axes:  # fmt: skip
        for ax, noise in zip(axes, noises, strict=True):
            ax.axhline(0, color="0.45", lw=0.8)
            for rate in rates:
                rows, style = table[(table["label_noise"] == noise) & (table["dropout"] == rate)], look_of[f"{rate:g}"]
                ax.vlines(rows["train_size"], rows["low"], rows["high"], color=style.colour, lw=1.2)
                ax.plot(rows["train_size"], rows["difference"], **line(style))
            ax.set_xscale("log")
            ax.set_xticks(sizes, [f"{size}" for size in sizes])
            ax.minorticks_off()
            ax.grid(axis="y", color="0.92", lw=0.7)
    return {"differences": figure_of(axes[0])}


EXPERIMENT = Study(name="data_size", compute=compute, draw=draw)

if __name__ == "__main__":
    main(EXPERIMENT)
