"""What the figures of activations, gradients and weights show, read back from what was drawn."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.container import BarContainer

from lab.checks import DataError
from lab.report.histograms import activation_histograms, weight_histograms
from lab.report.save import save


def histogram(shares, variant="none", layer="dense_1_activation", count=100):
    edges = np.linspace(0, 1, len(shares) + 1)
    columns = {"variant": variant, "layer": layer, "left": edges[:-1], "right": edges[1:], "share": shares}
    return pd.DataFrame(columns).assign(count=np.round(np.array(shares) * count).astype(int))


def notes(figure):
    return " ".join(text.get_text() for text in figure.texts).replace("\n", " ")


def test_activation_histograms_have_one_row_per_variant_and_one_column_per_layer():
    tables = [
        histogram([0.2, 0.5, 0.3], variant, layer)
        for variant in ("1.0", "he")
        for layer in ("first", "second", "third")
    ]
    figure = activation_histograms(pd.concat(tables), of="initialization")
    assert len(figure.axes) == 6
    assert [ax.get_title() for ax in figure.axes] == ["first", "second", "third", "", "", ""]
    for ax in figure.axes:
        (bars,) = (c for c in ax.containers if isinstance(c, BarContainer))
        assert [bar.get_height() for bar in bars] == [0.2, 0.5, 0.3]
        assert [text.get_text() for text in ax.texts] == ["50 %"]
    assert "1.0" in notes(figure)
    assert "cut" not in notes(figure)
    assert "Not all values" not in notes(figure)


def test_a_bar_that_would_flatten_the_others_is_cut_and_the_figure_says_so():
    figure = activation_histograms(histogram([0.9, 0.03, 0.02]).drop(columns="variant"))
    (ax,) = figure.axes
    assert ax.get_ylim()[1] == pytest.approx(1.6 * 0.03)
    assert [text.get_text() for text in ax.texts] == ["90 %"]
    assert "A bar that reaches the top edge is cut. Not all values lie in the bins." in notes(figure)


def test_weight_histograms_add_up_the_layers_of_a_variant():
    first, second = histogram([0.1, 0.9], layer="dense_1"), histogram([0.5, 0.5], layer="dense_2", count=300)
    ax = weight_histograms(pd.concat([first, second, histogram([0.4, 0.6], "l1")]))
    values = [patch.get_data().values for patch in ax.patches]
    np.testing.assert_allclose(values[0], [(10 + 150) / 400, (90 + 150) / 400])
    np.testing.assert_allclose(values[1], [0.4, 0.6])
    assert ax.patches[0].get_linestyle() != ax.patches[1].get_linestyle()


def test_a_table_without_variants_is_refused():
    with pytest.raises(DataError) as refusal:
        weight_histograms(histogram([0.1, 0.9]).drop(columns="variant"))
    assert str(refusal.value) == (
        "the histogram must have the columns variant, left, right, count, got layer, left, right, share, count; "
        "missing: variant"
    )


def test_weights_that_all_lie_outside_of_the_bins_leave_a_linear_axis():
    assert weight_histograms(histogram([0.0, 0.0])).get_yscale() == "linear"


def test_the_figures_have_the_same_bytes_at_every_run(tmp_path):
    for name in ("a", "b"):
        figure = activation_histograms(histogram([0.9, 0.03, 0.02]))
        save(figure, tmp_path / f"{name}.svg", tmp_path / f"{name}.png")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
