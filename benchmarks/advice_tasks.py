"""Planted tasks for `benchmarks.advise`: made-up data whose law is known, at two sizes each, with a small net.

Which regularizer helps on them is not known from how they are made. `benchmarks.advice_truth` finds it by brute force.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from lab.data import Dataset, Split
from lab.models import dense, regularized
from lab.regularization import NONE, Regularization
from lab.training import Training

TESTED = 1200
"""The test examples that advice is given."""

FRESH = 100_000
"""The examples on which the truth is measured."""

RARE = 13.05
"""The number subtracted from the logit of the rare class of task "g", so that 2 % of the examples belong to it."""

SIDE = 10
"""The side of an image, in pixels."""

FAMILIES = (
    "L1 penalty",
    "L2 penalty",
    "L2 towards the start",
    "dropout",
    "group lasso on inputs",
    "decoupled weight decay",
    "label smoothing",
)
"""The families that advice and the others choose among; on images also random shifts."""


@dataclass(frozen=True)
class Task:
    """A planted task.

    Args:
        kind: its letter.
        question: what is planted.
        rows: the training examples, small and large; half as many validate.
        inputs: of an example.
        classes: how many.
        widths: of the hidden layers of the net that is trained.
    """

    kind: str
    question: str
    rows: tuple[int, int]
    inputs: int
    classes: int = 3
    widths: tuple[int, ...] = (32,)

    @property
    def families(self) -> tuple[str, ...]:
        """The families that are tried."""
        return (*FAMILIES, "random shifts (crops)") if self.kind == "d" else FAMILIES

    @property
    def model(self) -> Callable:
        """A factory that takes `regularization`."""
        return near_the_truth if self.kind == "f" else functools.partial(dense, widths=self.widths)


TASKS = {
    task.kind: task
    for task in (
        Task("a", "a well-specified model and plenty of data", (600, 1500), 10, widths=(8,)),
        Task("b", "30 % of the labels are wrong", (200, 800), 20),
        Task("c", "200 inputs of which 5 matter", (200, 800), 200),
        Task("d", "shifted images", (200, 800), SIDE * SIDE),
        Task("e", "an underfit model", (600, 1500), 6, widths=(2,)),
        Task("f", "a start near the truth", (100, 400), 20),
        Task("g", "one example in 50 is of the class that matters", (600, 1500), 10, classes=2),
        Task("h", "labels that are pure noise", (200, 800), 20),
        Task("i", "plenty of noiseless data", (800, 2000), 12),
    )
}

TRAINING = Training(epochs=40, patience=8)
"""Of every run, but for its learning rate, which is the middle one of those that are tried first."""


def planted(*, kind: str, rows: int, seed: int = 0) -> Dataset:
    """Return the data of a planted task.

    Args:
        kind: a letter of `TASKS`.
        rows: the training examples.
        seed: of the sample; the law is the same for all.
    """
    count = rows + rows // 2
    x, y = drawn(kind, count + TESTED, seed)
    parts = [(x[:rows], y[:rows]), (x[rows:count], y[rows:count]), (x[count:], y[count:])]
    names = tuple(map(str, range(TASKS[kind].classes)))
    splits = [Split(*part, pool="planted") for part in parts]
    return Dataset(f"planted {kind}", *splits, classes=names, redrawn="data")


def fresh_losses(kind: str, nets: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Return the data loss of each net of one hidden layer on the 100 000 fresh points of a task.

    Args:
        kind: a letter of `TASKS`.
        nets: the weights of each, as `get_weights` returns them: kernel, bias, kernel, bias.
    """
    x, y = _fresh(kind)
    found = np.zeros(len(nets))
    for begin in range(0, len(x), 10_000):
        part, labels = x[begin : begin + 10_000], y[begin : begin + 10_000]
        for i, (hidden, shift, output, offset) in enumerate(nets):
            scores = np.maximum(part @ hidden + shift, 0) @ output + offset
            scores -= scores.max(axis=1, keepdims=True)
            own = np.take_along_axis(scores, labels[:, None], axis=1)[:, 0]
            found[i] += (np.log(np.exp(scores).sum(axis=1)) - own).sum(dtype=np.float64)
    return found / len(x)


@functools.lru_cache(maxsize=1)
def _fresh(kind: str) -> tuple[np.ndarray, np.ndarray]:
    x, y = drawn(kind, FRESH, 2**31)
    return x.reshape(len(x), -1), y


def drawn(kind: str, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return examples of a task with their labels, independent for each seed."""
    random = np.random.default_rng([ord(kind), seed, 1])
    task = TASKS[kind]
    if kind == "d":
        return _images(task, count, random)
    x = random.standard_normal((count, task.inputs)).astype(np.float32)
    if kind == "h":
        return x, random.integers(task.classes, size=count).astype(np.int32)
    if kind == "e":
        waves = np.random.default_rng(ord(kind)).standard_normal((task.inputs, task.classes))
        return x, np.sin(2 * x @ waves).argmax(axis=1).astype(np.int32)
    scores = _scores(task, x)
    noise = {"b": 0.0, "i": 0.0}.get(kind, 1.0)
    y = (scores + noise * random.gumbel(size=scores.shape)).argmax(axis=1)
    if kind == "b":
        wrong = random.random(count) < 0.3
        y[wrong] = (y[wrong] + random.integers(1, task.classes, wrong.sum())) % task.classes
    return x, y.astype(np.int32)


def _images(task: Task, count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return images of noise with the pattern of their class, 5 x 5 pixels somewhere in them."""
    patterns = np.random.default_rng(ord(task.kind)).standard_normal((task.classes, 5, 5))
    y = random.integers(task.classes, size=count).astype(np.int32)
    x = random.standard_normal((count, SIDE, SIDE)).astype(np.float32)
    corners = random.integers(5, size=(count, 2))
    for i, (down, right) in enumerate(corners):
        x[i, down : down + 5, right : right + 5] += patterns[y[i]]
    return x[..., None], y


def _scores(task: Task, x: np.ndarray) -> np.ndarray:
    """Return the logits of the truth: a net of one hidden layer, of the inputs that matter."""
    hidden, output = truth(task)
    scores = np.maximum(x[:, : len(hidden)] @ hidden, 0) @ output
    return scores - np.array([0.0, RARE]) if task.kind == "g" else scores


def truth(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Return the kernels of the truth of a task: inputs that matter to units, units to classes."""
    random = np.random.default_rng(ord(task.kind))
    inputs = 5 if task.kind == "c" else task.inputs
    units = max(task.widths)
    hidden = random.standard_normal((inputs, units)) * np.sqrt(2 / inputs)
    return hidden, random.standard_normal((units, task.classes)) * 3 / np.sqrt(units)


def near_the_truth(
    input_shape: Sequence[int], outputs: int, *, regularization: Regularization = NONE, seed: int = 0
) -> keras.Model:
    """Return the net of task "f" with the weights of the truth and a little noise, as a pretrained one has them."""
    task = TASKS["f"]
    model = dense(input_shape, outputs, widths=task.widths, seed=seed)
    random = np.random.default_rng(0)
    for layer, kernel in zip(("dense_1", "output"), truth(task), strict=True):
        noise = random.standard_normal(kernel.shape) * 0.3 * kernel.std()
        model.get_layer(layer).kernel.assign(kernel + noise)
    return model if regularization == NONE else regularized(model, regularization, seed=seed)
