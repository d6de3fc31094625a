"""Arrays that cannot be examples: one case per line, each with the whole sentence that refuses it."""

# ruff: noqa: E501

import datetime

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from lab.checks import DataError
from lab.data import from_arrays
from tests.data_files import X, Y, masked, put, refused

# fmt: off
EXAMPLES = [
    (lambda: from_arrays(masked(X, 7, 1), Y), DataError, "x must have no missing values and has 1 (masked), the first at [7, 1]; fill or remove them"),
    (lambda: from_arrays([masked(row, 0) for row in X], Y), DataError, "x must be one array, got masked arrays in a list; join them with numpy.ma.stack"),
    (lambda: from_arrays(X, Y, test=(masked(X + 100, 0, 0), Y)), DataError, "x of test must have no missing values and has 1 (masked), the first at [0, 0]; fill or remove them"),
    (lambda: from_arrays(put(None), Y), DataError, "x must have no missing values and has 1 (None, NaN or NA), the first at [7, 1]; fill or remove them"),
    (lambda: from_arrays(put(pd.NA), Y), DataError, "x must have no missing values and has 1 (None, NaN or NA), the first at [7, 1]; fill or remove them"),
    (lambda: from_arrays(put(pd.NaT), Y), DataError, "x must have no missing values and has 1 (None, NaN or NA), the first at [7, 1]; fill or remove them"),
    (lambda: from_arrays(put(np.nan), Y), DataError, "x must have no missing values and has 1 (None, NaN or NA), the first at [7, 1]; fill or remove them"),
    (lambda: from_arrays(pd.DataFrame({"a": Y, "b": Y.astype(str)}), Y), DataError, "x holds Python objects instead of numbers; convert it first, as in x.astype('float32')"),
    (lambda: from_arrays(pd.DataFrame({"a": [None, *Y[1:].astype(float)], "b": Y}), Y), DataError, "x must hold finite float32 numbers and holds 1 NaN and 0 infinite or too large ones, the first at [0, 0]; fill or remove them"),
    (lambda: from_arrays(put(np.nan, dtype=np.float32), Y), DataError, "x must hold finite float32 numbers and holds 1 NaN and 0 infinite or too large ones, the first at [7, 1]; fill or remove them"),
    (lambda: from_arrays(put(np.inf, dtype=np.float32), Y), DataError, "x must hold finite float32 numbers and holds 0 NaN and 1 infinite or too large ones, the first at [7, 1]; fill or remove them"),
    (lambda: from_arrays(put(-np.inf, dtype=np.float64), Y), DataError, "x must hold finite float32 numbers and holds 0 NaN and 1 infinite or too large ones, the first at [7, 1]; fill or remove them"),
    (lambda: from_arrays(put(1e39, dtype=np.float64), Y), DataError, "x must hold finite float32 numbers and holds 0 NaN and 1 infinite or too large ones, the first at [7, 1]; fill or remove them"),
    (lambda: from_arrays(put(10**20), Y), DataError, "x must hold numbers of at most 64 bits, got 100000000000000000000; scale them down"),
    (lambda: from_arrays(put(10**400), Y), DataError, "x must hold numbers of at most 64 bits, got 1" + "0" * 296 + "...; scale them down"),
    (lambda: from_arrays(put(10**5000), Y), DataError, "x must hold numbers of at most 64 bits, got a value of type int that cannot be printed; scale them down"),
    (lambda: from_arrays(put(datetime.date(2020, 1, 1)), Y), DataError, "x holds Python objects instead of numbers; convert it first, as in x.astype('float32')"),
    (lambda: from_arrays(X + 1j, Y), DataError, "x must hold numbers, got complex64; give x.real and x.imag as numbers of their own"),
    (lambda: from_arrays(X.astype("datetime64[s]"), Y), DataError, "x must hold numbers, got datetime64[s]; give dates as numbers, such as days since the first one"),
    (lambda: from_arrays(X.astype("timedelta64[s]"), Y), DataError, "x must hold numbers, got timedelta64[s]; give durations as numbers, such as seconds"),
    (lambda: from_arrays(X.astype(str), Y), DataError, "x must hold numbers, got <U32; convert texts to numbers, as in x.astype('float32')"),
    (lambda: from_arrays(X.astype(bytes), Y), DataError, "x must hold numbers, got |S32; convert bytes to texts, as in x.astype(str)"),
    (lambda: from_arrays(X.view([("a", "f4"), ("b", "f4")]), Y), DataError, "x must hold numbers, got [('a', '<f4'), ('b', '<f4')]; join the fields with numpy.lib.recfunctions.structured_to_unstructured"),
    (lambda: from_arrays(csr_matrix(X), Y), DataError, "x must be an array, got a sparse csr_matrix; give x.toarray()"),
    (lambda: from_arrays(np.float32(3), Y), DataError, "x must be of shape (n, ...), one example per row, got (); give each example at least one number"),
    (lambda: from_arrays(X[:, 0], Y), DataError, "x must be of shape (n, ...), one example per row, got (30,); a single feature is x.reshape(-1, 1)"),
    (lambda: from_arrays(X[:0], Y[:0]), DataError, "x is empty; every split needs examples"),
    (lambda: from_arrays(X[:, :0], Y), DataError, "x must be of shape (n, ...), one example per row, got (30, 0); give each example at least one number"),
    (lambda: from_arrays(X[..., None][:, :, :0], Y), DataError, "x must be of shape (n, ...), one example per row, got (30, 2, 0); give each example at least one number"),
    (lambda: from_arrays(None, Y), DataError, "x must be an array, got None; give numbers or labels as a NumPy array"),
    (lambda: from_arrays("x", Y), DataError, "x must be an array, got 'x'; give numbers or labels as a NumPy array"),
    (lambda: from_arrays({"a": 1}, Y), DataError, "x must be an array, got {'a': 1}; give numbers or labels as a NumPy array"),
    (lambda: from_arrays({1, 2}, Y), DataError, "x must be an array, got {1, 2}; give numbers or labels as a NumPy array"),
    (lambda: from_arrays((row for row in X), Y), DataError, "x must be an array, got generator; give numbers or labels as a NumPy array"),
    (lambda: from_arrays([[1.0, 2.0], [3.0]], Y), DataError, "x must be an array, and its rows are not of one length"),
    (lambda: from_arrays([], []), DataError, "x must be of shape (n, ...), one example per row, got (0,); a single feature is x.reshape(-1, 1)"),
    (lambda: from_arrays(X, Y[:29]), DataError, "x has 30 examples and y has 29 labels; give each example one label"),
    (lambda: from_arrays(X, Y, test=(X[:, :1] + 100, Y)), DataError, "the test split of arrays has examples of shape (1,) and the training split has (2,); all splits need one shape"),
]
# fmt: on


@pytest.mark.parametrize(("call", "error", "sentence"), EXAMPLES)
def test_arrays_that_cannot_be_examples_are_refused(call, error, sentence):
    refused(call, error, sentence)
