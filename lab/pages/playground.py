"""The playground: what its controls offer, and the lab's points in the plane as the page holds them.

Labels and sentences are in English here, and said in the language that is spoken where the page shows them.

The page trains small nets in the browser. Its points are the lab's own draws, float32 by float32, and so are their
wrong labels: what is made an experiment there trains on the same points here.
"""

import base64
import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from lab import data
from lab.data.dataset import Dataset, Split
from lab.data.splitting import mislabelled
from lab.pages.assets import playground_script
from lab.pages.script_words import script_words
from lab.seeds import derive

VALIDATION_SIZE = 120
"""The validation points of each set. The page's script gives its experiment as many."""

TRAIN_SIZES = (20, 50, 100)
"""The training sizes that are offered besides all points of a set."""

SEEDS = (1, 5, 20)
MOST_CLASSES = 4

STRENGTHS = (0, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
RATES = (0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7)
DEVIATIONS = (0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1)
SHARES = (0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)


@dataclass(frozen=True)
class Slider:
    """A regularizer on the page.

    Args:
        name: of its field in `Regularization` or `Training`; "input_noise" is a layer before the net.
        label: as it is shown.
        about: how it works, in a few words.
        values: its strengths, from off (0) to the strongest.
    """

    name: str
    label: str
    about: str
    values: tuple[float, ...]


REGULARIZERS = {
    "Penalties": (
        Slider("l1", "L1", "sum of |w|: makes weights exactly 0; with L2, an elastic net", STRENGTHS),
        Slider("l2", "L2", "sum of w²: makes weights small", STRENGTHS),
        Slider("l2_start", "L2 to start", "squared distance from the initial weights", STRENGTHS),
        Slider("activity_l1", "Activity L1", "sum of |h| over the hidden units", STRENGTHS),
        Slider("activity_l2", "Activity L2", "sum of h² over the hidden units", STRENGTHS),
    ),
    "Noise": (
        Slider("dropout", "Dropout", "the chance that a hidden unit is left out of a step", RATES),
        Slider("dropconnect", "DropConnect", "the chance that a weight is left out of a step", RATES),
        Slider("input_noise", "Input noise", "standard deviation, added to the points", DEVIATIONS),
        Slider("noise", "Hidden noise", "standard deviation, added to the hidden units", DEVIATIONS),
    ),
    "Bounds and targets": (
        Slider("weight_decay", "Weight decay", "decoupled: rate times this share off each kernel per step", STRENGTHS),
        Slider("max_norm", "Max-norm", "the largest norm of the weights into a hidden unit", (0, 4, 3, 2, 1.5, 1, 0.5)),
        Slider("label_smoothing", "Label smoothing", "share of the target spread over the classes", SHARES),
        Slider("patience", "Early stopping", "epochs without a better validation loss", (0, 100, 50, 20, 10, 5)),
    ),
}

CHOICES: dict[str, tuple[Any, ...]] = {
    "size": ("all", *TRAIN_SIZES),
    "label_noise": SHARES,
    "widths": ("4", "16", "64", "8-8", "16-16", "32-32", "16-16-16"),
    "activation": ("tanh", "relu", "leaky_relu", "elu", "sigmoid", "linear"),
    "optimizer": ("adam", "momentum", "sgd"),
    "learning_rate": (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3),
    "batch_size": (8, 16, 32, 64, 1000),
    "epochs": (100, 300, 1000, 3000),
    "seeds": SEEDS,
}
"""The choices of the other controls. A batch of 1000 is all points at once."""

START = {
    "data": "moons",
    "size": 50,
    "label_noise": 0.1,
    "widths": "16-16",
    "activation": "tanh",
    "optimizer": "adam",
    "learning_rate": 0.01,
    "batch_size": 16,
    "epochs": 300,
    "seeds": 20,
}
"""The state of the page as it opens, besides the regularizers, which are off."""

SETS: dict[str, tuple[str, Callable[..., Dataset]]] = {
    "moons": ("two moons", data.moons),
    "circles": ("two circles", data.circles),
    "spirals": ("three spirals", data.spirals),
    "convnetjs_circle": ("disc and ring (ConvNetJS)", data.convnetjs_circle),
    "convnetjs_spiral": ("two spirals (ConvNetJS)", data.convnetjs_spiral),
    "cs231n_strength": ("25 points of CS231n", data.cs231n_strength),
    "cs231n_capacity": ("32 points of CS231n", data.cs231n_capacity),
}
"""The lab's points, by their names: how they are called, and their loader."""

TITLES = {name: title for name, (title, _) in SETS.items()} | {"pasted": "points of your own"}

TRIES = (
    ("Memorize wrong labels", "size=50&label_noise=0.2&widths=32-32&learning_rate=0.01"),
    ("L2 against it", "size=50&label_noise=0.2&widths=32-32&learning_rate=0.01&l2=0.005"),
    ("Dropout against it", "size=50&label_noise=0.2&widths=32-32&learning_rate=0.01&dropout=0.4"),
    ("L2 that is too strong", "data=spirals&widths=32-32&learning_rate=0.01&l2=0.05"),
    ("The luck of the start", "data=circles&size=100&label_noise=0&widths=4&activation=relu&learning_rate=0.03"),
)
"""Examples to begin with: what to see, and the state of the page."""


def settings() -> dict[str, Any]:
    """Return what the page's script needs, ready for JSON: offers, points, wrong labels, quantiles of t, its words."""
    sets = [_set(name, load) for name, (_, load) in SETS.items()]
    sliders = [one for group in REGULARIZERS.values() for one in group]
    counts = {(size, len(one["classes"])) for one in sets for size in _sizes(len(one["train"]["y"]))}
    return {
        "regularizers": [{"name": one.name, "label": one.label, "values": one.values} for one in sliders],
        "choices": CHOICES,
        "start": START,
        "sets": sets,
        "wrong": {f"{size}/{classes}": _wrong(size, classes) for size, classes in sorted(counts)},
        "validation_size": VALIDATION_SIZE,
        "most_classes": MOST_CLASSES,
        # Of the 95 % interval of a mean over n seeds, for n from 2 on.
        "quantiles": [float(f"{scipy.special.stdtrit(n - 1, 0.975):.6g}") for n in range(2, max(SEEDS) + 1)],
        "words": script_words(playground_script(), [one.label for one in sliders]),
    }


def _sizes(count: int) -> list[int]:
    return [*(size for size in TRAIN_SIZES if size < count), count]


def _set(name: str, load: Callable[..., Dataset]) -> dict[str, Any]:
    # All training points in the lab's order: the first n are those of `train_size=n`.
    made = load(validation_size=VALIDATION_SIZE)
    splits = {part: _points(getattr(made, part)) for part in ("train", "validation")}
    return {"name": name, "classes": made.classes, **splits}


def _points(split: Split) -> dict[str, str]:
    """Return a split as short text: float32 in base 64, and one digit per label."""
    return {"x": _encoded(split.x.astype("<f4")), "y": "".join(map(str, split.y))}


def _encoded(numbers: np.ndarray) -> str:
    return base64.b64encode(numbers.tobytes()).decode()


@functools.cache
def _wrong(size: int, classes: int) -> dict[str, str]:
    """Return the order in which labels become wrong as `label_noise` rises, and by how many classes each is off."""
    right = np.zeros(size, np.int32)
    seed = derive(0, "data", "label_noise")
    wrong = [mislabelled(right, share / size, classes, seed) for share in range(size + 1)]
    # A smaller share is wrong inside a larger one, so that each share adds one.
    order = [int(np.flatnonzero(more != fewer)[0]) for fewer, more in itertools.pairwise(wrong)]
    return {"order": _encoded(np.array(order, "<u2")), "shift": "".join(map(str, wrong[-1]))}
