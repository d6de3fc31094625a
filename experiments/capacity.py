"""What do 3, 6 and 20 hidden units decide on the same points, and how much is luck of the start?

    python experiments/capacity.py            # about a minute on 2 cores

3 units draw a few straight edges and get 84 % of CS231n's points (median data loss .277 of 20 starts), 6 get 94 %
(.137), 20 get all of them (.0004). The smaller net is the less reliable one, as CS231n says: over the starts the
middle half of the loss reaches from .235 to .313 with 3 units and from .096 to .170 with 6, but from .0003 to .0006
with 20 (two of 20 starts end at .044). What the figure does not say: the loss is that on the points themselves.
"""

from collections.abc import Mapping

from lab.cli import main
from lab.study import Study

WIDTHS = (3, 6, 20)


def compute(seeds: int = 20, epochs: int = 2000, widths: tuple[int, ...] = WIDTHS):
    """Train one hidden layer of each width from many starts on CS231n's points, without a penalty."""
    import dataclasses
    from functools import partial

    import pandas as pd

    from lab.data import cs231n_capacity
    from lab.engine.task import Task
    from lab.models import dense
    from lab.probes.regions import around, decision_region
    from lab.run import train_all
    from lab.training import Training

    points = cs231n_capacity(test_size=60)
    # The question is how well the points themselves are fitted, so they decide which epoch is kept.
    points = dataclasses.replace(points, validation=points.train)
    training = Training(learning_rate=0.02, batch_size=32, epochs=epochs)
    regions, runs = [], []
    for width in widths:
        build = partial(dense, (2,), 2, widths=(width,), activation="tanh", initializer="xavier")
        trained = train_all([Task(partial(build, seed=seed), points, training, seed) for seed in range(seeds)])
        for seed, one in enumerate(trained):
            kept = one.rows[(one.kept_epoch or len(one.rows)) - 1]
            runs.append((width, seed, kept["train_data_loss"], kept["train_accuracy"]))
        losses = [row[2] for row in runs if row[0] == width]
        median = sorted(range(seeds), key=losses.__getitem__)[seeds // 2]
        model = build(seed=median)
        model.set_weights(trained[median].weights)
        regions.append(decision_region(model, around(points.train.x), 120).assign(units=width, seed=median))
    columns = ["units", "seed", "train_data_loss", "train_accuracy"]
    return {"regions": pd.concat(regions), "runs": pd.DataFrame(runs, columns=columns)}


def draw(tables: Mapping):
    """Draw the regions of the median net of each width, and the final loss of all nets."""
    from lab.data import cs231n_capacity
    from lab.report.curves import Axis
    from lab.report.layout import figure_of, footnote, headline_over, own, scale
    from lab.report.regions import decision
    from lab.report.theme import canvas, look, text

    train = cs231n_capacity().train
    runs, regions = tables["runs"], tables["regions"]
    widths = list(runs["units"].unique())
    with look():
        side = canvas(3.2 * len(widths), 3.6)
        for i, width in enumerate(widths):
            ax = side.add_axes(((i + 0.16) / len(widths), 0.14, 0.8 / len(widths), 0.74))
            part = regions[regions["units"] == width]
            decision(part, (train.x, train.y), legend=False, title=" ", ax=ax)
            hit = runs.loc[(runs["units"] == width) & (runs["seed"] == part["seed"].iloc[0]), "train_accuracy"].iloc[0]
            text(ax.set_title(f"{width} hidden units: {hit:.0%} of the points"), 9, fontweight="bold")
            ax.set_ylabel(ax.get_ylabel() if i == 0 else "")
        ax = own(None)
        for i, width in enumerate(widths):
            losses = runs.loc[runs["units"] == width, "train_data_loss"].sort_values()
            at = [i + 0.3 * (j / max(1, len(losses) - 1) - 0.5) for j in range(len(losses))]
            ax.plot(at, losses, ls="none", marker="o", ms=4.5, mfc="none", color="0.2")
            ax.hlines(losses.median(), i - 0.3, i + 0.3, color="0.2", lw=1.4)
        ax.set_xticks(range(len(widths)), [f"{width} units" for width in widths])
        high = runs["train_data_loss"].max()
        scale(ax, Axis(False, -0.03 * high, 1.05 * high, False))
        ax.set_ylabel("data loss on the points after training")
        headline_over(ax, "the final loss of nets from other starts", "capacity")
        footnote(ax, [f"{runs['seed'].nunique()} starts a width, in the order of their loss; line: median."])
    return {"regions": side, "spread": figure_of(ax)}


EXPERIMENT = Study(name="capacity", compute=compute, draw=draw)

if __name__ == "__main__":
    main(EXPERIMENT)
