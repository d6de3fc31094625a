"""A `.keras` file as a factory: runs that are fair pairs, whatever is in the file."""

import os
import re
import subprocess
import sys
import zipfile
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest

from lab.checks import DataError, UsageError
from lab.engine import cohort, keras_fit
from lab.experiment import Experiment, Variant
from lab.models import dense, saved
from lab.models.user_model import ModelWarning
from lab.plan import plan
from lab.regularization import Regularization
from lab.training import Training
from tests.cohorts import difference

L = keras.layers


def classifier(end: str | None = None) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((2,)),
            L.Dense(8, "relu", name="a", kernel_initializer=keras.initializers.HeNormal(seed=7)),
            L.Dropout(0.3, seed=11, name="drop"),
            L.Dense(8, "relu", name="b"),
            L.Dense(3, end, name="out"),
        ]
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    model = classifier()
    model.save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def test_a_saved_start_is_the_saved_model_and_each_call_gives_another_one(file):
    x = np.random.default_rng(0).normal(size=(5, 2)).astype("float32")
    expected = keras.saving.load_model(file)(x).numpy()
    models = [saved(file, (2,), 3, seed=seed) for seed in (0, 0, 1)]
    assert all(np.array_equal(model(x).numpy(), expected) for model in models)
    models[0].layers[0].kernel.assign(models[0].layers[0].kernel * 0.0)
    assert np.array_equal(models[1](x).numpy(), expected)
    assert np.array_equal(saved(file, (2,), 3)(x).numpy(), expected)


def kernels(model: keras.Model) -> list[np.ndarray]:
    return [v.numpy() for v in model.weights if v.name == "kernel"]


def test_a_fresh_start_follows_from_the_seed_and_not_from_the_seeds_in_the_file(file):
    first, again, other, old = (
        kernels(model)
        for model in (*(saved(file, (2,), 3, start="fresh", seed=s) for s in (0, 0, 1)), saved(file, (2,), 3))
    )
    for a, b, c, d in zip(first, again, other, old, strict=True):
        assert np.array_equal(a, b)
        assert not np.array_equal(a, c)
        assert not np.array_equal(a, d)


@pytest.mark.parametrize("start", ["saved", "fresh"])
def test_all_variants_of_a_seed_start_alike(file, start):
    rs = (None, Regularization(l2=0.1, dropout=0.5), Regularization(normalization="batch", noise=0.1, l2_start=0.1))
    models = [saved(file, (2,), 3, start=start, regularization=r, seed=4) for r in rs]
    for one in models[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(kernels(models[0]), kernels(one), strict=True))


def test_attention_starts_from_three_different_projections(tmp_path):
    x = keras.Input((4, 6))
    start = keras.initializers.GlorotUniform(seed=3)
    attended = L.MultiHeadAttention(2, 3, kernel_initializer=start, name="attention")(x, x)
    keras.Model(x, L.Dense(3)(L.Flatten()(attended))).save(tmp_path / "model.keras")
    first, again, other = (
        kernels(saved(tmp_path / "model.keras", (4, 6), 3, start="fresh", seed=s)) for s in (0, 0, 1)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[0], other[0])


def masks(model: keras.Model) -> np.ndarray:
    drop = model.get_layer("drop")
    return np.asarray(drop(np.ones((20, 8), "float32"), training=True))


@pytest.mark.parametrize("start", ["saved", "fresh"])
def test_random_layers_draw_by_the_seed_of_the_run(file, start):
    first, again, other = (masks(saved(file, (2,), 3, start=start, seed=seed)) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_frozen_layers_keep_their_weights_at_a_fresh_start(tmp_path):
    model = classifier()
    model.get_layer("a").trainable = False
    model.save(tmp_path / "model.keras")
    fresh = saved(tmp_path / "model.keras", (2,), 3, start="fresh", seed=1)
    assert np.array_equal(fresh.get_layer("a").kernel, model.get_layer("a").kernel)
    assert not fresh.get_layer("a").trainable
    assert not np.array_equal(fresh.get_layer("b").kernel, model.get_layer("b").kernel)


def test_moving_statistics_start_anew_at_a_fresh_start_and_are_kept_at_a_saved_one(tmp_path):
    model = keras.Sequential([keras.Input((2,)), L.Dense(4), L.BatchNormalization(name="bn"), L.Dense(3)])
    model.get_layer("bn").moving_mean.assign([1.0, 2.0, 3.0, 4.0])
    model.save(tmp_path / "model.keras")
    means = [
        saved(tmp_path / "model.keras", (2,), 3, start=start).get_layer("bn").moving_mean.numpy()
        for start in ("saved", "fresh")
    ]
    assert [list(mean) for mean in means] == [[1.0, 2.0, 3.0, 4.0], [0.0] * 4]


def experiment(blobs, monkeypatch, **models: object) -> Experiment:
    monkeypatch.setattr("lab.plan.declare", lambda value, role, **_: repr(value))
    training = Training(optimizer="sgd", epochs=3, batch_size=16, learning_rate=0.05)
    variants = {name: Variant(data=lambda: blobs, model=model, training=training) for name, model in models.items()}
    return Experiment(name="x", variants=variants, baseline=next(iter(models)), seeds=(0, 1))


@pytest.mark.slow
@pytest.mark.parametrize("start", ["saved", "fresh"])
def test_both_engines_train_a_saved_model_alike_and_variants_differ(file, blobs, monkeypatch, start):
    net = partial(saved, file, start=start)
    rich = partial(net, regularization=Regularization(l2=0.01, l2_start=0.1, noise=0.1), layers={"b": None})
    tasks = [run.task for run in plan(experiment(blobs, monkeypatch, plain=net, rich=rich))]
    fitted = [keras_fit.train(task) for task in tasks]
    trained = cohort.train(tasks[:1]) + cohort.train(tasks[1:2])
    for mine, own in zip(trained, fitted, strict=False):
        assert max(difference(mine, own).values()) < 1e-5
    assert len({repr(one.rows) for one in fitted}) == 4


def test_a_saved_softmax_is_removed(tmp_path, blobs, monkeypatch):
    model = classifier("softmax")
    model.save(tmp_path / "model.keras")
    tasks = [run.task for run in plan(experiment(blobs, monkeypatch, soft=partial(saved, tmp_path / "model.keras")))]
    with pytest.warns(ModelWarning) as told:
        built = [task.build() for task in tasks]
    assert len(told) == 2
    assert all(one.layers[-1].activation is keras.activations.linear for one in built)
    assert keras.saving.load_model(tmp_path / "model.keras").layers[-1].activation is keras.activations.softmax


def test_the_bytes_of_the_file_are_part_of_the_identity_of_a_run_and_its_name_is_not(tmp_path):
    from lab.identity import declare, identify

    def identity(name: str, **options: object) -> str:
        return identify(
            declare(partial(saved, str(tmp_path / name), **options), "model", omit=("seed",), defaults=False)
        )

    classifier().save(tmp_path / "a.keras")
    (tmp_path / "b.keras").write_bytes((tmp_path / "a.keras").read_bytes())
    other = classifier()
    other.layers[0].kernel.assign(other.layers[0].kernel * 2.0)
    other.save(tmp_path / "c.keras")
    assert identity("a.keras") == identity("b.keras")
    assert identity("a.keras") != identity("c.keras")
    patterns = {"a": Regularization(l2=0.1), "b*": None}
    assert identity("a.keras", layers=patterns) == identity("a.keras", layers=dict(reversed(patterns.items())))
    assert identity("a.keras", layers=patterns) != identity("a.keras")


def test_a_file_that_changed_is_loaded_again(file):
    first = kernels(saved(file, (2,), 3))
    model = classifier()
    model.save(file)
    assert not np.array_equal(kernels(saved(file, (2,), 3))[1], first[1])


def test_a_penalty_of_the_lab_is_loaded_from_a_file(tmp_path):
    dense((2,), 3, widths=(4,), regularization=Regularization(l2_start=0.1, dropconnect=0.1)).save(tmp_path / "m.keras")
    assert len(saved(tmp_path / "m.keras", (2,), 3).losses) == 1


def zipped(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "."), text)
    return path


def with_lambda(folder: Path) -> Path:
    model = keras.Sequential([keras.Input((2,)), L.Lambda(lambda x: 2 * x, name="twice"), L.Dense(3)])
    model.save(folder / "x.keras")
    return folder / "x.keras"


def unknown(folder: Path) -> Path:
    class Nobodys(L.Layer):
        def call(self, x):
            return x

    keras.Sequential([keras.Input((2,)), Nobodys(), L.Dense(3)]).save(folder / "x.keras")
    return folder / "x.keras"


def written(name: str, content: bytes):
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


def cut(folder: Path) -> Path:
    model = classifier()
    model.save(folder / "x.keras")
    (folder / "x.keras").write_bytes((folder / "x.keras").read_bytes()[:-500])
    return folder / "x.keras"


def bent(folder: Path) -> Path:
    """Change some bytes of the weights, which the checksum of the archive tells."""
    model = classifier()
    model.save(folder / "x.keras")
    content = bytearray((folder / "x.keras").read_bytes())
    place = len(content) // 2
    content[place : place + 400] = bytes(400)
    (folder / "x.keras").write_bytes(content)
    return folder / "x.keras"


def renamed(folder: Path) -> Path:
    model = classifier()
    model.save(folder / "x.keras")
    return (folder / "x.keras").rename(folder / "x.zip")


FILES = {
    "none": (lambda folder: folder / "x.keras", "{} must be a .keras file, got none; there is no such file"),
    "a folder": (
        lambda folder: folder,
        "{} must be a .keras file, got a folder; save the model: model.save('x.keras')",
    ),
    "HDF5": (
        written("x.h5", b"\x89HDF\r\n\x1a\n"),
        "{} must be a .keras file, got an HDF5 file, the format of Keras 2 and its predecessors; load it where it was "
        "made and save it anew: model.save('model.keras')",
    ),
    "a pickle": (
        written("x.pkl", b"\x80\x04."),
        "{} must be a .keras file, got a pickle, which may run anything when it is loaded; save the model with Keras: "
        "model.save('model.keras')",
    ),
    "PyTorch": (
        lambda folder: zipped(folder / "x.pt", archive_data__pkl=""),
        "{} must be a .keras file, got a model of PyTorch; save the model with Keras",
    ),
    "a zip": (
        lambda folder: zipped(folder / "x.keras", readme__txt=""),
        "{} must be a .keras file, got another zip archive; save the model with Keras",
    ),
    "no weights": (
        lambda folder: zipped(folder / "x.keras", config__json="{}"),
        "{} is damaged: it holds no weights; save the model again",
    ),
    "no JSON": (
        lambda folder: zipped(folder / "x.keras", config__json="{", model__weights__h5=""),
        "{} is damaged or no .keras file (JSONDecodeError: ",
    ),
    "text": (written("x.keras", b"hello"), "{} is damaged or no .keras file (BadZipFile: File is not a zip file); "),
    "empty": (written("x.keras", b""), "{} is damaged or no .keras file (BadZipFile: File is not a zip file); "),
    "cut": (cut, "{} is damaged or no .keras file (BadZipFile: File is not a zip file); save the model again"),
    "bent": (bent, "{} cannot be loaded ("),
    "no model": (
        lambda folder: zipped(folder / "x.keras", config__json="{}", model__weights__h5=""),
        "{} cannot be loaded (",
    ),
    "renamed": (renamed, "{} must be called .keras, as Keras demands of such a file; rename it"),
    "code": (
        with_lambda,
        "{} holds code in the layer 'twice', which is not run (a Lambda layer with a lambda); write it as a layer of a "
        "class, registered by keras.saving.register_keras_serializable, or as operations of keras.ops",
    ),
    "an unknown layer": (unknown, "{} cannot be loaded (TypeError: Could not locate class 'Nobodys'. "),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_used_is_refused_in_a_sentence(name, tmp_path):
    make, sentence = FILES[name]
    path = make(tmp_path)
    with pytest.raises(DataError) as caught:
        saved(path, (2,), 3)
    expected = sentence.format(path)
    assert str(caught.value)[: len(expected)] == expected
    assert "\n" not in str(caught.value)


MISFITS = [
    (
        {"input_shape": (5,)},
        "{} must take examples of shape (5,), as the data has them, got a model for (2,); bring the data into "
        "that shape",
    ),
    (
        {"outputs": 4},
        "{} must return 4 numbers for each example, as the data and the loss need, got a model that returns (3,); give "
        "it another last layer and save it",
    ),
    ({"start": "old"}, "start must be one of 'saved', 'fresh', got 'old'"),
    ({"seed": -1}, "seed must be a whole number of at least 0 (it is the seed of the run), got -1"),
    ({"path": 5}, "path must be the path of a .keras file, got 5"),
    (
        {"layers": {"x": None}},
        "layers['x'] must name a layer, got none; the model has 'a', 'b', 'out'",
    ),
]


@pytest.mark.parametrize(("options", "sentence"), MISFITS, ids=range(len(MISFITS)))
def test_a_saved_model_that_does_not_fit_is_refused_in_a_sentence(file, options, sentence):
    arguments = {"path": file, "input_shape": (2,), "outputs": 3} | options
    with pytest.raises((DataError, UsageError)) as caught:
        saved(**arguments)
    assert str(caught.value) == sentence.format(file)


def test_one_output_for_two_classes_is_told_of_the_binary_loss(tmp_path):
    keras.Sequential([keras.Input((2,)), L.Dense(1, "sigmoid")]).save(tmp_path / "m.keras")
    with pytest.raises(DataError) as caught:
        saved(tmp_path / "m.keras", (2,), 2)
    assert str(caught.value) == (
        f"{tmp_path / 'm.keras'} must return 2 numbers for each example, as the data and the loss need, got a model "
        "that returns (1,); choose loss='binary_cross_entropy', or give it another last layer and save it"
    )


ROOT = Path(__file__).parent.parent


def recipe() -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = (code for code in re.findall(r"```python\n(.*?)```", text, re.S) if "models.saved" in code)
    return block


def test_the_recipe_of_the_readme_is_at_most_ten_lines():
    assert len([line for line in recipe().splitlines() if line.strip()]) <= 10


@pytest.mark.slow
def test_the_recipe_of_the_readme_runs_as_it_is_printed(tmp_path):
    generator = np.random.default_rng(0)
    rows = [f"{a:.3f},{b:.3f},{'abc'[i % 3]}" for i, (a, b) in enumerate(generator.normal(size=(90, 2)))]
    (tmp_path / "measurements.csv").write_text("\n".join(["length,width,kind", *rows]), encoding="utf-8")
    classifier("softmax").save(tmp_path / "model.keras")
    (tmp_path / "mine.py").write_text(recipe(), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "mine.py", "--seeds", "2", "--epochs", "2"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "results" / "mine" / "runs").iterdir())) == 4
    assert "page: results/mine/index.html" in done.stdout
