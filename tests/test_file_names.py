"""The names and numbers on which files of results depend that others have: none may change unnoticed."""

import hashlib

import pytest

from lab.results import layout, parquet_copy, schema
from lab.results.experiments import has_experiment
from lab.statistics import FACTS

NAMES = {
    "SCHEMA": 1,
    "EXPERIMENT_FILE": "experiment.json",
    "PROVENANCE_FILE": "provenance.json",
    "RUN_FILE": "run.json",
    "HISTORY_FILE": "history.csv",
    "MODEL_FILE": "model.keras",
    "MODEL_DATA_FILE": "model.json",
    "PAGE_FILE": "index.html",
    "PLAYGROUND_FILE": "playground.html",
    "LOCK_FILE": ".lock",
    "RUNS_FOLDER": "runs",
    "FAILED_FOLDER": "failed",
    "FIGURES_FOLDER": "figures",
    "PARTIAL": ".tmp-",
    "DAMAGED": ".damaged-",
    "LARGEST_CSV": 1_000_000,
    "HISTORIES": "histories",
    "SUMMARY": "summary",
    "COMPARISON": "comparison",
    "TABLES": ("histories", "summary", "comparison"),
    "STRENGTH_TABLE": "strengths",
    "MEASURE_TABLE": "measures",
    "RELIABILITY_TABLE": "reliability",
    "KEYS": ("experiment", "variant", "seed"),
    "TEST": ("loss", "data_loss", "penalty", "accuracy"),
    "RUN_COLUMNS": ("id", "engine", "status", "parameters", "zeros"),
    "STRENGTHS": ("variant", "family", "strength"),
    "WEIGHTS": ("kept", "last"),
    "STATUSES": ("finished", "diverged"),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_stays(name):
    assert getattr(schema, name) == NAMES[name]


def test_the_columns_stay():
    assert (
        *("epoch", "loss", "data_loss", "penalty", "accuracy", "train_data_loss", "train_accuracy"),
        *("val_loss", "val_data_loss", "val_penalty", "val_accuracy", "learning_rate"),
    ) == schema.HISTORY
    assert schema.SUMMARY_COLUMNS[:8] == (*schema.KEYS, *schema.RUN_COLUMNS)
    assert schema.SUMMARY_COLUMNS[-4:] == ("test_loss", "test_data_loss", "test_penalty", "test_accuracy")
    assert schema.SUMMARY_COLUMNS[8:-4] == tuple(FACTS)


def test_files_of_tables_are_named_by_one_rule():
    assert schema.table_file("a") == "a.csv"
    assert schema.compressed_file("a") == "a.csv.gz"
    assert schema.study_file("a") == "a.json"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("none-seed0-r51", ("none", 0, None)),
        ("a-seed1-b-seed22-fold3-r51", ("a-seed1-b", 22, 3)),
        ("none-seed-r51", ("none-seed-r51", 0, None)),
        ("none-seed0-", ("none", 0, None)),
        ("-seed0-r", ("-seed0-r", 0, None)),
        ("x", ("x", 0, None)),
    ],
)
def test_a_run_is_known_by_its_name(name, parts):
    assert schema.named_run(name) == parts


def test_a_record_names_its_folder_and_the_keys_of_its_rows():
    record = {"variant": "a", "seed": 3, "id": "r5"}
    assert schema.record_name(record) == "a-seed3-r5"
    assert schema.record_name(record | {"fold": 0}) == "a-seed3-fold0-r5"
    assert schema.keys(record) == ["experiment", "variant", "seed"]
    assert schema.keys(record | {"fold": 0}) == ["experiment", "variant", "seed", "fold"]
    assert schema.named_run("a-seed3-fold0-r5") == ("a", 3, 0)


class TestLayout:
    def test_the_numbers_stay(self):
        assert layout.MANY == 10_000
        assert (layout.SHARDS[0], layout.SHARDS[10], layout.SHARDS[-1], len(layout.SHARDS)) == ("00", "0a", "ff", 256)

    def test_one_run_less_than_many_makes_no_folders(self, tmp_path, monkeypatch):
        monkeypatch.setattr(layout, "MANY", 4)
        layout.divide(tmp_path, 3)
        assert list(tmp_path.iterdir()) == []
        layout.divide(tmp_path, 4)
        layout.divide(tmp_path, 4)
        assert [path.name for path in layout.shard_folders(tmp_path)] == layout.SHARDS

    def test_folders_that_were_made_half_way_are_not_divided(self, tmp_path):
        (tmp_path / "runs" / "01").mkdir(parents=True)
        assert layout.shard_folders(tmp_path) == []
        (tmp_path / "runs" / "00").mkdir()
        (tmp_path / "runs" / "02").write_text("")
        assert [path.name for path in layout.shard_folders(tmp_path)] == ["00", "01"]

    def test_a_run_is_where_it_is_or_where_its_id_says(self, tmp_path):
        runs = tmp_path / "runs"
        (runs / "00").mkdir(parents=True)
        assert layout.run_folder(tmp_path, "a-r00") == runs / "00" / "a-r00"
        assert layout.run_folder(tmp_path, "a-r01") == runs / "a-r01", "its folder was not made"
        assert layout.run_folder(tmp_path, "a-rzz") == runs / "a-rzz"
        (runs / "a-r00").symlink_to(tmp_path / "nowhere")
        assert layout.run_folder(tmp_path, "a-r00") == runs / "a-r00"

    def test_what_is_found_first_is_what_lies_in_runs(self, tmp_path):
        runs = tmp_path / "runs"
        for name in ("00/b-r00", "00/a-r00", "b-r00", "c"):
            (runs / name).mkdir(parents=True)
        assert list(layout.run_folders(tmp_path)) == [runs / "b-r00", runs / "c", runs / "00/a-r00", runs / "00/b-r00"]
        assert layout.found_runs(tmp_path, ["b-r00", "x", "a-r00"]) == {
            "b-r00": runs / "b-r00",
            "a-r00": runs / "00/a-r00",
        }
        assert list(layout.run_folders(tmp_path / "none")) == []

    def test_the_newest_change_is_in_any_of_the_folders(self, tmp_path):
        import os

        (tmp_path / "runs" / "00").mkdir(parents=True)
        os.utime(tmp_path / "runs", ns=(0, 1_000))
        os.utime(tmp_path / "runs" / "00", ns=(0, 3_000))
        assert layout.newest_change(tmp_path) == 3_000
        os.utime(tmp_path / "runs", ns=(0, 5_000))
        assert layout.newest_change(tmp_path) == 5_000

    def test_an_experiment_json_that_leads_nowhere_is_there(self, tmp_path):
        assert not has_experiment(tmp_path)
        (tmp_path / "experiment.json").symlink_to(tmp_path / "nowhere")
        assert has_experiment(tmp_path)


class TestParquetCopy:
    @pytest.fixture
    def csv(self, tmp_path):
        pytest.importorskip("pyarrow")
        path = tmp_path / "histories.csv"
        path.write_text("a\n1\n")
        return path

    def written(self, csv, characters):
        import pandas as pd

        parquet_copy.write_copy(csv.parent, csv, lambda: pd.DataFrame({"a": [1]}), characters)
        return (csv.parent / "histories.parquet").exists()

    def test_it_is_written_from_ten_million_characters_on_and_removed_below(self, csv):
        assert self.written(csv, 10_000_000)
        assert not self.written(csv, 9_999_999)
        assert not self.written(csv, 9_999_999), "there is none to remove"

    def test_it_is_read_only_where_it_is_of_the_file(self, csv):
        import pyarrow.parquet

        assert parquet_copy.read_copy(csv.parent, csv) is None
        self.written(csv, 10_000_000)
        assert parquet_copy.read_copy(csv.parent, csv)["a"].tolist() == [1]
        key = hashlib.sha256(csv.read_bytes()).hexdigest().encode()
        copy = csv.parent / "histories.parquet"
        assert pyarrow.parquet.read_schema(copy).metadata[b"sha256_of_csv"] == key
        csv.write_text("a\n2\n")
        assert parquet_copy.read_copy(csv.parent, csv) is None
        copy.write_bytes(b"torn")
        assert parquet_copy.read_copy(csv.parent, csv) is None

    def test_without_pyarrow_there_is_none(self, csv, monkeypatch):
        self.written(csv, 10_000_000)
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        assert parquet_copy.read_copy(csv.parent, csv) is None
        assert not self.written(csv, 10_000_000), "an old one would be of another file"


class TestDivided:
    class Pool:
        """A pool that has begun only its first job."""

        def __init__(self):
            self.futures = []

        def submit(self, call, *arguments):
            from concurrent.futures import Future

            future = Future()
            if not self.futures:
                future.set_running_or_notify_cancel()
                future.set_result(("pool", call(*arguments)))
            self.futures.append(future)
            return future

    def test_jobs_that_the_pool_has_not_begun_are_done_here_and_all_are_in_order(self):
        from lab.results.processes import divided

        assert divided([lambda: 1, lambda: 2, lambda: 3], self.Pool()) == [("pool", 1), 2, 3]
        assert divided([lambda: 1, lambda: 2], None) == [1, 2]

    def test_the_pool_speaks_the_language_of_the_caller(self):
        from lab.results.processes import divided
        from lab.statistics.language import speaking, spoken

        with speaking("ja"):
            assert divided([spoken], self.Pool()) == [("pool", "ja")]

    def test_after_a_failure_nothing_is_begun(self):
        from lab.results.processes import divided

        pool = self.Pool()
        with pytest.raises(ZeroDivisionError):
            divided([lambda: 1, lambda: 2, lambda: 1 / 0], pool)
        assert [future.cancelled() for future in pool.futures] == [False, True, True]
