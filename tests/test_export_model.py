"""The model of a run as a file: the same run again, with the weights of its kept epoch."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from lab import cli, results
from lab.data import Preprocessing, from_arrays, from_frame, moons
from lab.data.description import description
from tests.test_data_frames import houses

SCRIPT = """
from functools import partial
import lab
from lab import data, models
load = partial(data.moons, train_size=40, validation_size=30, test_size=30)
net = partial(models.dense, widths=(8,))
training = lab.Training(epochs=4, learning_rate=0.1, batch_size=10)
drop = partial(net, regularization=lab.Regularization(dropout=0.5))
pairs = {"none": net, "drop": drop}
variants = {name: lab.Variant(data=load, model=model, training=training) for name, model in pairs.items()}
EXPERIMENT = lab.Experiment(name="tiny", variants=variants, baseline="none", seeds=(0, 1), question="?")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tiny.py").write_text(SCRIPT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_model_of_a_published_run_is_written_and_is_the_run_to_the_last_digit(folder, capsys):
    from lab.cli.find import find
    from lab.run import run

    done = run(find("tiny.py"))
    cli.lab(["export", "model", "tiny.py", "--variant", "drop", "--seed", "1", "-o", "out.keras"])
    (name,) = (path.name for path in (done / "runs").glob("drop-seed1-*"))
    record, history = results.read_run(done / "runs" / name)
    kept = record["kept_epoch"]
    assert capsys.readouterr().out.splitlines() == [
        "model: out.keras",
        "preprocessing: out.json",
        f"run: {name}, the same to the last digit as the published one; weights of epoch {kept}",
        "outputs: as the loss takes them, so for classes logits and no probabilities",
    ]
    data = moons(train_size=40, validation_size=30, test_size=30)
    assert json.loads(Path("out.json").read_text(encoding="utf-8"))["classes"] == list(data.classes)
    model = keras.saving.load_model("out.keras")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    measured = float(loss(data.validation.y, model(data.validation.x)))
    assert np.isclose(measured, history.set_index("epoch")["val_data_loss"][kept], rtol=1e-5)


def test_a_model_that_was_kept_is_exported_without_training_and_trained_again_where_it_is_torn(
    folder, capsys, monkeypatch
):
    def no_training(*_, **__):
        raise AssertionError("trained")

    cli.lab(["run", "tiny.py", "--keep-models", "best", "--seeds", "1"])
    runs = sorted((folder / "results" / "tiny" / "runs").iterdir())
    assert {path.name for path in runs[0].iterdir()} == {"history.csv", "run.json", "model.keras", "model.json"}
    place = next(path for path in runs if path.name.startswith("drop-"))
    capsys.readouterr()
    export = ["export", "model", "tiny.py", "--variant", "drop", "-o", "out.keras"]
    with monkeypatch.context() as patch:
        patch.setattr("lab.run.train", no_training)
        cli.lab(export)
    epoch = results.read_run(place)[0]["kept_epoch"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == f"run: {place.name}, whose model was kept; weights of epoch {epoch}"
    assert Path("out.keras").read_bytes() == (place / "model.keras").read_bytes()
    assert Path("out.json").read_text() == (place / "model.json").read_text()
    kept = keras.saving.load_model("out.keras").get_weights()

    (place / "model.keras").write_bytes(Path("out.keras").read_bytes()[:100])
    cli.lab(export)
    assert ", the same to the last digit as the published one; " in capsys.readouterr().out
    for weights, again in zip(kept, keras.saving.load_model("out.keras").get_weights(), strict=True):
        np.testing.assert_array_equal(weights, again)


@pytest.mark.slow
def test_keeping_models_is_no_part_of_an_id_and_says_how_to_get_those_that_were_not_kept(folder, capsys):
    cli.lab(["run", "tiny.py", "--seeds", "1"])
    before = sorted((folder / "results" / "tiny" / "runs").iterdir())
    capsys.readouterr()
    cli.lab(["run", "tiny.py", "--seeds", "1", "--keep-models", "best"])
    assert sorted((folder / "results" / "tiny" / "runs").iterdir()) == before
    assert capsys.readouterr().out.splitlines()[0] == (
        "a run that is already there keeps no model now; where it has none, this trains it again and writes it: "
        "reglab export model tiny --variant V --seed K"
    )


def test_a_run_that_is_not_published_is_trained_for_its_model(folder, capsys):
    cli.lab(["export", "model", "tiny.py", "--variant", "none"])
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "model: tiny-none-seed0.keras"
    assert ", which is not published; weights of epoch " in out[2]
    assert len(keras.saving.load_model("tiny-none-seed0.keras").get_weights()) == 4


def test_the_file_beside_a_model_turns_new_rows_of_a_table_into_inputs_and_scales_predictions_back():
    frame = houses()
    made = from_frame(frame, target="price", labels="numbers", scale_target=True, leave_out=["row", "sold"])
    text = description(made)
    assert Preprocessing.from_json(text) == made.preprocessing
    told = json.loads(text)
    assert (told["input_shape"], told["classes"], told["standardization"]) == ([*made.input_shape], None, None)
    scaled_back = made.train.y * told["target"]["deviation"] + told["target"]["mean"]
    assert np.isin(np.round(scaled_back.ravel()), np.round(frame["price"])).all()


def test_the_file_beside_a_model_of_arrays_has_the_means_the_deviations_and_the_classes():
    generator = np.random.default_rng(0)
    x, y = generator.normal(3, 2, size=(60, 2)).astype(np.float32), np.arange(60) % 2
    made = from_arrays(x, y, standardize=True, classes=["left", "right"])
    told = json.loads(description(made))
    assert (told["classes"], told["several"], told["target"]) == (["left", "right"], False, None)
    scale = told["standardization"]
    again = ((x.astype(np.float64) - scale["mean"]) / scale["deviation"]).astype(np.float32)
    assert {row.tobytes() for row in made.train.x} <= {row.tobytes() for row in again}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--variant", "l2"), "variant must be one of 'none', 'drop', got 'l2'"),
        (("--variant", "none", "--seed", "7"), "seed must be one of 0, 1, got 7"),
        (
            ("--variant", "none", "-o", "x.h5"),
            "output must end in .keras, as Keras demands of such a file, got 'x.h5'",
        ),
    ],
    ids=["variant", "seed", "output"],
)
def test_what_names_no_run_or_no_file_of_keras_is_refused(folder, capsys, words, sentence):
    with pytest.raises(SystemExit) as caught:
        cli.lab(["export", "model", "tiny.py", *words])
    assert (caught.value.code, capsys.readouterr().err) == (2, f"{sentence}\n")
