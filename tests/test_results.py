"""The files: what the writer wrote is what the reader reads, whole or not at all."""

import gzip
import math
import os
import re
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
from lab.results import schema
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
    results.write_experiment(folder, {"name": "x", "question": "Why?", "baseline": variants[0], "runs": names})
    return folder


NAME = "none-seed0-r0"
AGAIN = "run the experiment again, which sets this run aside and trains it anew"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=3, max_size=3))
def test_every_float_comes_back_from_a_history_exactly(tmp_path, values):
    folder = results.publish(tmp_path / str(hash(str(values))), NAME, history(loss=values), record())
    _, read = results.read_run(folder)
    np.testing.assert_array_equal(read["loss"].to_numpy(), np.array(values))
    np.testing.assert_array_equal(pd.read_csv(folder / "history.csv")["loss"].to_numpy(), np.array(values))


def test_a_history_has_the_columns_of_the_schema_lf_and_nan_as_nan(tmp_path):
    folder = results.publish(tmp_path, NAME, history(accuracy=[math.nan] * 3), record())
    text = (folder / "history.csv").read_bytes()
    assert text.splitlines()[0].decode() == ",".join(results.HISTORY)
    assert b"\r" not in text
    assert text.count(b"nan") == 3
    assert text.endswith(b"\n")


def test_a_run_that_is_there_is_not_written_over(tmp_path):
    first = results.publish(tmp_path, NAME, history(), record())
    before = (first / "history.csv").read_bytes()
    results.publish(tmp_path, NAME, history(epochs=5), record(rows=5))
    assert (first / "history.csv").read_bytes() == before
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [NAME]


def test_many_threads_that_publish_one_run_leave_one(tmp_path):
    threads = [threading.Thread(target=results.publish, args=(tmp_path, NAME, history(), record())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [NAME]
    assert results.read_run(tmp_path / "runs" / NAME)[0]["parameters"] == 7


def test_a_process_killed_at_any_moment_of_publishing_leaves_a_whole_run_or_none(tmp_path):
    code = (
        "import sys; from pathlib import Path; from tests.test_results import history, record\n"
        "from lab import results\n"
        "print('ready', flush=True)\n"
        "for i in range(10**6): results.publish(Path(sys.argv[1]), f'none-seed{i}-r{i}', history(200), "
        "record(seed=i, rows=200))\n"
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
    results.sweep(tmp_path)
    assert not list((tmp_path / "runs").glob(".tmp-*"))


def full(*_):
    """Fail as fsync does on a full disk: the error names no file."""
    raise OSError(28, "No space left on device")


def test_a_full_disk_leaves_nothing_half_written_and_the_error_names_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", full)
    (tmp_path / "runs").mkdir()
    with pytest.raises(OSError, match="No space left on device") as caught:
        results.publish(tmp_path, NAME, history(), record())
    assert caught.value.filename == str(tmp_path / "runs" / NAME)
    assert caught.value.errno == 28
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_full_disk_leaves_the_old_file_and_the_error_names_it(tmp_path, monkeypatch):
    path = tmp_path / "summary.csv"
    results.write_atomically(path, "old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        results.write_atomically(path, "new")
    assert caught.value.filename == str(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_runs_that_follow_a_failed_one_can_be_published(tmp_path, monkeypatch):
    fsync, calls = os.fsync, []

    def full_once(handle):
        calls.append(handle)
        full() if len(calls) == 2 else fsync(handle)

    (tmp_path / "runs").mkdir()
    monkeypatch.setattr(os, "fsync", full_once)
    failed = []
    for seed in range(3):
        try:
            results.publish(tmp_path, f"none-seed{seed}-r{seed}", history(), record(seed=seed))
        except OSError as error:
            failed.append(error.filename)
    assert failed == [str(tmp_path / "runs" / "none-seed0-r0")]
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["none-seed1-r1", "none-seed2-r2"]


def test_files_and_the_folders_that_name_them_are_synced_before_and_after_the_rename(tmp_path, monkeypatch):
    fsync, rename, steps = os.fsync, os.rename, []
    place = os.path.realpath(tmp_path)

    def watched(handle):
        steps.append(os.path.relpath(os.readlink(f"/proc/self/fd/{handle}"), place))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    monkeypatch.setattr(os, "rename", lambda *paths: steps.append("rename") or rename(*paths))
    results.publish(tmp_path / "results" / "x", NAME, history(), record())
    named = [re.sub(r"\.tmp-[0-9a-f]+", ".tmp", step) for step in steps]
    partial = "results/x/runs/.tmp"
    parents = [".", "results", "results/x"]
    run = [f"{partial}/history.csv", f"{partial}/run.json", partial, "rename", "results/x/runs"]
    assert named == [*parents, *run]


def test_a_file_in_the_way_of_a_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError) as caught:
        results.write_atomically(tmp_path / "file" / "x" / "summary.csv", "new")
    assert caught.value.filename == str(tmp_path / "file" / "x")


def test_a_file_is_synced_and_then_its_folder(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.readlink(f"/proc/self/fd/{handle}")))
    results.write_atomically(tmp_path / "a", "text")
    assert [path.startswith(f"{tmp_path}/.tmp-") for path in synced] == [True, False]
    assert synced[1] == os.path.realpath(tmp_path)


WRITER = """
import sys, time
from pathlib import Path
from lab.results.partial import partial_file, partial_folder
experiment = Path(sys.argv[1])
with partial_folder(experiment / "runs") as folder, partial_file(experiment / "figures") as (path, file):
    (folder / "history.csv").write_text("half")
    print(folder, path, sep="\\n", flush=True)
    time.sleep(60)
"""


def test_sweeping_spares_what_a_live_writer_holds_whatever_the_clock_says_and_takes_it_once_he_is_dead(tmp_path):
    for name in ("runs", "figures"):
        (tmp_path / name).mkdir()
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    held = [writer.stdout.readline().strip() for _ in range(2)]
    for path in held:
        os.utime(path, (0, 0))
    results.sweep(tmp_path)
    assert all(map(os.path.exists, held))
    writer.kill()
    writer.wait()
    writer.stdout.close()
    results.sweep(tmp_path)
    assert not any(map(os.path.exists, held))


def test_leftovers_are_swept_from_the_experiment_its_runs_and_figures_and_from_the_results(tmp_path):
    experiment = tmp_path / "x"
    places = [tmp_path, experiment, experiment / "runs", experiment / "figures"]
    for place in places:
        place.mkdir(exist_ok=True)
        (place / f".tmp-{1:032x}").write_text("half")
        (place / f".tmp-{2:032x}").mkdir()
        (place / f".tmp-{2:032x}" / "run.json").write_text("half")
        os.mkfifo(place / f".tmp-{3:032x}")
        (place / ".tmp-of-another-program").write_text("whole")
    results.sweep(experiment)
    for place in places:
        assert sorted(path.name for path in place.glob(".tmp-*")) == [f".tmp-{3:032x}", ".tmp-of-another-program"]


def test_a_run_is_never_published_with_one_of_its_two_files(tmp_path, monkeypatch):
    fsync = os.fsync

    def removing(handle):
        fsync(handle)
        for path in (tmp_path / "runs").glob(".tmp-*/history.csv"):
            path.unlink()

    (tmp_path / "runs").mkdir()
    monkeypatch.setattr(os, "fsync", removing)
    with pytest.raises(OSError, match=r"somebody removed history\.csv") as caught:
        results.publish(tmp_path, NAME, history(), record())
    assert caught.value.filename == str(tmp_path / "runs" / NAME)
    assert list((tmp_path / "runs").iterdir()) == []


def without_record(folder):
    (folder / "run.json").unlink()


def torn(folder):
    path = folder / "history.csv"
    path.write_bytes(path.read_bytes()[:-9])


def edited(folder):
    path = folder / "history.csv"
    path.write_text(path.read_text().replace("0.5", "0.4"))


def without_history(folder):
    (folder / "history.csv").unlink()


def a_folder_in_place_of_the_history(folder):
    (folder / "history.csv").unlink()
    (folder / "history.csv").mkdir()


def a_fifo_in_place_of_the_record(folder):
    (folder / "run.json").unlink()
    os.mkfifo(folder / "run.json")


def of_another_variant(folder):
    path = folder / "run.json"
    path.write_text(path.read_text().replace('"variant": "none"', '"variant": "l2"'))


def with_another_kept_epoch(folder):
    path = folder / "run.json"
    path.write_text(path.read_text().replace('"kept_epoch": 1', '"kept_epoch": 9'))


DAMAGES = {
    without_record: "{run}/run.json does not exist",
    torn: "{run}/history.csv must be as it was published, got a torn or changed file",
    edited: "{run}/history.csv must be as it was published, got a torn or changed file",
    without_history: "{run}/history.csv does not exist",
    a_folder_in_place_of_the_history: "{run}/history.csv must be a file, got a folder",
    a_fifo_in_place_of_the_record: "{run}/run.json must be a file, got a FIFO, socket or device",
    of_another_variant: "{run}/run.json must be of the run none-seed0-r0, got that of l2-seed0-r0",
    with_another_kept_epoch: "{run}/history.csv must have the kept epoch 9, got 3 epochs",
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_run_is_set_aside_with_one_sentence_and_can_be_published_again(tmp_path, damage):
    folder = results.publish(tmp_path, NAME, history(), record())
    other = results.publish(tmp_path, "none-seed1-r1", history(), record(seed=1))
    damage(folder)
    with pytest.raises(DataError) as caught:
        results.read_run(folder)
    sentence = DAMAGES[damage].format(run=folder)
    assert str(caught.value) == f"{sentence}; {AGAIN}"
    names = [NAME, "none-seed1-r1", "none-seed2-r2"]
    assert results.set_damaged_aside(tmp_path, names) == [
        f"{sentence}; the run is set aside as .damaged-{NAME}-1 and trained again"
    ]
    assert [results.is_published(tmp_path, name) for name in names] == [False, True, False]
    results.publish(tmp_path, NAME, history(), record())
    assert results.set_damaged_aside(tmp_path, names) == []
    assert len(results.read_run(folder)[1]) == len(results.read_run(other)[1]) == 3


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_run_is_published_over_a_damaged_one_which_is_kept(tmp_path, damage):
    for n in (1, 2):
        damage(results.publish(tmp_path, NAME, history(), record()))
        folder = results.publish(tmp_path, NAME, history(), record())
        assert len(results.read_run(folder)[1]) == 3
        assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [
            *(f".damaged-{NAME}-{i}" for i in range(1, n + 1)),
            NAME,
        ]


def test_a_file_in_place_of_a_run_is_set_aside_too(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / NAME).write_text("no run")
    assert len(results.read_run(results.publish(tmp_path, NAME, history(), record()))[1]) == 3
    assert (tmp_path / "runs" / f".damaged-{NAME}-1").read_text() == "no run"


def test_a_damaged_run_stops_the_tables_with_the_remedy_that_works(tmp_path):
    folder = experiment(tmp_path / "x")
    torn(folder / "runs" / NAME)
    with pytest.raises(DataError) as caught:
        results.rebuild(folder)
    assert str(caught.value) == (
        f"{folder}/runs/{NAME}/history.csv must be as it was published, got a torn or changed file; {AGAIN}"
    )


def test_the_tables_are_rebuilt_from_the_runs_and_read_back_alike(tmp_path):
    folder = experiment(tmp_path / "x")
    results.rebuild(folder)
    tables = read_tables(folder)
    assert list(tables.histories.columns) == [*results.KEYS, *results.HISTORY]
    assert list(tables.summary.columns) == list(schema.SUMMARY_COLUMNS)
    assert len(tables.histories) == 12
    assert list(tables.summary["variant"]) == ["none", "none", "l2", "l2"]
    assert list(tables.comparison["variant"]) == ["none", "l2"]
    assert tables.question == "Why?"
    pd.testing.assert_frame_equal(results.load(folder), tables.histories)
    before = {path: path.read_bytes() for path in [*folder.glob("*.csv"), folder / "provenance.json"]}
    assert len(before) == 4
    results.rebuild(folder)
    assert before == {path: path.read_bytes() for path in before}


def test_a_large_table_is_written_compressed_with_the_same_bytes_each_time_and_read_alike(tmp_path, monkeypatch):
    folder = experiment(tmp_path / "x")
    results.rebuild(folder)
    before = read_tables(folder)
    monkeypatch.setattr("lab.results.tables.LARGEST_CSV", 100)
    results.rebuild(folder)
    written = (folder / "histories.csv.gz").read_bytes()
    assert not (folder / "histories.csv").exists()
    assert gzip.decompress(written).startswith(b"experiment,variant,seed,epoch")
    assert results.has_table(folder, "histories")
    assert not results.is_stale(folder)
    pd.testing.assert_frame_equal(read_tables(folder).histories, before.histories)
    pd.testing.assert_frame_equal(results.load(folder), before.histories)
    results.rebuild(folder)
    assert (folder / "histories.csv.gz").read_bytes() == written
    monkeypatch.undo()
    results.rebuild(folder)
    assert not (folder / "histories.csv.gz").exists()
    (folder / "histories.csv").unlink()
    (folder / "histories.csv.gz").write_bytes(written[:-20])
    with pytest.raises(DataError, match=r"histories\.csv\.gz cannot be read as CSV"):
        read_tables(folder)


def test_tables_are_stale_when_a_run_came_since_or_one_is_missing_or_damaged(tmp_path):
    folder = experiment(tmp_path / "x")
    assert results.is_stale(folder)
    results.rebuild(folder)
    assert not results.is_stale(folder)
    results.publish(folder, "late-seed0-r0", history(), record("late"))
    assert results.is_stale(folder)
    for name in ("histories.csv", "summary.csv", "comparison.csv", "provenance.json"):
        results.rebuild(folder)
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        assert results.is_stale(folder), f"{name} is missing"
        (folder / name).write_bytes(content[:-5])
        assert results.is_stale(folder), f"{name} is torn"
    shutil.rmtree(folder / "runs")
    assert not results.is_stale(folder), "there is nothing to rebuild them from"


def test_tables_of_which_no_run_is_there_are_not_stale_though_other_runs_are(tmp_path):
    folder = experiment(tmp_path / "x")
    results.rebuild(folder)
    shutil.rmtree(folder / "runs")
    results.publish(folder, "none-seed0-rold", history(), record(id="rold"))
    assert not results.is_stale(folder)


def test_runs_of_another_declaration_stay_out_of_the_tables(tmp_path):
    folder = experiment(tmp_path / "x")
    results.publish(folder, "none-seed0-rold", history(), record(id="rold"))
    results.rebuild(folder)
    assert len(read_tables(folder).summary) == 4


def test_variants_whose_names_look_like_nothing_or_like_numbers_come_back(tmp_path):
    folder = experiment(tmp_path / "x", variants=("none", "NA", "null", "1", "1.0", "01"))
    results.rebuild(folder)
    assert set(results.load(folder)["variant"]) == {"none", "NA", "null", "1", "1.0", "01"}
    assert len(read_tables(folder).comparison) == 6


def test_the_verdict_of_a_run_whose_status_says_that_it_diverged_is_diverged(tmp_path):
    folder = tmp_path / "x"
    rows = history(loss=[1.0, 1.0, math.inf], val_data_loss=[1.0, 0.5, math.inf])
    results.publish(folder, NAME, rows, record(status="diverged", test=None))
    results.write_experiment(folder, {"name": "x", "baseline": "none", "runs": [NAME]})
    results.rebuild(folder)
    (row,) = read_tables(folder).summary.to_dict("records")
    assert (row["status"], row["verdict"], row["epochs"]) == ("diverged", "diverged", 3)


def test_an_experiment_whose_baseline_has_not_run_yet_has_an_empty_comparison(tmp_path):
    folder = experiment(tmp_path / "x")
    for path in (folder / "runs").glob("none-*"):
        shutil.rmtree(path)
    results.rebuild(folder)
    tables = read_tables(folder)
    assert len(tables.summary) == 2
    assert len(tables.comparison) == 0


def test_tables_are_read_from_the_csv_files_alone(tmp_path):
    folder = experiment(tmp_path / "x")
    results.rebuild(folder)
    (folder / "experiment.json").unlink()
    assert len(read_tables(folder).histories) == 12


def test_an_experiment_without_tables_or_without_runs_is_told_what_makes_them(tmp_path):
    folder = experiment(tmp_path / "x")
    with pytest.raises(DataError) as caught:
        results.load(folder)
    assert str(caught.value) == (
        f"{folder / 'histories.csv'} does not exist; run python -m lab report x, which rebuilds it from the runs"
    )
    shutil.rmtree(folder / "runs")
    with pytest.raises(DataError) as caught:
        results.rebuild(folder)
    assert str(caught.value) == f"{folder / 'runs'} must hold a run of the experiment, got none; run it first"


def declared(variant, seed):
    return {
        "data": {"call": "lab.data.digits", "train_size": 300},
        "model": {"call": "lab.models.dense", "l2": 0.01 if variant == "l2" else 0.0},
        "fingerprint": "abc",
        "seed": seed,
    }


def test_what_pages_say_of_how_runs_were_run_comes_back_from_the_committed_file(tmp_path):
    folder = tmp_path / "x"
    versions = {"python": "3.11", "machine": "x86_64"}
    records = []
    for variant in ("none", "l2"):
        for seed in (0, 1):
            more = {"seconds": 1.5 + seed, "threads": 2, "versions": versions, "declaration": declared(variant, seed)}
            records.append(record(variant, seed, **more))
    names = [f"{one['variant']}-seed{one['seed']}-{one['id']}" for one in records]
    for name, one in zip(names, records, strict=True):
        results.publish(folder, name, history(), one)
    results.write_experiment(folder, {"name": "x", "baseline": "none", "runs": names})
    results.rebuild(folder)
    shutil.rmtree(folder / "runs")
    told = ("variant", "seed", "id", "status", "parameters", "seconds", "engine", "threads", "versions", "declaration")
    assert results.read_provenance(folder) == [{name: one[name] for name in told} for one in records]
    text = (folder / "provenance.json").read_text()
    assert [text.count(part) for part in ("lab.data.digits", "lab.models.dense", "x86_64", "abc")] == [1, 2, 1, 1]
    assert '  "seed": [0, 1]\n' in text
    assert text.count("\n") < 30


def test_what_runs_do_not_say_is_absent_and_without_the_file_nothing_is_known(tmp_path):
    folder = experiment(tmp_path / "x")
    assert results.read_provenance(folder) == []
    results.rebuild(folder)
    assert results.read_provenance(folder)[0] == {
        "variant": "none",
        "seed": 0,
        "id": "r0",
        "status": "finished",
        "parameters": 7,
        "engine": "cohort",
    }


def test_a_provenance_that_refers_to_nothing_is_refused(tmp_path):
    folder = experiment(tmp_path / "x")
    results.rebuild(folder)
    path = folder / "provenance.json"
    path.write_text(path.read_text().replace('"environment": 0', '"environment": 3', 1))
    with pytest.raises(DataError) as caught:
        results.read_provenance(folder)
    assert str(caught.value) == (
        f"{path} must list all parts and environments that its runs refer to; "
        "run python -m lab report x, which rebuilds it from the runs"
    )


def test_reading_results_loads_no_tensorflow():
    code = "import sys, lab.results, lab.report; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
