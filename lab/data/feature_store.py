"""The features that frozen backbones made, kept in Keras's cache so that they are computed once.

A file of it is named by a hash of all that decides its content, holds plain arrays, and may be deleted at any time.
"""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lab.data.keras_cache import folder, once

MOST_BYTES = 4 * 2**30
"""The size of the store; where others need their place, the features that were not used for longest are removed."""


def place() -> Path:
    """Return the folder of the store: "lab-features" in Keras's folder of data sets."""
    return folder() / "lab-features"


def stored(key: str, make: Callable[[], np.ndarray]) -> np.ndarray:
    """Return the features of a key, made only if they are not kept, and kept if the folder can be written.

    Args:
        key: hexadecimal digits that follow from all that decides the features.
        make: computes them.
    """
    path = place() / f"{key}.npz"
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
    found = once(path, lambda: {"features": make()})["features"]
    with contextlib.suppress(OSError):
        # The clock of files is coarser, and which features were used last would be left to chance.
        os.utime(path, ns=(time.time_ns(),) * 2)
        _make_room(path.parent)
    return found


def _make_room(store: Path) -> None:
    files = [(file.stat().st_mtime_ns, file.stat().st_size, file) for file in store.glob("*.npz")]
    total = sum(size for _, size, _ in files)
    for _, size, file in sorted(files):
        if total <= MOST_BYTES:
            return
        file.unlink(missing_ok=True)
        total -= size
