"""Cuts that keep together what belongs together: the rows of one group, and the rows before a moment.

Rows of one patient, user or machine resemble each other, so a model that saw some of them is not tested by the rest.
And a model that is to look ahead must not be trained on what came later.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from lab.checks import DataError, UsageError, shown
from lab.data.columns import count


@dataclass(frozen=True, eq=False)
class Together:
    """The rows that a cut keeps together.

    Args:
        by: "group" or "time".
        keys: the group (anything that can be sorted) or the time (a number) of each row, by the name of the part of
            the data: "train", from which splits are cut, and "validation" and "test" where these are given.
    """

    by: str
    keys: Mapping[str, np.ndarray]

    def chosen(self, rows: np.ndarray, y: np.ndarray, size: int, left: int, seed: int, name: str) -> np.ndarray:
        """Return which of some rows of the training part make a split: see `whole_groups` and `latest`."""
        keys = self.keys["train"][rows]
        return latest(keys, size, left, name) if self.by == "time" else whole_groups(keys, y, size, left, seed, name)

    def refuse_given(self, name: str) -> None:
        """Refuse given splits that share a group, or do not follow each other in time."""
        if self.by == "group":
            _refuse_shared(name, self.keys)
        elif set(self.keys) == {"train", "validation"}:
            raise UsageError(
                "validation must be given together with test, or left out, where time is given (the test split comes "
                "last), got no test"
            )
        else:
            _refuse_unordered(name, self.keys)


def refuse_both(group: object, time: object) -> None:
    """Refuse a group and a time that are both given to a loader."""
    if group is not None and time is not None:
        raise UsageError("group and time must not both be given (a cut follows one of them), got both; leave out one")


def whole_groups(groups: np.ndarray, y: np.ndarray, size: int, left: int, seed: int, name: str) -> np.ndarray:
    """Return which rows are chosen: whole groups, about `size` rows, with the classes about in proportion.

    The groups come in a random order, and each is taken that brings the number of rows of each class nearer to its
    share of `size`.

    Args:
        groups: the group of each row, of shape (n,).
        y: the class of each row, int of shape (n,); otherwise only the number of rows counts.
        size: how many rows are asked for.
        left: the least number of groups that are not chosen.
        seed: decides the order.
        name: of the data, for refusals.

    Returns:
        bool of shape (n,).
    """
    names, codes = np.unique(groups, return_inverse=True)
    if len(names) <= left:
        raise DataError(
            f"group must tell at least {left + 1} groups of {name} apart, one for each split that is cut, got "
            f"{shown(names.tolist())}; leave group out"
        )
    classes = y if y.dtype.kind == "i" and y.ndim == 1 else np.zeros(len(y), int)
    counts = np.zeros((len(names), classes.max() + 1))
    np.add.at(counts, (codes, classes), 1)
    goal = counts.sum(axis=0) * size / len(y)
    chosen: list[int] = []
    held = np.zeros(len(goal))
    order = np.random.default_rng(seed).permutation(len(names))
    for one in order:
        if len(chosen) < len(names) - left and _off(held + counts[one], goal) < _off(held, goal):
            chosen.append(one)
            held += counts[one]
    if not chosen:
        # No group brings the split nearer to its goal, as where each has over twice the rows that are asked for.
        chosen = [min(order, key=lambda one: _off(counts[one], goal))]
    return np.isin(codes, chosen)


def _off(held: np.ndarray, goal: np.ndarray) -> float:
    """Return how far the numbers of rows of each class are from their goals."""
    # As in a chi-squared test, so that a small class counts as much as a large one.
    return float((np.square(held - goal) / goal).sum())


def latest(times: np.ndarray, size: int, left: int, name: str) -> np.ndarray:
    """Return which rows are chosen: the latest, about `size` of them; rows of one time stay together.

    Args:
        times: of each row, numbers of shape (n,).
        size: how many rows are asked for; the border nearest to it is taken.
        left: the least number of different times before the border.
        name: of the data, for refusals.

    Returns:
        bool of shape (n,).
    """
    different, counts = np.unique(times, return_counts=True)
    if len(different) <= left:
        raise DataError(
            f"time must tell at least {left + 1} times of {name} apart, one for each split that is cut, got "
            f"{shown(different.tolist())}; leave time out"
        )
    later = np.cumsum(counts[::-1])[::-1]
    border = left + int(np.abs(later[left:] - size).argmin())
    return times >= different[border]


def _refuse_shared(name: str, groups: Mapping[str, np.ndarray]) -> None:
    for one, other in combinations(groups, 2):
        shared = np.intersect1d(groups[one], groups[other])
        if len(shared):
            raise DataError(
                f"group of {name} must not be in two splits, and {count(len(shared), 'group')} of {one} "
                f"{'is' if len(shared) == 1 else 'are'} in {other} too, the first {shared.tolist()[0]!r}; move all "
                f"rows of a group into one split"
            )


def _refuse_unordered(name: str, times: Mapping[str, np.ndarray]) -> None:
    for one, other in pairwise(times):
        if times[one].max() >= times[other].min():
            raise DataError(
                f"time of {name} must rise from split to split, and {other} begins before {one} has ended; move rows, "
                f"or leave time out"
            )
