"""The recipes of the README's "Your own data" do what they say, exactly as they are printed."""

import re
import shlex
from pathlib import Path

import pytest

from lab import cli
from tests.test_data_folder import fill
from tests.test_data_frames import houses

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
SECTION = README.split("\n## Your own data\n")[1].split("\n## ")[0]
RECIPES = re.findall(r"^```(\w*)\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)


def test_there_is_a_recipe_for_a_file_a_folder_a_notebook_and_folds_and_each_is_short():
    assert [language for language, _ in RECIPES] == ["", "", "python", ""]
    assert all(len(recipe.splitlines()) <= 10 for _, recipe in RECIPES)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES, ids=["file", "folder", "notebook", "folds"])
def test_a_recipe_trains_and_draws(tmp_path, monkeypatch, recipe):
    monkeypatch.chdir(tmp_path)
    houses(150).drop(columns="row").to_csv("houses.csv", index=False)
    fill(tmp_path / "pets")
    language, code = recipe
    if language == "python":
        exec(compile(code, "recipe", "exec"), {})
    else:
        command, *words = shlex.split(code)
        assert command == "reglab"
        cli.lab(words)
    assert len(list(tmp_path.glob("results/*/index.html"))) == 1
    assert list(tmp_path.glob("results/*/figures/*.png"))
