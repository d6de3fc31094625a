"""Tables that were torn or edited: refused with the file, the line, the rule and what to do."""

import os
import shutil

import pytest

from lab import results, statistics
from lab.checks import DataError
from lab.results.tables import read_tables
from tests.test_results import experiment

REBUILT = "run python -m lab report x, which rebuilds it from the runs"
TAKEN = "take it from where the folder came from, or run the experiment again"


@pytest.fixture
def folder(tmp_path):
    """Two variants at two seeds, three epochs each, with a path."""
    made = experiment(tmp_path / "x")
    record = results.read_experiment(made) | {"paths": {"l2": {"none": 0.0, "l2": 0.01}}}
    results.write_experiment(made, record)
    results.rebuild(made)
    return made


def changed(line, **cells):
    """Return an edit that sets cells of a line, counted as an editor does."""

    def edit(lines):
        header = lines[0].split(",")
        row = lines[line - 1].split(",")
        for name, value in cells.items():
            row[header.index(name)] = value
        return [*lines[: line - 1], ",".join(row), *lines[line:]]

    return edit


def doubled(line):
    return lambda lines: [*lines[:line], *lines[line - 1 :]]


def without(line):
    return lambda lines: [*lines[: line - 1], *lines[line:]]


def without_column(name):
    def edit(lines):
        place = lines[0].split(",").index(name)
        return [",".join(cell for i, cell in enumerate(line.split(",")) if i != place) for line in lines]

    return edit


def with_column(name, cell):
    return lambda lines: [f"{lines[0]},{name}", *(f"{line},{cell}" for line in lines[1:])]


def only_header(lines):
    return lines[:1]


REFUSED = {
    "histories": [
        (changed(3, epoch="-2"), ", line 3: 'epoch' must be a whole number of at least 1, got -2"),
        (changed(3, epoch="2.5"), ", line 3: 'epoch' must be a whole number of at least 1, got 2.5"),
        (changed(3, epoch="nan"), ", line 3: 'epoch' must be a whole number of at least 1, got nan"),
        (changed(3, epoch="inf"), ", line 3: 'epoch' must be a whole number of at least 1, got inf"),
        (changed(3, epoch="1000000000000"), ", line 3: 'epoch' must be 2, the next one of its run, got 1000000000000"),
        (changed(3, epoch="1"), ", line 3: 'epoch' must be 2, the next one of its run, got 1"),
        (doubled(4), ", line 5: 'epoch' must be 4, the next one of its run, got 3"),
        (without(3), ", line 3: 'epoch' must be 2, the next one of its run, got 3"),
        (changed(4, val_data_loss="much"), ", line 4: 'val_data_loss' must be a number, got 'much'"),
        (changed(4, val_data_loss="1e308"), ", line 4: 'val_data_loss' must be a number within 1e+100, got 1e+308"),
        (changed(4, loss="True"), ", line 4: 'loss' must be a number, got 'True'"),
        (changed(4, seed="zero"), ", line 4: 'seed' must be a number, got 'zero'"),
        (changed(4, seed="-1"), ", line 4: 'seed' must be a whole number of at least 0, got -1"),
        (changed(4, variant="nan"), ", line 4: 'variant' must be a name, got nan"),
        (only_header, " must have at least one row, got none"),
        (without_column("epoch"), " must have the column 'epoch', got experiment, variant, seed, loss, data_loss, "
         "penalty, accuracy, train_data_loss, train_accuracy, val_loss, val_data_loss, val_penalty, val_accuracy, "
         "learning_rate"),
    ],
    "summary": [
        (doubled(3), ", line 4: variant none, seed 1 comes twice"),
        (without(3), " must have a row for variant 'none', seed 1, got none"),
        (changed(2, variant="l3"), ", line 2: 'variant' must be a run in histories.csv at seed 0, got 'l3'"),
        (changed(2, seed="7"), ", line 2: 'variant' must be a run in histories.csv at seed 7, got 'none'"),
        (changed(2, status="fine"), ", line 2: 'status' must be one of 'finished', 'diverged', got 'fine'"),
        (changed(2, verdict="good"), ", line 2: 'verdict' must be one of 'underfits', 'healthy', 'overfits', "
         "'too short', 'diverged', got 'good'"),
        (changed(2, epochs="4"), ", line 2: 'epochs' must be 3, as in histories.csv, got 4"),
        (changed(2, epochs="-3"), ", line 2: 'epochs' must be 3, as in histories.csv, got -3"),
        (changed(2, kept_epoch="1e12"), ", line 2: 'kept_epoch' must be a whole number in [1, 3] or nan, "
         "got 1000000000000.0"),
        (changed(2, kept_epoch="1.5"), ", line 2: 'kept_epoch' must be a whole number in [1, 3] or nan, got 1.5"),
        (changed(2, onset="0"), ", line 2: 'onset' must be a whole number in [1, 3] or nan, got 0.0"),
        (changed(2, test_data_loss="low"), ", line 2: 'test_data_loss' must be a number, got 'low'"),
        (changed(2, gap="-1e200"), ", line 2: 'gap' must be a number within 1e+100, got -1e+200"),
    ],
    "comparison": [
        (doubled(3), ", line 4: variant l2 comes twice"),
        (without(3), " must have a row for variant 'l2', got none"),
        (changed(3, decision="baseline"), " must have one row with the decision 'baseline', got 2"),
        (changed(2, decision="not shown"), " must have one row with the decision 'baseline', got 0"),
        (changed(3, decision="best"), ", line 3: 'decision' must be one of 'baseline', 'better', 'worse', "
         "'equivalent', 'not shown', got 'best'"),
        (changed(3, decision="equivalent"), " must have the column 'margin', got " + ", ".join(statistics.COMPARISON)),
        (with_column("margin", "-1"), ", line 2: 'margin' must be a number above 0, got -1"),
        (with_column("margin", "wide"), ", line 2: 'margin' must be a number, got 'wide'"),
        (with_column("most_seeds", "4"), ", line 2: 'most_seeds' must be a whole number of at least 5, got 4"),
        (with_column("p_equivalent", "few"), ", line 2: 'p_equivalent' must be a number, got 'few'"),
        (changed(3, variant="l3"), ", line 3: 'variant' must be one of 'none', 'l2', got 'l3'"),
        (changed(3, runs="1.5"), ", line 3: 'runs' must be a whole number of at least 0, got 1.5"),
        (changed(3, difference="less"), ", line 3: 'difference' must be a number, got 'less'"),
    ],
    "strengths": [
        (doubled(3), ", line 4: family l2, variant l2 comes twice"),
        (changed(3, strength="0.0"), ", line 3: family l2, strength 0.0 comes twice"),
        (changed(3, strength="-1"), ", line 3: 'strength' must be a number of at least 0, got -1.0"),
        (changed(3, strength="inf"), ", line 3: 'strength' must be a number of at least 0, got inf"),
        (changed(3, strength="nan"), ", line 3: 'strength' must be a number of at least 0, got nan"),
        (changed(3, strength="weak"), ", line 3: 'strength' must be a number, got 'weak'"),
        (without_column("strength"), " must have the column 'strength', got variant, family"),
    ],
}  # fmt: skip
CASES = [(name, edit, said) for name, cases in REFUSED.items() for edit, said in cases]


@pytest.mark.parametrize(("name", "edit", "said"), CASES, ids=[f"{name}{said[:70]}" for name, _, said in CASES])
def test_an_edited_table_is_refused_and_rebuilt_where_the_runs_are_there(folder, name, edit, said):
    path = folder / f"{name}.csv"
    before = path.read_text()
    path.write_text("\n".join(edit(before.splitlines())) + "\n")
    with pytest.raises(DataError) as caught:
        read_tables(folder)
    assert str(caught.value) == f"{path}{said}; {REBUILT}"
    if name == "histories":
        with pytest.raises(DataError) as caught:
            results.load(folder)
        assert str(caught.value) == f"{path}{said}; {REBUILT}"
    assert results.is_stale(folder), "the remedy works: a report rebuilds it"
    results.rebuild(folder)
    assert path.read_text() == before


@pytest.mark.parametrize("name", ["histories", "summary", "comparison", "strengths"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda text: text[:-4], "its last line is torn"),
        (lambda text: text[: text.index("\n") + 9], "its last line is torn"),
        (lambda text: "", "it is empty"),
        (lambda text: text + "l2,1\n", "line {lines} has 2 values instead of {width}"),
    ],
    ids=["last value", "first row", "nothing", "short row"],
)
def test_a_torn_table_is_refused(folder, name, content, said):
    shutil.rmtree(folder / "runs")
    path = folder / f"{name}.csv"
    before = path.read_text()
    path.write_text(content(before))
    with pytest.raises(DataError) as caught:
        read_tables(folder)
    lines, width = before.count("\n") + 1, before.split("\n")[0].count(",") + 1
    assert str(caught.value) == f"{path} cannot be read as CSV ({said.format(lines=lines, width=width)}); {TAKEN}"


def test_a_column_that_comes_twice_is_refused(folder):
    path = folder / "summary.csv"
    path.write_text(path.read_text().replace("variant", "seed", 1))
    with pytest.raises(DataError) as caught:
        read_tables(folder)
    assert str(caught.value) == f"{path} cannot be read as CSV (the column 'seed' comes twice); {REBUILT}"


def test_a_path_without_its_table_is_stale(folder):
    (folder / "strengths.csv").unlink()
    assert results.is_stale(folder)


@pytest.mark.parametrize("name", ["histories", "summary", "comparison", "strengths"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["a FIFO", "a folder"])
def test_what_is_no_file_is_refused_and_not_waited_for(folder, name, make):
    path = folder / f"{name}.csv"
    path.unlink()
    make(path)
    with pytest.raises(DataError) as caught:
        read_tables(folder)
    kind = "folder" if make is os.mkdir else "FIFO, socket or device"
    assert str(caught.value) == f"{path} must be a file, got a {kind}; move it elsewhere"


def test_a_table_that_is_not_text_is_refused(folder):
    path = folder / "summary.csv"
    path.write_bytes(b"\xff\xfe\x00\n")
    with pytest.raises(DataError) as caught:
        read_tables(folder)
    assert str(caught.value) == (
        f"{path} cannot be read as CSV ('utf-8' codec can't decode byte 0xff in position 0: invalid start byte); "
        f"{REBUILT}"
    )
