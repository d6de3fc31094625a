"""A model is tried before it is trained: it is the same each time, and no run moves what is another's."""

import functools
import itertools
import random

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from lab.checks import DataError
from lab.data import Dataset, Split
from lab.engine import cohort
from lab.experiment import Experiment, Variant
from lab.models import dense
from lab.plan import plan
from lab.training import Training
from tests.cohorts import identical
from tests.lines import place
from tests.user_factories import ending, subclassed, unseeded


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


GLOBAL_STREAM = (
    "the model of variant 'v0' must draw its random numbers by seeds of its own, got keras.random without a seed; give "
    "it seed=generator, with generator = keras.random.SeedGenerator(seed), in a layer as an attribute"
)


def complex_numbers(input_shape, outputs, *, seed=0):
    x = keras.Input(input_shape)
    return keras.Model(x, layers.Lambda(lambda x: tf.cast(x, "complex64"))(layers.Dense(outputs)(x)))


REFUSED = {
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
    "a layer that fails in training": (
        ending(lambda outputs: Failing()),
        "the model of variant 'v0' must take the data in training and in inference, and calling it on 8 examples "
        f"fails: RuntimeError: not in training {place(Failing.call, 2)}",
    ),
    "complex numbers": (
        complex_numbers,
        "the model of variant 'v0' must return float32, as the losses take, got complex64; give its last layer "
        "dtype='float32'",
    ),
}


@pytest.mark.parametrize(("factory", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_model_that_is_not_the_same_each_time_or_cannot_be_called_is_refused(build, factory, sentence):
    (task,) = build(factory)
    with pytest.raises(DataError) as caught:
        task.build()
    assert str(caught.value) == sentence


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


@functools.cache
def cached(input_shape, outputs, *, seed=0):
    return unseeded(input_shape, outputs)


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


def test_a_factory_is_tried_and_built_once_for_all_variants_that_only_train_otherwise(blobs, monkeypatch):
    monkeypatch.setattr("lab.plan.declare", lambda value, role, **_: role)  # a lambda has no identity
    calls = []

    def factory(input_shape, outputs, *, seed):
        calls.append(seed)
        return dense(input_shape, outputs, widths=(4,), seed=seed)

    def tasks(*rates):
        variants = {
            str(rate): Variant(data=lambda: blobs, model=factory, training=Training(epochs=2, learning_rate=rate))
            for rate in rates
        }
        return [run.task for run in plan(Experiment(name="x", variants=variants, baseline="0.01", seeds=(0, 1)))]

    (group,) = cohort.group(tasks(0.01)).groups
    built = list(calls)
    calls.clear()
    both = tasks(0.01, 0.1)
    (group,) = cohort.group(both).groups
    assert calls == built
    trained = cohort.train(both, blueprints=group.blueprints)
    assert all(identical(one, cohort.train([task])[0]) for one, task in zip(trained, both, strict=True))


def tokens(input_shape, outputs, *, seed):
    ids = keras.Input(input_shape)
    return keras.Model(ids, layers.Dense(outputs)(layers.Flatten()(layers.Embedding(5, 2)(ids))))


@pytest.mark.parametrize(("name", "value"), [("mixup", 0.2), ("adversarial", 0.1), ("gradient_penalty", 0.1)])
def test_ids_are_not_mixed_nor_attacked_whatever_was_built_before(blobs, monkeypatch, name, value):
    monkeypatch.setattr("lab.plan.declare", lambda value, role, **_: role)  # a function here has no identity
    splits = (Split(np.abs(one.x).round() % 5, one.y) for one in (blobs.train, blobs.validation, blobs.test))
    whole = Dataset("ids", *splits, blobs.classes)
    variants = {
        "plain": Variant(data=lambda: whole, model=tokens, training=Training(epochs=1)),
        "changed": Variant(data=lambda: whole, model=tokens, training=Training(epochs=1, **{name: value})),
    }
    runs = plan(Experiment(name="x", variants=variants, baseline="plain", seeds=(0,)))
    found = cohort.group([run.task for run in runs])
    assert {i: str(error) for i, error in found.failed.items()} == {
        1: f"{name} must be 0 for the model of variant 'changed', whose inputs are whole numbers that stand for "
        f"something, got {value}; leave it out"
    }
