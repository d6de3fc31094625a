"""Features that a frozen, pretrained net makes of the examples of a loader, computed once."""

import difflib
import functools
import hashlib
import importlib.metadata
import inspect
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lab.checks import DataError, UsageError, quoted, shown
from lab.data.dataset import Backbone, Dataset, Split, update
from lab.data.feature_store import stored
from lab.data.folds import Fold

if TYPE_CHECKING:
    import keras


def features(
    load: Callable[..., Dataset],
    *,
    backbone: str | Path,
    layer: str | None = None,
    train_size: int | None = None,
    validation_size: int | None = None,
    test_size: int | None = None,
    label_noise: float | None = None,
    seed: int | None = None,
    fold: Fold | None = None,
) -> Dataset:
    """Return the dataset of another loader with each example replaced by the features that a frozen net makes of it.

    As in `Variant(data=partial(features, load, backbone="net.keras"), model=head)`: to train a head on the features is
    to train it at the end of the whole net, with the rest frozen and in inference mode (batch normalization keeps its
    moving statistics, dropout drops nothing), and costs no pass through the rest. `lab.models.joined` returns the whole
    net.

    The features are computed in chunks of one size, so that those of an example do not depend on the others, and kept
    in Keras's cache, by the bytes of the file, the layer, the examples and the versions of Keras and TensorFlow. The
    bytes of the file are part of a run's identity, its name is not. The fingerprint of the dataset follows from them
    and from the data that `load` returns, so that it is the same on machines that round differently.

    Args:
        load: a loader with its arguments bound.
        backbone: the path of a .keras file with a Functional or Sequential model of one input. It is read as data:
            nothing in it is run.
        layer: the name of the layer whose output is taken, of any shape; None takes what the last layer with a kernel
            is given, so everything but the output layer. Of models inside the model only the whole can be named.
        train_size, validation_size, test_size, label_noise, seed, fold: passed on to `load`; None leaves what is bound
            there.

    Raises:
        UsageError: an argument that cannot be, no such layer, one that is called several times.
        DataError: the file cannot be used, its model does not take the data or makes no finite numbers of it.
    """
    given: dict[str, object] = {
        name: value
        for name, value in (
            ("train_size", train_size),
            ("validation_size", validation_size),
            ("test_size", test_size),
            ("label_noise", label_noise),
            ("seed", seed),
            ("fold", fold),
        )
        if value is not None
    }
    _check_loader(load, given)
    if not isinstance(backbone, str | Path):
        raise UsageError(f"backbone must be the path of a .keras file, got {shown(backbone)}")
    file = Path(backbone)
    from lab.models.keras_file import outline

    known = outline(file)
    if layer is not None and layer not in known.layers:
        alike = difflib.get_close_matches(str(layer), known.layers, 3, 0)
        raise UsageError(f"layer must be the name of a layer of {file}, such as {quoted(alike)}, got {shown(layer)}")
    data: Dataset = load(**given)
    if not isinstance(data, Dataset):
        raise DataError(
            f"load must return a lab.data.Dataset, got {type(data).__name__}; lab.data.from_arrays makes one"
        )
    if data.backbone is not None:
        raise UsageError(
            f"load must return data that went through no other backbone, got features of {data.backbone.file}; save "
            "both as one model, as lab.models.joined returns it"
        )
    if known.input_shape is not None:
        from lab.models.shapes import refuse_misfit

        refuse_misfit(file, known.input_shape, data.input_shape)
    with file.open("rb") as content:
        bytes_hash = hashlib.file_digest(content, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    frozen = _Frozen(file, bytes_hash, layer)
    # One pool: equal features of different examples are no example in two splits, which `load` has refused.
    pool = object()
    train, validation, test = (
        Split(frozen.features(split), split.y, pool=pool, weight=split.weight)
        for split in (data.train, data.validation, data.test)
    )
    made_by = Backbone(file.name, bytes_hash, layer, data.fingerprint)
    return replace(data, train=train, validation=validation, test=test, backbone=made_by)


def on_other_data(
    load: Callable[..., Dataset], other: Callable[..., Dataset], *, keeps: bool
) -> Callable[..., Dataset]:
    """Return a loader of other data in the place of a loader, behind the same frozen backbone if that has one.

    Args:
        load: the loader.
        other: of the other data.
        keeps: whether the arguments that are bound to `load`, such as sizes, are bound to the other one too.
    """
    bound = load.keywords if isinstance(load, functools.partial) else {}
    if isinstance(load, functools.partial) and load.func is features:
        inner = on_other_data(bound.get("load") or load.args[0], other, keeps=keeps)
        kept = {name: value for name, value in bound.items() if keeps or name in ("backbone", "layer")}
        kept["load"] = inner
        return functools.partial(features, **kept)
    return functools.partial(other, **bound) if keeps else other


def _check_loader(load: object, given: dict[str, object]) -> None:
    if not callable(load):
        raise UsageError(
            f"load must be a loader, with functools.partial around it to bind its arguments, got {shown(load)}"
        )
    try:
        inspect.signature(load).bind(**given)
    except (TypeError, ValueError) as misfit:
        called = ", ".join(f"{name}={value!r}" for name, value in given.items())
        known = getattr(load, "__qualname__", None) or shown(load)
        raise UsageError(f"load must be callable as load({called}), got {known}: {misfit}") from None


class _Frozen:
    """The beginning of a saved model, which is loaded when features are not in the store.

    Args:
        file: of the model.
        bytes_hash: of its content.
        layer: the name of the last layer, or None.
    """

    def __init__(self, file: Path, bytes_hash: str, layer: str | None) -> None:
        self.file = file
        self.bytes_hash = bytes_hash
        self.layer = layer

    def features(self, split: Split) -> np.ndarray:
        """Return the features of a split's examples, float32 of shape (n, ...)."""
        return stored(self._key(split), lambda: self._computed(split))

    def _key(self, split: Split) -> str:
        from lab.engine.precision import loaded_for

        versions = [importlib.metadata.version(name) for name in ("keras", "tensorflow")]
        decides = self.bytes_hash, self.layer, versions, loaded_for() or "exact"
        digest = hashlib.blake2b(json.dumps(decides).encode(), digest_size=16)
        update(digest, split.x)
        return digest.hexdigest()

    def _computed(self, split: Split) -> np.ndarray:
        model = self._model
        from lab.models.backbone import outputs

        return outputs(model, split.x, self.file)

    @functools.cached_property
    def _model(self) -> "keras.Model":
        from lab.engine.tensorflow import load_tensorflow

        load_tensorflow()
        from lab.models.backbone import beginning

        return beginning(self.file, self.layer)
