"""How does the strength of L2 smooth what 20 hidden units decide?

    python experiments/strength_regions.py            # about 30 seconds on 2 cores

Read as CS231n writes it (half lambda times the squares), lambda .001 lets 20 units fit all 25 points around islands,
.01 fits 83 % with one smooth border and .1 80 % with nearly a line. CS231n's figure was made with ConvNetJS, which
divides the penalty by its batch of 10 as well: there .001 and .01 still fit every point (data loss .003 and .025),
and only .1 gives the smooth border that the other convention gives at .01. A lambda means nothing without its
convention.
"""

import math
from collections.abc import Mapping

from lab.cli import main
from lab.study import Study

LAMBDAS = (0.001, 0.01, 0.1)
# CS231n's loss has half lambda times the squares; its figure is of ConvNetJS, which divides that by the batch too.
CONVENTIONS = {"CS231n": 0.5, "ConvNetJS": 0.5 / 10}


def compute(seeds: int = 5, epochs: int = 2000, lambdas: tuple[float, ...] = LAMBDAS):
    """Train 20 hidden units on CS231n's points with each lambda, as either convention reads it."""
    import dataclasses
    from functools import partial

    import pandas as pd

    from lab.data import cs231n_strength
    from lab.engine.task import Task
    from lab.models import dense
    from lab.probes.regions import around, decision_region
    from lab.regularization import Regularization
    from lab.run import train_all
    from lab.training import Training

    points = cs231n_strength()
    # What the penalty does to the fit of the points is asked, so no epoch is chosen on others.
    own = dataclasses.replace(points, validation=points.train)
    training = Training(learning_rate=0.01, batch_size=32, epochs=epochs)
    net = partial(dense, (2,), 2, widths=(20,), activation="tanh", initializer="xavier")
    arms, tasks = [], []
    for convention, share in CONVENTIONS.items():
        for strength in lambdas:
            l2 = Regularization(l2=share * strength)
            build = partial(net, regularization=l2, output_regularization=l2)
            for seed in range(seeds):
                arms.append((convention, strength, seed))
                tasks.append(Task(partial(build, seed=seed), own, training, seed))
    regions, runs = [], []
    for (convention, strength, seed), task, one in zip(arms, tasks, train_all(tasks), strict=True):
        end = one.rows[-1]
        kept = one.rows[(one.kept_epoch or len(one.rows)) - 1]
        runs.append((convention, strength, seed, end["train_data_loss"], end["val_penalty"], end["train_accuracy"],
                     kept["train_data_loss"], one.test["accuracy"] if one.test else math.nan))  # fmt: skip
        if seed == 0:
            model = task.build()
            model.set_weights(one.weights)
            table = decision_region(model, around(points.train.x, 0.2), 120)
            regions.append(table.assign(convention=convention, strength=strength))
    columns = ["convention", "strength", "seed", "train_data_loss", "penalty", "train_accuracy", "kept_data_loss",
               "nearby_accuracy"]  # fmt: skip
    return {"regions": pd.concat(regions), "runs": pd.DataFrame(runs, columns=columns)}


def draw(tables: Mapping):
    """Draw the regions: a row a convention, a column a lambda."""
    from lab.data import cs231n_strength
    from lab.report.regions import decision
    from lab.report.theme import canvas, look, text

    train = cs231n_strength().train
    runs, regions = tables["runs"], tables["regions"]
    rows, across = list(regions["convention"].unique()), list(regions["strength"].unique())
    width, height = 3.2 * len(across), 3.3 * len(rows)
    with look():
        figure = canvas(width, height)
        for i, convention in enumerate(rows):
            for j, strength in enumerate(across):
                place = (j + 0.17) / len(across), 1 - (i + 0.86) / len(rows), 0.8 / len(across), 0.73 / len(rows)
                ax = figure.add_axes(place)
                mine = (regions["convention"] == convention) & (regions["strength"] == strength)
                decision(regions[mine], (train.x, train.y), legend=False, title=" ", ax=ax)
                of = (runs["convention"] == convention) & (runs["strength"] == strength)
                hit = runs.loc[of, "train_accuracy"].mean()
                text(ax.set_title(f"lambda {strength:g}: {hit:.0%} of the points"), 9, fontweight="bold")
                ax.set_xlabel(ax.get_xlabel() if i == len(rows) - 1 else "")
                ax.set_ylabel(f"{convention}\n\nsecond feature" if j == 0 else "")
    return {"regions": figure}


EXPERIMENT = Study(name="strength_regions", compute=compute, draw=draw)

if __name__ == "__main__":
    main(EXPERIMENT)
