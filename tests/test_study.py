"""Studies: computed once, drawn from their CSV files, alone or beside an experiment."""

import dataclasses
import json

import pandas as pd
import pytest
from matplotlib.figure import Figure

from lab import results
from lab.checks import DataError, UsageError
from lab.experiment import run
from lab.study import Study, compute, draw
from tests.test_experiment import small

CALLS = []


def squares(epochs=3):
    """Return the squares of the first numbers."""
    CALLS.append(epochs)
    return {"squares": pd.DataFrame({"n": range(epochs), "square": [n * n / 3 for n in range(epochs)]})}


def plotted(tables):
    """Return one line."""
    figure = Figure()
    figure.add_subplot().plot(tables["squares"]["n"], tables["squares"]["square"])
    return {"squares": figure}


STUDY = Study(name="squares", compute=squares, draw=plotted, question="How do squares grow?")


@pytest.fixture(autouse=True)
def _no_calls():
    CALLS.clear()


def test_a_study_is_computed_once_and_anew_when_its_size_changes(tmp_path):
    compute(STUDY, tmp_path)
    compute(STUDY, tmp_path)
    assert CALLS == [3]
    compute(STUDY.sized(epochs=5), tmp_path)
    assert CALLS == [3, 5]
    assert len(results.read_csv(tmp_path / "squares.csv")) == 5
    (tmp_path / "squares.csv").unlink()
    compute(STUDY.sized(epochs=5), tmp_path)
    assert CALLS == [3, 5, 5], "a table that is lost is computed again"


def test_the_figures_come_from_the_files_with_the_same_bytes(tmp_path):
    compute(STUDY, tmp_path)
    before = {path.name: path.read_bytes() for path in draw(STUDY, tmp_path)}
    assert set(before) == {"squares.png"}
    assert before == {path.name: path.read_bytes() for path in draw(STUDY, tmp_path)}
    assert json.loads((tmp_path / "squares.json").read_text())["figures"] == ["squares"]
    compute(STUDY, tmp_path)
    draw(STUDY, tmp_path)
    assert CALLS == [3], "a study that was drawn is not computed again"


def test_a_study_beside_an_experiment_leaves_its_tables_there(tmp_path):
    folder = run(dataclasses.replace(small(), studies=(STUDY,)), results_folder=tmp_path)
    assert (folder / "squares.csv").exists()
    assert (folder / "histories.csv").exists()


def test_a_study_without_its_files_is_told(tmp_path):
    with pytest.raises(DataError) as caught:
        draw(STUDY, tmp_path)
    path = tmp_path / "squares.json"
    assert str(caught.value) == (
        f"{path} cannot be read ([Errno 2] No such file or directory: '{path}'); run the study again"
    )


def test_a_size_that_a_study_does_not_take_is_refused():
    assert len(STUDY.sized(epochs=2, seeds=None).compute()["squares"]) == 2
    assert len(STUDY.sized(epochs=4, seeds=2, strict=False).compute()["squares"]) == 4
    with pytest.raises(UsageError) as caught:
        STUDY.sized(seeds=2)
    assert str(caught.value) == "the study squares takes no seeds, got 2"


def test_a_study_needs_functions():
    with pytest.raises(UsageError) as caught:
        Study(name="x", compute=3, draw=plotted)
    assert str(caught.value) == "compute of a study must be a function, got 3"
