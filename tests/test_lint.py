"""What silently goes wrong in a model is found, with the line that mends it; what is right is not found fault with."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from lab.checks import UsageError
from lab.models import conv, dense, lint
from lab.regularization import Regularization

L = keras.layers
ROOT = Path(__file__).parent.parent


def net(*hidden: keras.layers.Layer, end: str | None = "softmax", units: int = 3) -> keras.Model:
    return keras.Sequential([keras.Input((4,)), *hidden, L.Dense(units, end, name="out")], name="net")


def lost() -> keras.Model:
    model = net(L.Dense(5, "relu", name="a"))
    model.get_layer("a").kernel_regularizer = keras.regularizers.L2(0.1)
    return model


def lost_depthwise() -> keras.Model:
    layer = L.DepthwiseConv2D(2, name="a")
    model = keras.Sequential([keras.Input((4, 4, 2)), layer, L.Flatten(), L.Dense(3, name="out")])
    layer.depthwise_regularizer = keras.regularizers.L2(0.1)
    return model


def frozen() -> keras.Model:
    model = net(L.Dense(5, "relu", kernel_regularizer="l2", name="a"))
    model.get_layer("a").trainable = False
    return model


def compiled(loss: object, optimizer: object = "sgd", **options: object) -> keras.Model:
    model = net(L.Dense(5, "relu", kernel_regularizer=options.pop("penalty", None), name="a"), **options)
    model.compile(optimizer, loss)
    return model


def nested_end() -> keras.Model:
    x = keras.Input((4,))
    model = keras.Model(x, net(L.Dense(5, "relu", name="a"))(x))
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    return model


def two_ends() -> keras.Model:
    x = keras.Input((4,))
    ends = {"p": L.Dense(3, "softmax", name="p")(x), "q": L.Dense(1, name="q")(x)}
    model = keras.Model(x, ends)
    model.compile("sgd", {"p": "categorical_crossentropy", "q": "binary_crossentropy"})
    return model


def through_models() -> keras.Model:
    x = keras.Input((4,))
    first = keras.Sequential([keras.Input((4,)), L.Dense(5, "relu"), L.Dropout(0.5, name="drop")], name="first")
    second = keras.Sequential([keras.Input((5,)), L.ReLU(), L.BatchNormalization(name="bn"), L.Dense(4)], name="second")
    return keras.Model(x, L.Dense(3)(second(first(x))))


LOST = "its {} was set after its weights were made, and never reaches the loss"
GIVE = "give {} to the layer when it is made, or: model = lab.models.regularized(model, Regularization(...))"
SHIFT = (
    "it drops values that {!r} normalizes: they vary more in training than in inference, and the moving variance is "
    "wrong there"
)
TWICE = "it ends in {}, and the loss takes it for logits (from_logits=True): it is applied twice"
LOGITS = "it returns logits, and the loss takes them for probabilities (from_logits=False)"
ADAMW = keras.optimizers.AdamW(weight_decay=0.01)

FINDINGS = {
    "a penalty on a built layer": (lost, ("a", LOST.format("kernel_regularizer"), GIVE.format("kernel_regularizer"))),
    "a penalty on a built depthwise layer": (
        lost_depthwise,
        ("a", LOST.format("depthwise_regularizer"), GIVE.format("depthwise_regularizer")),
    ),
    "a penalty on a frozen layer": (
        frozen,
        ("a", "its kernel_regularizer charges nothing, because the layer is frozen", "kernel_regularizer=None"),
    ),
    "the string L1L2": (
        lambda: net(L.Dense(5, kernel_regularizer="L1L2", name="a")),
        (
            "a",
            "its kernel_regularizer has strength 0 and charges nothing, as the string 'L1L2' does",
            "kernel_regularizer=keras.regularizers.L2(1e-3)",
        ),
    ),
    "a penalty on a bias": (
        lambda: net(L.Dense(5, bias_regularizer="l2", name="a")),
        (
            "a",
            "its bias_regularizer shrinks a bias, which does not overfit and moves the outputs",
            "bias_regularizer=None",
        ),
    ),
    "a penalty on a bias of a recurrent layer": (
        lambda: keras.Sequential([keras.Input((4, 2)), L.LSTM(3, bias_regularizer="l2", name="a"), L.Dense(3)]),
        (
            "a",
            "its bias_regularizer shrinks a bias, which does not overfit and moves the outputs",
            "bias_regularizer=None",
        ),
    ),
    "a penalty on gamma": (
        lambda: net(L.BatchNormalization(gamma_regularizer="l2", name="a")),
        (
            "a",
            "its gamma_regularizer shrinks gamma of a normalization, which does not overfit and moves the outputs",
            "gamma_regularizer=None",
        ),
    ),
    "a softmax and logits": (
        lambda: compiled(keras.losses.SparseCategoricalCrossentropy(from_logits=True)),
        (
            "out",
            TWICE.format("softmax"),
            "model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=False), ...)",
        ),
    ),
    "a softmax in a nested model and logits": (
        nested_end,
        (
            "net/out",
            TWICE.format("softmax"),
            "model.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True), ...)".replace("True", "False"),
        ),
    ),
    "logits and probabilities": (
        lambda: compiled("sparse_categorical_crossentropy", end=None),
        ("out", LOGITS, "model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), ...)"),
    ),
    "logits of one of two outputs": (
        two_ends,
        ("q", LOGITS, "model.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True), ...)"),
    ),
    "a relu for probabilities": (
        lambda: compiled("categorical_crossentropy", end="relu"),
        (
            "out",
            "it returns what relu returns, and the loss takes them for probabilities (from_logits=False)",
            "activation='softmax'",
        ),
    ),
    "a softmax over one number": (
        lambda: net(units=1),
        ("out", "it is a softmax over one number, which is always 1", "activation='sigmoid'"),
    ),
    "dropout before batch normalization": (
        lambda: net(L.Dense(5, "relu"), L.Dropout(0.5, name="drop"), L.BatchNormalization(name="bn")),
        ("drop", SHIFT.format("bn"), "put 'drop' behind 'bn' and its activation"),
    ),
    "dropout in a model before batch normalization in another": (
        through_models,
        ("first/drop", SHIFT.format("second/bn"), "put 'first/drop' behind 'second/bn' and its activation"),
    ),
    "L2 and AdamW": (
        lambda: compiled("sparse_categorical_crossentropy", ADAMW, penalty="l2"),
        (
            "a",
            "its L2 stands beside the weight_decay 0.01 of AdamW, which shrinks the same weights apart from the "
            "gradient: two penalties of different kinds",
            "kernel_regularizer=None",
        ),
    ),
    "L2 and SGD that decays": (
        lambda: compiled("sparse_categorical_crossentropy", keras.optimizers.SGD(weight_decay=0.01), penalty="l2"),
        (
            "a",
            "its L2 stands beside the weight_decay 0.01 of SGD, which shrinks the same weights apart from the "
            "gradient: two penalties of different kinds",
            "kernel_regularizer=None, or keras.optimizers.SGD(weight_decay=None)",
        ),
    ),
    "a huge penalty on weights": (
        lambda: net(L.Dense(5, kernel_regularizer=keras.regularizers.L2(3.2), name="a")),
        (
            "a",
            "its kernel_regularizer of strength 3.2 is huge; since Keras 3.14 activity penalties are divided by the "
            "batch size, penalties on weights are not",
            "kernel_regularizer=keras.regularizers.L2(1e-3)",
        ),
    ),
    "a huge penalty on activations": (
        lambda: net(L.Dense(5, activity_regularizer=keras.regularizers.L2(3.2), name="a")),
        (
            "a",
            "its activity penalty of strength 3.2 is huge, also since Keras 3.14 averages it over the batch",
            "activity_regularizer=keras.regularizers.L2(1e-3)",
        ),
    ),
}


@pytest.mark.parametrize("name", FINDINGS)
def test_what_silently_goes_wrong_is_found_with_the_line_that_mends_it(name):
    build, expected = FINDINGS[name]
    assert [(one.layer, one.reason, one.mend) for one in lint(build())] == [expected]


FINE = {
    "plain": lambda: net(L.Dense(5, "relu"), L.BatchNormalization(), L.Dropout(0.5)),
    "probabilities": lambda: compiled("sparse_categorical_crossentropy"),
    "logits": lambda: compiled(keras.losses.SparseCategoricalCrossentropy(from_logits=True), end=None),
    "regression": lambda: compiled("mse", end=None),
    "a penalty": lambda: compiled("mse", "adam", penalty="l2"),
    "decay": lambda: compiled("mse", "adamw"),
    "a dropped layer between": lambda: net(L.Dropout(0.5), L.Dense(5), L.BatchNormalization()),
    "no rate": lambda: net(L.Dropout(0.0), L.BatchNormalization()),
    "our dense": lambda: dense((4,), 3, regularization=Regularization(l2=0.1, dropout=0.5, normalization="batch")),
    "our conv": lambda: conv((8, 8, 1), 3, regularization=Regularization(l1=0.1, dropout=0.5, normalization="batch")),
}


@pytest.mark.parametrize("name", FINE)
def test_what_is_right_is_not_found_fault_with(name):
    assert lint(FINE[name]()) == []


class Nameless(L.Layer):
    def __init__(self, width):
        super().__init__()
        self.width = width

    def build(self, shape):
        self.scale = self.add_weight(shape=(self.width,), name="scale")

    def call(self, x):
        return x * self.scale


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.scaled = Nameless(4)
        self.head = L.Dense(2, bias_regularizer="l2", name="head")

    def call(self, x):
        return self.head(self.scaled(x))


def test_the_layers_of_a_model_that_is_code_are_looked_at_and_a_layer_without_configuration_is_passed_over():
    model = Subclassed()
    model(np.ones((2, 4), "float32"))
    assert [(one.layer, one.mend) for one in lint(model)] == [("head", "bias_regularizer=None")]


def test_mending_what_was_set_too_late_makes_the_model_right():
    from lab.models import regularized

    assert lint(regularized(lost(), Regularization(l2=0.1))) == []


def test_the_variance_that_a_batch_normalization_keeps_is_wrong_behind_dropout():
    """The shift that the finding speaks of, measured: dropping half of equal values gives them a variance."""
    model = net(L.Dropout(0.5, seed=1, name="drop"), L.BatchNormalization(momentum=0.0, name="bn"))
    model(np.ones((4000, 4), "float32"), training=True)
    assert np.allclose(model.get_layer("bn").moving_variance, 1.0, atol=0.1)


@pytest.mark.parametrize("model", [5, None])
def test_what_is_no_model_is_refused(model):
    with pytest.raises(UsageError) as caught:
        lint(model)
    kind = type(model).__name__
    assert str(caught.value) == f"model must be a keras.Model or the path of a .keras file, got {kind}"


def test_a_model_that_is_not_built_is_refused():
    with pytest.raises(UsageError) as caught:
        lint(keras.Sequential([L.Dense(2)], name="s"))
    assert str(caught.value) == "model must be built, got 's', which is not; call it on data once"


def from_version(path: Path, version: str) -> None:
    """Rewrite the version of Keras that a file says it was saved by."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["metadata.json"] = f'{{"keras_version": "{version}"}}'.encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_an_activity_penalty_from_before_it_was_averaged_is_found_in_a_file(tmp_path):
    net(L.Dense(5, activity_regularizer=keras.regularizers.L1(0.01), name="a")).save(tmp_path / "m.keras")
    assert lint(tmp_path / "m.keras") == []
    from_version(tmp_path / "m.keras", "3.10.0")
    (found,) = lint(str(tmp_path / "m.keras"))
    assert (found.layer, found.reason, found.mend) == (
        "a",
        "its activity penalty was chosen for Keras 3.10.0, which summed it over the batch; since 3.14 it is averaged, "
        "so that it is weaker by the batch size",
        "activity_regularizer=keras.regularizers.L1L2(l1=0.01) with strengths times the batch size",
    )


def test_how_a_model_was_compiled_is_read_from_its_file(tmp_path):
    model = compiled(keras.losses.SparseCategoricalCrossentropy(from_logits=True), ADAMW, penalty="l2")
    model.save(tmp_path / "m.keras")
    assert lint(tmp_path / "m.keras") == lint(model)
    assert [one.layer for one in lint(model)] == ["out", "a"]


def reglab(*words: object, cwd: Path) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "lab", "lint", *map(str, words)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_the_command_prints_what_it_finds_and_exits_with_1(tmp_path):
    model = net(L.Dense(5, bias_regularizer="l2", name="a"))
    model.save(tmp_path / "m.keras")
    code, out, error = reglab("m.keras", cwd=tmp_path)
    assert (code, out) == (
        1,
        "a: its bias_regularizer shrinks a bias, which does not overfit and moves the outputs\n"
        "    mend: bias_regularizer=None\n",
    )
    assert error.splitlines()[-1] == "m.keras has 1 finding"


@pytest.mark.slow
def test_the_command_exits_with_0_where_it_finds_nothing(tmp_path):
    net(L.Dense(5, name="a")).save(tmp_path / "m.keras")
    code, out, _ = reglab("m.keras", cwd=tmp_path)
    assert (code, out) == (0, "m.keras: nothing found\n")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "m.keras must be a .keras file, got none; there is no such file"),
        (b"hello", "m.keras is damaged or no .keras file (BadZipFile: File is not a zip file); save the model again"),
    ],
    ids=["none", "damaged"],
)
def test_the_command_answers_a_file_that_cannot_be_used_in_one_sentence(tmp_path, content, sentence):
    if content is not None:
        (tmp_path / "m.keras").write_bytes(content)
    code, out, error = reglab("m.keras", cwd=tmp_path)
    # TensorFlow, which says a word when it is loaded, has not been.
    assert (code, out, error) == (1, "", f"{sentence}\n")


def test_the_command_needs_a_file(tmp_path):
    code, _, error = reglab(cwd=tmp_path)
    assert code == 2
    assert "Traceback" not in error
