"""An experiment of folds: its runs and their ids, one training with its tables, its page and its models."""

import dataclasses
import json
import re
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lab
from lab import cli, results
from lab.checks import DataError, UsageError
from lab.cli.compare import compare
from lab.cli.terminal import comparison_table
from lab.data import digits, fashion_mnist, from_csv
from lab.experiment import Experiment, Variant
from lab.models import dense
from lab.plan import plan
from lab.regularization import Regularization
from lab.results import schema
from lab.results.tables import read_tables
from lab.training import Training
from tests.test_results import history, record

OVER = "seeds and new data (approximately)"


def variant(load=digits, **regularization):
    model = partial(dense, widths=(4,), regularization=Regularization(**regularization))
    return Variant(data=load, model=model, training=Training(epochs=2, learning_rate=0.01, batch_size=200))


def experiment(**changes):
    variants = {"none": variant(), "l2": variant(l2=0.1)}
    return Experiment(**{"name": "x", "variants": variants, "baseline": "none", "seeds": (0, 1), "folds": 4} | changes)


def test_each_variant_has_a_run_in_each_fold_at_each_seed_and_both_variants_the_same_data():
    runs = plan(experiment())
    assert [(run.seed, run.fold) for run in runs[::2]] == [(seed, (fold, 4)) for seed in (0, 1) for fold in range(4)]
    assert len({run.id for run in runs}) == len({run.name for run in runs}) == 16
    assert {tuple(run.variant for run in runs[i : i + 2]) for i in range(0, 16, 2)} == {("none", "l2")}
    assert all(none.task.data is l2.task.data for none, l2 in zip(runs[::2], runs[1::2], strict=True))
    assert len({run.task.data.fingerprint for run in runs}) == 8, "each seed cuts its own folds"
    assert runs[-1].place == "variant 'l2' at seed 1 in fold 3"
    assert runs[-1].name == schema.run_name("l2", 1, runs[-1].id, 3)


def test_a_run_without_folds_has_the_id_and_the_name_that_it_had_before_there_were_folds(monkeypatch):
    # Of the commit before folds, when `NUMERICS` was 1.
    monkeypatch.setattr("lab.plan.NUMERICS", 1)
    run = plan(experiment(folds=None, seeds=(3,)))[0]
    assert run.name == "none-seed3-r80476a8691f2"
    assert run.declaration["data"]["fold"] is None


def test_a_run_of_a_fold_is_known_by_its_place_and_by_how_many_there_are():
    declared = plan(experiment(seeds=(0,)))[2].declaration
    assert declared["data"] | {"fold": None} == {
        "call": "lab.data.digits", "train_size": None, "validation_size": None, "test_size": None, "label_noise": 0.0,
        "seed": 0, "fold": None,
    }  # fmt: skip
    assert declared["data"]["fold"] == [1, 4]


def heedless(*, seed=0, fold=None):
    return digits(seed=seed)


def test_a_loader_that_does_not_heed_its_fold_is_refused():
    with pytest.raises(DataError) as caught:
        plan(experiment(variants={"none": variant(heedless)}))
    assert str(caught.value) == (
        "the loader of variant 'none' must give each fold other splits, got the same for fold 0 and 1; pass fold on to "
        "a loader of lab.data"
    )


def test_a_notebook_shows_the_folds_of_an_experiment():
    assert "2 variants x 2 seeds x 4 folds, compared with none" in experiment()._repr_html_()


def test_folds_are_resized_and_stay_with_other_data():
    assert experiment(folds=None).resized(folds=3).folds == 3
    assert experiment().resized(seeds=1).folds == 4
    assert experiment().with_data(partial(from_csv, "x.csv", target="y"), "mine").folds == 4
    with pytest.raises(UsageError) as caught:
        experiment().with_data(fashion_mnist, "fashion_mnist")
    assert str(caught.value).endswith("follow from a formula), got fashion_mnist")


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """The outcome of an experiment of 16 runs on 1 797 rows, which four folds cannot share equally."""
    return lab.show(experiment(question="Does it help?"), results_folder=tmp_path_factory.mktemp("folds"))


@pytest.mark.slow
def test_folds_of_unequal_test_splits_train_in_one_cohort_and_are_tested_as_if_alone(shown):
    assert set(shown.summary["engine"]) == {"cohort"}
    runs = plan(experiment())
    from lab.engine import cohort, keras_fit

    (together,) = cohort.group([run.task for run in runs]).groups
    assert len(together.indices) == 16
    sizes = [len(run.task.data.test) for run in runs]
    assert set(sizes) == {449, 450}
    # The last run, of the smaller size, and one of the larger size, each in a cohort of its own.
    for place in (sizes.index(450), 15):
        run = runs[place]
        (alone,) = cohort.train([run.task])
        row = shown.summary.set_index(["variant", "seed", "fold"]).loc[(run.variant, run.seed, run.fold[0])]
        assert np.float32(row["test_data_loss"]) == np.float32(alone.test["data_loss"])
    reference = keras_fit.train(run.task)
    assert row["test_data_loss"] == pytest.approx(reference.test["data_loss"], rel=1e-5)


def test_the_tables_say_of_which_fold_a_row_is(shown):
    tables = read_tables(shown.folder)
    assert list(tables.histories.columns) == [*results.KEYS, "fold", *results.HISTORY]
    assert list(tables.summary.columns[:5]) == [*results.KEYS, "fold", "folds"]
    assert list(tables.measures.columns[:4]) == [*results.KEYS, "fold"]
    assert sorted(set(tables.summary["fold"])) == [0, 1, 2, 3]
    assert set(tables.summary["folds"]) == {4}
    assert len(tables.measured_summary()) == len(tables.summary) == 16
    assert set(tables.comparison["generalizes_over"]) == {OVER}
    about = results.read_experiment(shown.folder)
    assert (about["folds"], about["generalizes_over"]) == (4, OVER)
    assert {one["fold"] for one in results.read_provenance(shown.folder)} == {0, 1, 2, 3}


def test_the_page_says_of_which_fold_a_run_is_and_what_the_intervals_generalize_over(shown):
    page = shown.page.read_text(encoding="utf-8")
    assert f"The intervals generalize over {OVER}." in re.search(r'<p class="answer">(.*?)</p>', page)[1]
    assert "Over 8 folds" in page or "over 8 folds" in page
    assert "Training sets overlap, for which the intervals and p are widened" in page
    assert "<div><dt>folds</dt><dd>4</dd></div>" in page
    assert "<div><dt>Folds</dt><dd>4</dd></div>" in page
    drawn = json.loads(re.search(r'<script type="application/json" id="drawn">(.*?)</script>', page)[1])
    assert drawn["folds"] == 4
    assert drawn["runs"]["run"] == [*range(8)] * 2
    assert drawn["runs"]["columns"][0]["values"] == [0, 1, 2, 3] * 4
    assert drawn["curves"]["seeds"] == [*range(8)]
    assert "<span>1 fold 3</span>" in page


def test_a_browser_tells_the_folds_of_a_seed_apart(shown, opened):
    page = opened(shown.page).page
    page.evaluate("document.getElementById('runs').open = true")
    row = page.locator("#runs-table tbody tr").nth(6)
    row.locator("button").click()
    assert row.locator("th, td").all_inner_texts()[:3] == ["none", "1", "2"]
    assert row.locator("button").get_attribute("aria-label") == "none, seed 1 fold 2"
    assert page.locator("#runs-table button[aria-pressed=true]").count() == 1
    assert page.url.endswith("#variant=none&run=6")
    page.locator("input[data-list=seeds]").nth(3).check()
    with page.expect_download() as download:
        page.locator("[data-save=csv]").click()
    table = pd.read_csv(download.value.path())
    assert set(table["seed"]) == {"median", "0 fold 3", "1 fold 2"}


def test_the_terminal_and_the_notebook_say_what_the_intervals_generalize_over(shown):
    caption = str(comparison_table("x", shown.tables).caption)
    assert "paired over seeds and folds, with its 95 % interval" in caption
    assert caption.endswith(f"The intervals generalize over {OVER}.")
    assert f"<p>The intervals generalize over {OVER}. Each seed cuts its own folds, " in shown._repr_html_()
    assert set(compare(shown.tables, metric="test_brier")["generalizes_over"]) == {OVER}


def test_a_model_of_a_fold_is_exported_by_its_fold(shown, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lab.cli.export_model.find", lambda name: experiment())
    words = ["export", "model", "x", "--variant", "l2", "--seed", "1", "--results", str(shown.folder.parent)]
    cli.lab([*words, "--fold", "2"])
    out = capsys.readouterr().out
    assert out.startswith("model: x-l2-seed1-fold2.keras\n")
    assert re.search(r"run: l2-seed1-fold2-r\w+, the same to the last digit as the published one", out)
    assert Path("x-l2-seed1-fold2.keras").exists()
    for fold in ([], ["--fold", "4"]):
        with pytest.raises(SystemExit):
            cli.lab([*words, *fold])
        assert capsys.readouterr().err.startswith("fold must be from 0 to 3, the last of its folds, got ")


@pytest.mark.parametrize(
    ("changes", "over"),
    [
        ({"folds": None}, "seeds"),
        ({"folds": None, "redraw_data": True}, "seeds and splits of this data set"),
    ],
)
def test_an_experiment_without_folds_says_what_it_generalizes_over(tmp_path, monkeypatch, changes, over):
    monkeypatch.setattr("lab.engine.dispatch.train", lambda *_, **__: None)
    monkeypatch.setattr(results, "rebuild", lambda folder: None)
    folder = lab.run.run(experiment(**changes), results_folder=tmp_path)
    about = results.read_experiment(folder)
    assert about["generalizes_over"] == over
    assert "folds" not in about


def published(folder, folds=3, **changed):
    """Publish runs of one variant in folds; return the folder."""
    names = []
    for fold in range(folds):
        one = record(fold=fold, folds=folds) | {"id": f"r{fold}"} | changed
        names.append(schema.record_name(one))
        results.publish(folder, names[-1], history(), one)
    results.write_experiment(folder, {"name": "x", "baseline": "none", "runs": names})
    return folder


def test_tables_of_folds_that_do_not_fit_are_refused(tmp_path):
    folder = published(tmp_path / "x")
    results.rebuild(folder)
    path = folder / "summary.csv"
    whole = path.read_text()
    remedy = "run python -m lab report x, which rebuilds it from the runs"
    cases = [
        (whole.replace("none,0,1,3,", "none,0,0,3,"), f"{path}, line 3: variant none, seed 0, fold 0 comes twice"),
        (
            whole.replace("none,0,1,3,", "none,0,3,3,"),
            f"{path}, line 3: 'fold' must be below 3, the number of folds, got 3",
        ),
        (whole.replace("none,0,1,3,", "none,0,1,4,"), f"{path}, line 3: 'folds' must be 3, as in the first row, got 4"),
        (
            re.sub("x,none,0,2,3,.*\n", "", whole),
            f"{path} must have a row for variant 'none', seed 0, fold 2, got none",
        ),
    ]
    for text, sentence in cases:
        path.write_text(text)
        with pytest.raises(DataError) as caught:
            read_tables(folder)
        assert str(caught.value) == f"{sentence}; {remedy}"


def test_a_run_that_does_not_say_of_how_many_folds_it_is_is_refused(tmp_path):
    one = record(fold=2)
    folder = results.publish(tmp_path, schema.record_name(one), history(), one)
    with pytest.raises(DataError) as caught:
        results.read_run(folder)
    assert str(caught.value) == (
        f"{folder / 'run.json'} must have 'fold' below 'folds', or neither, got 2 and None; run the experiment again, "
        "which sets this run aside and trains it anew"
    )


def test_a_comparison_that_was_written_before_it_said_what_it_generalizes_over_is_read(tmp_path):
    folder = published(tmp_path / "x")
    results.rebuild(folder)
    path = folder / "comparison.csv"
    pd.read_csv(path).drop(columns="generalizes_over").to_csv(path, index=False, na_rep="nan")
    assert len(read_tables(folder).comparison) == 1
    text = results.to_csv(pd.read_csv(path).assign(generalizes_over="everything"))
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        read_tables(folder)
    assert "line 2: 'generalizes_over' must be one of 'seeds', 'seeds and test examples', " in str(caught.value)


def test_folds_of_a_loader_that_takes_none_are_refused_when_they_are_declared():
    def mine():
        return digits()

    with pytest.raises(UsageError) as caught:
        dataclasses.replace(experiment(folds=None), variants={"none": variant(mine)}, folds=2)
    assert str(caught.value).endswith(
        "got test_folds_of_a_loader_that_takes_none_are_refused_when_they_are_declared.<locals>.mine"
    )
