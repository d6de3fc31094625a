"""A CSV file on the command line: what its target is, which options it takes, in which unit losses are reported."""

import functools
import json

import pytest

from lab import cli
from lab.checks import DataError, UsageError
from lab.cli.options import Options
from lab.data import from_csv
from tests.data_files import table
from tests.test_data_folder import fill
from tests.test_data_frames import houses


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    houses(150).drop(columns="row").to_csv("houses.csv", index=False)
    return tmp_path


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ("ab", "classes"),
        ("a1", "classes"),
        ("01", "classes"),
        (("0.0", "1.0"), "classes"),
        (("0.5", "1"), "numbers"),
        ([str(i) for i in range(60)], "numbers"),
        ([str(i) for i in range(20)], "classes"),
        ([str(i) for i in range(21)], "numbers"),
        (["-3", "4e3"], "classes"),
        (["1", ""], "classes"),
        (["1.5", "NA", "2.5"], "numbers"),
        (["NA", ""], "classes"),
    ],
)
def test_a_target_is_numbers_where_it_cannot_be_classes(folder, cells, kind):
    table("a,y\n" + "".join(f"{i},{cells[i % len(cells)]}\n" for i in range(60)))
    load, called = Options(data="t.csv", target="y").loader()
    assert called == "t"
    bound = {"labels": "numbers", "scale_target": True} if kind == "numbers" else {}
    assert (load.func, load.keywords) == (from_csv, {"target": "y"} | bound)


def test_what_a_column_is_can_be_named(folder):
    load, _ = Options(
        data="houses.csv", target="rooms", labels="numbers", categories=("new",), leave_out=("price",)
    ).loader()
    made = load()
    assert made.classes is None
    assert made.target.deviation.shape == (1,)
    assert not any(feature.startswith("price") for feature in made.preprocessing.features)
    load, _ = Options(data="houses.csv", target="rooms").loader()
    assert load().classes == ("1", "2", "3", "4", "5", "6")


@pytest.mark.parametrize("cut", [{"group": "a"}, {"time": "a"}])
def test_columns_that_cut_and_weight_a_table_reach_its_loader(folder, cut):
    table("a,w,x,y\n" + "".join(f"{i // 2},{i % 3},{i % 7},{'uv'[i % 5 > 1]}\n" for i in range(60)))
    options = {**cut, "sample_weight": "w", "class_weight": "balanced"}
    load, _ = Options(data="t.csv", target="y", **options).loader()
    assert load.keywords == {"target": "y", **options}
    made = load()
    assert made.input_shape == (1,)
    assert len(set(made.train.weight)) > 2


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        (
            Options(data="digits", labels="numbers"),
            UsageError,
            "--labels must be left out unless --data is a CSV or Parquet file, got 'numbers'",
        ),
        (
            Options(leave_out=("a", "b")),
            UsageError,
            "--leave-out must be left out unless --data is a CSV or Parquet file, got ('a', 'b')",
        ),
        (
            Options(data="x.npz", categories=("a",)),
            UsageError,
            "--categories must be left out unless --data is a CSV or Parquet file, got ('a',)",
        ),
        (
            Options(data="digits", image_size=8),
            UsageError,
            "--image-size must be left out unless --data is a folder, got 8",
        ),
        (
            Options(data="."),
            UsageError,
            "--image-size must be given where --data is a folder of pictures, got none",
        ),
        (Options(data="no.csv", target="a"), DataError, "no.csv is not there; check the path"),
    ],
)
def test_options_that_do_not_fit_are_refused(folder, options, error, sentence):
    with pytest.raises(error) as caught:
        options.loader()
    assert (type(caught.value), str(caught.value)) == (error, sentence)


def test_a_folder_of_pictures_is_data(tmp_path, monkeypatch):
    monkeypatch.chdir(fill(tmp_path / "my pets"))
    load, called = Options(data=".", image_size=8).loader()
    assert called == "my_pets"
    assert load().input_shape == (8, 8, 3)


def test_a_mixed_table_with_a_price_trains_on_the_command_line_and_says_the_unit_of_its_losses(folder, capsys):
    words = (
        "run weight_penalty --data houses.csv --target price --seeds 2 --epochs 1 --train-size 60 --leave-out sold new"
    )
    cli.lab(words.split())
    out = capsys.readouterr().out
    assert out.splitlines()[0] == (
        "price is predicted as a number: losses are squared errors in units of its standard deviation over the "
        "training split"
    )
    assert (
        "missing numbers of area are filled with the median of the training split, and a feature of their own says "
        "where" in " ".join(out.split())
    )
    (record, *_) = (
        json.loads(path.read_text()) for path in sorted(folder.glob("results/*/runs/none-seed0-*/run.json"))
    )
    load = functools.partial(from_csv, "houses.csv", target="price", labels="numbers", scale_target=True)
    assert record["target_scale"] == load(train_size=60).target.deviation.tolist()
    assert record["chance"] == 1
    assert record["declaration"]["data"]["leave_out"] == ["sold", "new"]
    assert record["declaration"]["training"]["loss"] == "squared_error"
    page = (folder / "results" / "weight_penalty-houses" / "index.html").read_text()
    deviations = sorted(load(train_size=60, seed=seed).target.deviation[0] for seed in (0, 1))
    assert (
        "the square of the target&#39;s standard deviation over the training split "
        f"({deviations[0]:.6g} to {deviations[1]:.6g}, by seed)"
    ) in page
