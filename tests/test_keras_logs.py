"""Training that the lab did not run: what Keras logged is read, and nothing is guessed."""

import keras
import numpy as np
import pandas as pd
import pytest

from lab import report, results
from lab.checks import DataError, UsageError
from lab.results.keras_logs import from_keras, from_logs, tables_of


def logs(epochs=30, rise=0.0, seed=0):
    generator = np.random.default_rng(seed)
    epoch = np.arange(epochs)
    curve = 1 / (1 + epoch) + generator.normal(0, 0.001, epochs)
    return {
        "accuracy": list(1 - curve / 2),
        "loss": list(curve),
        "val_accuracy": list(1 - curve / 2),
        "val_loss": list(curve + 0.1 + rise * np.maximum(0, epoch - 5)),
    }


def fitted(tmp_path, name):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    x, y = np.random.default_rng(0).normal(size=(30, 2)).astype("float32"), np.arange(30) % 3
    logger = keras.callbacks.CSVLogger(str(tmp_path / f"{name}.csv"))
    return model.fit(x, y, epochs=3, validation_data=(x, y), verbose=0, callbacks=[logger], shuffle=False)


def test_a_history_and_the_file_of_its_logger_are_read_alike(tmp_path):
    history = fitted(tmp_path, "none-seed0")
    table = from_keras({"none": history})
    assert list(table.columns) == [*results.KEYS, *results.HISTORY]
    assert list(table["epoch"]) == [1, 2, 3], "Keras counts from 0, the lab from 1"
    np.testing.assert_allclose(table["val_loss"], history.history["val_loss"])
    read = from_logs(tmp_path)
    pd.testing.assert_frame_equal(read.drop(columns="experiment"), table.drop(columns="experiment"))
    pd.testing.assert_frame_equal(from_keras({"none": history.history}), table)
    pd.testing.assert_frame_equal(results.load({"none": history}), table)
    pd.testing.assert_frame_equal(results.load(tmp_path), read)
    file = results.load(tmp_path / "none-seed0.csv")
    pd.testing.assert_frame_equal(file[list(results.HISTORY)], table[list(results.HISTORY)])


def test_what_keras_does_not_say_stays_missing():
    table = from_keras({"none": logs()})
    for column in ("data_loss", "penalty", "train_data_loss", "val_data_loss", "val_penalty", "learning_rate"):
        assert table[column].isna().all(), column


def test_several_histories_of_a_variant_are_its_seeds():
    table = from_keras({"none": [logs(seed=0), logs(seed=1)], "half": [logs(seed=2)]})
    assert table.groupby("variant", sort=False)["seed"].unique().map(list).to_dict() == {"none": [0, 1], "half": [0]}


def test_facts_and_comparison_rest_on_the_logged_losses():
    made = {name: [logs(rise=rise, seed=seed) for seed in range(3)] for name, rise in (("none", 0.05), ("half", 0.0))}
    tables = tables_of(from_keras(made))
    facts = tables.summary.set_index(["variant", "seed"])
    assert facts.loc[("none", 0), "verdict"] == "overfits"
    assert facts.loc[("none", 0), "kept_epoch"] == 6
    assert facts.loc[("half", 0), "verdict"] != "overfits"
    assert np.isclose(facts.loc[("none", 1), "val_loss"], min(made["none"][1]["val_loss"]))
    row = tables.comparison.set_index("variant").loc["half"]
    best = [[min(run["val_loss"]) for run in made[name]] for name in ("half", "none")]
    assert np.isclose(row["difference"], np.mean(best[0]) - np.mean(best[1]))


def test_the_other_names_that_keras_has_for_accuracy_are_read_for_both_splits():
    names = {"acc": [0.5], "val_acc": [0.25], "loss": [1.0], "val_loss": [2.0], "lr": [0.125]}
    [row] = from_keras({"none": names}).to_dict("records")
    assert (row["accuracy"], row["val_accuracy"], row["learning_rate"]) == (0.5, 0.25, 0.125)


def test_figures_are_drawn_of_what_is_there(tmp_path):
    tables = tables_of(from_keras({"none": [logs(seed=0), logs(seed=1)], "half": [logs(seed=2), logs(seed=3)]}))
    names = {path.stem for path in report.draw_all(tables.histories, None, None, tmp_path)}
    assert "overfitting_loss" in names
    assert "overfitting_data_loss" not in names


@pytest.mark.parametrize(
    ("histories", "kind", "said"),
    [
        ({}, UsageError, "histories must be a dict from variants to histories and not empty, got {}"),
        (
            {"none": {"loss": [1.0]}},
            DataError,
            "the history of variant 'none', seed 0 must have the column 'val_loss', got loss; fit with validation_data",
        ),
        (
            {"none": {"val_loss": [1.0]}},
            DataError,
            "the history of variant 'none', seed 0 must have the column 'loss', got val_loss; "
            "name a history of keras.Model.fit",
        ),
        (
            {"none": {"loss": [], "val_loss": []}},
            DataError,
            "the history of variant 'none', seed 0 must have at least one epoch, got none",
        ),
        (
            {"none": {"loss": [1.0, 0.5], "val_loss": [1.0]}},
            DataError,
            "the history of variant 'none', seed 0 must have as many values of 'val_loss' as of 'loss', 2, got 1; "
            "fit with validation_freq=1",
        ),
        (
            {"none": {"loss": [1.0, "low"], "val_loss": [1.0, 1.0]}},
            DataError,
            "the history of variant 'none', seed 0, epoch 2: 'loss' must be a number, got 'low'; correct it",
        ),
        (
            {"none": {"loss": [1.0, 2.0], "val_loss": [1.0, 2.0], "epoch": [0, 0]}},
            DataError,
            "the history of variant 'none', seed 0, epoch 2: epoch 0 comes after epoch 0, so there are several "
            "trainings in one history; give each training a file of its own, as in <variant>-seed0.csv and "
            "<variant>-seed1.csv",
        ),
        (
            {"none": {"loss": [1.0], "val_loss": [1.0], "acc": [1.0], "binary_accuracy": [1.0]}},
            DataError,
            "the history of variant 'none', seed 0 must have one column for 'accuracy', got acc and binary_accuracy; "
            "leave one out",
        ),
        (
            {"none": {"loss": 0.5, "val_loss": [1.0]}},
            UsageError,
            "a history must have a list of numbers for 'loss', got 0.5 for variant 'none'",
        ),
        ({"none": []}, UsageError, "variant 'none' must have at least one history, got []"),
        (
            {"none": [0.5, 0.4]},
            UsageError,
            "a history must be a keras History, its dict, or a CSVLogger file, got float for variant 'none'",
        ),
        (
            {"none": 3},
            UsageError,
            "a history must be a keras History, its dict, or a CSVLogger file, got int for variant 'none'",
        ),
    ],
)
def test_what_is_no_history_is_refused(histories, kind, said):
    with pytest.raises(kind) as caught:
        from_keras(histories)
    assert str(caught.value) == said


def test_a_folder_without_logs_is_told(tmp_path):
    with pytest.raises(DataError) as caught:
        from_logs(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} holds neither histories.csv nor logs of CSVLogger, TensorBoard, W&B, MLflow or KerasTuner; "
        "name another"
    )


LOG = "epoch,accuracy,loss,val_accuracy,val_loss\n0,0.5,1.0,0.4,1.1\n1,0.6,0.9,0.5,1.0\n2,0.7,0.8,0.6,0.9\n"
REMEDY = "correct the file, or name another one"


def log(folder, text=LOG, name="none-seed0.csv"):
    path = folder / name
    path.write_text(text)
    return path


SECOND = "give each training a file of its own, as in none-seed0.csv and none-seed1.csv"
SEVERAL = f"epoch 0 comes after epoch 2, so there are several trainings in one history; {SECOND}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LOG + LOG.split("\n", 1)[1], f", line 5: {SEVERAL}"),
        (LOG + LOG, f", line 5, begins a second training; {SECOND}"),
        (LOG + "5,0.7,0.8,0.6,0.9\n", f", line 5: 'epoch' must be 3, got 5; {REMEDY}"),
        (LOG.replace("\n0,", "\n-1,"), f", line 2: 'epoch' must be a whole number of at least 0, got -1; {REMEDY}"),
        (LOG.replace("\n1,", "\n0.5,"), f", line 3: 'epoch' must be 1, got 0.5; {REMEDY}"),
        (LOG.replace("\n1,", "\nnan,"), f", line 3: 'epoch' must be a number within 1e+100, got nan; {REMEDY}"),
        (LOG.replace("0.9,", "much,"), f", line 3: 'loss' must be a number, got 'much'; {REMEDY}"),
        (LOG.replace("0.9,", "NA,"), f", line 3: 'loss' must be a number, got 'NA'; {REMEDY}"),
        (LOG.replace("0.9,", "1e308,"), f", line 3: 'loss' must be a number within 1e+100, got 1e308; {REMEDY}"),
        (LOG.replace(",1.0\n", ",NA\n"), ", line 3: 'val_loss' was not measured; fit with validation_freq=1"),
        (LOG.replace("1,0.6,", "1,"), f", line 3, must have 5 values, got 4; {REMEDY}"),
        (LOG.replace("val_loss", "loss"), " cannot be read as a log of keras.callbacks.CSVLogger "
         f"(the column 'loss' comes twice); {REMEDY}"),
        (LOG.split("\n")[0] + "\n", f" must have at least one finished epoch, got none; {REMEDY}"),
        ("", f" must have at least one finished epoch, got none; {REMEDY}"),
        ("day,price\n1,2\n", " must have the column 'loss', got day, price; name a history of keras.Model.fit"),
    ],
    ids=["appended", "appended with its header", "a lost line", "a negative epoch", "half an epoch", "no epoch",
         "a word", "NA", "1e308", "no validation", "a value lost", "a column twice", "only a header", "nothing",
         "another table"],
)  # fmt: skip
def test_a_log_that_cannot_be_one_training_is_refused_by_file_and_line_and_stays_as_it_is(tmp_path, text, said):
    path = log(tmp_path, text)
    for read in (from_logs, results.load):
        with pytest.raises(DataError) as caught:
            read(tmp_path)
        assert str(caught.value) == f"{path}{said}"
    assert path.read_text() == text


def test_a_log_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "none.csv"
    path.write_bytes(b"\xff\x00")
    with pytest.raises(DataError) as caught:
        from_logs(tmp_path)
    assert str(caught.value) == (
        f"{path} cannot be read as a log of keras.callbacks.CSVLogger ('utf-8' codec can't decode byte 0xff in "
        f"position 0: invalid start byte); {REMEDY}"
    )


@pytest.mark.parametrize("lost", [1, 4, 9, 17], ids="{} characters".format)
def test_a_torn_last_line_keeps_the_finished_epochs_and_says_so(tmp_path, lost):
    path = log(tmp_path, LOG[:-lost])
    with pytest.warns(UserWarning, match="is torn") as caught:
        table = from_logs(tmp_path)
    assert [str(warning.message) for warning in caught] == [
        f"{path}, line 4, is torn and left out; the log ends after 2 finished epochs"
    ]
    assert list(table["epoch"]) == [1, 2]
    assert list(table["val_loss"]) == [1.1, 1.0]


def test_a_training_that_was_resumed_is_one_training_and_its_epochs_are_those_of_keras(tmp_path):
    log(tmp_path, LOG + "3,0.8,0.7,0.7,0.8\n")
    log(tmp_path, LOG.replace("\n0,", "\n5,").replace("\n1,", "\n6,").replace("\n2,", "\n7,"), "late.csv")
    table = from_logs(tmp_path)
    assert list(table.loc[table["variant"] == "none", "epoch"]) == [1, 2, 3, 4]
    assert list(table.loc[table["variant"] == "late", "epoch"]) == [6, 7, 8]


@pytest.mark.parametrize("separator", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
def test_the_separator_of_a_log_is_found(tmp_path, separator):
    log(tmp_path, LOG.replace(",", separator))
    assert list(from_logs(tmp_path)["val_loss"]) == [1.1, 1.0, 0.9]


def test_the_column_called_accuracy_is_the_accuracy_whatever_else_was_measured():
    table = from_keras({"none": {"loss": [1.0], "val_loss": [1.0], "accuracy": [0.5], "binary_accuracy": [0.9]}})
    assert list(table["accuracy"]) == [0.5]


@pytest.mark.parametrize("names", [("none-seed0.csv", "none.csv"), ("none-seed007.csv", "none-seed7.csv")])
def test_two_files_of_one_run_are_refused(tmp_path, names):
    for name in names:
        log(tmp_path, name=name)
    with pytest.raises(DataError) as caught:
        from_logs(tmp_path)
    seed = 7 if "7" in names[0] else 0
    assert str(caught.value) == (
        f"{tmp_path} must have one file per run, got {names[0]} and {names[1]} for variant 'none', seed {seed}; "
        "rename one of them"
    )


def test_the_tables_of_an_experiment_are_no_logs(tmp_path):
    results.write_experiment(tmp_path, {"name": "x", "baseline": "none", "runs": []})
    (tmp_path / "summary.csv").write_text("variant,seed\nnone,0\n")
    with pytest.raises(DataError) as caught:
        results.load(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'histories.csv'} does not exist; run the experiment first, or name its folder"
    )
