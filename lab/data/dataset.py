"""The value that loaders return: three splits that can be trusted, with a fingerprint of their content."""

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from lab.checks import DataError, choice, whole
from lab.data.overlap import refuse_overlap
from lab.data.preprocessing import Preprocessing
from lab.data.rows import Rows, pieces
from lab.data.standardization import Standardization

SPLITS = ("train", "validation", "test")
REDRAWN = ("nothing", "training split", "splits", "data")
WORDS = {"train": "training", "validation": "validation", "test": "test"}


def _locked(array: np.ndarray) -> np.ndarray:
    # A view, so that the caller's own array stays writable.
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


LOOKED_AT = 1_000
"""The examples that are looked at to see whether they are pixels from 0 to 1."""


@dataclass(frozen=True, eq=False)
class Split:
    """Examples with their labels. The arrays are read-only: many runs share them.

    Args:
        x: float32 of shape (n, ...): an array, or `lab.data.rows.Rows`, which are indexed like one, where the examples
            stay on the disk.
        y: the class of each example, int32 of shape (n,); or numbers, float32 of shape (n, k); or, where an example may
            have several classes, 1 for those it has and else 0, int32 of shape (n, k).
        weight: how much each example counts in what is minimized, float32 of shape (n,); None weights all alike. Only
            the training split is weighted, and no loss that is reported.
        pool: marks splits that were cut from one pool, each example once. They are known to be disjoint, even where
            the pool repeats itself.
    """

    x: np.ndarray
    y: np.ndarray
    pool: object = field(default=None, repr=False)
    weight: np.ndarray | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "x", self.x if isinstance(self.x, Rows) else _locked(self.x))
        object.__setattr__(self, "y", _locked(self.y))
        if self.weight is not None:
            object.__setattr__(self, "weight", _locked(self.weight))

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class Backbone:
    """The frozen net that made the features of a dataset; see `lab.data.features`.

    Args:
        file: the name of its .keras file, without the folder.
        content: a hash of the file's bytes.
        layer: the layer whose output the features are; None for the last but the output layer.
        of: the fingerprint of the dataset that they were made of.
    """

    file: str
    content: str
    layer: str | None
    of: str


@dataclass(frozen=True, eq=False)
class Dataset:
    """Three disjoint splits of one data set.

    Training examples are learned from, validation examples decide which epoch is kept, test examples are looked
    at once. A dataset that breaks a rule cannot be made, so whatever takes one need not ask again.

    Args:
        name: what the data are called in messages.
        train, validation, test: the splits.
        classes: the names of the classes in the order of their numbers, or None where the labels are numbers.
        preprocessing: how features were made of what the loader read, fitted on the training split; None where the
            examples are as they were read.
        target: the mean and the deviation by which numbers to be predicted were scaled; None if they were not. A
            prediction p of a model is `p * target.deviation + target.mean`, a squared error is in units of
            `target.deviation ** 2`.
        backbone: the frozen net that made the examples of what the loader read; None where there is none.
        redrawn: what another data seed draws anew: "nothing" (it changes the order at most); the "training split"
            (with its validation split and wrong labels), while the test split is the data's own; all "splits", from
            the same examples; or the "data", which follow from a formula. It says what a comparison over data seeds
            generalizes over, and is no part of the fingerprint.
        test_parts: into how many parts the test examples are divided by chance, in which classes keep their shares; the
            loss of a run is reported at each of them, see `lab.statistics.crossed`. All data seeds must have the same
            test split. None reports none.

    Raises:
        DataError: an empty split, wrong types or shapes, NaN or infinity, fewer than two classes, labels that are
            none of them; splits that share more examples than chance explains (see `lab.data.overlap`). (That every
            split has every class is the loaders' rule: see `lab.data.splitting`.)
    """

    name: str
    train: Split
    validation: Split
    test: Split
    classes: tuple[str, ...] | None
    preprocessing: Preprocessing | Standardization | None = field(default=None, repr=False)
    target: Standardization | None = field(default=None, repr=False)
    backbone: Backbone | None = field(default=None, repr=False)
    redrawn: str = field(default="splits", repr=False)
    test_parts: int | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        choice("redrawn", self.redrawn, REDRAWN)
        if self.test_parts is not None:
            whole("test_parts", self.test_parts, "one test example or more for each", low=2, high=len(self.test))
            choice("redrawn", self.redrawn, REDRAWN[:2])
        if self.classes is not None:
            object.__setattr__(self, "classes", distinct(self.name, self.classes))
        for part in SPLITS:
            self._check(getattr(self, part), f"the {WORDS[part]} split of {self.name}")
        pools = {getattr(self, part).pool for part in SPLITS}
        if len(pools) > 1 or None in pools:
            refuse_overlap(self.name, {WORDS[part]: getattr(self, part).x for part in SPLITS})

    def _check(self, split: Split, where: str) -> None:
        x, y = split.x, split.y
        if len(x) != len(y):
            raise DataError(f"{where} has {len(x)} examples and {len(y)} labels; give each example one label")
        if len(y) == 0:
            raise DataError(f"{where} is empty; every split needs examples")
        if x.dtype != np.float32 or x.ndim < 2:
            raise DataError(
                f"x of {where} must be float32 of shape (n, ...), got {x.dtype} of shape {x.shape}; "
                f"lab.data.from_arrays converts"
            )
        if x.shape[1:] != self.input_shape:
            raise DataError(
                f"{where} has examples of shape {x.shape[1:]} and the training split has {self.input_shape}; "
                f"all splits need one shape"
            )
        finite(x, f"x of {where}")
        self._check_weight(split, where)
        if self.classes is None:
            if y.dtype != np.float32 or y.ndim != 2 or y.shape[1:] != self.train.y.shape[1:]:
                raise DataError(
                    f"y of {where} must be float32 of one shape (n, k) where the labels are numbers, got {y.dtype} of "
                    f"shape {y.shape}; lab.data.from_arrays converts"
                )
            finite(y, f"y of {where}")
            if split is self.train and len(y) > 1 and (y == y[0]).all():
                raise DataError(f"{where} has one number only to predict; telling examples apart takes different ones")
            return
        if y.dtype == np.int32 and y.ndim == 2 and self.several:
            if y.shape[1] != len(self.classes) or y.min() < 0 or y.max() > 1:
                raise DataError(
                    f"y of {where} must hold 0 or 1 for each of the {len(self.classes)} classes where an example may "
                    f"have several, got values from {y.min()} to {y.max()} for {y.shape[1]}"
                )
            return
        if y.dtype != np.int32 or y.ndim != 1:
            raise DataError(
                f"y of {where} must be int32 of shape (n,) where the labels are classes, got {y.dtype} of shape "
                f"{y.shape}; lab.data.from_arrays converts"
            )
        if y.min() < 0 or y.max() >= len(self.classes):
            wrong = y[(y < 0) | (y >= len(self.classes))][0]
            raise DataError(f"y of {where} must hold classes from 0 to {len(self.classes) - 1}, got {wrong}")

    def _check_weight(self, split: Split, where: str) -> None:
        weight = split.weight
        if weight is None:
            return
        if split is not self.train:
            raise DataError(f"{where} must have no weights, as it is measured and not learned from; leave them out")
        if weight.dtype != np.float32 or weight.shape != (len(split),) or not (weight >= 0).all():
            raise DataError(
                f"weight of {where} must be float32 of shape ({len(split)},) and at least 0, got {weight.dtype} of "
                f"shape {weight.shape}; sample_weight of the loaders converts"
            )
        finite(weight, f"weight of {where}")

    @property
    def several(self) -> bool:
        """Whether an example may have several classes, or none."""
        return self.classes is not None and self.train.y.ndim == 2

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one example, as a factory of `lab.models` takes it."""
        return self.train.x.shape[1:]

    @cached_property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that are equal exactly if the arrays and the names of the classes are equal.

        It goes into a run's identity: blake2b over type, shape and bytes of the six arrays, and of the weights if
        there are any, and over the number of test parts if there is one. For features, whose last bits depend on the
        machine, it is that of the data of which a backbone made them, with the hash of its file and its layer.
        """
        digest = hashlib.blake2b(digest_size=16)
        if self.test_parts is not None:
            digest.update(f"test_parts {self.test_parts}".encode())
        if self.backbone is not None:
            digest.update(json.dumps([self.backbone.content, self.backbone.layer, self.backbone.of]).encode())
            return digest.hexdigest()
        digest.update(json.dumps(self.classes).encode())
        for part in SPLITS:
            split = getattr(self, part)
            update(digest, split.x)
            update(digest, split.y)
            if split.weight is not None:
                update(digest, split.weight)
        return digest.hexdigest()

    @cached_property
    def part_of_test(self) -> np.ndarray | None:
        """The part of each test example, from 0; None where the test split has no parts."""
        if self.test_parts is None:
            return None
        order, y = np.random.default_rng(0).permutation(len(self.test)), self.test.y
        if self.classes is not None and not self.several:
            order = order[np.argsort(y[order], kind="stable")]
        part = np.empty(len(order), np.int64)
        part[order] = np.arange(len(order)) % self.test_parts
        return part


def update(digest: "hashlib.blake2b", array: np.ndarray | Rows) -> None:
    """Add type, shape and bytes of an array to a digest, the same on machines of either byte order."""
    little = array.dtype.newbyteorder("<")
    digest.update(f"{little.str} {array.shape} ".encode())
    for piece in pieces(array):
        digest.update(np.ascontiguousarray(piece, little).tobytes())


def distinct(name: str, classes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the classes as a tuple of at least two different texts, or refuse them."""
    classes = tuple(classes)
    if not all(isinstance(one, str) for one in classes) or len(set(classes)) < len(classes):
        raise DataError(f"the names of the classes of {name} must be different texts, got {classes!r}")
    if len(classes) < 2:
        has = f"one class only, {classes[0]!r}" if classes else "no class"
        raise DataError(f"{name} has {has}; telling classes apart takes at least two")
    return classes


def finite(array: np.ndarray | Rows, where: str) -> None:
    """Refuse NaN and infinity; the refusal counts them and gives the place of the first."""
    nan, infinite, start, first = 0, 0, 0, None
    for piece in pieces(array):
        bad = ~np.isfinite(piece)
        if bad.any():
            found = int(np.isnan(piece).sum())
            nan, infinite = nan + found, infinite + int(bad.sum()) - found
            place = [int(i) for i in np.argwhere(bad)[0]]
            first = first or [place[0] + start, *place[1:]]
        start += len(piece)
    if first is not None:
        raise DataError(
            f"{where} must hold finite float32 numbers and holds {nan} NaN and {infinite} infinite or too large ones, "
            f"the first at {first}; fill or remove them"
        )


def extremes(split: Split) -> tuple[float, float]:
    """Return the smallest and the largest number of a split's first examples, which tell pixels from 0 to 1."""
    some = np.asarray(split.x[:LOOKED_AT])
    return float(some.min()), float(some.max())
