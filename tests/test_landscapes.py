"""What the figures of landscapes and decision regions show, read back from what was drawn."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.contour import QuadContourSet

from lab.checks import DataError
from lab.probes.regions import surface
from lab.report.landscapes import contours, relief, steps
from lab.report.regions import decision
from lab.report.save import save
from lab.textbook.descent import VALLEY, trajectory

PATH = trajectory("sgd", learning_rate=0.95, steps=5)


def valley():
    return surface(VALLEY, (-8, 8), (-3, 3), 31)


def said(ax):
    return [text.get_text() for text in ax.texts]


def test_contours_show_the_path_from_a_ring_to_a_mark_on_one_scale():
    ax = contours(valley(), {"sgd": PATH})
    way, start, end = ax.lines
    np.testing.assert_array_equal(way.get_xydata(), PATH[["x", "y"]])
    assert start.get_xydata().tolist() == [[-7, 2]]
    assert start.get_markerfacecolor() == "white"
    np.testing.assert_array_equal(end.get_xydata()[0], PATH[["x", "y"]].iloc[-1])
    assert ax.get_aspect() == 1
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", "y")
    assert "Ring: the start. Contours at equal ratios of the height." in said(ax)


def test_contours_at_the_heights_of_a_path_pass_through_its_points():
    ax = contours(valley(), {"sgd": PATH}, levels=sorted(PATH["f"]))
    lines = [c for c in ax.collections if isinstance(c, QuadContourSet) and not c.filled]
    np.testing.assert_allclose(lines[0].levels, sorted(PATH["f"]))


def test_several_paths_are_named():
    ax = contours(valley(), {"sgd": PATH, "adam": trajectory("adam", learning_rate=0.3)})
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["sgd", "adam"]


def test_steps_are_at_equal_ratios_in_a_deep_valley_and_at_equal_differences_elsewhere():
    np.testing.assert_allclose(
        steps(np.array([0.01, 1.0]), np.array([100.0, np.inf]), count=4), np.geomspace(0.1, 100, 4)
    )
    np.testing.assert_allclose(steps(np.array([2.0, 8.0]), count=4), [2, 4, 6, 8])
    np.testing.assert_allclose(steps(np.array([-1.0, 2.0]), count=4), [-1, 0, 1, 2])
    assert (np.diff(steps(np.zeros(3))) > 0).all()
    assert len(steps(np.array([np.nan]))) == 18


def test_a_plane_around_a_net_is_drawn_by_its_loss():
    a, b = np.meshgrid(np.linspace(-1, 1, 5), np.linspace(-1, 1, 5))
    table = pd.DataFrame(
        {"alpha": a.ravel(), "beta": b.ravel(), "data_loss": 1 + (a**2 + b**2).ravel(), "accuracy": 0.5}
    )
    ax = contours(table)
    assert ax.get_title(loc="left") == "Data_loss over alpha and beta"
    assert not ax.lines


def test_a_table_of_two_columns_is_no_surface():
    with pytest.raises(DataError) as refusal:
        contours(pd.DataFrame({"w": [0.0], "loss": [1.0]}))
    assert str(refusal.value) == (
        "a surface must have two parameters and the height in its first three columns, got w, loss with 1 rows"
    )


def test_a_path_of_other_parameters_is_refused():
    with pytest.raises(DataError) as refusal:
        contours(valley(), {"sgd": PATH.rename(columns={"y": "b"})})
    assert str(refusal.value) == "the path sgd must have the columns x, y, got step, x, b, f; missing: y"


def test_a_relief_carries_the_path_at_its_height():
    (ax,) = relief(valley(), PATH).axes
    x, y, z = ax.lines[0].get_data_3d()
    np.testing.assert_allclose(z, np.array(x) ** 2 / 20 + np.array(y) ** 2)
    assert ax.get_zlabel() == "f"


def region(*chances):
    x1, x2 = (axis.ravel() for axis in np.meshgrid(np.linspace(-1, 1, 4), np.linspace(0, 3, 3)))
    p = np.array([np.broadcast_to(f(x1, x2), x1.shape) for f in chances])
    table = pd.DataFrame({"x1": x1, "x2": x2, "class": p.argmax(axis=0), "probability": p.max(axis=0)})
    return table.assign(**{f"p{i}": row for i, row in enumerate(p)})


def test_a_decision_region_is_as_strong_as_the_model_is_sure():
    ax = decision(region(lambda x, y: 0.5 - x / 2, lambda x, y: 0.5 + x / 2))
    pixels = ax.images[0].get_array()
    assert pixels.shape == (3, 4, 3)
    # Sure at the edges, pale in the middle, and of another colour on the other side.
    paleness = pixels.min(axis=2)[0]
    assert paleness[0] < paleness[1]
    assert paleness[3] < paleness[2]
    assert not np.allclose(pixels[0, 0], pixels[0, 3])
    assert any(isinstance(c, QuadContourSet) for c in ax.collections)


def test_points_of_a_decision_region_have_one_marker_per_class():
    table = region(lambda x, y: 0.2, lambda x, y: 0.3, lambda x, y: 0.5)
    points = (np.array([[0, 1], [0.5, 2], [-0.5, 1]]), np.array([0, 2, 2]))
    ax = decision(table, points)
    assert [drawn.get_xydata().tolist() for drawn in ax.lines] == [[[0, 1]], [], [[0.5, 2], [-0.5, 1]]]
    assert len({drawn.get_marker() for drawn in ax.lines}) == 3
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["0", "1", "2"]


def test_the_figures_have_the_same_bytes_at_every_run(tmp_path):
    for name in ("a.svg", "b.svg"):
        save(contours(valley(), {"sgd": PATH}).figure, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
