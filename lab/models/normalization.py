"""The normalization that is put behind the linear part of a layer, or the refusal where none can be."""

import math
from typing import Any

import keras

from lab.checks import UsageError
from lab.layers import GhostBatchNormalization
from lab.models.blocks import check_normalization
from lab.regularization import Regularization

L = keras.layers

BATCH_EPSILON = 1e-3
"""Keras's default."""


def normalization(
    layer: Any, path: str, shape: tuple[int | None, ...], r: Regularization, fresh: bool, **options: Any
) -> Any:
    """Return the normalization of a layer's outputs.

    Args:
        layer: dense or a convolution.
        path: its name, for refusals.
        shape: of its outputs, (batch, ..., channels).
        r: names the kind.
        fresh: whether the model starts from fresh weights. Otherwise it must compute what it computed before.
        options: `name` and `dtype` of the new layer.

    Raises:
        UsageError: the kind cannot be done there, or changes what a model that keeps its weights computes.
    """
    kind, where = r.normalization, f"the layer {path!r}"
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise UsageError(f"normalization needs the channels last, got channels_first in {where}; leave it out there")
    if kind == "batch":
        # With kept weights it changes no bit in inference before it has seen a batch: variance plus epsilon is 1.
        variance = 1.0 if fresh else 1.0 - BATCH_EPSILON
        return L.BatchNormalization(
            momentum=r.batch_momentum,
            epsilon=BATCH_EPSILON,
            moving_variance_initializer=keras.initializers.Constant(variance) if variance < 1 else "ones",
            **options,
        )
    if kind == "ghost" and fresh:
        return GhostBatchNormalization(r.ghost_size, momentum=r.batch_momentum, epsilon=BATCH_EPSILON, **options)
    if not fresh:
        raise UsageError(
            f"normalization must be 'none' or 'batch' where weights are kept, got {kind!r}, which would change what "
            f"{where} returns; train from fresh weights: lab.models.saved(..., start='fresh')"
        )
    is_dense = isinstance(layer, L.Dense)
    if is_dense and len(shape) > 2 and kind not in ("layer", "rms"):
        raise UsageError(
            f"normalization must be 'none', 'batch', 'layer' or 'rms' in {where}, a sequence, got {kind!r}"
        )
    # An axis of any length has more than one position.
    positions = 1 if is_dense else math.prod(size or 2 for size in shape[1:-1])
    check_normalization(where, r, shape[-1] or 0, positions)
    if kind == "rms":
        return L.RMSNormalization(**options)
    if kind == "layer" and is_dense:
        return L.LayerNormalization(**options)
    return L.GroupNormalization({"layer": 1, "instance": -1, "group": r.groups}[kind], **options)
