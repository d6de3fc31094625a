"""Is a net with dropout an ensemble: do scaled weights match the average of its thinned nets, or of nets trained apart?

    python experiments/dropout_ensemble.py            # about 40 seconds on 2 cores

In accuracy, yes: one thinned net gets .82 on the test digits, the average of 20 masks .908 and of 50 .905, as the one
net with scaled weights (.905, medians of 5 nets), in one pass instead of 50. In its probabilities, no: on noisy
labels the average of 100 masks has a test loss of .51 and weight scaling .40, because the average of hesitant nets
hesitates. Scaling stands for the geometric mean of the masks (.42), as theory says. It is not a true ensemble: 20
nets without dropout averaged reach .47 and .914, a single net with dropout .40; and 20 nets with dropout averaged are
better still, .38 and .928. Dropout and averaging nets are two gains, not one.
"""

from collections.abc import Mapping
from typing import Any

from lab.cli import main
from lab.study import Study


def compute(seeds: int = 5, members: int = 20, masks: int = 100, epochs: int = 60, train_size: int = 300):
    """Train nets with dropout, and nets without it to average, on 300 digits a fifth of whose labels are random."""
    from functools import partial

    import numpy as np
    import pandas as pd

    from lab.data import digits
    from lab.engine.task import Task
    from lab.models import dense
    from lab.probes.ensembles import growing, probabilities, sampled
    from lab.regularization import NONE, Regularization
    from lab.run import train_all
    from lab.training import Training

    data = digits(train_size=train_size, label_noise=0.2)
    test = data.test

    def nets(regularization: Regularization, count: int):
        build = partial(dense, data.input_shape, 10, widths=(256, 256), regularization=regularization)
        training = Training(epochs=epochs)
        trained = train_all([Task(partial(build, seed=seed), data, training, seed) for seed in range(count)])
        for seed, one in enumerate(trained):
            model = build(seed=seed)
            model.set_weights(one.weights)
            yield model

    dropout = list(nets(Regularization(dropout=0.5), members))
    curves = []
    for seed, net in enumerate(dropout[:seeds]):
        scaled = growing(probabilities(net, test.x)[None], test.y)
        thinned = sampled(net, test.x, masks, seed)
        curves += [
            scaled.assign(kind="weight scaling", draw=seed),
            growing(thinned, test.y).assign(kind="sampled masks", draw=seed),
        ]
        # What weight scaling stands for is the geometric mean: exactly so for a net without hidden layers.
        logs = np.cumsum(np.log(np.maximum(thinned, 1e-30)), axis=0)
        for count in (n for n in (1, 2, 5, 10, 20, 50, 100) if n <= masks):
            mean = np.exp(logs[count - 1] / count)
            table = growing((mean / mean.sum(axis=1, keepdims=True))[None], test.y)
            curves.append(table.assign(kind="sampled masks, geometric", draw=seed, members=count))
    for kind, apart in (("nets trained apart", list(nets(NONE, members))), ("dropout nets trained apart", dropout)):
        predicted = np.stack([probabilities(net, test.x) for net in apart])
        for draw in range(seeds):
            # Which nets come first is luck, so each draw adds them in another order.
            order = np.random.default_rng(draw).permutation(members)
            curves.append(growing(predicted[order], test.y).assign(kind=kind, draw=draw))
    return {"curves": pd.concat(curves)}


def draw(tables: Mapping):
    """Draw test data loss and accuracy against the number of members, with weight scaling as a line across."""
    from matplotlib.lines import Line2D

    from lab.report.layout import WIDE, beside, footnote, headline_over, pair_of_axes
    from lab.report.theme import look, styles

    table = tables["curves"]
    kinds = list(table["kind"].unique())
    look_of = styles(kinds)
    last = table["members"].max()
    with look():
        figure, axes = pair_of_axes()
        entries = []
        for kind in kinds:
            style = look_of[kind]
            for ax, column in zip(axes, ("data_loss", "accuracy"), strict=True):
                spread = table[table["kind"] == kind].groupby("members")[column].agg(["median", "min", "max"])
                if len(spread) == 1:
                    # One net, whatever the number of members.
                    spread = spread.loc[[1, 1]].set_axis([1, last])
                ax.fill_between(spread.index, spread["min"], spread["max"], color=style.colour, alpha=0.12, lw=0)
                looks: dict[str, Any] = {
                    "color": style.colour,
                    "marker": style.marker,
                    "ms": 4.5,
                    "mec": "white",
                    "mew": 0.5,
                }
                marked = [i for i, n in enumerate(spread.index) if n in (1, 2, 5, 10, 20, 50, 100)]
                ax.plot(spread.index, spread["median"], lw=1.5, markevery=marked, **looks)
            entries.append(Line2D([], [], label=kind, lw=1.5, **looks))
        for ax, label in zip(axes, ("test data loss", "test accuracy"), strict=True):
            ax.set_xscale("log")
            ax.set_xticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100"])
            ax.set_xlim(0.9, 1.1 * last)
            ax.minorticks_off()
            ax.grid(axis="y", color="0.92", lw=0.7)
            ax.set_xlabel("members of the average")
            ax.set_ylabel(label)
        beside(axes[1], entries)
        headline_over(axes[0], "one net with scaled weights, and averages", "dropout_ensemble", WIDE)
        said = "Line: median of the nets with dropout, or of orders in which nets are added; band: all of them."
        footnote(axes[0], [said], WIDE)
    return {"ensembles": figure}


EXPERIMENT = Study(name="dropout_ensemble", compute=compute, draw=draw)

if __name__ == "__main__":
    main(EXPERIMENT)
