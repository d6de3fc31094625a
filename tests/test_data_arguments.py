"""Arguments of loaders that cannot be: one case per line, each with the whole sentence that refuses it."""

# ruff: noqa: E501

import decimal

import numpy as np
import pytest

from lab import data
from lab.checks import DataError, UsageError
from lab.data import from_arrays, from_csv, from_npz
from tests.data_files import X, Y, refused

# fmt: off
ARGUMENTS = [
    (lambda: from_arrays(X, Y, train_size=0), UsageError, "train_size must be a whole number of at least 1 (it is the number of training examples), got 0"),
    (lambda: from_arrays(X, Y, train_size=-1), UsageError, "train_size must be a whole number of at least 1 (it is the number of training examples), got -1"),
    (lambda: from_arrays(X, Y, train_size=2), UsageError, "train_size must be at least 3, as every class needs one (it is the number of training examples), got 2; --train-size sets it on the command line"),
    (lambda: from_arrays(X, Y, train_size=19), UsageError, "train_size must be at most 18, which is what arrays has for it (it is the number of training examples), got 19; --train-size sets it on the command line"),
    (lambda: from_arrays(X, Y, train_size=10.0), UsageError, "train_size must be a whole number of at least 1 (it is the number of training examples), got 10.0"),
    (lambda: from_arrays(X, Y, train_size="10"), UsageError, "train_size must be a whole number of at least 1 (it is the number of training examples), got '10'"),
    (lambda: from_arrays(X, Y, train_size=True), UsageError, "train_size must be a whole number of at least 1 (it is the number of training examples), got True"),
    (lambda: from_arrays(X, Y, train_size=np.nan), UsageError, "train_size must be a whole number of at least 1 (it is the number of training examples), got nan"),
    (lambda: from_arrays(X, Y, train_size=[10]), UsageError, "train_size must be a whole number of at least 1 (it is the number of training examples), got [10]"),
    (lambda: from_arrays(X, Y, train_size=10**5000), UsageError, "train_size must be a whole number below 2**63 (it is the number of training examples), got a value of type int that cannot be printed"),
    (lambda: from_arrays(X, Y, validation_size=0), UsageError, "validation_size must be a whole number of at least 1 (it is the number of validation examples), got 0"),
    (lambda: from_arrays(X, Y, validation_size=28), UsageError, "validation_size must be at most 21, which is what arrays has for it (it is the number of validation examples), got 28; --validation-size sets it on the command line"),
    (lambda: from_arrays(X, Y, validation_size=0.2), UsageError, "validation_size must be a whole number of at least 1 (it is the number of validation examples), got 0.2"),
    (lambda: from_arrays(X, Y, validation_size=np.array(5)), UsageError, "validation_size must be a whole number of at least 1 (it is the number of validation examples), got array(5)"),
    (lambda: from_arrays(X, Y, test_size=28), UsageError, "test_size must be at most 24, which is what arrays has for it (it is the number of test examples), got 28"),
    (lambda: from_arrays(X, Y, test_size=decimal.Decimal(5)), UsageError, "test_size must be a whole number of at least 1 (it is the number of test examples), got Decimal('5')"),
    (lambda: from_arrays(X, Y, test_size=b"5"), UsageError, "test_size must be a whole number of at least 1 (it is the number of test examples), got b'5'"),
    (lambda: from_arrays(X, Y, label_noise=-0.1), UsageError, "label_noise must be in [0, 1] (it is the share of wrong training labels), got -0.1"),
    (lambda: from_arrays(X, Y, label_noise=1.01), UsageError, "label_noise must be in [0, 1] (it is the share of wrong training labels), got 1.01"),
    (lambda: from_arrays(X, Y, label_noise=np.inf), UsageError, "label_noise must be in [0, 1] (it is the share of wrong training labels), got inf"),
    (lambda: from_arrays(X, Y, label_noise=10**400), UsageError, "label_noise must be in [0, 1] (it is the share of wrong training labels), got 1" + "0" * 296 + "..."),
    (lambda: from_arrays(X, Y, label_noise="0.2"), UsageError, "label_noise must be in [0, 1] (it is the share of wrong training labels), got '0.2'"),
    (lambda: from_arrays(X, Y, label_noise=True), UsageError, "label_noise must be in [0, 1] (it is the share of wrong training labels), got True"),
    (lambda: from_arrays(X, Y, label_noise=None), UsageError, "label_noise must be in [0, 1] (it is the share of wrong training labels), got None"),
    (lambda: from_arrays(X, Y, label_noise=0.2j), UsageError, "label_noise must be in [0, 1] (it is the share of wrong training labels), got 0.2j"),
    (lambda: from_arrays(X, X, labels="numbers", label_noise=0.2), UsageError, "label_noise must be 0 where the labels are numbers (it is the share of training labels that are replaced by other classes), got 0.2"),
    (lambda: from_arrays(X, Y, seed=-1), UsageError, "seed must be a whole number of at least 0 (it is the data seed), got -1"),
    (lambda: from_arrays(X, Y, seed=0.0), UsageError, "seed must be a whole number of at least 0 (it is the data seed), got 0.0"),
    (lambda: from_arrays(X, Y, seed=None), UsageError, "seed must be a whole number of at least 0 (it is the data seed), got None"),
    (lambda: from_arrays(X, Y, seed="0"), UsageError, "seed must be a whole number of at least 0 (it is the data seed), got '0'"),
    (lambda: from_arrays(X, Y, seed=np.bool_(True)), UsageError, "seed must be a whole number of at least 0 (it is the data seed), got np.True_"),
    (lambda: from_arrays(X, Y, labels="class"), UsageError, "labels must be one of 'classes', 'numbers', 'several', got 'class'; did you mean 'classes'?"),
    (lambda: from_arrays(X, Y, labels=None), UsageError, "labels must be one of 'classes', 'numbers', 'several', got None"),
    (lambda: from_arrays(X, Y, standardize=1), UsageError, "standardize must be True or False, got 1"),
    (lambda: from_arrays(X, Y, standardize=None), UsageError, "standardize must be True or False, got None"),
    (lambda: from_arrays(X, Y, name=""), UsageError, "name must be a text (it is what the data are called), got ''"),
    (lambda: from_arrays(X, Y, name=3), UsageError, "name must be a text (it is what the data are called), got 3"),
    (lambda: from_arrays(X, Y, classes=3), UsageError, "classes must be different texts (it is the names of the classes 0, 1, ...), got 3"),
    (lambda: from_arrays(X, Y, classes="abc"), UsageError, "classes must be different texts (it is the names of the classes 0, 1, ...), got 'abc'"),
    (lambda: from_arrays(X, Y, classes={"a"}), UsageError, "classes must be different texts (it is the names of the classes 0, 1, ...), got {'a'}"),
    (lambda: from_arrays(X, Y, classes=["a", "b", 3]), UsageError, "classes must be different texts (it is the names of the classes 0, 1, ...), got ['a', 'b', 3]"),
    (lambda: from_arrays(X, Y, classes=["a", "b"]), DataError, "y holds 2, which is none of the classes '0', '1'"),
    (lambda: from_arrays(X, X, labels="numbers", classes=["a", "b"]), UsageError, "classes must be left out where labels is 'numbers' (it is the names of classes), got ['a', 'b']"),
    (lambda: from_arrays(X, Y, validation=0.2), UsageError, "validation must be a pair of x and y (it is a split), got float"),
    (lambda: from_arrays(X, Y, validation=(X,)), UsageError, "validation must be a pair of x and y (it is a split), got tuple"),
    (lambda: from_arrays(X, Y, test="ab"), UsageError, "test must be a pair of x and y (it is a split), got str"),
    (lambda: data.spirals(points=0), UsageError, "points must be a whole number of at least 1 (it is the number of training points of a class), got 0"),
    (lambda: data.spirals(noise=10**400), UsageError, "noise must be at least 0 (it is the standard deviation of the angle), got 1" + "0" * 296 + "..."),
    (lambda: data.digits(train_size=1798), UsageError, "train_size must be at most 1079, which is what digits has for it (it is the number of training examples), got 1798; --train-size sets it on the command line"),
    (lambda: from_npz(3), UsageError, "path must be a text or a path (it is the name of a file), got 3"),
    (lambda: from_npz(""), UsageError, "path must be a text or a path (it is the name of a file), got ''"),
    (lambda: from_npz(None), UsageError, "path must be a text or a path (it is the name of a file), got None"),
    (lambda: from_npz(b"mine.npz"), UsageError, "path must be a text or a path (it is the name of a file), got b'mine.npz'"),
    (lambda: from_npz("a\0b.npz"), UsageError, "path must be a text or a path (it is the name of a file), got 'a\\x00b.npz'"),
    (lambda: from_csv("t.csv", target=3), UsageError, "target must be a text (it is the name of the column of labels), got 3"),
    (lambda: from_csv("t.csv", target="y", separator=""), UsageError, "separator must be one character (it is what stands between two cells), got ''"),
    (lambda: from_csv("t.csv", target="y", separator=";;"), UsageError, "separator must be one character (it is what stands between two cells), got ';;'"),
    (lambda: from_csv("t.csv", target="y", separator='"'), UsageError, "separator must be one character (it is what stands between two cells), got '\"'"),
    (lambda: from_csv("t.csv", target="y", separator="\0"), UsageError, "separator must be one character (it is what stands between two cells), got '\\x00'"),
    (lambda: from_csv("t.csv", target="y", separator=None), UsageError, "separator must be one character (it is what stands between two cells), got None"),
]
# fmt: on


@pytest.mark.parametrize(("call", "error", "sentence"), ARGUMENTS)
def test_arguments_that_cannot_be_are_refused(call, error, sentence):
    refused(call, error, sentence)
