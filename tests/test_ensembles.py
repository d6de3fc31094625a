"""Weight scaling and averages over masks, against all masks of a small net enumerated in NumPy."""

import itertools

import keras
import numpy as np
import pytest

from lab.checks import UsageError
from lab.models import conv, dense
from lab.probes.ensembles import growing, probabilities, sampled
from lab.regularization import Regularization

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def net(outputs=3, **regularization):
    return dense((3,), outputs, widths=(6,), seed=5, regularization=Regularization(**regularization))


def enumerated(model, rate):
    """Probability of each of the 2 ** 6 masks, and what the net predicts under it: (64,), (64, n, classes)."""
    kernel, bias, out, out_bias = (w.astype(float) for w in model.get_weights())
    hidden = np.maximum(X @ kernel + bias, 0)
    masks = np.array(list(itertools.product([0, 1], repeat=6)))
    chances = np.prod(np.where(masks == 1, 1 - rate, rate), axis=1)
    return chances, softmax((hidden * masks[:, None] / (1 - rate)) @ out + out_bias)


def test_the_average_over_sampled_masks_approaches_the_one_over_all_masks():
    model = net(dropout=0.4)
    chances, predicted = enumerated(model, 0.4)
    mean = np.tensordot(chances, predicted, 1)
    deviation = np.sqrt(np.tensordot(chances, (predicted - mean) ** 2, 1))
    away = np.abs(sampled(model, X, 400, seed=1).mean(axis=0) - mean)
    # Standard errors of a mean over 400 masks, each example with masks of its own; 120 numbers.
    assert (away <= 4.5 * deviation / 20 + 1e-6).all()
    assert 0.5 < np.sqrt(np.mean(away**2 / (deviation / 20) ** 2)) < 1.5


def test_weight_scaling_is_the_geometric_mean_over_all_masks_of_a_net_with_one_hidden_layer():
    # Hinton et al. 2012: exact where the dropped layer feeds the softmax.
    model = net(dropout=0.4)
    chances, predicted = enumerated(model, 0.4)
    geometric = np.exp(np.tensordot(chances, np.log(predicted), 1))
    np.testing.assert_allclose(probabilities(model, X), geometric / geometric.sum(axis=1, keepdims=True), atol=1e-6)


def test_every_sampled_prediction_is_one_of_those_the_masks_can_give():
    model = net(dropout=0.4)
    predicted = enumerated(model, 0.4)[1]
    for one in sampled(model, X, 3):
        assert np.abs(predicted - one).max(axis=2).min(axis=0).max() < 1e-5


def test_the_first_masks_are_the_same_however_many_follow_and_differ_from_each_other():
    model = net(dropout=0.5)
    many = sampled(model, X, 5, seed=3)
    np.testing.assert_array_equal(sampled(model, X, 2, seed=3), many[:2])
    assert not np.allclose(many[0], many[1])
    assert not np.allclose(sampled(model, X, 1, seed=4)[0], many[0])


def test_sampling_touches_neither_the_model_nor_its_next_mask():
    model, twin = (net(dropout=0.5) for _ in range(2))
    sampled(model, X, 3)
    np.testing.assert_array_equal(model(X, training=True), twin(X, training=True))


def test_batch_normalization_works_as_in_inference_while_masks_are_sampled():
    model = net(dropout=0.5, normalization="batch")
    # Each example alone must get what it gets among others; only the masks may differ, so there are none.
    bare = net(dropout=1e-12, normalization="batch")
    np.testing.assert_allclose(sampled(bare, 50 * X + 9, 1)[0], probabilities(bare, 50 * X + 9), atol=1e-6)
    before = model.get_weights()
    sampled(model, X, 2)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("regularization", [{"dropconnect": 0.5}, {"noise": 0.5}])
def test_dropped_weights_and_noise_are_sampled_too(regularization):
    first, second = sampled(net(**regularization), X, 2)
    assert not np.allclose(first, second)


def test_convolutional_and_sequential_models_can_be_sampled():
    images = np.random.default_rng(1).normal(size=(4, 6, 6, 1)).astype(np.float32)
    model = conv((6, 6, 1), 3, blocks=((4,),), widths=(5,), head=Regularization(dropout=0.5))
    assert sampled(model, images, 2).shape == (2, 4, 3)
    row = keras.Sequential([keras.Input((3,)), keras.layers.Dropout(0.5), keras.layers.Dense(2)])
    first, second = sampled(row, X, 2)
    assert not np.allclose(first, second)


def test_one_logit_means_two_classes():
    model = net(outputs=1)
    found = probabilities(model, X)
    np.testing.assert_allclose(found[:, 1], 1 / (1 + np.exp(-np.asarray(model(X))[:, 0])), rtol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_probabilities_do_not_depend_on_the_batch():
    model = net()
    np.testing.assert_allclose(probabilities(model, X, batch=7), probabilities(model, X), rtol=1e-6)


def test_a_model_that_drops_nothing_is_refused():
    with pytest.raises(UsageError) as refusal:
        sampled(net(), X, 2)
    assert str(refusal.value) == (
        "the model dense has no layer that draws random numbers, so all masks would predict the same; "
        "give it dropout, DropConnect or noise"
    )


def test_growing_averages_probabilities_and_not_losses():
    members = np.array([[[0.9, 0.1], [0.6, 0.4]], [[0.5, 0.5], [0.2, 0.8]]])
    table = growing(members, np.array([0, 1]))
    assert list(table.columns) == ["members", "data_loss", "accuracy"]
    assert table["members"].tolist() == [1, 2]
    expected = [-(np.log(0.9) + np.log(0.4)) / 2, -(np.log(0.7) + np.log(0.6)) / 2]
    np.testing.assert_allclose(table["data_loss"], expected, rtol=1e-12)
    assert table["accuracy"].tolist() == [0.5, 1.0]


def test_growing_refuses_labels_that_do_not_match():
    with pytest.raises(UsageError) as refusal:
        growing(np.ones((2, 3, 2)) / 2, np.zeros(4, int))
    message = "members must be of shape (members, n, classes) and y of shape (n,), got (2, 3, 2) and (4,)"
    assert str(refusal.value) == message
