"""What the figures of activations, gradients and weights show, read back from what was drawn."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.container import BarContainer

from lab.checks import DataError, UsageError
from lab.report.histograms import activation_histograms, gradient_history, gradient_profile, weight_histograms
from lab.report.save import save


def histogram(shares, variant="none", layer="dense_1_activation", count=100):
    edges = np.linspace(0, 1, len(shares) + 1)
    columns = {"variant": variant, "layer": layer, "left": edges[:-1], "right": edges[1:], "share": shares}
    return pd.DataFrame(columns).assign(count=np.round(np.array(shares) * count).astype(int))


def notes(figure):
    return " ".join(text.get_text() for text in figure.texts).replace("\n", " ")


def test_activation_histograms_have_a_row_a_variant_and_a_column_a_layer():
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


def gradients(**columns):
    table = pd.DataFrame({"layer": ["dense_1", "dense_2", "output"] * 2, "rms": [1e-8, 1e-4, 1e-2, 2e-3, 2e-3, 3e-3]})
    return table.assign(norm=table["rms"] * 10, **columns)


def test_a_gradient_profile_has_a_line_a_variant_from_input_to_output():
    ax = gradient_profile(gradients(variant=["sigmoid"] * 3 + ["relu"] * 3), "norm")
    assert [list(line.get_ydata()) for line in ax.lines] == [[1e-7, 1e-3, 1e-1], [2e-2, 2e-2, 3e-2]]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["dense_1", "dense_2", "output"]
    assert ax.get_yscale() == "log"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["sigmoid", "relu"]


def test_a_gradient_profile_of_several_seeds_shows_median_and_range():
    one = gradients(variant="relu").iloc[:3]
    ax = gradient_profile(pd.concat([one, one.assign(rms=one["rms"] * 3), one.assign(rms=one["rms"] * 2)]))
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [2e-8, 2e-4, 2e-2])
    bars = [path.vertices[:, 1].tolist() for path in ax.collections[0].get_paths()]
    np.testing.assert_allclose(bars, [[1e-8, 3e-8], [1e-4, 3e-4], [1e-2, 3e-2]])
    assert "Median, with a bar from the smallest to the largest." in [text.get_text() for text in ax.texts]


def test_a_gradient_history_has_a_line_a_layer():
    ax = gradient_history(gradients(epoch=[0, 0, 0, 1, 1, 1]), time="epoch")
    assert [list(line.get_ydata()) for line in ax.lines] == [[1e-8, 2e-3], [1e-4, 2e-3], [1e-2, 3e-3]]
    assert ax.get_xlabel() == "epoch"


def test_gradients_that_vanished_entirely_lie_on_the_bottom_or_leave_a_linear_axis():
    table = gradients(variant=["zeros"] * 3 + ["relu"] * 3)
    ax = gradient_profile(table.assign(rms=[0, 0, 1e-2, 2e-3, 2e-3, 3e-3]))
    assert ax.get_yscale() == "log"
    assert ax.get_ylim()[0] > 1e-3
    assert gradient_profile(table.assign(rms=0.0)).get_yscale() == "linear"


def test_weight_histograms_add_up_the_layers_of_a_variant():
    first, second = histogram([0.1, 0.9], layer="dense_1"), histogram([0.5, 0.5], layer="dense_2", count=300)
    ax = weight_histograms(pd.concat([first, second, histogram([0.4, 0.6], "l1")]))
    values = [patch.get_data().values for patch in ax.patches]
    np.testing.assert_allclose(values[0], [(10 + 150) / 400, (90 + 150) / 400])
    np.testing.assert_allclose(values[1], [0.4, 0.6])
    assert ax.patches[0].get_linestyle() != ax.patches[1].get_linestyle()


def test_a_table_without_variants_is_refused():
    with pytest.raises(DataError) as refusal:
        gradient_profile(gradients())
    message = "the table of gradients must have the columns variant, layer, rms, got layer, rms, norm; missing: variant"
    assert str(refusal.value) == message


def test_an_unknown_size_of_a_gradient_is_refused():
    with pytest.raises(UsageError) as refusal:
        gradient_history(gradients(step=0), "mean")
    assert str(refusal.value) == "value must be one of 'rms', 'norm', got 'mean'"


def test_the_figures_have_the_same_bytes_at_every_run(tmp_path):
    for name in ("a", "b"):
        figure = activation_histograms(histogram([0.9, 0.03, 0.02]))
        save(figure, tmp_path / f"{name}.svg", tmp_path / f"{name}.png")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
