"""The refusals: rule, what was received, what to do, word for word."""

import math

import numpy as np
import pytest

from lab.checks import UsageError, choice, flag, number, whole


def refusal(call, *args, **keywords) -> str:
    with pytest.raises(UsageError) as caught:
        call(*args, **keywords)
    return str(caught.value)


@pytest.mark.parametrize("value", [1.0, -0.1, math.nan, math.inf, True, "0.5", None, [0.5]])
def test_a_probability_outside_its_interval_or_of_another_kind_is_refused(value):
    said = refusal(number, "dropout", value, "the probability of dropping a unit", high=1, high_open=True)
    assert said == f"dropout is the probability of dropping a unit and must be in [0, 1), got {value!r}"


def test_the_rule_is_said_for_each_kind_of_interval():
    assert refusal(number, "x", -1, "a strength") == "x is a strength and must be at least 0, got -1"
    assert refusal(number, "x", 0, "a rate", low_open=True) == "x is a rate and must be above 0, got 0"
    said = refusal(number, "x", 2, "a share", low=0, high=1, low_open=True)
    assert said == "x is a share and must be in (0, 1], got 2"


def test_numbers_of_numpy_and_whole_numbers_become_floats():
    assert number("x", np.float32(0.5), "a strength") == 0.5
    assert type(number("x", 1, "a strength")) is float


@pytest.mark.parametrize("value", [0, -1, 1.0, True, "3", None])
def test_a_count_must_be_a_whole_number(value):
    said = refusal(whole, "epochs", value, "the most epochs")
    assert said == f"epochs is the most epochs and must be a whole number of at least 1, got {value!r}"
    assert whole("epochs", np.int64(3), "the most epochs") == 3


def test_an_unknown_name_is_refused_with_the_nearest_known_one():
    said = refusal(choice, "optimizer", "adm", ("sgd", "adam"))
    assert said == "optimizer must be one of sgd, adam, got 'adm'; did you mean 'adam'?"
    assert refusal(choice, "optimizer", 3, ("sgd", "adam")) == "optimizer must be one of sgd, adam, got 3"


def test_a_switch_is_true_or_false_and_nothing_else():
    assert refusal(flag, "replacement", 1) == "replacement is a switch and must be True or False, got 1"
    assert flag("replacement", False) is False
