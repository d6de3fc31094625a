"""Lines in panels: what stands where."""

import numpy as np
import pandas as pd
import pytest

from lab.checks import DataError
from lab.report.small_multiples import panels, ranked


def table(**columns):
    grid = pd.MultiIndex.from_product([["one", "two"], ["a", "b"], [0, 1], [1, 2, 4]])
    rows = grid.to_frame(index=False, name=["panel", "variant", "seed", "x"])
    return rows.assign(y=rows["x"] * 10.0 + rows["seed"] * 4.0, **columns)


def test_each_panel_has_a_line_for_each_variant_at_the_median_of_the_seeds():
    figure = panels(table(), "x", "y", title="a title")
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["one", "two"]
    for ax in figure.axes:
        assert len(ax.lines) == 2
        np.testing.assert_allclose(ax.lines[0].get_xdata(), [1, 2, 4])
        np.testing.assert_allclose(ax.lines[0].get_ydata(), [12, 22, 42])
        band = ax.collections[0].get_paths()[0].vertices[:, 1]
        assert (band.min(), band.max()) == (10, 44)
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()


def test_names_stand_on_the_x_axis_in_the_order_of_the_table():
    rows = table()
    rows["x"] = rows["x"].map({1: "dense_1", 2: "dense_2", 4: "output"})
    ax = panels(rows, "x", "y", title="layers").axes[0]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1", "2", "out"]
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [0, 1, 2])


def test_a_logarithmic_axis_leaves_out_what_has_no_logarithm():
    rows = table()
    rows.loc[rows["x"] == 2, "y"] = 0.0
    ax = panels(rows, "x", "y", title="logarithms", log=(True, True)).axes[0]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert np.isnan(ax.lines[0].get_ydata()).tolist() == [False, True, False]
    assert ax.get_ylim()[0] > 0


def test_a_table_without_the_column_is_refused():
    with pytest.raises(DataError) as refusal:
        panels(table().drop(columns="y"), "x", "y", title="nothing")
    assert str(refusal.value) == (
        "the table of the panels must have the columns panel, variant, x, y, got panel, variant, seed, x; missing: y"
    )


def test_lines_that_have_an_order_go_from_dark_to_light():
    looks = ranked(["dense_1", "dense_2", "output", "dense_1"])
    brightness = [sum(looks[name].colour) for name in ("dense_1", "dense_2", "output")]
    assert brightness == sorted(brightness)
    assert len({look.marker for name, look in looks.items() if name}) == 3
