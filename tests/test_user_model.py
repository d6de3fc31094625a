"""Anybody's model is trained as it was meant, in fair pairs, or refused in a sentence."""

import dataclasses
import functools
import itertools
import random

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from lab.checks import DataError
from lab.engine import cohort, keras_fit
from lab.experiment import Experiment, Variant
from lab.models import dense
from lab.models.final_activation import ModelWarning
from lab.plan import plan
from lab.training import Training


def unseeded(input_shape, outputs, *, dropout=0.0, end=None, seed=0):
    """A tutorial's model: no layer has a seed."""
    net = [keras.Input(input_shape), layers.Dense(8, "relu")]
    net += [layers.Dropout(dropout)] if dropout else []
    return keras.Sequential([*net, layers.Dense(8, "relu"), layers.Dense(outputs, end)])


def without_input(input_shape, outputs, *, seed=0):
    return keras.Sequential([layers.Dense(8, "relu"), layers.Dense(outputs)])


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


class Subclassed(keras.Model):
    def __init__(self, outputs, end):
        super().__init__()
        self.head = layers.Dense(outputs, end)

    def call(self, x):
        return self.head(x)


def subclassed(input_shape, outputs, *, end=None, seed=0):
    return Subclassed(outputs, end)


@functools.cache
def cached(input_shape, outputs, *, seed=0):
    return unseeded(input_shape, outputs)


def misshapen(input_shape, outputs, *, kind, seed=0):
    x = keras.Input(input_shape)
    match kind:
        case "five more outputs":
            return keras.Model(x, layers.Dense(outputs + 5)(x))
        case "one output":
            return keras.Model(x, layers.Dense(1)(x))
        case "a sequence":
            return keras.Model(x, layers.Reshape((1, outputs))(layers.Dense(outputs)(x)))
        case "two outputs":
            return keras.Model(x, [layers.Dense(outputs)(x), layers.Dense(outputs)(x)])
        case "two inputs":
            other = keras.Input(input_shape)
            return keras.Model([x, other], layers.Dense(outputs)(layers.add([x, other])))
        case "another input":
            x = keras.Input((7,))
            return keras.Model(x, layers.Dense(outputs)(x))
        case "a dict":
            return keras.Model(x, {"y": layers.Dense(outputs)(x)})
        case "float16":
            return keras.Model(x, layers.Dense(outputs, dtype="mixed_float16")(x))
        case "complex":
            return keras.Model(x, layers.Lambda(lambda x: tf.cast(x, "complex64"))(layers.Dense(outputs)(x)))
        case "a batch size":
            x = keras.Input(input_shape, batch_size=4)
            return keras.Model(x, layers.Dense(outputs)(x))


def set_too_late(input_shape, outputs, *, name="kernel_regularizer", value=None, first=None, seed=0):
    penalty = None if first is None else keras.regularizers.L2(first)
    model = keras.Sequential([keras.Input(input_shape), layers.Dense(outputs, kernel_regularizer=penalty)])
    setattr(model.layers[0], name, value or keras.regularizers.L2(0.1))
    return model


class Listed(keras.Model):
    def __init__(self, outputs):
        super().__init__()
        self.head = layers.Dense(outputs)

    def call(self, x):
        return [self.head(x)]


def drawn_anew(input_shape, outputs, *, seed=0):
    model = keras.Sequential([keras.Input(input_shape), layers.Dense(outputs)])
    model.set_weights([np.random.default_rng().normal(size=w.shape) for w in model.get_weights()])
    return model


def initialized(input_shape, outputs, *, by, seed=0):
    return keras.Sequential([keras.Input(input_shape), layers.Dense(outputs, kernel_initializer=by)])


def counted(input_shape, outputs, *, calls, seed=0):
    return keras.Sequential([keras.Input(input_shape), layers.Dense(next(calls)), layers.Dense(outputs)])


class Noisy(layers.Layer):
    def __init__(self, generator, **options):
        super().__init__(**options)
        self.generator = generator

    def call(self, inputs, training=False):
        return inputs + keras.random.normal(keras.ops.shape(inputs), seed=self.generator) if training else inputs


class Failing(layers.Layer):
    def call(self, inputs, training=False):
        if training:
            raise RuntimeError("not in training")
        return inputs


class Unknown(layers.Layer):
    """Scales by a variable of TensorFlow's, which Keras does not train."""

    def build(self, shape):
        self.scale = tf.Variable(tf.ones(shape[-1:]))

    def call(self, inputs):
        return inputs * self.scale


HEAD = layers.Dense(3)
HEAD.build((None, 3))


class Switching(keras.Model):
    """Returns logits in one mode and probabilities in the other."""

    def __init__(self, outputs, when):
        super().__init__()
        self.head, self.when = layers.Dense(outputs), when

    def call(self, x, training=False):
        return keras.ops.softmax(self.head(x)) if bool(training) == self.when else self.head(x)


GLOBAL_STREAM = (
    "the model of variant 'v0' must draw its random numbers by seeds of its own, got keras.random without a seed; give "
    "it seed=generator, with generator = keras.random.SeedGenerator(seed), in a layer as an attribute"
)


METHODS = ("train_step", "compute_loss", "compute_metrics", "evaluate", "make_train_function", "train_on_batch")


def own_method(name, *, on_instance):
    """Return a factory whose models train or measure in a way of their own."""

    def own(self, *args, **options):
        raise RuntimeError

    def factory(input_shape, outputs, *, seed=0):
        kind = keras.Sequential if on_instance else type("Own", (keras.Sequential,), {name: own})
        model = kind([keras.Input(input_shape), layers.Dense(outputs)])
        if on_instance:
            object.__setattr__(model, name, own.__get__(model))
        return model

    return factory


def compiled(input_shape, outputs, *, seed=0):
    model = unseeded(input_shape, outputs)
    model.compile("sgd", "mse")
    return model


@pytest.fixture
def build(blobs, monkeypatch):
    """Return a function that returns the tasks of factories on three blobs."""
    monkeypatch.setattr("lab.plan.declare", lambda value, role, **_: role)  # a lambda has no identity

    def made(*factories, seeds=(0,), **training):
        training = {"epochs": 2} | training
        variants = {
            f"v{i}": Variant(data=lambda: blobs, model=factory, training=Training(**training))
            for i, factory in enumerate(factories)
        }
        found = plan(Experiment(name="x", variants=variants, baseline="v0", seeds=seeds))
        return [run.task for run in found]

    return made


@pytest.mark.parametrize("factory", [unseeded, without_input, subclassed], ids=lambda f: f.__name__)
@pytest.mark.parametrize("engine", ["cohort", "keras_fit"])
def test_a_run_of_a_model_without_seeds_is_the_same_each_time(build, factory, engine):
    def train():
        (task,) = build(factory)
        if engine == "keras_fit" or cohort.group([task]).refused:
            return keras_fit.train(task)
        return cohort.train([task])[0]

    assert train().rows == train().rows


@pytest.mark.parametrize("factory", [functools.partial(unseeded, dropout=0.5)], ids=["dropout"])
def test_variants_of_one_seed_start_from_the_same_weights_without_a_seed_in_their_code(build, factory):
    plain, dropped = (task.build().get_weights() for task in build(unseeded, factory))
    kernels = [[w for w in weights if w.ndim == 2] for weights in (plain, dropped)]
    assert all((a == b).all() for a, b in zip(*kernels, strict=True))
    other = build(unseeded, seeds=(1,))[0].build().get_weights()
    assert not (other[0] == plain[0]).all()


def test_both_engines_draw_the_same_masks_in_layers_without_a_seed(build):
    factory = functools.partial(unseeded, dropout=0.5)
    one, other = keras_fit.train(build(factory)[0]), cohort.train(build(factory))[0]
    for a, b in zip(one.rows, other.rows, strict=True):
        assert a["data_loss"] == pytest.approx(b["data_loss"], abs=1e-5)


def test_nobodys_global_random_numbers_are_touched(build):
    random.seed(3)
    np.random.seed(3)
    expected = random.Random(3).random(), np.random.RandomState(3).random()
    build(unseeded)[0].build()
    assert (random.random(), np.random.random()) == expected


def ending(*ends, outputs_first=True):
    """Return a factory of a net that ends in some layers, the last dense one without an activation."""

    def factory(input_shape, outputs, *, seed=0):
        body = [layers.Dense(8, "relu"), *([layers.Dense(outputs)] if outputs_first else [])]
        return keras.Sequential([keras.Input(input_shape), *body, *(end(outputs) for end in ends)])

    return factory


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


@pytest.mark.parametrize("end", [None, "log_softmax", "tanh", "softsign", lambda x: 3.0 * x])
def test_an_end_that_gives_outputs_of_both_signs_or_log_probabilities_is_trained(build, end):
    (task,) = build(functools.partial(unseeded, end=end))
    task.build()


def test_log_softmax_changes_nothing_for_cross_entropy(build):
    """Softmax of log-probabilities is softmax of the logits."""
    ends, logits = (keras_fit.train(t).rows for t in build(functools.partial(unseeded, end="log_softmax"), unseeded))
    for a, b in zip(ends, logits, strict=True):
        assert a["data_loss"] == pytest.approx(b["data_loss"], abs=1e-6)


def test_probabilities_are_fit_for_the_squared_loss(build):
    (task,) = build(functools.partial(unseeded, end="softmax"), loss="squared_error")
    assert np.allclose(np.asarray(task.build()(task.data.train.x)).sum(1), 1)


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
    "a dict": (
        functools.partial(misshapen, kind="a dict"),
        "the model of variant 'v0' must return its outputs as they are, got a dict with them; return what is in it",
    ),
    "a list by code": (
        lambda shape, outputs, *, seed=0: Listed(outputs),
        "the model of variant 'v0' must return its outputs as they are, got a list with them; return what is in it",
    ),
    "float16": (
        functools.partial(misshapen, kind="float16"),
        "the model of variant 'v0' must return float32, as the losses take, got float16; give its last layer "
        "dtype='float32'",
    ),
    "complex numbers": (
        functools.partial(misshapen, kind="complex"),
        "the model of variant 'v0' must return float32, as the losses take, got complex64; give its last layer "
        "dtype='float32'",
    ),
    "a constraint that was set on a built layer": (
        functools.partial(set_too_late, name="kernel_constraint", value=keras.constraints.MaxNorm(1.0)),
        "the model of variant 'v0' has a kernel_constraint on the layer 'dense' that reaches no weight, because it was "
        "set after the layer was built; give it to the layer when it is made",
    ),
    "another regularizer that was set on a built layer": (
        functools.partial(set_too_late, first=0.3),
        "the model of variant 'v0' has a kernel_regularizer on the layer 'dense' that reaches no weight, because it "
        "was set after the layer was built; give it to the layer when it is made",
    ),
    "numbers of a generator without a seed": (
        drawn_anew,
        "the factory of variant 'v0' must build the same model at each call with one seed, got other values of "
        "sequential/dense/kernel at a second call; draw them by its argument seed, as np.random.default_rng(seed) does",
    ),
    "an initializer whose generator goes on": (
        functools.partial(initialized, by=keras.initializers.GlorotUniform(keras.random.SeedGenerator(1))),
        "the factory of variant 'v0' must build the same model at each call with one seed, got other values of "
        "sequential/dense/kernel at a second call; draw them by its argument seed, as np.random.default_rng(seed) does",
    ),
    "another width at each call": (
        functools.partial(counted, calls=itertools.count(3)),
        "the factory of variant 'v0' must build the same model at each call with one seed, got weights of other shapes "
        "at a second call; let it depend on its arguments only",
    ),
    "an initializer without a seed": (
        functools.partial(initialized, by=lambda shape, dtype=None: keras.random.normal(shape)),
        GLOBAL_STREAM,
    ),
    "a layer without a seed": (
        ending(lambda outputs: layers.Lambda(lambda x: x + keras.random.normal((3,)))),
        GLOBAL_STREAM,
    ),
    "a layer without a seed that draws in training": (
        lambda shape, outputs, *, seed=0: keras.Sequential([keras.Input(shape), Noisy(None), layers.Dense(outputs)]),
        GLOBAL_STREAM,
    ),
    "a layer that draws by TensorFlow": (
        ending(lambda outputs: layers.Lambda(lambda x: x + tf.random.normal((3,)))),
        "the model of variant 'v0' must draw its random numbers by seeds of its own, got other outputs in training "
        "from a second model of the same seed; give its layers keras.random.SeedGenerator(seed) as an attribute, and "
        "draw by keras.random with it as the seed",
    ),
    "a layer that is left out by chance": (
        ending(lambda outputs: layers.Lambda(lambda x: x if random.random() < 0.5 else 2.0 * x)),
        "the model of variant 'v0' must draw its random numbers by seeds of its own, got other outputs in training "
        "from a second model of the same seed; give its layers keras.random.SeedGenerator(seed) as an attribute, and "
        "draw by keras.random with it as the seed",
    ),
    "a weight that Keras does not know": (
        ending(lambda outputs: Unknown()),
        "the model of variant 'v0' must hold all weights that it computes with, got one of shape (3,) that is not "
        "among them, so that nothing would train it; make it with add_weight, or keep its layer as an attribute of the "
        "layer that calls it",
    ),
    "a layer that belongs to no model": (
        ending(lambda outputs: layers.Lambda(lambda x: HEAD(x))),
        "the model of variant 'v0' must hold all weights that it computes with, got one of shape (3, 3) that is not "
        "among them, so that nothing would train it; make it with add_weight, or keep its layer as an attribute of the "
        "layer that calls it",
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
    "a layer that fails in training": (
        ending(lambda outputs: Failing()),
        "the model of variant 'v0' must take the data in training and in inference, and calling it on 8 examples "
        "fails: RuntimeError: not in training",
    ),
    "sigmoids for several classes": (
        functools.partial(unseeded, end="sigmoid"),
        "the model of variant 'v0' must return logits for the loss 'softmax_cross_entropy', got sigmoid at its end; "
        "remove it, or choose the loss that fits it",
    ),
    "five more outputs": (
        functools.partial(misshapen, kind="five more outputs"),
        "the model of variant 'v0' must return 3 numbers for each example, as the data and the loss need, got shape "
        "(8,); give its last layer as many units as the factory's argument outputs says",
    ),
    "one output": (
        functools.partial(misshapen, kind="one output"),
        "the model of variant 'v0' must return 3 numbers for each example, as the data and the loss need, got shape "
        "(1,); give its last layer as many units as the factory's argument outputs says",
    ),
    "a sequence": (
        functools.partial(misshapen, kind="a sequence"),
        "the model of variant 'v0' must return 3 numbers for each example, as the data and the loss need, got shape "
        "(1, 3); give its last layer as many units as the factory's argument outputs says",
    ),
    "two outputs": (
        functools.partial(misshapen, kind="two outputs"),
        "the model of variant 'v0' must have one input and one output, got 1 inputs and 2 outputs; join them inside "
        "the model",
    ),
    "two inputs": (
        functools.partial(misshapen, kind="two inputs"),
        "the model of variant 'v0' must have one input and one output, got 2 inputs and 1 outputs; join them inside "
        "the model",
    ),
    "another input": (
        functools.partial(misshapen, kind="another input"),
        "the model of variant 'v0' must take examples of shape (2,), as the data has them, got an input of shape (7,); "
        "build it from the input_shape that the factory is given",
    ),
    "a batch size": (
        functools.partial(misshapen, kind="a batch size"),
        "the model of variant 'v0' must take any number of examples at once, got an Input with batch_size=4; leave "
        "batch_size out",
    ),
    "a regularizer that was set on a built layer": (
        set_too_late,
        "the model of variant 'v0' has a kernel_regularizer on the layer 'dense' that reaches no weight, because it "
        "was set after the layer was built; give it to the layer when it is made",
    ),
}


@pytest.mark.parametrize(("factory", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_trained_as_it_was_meant_is_refused(build, factory, sentence):
    (task,) = build(factory)
    with pytest.raises(DataError) as caught:
        task.build()
    assert str(caught.value) == sentence


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("on_instance", [False, True], ids=["by its class", "set on it"])
def test_a_way_of_training_of_its_own_is_refused(build, name, on_instance):
    (task,) = build(own_method(name, on_instance=on_instance))
    with pytest.raises(DataError) as caught:
        task.build()
    assert str(caught.value) == (
        f"the model of variant 'v0' must be trained by the lab, which does not call its own {name} "
        f"({'Sequential' if on_instance else 'Own'}.{name}); return a model without it, and say the loss in Training"
    )


SETTINGS = {
    "floatx": ("float64", "float32", "leave it as it is"),
    "epsilon": (0.1, 1e-7, "leave it as it is"),
    "dtype_policy": ("mixed_float16", "float32", "set it inside the factory"),
    "image_data_format": ("channels_first", "channels_last", "set it inside the factory"),
}


@pytest.fixture
def restore_settings():
    yield
    for name, (_, default, _) in SETTINGS.items():
        getattr(keras.config, f"set_{name}")(default)


@pytest.mark.parametrize(("name", "value", "default", "remedy"), [(name, *rest) for name, rest in SETTINGS.items()])
def test_a_setting_for_all_of_keras_is_refused(build, restore_settings, name, value, default, remedy):
    (task,) = build(unseeded)
    getattr(keras.config, f"set_{name}")(value)
    with pytest.raises(DataError) as caught:
        task.build()
    assert str(caught.value) == (
        f"keras.config.{name}() must be {default!r} when models are built and trained, because it changes numbers and "
        f"is no part of what a run is, got {value!r}; {remedy}"
    )


def mixed(input_shape, outputs, *, seed=0):
    keras.config.set_dtype_policy("mixed_float16")
    hidden = layers.Dense(8, "relu")
    return keras.Sequential([keras.Input(input_shape), hidden, layers.Dense(outputs, dtype="float32")])


def test_a_setting_of_a_factory_holds_for_its_own_layers_only(build):
    own, other = (task.build() for task in build(mixed, unseeded))
    assert own.layers[0].compute_dtype == "float16"
    assert other.layers[0].compute_dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"


def test_a_setting_of_a_factory_that_would_act_on_other_runs_is_refused(build):
    def factory(input_shape, outputs, *, seed=0):
        keras.config.set_epsilon(0.1)
        return unseeded(input_shape, outputs)

    (task,) = build(factory)
    with pytest.raises(DataError, match=r"keras.config.epsilon\(\) must be 1e-07 when models are built and trained"):
        task.build()
    assert keras.config.epsilon() == 1e-7


def test_a_model_is_tried_once_for_each_variant_and_the_labs_own_never(build, monkeypatch):
    calls = []
    monkeypatch.setattr("lab.models.trial.try_out", lambda *arguments: calls.append(arguments[1]))
    for task in build(unseeded, dense, subclassed, seeds=(0, 1, 2)):
        task.build()
    assert calls == ["variant 'v0'", "variant 'v2'"]


def test_a_trial_moves_no_weights(build):
    """Batch normalization in training updates its statistics, and a saved model must start as it was saved."""
    (task,) = build(ending(lambda outputs: layers.BatchNormalization()))
    assert [set(v.ravel()) for v in task.build().get_weights()[-2:]] == [{0.0}, {1.0}]


SHARED_SENTENCE = (
    "the factory of variant 'v0' must build a new model at each call, got the {} of an earlier call again; build its "
    "layers inside the factory (no functools.cache)"
)
FREEZE = ", or freeze what is shared (trainable=False)"


def test_a_model_object_returned_twice_is_refused(build):
    (task,) = build(cached)
    with pytest.raises(DataError) as caught:
        task.build()
    assert str(caught.value) == SHARED_SENTENCE.format("Dense 'dense_2'") + FREEZE


def with_shared(layer):
    """Return a factory whose models share one layer that was made before."""

    def factory(input_shape, outputs, *, seed=0):
        return keras.Sequential([keras.Input(input_shape), layer, layers.Dense(outputs)])

    return factory


def with_a_shared_generator():
    generator = keras.random.SeedGenerator(3)

    def factory(input_shape, outputs, *, seed=0):
        net = [keras.Input(input_shape), Noisy(generator, name="own"), layers.Dense(outputs)]
        return keras.Sequential(net)

    return factory


@pytest.mark.parametrize(
    ("factory", "layer", "remedy"),
    [
        (lambda: with_shared(layers.Dense(4, name="own")), "Dense 'own'", FREEZE),
        (lambda: with_shared(layers.Dropout(0.5, name="own")), "Dropout 'own'", ""),
        (
            lambda: with_shared(layers.BatchNormalization(center=False, scale=False, name="own")),
            *("BatchNormalization 'own'", FREEZE),
        ),
        (with_a_shared_generator, "Noisy 'own'", ""),
    ],
    ids=["weights", "masks", "statistics", "a generator"],
)
def test_what_one_run_moves_belongs_to_no_other(build, factory, layer, remedy):
    (task,) = build(factory())
    with pytest.raises(DataError) as caught:
        task.build()
    assert str(caught.value) == SHARED_SENTENCE.format(layer) + remedy


def normalization():
    layer = layers.Normalization()
    layer.adapt(np.array([[1.0, 2.0], [3.0, 5.0]]))
    return layer


@pytest.mark.parametrize(
    "layer",
    [lambda: layers.Dense(4, trainable=False, name="own"), normalization, layers.Flatten],
    ids=["frozen", "adapted", "without weights"],
)
def test_what_no_run_moves_may_be_shared(build, layer):
    shared = layer()
    one, other = build(with_shared(shared), seeds=(0, 1))
    kept = [one.build(), other.build()]
    assert all(model.layers[0] is shared for model in kept)


def test_a_model_without_weights_to_train_is_trained_and_said_to_have_none(build):
    def factory(input_shape, outputs, *, seed=0):
        return keras.Sequential([keras.Input(input_shape), layers.Dense(outputs, trainable=False)])

    (task,) = build(factory)
    with pytest.warns(ModelWarning) as told:
        task.build()
    assert str(told[0].message) == "the model of variant 'v0' has no weights that are trained"


def test_a_compiled_model_is_trained_and_told_what_is_not_used(build):
    (task,) = build(compiled)
    with pytest.warns(ModelWarning) as told:
        task.build()
    assert str(told[0].message) == (
        "the model of variant 'v0' is compiled; its own loss, optimizer and metrics are not used, those of Training are"
    )
