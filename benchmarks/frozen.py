"""Heads on the features of a frozen backbone in one cohort, against a loop of `fit` over the whole net.

    python -m benchmarks.frozen                       # about 4 minutes on 2 busy cores
    python -m benchmarks.frozen --json frozen.json

The runs are the four variants of `experiments/transfer.py` that tune the dense layer of a pretrained net on 200 images
of Fashion-MNIST, at each of its seeds. Both ways start and end alike: from the images and the file of the net, and with
the test loss of each run.

* heads: the features of all splits are computed, nothing of them kept from before, and the heads train as cohorts.
* whole: `keras_fit` trains one whole net after the other, its convolutions frozen and in inference mode.

Seconds are counted from images in memory, after a first short run of each way, which loads and warms TensorFlow. The
largest relative difference of a run's test loss says whether both trained the same.
"""

import argparse
import dataclasses
import functools
import json
import time
from pathlib import Path
from typing import Any

from experiments.transfer import BACKBONE, EXPERIMENT, FEATURES, FEW
from lab.data import Dataset, Split

LAYER = FEATURES.keywords["layer"]
HEADS = [name for name, variant in EXPERIMENT.variants.items() if variant.data is FEATURES and name != "fresh_head"]


def on_features(raw: Dataset) -> Dataset:
    """Return a dataset with its features in the place of the images, computed now."""
    from lab.models.backbone import beginning, outputs

    model, pool = beginning(BACKBONE, LAYER), object()
    train, validation, test = (
        Split(outputs(model, split.x, BACKBONE), split.y, pool=pool) for split in (raw.train, raw.validation, raw.test)
    )
    return dataclasses.replace(raw, train=train, validation=validation, test=test)


def whole(input_shape: tuple[int, ...], outputs: int, *, head: Any, seed: int) -> Any:
    """Return the whole net: the frozen convolutions, then a head."""
    from lab.models import joined
    from lab.models.backbone import beginning

    shape = tuple(beginning(BACKBONE, LAYER).outputs[0].shape[1:])
    return joined(BACKBONE, head(shape, outputs, seed=seed), layer=LAYER)


def in_cohorts(raw: dict[int, Dataset], epochs: int) -> dict[tuple[str, int], float]:
    """Return the test loss of each run, trained on features in cohorts."""
    from lab.engine import cohort
    from lab.engine.task import Task

    tasks, keys = [], []
    for seed, data in raw.items():
        made = on_features(data)
        for name in HEADS:
            variant = EXPERIMENT.variants[name]
            build = functools.partial(variant.model, made.input_shape, 2, seed=seed)
            tasks.append(Task(build, made, dataclasses.replace(variant.training, epochs=epochs), seed))
            keys.append((name, seed))
    losses = {}
    for group in cohort.group(tasks).groups:
        for i, trained in zip(group.indices, cohort.train([tasks[i] for i in group.indices]), strict=True):
            losses[keys[i]] = (trained.test or {})["data_loss"]
    return losses


def one_by_one(raw: dict[int, Dataset], epochs: int) -> dict[tuple[str, int], float]:
    """Return the test loss of each run, trained as a whole net, one after the other."""
    from lab.engine import keras_fit
    from lab.engine.task import Task

    losses = {}
    for seed, data in raw.items():
        for name in HEADS:
            variant = EXPERIMENT.variants[name]
            build = functools.partial(whole, data.input_shape, 2, head=variant.model, seed=seed)
            training = dataclasses.replace(variant.training, epochs=epochs)
            losses[name, seed] = (keras_fit.train(Task(build, data, training, seed)).test or {})["data_loss"]
    return losses


def main() -> None:
    """Measure, print a sentence, and write the JSON file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.frozen", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    given = parser.parse_args()
    import keras  # noqa: F401  (its import is not part of what is timed)

    raw = {seed: FEW(seed=seed) for seed in EXPERIMENT.seeds}
    epochs = EXPERIMENT.variants["none"].training.epochs
    took, losses = {}, {}
    for name, train in (("heads", in_cohorts), ("whole", one_by_one)):
        train({0: raw[0]}, 1)
        began = time.perf_counter()
        losses[name] = train(raw, epochs)
        took[name] = time.perf_counter() - began
    off = max(abs(losses["heads"][run] / loss - 1) for run, loss in losses["whole"].items())
    figures = {
        "runs": len(losses["heads"]),
        "epochs": epochs,
        "heads_s": round(took["heads"], 2),
        "whole_s": round(took["whole"], 2),
        "ratio": round(took["whole"] / took["heads"], 1),
        "largest_relative_difference_in_test_loss": off,
    }
    print(json.dumps(figures, indent=1))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
