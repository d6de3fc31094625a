"""The pages: an honest sentence, small data, nothing that a file says becomes markup, and a real browser."""

import base64
import hashlib
import html
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lab import pages, results, statistics
from lab.checks import DataError
from lab.compute import compute, draw
from lab.pages import assets, epochs_series, forest_chart, look, provenance, strengths_chart, vegalite, write
from lab.pages.sparkline import frame, sparkline
from lab.pages.table import variants_table
from lab.report.curves import tidy
from lab.report.theme import styles
from lab.results.provenance import write_provenance
from lab.results.tables import read_tables
from tests.selection import quick
from tests.test_study import STUDY

ROOT = Path(__file__).parent.parent
HOSTILE = "<script>alert(1)</script>"
CLOSING = "</script><img src=x onerror=alert(2)>"
MINUS = "\N{MINUS SIGN}"
TEMPLATE = "${alert(3)} {{7*7}} datum['v']"


def compared(*variants: tuple, baseline: str = "none", n: int = 5) -> pd.DataFrame:
    """A comparison from tuples: name, difference, low, high, p, decision."""
    rows = [{"variant": baseline, "runs": n, "diverged": 0, "n": n, "decision": "baseline"}]
    for name, difference, low, high, p, decision in variants:
        rows.append(
            {
                "variant": name,
                "runs": n,
                "diverged": 0,
                "n": n,
                "difference": difference,
                "difference_low": low,
                "difference_high": high,
                "p_value": p,
                "p_adjusted": p,
                "decision": decision,
            }
        )
    columns = ["difference", "difference_low", "difference_high", "p_value", "p_adjusted"]
    return pd.DataFrame(rows).reindex(columns=["variant", "runs", "diverged", "n", *columns, "decision"])


def runs_of(variant: str, verdicts: list[str], onsets: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"variant": variant, "verdict": verdicts, "onset": onsets})


NO_RUNS = pd.DataFrame({"variant": []})


def histories_of(variants: list[str], seeds: int, epochs: int, rise: float = 0.012) -> pd.DataFrame:
    """Curves of which each variant overfits less than the one before."""
    generator = np.random.default_rng(0)
    epoch = np.arange(1, epochs + 1)
    parts = []
    for i, variant in enumerate(variants):
        for seed in range(seeds):
            train = 0.1 + 2.2 * np.exp(-epoch / 8) + generator.normal(0, 0.002, epochs)
            validation = (
                0.45
                + 1.8 * np.exp(-epoch / 7)
                + rise * max(0.0, 1 - 0.3 * i) * np.maximum(0, epoch - 18)
                + generator.normal(0, 0.003, epochs)
                + 0.01 * seed
                - 0.02 * min(i, 9)
            )
            parts.append(
                pd.DataFrame(
                    {
                        "experiment": "made",
                        "variant": variant,
                        "seed": seed,
                        "epoch": epoch,
                        "train_data_loss": train,
                        "val_data_loss": validation,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def written(
    folder: Path, variants: list[str], seeds: int = 3, epochs: int = 40, question: str = "Does it help?"
) -> Path:
    """An experiment's folder with its three tables and its question, without runs."""
    histories = histories_of(variants, seeds, epochs)
    summary = statistics.facts(histories).assign(status="finished")
    summary["test_data_loss"] = summary["val_data_loss"] + 0.01
    comparison = statistics.compare(summary, variants[0])
    for name, table in (("histories", histories), ("summary", summary), ("comparison", comparison)):
        results.write_atomically(folder / f"{name}.csv", results.to_csv(table))
    made = {"name": folder.name, "baseline": variants[0], "question": question, "runs": []}
    results.write_atomically(folder / "experiment.json", json.dumps(made))
    return folder


def all_diverged(folder: Path) -> Path:
    """An experiment of two variants whose four runs all diverged in their first epoch."""
    histories = histories_of(["none", "l2"], 2, 1).assign(train_data_loss=np.nan, val_data_loss=np.nan)
    summary = statistics.facts(histories).assign(status="diverged", test_data_loss=np.nan)
    for name, table in (
        ("histories", histories), ("summary", summary), ("comparison", statistics.compare(summary, "none")),
    ):  # fmt: skip
        results.write_atomically(folder / f"{name}.csv", results.to_csv(table))
    about = {"name": folder.name, "baseline": "none", "question": "Why?", "runs": []}
    results.write_atomically(folder / "experiment.json", json.dumps(about))
    return folder


def with_path(folder: Path) -> Path:
    """An experiment over strengths: two families that share the variant without any."""
    written(folder, ["none", "l2_0.001", "l2_0.01", "l2_0.1", "dropout_0.2", "dropout_0.5"])
    path = [("none", "l2", 0), ("l2_0.001", "l2", 0.001), ("l2_0.01", "l2", 0.01), ("l2_0.1", "l2", 0.1)]
    path += [("none", "dropout", 0), ("dropout_0.2", "dropout", 0.2), ("dropout_0.5", "dropout", 0.5)]
    table = pd.DataFrame(path, columns=list(results.STRENGTHS))
    results.write_atomically(folder / "strengths.csv", results.to_csv(table))
    return folder


def digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def policy_of(page: str) -> str:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="(.*?)"', page)
    return html.unescape(policy)


def series_of(histories: pd.DataFrame) -> epochs_series.Series:
    found = epochs_series.series(tidy(histories, summary=statistics.facts(histories)))
    assert found is not None
    return found


class TestAnswer:
    def test_one_better_variant_is_told_with_its_interval_and_the_seeds(self):
        table = compared(("l2", -0.12, -0.15, -0.09, 0.001, "better"), ("l1", 0.01, -0.02, 0.04, 0.4, "not shown"))
        assert pages.answer(table, NO_RUNS) == (
            "Over 5 seeds, l2 is better than none in test data loss, by 0.120 (95 % interval 0.090 to 0.150); "
            "nothing is shown for l1."
        )

    def test_better_and_worse_variants_are_both_told_the_largest_difference_first(self):
        table = compared(
            ("a", -0.1, -0.15, -0.05, 0.01, "better"),
            ("b", -0.3, -0.35, -0.25, 0.01, "better"),
            ("c", 0.2, 0.1, 0.3, 0.01, "worse"),
        )
        assert pages.answer(table, NO_RUNS) == (
            "Over 5 seeds, b and a are better than none in test data loss, b by 0.30 (95 % interval 0.25 to 0.35) "
            "and a by 0.10 (0.05 to 0.15); c is worse, by 0.20 (0.10 to 0.30)."
        )

    def test_only_worse_variants_are_called_worse(self):
        table = compared(("a", 0.2, 0.1, 0.3, 0.01, "worse"))
        assert pages.answer(table, NO_RUNS) == (
            "Over 5 seeds, a is worse than none in test data loss, by 0.20 (95 % interval 0.10 to 0.30)."
        )

    def test_many_variants_are_counted_and_the_best_two_named(self):
        table = compared(*((f"v{i}", -0.1 * i, -0.1 * i - 0.05, -0.1 * i + 0.05, 0.01, "better") for i in range(1, 7)))
        assert pages.answer(table, NO_RUNS) == (
            "Over 5 seeds, 6 of 6 variants are better than none in test data loss, most of all v6 by 0.60 "
            "(95 % interval 0.55 to 0.65) and v5 by 0.50 (0.45 to 0.55)."
        )

    def test_many_open_variants_are_named_up_to_three(self):
        open_ = [(f"v{i}", 0.0, -0.1, 0.1, 0.9, "not shown") for i in range(6)]
        table = compared(("a", -0.2, -0.3, -0.1, 0.01, "better"), *open_)
        assert pages.answer(table, NO_RUNS).endswith("; nothing is shown for v0, v1, v2 and 3 others.")

    def test_nothing_is_shown_where_nothing_is_and_the_closest_is_given_with_its_sign(self):
        table = compared(("a", 0.0, -0.1, 0.1, 0.9, "not shown"), ("b", 0.074, -0.007, 0.155, 0.05, "not shown"))
        assert pages.answer(table, NO_RUNS) == (
            "Nothing is shown: over 5 seeds no variant differs from none in test data loss by more than chance "
            f"explains; the closest is b, at +0.07 (95 % interval {MINUS}0.01 to +0.15)."
        )

    def test_one_seed_shows_nothing(self):
        table = compared(("a", -0.3, np.nan, np.nan, np.nan, "not shown"), n=1)
        assert pages.answer(table, NO_RUNS) == (
            "Nothing is shown: on one seed a difference to none cannot be told from chance."
        )

    def test_variants_without_a_shared_seed_show_nothing(self):
        table = compared(("a", np.nan, np.nan, np.nan, np.nan, "not shown"), n=0)
        assert pages.answer(table, NO_RUNS) == (
            "Nothing is shown: no variant has a seed on which both it and none finished."
        )

    def test_a_baseline_alone_is_compared_with_nothing(self):
        assert pages.answer(compared(), NO_RUNS) == "Nothing is compared: none is the only variant."

    def test_the_onset_is_told_where_most_runs_of_the_baseline_overfit(self):
        runs = runs_of("none", ["overfits", "overfits", "healthy"], [20, 24, np.nan])
        assert pages.answer(compared(), runs) == (
            "Nothing is compared: none is the only variant; none itself overfits from about epoch 22 on, in 2 of 3 "
            "runs."
        )

    def test_no_onset_is_told_where_half_of_the_runs_or_only_other_variants_overfit(self):
        half = runs_of("none", ["overfits", "healthy"], [20, np.nan])
        other = runs_of("l2", ["overfits", "overfits"], [20, 20])
        for runs in (half, other):
            assert "overfits" not in pages.answer(compared(), runs)

    def test_diverged_runs_are_told(self):
        table = compared(("a", -0.2, -0.3, -0.1, 0.01, "better"))
        table.loc[1, "diverged"] = 2
        assert pages.answer(table, NO_RUNS).endswith("; 2 runs of a diverged.")

    def test_differing_numbers_of_seeds_are_told_as_a_range(self):
        table = compared(("a", -0.2, -0.3, -0.1, 0.01, "better"), ("b", 0.0, -0.1, 0.1, 0.9, "not shown"))
        table.loc[2, "n"] = 3
        assert pages.answer(table, NO_RUNS).startswith("Over 3 to 5 seeds, a is better")

    def test_without_a_run_of_the_baseline_nothing_is_compared_yet(self):
        empty = compared().iloc[:0]
        assert pages.answer(empty, NO_RUNS) == "Nothing is compared yet: no run of the baseline is finished."

    def test_a_comparison_without_its_columns_is_refused(self):
        with pytest.raises(DataError) as refused:
            pages.answer(pd.DataFrame({"variant": ["none"]}), NO_RUNS)
        assert str(refused.value) == (
            "the comparison must have the columns variant, diverged, n, difference, difference_low, difference_high, "
            "p_value, decision, got variant; missing: diverged, n, difference, difference_low, difference_high, "
            "p_value, decision"
        )


class TestSeries:
    def test_medians_and_quartiles_are_those_of_numpy(self):
        histories = histories_of(["none", "l2"], 5, 12)
        made = series_of(histories)
        row = next(row for row in made.medians if row["name"] == "l2" and row["column"] == "val_data_loss")
        values = histories[histories["variant"] == "l2"].pivot(index="epoch", columns="seed", values="val_data_loss")
        np.testing.assert_allclose(row["m"], np.median(values, axis=1), rtol=1e-3)
        np.testing.assert_allclose(row["lo"], np.quantile(values, 0.25, axis=1), rtol=1e-3)
        np.testing.assert_allclose(row["hi"], np.quantile(values, 0.75, axis=1), rtol=1e-3)
        assert row["e"] == list(range(1, 13))
        assert row["n"] == [5] * 12

    def test_numbers_have_four_significant_digits_and_what_is_not_finite_is_none(self):
        assert vegalite.short([1.23456789, 0.000123456789, np.nan, np.inf]) == [1.235, 0.0001235, None, None]

    def test_a_long_history_keeps_every_kth_epoch_and_its_last_and_says_so(self):
        made = series_of(histories_of(["none"], 2, 400))
        assert made.medians[0]["e"] == [*range(1, 401, 3)]
        assert made.notes == ["Histories have up to 400 epochs: every 3rd and the last are drawn."]
        assert series_of(histories_of(["none"], 2, 401)).medians[0]["e"][-2:] == [400, 401]

    def test_a_short_history_is_whole_and_nothing_is_said(self):
        made = series_of(histories_of(["none"], 2, 150))
        assert made.medians[0]["e"] == [*range(1, 151)]
        assert made.notes == []

    def test_single_seeds_are_left_out_where_they_do_not_fit_and_that_is_said(self):
        made = series_of(histories_of(["none", "l2"], 400, 50))
        assert made.listed == [*range(300)]
        assert sum(len(row["e"]) for row in made.seeds) == epochs_series.POINTS
        assert made.notes == [
            "Of 400 seeds the first 300 can be shown singly, so that the page stays small; medians and bands are over "
            "all."
        ]

    def test_one_run_per_variant_is_its_own_median_and_not_drawn_twice(self):
        made = series_of(histories_of(["none", "l2"], 1, 20))
        assert made.seeds == []
        assert made.listed == []

    def test_fewer_runs_make_a_part_of_their_own_that_shares_an_epoch(self):
        histories = histories_of(["none"], 2, 20)
        histories = histories[(histories["seed"] == 0) | (histories["epoch"] <= 12)]
        parts = [row for row in series_of(histories).medians if row["column"] == "train_data_loss"]
        assert [(row["whole"], row["e"][0], row["e"][-1]) for row in parts] == [(True, 1, 12), (False, 12, 20)]
        assert parts[1]["n"] == [2] + [1] * 8

    def test_the_kept_epoch_and_the_onset_are_marked_on_the_median(self):
        histories = histories_of(["none"], 3, 60)
        made = series_of(histories)
        facts = statistics.facts(histories)
        kept, onset = (next(row for row in made.marks if row["mark"] == mark) for mark in ("kept", "onset"))
        assert kept["e"] == facts["kept_epoch"].median()
        assert onset["e"] == facts["onset"].median()

    def test_the_losses_of_keras_are_shown_where_there_are_no_others(self):
        histories = histories_of(["none"], 2, 10).rename(
            columns={"train_data_loss": "loss", "val_data_loss": "val_loss"}
        )
        assert epochs_series.columns_of(tidy(histories)) == {"train": "loss", "validation": "val_loss"}

    def test_the_axis_begins_where_the_validation_curves_differ_and_the_whole_one_is_kept(self):
        validation = {
            "e": [1, 5, 20, 40],
            "lo": [2.0, 1.0, 0.5, 0.6],
            "hi": [2.4, 1.2, 0.7, 0.8],
        }
        whole = epochs_series.Axis(False, 0.0, 2.5, False)
        assert epochs_series.focused([validation], 40, whole) == pytest.approx((0.5 - 0.7 / 3, 1.2 + 0.7 / 20))
        assert epochs_series.focused([validation], 40, replace(whole, high=1.3)) is None
        assert epochs_series.focused([validation], 40, replace(whole, log=True)) is None
        assert epochs_series.focused([validation | {"hi": validation["lo"]}], 40, replace(whole, low=-9.0)) is not None
        assert epochs_series.focused([], 40, whole) is None

    def test_histories_without_a_validation_loss_have_no_chart(self):
        histories = histories_of(["none"], 2, 10).drop(columns="val_data_loss")
        assert epochs_series.series(tidy(histories)) is None


class TestForest:
    def test_the_rows_are_those_of_the_figure_in_the_order_of_the_page(self):
        table = compared(
            ("l2", -0.123456, -0.15, -0.09, 0.001, "better"), ("l1", 0.01, np.nan, np.nan, 0.4, "not shown")
        )
        rows = forest_chart.rows(table, ["none", "l1", "l2"])
        assert rows == [
            {
                "v": 1, "name": "l1", "d": 0.01, "lo": None, "hi": None, "words": "+0.010, no interval, n = 5",
                "decision": "not shown", "proven": False,
            },
            {
                "v": 2, "name": "l2", "d": -0.1235, "lo": -0.15, "hi": -0.09, "decision": "better", "proven": True,
                "words": f"{MINUS}0.123 [{MINUS}0.150, {MINUS}0.090], n = 5",
            },
        ]  # fmt: skip

    def test_of_many_rows_those_with_the_largest_differences_are_shown(self):
        table = compared(*((f"v{i}", 0.1 * (i % 4), -1.0, 1.0, 0.9, "not shown") for i in range(1, 8)))
        rows = forest_chart.rows(table, ["none", *(f"v{i}" for i in range(1, 8))], most=2)
        assert [row["name"] for row in rows] == ["v3", "v7"]

    def test_a_variant_without_a_pair_of_seeds_has_no_row(self):
        table = compared(("l2", np.nan, np.nan, np.nan, np.nan, "not shown"), n=0)
        assert forest_chart.rows(table, ["none", "l2"]) == []


class TestStrengths:
    def test_a_family_is_ordered_by_strength_and_knows_the_chosen_one(self, tmp_path):
        folder = with_path(tmp_path / "path")
        summary = read_tables(folder).summary
        runs = read_tables(folder).path_runs()
        assert [family.name for family in strengths_chart.families(runs.iloc[::-1])] == ["dropout", "l2"]
        first = strengths_chart.families(runs)[0]
        assert first.variants == ["none", "l2_0.001", "l2_0.01", "l2_0.1"]
        assert first.strengths == [0, 0.001, 0.01, 0.1]
        medians = summary.groupby("variant")["val_data_loss"].median()[first.variants]
        assert first.chosen == int(np.argmin(medians))
        assert [row["split"] for row in first.losses] == ["train", "validation", "test"]
        np.testing.assert_allclose(first.losses[1]["m"], medians, rtol=1e-3)

    def test_zero_stands_apart_on_a_logarithmic_axis_and_in_its_place_on_a_linear_one(self, tmp_path):
        folder = with_path(tmp_path / "path")
        made = strengths_chart.families(read_tables(folder).path_runs())
        assert made[0].log
        assert made[0].positions == pytest.approx([0.001 / 10**1.5, 0.001, 0.01, 0.1])
        assert not made[1].log
        assert made[1].positions == [0, 0.2, 0.5]

    def test_an_experiment_without_the_file_has_no_path(self, tmp_path):
        folder = written(tmp_path / "plain", ["none", "l2"])
        assert strengths_chart.families(read_tables(folder).path_runs()) == []

    def test_a_variant_whose_runs_are_still_to_come_is_left_out(self, tmp_path):
        folder = with_path(tmp_path / "path")
        tables = read_tables(folder)
        last = tables.strengths["variant"].iloc[-1]
        begun = replace(tables, summary=tables.summary[tables.summary["variant"] != last])
        assert last in strengths_chart.families(tables.path_runs())[-1].variants
        assert last not in strengths_chart.families(begun.path_runs())[-1].variants


class TestTable:
    def test_a_row_tells_means_difference_and_verdict(self):
        runs = pd.DataFrame(
            {
                "variant": ["none", "none", "l2", "l2"],
                "seed": [0, 1, 0, 1],
                "kept_epoch": [10, 12, 20, 21],
                "test_data_loss": [0.5, 0.7, 0.4, np.inf],
                "verdict": ["overfits", "overfits", "healthy", "diverged"],
                "onset": [15, 17, np.nan, np.nan],
            }
        )
        made = variants_table(
            compared(("l2", -0.12, -0.15, -0.09, 0.0004, "better")), runs, ["none", "l2"], "test data loss"
        )
        assert [column.heading for column in made.columns] == [
            "variant", "difference in test data loss", "decision", "p", "test data loss", "kept epoch", "overfits",
            "runs",
        ]  # fmt: skip
        texts = [[cell.text for cell in cells] for _, cells in made.rows]
        assert texts == [
            ["none", "", "baseline", "", "0.600", "11", "2 of 2, from 16", "5"],
            ["l2", f"{MINUS}0.12 [{MINUS}0.15, {MINUS}0.09]", "better", "< 0.001", "0.400", "20", "0 of 2", "5"],
        ]
        assert [cell.key for cell in made.rows[1][1]] == ["l2", "-0.12", "better", "0.0004", "0.4", "20.5", "0", "5"]


RECORD = {
    "variant": "none",
    "seed": 0,
    "status": "finished",
    "engine": "cohort",
    "threads": 2,
    "parameters": 85002,
    "seconds": 30.0,
    "versions": {"python": "3.11", "machine": "x86_64", "keras": "3.15"},
    "declaration": {"model": {"call": "dense", "l2": 0.0}, "seed": 0},
}


class TestProvenance:
    def test_what_all_runs_share_is_given_once_and_what_differs_is_counted(self):
        other = RECORD | {
            "variant": "l2",
            "seed": 1,
            "engine": "keras_fit",
            "seconds": 130.0,
            "status": "diverged",
        }
        made = provenance.provenance([RECORD, RECORD | {"seed": 2}, other], ["none", "l2"])
        assert made.facts == [
            ("Runs", "2 finished, 1 diverged"),
            ("Seeds", "0 to 2"),
            ("Engine", "cohort (2 runs), keras_fit (1 run)"),
            ("Time", "3 min 10 s in all, 30 s per run (median)"),
            ("Threads", "2"),
            ("Parameters", "85\u202f002"),
            ("Versions", "python 3.11, keras 3.15"),
            ("Machine", "x86_64"),
        ]

    def test_a_part_of_the_training_split_is_named_with_its_error(self):
        made = provenance.provenance([RECORD | {"measured": 2000}], ["none"])
        assert (
            "Train measured on",
            "2\u202f000 examples, a fixed random part of the training split; the standard error of a mean over n of N "
            "is their standard deviation times √((1 - n / N) / n)",
        ) in made.facts

    def test_a_variant_is_told_apart_from_the_baseline_by_all_but_the_seed(self):
        other = RECORD | {"variant": "l2", "declaration": {"model": {"call": "dense", "l2": 0.01}, "seed": 3}}
        made = provenance.provenance([RECORD, other], ["none", "l2"])
        assert made.changes == [("l2", [provenance.Change("model.l2", "0.0", "0.01")])]

    def test_times_and_seeds_are_put_into_words(self):
        assert [provenance.duration(s) for s in (4.24, 59.4, 200, 7500)] == ["4.2 s", "59 s", "3 min 20 s", "2 h 5 min"]
        assert provenance.ranges([0, 1, 2, 5, 7, 8]) == "0 to 2, 5, 7, 8"


class TestLook:
    def test_light_colours_are_those_of_the_figures(self):
        made = look.looks(styles(["none", "l1", "l2"]))
        assert [(each.name, each.light) for each in made] == [("none", "#000000"), ("l1", "#0072b2"), ("l2", "#d55e00")]

    def test_dark_colours_stand_out_from_the_dark_paper(self):
        for style in styles(["none", *(f"v{i}" for i in range(18))]).values():
            assert look.contrast(look.on_dark(style.colour), look.DARK_PAPER) >= look.CONTRAST

    def test_contrast_is_that_of_the_guidelines(self):
        assert look.contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21)
        assert look.contrast((1, 1, 1), (1, 1, 1)) == pytest.approx(1)

    def test_the_dark_paper_is_that_of_the_style_sheet(self):
        style = (Path(write.__file__).parent / "templates" / "style.css").read_text()
        assert f"--paper: light-dark(#fdfdfb, {look.hexadecimal(look.DARK_PAPER)})" in style

    def test_every_marker_of_the_figures_has_a_path(self):
        markers = {style.marker for style in styles([f"v{i}" for i in range(12)]).values()}
        assert markers == set(look.MARKERS)


class TestDocument:
    def test_what_files_say_is_text_everywhere(self, tmp_path):
        question = "Is <b>this</b> text? </title>" + CLOSING
        folder = written(tmp_path / "hostile", ["none", HOSTILE, CLOSING, TEMPLATE], question=question)
        for path in (pages.experiment_page(folder), pages.index_page(tmp_path)):
            text = path.read_text()
            for name in ("<script>alert", "<img", "<b>this", "</title>" + CLOSING):
                assert name not in text
            assert html.escape(HOSTILE) in text
            assert len(re.findall("</title>", text)) == 1

    def test_names_in_the_data_of_the_charts_come_back_unchanged(self, tmp_path):
        names = ["none", HOSTILE, CLOSING, TEMPLATE]
        text = pages.experiment_page(written(tmp_path / "hostile", names)).read_text()
        (data,) = re.findall(r'<script type="application/json" id="drawn">(.*?)</script>', text, re.DOTALL)
        assert json.loads(data)["names"] == names

    def test_the_policy_allows_the_script_of_the_page_and_nothing_from_outside(self, tmp_path):
        text = pages.experiment_page(written(tmp_path / "plain", ["none", "l2"])).read_text()
        ((load, script),) = re.findall(r'<script data-load="(.*?)">(.*?)</script>', text, re.DOTALL)
        assert re.fullmatch(r"\.\./assets/vega\.js \.\./assets/page-[0-9a-f]{8}\.js", load)
        # A content security policy does not hold for what stands before it.
        assert text.index("Content-Security-Policy") < text.index("<title>")
        assert policy_of(text) == (
            f"default-src 'none'; script-src 'sha256-{digest(script)}' 'strict-dynamic'; style-src 'unsafe-inline'; "
            "img-src 'self' file:; base-uri 'none'; form-action 'none'"
        )
        assert not re.search(r'(src|href)="(?!\.\./index\.html|[a-z]+\.csv|#[a-z]+")', text)
        assert "url(" not in text
        assert "@import" not in text

    def test_pages_without_charts_run_no_script(self, tmp_path):
        compute(STUDY, tmp_path / "squares")
        text = pages.study_page(tmp_path / "squares").read_text()
        assert "<script" not in text
        assert "script-src 'none';" in policy_of(text)

    def test_vega_stands_once_beside_the_pages_and_is_written_only_when_it_is_missing_or_another(self, tmp_path):
        script = tmp_path / "assets" / "vega.js"
        for name in ("one", "two"):
            assert pages.experiment_page(written(tmp_path / name, ["none", "l2"])).stat().st_size < 100_000
        assert script.read_text() == assets.vega()
        os.utime(script, (1, 1))
        pages.experiment_page(tmp_path / "one")
        assert script.stat().st_mtime == 1
        script.write_text("another")
        pages.experiment_page(tmp_path / "one")
        assert script.read_text() == assets.vega()

    def test_the_committed_script_is_what_vl_convert_bundles(self):
        made = subprocess.run(
            [sys.executable, "-c", "from lab.pages.assets import bundle; print(bundle(), end='')"],
            cwd=ROOT, capture_output=True, check=False,
        )  # fmt: skip
        if made.returncode:
            pytest.skip("V8 cannot start here")
        assert made.stdout.decode() == assets.vega()

    def test_a_page_is_written_where_v8_cannot_start(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "vl_convert", None)
        assert pages.experiment_page(written(tmp_path / "plain", ["none", "l2"])).exists()
        with pytest.raises(ImportError):
            assets.bundle()

    def test_a_single_file_holds_its_scripts_and_figures_and_links_nothing(self, tmp_path):
        folder = written(tmp_path / "beside", ["none", "l2"])
        compute(STUDY, folder)
        draw(STUDY, folder)
        text = pages.single_file(folder)
        scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
        assert scripts[0] == assets.vega()
        allowed = " ".join(f"'sha256-{digest(script)}'" for script in scripts)
        assert policy_of(text) == (
            f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
            "form-action 'none'"
        )
        page = text.replace(scripts[0], "")
        # Its contents lead to its own sections.
        assert set(re.findall('href="(.)', page)) == {"#"}
        assert page.count('src="data:image/png;base64,') == 1
        assert not (tmp_path / "assets").exists()

    def test_the_single_file_of_a_study_holds_its_figures(self, tmp_path):
        compute(STUDY, tmp_path / "squares")
        draw(STUDY, tmp_path / "squares")
        text = pages.single_file(tmp_path / "squares")
        assert text.count('src="data:image/png;base64,') == 1
        assert "href=" not in text
        assert "<li>squares.csv</li>" in text

    def test_equal_tables_give_equal_bytes(self, tmp_path):
        made = []
        for name in ("one", "two"):
            with_path(tmp_path / name / "path")
            paths = pages.experiment_page(tmp_path / name / "path"), pages.index_page(tmp_path / name)
            made.append([path.read_bytes() for path in paths])
        assert made[0] == made[1]

    @pytest.mark.parametrize(("variants", "seeds"), quick([(200, 5), (1000, 1), (5, 200)]))
    def test_a_page_over_a_thousand_runs_stays_under_four_megabytes(self, tmp_path, variants, seeds):
        names = ["none", *(f"l2_{i}" for i in range(1, variants))]
        path = pages.experiment_page(written(tmp_path / "many", names, seeds, 100))
        assert path.stat().st_size < 4_000_000

    def test_runs_that_diverged_are_told_and_in_no_median(self, tmp_path):
        folder = written(tmp_path / "lost", ["none", "0.1"])
        tables = read_tables(folder)
        last = (tables.histories["variant"] == "0.1") & (tables.histories["epoch"] == 40)
        histories = tables.histories.assign(val_data_loss=tables.histories["val_data_loss"].mask(last, np.inf))
        summary = statistics.facts(histories)
        summary["status"] = np.where(summary["verdict"] == "diverged", "diverged", "finished")
        summary["test_data_loss"] = summary["val_data_loss"].where(summary["status"] == "finished")
        comparison = statistics.compare(summary, "none")
        for name, table in (("histories", histories), ("summary", summary), ("comparison", comparison)):
            results.write_atomically(folder / f"{name}.csv", results.to_csv(table))
        text = pages.experiment_page(folder).read_text()
        assert (
            "Nothing is shown: no variant has a seed on which both it and none finished; 3 runs of 0.1 diverged."
            in text
        )
        assert "Diverged: 3 of 6 runs, in no median." in text
        (data,) = re.findall(r'<script type="application/json" id="drawn">(.*?)</script>', text, re.DOTALL)
        drawn = json.loads(data)
        parts = drawn["curves"]["columns"]["val_data_loss"]["medians"]
        assert {drawn["names"][part[0]] for part in parts} == {"none"}
        assert drawn["curves"]["diverged"] == [[1, 0], [1, 1], [1, 2]]

    def test_runs_that_are_not_there_are_said_not_to_be(self, tmp_path):
        text = pages.experiment_page(written(tmp_path / "plain", ["none", "l2"])).read_text()
        assert "this folder holds no record of the runs." in text

    def test_a_page_says_how_it_was_run_from_the_committed_file_though_the_runs_are_gone(self, tmp_path):
        folder = written(tmp_path / "plain", ["none", "l2"])
        declared = [("none", 0.0), ("l2", 0.01)]
        records = [
            RECORD | {"id": "r0123456789ab", "variant": v, "declaration": {"model": {"l2": strength}}}
            for v, strength in declared
        ]
        write_provenance(folder, records)
        text = pages.experiment_page(folder).read_text()
        assert "2 finished" in text
        assert "<code>model.l2</code></td><td><code>0.0</code></td><td><code>0.01</code>" in text

    def test_the_tables_that_are_there_are_linked(self, tmp_path):
        text = pages.experiment_page(with_path(tmp_path / "path")).read_text()
        for name in ("comparison.csv", "summary.csv", "histories.csv", "strengths.csv"):
            assert f'<a href="{name}">{name}</a>' in text

    def test_an_experiment_whose_runs_all_diverged_has_a_page_that_says_so(self, tmp_path):
        folder = all_diverged(tmp_path / "lost")
        text = pages.experiment_page(folder).read_text()
        assert "No run has a finite validation loss, so there is no chart over the epochs." in text
        assert "4 runs of none and l2 diverged." in text
        assert 'id="curves"' not in text

    def test_the_index_lists_every_experiment_with_question_answer_and_curves(self, tmp_path):
        for name in ("b", "a"):
            pages.experiment_page(written(tmp_path / name, ["none", "l2"], question=f"Question {name}?"))
        text = pages.index_page(tmp_path).read_text()
        assert re.findall(r'<h3><a href="(.*?)">(.*?)</a>', text) == [
            ("a/index.html", "Question a?"),
            ("b/index.html", "Question b?"),
        ]
        assert text.count("<polyline") == 8
        assert text.count("Over 3 seeds") == 2

    def test_the_curves_of_a_card_are_the_medians_of_the_page(self):
        curves = tidy(histories_of(["none", "l2"], 3, 40))
        drawn = epochs_series.series(curves)
        lines = sparkline(curves, curves.variants)
        assert [(line.v, line.split) for line in lines] == [
            (1, "train"), (1, "validation"), (0, "train"), (0, "validation"),
        ]  # fmt: skip
        medians = next(row["m"] for row in drawn.medians if row["v"] == 1 and row["column"] == "val_data_loss")
        heights = [float(point.split(",")[1]) for point in lines[1].points.split()]
        edges = frame(curves)
        low, high = edges.ends
        share = (np.array(medians) - low) / (high - low)
        np.testing.assert_allclose(heights, 144 - 138 * share, atol=0.15)

    def test_the_index_is_a_guide_in_chapters_and_leaves_nothing_out(self, tmp_path):
        for name in ("a", "b", "b-other", "b_more", "c-d"):
            pages.experiment_page(written(tmp_path / name, ["none", "l2"], question=f"Question {name}?"))
        chapters = [("Second <first>", ["b", "missing", "c-d"]), ("First", ["a"])]
        text = pages.index_page(tmp_path, chapters).read_text()
        found = re.findall(r'<h2 class="chapter">(.*?)</h2>|<h3><a href="(.*?)/index.html">', text)
        assert [chapter or name for chapter, name in found] == [
            "Second &lt;first&gt;", "b", "b-other", "c-d", "First", "a", "Others", "b_more",
        ]  # fmt: skip

    def test_a_neighbour_never_harms_its_card_says_what_is_wrong(self, tmp_path):
        for name in ("whole", "torn"):
            written(tmp_path / name, ["none", "l2"], question=f"Question {name}?")
        all_diverged(tmp_path / "lost")
        (tmp_path / "torn" / "histories.csv").write_text("variant,seed,epoch,val_data_loss\nnone,0,nan,0.5\n")
        (tmp_path / "photos").mkdir()
        (tmp_path / "photos" / "histories.csv").write_text("a,b\n1,2\n")
        (tmp_path / "unread").mkdir()
        (tmp_path / "unread" / "unread.json").write_text("{")
        (tmp_path / "notes").mkdir()
        text = html.unescape(pages.index_page(tmp_path).read_text())
        assert re.findall(r"<h3>(.*?)</h3>", text) == ["Why?", "photos", "Question torn?", "unread", "Question whole?"]
        problems = re.findall(r'<p class="failed">(.*?)</p>', text)
        assert problems == [
            f"This cannot be shown: {tmp_path / 'photos' / 'summary.csv'} does not exist; run the experiment first, "
            "or name its folder",
            "Its curves cannot be shown: the epochs of the table of histories must be whole numbers of at least 0, "
            "got nan",
            f"This cannot be shown: {tmp_path / 'unread' / 'unread.json'} cannot be read as JSON (Expecting "
            "property name enclosed in double quotes: line 1 column 2 (char 1)); run the study again, or move the file "
            "elsewhere if it is not the lab's",
        ]
        assert text.count("Over 3 seeds") == 2
        assert text.count("<polyline") == 4

    def test_a_card_without_histories_has_the_answer_and_a_figure(self, tmp_path):
        folder = written(tmp_path / "kept", ["none", "l2"])
        (folder / "histories.csv").unlink()
        figure = Image.new("RGB", (30, 20))
        (folder / "figures").mkdir()
        figure.save(folder / "figures" / "overlay.png")
        text = pages.index_page(tmp_path).read_text()
        assert 'src="kept/figures/overlay.png" width="30" height="20"' in text
        assert "Over 3 seeds" in text
        assert 'class="failed"' not in text
        # Its page was never written, so nothing links to it.
        assert "href=" not in text

    def test_a_study_whose_tables_are_not_kept_has_a_card_with_its_figure(self, tmp_path):
        compute(STUDY, tmp_path / "squares")
        draw(STUDY, tmp_path / "squares")
        pages.study_page(tmp_path / "squares")
        for name in ("squares.json", "squares.csv"):
            (tmp_path / "squares" / name).unlink()
        text = pages.index_page(tmp_path).read_text()
        assert 'src="squares/figures/squares.png"' in text
        assert '<a href="squares/index.html">squares</a>' in text

    def test_a_study_has_a_page_and_a_card_with_its_figure_and_escaped_notes(self, tmp_path):
        folder = tmp_path / "squares"
        study = replace(STUDY, notes="One <b>fact</b>.\n\n    a  b\n    1  2\n\nWhere the course was wrong.")
        compute(study, folder)
        draw(study, folder)
        for path, source in ((pages.study_page(folder), ""), (pages.index_page(tmp_path), "squares/")):
            text = path.read_text()
            assert "How do squares grow?" in text
            assert "One &lt;b&gt;fact&lt;/b&gt;." in text
            assert "Where the course was wrong." in text
            # A table in a docstring stays a table.
            assert '<pre class="given" tabindex="0">a  b\n1  2</pre>' in text
            assert re.findall(r'src="(.*?)"', text) == [f"{source}figures/squares.png"]
            assert "http" not in text.replace("http-equiv", "")
        assert '<a href="squares.csv">squares.csv</a>' in pages.study_page(folder).read_text()
        (folder / "squares.csv").unlink()
        assert "squares.csv" not in pages.study_page(folder).read_text()

    @pytest.mark.parametrize("names", [{"figures": ["../../x"]}, {"tables": ["/tmp/x"]}, {"tables": [3]}])
    def test_a_study_that_names_files_outside_of_its_folder_is_refused(self, tmp_path, names):
        compute(STUDY, tmp_path / "squares")
        path = tmp_path / "squares" / "squares.json"
        results.write_atomically(path, json.dumps(json.loads(path.read_text()) | names))
        with pytest.raises(DataError) as refused:
            pages.study_page(path.parent)
        ((field, (wrong,)),) = names.items()
        sentence = str(refused.value)
        assert sentence.startswith(f"'{field}' in {path} must be a list of different names made of letters, digits, ")
        assert sentence.endswith(
            f", got [{wrong!r}]; run the study again, or move the file elsewhere if it is not the lab's"
        )

    def test_a_figure_that_is_a_link_to_a_picture_elsewhere_is_refused(self, tmp_path):
        compute(STUDY, tmp_path / "squares")
        draw(STUDY, tmp_path / "squares")
        path = tmp_path / "squares" / "figures" / "squares.png"
        shutil.move(path, tmp_path / "secret.png")
        path.symlink_to(tmp_path / "secret.png")
        with pytest.raises(DataError) as refused:
            pages.study_page(tmp_path / "squares")
        assert str(refused.value) == (
            f"{path} must be a picture of this folder, got a link to one outside; draw the report again"
        )

    def test_an_experiment_shows_its_notes_and_the_studies_beside_it_once_they_are_drawn(self, tmp_path):
        folder = written(tmp_path / "beside", ["none", "l2"])
        made = results.read_experiment(folder) | {"notes": "What `none`\nshows: <b>much</b>."}
        results.write_atomically(folder / "experiment.json", json.dumps(made))
        compute(STUDY, folder)
        assert "How do squares grow?" not in pages.experiment_page(folder).read_text()
        draw(STUDY, folder)
        text = pages.experiment_page(folder).read_text()
        assert "What none shows: &lt;b&gt;much&lt;/b&gt;." in text
        assert ">How do squares grow?</h2>" in text
        assert text.count('src="figures/squares.png"') == 1
        assert '<a href="squares.csv">squares.csv</a> <span>of a study beside it</span>' in text

    def test_an_index_of_nothing_is_refused(self, tmp_path):
        with pytest.raises(DataError) as refused:
            pages.index_page(tmp_path)
        assert str(refused.value) == f"{tmp_path} holds no experiment; run one first: python -m lab list"


class TestBrowser:
    def test_the_page_opens_without_a_network_and_without_a_complaint(self, tmp_path, opened):
        path = pages.experiment_page(with_path(tmp_path / "path"))
        seen = opened(path)
        assert [seen.count(f"#{chart} svg") for chart in ("forest", "curves", "path")] == [1, 1, 1]
        assert seen.complaints == []
        (script,) = (tmp_path / "assets").glob("page-*.js")
        assert seen.asked == [path.as_uri(), (tmp_path / "assets" / "vega.js").as_uri(), script.as_uri()]

    def test_the_first_screen_shows_the_answer_and_both_charts(self, tmp_path, opened):
        seen = opened(pages.experiment_page(written(tmp_path / "plain", ["none", "l2", "l1"])))
        boxes = [seen.page.locator(place).bounding_box() for place in (".answer", "#forest svg", "#curves svg")]
        assert max(box["y"] + box["height"] for box in boxes) < 800
        assert boxes[1]["x"] + boxes[1]["width"] < boxes[2]["x"]
        table = seen.page.locator(".scroll").first
        assert table.evaluate("box => box.scrollWidth == box.clientWidth")

    def test_the_single_file_opens_far_from_its_folder_and_asks_for_nothing(self, tmp_path, opened):
        folder = with_path(tmp_path / "path")
        compute(STUDY, folder)
        draw(STUDY, folder)
        path = tmp_path / "elsewhere" / "sent.html"
        results.write_atomically(path, pages.single_file(folder))
        seen = opened(path)
        assert [seen.count(f"#{chart} svg") for chart in ("forest", "curves", "path")] == [1, 1, 1]
        assert seen.page.locator("img").evaluate("picture => picture.naturalWidth") > 100
        assert seen.complaints == []
        assert [url for url in seen.asked if not url.startswith("data:")] == [path.as_uri()]

    def test_a_page_that_lost_its_script_says_what_to_do(self, tmp_path, opened):
        path = pages.experiment_page(written(tmp_path / "plain", ["none", "l2"]))
        shutil.rmtree(tmp_path / "assets")
        seen = opened(path, drawn="some")
        assert seen.page.locator("#curves").inner_text() == (
            "This chart cannot be drawn: ../assets/vega.js is missing. Keep this page in its folder of results, or "
            "make one for sending with “python -m lab export page”."
        )

    def test_a_page_that_lost_only_vega_keeps_its_tables(self, tmp_path, opened):
        path = pages.experiment_page(written(tmp_path / "plain", ["none", "l2"]))
        (tmp_path / "assets" / "vega.js").unlink()
        seen = opened(path, drawn="some")
        assert "../assets/vega.js is missing." in seen.page.locator("#forest").inner_text()
        assert seen.count("#runs-table tbody tr") == 6

    def test_no_script_runs_that_stands_in_the_markup(self, tmp_path, opened):
        path = pages.experiment_page(written(tmp_path / "plain", ["none", "l2"]))
        (tmp_path / "plain" / "evil.js").write_text("window.evil = 1")
        evil = '<script>window.evil = 2</script><script src="evil.js"></script><img src=x onerror="window.evil = 3">'
        path.write_text(path.read_text().replace("<main>", f"<main>{evil}"))
        seen = opened(path)
        assert seen.page.evaluate("window.evil") is None
        assert len(seen.complaints) >= 3

    def test_the_figures_of_a_study_are_shown_from_disk(self, tmp_path, opened):
        compute(STUDY, tmp_path / "squares")
        draw(STUDY, tmp_path / "squares")
        for path in (pages.study_page(tmp_path / "squares"), pages.index_page(tmp_path)):
            seen = opened(path, drawn="")
            assert seen.page.locator("img").evaluate("picture => picture.naturalWidth") > 100
            assert seen.complaints == []

    def test_a_switch_hides_a_variant_and_shows_it_again_by_key(self, tmp_path, opened):
        seen = opened(pages.experiment_page(written(tmp_path / "plain", ["none", "l2", "l1"])))
        all_ = seen.lines("curves")
        assert len(all_) == 6
        switch = seen.page.get_by_role("checkbox", name="l2")
        switch.focus()
        switch.press("Space")
        fewer = seen.settled("curves", all_)
        assert len(fewer) == 4
        assert not switch.is_checked()
        switch.press("Space")
        # What is shown again is drawn last, on top.
        assert sorted(seen.settled("curves", fewer)) == sorted(all_)

    def test_switches_show_single_seeds_and_hide_a_split(self, tmp_path, opened):
        seen = opened(pages.experiment_page(written(tmp_path / "plain", ["none", "l2"])))
        before = seen.lines("curves")
        seen.page.get_by_role("checkbox", name="1", exact=True).press("Space")
        with_seed = seen.settled("curves", before)
        assert len(with_seed) == len(before) + 4
        seen.page.get_by_role("checkbox", name="train").press("Space")
        assert len(seen.settled("curves", with_seed)) == len(with_seed) / 2

    def test_the_table_sorts_by_click_and_by_key_and_comes_back(self, tmp_path, opened):
        seen = opened(pages.experiment_page(written(tmp_path / "plain", ["none", "b", "a"])))
        assert seen.first_column() == ["none", "b", "a"]
        button = seen.page.locator("table.sortable").get_by_role("button", name="variant", exact=True)
        head = seen.page.locator("table.sortable thead th").first
        orders = {"ascending": ["a", "b", "none"], "descending": ["none", "b", "a"], "none": ["none", "b", "a"]}
        button.click()
        assert (head.get_attribute("aria-sort"), seen.first_column()) == ("ascending", orders["ascending"])
        for order in ("descending", "none"):
            button.press("Enter")
            assert (head.get_attribute("aria-sort"), seen.first_column()) == (order, orders[order])
        # Smaller is better here, and the baseline, which has no difference to itself, stands last in both orders.
        difference = seen.page.get_by_role("button", name="difference in test data loss")
        difference.click()
        assert seen.first_column() == ["a", "b", "none"]
        difference.click()
        assert seen.first_column() == ["b", "a", "none"]

    def test_hostile_names_stay_text_in_the_browser(self, tmp_path, opened):
        names = ["none", HOSTILE, CLOSING, TEMPLATE]
        seen = opened(pages.experiment_page(written(tmp_path / "hostile", names, question=CLOSING)))
        assert seen.first_column() == names
        assert seen.page.locator("h1").inner_text() == CLOSING
        assert seen.count("img") == 0
        assert seen.complaints == []
        for name in names:
            assert seen.page.locator(".chip", has_text=name).count() == 1

    @pytest.mark.slow
    def test_a_dark_screen_gets_light_lines_without_drawing_anew(self, tmp_path, opened):
        seen = opened(pages.experiment_page(written(tmp_path / "plain", ["none"])))
        colour = "path => getComputedStyle(path).stroke"
        line = seen.page.locator("#curves g.mark-path:not(.drawn-bands) path").first
        assert line.evaluate(colour) == "rgb(0, 0, 0)"
        seen.page.emulate_media(color_scheme="dark")
        assert line.evaluate(colour) == "rgb(237, 237, 235)"
        seen.page.emulate_media(color_scheme="dark", media="print")
        assert line.evaluate(colour) == "rgb(0, 0, 0)"
