"""Examples that stay on the disk: rows of a memory-mapped array, read only when they are needed."""

import mmap
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np

AT_ONCE = 2**24
"""About how many bytes of float32 are read at once where all examples are looked at."""

RELEASED_AFTER = 2**27
"""About how many bytes of a mapping are resident at most; the kernel keeps all that was read as long as it can."""

_AROUND = 2**21
"""How many bytes around a row that is read on its own may become resident with it: a large page of the cache."""


class Mapped:
    """A memory-mapped array of numbers, whose memory does not grow as it is read.

    Args:
        array: of shape (n, ...).
        ready: turns rows of it into float32, each for itself.

    Attributes:
        shape: of a row, when it is float32.
    """

    def __init__(self, array: np.memmap, ready: Callable[[np.ndarray], np.ndarray]) -> None:
        self.array = array
        self.ready = ready
        self.shape = ready(np.asarray(array[:1])).shape[1:]
        self._touched = 0
        self._lock = threading.Lock()

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return some rows as float32."""
        made = np.empty((len(rows), *self.shape), np.float32)
        is_apart = np.diff(rows, prepend=rows[:1] - 2) != 1
        touched = np.cumsum(self.array[:1].nbytes + is_apart * _AROUND)
        bounds = np.flatnonzero(np.diff(touched // RELEASED_AFTER, prepend=0)).tolist()
        # Threads that read at once would hold as many times the memory.
        with self._lock:
            for start, end in pairwise(dict.fromkeys([0, *bounds, len(rows)])):
                made[start:end] = self.ready(np.asarray(self.array[rows[start:end]]))
                self._release(int(touched[end - 1] - (touched[start - 1] if start else 0)))
        return made

    def _release(self, touched: int) -> None:
        """Give back the pages that were read, if they are many. They stay in the kernel's cache of files."""
        self._touched += touched
        if self._touched < RELEASED_AFTER // 2:
            return
        self._touched = 0
        mapping = getattr(self.array, "_mmap", None)
        # In a private mapping the pages hold changes, which would be lost.
        if hasattr(mmap, "MADV_DONTNEED") and mapping is not None and self.array.mode != "c":
            mapping.madvise(mmap.MADV_DONTNEED)


class Rows:
    """Examples that are rows of a memory-mapped array, as float32.

    They are indexed like an array of shape (n, ...), along the first axis. A slice or an array of indices selects
    examples without reading anything; a single index, `numpy.asarray` and a loop read.

    Args:
        source: the array.
        index: which of its rows the examples are, int64 of shape (n,); None takes all.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, source: Mapped, index: np.ndarray | None = None) -> None:
        self.source = source
        self.index = np.arange(len(source.array)) if index is None else index
        self.shape: tuple[int, ...] = (len(self.index), *source.shape)
        self.ndim = len(self.shape)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, chosen: Any) -> Any:
        if isinstance(chosen, int | np.integer):
            return self.source.read(self.index[np.array([chosen])])[0]
        return Rows(self.source, self.index[chosen])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        made = self.source.read(self.index)
        return made if dtype is None else made.astype(dtype, copy=False)

    def __iter__(self) -> Iterator[np.ndarray]:
        for piece in self.pieces():
            yield from piece

    def pieces(self) -> Iterator[np.ndarray]:
        """Yield the examples one after the other, in arrays of about `AT_ONCE` bytes."""
        step = max(1, AT_ONCE // (4 * int(np.prod(self.shape[1:]))))
        for start in range(0, len(self), step):
            yield np.asarray(self[start : start + step])

    @property
    def key(self) -> tuple[int, bytes]:
        """Equal for the same rows of the same source, while that exists."""
        return id(self.source), self.index.tobytes()


def is_mapped(value: object) -> bool:
    """Say whether a value is an array in a memory-mapped file."""
    return isinstance(value, np.memmap) and getattr(value, "_mmap", None) is not None


def pieces(x: "np.ndarray | Rows") -> Iterator[np.ndarray]:
    """Yield examples one after the other: those on the disk in pieces, an array in one."""
    if isinstance(x, Rows):
        yield from x.pieces()
    else:
        yield x
