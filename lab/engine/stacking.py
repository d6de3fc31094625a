"""The splits of many runs, and the numbers in which the runs differ, as arrays with a leading axis."""

import dataclasses
import hashlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from lab.data import Split
from lab.data.rows import Rows
from lab.engine import augmentation
from lab.engine.blueprint import Blueprint
from lab.engine.objective import LOSS_NUMBERS
from lab.engine.on_disk import OnDisk
from lab.engine.penalties import Key, is_strength
from lab.engine.task import Task
from lab.regularization import InTraining
from lab.regularization.of_inputs import OfInputs
from lab.seeds import derive
from lab.training.averaging import first_averaged, joining

if TYPE_CHECKING:
    from lab.training import Training

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


def in_training(tasks: Sequence[Task]) -> dict[str, np.ndarray]:
    """Return the fields by which trainings regularize, without those that no run has, each of shape (runs,).

    They are float32; the seeds of gradient noise and of swap noise, "noise_seeds" and "swap_seeds", are int64.
    """
    regularizing = (*dataclasses.fields(InTraining), *dataclasses.fields(OfInputs))
    names = ("label_smoothing", *(field.name for field in regularizing))
    found = {}
    for name in names:
        values = [getattr(task.training, name) for task in tasks]
        if any(values):
            found[name] = np.array([np.inf if value is None else value for value in values], np.float32)
    del found["swa_every"]
    if "lookahead" not in found:
        del found["lookahead_pull"]
    if "swap_noise" in found:
        found["swap_seeds"] = np.array([derive(task.seed, "swap_noise") for task in tasks], np.int64)
    if "gradient_noise" in found:
        found["noise_seeds"] = noise_seeds(tasks)
    return found


def of_epoch(
    numbers: dict[str, np.ndarray], tasks: Sequence[Task], members: np.ndarray, epoch: int
) -> dict[str, tf.Tensor]:
    """Return what `in_training` returned as `Program.epoch` takes it, of some runs.

    Of mixup these are the shares of the epoch's steps, of manifold mixup the places too, of CutMix their boxes
    or columns; of what is done to each example the strengths, and beside them what was drawn.
    """
    found = {name: tf.constant(values[members]) for name, values in numbers.items()}
    if "mixup" in found:
        shares = [task.training.shares(len(task.data.train.y), task.seed, epoch) for task in tasks]
        found["mixup"] = tf.constant(np.stack(shares, 1))
    sizes = [(task.training, task.data.train.x.shape[1:], len(task.data.train.y), task.seed) for task in tasks]
    if "manifold_mixup" in found:
        drawn = [t.mixing(n, seed, epoch) for t, _, n, seed in sizes]
        found["manifold_mixup"] = tf.constant(np.stack(drawn, 1))
    if "cutmix" in found:
        drawn = [augmentation.boxes(t, shape, t.steps(n), seed, epoch) for t, shape, n, seed in sizes]
        found["cutmix"] = tf.constant(np.stack(drawn, 1))
    if "row_cutmix" in found:
        drawn = [augmentation.columns(t, shape, t.steps(n), seed, epoch) for t, shape, n, seed in sizes]
        found["row_cutmix"] = tf.constant(np.stack(drawn, 1))
    for name in augmentation.BY_VISIT:
        if name in found:
            drawn = [augmentation.by_visit(name, t, shape, t.visits(n), seed, epoch) for t, shape, n, seed in sizes]
            found[f"{name}_drawn"] = tf.constant(np.stack(drawn))
    return found


def joining_in(trainings: "Sequence[Training]", epoch: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Return how far the equal averages of runs go towards their weights after an epoch, and whether they have begun.

    Returns:
        float32 and bool, of shape (runs,); 0 and False for runs without an average.
    """
    shares = [joining(t.swa, t.swa_every, t.epochs, epoch) if t.swa else 0.0 for t in trainings]
    begun = [epoch >= first_averaged(t.swa, t.epochs) for t in trainings]
    return tf.constant(shares, tf.float32), tf.constant(begun)


def only_of_the_loss(numbers: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Return what `of_epoch` returned with all off that is done to batches and gradients, whatever the layers."""
    off, kept = {"clip_norm": np.inf, "mixup": 1.0, "manifold_mixup": 1.0}, (*LOSS_NUMBERS, "noise_seeds", "swap_seeds")
    return {
        name: x if name in kept else tf.fill(x.shape, tf.cast(off.get(name, 0.0), x.dtype))
        for name, x in numbers.items()
    }


def noise_seeds(tasks: Sequence[Task]) -> np.ndarray:
    """Return the seeds of the runs' gradient noise, int64 of shape (runs,)."""
    return np.array([derive(task.seed, "gradient_noise") for task in tasks], np.int64)


def per_run(blueprints: Sequence[Blueprint]) -> dict[Key, np.ndarray]:
    """Return the numbers in which the runs may differ, each float32 of shape (runs,).

    Strengths that are 0 for every run are left out, so that a cohort without a penalty does not compute one.
    """
    stacked = {key: np.array([b.per_run[key] for b in blueprints], np.float32) for key in blueprints[0].per_run}
    return {key: values for key, values in stacked.items() if values.any() or not is_strength(key)}
