"""The sheet of an experiment: everything is on it and nothing beyond its edges, whatever the experiment is like."""

import json
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from lab import pages, results, statistics
from lab.checks import DataError
from lab.pages import sheet
from lab.pages.experiment import contents, curves_of
from lab.report.theme import look
from lab.results.tables import read_tables
from tests.test_page_curves import rich
from tests.test_pages import histories_of

COMMITTED = Path(__file__).parent.parent / "results"


def drawn(folder):
    figure = sheet.sheet(folder)
    with look():
        return figure, figure.get_tightbbox(FigureCanvasAgg(figure).get_renderer())


def many(folder, question="Does it help?"):
    """An experiment of 40 variants with long names."""
    names = ["none", *(f"a_regularizer_with_a_long_name_at_strength_{k}" for k in range(39))]
    histories = histories_of(names, 3, 12).assign(experiment=folder.name)
    summary = statistics.facts(histories).assign(status="finished")
    summary["test_data_loss"] = summary["val_data_loss"]
    tables = {
        "histories": histories,
        "summary": summary,
        "comparison": statistics.compare(summary, "none"),
    }
    for name, table in tables.items():
        results.write_atomically(folder / f"{name}.csv", results.to_csv(table))
    about = {"name": folder.name, "baseline": "none", "question": question, "runs": []}
    results.write_atomically(folder / "experiment.json", json.dumps(about))
    return folder


def test_the_sheet_holds_the_question_the_answer_and_every_variant(tmp_path):
    folder = rich(tmp_path / "x")
    figure, _ = drawn(folder)
    said = [made.get_text().replace("\n", " ") for made in figure.texts]
    assert said[0] == "Does it help?"
    tables = read_tables(folder)
    assert said[1] == contents(folder, tables, curves_of(tables)).answer
    assert {"none", "l2", "l1, or less"} <= set(said)
    assert next(ax.get_title(loc="left") for ax in figure.axes) == "x: validation data loss"
    assert not any("other variants" in words for words in said)


@pytest.mark.parametrize("question", ["Does it help?", "Does it help, and if so, why? " * 30])
def test_nothing_lies_beyond_the_edges_and_what_is_left_out_is_counted(tmp_path, question):
    figure, box = drawn(many(tmp_path / "many", question))
    assert box.x0 > 0.2
    assert box.y0 > 0.2
    assert box.x1 < sheet.SIZE[0] - 0.2
    assert box.y1 < sheet.SIZE[1] - 0.2
    forest = figure.axes[-1]
    shown = len(forest.get_yticklabels())
    assert 1 <= shown < sheet.MOST
    assert any(made.get_text().startswith(f"{39 - shown} other variants") for made in figure.texts)


@pytest.mark.parametrize("name", ["weight_penalty", "course_mistakes", "strength_path"])
def test_the_committed_experiments_fit(name):
    _, box = drawn(COMMITTED / name)
    assert box.x0 > 0.2
    assert box.y0 > 0.2
    assert box.x1 < sheet.SIZE[0] - 0.2
    assert box.y1 < sheet.SIZE[1] - 0.2


def test_the_same_tables_give_the_same_bytes(tmp_path):
    folder = rich(tmp_path / "x")
    first = pages.one_page(folder)
    assert first.startswith(b"%PDF-")
    assert pages.one_page(folder) == first


def test_a_study_is_sent_as_its_page():
    with pytest.raises(DataError) as caught:
        pages.one_page(COMMITTED / "trajectories")
    assert str(caught.value) == (
        "an experiment fits on a sheet, got the study 'trajectories'; send its page: reglab export page trajectories"
    )
