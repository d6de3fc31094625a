"""How long a step of each family of regularizers takes beside one of the plain net.

    python -m benchmarks.costs > docs/costs.md

The net and the data are those of `experiments/families.py`, each family at the middle one of its three strengths. Each
trains in a program of its own, an epoch a turn, and all take turns; times depend on the machine and on the net.
"""

import numpy as np

from lab.engine.tensorflow import load_tensorflow

TURNS = 31

BEGIN = """# What a step costs

Made by `python -m benchmarks.costs` on {threads} cores: the milliseconds of a step of the net of
[families](../experiments/families.py), two convolutions and a dense layer on batches of {batch} pictures, with each
family at the middle one of its strengths, and how many times the plain net's that is: the median of {turns} turns and
its quartiles. For other nets `reglab cost` tells.

| family | strength | ms | times the plain net |
| --- | --- | --- | --- |
"""


def main() -> None:
    """Measure, and print the page."""
    load_tensorflow("exact")
    from experiments.families import TRIED, variant
    from lab.engine.timing import seconds_per_step
    from lab.plan import tasks
    from lab.results.record import threads

    variants = {"none": variant(1)} | {name: variant(1, family, family.strengths[1]) for name, family in TRIED.items()}
    seconds = seconds_per_step(list(tasks(variants, [0]).values()), list(variants), TURNS)
    training = variants["none"].training
    print(BEGIN.format(threads=threads(), batch=training.batch_size, turns=TURNS), end="")
    ratios = seconds / seconds[0]
    for i in np.argsort(np.median(ratios, axis=1), kind="stable"):
        name = list(variants)[i]
        low, middle, high = (f"{value:.2f}" for value in np.quantile(ratios[i], [0.25, 0.5, 0.75]))
        times = "1" if name == "none" else f"{middle} [{low}, {high}]"
        strength = "" if name == "none" else TRIED[name].strengths[1]
        print(f"| {name} | {strength} | {1000 * np.median(seconds[i]):.2f} | {times} |")


if __name__ == "__main__":
    main()
