"""Curves over seeds: medians, bands, and runs of unequal length."""

import numpy as np
import pandas as pd
import pytest

from lab import statistics
from lab.checks import DataError, UsageError
from lab.statistics import curves
from tests.runs_by_hand import long


def test_curves_show_how_many_runs_stand_behind_every_epoch():
    table = curves(long({("b", 0): [3.0, 1.0], ("b", 1): [5.0, 4.0, 2.0], ("b", 2): [4.0, np.inf], ("a", 0): [1.0]}))
    assert table.values.tolist() == [
        ["b", 1, 3, 3, 4.0, 3.0, 5.0],
        ["b", 2, 3, 2, 2.5, 1.0, 4.0],
        ["b", 3, 3, 1, 2.0, 2.0, 2.0],
        ["a", 1, 1, 1, 1.0, 1.0, 1.0],
    ]
    assert tuple(table.columns) == statistics.BANDS


def test_curves_can_keep_only_the_epochs_that_all_runs_reach():
    runs = {("b", 0): [3.0, 1.0], ("b", 1): [5.0, 4.0, 2.0], ("a", 0): [1.0, 2.0, 3.0]}
    table = curves(long(runs), unequal="common")
    assert table[["variant", "epoch"]].values.tolist() == [["b", 1], ["b", 2], ["a", 1], ["a", 2], ["a", 3]]
    assert (table["n"] == table["runs"]).all()
    assert table.index.tolist() == list(range(5))


def test_the_band_is_that_of_numpy():
    values = np.random.default_rng(0).normal(size=(7, 4))
    table = curves(long({("a", seed): run for seed, run in enumerate(values)}), band=0.5)
    np.testing.assert_allclose(table["median"], np.median(values, 0))
    np.testing.assert_allclose(table[["low", "high"]].T, np.quantile(values, [0.25, 0.75], axis=0))


def test_curves_refuse_what_they_cannot_use_with_a_sentence():
    table = long({("a", 0): [1.0, 2.0]})
    with pytest.raises(UsageError) as usage:
        curves(table, "val_dataloss")
    assert str(usage.value) == (
        "metric must be one of 'train_data_loss', 'val_data_loss', got 'val_dataloss'; did you mean 'val_data_loss'?"
    )
    with pytest.raises(UsageError) as usage:
        curves(table, band=0)
    assert str(usage.value) == "band must be in (0, 1] (it is the share of the runs inside the band), got 0"
    with pytest.raises(UsageError) as usage:
        curves(table, unequal="mean")
    assert str(usage.value) == "unequal must be one of 'live', 'common', got 'mean'"
    with pytest.raises(DataError) as data:
        curves(table.drop(columns="seed"))
    assert str(data.value) == (
        "a table of histories must have the column 'seed', got epoch, train_data_loss, val_data_loss, variant"
    )
    with pytest.raises(DataError) as data:
        curves(pd.concat([table, table]))
    assert str(data.value) == (
        "a run must have one row per epoch, got two of variant 'a', seed 0, epoch 1; "
        "pass the histories of one experiment"
    )
