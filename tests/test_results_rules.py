"""What the other tests of the results leave open: each rule at its edge, with the whole sentence."""

import gzip
import hashlib
import json
import math
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import filelock
import numpy as np
import pandas as pd
import pytest

from lab import results
from lab.checks import DataError, UsageError
from lab.results import fields, files, schema, table_checks
from lab.results.driver import LOCK, Hold, holder, is_held, only_driver
from lab.results.experiments import has_experiment
from lab.results.failures import Failure, current_failures, write_failure
from lab.results.keras_logs import from_keras, tables_of
from lab.results.many_runs import read_runs
from lab.results.partial import partial_file, partial_folder
from lab.results.provenance import write_provenance
from lab.results.record import record as record_of
from lab.results.tables import read_histories, read_tables, table_path, write_table
from tests.test_results import AGAIN, DAMAGES, experiment, history, record

REBUILT = "run python -m lab report x, which rebuilds it from the runs"
CURVE = [[1, 10, 0.05, 0.1], [15, 20, 0.99, 1]]
MEASURED = {"roc_auc": 0.75, "brier": None, "temperature": 1.5}


@pytest.fixture
def folds(tmp_path):
    """Two variants at two seeds of two folds, with measures and curves, one variant on two paths."""
    folder = tmp_path / "x"
    names = []
    for variant in ("none", "l2"):
        for seed in (0, 1):
            for fold in (0, 1):
                more = {"measures": MEASURED, "reliability": {"kept": CURVE, "last": CURVE[:1]}}
                more |= {"test_parts": [0.25, None]}
                more |= {"fold": fold, "folds": 2, "target_scale": [2.0], "measured": 60, "seconds": 0.5}
                one = record(variant, seed, **more)
                names.append(schema.record_name(one))
                results.publish(folder, names[-1], history(), one)
    about = {"name": "x", "baseline": "none", "runs": names, "generalizes_over": "seeds"}
    paths = {"l2": {"none": 0.0, "l2": 0.1}, "L2": {"l2": 0.2}}
    results.write_experiment(folder, about | {"paths": paths})
    results.rebuild(folder)
    return folder


def test_the_tables_of_folds_measures_curves_and_paths_have_these_columns_and_rows(folds):
    tables = read_tables(folds)
    assert list(tables.histories)[:5] == ["experiment", "variant", "seed", "fold", "epoch"]
    assert list(tables.summary)[:6] == ["experiment", "variant", "seed", "fold", "folds", "id"]
    assert list(tables.summary)[-4:] == ["test_loss", "test_data_loss", "test_penalty", "test_accuracy"]
    assert tables.summary.iloc[-1][["variant", "seed", "fold", "folds"]].tolist() == ["l2", 1, 1, 2]
    assert tables.summary["test_data_loss"].tolist() == [0.5] * 8
    assert list(tables.measures) == [
        *("experiment", "variant", "seed", "fold", "test_roc_auc", "test_brier", "test_temperature"),
    ]
    assert tables.measures["test_brier"].isna().all()
    assert list(tables.reliability) == [
        *("experiment", "variant", "seed", "fold", "weights", "bin", "examples", "confidence", "accuracy"),
    ]
    assert tables.reliability.iloc[:3].to_numpy().tolist() == [
        ["x", "none", 0, 0, "kept", 1, 10, 0.05, 0.1],
        ["x", "none", 0, 0, "kept", 15, 20, 0.99, 1.0],
        ["x", "none", 0, 0, "last", 1, 10, 0.05, 0.1],
    ]
    assert list(tables.test_parts) == ["experiment", "variant", "seed", "fold", "part", "test_data_loss"]
    assert tables.test_parts.iloc[2].tolist() == ["x", "none", 0, 1, 0, 0.25]
    assert tables.test_parts["test_data_loss"].isna().tolist() == [False, True] * 8
    assert tables.strengths.to_numpy().tolist() == [["none", "l2", 0.0], ["l2", "l2", 0.1], ["l2", "L2", 0.2]]
    assert list(tables.strengths) == ["variant", "family", "strength"]
    wide = tables.measured_summary()
    assert list(wide) == [*tables.summary, "test_roc_auc", "test_brier", "test_temperature"]
    assert wide["test_roc_auc"].tolist() == [0.75] * 8
    path = tables.path_runs()
    assert list(path)[:3] == ["variant", "regularizer", "strength"]
    assert path.groupby(["regularizer", "variant"], sort=False).size().to_dict() == {
        ("l2", "none"): 4,
        ("l2", "l2"): 4,
        ("L2", "l2"): 4,
    }
    assert tables.comparison["generalizes_over"].tolist() == ["seeds and new data (approximately)"] * 2


def test_a_measured_summary_without_measures_and_paths_without_strengths_are_as_they_are(folds):
    (folds / "measures.csv").unlink()
    (folds / "strengths.csv").unlink()
    tables = read_tables(folds)
    assert tables.measured_summary() is tables.summary
    assert tables.path_runs() is None
    assert results.is_stale(folds)


def test_provenance_says_of_folds_what_run_json_says(folds):
    first = results.read_provenance(folds)[0]
    assert first == {
        **{"variant": "none", "seed": 0, "fold": 0, "folds": 2, "id": "r0", "status": "finished", "measured": 60},
        **{"parameters": 7, "seconds": 0.5, "target_scale": [2.0], "engine": "cohort"},
    }


@pytest.mark.parametrize("lost", ["measures.csv", "reliability.csv", "test_parts.csv"])
def test_tables_that_lack_a_run_with_measures_or_have_one_without_are_stale(folds, lost):
    assert not results.is_stale(folds)
    whole = (folds / lost).read_text()
    rows = [line for line in whole.splitlines() if not line.startswith("x,l2,1,1")]
    (folds / lost).write_text("\n".join(rows) + "\n")
    assert results.is_stale(folds)
    (folds / lost).write_text(whole)
    assert not results.is_stale(folds)
    (folds / lost).unlink()
    assert results.is_stale(folds)


def edited(folder, table, before, after):
    path = table_path(folder, table)
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    return path


@pytest.mark.parametrize(
    ("table", "before", "after", "said"),
    [
        ("measures", "test_brier", "test_grace", " must have no columns but experiment, variant, seed, fold, "
         "test_balanced_accuracy, test_f1, test_roc_auc, test_average_precision, test_r2, test_brier, "
         "test_calibration_error, test_rmse, test_mae, test_temperature, got 'test_grace'"),
        ("measures", "experiment,", "study,", " must have the column 'experiment', got study, variant, seed, fold, "
         "test_roc_auc, test_brier, test_temperature"),
        ("measures", "0.75", "much", ", line 2: 'test_roc_auc' must be a number, got 'much'"),
        ("measures", "x,none,0,0", "x,none,-1,0", ", line 2: 'seed' must be a whole number of at least 0, got -1"),
        ("measures", "x,none,0,1", "x,none,0,0", ", line 3: variant none, seed 0, fold 0 comes twice"),
        ("measures", "x,none,0,0", "x,none,7,0", ", line 2: 'variant' must be a run in summary.csv at seed 7, "
         "got 'none'"),
        ("reliability", ",weights,", ",weight,", " must have the column 'weights', got experiment, variant, seed, "
         "fold, weight, bin, examples, confidence, accuracy"),
        ("reliability", "kept,1,", "best,1,", ", line 2: 'weights' must be one of 'kept', 'last', got 'best'"),
        ("reliability", "kept,1,", "kept,0,", ", line 2: 'bin' must be a whole number in [1, 15], got 0"),
        ("reliability", "kept,15,", "kept,16,", ", line 3: 'bin' must be a whole number in [1, 15], got 16"),
        ("reliability", "kept,15,", "kept,1,", ", line 3: variant none, seed 0, fold 0, weights kept, bin 1 comes "
         "twice"),
        ("reliability", "1,10,", "1,0,", ", line 2: 'examples' must be a whole number of at least 1, got 0"),
        ("reliability", "0.05", "1.05", ", line 2: 'confidence' must be a number in [0, 1], got 1.05"),
        ("reliability", "0.05,0.1", "0.05,-0.1", ", line 2: 'accuracy' must be a number in [0, 1], got -0.1"),
        ("reliability", "x,none,0", "x,none,9", ", line 2: 'variant' must be a run in summary.csv at seed 9, "
         "got 'none'"),
        ("test_parts", ",part,", ",piece,", " must have the column 'part', got experiment, variant, seed, fold, piece, "
         "test_data_loss"),
        ("test_parts", "0.25", "much", ", line 2: 'test_data_loss' must be a number, got 'much'"),
        ("test_parts", "x,none,0,0,0,", "x,none,0,0,-1,", ", line 2: 'part' must be a whole number of at least 0, got "
         "-1"),
        ("test_parts", "x,none,0,0,0,", "x,none,0,0,1,", ", line 3: variant none, seed 0, fold 0, part 1 comes twice"),
        ("test_parts", "x,none,0,0,0,", "x,none,9,0,0,", ", line 2: 'variant' must be a run in summary.csv at seed 9, "
         "got 'none'"),
        ("reliability", "0.05", "few", ", line 2: 'confidence' must be a number, got 'few'"),
        ("histories", "x,none,0,0,1", "x,none,0,2,1", ", line 2: 'epoch' must be 1, the next one of its run, got 1"),
        ("histories", "x,none,0,0,1", "x,none,0,-1,1", ", line 2: 'fold' must be a whole number of at least 0, got -1"),
        ("summary", "x,none,0,0,2", "x,none,0,0,1", ", line 2: 'folds' must be a whole number of at least 2, got 1"),
        ("summary", "x,none,0,0,2", "x,none,0,0,3", ", line 3: 'folds' must be 3, as in the first row, got 2"),
        ("summary", "x,none,0,0,2", "x,none,0,2,2", ", line 2: 'fold' must be below 2, the number of folds, got 2"),
        ("summary", "x,none,0,1,2", "x,none,0,0,2", ", line 3: variant none, seed 0, fold 0 comes twice"),
        ("summary", "fold,folds", "fold,many", " must have the column 'folds', got "),
        ("comparison", "seeds and new data (approximately)", "all", ", line 2: 'generalizes_over' must be one of "
         "'seeds', 'seeds and test examples', 'seeds and training splits of this data set', 'seeds, training splits of "
         "this data set and test examples', 'seeds and splits of this data set', 'seeds and new data', 'seeds and new "
         "data (approximately)' or nothing, got 'all'"),
    ],
)  # fmt: skip
def test_an_edited_table_of_folds_is_refused(folds, table, before, after, said):
    path = edited(folds, table, before, after)
    with pytest.raises(DataError) as caught:
        read_tables(folds)
    if table == "histories" and ",2,1" in after:
        # Another fold is another run, whose first epoch this is; the rest of the old one lacks its own.
        said = ", line 3: 'epoch' must be 1, the next one of its run, got 2"
    if said.endswith("got "):
        assert str(caught.value).startswith(f"{path}{said}")
    else:
        assert str(caught.value) == f"{path}{said}; {REBUILT}"


@pytest.mark.parametrize(
    ("fold", "many"), [(2, 2), (3, 2), (None, 2), (0, None)], ids=["at", "above", "no fold", "no folds"]
)
def test_a_run_of_a_fold_that_cannot_be_is_refused(tmp_path, fold, many):
    more = {name: value for name, value in (("fold", fold), ("folds", many)) if value is not None}
    one = record(**more)
    folder = results.publish(tmp_path, schema.record_name(one), history(), one)
    with pytest.raises(DataError) as caught:
        results.read_run(folder)
    said = f"must have 'fold' below 'folds', or neither, got {fold} and {many}"
    assert str(caught.value) == f"{folder}/run.json {said}; {AGAIN}"


def test_the_folder_of_a_fold_is_named_by_it():
    assert schema.run_name("l2", 3, "r9", 0) == "l2-seed3-fold0-r9"
    assert schema.keys({"fold": 0}) == ["experiment", "variant", "seed", "fold"]
    assert schema.keys({}) == ["experiment", "variant", "seed"]


def test_a_record_that_does_not_fit_its_history_is_refused_when_the_tables_are_made(tmp_path):
    rows = history(val_data_loss=[math.nan, 0.5, 0.4])
    folder = tmp_path / "x"
    path = results.publish(folder, "none-seed0-r0", rows, record())
    results.write_experiment(folder, {"name": "x", "baseline": "none", "runs": [path.name]})
    with pytest.raises(DataError) as caught:
        results.rebuild(folder)
    assert str(caught.value) == (
        f"{path}/run.json does not fit its history (the kept epoch must be a finite row of the history, got epoch 1); "
        f"{AGAIN}"
    )


@pytest.mark.parametrize("change", ["rows", "columns"])
def test_a_history_of_other_rows_or_columns_than_it_should_have_is_refused(tmp_path, change):
    rows = history()
    folder = results.publish(tmp_path, "none-seed0-r0", rows, record(rows=4 if change == "rows" else 3))
    names = list(schema.HISTORY)
    if change == "columns":
        text = (folder / "history.csv").read_text().replace("penalty", "price", 1)
        (folder / "history.csv").write_text(text)
        whole = json.loads((folder / "run.json").read_text())
        whole["history_sha256"] = hashlib.sha256(text.encode()).hexdigest()
        (folder / "run.json").write_text(json.dumps(whole))
        names[names.index("penalty")] = "price"
    with pytest.raises(DataError) as caught:
        results.read_run(folder)
    assert str(caught.value) == (
        f"{folder}/history.csv must have {4 if change == 'rows' else 3} rows and the columns "
        f"{', '.join(schema.HISTORY)}, got 3 rows and {', '.join(names)}; {AGAIN}"
    )


def test_a_kept_epoch_may_be_the_last_and_a_run_may_have_kept_none(tmp_path):
    for kept, seed in ((3, 0), (None, 1)):
        one = record(seed=seed, kept_epoch=kept)
        folder = results.publish(tmp_path, schema.record_name(one), history(), one)
        assert results.read_run(folder)[0]["kept_epoch"] == kept


def test_a_model_is_read_only_as_it_was_published(tmp_path):
    folder = results.publish(tmp_path, "none-seed0-r0", history(), record(), (b"weights", "{}"))
    assert sorted(path.name for path in folder.iterdir()) == ["history.csv", "model.json", "model.keras", "run.json"]
    assert results.read_model(folder) == b"weights"
    (folder / "model.keras").write_bytes(b"others")
    assert results.read_model(folder) is None
    (folder / "model.keras").unlink()
    assert results.read_model(folder) is None
    assert results.read_model(results.publish(tmp_path, "none-seed1-r1", history(), record(seed=1))) is None


# run.json


def trained(**more):
    made = {"status": "finished", "kept_epoch": 2, "rows": [{}, {}, {}], "parameters": 9, "engine": "cohort"}
    made |= {"test": {"loss": 1.0, "accuracy": math.nan}, "weights": {"k": np.array([0.0, 0.0, 1.0, 2.0])}}
    return SimpleNamespace(**made | {"seconds": 1.23456, "epoch_seconds": [0.1234567, 2.0]} | more)


def planned(chance=2.0, target=None, classes=("a", "b"), part=None, fold=None):
    data = SimpleNamespace(classes=classes, several=False, target=target)
    training = SimpleNamespace(chance=lambda count, several: (chance, count, several))
    task = SimpleNamespace(data=data, training=training, part=part)
    return SimpleNamespace(task=task, variant="l2", seed=3, fold=fold, id="r1", declaration={"seed": 3})


def test_the_record_of_a_run_has_these_fields(monkeypatch):
    monkeypatch.setattr("lab.results.record.threads", lambda: 5)
    monkeypatch.setattr("lab.results.record.versions", lambda: {"python": "3"})
    monkeypatch.setattr("lab.results.record.share_of_zeros", lambda weights: float((weights["k"] == 0).mean()))
    common = {
        **{"schema": 1, "experiment": "x", "variant": "l2", "seed": 3, "id": "r1", "status": "finished"},
        **{"kept_epoch": 2, "rows": 3, "test": {"loss": 1.0, "accuracy": None}, "parameters": 9, "zeros": 0.5},
        **{"engine": "cohort", "seconds": 1.2346, "epoch_seconds": [0.12346, 2.0], "threads": 5},
        **{"versions": {"python": "3"}, "declaration": {"seed": 3}},
    }
    assert record_of("x", planned(), trained()) == common | {"chance": (2.0, 2, False)}
    target = SimpleNamespace(deviation=np.array([2.0, 4.0]))
    made = record_of("x", planned(target=target, classes=None, part=range(7), fold=(1, 5)), trained())
    more = {"target_scale": [2.0, 4.0], "chance": 2.0, "measured": 7, "fold": 1, "folds": 5}
    assert made == common | more
    assert next(iter(made)) == "target_scale"
    lost = record_of("x", planned(classes=None), trained(test=None, weights=None, status="diverged"))
    assert lost == common | {"test": None, "zeros": None, "status": "diverged", "chance": (2.0, None, False)}
    measured = SimpleNamespace(measures={"rmse": 1.0, "r2": math.nan}, reliability={}, test_parts=[])
    made = record_of("x", planned(), trained(), measured)
    assert made["measures"] == {"rmse": 1.0, "r2": None}
    assert not {"reliability", "test_parts"} & set(made)
    measured.test_parts = [1.5, math.inf]
    assert record_of("x", planned(), trained(), measured)["test_parts"] == [1.5, None]
    measured.reliability = {"kept": CURVE}
    assert record_of("x", planned(), trained(), measured)["reliability"] == {"kept": CURVE}


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("zeros", 0, True), ("zeros", 1, True), ("zeros", 1.01, False), ("zeros", -0.01, False), ("zeros", True, False),
        ("chance", 1e-9, True), ("chance", 1e300, False), ("chance", 9e299, True),
        ("kept_epoch", 1, True), ("kept_epoch", None, True), ("kept_epoch", True, False),
        ("rows", 2**53, True), ("rows", 2**53 + 1, False), ("folds", 2, True), ("folds", 1, False), ("fold", 0, True),
        ("seconds", 0, True), ("seconds", -0.1, False), ("threads", 1, True), ("threads", 0, False),
        ("measured", 1, True), ("measured", 0, False), ("parameters", 0, True), ("seed", 0, True),
        ("target_scale", [1e-9], True), ("target_scale", [0], False), ("target_scale", 1, False),
        ("history_sha256", "a" * 64, True), ("history_sha256", "a" * 63, False), ("history_sha256", ["a"] * 64, False),
        ("model_sha256", "a" * 64, True), ("model_sha256", "a" * 65, False),
        ("test", dict.fromkeys(schema.TEST), True), ("test", dict.fromkeys(schema.TEST, "1"), False),
        ("test", dict.fromkeys((*schema.TEST, "more"), 1), False), ("test", None, True),
        ("measures", {}, True), ("measures", {"f1": None}, True), ("measures", {"f2": 1}, False),
        ("measures", {"f1": "1"}, False), ("versions", {"a": 1}, False), ("versions", {}, True),
        ("variant", "a" * 150, True), ("variant", "a" * 151, False), ("variant", "-a", False), ("variant", "+a", False),
        ("variant", "_a.+-", True), ("variant", "a\n", False), ("variant", "", False), ("variant", ".a", False),
        ("reliability", {}, True), ("reliability", {"kept": CURVE}, True), ("reliability", {"kept": []}, False),
        ("reliability", {"best": CURVE}, False), ("reliability", {"kept": CURVE[::-1]}, False),
        ("reliability", {"kept": CURVE[:1] * 2}, False), ("reliability", {"kept": [[1, 1, 0, 1]]}, True),
        ("reliability", {"kept": [[0, 1, 0.5, 1]]}, False), ("reliability", {"kept": [[16, 1, 0.5, 1]]}, False),
        ("reliability", {"kept": [[1, 0, 0.5, 1]]}, False), ("reliability", {"kept": [[1, 1, 0.5]]}, False),
        ("reliability", {"kept": [[1, 1, 1.5, 1]]}, False), ("reliability", {"kept": [[1, 1, 0.5, -0.5]]}, False),
        ("test_parts", [1, None], True), ("test_parts", [1], False), ("test_parts", [1, "2"], False),
        ("test_parts", {"a": 1, "b": 2}, False),
        ("reliability", {"kept": {"a": 1}}, False), ("reliability", {"kept": "abcd"}, False),
        ("reliability", {"kept": [(1, 1, 0.5, 1)]}, False),
    ],
)  # fmt: skip
def test_a_field_of_run_json_fits_or_not(name, value, fits):
    assert fields.RUN[name].fits(value) is fits


@pytest.mark.parametrize(
    ("rules", "name", "value", "fits"),
    [
        (fields.EXPERIMENT, "seeds", [0, 5], True), (fields.EXPERIMENT, "seeds", [0, 0], False),
        (fields.EXPERIMENT, "seeds", [-1], False), (fields.EXPERIMENT, "seeds", {"a": 1}, False),
        (fields.EXPERIMENT, "folds", 2, True), (fields.EXPERIMENT, "folds", 1, False),
        (fields.EXPERIMENT, "generalizes_over", "seeds", True), (fields.EXPERIMENT, "generalizes_over", "", False),
        (fields.EXPERIMENT, "generalizes_over", ["seeds"], False),
        (fields.EXPERIMENT, "paths", {"a": {"b": 0}}, True), (fields.EXPERIMENT, "paths", {"a": {"b": -1}}, False),
        (fields.EXPERIMENT, "paths", {"a": {"b": "1"}}, False), (fields.EXPERIMENT, "paths", {"a": [1]}, False),
        (fields.EXPERIMENT, "schema", 1, True), (fields.EXPERIMENT, "schema", True, False),
        (fields.EXPERIMENT, "schema", 2, False), (fields.EXPERIMENT, "schema", 0, False),
        (fields.STUDY, "tables", ["a"], True), (fields.STUDY, "tables", ["a", "measures"], False),
        (fields.STUDY, "tables", ["strengths"], False), (fields.STUDY, "tables", ["reliability"], False),
        (fields.PROVENANCE, "environments", [{}], True), (fields.PROVENANCE, "environments", [1], False),
        (fields.PROVENANCE, "environments", {}, False), (fields.PROVENANCE, "parts", {"a": []}, True),
        (fields.PROVENANCE, "parts", {"a": {}}, False), (fields.PROVENANCE_RUN, "declaration", [None, 0], True),
        (fields.PROVENANCE_RUN, "declaration", [-1], False), (fields.PROVENANCE_RUN, "declaration", "a", False),
        (fields.PROVENANCE_RUN, "environment", 0, True), (fields.PROVENANCE_RUN, "environment", -1, False),
    ],
)  # fmt: skip
def test_a_field_of_another_file_fits_or_not(rules, name, value, fits):
    assert rules[name].fits(value) is fits


def test_which_fields_may_be_left_out():
    def optional(rules):
        return {name for name, field in rules.items() if field.optional}

    assert optional(fields.RUN) == {
        *("fold", "folds", "measured", "measures", "reliability", "model_sha256", "seconds", "threads", "versions"),
        *("target_scale", "declaration", "test_parts"),
    }
    assert set(fields.EXPERIMENT) - optional(fields.EXPERIMENT) == {"name", "baseline", "runs"}
    assert set(fields.STUDY) - optional(fields.STUDY) == {"name", "id", "tables"}
    assert optional(fields.PROVENANCE) == set()
    assert optional(fields.PROVENANCE_RUN) == {"fold", "folds", "measured", "seconds", "target_scale"}
    assert optional(fields.PROVENANCE_ENVIRONMENT) == {"threads", "versions"}


# Files


def test_what_cannot_be_read_is_said_with_its_kind(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError) as caught:
        files.read_bytes(tmp_path / "file" / "run.json")
    assert str(caught.value) == f"{tmp_path}/file must be a folder, got a file; move it elsewhere"
    with pytest.raises(DataError) as caught:
        files.read_bytes(tmp_path / "absent")
    assert str(caught.value) == f"{tmp_path}/absent does not exist; run the experiment first, or name its folder"

    def denied(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_bytes", denied)
    with pytest.raises(DataError) as caught:
        files.read_bytes(tmp_path / "file")
    assert str(caught.value) == f"{tmp_path}/file cannot be read (Permission denied); make it readable"


def test_an_error_without_a_number_keeps_its_words(tmp_path):
    assert str(files.named(OSError("odd"), tmp_path)) == f"[Errno None] odd: {str(tmp_path)!r}"
    found = files.named(OSError(28, "full"), tmp_path)
    assert (found.errno, found.strerror, found.filename) == (28, "full", str(tmp_path))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n3\n", "line 3 has 1 values instead of 2"),
        ("a,b\n1,2,3\n", "line 2 has 3 values instead of 2"),
        ('a,b\n"1,2",3\n4\n', "line 3 has 1 values instead of 2"),
        ("a,b,a\n1,2,3\n", "the column 'a' comes twice"),
        ("a\n\n", "line 2 has 0 values instead of 1"),
        ("  ", "it is empty"),
        ("a,b\n1,2", "its last line is torn"),
    ],
)
def test_lines_that_pandas_would_fill_up_are_refused(tmp_path, text, said):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError) as caught:
        files.read_csv(tmp_path / "t.csv")
    assert str(caught.value) == f"{tmp_path}/t.csv cannot be read as CSV ({said}); {files.AGAIN}"


def test_csv_keeps_words_that_look_like_nothing_and_columns_of_text(tmp_path):
    (tmp_path / "t.csv").write_text('a,b,c\nNA,nan,01\nnull,,"2,5"\n')
    table = files.read_csv(tmp_path / "t.csv", text=("c",))
    assert table.to_dict("list") == {
        "a": ["NA", "null"],
        "b": [pytest.approx(math.nan, nan_ok=True)] * 2,
        "c": ["01", "2,5"],
    }
    (tmp_path / "one.csv").write_text("a\n1\n2\n")
    assert files.read_csv(tmp_path / "one.csv")["a"].tolist() == [1, 2]


def test_text_and_bytes_are_written_through(tmp_path):
    for content in ("ä\r\n", b"\xff\n"):
        files.write_atomically(tmp_path / "t", content)
        assert (tmp_path / "t").read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert files.to_csv(pd.DataFrame({"a": [0.1, math.nan]})) == "a\n0.1\nnan\n"


def test_nesting_of_a_hundred_levels_is_read(tmp_path):
    inner = '{"a": ' * 99 + "1" + "}" * 99
    assert files.parse_json(tmp_path, inner.encode(), "mend it")
    with pytest.raises(DataError, match=r"must not be nested deeper than 100 levels; mend it$"):
        files.parse_json(tmp_path, ('{"a": [' * 50 + "[1]" + "]}" * 50).encode(), "mend it")


def test_a_link_to_nowhere_is_a_damaged_experiment_not_an_absent_one(tmp_path):
    assert not has_experiment(tmp_path)
    os.symlink(tmp_path / "nowhere", tmp_path / "experiment.json")
    assert has_experiment(tmp_path)


def test_a_holder_that_has_not_said_its_number_yet(tmp_path):
    (tmp_path / "x").mkdir()
    with (
        filelock.FileLock(tmp_path / "x" / LOCK, is_singleton=False),
        pytest.raises(DataError) as caught,
        only_driver(tmp_path / "x"),
    ):
        pass
    assert str(caught.value) == (
        "x must be run by one process at a time, got another that runs it now (it has not said its number yet); wait "
        "for it, or stop it: what is published stays"
    )


def test_huge_numbers_are_told_from_large_ones_and_from_words():
    edge = pd.DataFrame({"a": [1e100, -1e100, math.inf, math.nan]})
    table_checks._Refusal("t", edge, "r").unless_number("a")
    for value, said in ((1.1e100, "a number within 1e+100, got 1.1e+100"), (True, "a number, got True")):
        refuse = table_checks._Refusal("t", pd.DataFrame({"a": [1.0, value]}, dtype=object), "r")
        with pytest.raises(DataError) as caught:
            refuse.unless_number("a")
        assert str(caught.value) == f"t, line 3: 'a' must be {said}; r"
    whole = table_checks._Refusal("t", pd.DataFrame({"a": [2.0**53, 0.0]}), "r")
    whole.unless_whole("a", low=0)
    for value in (2.0**53 + 2, -1.0, 0.5):
        with pytest.raises(DataError):
            table_checks._Refusal("t", pd.DataFrame({"a": [value]}), "r").unless_whole("a", low=0)


# Histories of plain Keras


def logged(**more):
    return {"loss": [1.0, 0.5], "val_loss": [1.5, 1.25], **more}


@pytest.mark.parametrize(
    ("history", "kind", "said"),
    [
        (logged(loss=[1.0, "NA"]), DataError, "the history of variant 'a', seed 0, epoch 2: 'loss' must be a number, "
         "got 'NA'; correct it"),
        (logged(val_loss=[1.0, "NA"]), DataError, "the history of variant 'a', seed 0, epoch 2: 'val_loss' was not "
         "measured; fit with validation_freq=1"),
        (logged(accuracy=[1.0, "x"]), DataError, "the history of variant 'a', seed 0, epoch 2: 'accuracy' must be a "
         "number, got 'x'; correct it"),
        (logged(loss=[1.0, -1.1e100]), DataError, "the history of variant 'a', seed 0, epoch 2: 'loss' must be a "
         "number within 1e+100, got -1.1e+100; correct it"),
        (logged(epoch=[0, math.inf]), DataError, "the history of variant 'a', seed 0, epoch 2: 'epoch' must be a "
         "number within 1e+100, got inf; correct it"),
        (logged(epoch=[-1, 0]), DataError, "the history of variant 'a', seed 0, epoch 1: 'epoch' must be a whole "
         "number of at least 0, got -1; correct it"),
        (logged(epoch=[0, 2]), DataError, "the history of variant 'a', seed 0, epoch 2: 'epoch' must be 1, got 2; "
         "correct it"),
        (logged(epoch=[0, 0.5]), DataError, "the history of variant 'a', seed 0, epoch 2: 'epoch' must be 1, got 0.5; "
         "correct it"),
        (logged(epoch=[3, 3]), DataError, "the history of variant 'a', seed 0, epoch 2: epoch 3 comes after epoch 3, "
         "so there are several trainings in one history; give each training a file of its own, as in "
         "<variant>-seed0.csv and <variant>-seed1.csv"),
        (logged(val_loss=[1.0]), DataError, "the history of variant 'a', seed 0 must have as many values of 'val_loss' "
         "as of 'loss', 2, got 1; fit with validation_freq=1"),
        (logged(acc=[1, 1], binary_accuracy=[1, 1]), DataError, "the history of variant 'a', seed 0 must have one "
         "column for 'accuracy', got acc and binary_accuracy; leave one out"),
        ({"loss": [1.0]}, DataError, "the history of variant 'a', seed 0 must have the column 'val_loss', got loss; "
         "fit with validation_data"),
        ({"val_loss": [1.0]}, DataError, "the history of variant 'a', seed 0 must have the column 'loss', got "
         "val_loss; name a history of keras.Model.fit"),
        ({"loss": [], "val_loss": []}, DataError, "the history of variant 'a', seed 0 must have at least one epoch, "
         "got none"),
        (logged(loss=3.0), UsageError, "a history must have a list of numbers for 'loss', got 3.0 for variant 'a'"),
        (logged(loss="12"), UsageError, "a history must have a list of numbers for 'loss', got '12' for variant 'a'"),
        (7, UsageError, "a history must be a keras History, its dict, or a CSVLogger file, got int for variant 'a'"),
        ([], UsageError, "variant 'a' must have at least one history, got []"),
    ],
)  # fmt: skip
def test_a_history_of_keras_that_cannot_be_is_refused(history, kind, said):
    with pytest.raises(kind) as caught:
        from_keras({"a": history})
    assert str(caught.value) == said


def test_histories_of_keras_get_all_columns_of_the_lab():
    value = SimpleNamespace(history=logged(lr=[0.1, "NA"], val_acc=[1, 0]), epoch=[4, 5])
    table = from_keras({"a": [value, logged(epoch=[0, 1])], 2: pd.DataFrame(logged())}, "mine")
    assert list(table) == [*results.KEYS, *results.HISTORY]
    assert table["variant"].tolist() == ["a"] * 4 + ["2"] * 2
    assert table["seed"].tolist() == [0, 0, 1, 1, 0, 0]
    assert table["epoch"].tolist() == [5, 6, 1, 2, 1, 2]
    assert table["experiment"].unique().tolist() == ["mine"]
    assert table["val_accuracy"].tolist()[:2] == [1, 0]
    assert table["learning_rate"].tolist()[0] == 0.1
    assert table["learning_rate"].isna().tolist() == [False] + [True] * 5
    assert table["penalty"].isna().all()
    assert table.index.tolist() == list(range(6))


def test_the_baseline_of_logs_is_none_or_the_first_or_the_one_that_is_named():
    both = from_keras({"b": logged(), "none": logged(val_loss=[math.nan, math.nan])})
    tables = tables_of(both)
    assert tables.comparison["variant"].tolist() == ["none", "b"]
    assert tables.summary["status"].tolist() == ["finished", "diverged"]
    assert list(tables.summary)[:3] == ["experiment", "variant", "seed"]
    assert {"loss", "val_loss", "end_loss", "end_val_loss", "gap", "train_accuracy"} <= set(tables.summary)
    assert not {"train_loss", "train_data_loss", "val_data_loss"} & set(tables.summary)
    assert tables.comparison["metric"].tolist() == ["val_loss"] * 2
    assert tables_of(both, "b").comparison["variant"].tolist() == ["b", "none"]
    assert tables_of(from_keras({"b": logged(), "a": logged()})).comparison["variant"].tolist() == ["b", "a"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epoch,loss,loss\n0,1,1\n", " cannot be read as a log of keras.callbacks.CSVLogger (the column 'loss' comes "
         "twice); correct the file, or name another one"),
        ("epoch,loss\n", " must have at least one finished epoch, got none; correct the file, or name another one"),
        ("epoch,loss\n0,1,2\n", ", line 2, must have 2 values, got 3; correct the file, or name another one"),
        ("epoch,loss\n0,1\nepoch,loss\n0,1\n", ", line 3, begins a second training; give each training a file of its "
         "own, as in a-seed0.csv and a-seed1.csv"),
    ],
)  # fmt: skip
def test_a_log_that_is_none_is_refused(tmp_path, text, said):
    path = tmp_path / "a-seed3.csv"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        results.load(path)
    assert str(caught.value) == f"{path}{said}"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_log_of_any_separator_with_empty_lines_and_a_byte_order_mark_is_read(tmp_path, separator):
    text = "\ufeffepoch,loss,val_loss\n0,1,2\n\n1,3,4\n".replace(",", separator)
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    table = results.load(tmp_path / "a.csv")
    assert table[["variant", "epoch", "loss", "val_loss"]].to_numpy().tolist() == [["a", 1, 1, 2], ["a", 2, 3, 4]]
    (tmp_path / ".b.csv").write_text("no log")
    assert results.is_logs(tmp_path)
    assert len(results.load(tmp_path)) == 2


def test_histories_that_are_missing_have_the_remedy_that_works(tmp_path):
    folder = tmp_path / "x"
    folder.mkdir()
    with pytest.raises(DataError) as caught:
        read_histories(folder)
    assert str(caught.value) == f"{folder}/histories.csv does not exist; run the experiment first, or name its folder"
    assert files.rebuild_remedy(folder) == "take it from where the folder came from, or run the experiment again"
    (folder / "runs").mkdir()
    assert files.rebuild_remedy(folder) == REBUILT
    (folder / "runs" / ".tmp-1").mkdir()
    with pytest.raises(DataError, match="run the experiment first"):
        read_histories(folder)
    (folder / "runs" / "a").mkdir()
    with pytest.raises(DataError, match="rebuilds it from the runs"):
        read_histories(folder)


def test_provenance_has_one_line_per_object_with_these_margins(folds):
    one = next((folds / "runs").iterdir())
    (folds / "provenance.json").unlink()
    record = results.read_run(one)[0] | {"declaration": {"data": {"call": "digits"}, "seed": 3}}
    write_provenance(folds, [record, record | {"declaration": {}, "threads": 2}])
    line = (
        f'{{"variant": "{record["variant"]}", "seed": {record["seed"]}, "fold": {record["fold"]}, "folds": 2, '
        f'"id": "{record["id"]}", "status": "finished", "measured": 60, "parameters": 7, "seconds": 0.5, '
        '"target_scale": [2.0], "environment": '
    )
    assert (folds / "provenance.json").read_text() == (
        '{\n "schema": 1,\n "environments": [\n  {"engine": "cohort"},\n  {"engine": "cohort", "threads": 2}\n ],\n'
        ' "parts": {\n  "data": [\n   {"call": "digits"}\n  ],\n  "seed": [3]\n },\n'
        f' "runs": [\n  {line}0, "declaration": [0, 0]}},\n  {line}1, "declaration": [null, null]}}\n ]\n}}\n'
    )


def test_of_several_runs_that_the_summary_lacks_the_first_of_the_histories_is_named(folds):
    path = table_path(folds, "summary")
    path.write_text("\n".join(line for line in path.read_text().splitlines() if ",1,0,2," not in line) + "\n")
    with pytest.raises(DataError) as caught:
        read_tables(folds)
    said = f"{path} must have a row for variant 'none', seed 1, fold 0, got none; {REBUILT}"
    assert str(caught.value) == said


def test_a_folder_that_is_swept_before_it_is_held_is_made_anew(tmp_path, monkeypatch):
    opened, lost = os.open, []

    def losing(path, *rest, **more):
        if not lost:
            lost.append(path)
            os.rmdir(path)
        return opened(path, *rest, **more)

    monkeypatch.setattr(os, "open", losing)
    with partial_folder(tmp_path) as made:
        assert made.is_dir()
        assert made != lost[0]
    assert list(tmp_path.iterdir()) == []


# Many runs at once


def test_histories_of_many_runs_are_those_of_each_and_their_text_is_what_pandas_writes(tmp_path):
    runs = [history(loss=[1e-9, math.nan, math.inf]), history(epochs=1), history(penalty=[-0.0, 1e300, 12345.678])]
    made = []
    for seed, rows in enumerate(runs):
        made.append(results.publish(tmp_path, f"none-seed{seed}-r{seed}", rows, record(seed=seed, rows=len(rows))))
    found = read_runs(made)
    each = [results.read_run(folder) for folder in made]
    assert found.records == [one for one, _ in each]
    pd.testing.assert_frame_equal(found.measured, pd.concat([table for _, table in each], ignore_index=True))
    assert list(found.histories()) == [*results.KEYS, *results.HISTORY]
    assert found.histories()["seed"].tolist() == [0, 0, 0, 1, 2, 2, 2]
    assert found.text == files.to_csv(found.histories())


def test_numbers_that_pandas_would_write_otherwise_are_written_by_pandas(tmp_path):
    rows = history(penalty=[0, 1, 2])
    made = [results.publish(tmp_path, "none-seed0-r0", rows, record())]
    made.append(results.publish(tmp_path, "none-seed1-r1", history(), record(seed=1)))
    found = read_runs(made)
    assert found.text is None
    assert found.measured["penalty"].tolist()[:3] == [0, 1, 2]
    folder = tmp_path / "x"
    folder.mkdir()
    write_table(folder, "histories", found.histories())
    assert ",0.0," in (folder / "histories.csv").read_text()


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_run_among_many_is_refused_as_alone(tmp_path, damage):
    made = [results.publish(tmp_path, f"none-seed{s}-r{s}", history(), record(seed=s)) for s in range(3)]
    damage(made[0])
    with pytest.raises(DataError) as alone:
        results.read_run(made[0])
    with pytest.raises(DataError) as among:
        read_runs(made[::-1])
    assert str(among.value) == str(alone.value)


def test_a_very_large_table_is_compressed_quickly(tmp_path, monkeypatch):
    monkeypatch.setattr("lab.results.tables.LARGEST_CSV", 10)
    table = pd.DataFrame({"a": np.arange(3000.0) ** 0.5})
    write_table(tmp_path, "t", table)
    small = (tmp_path / "t.csv.gz").read_bytes()
    monkeypatch.setattr("lab.results.tables.QUICKLY_COMPRESSED", len(files.to_csv(table)) - 1)
    write_table(tmp_path, "t", table)
    quick = (tmp_path / "t.csv.gz").read_bytes()
    assert gzip.decompress(small) == gzip.decompress(quick) == files.to_csv(table).encode()
    assert len(small) < len(quick)
    assert (small[8], quick[8]) == (2, 4)


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="no /proc")
def test_asking_for_the_holder_leaves_no_file_open(tmp_path):
    (tmp_path / LOCK).touch()
    before = len(os.listdir("/proc/self/fd"))
    assert [holder(tmp_path) for _ in range(3)] == [None] * 3
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("column", ["experiment", "variant"])
def test_a_name_that_looks_like_a_number_stays_a_name(tmp_path, column):
    folder = experiment(tmp_path / "x")
    results.rebuild(folder)
    for name in ("histories", "summary", "comparison"):
        table = pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)
        if column in table:
            table[column] = table[column].map({"x": "01", "none": "01", "l2": "1e5"}.__getitem__)
            table.to_csv(folder / f"{name}.csv", index=False)
    tables = read_tables(folder)
    assert set(tables.histories[column]) <= {"01", "1e5"}
    assert set(tables.summary[column]) <= {"01", "1e5"}


def test_a_figure_is_called_by_its_name_and_kind():
    assert schema.figure_file("gap") == "gap.png"
    assert schema.figure_file("gap", "svg") == "gap.svg"


def test_a_comparison_may_lack_what_it_generalizes_over_and_nothing_else(tmp_path):
    folder = experiment(tmp_path / "x")
    results.rebuild(folder)
    path = folder / "comparison.csv"
    whole = pd.read_csv(path)
    whole.drop(columns="generalizes_over").to_csv(path, index=False)
    assert "generalizes_over" not in read_tables(folder).comparison
    for column in ("effect_size", "n", "decision"):
        whole.drop(columns=column).to_csv(path, index=False)
        with pytest.raises(DataError, match=f"must have the column '{column}', got variant"):
            read_tables(folder)


def test_a_hold_notices_that_its_folder_is_gone_and_takes_it_again(tmp_path):
    hold = Hold(tmp_path / "x")
    assert not hold.is_lost()
    shutil.rmtree(tmp_path / "x")
    assert hold.is_lost()
    hold.regain()
    assert not hold.is_lost()
    hold.release()


def test_the_failures_of_an_experiment_are_those_of_its_runs_and_of_its_variants_that_could_not_be_loaded(tmp_path):
    for name, variant in (("l2-seed0-r1", "l2"), ("l2-seed1-r9", "l2"), ("l1-seed0", "l1"), ("old-seed0", "old")):
        write_failure(tmp_path, Failure(name, variant, 0, None, "no memory"))
    found = current_failures(tmp_path, ["l2-seed0-r1"], ["l2", "l1"])
    assert [failure.name for failure in found] == ["l1-seed0", "l2-seed0-r1"]
    (tmp_path / "runs" / "l2-seed0-r1").mkdir(parents=True)
    assert [failure.name for failure in current_failures(tmp_path, ["l2-seed0-r1"], ["l2", "l1"])] == ["l1-seed0"]


def test_a_lock_is_held_only_where_a_process_holds_it(tmp_path, monkeypatch):
    path = tmp_path / "lock"
    assert not is_held(path)
    path.touch()
    assert not is_held(path)
    with filelock.FileLock(path):
        assert is_held(path)
    assert not is_held(path)

    def no_locks(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("lab.results.driver.fcntl.flock", no_locks)
    assert not is_held(path)
    monkeypatch.undo()
    monkeypatch.setattr("lab.results.driver.fcntl", None)
    assert not is_held(path)
    with filelock.FileLock(path):
        assert is_held(path)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="only Linux lists the open files of a process")
def test_what_is_written_half_way_leaves_no_file_open(tmp_path):
    with partial_folder(tmp_path), partial_file(tmp_path):
        pass
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with partial_folder(tmp_path), partial_file(tmp_path):
            pass
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_comparison_is_made_by_the_rules_that_experiment_json_names(tmp_path):
    folder = tmp_path / "x"
    for variant in ("none", "same"):
        for seed in range(6):
            one = record(variant, seed)
            one["test"] = dict(one["test"], data_loss=0.5 + seed / 8 + (variant == "same") * (seed % 2) * 1e-5)
            results.publish(folder, schema.record_name(one), history(), one)
    about = {"name": "x", "baseline": "none", "runs": sorted(path.name for path in (folder / "runs").iterdir())}
    found = {}
    for name, rules in {"plain": {}, "margin": {"margin": 0.01}, "looks": {"most_seeds": 24}}.items():
        results.write_experiment(folder, about | rules)
        results.rebuild(folder)
        found[name] = read_tables(folder).comparison.set_index("variant").loc["same"]
    assert found["margin"]["decision"] == "equivalent"
    assert found["plain"]["decision"] == found["looks"]["decision"] == "not shown"
    assert found["margin"]["margin"] == 0.01
    assert found["looks"]["p_adjusted"] > found["plain"]["p_adjusted"]
