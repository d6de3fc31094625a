"""How does the strength of L2 smooth what 20 hidden units decide?

The stronger it is, the smoother the border, until it is nearly a line. But a lambda means nothing without its
convention: the one that CS231n writes is ten times as strong as the one its figure was made with.

    python experiments/strength_regions.py            # about 30 seconds on 2 cores

Read as CS231n writes it (half lambda times the squares), lambda .001 lets 20 units fit all points around islands,
.01 fits 83 % with one smooth border and .1 80 % with nearly a line.

CS231n's figure was made with ConvNetJS, which divides the penalty by its batch of 10 as well: there .001 and .01 still
fit every point (data loss .003 and .025), and only .1 gives the smooth border that the other convention gives at .01.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from lab.cli import main
from lab.data import cs231n_strength
from lab.experiment import Variant
from lab.models import dense
from lab.regularization import Regularization
from lab.run import train
from lab.study import Study
from lab.training import Training

LAMBDAS = (0.001, 0.01, 0.1)
# CS231n's loss has half lambda times the squares; its figure is of ConvNetJS, which divides that by the batch too.
CONVENTIONS = {"CS231n": 0.5, "ConvNetJS": 0.5 / 10}


def points():
    """Return CS231n's points. What the penalty does to their fit is the question, so no epoch is chosen on others."""
    data = cs231n_strength()
    return replace(data, validation=data.train)


def compute(seeds: int = 5, epochs: int = 2000, lambdas: tuple[float, ...] = LAMBDAS):
    """Train 20 hidden units on CS231n's points with each lambda, as either convention reads it."""
    import pandas as pd

    from lab.probes.regions import around, decision_region

    net = partial(dense, widths=(20,), activation="tanh", initializer="xavier")
    penalties = {
        (convention, strength): Regularization(l2=share * strength)
        for convention, share in CONVENTIONS.items()
        for strength in lambdas
    }
    variants = {
        key: Variant(
            data=points,
            model=partial(net, regularization=l2, output_regularization=l2),
            training=Training(learning_rate=0.01, batch_size=32, epochs=epochs),
        )
        for key, l2 in penalties.items()
    }
    regions, runs = [], []
    for ((convention, strength), seed), one in train(variants, seeds=range(seeds)).items():
        rows, test = one.trained.rows, one.trained.test
        end, kept = rows[-1], rows[(one.trained.kept_epoch or len(rows)) - 1]
        runs.append((convention, strength, seed, end["train_data_loss"], end["val_penalty"], end["train_accuracy"],
                     kept["train_data_loss"], test["accuracy"] if test else math.nan))  # fmt: skip
        if seed == 0:
            table = decision_region(one.model(), around(one.task.data.train.x, 0.2), 120)
            regions.append(table.assign(convention=convention, strength=strength))
    columns = ["convention", "strength", "seed", "train_data_loss", "penalty", "train_accuracy", "kept_data_loss",
               "nearby_accuracy"]  # fmt: skip
    # No figure shows more digits, and they make the table four times as large.
    return {"regions": pd.concat(regions).round(4), "runs": pd.DataFrame(runs, columns=columns)}


def draw(tables: Mapping):
    """Draw the regions: one row per convention, one column per lambda."""
    from lab.report.kit import decision_grid

    regions, train_points = tables["regions"], cs231n_strength().train
    hits = tables["runs"].groupby(["convention", "strength"])["train_accuracy"].mean()
    rows = {
        convention: {
            f"lambda {strength:g}: {hits[convention, strength]:.0%} of the points": part
            for strength, part in of.groupby("strength")
        }
        for convention, of in regions.groupby("convention", sort=False)
    }
    return {"regions": decision_grid(rows, (train_points.x, train_points.y))}


EXPERIMENT = Study(name="strength_regions", compute=compute, draw=draw)

if __name__ == "__main__":
    main(EXPERIMENT)
