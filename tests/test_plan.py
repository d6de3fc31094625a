"""Planning: what anybody's loaders and factories do wrong is refused in one sentence before anything trains."""

import dataclasses
import os
import sys
from functools import partial

import keras
import numpy as np
import pytest

from lab.checks import DataError, UsageError
from lab.data import digits
from lab.experiment import Experiment, Variant
from lab.models import dense
from lab.plan import plan, tasks
from lab.regularization import Regularization
from lab.training import Training
from tests.lines import place


def experiment(**variants):
    return Experiment(name="small", variants=variants, baseline=next(iter(variants)), seeds=(0, 1))


SMALL = partial(dense, widths=(4,))


def variant(data=digits, model=SMALL, **training):
    return Variant(data=data, model=model, training=Training(epochs=2, **training))


def raising():
    raise RuntimeError("no such disk")


def exiting():
    sys.exit(0)


def nothing():
    return None


def arrays():
    return np.zeros((3, 2)), np.zeros(3)


def absent():
    with open("/nowhere/at/all.csv"):
        pass


class StrangeError(BaseException):
    """An exception that `except Exception` lets through, as GeneratorExit is."""


def strange():
    raise StrangeError("no way")


@pytest.mark.parametrize(
    ("loader", "sentence"),
    [
        (strange, f"the loader of variant 'a' cannot load its data: StrangeError: no way {place(strange)}"),
        (raising, f"the loader of variant 'a' cannot load its data: RuntimeError: no such disk {place(raising)}"),
        (
            exiting,
            f"the loader of variant 'a' cannot load its data: it called sys.exit(0) {place(exiting)}; let it return, "
            "or raise an error instead",
        ),
        (
            absent,
            "the loader of variant 'a' cannot load its data: FileNotFoundError: [Errno 2] No such file or directory: "
            f"'/nowhere/at/all.csv' {place(absent)}",
        ),
        (
            nothing,
            "the loader of variant 'a' must return a lab.data.Dataset, got NoneType; lab.data.from_arrays makes one",
        ),
        (
            arrays,
            "the loader of variant 'a' must return a lab.data.Dataset, got tuple; lab.data.from_arrays makes one",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_loader_that_fails_or_returns_something_else_is_reported(loader, sentence):
    with pytest.raises(DataError) as caught:
        plan(experiment(a=variant(loader)))
    assert str(caught.value) == sentence


def moving(folder):
    os.chdir(folder)
    return digits(train_size=60, validation_size=60, test_size=60)


def moving_net(input_shape, outputs, *, folder, seed):
    os.chdir(folder)
    return dense(input_shape, outputs, widths=(4,), seed=seed)


def test_a_loader_or_a_factory_that_changes_the_working_folder_leaves_it_as_it_was(tmp_path):
    """The paths of results are often relative to it."""
    before = os.getcwd()
    (run,) = plan(experiment(a=variant(partial(moving, str(tmp_path)), partial(moving_net, folder=str(tmp_path)))))[:1]
    assert os.getcwd() == before
    run.task.build()
    assert os.getcwd() == before


def leaving(input_shape, outputs, *, seed):
    sys.exit(0)


def late(input_shape, outputs, *, seed):
    x = inputs = keras.Input(input_shape)
    x = keras.layers.Dense(4, name="hidden")(keras.layers.Flatten()(x))
    model = keras.Model(inputs, keras.layers.Dense(outputs, name="output")(x))
    model.get_layer("hidden").kernel_regularizer = keras.regularizers.L2(0.1)
    return model


@pytest.mark.parametrize(
    ("factory", "sentence"),
    [
        (
            leaving,
            f"variant 'a' cannot build its model: it called sys.exit(0) {place(leaving)}; let it return, or raise an "
            "error instead",
        ),
        (
            late,
            "variant 'a' has a kernel_regularizer on the layer 'hidden' that reaches no weight, because it was set "
            "after the layer was built; give it to the layer when it is made",
        ),
    ],
    ids=["leaves", "sets a regularizer late"],
)
def test_a_factory_that_leaves_or_whose_regularizer_reaches_no_weight_is_reported(factory, sentence):
    with pytest.raises(DataError) as caught:
        plan(experiment(a=variant(model=factory)))[0].task.build()
    assert str(caught.value).removeprefix("the model of ") == sentence


def test_regularizers_of_every_layer_that_are_given_in_time_are_accepted():
    regularization = Regularization(l1=0.1, l2=0.1, activity_l1=0.1, normalization="batch")
    assert plan(experiment(a=variant(model=partial(dense, regularization=regularization))))[0].task.build().losses


def recurrent(input_shape, outputs, *, seed):
    x = inputs = keras.Input(input_shape)
    x = keras.layers.Reshape((8, 8))(x)
    x = keras.layers.LSTM(3, kernel_regularizer="l2", recurrent_regularizer="l2")(x)
    return keras.Model(inputs, keras.layers.Dense(outputs)(x))


def test_regularizers_of_recurrent_layers_are_found_on_their_weights():
    assert len(plan(experiment(a=variant(model=recurrent)))[0].task.build().losses) == 2


def test_a_variant_that_is_declared_like_another_is_refused():
    with pytest.raises(UsageError) as caught:
        plan(experiment(none=variant(), l2=variant(batch_size=8), none_again=variant(model=partial(dense, widths=[4]))))
    assert str(caught.value) == (
        "variants must differ in their data, model or training, got 'none' and 'none_again', which are declared "
        "alike; change one or leave it out"
    )


def test_more_steps_than_memory_has_room_for_are_refused():
    long = dataclasses.replace(variant(), training=Training(epochs=1_000_000, batch_size=1))
    with pytest.raises(UsageError) as caught:
        plan(experiment(a=long))
    assert str(caught.value) == ("a run must be of at most 20000000 steps, got 1079000000 of variant 'a'; lower epochs")


def test_equal_loaders_are_called_once_and_once_per_seed_where_data_is_redrawn():
    calls = []

    def counted(*, size=50, seed=0):
        calls.append(seed)
        return digits(train_size=size, seed=seed)

    same = {"a": variant(partial(counted, size=40)), "b": variant(partial(counted, size=40), batch_size=8)}
    tasks(same, [0, 1])
    assert calls == [0]
    tasks(same, [0, 1], redraw_data=True)
    assert calls == [0, 0, 1]
    tasks({"a": variant(counted), "b": variant(partial(counted, size=40))}, [5])
    assert calls == [0, 0, 1, 0, 0]
