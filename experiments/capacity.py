"""What do 3, 6 and 20 hidden units decide on the same points, and how much is luck of the start?

More units fit more of the points, up to all of them with 20. The smaller net is the less reliable one, as CS231n says.

    python experiments/capacity.py            # about a minute on 2 cores

3 units draw a few straight edges and get 84 % of CS231n's points (median data loss .277 of 20 starts), 6 get 94 %
(.137), 20 get all of them (.0004).

Over the starts the middle half of the loss reaches from .235 to .313 with 3 units and from .096 to .170 with 6, but
from .0003 to .0006 with 20 (two of 20 starts end at .044). What the figure does not say: the loss is that on the points
themselves.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from lab.cli import main
from lab.data import cs231n_capacity
from lab.experiment import Variant
from lab.models import dense
from lab.run import train
from lab.study import Study
from lab.training import Training

WIDTHS = (3, 6, 20)


def points():
    """Return CS231n's points. How well they are fitted is the question, so they also decide which epoch is kept."""
    data = cs231n_capacity(test_size=60)
    return replace(data, validation=data.train)


def compute(seeds: int = 20, epochs: int = 2000, widths: tuple[int, ...] = WIDTHS):
    """Train one hidden layer of each width from many starts on CS231n's points, without a penalty."""
    import pandas as pd

    from lab.probes.regions import around, decision_region

    variants = {
        width: Variant(
            data=points,
            model=partial(dense, widths=(width,), activation="tanh", initializer="xavier"),
            training=Training(learning_rate=0.02, batch_size=32, epochs=epochs),
        )
        for width in widths
    }
    trained = train(variants, seeds=range(seeds))
    rows = []
    for (width, seed), one in trained.items():
        kept = one.trained.rows[(one.trained.kept_epoch or len(one.trained.rows)) - 1]
        rows.append((width, seed, kept["train_data_loss"], kept["train_accuracy"]))
    runs = pd.DataFrame(rows, columns=["units", "seed", "train_data_loss", "train_accuracy"])
    regions = []
    for width in widths:
        losses = runs[runs["units"] == width].sort_values("train_data_loss", kind="stable")
        median = losses["seed"].iloc[seeds // 2]
        table = decision_region(trained[width, median].model(), around(points().train.x), 120)
        regions.append(table.assign(units=width, seed=median))
    # No figure shows more digits, and they make the table four times as large.
    return {"regions": pd.concat(regions).round(4), "runs": runs}


def draw(tables: Mapping):
    """Draw the regions of the median net of each width, and the final loss of all nets."""
    from lab.report.kit import decision_grid, figure_of, single, value_axis

    train_points = cs231n_capacity().train
    runs, regions = tables["runs"], tables["regions"]
    panels = {}
    for width, part in regions.groupby("units"):
        own = runs[(runs["units"] == width) & (runs["seed"] == part["seed"].iloc[0])]
        panels[f"{width} hidden units: {own['train_accuracy'].iloc[0]:.0%} of the points"] = part
    widths = list(runs["units"].unique())
    with single(
        title="the final loss of nets from other starts", of="capacity", y="data loss on the points after training",
        notes=[f"{runs['seed'].nunique()} starts per width, in the order of their loss; line: median."],
    ) as ax:  # fmt: skip
        for i, width in enumerate(widths):
            losses = runs.loc[runs["units"] == width, "train_data_loss"].sort_values()
            at = [i + 0.3 * (j / max(1, len(losses) - 1) - 0.5) for j in range(len(losses))]
            ax.plot(at, losses, ls="none", marker="o", ms=4.5, mfc="none", color="0.2")
            ax.hlines(losses.median(), i - 0.3, i + 0.3, color="0.2", lw=1.4)
        ax.set_xticks(range(len(widths)), [f"{width} units" for width in widths])
        high = runs["train_data_loss"].max()
        value_axis(ax, -0.03 * high, 1.05 * high)
    return {"regions": decision_grid({"": panels}, (train_points.x, train_points.y)), "spread": figure_of(ax)}


EXPERIMENT = Study(name="capacity", compute=compute, draw=draw)

if __name__ == "__main__":
    main(EXPERIMENT)
