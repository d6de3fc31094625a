"""Does a net learn labels that mean nothing, and which regularizer stops that without harm where labels are right?

Yes, random labels are learned by heart as right ones are, in seven times the epochs. Dropout and weight decay keep the
net from a fifth of them without harm that is shown where labels are right; shifts keep it from most, and do harm.

    python experiments/random_labels.py

One hidden layer of 256 on 300 digits, 5 draws of the data, after 200 epochs. 99 % of the labels are learned after 15 to
25 epochs where they are right, 16 to 23 where all pixels are shuffled alike, 45 to 51 where pixels are Gaussian noise
and 144 to 165 where labels are random. In the end all four are learned to the last label, as Zhang et al. found.

Weight decay 1 leaves 19 % [16, 23] of the random labels unlearned and changes the validation accuracy on right labels
by +.002 [-.010, .013]; dropout .75 leaves 17 % [15, 18] and changes it by +.004 [-.006, .014]; L2 .01 leaves 14 % [10,
18] and changes it by -.003 [-.016, .009].

Weight decay 3 leaves 60 % [57, 64] and changes it by -.012 [-.028, .004]. Shifts by one pixel leave 68 % [64, 72] and
cost .022 [.019, .026], by three pixels 83 % [81, 85] and .153 [.107, .200]. What these strengths do after more epochs
was not measured.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from lab.cli import main
from lab.data import Split, digits
from lab.experiment import Variant
from lab.models import dense
from lab.regularization import NONE, Regularization
from lab.run import train
from lab.seeds import derive
from lab.study import Study
from lab.training import Training

KINDS = ("right labels", "shuffled pixels", "random labels", "Gaussian pixels")
STRENGTHS = {
    "L2": ("l2", (3e-4, 1e-3, 3e-3, 1e-2)),
    "weight decay": ("weight_decay", (0.1, 0.3, 1.0, 3.0)),
    "dropout": ("dropout", (0.25, 0.5, 0.75, 0.9)),
    "shifts": ("shift", (1, 2, 3)),
}
FITTED = 0.99
"""The share of the training labels from which on a net has learned them."""


def examples(kind: str, *, train_size: int = 300, seed: int = 0):
    """Return digits as they are, or with what makes their labels or their pixels mean nothing.

    Nine in ten wrong labels are random ones: the right class comes up as often as each other.
    """
    data = digits(train_size=train_size, label_noise=0.9 if kind == "random labels" else 0.0, seed=seed)
    generator = np.random.default_rng(derive(seed, "random_labels"))
    shape = data.input_shape
    order = generator.permutation(int(np.prod(shape)))

    def changed(split: Split) -> Split:
        x = split.x
        if kind == "shuffled pixels":
            x = x.reshape(len(x), -1)[:, order].reshape(x.shape)
        elif kind == "Gaussian pixels":
            x = generator.normal(data.train.x.mean(), data.train.x.std(), x.shape).astype(np.float32)
        return Split(x, split.y)

    if kind in ("right labels", "random labels"):
        return data
    return replace(data, **{part: changed(getattr(data, part)) for part in ("train", "validation", "test")})  # type: ignore[arg-type]


def compute(seeds: int = 5, epochs: int = 200, train_size: int = 300):
    """Train one hidden layer on each kind of data, and on right and on random labels with each regularizer."""
    import pandas as pd

    def variant(kind: str, **fields) -> Variant:
        of_model = {name: value for name, value in fields.items() if name in ("l2", "dropout")}
        return Variant(
            data=partial(examples, kind, train_size=train_size),
            model=partial(dense, widths=(256,), regularization=Regularization(**of_model) if of_model else NONE),
            training=Training(epochs=epochs, **({} if of_model else fields)),
        )

    variants = {(kind, "none", 0.0): variant(kind) for kind in KINDS} | {
        (kind, family, float(strength)): variant(kind, **{field: strength})
        for kind in ("right labels", "random labels")
        for family, (field, strengths) in STRENGTHS.items()
        for strength in strengths
    }
    rows, curves = [], []
    for ((kind, family, strength), seed), one in train(variants, seeds=range(seeds), redraw_data=True).items():
        history = pd.DataFrame(one.trained.rows)
        fitted = history.loc[history["train_accuracy"] >= FITTED, "epoch"].min()
        last = history.iloc[-1][["train_data_loss", "train_accuracy", "val_data_loss", "val_accuracy"]]
        rows.append((kind, family, strength, seed, fitted, *last))
        if family == "none":
            seen = history[history["epoch"].isin(np.geomspace(1, epochs, 40).round())]
            curves.append(seen[["epoch", "train_data_loss", "train_accuracy"]].assign(kind=kind, seed=seed))
    columns = ["train_data_loss", "train_accuracy", "validation_data_loss", "validation_accuracy"]
    runs = pd.DataFrame(rows, columns=["kind", "regularizer", "strength", "seed", "fitted_epoch", *columns])
    return {"runs": runs.round(5), "curves": pd.concat(curves).round(5)}


def differences(runs):
    """Compare each regularizer with none: in what is learned of random labels, and in what is right of the others."""
    import pandas as pd

    from lab.statistics import compare

    names = runs["regularizer"] + runs["strength"].map(" {:g}".format).where(runs["regularizer"] != "none", "")
    tables = []
    for kind, metric in (("random labels", "train_accuracy"), ("right labels", "validation_accuracy")):
        own = runs.assign(variant=names)[runs["kind"] == kind]
        tables.append(compare(own, "none", metric).assign(kind=kind))
    return pd.concat(tables)


def draw(tables: Mapping):
    """Draw how fast each kind of data is learned, and what each regularizer costs where labels are right."""
    from lab.report.kit import figure_of, line, pair, spread, styles

    runs, curves = tables["runs"], tables["curves"]
    with pair(
        title="what is learned of labels that mean nothing", of="random_labels",
        headings=("without regularization", "regularized, weak to strong"),
        x=("epoch", "train accuracy on random labels"), y=("train accuracy", "validation accuracy on right labels"),
        notes=[
            "Left: median and range of the seeds. Right: means at the last epoch, and the interval of the height;",
            "to the left less is learned by heart, further up more is learned of what is right.",
        ],
    ) as (left, right):  # fmt: skip
        look_of = styles([*KINDS, *STRENGTHS], KINDS[0])
        for kind in KINDS:
            looks = line(look_of[kind]) | {"markevery": 0.2}
            spread(left, curves[curves["kind"] == kind], "epoch", "train_accuracy", label=kind, looks=looks)
        left.set_xscale("log")
        table = differences(runs)
        x = table[table["kind"] == "random labels"].set_index("variant")
        y = table[table["kind"] == "right labels"].set_index("variant")
        for family, (_, strengths) in STRENGTHS.items():
            path = [f"{family} {strength:g}" for strength in strengths]
            right.vlines(x.loc[path, "mean"], y.loc[path, "low"], y.loc[path, "high"], color=look_of[family].colour)
            path = ["none", *path]
            right.plot(x.loc[path, "mean"], y.loc[path, "mean"], label=family, **line(look_of[family]))
        right.plot(x.loc["none", "mean"], y.loc["none", "mean"], "X", color="0.3", ms=8, label="none")
        for ax in (left, right):
            ax.grid(color="0.92", lw=0.7)
    return {"random_labels": figure_of(left)}


EXPERIMENT = Study(name="random_labels", compute=compute, draw=draw)

if __name__ == "__main__":
    main(EXPERIMENT)
