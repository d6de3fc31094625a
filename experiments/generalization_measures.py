"""Which measures of trained nets say which of two will generalize better: norms, margins or sharpness?

Products of spectral norms and path norms do, in about seven of ten pairs, and whichever setting the two differ in.
Sharpness does too, but does not see what the learning rate does. Counting parameters says the opposite for width and
for depth.

    python experiments/generalization_measures.py

2016 nets on 200 digits, 48 settings of width, depth, batch size, learning rate and weight decay with 42 draws of the
data, each trained until its train data loss is .1 (all but two reach that). Reported is the mean product of signs over
pairs of nets that differ in one setting: 1 where measure and gap always differ alike, -1 where they always differ the
other way, 0 where one says nothing about the other.

Over all settings: product of spectral norms .475 [.436, .514], the same over the margin .431 [.392, .469], path norm
.420 [.379, .462], sharpness against random perturbations of a tenth .341 [.302, .380], confidence .222 [.184, .260],
squared norm .130 [.089, .172], inverse margin .103 [.065, .140], number of parameters .041 [.013, .069] and squared
distance from the start -.005 [-.038, .027]. Nets that train for more epochs have smaller gaps: -.191 [-.233, -.149].

The wider of two nets has the smaller gap, the deeper one the larger: the number of parameters agrees by -.569 [-.697,
-.442] over widths and by .774 [.704, .844] over depths. Sharpness does not see what the learning rate does (-.032
[-.113, .049]). Over batch sizes little is to be seen: product of spectral norms .165 [.094, .235], path norm .139
[.082, .196], sharpness .089 [.019, .160]. With the first 12 of these draws no interval there excluded 0.

Jiang et al. (2020) trained more than 10 000 nets on larger pictures and found many norms misleading and sharpness
best; on these digits the norms are as good. It takes about four minutes.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import combinations, product
from types import MappingProxyType

import numpy as np

from lab.cli import main
from lab.data import digits
from lab.experiment import Variant
from lab.models import dense
from lab.run import train
from lab.seeds import derive
from lab.study import Study
from lab.training import Training

AXES: Mapping[str, tuple] = MappingProxyType({
    "width": (16, 64),
    "depth": (1, 2),
    "batch_size": (16, 64),
    "learning_rate": (3e-3, 1e-2),
    "weight_decay": (0.0, 0.1, 0.3),
})  # fmt: skip
FITTED = 0.1
"""The train data loss at which a net's training ends, so that nets differ in how they fit and not in how well."""

PERTURBED, DRAWS = 0.1, 10
"""By which share of their sizes weights are perturbed, and how often."""


def forward(weights: Sequence[np.ndarray], x: np.ndarray) -> np.ndarray:
    """Return the logits of a dense net with ReLU."""
    for i in range(0, len(weights), 2):
        x = (np.maximum(x, 0) if i else x) @ weights[i] + weights[i + 1]
    return x


def losses(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the cross-entropy of each example."""
    top = logits.max(axis=1, keepdims=True)
    return np.log(np.exp(logits - top).sum(axis=1)) + top[:, 0] - logits[np.arange(len(y)), y]


def measures(weights: Sequence[np.ndarray], start: Sequence[np.ndarray], x: np.ndarray, y: np.ndarray, seed: int):
    """Return each measure of a net by its name, all such that more is said to generalize worse.

    Args:
        weights, start: where it is and where it began: kernel, bias, kernel, ...
        x, y: the training examples, of shapes (n, features) and (n,).
        seed: of the perturbations.

    Reference: Jiang et al. 2020, appendix C; Neyshabur et al. 2015 for the path norm.
    """
    kernels = weights[::2]
    logits = forward(weights, x)
    plain = losses(logits, y).mean()
    right = logits[np.arange(len(y)), y]
    others = np.where(np.eye(logits.shape[1], dtype=bool)[y], -np.inf, logits).max(axis=1)
    margin = np.quantile(right - others, 0.1)
    spectral = sum(np.log(np.linalg.norm(w, 2)) for w in kernels)
    paths = np.ones(x.shape[1])
    for w in kernels:
        paths = paths @ w**2
    probabilities = np.exp(-losses(logits, logits.argmax(axis=1)))
    generator = np.random.default_rng(derive(seed, "generalization_measures"))
    moved = [
        losses(forward([w * (1 + PERTURBED * generator.normal(size=w.shape)) for w in weights], x), y).mean()
        for _ in range(DRAWS)
    ]
    return {
        "number of parameters": sum(w.size for w in weights),
        "squared norm": sum((w**2).sum() for w in kernels),
        "squared distance from the start": sum(((w - s) ** 2).sum() for w, s in zip(kernels, start[::2], strict=True)),
        "product of spectral norms": spectral,
        "path norm": np.log(paths.sum()),
        "inverse margin": -margin,
        "spectral norms over margin": spectral - np.log(max(margin, 1e-6)),
        "sharpness": np.mean(moved) - plain,
        "confidence": np.mean(probabilities),
        "train loss": plain,
    }


def trained(seeds: int, epochs: int, train_size: int, axes: Mapping[str, tuple]):
    """Yield the setting, the seed, the measures and the gap of each net where its training ends."""

    def variant(width: int, depth: int, batch_size: int, learning_rate: float, weight_decay: float) -> Variant:
        return Variant(
            data=partial(digits, train_size=train_size),
            model=partial(dense, widths=(width,) * depth),
            training=Training(
                epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, weight_decay=weight_decay
            ),
        )

    def fitted(runs, epoch, histories):
        return [run for run, rows in zip(runs, histories, strict=True) if rows[-1]["train_data_loss"] <= FITTED]

    starts: dict[tuple, list[np.ndarray]] = {}
    variants = {setting: variant(*setting) for setting in product(*axes.values())}
    for (setting, seed), one in train(variants, seeds=range(seeds), redraw_data=True, leave=fitted).items():
        last = one.trained.rows[-1]
        begun = *setting[:2], seed
        if begun not in starts:
            starts[begun] = one.task.build().get_weights()
        split = one.task.data.train
        x = split.x.reshape(len(split.x), -1).astype(float)
        weights, start = ([w.astype(float) for w in some] for some in (one.trained.last_weights, starts[begun]))  # type: ignore[union-attr]
        found = measures(weights, start, x, split.y, seed) | {"epochs": last["epoch"]}
        yield setting, seed, found, last["val_data_loss"] - last["train_data_loss"]


def signs(nets, axes: Sequence[str]):
    """Return, for each seed, measure and setting, how often both differ alike between nets that differ in one setting.

    Args:
        nets: one row per net: the settings, "seed", "gap" and one column per measure.
        axes: the settings.

    Returns:
        "seed", "measure", "setting", "pairs" and "agreement", the mean of the product of both signs, in [-1, 1].

    Reference: Jiang et al. 2020, equation 3, the granulated Kendall's coefficient.
    """
    import pandas as pd

    names = [name for name in nets.columns if name not in (*axes, "seed", "gap")]
    rows = []
    for axis in axes:
        others = [name for name in axes if name != axis]
        found: dict[int, list[np.ndarray]] = {}
        for (seed, *_), group in nets.groupby(["seed", *others]):
            values = group[names].to_numpy(), group["gap"].to_numpy()
            for i, j in combinations(range(len(group)), 2):
                sign = np.sign(values[0][i] - values[0][j]) * np.sign(values[1][i] - values[1][j])
                found.setdefault(seed, []).append(sign)
        for seed, agreed in found.items():
            means = np.mean(agreed, axis=0)
            rows += [(seed, name, axis, len(agreed), mean) for name, mean in zip(names, means, strict=True)]
    return pd.DataFrame(rows, columns=["seed", "measure", "setting", "pairs", "agreement"])


def compute(seeds: int = 42, epochs: int = 300, train_size: int = 200, axes: Mapping[str, tuple] = AXES):
    """Train a small net at each setting and seed until it fits, and ask which measures go with its gap."""
    import pandas as pd

    from lab.statistics.estimates import intervals, moments

    rows = [
        dict(zip(axes, setting, strict=True)) | {"seed": seed} | found | {"gap": gap}
        for setting, seed, found, gap in trained(seeds, epochs, train_size, axes)
    ]
    nets = pd.DataFrame(rows)
    agreed = signs(nets, list(axes))
    overall = agreed.groupby(["seed", "measure"], sort=False)["agreement"].mean().reset_index().assign(setting="all")
    rows = []
    for (measure, setting), own in pd.concat([overall, agreed]).groupby(["measure", "setting"], sort=False):
        values = own["agreement"].to_numpy()[None]
        n, mean, spread = moments(values, np.zeros(1))
        low, high = intervals(values, n, mean, spread, 0.95, "t")
        rows.append((measure, setting, n[0], mean[0], low[0], high[0]))
    table = pd.DataFrame(rows, columns=["measure", "setting", "seeds", "agreement", "low", "high"])
    nets["fitted"] = nets["train loss"] <= FITTED + 1e-6
    of_settings = (
        nets.groupby(list(axes))[["gap", "epochs", "fitted"]].mean().assign(nets=nets.groupby(list(axes)).size())
    )
    return {"agreement": table.round(4), "settings": of_settings.reset_index().round(4)}


def draw(tables: Mapping):
    """Draw how far each measure agrees with the gap, over all settings and for each of them."""
    from lab.report.kit import figure_of, single, styles

    table, settings = tables["agreement"], tables["settings"]
    order = table[table["setting"] == "all"].sort_values("agreement", ascending=False)["measure"]
    look_of = styles(table["setting"].unique(), "all")
    with single(
        title="do measures and generalization gaps differ alike?", of="generalization_measures",
        size=(5.0, 0.36 * len(order) + 0.3), x="mean product of signs (1: always alike; -1: always opposite)",
        notes=[
            f"{settings['nets'].sum()} nets in pairs that differ in one setting; the gap is validation less train loss."
            " Mean over the seeds, bar: its 95 % interval.",
        ],
    ) as ax:  # fmt: skip
        ax.axvline(0, color="0.45", lw=0.8)
        for shift, (setting, style) in zip(np.linspace(-0.3, 0.3, len(look_of)), look_of.items(), strict=True):
            rows = table[table["setting"] == setting].set_index("measure").reindex(order)
            places = np.arange(len(order)) + shift
            ax.hlines(places, rows["low"], rows["high"], color=style.colour, lw=1.1)
            ax.plot(
                rows["agreement"], places, style.marker, color=style.colour, ms=6 if setting == "all" else 3.5,
                label=setting.replace("_", " "),
            )  # fmt: skip
        ax.set_xlim(-1.05, 1.05)
        ax.set_yticks(range(len(order)), order)
        ax.set_ylim(len(order) - 0.4, -0.6)
        ax.grid(axis="x", color="0.92", lw=0.7)
    return {"agreement": figure_of(ax)}


EXPERIMENT = Study(name="generalization_measures", compute=compute, draw=draw)

if __name__ == "__main__":
    main(EXPERIMENT)
