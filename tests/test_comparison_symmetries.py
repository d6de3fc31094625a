"""What must not change the comparison: units, constants, the order of rows, which variant is the baseline."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.statistics import compare
from tests.runs_by_hand import row, summary

tables = st.integers(2, 5).flatmap(
    lambda seeds: st.lists(
        st.lists(st.integers(1, 400).map(lambda k: k / 100), min_size=seeds, max_size=seeds), min_size=2, max_size=4
    )
)
OF_DIFFERENCES = ["n", "difference", "difference_low", "difference_high", "p_value", "p_adjusted", "decision"]


def named(values):
    return summary({"none": values[0]} | {f"v{i}": runs for i, runs in enumerate(values[1:])})


def without_edges(values):
    """Whether no row of differences is (nearly) constant, where rounding alone decides about its spread."""
    return all(np.ptp(np.subtract(runs, values[0])) > 1e-3 for runs in values[1:])


@given(values=tables, shift=st.integers(-3, 3))
@settings(max_examples=50, deadline=None)
def test_adding_a_constant_to_every_run_leaves_the_differences(values, shift):
    one = compare(named(values), "none")
    other = compare(named([[value + shift for value in runs] for runs in values]), "none")
    pd.testing.assert_frame_equal(one[OF_DIFFERENCES], other[OF_DIFFERENCES], atol=1e-9)


@given(values=tables.filter(without_edges), scale=st.floats(0.01, 100))
@settings(max_examples=50, deadline=None)
def test_the_unit_of_the_metric_scales_the_differences_and_nothing_else(values, scale):
    one = compare(named(values), "none")
    other = compare(named([[value * scale for value in runs] for runs in values]), "none")
    lengths = ["mean", "low", "high", "difference", "difference_low", "difference_high"]
    pd.testing.assert_frame_equal(one[lengths] * scale, other[lengths], atol=1e-9)
    # A tie of two runs may break in the last bit, and a p value of exactly 5 % too: neither is compared.
    same = ["n", "effect_size", "p_value", "p_adjusted"]
    pd.testing.assert_frame_equal(one[same], other[same])


@given(values=tables, seed=st.integers(0, 1000))
@settings(max_examples=50, deadline=None)
def test_the_order_of_the_rows_changes_nothing(values, seed):
    table = named(values)
    mixed = table.sample(frac=1, random_state=seed)
    one, other = (compare(rows, "none").sort_values("variant", ignore_index=True) for rows in (table, mixed))
    pd.testing.assert_frame_equal(one, other)


@given(values=tables.filter(without_edges))
@settings(max_examples=50, deadline=None)
def test_swapping_variant_and_baseline_turns_the_difference_round(values):
    table = named(values[:2])
    one, other = row(compare(table, "none"), "v0"), row(compare(table, "v0"), "none")
    assert one["difference"] == pytest.approx(-other["difference"])
    assert one["difference_low"] == pytest.approx(-other["difference_high"])
    assert one["p_value"] == pytest.approx(other["p_value"])
    assert one["probability_of_improvement"] == pytest.approx(1 - other["probability_of_improvement"])
