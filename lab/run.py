"""Runs trained together where nothing is published: for studies, which look at what training leaves in the nets."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lab.engine.tensorflow import load_tensorflow

if TYPE_CHECKING:
    from lab.engine.task import Task, Trained


def train_all(tasks: "Sequence[Task]") -> "list[Trained]":
    """Train runs in cohorts, and one by one those that no cohort can train.

    Args:
        tasks: the runs.

    Returns:
        What came of each, in the order of the tasks.
    """
    load_tensorflow()
    from lab.engine import cohort, keras_fit

    planned = cohort.group(tasks)
    trained: dict[int, Trained] = {i: keras_fit.train(tasks[i]) for i in planned.refused}
    for group in planned.groups:
        members = [tasks[i] for i in group.indices]
        trained |= zip(group.indices, cohort.train(members, blueprints=group.blueprints), strict=True)
    return [trained[i] for i in range(len(tasks))]
