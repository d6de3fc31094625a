"""Mistakes in single layers: penalties that charge nothing, the wrong weights, or far too much."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

from lab.checks import UsageError
from lab.models.kernels import Kernel, penalized
from lab.regularizers import strengths

L = keras.layers

HUGE = 1.0
"""The strength from which on a penalty rules the loss: at a rate of 0.1 a step of L2 takes off a fifth of a weight."""

_AVERAGED_SINCE = (3, 14)
"""The version of Keras that divides activity penalties by the batch size."""


@dataclass(frozen=True)
class Finding:
    """A mistake that Keras accepts in silence.

    Args:
        layer: the name of the layer, after those of the models around it.
        reason: what goes wrong, and why.
        mend: the line that mends it.
    """

    layer: str
    reason: str
    mend: str


def named_layers(model: keras.Model, around: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the layers of a model and of the models inside it, each with its name after those of these models."""
    for layer in model.layers:
        inner = layer.layer if isinstance(layer, L.TimeDistributed) else layer
        if isinstance(inner, keras.Model):
            yield from named_layers(inner, f"{around}{inner.name}/")
        else:
            yield f"{around}{layer.name}", layer


def _as_code(regularizer: Any) -> str:
    known = {name: value for name, value in (strengths(regularizer) or {}).items() if value}
    if not known:
        return "keras.regularizers.L2(1e-3)"
    return f"keras.regularizers.L1L2({', '.join(f'{name}={value:g}' for name, value in known.items())})"


def _known(layer: Any) -> list[Kernel]:
    """Return the weights that a layer can penalize; none of a layer of somebody's own that has no configuration."""
    try:
        return list(penalized(layer))
    except UsageError:
        return []


def of_layer(path: str, layer: Any, version: str) -> Iterator[Finding]:
    """Yield the mistakes in a layer.

    Args:
        path: its name, after those of the models around it.
        layer: the layer.
        version: of Keras, by which the model was saved; "" for a model that is no file.
    """
    for kernel in _known(layer):
        regularizer = getattr(kernel.holder, kernel.regularizer, None)
        if regularizer is not None:
            yield from _of_penalty(path, kernel, regularizer)
    activity = getattr(layer, "activity_regularizer", None)
    strongest = max((strengths(activity) or {}).values(), default=0.0)
    if strongest > 0 and version and _version(version) < _AVERAGED_SINCE:
        yield Finding(
            path,
            f"its activity penalty was chosen for Keras {version}, which summed it over the batch; since 3.14 it is "
            "averaged, so that it is weaker by the batch size",
            f"activity_regularizer={_as_code(activity)} with strengths times the batch size",
        )
    elif strongest >= HUGE:
        yield Finding(
            path,
            f"its activity penalty of strength {strongest:g} is huge, also since Keras 3.14 averages it over the batch",
            "activity_regularizer=keras.regularizers.L2(1e-3)",
        )


def _of_penalty(path: str, kernel: Kernel, regularizer: Any) -> Iterator[Finding]:
    name, known = kernel.regularizer, strengths(regularizer) or {}
    if all(v.regularizer is None for v in kernel.weights):
        yield Finding(
            path,
            f"its {name} was set after its weights were made, and never reaches the loss",
            f"give {name} to the layer when it is made, or: model = lab.models.regularized(model, Regularization(...))",
        )
    elif not any(v.trainable for v in kernel.weights):
        yield Finding(path, f"its {name} charges nothing, because the layer is frozen", f"{name}=None")
    elif known and not any(known.values()):
        yield Finding(
            path,
            f"its {name} has strength 0 and charges nothing, as the string 'L1L2' does",
            f"{name}=keras.regularizers.L2(1e-3)",
        )
    elif kernel.prefix in ("bias", "beta", "gamma"):
        what = "a bias" if kernel.prefix == "bias" else f"{kernel.prefix} of a normalization"
        yield Finding(path, f"its {name} shrinks {what}, which does not overfit and moves the outputs", f"{name}=None")
    elif max(known.values(), default=0.0) >= HUGE:
        yield Finding(
            path,
            f"its {name} of strength {max(known.values()):g} is huge; since Keras 3.14 activity penalties are "
            "divided by the batch size, penalties on weights are not",
            f"{name}=keras.regularizers.L2(1e-3)",
        )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())


def beside_decay(model: keras.Model, optimizer: Any) -> Iterator[Finding]:
    """Yield the layers with an L2 penalty in a model whose optimizer, as it is serialized, decays weights too."""
    config = optimizer.get("config") if isinstance(optimizer, dict) else None
    decay = config.get("weight_decay") if isinstance(config, dict) else None
    if not decay:
        return
    charged = [
        path
        for path, layer in named_layers(model)
        for kernel in _known(layer)
        if any(v.regularizer is not None and v.trainable for v in kernel.weights)
        and (strengths(getattr(kernel.holder, kernel.regularizer, None)) or {}).get("l2")
    ]
    kind = optimizer.get("class_name")
    for path in dict.fromkeys(charged):
        yield Finding(
            path,
            f"its L2 stands beside the weight_decay {decay:g} of {kind}, which shrinks the same weights apart from the "
            "gradient: two penalties of different kinds",
            "kernel_regularizer=None"
            if kind == "AdamW"
            else f"kernel_regularizer=None, or keras.optimizers.{kind}(weight_decay=None)",
        )
