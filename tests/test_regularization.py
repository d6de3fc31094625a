"""The regularization value: its ranges, its identity and the two conventions of weight decay."""

import dataclasses
import math

import numpy as np
import pytest

from lab.checks import UsageError
from lab.regularization import NONE, Regularization, half_lambda


def refusal(**fields) -> str:
    with pytest.raises(UsageError) as caught:
        Regularization(**fields)
    return str(caught.value)


def test_everything_is_off_by_default():
    off = {"l1", "l2", "l2_start", "activity_l1", "activity_l2", "dropout", "dropconnect", "noise"}
    off |= {"gaussian_dropout", "spatial_dropout", "dropblock", "group_inputs", "group_units", "orthogonal"}
    off |= {"stochastic_depth"}
    assert {f.name for f in dataclasses.fields(NONE) if getattr(NONE, f.name) == 0} == off
    assert (NONE.normalization, NONE.max_norm) == ("none", None)


def test_zero_as_an_integer_and_as_a_float_is_one_regularization():
    one, other = Regularization(l2=0, dropout=0, max_norm=3), Regularization(l2=0.0, dropout=0.0, max_norm=3.0)
    assert repr(one) == repr(other) == "Regularization(max_norm=3.0)"
    assert hash(one) == hash(other)
    assert type(one.l2) is type(one.dropout) is type(one.max_norm) is float


def test_numpy_numbers_become_plain_ones():
    value = Regularization(l1=np.float32(0.5), groups=np.int64(8))
    assert (type(value.l1), type(value.groups)) == (float, int)


def test_the_repr_shows_what_differs_from_the_default():
    assert repr(Regularization(l2=0.01, normalization="batch")) == "Regularization(l2=0.01, normalization='batch')"


def test_a_regularization_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        NONE.l2 = 1.0


@pytest.mark.parametrize("name", ["dropout", "dropconnect"])
@pytest.mark.parametrize("rate", [1.0, 1, -0.1, math.nan, True, "0.5", None])
def test_a_rate_outside_zero_to_one_is_refused(name, rate):
    what = {"dropout": "a unit", "dropconnect": "a weight"}[name]
    assert (
        refusal(**{name: rate}) == f"{name} must be in [0, 1) (it is the probability of dropping {what}), got {rate!r}"
    )


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("l1", "the strength of the L1 penalty on the weights"),
        ("l2", "the strength of the L2 penalty on the weights"),
        ("activity_l1", "the strength of the L1 penalty on the activations"),
        ("activity_l2", "the strength of the L2 penalty on the activations"),
        ("noise", "the standard deviation of the Gaussian noise"),
    ],
)
@pytest.mark.parametrize("value", [-1e-9, math.inf, math.nan, False, "strong"])
def test_a_strength_that_is_no_number_of_at_least_zero_is_refused(name, meaning, value):
    assert refusal(**{name: value}) == f"{name} must be at least 0 (it is {meaning}), got {value!r}"


def test_a_normalization_with_a_typo_is_refused_with_the_nearest_name():
    assert refusal(normalization="bach") == (
        "normalization must be one of 'none', 'batch', 'layer', 'instance', 'group', 'rms', 'ghost', got "
        "'bach'; did you mean 'batch'?"
    )


@pytest.mark.parametrize("groups", [0, 2.0, True])
def test_groups_that_are_no_positive_whole_number_are_refused(groups):
    expected = f"groups must be a whole number of at least 1 (it is the number of groups of channels), got {groups!r}"
    assert refusal(groups=groups) == expected


def test_a_max_norm_of_zero_is_refused():
    assert (
        refusal(max_norm=0) == "max_norm must be above 0 (it is the largest norm of the weights into one unit), got 0"
    )


def test_a_batch_momentum_of_one_is_refused():
    assert refusal(batch_momentum=1) == (
        "batch_momentum must be in [0, 1) (it is the share of the moving statistics kept in a step), got 1"
    )


def test_half_lambda_turns_the_decay_of_the_course_into_that_of_keras():
    weights = np.array([1.0, -2.0, 3.0])
    assert half_lambda(0.1) * np.sum(weights**2) == pytest.approx(0.5 * 0.1 * np.sum(weights**2))
    with pytest.raises(UsageError) as caught:
        half_lambda(-1)
    assert str(caught.value) == (
        "strength must be at least 0 (it is the lambda of half lambda times the sum of squares), got -1"
    )
