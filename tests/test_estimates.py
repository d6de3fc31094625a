"""Corrections of p values: by hand and against scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lab import statistics
from lab.statistics import adjust


def test_holm_is_that_of_a_table_worked_by_hand():
    # Sorted .01 .02 .03 .04 times 4 3 2 1 = .04 .06 .06 .04, and never below the one before.
    assert adjust(np.array([0.03, 0.01, 0.04, 0.02])).tolist() == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert adjust(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]


def test_missing_tests_stay_missing_and_do_not_count():
    for correction in statistics.CORRECTIONS:
        got = adjust(np.array([np.nan, 0.02, 0.01, np.nan]), correction)
        assert got[1:3].tolist() == pytest.approx(adjust(np.array([0.02, 0.01]), correction).tolist())
        assert np.isnan(got[[0, 3]]).all()
        assert np.isnan(adjust(np.array([np.nan]), correction)).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
@settings(max_examples=50, deadline=None)
def test_benjamini_hochberg_is_that_of_scipy(p):
    assert adjust(np.array(p), "benjamini_hochberg").tolist() == pytest.approx(
        stats.false_discovery_control(p).tolist()
    )
