"""What the tests of bad data share: thirty good examples, ways to spoil them, and files in the working folder."""

import io
import os
import socket
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lab.data import from_csv, from_npz

X = np.arange(60, dtype=np.float32).reshape(30, 2)
Y = np.arange(30) % 3


def refused(call, error, sentence):
    """Check that a call is refused with one whole sentence."""
    with pytest.raises(error) as caught:
        call()
    assert (type(caught.value), str(caught.value)) == (error, sentence)


def put(value, at=(7, 1), like=X, dtype=object):
    """Return a copy of an array with one other value."""
    made = like.astype(dtype)
    made[at] = value
    return made


def masked(array, *at):
    """Return a masked array of which one value, or row, is masked."""
    made = np.ma.array(array, copy=True)
    made[at] = np.ma.masked
    return made


def bytes_at(name, content):
    path = Path(name)
    path.write_bytes(content)
    return path


def table(text, encoding="utf-8"):
    return bytes_at("t.csv", text if isinstance(text, bytes) else text.encode(encoding))


def csv_of(text, target="kind", encoding="utf-8", **named):
    """Return the dataset of a CSV file of this content."""
    return from_csv(table(text, encoding), target=target, **named)


def archive(members):
    with zipfile.ZipFile("t.npz", "w") as made:
        for name, content in members.items():
            made.writestr(name, content)
    return Path("t.npz")


def encrypted():
    """Return an archive whose member is marked as encrypted, in its own header and in the archive's directory."""
    content = bytearray(archive({"x.npy": npy(X)}).read_bytes())
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    return bytes_at("t.npz", content)


def npy(array):
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def header(text, body=b""):
    """Return an .npy file of any header."""
    padded = text.encode() + b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + len(padded).to_bytes(2, "little") + padded + body


def npz_of(**arrays):
    """Return the dataset of an .npz file of these arrays."""
    return from_npz(archive({f"{name}.npy": npy(array) for name, array in arrays.items()}))


def npz_x(content):
    """Return the dataset of an .npz file whose x is this .npy file."""
    return from_npz(archive({"x.npy": content, "y.npy": npy(Y)}))


def fifo():
    os.mkfifo("pipe")
    return Path("pipe")


def sock():
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("socket")
    return Path("socket")


def folder():
    Path("folder.csv").mkdir()
    return Path("folder.csv")


def link():
    Path("loop").symlink_to("loop")
    return Path("loop")
