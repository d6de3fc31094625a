"""What does L2 do to one neuron that classifies, by the softmax's loss and by the hinge?

It makes the neuron forget its start: the stronger L2 is, the less the weights differ between starts. The two losses
decide nearly alike, and only the scores of the softmax are probabilities.

    python experiments/linear_classifiers.py            # about 20 seconds on 2 cores

From large random weights, after 2 000 steps with l2 .1 the norms of 5 seeds agree to 1e-4 in standard deviation
(softmax .85, hinge 1.01), with .01 to .04 (2.33 and 1.98), with .0001 they still differ by .8 and .7 from luck alone:
the penalty shrinks what no example asks for at a rate of 2 * step * l2.

The price of forgetting is a flat, turned border: train accuracy .85, .85, .80 (softmax) and .85, .85, .82 (hinge).
CS231n calls the two losses usually comparable.
"""

from collections.abc import Mapping

from lab.cli import main
from lab.study import Study

LOSSES = ("binary_cross_entropy", "hinge")
STRENGTHS = (1e-4, 1e-2, 1e-1)


def compute(
    seeds: int = 5, epochs: int = 2000, strengths: tuple[float, ...] = STRENGTHS, rate: float = 0.05, every: int = 20
):
    """Train one neuron on two moons from large random weights, by full-batch descent with either loss and each L2."""
    from lab.engine.tensorflow import load_tensorflow

    load_tensorflow()
    import numpy as np
    import pandas as pd
    import tensorflow as tf

    from lab.data import moons
    from lab.engine.objective import data_loss, hits
    from lab.models import dense
    from lab.probes.regions import around, decision_region
    from lab.regularization import Regularization

    data = moons(points=50, noise=0.25)
    (x, y), (x_test, y_test) = ((tf.constant(s.x), tf.constant(s.y)) for s in (data.train, data.test))
    regions, norms, runs = [], [], []
    for loss, strength, seed in ((c, s, k) for c in LOSSES for s in strengths for k in range(seeds)):
        l2 = Regularization(l2=strength)
        # Weights of this size are what is to be forgotten. The end of training is asked for, so no epoch is chosen.
        model = dense((2,), 1, widths=(), initializer=3.0, output_regularization=l2, seed=seed)
        steps = _stepper(model, x, y, loss, rate)
        length = [float(np.linalg.norm(model.get_weights()[0]))]
        for done in range(0, epochs, every):
            steps(tf.constant(min(every, epochs - done)))
            length.append(float(np.linalg.norm(model.get_weights()[0])))
        measured = [*range(0, epochs, every), epochs]
        norms.append(pd.DataFrame({"loss": loss, "l2": strength, "seed": seed, "step": measured, "norm": length}))
        fit = float(tf.reduce_mean(data_loss(loss, y, model(x))))
        right = [float(tf.reduce_mean(hits(b, model(a)))) for a, b in ((x, y), (x_test, y_test))]
        runs.append((loss, strength, seed, length[0], length[-1], fit, *right))
        if seed == 0:
            table = decision_region(model, around(data.train.x), 100)
            regions.append(table.assign(loss=loss, l2=strength))
    columns = ["loss", "l2", "seed", "norm_at_start", "norm_at_end", "train_data_loss", "train_accuracy"]
    table = pd.DataFrame(runs, columns=[*columns, "test_accuracy"])
    # No figure shows more digits, and they make the table four times as large.
    return {"regions": pd.concat(regions).round(4), "norms": pd.concat(norms), "runs": table}


def _stepper(model, x, y, loss: str, rate: float):
    """Return a function that takes so many steps of plain gradient descent on the loss with its penalty."""
    import tensorflow as tf

    from lab.engine.objective import data_loss

    @tf.function
    def steps(count):
        for _ in tf.range(count):
            with tf.GradientTape() as tape:
                total = tf.add_n([tf.reduce_mean(data_loss(loss, y, model(x))), *model.losses])
            found = tape.gradient(total, [v.value for v in model.trainable_variables])
            for v, gradient in zip(model.trainable_variables, found, strict=True):
                v.assign(v.value - rate * gradient)

    return steps


def draw(tables: Mapping):
    """Draw what each neuron decides, and how the size of its weights falls from start to end."""
    from lab.data import moons
    from lab.report.kit import decision_grid, figure_of, pair, ranked, value_axis

    regions, norms, runs = tables["regions"], tables["norms"], tables["runs"]
    names = {"binary_cross_entropy": "softmax", "hinge": "hinge"}
    ends = runs.groupby(["loss", "l2"])["norm_at_end"].mean()
    grid = {
        names[loss]: {f"{names[loss]}, l2 {l2:g}: |w| = {ends[loss, l2]:.2f}": part for l2, part in of.groupby("l2")}
        for loss, of in regions.groupby("loss", sort=False)
    }
    points = moons(points=50, noise=0.25).train
    strengths = sorted(norms["l2"].unique())
    look_of = ranked([f"l2 {l2:g}" for l2 in strengths])
    with pair(
        title="how soon L2 forgets the start", of="linear_classifiers", headings=("softmax", "hinge"),
        x=("steps", "steps"), y=("norm of the weights", ""), notes=["One line per seed, from large random weights."],
    ) as axes:  # fmt: skip
        for ax, loss in zip(axes, LOSSES, strict=True):
            for (l2, seed), rows in norms[norms["loss"] == loss].groupby(["l2", "seed"]):
                label = f"l2 {l2:g}" if seed == 0 else None
                ax.plot(rows["step"], rows["norm"], color=look_of[f"l2 {l2:g}"].colour, lw=1.1, label=label)
            value_axis(ax, 0, 1.05 * norms["norm"].max())
    return {"regions": decision_grid(grid, (points.x, points.y)), "forgetting": figure_of(axes[0])}


EXPERIMENT = Study(name="linear_classifiers", compute=compute, draw=draw)

if __name__ == "__main__":
    main(EXPERIMENT)
