"""The changes to each layer: its arguments, its class, and the layers that are put behind its calls.

The order behind a layer is that of the factories: normalization, activation, its penalty, noise, pooling, dropout.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras

from lab.checks import UsageError, shown
from lab.layers import DropBlock, DropConnectConv2D, DropConnectDense
from lab.models import graph_copy
from lab.models.activations import activation_of
from lab.models.chains import Chain, chain
from lab.models.kernel_treatment import listed, treat_kernels
from lab.models.kernels import CONVOLUTIONS, inner_layers
from lab.models.normalization import normalization
from lab.models.placement import OF_KERNELS, Call, Site, asked
from lab.regularization import Regularization
from lab.seeds import derive

L = keras.layers

_NORMALIZED = (L.Dense, DropConnectDense, DropConnectConv2D, *CONVOLUTIONS)
_SPATIAL = {3: L.SpatialDropout1D, 4: L.SpatialDropout2D, 5: L.SpatialDropout3D}


class Treatment:
    """The changes to the layers of one model, gathered site by site.

    Args:
        sites: the layers of the model, of which this fills `done`, `missed` and `fields`.
        seed: from which the seeds of new random layers are derived.
        spatial: whether dropout behind convolutions drops whole channels.
        fresh: whether the copy gets fresh weights, so that it need not compute what the model computed.
        reseed: whether the model's own random layers draw by the seed too, and its initializers lose their seeds, so
            that `lab.models.seeding` gives them new ones.

    Attributes:
        of: the sites by the ids of their layers.
        changes: the new arguments of each layer, by its id.
        kinds: the new classes of layers, by their ids.
        behind: the new layers behind each call, by its id.
        names: of all layers, old and new.
        made: the new layers, by the path of the layer that they are behind and their role there.
    """

    def __init__(self, sites: Sequence[Site], seed: int, spatial: bool, fresh: bool, reseed: bool) -> None:
        self.of = {id(site.layer): site for site in sites}
        self.seed = seed
        self.spatial = spatial
        self.fresh = fresh
        self.reseed = reseed
        self.changes: dict[int, dict[str, Any]] = defaultdict(dict)
        self.kinds: dict[int, Any] = {}
        self.behind: dict[int, list[Any]] = defaultdict(list)
        self.names = {node.operation.name for site in sites for call in site.calls for node in call.graph.nodes}
        self.made: dict[tuple[str, str], Any] = {}
        for site in sites:
            if asked(site.regularization):
                treat_kernels(site, site.regularization, seed, self.changes, self.kinds)
                self._outputs(site, site.regularization)

    def remake(self, layer: Any) -> Any:
        """Return the unbuilt layer that takes the place of a layer."""
        if type(layer) is L.Lambda:
            return graph_copy.again(layer)
        config = graph_copy.configuration(layer)
        if self.reseed:
            config = graph_copy.reseeded(config, derive(self.seed, layer.name, "draws"))
        for key, i, inner in inner_layers(layer):
            made = keras.saving.serialize_keras_object(self.remake(inner))
            if i is None:
                config[key] = made
            else:
                config[key][i] = made
        kind: Any = self.kinds.get(id(layer), type(layer))
        return kind.from_config(config | self.changes.get(id(layer), {}))

    def after(self, node: Any) -> Sequence[Any]:
        """Return the layers that are put behind a call of the model."""
        return self.behind.get(id(node), ())

    def _outputs(self, site: Site, r: Regularization) -> None:
        if set(asked(r)) <= set(OF_KERNELS):
            return
        for i, call in enumerate(site.calls):
            done: list[str] = []
            self._call(site, call, r, done)
            if i == 0:
                site.done += done

    def _call(self, site: Site, call: Call, r: Regularization, done: list[str]) -> None:
        found = chain(call.graph, call.node)
        if r.stochastic_depth:
            site.missed.append("no stochastic_depth: it is for lab.models.residual_dense and residual_conv")
        if r.normalization != "none":
            self._normalize(site, call, found, r, done)
        if found.joins and isinstance(site.layer, CONVOLUTIONS):
            rest = [name for name in asked(r) if name not in OF_KERNELS and name != "normalization"]
            if rest:
                why = "it is joined with others, or used in several places, before its activation"
                site.missed.append(f"no {', '.join(rest)}: {why}")
            return
        if r.activity_l1 or r.activity_l2:
            self._penalize(site, found, r, done)
        if r.noise:
            self._add(site, found, "noise", "stddev", r.noise, found.activation, L.GaussianNoise, done)
        if r.dropout:
            kind: Any = L.Dropout
            if self.spatial and isinstance(site.layer, CONVOLUTIONS):
                kind = _SPATIAL.get(len(found.end.outputs[0].shape), L.Dropout)
            self._add(site, found, "dropout", "rate", r.dropout, found.end, kind, done)
        if r.gaussian_dropout:
            rate = r.gaussian_dropout
            self._add(site, found, "gaussian_dropout", "rate", rate, found.end, L.GaussianDropout, done)
        if r.spatial_dropout:
            self._drop_channels(site, found, r.spatial_dropout, done)
        if r.dropblock:
            self._drop_blocks(site, found, r, done)

    def _drop_channels(self, site: Site, found: Chain, rate: float, done: list[str]) -> None:
        kind = _SPATIAL.get(len(found.end.outputs[0].shape))
        if not isinstance(site.layer, CONVOLUTIONS) or kind is None:
            site.missed.append(f"no spatial_dropout: {site.kind} has no channels of several positions here")
            return
        self._add(site, found, "spatial_dropout", "rate", rate, found.end, kind, done)

    def _drop_blocks(self, site: Site, found: Chain, r: Regularization, done: list[str]) -> None:
        size, pixels = r.block_size, found.end.outputs[0].shape[1:-1]
        if not isinstance(site.layer, CONVOLUTIONS) or len(pixels) != 2 or min(n or 0 for n in pixels) < size:
            site.missed.append(f"no dropblock: no square of {size}x{size} fits what {site.kind} returns")
            return
        kind = partial(DropBlock, block_size=size)
        self._add(site, found, "dropblock", "rate", r.dropblock, found.end, kind, done)
        if (own := found.own.get("dropblock")) is not None:
            self._change(own, "block_size", size, site)

    def _penalize(self, site: Site, found: Chain, r: Regularization, done: list[str]) -> None:
        strengths = {name: getattr(r, name) for name in ("activity_l1", "activity_l2") if getattr(r, name)}
        penalty = keras.regularizers.serialize(keras.regularizers.L1L2(l1=r.activity_l1, l2=r.activity_l2))
        at = found.activation
        for own in (at.operation, found.own.get("activity")):
            if getattr(own, "activity_regularizer", None) is not None:
                self._change(own, "activity_regularizer", None if own is at.operation else penalty, site)
        if "activity" in found.own:
            done.append(f"{listed(strengths)} in {found.own['activity'].name!r}")
        else:
            # Of the layers that change no value, this one lets runs of different strengths train in one cohort.
            made = self._layer(
                site,
                "activity",
                # In float32: the sum of squares soon passes what float16 holds.
                lambda name, dtype: L.Activation(
                    "linear",
                    activity_regularizer=penalty,
                    name=name,
                    dtype=dtype if dtype.compute_dtype == dtype.variable_dtype else "float32",
                ),
            )
            self._put(site, at, made, listed(strengths), done)
        site.fields |= set(strengths)

    def _add(
        self, site: Site, found: Chain, role: str, knob: str, value: float, at: Any, kind: Any, done: list[str]
    ) -> None:
        """Put noise or dropout behind a call, or give its strength to the layer that is there already."""
        site.fields.add(role)
        own = found.own.get(role)
        if own is None:
            seed = derive(self.seed, site.path, role)
            made = self._layer(site, role, lambda **options: kind(value, seed=seed, **options))
            text = "channel dropout" if kind in _SPATIAL.values() else role
            self._put(site, at, made, f"{text} {value:g}", done)
            return
        self._change(own, knob, value, site)
        text = f"{role} {value:g} instead of {getattr(own, knob):g}"
        done.append(f"{text} in {own.name!r}")
        if not self.of[id(own)].done:
            self.of[id(own)].done.append(f"{text}, for {site.path!r}")

    def _change(self, layer: Any, name: str, value: Any, site: Site) -> None:
        """Change an argument of a layer that is there already; sites that share it must ask for the same value."""
        if self.changes[id(layer)].get(name, value) != value:
            raise UsageError(
                f"{name} must be one for the layer {layer.name!r}, which {site.path!r} and others share, got "
                f"{shown(self.changes[id(layer)][name])} and {shown(value)}; give them one regularization"
            )
        self.changes[id(layer)][name] = value

    def _normalize(self, site: Site, call: Call, found: Chain, r: Regularization, done: list[str]) -> None:
        if found.normalization is not None:
            site.missed.append(f"no normalization: {found.normalization.name!r} normalizes it already")
            return
        if not isinstance(site.layer, _NORMALIZED):
            site.missed.append(f"no normalization: {site.kind} has its activation inside")
            return
        shape = tuple(call.node.outputs[0].shape)
        made = self._layer(
            site, "norm", lambda **own: normalization(site.layer, site.path, shape, r, self.fresh, **own)
        )
        self._put(site, call.node, made, f"normalization {r.normalization!r}", done)
        site.fields.add("normalization")
        if activation_of(site.layer) not in (None, "linear"):
            self.changes[id(site.layer)]["activation"] = "linear"
            activation = self._layer(site, "activation", lambda **own: L.Activation(site.layer.activation, **own))
            self.behind[id(call.node)].append(activation)

    def _layer(self, site: Site, role: str, make: Callable[..., Any]) -> Any:
        """Return the new layer of a role behind a layer, the same for all its calls."""
        if (site.path, role) not in self.made:
            name = f"{site.layer.name}_{role}"
            number = 2
            while name in self.names:
                name, number = f"{site.layer.name}_{role}_{number}", number + 1
            self.names.add(name)
            self.made[site.path, role] = make(name=name, dtype=site.layer.dtype_policy)
        return self.made[site.path, role]

    def _put(self, site: Site, node: Any, layer: Any, text: str, done: list[str]) -> None:
        self.behind[id(node)].append(layer)
        done.append(text if node.operation is site.layer else f"{text} behind {node.operation.name!r}")
