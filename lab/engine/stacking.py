"""Many runs as arrays with a leading axis: the splits, and the numbers in which the runs differ."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from lab.engine.blueprint import Blueprint


@dataclass(frozen=True)
class Table:
    """One array of each run, with those that are equal kept once.

    Args:
        values: a tensor of shape (distinct, examples, ...).
        rows: which of the distinct arrays each run has, int32 of shape (runs,).
    """

    values: tf.Tensor
    rows: np.ndarray

    @property
    def shared(self) -> bool:
        """Whether all runs have the same array."""
        return self.values.shape[0] == 1


@dataclass(frozen=True)
class Splits:
    """A split of each run: examples and labels, stacked apart, since label noise changes the labels alone."""

    x: Table
    y: Table

    @property
    def examples(self) -> int:
        """How many examples a run has."""
        return int(self.x.values.shape[1])


def table(arrays: Sequence[np.ndarray]) -> Table:
    """Stack the runs' arrays, each distinct one once."""
    known: dict[int, int] = {}
    digests: dict[bytes, int] = {}
    distinct: list[np.ndarray] = []
    rows = []
    for array in arrays:
        if id(array) not in known:
            digest = hashlib.blake2b(np.ascontiguousarray(array).data).digest()
            if digest not in digests:
                digests[digest] = len(distinct)
                distinct.append(array)
            known[id(array)] = digests[digest]
        rows.append(known[id(array)])
    whole = distinct[0][None] if len(distinct) == 1 else np.stack(distinct)
    return Table(tf.constant(whole), np.array(rows, np.int32))


def numbers(blueprints: Sequence[Blueprint]) -> dict[str, np.ndarray]:
    """Return the numbers in which the runs may differ, each float32 of shape (runs,).

    Strengths that are 0 for every run are left out, so that a cohort without a penalty does not compute one.
    """
    stacked = {name: np.array([b.numbers[name] for b in blueprints], np.float32) for name in blueprints[0].numbers}
    return {name: values for name, values in stacked.items() if values.any() or not name.endswith((".l1", ".l2"))}


def spans(numbers: dict[str, np.ndarray], slots: np.ndarray) -> dict[str, slice]:
    """Return for each penalty's strength, between which of the `slots` it is not 0; those that are 0 are left out."""
    found = {}
    for name, values in numbers.items():
        places = np.flatnonzero(values[slots])
        if name.endswith((".l1", ".l2")) and len(places):
            found[name] = slice(int(places[0]), int(places[-1]) + 1)
    return found


def by_penalty(blueprint: Blueprint) -> int:
    """Return a key that sorts runs so that those with an L1 penalty stand together, and those with an L2 penalty."""
    l1, l2 = (any(value for name, value in blueprint.numbers.items() if name.endswith(kind)) for kind in (".l1", ".l2"))
    return 2 if l1 and l2 else 1 if l1 else 3 if l2 else 0
