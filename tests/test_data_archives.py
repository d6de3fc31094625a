""".npz files that cannot be used: one case per line, each with the whole sentence that refuses it."""

# ruff: noqa: E501

import numpy as np
import pytest

from lab.checks import DataError
from lab.data import from_npz
from tests.data_files import (
    X,
    Y,
    archive,
    bytes_at,
    encrypted,
    fifo,
    folder,
    header,
    npy,
    npz_of,
    npz_x,
    put,
    refused,
    sock,
)

# fmt: off
ARCHIVES = [
    (lambda: from_npz("no.npz"), DataError, "no.npz is not there; check the path"),
    (lambda: from_npz(folder()), DataError, "folder.csv must be a file and is a folder; name a file"),
    (lambda: from_npz(fifo()), DataError, "pipe must be a file and is a named pipe; name a file"),
    (lambda: from_npz(sock()), DataError, "socket must be a file and is a socket; name a file"),
    (lambda: from_npz("/dev/null"), DataError, "/dev/null must be a file and is a device; name a file"),
    (lambda: from_npz(bytes_at("t.npz", b"")), DataError, "t.npz is not an .npz file; write one with numpy.savez(path, x=x, y=y)"),
    (lambda: from_npz(bytes_at("t.npz", b"PK")), DataError, "t.npz is not an .npz file; write one with numpy.savez(path, x=x, y=y)"),
    (lambda: from_npz(bytes_at("t.npz", b"PK\3\4")), DataError, "t.npz is torn or no .npz file (File is not a zip file); write it again"),
    (lambda: from_npz(bytes_at("t.npz", npy(X))), DataError, "t.npz is not an .npz file; write one with numpy.savez(path, x=x, y=y)"),
    (lambda: from_npz(bytes_at("t.npz", b"\x80\4K\1.")), DataError, "t.npz is not an .npz file; write one with numpy.savez(path, x=x, y=y)"),
    (lambda: from_npz(bytes_at("t.npz", archive({"x.npy": npy(X), "y.npy": npy(Y)}).read_bytes()[:-60])), DataError, "t.npz is torn or no .npz file (File is not a zip file); write it again"),
    (lambda: from_npz(bytes_at("t.npz", archive({"x.npy": npy(X), "y.npy": npy(Y)}).read_bytes().replace(npy(Y)[-16:], b"?" * 16))), DataError, "t.npz is torn or no .npz file (Bad CRC-32 for file 'y.npy'); write it again"),
    (lambda: from_npz(archive({})), DataError, "t.npz must hold x and y, or x_train, y_train and x_val, y_val and x_test, y_test as far as there are such splits; x_train is missing from no array at all"),
    (lambda: from_npz(archive({"readme.txt": b"x"})), DataError, "t.npz must hold x and y, or x_train, y_train and x_val, y_val and x_test, y_test as far as there are such splits; x_train is missing from no array at all"),
    (lambda: from_npz(archive({"x.npy": npy(X), "y": npy(Y)})), DataError, "t.npz must hold x and y, or x_train, y_train and x_val, y_val and x_test, y_test as far as there are such splits; y is missing from x"),
    (lambda: npz_of(x=X), DataError, "t.npz must hold x and y, or x_train, y_train and x_val, y_val and x_test, y_test as far as there are such splits; y is missing from x"),
    (lambda: npz_of(y=Y), DataError, "t.npz must hold x and y, or x_train, y_train and x_val, y_val and x_test, y_test as far as there are such splits; x_train is missing from y"),
    (lambda: npz_of(x=X, labels=Y), DataError, "t.npz must hold x and y, or x_train, y_train and x_val, y_val and x_test, y_test as far as there are such splits; y is missing from x, labels"),
    (lambda: npz_of(x_train=X, y_train=Y, x_val=X), DataError, "t.npz must hold x and y, or x_train, y_train and x_val, y_val and x_test, y_test as far as there are such splits; y_val is missing from x_train, y_train, x_val"),
    (lambda: npz_of(x_train=X, y_train=Y, y_test=Y), DataError, "t.npz must hold x and y, or x_train, y_train and x_val, y_val and x_test, y_test as far as there are such splits; x_test is missing from x_train, y_train, y_test"),
    (lambda: npz_of(x=X, y=Y, x_train=X, y_train=Y), DataError, "t.npz must hold either x or x_train and holds both; leave out or rename one"),
    (lambda: npz_of(x=X, y=Y, x_test=X, y_test=Y), DataError, "30 of the 30 examples of the test split of t (100 %) are in its training split too, more than chance explains; splits must be disjoint, so take them out of one"),
    (lambda: npz_of(x=X, y=Y * 1e300), DataError, "y must hold labels that float64 tells apart, below 2**53, got 1e+300; give them as whole numbers or as texts"),
    (lambda: npz_of(x=X, y=Y + 2.0**53), DataError, "y must hold labels that float64 tells apart, below 2**53, got 9.0072e+15; give them as whole numbers or as texts"),
    (lambda: npz_of(x=X + 1j, y=Y), DataError, "x must hold numbers, got complex64; give x.real and x.imag as numbers of their own"),
    (lambda: npz_of(x=X[:0], y=Y[:0]), DataError, "x is empty; every split needs examples"),
    (lambda: npz_x(npy(put(1))), DataError, "the array x of t.npz holds Python objects, which are pickled and could run any program; save numbers or texts instead, as in numpy.savez(path, x=x.astype('float32'))"),
    (lambda: npz_x(b""), DataError, "the array x of t.npz is torn: it has no header of NumPy's that can be read; write the file again"),
    (lambda: npz_x(b"text"), DataError, "the array x of t.npz is torn: it has no header of NumPy's that can be read; write the file again"),
    (lambda: npz_x(b"\x93NUMPY"), DataError, "the array x of t.npz is torn: it has no header of NumPy's that can be read; write the file again"),
    (lambda: npz_x(b"\x93NUMPY\7\0" + npy(X)[8:]), DataError, "the array x of t.npz is torn: it has no header of NumPy's that can be read; write the file again"),
    (lambda: npz_x(npy(X)[:-4]), DataError, "the array x of t.npz is torn: its header tells of 240 bytes, and 236 are there; write the file again"),
    (lambda: npz_x(npy(X) + b"1234"), DataError, "the array x of t.npz is torn: its header tells of 240 bytes, and 244 are there; write the file again"),
    (lambda: npz_x(header("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 2)}", b"1234")), DataError, "the array x of t.npz is torn: its header tells of 8000000000000 bytes, and 4 are there; write the file again"),
    (lambda: npz_x(header("{'descr': '<f4', 'fortran_order': False, 'shape': (-30, 2)}", X.tobytes())), DataError, "the array x of t.npz is torn: its header tells of the shape (-30, 2); write the file again"),
    (lambda: npz_x(header("{'descr': '<f4', 'fortran_order': False, 'shape': (-30, -2)}", X.tobytes())), DataError, "the array x of t.npz is torn: its header tells of the shape (-30, -2); write the file again"),
    (lambda: npz_x(header("{'descr': '<f4', 'fortran_order': False, 'shape': (30, 2)", X.tobytes())), DataError, "the array x of t.npz is torn: it has no header of NumPy's that can be read; write the file again"),
    (lambda: npz_x(header("{'descr': '<f4', 'fortran_order': False, 'shape': " + "(" * 3000 + ")" * 3000 + "}", X.tobytes())), DataError, "the array x of t.npz is torn: it has no header of NumPy's that can be read; write the file again"),
    (lambda: npz_x(header("{'descr': '<f4', 'fortran_order': False, 'shape': (((30, 2}", X.tobytes())), DataError, "the array x of t.npz is torn: it has no header of NumPy's that can be read; write the file again"),
    (lambda: npz_x(header("{'descr': 'nonsense', 'fortran_order': False, 'shape': (30, 2)}", X.tobytes())), DataError, "the array x of t.npz is torn: it has no header of NumPy's that can be read; write the file again"),
    (lambda: npz_x(header("{'descr': '<f4', 'fortran_order': 3, 'shape': (30, 2)}", X.tobytes())), DataError, "the array x of t.npz is torn: it has no header of NumPy's that can be read; write the file again"),
    (lambda: npz_x(header("{'descr': '<f4', 'shape': (30, 2)}", X.tobytes())), DataError, "the array x of t.npz is torn: it has no header of NumPy's that can be read; write the file again"),
    (lambda: npz_x(header("[]", X.tobytes())), DataError, "the array x of t.npz is torn: it has no header of NumPy's that can be read; write the file again"),
    (lambda: npz_x(header("__import__('os').system('false')", X.tobytes())), DataError, "the array x of t.npz is torn: it has no header of NumPy's that can be read; write the file again"),
    (lambda: npz_x(header("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", b"\x80\4K\1.")), DataError, "the array x of t.npz holds Python objects, which are pickled and could run any program; save numbers or texts instead, as in numpy.savez(path, x=x.astype('float32'))"),
    (lambda: from_npz(encrypted()), DataError, "t.npz is encrypted; write it without a password"),
]
# fmt: on


@pytest.mark.parametrize(("call", "error", "sentence"), ARCHIVES)
def test_archives_that_cannot_be_used_are_refused(tmp_path, monkeypatch, call, error, sentence):
    monkeypatch.chdir(tmp_path)
    refused(call, error, sentence)


def test_arrays_of_every_layout_are_read_as_numpy_reads_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plain = npz_of(x=X, y=Y)
    assert npz_of(x=np.asfortranarray(X), y=Y).fingerprint == plain.fingerprint
    assert (
        npz_of(x=X.astype(">f8"), y=Y.astype(">i2"), notes=np.array(["any", "text"])).fingerprint == plain.fingerprint
    )
    assert npz_of(x=X, y=Y, nothing=X[:0], one=np.float64(3)).fingerprint == plain.fingerprint
