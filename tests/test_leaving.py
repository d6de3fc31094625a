"""Runs that leave in the middle, as the searches of advice want it: what they and the others have is what they had."""

import numpy as np
import pytest

from lab.engine import dispatch
from lab.training import Training
from tests.cohorts import task
from tests.selection import quick

TRAINING = Training(epochs=4, batch_size=16)


def trained(engine, tasks, leave=None):
    results, seen = {}, []

    def leaving(members, epoch, histories):
        seen.append((tuple(members), epoch, tuple(len(rows) for rows in histories)))
        return [i for i in members if leave is not None and leave(i, epoch)]

    dispatch.train(
        tasks,
        [str(i) for i in range(len(tasks))],
        engine=engine,
        precision="exact",
        on_trained=lambda i, one: results.setdefault(i, one),
        leave=leaving,
    )
    return results, seen


@pytest.mark.parametrize("engine", quick(dispatch.ENGINES))
def test_runs_leave_after_the_epoch_that_is_said_and_change_no_bit_of_the_others(engine):
    tasks = [task(training=TRAINING, seed=seed, widths=(4,)) for seed in range(3)]
    whole, _ = trained(engine, tasks)
    some, seen = trained(engine, tasks, lambda i, epoch: (i, epoch) in {(0, 2), (2, 3)})
    assert [len(some[i].rows) for i in range(3)] == [2, 4, 3]
    for i in range(3):
        assert some[i].rows == whole[i].rows[: len(some[i].rows)]
        assert some[i].status == "finished"
    assert some[0].kept_epoch == 1 + int(np.argmin([row["val_data_loss"] for row in whole[0].rows[:2]]))
    assert some[1].test == whole[1].test
    assert all(np.array_equal(a, b) for a, b in zip(some[1].weights, whole[1].weights, strict=True))
    asked = {(member, epoch) for members, epoch, _ in seen for member in members}
    assert asked == {(0, 1), (0, 2), (1, 1), (1, 2), (1, 3), (1, 4), (2, 1), (2, 2), (2, 3)}
    assert all(length == epoch for _, epoch, lengths in seen for length in lengths)


def test_what_is_raised_while_one_is_asked_ends_the_training():
    class StopError(Exception):
        pass

    def leave(i, epoch):
        raise StopError

    with pytest.raises(StopError):
        trained("cohort", [task(training=TRAINING, widths=(4,))], leave)
