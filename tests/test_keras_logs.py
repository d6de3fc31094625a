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
            "the history of variant 'none', seed 0 must have the column 'val_loss', got loss, epoch; "
            "fit with validation_data",
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
        f"{tmp_path} holds neither histories.csv nor a log of keras.callbacks.CSVLogger; name another"
    )
