"""Readers of the formats in which Fashion-MNIST and CIFAR are published: bytes in, arrays out."""

import gzip
import hashlib
import io
import math
import pickle
import tarfile
import zlib

import numpy as np

from lab.checks import DataError


def idx(content: bytes, where: str, shape: tuple[int, ...], sha256: str) -> np.ndarray:
    """Return the array of a gzipped IDX file of bytes.

    Args:
        content: of the file.
        where: its path, for the refusal.
        shape: of the array it must hold.
        sha256: of the unpacked file.

    Raises:
        DataError: a torn file, another format, another shape, other content.

    Reference: the format's description is in LeCun's MNIST page: two zero bytes, the type (8 = unsigned byte), the
    number of dimensions, each dimension as a big-endian 32-bit number, the values.
    """
    try:
        raw = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{where} is torn or not a gzip file ({error}); get it again") from error
    head = b"\0\0\x08" + bytes([len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape)
    if raw[: len(head)] != head or len(raw) != len(head) + math.prod(shape):
        raise DataError(
            f"{where} must be an IDX file of {' x '.join(map(str, shape))} bytes, got {len(raw)} bytes that begin with "
            f"{raw[:4].hex() or 'nothing'}; get it again"
        )
    if (found := hashlib.sha256(raw).hexdigest()) != sha256:
        raise DataError(
            f"{where} is not the published file: unpacked, its SHA-256 is {found} instead of {sha256}; it was "
            f"left as it is, get it again"
        )
    return np.frombuffer(raw, np.uint8, offset=len(head)).reshape(shape)


class _Arrays(pickle.Unpickler):
    """Unpickles arrays, texts and numbers, and refuses everything else a pickle can call."""

    def find_class(self, module: str, name: str) -> object:
        match module, name:
            # Under the module's old name NumPy warns.
            case "numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct":
                return super().find_class("numpy._core.multiarray", name)
            case ("numpy", "ndarray" | "dtype") | ("_codecs", "encode"):
                return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it wants to call {module}.{name}")


def cifar(content: bytes, where: str, members: dict[str, tuple[str, ...]], labels: str, names: str) -> dict:
    """Return the arrays of a CIFAR archive (the "python version": a gzipped tar of pickles).

    Args:
        content: of the archive.
        where: its path, for the refusal.
        members: the files of "train" and of "test", and the one of "meta", without their folder.
        labels: under which key a file has its labels, and `names` under which "meta" has the names of the classes.

    Returns:
        "x_train", "x_test": uint8 of shape (n, 32, 32, 3); "y_train", "y_test": uint8 of shape (n,); "classes".

    Raises:
        DataError: a torn archive, a missing file, a pickle that holds anything but arrays.

    Reference: Krizhevsky 2009; a row of data is one image, channel by channel.
    """
    wanted = {member for files in members.values() for member in files}
    found: dict[str, dict] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r|gz") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                file = archive.extractfile(member) if name in wanted else None
                if file is not None:
                    found[name] = _Arrays(file, encoding="bytes").load()
        arrays: dict[str, np.ndarray] = {}
        for part in ("train", "test"):
            batches = [found[name] for name in members[part]]
            rows = np.concatenate([batch[b"data"] for batch in batches])
            arrays[f"x_{part}"] = np.ascontiguousarray(rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
            arrays[f"y_{part}"] = np.concatenate([batch[labels.encode()] for batch in batches]).astype(np.uint8)
        arrays["classes"] = np.array([name.decode() for name in found[members["meta"][0]][names.encode()]])
    except (tarfile.TarError, zlib.error, EOFError, OSError, KeyError, ValueError, pickle.UnpicklingError) as error:
        raise DataError(f"{where} is not a CIFAR archive that can be read ({error}); get it again") from error
    return arrays
