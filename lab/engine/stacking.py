"""The splits of many runs, and the numbers in which the runs differ, as arrays with a leading axis."""

import hashlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from lab.data import Split
from lab.data.rows import Rows
from lab.engine.blueprint import Blueprint
from lab.engine.on_disk import OnDisk
from lab.engine.penalties import Key, is_strength

MOST_EXAMPLES = 2**31 - 1
"""The most examples of all distinct arrays together: their places are int32."""


@dataclass(frozen=True)
class Table:
    """One array of each run, with those that are equal kept once.

    Args:
        values: a tensor of shape (distinct, examples, ...); examples that stay on the disk are read like one.
        rows: which of the distinct arrays each run has, int32 of shape (runs,).
    """

    values: tf.Tensor | OnDisk
    rows: np.ndarray


@dataclass(frozen=True)
class Splits:
    """A split of each run. Examples, labels and weights are stacked apart, as label noise changes only the labels."""

    x: Table
    y: Table
    weight: Table | None = None

    @property
    def examples(self) -> int:
        """The number of examples of a run."""
        return int(self.x.values.shape[1])

    @property
    def tables(self) -> list[Table]:
        """The tables that a step of training reads: examples, labels and, if there are any, weights."""
        return [self.x, self.y] if self.weight is None else [self.x, self.y, self.weight]


def part(split: Splits, examples: np.ndarray | None) -> Splits:
    """Return some examples of a split, the same of each run, int32 of shape (some,); None returns all of them."""
    if examples is None:
        return split
    x, y = (Table(_part(table.values, examples), table.rows) for table in (split.x, split.y))
    return Splits(x, y)


def _part(values: tf.Tensor | OnDisk, examples: np.ndarray) -> tf.Tensor | OnDisk:
    return values.part(examples) if isinstance(values, OnDisk) else tf.gather(values, examples, axis=1)


def by_size(splits: Sequence[Split]) -> list[tuple[np.ndarray, Splits]]:
    """Return the splits of runs that may differ in size, those of one size together.

    Returns:
        For each size which runs have a split of it, bool of shape (runs,), and the splits; to the other runs these give
        the first of them, which they do not look at.
    """
    sizes = np.array([len(split) for split in splits])
    found = []
    for size in np.unique(sizes):
        own = sizes == size
        first = splits[int(own.argmax())]
        filled = [split if has else first for split, has in zip(splits, own, strict=True)]
        found.append((own, Splits(table([split.x for split in filled]), table([split.y for split in filled]))))
    return found


def table(arrays: Sequence[np.ndarray | Rows]) -> Table:
    """Stack the runs' arrays, each distinct one once.

    Raises:
        MemoryError: more examples than can be numbered.
    """
    known: dict[int, int] = {}
    keys: dict[Hashable, int] = {}
    distinct: list[np.ndarray | Rows] = []
    rows = []
    for array in arrays:
        if id(array) not in known:
            key = _key(array)
            if key not in keys:
                keys[key] = len(distinct)
                distinct.append(array)
            known[id(array)] = keys[key]
        rows.append(known[id(array)])
    if len(distinct) * len(distinct[0]) > MOST_EXAMPLES:
        raise MemoryError(f"{len(distinct)} arrays of {len(distinct[0])} examples; a cohort numbers {MOST_EXAMPLES}")
    if any(isinstance(array, Rows) for array in distinct):
        return Table(OnDisk(tuple(distinct)), np.array(rows, np.int32))
    whole = np.asarray(distinct[0])[None] if len(distinct) == 1 else np.stack([np.asarray(one) for one in distinct])
    return Table(tf.constant(whole), np.array(rows, np.int32))


def _key(array: np.ndarray | Rows) -> Hashable:
    """Return what is equal for equal arrays; of examples on the disk, for the same rows of one file."""
    return array.key if isinstance(array, Rows) else hashlib.blake2b(np.ascontiguousarray(array).data).digest()


def per_run(blueprints: Sequence[Blueprint]) -> dict[Key, np.ndarray]:
    """Return the numbers in which the runs may differ, each float32 of shape (runs,).

    Strengths that are 0 for every run are left out, so that a cohort without a penalty does not compute one.
    """
    stacked = {key: np.array([b.per_run[key] for b in blueprints], np.float32) for key in blueprints[0].per_run}
    return {key: values for key, values in stacked.items() if values.any() or not is_strength(key)}
