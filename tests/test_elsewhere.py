"""Exports are read back with the tools that they are made for."""

import os
import sys
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lab.checks import DataError, UsageError
from lab.results import elsewhere
from lab.results.elsewhere import write_mlflow, write_parquet, write_tensorboard
from lab.results.schema import HISTORY
from lab.results.tables import read_tables

COMMITTED = Path(__file__).parent.parent / "results" / "dropout"
TABLES = read_tables(COMMITTED)


def one(variant, seed):
    histories = TABLES.histories
    return histories[(histories["variant"] == variant) & (histories["seed"] == seed)]


def test_a_parquet_file_holds_the_table_of_the_histories(tmp_path):
    pytest.importorskip("pyarrow")
    path = write_parquet(COMMITTED, tmp_path / "x.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(path), TABLES.histories)


def test_tensorboard_reads_each_curve_of_each_run(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    place = tmp_path / "events"
    count = write_tensorboard(COMMITTED, place)
    assert count == len(TABLES.summary) == len(os.listdir(place))
    variant = TABLES.summary["variant"].iloc[-1]
    read = EventAccumulator(str(place / f"{variant}-seed1"), size_guidance={"scalars": 0}).Reload()
    history = one(variant, 1)
    for column in ("data_loss", "val_data_loss", "train_accuracy"):
        events = read.Scalars(column)
        assert [event.step for event in events] == list(history["epoch"])
        assert [event.value for event in events] == pytest.approx(list(history[column]), rel=1e-6)
    assert set(read.Tags()["scalars"]) <= set(HISTORY)
    with pytest.raises(UsageError, match="output must be a new or an empty folder"):
        write_tensorboard(COMMITTED, place)


def test_mlflow_reads_each_curve_of_each_run(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    small = TABLES.histories[(TABLES.histories["seed"] == 0)]
    monkeypatch.setattr(elsewhere, "read_tables", lambda _: TABLES.__class__(small, TABLES.summary, TABLES.comparison))
    uri = (tmp_path / "store").as_uri()
    assert write_mlflow(COMMITTED, uri) == small["variant"].nunique()
    client = mlflow.tracking.MlflowClient(tracking_uri=uri)
    found = client.search_runs([client.get_experiment_by_name("dropout").experiment_id])
    by_name = {run.info.run_name: run for run in found}
    variant = small["variant"].iloc[0]
    run = by_name[f"{variant}-seed0"]
    curve = client.get_metric_history(run.info.run_id, "val_data_loss")
    assert [metric.step for metric in curve] == list(one(variant, 0)["epoch"])
    assert [metric.value for metric in curve] == list(one(variant, 0)["val_data_loss"])
    assert run.data.params == {"variant": variant, "seed": "0"}
    assert run.data.tags["lab.status"] == "finished"


def records_of(path):
    """The records of a file of W&B: blocks of 32 kB with a header of 7 bytes before each part of a record."""
    from wandb.proto.wandb_internal_pb2 import Record

    content, at, whole = path.read_bytes(), 7, b""
    while at + 7 <= len(content):
        if 32_768 - at % 32_768 < 7:
            at += 32_768 - at % 32_768
        size, kind = int.from_bytes(content[at + 4 : at + 6], "little"), content[at + 6]
        whole += content[at + 7 : at + 7 + size]
        at += 7 + size
        # 1 is a whole record, 4 the last part of one.
        if kind in (1, 4):
            yield Record.FromString(whole)
            whole = b""


def test_wandb_writes_each_run_offline_with_each_epoch(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    small = TABLES.histories[(TABLES.histories["seed"] == 0)]
    monkeypatch.setattr(elsewhere, "read_tables", lambda _: TABLES.__class__(small, TABLES.summary, TABLES.comparison))
    place = tmp_path / "offline"
    assert elsewhere.write_wandb(COMMITTED, place) == small["variant"].nunique()
    found = {}
    for path in place.glob("wandb/offline-run-*/*.wandb"):
        records = list(records_of(path))
        name = next(record.run.display_name for record in records if record.HasField("run"))
        histories = [record.history.item for record in records if record.HasField("history")]
        values = [{item.key or item.nested_key[0]: item.value_json for item in items} for items in histories]
        found[name] = [float(row["val_data_loss"]) for row in values]
    curves = small.groupby("variant", sort=False)["val_data_loss"].apply(list)
    assert found == {f"{variant}-seed0": curve for variant, curve in curves.items()}
    with pytest.raises(UsageError, match="output must be a new or an empty folder"):
        elsewhere.write_wandb(COMMITTED, place)


def test_an_address_that_mlflow_does_not_know_is_refused_in_a_sentence():
    pytest.importorskip("mlflow")
    with pytest.raises(DataError, match=r"^MLflow cannot write to nowhere://x \("):
        write_mlflow(COMMITTED, "nowhere://x")


def test_without_the_package_a_sentence_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(elsewhere.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError) as caught:
        write_tensorboard(COMMITTED, tmp_path)
    assert str(caught.value) == (
        "the package tensorboard must be installed for this export, got an installation without it; pip install "
        "'regularization-lab[tensorboard]' brings it"
    )


def test_what_weights_and_biases_is_told_of_each_run(tmp_path, monkeypatch):
    """The package itself takes seconds a run: here it is what writes down how it was called."""
    begun, settings = [], {}

    def init(**arguments):
        run = types.SimpleNamespace(arguments=arguments, rows=[], summary={}, ended=False)
        run.log = lambda row, step: run.rows.append((step, row))
        run.finish = lambda: setattr(run, "ended", True)
        begun.append(run)
        return run

    fake = types.SimpleNamespace(init=init, Settings=lambda **given: settings.update(given) or "quiet")
    monkeypatch.setitem(sys.modules, "wandb", fake)
    histories = pd.DataFrame(0.5, index=range(3), columns=list(HISTORY))
    histories["epoch"] = [1, 2, 1]
    histories.loc[1, "accuracy"] = np.nan
    histories.insert(0, "variant", ["a", "a", "b"])
    histories.insert(1, "seed", [0, 0, 3])
    histories.insert(2, "fold", [1, 1, 0])
    summary = histories.loc[[0], ["variant", "seed", "fold"]].assign(
        kept_epoch=2, test_data_loss=np.nan, test_accuracy=0.25
    )
    assert elsewhere._log_offline("x", histories, summary, tmp_path) == 2
    first, second = begun
    assert first.arguments == {
        **{"project": "x", "name": "a-seed0-fold1", "group": "a", "config": {"variant": "a", "seed": 0, "fold": 1}},
        **{"dir": str(tmp_path), "mode": "offline", "reinit": "create_new", "settings": "quiet"},
    }
    assert settings == {
        **{"silent": True, "disable_git": True, "disable_code": True},
        **{"console": "off", "x_disable_stats": True},
    }
    measured = dict.fromkeys(HISTORY[1:], 0.5)
    assert first.rows == [(1, measured), (2, {name: 0.5 for name in measured if name != "accuracy"})]
    assert (first.ended, second.ended) == (True, True)
    assert {name: first.summary[name] for name in ("kept_epoch", "test_accuracy")} == {
        "kept_epoch": 2,
        "test_accuracy": 0.25,
    }
    assert "test_data_loss" not in first.summary
    assert (second.arguments["name"], second.arguments["group"], second.summary) == ("b-seed3-fold0", "b", {})
