"""The regularizers Keras lacks: a pull of the weights towards where they started (L2-SP), group lasso, orthogonality.

Registered under the package name "lab" like the layers of `lab.layers`, which imports this module: a model that holds
one is saved to a `.keras` file and loaded from it wherever `lab.layers` has been imported.
"""

import base64
import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable(package="lab")
class L1L2Start(keras.regularizers.L1L2):
    """Keras's L1L2 and `l2_start * sum((w - w_start) ** 2)`, a pull towards the initial weights.

    A cohort computes it run by run, as it does people's own regularizers.

    Args:
        l1, l2, l2_start: the strengths, at least 0.
        initializer: of the weight, with a number as its seed, so that it returns the initial values again.

    Reference: Li et al. 2018, "Explicit Inductive Bias for Transfer Learning with Convolutional Networks".
    """

    def __init__(self, l1: float, l2: float, l2_start: float, initializer: Any) -> None:
        super().__init__(l1=l1, l2=l2)
        self.l2_start = l2_start
        self.initializer = keras.initializers.get(initializer)
        self.start: Any = None

    def __call__(self, weights: Any) -> tf.Tensor:
        """Return the penalty on one weight."""
        if self.start is None:
            # Computed once, outside of any compiled graph.
            with tf.init_scope():
                self.start = self.initializer(weights.shape, dtype=weights.dtype).numpy()
        return super().__call__(weights) + self.l2_start * keras.ops.sum(keras.ops.square(weights - self.start))

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs to make this penalty again."""
        initializer = keras.initializers.serialize(self.initializer)
        return super().get_config() | {"l2_start": self.l2_start, "initializer": initializer}


@keras.saving.register_keras_serializable(package="lab")
class L1L2Towards(keras.regularizers.L1L2):
    """Keras's L1L2 and `l2_start * sum((w - start) ** 2)`, a pull towards values that the weights had before.

    The values are part of the configuration, so that a loaded model is pulled towards the same ones as the saved model.

    Args:
        l1, l2, l2_start: the strengths, at least 0.
        starts: the values by the last two names of the weight's path, as in {"query/kernel": ...}. One regularizer may
            serve several weights, as in attention. An array of float32 may be given as {"shape": [...], "float32":
            bytes in base 64}, as it is in the configuration.

    Reference: Li et al. 2018, "Explicit Inductive Bias for Transfer Learning with Convolutional Networks".
    """

    def __init__(self, l1: float, l2: float, l2_start: float, starts: Mapping[str, Any] | None = None) -> None:
        super().__init__(l1=l1, l2=l2)
        self.l2_start = l2_start
        self.starts = {name: _array(values) for name, values in (starts or {}).items()}

    def keep(self, weight: keras.Variable) -> None:
        """Pull a weight towards its present values from now on."""
        self.starts[_place(weight)] = np.asarray(keras.ops.convert_to_numpy(weight), "float32")

    def only(self, weight: keras.Variable) -> "L1L2Towards":
        """Return a penalty for one of several weights, which it can then charge without knowing the weight's path."""
        place = _place(weight)
        return L1L2Towards(self.l1, self.l2, self.l2_start, {place: self.starts[place]})

    def __call__(self, weights: Any) -> Any:
        """Return the penalty on one weight."""
        start = self.starts.get(_place(weights)) if len(self.starts) > 1 else next(iter(self.starts.values()), None)
        if start is None:
            # A plain tensor does not tell which of several weights it is.
            raise ValueError(f"l2_start does not know where {getattr(weights, 'path', 'a weight')} started")
        return super().__call__(weights) + self.l2_start * keras.ops.sum(keras.ops.square(weights - start))

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs to make this penalty again."""
        starts = {
            name: {"shape": list(values.shape), "float32": base64.b64encode(values.astype("<f4").tobytes()).decode()}
            for name, values in self.starts.items()
        }
        return super().get_config() | {"l2_start": self.l2_start, "starts": starts}


@keras.saving.register_keras_serializable(package="lab")
class KernelPenalty(keras.regularizers.L1L2):
    """Keras's L1L2, group lasso on the inputs and the units of a kernel, and a pull towards orthogonal units.

    A kernel is of shape (..., inputs, units), as that of a dense layer or a convolution: the leading axes are the
    positions of its window. The group of an input holds all weights from it, that of a unit all weights into it, and
    group lasso adds `sqrt(size) * sqrt(sum(w ** 2))` of each group. The orthogonal penalty is
    `sum((W.T @ W - I) ** 2)`, where W has one row for each position and input; `W @ W.T` takes the place of
    `W.T @ W` where there are more units than rows.

    Args:
        l1, l2: as of Keras's L1L2.
        group_inputs, group_units: the strengths of group lasso, at least 0.
        orthogonal: the strength of the orthogonal penalty, at least 0.

    Reference: Yuan and Lin 2006 (group lasso, with the root of the size); Scardapane et al. 2017 (on inputs and
    units); Bansal et al. 2018 (soft orthogonality).
    """

    def __init__(self, l1=0.0, l2=0.0, group_inputs=0.0, group_units=0.0, orthogonal=0.0) -> None:
        super().__init__(l1=l1, l2=l2)
        self.group_inputs = group_inputs
        self.group_units = group_units
        self.orthogonal = orthogonal

    def __call__(self, weights: Any) -> Any:
        """Return the penalty on one kernel."""
        *_, inputs, units = weights.shape
        w = keras.ops.reshape(keras.ops.convert_to_tensor(weights), (-1, inputs, units))
        total = super().__call__(weights)
        for strength, axes in ((self.group_inputs, (0, 2)), (self.group_units, (0, 1))):
            if strength:
                size = math.prod(w.shape[axis] for axis in axes)
                total += strength * math.sqrt(size) * keras.ops.sum(_norms(w, axes))
        if self.orthogonal:
            rows = keras.ops.reshape(w, (-1, units))
            other = keras.ops.transpose(rows)
            gram = rows @ other if units > rows.shape[0] else other @ rows
            total += self.orthogonal * keras.ops.sum(keras.ops.square(gram - keras.ops.eye(gram.shape[0])))
        return total

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs to make this penalty again."""
        return super().get_config() | {name: getattr(self, name) for name in OF_KERNELS}


OF_KERNELS = ("group_inputs", "group_units", "orthogonal")
"""The penalties on a kernel as a whole."""


def _norms(w: Any, axes: tuple[int, ...]) -> Any:
    """Return Euclidean norms over some axes; that of zeros has the slope 0 instead of NaN."""
    squares = keras.ops.sum(keras.ops.square(w), axes)
    some = squares > 0
    return keras.ops.where(some, keras.ops.sqrt(keras.ops.where(some, squares, 1.0)), 0.0)


def _place(weight: Any) -> str:
    return "/".join(getattr(weight, "path", "").split("/")[-2:])


def _array(values: Any) -> np.ndarray:
    if not isinstance(values, Mapping):
        return np.asarray(values, "float32")
    return np.frombuffer(base64.b64decode(values["float32"]), "<f4").reshape(values["shape"]).astype("float32")


def strengths(regularizer: object) -> dict[str, float] | None:
    """Return the strengths of the penalties by kind, of Keras's and the lab's regularizers.

    Nothing is empty, and None is any other: a subclass of somebody's own may charge for anything.
    """
    if regularizer is None:
        return {}
    names = _STRENGTHS.get(type(regularizer))
    return None if names is None else {name: float(getattr(regularizer, name)) for name in names}


_STRENGTHS: dict[type, tuple[str, ...]] = {
    keras.regularizers.L1: ("l1",),
    keras.regularizers.L2: ("l2",),
    keras.regularizers.L1L2: ("l1", "l2"),
    L1L2Start: ("l1", "l2", "l2_start"),
    L1L2Towards: ("l1", "l2", "l2_start"),
    KernelPenalty: ("l1", "l2", *OF_KERNELS),
}
