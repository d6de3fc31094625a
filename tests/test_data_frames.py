"""Mixed tables: numbers, categories and missing values become features by what the training split knows."""

# ruff: noqa: E501

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from lab.checks import DataError, UsageError
from lab.data import from_arrays, from_csv, from_frame
from lab.data.preprocessing import Category, Number, Preprocessing
from tests.data_files import csv_of, refused

PARTS = ("train", "validation", "test")
NUMBERS, CATEGORIES = ["area", "rooms"], ["kind", "new"]


def houses(n=300, seed=0):
    """Houses with missing areas and kinds, a rare kind, and a price."""
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "row": np.arange(n),
            "area": generator.normal(80, 20, n).round(1),
            "kind": generator.choice(["flat", "house", "villa", "tower", "boat"], n, p=[0.6, 0.3, 0.08, 0.01, 0.01]),
            "rooms": generator.integers(1, 7, n),
            "new": generator.random(n) < 0.3,
        }
    )
    frame["price"] = (2000 * frame["area"] + 10_000 * frame["rooms"] + generator.normal(0, 20_000, n)).round()
    frame["sold"] = np.where(generator.random(n) < 0.4, "yes", "no")
    frame.loc[generator.random(n) < 0.1, "area"] = np.nan
    frame.loc[generator.random(n) < 0.1, "kind"] = None
    return frame


def rows_of(frame, part, **named):
    """Return which rows of the frame a part has, told by a column that counts them."""
    made = from_frame(frame[["row", "sold"]], target="sold", standardize=False, **named)
    return getattr(made, part).x[:, 0].astype(int)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rare", [1, 5, 30])
def test_the_features_are_those_of_scikit_learns_column_transformer_fitted_on_the_training_split(seed, rare):
    frame = houses(seed=seed)
    made = from_frame(frame, target="sold", leave_out=["row", "price"], rare=rare, seed=seed)
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    flags = SimpleImputer(strategy="median", add_indicator=True)
    levels = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=rare, sparse_output=False)
    oracle = ColumnTransformer([("x", numbers, NUMBERS), ("missing", flags, NUMBERS), ("levels", levels, CATEGORIES)])
    # Booleans are the categories False and True; a missing text is None for scikit-learn.
    known = frame.assign(kind=frame["kind"].astype(object).where(frame["kind"].notna(), None))
    oracle.fit(known.iloc[rows_of(frame, "train", seed=seed)])
    for part in PARTS:
        expected = oracle.transform(known.iloc[rows_of(frame, part, seed=seed)])
        # The second imputer repeats the numbers before its indicators.
        expected = np.delete(expected, [2, 3], axis=1)
        np.testing.assert_allclose(getattr(made, part).x, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(getattr(made, part).x[:, 2:], expected[:, 2:])


PLANTED = {
    "a huge number": ("area", 1e30),
    "a small number": ("rooms", -(10**9)),
    "a missing number": ("rooms", np.nan),
    "another missing number": ("area", np.nan),
    "a new category": ("kind", "castle"),
    "a category that sorts first": ("kind", " aaa"),
    "a missing category": ("kind", None),
    "a category that was rare": ("kind", "boat"),
    "a missing boolean": ("new", None),
    "a price": ("price", 1e12),
}


@pytest.mark.parametrize("part", ["validation", "test"])
@pytest.mark.parametrize(("column", "value"), PLANTED.values(), ids=PLANTED)
@pytest.mark.parametrize("labels", ["classes", "numbers"])
def test_what_only_validation_or_test_rows_hold_changes_nothing_in_the_training_split(part, column, value, labels):
    frame = houses().astype({"rooms": float, "new": object})
    target = {"classes": "sold", "numbers": "price"}[labels]
    given = {"target": target, "labels": labels, "scale_target": labels == "numbers"}
    rows = from_frame(frame[["row", target]], target=target, labels=labels, standardize=False)
    planted = frame.copy()
    planted.loc[getattr(rows, part).x[:7, 0].astype(int), column] = value
    before, after = from_frame(frame, **given), from_frame(planted, **given)
    assert after.preprocessing == before.preprocessing
    for array in ("x", "y"):
        assert getattr(after.train, array).tobytes() == getattr(before.train, array).tobytes()
    if labels == "numbers":
        assert after.target.mean == before.target.mean
        assert after.target.deviation == before.target.deviation
    other = getattr(after, part)
    assert (
        other.x.tobytes() != getattr(before, part).x.tobytes() or other.y.tobytes() != getattr(before, part).y.tobytes()
    )


def test_the_same_value_planted_in_a_training_row_does_change_the_statistics():
    frame = houses()
    planted = frame.copy()
    planted.loc[rows_of(frame, "train")[:1], "area"] = 1e30
    assert from_frame(planted, target="sold").preprocessing != from_frame(frame, target="sold").preprocessing


def test_a_missing_number_becomes_the_median_and_is_told_by_a_feature_of_its_own():
    frame = houses()
    made = from_frame(frame, target="sold", leave_out=["row", "price"], standardize=False)
    assert made.preprocessing.features == (
        "area",
        "rooms",
        "area is missing",
        "kind = flat",
        "kind = house",
        "kind = villa",
        "kind is missing",
        "kind is rare",
        "new = False",
        "new = True",
    )
    train = frame.iloc[rows_of(frame, "train")]
    missing = train["area"].isna().to_numpy()
    np.testing.assert_array_equal(made.train.x[:, 2], missing)
    np.testing.assert_array_equal(made.train.x[missing, 0], np.float32(train["area"].astype(np.float32).median()))
    np.testing.assert_array_equal(made.train.x[:, 7], train["kind"].isin(["tower", "boat"]))
    np.testing.assert_array_equal(made.train.x[:, 3:8].sum(axis=1), 1)


def test_a_level_that_the_training_split_does_not_have_counts_as_rare_or_is_nothing():
    frame = pd.DataFrame({"a": ["x"] * 6 + ["y"] * 6 + ["z"], "b": range(13)})
    with_rare = Preprocessing((Category("a", ("x",), rare=True), Number("b", 0.0)))
    np.testing.assert_array_equal(with_rare.apply(frame)[[0, 6, 12]], [[0, 1, 0], [6, 0, 1], [12, 0, 1]])
    without = Preprocessing((Category("a", ("x", "y")), Number("b", 0.0)))
    np.testing.assert_array_equal(without.apply(frame)[[0, 6, 12]], [[0, 1, 0], [6, 0, 1], [12, 0, 0]])


def test_the_preprocessing_is_written_as_json_and_applied_again_without_a_pickle(tmp_path):
    frame = houses()
    made = from_frame(frame, target="sold", leave_out=["row", "price"])
    text = made.preprocessing.to_json()
    again = Preprocessing.from_json(text)
    assert again == made.preprocessing
    assert json.loads(text)["columns"][1]["is"] == "Category"
    for part in PARTS:
        rows = frame.iloc[rows_of(frame, part)]
        assert again.apply(rows).tobytes() == getattr(made, part).x.tobytes()
        # The rows as texts, as a form or a CSV file would give them.
        rows.to_csv(tmp_path / "rows.csv", index=False)
        texts = pd.read_csv(tmp_path / "rows.csv", dtype=str, keep_default_na=False)
        assert again.apply(texts).tobytes() == getattr(made, part).x.tobytes()


def test_a_csv_of_a_frame_gives_the_same_dataset(tmp_path):
    frame = houses()
    frame.to_csv(tmp_path / "houses.csv", index=False)
    for named in ({"target": "sold"}, {"target": "price", "labels": "numbers", "scale_target": True}):
        from_file = from_csv(tmp_path / "houses.csv", **named)
        made = from_frame(frame, **named)
        assert from_file.preprocessing == made.preprocessing
        assert from_file.fingerprint == made.fingerprint
        assert from_frame(pd.read_csv(tmp_path / "houses.csv", dtype=str), **named).fingerprint == made.fingerprint


@pytest.mark.parametrize(
    "column",
    [
        ["a", "b", None] * 20,
        pd.array(["a", "b", None] * 20, dtype="string"),
        pd.Categorical(["a", "b", None] * 20, categories=["c", "b", "a"]),
        ["a", "b ", ""] * 20,
    ],
    ids=["objects", "strings", "categorical", "blanks"],
)
def test_texts_are_categories_however_pandas_keeps_them(column):
    frame = pd.DataFrame({"a": column, "b": np.arange(60), "y": np.arange(60) % 2})
    made = from_frame(frame, target="y")
    assert made.preprocessing.features == ("b", "a = a", "a = b", "a is missing")


@pytest.mark.parametrize(
    "column",
    [
        [1.0, 2.5, None] * 20,
        pd.array([1.0, 2.5, None] * 20, dtype="Float32"),
        ["1", " 2.5", "NaN"] * 20,
        ["1e0", "2.50", "?"] * 20,
        np.array([1, 2.5, None] * 20, dtype=object),
    ],
    ids=["floats", "nullable", "texts", "other texts", "objects"],
)
def test_numbers_are_numbers_however_they_are_kept(column):
    made = from_frame(pd.DataFrame({"a": column, "y": np.arange(60) % 2}), target="y", standardize=False)
    assert made.preprocessing.features == ("a", "a is missing")
    assert {1.0, 2.5} <= set(made.train.x[:, 0].tolist()) <= {1.0, 1.75, 2.5}


def test_none_and_na_are_levels_among_texts_and_missing_among_numbers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{('none', 'NA', 'pool')[i % 3]},{('1', 'NA', '3')[i % 3]},{'xy'[i % 2]}\n" for i in range(60))
    made = csv_of("extra,size,kind\n" + rows)
    assert made.preprocessing.features == ("size", "size is missing", "extra = NA", "extra = none", "extra = pool")


def test_whole_numbers_that_are_named_become_categories():
    frame = pd.DataFrame({"zip": [10115, 80331, 50667] * 20, "y": np.arange(60) % 2})
    assert from_frame(frame, target="y", categories=["zip"]).preprocessing.features == (
        "zip = 10115",
        "zip = 50667",
        "zip = 80331",
    )
    frame.loc[0, "zip"] = np.nan
    assert from_frame(frame, target="y", categories=["zip"]).preprocessing.features[0] == "zip = 10115"


def test_pandas_categories_are_names_and_no_numbers():
    frame = pd.DataFrame({"a": pd.Categorical([1, 2, 3] * 20), "b": np.arange(60), "y": np.arange(60) % 2})
    made = from_frame(frame, target="y")
    assert made.preprocessing.features == ("b", "a = 1", "a = 2", "a = 3")
    assert made.preprocessing.apply(frame).shape == (60, 4)


def test_numbers_to_be_predicted_are_scaled_by_the_training_split_and_the_scale_is_kept():
    frame = houses()
    plain = from_frame(frame, target="price", labels="numbers")
    made = from_frame(frame, target="price", labels="numbers", scale_target=True)
    assert plain.target is None
    np.testing.assert_allclose(made.train.y.mean(), 0, atol=1e-6)
    np.testing.assert_allclose(made.train.y.std(), 1, atol=1e-6)
    for part in PARTS:
        back = getattr(made, part).y * made.target.deviation + made.target.mean
        np.testing.assert_allclose(back, getattr(plain, part).y, rtol=1e-6)
    x, y = np.arange(60.0)[:, None], np.arange(60.0)
    arrays = from_arrays(x, y, labels="numbers", scale_target=True)
    assert arrays.target.deviation.shape == (1,)


def test_splits_of_a_frames_own_are_kept_and_seen_by_no_statistic():
    frame = houses(400)
    train, validation, test = frame[:200], frame[200:300], frame[300:]
    made = from_frame(train, target="sold", validation=validation, test=test, leave_out=["row", "price"])
    assert [len(getattr(made, part)) for part in PARTS] == [200, 100, 100]
    assert (
        made.preprocessing
        == from_frame(
            train, target="sold", validation=validation.assign(area=1e20), test=test, leave_out=["row", "price"]
        ).preprocessing
    )


def test_columns_without_any_value_in_the_training_split_say_only_that():
    frame = houses().drop(columns=["price", "new"])
    rows = rows_of(frame, "train")
    frame.loc[rows, "area"] = np.nan
    frame.loc[rows, "kind"] = None
    made = from_frame(frame, target="sold", leave_out=["row"])
    assert made.preprocessing.features == ("area", "rooms", "area is missing", "kind is missing")
    np.testing.assert_array_equal(made.train.x[:, [0, 2, 3]], [[0, 1, 1]] * 180)
    assert np.isfinite(made.test.x).all()


def test_a_column_of_names_is_left_out_with_a_warning():
    frame = houses().assign(name=[f"owner {i}" for i in range(300)])
    sentence = (
        "the column 'name' of frame is left out: none of its 180 categories is in more than a few training examples"
    )
    with pytest.warns(UserWarning, match=f"^{sentence}$"):
        made = from_frame(frame, target="sold")
    assert not any("name" in feature for feature in made.preprocessing.features)


def test_a_table_of_numbers_gives_the_dataset_that_it_always_gave(tmp_path):
    """Hold fingerprints made before columns could be anything but numbers."""
    generator = np.random.default_rng(5)
    x = generator.normal(3, 7, (90, 3)).round(3)
    classes = "".join(f"{a},{b},{c},{'xyz'[i % 3]}\n" for i, (a, b, c) in enumerate(x))
    (tmp_path / "t.csv").write_text("a,b,c,kind\n" + classes)
    (tmp_path / "n.csv").write_text("a,b,price\n" + "".join(f"{a},{b},{c}\n" for a, b, c in x))
    path, named = tmp_path / "t.csv", {"standardize": False, "train_size": 20, "label_noise": 0.2, "seed": 3}
    assert from_csv(path, target="kind").fingerprint == "9875de996e7662ef93a921c6aa310e4d"
    assert from_csv(path, target="kind", **named).fingerprint == "f400f8a349cb833327486612c4ff91c1"
    numbers = from_csv(tmp_path / "n.csv", target="price", labels="numbers", validation_size=11, seed=1)
    assert numbers.fingerprint == "4c6ed34cd69b82fd3cb67322cbb54a77"
    assert from_arrays(x, np.arange(90) % 3, standardize=True).fingerprint == "c367b0492bc867d1829eeb4c7cc4cb92"


F = houses(60).assign(kind=[*"fhv"] * 20)


def put(column, value, row=7):
    made = F.astype({column: object})
    made.loc[row, column] = value
    return made


# fmt: off
REFUSED = [
    (lambda: from_frame(F.to_numpy(), target="sold"), UsageError, "frame must be a pandas DataFrame, got ndarray"),
    (lambda: from_frame(F, target="sld"), UsageError, "target must be one of 'row', 'area', 'kind', 'rooms', 'new', 'price', 'sold', got 'sld'; did you mean 'sold'?"),
    (lambda: from_frame(F, target=3), UsageError, "target must be a text (it is the name of the column of labels), got 3"),
    (lambda: from_frame(F, target="sold", categories="kind"), UsageError, "categories must be a list of names of columns, got 'kind'"),
    (lambda: from_frame(F, target="sold", leave_out=["rows"]), UsageError, "leave_out must be one of 'row', 'area', 'kind', 'rooms', 'new', 'price', 'sold', got 'rows'; did you mean 'row'?"),
    (lambda: from_frame(F, target="sold", leave_out=["sold"]), UsageError, "a column must have one role, got 'sold' as target and as leave_out; leave out one"),
    (lambda: from_frame(F, target="sold", categories=["kind"], group="kind"), UsageError, "a column must have one role, got 'kind' as categories and as group; leave out one"),
    (lambda: from_frame(F, target="sold", group="kind", time="row"), UsageError, "group and time must not both be given (a cut follows one of them), got both; leave out one"),
    (lambda: from_frame(F, target="sold", rare=0), UsageError, "rare must be a whole number of at least 1 (it is the fewest examples of a category of its own), got 0"),
    (lambda: from_frame(F, target="sold", scale_target=True), UsageError, "scale_target must be False unless labels is 'numbers' (classes have no scale), got True with 'classes'"),
    (lambda: from_frame(F, target="sold", labels="number"), UsageError, "labels must be one of 'classes', 'numbers', got 'number'; did you mean 'numbers'?"),
    (lambda: from_frame(F, target="sold", name=""), UsageError, "name must be a text (it is what the data are called), got ''"),
    (lambda: from_frame(F[["sold"]], target="sold"), DataError, "frame has the column 'sold' only; learning takes at least one other column"),
    (lambda: from_frame(F.set_axis(range(7), axis=1), target="sold"), DataError, "the columns of frame must have different texts for names, got [0, 1, 2, 3, 4, 5, 6]; rename them, as in frame.columns = [...]"),
    (lambda: from_frame(F[["row", "row", "sold"]], target="sold"), DataError, "the columns of frame must have different texts for names, got ['row', 'row', 'sold']; rename them, as in frame.columns = [...]"),
    (lambda: from_frame(F[:0], target="sold"), DataError, "frame has no rows; add examples"),
    (lambda: from_frame(F, target="sold", test=F.drop(columns="area")), DataError, "test must have the columns of frame, and only one of them has 'area'; make them alike"),
    (lambda: from_frame(F, target="sold", test=[1]), UsageError, "test must be a pandas DataFrame, got list"),
    (lambda: from_frame(F, target="sold", test=F), DataError, "60 of the 60 examples of the test split of frame (100 %) are in its training split too, more than chance explains; splits must be disjoint, so take them out of one"),
    (lambda: from_frame(put("sold", None), target="sold"), DataError, "the column 'sold' of frame must hold labels and has none in row 7; fill it or remove the row"),
    (lambda: from_frame(put("price", np.nan), target="price", labels="numbers"), DataError, "the column 'price' of frame must hold labels and has none in row 7; fill it or remove the row"),
    (lambda: from_frame(put("kind", pd.NA), target="kind", labels="numbers"), DataError, "the column 'kind' of frame must hold labels and has none in row 7; fill it or remove the row"),
    (lambda: from_frame(F, target="sold", labels="numbers", leave_out=["kind"]), DataError, "frame must hold finite float32 numbers in a column of numbers and has other content in 60 cells of 1 column: 'sold' ('no' in row 0); correct them, or leave out rows"),
    (lambda: from_frame(put("area", "large"), target="sold"), DataError, "frame must hold either finite float32 numbers or texts in each column and has other content in 1 cell of 1 column: 'area' ('large' in row 7); correct them, or name these columns in categories or in leave_out"),
    (lambda: from_frame(F.assign(area=np.inf), target="sold"), DataError, "frame must hold either finite float32 numbers or texts in each column and has other content in 60 cells of 1 column: 'area' ('inf' in row 0); correct them, or name these columns in categories or in leave_out"),
    (lambda: from_frame(F.assign(area=np.nan, kind=None), target="sold"), DataError, "frame must have a value in each column and has none in 'area', 'kind'; leave these columns out"),
    (lambda: from_frame(F.assign(day=pd.Timestamp("2020-02-03")), target="sold"), DataError, "frame must hold numbers or categories and has dates or times in 'day' ('2020-02-03 00:00:00' in row 0); give days or years as numbers, cut the splits by them with time, or leave the columns out with leave_out"),
    (lambda: from_frame(F.assign(z=1j), target="sold"), DataError, "the column 'z' of frame must hold numbers, texts, booleans or dates, got 1j; make columns of its parts, or leave it out"),
    (lambda: from_frame(F.assign(z=[[1, 2]] * 60), target="sold"), DataError, "the column 'z' of frame must hold numbers, texts, booleans or dates, got [1, 2]; make columns of its parts, or leave it out"),
    (lambda: from_frame(F.assign(zip=["01067", "10115"] * 30), target="sold"), DataError, "frame must not hold texts with a zero in front in a column of numbers, got '01067' in 'zip'; name the column in categories, or make its texts numbers"),
    (lambda: Preprocessing.from_json("[]"), DataError, "a preprocessing must be the JSON that Preprocessing.to_json writes, got '[]'"),
    (lambda: Preprocessing((Number("a", 1.0),)).apply({"b": [1]}), DataError, "the table must have the columns it was fitted on, and 'a' is missing from it"),
    (lambda: Preprocessing((Number("a", 1.0),)).apply({"a": ["1", "x"]}), DataError, "the table must hold finite float32 numbers in a column of numbers and has other content in 1 cell of 1 column: 'a' ('x' in row 1); correct them, or leave out rows"),
]
# fmt: on


@pytest.mark.parametrize(("call", "error", "sentence"), REFUSED)
def test_frames_that_cannot_be_used_are_refused(call, error, sentence):
    refused(call, error, sentence)


def test_a_table_without_any_feature_is_refused():
    frame = pd.DataFrame({"name": [f"owner {i}" for i in range(60)], "y": np.arange(60) % 2})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        refused(
            lambda: from_frame(frame, target="y"),
            DataError,
            "frame has columns of categories only, and none of these that 5 training examples share; give columns to learn "
            "from, or lower rare",
        )
