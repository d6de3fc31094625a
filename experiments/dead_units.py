"""How large may the learning rate be before ReLUs die, and do leaky ReLU, PReLU and maxout live on?

Up to a rate of .5 no unit dies. The other three have no dead unit at any rate, but where ReLU dies they diverge.

    python experiments/dead_units.py            # about 70 seconds on 2 cores

Up to .5, 4 to 6 % of the 200 units are zero on all training digits, and so many were before the first step. At .7 it is
22 % (13 and 31 % with two seeds), at .8 12 and 42 %, at 1.0 84 and 99 %. CS231n's "as much as 40 %" is at the edge of
what still trains. Most die in the first hundred steps. Some come back: a ReLU cannot move itself, but the layer before
it moves.

That is not why a rate is too high, though: with 42 % of its units dead the net still fits every training example, and
only at 1.0 accuracy falls (.63 and .10). Of those that do not die, maxout diverges from .3 on, PReLU from .7, leaky
ReLU from .8 (not always with both seeds). Dying is what keeps a ReLU net finite.
"""

from functools import partial

from lab.cli import main
from lab.data import digits
from lab.experiment import Variant
from lab.models import dense
from lab.study import Study
from lab.training import Training

ACTIVATIONS = ("relu", "leaky_relu", "prelu", "maxout")
RATES = (0.01, 0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 1.0)


def compute(train_size=None, seeds=2, epochs=50):
    """Train nets of two layers of 100 at each rate and count the units that are zero on the whole training set."""
    import numpy as np
    import pandas as pd

    from lab.probes.activations import dead_units
    from lab.probes.steps import follow

    load = partial(digits, train_size=train_size)
    examples = load().train
    rows = []
    for activation in ACTIVATIONS:
        for rate in RATES:
            variant = Variant(
                data=load,
                model=partial(dense, widths=(100, 100), activation=activation),
                training=Training(optimizer="sgd", learning_rate=rate, batch_size=32, epochs=epochs),
            )
            for seed in range(seeds):
                for step, model in follow(variant, seed=seed, every=85):
                    outputs = model(examples.x, training=False).numpy()
                    counted = dead_units(model, examples.x)
                    rows.append({
                        "activation": activation, "learning_rate": rate, "seed": seed, "step": step,
                        "diverged": not np.isfinite(outputs).all(),
                        "dead": counted["dead"].sum() / counted["units"].sum(),
                        "train_accuracy": (outputs.argmax(axis=1) == examples.y).mean(),
                    })  # fmt: skip
    return {"dead": pd.DataFrame(rows)}


def draw(tables):
    """Draw the share of dead units and the accuracy against the rate, and how ReLUs die over time."""
    from lab.report.kit import panels, ranked

    # A unit that is NaN is no longer a unit.
    alive = tables["dead"][~tables["dead"]["diverged"]]
    end = alive[alive["step"] == tables["dead"]["step"].max()]
    shares = end.melt(["activation", "learning_rate"], ["dead", "train_accuracy"], "panel")
    shares["panel"] = shares["panel"].map({"dead": "dead units", "train_accuracy": "train accuracy"})
    relu = alive[alive["activation"] == "relu"]
    relu = relu.assign(panel="", rate=[f"rate {rate:g}" for rate in relu["learning_rate"]])
    notes = ["A run that diverged has no point."]
    return {
        "dead_units": panels(
            shares, "learning_rate", "value", line="activation", log=(True, False), limits=(-0.03, 1.03),
            names=("learning rate", "share"), notes=notes, of="dead_units",
            title="units that are zero on the whole training set, and accuracy, after training",
        ),
        "dead_over_time": panels(
            relu, "step", "dead", line="rate", look_of=ranked(relu["rate"]), names=("step", "share of dead units"),
            title="when ReLUs die", of="dead_units", notes=notes,
        ),
    }  # fmt: skip


EXPERIMENT = Study(name="dead_units", compute=compute, draw=draw)

if __name__ == "__main__":
    main(EXPERIMENT)
