"""Labels: those that differ stay different classes, exactly; others are refused, one case per line."""

# ruff: noqa: E501

import numpy as np
import pandas as pd
import pytest

from lab.checks import DataError
from lab.data import from_arrays
from tests.data_files import X, Y, csv_of, masked, put, refused

# fmt: off
LABELS = [
    (lambda: from_arrays(X, masked(Y, 4)), DataError, "y must have no missing values and has 1 (masked), the first at [4]; fill or remove them"),
    (lambda: from_arrays(X, masked(Y.astype(str), 4)), DataError, "y must have no missing values and has 1 (masked), the first at [4]; fill or remove them"),
    (lambda: from_arrays(X, masked(X, 3), labels="numbers"), DataError, "y must have no missing values and has 2 (masked), the first at [3, 0]; fill or remove them"),
    (lambda: from_arrays(X, put(None, 4, Y)), DataError, "y must have no missing values and has 1 (None, NaN or NA), the first at [4]; fill or remove them"),
    (lambda: from_arrays(X, put(np.nan, 4, Y.astype(str))), DataError, "y must have no missing values and has 1 (None, NaN or NA), the first at [4]; fill or remove them"),
    (lambda: from_arrays(X, pd.array([None, *Y[1:]], dtype="Int64")), DataError, "y must hold finite float32 numbers and holds 1 NaN and 0 infinite or too large ones, the first at [0]; fill or remove them"),
    (lambda: from_arrays(X, pd.Series([None, *Y[1:].astype(str)])), DataError, "y must have no missing values and has 1 (None, NaN or NA), the first at [0]; fill or remove them"),
    (lambda: from_arrays(X, None), DataError, "y must be an array, got None; give numbers or labels as a NumPy array"),
    (lambda: from_arrays(X, 3), DataError, "y must be of shape (n,), one label per example, got (); give each example a label of its own"),
    (lambda: from_arrays(X, np.zeros(30)), DataError, "arrays has one class only, '0'; telling classes apart takes at least two"),
    (lambda: from_arrays(X, np.arange(30)), DataError, "the class '0' of arrays has 1 example and needs 3, one for each split that is cut; add examples or leave the class out"),
    (lambda: from_arrays(X, np.arange(30) / 2), DataError, "y must hold whole numbers or texts where labels is 'classes', got 0.5; choose labels='numbers' to predict numbers"),
    (lambda: from_arrays(X, Y * 1e300), DataError, "y must hold labels that float64 tells apart, below 2**53, got 1e+300; give them as whole numbers or as texts"),
    (lambda: from_arrays(X, Y + 2.0**53), DataError, "y must hold labels that float64 tells apart, below 2**53, got 9.0072e+15; give them as whole numbers or as texts"),
    (lambda: from_arrays(X, (Y + 2**24).astype(np.float32)), DataError, "y must hold labels that float32 tells apart, below 2**24, got 1.67772e+07; give them as whole numbers or as texts"),
    (lambda: from_arrays(X, (Y + 2048).astype(np.float16)), DataError, "y must hold labels that float16 tells apart, below 2**11, got 2048; give them as whole numbers or as texts"),
    (lambda: from_arrays(X, [10**20 + int(y) for y in Y]), DataError, "y must hold numbers of at most 64 bits, got 100000000000000000000; give the labels as texts"),
    (lambda: from_arrays(X, [2**63 + int(y) for y in Y]), DataError, "y must hold whole numbers below 2**63, got 9223372036854775810; give the labels as texts"),
    (lambda: from_arrays(X, [-1, 2**63, 0] * 10), DataError, "y must hold labels that float64 tells apart, below 2**53, got 9.22337e+18; give them as whole numbers or as texts"),
    (lambda: from_arrays(X, [1, "1", "2"] * 10), DataError, "y must hold texts or numbers and holds both, such as 1; make all of them texts or all of them numbers"),
    (lambda: from_arrays(X, ["a", None, "b"] * 10), DataError, "y must have no missing values and has 10 (None, NaN or NA), the first at [1]; fill or remove them"),
    (lambda: from_arrays(X, ["a", "", "b"] * 10), DataError, "y must hold labels and has an empty text at [1]; fill or remove it"),
    (lambda: from_arrays(X, ["a", "  ", "b"] * 10), DataError, "y must hold labels and has an empty text at [1]; fill or remove it"),
    (lambda: from_arrays(X, Y.astype(bytes)), DataError, "y must hold whole numbers or texts, got |S21; convert bytes to texts, as in y.astype(str)"),
    (lambda: from_arrays(X, Y + 1j), DataError, "y must hold whole numbers or texts, got complex128; give y.real and y.imag as numbers of their own"),
    (lambda: from_arrays(X, Y.astype("datetime64[D]")), DataError, "y must hold whole numbers or texts, got datetime64[D]; give dates as numbers, such as days since the first one"),
    (lambda: from_arrays(X, np.where(Y == 1, np.nan, Y)), DataError, "y must hold finite float32 numbers and holds 10 NaN and 0 infinite or too large ones, the first at [1]; fill or remove them"),
    (lambda: from_arrays(X, np.where(Y == 1, np.inf, Y)), DataError, "y must hold finite float32 numbers and holds 0 NaN and 10 infinite or too large ones, the first at [1]; fill or remove them"),
    (lambda: from_arrays(X, np.eye(3)[Y]), DataError, "y must be of shape (n,), one label per example, got (30, 3); one-hot labels are y.argmax(axis=1)"),
    (lambda: from_arrays(X, np.eye(3, dtype=int)[Y]), DataError, "y must be of shape (n,), one label per example, got (30, 3); one-hot labels are y.argmax(axis=1)"),
    (lambda: from_arrays(X, np.eye(3, dtype=bool)[Y]), DataError, "y must be of shape (n,), one label per example, got (30, 3); one-hot labels are y.argmax(axis=1)"),
    (lambda: from_arrays(X, np.eye(3)[Y] + np.eye(3)[0]), DataError, "y must be of shape (n,), one label per example, got (30, 3); choose labels='numbers' to predict several numbers per example, or give one column, as in y[:, 0]"),
    (lambda: from_arrays(X, np.minimum(1, np.eye(3)[Y] + np.eye(3)[0])), DataError, "y must be of shape (n,), one label per example, got (30, 3); choose labels='several' where an example may have several classes, or none"),
    (lambda: from_arrays(X, np.eye(3)[Y] * [1, 1, 0]), DataError, "y must be of shape (n,), one label per example, got (30, 3); choose labels='several' where an example may have several classes, or none"),
    (lambda: from_arrays(X, X), DataError, "y must be of shape (n,), one label per example, got (30, 2); choose labels='numbers' to predict several numbers per example, or give one column, as in y[:, 0]"),
    (lambda: from_arrays(X, X.astype(str)), DataError, "y must be of shape (n,), one label per example, got (30, 2); give each example a label of its own, as in y[:, 0]"),
    (lambda: from_arrays(X, X[:, :, None]), DataError, "y must be of shape (n,), one label per example, got (30, 2, 1); give each example a label of its own"),
    (lambda: from_arrays(X, X[:, :, None], labels="numbers"), DataError, "y must be of shape (n,) or (n, k), the numbers of one example per row, got (30, 2, 1)"),
    (lambda: from_arrays(X, X[:, :0], labels="numbers"), DataError, "y must be of shape (n,) or (n, k), the numbers of one example per row, got (30, 0)"),
    (lambda: from_arrays(X, Y.astype(str), labels="numbers"), DataError, "y must hold numbers, got <U21; convert texts to numbers, as in y.astype('float32')"),
    (lambda: from_arrays(X, np.where(Y == 1, np.nan, Y), labels="numbers"), DataError, "y must hold finite float32 numbers and holds 10 NaN and 0 infinite or too large ones, the first at [1, 0]; fill or remove them"),
    (lambda: from_arrays(X, Y * 1e39, labels="numbers"), DataError, "y must hold finite float32 numbers and holds 0 NaN and 20 infinite or too large ones, the first at [1, 0]; fill or remove them"),
    (lambda: from_arrays(X, Y, test=(X + 100, Y.astype(str))), DataError, "y of test and y must both hold numbers or both texts, got <U21 and int64"),
    (lambda: from_arrays(X, Y, test=(X + 100, Y + 1)), DataError, "the class '3' of arrays has 0 examples and needs 2, one for each split that is cut; add examples or leave the class out"),
    (lambda: from_arrays(X, Y, test=(X + 100, Y % 2)), DataError, "the class '2' is missing from the test split of arrays; every split needs examples of every class"),
    (lambda: from_arrays(X, X, labels="numbers", test=(X + 100, Y)), DataError, "y of the test split of arrays must be float32 of one shape (n, k) where the labels are numbers, got float32 of shape (30, 1); lab.data.from_arrays converts"),
]
# fmt: on


@pytest.mark.parametrize(("call", "error", "sentence"), LABELS)
def test_arrays_that_cannot_be_labels_are_refused(call, error, sentence):
    refused(call, error, sentence)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([2**53 + int(y) for y in Y], ("9007199254740992", "9007199254740993", "9007199254740994")),
        (Y.astype(np.uint64) + 2**53, ("9007199254740992", "9007199254740993", "9007199254740994")),
        (Y + 2.0**52, ("4503599627370496", "4503599627370497", "4503599627370498")),
        (Y * -1.0, ("-2", "-1", "0")),
        (np.array(["0", "00", "000"])[Y], ("0", "00", "000")),
        (np.array(["1", "1.0", "1e0"])[Y], ("1", "1.0", "1e0")),
        (np.ma.array(Y), ("0", "1", "2")),
    ],
)
def test_labels_of_arrays_that_differ_stay_different_classes(labels, classes):
    made = from_arrays(X, labels)
    assert made.classes == classes
    assert np.bincount(made.train.y).tolist() == [6, 6, 6]


def test_whole_numbers_of_both_signs_and_sizes_stay_exact_across_splits():
    made = from_arrays(X, Y + 2**53, test=(X + 100, (Y + 2**53).astype(np.uint64)))
    assert made.classes == ("9007199254740992", "9007199254740993", "9007199254740994")


@pytest.mark.parametrize(
    ("cells", "classes"),
    [
        (("0", "00", "000"), ("0", "00", "000")),
        (("007", "7", "8"), ("007", "7", "8")),
        (("007", "8", "10"), ("7", "8", "10")),
        (("2", "10", "1"), ("1", "2", "10")),
        (("2.0", "10.0", "1.0"), ("1", "2", "10")),
        (("1e3", "2", "1"), ("1", "2", "1000")),
        (("9007199254740992", "9007199254740993", "1"), ("1", "9007199254740992", "9007199254740993")),
        (
            ("100000000000000000000", "100000000000000000001", "7"),
            ("100000000000000000000", "100000000000000000001", "7"),
        ),
        (("1_0", "10", "1"), ("1", "10", "1_0")),
        (("1", "2", "x"), ("1", "2", "x")),
    ],
)
def test_labels_of_a_csv_that_differ_stay_different_classes(tmp_path, monkeypatch, cells, classes):
    monkeypatch.chdir(tmp_path)
    made = csv_of("a,kind\n" + "".join(f"{i},{cells[i % 3]}\n" for i in range(30)))
    assert made.classes == classes
    assert np.bincount(made.train.y).tolist() == [6, 6, 6]
