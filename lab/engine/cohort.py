"""Many runs of one structure trained together in one compiled program, each as `keras.Model.fit` would train it alone.

Runs are grouped and cohorts are trained here. `blueprint` says which runs fit together, `forward` and `layer_rules`
compute their models, `program` is what is compiled, and `loop` lets the runs of a cohort end one by one.

The promise: no bit of a run depends on its company. How many runs train beside it, which place it has among them, what
numbers they hold, even NaN, and whether they have ended make no difference to its history, its test losses and its
weights, on one machine with one number of threads. So the same runs leave the same files whatever trained beside them,
and a cohort may be compacted whenever that saves time. `invariant` has the arithmetic that this takes, and the size of
the chunks in which a split is measured follows from the model's structure only.

TensorFlow's optimization of graphs would break it: it sorts by name what is added, so that sums of three and more terms
have another order in a program of one replica, whose operations have other names. `train` turns that part of it off.

The promise is tested on processors with AVX-512. With AVX2 TensorFlow multiplies with Eigen. Before that sorting was
turned off, the last bits of a run that trains alone were seen to differ there where three gradients meet, as those of
an activity L1, an activity L2 and the next layer; it was not tested there since. With TF_ENABLE_ONEDNN_OPTS=1
TensorFlow takes oneDNN on these processors too, which cuts the products of a cohort into one equal share per thread and
rounds a replica that lies across a cut differently: unless TF_NUM_INTRAOP_THREADS is 1, the last bits of a run then
depend on its place and on the number of replicas, though not on what the others hold. It was not tested on GPUs, where
the order of sums may depend on that number too.
"""

import functools
import time
import warnings
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from lab.checks import DataError, UsageError, is_out_of_memory
from lab.engine.blueprint import Blueprint, blueprint, of_another_seed, of_twin
from lab.engine.graph import RefusedError
from lab.engine.history import nobody
from lab.engine.loop import Leave, Loop, OnEpoch
from lab.engine.memory import free_memory
from lab.engine.program import Program
from lab.engine.rehearsal import rehearse
from lab.engine.task import History, Task, Trained
from lab.engine.tensorflow import collector_paused, graph_options
from lab.engine.training_state import NO_CHECKPOINTS, Checkpoints, Saved

LARGEST_COHORT = 32
"""The most runs that train together: on a CPU more of them gain nothing and take memory."""

SHARE_OF_MEMORY = 0.5
"""The share of the free memory that a cohort may take, by a rough estimate."""


@dataclass(frozen=True, eq=False)
class Group:
    """Runs of one structure.

    Args:
        indices: of their tasks.
        blueprints: their models taken apart, for `train`; None for models that must be built again.
    """

    indices: list[int]
    blueprints: list[Blueprint | None]


@dataclass(frozen=True, eq=False)
class Plan:
    """Tasks sorted into those that train together, those that no cohort can train, and those without a model.

    Args:
        groups: of tasks that train together.
        refused: for each task that no cohort can train, by its index, the reason.
        failed: for each task whose model cannot be built, by its index, what its factory or the lab raised.
    """

    groups: list[Group]
    refused: dict[int, str]
    failed: dict[int, UsageError | DataError | MemoryError]


def group(tasks: Sequence[Task], on_wait: Callable[[str], None] = lambda sentence: None) -> Plan:
    """Sort tasks into those that train together and those that cannot, before anything is trained.

    Blueprints are kept for `train`, so that each model is built once, those of one recipe together (and those with
    operations that are unrolled again). `train` may still refuse what is unrolled.

    Args:
        tasks: the runs.
        on_wait: called with a few words on what is being done, each time before it takes a while.
    """
    together: dict[Hashable, Group] = {}
    known: dict[Hashable, Blueprint] = {}
    refused, failed = {}, {}
    with collector_paused():
        for i, task in enumerate(tasks):
            on_wait(f"building model {i + 1} of {len(tasks)}")
            try:
                found = _blueprint(task, known)
            except RefusedError as refusal:
                refused[i] = str(refusal)
                continue
            except (UsageError, DataError, MemoryError) as failure:
                failed[i] = failure
                continue
            joined = together.setdefault(found.signature, Group([], []))
            joined.indices.append(i)
            # A model with operations that are unrolled holds its weights; it is built again when its turn comes.
            joined.blueprints.append(None if found.unrolled else found)
    return Plan(list(together.values()), refused, failed)


def _blueprint(task: Task, known: dict[Hashable, Blueprint]) -> Blueprint:
    """Return a run's blueprint, by that of a twin or of a run of its recipe if one is known; new ones are added."""
    found = of_twin(known[task.twin], task) if task.twin in known else None
    if found is None and task.recipe in known:
        found = of_another_seed(known[task.recipe], task)
    found = found or blueprint(task)
    for key in (task.twin, task.recipe):
        if key is not None:
            known.setdefault(key, found)
    return found


def train(
    tasks: Sequence[Task],
    on_epoch: OnEpoch = lambda epoch, live, best, histories: None,
    on_trained: Callable[[int, Trained], None] = lambda index, trained: None,
    blueprints: Sequence[Blueprint | None] | None = None,
    keep: bool = True,
    checkpoints: Checkpoints = NO_CHECKPOINTS,
    leave: Leave = nobody,
) -> list[Trained]:
    """Train runs of one structure together.

    Args:
        tasks: the runs, of one group of `group`.
        on_epoch: as `lab.engine.loop.OnEpoch` says, for the runs that train together now.
        on_trained: called with a run's index in `tasks` and its result, as soon as it has ended.
        blueprints: those that `group` returned for the tasks, so that the models are not built again.
        keep: whether the results are kept to be returned. Otherwise the weights of hundreds of runs need not fit into
            memory.
        checkpoints: from which runs go on, and which take the state of the runs from time to time.
        leave: as `lab.engine.loop.Leave` says, for the runs that train together now.

    Returns:
        The results, in the order of the tasks; an empty list if they are not kept.

    Raises:
        RefusedError: a model that cannot be stacked, models of different structures, or a model with operations without
            a rule whose first steps are not those of Keras. No result was handed over then.
    """
    results: dict[int, Trained | None] = {}
    programs: dict[tuple, Program] = {}
    structures: dict[int, Hashable] = {}
    known: list[Blueprint | None] = list(blueprints) if blueprints is not None else [None] * len(tasks)
    is_unrolled = [blueprints is not None and one is None for one in known]
    rehearsed = False

    def finish(index: int, trained: Trained) -> None:
        trained.structure = structures.pop(index)
        results[index] = trained if keep else None
        on_trained(index, trained)

    def attempt(indices: list[int], saved: Saved | None = None) -> None:
        nonlocal rehearsed
        try:
            began = time.perf_counter()
            members = [known[i] or blueprint(tasks[i], with_values=is_unrolled[i]) for i in indices]
            if any(member.signature != members[0].signature for member in members):
                raise RefusedError("models of different structures cannot train together; group them first")
            if len(indices) > _at_most(members[0], tasks[indices[0]]):
                raise MemoryError
            for i in indices:
                structures[i] = None if members[0].unrolled else members[0].signature
                known[i] = None  # The loop holds them now, and they need not outlive it.
            own = [tasks[i] for i in indices]
            loop = Loop(own, members, programs, began)
            # The tests hold every rule against Keras; what has no rule is tried on the model itself.
            if members[0].unrolled and not rehearsed:
                rehearse(loop)
                rehearsed = True
            state = saved and saved.read(own)
            if saved and state and (reason := loop.resume(state)):
                saved.refuse(reason)
            del state  # It is as large as all that the loop holds.
            loop.train(
                lambda epoch, live, best, rows: on_epoch(epoch, live, best, {indices[k]: rows[k] for k in rows}),
                lambda position, trained: finish(indices[position], trained),
                checkpoints.offer("cohort", own),
                functools.partial(_leaving, leave, indices),
            )
        except Exception as error:
            left = [i for i in indices if i not in results]
            if not is_out_of_memory(error) or len(left) < 2:
                raise
            programs.clear()
            warnings.warn(f"{len(left)} runs do not fit into memory together, training them in halves", stacklevel=2)
            attempt(left[: len(left) // 2], saved)
            attempt(left[len(left) // 2 :], saved)

    if not tasks:
        return []
    place = {id(task): i for i, task in enumerate(tasks)}
    new = set(range(len(tasks)))
    with graph_options(arithmetic_optimization=False):
        for saved in checkpoints.saved("cohort", tasks):
            begun = [place[id(task)] for task in saved.tasks]
            new -= set(begun)
            attempt(begun, saved)
        for indices in np.array_split(sorted(new), -(-len(new) // LARGEST_COHORT)) if new else ():
            attempt([int(i) for i in indices])
    return [trained for i in range(len(tasks)) if (trained := results[i]) is not None]


def _leaving(leave: Leave, indices: Sequence[int], epoch: int, histories: Mapping[int, History]) -> Collection[int]:
    """Ask which runs end, by their indices among all tasks, and return their places among those that train now."""
    gone = leave(epoch, {indices[k]: rows for k, rows in histories.items()})
    return [indices.index(i) for i in gone]


def _at_most(first: Blueprint, task: Task) -> int:
    """Return about how many replicas fit into the free memory.

    A replica takes its weights, their gradients, what the optimizer remembers, the kept weights and its activations.
    """
    if tf.config.list_physical_devices("GPU"):
        return LARGEST_COHORT
    weights = sum(int(np.prod(v.shape)) for v in first.variables)
    batch = min(task.training.batch_size, len(task.data.train.y))
    bytes_each = 4 * (7 * weights + 2 * batch * first.outputs * len(first.operations))
    free = free_memory()
    return max(1, int(SHARE_OF_MEMORY * free / bytes_each))
