"""Each task trained by the engine that fits it: runs of one structure in cohorts, all others one by one with Keras.

A task that fails costs no other. One whose model cannot be built is set aside; the tasks of a cohort that fails are
trained one by one. What failed for good is reported when all others have ended.
"""

import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lab.checks import DataError, UsageError, is_out_of_memory, raised
from lab.engine.history import nobody
from lab.engine.tensorflow import load_tensorflow
from lab.engine.training_state import NO_CHECKPOINTS, Checkpoints
from lab.identity.failures import raised_in

if TYPE_CHECKING:
    from lab.engine.cohort import Group
    from lab.engine.task import History, Task, Trained

ENGINES = ("cohort", "keras_fit")

OnEpoch = Callable[[Sequence[int], int, int, float, "Sequence[History]"], None]
"""Called after each epoch with the tasks that trained in it together, the epoch, how many of them go on, the lowest
validation data loss of the cohort so far, and for each of these tasks the rows of its history until now, which are not
to be changed."""

Leave = Callable[[Sequence[int], int, "Sequence[History]"], Collection[int]]
"""Called after each epoch with the tasks that trained in it together, the epoch, and the rows of each; returns those
of them that end with it, as if their patience was spent."""


def train(
    tasks: "Sequence[Task]",
    names: Sequence[str],
    *,
    engine: str,
    precision: str,
    on_trained: "Callable[[int, Trained], None]",
    on_epoch: OnEpoch = lambda members, epoch, live, best, histories: None,
    on_failure: Callable[[int, UsageError | DataError], None] = lambda i, error: None,
    on_refusal: Callable[[int, str], None] = lambda i, reason: None,
    on_wait: Callable[[str], None] = lambda sentence: None,
    checkpoints: Checkpoints = NO_CHECKPOINTS,
    leave: Leave = nobody,
) -> None:
    """Train tasks. The callbacks name a task by its place in `tasks`.

    Args:
        tasks: the runs.
        names: how a refusal names each of them, as in "variant 'l2' at seed 0".
        engine: "cohort" trains in cohorts what they can train, "keras_fit" trains all tasks one by one.
        precision: of products: one of `lab.engine.precision.PRECISIONS`.
        on_trained: called with each task and its result, as soon as it has ended.
        on_epoch: as `OnEpoch` says.
        on_failure: called with each task that failed for good, and what is raised of it in the end.
        on_refusal: called with each task that no cohort can train, and the reason.
        on_wait: called with a few words on what is being done, each time before it takes a while.
        checkpoints: from which tasks go on, and which take their states from time to time.
        leave: as `Leave` says.

    Raises:
        UsageError, DataError: a model cannot be built or does not fit into memory, or a task failed in training. All
            others have been trained.
        UsageError: the machine gains nothing from the precision, or TensorFlow was loaded for another one.
    """
    if not tasks:
        return
    on_wait("loading TensorFlow")
    load_tensorflow(precision)
    dispatch = _Dispatch(tasks, names, on_trained, on_epoch, on_failure, on_refusal, on_wait, checkpoints, leave)
    dispatch.train_one_by_one(dispatch.train_in_cohorts() if engine == "cohort" else range(len(tasks)))
    dispatch.raise_failure()


def raise_first(failures: Sequence[UsageError | DataError]) -> None:
    """Raise the first of some runs' failures, if there is one, and say how many others there are."""
    if failures:
        first, others = failures[0], len(failures) - 1
        too = {0: "", 1: "; 1 other run failed too"}.get(others, f"; {others} other runs failed too")
        raise type(first)(f"{first}{too}") from first


class _Dispatch:
    """Tasks in training; the arguments are those of `train`.

    Attributes:
        trained: the tasks that have ended.
        failures: of those that failed, in the order in which they did.
        callback_failed: whether publishing or progress failed, which would fail for all tasks alike.
    """

    def __init__(
        self,
        tasks: "Sequence[Task]",
        names: Sequence[str],
        on_trained: "Callable[[int, Trained], None]",
        on_epoch: OnEpoch,
        on_failure: Callable[[int, UsageError | DataError], None],
        on_refusal: Callable[[int, str], None],
        on_wait: Callable[[str], None],
        checkpoints: Checkpoints,
        leave: Leave,
    ) -> None:
        self.leave = leave
        self.tasks = tasks
        self.names = names
        self.on_trained = on_trained
        self.on_epoch = on_epoch
        self.on_failure = on_failure
        self.on_refusal = on_refusal
        self.on_wait = on_wait
        self.checkpoints = checkpoints
        self.trained: set[int] = set()
        self.failures: list[UsageError | DataError] = []
        self.callback_failed = False

    def train_in_cohorts(self) -> list[int]:
        """Train the tasks that cohorts can train, and return the others."""
        from lab.engine import cohort
        from lab.engine.graph import RefusedError

        plan = cohort.group(self.tasks, self.on_wait)
        for i, reason in plan.refused.items():
            self.on_refusal(i, reason)
        for i, error in plan.failed.items():
            self._fail(i, error)
        rest = list(plan.refused)
        while plan.groups:
            # Taken out, so that its models do not outlive its training.
            group = plan.groups.pop(0)
            try:
                self._train_together(group)
            except Exception as error:
                self._raise_if_of_callback(error)
                left = [i for i in group.indices if i not in self.trained]
                reason = str(error) if isinstance(error, RefusedError) else f"its cohort failed: {raised(error)}"
                for i in left:
                    self.on_refusal(i, reason)
                rest += left
        return rest

    def _train_together(self, group: "Group") -> None:
        from lab.engine import cohort

        members = group.indices
        self._call(self.on_wait, f"compiling the program of {len(members)} runs")
        cohort.train(
            [self.tasks[i] for i in members],
            on_epoch=functools.partial(self._on_epoch_together, members),
            on_trained=lambda place, trained: self._hand_over(members[place], trained),
            blueprints=group.blueprints,
            keep=False,
            checkpoints=self.checkpoints,
            leave=functools.partial(self._leave_together, members),
        )

    def train_one_by_one(self, places: Iterable[int]) -> None:
        """Train tasks with `keras_fit`, and keep what those raise that fail."""
        from lab.engine import keras_fit

        for i in places:
            on_epoch = functools.partial(self._on_epoch_of_one, i)
            try:
                leaves = functools.partial(self._leaves_alone, i)
                trained = keras_fit.train(self.tasks[i], on_epoch, self.checkpoints, leaves)
            except Exception as error:
                self._raise_if_of_callback(error)
                self._fail(i, error)
            else:
                self._hand_over(i, trained)

    def raise_failure(self) -> None:
        """Raise the first failure, if there is one."""
        raise_first(self.failures)

    def _on_epoch_together(
        self, members: Sequence[int], epoch: int, live: int, best: float, histories: "Mapping[int, History]"
    ) -> None:
        self._call(self.on_epoch, [members[place] for place in histories], epoch, live, best, [*histories.values()])

    def _on_epoch_of_one(self, i: int, epoch: int, best: float, rows: "History") -> None:
        self._call(self.on_epoch, [i], epoch, 1, best, [rows])

    def _leave_together(
        self, members: Sequence[int], epoch: int, histories: "Mapping[int, History]"
    ) -> Collection[int]:
        asked = [members[place] for place in histories]
        return [members.index(i) for i in self._call(self.leave, asked, epoch, [*histories.values()])]

    def _leaves_alone(self, i: int, epoch: int, rows: "History") -> bool:
        return bool(self._call(self.leave, [i], epoch, [rows]))

    def _hand_over(self, i: int, trained: "Trained") -> None:
        self._call(self.on_trained, i, trained)
        self.trained.add(i)

    def _call(self, callback: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return callback(*arguments)
        except Exception:
            self.callback_failed = True
            raise

    def _fail(self, i: int, error: Exception) -> None:
        failure = self._failure(i, error)
        self.failures.append(failure)
        self._call(self.on_failure, i, failure)

    def _failure(self, i: int, error: Exception) -> UsageError | DataError:
        """Return what is reported of a task that failed."""
        if isinstance(error, (UsageError, DataError)):
            return error
        if is_out_of_memory(error):
            failure = DataError(
                f"{self.names[i]} does not fit into memory; make its model, batch_size or train_size smaller, or close "
                "other programs"
            )
        else:
            failure = DataError(f"{self.names[i]} cannot be trained: {raised_in(error)}")
        failure.__cause__ = error
        return failure

    def _raise_if_of_callback(self, error: Exception) -> None:
        """Raise an error of a callback, which would meet the other tasks too."""
        if self.callback_failed:
            raise error
