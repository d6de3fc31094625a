"""Do products in reduced precision change what an experiment concludes?

They turn none round, but two that were shown are not shown any more: that dropout .25 and .75 in the head help has
p = .063 after Holm's correction with fast products, and .019 and .016 with exact ones.

    python experiments/reduced_precision.py    # about 12 minutes, where `--precision fast` works

The other 14 variants of the three experiments keep their decisions. The differences move by less than their intervals:
most for dropout .25 in the head, from -.0391 [-.062, -.016] to -.029 [-.050, -.007].

A single run may move by as much as another seed would move it: .0190 where the deviation over the seeds is .0187. Who
compares single runs compares runs of one precision. Measured with bfloat16 on a Xeon with AMX units; TF32 on a GPU was
not.
"""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lab.checks import DataError
from lab.cli import main
from lab.engine import precision
from lab.study import Study

NAMES = ("weight_penalty", "dropout", "normalization")
METRIC = "test_data_loss"


def trained(folder: Path, name: str, products: str, seeds: int, epochs: int | None) -> Path:
    """Run an experiment with one precision in a process of its own, since TensorFlow has one per process."""
    sizes = ["--seeds", str(seeds)] + ([] if epochs is None else ["--epochs", str(epochs)])
    words = ["run", name, "--precision", products, "--results", str(folder / products), *sizes]
    done = subprocess.run([sys.executable, "-m", "lab", *words], stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise DataError(f"{name} with {products} products ended with exit code {done.returncode}; see above")
    return folder / products / name


def compute(names: tuple[str, ...] = NAMES, seeds: int = 5, epochs: int | None = None):
    """Run each experiment with exact and with fast products, and return its decisions and its runs side by side."""
    import pandas as pd

    precision.check_hardware("fast")
    decisions, runs = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            for products in precision.PRECISIONS:
                tables = trained(Path(folder), name, products, seeds, epochs)
                comparison, summary = (pd.read_csv(tables / f"{table}.csv") for table in ("comparison", "summary"))
                where = {"experiment": name, "precision": products}
                decisions.append(comparison[comparison["metric"] == METRIC].assign(**where))
                runs.append(summary.assign(**where))
    kept = ["difference", "difference_low", "difference_high", "p_adjusted", "decision"]
    return {
        "decisions": pd.concat(decisions)[["experiment", "variant", "precision", "n", *kept]],
        "runs": pd.concat(runs)[["experiment", "variant", "seed", "precision", "kept_epoch", METRIC, "test_accuracy"]],
    }


def changes(runs):
    """Return how far the test data loss of each run moves, beside the standard deviation over its variant's seeds."""
    wide = runs.pivot_table(index=["experiment", "variant", "seed"], columns="precision", values=METRIC)
    moved = (wide["fast"] - wide["exact"]).abs().rename("moved")
    spread = wide["exact"].groupby(level=[0, 1]).transform("std").rename("spread")
    return moved.to_frame().join(spread).reset_index()


def draw(tables: Mapping):
    """Draw each variant's difference to the baseline with both precisions, and how far single runs move."""
    from lab.report.kit import figure_of, pair, styles

    decisions = tables["decisions"][tables["decisions"]["decision"] != "baseline"]
    moved = changes(tables["runs"])
    rows = list(decisions.groupby(["experiment", "variant"], sort=False))
    look_of = styles([*precision.PRECISIONS, *moved["experiment"].unique()])
    with pair(
        title="what reduced precision changes", of="reduced_precision",
        headings=("each variant against its baseline", "single runs"),
        x=("difference in test data loss", "deviation over the seeds of a variant"),
        y=("", "change of the test data loss"),
        notes=["Bar: the 95 % interval of the paired differences. On the line a run moves by one deviation."],
    ) as (left, right):  # fmt: skip
        left.axvline(0, color="0.45", lw=0.8)
        for row, (_, both) in enumerate(rows):
            for shift, (_, one) in zip((-0.15, 0.15), both.iterrows(), strict=True):
                style = look_of[one["precision"]]
                place = len(rows) - row - shift
                left.hlines(place, one["difference_low"], one["difference_high"], color=style.colour, lw=1.4)
                label = one["precision"] if row == 0 else None
                left.plot(one["difference"], place, style.marker, color=style.colour, ms=4, label=label)
        left.set_yticks(range(len(rows), 0, -1), [f"{experiment}: {variant}" for (experiment, variant), _ in rows])
        for name in moved["experiment"].unique():
            own, style = moved[(moved["experiment"] == name) & (moved["moved"] > 0)], look_of[name]
            right.plot(own["spread"], own["moved"], style.marker, color=style.colour, ms=4, label=name)
        ends = [moved["spread"].min(), moved["spread"].max()]
        right.plot(ends, ends, color="0.45", lw=0.8)
        right.set_xscale("log")
        right.set_yscale("log")
    return {"changes": figure_of(left)}


EXPERIMENT = Study(name="reduced_precision", compute=compute, draw=draw)

if __name__ == "__main__":
    main(EXPERIMENT)
