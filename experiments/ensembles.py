"""How much better is an ensemble than a single net, and can one net learn what the ensemble knows?

About two points of accuracy, which 5 draws do not show for sure, and next to nothing in loss; dropout and averaging
together gain five. One net that learns the ensemble's logits, on unlabelled pictures too, is as accurate as all ten.

    python experiments/ensembles.py

Two layers of 128 on 300 digits, a fifth of the labels wrong, kept at their best epochs, 5 draws of the data, each with
10 nets. Differences to one net; with 5 draws only two higher losses survive the correction for 13 comparisons, those of
the 50 masks and of the 5 snapshots.

One net has an accuracy of .881. The average of 2 nets has 1.3 points [0.3, 2.2] more, that of 10 nets 2.1 points [-0.2,
4.4]; one net with dropout 2.7 points [-0.4, 5.9], and 10 of these 5.1 points [1.7, 8.4]. The average of 50 masks of one
dropout net has 1.9 points [-0.9, 4.7].

The test data loss of one net is .493. It changes by -.012 [-.033, .009] with 10 nets and by -.012 [-.046, .023] with 10
nets with dropout. That of the 50 masks is higher by .156 [.119, .193]: the average of hesitant nets hesitates.

The student has 1.4 points [-0.9, 3.8] of accuracy more than one net if it sees the ensemble's training pictures only,
and 2.2 points [-0.2, 4.5] with 700 more: .903, where its ten teachers have .902. Its loss is lower by .010 [-.010,
.030].

The average of 5 snapshots of one training, whose learning rate restarts 5 times, has 1.7 points [-0.9, 4.2] more, and
that of the last 3 has 1.0 points [-0.9, 2.9] more. The loss of the 5 is higher by .092 [.063, .121], as the first cycle
had not learned much yet, and that of the last 3 by .017 [-.007, .040].
"""

from collections.abc import Mapping
from functools import partial

import numpy as np

from lab.cli import main
from lab.data import Dataset, digits, from_arrays
from lab.experiment import Variant
from lab.models import dense
from lab.regularization import NONE, Regularization
from lab.run import train
from lab.study import Study
from lab.training import Training

KINDS = {"none": NONE, "dropout 0.5": Regularization(dropout=0.5)}
SIZES = (1, 2, 5, 10)
MASKS = 50
CYCLES = 5
"""How often the learning rate of the run restarts whose snapshots are averaged."""

UNLABELLED = 700


def labelled(train_size: int, *, seed: int = 0) -> Dataset:
    """Return digits, a fifth of whose training labels are wrong."""
    return digits(train_size=train_size, label_noise=0.2, seed=seed)


def unlabelled(data: Dataset, seed: int) -> np.ndarray:
    """Return pictures of the same draw that are in none of its splits."""
    known = {x.tobytes() for split in (data.train, data.validation, data.test) for x in split.x}
    return np.stack([x for x in digits(seed=seed).train.x if x.tobytes() not in known])[:UNLABELLED]


def taught(x: np.ndarray, logits: np.ndarray, validation: tuple, test: tuple) -> Dataset:
    """Return examples whose labels are the logits of a teacher, to be learned as numbers (Ba and Caruana 2014)."""
    return from_arrays(x, logits, validation=validation, test=test, labels="numbers", name="what a teacher says")


def lessons(nets, data: Dataset, more: np.ndarray):
    """Return what an ensemble teaches: on its own training examples, and on others without labels as well."""
    from lab.engine.outputs import predicted
    from lab.models.ensemble import mean_outputs

    def said(x: np.ndarray) -> np.ndarray:
        logits = mean_outputs("softmax_cross_entropy", np.stack([predicted(net, x) for net in nets]))
        # A constant that is added to all logits of an example changes no probability.
        return (logits - logits.mean(axis=1, keepdims=True)).astype(np.float32)

    pairs = [(split.x, said(split.x)) for split in (data.validation, data.test)]
    examples = {
        "distilled": data.train.x,
        f"distilled, {len(more)} more pictures": np.concatenate([data.train.x, more]),
    }
    return {name: partial(taught, x, said(x), *pairs) for name, x in examples.items()}


def compute(seeds: int = 5, members: int = 10, epochs: int = 60, train_size: int = 300):
    """Train nets on several draws of the data; measure them alone, averaged, and distilled into one."""
    import pandas as pd

    from lab.probes.ensembles import growing, probabilities, sampled
    from lab.statistics import compare
    from lab.sweep.snapshots import snapshots

    def variant(load, regularization: Regularization = NONE, **fields) -> Variant:
        model = partial(dense, widths=(128, 128), regularization=regularization)
        return Variant(data=load, model=model, training=Training(**{"epochs": epochs} | fields))

    draws = range(seeds)
    trained = train(
        {
            (draw, kind): variant(partial(labelled, train_size, seed=draw), regularization)
            for draw in draws
            for kind, regularization in KINDS.items()
        },
        seeds=range(members),
    )
    rows, students = [], {}  # type: ignore[var-annotated]

    def measure(draw: int, kind: str, size: int, predicted: np.ndarray) -> None:
        found = growing(predicted[None], trained[(draw, "none"), 0].task.data.test.y).iloc[0]
        rows.append((draw, kind, size, found["data_loss"], found["accuracy"]))

    for draw in draws:
        data = trained[(draw, "none"), 0].task.data
        for kind in KINDS:
            nets = [trained[(draw, kind), seed].model() for seed in range(members)]
            each = np.stack([probabilities(net, data.test.x) for net in nets])
            for size in (size for size in SIZES if size <= members):
                measure(draw, kind, size, each[:size].mean(axis=0))
            if kind == "none":
                taken = lessons(nets, data, unlabelled(data, draw))
                students |= {(draw, name): variant(load, loss="squared_error") for name, load in taken.items()}
            else:
                measure(draw, f"{kind}, {MASKS} masks", 1, sampled(nets[0], data.test.x, MASKS, draw).mean(axis=0))
        load = partial(labelled, train_size, seed=draw)
        whole = CYCLES * max(1, epochs // CYCLES)  # A cycle ends with an epoch.
        restarting = variant(load, schedule="cosine_restarts", cycles=CYCLES, epochs=whole)
        ends = snapshots(f"draw {draw}", restarting, seeds=[0])[0]
        each = np.stack([probabilities(net, data.test.x) for net in ends])
        for last in (CYCLES, 3, 1):
            kind = f"last {last} of {CYCLES} snapshots" if last < CYCLES else f"{CYCLES} snapshots of one net"
            measure(draw, kind, 1, each[-last:].mean(axis=0))
    # A seed that no member has.
    for ((draw, name), _), one in train(students, seeds=[members]).items():
        # The student's own test split holds the same pictures in another order.
        measure(draw, name, 1, probabilities(one.model(), trained[(draw, "none"), 0].task.data.test.x))
    runs = pd.DataFrame(rows, columns=["seed", "kind", "nets", "test_data_loss", "test_accuracy"])
    named = runs.assign(variant=runs["kind"] + runs["nets"].map(lambda n: f", {n} nets" if n > 1 else ""))
    kept = ["variant", "metric", "n", "mean", "difference", "difference_low", "difference_high", "p_adjusted"]
    compared = [compare(named, "none", metric)[[*kept, "decision"]] for metric in ("test_data_loss", "test_accuracy")]
    return {"runs": runs.round(5), "differences": pd.concat(compared).round(5)}


def draw(tables: Mapping):
    """Draw how much better than one plain net each of the others is."""
    from lab.report.kit import figure_of, pair

    table = tables["differences"]
    names = [name for name in dict.fromkeys(table["variant"]) if name != "none"]
    with pair(
        title="against one net", of="ensembles",
        headings=("test data loss", "test accuracy"), x=("difference to one net", "difference to one net"), y=("", ""),
        notes=[
            f"Mean of the paired differences over {table['n'].max()} draws of the data, bar: its 95 % interval.",
            "Filled: shown after the correction for all rows.",
        ],
    ) as axes:  # fmt: skip
        for ax, metric in zip(axes, ("test_data_loss", "test_accuracy"), strict=True):
            ax.axvline(0, color="0.45", lw=0.8)
            rows = table[table["metric"] == metric].set_index("variant").loc[names]
            for place, (_, row) in enumerate(rows.iterrows()):
                ax.plot([row["difference_low"], row["difference_high"]], [place, place], color="0.2", lw=1.4)
                filled = row["decision"] in ("better", "worse")
                ax.plot(row["difference"], place, "o", ms=5, mec="0.2", mfc="0.2" if filled else "white")
            ax.set_ylim(len(names) - 0.4, -0.6)
            ax.set_yticks(range(len(names)), names if ax is axes[0] else [""] * len(names))
            ax.grid(axis="y", color="0.93", lw=0.6)
    return {"ensembles": figure_of(axes[0])}


EXPERIMENT = Study(name="ensembles", compute=compute, draw=draw)

if __name__ == "__main__":
    main(EXPERIMENT)
