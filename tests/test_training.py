import math
from dataclasses import replace

import numpy as np
import pytest

from lab.checks import UsageError
from lab.engine.history import Keeper, shortest
from lab.seeds import derive
from lab.training import Training, pieces


def keras_keeps(values, patience, min_delta):
    """Return (kept epoch, epochs trained) of one curve by Keras's own EarlyStopping."""
    import keras

    callback = keras.callbacks.EarlyStopping(
        "loss", mode="min", patience=patience, min_delta=min_delta, restore_best_weights=True
    )
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    callback.set_model(model)
    callback.on_train_begin()
    model.stop_training = False
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {"loss": value})
        if model.stop_training:
            break
    return callback.best_epoch + 1, epoch + 1


@pytest.mark.parametrize("min_delta", [0.0, 0.1, 0.25])
def test_the_keeper_does_what_keras_early_stopping_does(min_delta):
    generator = np.random.default_rng(0)
    for patience in (1, 2, 3, 5):
        # A coarse grid, so that ties and steps of exactly min_delta occur.
        curves = generator.integers(0, 9, size=(40, 12)) / 8
        keeper = Keeper(len(curves), patience, min_delta)
        ended = np.zeros(len(curves), int)
        for epoch, losses in enumerate(curves.T, 1):
            live = ~keeper.ended
            better = keeper.update(epoch, np.where(live, losses, np.nan))
            assert not np.any(better & ~live)
            ended[live] = epoch
        expected = [keras_keeps(curve, patience, min_delta) for curve in curves]
        assert list(zip(keeper.kept.tolist(), ended.tolist(), strict=True)) == expected


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_ends_the_run_and_keras_would_go_on(bad):
    keeper = Keeper(3, patience=2, min_delta=0.0)
    assert keeper.update(1, np.array([1.0, bad, 1.0]), np.array([1.0, 1.0, 2.0])).tolist() == [True, False, True]
    assert keeper.update(2, np.array([1.0, 1.0, bad]), np.array([0.5, 0.1, 0.1])).tolist() == [True, False, False]
    assert keeper.diverged.tolist() == [False, True, True]
    assert keeper.ended.tolist() == [False, True, True]
    assert keeper.kept.tolist() == [2, 0, 1]
    assert keeper.best.tolist() == [0.5, math.inf, 2.0]


def test_without_patience_no_finite_run_ends_and_the_best_epoch_is_marked():
    keeper = Keeper(1, None, min_delta=0.0)
    for epoch, loss in enumerate([3.0, 1.0, 1.0, 2.0, 9.0], 1):
        keeper.update(epoch, np.array([loss]))
    assert (keeper.kept[0], keeper.best[0], keeper.ended[0]) == (2, 1.0, False)


def test_a_step_of_exactly_min_delta_is_not_better():
    keeper = Keeper(1, None, min_delta=0.25)
    assert [bool(keeper.update(e, np.array([x]))[0]) for e, x in enumerate([1.0, 0.75, 0.5], 1)] == [True, False, True]


def test_an_order_is_a_permutation_fresh_each_epoch_and_of_the_seed_alone():
    a, b = Training(), Training(batch_size=7, optimizer="sgd", learning_rate=0.5)
    for seed in (0, 1):
        for epoch in (1, 2):
            order = a.order(50, seed, epoch)
            assert order.dtype == np.int32
            assert sorted(order) == list(range(50))
            assert np.array_equal(order, b.order(50, seed, epoch))
    orders = {a.order(50, seed, epoch).tobytes() for seed in (0, 1) for epoch in (1, 2)}
    assert len(orders) == 4


def test_of_a_large_training_split_a_fixed_random_part_is_measured():
    assert Training().part(60_000, 10_000) is None, "the largest split of the lab's own data is measured whole"
    assert len(Training().part(60_001, 10_000)) == 10_000, "as many examples as validation has"
    assert len(Training().part(60_001, 500)) == 2_000, "but never fewer than 2 000"
    assert Training(measured=100).part(100, 30) is None
    assert Training(measured=101).part(100, 30) is None
    part = Training(measured=1000, optimizer="sgd", batch_size=7).part(10_000, 30)
    np.testing.assert_array_equal(part, Training(measured=1000).part(10_000, 500))
    # Another part would change the train columns of every history of large data, under the same run ids.
    assert Training(measured=5).part(10_000, 30).tolist() == [800, 2924, 7554, 9462, 9690]
    assert part.dtype == np.int32
    assert (np.diff(part) > 0).all()
    # Mean and standard error of 1000 of 10 000 numbers: a part at the beginning of the split would be far from it.
    assert abs(part.mean() - 4999.5) < 3 * 10_000 / 12**0.5 * (0.9 / 1000) ** 0.5


def test_with_replacement_every_batch_is_full_and_examples_come_twice():
    training = Training(batch_size=16, replacement=True)
    order = training.order(42, seed=0, epoch=1)
    assert [len(batch) for batch in pieces(order, 16)] == [16, 16, 16]
    assert order.min() >= 0
    assert order.max() < 42
    assert len(set(order.tolist())) < 48


def test_batches_are_consecutive_pieces_and_the_last_may_be_smaller():
    assert [batch.tolist() for batch in pieces(np.arange(5), 2)] == [[0, 1], [2, 3], [4]]
    assert [batch.tolist() for batch in pieces(np.arange(3), 9)] == [[0, 1, 2]]


def one_cycle(t, steps):
    top = 0.3 * steps
    if t < top:
        return 1 / 25 + (1 - 1 / 25) * (1 - math.cos(math.pi * t / top)) / 2
    low = 1 / 250_000
    return low + (1 - low) * (1 + math.cos(math.pi * (t - top) / (steps - top))) / 2


SCHEDULES = {
    "cosine_restarts": lambda t, steps: (1 + math.cos(math.pi * (t % 3) / 3)) / 2,
    "one_cycle": one_cycle,
    "constant": lambda t, steps: 1.0,
    "cosine": lambda t, steps: (1 + math.cos(math.pi * t / steps)) / 2,
    "exponential": lambda t, steps: 0.5 ** (t / 4),
    "inverse_time": lambda t, steps: 1 / (1 + 0.5 * t / 4),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_rate_of_each_step_follows_its_formula(schedule):
    training = Training(schedule=schedule, learning_rate=0.2, decay_rate=0.5, decay_steps=4, epochs=3, batch_size=10)
    rates = training.rates(25)
    expected = [[0.2 * SCHEDULES[schedule](3 * epoch + step, 9) for step in range(3)] for epoch in range(3)]
    assert rates.shape == (3, 3)
    assert rates.dtype == np.float32
    assert np.allclose(rates, expected, rtol=1e-6)


@pytest.mark.parametrize("schedule", ["cosine", "cosine_restarts", "exponential", "inverse_time"])
def test_the_rates_are_those_of_keras_schedules(schedule):
    from keras.optimizers import schedules

    training = Training(schedule=schedule, learning_rate=0.2, decay_rate=0.5, decay_steps=4, epochs=3, batch_size=10)
    theirs = {
        "cosine": lambda: schedules.CosineDecay(0.2, 9),
        "cosine_restarts": lambda: schedules.CosineDecayRestarts(0.2, 3, t_mul=1.0),
        "exponential": lambda: schedules.ExponentialDecay(0.2, 4, 0.5),
        "inverse_time": lambda: schedules.InverseTimeDecay(0.2, 4, 0.5),
    }[schedule]()
    assert np.allclose(training.rates(25).ravel(), [float(theirs(t)) for t in range(9)], rtol=1e-5)


def test_a_float32_is_written_shortly_and_read_exactly():
    for value in np.random.default_rng(0).normal(size=200).astype(np.float32):
        assert np.float32(shortest(value)) == value
        assert len(repr(shortest(value))) <= 14
    assert repr(shortest(np.float32(0.3))) == "0.3"
    assert math.isnan(shortest(math.nan))


def test_one_cycle_begins_at_a_25th_peaks_at_the_rate_and_ends_near_0():
    rates = Training(schedule="one_cycle", learning_rate=0.5, epochs=10, batch_size=10).rates(100).ravel()
    assert rates[0] == np.float32(0.02)
    assert (rates.argmax(), rates.max()) == (30, 0.5)
    assert rates[-1] < 2e-3 * 0.5
    assert (np.diff(rates[:31]) > 0).all()
    assert (np.diff(rates[30:]) < 0).all()


def test_one_restart_is_cosine():
    for examples in (7, 25, 100):
        one, other = (
            Training(schedule=name, cycles=1, epochs=3, batch_size=10).rates(examples)
            for name in ("cosine", "cosine_restarts")
        )
        np.testing.assert_array_equal(one, other)


REFUSED = {
    "cycles": (0, "cycles must be a whole number of at least 1 (it is how often the learning rate falls), got 0"),
    "optimizer": (
        "lion",
        "optimizer must be one of 'sgd', 'momentum', 'nesterov', 'adagrad', 'rmsprop', 'adam', 'adamw', got 'lion'",
    ),
    "learning_rate": (0, "learning_rate must be above 0 (it is the step size at the start), got 0"),
    "momentum": (1, "momentum must be in [0, 1) (it is the share of the last step kept in the next), got 1"),
    "beta_1": (1.0, "beta_1 must be in [0, 1) (it is the decay of the first moment), got 1.0"),
    "label_smoothing": (
        math.nan,
        "label_smoothing must be in [0, 1) (it is the share of the target spread over the classes), got nan",
    ),
    "weight_decay": (-1, "weight_decay must be at least 0 (it is the decoupled decay of the kernels), got -1"),
    "batch_size": (
        True,
        "batch_size must be a whole number of at least 1 (it is the number of examples per step), got True",
    ),
    "epochs": (0, "epochs must be a whole number of at least 1 (it is the most epochs a run trains), got 0"),
    "measured": (
        0,
        "measured must be a whole number of at least 1 (it is the number of training examples that are measured after "
        "each epoch), got 0",
    ),
    "patience": (
        0,
        "patience must be a whole number of at least 1 (it is the number of epochs without a better validation data "
        "loss after which a run ends), got 0",
    ),
    "replacement": (1, "replacement must be True or False, got 1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_value_is_refused_by_name(name):
    value, message = REFUSED[name]
    with pytest.raises(UsageError) as refusal:
        replace(Training(), **{name: value})
    assert str(refusal.value) == message


def test_label_smoothing_needs_a_cross_entropy():
    with pytest.raises(UsageError) as refusal:
        Training(loss="hinge", label_smoothing=0.1)
    assert str(refusal.value) == (
        "label_smoothing spreads the target of a cross-entropy and means nothing for the loss 'hinge', got 0.1; "
        "set it to 0 or choose softmax_cross_entropy"
    )


def test_the_loss_and_the_labels_decide_the_outputs():
    assert Training().outputs(10) == 10
    assert Training(loss="binary_cross_entropy").outputs(2) == Training(loss="hinge").outputs(2) == 1
    assert Training(loss="hinge").outputs(3) == 3
    assert Training(loss="squared_error").outputs(None, 4) == 4
    with pytest.raises(UsageError) as refusal:
        Training().outputs(None, 1)
    assert str(refusal.value) == (
        "loss must be 'squared_error' where the labels are numbers instead of classes, got 'softmax_cross_entropy'"
    )
    with pytest.raises(UsageError) as refusal:
        Training(loss="binary_cross_entropy").outputs(3)
    assert str(refusal.value) == (
        "binary_cross_entropy is a loss for 2 classes, got data with 3; choose softmax_cross_entropy"
    )


def test_the_batches_of_an_epoch_follow_from_the_seed_the_word_batches_and_the_epoch():
    for epoch in (1, 2):
        expected = np.random.default_rng(derive(5, "batches", epoch)).permutation(30)
        np.testing.assert_array_equal(Training().order(30, 5, epoch), expected)
    expected = np.random.default_rng(derive(5, "batches", 1)).integers(0, 30, 32, dtype=np.int32)
    np.testing.assert_array_equal(Training(batch_size=16, replacement=True).order(30, 5, 1), expected)


@pytest.mark.parametrize(
    ("loss", "classes", "chance"),
    [
        ("softmax_cross_entropy", 10, math.log(10)),
        ("binary_cross_entropy", 2, math.log(2)),
        ("hinge", 2, 1.0),
        ("hinge", 3, 2.0),
        ("squared_error", 4, 0.75),
        ("squared_error", None, None),
    ],
)
def test_the_loss_of_a_model_that_knows_only_the_number_of_classes(loss, classes, chance):
    assert Training(loss=loss).chance(classes) == chance


def test_the_loss_of_a_model_that_knows_nothing_is_one_bit_per_class_where_an_example_may_have_several():
    assert Training(loss="binary_cross_entropy").chance(5, several=True) == math.log(2)
