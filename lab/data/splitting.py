"""Cutting one pool of examples into three splits, in proportion, from one data seed.

A split is the beginning of a random ordering in which every beginning has all classes in proportion, so a smaller
training split lies inside a larger one. Each ordering has a seed of its own, so that neither `train_size` nor
`label_noise` moves an example of the validation or the test split. Where groups or times decide, `groups_and_time`
cuts the validation and the test split instead; only the training split is then the beginning of an ordering. And
where the data are cut into folds, `folds` says which rows a fold tests.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from lab.checks import UsageError, number, shown, whole
from lab.data.dataset import SPLITS, WORDS, Dataset, Split, distinct
from lab.data.every_class import check_cut, check_part
from lab.data.folds import Fold, check_rows, checked_fold, refuse_unfit, rows_of_fold
from lab.data.groups_and_time import Together
from lab.data.overlap import refuse_overlap
from lab.data.preprocessing import Preprocessing
from lab.data.standardization import Standardization
from lab.data.weights import Weighting
from lab.seeds import derive

# By default a fifth of the data is cut for validation and another for the test, each of at most so many examples.
MOST = 10_000

Pair = tuple[np.ndarray, np.ndarray]
# The statistics of the training split, and the function that makes features of the examples of any split with them.
Fitted = tuple[Preprocessing | Standardization, Callable[[np.ndarray], np.ndarray]]


def ordering(y: np.ndarray, seed: int, reserve: int = 0) -> np.ndarray:
    """Return the examples in a random order of which every beginning is stratified.

    The r-th example (from 0) of a class of n is put at r / n, ties at random: this is Adams's method of
    apportionment, which gives every class its first place before any class a second one and is then proportional.

    Args:
        y: the class of each example, int of shape (n,). Numbers (float), and several classes per example (of shape
            (n, k)), are ordered at random.
        seed: decides the order.
        reserve: how many examples of each class are put to the end, to be left over by a cut.

    Returns:
        Indices into y, of shape (n,).
    """
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(y))
    if y.dtype.kind == "f" or y.ndim == 2:
        return shuffled
    grouped = shuffled[np.argsort(y[shuffled], kind="stable")]
    counts = np.bincount(y)
    rank = np.arange(len(y)) - (np.cumsum(counts) - counts)[y[grouped]]
    size = counts[y[grouped]]
    place = rank / size + (rank >= size - reserve)
    return grouped[np.lexsort((generator.random(len(y)), place))]


def mislabelled(y: np.ndarray, share: float, classes: int, seed: int) -> np.ndarray:
    """Return a copy of the labels of which a share is wrong: replaced by another class, all equally likely.

    Args:
        y: int32 of shape (n,), with values from 0 to classes - 1.
        share: in [0, 1]; exactly the nearest whole number of labels is wrong.
        classes: how many there are, at least 2.
        seed: decides which ones; the wrong labels of a smaller share are among those of a larger one.

    Reference: Zhang et al. 2017, who let the random class be the right one by chance; here the share is exact.
    """
    generator = np.random.default_rng(seed)
    wrong = generator.permutation(len(y))[: int(share * len(y) + 0.5)]
    shift = generator.integers(1, classes, len(y), dtype=np.int32)
    noisy = y.copy()
    noisy[wrong] = (noisy[wrong] + shift[wrong]) % classes
    return noisy


@dataclass(frozen=True)
class Cut:
    """The sizes, the label noise and the seed of a cut: the arguments that all loaders share (see `lab.data`).

    Where it is of a fold, (place, folds), the test split is that part of the data; see `lab.data.folds`.

    Raises:
        UsageError: a value outside its range, by name.
    """

    train_size: int | None = None
    validation_size: int | None = None
    test_size: int | None = None
    label_noise: float = 0.0
    seed: int = 0
    fold: Fold | None = None

    def __post_init__(self) -> None:
        def store(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        for part in SPLITS:
            name = f"{part}_size"
            if getattr(self, name) is not None:
                store(name, whole(name, getattr(self, name), f"the number of {WORDS[part]} examples"))
        store("label_noise", number("label_noise", self.label_noise, "the share of wrong training labels", high=1))
        store("seed", whole("seed", self.seed, "the data seed", low=0))
        if self.fold is not None:
            store("fold", checked_fold(self.fold))

    def dataset(
        self,
        name: str,
        train: Pair,
        *,
        validation: Pair | None = None,
        test: Pair | None = None,
        classes: tuple[str, ...] | None,
        ready: Callable[[np.ndarray], np.ndarray] | None = None,
        fit: Callable[[np.ndarray], Fitted] | None = None,
        scale_target: bool = False,
        together: Together | None = None,
        weighting: Weighting | None = None,
    ) -> Dataset:
        """Cut the splits.

        Args:
            name: of the dataset.
            train: x and y of the training part, from which the splits that are None are cut.
            validation, test: x and y of the data's own splits.
            classes: names of the classes, or None where y holds numbers.
            ready: turns the examples that were chosen into float32; None where they are.
            fit: is given the examples of the training split; what it returns makes the features of all splits.
            scale_target: whether numbers to be predicted get mean 0 and standard deviation 1 over the training split.
            together: the examples that are not to be parted.
            weighting: of the training examples; None weights them alike.

        Raises:
            UsageError: a size that the data cannot give; label noise where the labels are numbers; a fold of data
                that have splits of their own, or are cut by time.
            DataError: what `Dataset` refuses; a class that is missing from a split or too small to be in all.
        """
        if classes is None and self.label_noise:
            raise UsageError(
                f"label_noise must be 0 where the labels are numbers (it is the share of training labels that are "
                f"replaced by other classes), got {self.label_noise:g}"
            )
        if train[1].dtype.kind == "i" and train[1].ndim == 2 and self.label_noise:
            raise UsageError(
                f"label_noise must be 0 where an example may have several classes (it is the share of training labels "
                f"that are replaced by another class), got {self.label_noise:g}"
            )
        if classes is not None:
            classes = distinct(name, classes)
        # Only where an example has one class can splits have all of them in proportion.
        strata = classes if train[1].ndim == 1 else None
        own = {"train": train, "validation": validation, "test": test}
        whole_parts = {part: pair for part, pair in own.items() if pair is not None}
        if self.fold is not None:
            refuse_unfit(name, len(whole_parts) > 1, self.test_size, together)
            check_rows(name, train[1], strata, self.fold[1])
        for part, (_, y) in whole_parts.items():
            check_part(name, part, y, strata, 1 + list(own.values()).count(None) if part == "train" else 1)

        # Before the cut, which could hide that a split was taken out of the training part.
        if len(whole_parts) > 1:
            refuse_overlap(name, {WORDS[part]: x for part, (x, _) in whole_parts.items()})
            if together is not None:
                together.refuse_given(name)

        x, y = train
        rows = np.arange(len(y))
        default = max(min(len(y) // 5, MOST), len(strata or ("any",)))
        parts: dict[str, Pair] = {}
        learned = len(y)
        for part, left in (("test", 2 if validation is None else 1), ("validation", 1)):
            if part == "test" and self.fold is not None:
                chosen, rows = self._fold(name, y, strata, self.fold, together)
                # Only folds of one size train together, so one that tests a row less leaves a row out.
                learned = len(rows) if together else len(y) - -(-len(y) // self.fold[1])
            elif own[part] is None:
                chosen, rows = self._take(name, part, y[rows], strata, left, default, rows, together)
                learned -= len(chosen)
            else:
                continue
            parts[part] = x[chosen], y[chosen]
        whole_parts["train"] = x[rows], y[rows]
        for part, (x, y) in whole_parts.items():
            most = learned if part == "train" else len(y)
            chosen, _ = self._take(name, part, y, strata, 0, most, np.arange(len(y)))
            parts[part] = x[chosen], y[chosen]
            if part == "train":
                rows = rows[chosen]

        if ready is not None:
            parts = {part: (ready(np.asarray(x)), y) for part, (x, y) in parts.items()}
        preprocessing, target = None, None
        if fit is not None:
            preprocessing, transform = fit(np.asarray(parts["train"][0]))
            parts = {part: (transform(np.asarray(x)), y) for part, (x, y) in parts.items()}
        if scale_target:
            target = Standardization.fit(parts["train"][1])
            parts = {part: (x, target.apply(y)) for part, (x, y) in parts.items()}
        if classes is not None and self.label_noise:
            x, y = parts["train"]
            seed = derive(self.seed, "data", "label_noise")
            parts["train"] = x, mislabelled(y, self.label_noise, len(classes), seed)
        pool = object()
        weights = {"train": weighting.weights(rows, parts["train"][1], classes)} if weighting is not None else {}
        done = [Split(*parts[part], pool=pool, weight=weights.get(part)) for part in SPLITS]
        return Dataset(name, done[0], done[1], done[2], classes, preprocessing, target, redrawn=self._redrawn(own))

    def _redrawn(self, own: Mapping[str, Pair | None]) -> str:
        """Return what another data seed draws anew, as `Dataset.redrawn`."""
        if own["test"] is None or self.test_size is not None:
            return "splits"
        changes = own["validation"] is None or self.train_size or self.validation_size or self.label_noise
        return "training split" if changes else "nothing"

    def _fold(
        self,
        name: str,
        y: np.ndarray,
        classes: tuple[str, ...] | None,
        fold: Fold,
        together: Together | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows that a fold tests, and the others."""
        chosen = rows_of_fold(name, y, fold, self.seed, None if together is None else together.keys["train"])
        if together is not None:
            check_cut(name, "test", y[chosen], classes, together.by)
            check_cut(name, "train", y[~chosen], classes, together.by)
        return np.flatnonzero(chosen), np.flatnonzero(~chosen)

    def _take(
        self,
        name: str,
        part: str,
        y: np.ndarray,
        classes: tuple[str, ...] | None,
        left: int,
        default: int,
        rows: np.ndarray,
        together: Together | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of a split, and the rows that are left: at least `left` of each class."""
        size = self._size(name, part, y, classes, left, default)
        if together is not None:
            chosen = together.chosen(rows, y, size, left, derive(self.seed, "data", part), name)
            for which, labels in ((part, y[chosen]), ("train", y[~chosen])):
                check_cut(name, which, labels, classes, together.by)
            return rows[chosen], rows[~chosen]
        order = ordering(y, derive(self.seed, "data", part), left)
        return rows[order[:size]], rows[order[size:]]

    def _size(
        self, name: str, part: str, y: np.ndarray, classes: tuple[str, ...] | None, left: int, default: int
    ) -> int:
        """Return the size of a split, or refuse one that the data cannot give."""
        least, most = (1, len(y) - left) if classes is None else (len(classes), len(y) - left * len(classes))
        size = getattr(self, f"{part}_size")
        if size is None:
            # A default never takes more than it leaves.
            size = max(least, min(default, len(y) // 2)) if left else default
        if not least <= size <= most:
            why = "as every class needs one" if size < least else f"which is what {name} has for it"
            bound = f"at least {least}" if size < least else f"at most {most}"
            # A script's own size may be bound where the user gives data of another size.
            option = "" if part == "test" else f"; --{part}-size sets it on the command line"
            raise UsageError(
                f"{part}_size must be {bound}, {why} (it is the number of {WORDS[part]} examples), "
                f"got {shown(size)}{option}"
            )
        return size
