"""Both one hidden layer and a sum of bumps can approximate any function: which of them is of use?

On a smooth function the net learns more from few noisy samples; on one with a jump the bumps do. Both can represent
anything; what counts is what can be learned from few samples.

    python experiments/approximation.py            # about 50 seconds on 2 cores

With 60 noisy samples of a smooth wave, the net of 20 tanh units is off by .068 (root mean square against the truth,
median of 8 draws), the best number of bumps, also 20, by .115. With 80 of each the net is off by .080 and the bumps
by .296: a bump without a sample under it knows nothing, and one with a single sample repeats its noise.

On a function with a jump, which the theorem does not promise, 20 bumps (.120) beat every net tried (.154 and more).
And this is one dimension: 20 bumps per axis are 20^10 in ten.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np

from lab.cli import main
from lab.data import from_arrays
from lab.experiment import Variant
from lab.models import dense
from lab.run import train
from lab.seeds import derive
from lab.study import Study
from lab.training import Training

SIZES = (5, 10, 20, 40, 80)
SAMPLES, NOISE = 60, 0.1


def truth(name: str, x: np.ndarray) -> np.ndarray:
    """Return the function that is to be found, on [-1, 1]: the smooth "wave", or the "jump"."""
    return np.sin(4 * x) * (0.4 + x) if name == "wave" else np.abs(x) - (x > 0.5)


def samples(name: str, *, seed: int = 0):
    """Return noisy samples of a function at random places, drawn anew for each seed and each split."""

    def drawn(part: str):
        generator = np.random.default_rng(derive(seed, name, part))
        x = np.sort(generator.uniform(-1, 1, SAMPLES))
        return x[:, None], truth(name, x) + NOISE * generator.standard_normal(SAMPLES)

    return from_arrays(*drawn("train"), validation=drawn("validation"), test=drawn("test"), labels="numbers")


def compute(epochs: int = 500, sizes: tuple[int, ...] = SIZES, seeds: int = 8):
    """Fit noisy samples of two functions on [-1, 1] by nets of one hidden layer and by sums of indicator bumps."""
    import pandas as pd

    training = Training(loss="squared_error", learning_rate=0.01, batch_size=20, epochs=epochs)
    variants = {
        (size, name): Variant(
            data=partial(samples, name),
            model=partial(dense, widths=(size,), activation="tanh", initializer=2.0),
            training=training,
        )
        for size in sizes
        for name in ("wave", "jump")
    }
    inside = np.linspace(-1, 1, 401)
    fits, errors = [], []
    for ((size, name), seed), one in train(variants, seeds=range(seeds), redraw_data=True).items():
        # Bump i is 1 between its two edges: its height is the mean of the samples there, 0 where there are none.
        x, y = one.task.data.train.x[:, 0], one.task.data.train.y[:, 0]
        edges = np.linspace(-1, 1, size + 1)[1:-1]
        place = np.digitize(x, edges)
        heights = [y[place == i].mean() if (place == i).any() else 0.0 for i in range(size)]
        found = {
            "net": (one.trained.parameters, np.asarray(one.model()(inside[:, None].astype(np.float32)))[:, 0]),
            "bumps": (size, np.array(heights)[np.digitize(inside, edges)]),
        }
        right = truth(name, inside)
        for kind, (numbers, values) in found.items():
            errors.append((name, kind, size, seed, numbers, float(np.sqrt(np.mean((values - right) ** 2)))))
            if seed == 0:
                curves = {"x": inside, "truth": right, "fit": values}
                fits.append(pd.DataFrame({"function": name, "kind": kind, "size": size, **curves}))
    columns = ["function", "kind", "size", "seed", "numbers", "rms_error"]
    return {"fits": pd.concat(fits), "errors": pd.DataFrame(errors, columns=columns)}


def draw(tables: Mapping):
    """Draw both fits at two sizes, and the error against the truth at all of them."""
    import pandas as pd

    from lab.report.kit import figure_of, line, panels, single, spread, styles, value_axis

    fits, errors = tables["fits"], tables["errors"]
    look_of = styles(["truth", "net", "bumps"], "truth")
    sizes = sorted(fits["size"].unique())
    ends = fits[fits["size"].isin([sizes[0], sizes[-1]])]
    ends = ends.assign(panel=ends["function"] + ", " + ends["size"].map("{} units or bumps".format))
    true = ends[ends["kind"] == "net"].assign(kind="truth", fit=ends["truth"])
    both = panels(
        pd.concat([true, ends]), "x", "fit", line="kind", names=("x", "value"), limits=(-1.3, 1.6), look_of=look_of,
        title="both fits", of="approximation",
        notes=[f"Each fit has seen {SAMPLES} samples with noise of standard deviation {NOISE:g}."],
    )  # fmt: skip
    with single(
        title="the error of both fits", of="approximation", x="hidden units or bumps",
        y="root mean square error against the truth",
        notes=[f"Median and range of {errors['seed'].nunique()} draws of the samples."],
    ) as ax:  # fmt: skip
        for name, dashes in zip(errors["function"].unique(), ("-", (0, (3, 1))), strict=False):
            for kind in ("net", "bumps"):
                mine = errors[(errors["function"] == name) & (errors["kind"] == kind)]
                looks = line(look_of[kind]) | {"ls": dashes}
                spread(ax, mine, "size", "rms_error", label=f"{kind}, {name}", looks=looks)
        ax.set_xscale("log")
        ax.set_xticks(sizes, [f"{size}" for size in sizes])
        ax.minorticks_off()
        value_axis(ax, 0, 1.05 * errors["rms_error"].max())
    return {"fits": both, "errors": figure_of(ax)}


EXPERIMENT = Study(name="approximation", compute=compute, draw=draw)

if __name__ == "__main__":
    main(EXPERIMENT)
