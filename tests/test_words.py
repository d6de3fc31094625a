"""A number, a difference and its interval in words: signs, zeros, what is not known, and what is too long to read."""

import math

import pandas as pd
import pytest
from rich.console import Console

from lab.cli.terminal import comparison_table
from lab.pages.table import variants_table
from lab.results.tables import Tables
from lab.statistics import words

NAN = math.nan


@pytest.mark.parametrize(
    ("value", "form", "said"),
    [
        (0.1234, "+.3f", "+0.123"),
        (-0.1234, "+.3f", "\N{MINUS SIGN}0.123"),
        (-0.0004, "+.3f", "0.000"),
        (0.0004, "+.3f", "0.000"),
        (0.0, ".0f", "0"),
        (-1e-9, ".4g", "\N{MINUS SIGN}1e\N{MINUS SIGN}09"),
        (-0.0, ".2e", "0.00e+00"),
        (10.0, ".0f", "10"),
        (9.0, ".1f", "9.0"),
        (NAN, ".3f", ""),
        (math.inf, ".3f", ""),
        (999_999.0, ".3f", "999999.000"),
        (1e6, ".3f", "1.00e+06"),
        (1.2345e36, "+.3f", "+1.23e+36"),
        (-1.2345e36, ".0f", "\N{MINUS SIGN}1.23e+36"),
        (1.2345e36, ".4g", "1.234e+36"),
    ],
)
def test_a_number_in_words(value, form, said):
    assert words.number(value, form) == said
    assert words.number(value, form, minus="-") == said.replace("\N{MINUS SIGN}", "-")


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((0.12, 0.09, 0.15), "+0.120 [+0.090, +0.150]"),
        ((-0.12, -0.15, 0.0), "-0.120 [-0.150, 0.000]"),
        ((0.12, NAN, NAN), "+0.120, no interval"),
        ((0.12, 0.1, math.inf), "+0.120, no interval"),
        ((0.12, -math.inf, 0.1), "+0.120, no interval"),
        ((NAN, NAN, NAN), "no pair of seeds"),
        ((NAN, 0.1, 0.2), "no pair of seeds"),
        ((2e36, 1e36, 3e36), "+2.00e+36 [+1.00e+36, +3.00e+36]"),
    ],
)
def test_a_difference_in_words(numbers, said):
    assert words.difference(*numbers, "+.3f", minus="-") == said
    assert words.difference(*numbers, "+.3f") == said.replace(" [-", " [\N{MINUS SIGN}").replace(
        "-0.120", "\N{MINUS SIGN}0.120"
    )


@pytest.mark.parametrize(
    ("values", "digits", "places"),
    [
        ([0.0123], 3, 4),
        ([0.0999, 0.1, 2.0], 3, 3),
        ([-0.0123, 0.0, NAN, math.inf], 2, 3),
        ([1234.5], 3, 0),
        ([10.0], 3, 1),
        ([9.99], 3, 2),
        ([1e-9], 3, 6),
        ([0.0, NAN], 2, 3),
        ([], 2, 3),
    ],
)
def test_decimals_show_so_many_digits_of_a_middling_number(values, digits, places):
    assert words.places(pd.Series(values, dtype=float), digits) == places


def test_decimals_are_bounded():
    assert [words.decimals(size, 3) for size in (1e-12, 1e-6, 1e-5, 1.0, 1e3)] == [8, 8, 7, 2, 0]
    assert words.decimals(1e-6, 3, 5) == 5
    assert words.places(pd.Series([1e-9]), 3, 4) == 4


def test_losses_of_a_model_that_went_astray_are_short_on_the_terminal_and_the_page():
    runs = pd.DataFrame(
        {"variant": ["none", "l2"], "seed": 0, "status": "finished", "kept_epoch": 3.0, "gap": [-2.5e36, 1.0]}
        | {"val_data_loss": [1.2345e36, math.inf], "test_data_loss": [NAN, -0.0001], "test_accuracy": 0.5}
    )
    compared = pd.DataFrame(
        {"variant": ["none", "l2"], "decision": ["baseline", "worse"], "p_adjusted": [NAN, 0.04], "runs": 1}
        | {"diverged": 0, "difference": [NAN, 3.21e36], "difference_low": NAN, "difference_high": NAN}
    )
    console = Console(width=120, highlight=False)
    with console.capture() as shown:
        console.print(comparison_table("x", Tables(pd.DataFrame(), runs, compared)))
    none, l2 = (line.split() for line in shown.get().splitlines()[3:5])
    assert none == ["none", "3", "1.23e+36", "-2.50e+36", "-", "0.500", "baseline"]
    assert l2 == ["l2", "3", "inf", "1.000", "0.000", "0.500", "+3.21e+36,", "no", "interval", "worse"]
    table = variants_table(compared, runs, ["none", "l2"], "loss")
    texts = [[cell.text for cell in cells] for _, cells in table.rows]
    assert texts[0] == ["none", "", "baseline", "", "1.23e+36", "\N{MINUS SIGN}2.50e+36", "", "0.500", "3", "1"]
    assert texts[1][1] == "+3.21e+36, no interval"
