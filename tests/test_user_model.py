"""Anybody's model is trained as it was meant, in fair pairs, or refused in a sentence."""

import functools
import random

import keras
import numpy as np
import pytest
from keras import layers

from lab.checks import DataError
from lab.engine import cohort, keras_fit
from lab.models.final_activation import ModelWarning
from tests.selection import quick
from tests.user_factories import subclassed, unseeded


def without_input(input_shape, outputs, *, seed=0):
    return keras.Sequential([layers.Dense(8, "relu"), layers.Dense(outputs)])


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


@pytest.mark.parametrize("factory", quick([unseeded, without_input, subclassed], 2), ids=lambda f: f.__name__)
@pytest.mark.parametrize("engine", quick(["cohort", "keras_fit"]))
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


REFUSED = {
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
