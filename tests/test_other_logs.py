"""Logs of other tools, written by those tools where they are installed, and read as histories."""

import json
import math
import os
import shutil

import numpy as np
import pandas as pd
import pytest

from lab import pages, results
from lab.checks import DataError, UsageError
from lab.cli.app import answer
from lab.results import elsewhere
from lab.results.imported import import_logs
from lab.results.logs import folder as of_folder
from lab.results.logs.folder import read_logs, source_of
from lab.results.logs.grouping import Place, places
from lab.results.logs.metrics import column_of

EPOCHS = 9


def curve(variant, seed, split):
    """A falling curve, exact in single precision, as event files hold it."""
    level = {"none": 0.5, "l2": 0.25}[variant] + seed / 16 + (0.125 if split == "val" else 0)
    return [float(np.float32(level + 2.0**-epoch)) for epoch in range(EPOCHS)]


RUNS = [(variant, seed) for variant in ("l2", "none") for seed in range(3)]


def expected(folder):
    """The table of all runs with train and validation losses."""
    tables = []
    for variant, seed in RUNS:
        table = pd.DataFrame({"epoch": range(1, EPOCHS + 1)}).reindex(columns=list(results.HISTORY))
        table["loss"], table["val_loss"] = curve(variant, seed, "train"), curve(variant, seed, "val")
        tables.append(table.assign(experiment=folder.name, variant=variant, seed=seed))
    whole = pd.concat(tables, ignore_index=True)[[*results.KEYS, *results.HISTORY]]
    return whole.astype(dict.fromkeys(results.HISTORY[1:], float))


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def wandb_charts(folder):
    """What "Export CSV" of two charts of Weights & Biases gives."""
    folder.mkdir()
    for split, metric in (("train", "loss"), ("val", "val_loss")):
        columns = {"Step": range(EPOCHS)}
        for variant, seed in RUNS:
            for suffix in ("", "__MIN", "__MAX"):
                columns[f"{variant}-seed{seed} - {metric}{suffix}"] = curve(variant, seed, split)
            columns[f"{variant}-seed{seed} - _step"] = range(EPOCHS)
        pd.DataFrame(columns).to_csv(folder / f"wandb_export_{metric}.csv", index=False, quoting=1)
    return folder


def wandb_histories(folder):
    """What `run.history().to_csv()` gives, with the names of its callback for Keras, epochs every 100 steps."""
    folder.mkdir()
    for variant, seed in RUNS:
        at = [100 * epoch + 99 for epoch in range(EPOCHS)]
        rows = {"_step": at, "_runtime": at, "epoch/loss": curve(variant, seed, "train")}
        rows["epoch/val_loss"] = curve(variant, seed, "val")
        pd.DataFrame(rows).to_csv(folder / f"{variant}_seed={seed}.csv")
    return folder


def tensorboard_folders(folder):
    """What `SummaryWriter` of PyTorch gives: events with simple values, and tags as its tutorial has them."""
    pytest.importorskip("tensorboard")
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    for variant, seed in RUNS:
        place = folder / f"{variant}-seed{seed}"
        place.mkdir(parents=True)
        with open(place / "events.out.tfevents.1.host", "wb") as file:
            writer = RecordWriter(file)
            for epoch in range(EPOCHS):
                for tag, split in (("Loss/train", "train"), ("Loss/val", "val")):
                    value = Summary.Value(tag=tag, simple_value=curve(variant, seed, split)[epoch])
                    event = Event(wall_time=1.0, step=epoch, summary=Summary(value=[value]))
                    writer.write(event.SerializeToString())
            writer.flush()
    return folder


def mlflow_store(folder):
    """A store of MLflow in files, with the seed and the strength as parameters and names that MLflow chose."""
    mlflow = pytest.importorskip("mlflow")
    from mlflow.entities import Metric, Param

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        client = mlflow.tracking.MlflowClient(tracking_uri=folder.as_uri())
        experiment = client.create_experiment("digits")
        for variant, seed in RUNS:
            run = client.create_run(experiment, run_name=f"gray-owl-{len(variant)}{seed}", start_time=0).info.run_id
            metrics = [
                Metric(name, value, 0, epoch)
                for name, split in (("loss", "train"), ("val_loss", "val"))
                for epoch, value in enumerate(curve(variant, seed, split))
            ]
            params = [Param("regularizer", variant), Param("seed", str(seed)), Param("epochs", str(EPOCHS))]
            client.log_batch(run, metrics=metrics, params=params)
            client.set_terminated(run, end_time=0)
        gone = client.create_run(experiment, run_name="a mistake", start_time=0).info.run_id
        client.log_metric(gone, "val_loss", math.nan)
        client.delete_run(gone)
        runs = mlflow.tracking.MlflowClient(folder.as_uri()).search_runs([experiment])
        histories = [
            {"run_id": run.info.run_id, "key": m.key, "value": m.value, "timestamp": m.timestamp, "step": m.step}
            for run in runs
            for name in ("loss", "val_loss")
            for m in client.get_metric_history(run.info.run_id, name)
        ]
        patch.setattr("mlflow.tracking._tracking_service.utils._tracking_uri", folder.as_uri(), raising=False)
        mlflow.set_tracking_uri(folder.as_uri())
        table = mlflow.search_runs([experiment])
        mlflow.set_tracking_uri(None)
    return histories, table


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store") / "mlruns"
    histories, table = mlflow_store(folder)
    return folder, histories, table


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder of each kind of logs that needs no package."""
    place = tmp_path_factory.mktemp("logs")
    return {"charts": wandb_charts(place / "charts"), "histories": wandb_histories(place / "histories")}


@pytest.mark.parametrize("kind", ["charts", "histories"])
def test_exports_of_wandb_are_read_as_they_were_logged(made, kind):
    folder = made[kind]
    before = files(folder)
    pd.testing.assert_frame_equal(read_logs(folder), expected(folder))
    pd.testing.assert_frame_equal(results.load(folder), expected(folder))
    assert source_of(folder) is of_folder.WANDB
    assert files(folder) == before


def test_event_files_of_tensorboard_are_read_as_they_were_logged(tmp_path):
    folder = tensorboard_folders(tmp_path / "events")
    before = files(folder)
    pd.testing.assert_frame_equal(read_logs(folder), expected(folder))
    assert source_of(folder) is of_folder.TENSORBOARD
    assert files(folder) == before


def test_folders_of_the_keras_callback_are_one_run_with_two_splits(tmp_path):
    pytest.importorskip("tensorboard")
    import keras

    x, y = np.zeros((4, 2), "float32"), np.zeros(4)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    folder = tmp_path / "keras"
    callback = keras.callbacks.TensorBoard(str(folder / "dropout=.5-seed2"), write_graph=False)
    fitted = model.fit(x, y, epochs=2, validation_data=(x, y), verbose=0, callbacks=[callback]).history
    table = read_logs(folder)
    assert list(table[["variant", "seed", "epoch"]].itertuples(index=False, name=None)) == [
        ("dropout=.5", 2, 1),
        ("dropout=.5", 2, 2),
    ]
    for column in ("loss", "accuracy", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(table[column], fitted[column], rtol=1e-6)
    np.testing.assert_allclose(table["learning_rate"], 0.01, rtol=1e-6)


def test_a_store_of_mlflow_is_read_by_its_parameters_without_the_deleted_run(store):
    folder, _, _ = store
    # MLflow's folders are called by numbers.
    one = next(path for path in folder.iterdir() if path.name.isdigit() and path.name != "0")
    for place in (folder, one):
        table = read_logs(place)
        want = expected(place).assign(variant=lambda t: "regularizer=" + t["variant"])
        pd.testing.assert_frame_equal(table, want)


def test_a_history_of_mlflow_takes_names_and_settings_from_the_table_of_runs(store, tmp_path):
    _, histories, table = store
    both, last = tmp_path / "both", tmp_path / "last"
    for place in (both, last):
        place.mkdir()
        table.to_csv(place / "runs.csv", index=False)
    pd.DataFrame(histories).to_csv(both / "metrics.csv", index=False)
    want = expected(both).assign(variant=lambda t: "regularizer=" + t["variant"])
    pd.testing.assert_frame_equal(read_logs(both), want)
    ends = read_logs(last)
    assert (ends["epoch"] == 1).all()
    assert list(ends["val_loss"]) == [curve(variant, seed, "val")[-1] for variant, seed in RUNS]


def test_what_the_lab_exports_to_mlflow_comes_back(tmp_path, monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    logs = wandb_charts(tmp_path / "charts")
    monkeypatch.setattr(elsewhere, "read_tables", lambda _: elsewhere_tables(logs))
    elsewhere.write_mlflow(tmp_path / "charts", (tmp_path / "back").as_uri())
    back = read_logs(tmp_path / "back")
    pd.testing.assert_frame_equal(back, expected(tmp_path / "back"))


def elsewhere_tables(logs):
    from lab.results.keras_logs import tables_of

    return tables_of(read_logs(logs))


def tuner_project(folder):
    """What KerasTuner leaves of two settings with two trials each, and of a trial that failed."""
    tuner = pytest.importorskip("keras_tuner")
    from keras_tuner.src.engine.metrics_tracking import MetricObservation

    trials = [(l2, loss) for l2 in (0.0, 0.5) for loss in (0.25, 0.75)]
    for number, (l2, loss) in enumerate([*trials, (1.0, math.nan)]):
        space = tuner.HyperParameters()
        space.Float("l2", 0, 1)
        space.Fixed("units", 8)
        space.values = {"l2": l2, "units": 8, "tuner/epochs": 3}
        trial = tuner.engine.trial.Trial(space, trial_id=f"{number:02}", status="COMPLETED")
        if math.isnan(loss):
            trial.status = "FAILED"
        else:
            for name in ("loss", "val_loss"):
                trial.metrics.register(name, "min")
                trial.metrics.set_history(name, [MetricObservation([loss, loss + 0.25], step=5 + number)])
        place = folder / f"trial_{trial.trial_id}"
        place.mkdir(parents=True)
        trial.save(str(place / "trial.json"))
    return folder


def test_trials_of_keras_tuner_are_grouped_by_equal_settings(tmp_path):
    folder = tuner_project(tmp_path / "search")
    with pytest.warns(UserWarning, match="left out") as warned:
        table = read_logs(folder)
    assert [str(one.message) for one in warned] == [f"{folder}: left out are the trials trial_04 (FAILED)"]
    assert list(table[["variant", "seed", "epoch", "val_loss"]].itertuples(index=False, name=None)) == [
        ("l2=0.0", 0, 6, 0.375),
        ("l2=0.0", 1, 7, 0.875),
        ("l2=0.5", 0, 8, 0.375),
        ("l2=0.5", 1, 9, 0.875),
    ]


def test_a_page_says_whose_logs_it_shows_and_what_they_cannot_tell(tmp_path):
    logs = wandb_charts(tmp_path / "charts")
    folder = import_logs(logs, tmp_path / "results")
    page = pages.experiment_page(folder).read_text()
    assert "What these logs cannot tell" in page
    assert "The histories were logged by others (Weights &amp; Biases), which leaves some things open." in page
    assert "The export of a chart is a sample" in page


def test_compare_reads_logs_and_writes_nothing_beside_them(tmp_path, capsys):
    logs = wandb_charts(tmp_path / "charts")
    before = files(logs)
    answer(["compare", str(logs), "--baseline", "none", "--format", "csv"])
    assert capsys.readouterr().out.splitlines()[2].startswith("l2,val_loss,3,")
    assert files(logs) == before


@pytest.mark.parametrize(
    ("name", "folder", "column"),
    [
        ("loss", "", "loss"),
        ("val_loss", "", "val_loss"),
        ("epoch_loss", "validation", "val_loss"),
        ("epoch_sparse_categorical_accuracy", "train", "accuracy"),
        ("Loss/train", "", "loss"),
        ("val/acc", "", "val_accuracy"),
        ("epoch/learning_rate", "", "learning_rate"),
        ("keras/learning_rate", "", "learning_rate"),
        ("eval/loss", "", "val_loss"),
        ("train_loss_epoch", "", "loss"),
        ("train_loss_step", "", ""),
        ("evaluation_loss_vs_iterations", "validation", ""),
        ("test_loss", "", ""),
        ("loss", "test", ""),
        ("train/val_loss", "", ""),
        ("val_learning_rate", "", "learning_rate"),
        ("gradient_norm", "", ""),
    ],
)
def test_a_metric_is_the_column_that_its_words_say(name, folder, column):
    assert column_of(name, folder) == column


def test_names_and_settings_say_variant_and_seed():
    runs = [("l2-seed3", {}), ("l2_seed=4", {"l2": "9"}), ("drop/seed_5", {}), ("seed7", {}), ("plain", {})]
    assert places(runs, "all") == [
        Place("l2", 3),
        Place("l2", 4),
        Place("drop", 5),
        Place("all", 7),
        Place("plain", 0),
    ]
    same = [("a", {"seed": "1", "width": "8"}), ("b", {"seed": "2", "width": "8"})]
    assert places(same, "all") == [Place("all", 1), Place("all", 2)]


def test_what_was_logged_more_often_than_the_validation_loss_is_its_mean(tmp_path):
    folder = tmp_path / "steps"
    folder.mkdir()
    rows = [(0, 4.0, ""), (1, 2.0, 1.0), (2, 1.0, ""), (3, 3.0, 0.5), (4, 9.0, "")]
    pd.DataFrame(rows, columns=["_step", "loss", "val_loss"]).to_csv(folder / "a.csv", index=False)
    assert list(read_logs(folder)["loss"]) == [3.0, 2.0]


CHART = '"Step","a - val_loss","a - val_loss__MIN","a - val_loss__MAX"\n0,0.5,0.5,0.5\n1,0.25,0.25,0.25\n'
HISTORY = "_step,loss,val_loss\n0,1.0,0.5\n1,0.5,0.25\n"
MLFLOW = "run_id,key,value,step\nx,val_loss,0.5,0\nx,val_loss,0.25,1\n"
REMEDY = "correct the file, or export it again"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            {"a.csv": CHART.replace("1,0.25,0.25,0.25", "1,0.25,0.125,0.5")},
            "{folder}/a.csv, line 3: 'a - val_loss' must have equal __MIN and __MAX, got several values in one, of a "
            "chart that groups runs or steps; ungroup the runs and export it without smoothing",
        ),
        (
            {"a.csv": CHART.replace("1,0.25", "1,low")},
            f"{{folder}}/a.csv, line 3: 'a - val_loss' must be a number, got 'low'; {REMEDY}",
        ),
        (
            {"a.csv": CHART.replace("\n1,0.25,", "\n1,")},
            f"{{folder}}/a.csv, line 3, must have 4 values, got 3; {REMEDY}",
        ),
        ({"a.csv": CHART.split("\n")[0] + "\n"}, f"{{folder}}/a.csv must have at least one row, got none; {REMEDY}"),
        (
            {"a.csv": CHART.replace("\n1,", "\nnan,")},
            f"{{folder}}/a.csv, line 3: 'Step' must be a finite number, got 'nan'; {REMEDY}",
        ),
        (
            {"a.csv": CHART.replace("\n1,", "\n0,")},
            "run a in {folder}: step 0 of 'val_loss' comes after step 0, so there are several trainings in one run; "
            "give each training a run of its own",
        ),
        (
            {"a.csv": CHART, "b.csv": CHART},
            f"{{folder}} must have val_loss of a once, got it again in b.csv; {REMEDY}",
        ),
        (
            {"a.csv": CHART.replace("val_loss", "loss")},
            "run a in {folder} must have a validation loss, as 'val_loss', got loss; log or export it too",
        ),
        (
            {"a.csv": HISTORY.replace("loss,val_loss", "val/loss,val_loss")},
            "{folder}/a.csv must have one metric for 'val_loss', got val/loss and val_loss; leave one out",
        ),
        (
            {"a-seed0.csv": HISTORY, "a_seed0.csv": HISTORY},
            "the logs in logs must have one run per variant and seed, got a-seed0 and a_seed0 for variant 'a', seed 0; "
            "rename one of them, as in a-seed1",
        ),
        (
            {"a.csv": HISTORY.replace("0.25", "1e308")},
            "{folder}/a.csv, step 1: 'val_loss' must be a number within 1e+100, got 1e+308; correct the log, or name "
            "another one",
        ),
        (
            {"a.csv": MLFLOW.replace("0.25", "low")},
            f"{{folder}}/a.csv, line 3: 'value' must be a number, got 'low'; {REMEDY}",
        ),
        (
            {"a.csv": "run_id,metrics.val_loss\nx,0.5\nx,0.25\n"},
            f"{{folder}}/a.csv, line 3: the run x comes twice; {REMEDY}",
        ),
        (
            {"a.csv": CHART, "b.csv": MLFLOW},
            "{folder} must hold the logs of one tool, got b.csv of MLflow and a.csv of Weights & Biases; move one of "
            "them elsewhere",
        ),
        (
            {"a.csv": MLFLOW.replace("x,val_loss,0.25,1", "x,val_loss,0.25,0")},
            "run x in {folder}: step 0 of 'val_loss' comes after step 0, so there are several trainings in one run; "
            "give each training a run of its own",
        ),
        (
            {"trial_0/trial.json": json.dumps({"status": "FAILED"})},
            "{folder} must hold a completed trial, got trial_0 (FAILED); leave the trial out, or name another folder",
        ),
        (
            {"trial_0/trial.json": json.dumps({"status": "COMPLETED"})},
            "{folder}/trial_0/trial.json must be a trial of KerasTuner, got none of 'hyperparameters'; leave the trial "
            "out, or name another folder",
        ),
        (
            {"meta.yaml": "", "r/meta.yaml": "", "r/metrics/val_loss": "1 0.5 0\n1 0.5\n"},
            "{folder}/r/metrics/val_loss, line 2, must have a time, a value and a step, got '1 0.5'; correct the file, "
            "or name another folder",
        ),
        (
            {f"{one}/{name}": "" for one in "pq" for name in ("meta.yaml", "r/meta.yaml", "r/metrics/x")},
            "{folder} must hold the runs of one experiment, got p, q; name one of them, as in {folder}/p",
        ),
        (
            {"notes.txt": ""},
            "{folder} holds neither histories.csv nor logs of CSVLogger, TensorBoard, W&B, MLflow or KerasTuner; "
            "name another",
        ),
    ],
)
def test_damaged_and_ambiguous_logs_are_refused_in_a_sentence(tmp_path, written, said):
    folder = tmp_path / "logs"
    for name, text in written.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with pytest.raises(DataError) as caught:
        read_logs(folder)
    assert str(caught.value) == said.format(folder=folder)


def test_a_torn_event_file_ends_where_it_is_torn_and_a_changed_one_is_refused(tmp_path):
    folder = tensorboard_folders(tmp_path / "events")
    [path] = (folder / "none-seed2").iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    assert read_logs(folder).groupby(["variant", "seed"]).size().tolist() == [EPOCHS] * 5 + [EPOCHS - 1]
    path.write_bytes(whole[:-30] + b"?" + whole[-29:])
    with pytest.raises(DataError) as caught:
        read_logs(folder)
    assert str(caught.value) == (
        f"{path} is damaged ({path} failed event crc32 check); leave the file out, or log the run again"
    )


def test_a_training_that_was_logged_twice_into_a_folder_is_refused(tmp_path):
    folder = tensorboard_folders(tmp_path / "events")
    [path] = (folder / "none-seed2").iterdir()
    shutil.copy(path, path.with_name(path.name + ".again"))
    with pytest.raises(DataError) as caught:
        read_logs(folder)
    assert str(caught.value) == (
        f"{folder / 'none-seed2'}: step 0 of 'loss' comes after step 8, so there are several trainings in one run; "
        "give each training a run of its own"
    )


def test_event_files_without_tensorboard_are_refused_with_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "events.out.tfevents.1.host").write_bytes(b"")
    monkeypatch.setattr(elsewhere.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError) as caught:
        read_logs(tmp_path)
    assert str(caught.value) == (
        f"the package tensorboard must be installed to read the event files in {tmp_path}, got an installation without "
        "it; pip install 'regularization-lab[tensorboard]' brings it"
    )


def test_nothing_is_looked_for_far_below_a_folder(tmp_path):
    deep = tmp_path.joinpath(*"abcdef")
    os.makedirs(deep)
    (deep / "events.out.tfevents.1.host").write_bytes(b"")
    assert source_of(tmp_path) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_a_fifo_among_the_logs_is_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.csv")
    assert source_of(tmp_path) is of_folder.KERAS
    with pytest.raises(DataError, match="must be a file, got a FIFO"):
        read_logs(tmp_path)
