"""The files: what the writer wrote is what the reader reads, whole or not at all."""

import json
import math
import os
import shutil
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab import results
from lab.checks import DataError
from lab.results.tables import read_tables


def history(epochs=3, **columns):
    rows = []
    for epoch in range(1, epochs + 1):
        rows.append({name: 1.0 / (epoch + i) for i, name in enumerate(results.HISTORY)} | {"epoch": epoch})
    return [row | {name: values[i] for name, values in columns.items()} for i, row in enumerate(rows)]


def record(variant="none", seed=0, rows=3, **more):
    return {
        "schema": results.SCHEMA,
        "experiment": "x",
        "variant": variant,
        "seed": seed,
        "id": f"r{seed}",
        "engine": "cohort",
        "status": "finished",
        "parameters": 7,
        "kept_epoch": 1,
        "rows": rows,
        "chance": 2.0,
        "zeros": 0.25,
        "test": {"loss": 1.0, "data_loss": 0.5, "penalty": 0.5, "accuracy": 0.9},
    } | more


def experiment(folder, variants=("none", "l2"), seeds=(0, 1)):
    folder.mkdir(exist_ok=True)
    names = []
    for variant in variants:
        for seed in seeds:
            names.append(f"{variant}-seed{seed}-r{seed}")
            results.publish(folder, names[-1], history(), record(variant, seed))
    made = {"name": "x", "question": "Why?", "baseline": variants[0], "runs": names}
    results.write_atomically(folder / "experiment.json", json.dumps(made))
    return folder


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=3, max_size=3))
def test_every_float_comes_back_from_a_history_exactly(tmp_path, values):
    folder = results.publish(tmp_path / str(hash(str(values))), "a", history(loss=values), record())
    _, read = results.read_run(folder)
    np.testing.assert_array_equal(read["loss"].to_numpy(), np.array(values))
    np.testing.assert_array_equal(pd.read_csv(folder / "history.csv")["loss"].to_numpy(), np.array(values))


def test_a_history_has_the_columns_of_the_schema_lf_and_nan_as_nan(tmp_path):
    folder = results.publish(tmp_path, "a", history(accuracy=[math.nan] * 3), record())
    text = (folder / "history.csv").read_bytes()
    assert text.splitlines()[0].decode() == ",".join(results.HISTORY)
    assert b"\r" not in text
    assert text.count(b"nan") == 3
    assert text.endswith(b"\n")


def test_a_run_that_is_there_is_not_written_over(tmp_path):
    first = results.publish(tmp_path, "a", history(), record())
    before = (first / "history.csv").read_bytes()
    results.publish(tmp_path, "a", history(epochs=5), record(rows=5))
    assert (first / "history.csv").read_bytes() == before
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["a"]


def test_what_fails_while_it_is_written_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device"):
        results.publish(tmp_path, "a", history(), record())
    assert list((tmp_path / "runs").iterdir()) == []


def test_many_threads_that_publish_one_run_leave_one(tmp_path):
    threads = [threading.Thread(target=results.publish, args=(tmp_path, "a", history(), record())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["a"]
    assert results.read_run(tmp_path / "runs" / "a")[0]["parameters"] == 7


def test_a_process_killed_at_any_moment_of_publishing_leaves_a_whole_run_or_none(tmp_path):
    code = (
        "import sys; from pathlib import Path; from tests.test_results import history, record\n"
        "from lab import results\n"
        "print('ready', flush=True)\n"
        "for i in range(10**6): results.publish(Path(sys.argv[1]), f'a{i}', history(200), record(rows=200))\n"
    )
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        process.kill()
        process.wait()
        process.stdout.close()
    folders = [path for path in (tmp_path / "runs").iterdir() if not path.name.startswith(".tmp-")]
    assert folders
    for folder in folders:
        assert len(results.read_run(folder)[1]) == 200
    results.sweep(tmp_path, older_than=-1)
    assert not list((tmp_path / "runs").glob(".tmp-*"))


ALL = "experiment, variant, seed, id, engine, status, parameters, zeros, chance, kept_epoch, rows, test"


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("run.json", '{"sch', "cannot be read (Unterminated string starting at: line 1 column 2 (char 1))"),
        ("run.json", '{"schema": 99}', "must have schema 1, got 99"),
        ("run.json", '{"schema": 1}', f"must say {ALL}, got none of {ALL}"),
        (
            "history.csv",
            "epoch,loss\n1,2\n",
            "must have 3 rows and the columns of a history, got 1 rows and epoch, loss",
        ),
    ],
)
def test_a_torn_file_is_told_with_what_to_do(tmp_path, file, content, said):
    folder = results.publish(tmp_path, "a", history(), record())
    (folder / file).write_text(content)
    with pytest.raises(DataError) as caught:
        results.read_run(folder)
    assert str(caught.value) == f"{folder / file} {said}; delete the folder {folder} and run the experiment again"


def test_the_tables_are_rebuilt_from_the_runs_and_read_back_alike(tmp_path):
    folder = experiment(tmp_path / "x")
    results.rebuild(folder)
    tables = read_tables(folder)
    assert list(tables.histories.columns) == [*results.KEYS, *results.HISTORY]
    assert len(tables.histories) == 12
    assert list(tables.summary["variant"]) == ["none", "none", "l2", "l2"]
    assert list(tables.comparison["variant"]) == ["none", "l2"]
    assert tables.question == "Why?"
    pd.testing.assert_frame_equal(results.load(folder), tables.histories)
    before = {path: path.read_bytes() for path in folder.glob("*.csv")}
    results.rebuild(folder)
    assert before == {path: path.read_bytes() for path in folder.glob("*.csv")}


def test_tables_are_stale_when_a_run_came_since_or_one_is_missing(tmp_path):
    folder = experiment(tmp_path / "x")
    assert results.is_stale(folder)
    results.rebuild(folder)
    assert not results.is_stale(folder)
    results.publish(folder, "late", history(), record())
    assert results.is_stale(folder)
    results.rebuild(folder)
    (folder / "summary.csv").unlink()
    assert results.is_stale(folder)
    shutil.rmtree(folder / "runs")
    assert not results.is_stale(folder), "there is nothing to rebuild them from"


def test_runs_of_another_declaration_stay_out_of_the_tables(tmp_path):
    folder = experiment(tmp_path / "x")
    results.publish(folder, "none-seed0-rold", history(), record(id="rold"))
    results.rebuild(folder)
    assert len(read_tables(folder).summary) == 4


def test_variants_with_names_that_pandas_takes_for_missing_come_back(tmp_path):
    folder = experiment(tmp_path / "x", variants=("none", "NA", "null"))
    results.rebuild(folder)
    assert set(results.load(folder)["variant"]) == {"none", "NA", "null"}


def test_tables_are_read_from_the_csv_files_alone(tmp_path):
    folder = experiment(tmp_path / "x")
    results.rebuild(folder)
    (folder / "experiment.json").unlink()
    assert len(read_tables(folder).histories) == 12


def test_an_experiment_without_runs_is_told(tmp_path):
    folder = experiment(tmp_path / "x")
    with pytest.raises(DataError) as caught:
        results.load(folder)
    assert str(caught.value) == (
        f"{folder / 'histories.csv'} does not exist; run the experiment first, or name its folder"
    )


def test_reading_results_loads_no_tensorflow():
    code = "import sys, lab.results.store, lab.report; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
