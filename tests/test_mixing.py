"""Manifold mixup: where a model can be mixed, that it does not matter where in a linear net, and both engines."""

from dataclasses import replace
from functools import partial

import keras
import numpy as np
import pytest
from keras import layers

from lab import models
from lab.checks import DataError
from lab.engine import cohort, keras_fit, mixing
from lab.models.user_model import refuse_no_hidden_place
from lab.regularization import Regularization
from lab.training import Training
from tests.cohorts import SHAPE, difference, identical, task, together

TRAINING = Training(optimizer="momentum", learning_rate=0.02, epochs=2, batch_size=16)


def names(model: keras.Model) -> list[str]:
    known = {id(layer): layer.name for layer in model.layers}
    return ["input" if place == mixing.INPUT else known[place] for place in mixing.places(model)]


def pair(shape=(5,)) -> keras.Model:
    given = keras.Input(shape)
    sides = [layers.Dense(3, name=f"side_{k}")(given) for k in (0, 1)]
    return keras.Model(given, layers.Dense(2)(layers.Concatenate(name="joined")(sides)))


def of_ids() -> keras.Model:
    embedded = layers.Embedding(5, 3, name="embedding")
    parts = [keras.Input((4,), dtype="int32"), embedded, layers.Flatten(name="flatten"), layers.Dense(2)]
    return keras.Sequential(parts)


@pytest.mark.parametrize(
    ("build", "found"),
    [
        (partial(models.dense, (5,), 2, widths=()), ["input"]),
        (
            partial(models.dense, SHAPE, 2, widths=(4, 3), regularization=Regularization(dropout=0.1)),
            ["flatten", "dense_1_dropout", "dense_2_dropout"],
        ),
        (partial(models.conv, SHAPE, 2, blocks=((4,),), widths=()), ["input", "flatten"]),
        (
            partial(models.residual_dense, (5,), 2, width=4, branches=2),
            ["input", "stem_activation", "branch_1_activation", "branch_2_activation"],
        ),
        (pair, ["input", "joined"]),
        (of_ids, ["flatten"]),
    ],
    ids=["linear", "dense", "conv", "residual", "two sides", "ids"],
)
def test_a_model_is_mixed_where_all_of_an_example_is_in_one_tensor(build, found):
    assert names(build()) == found


class Code(keras.Model):
    """A model whose call is code."""

    def call(self, x):
        return x


def masked() -> keras.Model:
    return keras.Sequential([keras.Input((4, 3)), layers.Masking(), layers.LSTM(3), layers.Dense(2)])


@pytest.mark.parametrize("build", [Code, masked, partial(models.dense, (5,), 2, widths=())])
def test_a_model_without_such_a_hidden_place_is_refused_by_name(build):
    with pytest.raises(DataError) as refusal:
        refuse_no_hidden_place(build(), Training(manifold_mixup=0.5), "variant 'a'")
    assert str(refusal.value) == (
        "manifold_mixup must be 0 for the model of variant 'a', which has no hidden layer at which all of an example "
        "can be mixed (its call is code, its positions are masked, or it has no hidden layer), got 0.5; leave it out, "
        "or take mixup"
    )


def drawing(place: float):
    """Return a `Training.mixing` that draws the shares of mixup, always for one place."""
    return lambda self, n, seed, epoch: np.stack(
        [replace(self, manifold_mixup=0.0, mixup=0.4).shares(n, seed, epoch), np.full(self.steps(n), place)], 1
    ).astype(np.float32)


def test_at_the_input_it_is_mixup_and_in_a_linear_net_it_is_mixup_anywhere(monkeypatch):
    linear = {"widths": (6, 5), "activation": "linear"}
    expected = cohort.train([task(training=replace(TRAINING, mixup=0.4), **linear)])[0]
    manifold = task(training=replace(TRAINING, manifold_mixup=0.4), **linear)
    for place in (0.0, 0.99):
        monkeypatch.setattr(Training, "mixing", drawing(place))
        far = difference(cohort.train([manifold])[0], expected)
        assert max(far.values()) <= (0.0 if place == 0 else 1e-4), far


def test_layers_are_drawn_alike_often_and_from_seed_and_epoch_alone():
    training = Training(manifold_mixup=0.4, batch_size=1)
    drawn = training.mixing(6000, 5, 1)
    np.testing.assert_array_equal(drawn, replace(training, focal=1.0, learning_rate=1.0).mixing(6000, 5, 1))
    assert not np.array_equal(drawn, training.mixing(6000, 5, 2))
    assert np.var(drawn[:, 0]) == pytest.approx(0.25 / (2 * 0.4 + 1), rel=0.05)
    drawn[:, 0] = 0.5
    shares = np.stack([mixing.at([7, 8, 9], place, drawn) for place in (7, 8, 9)])
    assert (np.sum(shares < 1, 0) == 1).all()
    np.testing.assert_allclose((shares < 1).mean(1), 1 / 3, atol=0.02)


@pytest.mark.parametrize("kind", ["dense", pytest.param("conv", marks=pytest.mark.slow)])
def test_it_trains_in_a_cohort_as_alone_and_without_it_no_bit_changes(kind):
    r = Regularization(dropout=0.3, normalization="batch")
    alphas = (0.0, 0.5, 2.0)
    tasks = [task(r, kind=kind, training=replace(TRAINING, manifold_mixup=alpha)) for alpha in alphas]
    trained = together(tasks)
    assert identical(trained[0], cohort.train(tasks[:1])[0])
    far = {k: v for k, v in difference(trained[2], keras_fit.train(tasks[2])).items() if not v <= 1e-5}
    assert far == {}
    assert difference(trained[2], trained[0])["weights 0"] > 1e-6
