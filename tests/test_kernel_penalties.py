"""Penalties on whole kernels: group lasso and the orthogonal penalty."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from lab import models
from lab.engine import cohort, keras_fit
from lab.engine.kernel_penalties import KERNEL_KINDS, charge
from lab.regularization import Regularization
from lab.regularizers import KernelPenalty
from lab.training import Training
from tests.cohorts import SHAPE, difference, identical, task, together

TRAINING = Training(optimizer="momentum", learning_rate=0.02, epochs=2, batch_size=16)
STRENGTHS = {"group_inputs": 1e-2, "group_units": 2e-2, "orthogonal": 1e-2}


def by_hand(kind: str, w: np.ndarray) -> float:
    w = w.astype(np.float64)
    if kind == "orthogonal":
        rows = w.reshape(-1, w.shape[-1])
        gram = rows.T @ rows if rows.shape[1] <= rows.shape[0] else rows @ rows.T
        return float(((gram - np.eye(len(gram))) ** 2).sum())
    axis = -2 if kind == "group_inputs" else -1
    groups = np.moveaxis(w, axis, 0).reshape(w.shape[axis], -1)
    return float(np.sqrt(groups.shape[1]) * np.linalg.norm(groups, axis=1).sum())


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (3, 3, 2, 4), (1, 1, 2, 4)], ids=str)
@pytest.mark.parametrize("kind", KERNEL_KINDS)
def test_a_penalty_and_its_slope_are_those_of_the_formula_for_each_replica(kind, shape):
    w = np.random.default_rng(0).normal(size=(3, *shape)).astype(np.float32)
    w[1, ..., 0, :] = 0.0
    w[2, ..., 1] = 0.0
    strength = np.float32([0.5, 2.0, 0.0])
    stacked = tf.constant(w)
    with tf.GradientTape() as tape:
        tape.watch(stacked)
        values = charge(kind, stacked, tf.constant(strength))
    slopes = tape.gradient(values, stacked)
    for r in range(3):
        own = KernelPenalty(**{kind: float(strength[r])})
        one = tf.constant(w[r])
        with tf.GradientTape() as tape:
            tape.watch(one)
            value = own(one)
        assert float(values[r]) == pytest.approx(float(strength[r]) * by_hand(kind, w[r]), rel=1e-5)
        assert float(value) == pytest.approx(float(values[r]), rel=1e-5)
        expected = tf.zeros(shape) if r == 2 else tape.gradient(value, one)
        np.testing.assert_allclose(slopes[r], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (2, 2, 3, 4)], ids=str)
def test_the_orthogonal_penalty_is_0_on_orthonormal_units_and_rows(shape):
    rows, units = int(np.prod(shape[:-1])), shape[-1]
    drawn = np.random.default_rng(1).normal(size=(max(rows, units), min(rows, units)))
    orthonormal = np.linalg.qr(drawn)[0]
    if rows < units:
        orthonormal = orthonormal.T
    w = orthonormal.reshape(shape).astype(np.float32)
    assert float(KernelPenalty(orthogonal=1.0)(keras.ops.convert_to_tensor(w))) == pytest.approx(0.0, abs=1e-10)
    assert float(KernelPenalty(orthogonal=1.0)(keras.ops.convert_to_tensor(2 * w))) == pytest.approx(
        9.0 * min(drawn.shape), rel=1e-5
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_strengths_train_in_one_cohort_as_alone_and_0_changes_no_bit(kind):
    plain = Regularization(l2=1e-3, dropout=0.2)
    own = [plain, *(replace(plain, **{name: strength}) for name, strength in STRENGTHS.items())]
    own.append(replace(plain, l1=1e-3, **STRENGTHS))
    tasks = [task(one, kind=kind, training=TRAINING) for one in own]
    trained = together(tasks)
    assert identical(trained[0], cohort.train(tasks[:1])[0])
    assert identical(trained[2], cohort.train(tasks[2:3])[0])
    far = {k: v for k, v in difference(trained[-1], keras_fit.train(tasks[-1])).items() if not v <= 1e-5}
    assert far == {}


def test_large_kernels_that_xla_updates_keep_their_bits_beside_strengths():
    tasks = [
        task(one, training=TRAINING, widths=(64, 64))
        for one in (Regularization(l2=1e-3), Regularization(l2=1e-3, **STRENGTHS))
    ]
    assert identical(together(tasks)[0], cohort.train(tasks[:1])[0])


def test_the_penalty_of_a_factory_is_on_hidden_kernels_and_that_of_the_output_when_asked():
    r = Regularization(l1=0.1, **STRENGTHS)
    model = models.conv(SHAPE, 3, blocks=((4,),), widths=(5,), regularization=r, head=r)
    kernels = [model.get_layer(name).kernel.numpy() for name in ("conv_1_1", "dense_1")]
    expected = sum(
        0.1 * np.abs(w).sum() + sum(strength * by_hand(kind, w) for kind, strength in STRENGTHS.items())
        for w in kernels
    )
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-5)
    line = models.dense((4,), 3, widths=(), output_regularization=Regularization(group_inputs=0.5))
    assert float(sum(line.losses)) == pytest.approx(0.5 * by_hand("group_inputs", line.weights[0].numpy()), rel=1e-5)


def test_an_existing_model_gets_it_on_kernels_of_inputs_and_units_and_others_say_why():
    L = keras.layers
    inputs = keras.Input((4, 4, 2))
    x = L.Flatten()(L.DepthwiseConv2D(2, name="depth")(L.Conv2D(3, 2, name="conv")(inputs)))
    model = keras.Model(inputs, L.Dense(2, name="out")(x))
    made = models.regularized(model, Regularization(l2=0.1, group_units=0.5))
    why = {row.layer: (row.done, row.why) for row in models.describe(made)}
    assert why["conv"] == ("l2 0.1, group_units 0.5 on kernel", "")
    assert why["depth"] == ("l2 0.1 on kernel", "no group_units: DepthwiseConv2D has no kernel of inputs and units")
    kernels = [made.get_layer(name).kernel.numpy() for name in ("conv", "depth")]
    expected = 0.1 * sum((w**2).sum() for w in kernels) + 0.5 * by_hand("group_units", kernels[0])
    assert float(sum(made.losses)) == pytest.approx(expected, rel=1e-5)


def test_a_saved_penalty_is_made_again():
    own = KernelPenalty(0.1, 0.2, **STRENGTHS)
    again = keras.regularizers.deserialize(keras.regularizers.serialize(own))
    weights = keras.ops.ones((3, 2))
    assert float(again(weights)) == float(own(weights))
