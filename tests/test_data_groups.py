"""Groups are whole and time runs forwards: what a cut keeps together, and the sentences that refuse the rest."""

# ruff: noqa: E501

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.checks import DataError, UsageError
from lab.data import from_arrays, from_csv, from_frame
from tests.data_files import refused

PARTS = ("train", "validation", "test")


def visits(n=300, patients=40, seed=0):
    """Visits of patients, several of each, one a day, with a diagnosis."""
    generator = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "row": np.arange(n),
            "patient": generator.integers(0, patients, n),
            "day": pd.Timestamp("2026-01-01") + pd.to_timedelta(generator.integers(0, 50, n), unit="D"),
            "ill": generator.random(n) < 0.3,
        }
    )


def rows(made, part):
    return getattr(made, part).x[:, 0].astype(int)


def test_no_group_is_in_two_splits_and_no_example_is_lost():
    frame = visits()
    made = from_frame(frame, target="ill", group="patient", leave_out=["day"], standardize=False)
    assert made.preprocessing.features == ("row",)
    groups = [set(frame["patient"].iloc[rows(made, part)]) for part in PARTS]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 40
    assert sorted(np.concatenate([rows(made, part) for part in PARTS])) == list(range(300))
    share = frame["ill"].mean()
    for part in ("validation", "test"):
        assert len(getattr(made, part)) == pytest.approx(60, abs=4)
        assert getattr(made, part).y.mean() == pytest.approx(share, abs=0.05)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 6), min_size=9, max_size=60).filter(lambda one: len(set(one)) > 2), st.integers(0, 9))
def test_any_groups_stay_whole(groups, seed):
    x = np.arange(len(groups), dtype=np.float32)[:, None]
    made = from_arrays(x, x, labels="numbers", group=np.array(groups), seed=seed)
    found = [{groups[i] for i in rows(made, part)} for part in PARTS]
    assert sum(len(one) for one in found) == len(set(groups))
    assert sum(len(getattr(made, part)) for part in PARTS) == len(groups)


def test_groups_may_be_texts_and_follow_the_seed_and_a_smaller_training_split_lies_in_a_larger_one():
    frame = visits()
    x, y, names = frame[["row"]].to_numpy(), frame["ill"].to_numpy(), frame["patient"].astype(str).to_numpy(str)
    made = from_arrays(x, y, group=names)
    again, other = from_arrays(x, y, group=names), from_arrays(x, y, group=names, seed=1)
    assert made.fingerprint == again.fingerprint != other.fingerprint
    small = from_arrays(x, y, group=names, train_size=50)
    assert set(rows(small, "train")) < set(rows(made, "train"))
    assert set(rows(small, "test")) == set(rows(made, "test"))
    numbered = from_arrays(x, y, group=frame["patient"].to_numpy(), train_size=50)
    assert len(numbered.train) == 50


def test_training_validation_and_test_follow_each_other_in_time_and_days_are_not_parted():
    frame = visits().sample(frac=1, random_state=3)
    made = from_frame(frame, target="ill", time="day", leave_out=["patient"], standardize=False)
    assert made.preprocessing.features == ("row",)
    days = {part: frame.set_index("row")["day"].loc[rows(made, part)] for part in PARTS}
    assert days["train"].max() < days["validation"].min()
    assert days["validation"].max() < days["test"].min()
    # Six rows a day on average, so a border lies within some days of where it was asked for.
    assert [len(getattr(made, part)) for part in ("validation", "test")] == pytest.approx([60, 60], abs=6)
    assert sum(len(getattr(made, part)) for part in PARTS) == 300


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(-3, 4), min_size=9, max_size=60).filter(lambda one: len(set(one)) > 2))
def test_any_times_rise_from_split_to_split(times):
    x = np.arange(len(times), dtype=np.float32)[:, None]
    made = from_arrays(x, x, labels="numbers", time=np.array(times))
    found = [[times[i] for i in rows(made, part)] for part in PARTS]
    assert max(found[0]) < min(found[1])
    assert max(found[1]) < min(found[2])


def test_the_border_in_time_is_the_one_nearest_to_the_size_that_was_asked_for():
    x = np.arange(20.0)[:, None]
    times = np.repeat([1, 2, 3, 4], [8, 4, 5, 3])
    made = from_arrays(x, x, labels="numbers", time=times, test_size=7, validation_size=5)
    assert [len(getattr(made, part)) for part in PARTS] == [8, 4, 8]
    made = from_arrays(x, x, labels="numbers", time=times, test_size=4, validation_size=5)
    assert [len(getattr(made, part)) for part in PARTS] == [12, 5, 3]


def test_times_may_be_numbers_dates_or_texts_of_dates(tmp_path):
    frame = visits()
    named = {"target": "ill", "time": "day", "leave_out": ["patient"]}
    made = from_frame(frame, **named)
    numbers = frame.assign(day=(frame["day"] - pd.Timestamp("2026-01-01")).dt.days)
    assert from_frame(numbers, **named).fingerprint == made.fingerprint
    assert from_frame(frame.assign(day=frame["day"].dt.strftime("%Y-%m-%d")), **named).fingerprint == made.fingerprint
    frame.to_csv(tmp_path / "visits.csv", index=False)
    assert from_csv(tmp_path / "visits.csv", **named).fingerprint == made.fingerprint
    arrays = from_arrays(frame[["row"]].to_numpy(), frame["ill"].to_numpy(), time=frame["day"].to_numpy())
    assert set(rows(arrays, "test")) == set(rows(from_frame(frame, standardize=False, **named), "test"))


def test_times_of_several_zones_are_ordered_by_the_moment_they_name(tmp_path):
    moments = pd.date_range("2026-11-25", periods=300, freq="30min")
    zones = [f"{'+' if hours >= 0 else '-'}{abs(hours):02}:00" for hours in (0, 9, -8, 5)]
    written = [
        f"{(moment + pd.Timedelta(hours=int(zone[:3]))).isoformat()}{zone}"
        for moment, zone in zip(moments, zones * 75, strict=True)
    ]
    frame = pd.DataFrame({"x": range(300), "y": [i % 3 for i in range(300)]})
    frame.assign(at=written).to_csv(tmp_path / "t.csv", index=False)
    made = from_csv(tmp_path / "t.csv", target="y", time="at", standardize=False)
    counted = from_frame(frame.assign(at=range(300)), target="y", time="at", standardize=False)
    for part in PARTS:
        np.testing.assert_array_equal(rows(made, part), rows(counted, part))


def test_times_in_a_csv_keep_every_digit_and_may_have_exponents(tmp_path):
    frame = pd.DataFrame({"x": range(300), "y": [i % 3 for i in range(300)]})
    counted = from_frame(frame.assign(day=range(300)), target="y", time="day", standardize=False)
    for days in (20261101 + np.arange(300), 1764028800 + np.arange(300), 1e-5 * np.arange(1, 301)):
        frame.assign(day=days).to_csv(tmp_path / "t.csv", index=False)
        made = from_csv(tmp_path / "t.csv", target="y", time="day", standardize=False)
        for part in PARTS:
            np.testing.assert_array_equal(rows(made, part), rows(counted, part))


def test_given_splits_may_have_groups_and_times_of_their_own():
    frame = visits()
    train, test = frame[frame["patient"] < 30], frame[frame["patient"] >= 30]
    made = from_frame(train, target="ill", test=test, group="patient", leave_out=["day"], standardize=False)
    assert set(rows(made, "test")) == set(test["row"])
    border = pd.Timestamp("2026-02-01")
    train, test = frame[frame["day"] < border], frame[frame["day"] >= border]
    made = from_frame(train, target="ill", test=test, time="day", leave_out=["patient"], standardize=False)
    assert set(rows(made, "test")) == set(test["row"])


F = visits(60, 12)
EARLY, LATE = F[:30], F[30:]
X, Y = F[["row"]].to_numpy(), F["ill"].to_numpy()
ORDERED = np.arange(60)


def put(column, value):
    made = F.astype({column: object})
    made.loc[7, column] = value
    return made


# fmt: off
REFUSED = [
    (lambda: from_arrays(X, Y, group=ORDERED, time=ORDERED), UsageError, "group and time must not both be given (a cut follows one of them), got both; leave out one"),
    (lambda: from_arrays(X, Y, test=(X + 100, Y), time=ORDERED), UsageError, "time must be left out where validation or test is given (it says how to cut them)"),
    (lambda: from_arrays(X, Y, group=ORDERED[:9]), DataError, "group must be of shape (60,), one value per example, got (9,); give each example one"),
    (lambda: from_arrays(X, Y, group=X), DataError, "group must be of shape (60,), one value per example, got (60, 1); give each example one"),
    (lambda: from_arrays(X, Y, group=ORDERED / 2), DataError, "group must hold whole numbers or texts, got float64"),
    (lambda: from_arrays(X, Y, time=ORDERED.astype(str)), DataError, "time must hold numbers or dates, got <U21; convert texts to numbers, as in t.astype('float32')"),
    (lambda: from_arrays(X, Y, time=np.where(ORDERED == 4, np.nan, ORDERED)), DataError, "time must have no missing values, and is missing at [4]"),
    (lambda: from_arrays(X, Y, time=np.where(ORDERED == 4, np.datetime64("NaT"), ORDERED.astype("datetime64[D]"))), DataError, "time must have no missing values, and is missing at [4]"),
    (lambda: from_arrays(X, Y, group=ORDERED % 2), DataError, "group must tell at least 3 groups of arrays apart, one for each split that is cut, got [0, 1]; leave group out"),
    (lambda: from_arrays(X, Y, time=ORDERED % 2), DataError, "time must tell at least 3 times of arrays apart, one for each split that is cut, got [0, 1]; leave time out"),
    (lambda: from_arrays(X, ORDERED > 50, time=ORDERED), DataError, "the class 'True' is missing from the training split of arrays, which is cut by time; every split needs examples of every class, so try other sizes, or leave the class out"),
    (lambda: from_arrays(X, ORDERED > 50, group=ORDERED // 10), DataError, "the class 'True' is missing from the test split of arrays, which is cut by group; every split needs examples of every class, so try another seed or other sizes, or leave the class out"),
    (lambda: from_frame(put("patient", None), target="ill", group="patient", leave_out=["day"]), DataError, "the column 'patient' of frame must hold the group of each row and has none in row 7; fill it or remove the row"),
    (lambda: from_frame(put("day", None), target="ill", time="day"), DataError, "the column 'day' of frame must hold numbers or ISO dates, as 2026-11-25, where it is the time, and has none in row 7; fill it or remove the row"),
    (lambda: from_frame(put("row", None).astype({"row": float}), target="ill", time="row", leave_out=["day"]), DataError, "the column 'row' of frame must hold numbers or ISO dates, as 2026-11-25, where it is the time, and has none in row 7; fill it or remove the row"),
    (lambda: from_frame(F.assign(day="3.4.26"), target="ill", time="day"), DataError, "frame must hold finite float32 numbers in a column of numbers and has other content in 60 cells of 1 column: 'day' ('3.4.26' in row 0); correct them, or leave out rows"),
    (lambda: from_frame(F.assign(day="3-4-26"), target="ill", time="day"), DataError, "the column 'day' of frame must hold numbers or ISO dates, as 2026-11-25, where it is the time, and has other content ('3-4-26' in row 0); correct it"),
    (lambda: from_frame(EARLY, target="ill", test=LATE, group="patient", leave_out=["day"]), DataError, "group of frame must not be in two splits, and 10 groups of train are in test too, the first '0'; move all rows of a group into one split"),
    (lambda: from_frame(EARLY, target="ill", test=LATE, time="day", leave_out=["patient"]), DataError, "time of frame must rise from split to split, and test begins before train has ended; move rows, or leave time out"),
    (lambda: from_frame(EARLY, target="ill", validation=LATE, time="row", leave_out=["day"]), UsageError, "validation must be given together with test, or left out, where time is given (the test split comes last), got no test"),
]
# fmt: on


@pytest.mark.parametrize(("call", "error", "sentence"), REFUSED)
def test_groups_and_times_that_cannot_be_kept_are_refused(call, error, sentence):
    refused(call, error, sentence)
