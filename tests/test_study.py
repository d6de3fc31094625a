"""Studies: computed once, drawn from their CSV files, alone or beside an experiment."""

import dataclasses
import json
import os
import sys

import pandas as pd
import pytest
from matplotlib.figure import Figure

from lab import results
from lab.checks import DataError, UsageError
from lab.cli.options import Options
from lab.cli.running import run_question
from lab.compute import compute, draw
from lab.outcome import draw_outcome
from lab.results import fields
from lab.run import run
from lab.study import RESERVED, Study
from tests.lines import place
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
    compute(STUDY.resized(epochs=5), tmp_path)
    assert CALLS == [3, 5]
    assert len(results.read_csv(tmp_path / "squares.csv")) == 5
    (tmp_path / "squares.csv").unlink()
    compute(STUDY.resized(epochs=5), tmp_path)
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
    assert str(caught.value) == (f"{path} does not exist; run the study first, or name its folder")


def doubles(epochs=3):
    """Return twice the first numbers under the name of another study's table."""
    CALLS.append("doubles")
    return {"Squares": pd.DataFrame({"n": range(epochs)})}


def constant():
    """Return one number."""
    return {"constant": TABLE}


def test_two_studies_of_one_folder_never_write_one_table(tmp_path):
    other = dataclasses.replace(STUDY, name="doubles", compute=doubles)
    folder = compute(STUDY, tmp_path)
    before = (folder / "squares.csv").read_bytes()
    with pytest.raises(UsageError) as caught:
        compute(other, folder, beside=[STUDY])
    assert str(caught.value) == (
        "the tables of studies in one folder must have different names, got the table 'Squares' of the studies "
        "'squares' and 'doubles'; rename one"
    )
    assert (folder / "squares.csv").read_bytes() == before
    assert not (folder / "doubles.json").exists()


def test_the_table_of_a_study_that_is_no_longer_declared_so_may_be_replaced(tmp_path):
    folder = compute(STUDY, tmp_path)
    other = dataclasses.replace(STUDY, name="doubles", compute=doubles)
    compute(other, folder, beside=[STUDY.resized(epochs=4)])
    assert len(results.read_csv(folder / "Squares.csv")) == 3


def test_an_experiment_gives_each_of_its_studies_the_others(tmp_path):
    other = dataclasses.replace(STUDY, name="doubles", compute=doubles)
    with pytest.raises(UsageError) as caught:
        run(dataclasses.replace(small(), studies=(STUDY, other)), results_folder=tmp_path)
    assert str(caught.value).startswith("the tables of studies in one folder must have different names")


def test_two_studies_of_one_folder_never_draw_one_figure(tmp_path):
    other = Study(name="doubles", compute=constant, draw=lambda tables: {"squares": Figure()})
    folder = compute(other, compute(STUDY, tmp_path))
    with pytest.raises(UsageError) as caught:
        draw_outcome(folder, [STUDY, other])
    assert str(caught.value) == (
        "the figures of studies in one folder must have different names, got the figure 'squares' of the studies "
        "'squares' and 'doubles'; rename one"
    )


def test_a_size_that_a_study_does_not_take_is_refused():
    assert len(STUDY.resized(epochs=2, seeds=None).compute()["squares"]) == 2
    assert len(STUDY.resized(epochs=4, seeds=2, strict=False).compute()["squares"]) == 4
    with pytest.raises(UsageError) as caught:
        STUDY.resized(seeds=2)
    assert str(caught.value) == "the study squares takes --epochs, got --seeds 2; leave it out"


def test_a_study_needs_functions():
    with pytest.raises(UsageError) as caught:
        Study(name="x", compute=3, draw=plotted)
    assert str(caught.value) == "compute of a study must be a function, got 3"


TABLE = pd.DataFrame({"n": [1]})


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "a/b", "", ".x", "x" * 101, 3, None, "x\n"])
def test_a_name_that_is_no_plain_file_name_is_refused(name):
    words = "names of studies and of their tables and figures become files and must be made of letters, digits, '_', "
    sentence = f"{words}'.', '+' and '-', got {name!r}"
    with pytest.raises(UsageError) as caught:
        Study(name=name, compute=squares, draw=plotted)
    assert str(caught.value) == sentence
    with pytest.raises(UsageError) as caught:
        Study(name="x", compute=lambda: {name: TABLE}, draw=plotted).tables()
    assert str(caught.value) == sentence
    with pytest.raises(UsageError) as caught:
        Study(name="x", compute=squares, draw=lambda tables: {name: Figure()}).figures({})
    assert str(caught.value) == sentence


def escaping():
    return {"good": TABLE, "../escaped": TABLE}


def test_nothing_is_written_of_a_study_whose_tables_have_a_wrong_name(tmp_path):
    with pytest.raises(UsageError):
        compute(Study(name="x", compute=escaping, draw=plotted), tmp_path / "folder")
    assert not list(tmp_path.rglob("*"))


@pytest.mark.parametrize(
    "name", ["experiment", "histories", "summary", "Comparison", "strengths", "provenance", "costs", "SUMMARY"]
)
def test_a_name_of_the_labs_own_files_is_refused(name):
    sentence = (
        "names of studies and of their tables must not be those of the lab's files, 'experiment', 'histories', "
        "'summary', 'comparison', 'strengths', 'measures', 'reliability', 'test_parts', "
        f"'provenance', 'costs', got {name!r}"
    )
    with pytest.raises(UsageError) as caught:
        Study(name=name, compute=squares, draw=plotted)
    assert str(caught.value) == sentence
    with pytest.raises(UsageError) as caught:
        Study(name="x", compute=lambda: {name: TABLE}, draw=plotted).tables()
    assert str(caught.value) == sentence


def test_the_names_of_all_tables_of_the_lab_are_reserved():
    assert set(RESERVED) == {*fields.RESERVED, *fields.RESERVED_TABLES}


def test_the_names_of_the_labs_figures_are_refused():
    names = "overfitting_loss", "overfitting_data_loss_2", "overlay", "gap", "Penalty", "accuracy", "forest"
    for name in (*names, "strength_path"):
        with pytest.raises(UsageError) as caught:
            Study(name="x", compute=squares, draw=lambda tables, name=name: {name: Figure()}).figures({})
        assert str(caught.value) == (f"names of a study's figures must not be those of the lab's figures, got {name!r}")


@pytest.mark.parametrize(
    ("value", "got"),
    [
        (None, "a NoneType"),
        ({}, "a dict of nothing"),
        ("text", "a str"),
        (TABLE, "a DataFrame"),
        ([TABLE], "a list"),
        ({"x": TABLE, "y": 3}, "a dict of DataFrame, int"),
    ],
    ids=["None", "empty", "text", "a table", "a list", "a number"],
)
def test_what_is_no_dict_of_tables_or_of_figures_is_refused(value, got):
    with pytest.raises(DataError) as caught:
        Study(name="x", compute=lambda: value, draw=plotted).tables()
    assert str(caught.value) == (
        f"compute of the study 'x' must return a dict from names to pandas.DataFrame, at least one, got {got}"
    )
    with pytest.raises(DataError) as caught:
        Study(name="x", compute=squares, draw=lambda tables: value).figures({})
    assert str(caught.value) == (
        f"draw of the study 'x' must return a dict from names to matplotlib.figure.Figure, at least one, got {got}"
    )


def failing(*_):
    return {}["a"]


def leaving(*_):
    sys.exit("bye")


@pytest.mark.parametrize(
    ("function", "failure"),
    [
        (failing, f"KeyError: 'a' {place(failing)}"),
        (leaving, f"it called sys.exit('bye') {place(leaving)}; let it return, or raise an error instead"),
    ],
)
def test_a_function_of_a_study_that_fails_is_reported_in_one_sentence(function, failure):
    with pytest.raises(DataError) as caught:
        Study(name="x", compute=function, draw=plotted).tables()
    assert str(caught.value) == f"compute of the study 'x' fails: {failure}"
    with pytest.raises(DataError) as caught:
        Study(name="x", compute=squares, draw=function).figures({})
    assert str(caught.value) == f"draw of the study 'x' fails: {failure}"


@pytest.mark.parametrize("columns", [[], ["a", "a"], [1, "1"]])
def test_a_table_without_columns_or_with_two_of_one_name_is_refused_before_it_is_written(columns):
    table = pd.DataFrame([[3.0] * len(columns)], columns=columns)
    with pytest.raises(DataError) as caught:
        Study(name="x", compute=lambda: {"t": table}, draw=plotted).tables()
    assert str(caught.value) == (
        f"compute of the study 'x' must return tables with columns of different names, at least one, got "
        f"{[str(column) for column in columns]} in 't'"
    )


def test_tables_whose_names_differ_only_in_case_are_refused():
    with pytest.raises(UsageError) as caught:
        Study(name="x", compute=lambda: {"a": TABLE, "A": TABLE}, draw=plotted).tables()
    assert str(caught.value) == (
        "compute of the study 'x' must return names that differ in more than case, got ['a', 'A']"
    )


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("draw", None, "draw of a study must be a function, got None"),
        ("question", 3, "question must be a text in one line, got 3"),
        ("notes", ["a"], "notes must be a text, got ['a']"),
    ],
)
def test_a_field_of_a_wrong_type_is_refused(field, value, said):
    with pytest.raises(UsageError) as caught:
        dataclasses.replace(STUDY, **{field: value})
    assert str(caught.value) == said


def test_options_that_a_study_cannot_follow_are_refused_instead_of_ignored():
    STUDY.refuse({"data": None, "target": None, "epochs": 3})
    for option, value in (("data", "digits"), ("target", "y"), ("validation_size", 9), ("engine", "keras_fit")):
        with pytest.raises(UsageError) as caught:
            STUDY.refuse({option: value})
        words = option.replace("_", "-")
        assert str(caught.value) == f"the study squares takes --epochs, got --{words} {value}; leave it out"


@pytest.mark.parametrize("size", [0, -3, 1.5, "3", True])
def test_a_size_of_a_study_is_a_whole_number_of_at_least_one(size):
    with pytest.raises(UsageError):
        STUDY.resized(epochs=size)


def test_more_seeds_than_memory_has_room_for_are_refused():
    with pytest.raises(UsageError) as caught:
        STUDY.resized(seeds=10**9, strict=False)
    assert str(caught.value) == "seeds must be at most 10000, got 1000000000"


def wandering():
    os.chdir("/")
    return {"squares": TABLE}


def test_a_study_that_changes_the_working_folder_leaves_its_tables_where_it_was_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = compute(Study(name="x", compute=wandering, draw=plotted), "results")
    assert folder == tmp_path / "results"
    assert (folder / "squares.csv").exists()


def test_the_guide_tells_of_a_study_that_was_computed_by_a_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_question(STUDY, Options(quiet=True))
    assert "How do squares grow?" in (tmp_path / "results" / "index.html").read_text(encoding="utf-8")
    changed = dataclasses.replace(STUDY, question="And how do they shrink?")
    run_question(changed, Options(quiet=True))
    assert "And how do they shrink?" in (tmp_path / "results" / "index.html").read_text(encoding="utf-8")
