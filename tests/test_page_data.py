"""The data of a page's charts: which measures there are, how curves are packed, and the table of all runs."""

import numpy as np
import pandas as pd
import pytest

from lab import statistics
from lab.pages import packing
from lab.pages.chart_measures import MOST, measures
from lab.pages.epochs_series import series
from lab.pages.runs_table import runs_table
from lab.pages.strengths_chart import families, ranks, strength_words
from lab.report.curves import tidy
from lab.results.tables import read_tables
from tests.test_pages import histories_of, with_path

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def unpacked(text: str, scale: int = 0) -> list[float]:
    """The numbers of a text, by the rules of ECMA-426: digits of 32, the lowest first, the sign in the first bit."""
    found: list[float] = []
    total, rest = 0, text
    while rest:
        if rest[0] == "_":
            found.append(np.nan)
            rest = rest[1:]
            continue
        length = next(i for i, character in enumerate(rest) if ALPHABET.index(character) < 32) + 1
        digits = [ALPHABET.index(character) % 32 for character in rest[:length]]
        number = sum(digit * 32**i for i, digit in enumerate(digits))
        total += -(number // 2) if number % 2 else number // 2
        found.append(total * 10.0**scale)
        rest = rest[length:]
    return found


def names_of(histories: pd.DataFrame) -> list[tuple[str, str, str]]:
    return [(one.name, one.train, one.validation) for one in measures(tidy(histories))]


class TestMeasures:
    LAB = ("loss", "data_loss", "penalty", "accuracy", "train_data_loss", "train_accuracy", "val_loss",
           "val_data_loss", "val_penalty", "val_accuracy", "learning_rate")  # fmt: skip

    def histories(self, *columns: str, **values: float) -> pd.DataFrame:
        table = pd.DataFrame({"variant": "none", "seed": 0, "epoch": [1, 2]})
        return table.assign(**{name: values.get(name, 0.5) for name in columns})

    def test_a_history_of_the_lab_has_six_measures_the_compared_one_first(self):
        assert names_of(self.histories(*self.LAB)) == [
            ("data loss", "train_data_loss", "val_data_loss"),
            ("accuracy", "train_accuracy", "val_accuracy"),
            ("gap", "", "gap"),
            ("loss with penalty", "loss", "val_loss"),
            ("penalty", "", "val_penalty"),
            ("learning rate", "learning_rate", ""),
        ]

    def test_without_a_penalty_neither_it_nor_the_loss_with_it_is_a_measure(self):
        found = names_of(self.histories(*self.LAB, val_penalty=0.0))
        assert [name for name, *_ in found] == ["data loss", "accuracy", "gap", "learning rate"]

    def test_columns_that_the_lab_does_not_know_are_paired_by_the_prefix_of_keras(self):
        assert names_of(self.histories("loss", "val_loss", "accuracy", "val_accuracy", "mae", "val_mae", "lr")) == [
            ("loss", "loss", "val_loss"),
            ("accuracy", "accuracy", "val_accuracy"),
            ("mae", "mae", "val_mae"),
            ("lr", "lr", ""),
        ]

    def test_there_are_no_more_than_fit_a_page(self):
        many = [f"metric_{i}" for i in range(20)]
        found = names_of(self.histories("val_loss", *many))
        assert len(found) == MOST
        assert found[0] == ("loss", "", "val_loss")


class TestPacking:
    @pytest.mark.parametrize("number", [0, 1, -1, 15, 16, -16, 511, 512, 12345678, -(10**8)])
    def test_a_number_comes_back(self, number):
        assert unpacked(packing.pack([number])) == [number]

    def test_the_text_is_that_of_source_maps(self):
        # 1 is C, -1 is D and 123 is 2H there.
        assert packing.pack([0, 1, 0, 123]) == "ACD2H"

    def test_an_unknown_number_stays_unknown_and_the_next_one_is_counted_from_the_last_known(self):
        np.testing.assert_array_equal(unpacked(packing.pack([3, np.nan, np.inf, 5])), [3, np.nan, np.nan, 5])

    def test_a_falling_curve_keeps_four_digits_of_nine_tenths_of_its_numbers(self):
        values = 2.3 * 0.93 ** np.arange(100)
        scale = packing.power(values)
        relative = np.abs(np.array(unpacked(packing.pack(values, scale), scale)) / values - 1)
        assert np.quantile(relative, 0.9) < 5e-4
        assert len(packing.pack(values, scale)) < 4 * len(values)

    def test_numbers_of_too_many_sizes_are_not_packed(self):
        assert packing.power([1e-9, 1.0, 1e9]) is None
        assert packing.power([1e-310, 2e-310]) is None
        assert packing.power([0.0, np.nan]) == 0

    def test_a_series_is_packed_with_its_epochs_once_and_quartiles_only_where_they_differ(self):
        made = series(tidy(histories_of(["none", "l2"], 3, 30).assign(learning_rate=0.01)))
        packed = packing.packed(made)
        assert [unpacked(text) for text in packed["grids"]] == [list(range(1, 31))]
        columns = packed["columns"]
        assert [len(part) for part in columns["learning_rate"]["medians"]] == [5, 5]
        assert [len(part) for part in columns["val_data_loss"]["medians"]] == [7, 7]
        assert {name: len(column["seeds"]) for name, column in columns.items()} == {
            "train_data_loss": 6, "val_data_loss": 6, "gap": 0, "learning_rate": 0,
        }  # fmt: skip
        row = next(row for row in made.medians if row["v"] == 1 and row["column"] == "gap")
        (part,) = [part for part in columns["gap"]["medians"] if part[0] == 1]
        np.testing.assert_allclose(unpacked(part[4][1], part[4][0]), row["m"], rtol=1e-9)


class TestRuns:
    def test_runs_are_in_the_order_of_variants_and_seeds_with_what_is_known_of_them(self):
        histories = histories_of(["none", "l2"], 2, 60)
        summary = statistics.facts(histories).assign(test_data_loss=[0.5, 0.61234, np.nan, 0.4])
        records = [{"variant": "l2", "seed": 1, "seconds": 2.5}]
        made = runs_table(summary.iloc[::-1], records, ["none", "l2"])
        assert (made["variant"], made["seed"]) == ([0, 0, 1, 1], [0, 1, 0, 1])
        columns = {column["heading"]: column for column in made["columns"]}
        assert list(columns) == [
            "verdict", "kept epoch", "onset", "train data loss", "validation data loss", "gap", "test data loss",
            "seconds",
        ]  # fmt: skip
        assert columns["verdict"]["values"] == summary["verdict"].tolist()
        assert columns["test data loss"]["values"] == [0.5, 0.6123, None, 0.4]
        assert columns["test data loss"]["decimals"] == 3
        assert columns["kept epoch"]["values"] == summary["kept_epoch"].astype(int).tolist()
        assert columns["seconds"]["values"] == [None, None, None, 2.5]

    def test_of_runs_whose_verdict_is_not_known_the_status_is_shown_and_times_only_where_they_are_known(self):
        summary = pd.DataFrame({"variant": ["a"], "seed": [0], "status": ["diverged"]})
        made = runs_table(summary, [], ["a"])
        assert [(column["heading"], column["values"]) for column in made["columns"]] == [("status", ["diverged"])]


class TestStrengths:
    @pytest.mark.parametrize(
        ("strength", "words"),
        [
            (0.0, "0"),
            (2.3e-6, "2.3e-6"),
            (1e-5, "1e-5"),
            (0.00081, "8.1e-4"),
            (0.001, "0.001"),
            (0.59, "0.59"),
            (32, "32"),
        ],
    )
    def test_small_ones_are_written_with_a_power_of_ten(self, strength, words):
        assert strength_words(strength) == words

    def test_of_several_paths_each_has_all_colours_and_one_path_keeps_those_of_the_figures(self, tmp_path):
        paths = families(read_tables(with_path(tmp_path / "path")).path_runs())
        assert ranks(paths) == pytest.approx(
            {"none": 0, "l2_0.001": 1 / 3, "l2_0.01": 2 / 3, "l2_0.1": 1, "dropout_0.2": 1 / 2, "dropout_0.5": 1}
        )
        assert ranks(paths[:1]) == {}
