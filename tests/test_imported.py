"""Folders of CSVLogger files in a report: brought into the results and drawn, with what such logs cannot tell."""

import re
import shutil

import numpy as np
import pandas as pd
import pytest

from lab import results
from lab.checks import DataError
from lab.cli.app import answer
from lab.results.imported import import_logs, is_imported
from lab.results.keras_logs import from_logs, tables_of
from lab.results.tables import read_tables
from tests.test_pages import histories_of

NAMES = ("dropout", "none")


def logs_of(folder):
    """Two variants at three seeds, as keras.callbacks.CSVLogger leaves them."""
    folder.mkdir()
    for (variant, seed), rows in histories_of(NAMES, 3, 30).groupby(["variant", "seed"]):
        logged = pd.DataFrame(
            {
                "epoch": rows["epoch"] - 1,
                "accuracy": np.exp(-rows["train_data_loss"]),
                "loss": rows["train_data_loss"],
                "val_accuracy": np.exp(-rows["val_data_loss"]),
                "val_loss": rows["val_data_loss"],
            }
        )
        logged.to_csv(folder / f"{variant}-seed{seed}.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """A folder in which the logs of "net" were reported, and what was printed."""
    place = tmp_path_factory.mktemp("imported")
    logs_of(place / "net")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        answer(["report", "net"])
    return place


def test_the_page_of_logs_compares_validation_losses_and_says_what_is_open(reported):
    page = (reported / "results" / "net" / "index.html").read_text()
    assert "Which training in net reaches the lowest validation loss?" in page
    assert "What these logs cannot tell" in page
    assert "in validation loss" in page
    assert "test data loss" not in page
    assert "net/index.html" in (reported / "results" / "index.html").read_text()
    assert {path.stem for path in (reported / "results" / "net" / "figures").iterdir()} == {
        "forest",
        "overfitting_loss",
    }


def test_the_logs_stay_as_they_are_and_nothing_is_written_beside_them(reported, tmp_path):
    fresh = logs_of(tmp_path / "net")
    assert sorted(path.name for path in (reported / "net").iterdir()) == sorted(path.name for path in fresh.iterdir())
    assert all((reported / "net" / path.name).read_bytes() == path.read_bytes() for path in fresh.iterdir())


def test_the_tables_are_those_that_compare_makes_of_the_logs(reported):
    made, read = tables_of(from_logs(reported / "net")), read_tables(reported / "results" / "net")
    assert (made.comparison.pop("generalizes_over") == "").all()
    assert read.comparison.pop("generalizes_over").isna().all()
    pd.testing.assert_frame_equal(read.comparison, made.comparison.reset_index(drop=True), check_dtype=False)
    pd.testing.assert_frame_equal(read.summary[made.summary.columns], made.summary, check_dtype=False)
    assert read.summary["val_data_loss"].isna().all()
    assert results.read_experiment(reported / "results" / "net")["baseline"] == "none"
    assert is_imported(reported / "results" / "net")
    assert not is_imported(reported / "results")


def test_logs_that_went_on_are_reported_anew_and_a_report_of_all_draws_them_too(
    reported, tmp_path, monkeypatch, capsys
):
    shutil.copytree(reported, tmp_path / "place")
    monkeypatch.chdir(tmp_path / "place")
    shutil.copy("net/none-seed0.csv", "net/none-seed3.csv")
    folder = import_logs(tmp_path / "place" / "net", tmp_path / "place" / "results")
    assert len(read_tables(folder).summary) == 7
    shutil.rmtree("net")
    answer(["report"])
    assert "net: val_loss" in capsys.readouterr().out
    assert re.search(r"<dt>runs</dt><dd>7</dd>", (folder / "index.html").read_text())


def test_logs_never_replace_an_experiment_of_the_labs_own(tmp_path):
    logs = logs_of(tmp_path / "net")
    folder = tmp_path / "results" / "net"
    folder.mkdir(parents=True)
    results.write_atomically(folder / "histories.csv", "variant\n")
    with pytest.raises(DataError) as caught:
        import_logs(logs, tmp_path / "results")
    assert str(caught.value) == (
        f"{folder} must be free for the logs in {logs}, got a folder that was not made of logs; rename the folder of "
        "the logs, or name another folder of results with --results"
    )
    assert (folder / "histories.csv").read_text() == "variant\n"


def test_the_name_of_a_folder_of_logs_is_that_of_an_experiment(tmp_path):
    logs = logs_of(tmp_path / "my logs")
    with pytest.raises(DataError) as caught:
        import_logs(logs, tmp_path / "results")
    assert str(caught.value) == (
        "a folder of logs must have a name made of letters, digits, '_', '.', '+' and '-', got 'my logs'; rename it, "
        "as it names the experiment"
    )
    assert not (tmp_path / "results").exists()


def test_a_damaged_log_leaves_what_was_reported_before(reported, tmp_path):
    shutil.copytree(reported, tmp_path / "place")
    log = tmp_path / "place" / "net" / "none-seed1.csv"
    log.write_text(log.read_text().replace("\n1,", "\nx,", 1))
    before = {path: path.read_bytes() for path in (tmp_path / "place" / "results" / "net").glob("*.*")}
    with pytest.raises(DataError, match="must be a number, got 'x'"):
        import_logs(log.parent, tmp_path / "place" / "results")
    assert {path: path.read_bytes() for path in before} == before
