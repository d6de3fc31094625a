"""The equal average of the weights over epochs (SWA): what joins it, what it is, and its moving statistics."""

from dataclasses import replace

import numpy as np
import pytest

from lab.engine import cohort, keras_fit
from lab.engine.task import Task, Trained
from lab.engine.training_state import State
from lab.regularization import Regularization
from lab.training import Training, pieces
from lab.training.averaging import first_averaged, joining
from tests.cohorts import dataset, difference, identical, task, together

TRAINING = Training(optimizer="momentum", learning_rate=0.05, epochs=4, batch_size=16)


def epoch_by_epoch(one: Task) -> tuple[Trained, list[list[np.ndarray]]]:
    """Train a run; return it and its weights, statistics included, after each epoch."""
    states: list[State] = []

    class Kept:
        def saved(self, engine, tasks):
            return ()

        def offer(self, engine, tasks):
            return lambda going, capture: states.append(capture())

    trained = cohort.train([one], checkpoints=Kept())[0]
    seen = [[array[0] for array in state.all_of("variable")] for state in states]
    return trained, [*seen, trained.last_weights]


def test_the_last_epochs_join_one_after_the_other_with_equal_shares():
    assert [first_averaged(swa, 10) for swa in (0.0, 0.01, 0.3, 1.0)] == [11, 10, 8, 1]
    assert [joining(0.5, 1, 10, epoch) for epoch in range(4, 11)] == [1, 1, 1, 1 / 2, 1 / 3, 1 / 4, 1 / 5]
    assert [joining(0.5, 2, 10, epoch) for epoch in range(5, 11)] == [1, 1, 0, 1 / 2, 0, 1 / 3]


def test_the_average_of_linear_nets_predicts_the_average_of_their_predictions():
    linear = {"widths": (), "data": dataset(None)}
    training = replace(TRAINING, loss="squared_error", learning_rate=0.02)
    _, seen = epoch_by_epoch(task(training=training, **linear))
    averaged = cohort.train([task(training=replace(training, swa=0.75, min_delta=1e9), **linear)])[0]
    validation = dataset(None).validation
    x = validation.x.reshape(len(validation.y), -1)
    predictions = [x @ kernel + bias for kernel, bias in seen[1:4]]
    kernel, bias = averaged.last_weights
    np.testing.assert_allclose(x @ kernel + bias, np.mean(predictions, 0), rtol=1e-4, atol=1e-5)
    loss = ((np.mean(predictions, 0) - validation.y) ** 2).sum(1).mean()
    assert averaged.rows[-1]["val_data_loss"] == pytest.approx(loss, rel=1e-4)
    apart = [((one - validation.y) ** 2).sum(1).mean() for one in predictions]
    assert abs(loss - apart[-1]) > 1e-3, "the last epoch alone has another loss"


def test_the_statistics_are_those_of_the_average_over_the_batches_of_the_epoch():
    training = replace(TRAINING, swa=0.5)
    one = task(Regularization(normalization="batch"), training=training, widths=(6,))
    trained = cohort.train([one])[0]
    last = trained.last_weights
    kernel, bias, _, _, mean, variance = last[:6]
    data = one.data.train
    batches = [data.x[batch].reshape(len(batch), -1) @ kernel + bias for batch in pieces(training.order(42, 1, 4), 16)]
    sizes = [len(batch) for batch in batches]
    assert sizes == [16, 16, 10]
    for found, of in ((mean, np.mean), (variance, np.var)):
        expected = np.average([of(batch, axis=0) for batch in batches], axis=0, weights=sizes)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_averages_train_in_one_cohort_as_alone_and_off_changes_no_bit():
    r = Regularization(dropout=0.3, normalization="batch", l2=1e-3)
    trainings = [TRAINING, replace(TRAINING, swa=0.75, swa_every=2), replace(TRAINING, swa=0.5)]
    tasks = [task(r, training=training) for training in trainings]
    trained = together(tasks)
    assert identical(trained[0], cohort.train(tasks[:1])[0])
    far = {k: v for k, v in difference(trained[1], keras_fit.train(tasks[1])).items() if not v <= 1e-5}
    assert far == {}
    plain, rows = trained[0].rows, trained[2].rows
    assert [a == b for a, b in zip(plain, rows, strict=True)] == [True, True, False, False]


@pytest.mark.slow
def test_an_average_is_independent_of_its_company():
    r = Regularization(dropout=0.3, normalization="batch")
    tasks = [task(r, training=replace(TRAINING, **one)) for one in ({"swa": 0.5}, {"ema": 0.8}, {"swa": 1.0})]
    trained = together(tasks)
    for place in (0, 1):
        assert identical(trained[place], cohort.train([tasks[place]])[0])


@pytest.mark.slow
def test_layers_without_a_rule_have_their_statistics_recomputed_too():
    r = Regularization(normalization="ghost", ghost_size=8, dropout=0.2)
    tasks = [task(r, training=replace(TRAINING, swa=swa)) for swa in (0.0, 0.75)]
    trained = together(tasks)
    assert identical(trained[0], cohort.train(tasks[:1])[0])
    far = {k: v for k, v in difference(trained[1], keras_fit.train(tasks[1])).items() if not v <= 1e-5}
    assert far == {}
