"""The rows of a history and the test metrics, from numbers that were measured."""

import numpy as np
import pytest

from lab.engine import history
from lab.engine.history import Keeper, packed, row, shortest, unpacked
from lab.results import HISTORY

FITTED = {"data_loss": 0.5, "penalty": 0.25, "accuracy": 0.125}
TRAIN = {"data_loss": 1.5, "penalty": 0.0625, "accuracy": 0.75}
VALIDATION = {"data_loss": 2.5, "penalty": 8.0, "accuracy": 0.375}


def test_a_row_has_the_columns_of_a_history_in_their_order_and_each_its_number():
    made = row(3, FITTED, TRAIN, VALIDATION, 0.01)
    assert tuple(made) == HISTORY
    assert made == {
        "epoch": 3,
        "loss": 0.75,
        "data_loss": 0.5,
        "penalty": 0.25,
        "accuracy": 0.125,
        "train_data_loss": 1.5,
        "train_accuracy": 0.75,
        "val_loss": 10.5,
        "val_data_loss": 2.5,
        "val_penalty": 8.0,
        "val_accuracy": 0.375,
        "learning_rate": 0.01,
    }


def test_the_test_metrics_are_what_was_measured_and_their_sum():
    assert history.tested(VALIDATION) == {"loss": 10.5, "data_loss": 2.5, "penalty": 8.0, "accuracy": 0.375}


@pytest.mark.parametrize("value", [0.3, 1e-7, 1 / 3, 123456.789, 0.0])
def test_a_number_reads_as_short_as_its_float32(value):
    short = shortest(np.float32(value))
    assert np.float32(short) == np.float32(value)
    assert type(short) is float
    assert len(repr(short)) <= len(repr(float(np.float32(value))))


def test_only_what_lies_below_the_best_by_more_than_min_delta_is_better():
    keeper = Keeper(1, patience=2, min_delta=0.25)
    steps = [keeper.update(epoch, np.array([loss]))[0] for epoch, loss in enumerate([1.0, 0.75, 0.5, 0.5], start=1)]
    assert steps == [True, False, True, False]
    assert (keeper.kept[0], keeper.best[0], keeper.ended[0]) == (3, 0.5, False)
    keeper.update(5, np.array([0.5]))
    assert keeper.ended[0], "two epochs without a better one"
    assert not keeper.update(6, np.array([0.0]))[0], "a run that has ended is not looked at"


def test_the_largest_float32_is_finite_and_what_lies_beyond_has_diverged():
    largest = float(np.finfo(np.float32).max)
    keeper = Keeper(3, patience=None, min_delta=0.0)
    keeper.update(1, np.array([1.0, 1.0, np.nan]), np.array([largest, largest * 1.01, 1.0]))
    assert list(keeper.diverged) == [False, True, True]
    assert list(keeper.ended) == [False, True, True]
    assert list(keeper.kept) == [1, 0, 0]
    assert keeper.kept.dtype.kind == "i", "an epoch is a whole number in run.json"


@pytest.mark.parametrize("epochs", [0, 1, 3])
def test_rows_of_a_checkpoint_are_the_rows_that_were_written_bit_by_bit(epochs):
    rows = [row(epoch, FITTED, TRAIN, {**VALIDATION, "accuracy": np.nan}, 1 / 3) for epoch in range(1, epochs + 1)]
    array = packed(rows)
    assert (array.shape, array.dtype) == ((epochs, len(HISTORY)), np.float64)
    again = unpacked(array)
    assert repr(again) == repr(rows)
    assert all(type(one["epoch"]) is int for one in again)


def test_a_number_of_a_history_that_is_missing_is_not_dropped_without_a_word():
    with pytest.raises(ValueError, match="shorter than argument 1"):
        unpacked(np.zeros((1, len(HISTORY) - 1)))
