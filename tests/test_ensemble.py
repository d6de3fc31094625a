"""Ensembles: the mean of what nets predict, what it gains over them, and the file that holds it."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, log_softmax, softmax

from lab import cli
from lab.models.ensemble import joined_ensemble, mean_outputs
from lab.statistics.ensembles import ENSEMBLES, ensembles, sizes
from tests.test_export_model import SCRIPT

LOGITS = arrays(np.float64, (3, 4, 2), elements=st.floats(-200, 200))


@given(LOGITS)
def test_the_probabilities_of_an_ensemble_are_the_mean_of_its_members(logits):
    found = softmax(mean_outputs("softmax_cross_entropy", logits), axis=-1)
    np.testing.assert_allclose(found, softmax(logits, axis=-1).mean(axis=0), rtol=1e-9, atol=1e-300)
    found = expit(mean_outputs("binary_cross_entropy", logits))
    np.testing.assert_allclose(found, expit(logits).mean(axis=0), rtol=1e-9, atol=1e-300)


@given(LOGITS)
def test_the_loss_of_an_ensemble_is_never_above_the_mean_loss_of_its_members(logits):
    """Jensen's inequality, for each example."""
    together = -log_softmax(mean_outputs("softmax_cross_entropy", logits), axis=-1)
    alone = -log_softmax(logits, axis=-1).mean(axis=0)
    assert (together <= alone + 1e-9).all()


def test_outputs_that_are_no_logits_are_averaged():
    members = np.array([[[1.0], [2.0]], [[3.0], [6.0]]])
    assert mean_outputs("squared_error", members).tolist() == [[2.0], [4.0]]
    assert mean_outputs("hinge", members).tolist() == [[2.0], [4.0]]


def test_the_sizes_are_the_powers_of_two_and_all():
    assert [sizes(members) for members in (1, 2, 5, 8)] == [[1], [1, 2], [1, 2, 4, 5], [1, 2, 4, 8]]


def test_ensembles_of_one_size_share_no_member_and_are_compared_with_their_own():
    asked = []

    def measured(group):
        asked.append(group)
        return {"data_loss": float(np.mean([member**2 for member in group])) - 0.5 * (len(group) > 1) * group[0]}

    table = ensembles(measured, 5)
    assert asked == [[0], [1], [2], [3], [4], [0, 1], [2, 3], [0, 1, 2, 3], [0, 1, 2, 3, 4]]
    assert list(table) == list(ENSEMBLES)
    one, two, four, five = table.to_dict("records")
    assert (one["members"], one["groups"], one["mean"], one["gain"]) == (1, 5, 6.0, 0.0)
    assert (two["members"], two["groups"]) == (2, 2)
    # The pairs are 0 with 1 and 2 with 3; their gains are 0 and -1.
    assert (two["mean"], two["gain"]) == (3.0, -0.5)
    half = scipy.stats.t.ppf(0.975, 1) * np.std([0, -1], ddof=1) / np.sqrt(2)
    assert np.allclose([two["gain_low"], two["gain_high"]], [-0.5 - half, -0.5 + half])
    half = scipy.stats.t.ppf(0.975, 1) * np.std([0.5, 5.5], ddof=1) / np.sqrt(2)
    assert np.allclose([two["low"], two["high"]], [3.0 - half, 3.0 + half])
    for whole in (four, five):
        assert whole["groups"] == 1
        assert np.isnan([whole[name] for name in ("low", "high", "gain_low", "gain_high")]).all()


@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "binary_cross_entropy", "squared_error"])
def test_the_model_of_an_ensemble_returns_the_mean_of_its_members(loss, tmp_path):
    import keras

    from lab.models import dense

    x = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    members = [dense((3,), 2, widths=(4,), seed=seed) for seed in range(3)]
    wanted = mean_outputs(loss, np.stack([member.predict(x, verbose=0) for member in members]))
    joined_ensemble(members, loss, x).save(tmp_path / "ensemble.keras")
    found = keras.saving.load_model(tmp_path / "ensemble.keras", compile=False).predict(x, verbose=0)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tiny.py").write_text(SCRIPT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_measures_and_writes_a_file_that_needs_no_lab(folder, capsys):
    import keras

    from lab.data import moons

    script = SCRIPT.replace('question="?"', 'question="?", redraw_data=True')
    Path("tiny.py").write_text(script, encoding="utf-8")
    cli.lab(["ensemble", "tiny.py", "--variant", "none", "--seeds", "4", "-o", "out.keras"])
    printed = capsys.readouterr().out
    assert "data: one draw for all members, where each seed of the experiment draws its own" in printed
    assert "members: 4 runs, trained again in one cohort" in printed
    rows = {line.split()[0]: line.split() for line in printed.splitlines() if line[:1].isdigit()}
    assert [rows[size][1] for size in ("1", "2", "4")] == ["4", "2", "1"]
    with zipfile.ZipFile("out.keras") as archive:
        assert '"lab' not in archive.read("config.json").decode()
    assert json.loads(Path("out.json").read_text(encoding="utf-8"))["input_shape"] == [2]
    data = moons(train_size=40, validation_size=30, test_size=30)
    logits = keras.saving.load_model("out.keras", compile=False)(data.test.x)
    loss = float(keras.losses.SparseCategoricalCrossentropy(from_logits=True)(data.test.y, logits))
    assert rows["4"][2] == f"{loss:.3f}"


def test_models_that_were_kept_are_read_and_none_is_trained(folder, capsys, monkeypatch):
    cli.lab(["run", "tiny.py", "--keep-models", "best", "--quiet"])
    cli.lab(["ensemble", "tiny.py", "--variant", "drop"])
    trained = capsys.readouterr().out
    assert "members: 2 runs, whose models were kept" in trained
    summary = pd.read_csv("results/tiny/summary.csv").set_index("variant").loc["drop"]
    (row,) = (line.split() for line in trained.splitlines() if line.startswith("1 "))
    assert row[2] == f"{summary['test_data_loss'].mean():.3f}"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--variant", "nine"], "variant must be one of 'none', 'drop', got 'nine'; did you mean 'none'?"),
        (["--variant", "none", "--seeds", "1"], "seeds must be at least 2, as one net is no ensemble, got 1"),
        (
            ["--variant", "none", "-o", "out.h5"],
            "output must end in .keras, as Keras demands of such a file, got 'out.h5'",
        ),
    ],
)
def test_what_is_no_ensemble_is_refused(folder, capsys, words, sentence):
    with pytest.raises(SystemExit) as ended:
        cli.lab(["ensemble", "tiny.py", *words])
    assert ended.value.code == 2
    assert capsys.readouterr().err == sentence + "\n"


def test_nets_of_folds_are_refused(folder, capsys):
    load = "partial(data.digits, train_size=100, validation_size=50)"
    script = SCRIPT.replace('question="?"', 'question="?", folds=3')
    script = script.replace("partial(data.moons, train_size=40, validation_size=30, test_size=30)", load)
    Path("tiny.py").write_text(script, encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        cli.lab(["ensemble", "tiny.py", "--variant", "none"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "experiment must have no folds, as nets of different folds are tested on different rows, got 3\n"
    )


RESTARTS = 'learning_rate=0.1, schedule="cosine_restarts", cycles=2'


def test_the_last_cycles_of_each_run_are_compared_with_the_last_one_alone():
    from lab.statistics.ensembles import snapshot_ensembles

    losses = {(0, 2): 4.0, (0, 1): 6.0, (0, 0): 9.0, (1, 2): 5.0, (1, 1): 5.0, (1, 0): 8.0}

    def measured(run, group):
        return {"data_loss": float(np.mean([losses[run, cycle] for cycle in group])) - 1.5 * (len(group) - 1)}

    one, two, three = snapshot_ensembles(measured, 2, 3).to_dict("records")
    assert (one["members"], one["groups"], one["mean"], one["gain"]) == (1, 2, 4.5, 0.0)
    assert (two["members"], two["groups"], two["mean"], two["gain"]) == (2, 2, 3.5, -1.0)
    half = scipy.stats.t.ppf(0.975, 1) * np.std([-0.5, -1.5], ddof=1) / np.sqrt(2)
    assert np.allclose([two["gain_low"], two["gain_high"]], [-1.0 - half, -1.0 + half])
    assert (three["members"], three["mean"]) == (3, pytest.approx((19 / 3 + 6) / 2 - 3))


def test_snapshots_are_the_nets_at_the_ends_of_the_cycles_of_one_run():
    from functools import partial

    from lab.data import moons
    from lab.experiment import Variant
    from lab.models import dense
    from lab.run import train
    from lab.sweep.snapshots import cycle_ends, snapshots
    from lab.training import Training

    load = partial(moons, train_size=40, validation_size=30, test_size=30)
    training = Training(epochs=4, learning_rate=0.1, batch_size=10, schedule="cosine_restarts", cycles=2)
    assert cycle_ends(training) == [2, 4]
    variant = Variant(data=load, model=partial(dense, widths=(8,)), training=training)
    nets = snapshots("a", variant, [3])
    whole = train({"a": variant}, seeds=[3])["a", 3].trained
    half = train({"a": variant}, seeds=[3], leave=lambda runs, epoch, _: runs if epoch == 2 else [])["a", 3].trained
    for model, expected in zip(nets[0], (half, whole), strict=True):
        for mine, theirs in zip(model.get_weights(), expected.last_weights, strict=True):
            np.testing.assert_array_equal(mine, theirs)
    assert half.rows == whole.rows[:2]
    assert (nets[0][0].get_weights()[0] != nets[0][1].get_weights()[0]).any()


def test_the_command_measures_snapshots_and_joins_those_of_the_first_run(folder, capsys):
    import keras

    from lab.data import moons

    Path("tiny.py").write_text(SCRIPT.replace("learning_rate=0.1", RESTARTS), encoding="utf-8")
    cli.lab(["ensemble", "tiny.py", "--variant", "none", "--seeds", "1", "--snapshots", "-o", "out.keras"])
    printed = capsys.readouterr().out
    assert "members: the ends of 2 cycles of 1 run" in printed
    rows = {line.split()[0]: line.split() for line in printed.splitlines() if line[:1].isdigit()}
    data = moons(train_size=40, validation_size=30, test_size=30)
    logits = keras.saving.load_model("out.keras", compile=False)(data.test.x)
    loss = float(keras.losses.SparseCategoricalCrossentropy(from_logits=True)(data.test.y, logits))
    assert rows["2"][2] == f"{loss:.3f}"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"schedule": "cosine"},
            "schedule must be 'cosine_restarts' with at least 2 cycles for snapshots (each is the net at the end of a "
            "cycle), got 'cosine' with 3",
        ),
        (
            {"epochs": 10},
            "epochs must be a multiple of cycles for snapshots (cycles must end with epochs), got 10 epochs and 3 "
            "cycles",
        ),
        (
            {"patience": 5},
            "patience must be None for snapshots (a run that ends early has fewer cycles), got 5",
        ),
    ],
)
def test_a_training_without_whole_cycles_has_no_snapshots(fields, message):
    from lab.checks import UsageError
    from lab.sweep.snapshots import cycle_ends
    from lab.training import Training

    with pytest.raises(UsageError) as refusal:
        cycle_ends(Training(**{"schedule": "cosine_restarts", "epochs": 9} | fields))
    assert str(refusal.value) == message
