"""The recipes of the README's "Your own data" and "Your own model" do what they say, exactly as they are printed.

The one that is a script, `mine.py`, is run in `test_saved`.
"""

import itertools
import re
import shlex
from pathlib import Path

import keras
import pytest

from lab import cli
from tests.test_data_folder import fill
from tests.test_data_frames import houses

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
SECTIONS = [README.split(f"\n## {title}\n")[1].split("\n## ")[0] for title in ("Your own data", "Your own model")]
FOUND = [re.findall(r"^```(\w*)\n(.*?)^```", section, re.MULTILINE | re.DOTALL) for section in SECTIONS]
NAMES = [["file", "prediction", "folder", "notebook", "folds"], ["script", "backbone", "fields"]]
RECIPES = dict(zip(itertools.chain(*NAMES), itertools.chain(*FOUND), strict=True))


def test_there_is_a_recipe_for_each_need_and_each_is_short():
    languages = [[language for language, _ in found] for found in FOUND]
    assert languages == [["", "python", "", "python", ""], ["python"] * 3]
    assert all(len(recipe.splitlines()) <= 10 for name, (_, recipe) in RECIPES.items() if name != "script")


def cook(name: str) -> None:
    language, code = RECIPES[name]
    if language == "python":
        exec(compile(code, "recipe", "exec"), {})
    else:
        command, *words = shlex.split(code)
        assert command == "reglab"
        cli.lab(words)


@pytest.fixture
def kitchen(tmp_path, monkeypatch):
    """Return a folder with the files that the recipes name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    frame = houses(150).drop(columns="row")
    frame.to_csv("houses.csv", index=False)
    frame.drop(columns="price").head(7).to_csv("new_houses.csv", index=False)
    fill(tmp_path / "pets")
    L = keras.layers
    net = [L.Conv2D(4, 3, activation="relu"), L.BatchNormalization(), L.GlobalAveragePooling2D(), L.Dense(10)]
    keras.Sequential([keras.Input((16, 16, 3)), *net]).save("pretrained.keras")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("name", ["file", "folder", "notebook", "folds", "backbone"])
def test_a_recipe_trains_and_draws(kitchen, name):
    cook(name)
    assert len(list(kitchen.glob("results/*/index.html"))) == 1
    assert list(kitchen.glob("results/*/figures/*.png"))


@pytest.mark.slow
def test_a_kept_model_predicts_prices_of_new_rows(kitchen, capsys):
    cook("file")
    capsys.readouterr()
    cook("prediction")
    # Beside them Keras prints a bar of its progress.
    printed = re.findall(r"\[\s*(\d[\d.e+]*)\s*\]", capsys.readouterr().out)
    predicted = [float(number) for number in printed]
    assert len(predicted) == 7
    assert all(20_000 < price < 500_000 for price in predicted)
