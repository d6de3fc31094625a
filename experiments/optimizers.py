"""Which optimizer trains a dense net best, if each may choose its own learning rate?

Hardly any is better than another. What distinguishes Adam is how little its rate matters to it on a relu net.

    python experiments/optimizers.py            # about 105 seconds on 2 cores

1 000 digits, 1 000 steps of 100, three seeds; each optimizer at the best of 7 or 8 rates, chosen on validation data,
then measured once on test data:

    test data loss (accuracy)   sgd          momentum     adagrad      rmsprop      adam
    sigmoid, std .01, its best  .227 (.950)  .240 (.949)  .223 (.941)  .224 (.948)  .228 (.952)
        the course's rates      2.303 (.101) .267 (.941)  .316 (.934)  .224 (.948)  .228 (.952)
    relu, He, its best          .153 (.952)  .162 (.956)  .132 (.954)  .133 (.958)  .129 (.962)
        the course's rates      .189 (.942)  1.054 (.606) .223 (.945)  .194 (.948)  .165 (.968)

On the relu net the lowest validation loss of Adam is within a quarter of the best over two powers of ten (.0001 to
.01), that of SGD over one (.03 to .3). On the sigmoid net every optimizer needs its rate (momentum's best, 1.0, is the
largest that was tried).

Where the course was wrong: it found that SGD at .01 "never learns" the sigmoid net, in 9 runs of 9. It learns as well
as Adam at 3.2: the rate was 300 times too small.
"""

from functools import partial
from typing import Any

from lab.cli import main
from lab.data import digits
from lab.experiment import Variant
from lab.models import dense
from lab.run import train
from lab.study import Study
from lab.training import Training

NETS: dict[str, dict[str, Any]] = {
    "sigmoid 0.01": {"widths": (40, 20), "activation": "sigmoid", "initializer": 0.01},
    "relu He": {"widths": (100,) * 4, "activation": "relu", "initializer": "he"},
}
"""The course's net and the book's."""

SETTINGS: dict[str, dict[str, Any]] = {
    "sgd": {},
    "momentum": {},
    "adagrad": {"accumulator": 1e-4},
    "rmsprop": {"rho": 0.99},
    "adam": {},
}
"""As the course has them."""

COURSE_RATES = {"sgd": 0.01, "momentum": 0.3, "adagrad": 0.1, "rmsprop": 0.01, "adam": 0.01}

DECADES = {"sgd": (-2, 1), "momentum": (-3, 0), "adagrad": (-3, 0), "rmsprop": (-4, -1), "adam": (-4, -1)}
"""The powers of ten between which a rate is looked for, two rates a factor of ten."""


COLUMNS = ("epoch", "train_data_loss", "val_data_loss", "val_accuracy")


def rates(optimizer):
    """Return the rates that an optimizer is tried at, the course's among them."""
    low, high = DECADES[optimizer]
    tried = {float(f"{10 ** (low + step / 2):.2g}") for step in range(2 * (high - low) + 1)}
    return sorted(tried | {COURSE_RATES[optimizer]})


def variant(net, optimizer, rate, *, train_size=1000, epochs=100):
    """Batches of 100 drawn with replacement, without early stopping."""
    return Variant(
        data=partial(digits, train_size=train_size),
        model=partial(dense, **NETS[net]),
        training=Training(
            optimizer=optimizer, learning_rate=rate, batch_size=100, epochs=epochs, replacement=True,
            **SETTINGS[optimizer],
        ),
    )  # fmt: skip


def compute(train_size=1000, seeds=3, epochs=100):
    """Train at every rate, choose each optimizer's on validation, and only then look at its test loss."""
    import pandas as pd

    variants = {
        (net, optimizer, rate): variant(net, optimizer, rate, train_size=train_size, epochs=epochs)
        for net in NETS
        for optimizer in DECADES
        for rate in rates(optimizer)
    }
    trained = [
        ({"net": net, "optimizer": optimizer, "learning_rate": rate, "seed": seed}, one.trained)
        for ((net, optimizer, rate), seed), one in train(variants, seeds=range(seeds)).items()
    ]
    sweep = pd.DataFrame([
        {**label, "lowest_val_data_loss": min((row["val_data_loss"] for row in run.rows), default=float("nan")),
         "diverged": run.status == "diverged"}
        for label, run in trained
    ])  # fmt: skip
    # A rate at which a run diverges is not chosen.
    key, lowest = ["net", "optimizer", "learning_rate"], "lowest_val_data_loss"
    means = sweep.groupby(key, sort=False)[[lowest, "diverged"]].mean()
    best = set(means[means["diverged"] == 0].groupby(key[:2], sort=False)[lowest].idxmin())
    measured, curves = [], []
    for label, run in trained:
        net, optimizer, rate = (label[name] for name in key)
        of = {"own best": (net, optimizer, rate) in best, "the course's": rate == COURSE_RATES[optimizer]}
        for rates_of in (words for words, taken in of.items() if taken):
            known = {**label, "rates": rates_of}
            measured.append({**known, "kept_epoch": run.kept_epoch, "status": run.status, **(run.test or {})})
            curves += [{**known, **{name: row[name] for name in COLUMNS}} for row in run.rows]
    return {"sweep": sweep, "measured": pd.DataFrame(measured), "curves": pd.DataFrame(curves)}


def draw(tables):
    """Draw the sweep, and the curves at each optimizer's own best rate beside those at the course's."""
    from lab.report.kit import panels

    sweep, curves = tables["sweep"], tables["curves"]
    curves = curves.assign(panel=curves["net"] + ", " + curves["rates"] + " rates")
    figures = {
        "rates": panels(
            sweep[~sweep["diverged"]].assign(panel=sweep["net"]), "learning_rate", "lowest_val_data_loss",
            line="optimizer", log=(True, True), names=("learning rate", "lowest validation data loss"),
            title="what each optimizer reaches at each learning rate", of="optimizers",
            notes=["A run that diverged has no point."],
        )
    }  # fmt: skip
    for column, words, limits in (
        ("train_data_loss", "train data loss", (1e-6, 10)),
        ("val_data_loss", "validation data loss", (0.1, 5)),
    ):
        figures[column] = panels(
            curves, "epoch", column, line="optimizer", log=(False, True), names=("epoch", words),
            title=f"{words} of each optimizer", of="optimizers", limits=limits,
            notes=["Losses beyond the axis are cut."],
        )  # fmt: skip
    return figures


EXPERIMENT = Study(name="optimizers", compute=compute, draw=draw)

if __name__ == "__main__":
    main(EXPERIMENT)
