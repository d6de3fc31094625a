"""A model's end gives logits, or it is made to, or refused: never are probabilities trained as if they were logits."""

import dataclasses
import functools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from lab.checks import DataError
from lab.engine import keras_fit
from lab.engine.objective import data_loss
from lab.experiment import Experiment, Variant
from lab.models.final_activation import ModelWarning
from lab.models.output_range import check_range, lowest_loss
from lab.plan import plan
from lab.training import Training
from tests.user_factories import ending, subclassed, unseeded


def softmax_layer(input_shape, outputs, *, seed=0):
    x = keras.Input(input_shape)
    return keras.Model(x, layers.Softmax()(layers.Dense(outputs)(layers.Dense(8, "relu")(x))))


def activation_layer(input_shape, outputs, *, seed=0):
    return keras.Sequential([keras.Input(input_shape), layers.Dense(outputs), layers.Activation("softmax")])


def operation(input_shape, outputs, *, seed=0):
    x = keras.Input(input_shape)
    return keras.Model(x, keras.ops.softmax(layers.Dense(outputs)(x)))


def nested(input_shape, outputs, *, seed=0):
    inner = keras.Sequential([keras.Input(input_shape), layers.Dense(outputs, "softmax")])
    return keras.Sequential([keras.Input(input_shape), inner])


def code(input_shape, outputs, *, seed=0):
    return keras.Sequential(
        [keras.Input(input_shape), layers.Dense(outputs), layers.Lambda(lambda x: keras.ops.softmax(x))]
    )


def nested_end(*ends):
    """Return a factory whose end is in a model inside its model."""

    def factory(input_shape, outputs, *, seed=0):
        inner = keras.Sequential([keras.Input((8,)), layers.Dense(outputs), *(end(outputs) for end in ends)])
        inner(keras.Input((8,)))  # used elsewhere, too
        x = keras.Input(input_shape)
        return keras.Model(x, inner(layers.Dense(8, "relu")(x)))

    return factory


RECOGNISED = {
    "Dense": functools.partial(unseeded, end="softmax"),
    "Dense with TensorFlow's": functools.partial(unseeded, end=tf.nn.softmax),
    "Softmax": softmax_layer,
    "Softmax over axis 1": ending(lambda outputs: layers.Softmax(axis=1)),
    "Activation": activation_layer,
    "Activation with TensorFlow's": ending(lambda outputs: layers.Activation(tf.nn.softmax)),
    "an operation": operation,
    "a nested model": nested,
    "a nested Activation": nested_end(lambda outputs: layers.Activation("softmax")),
    "a nested Softmax": nested_end(lambda outputs: layers.Softmax()),
    "Dense with a Softmax layer as its activation": functools.partial(unseeded, end=layers.Softmax()),
}


@pytest.mark.parametrize("factory", RECOGNISED.values(), ids=RECOGNISED)
def test_a_final_softmax_is_removed_and_the_model_trains_as_the_one_without(build, factory):
    (task,) = build(factory)
    with pytest.warns(ModelWarning) as told:
        model = task.build()
    assert str(told[0].message) == (
        "the model of variant 'v0' ends in softmax; it is trained without, since the loss 'softmax_cross_entropy' "
        "takes logits"
    )
    outputs = np.asarray(model(task.data.train.x))
    assert not np.allclose(outputs.sum(1), 1)
    assert outputs.min() < 0


def by_hand(x):
    powers = keras.ops.exp(x - keras.ops.max(x, axis=-1, keepdims=True))
    return powers / keras.ops.sum(powers, axis=-1, keepdims=True)


class ZeroStart(keras.Model):
    """Softmax in code, with weights that start at zero."""

    def __init__(self, outputs):
        super().__init__()
        self.head = layers.Dense(outputs, kernel_initializer="zeros")

    def call(self, x):
        return keras.ops.softmax(self.head(x))


def recurrent(kind, **options):
    def factory(input_shape, outputs, *, seed=0):
        return keras.Sequential([keras.Input(input_shape), layers.Reshape((1, 2)), kind(outputs, **options)])

    return factory


PROBABILITIES = "between 0 and 1, as probabilities are,"


UNRECOGNISED = {
    "a function of one's own": (functools.partial(unseeded, end=by_hand), PROBABILITIES),
    "a lambda": (functools.partial(unseeded, end=lambda x: keras.ops.softmax(x)), PROBABILITIES),
    "a Lambda layer": (code, PROBABILITIES),
    "a subclass": (functools.partial(subclassed, end="softmax"), PROBABILITIES),
    "a subclass that starts at zero": (lambda shape, outputs, *, seed=0: ZeroStart(outputs), PROBABILITIES),
    "sparsemax": (functools.partial(unseeded, end="sparsemax"), "never below 0"),
    "hard_sigmoid": (functools.partial(unseeded, end="hard_sigmoid"), PROBABILITIES),
    "a linear Activation after it": (
        ending(lambda n: layers.Softmax(), lambda n: layers.Activation("linear")),
        PROBABILITIES,
    ),
    "Dropout after it": (ending(lambda n: layers.Softmax(), lambda n: layers.Dropout(0.5)), PROBABILITIES),
    "a simple recurrent layer": (recurrent(layers.SimpleRNN, activation="softmax"), PROBABILITIES),
    "an LSTM": (recurrent(layers.LSTM, activation="softmax"), PROBABILITIES),
    "clipping": (ending(lambda n: layers.Lambda(lambda x: keras.ops.clip(x, 0, 1))), PROBABILITIES),
    "a wrapper": (
        ending(lambda n: layers.SpectralNormalization(layers.Dense(n, "softmax")), outputs_first=False),
        PROBABILITIES,
    ),
    "exp": (functools.partial(unseeded, end="exponential"), "never below 0"),
    "relu": (functools.partial(unseeded, end="relu"), "never below 0"),
}


@pytest.mark.parametrize(("factory", "outputs_are"), UNRECOGNISED.values(), ids=UNRECOGNISED)
def test_an_end_that_gives_no_logits_whatever_the_weights_are_is_refused(build, factory, outputs_are):
    (task,) = build(factory)
    with pytest.raises(DataError) as caught:
        task.build()
    assert str(caught.value) == (
        f"the model of variant 'v0' must return logits for the loss 'softmax_cross_entropy', got outputs that are "
        f"{outputs_are} whatever its weights are; remove the function at its end that makes them so"
    )


@pytest.mark.parametrize("end", [None, "log_softmax", "leaky_relu", lambda x: 3.0 * x, lambda x: 9 * keras.ops.tanh(x)])
def test_an_end_that_gives_logits_or_log_probabilities_is_trained_without_a_word(build, end):
    (task,) = build(functools.partial(unseeded, end=end))
    task.build()


class TanhInCode(keras.Model):
    def __init__(self, outputs):
        super().__init__()
        self.head = layers.Dense(outputs)

    def call(self, x):
        return keras.ops.tanh(self.head(x))


BOUNDED = {
    "tanh": (functools.partial(unseeded, end="tanh"), "-1 to 1", "0.24"),
    "softsign": (functools.partial(unseeded, end="softsign"), "-1 to 1", "0.24"),
    "hard_tanh": (functools.partial(unseeded, end="hard_tanh"), "-1 to 1", "0.24"),
    "clipping": (ending(lambda n: layers.Lambda(lambda x: keras.ops.clip(x, -2, 1))), "-2 to 1", "0.095"),
    "tanh in code": (lambda shape, outputs, *, seed=0: TanhInCode(outputs), "-1 to 1", "0.24"),
}


@pytest.mark.parametrize(("factory", "bounds", "floor"), BOUNDED.values(), ids=BOUNDED)
def test_an_end_with_bounds_of_both_signs_is_trained_and_its_lowest_loss_is_told(build, factory, bounds, floor):
    (task,) = build(factory)
    with pytest.warns(ModelWarning) as told:
        task.build()
    assert [str(one.message) for one in told] == [
        f"the model of variant 'v0' gives outputs from {bounds} whatever its weights are, with which the loss "
        f"'softmax_cross_entropy' cannot fall below {floor}; remove the function at its end that makes them so"
    ]


@pytest.mark.parametrize(
    ("loss", "outputs", "floor"),
    [
        ("softmax_cross_entropy", 3, math.log(1 + 2 * math.exp(-2))),
        ("binary_cross_entropy", 1, math.log(1 + math.exp(-1))),
        ("binary_cross_entropy", 3, math.log(1 + math.exp(-1))),
        ("hinge", 1, 0.0),
        ("hinge", 3, 0.0),
    ],
)
def test_the_lowest_loss_of_outputs_with_bounds_is_that_of_the_loss_at_them(loss, outputs, floor):
    """The best outputs of a range are its ends: the highest for the right class and the lowest for all others."""
    best = np.where(np.arange(outputs) == 0, 1.0, -1.0).astype("float32")
    truth = np.array([0 if outputs > 1 else 1])
    if loss == "binary_cross_entropy" and outputs > 1:
        truth = (best[None] > 0).astype("int32")
    measured = float(data_loss(loss, tf.constant(truth, tf.int32), tf.constant(best[None]))[0])
    assert lowest_loss(loss, outputs, -1.0, 1.0) == pytest.approx(floor)
    assert measured == pytest.approx(floor, abs=1e-6)


@pytest.mark.parametrize(
    ("loss", "outputs", "lowest", "highest", "floor"),
    [("hinge", 3, -0.25, 0.25, 1.0), ("hinge", 1, -0.5, 0.75, 0.25), ("binary_cross_entropy", 1, -3.0, 1.0, 0.0486)],
)
def test_the_lowest_loss_of_outputs_within_narrow_bounds_is_told(loss, outputs, lowest, highest, floor):
    assert lowest_loss(loss, outputs, lowest, highest) == pytest.approx(floor, abs=1e-4)


UNREACHED = {
    "relu": ("relu", "below 0"),
    "sigmoid": ("sigmoid", "below 0 or above 1"),
    "tanh": ("tanh", "below -1 or above 1"),
    "minus softplus": (lambda x: -keras.ops.softplus(x), "above 0"),
}


@pytest.mark.parametrize(("end", "bounds"), UNREACHED.values(), ids=UNREACHED)
def test_an_end_that_cannot_reach_the_numbers_to_be_predicted_is_trained_and_this_is_told(end, bounds):
    model = unseeded((2,), 1, end=end)
    with pytest.warns(ModelWarning) as told:
        check_range(model, "squared_error", "variant 'v0'", np.ones((8, 2), "float32"), np.array([[-2.5], [3.0]], "f4"))
    assert [str(one.message) for one in told] == [
        f"the model of variant 'v0' gives no outputs {bounds} whatever its weights are, and is to predict numbers from "
        f"-2.5 to 3; remove the function at its end that makes them so"
    ]


@pytest.mark.parametrize(
    ("end", "targets"),
    [
        ("relu", [0.0, 7.0]),
        ("sigmoid", [0.0, 1.0]),
        ("tanh", [-0.5, 0.5]),
        ("softplus", [0.1, 9.0]),
        ("elu", [-1.0, 5.0]),
    ],
)
def test_an_end_that_reaches_all_numbers_to_be_predicted_is_trained_without_a_word(end, targets):
    made = np.array(targets, "float32")[:, None]
    check_range(unseeded((2,), 1, end=end), "squared_error", "variant 'v0'", np.ones((8, 2), "float32"), made)


@pytest.mark.slow
def test_log_softmax_changes_nothing_for_cross_entropy(build):
    """Softmax of log-probabilities is softmax of the logits."""
    ends, logits = (keras_fit.train(t).rows for t in build(functools.partial(unseeded, end="log_softmax"), unseeded))
    for a, b in zip(ends, logits, strict=True):
        assert a["data_loss"] == pytest.approx(b["data_loss"], abs=1e-6)


def test_probabilities_are_fit_for_the_squared_loss(build):
    (task,) = build(functools.partial(unseeded, end="softmax"), loss="squared_error")
    assert np.allclose(np.asarray(task.build()(task.data.train.x)).sum(1), 1)


@pytest.mark.slow
def test_a_classifier_with_softmax_and_its_twin_with_logits_are_one(build):
    with pytest.warns(ModelWarning):
        ends, logits = (keras_fit.train(t).rows for t in build(functools.partial(unseeded, end="softmax"), unseeded))
    assert ends == logits


def test_a_sigmoid_is_removed_for_the_binary_loss(blobs, monkeypatch):
    binary = dataclasses.replace(
        blobs,
        classes=("a", "b"),
        **{
            n: dataclasses.replace(getattr(blobs, n), y=getattr(blobs, n).y % 2)
            for n in ("train", "validation", "test")
        },
    )
    monkeypatch.setattr("lab.plan.declare", lambda value, role, **_: role)
    variants = {
        n: Variant(
            data=lambda: binary,
            model=functools.partial(unseeded, end=end),
            training=Training(epochs=2, loss="binary_cross_entropy"),
        )
        for n, end in (("sigmoid", "sigmoid"), ("logits", None))
    }
    runs = plan(Experiment(name="x", variants=variants, baseline="logits", seeds=(0,)))
    with pytest.warns(ModelWarning):
        one, other = (keras_fit.train(run.task).rows for run in runs)
    assert one == other


class Switching(keras.Model):
    """Returns logits in one mode and probabilities in the other."""

    def __init__(self, outputs, when):
        super().__init__()
        self.head, self.when = layers.Dense(outputs), when

    def call(self, x, training=False):
        return keras.ops.softmax(self.head(x)) if bool(training) == self.when else self.head(x)


REFUSED = {
    "softmax after softmax": (
        ending(lambda outputs: layers.Softmax(), lambda outputs: layers.Softmax()),
        "the model of variant 'v0' must return logits for the loss 'softmax_cross_entropy', got softmax at its end "
        "after softmax; remove both",
    ),
    "softmax with a penalty on it": (
        ending(lambda outputs: layers.Activation("softmax", activity_regularizer="l2")),
        "the model of variant 'v0' must return logits for the loss 'softmax_cross_entropy', got softmax at its end, "
        "where the lab cannot remove it; remove it",
    ),
    "sigmoids for several classes": (
        functools.partial(unseeded, end="sigmoid"),
        "the model of variant 'v0' must return logits for the loss 'softmax_cross_entropy', got sigmoid at its end; "
        "remove it, or choose the loss that fits it",
    ),
    "softmax in inference only": (
        lambda shape, outputs, *, seed=0: Switching(outputs, when=False),
        "the model of variant 'v0' must return logits for the loss 'softmax_cross_entropy', got outputs that are "
        "between 0 and 1, as probabilities are, whatever its weights are; remove the function at its end that makes "
        "them so",
    ),
    "softmax in training only": (
        lambda shape, outputs, *, seed=0: Switching(outputs, when=True),
        "the model of variant 'v0' must return logits for the loss 'softmax_cross_entropy', got outputs that are "
        "between 0 and 1, as probabilities are, whatever its weights are; remove the function at its end that makes "
        "them so",
    ),
}


@pytest.mark.parametrize(("factory", "sentence"), REFUSED.values(), ids=REFUSED)
def test_an_end_that_cannot_be_removed_is_refused(build, factory, sentence):
    (task,) = build(factory)
    with pytest.raises(DataError) as caught:
        task.build()
    assert str(caught.value) == sentence


KEPT = unseeded((2,), 3, end="softmax")
KEPT.trainable = False


def around_a_kept_model(input_shape, outputs, *, seed=0):
    """Train a layer in front of a frozen model that the user goes on using."""
    x = keras.Input(input_shape)
    return keras.Model(x, KEPT(layers.Dense(2)(x)))


def same_graph_as_a_kept_model(input_shape, outputs, *, seed=0):
    """Return another model of the frozen layers: its end is called once, and is the user's all the same."""
    return keras.Model(KEPT.inputs[0], KEPT.outputs[0])


@pytest.mark.filterwarnings("ignore::lab.models.final_activation.ModelWarning")
@pytest.mark.parametrize("factory", [around_a_kept_model, same_graph_as_a_kept_model])
def test_a_model_that_a_factory_keeps_has_its_softmax_after_a_run_is_built_without_it(build, factory):
    examples = np.ones((4, 2), "float32")
    before = np.asarray(KEPT(examples))
    weights = {id(v) for v in KEPT.weights}
    (task,) = build(factory)
    model = task.build()
    assert np.array_equal(np.asarray(KEPT(examples)), before)
    assert KEPT.layers[-1].activation is keras.activations.softmax
    assert weights <= {id(v) for v in model.weights}
    assert not np.allclose(np.asarray(model(examples)).sum(1), 1)
