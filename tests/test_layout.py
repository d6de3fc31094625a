"""Runs of very many are divided over folders: found wherever they are, and the same for all who ask."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import scale
from lab import results
from lab.cli.app import answer
from lab.results import aggregate, layout, parquet_copy, prune, tables
from lab.results.layout import found_runs, run_folder, run_folders, shard_folders
from lab.results.partial import partial_folder
from lab.sweep.status import status

RUNS = 40


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The same experiment with its runs in one folder, and divided."""
    place = tmp_path_factory.mktemp("layout")
    flat, divided = place / "flat" / "x", place / "divided" / "x"
    scale.write(flat, RUNS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "MANY", RUNS)
        scale.write(divided, RUNS)
    return flat, divided


def test_runs_of_many_are_published_in_the_folder_that_their_id_names(both):
    flat, divided = both
    names = results.read_experiment(flat)["runs"]
    assert names == results.read_experiment(divided)["runs"]
    assert not shard_folders(flat)
    assert len(shard_folders(divided)) == 256
    for name in names:
        assert run_folder(divided, name) == divided / "runs" / name[-2:] / name
        assert run_folder(flat, name) == flat / "runs" / name
    assert set(found_runs(divided, names)) == set(found_runs(flat, names)) == set(names)


def test_tables_and_status_are_the_same_wherever_runs_are(both):
    flat, divided = both
    for folder in both:
        results.rebuild(folder)
        assert not results.is_stale(folder)
    for name in ("histories.csv", "summary.csv", "comparison.csv", "provenance.json"):
        assert (flat / name).read_bytes() == (divided / name).read_bytes(), name
    assert status(flat).counts == status(divided).counts == {"finished": RUNS}


def test_a_rebuild_in_parts_gives_the_same_bytes(both, monkeypatch):
    flat, _ = both
    results.rebuild(flat)
    tables = {path: path.read_bytes() for path in flat.glob("*.*")}
    monkeypatch.setattr(aggregate, "PART", 7)
    results.rebuild(flat)
    assert {path: path.read_bytes() for path in tables} == tables


def test_a_run_stays_where_it_was_published_before_others_were_divided(both, tmp_path, monkeypatch):
    folder = tmp_path / "x"
    scale.write(folder, 3)
    old = sorted(folder.glob("runs/*"))
    monkeypatch.setattr(layout, "MANY", 5)
    scale.write(folder, 5)
    names = results.read_experiment(folder)["runs"]
    assert [run_folder(folder, name) for name in names[:3]] == [folder / "runs" / name for name in names[:3]]
    assert sorted(path for path in run_folders(folder) if path.parent.name == "runs") == old
    assert [run_folder(folder, name).parent.name for name in names[3:]] == [name[-2:] for name in names[3:]]
    results.rebuild(folder)
    assert len(results.current_tables(folder).summary) == 5


def test_a_run_that_is_published_in_a_divided_folder_makes_the_tables_stale(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "MANY", 4)
    folder = tmp_path / "x"
    scale.write(folder, 4)
    name = results.read_experiment(folder)["runs"][3]
    place = run_folder(folder, name)
    os.rename(place, tmp_path / name)
    results.rebuild(folder)
    assert not results.is_stale(folder)
    os.rename(tmp_path / name, place)
    assert results.is_stale(folder)


def test_damaged_runs_leftovers_and_strays_are_found_in_divided_folders(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(layout, "MANY", 4)
    folder = tmp_path / "x"
    scale.write(folder, 4)
    first, second, *_ = results.read_experiment(folder)["runs"]
    (run_folder(folder, first) / "run.json").write_text("{")
    [sentence] = results.set_damaged_aside(folder, [first, second])
    assert f".damaged-{first}-1" in sentence
    aside = folder / "runs" / first[-2:] / f".damaged-{first}-1"
    assert aside.is_dir()
    assert not run_folder(folder, first).exists()

    with partial_folder(aside.parent) as partial:
        left = partial.with_name(partial.name[:-1] + ("0" if partial.name[-1] != "0" else "1"))
        left.mkdir()
        results.sweep(folder)
        assert partial.exists()
        assert not left.exists()

    record = results.read_experiment(folder)
    record.pop("schema")
    results.write_experiment(folder, record | {"runs": [name for name in record["runs"] if name != second]})
    assert {stray.path.name for stray in prune.strays(folder)} == {aside.name, second}
    answer(["prune", "x", "--results", str(tmp_path)])
    assert f"runs/{second[-2:]}/{second}: a run\n" in capsys.readouterr().out
    answer(["prune", "x", "--yes", "--results", str(tmp_path)])
    capsys.readouterr()
    assert {path.name for path in run_folders(folder)} == set(record["runs"]) - {first, second}
    answer(["status", "x", "--json", "--results", str(tmp_path)])
    assert json.loads(capsys.readouterr().out)["counts"]["finished"] == 2


def test_few_runs_are_not_divided(tmp_path):
    layout.divide(tmp_path, layout.MANY - 1)
    assert not list(tmp_path.iterdir())
    layout.divide(tmp_path, layout.MANY)
    assert len(shard_folders(tmp_path)) == 256


def test_folders_that_are_being_made_for_runs_are_no_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "MANY", 1)
    seen, making = [], Path.mkdir

    def make(path, *arguments, **keywords):
        making(path, *arguments, **keywords)
        seen.extend(run_folders(tmp_path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", make)
        layout.divide(tmp_path, 1)
    assert len(shard_folders(tmp_path)) == 256
    assert seen == []


def test_a_copy_as_parquet_is_what_the_csv_file_says_and_counts_only_for_that_file(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    folder = tmp_path / "x"
    scale.write(folder, 5)
    results.rebuild(folder)
    copy, plain = folder / "histories.parquet", results.load(folder)
    assert not copy.exists()
    monkeypatch.setattr(parquet_copy, "FROM", 1000)
    results.rebuild(folder)
    assert copy.exists()
    with monkeypatch.context() as patch:
        patch.setattr(tables, "read_table", None)
        pd.testing.assert_frame_equal(results.load(folder), plain)

    # Somebody else's file, a torn copy, no pyarrow: the CSV file counts.
    csv = folder / "histories.csv"
    csv.write_text("\n".join(csv.read_text().split("\n")[:-11]) + "\n")
    assert len(results.load(folder)) == len(plain) - 10
    results.rebuild(folder)
    copy.write_bytes(copy.read_bytes()[:-9])
    pd.testing.assert_frame_equal(results.load(folder), plain)
    results.rebuild(folder)
    with monkeypatch.context() as patch:
        patch.setattr(parquet_copy.importlib.util, "find_spec", lambda name: None)
        assert parquet_copy.read_copy(folder, csv) is None
    monkeypatch.setattr(parquet_copy, "FROM", 10**9)
    results.rebuild(folder)
    assert not copy.exists()
