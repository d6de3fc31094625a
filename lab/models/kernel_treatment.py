"""The changes to the kernels of each layer: their penalties, the bounds of their norms, and DropConnect."""

from collections import defaultdict
from dataclasses import replace
from typing import Any

import keras

from lab.checks import UsageError
from lab.layers import DropConnectConv2D, DropConnectDense
from lab.models.placement import Site
from lab.regularization import Regularization
from lab.regularization.structures import OF_WHOLE_KERNELS
from lab.regularizers import KernelPenalty, L1L2Towards
from lab.seeds import derive

L = keras.layers

PENALTIES = ("l1", "l2", "l2_start", *OF_WHOLE_KERNELS)
"""The fields that charge for weights."""

_DROPCONNECT: dict[type, Any] = {
    L.Dense: DropConnectDense,
    L.Conv2D: DropConnectConv2D,
    DropConnectDense: DropConnectDense,
    DropConnectConv2D: DropConnectConv2D,
}


def treat_kernels(
    site: Site, r: Regularization, seed: int, changes: defaultdict[int, dict[str, Any]], kinds: dict[int, Any]
) -> None:
    """Give the kernels of a layer what a regularization asks for them, and say in the site what was done.

    Args:
        site: the layer; its `done`, `missed` and `fields` are added to.
        r: what is asked for.
        seed: from which the seeds of dropped weights are derived.
        changes: the new arguments of layers by their ids; added to.
        kinds: the new classes of layers by their ids; added to.

    Raises:
        UsageError: a bound would take the place of another one.
    """
    strengths = {name: getattr(r, name) for name in PENALTIES if getattr(r, name)}
    whole = [name for name in OF_WHOLE_KERNELS if name in strengths]
    if whole and not all(kernel.has_inputs_and_units for kernel in site.kernels):
        site.missed.append(f"no {', '.join(whole)}: {site.kind} has no kernel of inputs and units")
        strengths = {name: value for name, value in strengths.items() if name not in whole}
        r = replace(r, group_inputs=0.0, group_units=0.0, orthogonal=0.0)
    if strengths:
        names: dict[str, None] = {}
        for kernel in site.kernels:
            own = getattr(kernel.holder, kernel.regularizer, None)
            instead = "" if own is None else f" instead of its own {type(own).__name__}"
            changes[id(kernel.holder)][kernel.regularizer] = keras.regularizers.serialize(_penalty(r))
            names |= dict.fromkeys(f"{v.name}{instead}" for v in kernel.weights)
        site.done.append(f"{listed(strengths)} on {' and '.join(names)}")
        site.fields |= set(strengths)
    if r.kernels != "plain":
        site.missed.append("no kernels: weights are normalized in the nets of the lab's own factories only")
    if r.max_norm is not None:
        _bound(site, r.max_norm, changes)
    if r.dropconnect:
        _thin(site, r.dropconnect, seed, changes, kinds)


def _bound(site: Site, max_norm: float, changes: defaultdict[int, dict[str, Any]]) -> None:
    for kernel in site.kernels:
        axes = kernel.unit_axes
        if axes is None:
            site.missed.append(f"no max_norm: one axis for all weights into a unit is not known for {site.kind}")
            continue
        own = getattr(kernel.holder, kernel.constraint, None)
        if own is not None and not isinstance(own, keras.constraints.MaxNorm):
            raise UsageError(
                f"max_norm must not take the place of another bound, got the {type(own).__name__} of the layer "
                f"{site.path!r}; leave it out there: layers={{{site.path!r}: Regularization(...)}}"
            )
        bound = keras.constraints.MaxNorm(max_norm, axis=axes)
        changes[id(kernel.holder)][kernel.constraint] = keras.constraints.serialize(bound)
        if "max_norm" not in site.fields:
            site.done.append(f"max_norm {max_norm:g}")
        site.fields.add("max_norm")


def _thin(site: Site, rate: float, seed: int, changes: defaultdict[int, dict[str, Any]], kinds: dict[int, Any]) -> None:
    for kernel in site.kernels:
        kind = _DROPCONNECT.get(type(kernel.holder))
        if kind is None or getattr(kernel.holder, "lora_enabled", False):
            site.missed.append(f"no dropconnect: it is for Dense and Conv2D, not {type(kernel.holder).__name__}")
            continue
        kinds[id(kernel.holder)] = kind
        changes[id(kernel.holder)] |= {"rate": rate, "seed": derive(seed, site.path, "dropconnect")}
        site.done.append(f"dropconnect {rate:g}")
        site.fields.add("dropconnect")


def _penalty(r: Regularization) -> Any:
    if r.l2_start:
        return L1L2Towards(r.l1, r.l2, r.l2_start)
    if any(getattr(r, name) for name in OF_WHOLE_KERNELS):
        return KernelPenalty(r.l1, r.l2, *(getattr(r, name) for name in OF_WHOLE_KERNELS))
    return keras.regularizers.L1L2(l1=r.l1, l2=r.l2)


def listed(strengths: dict[str, float]) -> str:
    """Return strengths in words, as in "l1 0.01, l2 0.1"."""
    return ", ".join(f"{name} {value:g}" for name, value in strengths.items())
