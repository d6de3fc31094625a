"""Examples that stay on the disk while runs train: a compiled program reads them batch by batch, as from a tensor."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from lab.data.rows import Rows


@dataclass(frozen=True, eq=False)
class OnDisk:
    """Arrays of examples of equal shape, of which at least one stays on the disk.

    They are read as a tensor of shape (arrays, examples, ...) would be, with the same bits.

    Args:
        arrays: the distinct arrays of the runs.
    """

    arrays: tuple[np.ndarray | Rows, ...]

    # A function that was compiled for some arrays serves again for the same ones.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, OnDisk) and self._ids == other._ids

    def __hash__(self) -> int:
        return hash(self._ids)

    @property
    def _ids(self) -> tuple[int, ...]:
        return tuple(map(id, self.arrays))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the tensor."""
        return len(self.arrays), *self.arrays[0].shape

    def part(self, examples: np.ndarray) -> "OnDisk":
        """Return some examples of each array."""
        return OnDisk(tuple(array[examples] for array in self.arrays))

    def gather(self, rows: tf.Tensor) -> tf.Tensor:
        """Return examples by their places where the arrays lie one after the other: those of a batch of all replicas.

        Args:
            rows: int32 of any shape.

        Returns:
            float32 of the shape of the rows, followed by that of an example. Examples that several replicas ask for
            are read once.
        """

        def read(rows: np.ndarray) -> np.ndarray:
            wanted, place = np.unique(rows, return_inverse=True)
            array, row = np.divmod(wanted, self.shape[1])
            found = [np.asarray(self.arrays[i][row[array == i]]) for i in np.unique(array)]
            return np.concatenate(found)[place.reshape(rows.shape)]

        return _called(read, [rows], [*rows.shape, *self.shape[2:]])

    def chunk(self, start: tf.Tensor, end: tf.Tensor) -> tf.Tensor:
        """Return the examples from one place to another of each array, of shape (arrays, end - start, ...)."""

        def read(start: np.ndarray, end: np.ndarray) -> np.ndarray:
            return np.stack([np.asarray(array[int(start) : int(end)]) for array in self.arrays])

        return _called(read, [start, end], [len(self.arrays), None, *self.shape[2:]])


def gathered(values: tf.Tensor | OnDisk, rows: tf.Tensor) -> tf.Tensor:
    """Return examples by their places, those of a batch: from a tensor of shape (examples, ...), or from the disk."""
    return values.gather(rows) if isinstance(values, OnDisk) else tf.gather(values, rows)


def _called(read: Callable[..., np.ndarray], arguments: list[tf.Tensor], shape: list[int | None]) -> tf.Tensor:
    found = tf.numpy_function(read, arguments, tf.float32, stateful=False)
    found.set_shape(shape)
    return found
