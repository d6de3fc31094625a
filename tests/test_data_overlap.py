"""Splits that share examples: copies and leaks are refused, what data repeat by nature is not."""

# ruff: noqa: E501

import numpy as np
import pytest

from lab.checks import DataError
from lab.data import Dataset, Split, digits, from_arrays
from lab.data.overlap import likelihood
from tests.data_files import X, Y, npz_of, refused

# fmt: off
OVERLAPS = [
    (lambda: Dataset("m", Split(X, Y.astype(np.int32)), Split(X, Y.astype(np.int32)), Split(X, Y.astype(np.int32)), ("a", "b", "c")), DataError, "30 of the 30 examples of the validation split of m (100 %) are in its training split too, more than chance explains; splits must be disjoint, so take them out of one"),
    (lambda: from_arrays(X, Y, validation=(X, Y), test=(X, Y)), DataError, "30 of the 30 examples of the validation split of arrays (100 %) are in its training split too, more than chance explains; splits must be disjoint, so take them out of one"),
    (lambda: from_arrays(X, Y, validation=(X + 100, Y), test=(X, Y)), DataError, "30 of the 30 examples of the test split of arrays (100 %) are in its training split too, more than chance explains; splits must be disjoint, so take them out of one"),
    (lambda: from_arrays(X, Y, validation=(X + 100, Y), test=(X + 100, Y)), DataError, "30 of the 30 examples of the test split of arrays (100 %) are in its validation split too, more than chance explains; splits must be disjoint, so take them out of one"),
    (lambda: from_arrays(X, Y, test=(X[::-1], Y[::-1])), DataError, "30 of the 30 examples of the test split of arrays (100 %) are in its training split too, more than chance explains; splits must be disjoint, so take them out of one"),
    (lambda: from_arrays(X, Y, test=(X, 2 - Y)), DataError, "30 of the 30 examples of the test split of arrays (100 %) are in its training split too, more than chance explains; splits must be disjoint, so take them out of one"),
    (lambda: from_arrays(X, Y, test=(X[:6], Y[:6])), DataError, "6 of the 6 examples of the test split of arrays (100 %) are in its training split too, more than chance explains; splits must be disjoint, so take them out of one"),
    (lambda: from_arrays(X, Y, test=(X[:3], Y[:3])), DataError, "3 of the 3 examples of the test split of arrays (100 %) are in its training split too, more than chance explains; splits must be disjoint, so take them out of one"),
    (lambda: from_arrays(X, Y, test=(np.concatenate([X[:6], X + 100]), np.concatenate([Y[:6], Y]))), DataError, "6 of the 30 examples of the training split of arrays (20 %) are in its test split too, more than chance explains; splits must be disjoint, so take them out of one"),
    (lambda: from_arrays(X[:6], Y[:6], test=(X, Y)), DataError, "6 of the 6 examples of the training split of arrays (100 %) are in its test split too, more than chance explains; splits must be disjoint, so take them out of one"),
    (lambda: from_arrays(X, Y, train_size=6, test=(X, Y)), DataError, "30 of the 30 examples of the test split of arrays (100 %) are in its training split too, more than chance explains; splits must be disjoint, so take them out of one"),
    (lambda: from_arrays(np.where(X == 0, -0.0, X), Y, test=(X, Y)), DataError, "30 of the 30 examples of the test split of arrays (100 %) are in its training split too, more than chance explains; splits must be disjoint, so take them out of one"),
    (lambda: from_arrays(X, X, labels="numbers", test=(X, X)), DataError, "30 of the 30 examples of the test split of arrays (100 %) are in its training split too, more than chance explains; splits must be disjoint, so take them out of one"),
    (lambda: from_arrays(X, X, labels="numbers", validation=(X[:2], X[:2])), DataError, "2 of the 2 examples of the validation split of arrays (100 %) are in its training split too, more than chance explains; splits must be disjoint, so take them out of one"),
    (lambda: npz_of(x_train=X, y_train=Y, x_val=X, y_val=Y), DataError, "30 of the 30 examples of the validation split of t (100 %) are in its training split too, more than chance explains; splits must be disjoint, so take them out of one"),
]
# fmt: on


@pytest.mark.parametrize(("call", "error", "sentence"), OVERLAPS)
def test_splits_that_share_examples_are_refused(tmp_path, monkeypatch, call, error, sentence):
    monkeypatch.chdir(tmp_path)
    refused(call, error, sentence)


def random(n, seed, values=None):
    """Return examples of random numbers, or of random ones of a few values."""
    generator = np.random.default_rng(seed)
    return generator.normal(size=(n, 4)) if values is None else generator.integers(0, values, (n, 4))


@pytest.mark.parametrize("values", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("sizes", [(30, 9, 9), (300, 60, 90), (60, 300, 300), (3000, 600, 900)])
def test_tables_of_few_values_repeat_themselves_and_are_accepted(values, sizes):
    for seed in range(5):
        train, validation, test = ((random(n, [seed, n, i], values), np.arange(n) % 3) for i, n in enumerate(sizes))
        from_arrays(*train, validation=validation, test=test)


def test_a_few_examples_that_stand_in_two_splits_are_accepted_and_more_are_not():
    def with_shared(count):
        x = random(400, 1)
        x[:count] = random(1000, 0)[:count]
        return lambda: from_arrays(random(1000, 0), np.arange(1000) % 3, test=(x, np.arange(400) % 3))

    with_shared(9)()
    refused(
        with_shared(11),
        DataError,
        "11 of the 400 examples of the test split of arrays (2.75 %) are in its training split too, more than chance "
        "explains; splits must be disjoint, so take them out of one",
    )


def test_splits_that_are_cut_from_one_pool_are_accepted_however_it_repeats_itself():
    x = np.repeat(random(30, 0), 4, axis=0)
    made = from_arrays(x, np.arange(120) % 3)
    Dataset("again", made.train, made.validation, made.test, made.classes)


def test_the_splits_of_a_dataset_may_be_changed_alike_and_joined_again():
    plain = digits()
    train, validation, test = (Split(1 - part.x, part.y) for part in (plain.train, plain.validation, plain.test))
    assert Dataset("negatives", train, validation, test, plain.classes).input_shape == (8, 8, 1)


def test_the_bound_on_chance_lies_above_the_binomial_tail_and_is_exact_for_a_copy():
    from scipy.stats import binom

    for size, chance in ((10, 0.2), (200, 0.01), (1000, 0.3)):
        for found in range(size + 1):
            assert likelihood(found, size, chance) >= binom.sf(found - 1, size, chance) * (1 - 1e-9)
    assert likelihood(3, 3, 0.1) == pytest.approx(1e-3)
    assert likelihood(0, 10, 0.1) == likelihood(1, 10, 0.1) == 1
    assert likelihood(10, 10, 1.0) == 1
