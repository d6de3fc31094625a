"""What several test files need: TensorFlow without its chatter, and a small data set."""

import gc
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

from lab.data import Dataset, Split
from lab.experiment import Experiment, Variant
from lab.plan import plan
from lab.training import Training
from tests.browser import browser as browser
from tests.browser import opened as opened
from tests.playground import played as played
from tests.playground import playground_file as playground_file
from tests.playground import playground_tab as playground_tab


def pytest_collection_finish() -> None:
    """Spare the collector of cycles the objects of TensorFlow and of all tests, which stay to the end.

    Keras asks it for a full search before each training, which took a fifth of the time of a small one.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture
def blobs() -> Dataset:
    """Three overlapping clouds in the plane: 40 training, 30 validation and 30 test points."""
    generator = np.random.default_rng(7)

    def split(n: int) -> Split:
        y = np.arange(n, dtype=np.int32) % 3
        x = generator.normal(size=(n, 2)) + 1.5 * np.stack([y == 1, y == 2], axis=1)
        return Split(x.astype(np.float32), y)

    return Dataset("blobs", split(40), split(30), split(30), ("a", "b", "c"))


@pytest.fixture
def build(blobs, monkeypatch):
    """Return a function that returns the tasks of factories on three blobs."""
    monkeypatch.setattr("lab.plan.declare", lambda value, role, **_: role)  # a lambda has no identity

    def made(*factories, seeds=(0,), **training):
        training = {"epochs": 2} | training
        variants = {
            f"v{i}": Variant(data=lambda: blobs, model=factory, training=Training(**training))
            for i, factory in enumerate(factories)
        }
        found = plan(Experiment(name="x", variants=variants, baseline="v0", seeds=seeds))
        return [run.task for run in found]

    return made
