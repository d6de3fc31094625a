"""In which band of weight decay does a net first learn sums by heart and long afterwards understand them?

Between .5 and 2, of the decays that were tried: the sums are known by heart after 20 steps, and half of those never
seen are right after some hundreds or thousands. Without decay none is ever right, and with 5 neither.

    python experiments/grokking.py

Sums modulo 23 of pairs of one-hot vectors, three fifths of all pairs trained on, one hidden layer of 128, Adam with
whole batches, 3 000 steps, 3 draws of the pairs. Chance is 1 in 23.

95 % of the training sums are right after 12 to 17 steps with decays up to 2, after 34 to 39 with 5, and never with 10.
Half of the validation sums are right after 2168 to 2730 steps with decay .5, 969 to 1690 with 1 and 580 to 720 with 2:
the stronger the decay in this band, the shorter the wait.

At the end the validation accuracy is .000 without decay, .206 [.076, .337] higher with .1, .581 [.456, .706] with .5,
.810 with 1 in each draw, .733 [.520, .946] with 2, .006 [-.021, .034] with 5 and .000 with 10. It was still rising up
to decay 2, so 3 000 steps do not show where it ends. The norm of the weights falls from 76.5 without decay to 40.4
with 1 and 17.4 with 5.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np

from lab.cli import main
from lab.data import from_arrays
from lab.experiment import Variant
from lab.models import dense
from lab.run import train
from lab.study import Study
from lab.training import Training

DECAYS = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
LEARNED, UNDERSTOOD = 0.95, 0.5
"""The train accuracy from which on sums are learned by heart, and the validation accuracy that takes more than that."""


def sums(modulus: int, *, seed: int = 0):
    """Return a + b modulo a number for all pairs (a, b), each as two one-hot vectors; three fifths are trained on."""
    a, b = (pair.ravel() for pair in np.meshgrid(np.arange(modulus), np.arange(modulus)))
    return from_arrays(np.concatenate([np.eye(modulus)[a], np.eye(modulus)[b]], axis=1), (a + b) % modulus, seed=seed)


def compute(seeds: int = 3, epochs: int = 3000, modulus: int = 23):
    """Train one hidden layer on the sums, with each weight decay, in whole batches."""
    import pandas as pd

    from lab.statistics import compare

    variants = {
        decay: Variant(
            data=partial(sums, modulus),
            model=partial(dense, widths=(128,)),
            training=Training(epochs=epochs, batch_size=modulus**2, learning_rate=0.03, weight_decay=decay),
        )
        for decay in DECAYS
    }
    rows, curves = [], []
    for (decay, seed), one in train(variants, seeds=range(seeds), redraw_data=True).items():
        history = pd.DataFrame(one.trained.rows)
        reached = (
            history.loc[history[f"{part}_accuracy"] >= share, "epoch"].min()
            for part, share in (("train", LEARNED), ("val", UNDERSTOOD))
        )
        last = history.iloc[-1][["train_accuracy", "val_accuracy"]]
        norm = np.sqrt(sum(float((w.astype(float) ** 2).sum()) for w in one.trained.last_weights or () if w.ndim > 1))
        rows.append((decay, seed, *reached, *last, norm))
        seen = history[history["epoch"].isin(np.geomspace(1, epochs, 60).round())]
        kept = seen[["epoch", "train_accuracy", "val_accuracy"]]
        curves.append(kept.assign(weight_decay=decay, seed=seed))
    columns = ["weight_decay", "seed", "learned_step", "understood_step"]
    runs = pd.DataFrame(rows, columns=[*columns, "train_accuracy", "validation_accuracy", "norm"])
    named = runs.assign(variant=runs["weight_decay"].map("{:g}".format))
    kept = ["variant", "n", "mean", "low", "high", "difference", "difference_low", "difference_high", "p_adjusted"]  # type: ignore[assignment]
    differences = compare(named, "0", "validation_accuracy")[kept]
    return {"runs": runs.round(5), "differences": differences.round(5), "curves": pd.concat(curves).round(5)}


def draw(tables: Mapping):
    """Draw train and validation accuracy over the steps, one panel per weight decay."""
    import pandas as pd

    from lab.report.kit import panels, styles

    curves = tables["curves"]
    parts = {"train": "train_accuracy", "validation": "val_accuracy"}
    table = pd.concat([curves.assign(split=name, accuracy=curves[column]) for name, column in parts.items()])
    table["panel"] = table["weight_decay"].map("weight decay {:g}".format)
    return {
        "grokking": panels(
            table, "epoch", "accuracy", line="split", log=(True, False), limits=(-0.03, 1.03),
            names=("step (one whole batch each)", "accuracy"), look_of=styles(parts, "train"),
            title="sums learned by heart, and understood", of="grokking",
        )
    }  # fmt: skip


EXPERIMENT = Study(name="grokking", compute=compute, draw=draw)

if __name__ == "__main__":
    main(EXPERIMENT)
