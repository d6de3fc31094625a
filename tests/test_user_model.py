"""Anybody's model is trained as it was meant, in fair pairs, or refused in a sentence."""

import dataclasses
import functools
import random

import keras
import numpy as np
import pytest
from keras import layers

from lab.checks import DataError
from lab.engine import cohort, keras_fit
from lab.experiment import Experiment, Variant
from lab.models.user_model import ModelWarning
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
        case "a batch size":
            x = keras.Input(input_shape, batch_size=4)
            return keras.Model(x, layers.Dense(outputs)(x))


def set_too_late(input_shape, outputs, *, seed=0):
    model = unseeded(input_shape, outputs)
    model.layers[0].kernel_regularizer = keras.regularizers.L2(0.1)
    return model


class OwnStep(keras.Sequential):
    def train_step(self, data):
        raise RuntimeError


def own_step(input_shape, outputs, *, seed=0):
    return OwnStep([keras.Input(input_shape), layers.Dense(outputs)])


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


@pytest.mark.parametrize(
    "factory",
    [functools.partial(unseeded, end="softmax"), softmax_layer, activation_layer, operation, nested],
    ids=["Dense", "Softmax", "Activation", "an operation", "a nested model"],
)
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
    "a softmax in code": (
        code,
        "the model of variant 'v0' must return logits for the loss 'softmax_cross_entropy', got outputs that are "
        "between 0 and 1, as probabilities are, whatever its weights are; remove the function at its end that makes "
        "them so",
    ),
    "a softmax in a subclass": (
        functools.partial(subclassed, end="softmax"),
        "the model of variant 'v0' must return logits for the loss 'softmax_cross_entropy', got outputs that are "
        "between 0 and 1, as probabilities are, whatever its weights are; remove the function at its end that makes "
        "them so",
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
    "its own train_step": (
        own_step,
        "the model of variant 'v0' must be trained by the lab, which does not call its own train_step "
        "(OwnStep.train_step); return a model without it, and say the loss in Training",
    ),
}


@pytest.mark.parametrize(("factory", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_trained_as_it_was_meant_is_refused(build, factory, sentence):
    (task,) = build(factory)
    with pytest.raises(DataError) as caught:
        task.build()
    assert str(caught.value) == sentence


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


class Noisy(layers.Layer):
    def __init__(self, generator, **options):
        super().__init__(**options)
        self.generator = generator

    def call(self, inputs, training=False):
        return inputs + keras.random.normal(keras.ops.shape(inputs), seed=self.generator) if training else inputs


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


def test_a_compiled_model_is_trained_and_told_what_is_not_used(build):
    (task,) = build(compiled)
    with pytest.warns(ModelWarning) as told:
        task.build()
    assert str(told[0].message) == (
        "the model of variant 'v0' is compiled; its own loss, optimizer and metrics are not used, those of Training are"
    )
