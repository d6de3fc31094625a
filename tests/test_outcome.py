"""What a notebook shows: an experiment, and what came of it."""

from functools import partial

import pytest

import lab
from lab.checks import UsageError
from lab.data import digits
from lab.experiment import Experiment, Variant
from lab.models import dense
from lab.regularization import Regularization
from lab.study import Study
from lab.training import Training


def experiment(**changes):
    def variant(**penalty):
        model = partial(dense, widths=(8,), regularization=Regularization(**penalty))
        return Variant(data=partial(digits, train_size=50), model=model, training=Training(epochs=2))

    fields = {"variants": {"none": variant(), "l2": variant(l2=0.1)}, "baseline": "none", "seeds": (0, 1)}
    return Experiment(name="trial", **(fields | changes))


def test_a_notebook_shows_an_experiment_as_a_table_of_its_variants():
    shown = experiment(question="Is <b> bold?")._repr_html_()
    assert "<b>trial</b> Is &lt;b&gt; bold?" in shown
    assert "2 variants x 2 seeds, compared with none" in shown
    assert "<td>l2</td><td>digits(train_size=50)</td><td>dense(widths=(8,), " in shown
    assert "<td>epochs=2</td>" in shown


def test_showing_an_experiment_trains_it_draws_its_page_and_returns_its_tables(tmp_path, capsys):
    outcome = lab.show(experiment(question="Is <b> bold?"), results_folder=tmp_path)
    assert outcome.page == tmp_path / "trial" / "index.html"
    assert outcome.page.exists()
    assert all(path.exists() for path in outcome.figures)
    assert len(outcome.summary) == 4
    assert outcome.comparison["decision"].iloc[0] == "baseline"
    shown = outcome._repr_html_()
    assert "<b>trial</b> Is &lt;b&gt; bold?" in shown
    assert f'<a href="{outcome.page.as_posix()}">' in shown
    for word in ("none", "l2", "kept epoch", "validation", "baseline"):
        assert f">{word}</t" in shown
    assert capsys.readouterr().out == "", "nothing is printed"
    before = outcome.page.read_bytes()
    assert lab.show(experiment(question="Is <b> bold?"), results_folder=tmp_path).page.read_bytes() == before


@pytest.mark.parametrize("value", [None, 3, dense])
def test_only_an_experiment_or_a_study_can_be_shown(value):
    with pytest.raises(UsageError) as caught:
        lab.show(value)
    assert str(caught.value) == f"show must be called with an Experiment or a Study, got {value!r}"


def table():
    import pandas as pd

    return {"points": pd.DataFrame({"x": [1.0]})}


def picture(tables):
    from matplotlib.figure import Figure

    figure = Figure()
    figure.add_subplot().plot(tables["points"]["x"])
    return {"picture": figure}


def test_a_study_has_a_page_but_no_comparison(tmp_path):
    outcome = lab.show(Study(name="points_of_mine", compute=table, draw=picture), results_folder=tmp_path)
    assert outcome.page.exists()
    assert "points_of_mine" in outcome._repr_html_()
    with pytest.raises(UsageError) as caught:
        _ = outcome.comparison
    assert str(caught.value) == "points_of_mine must be an experiment to have these tables, got a study"
