"""RMS and ghost batch normalization: formulas, factories, both engines."""

import keras
import numpy as np
import pytest

from lab import models
from lab.checks import UsageError
from lab.engine import cohort, keras_fit
from lab.layers import GhostBatchNormalization
from lab.regularization import Regularization
from lab.training import Training
from tests.cohorts import SHAPE, difference, identical, task, together

TRAINING = Training(optimizer="momentum", learning_rate=0.02, epochs=2, batch_size=16)


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(1.0, 2.0, shape).astype(np.float32)


def ghosted(x: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return normalized parts, and the mean of their means and of their variances."""
    parts = [x[i : i + size].astype(np.float64) for i in range(0, len(x), size)]
    axes = tuple(range(x.ndim - 1))
    means, variances = [part.mean(axes) for part in parts], [part.var(axes) for part in parts]
    made = [(p - m) / np.sqrt(v + 1e-3) for p, m, v in zip(parts, means, variances, strict=True)]
    return np.concatenate(made), np.mean(means, 0), np.mean(variances, 0)


@pytest.mark.parametrize("shape", [(10, 3), (10, 2, 3, 4)], ids=str)
def test_ghosts_are_normalized_by_themselves_and_move_the_statistics_by_their_mean(shape):
    x = numbers(*shape)
    layer = GhostBatchNormalization(4, momentum=0.7)
    found = np.array(layer(x, training=True))
    expected, mean, variance = ghosted(x, 4)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layer.moving_mean, 0.3 * mean, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, 0.7 + 0.3 * variance, rtol=1e-5)
    plain = keras.layers.BatchNormalization()
    plain.build(x.shape)
    plain.set_weights(layer.get_weights())
    np.testing.assert_array_equal(layer(x), plain(x))


def test_a_ghost_as_large_as_the_batch_is_batch_normalization():
    x = numbers(9, 2, 2, 3)
    ghost, plain = GhostBatchNormalization(9, momentum=0.9), keras.layers.BatchNormalization(momentum=0.9)
    np.testing.assert_allclose(ghost(x, training=True), plain(x, training=True), rtol=1e-4, atol=1e-5)
    for mine, theirs in zip(ghost.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


def test_rms_normalization_is_over_features_or_over_the_channels_of_a_pixel():
    r = Regularization(normalization="rms")
    for model, name in (
        (models.dense((6,), 3, widths=(5,), regularization=r), "dense_1_norm"),
        (models.conv(SHAPE, 3, blocks=((4,),), regularization=r), "conv_1_1_norm"),
    ):
        layer = model.get_layer(name)
        x = numbers(2, *layer.output.shape[1:])
        expected = x / np.sqrt(np.mean(x.astype(np.float64) ** 2, -1, keepdims=True))
        np.testing.assert_allclose(layer(x), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("normalization", "kind"),
    [
        pytest.param("rms", "conv", marks=pytest.mark.slow),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (("rms", "dense"), ("ghost", "dense"), ("ghost", "conv"))
        ),
    ],
)
def test_a_normalization_trains_in_a_cohort_as_alone(normalization, kind):
    r = Regularization(normalization=normalization, ghost_size=5, dropout=0.2)
    tasks = [task(r, kind=kind, training=TRAINING, seed=seed) for seed in (1, 2)]
    trained = together(tasks)
    # The bias before a normalization of examples has no gradient but rounding.
    far = {k: v for k, v in difference(trained[1], keras_fit.train(tasks[1])).items() if not v <= 1e-5}
    assert far == {}
    assert identical(trained[1], cohort.train(tasks[1:])[0])


def test_rms_of_a_single_feature_is_refused():
    with pytest.raises(UsageError) as refusal:
        models.dense((4,), 3, widths=(1,), regularization=Regularization(normalization="rms"))
    assert str(refusal.value) == (
        "normalization 'rms' would output only signs at dense_1, which has 1 feature; leave it out there"
    )


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
def test_an_existing_model_gets_either_from_fresh_weights_and_a_ghost_layer_is_saved(tmp_path):
    model = models.conv(SHAPE, 3, blocks=((4,),), widths=(5,), seed=2)
    model.save(tmp_path / "net.keras")
    for normalization, kind in (("rms", keras.layers.RMSNormalization), ("ghost", GhostBatchNormalization)):
        r = Regularization(normalization=normalization, ghost_size=7)
        made = models.saved(tmp_path / "net.keras", SHAPE, 3, start="fresh", regularization=r, seed=1)
        assert [type(layer) for layer in made.layers if "norm" in layer.name] == [kind, kind]
    made.save(tmp_path / "ghost.keras")
    x = numbers(3, *SHAPE)
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "ghost.keras")(x), made(x))
    assert made.get_layer("dense_1_norm").ghost_size == 7
