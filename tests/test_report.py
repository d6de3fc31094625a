"""The figures: what their tables hold, what is drawn of them, and that the files are the same at every run."""

import functools
import hashlib
import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib import font_manager
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from lab import report
from lab.checks import DataError, UsageError
from lab.report import layout, theme
from lab.report.curves import isolated, segments, tidy
from lab.report.forest import rows as forest_rows
from lab.report.strength_path import path as path_of
from lab.report.strength_path import strengths_of
from lab.results.processes import divided

ROOT = Path(__file__).parent.parent
HOSTILE = [
    "none",
    "$\\alpha_1$",
    "a_b^c",
    "<script>alert(1)</script>",
    "long" * 60,
    "ünïcödé",
    "\u6b63\u5247\u5316",
    "a\nb\x07",
]


def history(variant="none", seed=0, epochs=10, penalty=0.0, lowest=5):
    """A run whose validation data loss is lowest at an epoch, on exact numbers."""
    epoch = np.arange(1, epochs + 1)
    train = 1.0 / epoch + 0.01 * seed
    validation = 0.5 + 0.02 * (epoch - lowest) ** 2 + 0.01 * seed
    return pd.DataFrame(
        {
            "experiment": "trial",
            "variant": variant,
            "seed": seed,
            "epoch": epoch,
            "loss": train + penalty,
            "data_loss": train,
            "penalty": penalty,
            "accuracy": 1 - train / 4,
            "train_data_loss": train,
            "train_accuracy": 1 - train / 4,
            "val_loss": validation + penalty,
            "val_data_loss": validation,
            "val_penalty": penalty,
            "val_accuracy": 1 - validation / 4,
            "learning_rate": 0.001,
        }
    )


def histories(variants=("none", "l1"), seeds=3, **settings):
    return pd.concat([history(v, s, **settings) for v in variants for s in range(seeds)], ignore_index=True)


def diverged(table, variant, seed, epoch):
    """Let a run end at an epoch with losses that are no longer finite."""
    run = (table["variant"] == variant) & (table["seed"] == seed)
    table = table[~(run & (table["epoch"] > epoch))].copy()
    last = (table["variant"] == variant) & (table["seed"] == seed) & (table["epoch"] == epoch)
    table.loc[last, ["loss", "data_loss", "train_data_loss", "val_loss", "val_data_loss"]] = [
        np.inf, np.inf, np.nan, np.nan, np.nan,
    ]  # fmt: skip
    return table


def comparison(variants=("l1", "l2", "l3")):
    return pd.DataFrame(
        {
            "variant": variants,
            "difference": [-0.12, 0.05, 0.2][: len(variants)],
            "difference_low": [-0.15, -0.01, np.nan][: len(variants)],
            "difference_high": [-0.09, 0.11, np.nan][: len(variants)],
            "n": [5, 5, 1][: len(variants)],
        }
    )


def strengths(values=(0.0, 0.001, 0.01, 0.1, 1.0), seeds=3):
    rows = [
        {
            "variant": f"l1_{value}",
            "regularizer": "l1",
            "strength": value,
            "seed": seed,
            "train_data_loss": 0.1 + value,
            "val_data_loss": 0.5 + abs(np.log10(value + 1e-4) + 2) + 0.01 * seed,
            "test_data_loss": 0.6 + abs(np.log10(value + 1e-4) + 2) + 0.01 * seed,
            "zeros": min(1.0, value),
        }
        for value in values
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows)


def drawn(ax, label):
    """The points of the lines and line collections of one label, one array of shape (points, 2) each."""
    lines = [np.column_stack(line.get_data()).astype(float) for line in ax.lines if line.get_label() == label]
    for collection in ax.collections:
        if isinstance(collection, LineCollection) and collection.get_label() == label:
            lines += [np.asarray(segment) for segment in collection.get_segments()]
    return lines


def words(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


# The tables


def test_histories_are_put_in_order_with_the_baseline_first_and_infinities_as_nan():
    table = diverged(histories(("l1", "none"), seeds=2), "l1", 1, 4).sample(frac=1, random_state=0)
    rows = tidy(table).table
    assert list(rows["variant"].unique()) == ["none", "l1"]
    assert list(rows[rows["variant"] == "none"]["epoch"]) == [*range(1, 11), *range(1, 11)]
    assert rows["loss"].isna().sum() == 1
    assert tidy(table, "l1").variants == ["l1", "none"]


def test_what_is_computed_of_curves_is_computed_once_and_curves_stay_as_they_are():
    curves = tidy(histories())
    assert tidy(curves, "l1") is curves
    assert curves.runs("val_loss") is curves.runs("val_loss")
    assert curves.medians("val_loss") is curves.medians("val_loss")


@pytest.mark.parametrize(
    ("column", "value", "refusal"),
    [
        ("val_loss", "high", "the column val_loss of the table of histories must hold numbers, got 'high'"),
        ("seed", "zero", "the column seed of the table of histories must hold numbers, got 'zero'"),
        ("epoch", 1.5, "the epochs of the table of histories must be whole numbers of at least 0, got 1.5"),
        ("epoch", np.nan, "the epochs of the table of histories must be whole numbers of at least 0, got nan"),
    ],
    ids=["a word as a loss", "a word as a seed", "half an epoch", "no epoch"],
)
def test_a_table_that_holds_no_numbers_where_they_belong_is_refused(column, value, refusal):
    table = histories().astype({column: object})
    table.loc[3, column] = value
    with pytest.raises(DataError) as refused:
        report.overlay(table.infer_objects())
    assert str(refused.value) == refusal


def test_a_loss_beyond_what_training_can_hold_counts_as_infinite(tmp_path):
    table = histories()
    table.loc[table.index[-1], "val_data_loss"] = 1e308
    assert tidy(table).runs("val_data_loss")["diverged"].tolist() == [False] * 5 + [True]
    assert report.draw_all(table, None, None, tmp_path)


def test_the_baseline_is_none_by_name_or_else_the_first_variant():
    assert theme.in_order(["b", "none", "a", "b"]) == ["none", "b", "a"]
    assert theme.in_order(["b", "a"]) == ["b", "a"]
    with pytest.raises(UsageError) as refusal:
        theme.in_order(["b", "a"], "c")
    assert str(refusal.value) == "baseline must be one of the variants 'b', 'a', got 'c'"


def test_a_table_that_cannot_be_drawn_is_refused_by_name():
    with pytest.raises(DataError) as refusal:
        report.overfitting(histories().drop(columns="seed"))
    assert str(refusal.value).startswith("the table of histories must have the columns variant, seed, epoch, got ")
    assert str(refusal.value).endswith("; missing: seed")
    with pytest.raises(DataError) as refusal:
        report.overlay(histories().iloc[:0])
    assert str(refusal.value) == "the table of histories has no rows; there is nothing to draw until a run is finished"
    with pytest.raises(DataError) as refusal:
        report.overlay(pd.concat([histories(), histories()]))
    assert str(refusal.value) == (
        "the table of histories has epoch 1 of variant 'none', seed 0 twice; keep the rows of one run for each "
        "variant and seed"
    )
    two = pd.concat([histories(), histories(("x",)).assign(experiment="other")])
    with pytest.raises(DataError) as refusal:
        report.overlay(two)
    assert str(refusal.value) == (
        "the table of histories must be of one experiment, got trial, other; select one of them"
    )
    with pytest.raises(UsageError) as refusal:
        report.overfitting(histories(), "data-loss")
    assert str(refusal.value) == (
        "pair must be one of 'loss', 'data_loss', 'accuracy', got 'data-loss'; did you mean 'data_loss'?"
    )


def test_the_kept_epoch_is_that_of_the_summary_or_the_lowest_validation_data_loss():
    table = histories(seeds=2, lowest=4)
    assert list(tidy(table).runs("val_loss")["kept_epoch"]) == [4, 4, 4, 4]
    summary = pd.DataFrame({"variant": ["none", "l1"], "seed": [1, 0], "kept_epoch": [7, np.nan], "onset": [8, 9]})
    state = tidy(table, summary=summary).runs("val_loss")
    assert state["kept_epoch"].fillna(-1).tolist() == [4, 7, -1, 4]
    assert state["onset"].fillna(-1).tolist() == [-1, 8, 9, -1]


def test_a_run_has_diverged_if_its_last_row_holds_a_loss_that_is_not_finite():
    curves = tidy(diverged(histories(seeds=2), "l1", 0, 6))
    state = curves.runs("val_accuracy").set_index(["variant", "seed"])
    assert state["diverged"].to_dict() == {("none", 0): False, ("none", 1): False, ("l1", 0): True, ("l1", 1): False}
    assert curves.runs("val_data_loss").set_index(["variant", "seed"]).loc[("l1", 0), "ended_at"] == 5


def test_medians_and_quartiles_are_those_of_numpy_without_diverged_runs():
    curves = tidy(diverged(histories(("none",), seeds=6), "none", 5, 3))
    middle = curves.medians("val_data_loss")
    good = (
        curves.table[curves.table["seed"] < 5].pivot(index="seed", columns="epoch", values="val_data_loss").to_numpy()
    )
    np.testing.assert_allclose(middle["median"], np.median(good, 0), rtol=1e-12)
    np.testing.assert_allclose(middle["low"], np.quantile(good, 0.25, axis=0), rtol=1e-12)
    np.testing.assert_allclose(middle["high"], np.quantile(good, 0.75, axis=0), rtol=1e-12)
    assert set(middle["n"]) == {5}
    assert middle["whole"].all()


def test_a_median_is_whole_only_while_every_run_goes_on():
    table = pd.concat([history(seed=0, epochs=10), history(seed=1, epochs=6), history(seed=2, epochs=8)])
    middle = tidy(table).medians("val_data_loss")
    assert middle["n"].tolist() == [3] * 6 + [2] * 2 + [1] * 2
    assert middle["whole"].tolist() == [True] * 6 + [False] * 4


def test_the_axis_is_logarithmic_only_where_validation_spans_more_than_a_factor_of_thirty():
    near = tidy(pd.concat([history("none"), history("l1", penalty=5.0)]))
    assert not near.axis("val_loss", "loss").log
    far = tidy(pd.concat([history("none"), history("l1", penalty=100.0)]))
    shared = far.axis("val_loss", "loss")
    assert shared.log
    assert shared.low < far.table["loss"].min()
    assert shared.high > far.table["val_loss"].max()
    assert not shared.cut
    assert not far.axis("val_data_loss", "train_data_loss").log


def test_a_run_that_explodes_does_not_decide_the_axis_and_is_cut():
    table = diverged(histories(seeds=3), "l1", 0, 6)
    run = (table["variant"] == "l1") & (table["seed"] == 0) & (table["epoch"] == 5)
    table.loc[run, ["loss", "val_loss"]] = 1e9
    shared = tidy(table).axis("val_loss", "loss")
    assert not shared.log
    assert shared.high < 10
    assert shared.cut


def test_lines_break_at_nan_and_single_points_become_dots():
    table = tidy(histories(("none",), seeds=2, epochs=5)).table
    table.loc[[1, 3], "val_loss"] = np.nan
    lines = segments(table, "val_loss")
    assert [line.shape for line in lines] == [(5, 2), (5, 2)]
    np.testing.assert_array_equal(np.isnan(lines[0][:, 1]), [False, True, False, True, False])
    np.testing.assert_array_equal(isolated(lines)[:, 0], [1, 3, 5])


def test_a_crowd_of_variants_keeps_the_first_and_the_best_apart():
    table = pd.concat([history(f"v{i}", lowest=5).assign(val_data_loss=1.0 + (i * 7) % 20) for i in range(20)])
    best = tidy(table).named(4)
    values = {f"v{i}": (i * 7) % 20 for i in range(1, 20)}
    assert best[0] == "v0"
    assert sorted(best[1:]) == sorted(sorted(values, key=values.get)[:3])


# The style


def test_each_of_thirteen_variants_has_its_own_colour_and_marker_and_the_baseline_is_black():
    looks = report.styles(["a", "none", *"bcdefghijkl"])
    assert next(iter(looks)) == "none"
    assert looks["none"].colour == (0.0, 0.0, 0.0)
    assert len({look.colour for look in looks.values()}) == 13
    assert len({look.marker for look in list(looks.values())[:12]}) == 12
    yellow = matplotlib.colors.to_rgb(matplotlib.color_sequences["okabe_ito"][4])
    assert yellow not in {look.colour for look in looks.values()}


def test_strengths_are_coloured_in_viridis_by_rank():
    looks = report.styles(["none", "weak", "strong"], strengths={"strong": 1.0, "weak": 1e-4})
    viridis = matplotlib.colormaps["viridis"]
    assert looks["weak"].colour == viridis(0.0)[:3]
    assert looks["strong"].colour == viridis(0.88)[:3]


def test_labels_are_short_printable_and_never_twice_the_same():
    names = ["x" * 50 + "0.01", "x" * 50 + "0.1", "y" * 50, "y" * 51, "a\nb\x07"]
    made = theme.labels(names, 16)
    assert len(set(made.values())) == 5
    assert all(len(label) <= 16 for label in made.values())
    assert made["x" * 50 + "0.01"].endswith("0.01")
    assert made["a\nb\x07"] == "a\\nb\\x07"


def test_a_grid_is_nearly_square_with_few_empty_cells():
    assert [layout.columns(n) for n in (1, 2, 3, 4, 5, 6, 8, 9, 10, 12)] == [1, 2, 3, 2, 3, 3, 4, 3, 5, 4]


# What is drawn


@pytest.mark.parametrize("count", [1, 4, 12])
def test_there_is_one_panel_per_variant_on_equal_axes(count):
    variants = ["none", *(f"v{i}" for i in range(1, count))]
    figure = report.overfitting(histories(variants), "loss")
    assert [ax.get_title(loc="left") for ax in figure.axes] == variants
    assert len({(ax.get_xlim(), ax.get_ylim(), ax.get_yscale()) for ax in figure.axes}) == 1
    assert len(figure.legends) == 1
    assert all(ax.get_legend() is None for ax in figure.axes)


@pytest.mark.parametrize(("pair", "train", "validation"), [(pair, *columns) for pair, columns in report.PAIRS.items()])
def test_every_seed_is_a_thin_line_and_the_median_is_bold(pair, train, validation):
    table = histories(seeds=3)
    ax = report.overfitting(table, pair).axes[1]
    for split, column in (("train", train), ("validation", validation)):
        thin = drawn(ax, f"_{split} seeds")
        runs = table[table["variant"] == "l1"].pivot(index="epoch", columns="seed", values=column)
        assert len(thin) == 3
        for seed in range(3):
            np.testing.assert_array_equal(thin[seed], np.column_stack([runs.index, runs[seed]]))
        (bold,) = drawn(ax, f"_{split}")
        np.testing.assert_allclose(bold, np.column_stack([runs.index, runs.median(axis=1)]), rtol=1e-12)
    dashes = {line.get_label(): line.get_linestyle() for line in ax.lines}
    assert dashes["_train"] == "-"
    assert dashes["_validation"] == "--"
    colours = {line.get_label(): line.get_color() for line in ax.lines}
    assert colours["_train"] == colours["_validation"] == report.styles(["none", "l1"])["l1"].colour


def test_one_seed_is_one_bold_line_without_a_median():
    figure = report.overfitting(histories(("none",), seeds=1), "loss")
    assert drawn(figure.axes[0], "_validation seeds") == []
    (line,) = drawn(figure.axes[0], "_validation")
    np.testing.assert_array_equal(line[:, 1], history()["val_loss"])
    assert [entry.get_text() for entry in figure.legends[0].get_texts()] == ["train", "validation", "kept epoch"]
    assert "One seed." in words(figure)


def test_kept_epoch_and_onset_of_each_seed_stand_on_its_validation_line():
    table = histories(("none",), seeds=2)
    summary = pd.DataFrame({"variant": "none", "seed": [0, 1], "kept_epoch": [5, 6], "onset": [np.nan, 8]})
    ax = report.overfitting(table, "data_loss", summary=summary).axes[0]
    value = table.set_index(["seed", "epoch"])["val_data_loss"]
    (kept,) = drawn(ax, "_kept_epoch")
    np.testing.assert_array_equal(kept, [[5, value[0, 5]], [6, value[1, 6]]])
    (onset,) = drawn(ax, "_onset")
    np.testing.assert_array_equal(onset, [[8, value[1, 8]]])


def test_a_diverged_run_breaks_off_with_a_cross_and_is_in_no_median():
    table = diverged(histories(seeds=3), "l1", 1, 6)
    figure = report.overfitting(table, "data_loss")
    ax = figure.axes[1]
    good = table[(table["variant"] == "l1") & (table["seed"] != 1)].pivot(
        index="epoch", columns="seed", values="val_data_loss"
    )
    (bold,) = drawn(ax, "_validation")
    np.testing.assert_allclose(bold, np.column_stack([good.index, good.median(axis=1)]), rtol=1e-12)
    train, validation = drawn(ax, "_ended_at")
    expected = table[(table["variant"] == "l1") & (table["seed"] == 1) & (table["epoch"] == 5)]
    np.testing.assert_array_equal(train, expected[["epoch", "train_data_loss"]])
    np.testing.assert_array_equal(validation, expected[["epoch", "val_data_loss"]])
    assert drawn(ax, "_validation seeds")[1][-1, 0] == 5
    assert any("Diverged: 1 of 6 runs, in no median." in said for said in words(figure))
    assert "diverged: last finite epoch" in words(figure)


def test_the_cross_of_a_run_that_left_the_axis_stays_at_its_edge():
    table = diverged(histories(seeds=3), "l1", 1, 6)
    table.loc[(table["variant"] == "l1") & (table["seed"] == 1) & (table["epoch"] == 5), "val_data_loss"] = 1e12
    figure = report.overfitting(table, "data_loss")
    cross = drawn(figure.axes[1], "_ended_at")[1]
    assert cross[0, 1] == figure.axes[1].get_ylim()[1]
    assert any("Lines that reach the edge continue beyond it." in said for said in words(figure))


def test_medians_of_runs_of_unequal_length_stop_and_the_figure_says_so():
    table = pd.concat([histories(("none",), seeds=2), history("l1", 0, 10), history("l1", 1, 6)])
    figure = report.overfitting(table)
    (bold,) = drawn(figure.axes[1], "_validation")
    assert bold[-1, 0] == 6
    said = "2 seeds per variant. Runs end at different epochs: a median stops where the first of its runs ends."
    assert said in " ".join(words(figure)).replace("\n", " ")
    ax = report.overlay(table)
    (whole,) = drawn(ax, "_l1")
    (fewer,) = drawn(ax, "_l1 of fewer")
    assert whole[-1, 0] == 6
    assert fewer[0, 0] == 6
    assert fewer[-1, 0] == 10
    assert [entry.get_text() for entry in ax.get_legend().get_texts()] == ["none", "l1\n(n = 2 to epoch 6, then fewer)"]


def test_penalties_of_other_orders_of_magnitude_make_the_axis_logarithmic_and_the_figure_says_why():
    table = pd.concat([history("none"), history("l1", penalty=300.0)])
    figure = report.overfitting(table, "loss")
    assert figure.axes[0].get_yscale() == "log"
    said = "Logarithmic axis: the highest value is over 30 times the lowest."
    assert said in " ".join(words(figure)).replace("\n", " ")
    assert report.overfitting(table, "data_loss").axes[0].get_yscale() == "linear"


def test_one_epoch_is_drawn_as_points():
    ax = report.overfitting(histories(("none",), seeds=1, epochs=1), "loss").axes[0]
    assert drawn(ax, "_train points")[0].tolist() == [[1.0, 1.0]]
    assert [tick for tick in ax.get_xticks() if 0.5 <= tick <= 1.5] == [1.0]
    assert ax.get_xlim() == (0.5, 1.5)


def test_an_overlay_holds_median_band_and_median_kept_epoch():
    table = histories(("none", "l1"), seeds=5)
    given = Figure().add_subplot()
    ax = report.overlay(table, ax=given)
    assert ax is given
    middle = tidy(table).medians("val_data_loss")
    rows = middle[middle["variant"] == "l1"]
    np.testing.assert_array_equal(drawn(ax, "_l1")[0], rows[["epoch", "median"]])
    np.testing.assert_array_equal(drawn(ax, "_l1 kept")[0], rows.loc[rows["epoch"] == 5, ["epoch", "median"]])
    bands = [band for band in ax.collections if band.get_label() == "_l1 band"]
    assert len(bands) == 1
    edges = bands[0].get_paths()[0].vertices[:, 1]
    assert (edges.min(), edges.max()) == (rows["low"].min(), rows["high"].max())
    assert ax.get_ylabel() == "validation data loss"


def test_the_gap_is_validation_minus_train_data_loss():
    table = histories(("none",), seeds=1)
    (line,) = drawn(report.gap(table), "_none")
    np.testing.assert_array_equal(line[:, 1], table["val_data_loss"] - table["train_data_loss"])


def test_variants_without_a_penalty_are_listed_and_have_no_line():
    ax = report.penalty(pd.concat([history("none"), history("l1", penalty=2.0)]))
    assert drawn(ax, "_none") == []
    np.testing.assert_array_equal(drawn(ax, "_l1")[0][:, 1], np.full(10, 2.0))
    assert [entry.get_text() for entry in ax.get_legend().get_texts()] == ["none\n(no penalty)", "l1"]


def test_accuracy_stands_beside_the_data_loss_with_one_legend():
    figure = report.accuracy(histories())
    assert [ax.get_ylabel() for ax in figure.axes] == ["validation data loss", "validation accuracy"]
    assert [ax.get_legend() is not None for ax in figure.axes] == [False, True]


def test_beyond_twelve_variants_the_others_are_grey():
    ax = report.overlay(histories([f"v{i:02}" for i in range(15)], seeds=1))
    assert len(drawn(ax, "_other")) == 3
    assert ax.get_legend().get_texts()[-1].get_text() == "3 other variants"
    assert len(ax.get_legend().get_texts()) == 13


# The forest


def test_rows_of_a_forest_say_difference_interval_and_pairs():
    table = forest_rows(comparison())
    assert table["words"].tolist() == [
        "\N{MINUS SIGN}0.120 [\N{MINUS SIGN}0.150, \N{MINUS SIGN}0.090], n = 5",
        "+0.050 [\N{MINUS SIGN}0.010, +0.110], n = 5",
        "+0.200, no interval, n = 1",
    ]
    assert table["proven"].tolist() == [True, False, False]
    assert table["interval"].tolist() == [True, True, False]


def test_a_decision_counts_more_than_an_interval_that_leaves_zero_out():
    table = comparison().assign(decision=["not shown", "worse", "not shown"])
    rows = forest_rows(table)
    assert rows["proven"].tolist() == [False, True, False]
    assert rows["decision"].tolist() == ["not shown", "worse", "not shown"]


def test_a_forest_draws_intervals_against_zero_and_says_which_side_is_better():
    ax = report.forest(comparison())
    assert [line.tolist() for line in drawn(ax, "_interval")] == [[[-0.15, 0], [-0.09, 0]], [[-0.01, 1], [0.11, 1]]]
    assert [line.tolist() for line in drawn(ax, "_difference")] == [[[-0.12, 0]], [[0.05, 1]], [[0.2, 2]]]
    faces = [line.get_markerfacecolor() for line in ax.lines if line.get_label() == "_difference"]
    assert [face == "white" for face in faces] == [False, True, True]
    assert "\N{LEFTWARDS ARROW} better than none" in words(ax.figure)
    assert "worse than none \N{RIGHTWARDS ARROW}" in words(ax.figure)


def test_the_row_of_the_baseline_is_left_out_and_it_alone_is_nothing_to_draw():
    table = pd.concat([pd.DataFrame({"variant": ["none"], "n": [5]}), comparison()], ignore_index=True)
    assert forest_rows(table)["variant"].tolist() == ["l1", "l2", "l3"]
    with pytest.raises(DataError) as refusal:
        report.forest(table.iloc[:1])
    assert str(refusal.value) == (
        "the comparison without its baseline has no rows; there is nothing to draw until a run is finished"
    )


def test_a_comparison_without_any_number_is_still_a_figure():
    table = comparison()
    table[["difference", "difference_low", "difference_high"]] = np.nan
    table["n"] = 0
    assert "no pair of seeds, n = 0" in words(report.forest(table).figure)


# The strength path


def test_the_path_chooses_the_strength_of_the_lowest_validation_data_loss_never_by_test():
    runs = strengths()
    runs.loc[runs["strength"] == 1.0, "test_data_loss"] = 0.0
    table = path_of(runs)
    assert table["strength"].tolist() == [0.0, 0.001, 0.01, 0.1, 1.0]
    assert table.loc[table["chosen"], "strength"].tolist() == [0.01]
    by_strength = runs.groupby("strength")["val_data_loss"]
    np.testing.assert_array_equal(table["val_data_loss"], by_strength.median())
    np.testing.assert_array_equal(table["val_data_loss_low"], by_strength.quantile(0.25))
    assert table["n"].tolist() == [3] * 5


def test_strengths_stand_on_a_logarithmic_axis_with_zero_apart():
    figure = report.strength_path(strengths())
    losses, zeros = figure.axes
    assert losses.get_xscale() == zeros.get_xscale() == "log"
    (line,) = drawn(losses, "validation")
    assert line[:, 0].tolist() == [0.001, 0.01, 0.1, 1.0]
    (apart,) = drawn(losses, "_validation at 0")
    assert 0 < apart[0, 0] < 0.001
    assert zeros.xaxis.get_major_formatter()(apart[0, 0]) == "0"
    assert drawn(losses, "_kept")[0][0, 0] == 0.01
    in_legend = {line.get_label(): line for line in losses.get_legend().get_lines()}
    dashes = {name: in_legend[name]._dash_pattern for name in ("train", "validation", "test")}
    assert len({str(pattern) for pattern in dashes.values()}) == 3
    (share,) = drawn(zeros, "zeros")
    assert share[:, 1].tolist() == [0.001, 0.01, 0.1, 1.0]


def test_strengths_of_one_order_of_magnitude_stand_on_a_linear_axis():
    figure = report.strength_path(strengths((0.0, 0.2, 0.5)).drop(columns=["zeros", "test_data_loss"]))
    (ax,) = figure.axes
    assert ax.get_xscale() == "linear"
    assert [entry.get_text() for entry in ax.get_legend().get_texts()] == [
        "train", "validation", "chosen: lowest\nvalidation data loss",
    ]  # fmt: skip


def test_several_regularizers_have_a_column_each_on_one_loss_axis():
    runs = pd.concat([strengths().assign(regularizer="l1"), strengths((0.1, 0.5)).assign(regularizer="dropout")])
    figure = report.strength_path(runs)
    assert len(figure.axes) == 4
    assert figure.axes[0].get_ylim() == figure.axes[2].get_ylim()
    assert [ax.get_title(loc="left") for ax in figure.axes[::2]] == ["l1", "dropout"]


def test_a_strength_below_zero_or_without_a_number_is_refused():
    for wrong, shown in ((-1.0, "-1.0"), (np.nan, "nan"), (np.inf, "inf")):
        with pytest.raises(DataError) as refusal:
            path_of(strengths().assign(strength=wrong))
        assert str(refusal.value) == f"a strength must be a number of at least 0, got {shown}"


# The files


def test_all_figures_are_written_as_png_and_on_request_as_svg(tmp_path):
    table = histories(penalty=0.5)
    names = ["overfitting_loss", "overfitting_data_loss", "overlay", "gap", "penalty", "accuracy", "forest"]
    names.append("strength_path")
    tables = (table, None, comparison(("l1",)))
    paths = report.draw_all(*tables, tmp_path / "png", strengths=strengths())
    assert [path.name for path in paths] == [f"{name}.png" for name in names]
    both = report.draw_all(*tables, tmp_path / "both", strengths=strengths(), svg=True)
    assert [path.name for path in both] == [f"{name}.{kind}" for name in names for kind in ("png", "svg")]
    assert sorted(path.name for path in (tmp_path / "both").iterdir()) == sorted(path.name for path in both)
    assert {path.suffix: path.read_bytes()[:4] for path in both} == {".png": b"\x89PNG", ".svg": b"<?xm"}


def test_a_png_has_few_colours_and_keeps_white_black_and_its_resolution(tmp_path):
    (path,) = report.save(report.overfitting(histories()), tmp_path / "figure.png")
    with Image.open(path) as picture:
        assert picture.mode == "P"
        assert round(picture.info["dpi"][0]) == 150
        colours = {colour for _, colour in picture.convert("RGB").getcolors()}
    assert len(colours) <= 256
    assert {(255, 255, 255), (0, 0, 0)} <= colours


def test_a_path_of_one_regularizer_is_coloured_by_strength_and_several_are_not():
    path = pd.DataFrame({"variant": ["none", "a", "b"], "regularizer": "l2", "strength": [0.0, 0.1, 1.0]})
    assert strengths_of(path) == {"none": 0.0, "a": 0.1, "b": 1.0}
    assert strengths_of(pd.concat([path, path.assign(regularizer="l1")])) == {}
    assert strengths_of(None) == {}


def test_figures_whose_columns_hold_no_number_are_left_out(tmp_path):
    table = histories().assign(val_accuracy=np.nan, train_accuracy=np.nan)
    paths = report.draw_all(table[["variant", "seed", "epoch", "loss", "val_loss"]], None, None, tmp_path / "keras")
    assert [path.stem for path in paths] == ["overfitting_loss"]
    paths = report.draw_all(table, None, comparison(("none",)), tmp_path / "numbers")
    assert {path.stem for path in paths} == {"overfitting_loss", "overfitting_data_loss", "overlay", "gap"}


def test_an_experiment_of_which_every_run_diverged_at_once_is_still_drawn(tmp_path):
    table = histories(epochs=1)
    table[[c for c in table if "loss" in c]] = np.nan
    paths = report.draw_all(table, None, None, tmp_path)
    assert [path.name for path in paths] == ["overfitting_loss.png"]


def test_more_than_thirty_six_variants_are_spread_over_sheets(tmp_path):
    table = histories([f"v{i:02}" for i in range(37)], seeds=1, epochs=2)[
        ["variant", "seed", "epoch", "loss", "val_loss"]
    ]
    names = [path.stem for path in report.draw_all(table, None, None, tmp_path)]
    assert names == ["overfitting_loss_1", "overfitting_loss_2"]


def test_the_baseline_of_the_comparison_is_drawn_first(tmp_path, monkeypatch):
    first = []
    monkeypatch.setattr(
        sys.modules["lab.report.save"],
        "overlay",
        lambda curves, *, look_of: first.append(curves.variants[0]) or report.overlay(curves),
    )
    table = comparison(("none", "l1")).assign(decision=["worse", "baseline"])
    report.draw_all(histories(), None, table, tmp_path)
    assert first == ["l1"]


def test_hostile_names_are_shown_as_they_are(tmp_path):
    table = histories(HOSTILE, seeds=2, penalty=1.0).assign(experiment="$x_1$ & <b>")
    figure = report.overfitting(table)
    shown = [ax.get_title(loc="left") for ax in figure.axes]
    assert all(len(drawn(ax, "_validation")[0]) == 10 and len(drawn(ax, "_kept_epoch")[0]) == 2 for ax in figure.axes)
    assert shown[:3] == ["none", "$\\alpha_1$", "a_b^c"]
    assert shown[7] == "a\\nb\\x07"
    for text in figure.findobj(Text):
        if "$" in text.get_text():
            assert not text.get_parse_math()
    rows = comparison().assign(variant=HOSTILE[1:4])
    paths = report.draw_all(
        table, None, rows, tmp_path, strengths=strengths().assign(regularizer="$l_1$", experiment="$"), svg=True
    )
    assert len(paths) == 16
    assert not any(b"<script>" in path.read_bytes() for path in paths)


def test_names_that_read_as_numbers_are_drawn(tmp_path):
    table = histories((0.1, 0.5), seeds=1)
    summary = pd.DataFrame({"variant": [0.1, 0.5], "seed": 0, "kept_epoch": [2, 3]})
    figure = report.overfitting(table, summary=summary)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["0.1", "0.5"]
    assert [drawn(ax, "_kept_epoch")[0][0, 0] for ax in figure.axes] == [2, 3]


DRAW = """
import sys, pathlib
sys.path.insert(0, str(pathlib.Path({tests!r})))
import test_report as t
from lab import report
table = t.diverged(t.histories(("none", "l1", "$l_2$"), seeds=3, penalty=0.5), "l1", 1, 6)
report.draw_all(table, None, t.comparison(), pathlib.Path(sys.argv[1]), strengths=t.strengths(), svg=True)
many = t.histories(("none",), seeds=201, epochs=3)
report.save(report.overfitting(many), pathlib.Path(sys.argv[1]) / "crowded.svg")
"""


@pytest.mark.slow
def test_two_processes_write_the_same_bytes(tmp_path):
    digests = []
    for name, seed in (("first", "1"), ("second", "2")):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        script = DRAW.format(tests=str(Path(__file__).parent))
        subprocess.run([sys.executable, "-c", script, str(tmp_path / name)], env=environment, check=True)
        files = sorted((tmp_path / name).iterdir())
        digests.append({file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files})
    assert digests[0] == digests[1]
    assert len(digests[0]) == 17


@pytest.mark.slow
def test_an_installed_font_for_other_scripts_does_not_change_the_bytes_of_plain_names(tmp_path, monkeypatch):
    wide = next((name for name in theme._WIDE_FONTS if name in font_manager.get_font_names()), None)
    if wide is None:
        pytest.skip("no font for other scripts is installed")
    for name, families in (("with", ["DejaVu Sans", wide]), ("without", ["DejaVu Sans"])):
        monkeypatch.setattr(theme, "_families", lambda families=families: families)
        theme._shown.cache_clear()
        report.draw_all(histories(penalty=0.5), None, comparison(("l1",)), tmp_path / name)
    theme._shown.cache_clear()
    files = sorted(path.name for path in (tmp_path / "with").iterdir())
    assert len(files) == 7
    for name in files:
        assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes()


def test_the_thin_lines_of_a_crowd_are_pixels_in_an_svg_and_its_medians_are_not(tmp_path):
    few, many = tmp_path / "few.svg", tmp_path / "many.svg"
    report.save(report.overfitting(histories(("none",), seeds=200, epochs=3)), few)
    report.save(report.overfitting(histories(("none",), seeds=201, epochs=3)), many)
    assert b"<image" not in few.read_bytes()
    assert b"<image" in many.read_bytes()


def test_a_path_over_what_only_regularizes_in_passing_is_named_as_it_is():
    runs = pd.DataFrame({"strength": [8.0, 32.0], "seed": 0, "train_data_loss": 0.1, "val_data_loss": [0.3, 0.4]})
    batches, l2 = (report.strength_path(runs.assign(regularizer=name)) for name in ("batch size", "l2"))
    assert [figure.axes[0].get_xlabel() for figure in (batches, l2)] == ["batch size", "strength of l2"]
    assert [figure.axes[0].get_title(loc="left") for figure in (batches, l2)] == ["batch size", "l2"]


def test_a_figure_that_cannot_be_written_leaves_the_old_one_and_no_remains(tmp_path, monkeypatch):
    figure = report.overfitting(histories(), "loss")
    target = tmp_path / "figure.png"
    target.write_text("old")

    def full(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DataError) as refusal:
        report.save(figure, target)
    assert str(refusal.value) == (
        f"the figure {target} cannot be written (No space left on device); make room or choose a folder that can be "
        "written to"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["figure.png"]
    assert target.read_text() == "old"


def test_a_figure_of_another_kind_is_refused(tmp_path):
    with pytest.raises(UsageError) as refusal:
        report.save(report.overfitting(histories()), tmp_path / "figure.gif")
    assert str(refusal.value).startswith("the end of a figure's name must be one of '.png', '.svg', got '.gif'")


def test_drawing_leaves_no_trace_in_the_settings_of_matplotlib(tmp_path):
    before = dict(matplotlib.rcParams)
    report.draw_all(histories(), None, comparison(("l1",)), tmp_path)
    assert dict(matplotlib.rcParams) == before


def test_settings_of_the_caller_do_not_change_a_figure(tmp_path):
    report.save(report.overfitting(histories()), tmp_path / "plain.svg")
    with matplotlib.rc_context({"font.size": 30, "axes.grid": True, "text.parse_math": False, "lines.linewidth": 9}):
        report.save(report.overfitting(histories()), tmp_path / "set.svg")
    assert (tmp_path / "plain.svg").read_bytes() == (tmp_path / "set.svg").read_bytes()


def test_report_loads_neither_keras_nor_pyplot():
    script = (
        "import sys, lab.report; print([m for m in ('tensorflow', 'keras', 'matplotlib.pyplot') if m in sys.modules])"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_jobs_are_divided_between_this_process_and_a_pool_and_answered_in_their_order():
    caller, in_pool, here = threading.get_ident(), threading.Event(), threading.Event()

    def job(i):
        # Each side waits until the other one has begun a job.
        (here if threading.get_ident() == caller else in_pool).set()
        (in_pool if threading.get_ident() == caller else here).wait(60)
        return i, threading.get_ident() == caller

    jobs = [functools.partial(job, i) for i in range(6)]
    with ThreadPoolExecutor(1) as pool:
        done = divided(jobs, pool)
    assert [i for i, _ in done] == list(range(6))
    assert not done[0][1]
    assert done[-1][1]
    assert divided(jobs, None) == [(i, True) for i in range(6)]


def test_a_job_that_fails_is_reported_and_those_not_begun_are_left():
    begun, busy = [], threading.Event()

    def job(i):
        begun.append(i)
        raise DataError(f"job {i}")

    with ThreadPoolExecutor(1) as pool:
        pool.submit(busy.wait, 60)
        with pytest.raises(DataError, match="job 3"):
            divided([functools.partial(job, i) for i in range(4)], pool)
        busy.set()
    assert begun == [3]


@pytest.mark.slow
def test_figures_drawn_by_several_processes_are_those_of_one(tmp_path):
    tables = histories(variants=("none", "l2")), None, None
    here = report.draw_all(*tables, tmp_path / "here")
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(len, "").result()
        there = report.draw_all(*tables, tmp_path / "there", pool=pool)
    assert [path.name for path in there] == [path.name for path in here]
    assert [path.read_bytes() for path in there] == [path.read_bytes() for path in here]
