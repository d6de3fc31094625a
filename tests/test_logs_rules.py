"""Logs of other tools, written by hand as those tools write them: nothing here needs the tools."""

import json
import math

import numpy as np
import pytest

from lab.checks import DataError
from lab.results.logs import folder as of_folder
from lab.results.logs import mlruns_folder, tensorboard_events, tuner_trials
from lab.results.logs.csv_tables import csv_files, header_of, number, read_table, step
from lab.results.logs.folder import read_logs, source_of
from lab.results.logs.grouping import Place, places
from lab.results.logs.logged import Logged, curves_by_column, history
from lab.results.logs.metrics import column_of
from lab.results.logs.wandb_tables import is_chart, is_history


def refusal(call, *arguments):
    with pytest.raises(DataError) as caught:
        call(*arguments)
    return str(caught.value)


@pytest.mark.parametrize("word", ["acc", "sparse_categorical_accuracy", "categorical-accuracy", "Binary.Accuracy"])
@pytest.mark.parametrize(
    ("split", "prefix"),
    [
        *((word, "") for word in ("", "train", "training")),
        *((w, "val_") for w in ("val", "valid", "validation", "eval", "dev")),
    ],
)
def test_each_name_of_accuracy_goes_with_each_word_for_a_split(word, split, prefix):
    assert column_of(f"{split}/{word}") == column_of(word, split.upper()) == f"{prefix}accuracy"


@pytest.mark.parametrize("name", ["lr", "LR", "train/lr", "epoch_lr", "keras lr"])
def test_each_name_of_the_learning_rate(name):
    assert column_of(name) == "learning_rate"


class TestPlaces:
    def test_equal_settings_are_seeds_of_one_variant_and_those_that_differ_name_it(self):
        runs = [
            ("a", {"l2": "1", "width": "8", "drop": "0"}),
            ("b", {"l2": "1", "width": "8", "drop": "0"}),
            ("c", {"l2": "2", "width": "8"}),
            ("d", {}),
        ]
        assert places(runs, "all") == [
            Place("drop=0, l2=1", 0),
            Place("drop=0, l2=1", 1),
            Place("l2=2", 0),
            Place("d", 0),
        ]

    @pytest.mark.parametrize("key", ["seed", "random_seed", "random_state"])
    def test_a_setting_may_say_the_seed(self, key):
        assert places([("a", {key: "7", "l2": "1"})], "all") == [Place("all", 7)]
        assert places([("a", {key: "7.0"})], "all") == [Place("all", 0)], "this is no whole number"
        assert places([("a", {key: "9" * 16})], "all") == [Place("all", 0)]

    def test_two_runs_of_one_place_are_refused_with_their_names(self):
        assert refusal(places, [("a-seed1", {}), ("x", {}), ("a_seed=1", {})], "logs") == (
            "the logs in logs must have one run per variant and seed, got a-seed1 and a_seed=1 for variant 'a', seed "
            "1; rename one of them, as in a-seed1"
        )
        assert refusal(places, [("a", {}), ("a", {})], "logs") == (
            "the logs in logs must have one run per variant and seed, got a and a for variant 'a', seed 0; rename one "
            "of them, as in a-seed1"
        )

    def test_folders_of_a_search_end_in_an_execution(self):
        assert places([("trial 3/execution2", {})], "all") == [Place("trial 3", 2)]


class TestHistory:
    def run(self, counts_epochs=False, **curves):
        return Logged("a", "run a", {name: list(enumerate(curve)) for name, curve in curves.items()}, {}, counts_epochs)

    def test_a_value_belongs_to_the_next_step_at_which_the_validation_loss_was_logged(self):
        run = Logged("a", "run a", {"val_loss": [(1, 0.5), (4, 0.25)], "loss": [(0, 4), (1, 2), (5, 9)]})
        table = history(run)
        assert table["epoch"].tolist() == [1, 2]
        np.testing.assert_array_equal(table["loss"], [3.0, math.nan])
        assert table["val_loss"].tolist() == [0.5, 0.25]

    @pytest.mark.parametrize(("first", "epoch"), [(0, 1), (6, 7), (-1, 1)])
    def test_a_step_that_counts_epochs_says_which_is_the_first(self, first, epoch):
        curve = [(first, 0.5), (first + 1, 0.25)]
        assert history(Logged("a", "a", {"val_loss": curve}, {}, True))["epoch"].tolist() == [epoch, epoch + 1]
        assert history(Logged("a", "a", {"val_loss": curve}))["epoch"].tolist() == [1, 2]

    def test_without_a_validation_loss_there_is_no_history(self):
        assert refusal(history, self.run(loss=[1.0], accuracy=[0.5])) == (
            "run a must have a validation loss, as 'val_loss', got loss, accuracy; log or export it too"
        )
        assert refusal(history, self.run(val_loss=[])).endswith("got val_loss; log or export it too")
        assert refusal(history, self.run()) == (
            "run a must have a validation loss, as 'val_loss', got none of loss, accuracy and learning_rate; log or "
            "export it too"
        )

    @pytest.mark.parametrize("again", [1, 0])
    def test_a_step_that_comes_again_is_another_training(self, again):
        assert refusal(history, Logged("a", "run a", {"val_loss": [(1, 0.5), (again, 0.25)]})) == (
            f"run a: step {again} of 'val_loss' comes after step 1, so there are several trainings in one run; give "
            "each training a run of its own"
        )

    def test_two_metrics_of_one_column_are_refused(self):
        assert curves_by_column({"loss": [(0, 1)], "norm": [(0, 2)]}, "run a") == {"loss": [(0, 1)]}
        assert refusal(curves_by_column, {"lr": [], "x": [], "learning_rate": []}, "run a") == (
            "run a must have one metric for 'learning_rate', got lr and learning_rate; leave one out"
        )


class TestTables:
    REMEDY = "correct the file, or export it again"

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("a,b,a\n1,2,3\n", " must have each column once, got 'a' twice; "),
            ("a,b\n1,2\n\n1\n", ", line 4, must have 2 values, got 1; "),
            ("a,b\n1,2,3\n", ", line 2, must have 2 values, got 3; "),
            ("a,b\n", " must have at least one row, got none; "),
        ],
    )
    def test_what_is_no_table_is_refused(self, tmp_path, text, said):
        (tmp_path / "x.csv").write_text(text)
        assert refusal(read_table, tmp_path / "x.csv", "MLflow") == f"{tmp_path / 'x.csv'}{said}{self.REMEDY}"

    def test_what_is_no_text_is_refused(self, tmp_path):
        (tmp_path / "x.csv").write_bytes(b"a,\xff\n")
        said = refusal(read_table, tmp_path / "x.csv", "MLflow")
        assert said.startswith(f"{tmp_path / 'x.csv'} cannot be read as a CSV file of MLflow ('utf-8' codec ")
        assert said.endswith(f"; {self.REMEDY}")
        assert header_of(tmp_path / "x.csv") == []

    def test_a_table_knows_its_lines(self, tmp_path):
        (tmp_path / "x.csv").write_text('\ufeffa,b\n1,"2\n3"\n\n4,5\n', encoding="utf-8")
        table = read_table(tmp_path / "x.csv", "MLflow")
        assert (table.header, table.rows, table.lines) == (["a", "b"], [["1", "2\n3"], ["4", "5"]], [3, 5])
        assert table.records() == [{"a": "1", "b": "2\n3"}, {"a": "4", "b": "5"}]
        assert header_of(tmp_path / "x.csv") == ["a", "b"]

    def test_hidden_files_and_folders_are_no_tables(self, tmp_path):
        for name in ("b.csv", "a.csv", ".c.csv", "d.txt"):
            (tmp_path / name).write_text("a\n")
        (tmp_path / "e.csv").mkdir()
        assert [path.name for path in csv_files(tmp_path)] == ["a.csv", "b.csv", "e.csv"]
        assert header_of(tmp_path / "e.csv") == header_of(tmp_path / "none.csv") == []

    def test_numbers_may_be_nan_and_steps_may_not(self, tmp_path):
        assert math.isnan(number("nan", "x", tmp_path, 1))
        assert step({"at": "2.5"}, "at", tmp_path, 1) == 2.5
        assert refusal(number, "no", "x", tmp_path, 3) == (
            f"{tmp_path}, line 3: 'x' must be a number, got 'no'; {self.REMEDY}"
        )
        for text in ("nan", "inf"):
            assert refusal(step, {"at": text}, "at", tmp_path, 3) == (
                f"{tmp_path}, line 3: 'at' must be a finite number, got {text!r}; {self.REMEDY}"
            )

    @pytest.mark.parametrize(
        ("header", "chart"),
        [
            (["Step", "a - loss"], True),
            (["Step"], False),
            (["", "a - loss"], False),
            (["a - x", "a - loss"], False),
            (["Step", "a - loss", "x"], False),
        ],
    )
    def test_a_chart_is_known_by_its_header(self, header, chart):
        assert is_chart(header) is chart
        assert is_history([*header, "_step"])
        assert not is_history(header)


def trial(folder, number, status="COMPLETED", values=(0.25, 0.75), **settings):
    path = folder / f"trial_{number}" / "trial.json"
    path.parent.mkdir(parents=True)
    metrics = {"val_loss": {"direction": "min", "observations": [{"value": list(values), "step": 4}]}}
    content = {"trial_id": str(number), "status": status, "metrics": {"metrics": metrics}}
    path.write_text(json.dumps(content | {"hyperparameters": {"space": [], "values": settings | {"tuner/epochs": 3}}}))
    return path


class TestTuner:
    def test_a_trial_is_its_settings_and_the_mean_of_its_executions(self, tmp_path):
        trial(tmp_path, 1, l2=0.5, name="a", deep=True)
        trial(tmp_path, 2, "FAILED")
        with pytest.warns(UserWarning, match="left out") as warned:
            [one] = tuner_trials.read(tmp_path)
        assert str(warned[0].message) == f"{tmp_path}: left out are the trials trial_2 (FAILED)"
        assert (one.name, one.settings, one.counts_epochs) == ("1", {"l2": "0.5", "name": "a", "deep": "true"}, True)
        assert one.curves == {"val_loss": [(4.0, 0.5)]}
        assert one.place == str(tmp_path / "trial_1" / "trial.json")
        assert source_of(tmp_path) is of_folder.TUNER

    def test_trials_become_a_table(self, tmp_path):
        trial(tmp_path, 1, l2=0.5)
        trial(tmp_path, 2, l2=0.25, values=[1.0])
        table = read_logs(tmp_path)
        assert table["variant"].tolist() == ["l2=0.25", "l2=0.5"]
        assert table["val_loss"].tolist() == [1.0, 0.5]
        assert table["epoch"].tolist() == [5, 5]
        assert set(table["experiment"]) == {tmp_path.name}

    def test_without_a_completed_trial_there_is_nothing(self, tmp_path):
        trial(tmp_path, 1, "RUNNING")
        trial(tmp_path, 2, None)
        assert refusal(tuner_trials.read, tmp_path) == (
            f"{tmp_path} must hold a completed trial, got trial_1 (RUNNING), trial_2 (None); leave the trial out, or "
            "name another folder"
        )

    @pytest.mark.parametrize(
        ("field", "value", "got"),
        [
            ("metrics", {}, "none of 'metrics'"),
            ("hyperparameters", None, "a value of another kind ('NoneType' object is not subscriptable)"),
        ],
    )
    def test_a_trial_of_another_kind_is_refused(self, tmp_path, field, value, got):
        path = trial(tmp_path, 1)
        path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
        assert refusal(tuner_trials.read, tmp_path) == (
            f"{path} must be a trial of KerasTuner, got {got}; leave the trial out, or name another folder"
        )


def mlrun(experiment, name, deleted=False, run_name=None, curve="1 0.5 0\n1 0.25 1\n", **params):
    run = experiment / name
    for part in ("metrics", "params", "tags"):
        (run / part).mkdir(parents=True)
    stage = "deleted" if deleted else "active"
    (run / "meta.yaml").write_text(f"run_id: {name}\nlifecycle_stage: {stage}\nx: deleted\n")
    (experiment / "meta.yaml").write_text("")
    (run / "metrics" / "val_loss").write_text(curve)
    for key, text in params.items():
        (run / "params" / key).write_text(text)
    if run_name:
        (run / "tags" / "mlflow.runName").write_text(f"{run_name}\n")
    return run


class TestMlruns:
    def test_a_run_has_its_name_its_settings_and_its_curves_by_steps(self, tmp_path):
        run = mlrun(tmp_path / "1", "b", run_name="owl", curve="9 0.25 1\n8 0.5 0\n", l2="0.5")
        (run / "metrics" / "val").mkdir()
        (run / "metrics" / "val" / "acc").write_text("1 0.75 0\n")
        mlrun(tmp_path / "1", "a")
        mlrun(tmp_path / "1", "c", deleted=True)
        (tmp_path / "1" / "d" / "metrics").mkdir(parents=True)
        plain, named = mlruns_folder.read(tmp_path)
        assert (plain.name, plain.settings) == ("a", {})
        assert (named.name, named.settings, named.place) == ("owl", {"l2": "0.5"}, str(run))
        assert named.curves == {"val_loss": [(0.0, 0.5), (1.0, 0.25)], "val_accuracy": [(0.0, 0.75)]}
        assert [one.name for one in mlruns_folder.read(tmp_path / "1")] == ["a", "owl"]
        assert source_of(tmp_path) is of_folder.MLRUNS

    def test_two_experiments_are_refused(self, tmp_path):
        for name in ("2", "1", ".trash"):
            mlrun(tmp_path / name, "a")
        assert refusal(mlruns_folder.read, tmp_path) == (
            f"{tmp_path} must hold the runs of one experiment, got 1, 2; name one of them, as in {tmp_path / '1'}"
        )

    @pytest.mark.parametrize("line", ["1 0.5", "1 x 0", "1 0.5 x", "1 0.5 0.5"])
    def test_a_line_that_is_no_value_is_refused(self, tmp_path, line):
        run = mlrun(tmp_path / "1", "a", curve=f"1 0.5 0\n{line}\n")
        assert refusal(mlruns_folder.read, tmp_path) == (
            f"{run / 'metrics' / 'val_loss'}, line 2, must have a time, a value and a step, got {line!r}; correct the "
            "file, or name another folder"
        )


class TestSources:
    def test_what_each_cannot_tell(self):
        assert [(one.name, one.limit, one.read is None) for one in of_folder.SOURCES] == [
            ("keras.callbacks.CSVLogger", "", True),
            ("TensorBoard", "", False),
            (
                "Weights & Biases",
                "The export of a chart is a sample: of a run with more than some 1500 points it has a part.",
                False,
            ),
            (
                "MLflow",
                "A table of runs has the last value of each metric and no curves: alone, it makes runs of one epoch.",
                False,
            ),
            ("MLflow (mlruns)", "", False),
            (
                "KerasTuner",
                "A trial tells of one epoch only, that of its best score, and trials were chosen by what came before.",
                False,
            ),
        ]

    def test_files_of_two_tools_are_refused(self, tmp_path):
        (tmp_path / "a.csv").write_text("epoch,loss\n0,1\n")
        assert source_of(tmp_path) is of_folder.KERAS
        (tmp_path / "b.csv").write_text("run_id,key,value,step\nx,val_loss,1,0\n")
        assert refusal(source_of, tmp_path) == (
            f"{tmp_path} must hold the logs of one tool, got b.csv of MLflow and a.csv of keras.callbacks.CSVLogger; "
            "move one of them elsewhere"
        )
        assert source_of(tmp_path / "none") is None


class TestMlflowTables:
    def test_the_table_of_runs_names_the_runs_of_the_histories(self, tmp_path):
        (tmp_path / "a.csv").write_text("run_id,key,value,step\nx,val_loss,0.25,1\nx,val_loss,0.5,0\ny,val_loss,1,0\n")
        (tmp_path / "b.csv").write_text(
            "run_id,metrics.val_loss,params.l2,params.no,tags.mlflow.runName\nx,9,0.5,,owl\nz,9,1,,\n"
        )
        first, second = of_folder.MLFLOW.read(tmp_path)
        assert (first.name, first.settings, first.place) == ("owl", {"l2": "0.5"}, f"run owl in {tmp_path}")
        assert first.curves == {"val_loss": [(0.0, 0.5), (1.0, 0.25)]}
        assert (second.name, second.settings) == ("y", {})
        (tmp_path / "a.csv").unlink()
        assert [(one.name, one.curves) for one in of_folder.MLFLOW.read(tmp_path)] == [
            ("owl", {"val_loss": [(0, 9.0)]}),
            ("z", {"val_loss": [(0, 9.0)]}),
        ]

    def test_a_run_that_comes_twice_and_a_table_of_another_kind_are_refused(self, tmp_path):
        (tmp_path / "b.csv").write_text("run_id,metrics.val_loss\nx,9\nx,8\n")
        assert refusal(of_folder.MLFLOW.read, tmp_path) == (
            f"{tmp_path / 'b.csv'}, line 3: the run x comes twice; correct the file, or export it again"
        )
        (tmp_path / "b.csv").write_text("run_id,x\nx,9\n")
        assert refusal(of_folder.MLFLOW.read, tmp_path) == (
            f"{tmp_path / 'b.csv'} must have the columns run_id, key, value, step, or run_id and metrics.<name>, got "
            "run_id, x; leave it out"
        )


@pytest.mark.parametrize(("levels", "is_found"), [(0, True), (4, True), (5, False)])
def test_event_files_are_looked_for_four_folders_deep(tmp_path, levels, is_found):
    place = tmp_path.joinpath(*"abcdefg"[:levels])
    place.mkdir(parents=True, exist_ok=True)
    (place / "events.out.tfevents.1").write_bytes(b"")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "events.out.tfevents.1").write_bytes(b"")
    assert tensorboard_events.event_folders(tmp_path) == ([place] if is_found else [])
