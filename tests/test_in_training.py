"""What regularizes by the way a net is trained: formulas, both engines, and strength 0 beside other strengths."""

from dataclasses import replace
from functools import cache, partial

import keras
import numpy as np
import pytest
import tensorflow as tf

from lab import models
from lab.checks import UsageError
from lab.data import Dataset, Split
from lab.engine import cohort, gradients, keras_fit, objective, smoothness
from lab.engine.task import Task, Trained
from lab.regularization import Regularization
from lab.training import Training
from tests.cohorts import dataset, difference, identical, task, together

STRENGTHS = {
    "focal": (0.0, 0.5, 2.0),
    "noise_robust": (0.0, 0.3, 1.0),
    "confidence_penalty": (0.0, 0.1, 1.0),
    "flooding": (0.0, 1.2, 1.6),
    "clip_norm": (None, 0.1, 1.0),
    "gradient_noise": (0.0, 1e-3, 1e-2),
    "sharpness": (0.0, 0.05, 0.3),
    "adaptive_sharpness": (0.0, 0.2, 1.0),
    "adversarial": (0.0, 0.02, 0.3),
    "r_drop": (0.0, 0.1, 1.0),
    "gradient_penalty": (0.0, 0.01, 0.1),
    "ema": (0.0, 0.5, 0.9),
    "lookahead": (0, 2, 5),
    "mixup": (0.0, 0.2, 1.0),
}
TRAINING = Training(optimizer="momentum", learning_rate=0.02, epochs=2, batch_size=16)
RICH = Regularization(l1=1e-4, l2=1e-3, dropout=0.3, normalization="batch")


def runs(name: str, loss: str = "softmax_cross_entropy") -> list[Task]:
    """Return runs that differ in the strength, the weaker ones first."""
    data = dataset(2 if loss == "binary_cross_entropy" else 3)
    trainings = [replace(TRAINING, loss=loss, **{name: strength}) for strength in STRENGTHS[name]]
    return [task(RICH, training=training, data=data) for training in trainings]


@cache
def plain_run() -> Trained:
    return cohort.train([task(RICH, training=TRAINING)])[0]


# Each takes some ten seconds; the others are run by make test-slow.
QUICK = ("sharpness",)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in STRENGTHS]
)
def test_a_strength_trains_in_a_cohort_as_alone_and_without_it_no_bit_changes(name):
    tasks, off = runs(name), plain_run()
    if name in (*gradients.GRADIENT_NUMBERS, *smoothness.SMOOTHNESS_NUMBERS):
        assert [group.indices for group in cohort.group(tasks).groups] == [[0], [1, 2]]
        assert identical(cohort.train(tasks[:1])[0], off)
        weak, strong = together(tasks[1:])
    else:
        beside, weak, strong = together(tasks)
        assert identical(beside, off)
    far = {key: value for key, value in difference(strong, keras_fit.train(tasks[2])).items() if not value <= 1e-5}
    assert far == {}
    assert min(difference(one, off)["weights 0"] for one in (weak, strong)) > 1e-6


@pytest.mark.parametrize("name", STRENGTHS)
def test_off_is_the_default_and_one_identity(name):
    assert getattr(TRAINING, name) == STRENGTHS[name][0]
    assert replace(TRAINING, **{name: STRENGTHS[name][0]}) == TRAINING


@pytest.mark.slow
@pytest.mark.parametrize("name", ["focal", "noise_robust", "confidence_penalty"])
def test_a_loss_of_two_classes_trains_in_a_cohort_as_alone(name):
    tasks = runs(name, "binary_cross_entropy")
    mine = together(tasks)[2]
    assert all(value <= 1e-5 for value in difference(mine, keras_fit.train(tasks[2])).values())


def of_one(name: str, strength: float) -> np.ndarray:
    y, outputs = tf.constant([1, 0, 2]), tf.constant([[0.1, 2.0, -1.0], [0.5, 0.4, 0.3], [9.0, -2.0, 0.0]])
    plain = objective.data_loss("softmax_cross_entropy", y, outputs)
    return objective.minimized("softmax_cross_entropy", {name: strength}, y, outputs, plain).numpy()


def test_the_losses_are_those_of_keras_and_of_the_papers():
    y = np.eye(3, dtype=np.float32)[[1, 0, 2]]
    p = keras.ops.softmax(np.float32([[0.1, 2.0, -1.0], [0.5, 0.4, 0.3], [9.0, -2.0, 0.0]])).numpy()
    focal = keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=2.0, reduction=None)
    np.testing.assert_allclose(of_one("focal", 2.0), focal(y, p), rtol=1e-4)
    robust = keras.losses.CategoricalGeneralizedCrossEntropy(q=0.7, reduction=None)
    np.testing.assert_allclose(of_one("noise_robust", 0.7), robust(np.array([1, 0, 2]), p), rtol=1e-4)
    own = p[np.arange(3), [1, 0, 2]]
    np.testing.assert_allclose(of_one("noise_robust", 1.0), 1 - own, rtol=1e-4)
    np.testing.assert_allclose(of_one("noise_robust", 1e-4), -np.log(own), rtol=2e-3)
    np.testing.assert_allclose(
        of_one("confidence_penalty", 0.3), -np.log(own) + 0.3 * (p * np.log(p)).sum(1), rtol=1e-4
    )


def test_flooding_turns_the_gradient_around_below_its_level():
    for level, sign in ((0.5, 1.0), (0.9, -1.0)):
        mean = tf.constant(0.7)
        with tf.GradientTape() as tape:
            tape.watch(mean)
            value = objective.flooded(mean, level)
        assert (float(tape.gradient(value, mean)), float(value)) == (sign, pytest.approx(abs(0.7 - level) + level))


def test_clipping_is_that_of_keras_per_replica():
    generator = np.random.default_rng(0)
    stacked = [tf.constant(generator.normal(size=(2, *shape)).astype("float32")) for shape in ((3, 4), (4,))]
    found = gradients.clipped(stacked, tf.constant([1.0, 100.0]))
    expected, _ = tf.clip_by_global_norm([g[0] for g in stacked], 1.0)
    for mine, theirs, whole in zip(found, expected, stacked, strict=True):
        np.testing.assert_allclose(mine[0], theirs, rtol=1e-6)
        np.testing.assert_array_equal(mine[1], whole[1])


def test_the_noise_on_gradients_has_its_variance_at_the_first_step_and_later():
    zeros = [tf.zeros([1, 200, 200])]
    for step, variance in ((0, 0.01), (99, 0.01 / 100**0.55)):
        (found,) = gradients.noisy(zeros, tf.constant([0.01]), tf.constant([3], tf.int64), tf.constant(step, tf.int64))
        assert np.var(found) == pytest.approx(variance, rel=0.03)


def linear(training: Training, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the kernel of a linear net before and after one step over all examples."""
    data = Dataset("line", *(Split(x + shift, y + shift) for shift in np.float32([0, 1, 2])), None)
    one = Task(partial(models.dense, x.shape[1:], 1, widths=(), seed=0), data, training, 0)
    before = one.build().get_weights()[0]
    return before, cohort.train([one])[0].weights[0]


def test_an_attack_takes_epsilon_times_the_sum_of_the_weights_off_a_linear_margin():
    generator = np.random.default_rng(1)
    x, labels = generator.normal(size=(12, 3)).astype("float32"), np.int32([0, 1] * 6)
    data = Dataset("line", *(Split(x + shift, labels) for shift in np.float32([0, 1, 2])), ("a", "b"))
    training = Training(
        optimizer="sgd", learning_rate=0.1, epochs=1, batch_size=12, loss="binary_cross_entropy", adversarial=0.2
    )
    one = Task(partial(models.dense, (3,), 1, widths=(), seed=0), data, training, 0)
    w = one.build().get_weights()[0][:, 0].astype(np.float64)
    after = cohort.train([one])[0].weights[0][:, 0]
    sign, z = 2.0 * labels - 1, x.astype(np.float64)
    # The attack of each example goes against its own class.
    attacked = z - 0.2 * np.sign(w) * sign[:, None]
    np.testing.assert_allclose(sign * (attacked @ w), sign * (z @ w) - 0.2 * np.abs(w).sum())
    slopes = [(-sign / (1 + np.exp(sign * (at @ w)))) @ at / 12 for at in (z, attacked)]
    np.testing.assert_allclose(after, w - 0.1 * (slopes[0] + slopes[1]) / 2, rtol=1e-4, atol=1e-6)


def test_asam_on_a_quadratic_measures_each_weight_by_its_size():
    generator = np.random.default_rng(1)
    x, y = generator.normal(size=(12, 3)).astype("float32"), generator.normal(size=(12, 1)).astype("float32")
    one = Training(
        optimizer="sgd", learning_rate=0.1, epochs=1, batch_size=12, loss="squared_error", adaptive_sharpness=0.3
    )
    before, after = linear(one, x, y)
    z = np.hstack([x, np.ones((12, 1))]).astype(np.float64)
    hessian, w = 2 * z.T @ z / 12, np.append(before[:, 0], 0.0)
    g, sizes = hessian @ w - 2 * z.T @ y[:, 0] / 12, np.abs(w) + 0.01
    there = g + 0.3 * hessian @ (sizes**2 * g) / np.linalg.norm(sizes * g)
    np.testing.assert_allclose(after[:, 0], (w - 0.1 * there)[:3], rtol=1e-4, atol=1e-6)


def test_where_asam_looks_does_not_change_when_a_relu_net_is_rescaled():
    generator = np.random.default_rng(2)
    w, g = ([tf.constant(generator.normal(size=(1, 3, 3)).astype("float32")) for _ in range(2)] for _ in range(2))
    radius, factor = tf.constant([0.3]), (4.0, 0.25)
    scaled, slopes = [a * f for a, f in zip(w, factor, strict=True)], [a / f for a, f in zip(g, factor, strict=True)]
    found = gradients.uphill(w, g, radius, gradients.sizes_of(w, 0.0))
    others = gradients.uphill(scaled, slopes, radius, gradients.sizes_of(scaled, 0.0))
    for one, other, f in zip(found, others, factor, strict=True):
        np.testing.assert_allclose(other, one * f, rtol=1e-5)


def test_sam_on_a_quadratic_is_the_gradient_at_w_and_rho_along_it():
    generator = np.random.default_rng(1)
    x, y = generator.normal(size=(12, 3)).astype("float32"), generator.normal(size=(12, 1)).astype("float32")
    one = Training(
        optimizer="sgd", learning_rate=0.1, epochs=1, batch_size=12, loss="squared_error", sharpness=0.3, min_delta=0.0
    )
    before, after = linear(one, x, y)
    z = np.hstack([x, np.ones((12, 1))]).astype(np.float64)
    hessian, w = 2 * z.T @ z / 12, np.append(before[:, 0], 0.0)
    g = hessian @ w - 2 * z.T @ y[:, 0] / 12
    there = g + 0.3 * hessian @ g / np.linalg.norm(g)
    np.testing.assert_allclose(after[:, 0], (w - 0.1 * there)[:3], rtol=1e-4, atol=1e-6)


def test_the_shares_of_mixup_follow_from_seed_and_epoch_alone_and_are_of_the_beta_distribution():
    training = Training(mixup=0.4, batch_size=1)
    shares = training.shares(4000, 5, 1)
    np.testing.assert_array_equal(shares, replace(training, learning_rate=0.1, focal=1.0).shares(4000, 5, 1))
    assert not np.array_equal(shares, training.shares(4000, 5, 2))
    assert np.var(shares) == pytest.approx(0.25 / (2 * 0.4 + 1), rel=0.05)


@pytest.mark.slow
def test_what_regularizes_training_keeps_a_run_independent_of_its_company():
    tasks = [
        task(RICH, training=replace(TRAINING, sharpness=0.1 * (r + 1), clip_norm=1.0, mixup=0.2 * r)) for r in range(4)
    ]
    alone = cohort.train(tasks[2:3])[0]
    tasks[0] = replace(tasks[0], training=replace(tasks[0].training, learning_rate=1e30))
    assert identical(together(tasks)[2], alone)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"focal": 1.0, "noise_robust": 0.5},
            "label_smoothing, focal and noise_robust must not be combined, got focal, noise_robust",
        ),
        ({"loss": "hinge", "focal": 1.0}, "focal changes a cross-entropy and means nothing for 'hinge', got 1.0"),
        (
            {"noise_robust": 1.5},
            "noise_robust must be in [0, 1] (it is the exponent of the generalized cross-entropy), got 1.5",
        ),
        (
            {"sharpness": 0.1, "adaptive_sharpness": 0.2},
            "sharpness, adaptive_sharpness, adversarial, r_drop and gradient_penalty must not be combined, as each "
            "takes a second pass, got sharpness, adaptive_sharpness; keep one of them",
        ),
        ({"clip_norm": 0}, "clip_norm must be above 0 (it is the largest norm of a step's gradients), got 0"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(fields, message):
    with pytest.raises(UsageError) as refusal:
        Training(**fields)
    assert str(refusal.value) == message
