"""Is a net with dropout an ensemble: do scaled weights match the average of its thinned nets, or of nets trained apart?

In accuracy the one net with scaled weights matches the average of its thinned nets, in its probabilities it does not.
It is not a true ensemble of nets trained apart: dropout and averaging nets are two gains, not one.

    python experiments/dropout_ensemble.py            # about 40 seconds on 2 cores

One thinned net gets .82 on the test digits, the average of 20 masks .908 and of 50 .905, as the one net with scaled
weights (.905, medians of 5 nets), in one pass instead of 50.

On noisy labels the average of 100 masks has a test loss of .51 and weight scaling .40, because the average of hesitant
nets hesitates. Scaling stands for the geometric mean of the masks (.42), as theory says.

20 nets without dropout averaged reach .47 and .914, a single net with dropout .40; and 20 nets with dropout averaged
are better still, .38 and .928.
"""

from collections.abc import Mapping
from functools import partial

from lab.cli import main
from lab.data import digits
from lab.experiment import Variant
from lab.models import dense
from lab.regularization import NONE, Regularization
from lab.run import train
from lab.study import Study
from lab.training import Training

SIZES = (1, 2, 5, 10, 20, 50, 100)
"""The numbers of members that are marked, and at which the geometric mean is taken."""


def compute(seeds: int = 5, members: int = 20, masks: int = 100, epochs: int = 60, train_size: int = 300):
    """Train nets with dropout, and nets without it to average, on 300 digits a fifth of whose labels are random."""
    import numpy as np
    import pandas as pd

    from lab.probes.ensembles import growing, probabilities, sampled

    load = partial(digits, train_size=train_size, label_noise=0.2)
    test = load().test
    variants = {
        name: Variant(
            data=load,
            model=partial(dense, widths=(256, 256), regularization=regularization),
            training=Training(epochs=epochs),
        )
        for name, regularization in (("dropout", Regularization(dropout=0.5)), ("none", NONE))
    }
    trained = train(variants, seeds=range(members))
    nets = {name: [trained[name, seed].model() for seed in range(members)] for name in variants}
    curves = []
    for seed, net in enumerate(nets["dropout"][:seeds]):
        thinned = sampled(net, test.x, masks, seed)
        curves += [
            growing(probabilities(net, test.x)[None], test.y).assign(kind="weight scaling", draw=seed),
            growing(thinned, test.y).assign(kind="sampled masks", draw=seed),
        ]
        # What weight scaling stands for is the geometric mean: exactly so for a net without hidden layers.
        logs = np.cumsum(np.log(np.maximum(thinned, 1e-30)), axis=0)
        for count in (size for size in SIZES if size <= masks):
            mean = np.exp(logs[count - 1] / count)
            table = growing((mean / mean.sum(axis=1, keepdims=True))[None], test.y)
            curves.append(table.assign(kind="sampled masks, geometric", draw=seed, members=count))
    for kind, name in (("nets trained apart", "none"), ("dropout nets trained apart", "dropout")):
        predicted = np.stack([probabilities(net, test.x) for net in nets[name]])
        for draw in range(seeds):
            # Which nets come first is luck, so each draw adds them in another order.
            order = np.random.default_rng(draw).permutation(members)
            curves.append(growing(predicted[order], test.y).assign(kind=kind, draw=draw))
    return {"curves": pd.concat(curves)}


def draw(tables: Mapping):
    """Draw test data loss and accuracy against the number of members, with weight scaling as a line across."""
    import pandas as pd

    from lab.report.kit import figure_of, line, pair, spread, styles

    curves = tables["curves"]
    last = curves["members"].max()
    # Weight scaling is one net, whatever the number of members.
    scaled = curves[curves["kind"] == "weight scaling"]
    drawn = dict(list(curves.groupby("kind", sort=False)))
    drawn["weight scaling"] = pd.concat([scaled, scaled.assign(members=last)])
    with pair(
        title="one net with scaled weights, and averages", of="dropout_ensemble",
        x=("members of the average",) * 2, y=("test data loss", "test accuracy"),
        notes=["Line: median of the nets with dropout, or of orders in which nets are added; band: all of them."],
    ) as axes:  # fmt: skip
        for kind, style in styles(drawn).items():
            marked = [i for i, size in enumerate(sorted(drawn[kind]["members"].unique())) if size in SIZES]
            for ax, column in zip(axes, ("data_loss", "accuracy"), strict=True):
                spread(ax, drawn[kind], "members", column, label=kind, looks=line(style) | {"markevery": marked})
        for ax in axes:
            ax.set_xscale("log")
            ax.set_xticks(SIZES, [f"{size}" for size in SIZES])
            ax.set_xlim(0.9, 1.1 * last)
            ax.minorticks_off()
            ax.grid(axis="y", color="0.92", lw=0.7)
    return {"ensembles": figure_of(axes[0])}


EXPERIMENT = Study(name="dropout_ensemble", compute=compute, draw=draw)

if __name__ == "__main__":
    main(EXPERIMENT)
