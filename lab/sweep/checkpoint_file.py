"""The file of a checkpoint: the state of runs after an epoch, as safetensors with a header that says whose it is.

The header names the runs, and what their bits depend on beside their declarations: versions, threads and processor. The
file appears whole by one rename, and a hash covers all that it holds, the header included.
"""

import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lab.engine.training_state import State
from lab.results.files import make_folder, sync
from lab.results.partial import partial_folder
from lab.results.record import threads, versions

FORMAT = 1
"""The version of the files. Files of another one are ignored."""


def write(path: Path, state: State, header: Mapping[str, Any]) -> None:
    """Write a checkpoint by one rename.

    Args:
        path: of the file, whose folder is made if it is not there.
        state: of the runs.
        header: what else is known of them, in JSON types.

    Raises:
        OSError: it cannot be written. What was there before stays.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    whole = {"format": FORMAT, **header, "epoch": state.epoch}
    arrays = {name: np.ascontiguousarray(array) for name, array in state.arrays.items()}
    text = json.dumps({**whole, "sha256": _hash(whole, arrays)})
    make_folder(path.parent)
    with partial_folder(path.parent) as partial:
        try:
            save_file(arrays, partial / path.name, {"checkpoint": text})
        except SafetensorError as error:
            raise OSError(str(error)) from error
        with open(partial / path.name, "rb") as file:
            os.fsync(file.fileno())
        os.replace(partial / path.name, path)
    sync(path.parent)


def read_header(path: Path) -> dict[str, Any]:
    """Return what a checkpoint says of itself, without its arrays.

    Raises:
        ValueError: it is none, or of another format.
        OSError: it cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    # A FIFO would be waited for without end.
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("it is no file")
    try:
        with safe_open(path, "np") as file:
            header = json.loads((file.metadata() or {}).get("checkpoint", "null"))
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"it is torn or no checkpoint ({error})") from None
    kinds = {"format": int, "engine": str, "epoch": int, "runs": list, "bits": dict, "sha256": str}
    if not isinstance(header, dict) or any(not isinstance(header.get(name), kind) for name, kind in kinds.items()):
        raise ValueError("it is no checkpoint of the lab")
    if header["format"] != FORMAT:
        raise ValueError(f"its format is {header['format']}, and this version of the lab reads {FORMAT}")
    return header


def read(path: Path) -> tuple[dict[str, Any], State]:
    """Return the header and the state that a checkpoint holds.

    Raises:
        ValueError: it is damaged.
        OSError: it cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    header = read_header(path)
    try:
        arrays = load_file(path)
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"it is torn ({error})") from None
    hashed = {name: value for name, value in header.items() if name != "sha256"}
    if _hash(hashed, arrays) != header["sha256"]:
        raise ValueError("its content does not have its hash")
    if any(len(array) != len(header["runs"]) for array in arrays.values()):
        raise ValueError("it does not hold as many runs as it names")
    return header, State(header["epoch"], arrays)


def _hash(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """Return the SHA-256 of a header and of the names, the forms and the bytes of all arrays."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.data if array.size else b"")
    return digest.hexdigest()


def bits() -> dict[str, Any]:
    """Return what the bits of a run depend on beside its declaration, in JSON types."""
    known = versions()
    names = ("machine", "regularization-lab", "tensorflow", "keras", "numpy")
    return {name: known[name] for name in names if name in known} | {"threads": threads(), "processor": _processor()}


def _processor() -> str:
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        lines: Iterable[str] = (line.partition(":")[2].strip() for line in file if line.startswith("model name"))
        return next(iter(lines), "")
    return ""
