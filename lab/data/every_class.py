"""The rule that every split has examples of every class, checked before a cut and after one."""

import numpy as np

from lab.checks import DataError
from lab.data.columns import count
from lab.data.dataset import WORDS


def check_part(name: str, part: str, y: np.ndarray, classes: tuple[str, ...] | None, needed: int) -> None:
    """Refuse a part of the data that cannot give `needed` splits with an example (of each class) in each."""
    where = f"the {WORDS[part]} split of {name}" if needed == 1 else name
    if len(y) == 0:
        raise DataError(f"{where} is empty; every split needs examples")
    if classes is None:
        if len(y) < needed:
            raise DataError(f"{where} has {count(len(y), 'example')} and needs {needed} to cut its splits from")
        return
    counts = np.bincount(y, minlength=len(classes))
    small = int(counts.argmin())
    if counts[small] < needed:
        if needed == 1:
            raise DataError(
                f"the class {classes[small]!r} is missing from {where}; every split needs examples of every class"
            )
        raise DataError(
            f"the class {classes[small]!r} of {where} has {count(counts[small], 'example')} and needs {needed}, one "
            f"for each split that is cut; add examples or leave the class out"
        )


def check_cut(name: str, part: str, y: np.ndarray, classes: tuple[str, ...] | None, by: str) -> None:
    """Refuse a cut by groups or by time that left a split without one of the classes."""
    if classes is None:
        return
    absent = np.flatnonzero(np.bincount(y, minlength=len(classes)) == 0)
    if len(absent):
        others = "another seed or other sizes" if by == "group" else "other sizes"
        raise DataError(
            f"the class {classes[absent[0]]!r} is missing from the {WORDS[part]} split of {name}, which is cut by "
            f"{by}; every split needs examples of every class, so try {others}, or leave the class out"
        )
