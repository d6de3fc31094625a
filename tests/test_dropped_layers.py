"""What is dropped from activations: formulas, both engines, and rate 0 beside other rates in one cohort."""

from functools import partial

import keras
import numpy as np
import pytest

from lab import models
from lab.checks import UsageError
from lab.engine import cohort, keras_fit
from lab.engine.task import Task, Trained
from lab.layers import DropBlock
from lab.regularization import Regularization
from lab.training import Training
from tests.cohorts import SHAPE, dataset, difference, identical, together

L = keras.layers
TRAINING = Training(optimizer="momentum", learning_rate=0.02, epochs=2, batch_size=16)
LAYERS = {
    "gaussian_dropout": lambda rate: L.GaussianDropout(rate, seed=3),
    "spatial_dropout": lambda rate: L.SpatialDropout2D(rate, seed=4),
    "dropblock": lambda rate: DropBlock(rate, 2, seed=6),
    "rows": lambda rate: L.Dropout(rate, noise_shape=(None, 1, 1, 1), seed=5),
}
"""The layers; in a net with all of them each run has its own rates."""


def net(rates: dict[str, float], names: tuple[str, ...]) -> keras.Model:
    inputs = x = keras.Input(SHAPE)
    x = L.Conv2D(4, 3, padding="same", kernel_initializer=keras.initializers.HeNormal(1), activation="relu")(x)
    for name in names:
        x = LAYERS[name](rates.get(name, 0.0))(x)
    x = L.Dense(3, kernel_initializer=keras.initializers.HeNormal(2))(L.Flatten()(x))
    return keras.Model(inputs, x)


def run(rates: dict[str, float], names: tuple[str, ...] = tuple(LAYERS)) -> Task:
    return Task(partial(net, rates, names), dataset(), TRAINING, 0)


@pytest.fixture(scope="module")
def trained() -> list[Trained]:
    """One cohort: a run with all rates 0, one with all rates at .3, and one with the rates of the first layer alone."""
    return together([run({}), run(dict.fromkeys(LAYERS, 0.3)), run({next(iter(LAYERS)): 0.3})])


def test_rate_0_beside_other_rates_is_the_net_without_the_layers_bit_by_bit(trained):
    assert identical(trained[0], cohort.train([run({}, ())])[0])


@pytest.mark.slow
def test_rate_0_is_the_net_without_the_layers_bit_by_bit_in_the_reference():
    assert identical(keras_fit.train(run({})), keras_fit.train(run({}, ())))


def test_rates_train_in_a_cohort_as_alone_and_as_without_the_layers_of_rate_0(trained):
    far = {
        k: v for k, v in difference(trained[1], keras_fit.train(run(dict.fromkeys(LAYERS, 0.3)))).items() if v > 1e-5
    }
    assert far == {}
    first = next(iter(LAYERS))
    assert identical(trained[2], cohort.train([run({first: 0.3}, (first,))])[0])
    assert difference(trained[2], trained[0])["weights 0"] > 1e-4


def test_gaussian_dropout_has_the_mean_and_the_variance_of_dropout():
    x = np.full((200, 200), 2.0, np.float32)
    found = np.array(LAYERS["gaussian_dropout"](0.3)(x, training=True))
    assert found.mean() == pytest.approx(2.0, abs=0.02)
    assert found.var() == pytest.approx(4.0 * 0.3 / 0.7, rel=0.03)


def test_spatial_dropout_drops_whole_channels_and_keeps_the_mean():
    found = np.array(LAYERS["spatial_dropout"](0.4)(np.ones((500, 2, 3, 8), np.float32), training=True))
    channels = found[:, 0, 0]
    np.testing.assert_array_equal(found, np.broadcast_to(channels[:, None, None], found.shape))
    np.testing.assert_allclose(np.unique(channels), [0.0, 1 / 0.6], rtol=1e-6)
    assert channels.mean() == pytest.approx(1.0, abs=0.06)


def test_dropblock_drops_whole_squares_of_each_channel_by_its_gamma_and_scales_the_rest_up():
    generator = keras.random.SeedGenerator(6)
    x = np.random.default_rng(0).normal(size=(3, 6, 5, 2)).astype(np.float32)
    layer = DropBlock(0.2, 2, seed=6)
    found = np.array(layer(x, training=True))
    gamma = 0.2 / 4 * 6 * 5 / (5 * 4)
    begun = np.array(keras.random.uniform((3, 5, 4, 2), seed=generator)) < gamma
    kept = np.ones_like(x)
    for n, i, j, c in zip(*np.nonzero(begun), strict=True):
        kept[n, i : i + 2, j : j + 2, c] = 0.0
    assert 0 < (kept == 0).sum() < kept.size
    expected = x * kept * (60 / kept.sum((1, 2, 3), keepdims=True))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_array_equal(layer(x), x)


def test_the_share_that_dropblock_drops_is_that_of_its_gamma():
    layer = DropBlock(0.1, 3, seed=1)
    dropped = np.mean(np.array(layer(np.ones((400, 8, 8, 4), np.float32), training=True)) == 0, (0, 3))
    # A value in the middle is kept if no block begins at any of 9 positions, one in a corner if none does at one.
    assert dropped[2:6, 2:6].mean() == pytest.approx(1 - (1 - layer.begins) ** 9, rel=0.05)
    assert dropped[[0, 0, -1, -1], [0, -1, 0, -1]].mean() == pytest.approx(layer.begins, rel=0.2)


def test_a_block_larger_than_the_image_is_refused_by_factory_and_layer():
    with pytest.raises(UsageError) as refusal:
        models.conv(SHAPE, 3, blocks=((4,),), regularization=Regularization(dropblock=0.1, block_size=4))
    assert str(refusal.value) == (
        "block_size must be at most 3 in block 1, whose pooling leaves 3x3 pixels (it is the height and width of a "
        "dropped square), got 4"
    )
    with pytest.raises(UsageError) as refusal:
        DropBlock(0.1, 4, 0)(np.ones((1, 3, 5, 2), np.float32))
    assert str(refusal.value).startswith(
        "block_size must be at most the height and width of the images (it is the height and width of a dropped "
        "square), got 4 for inputs of shape (3, 5, 2)"
    )


@pytest.mark.parametrize("field", ["gaussian_dropout", "spatial_dropout", "dropblock"])
def test_a_factory_puts_it_behind_each_block_with_a_seed_of_its_own(field):
    model = models.conv(SHAPE, 3, blocks=((4,),), widths=(5,), regularization=Regularization(**{field: 0.3}), seed=2)
    names = [layer.name for layer in model.layers]
    assert names[names.index("pool_1") + 1] == f"block_1_{field}"
    made = model.get_layer(f"block_1_{field}")
    assert (made.rate, type(made)) == (0.3, type(LAYERS[field](0.3)))
    other = models.conv(SHAPE, 3, blocks=((4,),), regularization=Regularization(dropout=0.3), seed=2)
    assert made.seed != other.get_layer("block_1_dropout").seed


def test_spatial_dropout_is_refused_where_there_are_no_images():
    with pytest.raises(UsageError) as refusal:
        models.dense((6,), 3, regularization=Regularization(spatial_dropout=0.3))
    assert str(refusal.value) == (
        "spatial_dropout must be 0 in regularization (it drops parts of images, and dense layers have none), got 0.3; "
        "use dropout there"
    )


def test_an_existing_model_gets_both_behind_its_convolutions_and_spatial_dropout_reaches_no_dense_layer():
    model = models.conv(SHAPE, 3, blocks=((4,),), widths=(5,), seed=2)
    made = models.regularized(model, Regularization(spatial_dropout=0.3, gaussian_dropout=0.1, dropblock=0.1))
    names = [layer.name for layer in made.layers]
    assert names[names.index("pool_1") + 1 :][:3] == [
        f"conv_1_1_{role}" for role in ("gaussian_dropout", "spatial_dropout", "dropblock")
    ]
    why = {row.layer: row.why for row in models.describe(made)}
    assert why["dense_1"] == (
        "no spatial_dropout: Dense has no channels of several positions here; "
        "no dropblock: no square of 3x3 fits what Dense returns"
    )
    changed = Regularization(spatial_dropout=0.2, gaussian_dropout=0.2, dropblock=0.2, block_size=2)
    again = models.regularized(made, changed)
    assert len(again.layers) == len(made.layers)
    assert again.get_layer("conv_1_1_spatial_dropout").rate == again.get_layer("conv_1_1_gaussian_dropout").rate == 0.2
    assert (again.get_layer("conv_1_1_dropblock").rate, again.get_layer("conv_1_1_dropblock").block_size) == (0.2, 2)


def test_a_rate_of_1_is_refused():
    for field, meaning in (
        ("spatial_dropout", "the probability of dropping a channel"),
        ("gaussian_dropout", "the rate of dropout whose variance the noise has"),
        ("dropblock", "the share of the values that is dropped in squares"),
    ):
        with pytest.raises(UsageError) as refusal:
            Regularization(**{field: 1.0})
        assert str(refusal.value) == f"{field} must be in [0, 1) (it is {meaning}), got 1.0"
