"""NumPy's .npz files: bytes in, arrays out. Nothing is unpickled, as a pickle can run any program."""

import io
import math
import tokenize
import zipfile
import zlib
from typing import IO

import numpy as np

from lab.checks import DataError

# The errors raised by a torn archive, or by a header that is not NumPy's.
TORN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    SyntaxError,
    RecursionError,
    MemoryError,
    tokenize.TokenError,
    # Also NotImplementedError: compressed in a way that Python does not know.
    RuntimeError,
)


def npz(content: bytes, where: str) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz file by name.

    Raises:
        DataError: a torn file, another format, an array of Python objects, a header that claims more than is there.
    """
    if not content.startswith((b"PK\3\4", b"PK\5\6")):
        raise DataError(f"{where} is not an .npz file; write one with numpy.savez(path, x=x, y=y)")
    arrays: dict[str, np.ndarray] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.infolist():
                if not member.filename.endswith(".npy"):
                    continue
                name = member.filename.removesuffix(".npy")
                if member.flag_bits & 1:
                    raise DataError(f"{where} is encrypted; write it without a password")
                if name in arrays:
                    raise DataError(f"{where} has two arrays of the name {name!r}; write it again with one")
                arrays[name] = _array(archive.open(member), member.file_size, f"the array {name} of {where}", name)
    except DataError:
        raise
    except TORN as error:
        raise DataError(
            f"{where} is torn or no .npz file ({str(error) or type(error).__name__}); write it again"
        ) from error
    return arrays


def _array(file: IO[bytes], size: int, what: str, name: str) -> np.ndarray:
    """Return the array of one member, whose header must fit its size."""
    with file:
        try:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran, dtype = read(file)
        except (zipfile.BadZipFile, zlib.error):
            raise
        except TORN as error:
            raise DataError(
                f"{what} is torn: it has no header of NumPy's that can be read; write the file again"
            ) from error
        if dtype.hasobject:
            raise DataError(
                f"{what} holds Python objects, which are pickled and could run any program; save numbers or texts "
                f"instead, as in numpy.savez(path, {name}={name}.astype('float32'))"
            )
        if min(shape, default=1) < 0:
            raise DataError(f"{what} is torn: its header tells of the shape {shape}; write the file again")
        held, claimed = size - file.tell(), math.prod(shape) * dtype.itemsize
        if claimed != held:
            raise DataError(
                f"{what} is torn: its header tells of {claimed} bytes, and {held} are there; write the file again"
            )
        raw = file.read()
    return np.frombuffer(bytearray(raw), dtype, math.prod(shape)).reshape(shape, order="F" if fortran else "C")
