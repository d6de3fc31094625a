"""Names and fields of the files: owned by one module, checked by one table, refused in one sentence."""

import ast
import json
import os
import re
from pathlib import Path

import pandas as pd
import pytest

from lab import results
from lab.checks import DataError, UsageError
from lab.results import fields, schema
from lab.results.files import read_json, to_json
from lab.results.tables import read_tables
from tests.test_results import AGAIN, NAME, experiment, history, record

ROOT = Path(__file__).parent.parent
LAB = ROOT / "lab"

FILES = re.compile(
    r"(histories|summary|comparison|strengths|history)\.csv|(experiment|run|provenance|costs)\.json|index\.html"
    r"|\.tmp-.*|\.damaged-.*"
)
FOLDERS = re.compile("runs|figures")


def names_in(path: Path) -> set[str]:
    """Return the names of files and folders that a module writes as literals."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            parts = node.value.split("/")
            found |= {part for part in parts if FILES.fullmatch(part) or (len(parts) > 1 and FOLDERS.fullmatch(part))}
        # A folder's name is a word of its own: only behind a slash it is a path.
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and isinstance(node.right, ast.Constant):
            found |= {part for part in [node.right.value] if FOLDERS.fullmatch(str(part))}
    return found


def test_only_the_schema_writes_the_names_of_files():
    modules = {path.relative_to(LAB).as_posix(): names_in(path) for path in sorted(LAB.rglob("*.py"))}
    owned = modules.pop("results/schema.py")
    assert {"experiment.json", "run.json", "history.csv", "provenance.json", "index.html"} <= owned
    assert {place: names for place, names in modules.items() if names} == {}


def test_no_sentence_tells_anyone_to_delete_anything():
    advice = re.compile(r"[;,.] *(delete|remove) (the |this |that |its )?(file|folder|run|log|table)")
    found = set()
    for path in sorted(LAB.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                text = "; " + "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
                found |= {path.relative_to(LAB).as_posix()} if advice.search(text) else set()
    assert not found


def test_the_names_of_tables_studies_figures_and_runs_follow_from_one_rule_each():
    assert [schema.table_file(name) for name in schema.TABLES] == ["histories.csv", "summary.csv", "comparison.csv"]
    assert schema.study_file("shifts") == "shifts.json"
    assert [schema.figure_file("gap"), schema.figure_file("gap", "svg")] == ["gap.png", "gap.svg"]
    assert schema.run_name("none", 3, "r12") == "none-seed3-r12"


def test_every_committed_folder_of_results_can_be_read():
    folders = [path.parent for path in sorted((ROOT / "results").glob("*/experiment.json"))]
    assert len(folders) >= 10
    for folder in folders:
        assert results.read_experiment(folder)["runs"]
        if results.has_table(folder, schema.HISTORIES):
            assert len(read_tables(folder).histories)


DEEP = "[" * 100_000 + "]" * 100_000
WRITTEN_AGAIN = "run the experiment again, which writes it anew"

BROKEN = {
    "nothing": ("", "cannot be read as JSON (Expecting value: line 1 column 1 (char 0))"),
    "torn": ('{"sch', "cannot be read as JSON (Unterminated string starting at: line 1 column 2 (char 1))"),
    "a list": ("[1]", "must hold a JSON object, got list"),
    "a number": ("1e999", "must hold a JSON object, got float"),
    "deep": (DEEP, "must not be nested deeper than 100 levels"),
    "less deep": ('{"a": ' + "[" * 101 + "]" * 101 + "}", "must not be nested deeper than 100 levels"),
    "ten thousand digits": (f'{{"a": {"9" * 10_000}}}', "cannot be read as JSON (a number has 10000 digits)"),
}  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("file", ["run.json", "experiment.json", "provenance.json", "shifts.json"])
def test_a_file_that_is_no_json_object_is_refused(tmp_path, file, broken):
    text, said = BROKEN[broken]
    folder, read, remedy = made(tmp_path, file)
    (folder / file).write_text(text)
    with pytest.raises(DataError) as caught:
        read()
    assert str(caught.value) == f"{folder / file} {said}; {remedy}"


def test_json_is_written_with_one_blank_per_level_and_a_line_end():
    assert to_json({"a": [1, None]}) == '{\n "a": [\n  1,\n  null\n ]\n}\n'


def test_a_number_of_a_hundred_digits_is_read_and_a_longer_one_is_refused(tmp_path):
    (tmp_path / "long.json").write_text(f'{{"a": {"9" * 100}}}')
    assert read_json(tmp_path / "long.json") == {"a": 10**100 - 1}
    (tmp_path / "long.json").write_text(f'{{"a": {"9" * 101}}}')
    with pytest.raises(DataError, match=r"cannot be read as JSON \(a number has 101 digits\)"):
        read_json(tmp_path / "long.json")


@pytest.mark.parametrize("file", ["run.json", "experiment.json", "provenance.json", "shifts.json"])
def test_a_json_file_that_is_a_fifo_is_refused_and_not_waited_for(tmp_path, file):
    folder, read, _ = made(tmp_path, file)
    (folder / file).unlink()
    os.mkfifo(folder / file)
    with pytest.raises(DataError) as caught:
        read()
    remedy = AGAIN if file == "run.json" else "move it elsewhere"
    assert str(caught.value) == f"{folder / file} must be a file, got a FIFO, socket or device; {remedy}"


def made(tmp_path, file):
    """Return a folder with a whole file of that name, how it is read, and the remedy for a damaged one."""
    if file == "run.json":
        folder = results.publish(tmp_path, NAME, history(), record(threads=2, seconds=1.5, versions={"keras": "3"}))
        return folder, lambda: results.read_run(folder), AGAIN
    folder = experiment(tmp_path / "x")
    if file == "experiment.json":
        more = {"variants": ["none", "l2"], "seeds": [0, 1], "notes": "", "paths": {}, "company": []}
        results.write_experiment(folder, results.read_experiment(folder) | more)
        return folder, lambda: results.read_experiment(folder), WRITTEN_AGAIN
    if file == "provenance.json":
        results.rebuild(folder)
        rebuilt = "run python -m lab report x, which rebuilds it from the runs"
        return folder, lambda: results.read_provenance(folder), rebuilt
    results.write_study(folder, "shifts", identity="r1", tables=["shifts"], declaration={}, figures=["shifts"])
    remedy = "run the study again, or move the file elsewhere if it is not the lab's"
    return folder, lambda: results.read_study(folder, "shifts"), remedy


WRONG = [None, True, -1, 0.5, 1e308, 10**400, float("nan"), "", "../x", "a b", [], [1, [2]], ["../x"], {}, {"a": [1]}]
FIELDS = {
    "run.json": fields.RUN,
    "experiment.json": fields.EXPERIMENT,
    "provenance.json": fields.PROVENANCE,
    "shifts.json": fields.STUDY,
}
CASES = [(file, name) for file, rules in FIELDS.items() for name in rules]


@pytest.mark.parametrize(("file", "name"), CASES, ids=[f"{name} of {file}" for file, name in CASES])
def test_a_field_of_a_wrong_type_is_refused_by_file_field_and_rule_or_fits(tmp_path, file, name):
    folder, read, remedy = made(tmp_path, file)
    whole = json.loads((folder / file).read_text())
    field = FIELDS[file][name]
    refused = 0
    for value in WRONG:
        (folder / file).write_text(json.dumps(whole | {name: value}))
        try:
            read()
        except DataError as error:
            sentence = str(error)
            # A value of the right type may still be of another run, another study or no variant.
            assert sentence.startswith(str(tmp_path)) or sentence.startswith(f"{name!r} in {folder / file} must be ")
            assert sentence.endswith(f"; {remedy}")
            refused += 1
        else:
            assert field.fits(value)
    assert refused >= 6


@pytest.mark.parametrize(("file", "name"), CASES, ids=[f"{name} of {file}" for file, name in CASES])
def test_a_field_that_is_not_there_is_refused_or_optional(tmp_path, file, name):
    folder, read, remedy = made(tmp_path, file)
    whole = json.loads((folder / file).read_text())
    whole.pop(name, None)
    (folder / file).write_text(json.dumps(whole))
    field = FIELDS[file][name]
    if field.optional:
        read()
        return
    with pytest.raises(DataError) as caught:
        read()
    assert str(caught.value) == f"{folder / file} must have {name!r}, {field.rule}; {remedy}"


PLAIN = "made of letters, digits, '_', '.', '+' and '-'"


@pytest.mark.parametrize(
    ("file", "name", "value", "said"),
    [
        ("run.json", "schema", 99, "1, the version of this lab's files, got 99"),
        ("run.json", "seed", "zero", "a whole number of at least 0, got 'zero'"),
        ("run.json", "seed", 2**53 + 1, "a whole number of at least 0, got 9007199254740993"),
        ("run.json", "rows", 0, "a whole number of at least 1, got 0"),
        ("run.json", "kept_epoch", 0, "a whole number of at least 1 or null, got 0"),
        ("run.json", "status", "lost", "'finished' or 'diverged', got 'lost'"),
        ("run.json", "zeros", 1.5, "a number in [0, 1] or null, got 1.5"),
        ("run.json", "chance", 0, "a number above 0 or null, got 0"),
        ("run.json", "test", {"loss": 1.0}, "null or an object with numbers for loss, data_loss, penalty, accuracy, "
         "got {'loss': 1.0}"),
        ("run.json", "versions", {"keras": 3}, "an object of texts, got {'keras': 3}"),
        ("run.json", "history_sha256", "abc", "64 hexadecimal digits, got 'abc'"),
        ("experiment.json", "baseline", "l3", "one of 'none', 'l2', got 'l3'"),
        ("experiment.json", "runs", ["../../y"], f"a list of different names {PLAIN}, got ['../../y']"),
        ("experiment.json", "runs", ["a", "a"], f"a list of different names {PLAIN}, got ['a', 'a']"),
        ("experiment.json", "paths", {"l2": {"none": -1}}, "an object with strengths of at least 0 for the variants of "
         "each family, got {'l2': {'none': -1}}"),
        ("experiment.json", "notes", 3, "a text, got 3"),
        ("shifts.json", "figures", ["../../../secret"], f"a list of different names {PLAIN}, got ['../../../secret']"),
        ("shifts.json", "figures", ["/etc/secret"], f"a list of different names {PLAIN}, got ['/etc/secret']"),
        ("shifts.json", "tables", ["summary"], f"a list of different names {PLAIN}, none of them 'histories', "
         "'summary', 'comparison', 'strengths', 'measures', 'reliability', 'test_parts', got ['summary']"),
        ("shifts.json", "name", "fields", "'shifts', got 'fields'"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_refused_with_the_rule(tmp_path, file, name, value, said):
    folder, read, remedy = made(tmp_path, file)
    whole = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps(whole | {name: value}))
    with pytest.raises(DataError) as caught:
        read()
    assert str(caught.value) == f"{name!r} in {folder / file} must be {said}; {remedy}"


@pytest.mark.parametrize(
    ("study", "tables", "figures", "said"),
    [
        ("experiment", [], [], f"a study must be a name {PLAIN}, and none of 'experiment', 'provenance', 'costs', "
         "got 'experiment'"),
        ("../x", [], [], f"a study must be a name {PLAIN}, and none of 'experiment', 'provenance', 'costs', "
         "got '../x'"),
        ("x", ["/tmp/x"], [], f"a study's table must be a name {PLAIN}, and none of 'histories', 'summary', "
         "'comparison', 'strengths', 'measures', 'reliability', 'test_parts', got '/tmp/x'"),
        ("x", ["histories"], [], f"a study's table must be a name {PLAIN}, and none of 'histories', 'summary', "
         "'comparison', 'strengths', 'measures', 'reliability', 'test_parts', got 'histories'"),
        ("x", [], ["../../x"], f"a study's figure must be a name {PLAIN}, got '../../x'"),
        ("x", [], [".hidden"], f"a study's figure must be a name {PLAIN}, got '.hidden'"),
    ],
)  # fmt: skip
def test_a_study_is_not_written_outside_its_folder_nor_over_the_files_of_an_experiment(
    tmp_path, study, tables, figures, said
):
    with pytest.raises(UsageError) as caught:
        results.write_study(tmp_path, study, identity="r", tables=tables, declaration={}, figures=figures)
    assert str(caught.value) == f"the name of {said}"
    assert list(tmp_path.iterdir()) == []


def test_a_study_comes_back_and_is_computed_while_its_tables_can_be_read(tmp_path):
    table = pd.DataFrame({"n": [1, 2]})
    results.write_study_tables(tmp_path, {"shifts": table})
    results.write_study(tmp_path, "shifts", identity="r1", tables=["shifts"], declaration={"a": 1}, question="Why?")
    assert results.read_study(tmp_path, "shifts") == {
        "schema": 1,
        "name": "shifts",
        "question": "Why?",
        "notes": "",
        "id": "r1",
        "tables": ["shifts"],
        "figures": [],
        "declaration": {"a": 1},
    }
    pd.testing.assert_frame_equal(results.read_study_tables(tmp_path, "shifts")["shifts"], table)
    assert results.is_computed(tmp_path, "shifts", "r1")
    assert not results.is_computed(tmp_path, "shifts", "r2")
    (tmp_path / "shifts.csv").write_text("n\n1\n2")
    assert not results.is_computed(tmp_path, "shifts", "r1"), "a torn table is computed again"


def test_the_files_of_an_experiment_are_no_studies(tmp_path):
    folder, _, _ = made(tmp_path, "shifts.json")
    results.rebuild(folder)
    assert results.study_names(folder) == ["shifts"]
    assert results.has_study(folder, "shifts")
