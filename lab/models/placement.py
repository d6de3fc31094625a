"""The decision which layer of a model gets which regularizer, and why not: made before any layer is made.

Every layer of the model has one row, so that what was left alone can be read with its reason.
"""

import dataclasses
import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras

from lab.checks import UsageError, quoted, shown
from lab.models.chains import NORMALIZATIONS, Graph, ends
from lab.models.kernels import Kernel, kernels
from lab.regularization import NONE, Regularization
from lab.regularization.structures import OF_WHOLE_KERNELS

OF_KERNELS = ("l1", "l2", "l2_start", *OF_WHOLE_KERNELS, "kernels", "max_norm", "dropconnect")
"""The fields that act on weights; all others act on what a layer returns."""

KNOBS = ("groups", "ghost_size", "batch_momentum", "block_size")
"""The fields that say how another one is done, and do nothing without it."""


@dataclass(frozen=True)
class Call:
    """A call of a layer, and the graph that holds it."""

    graph: Graph
    node: Any


@dataclass
class Site:
    """A layer of a model with all its calls, and what is to be done to it.

    Args:
        layer: of the model that is regularized.
        path: its name after those of the models around it but for the outermost, as in "backbone/conv_1".
        around: the paths of these models.
        calls: in the order of the graphs.
        kernels: those that are trained.
        regularization: what is asked for the layer.
        why: why the layer is left alone; empty if it is not.
        done: what is done, in words.
        missed: what is asked and not done, with the reason.
        fields: the fields of the regularization that are done.
    """

    layer: Any
    path: str
    around: tuple[str, ...]
    calls: list[Call] = field(default_factory=list)
    kernels: list[Kernel] = field(default_factory=list)
    regularization: Regularization = NONE
    why: str = ""
    done: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    fields: set[str] = field(default_factory=set)

    @property
    def kind(self) -> str:
        """The name of the layer's class."""
        return type(self.layer).__name__


def asked(regularization: Regularization) -> list[str]:
    """Return the fields of a regularization that ask for something, in their order."""
    names = (f.name for f in dataclasses.fields(regularization) if f.name not in KNOBS)
    return [name for name in names if getattr(regularization, name) != getattr(NONE, name)]


def sites(
    model: keras.Model, regularization: Regularization, layers: Mapping[str, Regularization | None] | None
) -> list[Site]:
    """Return the layers of a model, each with what is asked for it or why it is left alone.

    Args:
        model: a graph of layers.
        regularization: for the layers that no pattern names.
        layers: regularizations for other layers, by patterns for their names; None leaves a layer alone.

    Raises:
        UsageError: a value that is no Regularization, a pattern that names no layer, or the output layer asked for
            more than a penalty on its kernel.
    """
    patterns = _patterns(regularization, layers)
    found = _found(model)
    _refuse_unreached(patterns, found)
    last = {id(layer) for layer in ends(Graph(model))}
    for site in found:
        named = _named(site, patterns)
        site.kernels = [kernel for kernel in kernels(site.layer) if any(v.trainable for v in kernel.weights)]
        wanted = regularization if named is None else patterns[named]
        site.why = _why(site, id(site.layer) in last, named, wanted)
        if not site.why and wanted is not None:
            site.regularization = wanted
            if id(site.layer) in last:
                _check_output(site, wanted)
    return found


def _patterns(
    regularization: object, layers: Mapping[str, Regularization | None] | None
) -> dict[str, Regularization | None]:
    if not isinstance(regularization, Regularization):
        raise UsageError(f"regularization must be a Regularization, got {shown(regularization)}")
    if layers is None:
        return {}
    if not isinstance(layers, Mapping) or not all(isinstance(name, str) for name in layers):
        raise UsageError(f"layers must be a dict from patterns for names to regularizations, got {shown(layers)}")
    for pattern, wanted in layers.items():
        if wanted is not None and not isinstance(wanted, Regularization):
            raise UsageError(f"layers[{pattern!r}] must be a Regularization or None, got {shown(wanted)}")
    return dict(layers)


def _found(model: keras.Model) -> list[Site]:
    """Return the layers of all graphs of a model, once each however many graphs call them."""
    found: dict[int, Site] = {}
    seen: set[int] = set()

    def look(graph: Graph) -> None:
        for node in graph.nodes:
            operation = node.operation
            inner = operation.layer if isinstance(operation, keras.layers.TimeDistributed) else operation
            if isinstance(inner, keras.Model):
                if id(inner) not in seen:
                    seen.add(id(inner))
                    look(Graph(inner, (*graph.path, inner.name)))
            elif isinstance(operation, keras.layers.Layer):
                around = tuple("/".join(graph.path[: i + 1]) for i in range(len(graph.path)))
                path = "/".join((*graph.path, operation.name))
                found.setdefault(id(operation), Site(operation, path, around)).calls.append(Call(graph, node))

    look(Graph(model))
    return list(found.values())


def _named(site: Site, patterns: Mapping[str, Regularization | None]) -> str | None:
    """Return the pattern that counts for a layer, the one that names it most closely whatever their order, or None.

    Raises:
        UsageError: two patterns name it equally closely and ask for different things.
    """
    around = [name for path in site.around for name in (path, path.rpartition("/")[2])]
    degrees = (
        lambda pattern: pattern == site.path,
        lambda pattern: pattern == site.layer.name,
        lambda pattern: any(fnmatch.fnmatchcase(name, pattern) for name in (site.path, site.layer.name)),
        lambda pattern: pattern in around,
        lambda pattern: any(fnmatch.fnmatchcase(name, pattern) for name in around),
    )
    for is_named in degrees:
        found = [pattern for pattern in patterns if is_named(pattern)]
        if len({patterns[pattern] for pattern in found}) > 1:
            raise UsageError(
                f"layers must ask for one thing per layer, got {quoted(found)} for {site.path!r}; give its full name"
            )
        if found:
            return found[0]
    return None


def _why(site: Site, is_last: bool, named: str | None, wanted: Regularization | None) -> str:
    """Return why a layer is left alone; "" if it is not."""
    if not site.layer.weights:
        return "has no weights"
    if not any(True for _ in kernels(site.layer)):
        normalizes = isinstance(site.layer, NORMALIZATIONS)
        return "normalization carries no penalty" if normalizes else f"{site.kind} has no kernel to regularize"
    if not site.kernels:
        return "is frozen"
    if wanted is None:
        return f"layers[{named!r}] is None"
    if is_last and named not in (site.layer.name, site.path):
        return "is the output layer"
    return "" if asked(wanted) else "nothing is asked for it"


def _check_output(site: Site, wanted: Regularization) -> None:
    more = [name for name in asked(wanted) if name not in OF_KERNELS]
    if more:
        raise UsageError(
            f"layers[{site.layer.name!r}] names the output layer and may set {quoted(OF_KERNELS)} only, got "
            f"{quoted(more)}; what is dropped or normalized there is the answer itself"
        )


def _refuse_unreached(patterns: Mapping[str, Any], found: list[Site]) -> None:
    for pattern in patterns:
        if not any(_named(site, {pattern: None}) for site in found):
            raise UsageError(
                f"layers[{pattern!r}] must name a layer, got none; the model has "
                f"{quoted(site.path for site in found if site.layer.weights)}"
            )
