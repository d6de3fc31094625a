"""The sweeps that are timed: nets, sizes and numbers of runs, on random data of the named shapes."""

import functools
import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lab.data import Dataset, Split
from lab.models import conv, dense
from lab.regularization import NONE, Regularization
from lab.seeds import derive
from lab.training import Training

PENALTIES = (NONE, Regularization(l1=1e-4), Regularization(l2=1e-3), Regularization(l1=5e-5, l2=5e-4))


@dataclass(frozen=True)
class Case:
    """One sweep.

    Args:
        shape: of an example.
        train, validation: the number of examples.
        model: the factory with its architecture bound.
        training: how each run is trained.
        runs: how many: four penalties with the first seed, four with the second, and so on.
        flops: floating-point operations of matrix products and convolutions for one example forward.
        backward: the operations backward as a multiple of `flops`; nothing flows back into the inputs.
    """

    shape: tuple[int, ...]
    train: int
    validation: int
    model: "functools.partial[Any]"
    training: Training
    runs: int
    flops: float
    backward: float

    def work(self) -> float:
        """Return the floating-point operations of the cohort's sweep."""
        measured = min(self.training.measured or self.train, self.train)
        examples = self.train * (1 + self.backward) + measured + self.validation
        return self.runs * self.training.epochs * self.flops * examples


def recurrent(
    shape: tuple[int, ...], outputs: int, *, units: int, regularization: Regularization, seed: int = 0
) -> Any:
    """Return an LSTM over sequences, as a user writes it. It has no rule: each run's own layer is called."""
    import keras

    def kernel(name: str) -> Any:
        return keras.initializers.GlorotUniform(derive(seed, name, "kernel"))

    inputs = keras.Input(shape)
    hidden = keras.layers.LSTM(
        units,
        kernel_initializer=kernel("lstm"),
        recurrent_initializer=keras.initializers.Orthogonal(seed=derive(seed, "lstm", "recurrent")),
        kernel_regularizer=keras.regularizers.L1L2(regularization.l1, regularization.l2),
    )(inputs)
    return keras.Model(inputs, keras.layers.Dense(outputs, kernel_initializer=kernel("output"))(hidden))


def _products(*sizes: float) -> tuple[float, float]:
    """Return `flops` and `backward` of products of these sizes, the first of which is on the inputs."""
    return float(sum(sizes)), (2 * sum(sizes) - sizes[0]) / sum(sizes)


def _dense(*widths: int) -> tuple[float, float]:
    return _products(*(2 * a * b for a, b in itertools.pairwise(widths)))


CASES = {
    "small": Case(
        (784,), 300, 1000, functools.partial(dense, widths=(100,) * 6),
        Training(optimizer="sgd", learning_rate=0.01, batch_size=100, epochs=40), 32,
        *_dense(784, *[100] * 6, 10),
    ),
    "medium": Case(
        (784,), 10_000, 2_000, functools.partial(dense, widths=(256, 256)),
        Training(optimizer="adam", batch_size=128, epochs=5), 16, *_dense(784, 256, 256, 10),
    ),
    "conv": Case(
        (28, 28, 1), 3_000, 1_000,
        functools.partial(
            conv, blocks=((32, 32),), padding=("same", "valid"), widths=(512,), initializer="glorot_uniform"
        ),
        Training(optimizer="adam", batch_size=128, epochs=3), 8,
        *_products(2 * 28 * 28 * 9 * 32, 2 * 26 * 26 * 9 * 32 * 32, 2 * 13 * 13 * 32 * 512, 2 * 512 * 10),
    ),
    "lstm": Case(
        (20, 16), 2_000, 500, functools.partial(recurrent, units=32),
        Training(optimizer="adam", batch_size=100, epochs=5), 8,
        *_products(20 * 2 * 16 * 4 * 32, 20 * 2 * 32 * 4 * 32, 2 * 32 * 10),
    ),
}  # fmt: skip
"""The sweeps by name. "lstm" has a layer without a rule, which cohorts unroll."""

CASES["medium_part"] = replace(CASES["medium"], training=replace(CASES["medium"].training, measured=2_000))
"""The engines measure as many training examples as there are validation examples; a `fit` loop measures none anyway."""


def data(case: Case) -> Dataset:
    """Return random inputs whose labels can be learned in part."""
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(10, *case.shape))

    def split(n: int) -> Split:
        y = generator.integers(0, 10, n).astype(np.int32)
        x = 0.3 * centres[y] + generator.normal(size=(n, *case.shape))
        return Split(x.astype(np.float32), y)

    return Dataset("random", split(case.train), split(case.validation), split(100), tuple("0123456789"))


def configurations(case: Case) -> list[tuple[Regularization, int]]:
    """Return the runs: every penalty with a seed before the next seed."""
    return [(PENALTIES[i % len(PENALTIES)], i // len(PENALTIES)) for i in range(case.runs)]
