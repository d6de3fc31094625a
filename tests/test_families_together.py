"""All families of regularizers that are numbers per run, in one program: none changes a bit of the others.

That each trains as `keras_fit` trains it, and as it does alone, is in the tests of each (`make test-slow`).
"""

from dataclasses import replace

import pytest

from lab.engine import cohort
from lab.models.families import FAMILIES
from lab.regularization import Regularization
from lab.training import Training
from tests.cohorts import difference, identical, task

TRAINING = Training(optimizer="momentum", learning_rate=0.02, epochs=4, batch_size=16)


def middle(family):
    """Return a run with the family's middle strength."""
    # A level of the loss that four epochs do not reach would change nothing.
    strength = 2.0 if family.field == "flooding" else family.strengths[len(family.strengths) // 2]
    settings = {family.field: strength}
    if family.value == "Regularization":
        return task(Regularization(**settings), training=TRAINING)
    # A proximal step is one of a penalty with a kink.
    regularization = Regularization(l1=1e-3) if family.field == "proximal" else Regularization()
    return task(regularization, training=replace(TRAINING, **settings))


@pytest.fixture(scope="module")
def beside_a_plain_run():
    """Return the families that train in the program of a plain run, that run first, and what trains them."""
    families = [None, *(family for family in FAMILIES if "dense" in family.kinds)]
    tasks = [task(training=TRAINING) if family is None else middle(family) for family in families]
    groups = [group.indices for group in cohort.group(tasks).groups]
    together = next(indices for indices in groups if 0 in indices)
    return [families[i] for i in together], [tasks[i] for i in together]


def test_all_families_train_in_one_program_and_each_does_something(beside_a_plain_run):
    families, tasks = beside_a_plain_run
    whole = cohort.train(tasks)
    assert identical(whole[0], cohort.train(tasks[:1])[0])
    unchanged = [
        family.field
        for family, trained in zip(families[1:], whole[1:], strict=True)
        if difference(trained, whole[0]).get("weights 0", 1.0) < 1e-7
    ]
    assert unchanged == []
    half = len(tasks) // 2
    for mine, expected in zip(cohort.train(tasks[half:]), whole[half:], strict=True):
        assert identical(mine, expected)
