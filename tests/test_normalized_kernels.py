"""Weight normalization and weight standardization."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from lab import models
from lab.checks import UsageError
from lab.engine import cohort, keras_fit
from lab.layers import NormalizedConv2D, NormalizedDense
from lab.regularization import Regularization
from lab.training import Training
from tests.cohorts import SHAPE, difference, identical, task, together

TRAINING = Training(optimizer="momentum", learning_rate=0.02, epochs=2, batch_size=16, weight_decay=0.01)
RANDOM = keras.initializers.RandomNormal(0.3, 1.0, seed=3)


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def layers(centred: bool) -> list[tuple[keras.layers.Layer, np.ndarray]]:
    dense, conv = (
        NormalizedDense(4, centred, kernel_initializer=RANDOM),
        NormalizedConv2D(4, 2, centred, kernel_initializer=RANDOM),
    )
    found = [(dense, numbers(3, 5)), (conv, numbers(3, 4, 4, 2))]
    for layer, x in found:
        layer.build(x.shape)
    return found


@pytest.mark.parametrize("centred", [False, True])
def test_the_kernel_that_is_used_is_gain_times_v_over_its_norm(centred):
    for layer, x in layers(centred):
        v, gain = layer.kernel.numpy().astype(np.float64), 1.0 + np.arange(4)
        layer.gain.assign(gain)
        v = v - centred * v.mean(tuple(range(v.ndim - 1)))
        w = gain * v / np.sqrt((v**2).sum(tuple(range(v.ndim - 1))))
        plain = keras.layers.Dense(4) if v.ndim == 2 else keras.layers.Conv2D(4, 2)
        plain.build(x.shape)
        plain.kernel.assign(w)
        np.testing.assert_allclose(layer(x), plain(x), rtol=1e-4, atol=1e-5)


def test_outputs_do_not_change_when_v_is_scaled_and_if_centred_moved_and_the_slope_is_orthogonal_to_v():
    for centred in (False, True):
        for layer, x in layers(centred):
            before = np.array(layer(x))
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.sin(layer(x)))
            slope = tape.gradient(loss, layer.kernel.value).numpy()
            v = layer.kernel.numpy()
            along = (slope * v).sum(tuple(range(v.ndim - 1)))
            size = np.abs(slope * v).sum(tuple(range(v.ndim - 1)))
            np.testing.assert_array_less(np.abs(along), 1e-4 * size + 1e-6)
            layer.kernel.assign(v * [0.5, 2.0, 3.0, 10.0] + (centred and 0.7))
            np.testing.assert_allclose(layer(x), before, rtol=1e-3, atol=1e-4)


def test_a_net_with_weight_normalization_begins_as_the_plain_one():
    x = numbers(4, *SHAPE)
    for build in (models.dense, models.conv):
        one, other = (
            build(SHAPE, 3, regularization=Regularization(kernels=k), seed=2) for k in ("plain", "normalized")
        )
        np.testing.assert_allclose(other(x), one(x), rtol=1e-3, atol=1e-4)
        assert type(other.layers[-1]) is keras.layers.Dense


@pytest.mark.slow
@pytest.mark.parametrize(("kernels", "kind"), [("standardized", "conv"), ("normalized", "dense")])
def test_it_trains_in_a_cohort_as_alone(kernels, kind):
    tasks = [task(Regularization(kernels=kernels, l2=l2), kind=kind, training=TRAINING) for l2 in (0.0, 1e-3)]
    trained = together(tasks)
    far = {k: v for k, v in difference(trained[1], keras_fit.train(tasks[1])).items() if not v <= 1e-5}
    assert far == {}
    assert identical(trained[1], cohort.train(tasks[1:])[0])


def test_an_existing_model_refuses_it():
    with pytest.raises(UsageError) as refusal:
        models.regularized(models.dense((5,), 3), Regularization(kernels="normalized"))
    assert str(refusal.value) == (
        "kernels must reach a layer, got Regularization(kernels='normalized'), of which it reaches none: no kernels: "
        "weights are normalized in the nets of the lab's own factories only"
    )


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
def test_a_net_survives_saving(tmp_path):
    model = models.conv(SHAPE, 3, blocks=((4,),), widths=(5,), regularization=Regularization(kernels="standardized"))
    model.set_weights([w + 0.5 for w in model.get_weights()])
    model.save(tmp_path / "net.keras")
    x = numbers(3, *SHAPE)
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "net.keras")(x), model(x))
