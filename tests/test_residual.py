"""Residual nets and stochastic depth."""

import keras
import numpy as np
import pytest

from lab import models
from lab.checks import UsageError
from lab.engine import cohort, keras_fit
from lab.engine.task import Task
from lab.regularization import NONE, Regularization
from lab.training import Training
from tests.cohorts import SHAPE, dataset, difference, identical

TRAINING = Training(optimizer="momentum", learning_rate=0.02, epochs=2, batch_size=16)


def net(rate: float, seed: int = 1) -> Task:
    r = Regularization(stochastic_depth=rate, l2=1e-3)
    return Task(
        lambda: models.residual_dense(SHAPE, 3, width=8, branches=2, regularization=r, seed=seed),
        dataset(),
        TRAINING,
        seed,
    )


def test_a_residual_net_is_the_sum_of_its_input_and_its_branch():
    model = models.residual_dense((5,), 3, width=6, branches=1, seed=2)
    x = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    w = {layer.name: [v.numpy() for v in layer.weights] for layer in model.layers}
    relu, affine = lambda y: np.maximum(y, 0), lambda y, name: y @ w[name][0] + w[name][1]
    stem = relu(affine(x, "stem"))
    branch = affine(relu(affine(stem, "branch_1_1")), "branch_1_2")
    np.testing.assert_allclose(model(x), affine(relu(stem + branch), "output"), rtol=1e-5, atol=1e-5)


def test_the_layers_come_in_their_order_and_what_is_off_is_left_out():
    r = Regularization(normalization="batch", dropout=0.1, stochastic_depth=0.2)
    model = models.residual_conv(SHAPE, 3, filters=(4,), branches=1, regularization=r)
    assert [layer.name for layer in model.layers] == [
        *("input", "stem_1", "stem_1_norm", "stem_1_activation"),
        *("branch_1_1", "branch_1_1_norm", "branch_1_1_activation", "branch_1_1_dropout", "branch_1_2"),
        *("branch_1_2_norm", "branch_1_stochastic_depth", "branch_1_add", "branch_1_activation", "branch_1_dropout"),
        *("mean", "output"),
    ]
    plain = models.residual_conv(SHAPE, 3, filters=(4,), branches=1)
    assert not any("stochastic" in layer.name or "norm" in layer.name for layer in plain.layers)


def test_rates_rise_linearly_with_depth_and_drop_the_branch_of_whole_examples():
    model = models.residual_conv(
        SHAPE, 3, filters=(4, 6), branches=2, regularization=Regularization(stochastic_depth=0.4), seed=3
    )
    layers = [model.get_layer(f"branch_{i}_stochastic_depth") for i in range(1, 5)]
    np.testing.assert_allclose([layer.rate for layer in layers], [0.1, 0.2, 0.3, 0.4])
    assert len({layer.seed for layer in layers}) == 4
    found = np.array(layers[3](np.ones((2000, 2, 2, 6), np.float32), training=True))
    by_example = found[:, 0, 0, 0]
    np.testing.assert_array_equal(found, np.broadcast_to(by_example[:, None, None, None], found.shape))
    np.testing.assert_allclose(np.unique(by_example), [0.0, 1 / 0.6], rtol=1e-6)
    assert by_example.mean() == pytest.approx(1.0, abs=0.09)
    assert np.array_equal(layers[3](found), found)


@pytest.mark.slow
def test_stochastic_depth_trains_in_a_cohort_as_alone():
    tasks = [net(0.3), net(0.6), net(0.6, seed=2)]
    trained = cohort.train(tasks)
    assert [group.indices for group in cohort.group(tasks).groups] == [[0, 1, 2]]
    far = {k: v for k, v in difference(trained[1], keras_fit.train(tasks[1])).items() if not v <= 1e-5}
    assert far == {}
    assert identical(trained[1], cohort.train(tasks[1:2])[0])


def test_models_of_one_seed_start_from_the_same_weights_with_and_without_it():
    one, other = (
        models.residual_dense((5,), 3, width=6, regularization=r, seed=4)
        for r in (NONE, Regularization(stochastic_depth=0.5))
    )
    for mine, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


REFUSED = {
    "no branches": (
        lambda: models.dense((5,), 3, regularization=Regularization(stochastic_depth=0.5)),
        "stochastic_depth must be 0 in regularization (it drops residual branches, and this net has none), got 0.5; "
        "use lab.models.residual_dense or residual_conv",
    ),
    "no branches in blocks": (
        lambda: models.conv(SHAPE, 3, regularization=Regularization(stochastic_depth=0.5)),
        "stochastic_depth must be 0 in regularization (it drops residual branches, and this net has none), got 0.5; "
        "use lab.models.residual_dense or residual_conv",
    ),
    "maxout": (
        lambda: models.residual_dense((5,), 3, activation="maxout"),
        "activation must be another than 'maxout' in a residual net (it halves what a branch is added to), got "
        "'maxout'; choose relu",
    ),
    "small": (
        lambda: models.residual_conv(SHAPE, 3, filters=(4, 4, 4, 4)),
        "input_shape (6, 6, 1) is too small for 4 stages, which leave 0 pixels; use larger images, fewer stages or a "
        "smaller block_size",
    ),
    "squares": (
        lambda: models.residual_conv(SHAPE, 3, regularization=Regularization(dropblock=0.1, block_size=4)),
        "input_shape (6, 6, 1) is too small for 2 stages, which leave 3 pixels; use larger images, fewer stages or a "
        "smaller block_size",
    ),
    "no stage": (
        lambda: models.residual_conv(SHAPE, 3, filters=()),
        "filters must have the filters of at least one stage, as in (16, 32), got ()",
    ),
    "no image": (
        lambda: models.residual_conv((5,), 3),
        "input_shape must be (height, width, channels) for convolutions, got (5,)",
    ),
    "no channels": (
        lambda: models.residual_dense((5,), 3, regularization=Regularization(spatial_dropout=0.1)),
        "spatial_dropout must be 0 in regularization (it drops parts of images, and dense layers have none), got 0.1; "
        "use dropout there",
    ),
    "an existing model": (
        lambda: models.regularized(models.dense((5,), 3), Regularization(stochastic_depth=0.5)),
        "stochastic_depth must reach a layer, got Regularization(stochastic_depth=0.5), of which it reaches none: no "
        "stochastic_depth: it is for lab.models.residual_dense and residual_conv",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_argument_is_refused(name):
    build, message = REFUSED[name]
    with pytest.raises(UsageError) as refusal:
        build()
    assert str(refusal.value) == message


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
def test_a_residual_net_survives_saving(tmp_path):
    model = models.residual_conv(SHAPE, 3, filters=(4,), regularization=Regularization(stochastic_depth=0.3))
    model.save(tmp_path / "net.keras")
    x = np.random.default_rng(0).normal(size=(4, *SHAPE)).astype(np.float32)
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "net.keras")(x), model(x))
