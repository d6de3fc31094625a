"""Event files of TensorBoard, as its Keras callback and `SummaryWriter` of PyTorch write them.

The records are read and their checksums are compared by the package tensorboard itself, without TensorFlow.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lab.checks import DataError
from lab.results.elsewhere import need
from lab.results.logs.logged import Curve, Logged, curves_by_column

EVENTS = "events.out.tfevents."
"""The beginning of the names of event files."""

DEEPEST = 4
"""The most folders between the one that is named and an event file."""

_SPLITS = ("train", "validation", "val", "test", "eval")
"""Folders of one split of the run in the folder above."""

_REMEDY = "leave the file out, or log the run again"


def event_folders(folder: Path) -> list[Path]:
    """Return the folders at or below a folder that hold event files, in the order of their names."""
    found = []
    for place, folders, names in os.walk(folder):
        path = Path(place)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if len(path.relative_to(folder).parts) >= DEEPEST:
            folders.clear()
        if any(name.startswith(EVENTS) for name in names):
            found.append(path)
    return found


def read(folder: Path) -> list[Logged]:
    """Return the runs whose event files are in a folder, each in a folder of its own.

    The folders `train` and `validation` of a run are its splits, as the Keras callback has them. Event files of the
    folder itself are a run by its name.

    Raises:
        UsageError: the package tensorboard is not installed.
        DataError: an event file is damaged, or a run has two metrics for one column.
    """
    need("tensorboard", "tensorboard", f"to read the event files in {folder}")
    runs: dict[Path, dict[str, Curve]] = {}
    for place in event_folders(folder):
        is_split = place.name.lower() in _SPLITS and place != folder
        run = place.parent if is_split else place
        found = curves_by_column(_scalars(place), str(place), place.name if is_split else "")
        own = runs.setdefault(run, {})
        if own.keys() & found.keys():
            column = min(own.keys() & found.keys())
            raise DataError(
                f"{run} must have one metric for {column!r}, got one in {place.name} and one beside it; leave one out"
            )
        own |= found
    return [
        Logged(run.relative_to(folder).as_posix() if run != folder else folder.name, str(run), curves)
        for run, curves in runs.items()
    ]


def _scalars(place: Path) -> dict[str, Curve]:
    """Return the scalars of a folder's event files, in the order in which they were begun."""
    curves: dict[str, list[tuple[float, float]]] = {}
    # A FIFO would be waited for without end.
    for path in sorted(path for path in place.glob(f"{EVENTS}*") if path.is_file()):
        for event in _events(path):
            for value in event.summary.value:
                number = _number(value)
                if number is not None:
                    curves.setdefault(value.tag, []).append((float(event.step), number))
    return dict(curves)


def _events(path: Path) -> Iterator[Any]:
    """Yield the events of a file; a last record that is torn, as a killed training leaves it, ends it."""
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.tensorflow_stub import errors
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New

    try:
        reader = PyRecordReader_New(str(path))
        while True:
            reader.GetNext()
            yield Event.FromString(reader.record())
    except errors.OutOfRangeError:
        return
    except errors.DataLossError as error:
        # Only this sentence tells a record that is not all there from one that is wrong.
        if "truncated" in str(error.message).lower():
            return
        raise DataError(f"{path} is damaged ({error.message}); {_REMEDY}") from None
    except DecodeError as error:
        raise DataError(f"{path} is damaged ({error}); {_REMEDY}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); make it readable") from None


def _number(value: Any) -> float | None:
    """Return a scalar; None for a histogram, an image, a text."""
    kind = value.WhichOneof("value")
    if kind == "simple_value":
        return float(value.simple_value)
    if kind != "tensor" or math.prod(dim.size for dim in value.tensor.tensor_shape.dim) != 1:
        return None
    from tensorboard.util.tensor_util import make_ndarray

    array = make_ndarray(value.tensor)
    return float(array.reshape(())) if array.dtype.kind in "fiu" else None
