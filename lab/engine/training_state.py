"""The state of runs at the end of an epoch: all that decides how they go on, as arrays that are kept and put back.

Whatever else an epoch needs (its batches, its learning rates, its random numbers) follows from the declaration, the
epoch and the count of steps. So runs that are put back end with the same bits as if nothing had happened, and since no
bit of a run depends on its company, they may be put back into another cohort than they came from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from lab.engine.history import packed

if TYPE_CHECKING:
    import tensorflow as tf

    from lab.engine.program import Program
    from lab.engine.task import Task


@dataclass(frozen=True, eq=False)
class State:
    """Runs of one structure that have not ended, after an epoch.

    Args:
        epoch: the number of epochs they have trained.
        arrays: by name; the first axis of each is the run.
    """

    epoch: int
    arrays: dict[str, np.ndarray]

    def of(self, runs: Sequence[int]) -> "State":
        """Return the state of some of the runs, by their places."""
        return State(self.epoch, {name: array[list(runs)] for name, array in self.arrays.items()})

    def all_of(self, kind: str) -> list[np.ndarray]:
        """Return the arrays that are numbered within one kind, as `numbered` named them."""
        count = sum(name.startswith(f"{kind}.") for name in self.arrays)
        return [self.arrays[f"{kind}.{i}"] for i in range(count)]

    def misfit(self, expected: dict[str, np.ndarray]) -> str:
        """Return in a few words why the arrays cannot be those of a model; "" if they can.

        Args:
            expected: arrays of the model's own, by name.
        """
        for name in expected | self.arrays:
            own, model = (_form(name, arrays.get(name)) for arrays in (self.arrays, expected))
            if own != model:
                return f"its {name} is {own}, and that of the model {model}"
        return ""


def _form(name: str, array: np.ndarray | None) -> str:
    if array is None:
        return "missing"
    # These grow by one with each epoch.
    shape = (len(array), *array.shape[2:]) if name in ("rows", "epoch_seconds") else array.shape
    return f"{array.dtype} of shape {shape}"


def numbered(kind: str, arrays: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Name arrays of one kind by their places: "variable.0", "variable.1", and so on."""
    return {f"{kind}.{i}": array for i, array in enumerate(arrays)}


def past(
    rows: Sequence[list[dict[str, float]]], seconds: Sequence[float], epoch_seconds: Sequence[list[float]]
) -> dict[str, np.ndarray]:
    """Return the histories and times of runs as arrays.

    Args:
        rows: of each run's history.
        seconds: that each run took beside its epochs.
        epoch_seconds: of each run's epochs.
    """
    return {
        "rows": np.stack([packed(run) for run in rows]),
        "seconds": np.array(seconds, np.float64),
        "epoch_seconds": np.array(epoch_seconds, np.float64),
    }


class Saved(Protocol):
    """A checkpoint from which runs can go on."""

    @property
    def tasks(self) -> "Sequence[Task]":
        """Those of the runs that were asked for."""

    def read(self, tasks: "Sequence[Task]") -> State | None:
        """Return the state of some of these tasks, in their order; None, with a sentence, if it is damaged."""

    def refuse(self, reason: str) -> None:
        """Say that the checkpoint cannot be used, and why."""


class Offer(Protocol):
    """Takes the state of a cohort from time to time."""

    def __call__(self, going: "Sequence[Task]", capture: Callable[[], State]) -> None:
        """Take the state, if it is time; called at the end of each epoch.

        Args:
            going: the runs that have not ended, in the order of the state.
            capture: returns their state.
        """


class Checkpoints(Protocol):
    """Where engines leave the states of runs, and find those of an earlier process."""

    def saved(self, engine: str, tasks: "Sequence[Task]") -> "Sequence[Saved]":
        """Return the checkpoints of some of these tasks, each task in at most one."""

    def offer(self, engine: str, tasks: "Sequence[Task]") -> Offer:
        """Return what takes the states of tasks that train together from now on."""


class _None:
    def saved(self, engine: str, tasks: "Sequence[Task]") -> "Sequence[Saved]":
        return ()

    def offer(self, engine: str, tasks: "Sequence[Task]") -> Offer:
        return lambda going, capture: None


NO_CHECKPOINTS: Checkpoints = _None()
"""Keeps nothing and finds nothing."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The state of some replicas of a program; the first axis of each tensor is the replica.

    Args:
        variables, best, memory: as `lab.engine.program.Program` holds them.
        step: how many steps the optimizer has taken.
    """

    variables: "Sequence[tf.Tensor | np.ndarray]"
    best: "Sequence[tf.Tensor | np.ndarray]"
    memory: "Sequence[tf.Tensor | np.ndarray]"
    step: int

    @classmethod
    def of(cls, program: "Program", replicas: Sequence[int]) -> "Snapshot":
        """Return copies of what some replicas hold."""
        import tensorflow as tf

        rows = tf.constant(list(replicas), tf.int32)
        variables, best, memory = (
            [tf.gather(v.value.read_value(), rows) for v in held]
            for held in (program.variables, program.best, program.memory)
        )
        return cls(variables, best, memory, int(program.update.optimizer.iterations.numpy()))

    def put_into(self, program: "Program") -> None:
        """Let a program go on from here; it has one replica for each of these."""
        program.load(self.variables, self.memory, self.step)
        for v, value in zip(program.best, self.best, strict=True):
            v.assign(value)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the state as named arrays."""
        kinds = {"variable": self.variables, "best": self.best, "memory": self.memory}
        named = {
            name: array
            for kind, values in kinds.items()
            for name, array in numbered(kind, [np.asarray(value) for value in values]).items()
        }
        return named | {"step": np.full(len(self.variables[0]), self.step, np.int64)}

    @classmethod
    def from_state(cls, state: State) -> "Snapshot":
        """Return the snapshot whose `arrays` are among those of a state."""
        variables, best, memory = (state.all_of(kind) for kind in ("variable", "best", "memory"))
        return cls(variables, best, memory, int(state.arrays["step"][0]))
