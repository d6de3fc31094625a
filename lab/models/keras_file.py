"""A `.keras` file: written, examined before Keras loads it, and loaded without running anything that is in it.

The file is a zip archive of a configuration in JSON and weights in HDF5. Nothing is unpickled, and a function that was
saved as Python's byte code is refused, as Keras's safe mode does.
"""

import json
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.checks import DataError

if TYPE_CHECKING:
    import keras

_FOREIGN = {
    b"\x89HDF": "an HDF5 file, the format of Keras 2 and its predecessors; load it where it was made and save it anew: "
    "model.save('model.keras')",
    b"\x80": "a pickle, which may run anything when it is loaded; save the model with Keras: model.save('model.keras')",
    b"\x08": "perhaps a model of ONNX; save the model with Keras: model.save('model.keras')",
}
_LARGEST = 2**31
"""The most bytes of a configuration; even one with the starts of an l2_start penalty takes fewer."""


def model_bytes(model: "keras.Model", who: str) -> bytes:
    """Return a model as the bytes of a .keras file.

    Args:
        model: any Keras model.
        who: how a refusal names it, as in "the model of the run x".

    Raises:
        DataError: Keras cannot save it.
    """
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "model.keras"
        try:
            model.save(path)
        except Exception as error:
            # A model may hold anybody's layers, which fail in their own ways.
            raise DataError(
                f"{who} cannot be saved ({type(error).__name__}: {error}); give its own classes a get_config and "
                "register them by keras.saving.register_keras_serializable"
            ) from error
        return path.read_bytes()


def read_configuration(path: Path) -> tuple[dict[str, Any], str]:
    """Return the configuration of a saved model and the version of Keras that saved it, without loading Keras.

    The version is "" where the file does not tell.

    Raises:
        DataError: there is no such file, it is damaged or of another kind, or it holds code.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        # Whoever opens a pipe waits for its writer.
        raise DataError(f"{path} must be a .keras file, got what is neither a file nor a folder; name a file")
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except IsADirectoryError:
        raise DataError(f"{path} must be a .keras file, got a folder; save the model: model.save('x.keras')") from None
    except FileNotFoundError:
        raise DataError(f"{path} must be a .keras file, got none; there is no such file") from None
    foreign = next((text for magic, text in _FOREIGN.items() if start.startswith(magic)), None)
    if foreign:
        raise DataError(f"{path} must be a .keras file, got {foreign}")
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if "config.json" not in names:
                kind = "a model of PyTorch" if any(n.endswith("data.pkl") for n in names) else "another zip archive"
                raise DataError(f"{path} must be a .keras file, got {kind}; save the model with Keras")
            if not any(name.startswith("model.weights") for name in names):
                raise DataError(f"{path} is damaged: it holds no weights; save the model again")
            if archive.getinfo("config.json").file_size > _LARGEST:
                raise DataError(f"{path} is damaged: its configuration is too large; save the model again")
            config = json.loads(archive.read("config.json"))
            metadata = json.loads(archive.read("metadata.json")) if "metadata.json" in names else {}
            version = str(metadata.get("keras_version", ""))
        if not isinstance(config, dict):
            raise ValueError("its configuration is no object")
    except DataError:
        raise
    except (zipfile.BadZipFile, ValueError, AttributeError, RecursionError, EOFError, NotImplementedError) as error:
        raise DataError(f"{path} is damaged or no .keras file ({_line(error)}); save the model again") from error
    if path.suffix != ".keras":
        raise DataError(f"{path} must be called .keras, as Keras demands of such a file; rename it")
    layer = next(_with_code(config), None)
    if layer is not None:
        raise DataError(
            f"{path} holds code in the layer {layer!r}, which is not run (a Lambda layer with a lambda); write it as a "
            "layer of a class, registered by keras.saving.register_keras_serializable, or as operations of keras.ops"
        )
    return config, version


@dataclass(frozen=True)
class Outline:
    """The part of a saved model's graph that its configuration tells.

    Args:
        layers: the names of its layers, inputs included, without those of the models inside it.
        input_shape: of one example; None where only the loaded model tells.
    """

    layers: tuple[str, ...]
    input_shape: tuple[int | None, ...] | None


def outline(path: Path) -> Outline:
    """Return the outline of a saved Functional or Sequential model with one input, without loading Keras.

    Raises:
        DataError: as `read_configuration`, or a model of another kind, or with several inputs.
    """
    config, _ = read_configuration(path)
    kind, own = config.get("class_name"), config.get("config")
    if kind not in ("Functional", "Sequential") or not isinstance(own, dict):
        raise DataError(
            f"{path} must hold a Functional or Sequential model, whose layers can be told apart, got {kind}; build it "
            "from layers and save it again"
        )
    try:
        layers = [(layer["class_name"], layer["config"]) for layer in own["layers"]]
        names = tuple(str(settings["name"]) for _, settings in layers)
        # Keras 2 calls the shape otherwise.
        shapes = [settings.get("batch_shape") for name, settings in layers if name == "InputLayer"]
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is damaged: its configuration lists no layers; save the model again") from error
    if len(shapes) > 1:
        raise DataError(
            f"{path} must hold a model with one input, got {len(shapes)}; join them before, and save the model again"
        )
    return Outline(names, tuple(shapes[0][1:]) if shapes and isinstance(shapes[0], list) else None)


def load(path: Path) -> "keras.Model":
    """Return a saved model, uncompiled.

    Raises:
        DataError: as `read_configuration`, or Keras cannot load the file.
    """
    read_configuration(path)
    import keras

    import lab.layers  # noqa: F401, it registers the layers of the lab

    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except MemoryError:
        raise
    except Exception as error:
        # The file may hold anything, and Keras fails in as many ways.
        raise DataError(
            f"{path} cannot be loaded ({_line(error)}); save it again with this version of Keras, and import what "
            "registers its own classes before"
        ) from error
    if not isinstance(model, keras.Model):
        raise DataError(f"{path} must hold a keras.Model, got {type(model).__name__}")
    return model


def _line(error: BaseException) -> str:
    # Keras puts the whole configuration around the message.
    text = str(error).rpartition("Exception encountered: ")[2].strip().partition("\n")[0]
    return f"{type(error).__name__}: {text if len(text) <= 200 else text[:197] + '...'}"


def _with_code(config: Any, layer: str = "") -> Iterator[str]:
    """Yield the names of layers that hold a function as byte code."""
    waiting = [(config, layer)]
    while waiting:
        value, name = waiting.pop()
        if isinstance(value, dict):
            if value.get("class_name") == "__lambda__":
                yield name
            inner = value.get("config")
            name = str(inner.get("name", name)) if isinstance(inner, dict) else name
            waiting += [(each, name) for each in value.values()]
        elif isinstance(value, list):
            waiting += [(each, name) for each in value]
