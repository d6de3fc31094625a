"""A frozen backbone: heads on its features train as at the end of the whole net, and the features are computed once."""

import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest

from lab.checks import DataError, UsageError
from lab.data import Dataset, Split, digits, feature_store, features, from_arrays
from lab.data.description import description
from lab.engine import cohort, keras_fit
from lab.engine.task import Task
from lab.experiment import Experiment, Variant
from lab.models import backbone as frozen
from lab.models import dense, joined
from lab.plan import plan, tasks
from lab.regularization import Regularization
from lab.training import Training
from tests.cohorts import SHAPE, dataset, difference

L = keras.layers
TRAINING = Training(epochs=3, batch_size=16, learning_rate=0.01)


def pretrained() -> keras.Model:
    """Return a net with everything that training mode would change: batch statistics, dropout, noise."""
    net = keras.Sequential(
        [
            keras.Input(SHAPE),
            L.Conv2D(4, 3, activation="relu", kernel_initializer=keras.initializers.HeNormal(seed=3), name="conv"),
            L.BatchNormalization(name="bn"),
            L.Dropout(0.5, seed=1),
            L.Flatten(name="flat"),
            L.GaussianNoise(1.0, seed=2),
            L.Dense(5, "tanh", kernel_initializer=keras.initializers.GlorotUniform(seed=4), name="last"),
            L.Dropout(0.5, seed=5, name="drop"),
            L.Dense(7, name="out"),
            L.Softmax(),
        ]
    )
    net.get_layer("bn").moving_mean.assign([0.1, -0.2, 0.3, 0.0])
    net.get_layer("bn").moving_variance.assign([0.5, 2.0, 1.0, 3.0])
    return net


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras" / "datasets" / "lab-features"


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("net") / "net.keras"
    pretrained().save(path)
    return path


def pixels(*, train_size: int = 42, label_noise: float = 0.0, seed: int = 0) -> Dataset:
    """Stand in for a loader of somebody's own."""
    return dataset(seed=seed, train=train_size)


class Inference(L.Layer):
    """A model in inference mode, whatever the mode of the model around it."""

    def __init__(self, inner: keras.Model) -> None:
        super().__init__(name="inference", trainable=False)
        self.inner = inner

    def call(self, x):
        return self.inner(x, training=False)


def whole(file: Path, input_shape, outputs, *, regularization, seed) -> keras.Model:
    """Return the whole net with a new head, its beginning frozen and in inference mode."""
    first = Inference(frozen.beginning(file, None))
    x = keras.Input(input_shape)
    made = first(x)
    head = dense(tuple(made.shape[1:]), outputs, widths=(6,), regularization=regularization, seed=seed)
    return keras.Model(x, head(made))


@pytest.mark.slow
def test_a_head_on_the_features_trains_as_at_the_end_of_the_whole_net_in_both_engines(file):
    r = Regularization(l2=1e-3, dropout=0.2)
    head = partial(dense, widths=(6,), regularization=r)
    variants = {"head": Variant(data=partial(features, pixels, backbone=file), model=head, training=TRAINING)}
    ((_, task),) = tasks(variants, seeds=(1,)).items()
    expected = keras_fit.train(
        Task(partial(whole, file, SHAPE, 3, regularization=r, seed=1), dataset(), TRAINING, seed=1)
    )
    expected.weights = expected.weights[-len(task.build().weights) :]
    for trained in (keras_fit.train(task), cohort.train([task])[0]):
        assert max(difference(trained, expected).values()) < 1e-6


def test_the_joined_net_returns_what_the_head_returns_of_the_features(file):
    head = dense((5,), 3, widths=(4,), regularization=Regularization(dropout=0.5, normalization="batch"))
    made = features(pixels, backbone=file)
    assert np.allclose(joined(file, head)(dataset().test.x), head(made.test.x), atol=1e-6)


def test_the_features_are_what_the_last_layer_is_given_in_inference_mode_or_the_output_of_a_layer(file):
    x, net = dataset().test.x, keras.saving.load_model(file)
    for layer, name in ((None, "drop"), ("last", "last"), ("conv", "conv")):
        made = features(pixels, backbone=file, layer=layer).test.x
        expected = keras.Model(net.inputs[0], net.get_layer(name).output)(x, training=False)
        assert made.dtype == np.float32
        assert np.allclose(made, expected, atol=1e-6)
    assert features(pixels, backbone=str(file), layer="conv").input_shape == (4, 4, 4)


def test_the_features_of_an_example_have_the_same_bits_whatever_the_sizes_of_the_splits(tmp_path):
    net = [L.Conv2D(3, 3, activation="gelu"), L.Flatten(), L.Dense(9, "tanh"), L.Dense(2)]
    keras.Sequential([keras.Input((8, 8, 1)), *net]).save(tmp_path / "net.keras")
    load = partial(features, digits, backbone=tmp_path / "net.keras")
    raw, made = digits(), load()
    known = {x.tobytes(): row for x, row in zip(raw.train.x, made.train.x, strict=True)}
    for size in (17, 100, 333):
        few = load(train_size=size)
        for x, row in zip(digits(train_size=size).train.x, few.train.x, strict=True):
            assert np.array_equal(known[x.tobytes()], row)
        assert np.array_equal(few.test.x, made.test.x)


def test_features_are_computed_once_and_kept(file, store, monkeypatch):
    first = features(pixels, backbone=file)
    assert len(list(store.glob("*.npz"))) == 3
    monkeypatch.setattr(frozen, "beginning", lambda *_: pytest.fail("the model is loaded again"))
    again = features(partial(pixels, label_noise=0.2), backbone=file)
    assert np.array_equal(first.train.x, again.train.x)


def test_torn_features_and_a_folder_that_cannot_be_written_cost_only_time(file, store):
    first = features(pixels, backbone=file)
    for path in store.glob("*.npz"):
        path.write_bytes(path.read_bytes()[:-30])
    assert np.array_equal(first.train.x, features(pixels, backbone=file).train.x)
    for path in store.iterdir():
        path.unlink()
    store.rmdir()
    store.write_text("in the way")
    assert np.array_equal(first.train.x, features(pixels, backbone=file).train.x)


def test_the_store_removes_what_was_not_used_for_longest_and_is_never_too_large(store, monkeypatch):
    monkeypatch.setattr(feature_store, "MOST_BYTES", 3000)
    for key in "abac":
        feature_store.stored(key, lambda: np.zeros(200, np.float32))
    assert sorted(path.stem for path in store.glob("*.npz")) == ["a", "c"]
    assert feature_store.stored("large", lambda: np.zeros(2000, np.float32)).shape == (2000,)
    assert list(store.glob("*.npz")) == []


def test_sizes_noise_and_seed_are_those_of_the_wrapped_loader_unless_they_are_given(file):
    load = partial(pixels, train_size=30, seed=1)
    assert len(features(load, backbone=file).train) == 30
    assert np.array_equal(features(load, backbone=file).train.y, dataset(seed=1, train=30).train.y)
    changed = features(load, backbone=file, train_size=20, seed=2)
    assert np.array_equal(changed.train.y, dataset(seed=2, train=20).train.y)


def test_a_fold_is_that_of_the_wrapped_loader(tmp_path):
    keras.Sequential([keras.Input((8, 8, 1)), L.Flatten(), L.Dense(3, "relu"), L.Dense(2)]).save(tmp_path / "net.keras")
    load = partial(digits, seed=1)
    made = features(load, backbone=tmp_path / "net.keras", fold=(1, 3))
    assert np.array_equal(made.test.y, load(fold=(1, 3)).test.y)
    assert not np.array_equal(made.test.y, load(fold=(0, 3)).test.y)


def weighted(*, seed: int = 0) -> Dataset:
    x = np.random.default_rng(seed).normal(size=(40, *SHAPE))
    return from_arrays(x, np.arange(40) % 2, sample_weight=np.arange(40.0), standardize=True, seed=seed)


def test_everything_but_the_examples_stays(file):
    raw, made = weighted(), features(weighted, backbone=file)
    assert np.array_equal(raw.train.weight, made.train.weight)
    assert np.array_equal(raw.preprocessing.mean, made.preprocessing.mean)
    assert (made.name, made.classes, made.backbone.of) == (raw.name, raw.classes, raw.fingerprint)


def test_equal_features_of_different_examples_are_no_example_in_two_splits(tmp_path):
    dead = L.Dense(2, "relu", kernel_initializer="zeros")
    keras.Sequential([keras.Input(SHAPE), L.Flatten(), dead, L.Dense(2)]).save(tmp_path / "dead.keras")
    assert not features(pixels, backbone=tmp_path / "dead.keras").train.x.any()


def run_id(file: Path, **options: object) -> str:
    load = partial(features, pixels, backbone=file, **options)
    variants = {"head": Variant(data=load, model=dense)}
    (run,) = plan(Experiment(name="x", variants=variants, baseline="head", seeds=(0,)))
    return run.id


def test_a_run_is_known_by_the_bytes_of_the_file_the_layer_and_the_raw_data(file, tmp_path, monkeypatch):
    other, changed = tmp_path / "other.keras", tmp_path / "changed.keras"
    other.write_bytes(file.read_bytes())
    pretrained().save(changed)
    assert run_id(file) == run_id(other) == run_id(file, seed=None)
    assert len({run_id(file), run_id(changed), run_id(file, layer="conv"), run_id(file, seed=1)}) == 4
    # Another machine may round the features differently, and its runs are the same.
    one = features(pixels, backbone=file)
    rounded = Split(one.train.x * np.float32(1 + 1e-6), one.train.y, pool=one.train.pool)
    assert replace(one, train=rounded).fingerprint == one.fingerprint


def test_the_description_beside_a_model_names_the_backbone(file):
    described = json.loads(description(features(pixels, backbone=file, layer="last")))
    assert described["input_shape"] == [5]
    assert described["backbone"]["file"] == "net.keras"
    assert described["backbone"]["layer"] == "last"
    assert "backbone" not in json.loads(description(dataset()))


def test_the_whole_net_is_saved_and_its_batch_normalization_stays_frozen_when_it_is_trained(file, tmp_path):
    head = dense((5,), 3, widths=(4,))
    head.save(tmp_path / "head.keras")
    net = joined(file, tmp_path / "head.keras")
    net.save(tmp_path / "whole.keras")
    again = keras.saving.load_model(tmp_path / "whole.keras")
    x = dataset().train.x
    assert np.array_equal(net(x), again(x))
    before = [v.numpy() for v in again.layers[1].weights]
    again.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    again.fit(x, dataset().train.y, verbose=0)
    assert all(np.array_equal(a, v) for a, v in zip(before, again.layers[1].weights, strict=True))
    assert len(again.trainable_weights) == len(head.weights)


def test_another_data_set_is_put_behind_the_same_backbone(file):
    load = partial(features, partial(digits, train_size=50), backbone=file, layer="conv", label_noise=0.1)
    base = Experiment(name="x", variants={"a": Variant(data=load, model=dense)}, baseline="a")
    moved = base.with_data(digits, "digits").variants["a"].data
    assert (moved.func, moved.keywords["layer"], moved.keywords["label_noise"]) == (features, "conv", 0.1)
    assert moved.keywords["load"].keywords == {"train_size": 50}
    own = base.with_data(pixels, "pixels").variants["a"].data
    assert own.keywords == {"load": pixels, "backbone": file, "layer": "conv"}


def nothing() -> None:
    """Stand in for a loader that forgot to return."""


def two_inputs(folder: Path) -> Path:
    a, b = keras.Input((2,)), keras.Input((2,))
    keras.Model([a, b], L.Dense(2)(L.Add()([a, b]))).save(folder / "two.keras")
    return folder / "two.keras"


def shared(folder: Path) -> Path:
    layer, x = L.Dense(36, name="twice"), keras.Input((6, 6, 1))
    keras.Model(x, [layer(layer(L.Flatten()(x))), L.Dense(2)(L.Flatten()(x))]).save(folder / "shared.keras")
    return folder / "shared.keras"


def bent(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "bent.keras", "w") as archive:
        archive.writestr("config.json", json.dumps({"class_name": "Sequential", "config": {"layers": [3]}}))
        archive.writestr("model.weights.h5", "")
    return folder / "bent.keras"


def huge(folder: Path) -> Path:
    net = keras.Sequential([keras.Input(SHAPE), L.Flatten(), L.Rescaling(1e38), L.Rescaling(1e38), L.Dense(2)])
    net.save(folder / "huge.keras")
    return folder / "huge.keras"


@keras.saving.register_keras_serializable("frozen")
class Code(keras.Model):
    """A model whose call is code."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.dense = L.Dense(2)

    def call(self, x):
        return self.dense(x)


def code(folder: Path) -> Path:
    net = Code()
    net(np.zeros((1, 3), "float32"))
    net.save(folder / "code.keras")
    return folder / "code.keras"


@pytest.mark.parametrize(
    ("make", "options", "kind", "sentence"),
    [
        (
            None,
            {"load": 3},
            UsageError,
            "load must be a loader, with functools.partial around it to bind its arguments, got 3",
        ),
        (
            None,
            {"load": pixels, "test_size": 5},
            UsageError,
            "load must be callable as load(test_size=5), got pixels: got an unexpected keyword argument 'test_size'",
        ),
        (
            None,
            {"load": nothing},
            DataError,
            "load must return a lab.data.Dataset, got NoneType; lab.data.from_arrays makes one",
        ),
        (None, {"backbone": 3}, UsageError, "backbone must be the path of a .keras file, got 3"),
        (
            None,
            {"backbone": "none.keras"},
            DataError,
            "none.keras must be a .keras file, got none; there is no such file",
        ),
        (
            None,
            {"layer": "lost"},
            UsageError,
            "layer must be the name of a layer of FILE, such as 'last', 'out', 'flat', got 'lost'",
        ),
        (
            None,
            {"load": digits},
            DataError,
            "FILE must take examples of shape (8, 8, 1), as the data has them, got a model for (6, 6, 1); bring the "
            "data into that shape",
        ),
        (
            two_inputs,
            {},
            DataError,
            "FILE must hold a model with one input, got 2; join them before, and save the model again",
        ),
        (
            shared,
            {"layer": "twice"},
            UsageError,
            "layer must name a layer of FILE that is called once and returns one tensor, got 'twice', which returns 2; "
            "name a layer after it",
        ),
        (
            shared,
            {},
            UsageError,
            "layer must name the layer of FILE whose output is taken, as its model does not end in one output layer "
            "behind others, got None",
        ),
        (
            bent,
            {},
            DataError,
            "FILE is damaged: its configuration lists no layers; save the model again",
        ),
        (
            code,
            {},
            DataError,
            "FILE must hold a Functional or Sequential model, whose layers can be told apart, got Code; build it from "
            "layers and save it again",
        ),
        (
            huge,
            {},
            DataError,
            "FILE must make finite features of the data, got NaN or infinity for 42 of 42 examples; scale the data as "
            "those that the model was trained on",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(file, tmp_path, make, options, kind, sentence):
    path = make(tmp_path) if make else file
    with pytest.raises(kind) as caught:
        features(**({"load": pixels, "backbone": path} | options))
    assert str(caught.value) == sentence.replace("FILE", str(path))


def test_features_of_features_are_refused(file):
    with pytest.raises(UsageError) as caught:
        features(partial(features, pixels, backbone=file, layer="bn"), backbone=file)
    assert str(caught.value) == (
        "load must return data that went through no other backbone, got features of net.keras; save both as one model, "
        "as lab.models.joined returns it"
    )


def test_a_head_that_does_not_fit_is_refused(file):
    with pytest.raises(DataError) as caught:
        joined(file, dense((6,), 3))
    assert str(caught.value) == (
        f"head must take what {file} makes, of shape (5,), got a model for (6,); give the layer that it was trained "
        "behind"
    )
    with pytest.raises(UsageError) as refused:
        joined(file, 3)
    assert str(refused.value) == "head must be the path of a .keras file or a keras.Model, got 3"


def test_a_missing_layer_a_misfit_and_a_missing_file_are_refused_before_tensorflow_loads(file, tmp_path):
    code = f"""
import sys
from lab.checks import DataError, UsageError
from lab.data import digits, features
for options in ({{"layer": "lost"}}, {{}}, {{"backbone": "none.keras"}}):
    try:
        features(digits, **({{"backbone": {str(file)!r}}} | options))
    except (DataError, UsageError) as refusal:
        print(refusal)
print("tensorflow" in sys.modules, "keras" in sys.modules)
"""
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    *refusals, loaded = done.stdout.splitlines()
    assert len(refusals) == 3
    assert loaded == "False False"
