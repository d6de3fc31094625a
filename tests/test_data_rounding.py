"""Numbers that differ and that float32 makes one are refused; what is constant, or nearly all kept, is not."""

import numpy as np
import pandas as pd
import pytest

from lab.checks import DataError
from lab.data import from_arrays, from_csv, from_frame
from lab.data.columns import LARGEST, read
from lab.data.preprocessing import Preprocessing
from lab.data.rounding import merged, refuse_merged

Y = np.arange(60) % 2
TIMES = 1_700_000_000_000_000_000 + np.arange(60)


@pytest.mark.parametrize(
    ("numbers", "counts"),
    [
        pytest.param(TIMES, (60, 1), id="nanoseconds"),
        pytest.param(TIMES.astype("uint64") + np.uint64(2**63), (60, 1), id="beyond 63 bits"),
        pytest.param(np.arange(60) * 1e-60, (60, 1), id="close to 0"),
        pytest.param(-1e12 + np.arange(60), (60, 1), id="below 0"),
        pytest.param(2**24 + np.arange(4.0) / 4, (4, 1), id="a fourth of the different ones kept"),
        pytest.param(2**24 + np.arange(4.0) / 2, (4, 2), id="half of the different ones kept"),
    ],
)
def test_numbers_of_which_float32_keeps_at_most_half_as_different_ones_are_refused(numbers, counts):
    with pytest.raises(DataError) as caught:
        refuse_merged(np.stack([np.arange(len(numbers), dtype=numbers.dtype), numbers], axis=1), "x")
    assert str(caught.value) == (
        f"x must hold numbers that float32 tells apart, and of the {counts[0]} different ones at [:, 1] it keeps "
        f"{counts[1]}; subtract their smallest, scale them, or leave them out"
    )


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param(np.full(60, 2**60), id="a constant"),
        pytest.param(np.arange(60), id="whole numbers"),
        pytest.param(2.0**24 + np.array([0, 1, 2, 4]), id="three of four kept"),
        pytest.param(1_700_000_000 + 3600 * np.arange(60), id="hours in seconds"),
        pytest.param(np.arange(60) * 1e-40, id="kept with few digits"),
        pytest.param(np.arange(60, dtype="float16"), id="a type that float32 holds"),
        pytest.param(np.zeros(0), id="none"),
    ],
)
def test_numbers_that_float32_tells_apart_are_taken(numbers):
    refuse_merged(numbers[:, None], "x")


def test_whole_numbers_of_any_size_are_counted_before_float64_rounds_them():
    assert merged([10**30 + i for i in range(9)]) == (9, 1)
    assert merged([10**30 * i for i in range(9)]) is None


SENTENCE = (
    "must hold numbers that float32 tells apart, and of the 60 different ones in {} it keeps 1; subtract their "
    "smallest, scale them, or leave them out"
)


@pytest.mark.parametrize("type_", ["int64", "Int64", "object", "str"])
def test_long_numbers_in_a_column_are_refused_however_they_are_kept(type_):
    frame = pd.DataFrame({"a": range(60), "stamp": pd.Series(TIMES).astype(type_), "y": Y})
    with pytest.raises(DataError) as caught:
        from_frame(frame, target="y")
    assert str(caught.value) == f"frame {SENTENCE.format(repr('stamp'))}"


def test_a_number_to_be_predicted_that_float32_does_not_tell_apart_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,y\n" + "".join(f"{i},{1e12 + i}\n" for i in range(60)))
    with pytest.raises(DataError) as caught:
        from_csv(path, target="y", labels="numbers")
    assert str(caught.value) == f"{path} {SENTENCE.format(repr('y'))}"
    with pytest.raises(DataError, match=r"of the 60 different ones at \[:, 0\] it keeps 1"):
        from_arrays(np.arange(120.0).reshape(60, 2), 1e12 + np.arange(60), labels="numbers")


def test_long_numbers_are_classes_where_they_are_the_target():
    frame = pd.DataFrame({"a": range(60), "y": 2**60 + Y})
    assert from_frame(frame, target="y").classes == (str(2**60), str(2**60 + 1))


def test_two_rows_to_be_predicted_may_be_one_in_float32():
    fitted = Preprocessing.fit(read("t", {"a": np.arange(9.0)}, range(9)))
    features = fitted.apply({"a": [1e12, 1e12 + 1]})
    assert features.shape == (2, 1)
    assert features[0] == features[1]


def test_the_largest_number_of_float32_is_taken_and_the_next_is_not():
    cells = {"a": ["1", repr(LARGEST)]}
    assert read("t", cells, [2, 3]).values[1, 0] == LARGEST
    assert read("t", {"a": np.array([1, -LARGEST])}, [2, 3]).values[1, 0] == -LARGEST
    with pytest.raises(DataError, match="finite float32 numbers or texts"):
        read("t", {"a": ["1", repr(np.nextafter(LARGEST, np.inf))]}, [2, 3])


def test_numbers_to_be_predicted_that_are_all_one_are_refused():
    with pytest.raises(DataError) as caught:
        from_arrays(np.arange(120.0).reshape(60, 2), np.ones(60), labels="numbers", scale_target=True)
    assert str(caught.value) == (
        "the training split of arrays has one number only to predict; telling examples apart takes different ones"
    )
