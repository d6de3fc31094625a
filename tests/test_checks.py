"""The refusals: rule, what was received, what to do, word for word."""

import math

import numpy as np
import pytest

from lab.checks import LARGEST, SMALLEST, UsageError, choice, flag, is_out_of_memory, number, raised, shown, whole


def refusal(call, *args, **keywords) -> str:
    with pytest.raises(UsageError) as caught:
        call(*args, **keywords)
    return str(caught.value)


@pytest.mark.parametrize("value", [1.0, -0.1, math.nan, math.inf, True, "0.5", None, [0.5]])
def test_a_probability_outside_its_interval_or_of_another_kind_is_refused(value):
    said = refusal(number, "dropout", value, "the probability of dropping a unit", high=1, high_open=True)
    assert said == f"dropout must be in [0, 1) (it is the probability of dropping a unit), got {value!r}"


def test_the_rule_is_said_for_each_kind_of_interval():
    assert refusal(number, "x", -1, "a strength") == "x must be at least 0 (it is a strength), got -1"
    assert refusal(number, "x", 0, "a rate", low_open=True) == "x must be above 0 (it is a rate), got 0"
    said = refusal(number, "x", 2, "a share", low=0, high=1, low_open=True)
    assert said == "x must be in (0, 1] (it is a share), got 2"


def test_numbers_of_numpy_and_whole_numbers_become_floats():
    assert number("x", np.float32(0.5), "a strength") == 0.5
    assert type(number("x", 1, "a strength")) is float


def test_both_ends_of_a_closed_interval_are_allowed():
    assert [number("x", value, "a share", low=0.25, high=0.75) for value in (0.25, 0.75)] == [0.25, 0.75]
    assert [number("x", value, "a share", low=0.25, high=0.75, low_open=True) for value in (0.5, 0.75)] == [0.5, 0.75]
    assert number("x", 0.25, "a share", low=0.25, high=0.75, high_open=True) == 0.25


@pytest.mark.parametrize("value", [0, -1, 1.0, True, "3", None])
def test_a_count_must_be_a_whole_number(value):
    said = refusal(whole, "epochs", value, "the most epochs")
    assert said == f"epochs must be a whole number of at least 1 (it is the most epochs), got {value!r}"
    assert whole("epochs", np.int64(3), "the most epochs") == 3


def test_a_count_without_a_largest_value_is_below_2_to_the_63():
    assert whole("epochs", 2**63 - 1, "the most epochs") == 2**63 - 1
    said = refusal(whole, "epochs", 2**63, "the most epochs")
    assert said == f"epochs must be a whole number below 2**63 (it is the most epochs), got {2**63}"


def test_a_known_name_is_returned():
    assert choice("optimizer", "adam", ("sgd", "adam")) == "adam"


def test_an_unknown_name_is_refused_with_the_nearest_known_one():
    said = refusal(choice, "optimizer", "adm", ("sgd", "adam"))
    assert said == "optimizer must be one of 'sgd', 'adam', got 'adm'; did you mean 'adam'?"
    assert refusal(choice, "optimizer", 3, ("sgd", "adam")) == "optimizer must be one of 'sgd', 'adam', got 3"
    assert refusal(choice, "normalization", None, ("none",)) == "normalization must be one of 'none', got None"


def test_a_switch_is_true_or_false_and_nothing_else():
    assert refusal(flag, "replacement", 1) == "replacement must be True or False, got 1"
    assert flag("replacement", False) is False


@pytest.mark.parametrize("value", [10**400, -(10**400), np.float64("inf")])
def test_a_number_beyond_every_float_is_refused_like_infinity(value):
    said = refusal(number, "l2", value, "a strength")
    assert said.startswith("l2 must be at least 0 (it is a strength), got ")


def test_a_count_may_have_a_largest_value_and_both_ends_are_allowed():
    said = refusal(whole, "seeds", 11, "the number of seeds", high=10)
    assert said == "seeds must be a whole number from 1 to 10 (it is the number of seeds), got 11"
    assert [whole("seeds", value, "the number of seeds", high=10) for value in (1, 10)] == [1, 10]
    assert whole("seed", 0, "the data seed", low=0) == 0


def test_a_choice_may_say_what_else_is_accepted():
    said = refusal(choice, "data", "digit", ("digits",), otherwise="the path of a file")
    assert said == "data must be one of 'digits', or the path of a file, got 'digit'; did you mean 'digits'?"


def test_what_was_received_is_shortened_where_it_is_long_and_named_where_it_cannot_be_printed():
    class Broken:
        def __repr__(self):
            raise RuntimeError("no")

    assert shown("x" * 1000) == "'" + "x" * 296 + "..."
    assert shown("x" * 298) == "'" + "x" * 298 + "'", "300 characters are not long"
    assert shown("x" * 299) == "'" + "x" * 296 + "..."
    assert shown(10**5000) == "a value of type int that cannot be printed"
    assert shown(Broken()) == "a value of type Broken that cannot be printed"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("no such name"), "ValueError: no such name"),
        (ValueError(), "ValueError"),
        (
            ValueError("Exception encountered when calling Mine.call().\n\n\x1b[1mtoo  narrow\x1b[0m\n\nArguments: x"),
            "ValueError: too narrow",
        ),
        (
            RuntimeError(
                'Graph execution error:\n\nDetected at node a defined at:\n  File "x.py", line 3\n\ntoo bright\n\t [['
            ),
            "RuntimeError: too bright",
        ),
        (KeyError("x" * 400), f"KeyError: '{'x' * 286}..."),
    ],
)
def test_an_exception_is_quoted_as_its_kind_and_what_it_says_in_one_line(error, text):
    assert raised(error) == text


def test_an_exception_of_300_characters_is_quoted_whole_and_a_longer_one_is_shortened():
    kind = len("ValueError: ")
    assert raised(ValueError("x" * (300 - kind))) == "ValueError: " + "x" * (300 - kind)
    assert raised(ValueError("x" * (301 - kind))) == "ValueError: " + "x" * (297 - kind) + "..."


def test_a_lack_of_memory_is_known_by_pythons_class_and_by_the_name_of_tensorflows():
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(type("ResourceExhaustedError", (Exception,), {})("OOM"))
    assert not is_out_of_memory(ValueError("MemoryError"))


def test_what_float32_holds_and_what_it_does_not():
    normal, largest = float(np.finfo(np.float32).smallest_normal), float(np.finfo(np.float32).max)
    for value in (0.0, SMALLEST, LARGEST):
        assert number("x", value, "a strength") == value
    assert number("x", -SMALLEST, "a shift", low=-1) == -SMALLEST
    for value in (SMALLEST / 2, LARGEST * 2):
        assert refusal(number, "x", value, "a strength") == (
            f"x must be 0 or from {SMALLEST:.2g} to {LARGEST:.2g} in size, as float32 holds no other number (it is a "
            f"strength), got {value!r}"
        )
    assert (normal, largest) == (SMALLEST, LARGEST)
