"""Does a cocktail of seven regularizers beat each of them on small tables, and which ingredient carries the gain?

Not in 50 epochs, and not untuned: all seven together are worse than none on digits and wine, and better on diabetes
only, where dropout alone gains as much. On digits the cocktail gains most from leaving out Lookahead, then dropout.

    python experiments/cocktail.py

At most 300 training rows of five tables, two layers of 64, 50 epochs, 5 draws; test data losses, differences with their
intervals. All of them together change the loss by +.352 [.290, .414] on digits, +.192 [.132, .253] on wine, +.035
[.016, .055] on breast cancer, -.010 [-.068, .048] on Fashion-MNIST and -.087 [-.108, -.066] on diabetes.

Alone, three gains survive the correction: dropout on diabetes -.090 [-.114, -.067], and on digits swap noise -.057
[-.077, -.038] and weight decay -.013 [-.017, -.009]. On breast cancer, wine and Fashion-MNIST no ingredient is shown to
help.

What is left out says what carries the harm. Without Lookahead the cocktail's loss on digits is lower by .257 [.227,
.286], without dropout by .204 [.182, .226], without EMA by .110 [.100, .120]. With all of them the last epoch is kept,
or the last but one, on every table: training is slower, and more epochs might change the answer. Only swap noise on
Fashion-MNIST is missed by a difference worth naming (+.031 [.027, .034]).

Kadra et al. (2021) search which ingredients to take, and how much of each, for every table; this is why. Here each has
one strength, those of the other studies.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from lab.cli import main
from lab.data import Dataset, Split, fashion_mnist, from_arrays
from lab.experiment import Variant
from lab.models import dense
from lab.regularization import Regularization
from lab.run import train
from lab.study import Study
from lab.training import Training

DATA = ("digits", "breast_cancer", "wine", "diabetes", "fashion_mnist")
INGREDIENTS = {
    "dropout": {"dropout": 0.25},
    "batch normalization": {"normalization": "batch"},
    "weight decay": {"weight_decay": 0.1},
    "EMA": {"ema": 0.99},
    "Lookahead": {"lookahead": 5},
    "mixup": {"mixup": 0.3},
    "swap noise": {"swap_noise": 0.1},
}
OF_MODELS = ("dropout", "normalization")
MOST = 300
"""Training examples of any table; those that have fewer give all they have."""


def table(name: str, *, seed: int = 0) -> Dataset:
    """Return a data set as standardized rows of numbers, with at most 300 training examples."""
    if name == "fashion_mnist":
        data = fashion_mnist(train_size=MOST, validation_size=MOST, test_size=1000, seed=seed)
        return replace(
            data,
            **{  # type: ignore[arg-type]
                part: Split(split.x.reshape(len(split.x), -1), split.y, pool=split.pool)
                for part, split in (("train", data.train), ("validation", data.validation), ("test", data.test))
            },
        )
    from sklearn import datasets

    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    numbers = name == "diabetes"
    return from_arrays(
        x, y, standardize=True, labels="numbers" if numbers else "classes", scale_target=numbers, name=name,
        train_size=min(MOST, len(y) * 3 // 5), seed=seed,
    )  # fmt: skip


def variant(data: str, epochs: int, ingredients: tuple[str, ...]) -> Variant:
    """Two layers of 64 with some of the ingredients."""
    fields = {name: value for one in ingredients for name, value in INGREDIENTS[one].items()}  # type: ignore[attr-defined]
    of_model = {name: fields.pop(name) for name in OF_MODELS if name in fields}
    loss = "squared_error" if data == "diabetes" else "softmax_cross_entropy"
    return Variant(
        data=partial(table, data),
        model=partial(dense, widths=(64, 64), regularization=Regularization(**of_model)),
        training=Training(epochs=epochs, loss=loss, **fields),
    )


def compute(seeds: int = 5, epochs: int = 50, data: tuple[str, ...] = DATA):
    """Train with no ingredient, each alone, all, and all but one, on each table."""
    import pandas as pd

    from lab.statistics import compare

    everything = tuple(INGREDIENTS)
    mixed = {"none": (), **{name: (name,) for name in everything}, "all": everything}
    mixed |= {f"all but {name}": tuple(one for one in everything if one != name) for name in everything}
    variants = {(where, name): variant(where, epochs, some) for where in data for name, some in mixed.items()}
    rows = []
    for ((where, name), seed), one in train(variants, seeds=range(seeds), redraw_data=True).items():
        test = one.trained.test or {"data_loss": math.nan}
        rows.append((where, name, seed, one.trained.kept_epoch, test["data_loss"], test.get("accuracy", math.nan)))
    columns = ["data", "variant", "seed", "kept_epoch", "test_data_loss", "test_accuracy"]
    runs = pd.DataFrame(rows, columns=columns)
    compared = []
    for where, own in runs.groupby("data", sort=False):  # type: ignore[assignment]
        is_less = own["variant"].str.startswith("all but ")
        for baseline, some in (("none", own[~is_less]), ("all", own[is_less | (own["variant"] == "all")])):
            found = compare(some, baseline)
            of_baseline = found["mean"].iloc[0]
            compared.append(found.iloc[1:].assign(data=where, baseline=baseline, of_baseline=of_baseline))
    kept = ["data", "baseline", "variant", "n", "mean", "of_baseline", "difference", "difference_low"]
    differences = pd.concat(compared)[[*kept, "difference_high", "p_adjusted", "decision"]]
    return {"runs": runs.round(5), "differences": differences.round(5)}


def draw(tables: Mapping):
    """Draw what each ingredient changes alone, and what leaving it out of all changes, on each table."""
    from lab.report.kit import figure_of, pair, styles

    table = tables["differences"]
    names = [*INGREDIENTS, "all"]
    look_of = styles(["", *table["data"].unique()], "")
    with pair(
        title="each ingredient alone, and left out of all", of="cocktail",
        headings=("alone, against none", "left out, against all"), x=("difference in test data loss, in %",) * 2,
        y=("", ""),
        notes=[
            "In % of the mean loss of what it is compared with. Left of 0 the loss is lower: alone that is a gain, and",
            "where it is left out, the cocktail is better without it. Bar: 95 % interval of the paired differences.",
        ],
    ) as axes:  # fmt: skip
        for ax, baseline in zip(axes, ("none", "all"), strict=True):
            ax.axvline(0, color="0.45", lw=0.8)
            for i, (where, own) in enumerate(table[table["baseline"] == baseline].groupby("data", sort=False)):
                style = look_of[where]
                for _, row in own.iterrows():
                    place = names.index(row["variant"].removeprefix("all but ")) + 0.14 * (i - 2)
                    scale = 100 / row["of_baseline"]
                    ends = [scale * row["difference_low"], scale * row["difference_high"]]
                    ax.plot(ends, [place, place], color=style.colour, lw=1.1)
                    ax.plot(
                        scale * row["difference"], place, style.marker, ms=4, mec=style.colour, label=where,
                        mfc=style.colour if row["decision"] in ("better", "worse") else "white",
                    )  # fmt: skip
            ax.set_ylim(len(names) - 0.4, -0.6)
            ax.set_yticks(range(len(names)), names if baseline == "none" else [""] * len(names))
            ax.grid(axis="y", color="0.93", lw=0.6)
    return {"cocktail": figure_of(axes[0])}


EXPERIMENT = Study(name="cocktail", compute=compute, draw=draw)

if __name__ == "__main__":
    main(EXPERIMENT)
