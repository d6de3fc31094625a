"""Regularization for an existing model: a new model of the same graph, with the same weights.

Setting `layer.kernel_regularizer` on a built model, as forums advise, does nothing: Keras reads it when the weights
are made. So every layer is made again, with what is asked for it.
"""

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import keras

from lab.checks import UsageError, flag, whole
from lab.engine import keras_internals
from lab.models import graph_copy
from lab.models.placement import Site, asked, sites
from lab.models.seeding import seeded
from lab.models.treatment import Treatment
from lab.regularization import Regularization
from lab.regularizers import L1L2Towards


@dataclass(frozen=True)
class Row:
    """A layer of a regularized model, with what was done to it and why not more.

    Args:
        layer: its name after those of the models around it.
        kind: its class.
        done: what was done to it; empty if it was left alone.
        why: why it was left alone, or why something that was asked was not done.
    """

    layer: str
    kind: str
    done: str
    why: str


class Description(list[Row]):
    """One row per layer of a model, which print as a table."""

    def __str__(self) -> str:
        rows = [("layer", "kind", "done", "why"), *((row.layer, row.kind, row.done, row.why) for row in self)]
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        return "\n".join(
            "  ".join((*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3])).rstrip()
            for row in rows
        )


_descriptions: "weakref.WeakKeyDictionary[keras.Model, Description]" = weakref.WeakKeyDictionary()


def regularized(
    model: keras.Model,
    regularization: Regularization,
    *,
    layers: Mapping[str, Regularization | None] | None = None,
    seed: int = 0,
    spatial: bool = False,
) -> keras.Model:
    """Return a new model of the same graph and with the same weights, regularized.

    The given model is not changed, and the new one is not compiled. Before it is trained it computes the same in
    inference mode, bit by bit, and `sum(model.losses)` is the formula of `Regularization` summed over the kernels.
    It can be saved as a `.keras` file and loaded wherever `lab.layers` has been imported.

    What each field does:

    * `l1`, `l2`, `l2_start`, `max_norm`: on the kernels of Dense, EinsumDense, convolutions of all kinds (both kernels
      of separable ones), recurrent layers and cells (kernel and recurrent kernel), the vectors of Embedding, the
      projections of attention (no `max_norm`). They take the place of a penalty that the layer has. `l2_start` pulls
      towards the weights that the model has now.
    * `group_inputs`, `group_units`, `orthogonal`: on the kernels of Dense, Conv1D, Conv2D and Conv3D.
    * `dropconnect`: in Dense and Conv2D.
    * `activity_l1`, `activity_l2`, `noise`: behind the activation, whether it is part of the layer or a layer of its
      own, perhaps with normalization in between.
    * `dropout`: behind the activation and behind what normalizes or pools its values. A Dropout that is there already
      takes the new rate. Noise and activity penalties that are there take the new strengths.
    * `gaussian_dropout`: where dropout is put; `spatial_dropout` and `dropblock` there too, behind
      convolutions.
    * `normalization`: "batch", before the activation of dense and convolutional layers that have none. It changes
      nothing in inference until the first step of training. The other kinds change what the model computes, so that
      they need fresh weights: `lab.models.saved(..., start="fresh")`.

    Left alone are the layers that make the outputs, frozen layers, biases, the parameters of normalization, and the
    layers for which `layers` says None. `describe` returns what was done to each layer. A convolution whose output is
    joined with others before its activation, as at the end of a residual branch, gets penalties on its weights only.

    Args:
        model: Functional or Sequential, with any models of these kinds inside, layers shared or not.
        regularization: for every layer that no pattern names.
        layers: other regularizations by patterns for names, as of `fnmatch`: `{"block1_*": None, "head":
            Regularization(l2=1e-3)}`. Full names count before patterns, those of layers before those of the models
            around them, which are for all their layers. None leaves a layer alone. The full name of an output layer
            puts penalties on its kernel.
        seed: from which the seeds of new random layers follow, with the layers' names; at least 0.
        spatial: whether dropout behind convolutions drops whole channels (Tompson et al. 2015).

    Raises:
        UsageError: the model's call is code, a pattern names no layer, something that is asked reaches no layer at
            all, or cannot be done rightly where it is asked.
    """
    return _regularized(model, regularization, layers, seed, spatial, fresh=False, reseed=False)


def for_run(
    model: keras.Model,
    regularization: Regularization,
    *,
    layers: Mapping[str, Regularization | None] | None = None,
    seed: int,
    spatial: bool = False,
    fresh: bool = False,
) -> keras.Model:
    """Return what `regularized` returns, with everything random following from a run's seed.

    Random layers get a seed by their names, whatever seed they had. With `fresh` so do the initializers, and trained
    weights are what these draw; frozen weights keep their values. Any normalization may be asked for then, as nothing
    that was learned is lost.
    """
    with seeded(seed):
        return _regularized(model, regularization, layers, seed, spatial, fresh=fresh, reseed=True)


def describe(model: keras.Model) -> Description:
    """Return what was done to every layer of a model that `regularized` returned, and why: rows that print as a table.

    Raises:
        UsageError: the model did not come from `regularized` in this process; a file does not keep the reasons.
    """
    if not isinstance(model, keras.Model) or model not in _descriptions:
        raise UsageError(
            f"model must be one that lab.models.regularized returned in this process, got {type(model).__name__}; "
            "regularize it here to see what is done"
        )
    return _descriptions[model]


def _regularized(
    model: keras.Model,
    regularization: Regularization,
    layers: Mapping[str, Regularization | None] | None,
    seed: int,
    spatial: bool,
    fresh: bool,
    reseed: bool,
) -> keras.Model:
    whole("seed", seed, "what the seeds of new random layers follow from", low=0)
    flag("spatial", spatial)
    graph_copy.refuse_code(model)
    found = sites(model, regularization, layers)
    treatment = Treatment(found, seed, spatial, fresh, reseed)
    _refuse_what_reaches_nothing([regularization, *(layers or {}).values()], found)
    made = graph_copy.copied(model, treatment.remake, treatment.after, fresh)
    _keep_starts(made)
    _descriptions[made] = _described(found)
    return made


def _keep_starts(model: keras.Model) -> None:
    """Let each new `l2_start` penalty pull towards the weights as they are now; one that has starts keeps them."""
    pulled = [v for v in model.trainable_weights if isinstance(v.regularizer, L1L2Towards)]
    for v in [v for v in pulled if not v.regularizer.starts]:
        v.regularizer.keep(v)
    for layer in keras_internals.layers(model):
        own = layer.kernel_regularizer if isinstance(layer, keras.layers.EinsumDense) else None
        if isinstance(own, L1L2Towards) and len(own.starts) > 1:
            # The projections of attention share one penalty, and a cohort calls it on plain tensors without a path.
            layer.kernel_regularizer = layer.kernel.regularizer = own.only(layer.kernel)


def _described(found: Sequence[Site]) -> Description:
    return Description(Row(site.path, site.kind, "; ".join(site.done), _reasons(site)) for site in found)


def _reasons(site: Site) -> str:
    return "" if site.done and site.why else site.why or "; ".join(dict.fromkeys(site.missed))


def _refuse_what_reaches_nothing(regularizations: Sequence[Regularization | None], found: Sequence[Site]) -> None:
    """Refuse what is asked and done nowhere: a variant would be named after something that it does not have."""
    for one in regularizations:
        if one is None:
            continue
        there = [site for site in found if site.regularization == one]
        for name in asked(one):
            if not any(name in site.fields for site in there):
                reasons = [reason for site in there for reason in site.missed if name in reason]
                reasons = reasons or [f"{site.path!r} {site.why}" for site in found if site.why and site.layer.weights]
                raise UsageError(
                    f"{name} must reach a layer, got {one!r}, of which it reaches none: "
                    f"{'; '.join(dict.fromkeys(reasons)) or 'the model has no layer with a kernel'}"
                )
