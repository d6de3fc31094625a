"""The heat map: which experiments vary two settings, what stands in which cell, and that it is drawn."""

from pathlib import Path

import pandas as pd
import pytest

from lab import results
from lab.pages.heat_map import heat_map, settings
from lab.pages.provenance import declarations
from lab.results.tables import read_tables

COMMITTED = Path(__file__).parent.parent / "results"
TWO = {
    "a": {"model.rate": "0.5", "training.optimizer": '"sgd"', "seeded": "1"},
    "b": {"model.rate": "0.1", "training.optimizer": '"sgd"', "seeded": "1"},
    "c": {"model.rate": "0.5", "training.optimizer": '"adam"', "training.beta": "0.9", "seeded": "1"},
    "d": {"model.rate": "0.1", "training.optimizer": '"adam"', "training.beta": "0.9", "seeded": "1"},
}


def compared(names, means=(4.0, 3.0, 2.0, 1.0)):
    rows = [
        (name, mean, mean - means[0], mean - means[0] - 0.1, mean - means[0] + 0.1, "baseline" if i == 0 else "better")
        for i, (name, mean) in enumerate(zip(names, means, strict=False))
    ]
    return pd.DataFrame(
        rows, columns=["variant", "mean", "difference", "difference_low", "difference_high", "decision"]
    )


def test_a_setting_that_follows_from_another_is_none_of_its_own():
    rate, optimizer = settings(TWO)
    assert (rate.name, rate.values) == ("rate", ["0.1", "0.5"])
    assert (optimizer.name, optimizer.values) == ("optimizer", ["sgd", "adam"])
    assert [rate.of[name] for name in "abcd"] == [1, 0, 1, 0]


def test_each_variant_is_in_the_cell_of_its_two_values():
    made = heat_map(TWO, compared("abcd"), list("abcd"), "test data loss")
    assert (made.across.name, made.down.name) == ("rate", "optimizer")
    assert {cell["name"]: (cell["across"], cell["down"], cell["m"]) for cell in made.cells} == {
        "a": ("0.5", "sgd", 4.0),
        "b": ("0.1", "sgd", 3.0),
        "c": ("0.5", "adam", 2.0),
        "d": ("0.1", "adam", 1.0),
    }
    assert [cell["words"] for cell in made.cells][:2] == ["", "−1.00 [−1.10, −0.90]"]  # noqa: RUF001


@pytest.mark.parametrize(
    "declared",
    [
        {name: {"rate": flat["model.rate"]} for name, flat in TWO.items()},
        {name: flat | {"third": third} for (name, flat), third in zip(TWO.items(), ("1", "2", "2", "1"), strict=True)},
        {**TWO, "c": TWO["a"]},
        {name: flat for name, flat in TWO.items() if name != "d"},
        {"a": {"x": "1", "y": "1"}, "b": {"x": "2", "y": "1"}, "c": {"x": "3", "y": "2"}, "d": {"x": "4", "y": "3"}},
    ],
    ids=["one setting", "three settings", "one pair twice", "no declaration", "one follows"],
)
def test_other_experiments_have_no_map(declared):
    assert heat_map(declared, compared("abcd"), list("abcd"), "test data loss") is None


def test_a_map_with_a_hole_is_drawn_and_one_of_holes_is_not():
    three = {name: TWO[name] for name in "abc"}
    assert len(heat_map(three, compared("abc"), list("abc"), "loss").cells) == 3
    diagonal = {str(k): {"x": str(k), "y": str(k * k % 5)} for k in range(5)}
    assert heat_map(diagonal, compared("01234", range(5)), list("01234"), "loss") is None


def test_of_the_committed_experiments_those_of_two_settings_have_a_map():
    found = []
    for folder in sorted(COMMITTED.iterdir()):
        if results.has_table(folder, "comparison"):
            tables = read_tables(folder)
            names = list(dict.fromkeys(tables.comparison["variant"].map(str)))
            made = heat_map(declarations(results.read_provenance(folder)), tables.comparison, names, "loss")
            if made:
                found.append((folder.name, made.across.name, made.down.name))
    assert found == [("alexnet", "lrn", "dropout"), ("optimizer_dropout", "dropout", "optimizer")]
