"""Do nets get worse before they get better as they grow, and does the right L2 take the peak away?

Models that are fitted exactly do, with a peak where there are as many features as examples; nets hardly do. The L2 that
validation chooses at each width takes the peak away, and helps at the largest width too.

    python experiments/double_descent.py

300 digits, a fifth of the labels wrong, 5 draws; ratios to the test loss at the largest width, with intervals of their
logarithms. Random ReLU features without L2: the squared error is .47 at 50 features (median), 19.5 at 300 and .52 at 3
000. At 350 it is 15.6 [13.5, 18.1] times that at 3 000. One draw has errors above 30 from 50 to 300 features, which
makes the intervals there wide: 95 [7, 1 250] times at 300.

With the best L2 each larger width is better: 1.15 [1.12, 1.17] times at 300 and 1.01 [1.00, 1.02] times at 2 000. At
3 000 features, too, L2 lowers the error, by .22 [.20, .24], and the share of wrong classes by 10 points [8, 13].

Nets of one hidden layer, after 300 epochs: without L2 the median test loss is 1.30 with 8 units, 1.50 with 16, where
nearly all labels are learned, and 1.00 with 300. The way down is shown, 1.7 [1.3, 2.2] times at 16; the way up is not
(from 8 to 16 units by a factor of 1.08 [.94, 1.25]). With the best L2 there is nothing of either kind above 24 units,
and the loss with 300 is lower by .38 [.26, .51].
"""

from collections.abc import Mapping
from functools import partial

import numpy as np

from lab.cli import main
from lab.data import Dataset, digits
from lab.experiment import Variant
from lab.models import dense
from lab.regularization import Regularization
from lab.run import train
from lab.seeds import derive
from lab.study import Study
from lab.training import Training

FEATURES = (10, 20, 50, 100, 150, 200, 250, 300, 350, 400, 500, 700, 1000, 2000, 3000)
RIDGES = (0.0, *np.logspace(-4, 3, 15).tolist())
WIDTHS = (2, 4, 8, 12, 16, 24, 50, 100, 300)
PENALTIES = (0.0, 3e-4, 1e-3, 3e-3, 1e-2)


def noisy(train_size: int, *, seed: int = 0) -> Dataset:
    """Return digits, a fifth of whose training labels are wrong."""
    return digits(train_size=train_size, label_noise=0.2, seed=seed)


def ridge(data: Dataset, features: int, seed: int):
    """Yield, for each ridge, the squared error on validation and test examples and the share of test errors.

    The model is linear in random ReLU features; its squared error against one-hot labels is minimized exactly, by the
    shortest weights where the ridge is 0.
    """
    generator = np.random.default_rng(derive(seed, "double_descent"))
    pixels = int(np.prod(data.input_shape))
    # Drawn for the most features, so that a larger model has those of a smaller one.
    directions = generator.normal(size=(max(FEATURES), pixels)).T[:, :features] / np.sqrt(pixels)

    def of(split):
        return np.maximum(split.x.reshape(len(split.x), -1).astype(float) @ directions, 0)

    targets = {part: np.eye(10)[getattr(data, part).y] - 0.1 for part in ("train", "validation", "test")}
    left, values, right = np.linalg.svd(of(data.train), full_matrices=False)
    projected = left.T @ targets["train"]
    for strength in RIDGES:
        # A singular value of 0 comes out as a rounding error, by which nothing may be divided.
        kept = values > 1e-9 * values[0]
        factors = np.divide(values, values**2 + strength, out=np.zeros_like(values), where=kept)
        weights = right.T @ (projected * factors[:, None])
        predicted = {part: of(getattr(data, part)) @ weights for part in ("validation", "test")}
        errors = (((predicted[part] - targets[part]) ** 2).sum(axis=1).mean() for part in predicted)
        wrong = (predicted["test"].argmax(axis=1) != data.test.y).mean()
        yield strength, *errors, wrong


def nets(seeds: int, epochs: int, train_size: int, widths: tuple[int, ...]):
    """Yield the same of nets of one hidden layer, where they end, with cross-entropies in place of squared errors."""
    from lab.probes.ensembles import growing, probabilities

    variants = {
        (width, l2): Variant(
            data=partial(noisy, train_size),
            model=partial(
                dense,
                widths=(width,),
                regularization=Regularization(l2=l2),
                output_regularization=Regularization(l2=l2),
            ),
            training=Training(epochs=epochs, batch_size=50, learning_rate=0.01),
        )
        for width in widths
        for l2 in PENALTIES
    }
    for ((width, l2), seed), one in train(variants, seeds=range(seeds), redraw_data=True).items():
        last, model = one.trained.rows[-1], one.model()
        model.set_weights(one.trained.last_weights)
        test = growing(probabilities(model, one.task.data.test.x)[None], one.task.data.test.y).iloc[0]
        of_test = test["data_loss"], 1 - test["accuracy"]
        yield "nets", width, l2, seed, last["val_data_loss"], *of_test, last["train_accuracy"]


def compute(seeds: int = 5, epochs: int = 300, train_size: int = 300, widths: tuple[int, ...] = WIDTHS):
    """Fit random features exactly and train nets, both at many widths and strengths of L2."""
    import pandas as pd

    rows = []
    for seed in range(seeds):
        data = noisy(train_size, seed=seed)
        for features in FEATURES:
            found = ridge(data, features, seed)
            rows += [("random features", features, l2, seed, *losses, np.nan) for l2, *losses in found]
    columns = ["model", "width", "l2", "seed", "validation_loss", "test_loss", "test_error", "train_accuracy"]
    rows += nets(seeds, epochs, train_size, widths)
    fits = pd.DataFrame(rows, columns=columns)
    best = fits.loc[fits.groupby(["model", "width", "seed"])["validation_loss"].idxmin()].assign(chosen="best L2")
    runs = pd.concat([fits[fits["l2"] == 0].assign(chosen="no L2"), best])
    runs["train_size"] = train_size
    return {"runs": runs.sort_values(["model", "chosen", "width", "seed"]).round(6)}


def differences(runs):
    """Compare each width with the widest, in the decimal logarithm of the test loss, with and without L2."""
    import pandas as pd

    from lab.statistics import compare

    tables = []
    for (model, chosen), own in runs.groupby(["model", "chosen"], sort=False):
        named = own.assign(variant=own["width"].map(str), log10_test_loss=np.log10(own["test_loss"]))
        compared = compare(named, str(own["width"].max()), "log10_test_loss", better="lower")
        tables.append(compared.assign(model=model, chosen=chosen, width=compared["variant"].astype(int)))
    return pd.concat(tables)


def draw(tables: Mapping):
    """Draw the test loss against the width, without L2 and with the one that validation chooses at each width."""
    from lab.report.kit import figure_of, line, pair, spread, styles

    runs = tables["runs"]
    models, examples = ("random features", "nets"), runs["train_size"].max()
    look_of = styles(["no L2", "best L2"], "no L2")
    headings = ("random features, fitted exactly", "nets, where training ends")
    with pair(
        title="the test loss against the width", of="double_descent", headings=headings,
        x=("features", "hidden units"), y=("squared error", "cross-entropy"),
        notes=[
            f"{examples} digits, a fifth of the labels wrong. Dotted: as many features as examples.",
            "Line: median of the draws of the data; band: all of them.",
        ],
    ) as axes:  # fmt: skip
        for ax, model in zip(axes, models, strict=True):
            own = runs[runs["model"] == model]
            for chosen, style in look_of.items():
                spread(ax, own[own["chosen"] == chosen], "width", "test_loss", label=chosen, looks=line(style))
            ax.set_xscale("log")
            ax.set_yscale("log")
            ax.grid(color="0.92", lw=0.7)
        axes[0].axvline(examples, color="0.45", lw=0.8, ls=":")
        axes[1].set_yticks((0.5, 1, 2), ("0.5", "1", "2"))
        axes[1].minorticks_off()
    table = differences(runs)
    with pair(
        title="each width against the widest", of="double_descent", headings=headings, x=("features", "hidden units"),
        y=("difference in log10 of the test loss", ""),
        notes=["Mean of the paired differences over the draws of the data; bar: its 95 % interval."],
    ) as against:  # fmt: skip
        for ax, model in zip(against, models, strict=True):
            ax.axhline(0, color="0.45", lw=0.8)
            for chosen, style in look_of.items():
                own = table[(table["model"] == model) & (table["chosen"] == chosen)].sort_values("width").iloc[:-1]
                ax.vlines(own["width"], own["difference_low"], own["difference_high"], color=style.colour, lw=1.2)
                ax.plot(own["width"], own["difference"], label=chosen, **line(style))
            ax.set_xscale("log")
            ax.grid(color="0.92", lw=0.7)
    return {"double_descent": figure_of(axes[0]), "against_the_widest": figure_of(against[0])}


EXPERIMENT = Study(name="double_descent", compute=compute, draw=draw)

if __name__ == "__main__":
    main(EXPERIMENT)
