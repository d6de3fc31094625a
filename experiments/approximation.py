"""Both one hidden layer and a sum of bumps can approximate any function: which of them is of use?

    python experiments/approximation.py            # about 50 seconds on 2 cores

With 60 noisy samples of a smooth wave, the net of 20 tanh units is off by .068 (root mean square against the truth,
median of 8 draws), the best number of bumps, also 20, by .115. With 80 of each the net is off by .080 and the bumps
by .296: a bump without a sample under it knows nothing, and one with a single sample repeats its noise. On a function
with a jump, which the theorem does not promise, 20 bumps (.120) beat every net tried (.154 and more). And this is one
dimension: 20 bumps an axis are 20^10 in ten. Both can represent anything; what counts is what can be learned from few
samples.
"""

from collections.abc import Mapping
from typing import Any

from lab.cli import main
from lab.study import Study

SIZES = (5, 10, 20, 40, 80)
SAMPLES, NOISE = 60, 0.1


def compute(epochs: int = 500, sizes: tuple[int, ...] = SIZES, seeds: int = 8):
    """Fit noisy samples of two functions on [-1, 1] by nets of one hidden layer and by sums of indicator bumps."""
    from functools import partial

    import numpy as np
    import pandas as pd

    from lab.data import from_arrays
    from lab.engine.task import Task
    from lab.models import dense
    from lab.run import train_all
    from lab.seeds import derive
    from lab.training import Training

    functions = {"wave": lambda x: np.sin(4 * x) * (0.4 + x), "jump": lambda x: np.abs(x) - (x > 0.5)}
    inside = np.linspace(-1, 1, 401)
    training = Training(loss="squared_error", learning_rate=0.01, batch_size=20, epochs=epochs)

    def drawn(name: str, part: str, seed: int):
        generator = np.random.default_rng(derive(seed, name, part))
        x = np.sort(generator.uniform(-1, 1, SAMPLES))
        return x, functions[name](x) + NOISE * generator.standard_normal(SAMPLES)

    fits, errors = [], []

    def keep(name: str, kind: str, size: int, seed: int, numbers: int, values: np.ndarray):
        root = float(np.sqrt(np.mean((values - functions[name](inside)) ** 2)))
        errors.append((name, kind, size, seed, numbers, root))
        if seed == 0:
            truth = {"x": inside, "truth": functions[name](inside)}
            fits.append(pd.DataFrame({"function": name, "kind": kind, "size": size, **truth, "fit": values}))

    for size in sizes:
        arms = [(name, seed) for name in functions for seed in range(seeds)]
        tasks = []
        for name, seed in arms:
            parts = [drawn(name, part, seed) for part in ("train", "validation", "test")]
            train, validation, test = ((x[:, None], y) for x, y in parts)
            data = from_arrays(*train, validation=validation, test=test, labels="numbers")
            build = partial(dense, (1,), 1, widths=(size,), activation="tanh", initializer=2.0, seed=seed)
            tasks.append(Task(build, data, training, seed))
        for (name, seed), task, one in zip(arms, tasks, train_all(tasks), strict=True):
            model = task.build()
            model.set_weights(one.weights)
            values = np.asarray(model(inside[:, None].astype(np.float32)))[:, 0]
            keep(name, "net", size, seed, one.parameters, values)
            # Bump i is 1 between its two edges: its height is the mean of the samples there, 0 where there are none.
            x, y = task.data.train.x[:, 0], task.data.train.y[:, 0]
            edges = np.linspace(-1, 1, size + 1)[1:-1]
            place = np.digitize(x, edges)
            heights = [y[place == i].mean() if (place == i).any() else 0.0 for i in range(size)]
            keep(name, "bumps", size, seed, size, np.array(heights)[np.digitize(inside, edges)])
    columns = ["function", "kind", "size", "seed", "numbers", "rms_error"]
    return {"fits": pd.concat(fits), "errors": pd.DataFrame(errors, columns=columns)}


def draw(tables: Mapping):
    """Draw both fits at two sizes, and the error against the truth at all of them."""
    from matplotlib.lines import Line2D

    from lab.report.curves import Axis
    from lab.report.layout import Sheet, beside, figure_of, footnote, headline_over, own, scale
    from lab.report.theme import look, styles

    fits, errors = tables["fits"], tables["errors"]
    look_of = styles(["truth", "net", "bumps"], "truth")
    sizes = sorted(fits["size"].unique())
    shown = [(name, size) for name in fits["function"].unique() for size in dict.fromkeys((sizes[0], sizes[-1]))]
    lines: dict[str, dict[str, Any]] = {
        "net": {"lw": 1.6, "zorder": 3},
        "bumps": {"lw": 1.1, "ls": (0, (3, 1)), "drawstyle": "steps-mid"},
    }
    with look():
        sheet = Sheet(len(shown))
        names = [f"{name}, {size} units or bumps" for name, size in shown]
        for ax, (name, size), called in zip(sheet.axes, shown, names, strict=True):
            mine = fits[(fits["function"] == name) & (fits["size"] == size)]
            for kind, rows in mine.groupby("kind", sort=False):
                ax.plot(rows["x"], rows["fit"], color=look_of[kind].colour, **lines[kind])
            ax.plot(rows["x"], rows["truth"], color="0", lw=0.9)
            ax.set_ylim(-1.3, 1.6)
            sheet.name(ax, called, names)
        legend = [Line2D([], [], color="0", lw=0.9, label="truth")]
        legend += [Line2D([], [], color=look_of[kind].colour, label=kind, **lines[kind]) for kind in lines]
        for entry in legend:
            entry.set_drawstyle("default")
        said = f"Each fit has seen {SAMPLES} samples with noise of standard deviation {NOISE:g}."
        sheet.finish(title="both fits", of="approximation", x="x", y="value", legend=legend, notes=[said])
        ax, entries = own(None), []
        for name, ls in zip(errors["function"].unique(), ("-", (0, (3, 1))), strict=False):
            for kind in lines:
                mine = errors[(errors["function"] == name) & (errors["kind"] == kind)]
                spread = mine.groupby("size")["rms_error"].agg(["median", "min", "max"])
                style = look_of[kind]
                looks: dict[str, Any] = {"color": style.colour, "marker": style.marker, "ls": ls, "lw": 1.4, "ms": 5}
                ax.plot(spread.index, spread["median"], **looks)
                ax.fill_between(spread.index, spread["min"], spread["max"], color=style.colour, alpha=0.1, lw=0)
                entries.append(Line2D([], [], label=f"{kind}, {name}", **looks))
        ax.set_xscale("log")
        ax.set_xticks(sizes, [f"{size}" for size in sizes])
        ax.minorticks_off()
        scale(ax, Axis(False, 0, 1.05 * errors["rms_error"].max(), False))
        ax.set_xlabel("hidden units or bumps")
        ax.set_ylabel("root mean square error against the truth")
        beside(ax, entries)
        headline_over(ax, "the error of both fits", "approximation")
        footnote(ax, [f"Median and range of {errors['seed'].nunique()} draws of the samples."])
    return {"fits": sheet.figure, "errors": figure_of(ax)}


EXPERIMENT = Study(name="approximation", compute=compute, draw=draw)

if __name__ == "__main__":
    main(EXPERIMENT)
