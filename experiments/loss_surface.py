"""What does gradient descent see: contours it crosses at right angles, and flat or sharp valleys around trained nets?

Contours it does cross at right angles, and so it arrives at the side of a valley and creeps. Regularized nets sit in
flatter places and validate better, but the flatter of the two is not the better one.

    python experiments/loss_surface.py            # about 30 seconds on 2 cores

One sigmoid neuron, 40 examples, 60 steps of rate .1 from (0, -5): from a plateau where almost nothing happens (loss
17.06) around the ridge into a narrow valley (.35). Each step is orthogonal to the contour it starts from to 1e-7
degrees, measured with the heights alone.

Around nets of two layers of 256 on 300 digits with a fifth of the labels random (3 seeds, 3 filter-normalized
directions, medians of the train data loss): without a penalty .008 in the middle and 3.5 to 3.6 at a filter norm's
distance; with dropout .150 and 1.4 to 1.6; with L2 .443 and .81 to .83. Validation is .51 and .61 against .81.
Flatness goes with regularization here, it does not measure it.

On the straight line between two unregularized nets of different seeds the train loss rises from .007 to 1.11 (chance
is 2.30) and falls again, a barrier; between the nets with and without L2 of one seed it rises steadily from .008 to
.443 without any, while validation is lowest in between (.525 in the middle).
"""

from functools import partial

import numpy as np

import lab.seeds
from lab.cli import main
from lab.data import digits
from lab.experiment import Variant
from lab.models import dense
from lab.regularization import NONE, Regularization
from lab.study import Study
from lab.training import Training

START, RATE = (0.0, -5.0), 0.1

NETS = {"none": NONE, "l2": Regularization(l2=1e-2), "dropout": Regularization(dropout=0.5)}


def examples():
    """Return 40 inputs and the noisy answers of a sigmoid of weight 2 and bias 1."""
    generator = np.random.default_rng(lab.seeds.derive(0, "loss_surface"))
    x = generator.uniform(-3, 3, 40)
    return x, 1 / (1 + np.exp(-(2 * x + 1))) + 0.05 * generator.normal(size=40)


def descent(steps):
    """Descend from `START` on the squared errors of one sigmoid neuron; say how each step leaves the contour."""
    from lab.probes.regions import surface
    from lab.textbook.descent import neuron, trajectory

    landscape = neuron(*examples())
    path = trajectory("sgd", landscape, learning_rate=RATE, start=START, steps=steps)
    # Where the height is the same a tiny way to the left and right of a contour, the gradient is 0 along it: the
    # slopes are measured from heights alone, so that the angle does not take the gradient's word for it.
    h = 1e-5
    w, b = path["w"].to_numpy(), path["b"].to_numpy()
    slopes = np.array([landscape.value(w + h, b) - landscape.value(w - h, b),
                       landscape.value(w, b + h) - landscape.value(w, b - h)]).T  # fmt: skip
    contour = np.stack([-slopes[:, 1], slopes[:, 0]], axis=1)[:-1]
    step = np.diff(path[["w", "b"]].to_numpy(), axis=0)
    cosine = (contour * step).sum(axis=1) / np.linalg.norm(contour, axis=1) / np.linalg.norm(step, axis=1)
    angle = np.append(np.degrees(np.arccos(np.clip(cosine, -1, 1))), np.nan)
    return {"path": path.assign(angle_to_contour=angle), "surface": surface(landscape, (-5, 7), (-6, 6), 97)}


def around(train_size, seeds, epochs):
    """Train nets with and without regularization; slice the loss around their last weights and between them."""
    import pandas as pd

    from lab.probes.loss_slices import interpolate, slice_1d, slice_2d
    from lab.probes.steps import follow

    training = Training(epochs=epochs)
    load = partial(digits, train_size=train_size, label_noise=0.2)
    data = load()
    splits = {"train": data.train, "validation": data.validation}
    lines, planes, between = [], [], []
    for seed in range(seeds):
        weights = {}
        for name, regularization in NETS.items():
            factory = partial(dense, widths=(256, 256), regularization=regularization)
            variant = Variant(data=load, model=factory, training=training)
            # Two looks, at the start and at the end: the weights wanted are the last ones, not the kept ones.
            *_, (_, model) = follow(variant, seed=seed, every=epochs * training.steps(len(data.train.y)))
            weights[name] = model.get_weights()
            for called, split in splits.items():
                for drawn in range(3):
                    table = slice_1d(model, weights[name], split.x, split.y, seed=drawn, points=31)
                    lines.append(table.assign(variant=name, seed=seed, direction=drawn, split=called))
            if seed == 0:
                planes.append(slice_2d(model, weights[name], data.train.x, data.train.y).assign(variant=name))
        for called, split in splits.items():
            # The net without dropout computes the same in inference mode, and all have the same weights to set.
            table = interpolate(model, weights["none"], weights["l2"], split.x, split.y)
            between.append(table.assign(variant="none to l2", seed=seed, split=called))
            if seed == 0:
                first = weights["none"]
            else:
                table = interpolate(model, first, weights["none"], split.x, split.y)
                between.append(table.assign(variant="none to none of another seed", seed=seed, split=called))
    parts = {"slices": lines, "planes": planes, "between": between}
    return {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}


def compute(train_size=300, seeds=3, epochs=100):
    """Compute the landscape of the neuron and the slices around the nets."""
    return descent(steps=60) | around(train_size, seeds, epochs)


def draw(tables):
    """Draw the neuron's landscape with its path, and the loss around and between the nets."""
    from lab.report.kit import contours, figure_of, panels, relief, steps

    surface, path, of = tables["surface"], tables["path"], "loss_surface"
    figures = {
        "relief": relief(surface, path, title="loss of one neuron over (w, b) with gradient descent", of=of),
        "contours": figure_of(
            contours(surface, {"gradient descent": path}, of=of, title="every step is orthogonal to its contour")
        ),
    }
    for name, title, where in (
        ("slices", "data loss around nets along filter-normalized directions", "distance, in filter norms"),
        ("between", "data loss along the line between two nets (at 0 and 1)", "place on the line"),
    ):
        figures[name] = panels(
            tables[name], "alpha", "data_loss", panel="split", log=(False, True), names=(where, "data loss"),
            title=title, of=of,
        )  # fmt: skip
    planes = tables["planes"]
    for name, plane in planes.groupby("variant", sort=False):
        figures[f"plane_{name}"] = figure_of(
            contours(
                plane[["alpha", "beta", "data_loss"]], levels=steps(planes["data_loss"].to_numpy()).tolist(), of=of,
                title=f"train data loss around the net: {name}",
            )
        )  # fmt: skip
    return figures


EXPERIMENT = Study(name="loss_surface", compute=compute, draw=draw)

if __name__ == "__main__":
    main(EXPERIMENT)
