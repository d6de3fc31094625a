"""The structure of a run: runs of one structure train together, and models that cannot be stacked are refused.

Two runs train together if their signatures are equal. A signature holds everything that must not differ: the kinds and
sizes of the layers and how they are connected; the optimizer and its constants; the loss; batch size, number of epochs
and when a run ends early; how batches are drawn and how many examples are measured; the sizes of the splits that are
measured after each epoch, whether examples are weighted, what is done to gradients, and whether a second pass is taken.
Everything else is a number or a seed of the replica: strengths, rates, noise, momenta of moving statistics, largest
norms, learning rates and schedules, weight decay, label smoothing, the data themselves.
"""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from lab.engine import keras_internals, layer_kinds, optimizers, penalties
from lab.engine.gradients import GRADIENT_NUMBERS
from lab.engine.graph import RefusedError, calls, check, function
from lab.engine.layer_kinds import Rule
from lab.engine.penalties import Key, norm_axes, strengths
from lab.engine.smoothness import SMOOTHNESS_NUMBERS
from lab.engine.starts import Start
from lab.engine.task import Task
from lab.seeds import Derived

if TYPE_CHECKING:
    from lab.training import Training


@dataclass(eq=False)
class Operation:
    """One operation of a model's graph.

    Args:
        layer: the Keras layer or operation.
        rule: how its replicas are computed; None if they are unrolled.
        variables: the places of its variables among the blueprint's.
        calls: how often the graph calls it.
    """

    layer: Any
    rule: Rule | None
    variables: list[int]
    calls: int


@dataclass(eq=False)
class Blueprint:
    """The model of one run, taken apart.

    Args:
        signature: equal for runs that may train together: the form of the model, of the training and of the data.
        model: built without values, unless operations are unrolled. A cohort computes with the model of its first run,
            or with all of its models where operations are unrolled. Runs that differ in their seeds only share one.
        operations: of the model's graph, in the order in which they are computed.
        variables: all variables of the model: its weights first, then the seeds of operations that are unrolled.
        starts: for each variable, its initial value.
        weights: how many of the variables are weights.
        per_run: the numbers that may differ between replicas.
        seeds: by the place of each operation that draws, its seed and how often it has drawn at the start.
        outputs: the largest number of values that an operation makes of one example.
    """

    signature: tuple[Hashable, ...]
    model: keras.Model
    operations: list[Operation]
    variables: list[keras.Variable]
    starts: list[Start]
    weights: int
    per_run: dict[Key, float]
    seeds: dict[int, tuple[int, int]]
    outputs: int

    @property
    def parameters(self) -> int:
        """The number of trained parameters."""
        return int(sum(np.prod(v.shape) for v in self.model.trainable_variables))

    @property
    def unrolled(self) -> bool:
        """Whether each replica needs its own model."""
        return any(op.rule is None for op in self.operations) or any(
            (v.regularizer is not None and penalties.of_kernel(v.regularizer) is None) or _foreign(v)
            for v in self.variables[: self.weights]
        )


def _foreign(v: Any) -> bool:
    return v.constraint is not None and norm_axes(v.constraint, len(v.shape)) is None


def blueprint(task: Task, with_values: bool = False) -> Blueprint:
    """Build a run's model and take it apart.

    The model is built without giving its variables values, which takes half the time and no memory; they are computed
    by the same initializers when they are stacked. A factory that needs the values, or sets them itself, is called
    again in the usual way, and so is one whose model has operations without a rule.

    Args:
        task: the run.
        with_values: whether it is known that the model needs its values.

    Raises:
        RefusedError: the model cannot be stacked.
    """
    model = None if with_values else keras_internals.built_without_values(task.build)
    result = None if model is None else _taken_apart(task, model)
    return _taken_apart(task, task.build()) if result is None or result.unrolled else result


def of_another_seed(known: Blueprint, task: Task) -> Blueprint | None:
    """Return the blueprint of a run whose model differs from a known one by its seeds only, without building it.

    Args:
        known: of a run of the same `Task.recipe`.
        task: the run.

    Returns:
        None where a seed is not one of `lab.seeds.derive`, or each replica needs its own model.
    """
    if known.unrolled:
        return None
    starts = [own for start in known.starts if (own := start.reseeded(task.seed)) is not None]
    seeds: dict[int, tuple[int, int]] = {
        i: (seed.of_run(task.seed), drawn) for i, (seed, drawn) in known.seeds.items() if isinstance(seed, Derived)
    }
    if len(starts) < len(known.starts) or len(seeds) < len(known.seeds):
        return None
    twin = of_twin(known, task)
    return twin and replace(twin, starts=starts, seeds=seeds)


def of_twin(known: Blueprint, task: Task) -> Blueprint | None:
    """Return the blueprint of a run whose model is that of a known one to the last bit, without building it.

    Args:
        known: of a run of the same `Task.twin`.
        task: the run, which may have another training.

    Returns:
        None where each replica needs its own model.
    """
    if known.unrolled:
        return None
    return replace(known, signature=(known.signature[0], _training_form(task.training), _data_form(task)))


def _taken_apart(task: Task, model: keras.Model) -> Blueprint:
    graph = function(model)
    weights = list(model.weights)
    operations, connections, outputs = calls(graph, {id(v): i for i, v in enumerate(weights)})
    for layer in operations:
        check(layer)
    for v in weights:
        if v.trainable and v.dtype != "float32":
            raise RefusedError(f"its weight {v.path} is {v.dtype}, and cohorts train float32 alone")
    known = {id(v) for v in weights}
    found = []
    variables = list(weights)
    odd = {place for place, _, plain in connections if not plain}
    for i, (layer, times) in enumerate(operations.items()):
        rule = _rule(layer, i not in odd)
        own = list(getattr(layer, "variables", []))
        if rule is None:
            variables += [v for v in own if id(v) not in known]
            known |= {id(v) for v in own}
        place = {id(v): i for i, v in enumerate(variables)}
        found.append(Operation(layer, rule, [place[id(v)] for v in own if id(v) in place], times))
    per_run, seeds = _free(found, weights)
    form = (
        tuple(_form(op) for op in found),
        tuple(connections),
        tuple(_variable_form(v) for v in weights),
        tuple((tuple(v.shape), v.dtype) for v in variables[len(weights) :]),
    )
    signature = form, _training_form(task.training), _data_form(task)
    starts = [keras_internals.start(v) for v in variables]
    return Blueprint(signature, model, found, variables, starts, len(weights), per_run, seeds, outputs)


def _rule(layer: Any, plain: bool) -> Rule | None:
    """Return the rule of an operation, or None if no rule covers the operation and the way it is called.

    Args:
        layer: the operation.
        plain: whether every call passes nothing but tensors, by position.
    """
    found = layer_kinds.rule(layer)
    if found is None or not plain or strengths(layer.activity_regularizer) is None:
        return None
    return found


def _free(operations: list[Operation], weights: list[Any]) -> tuple[dict[Key, float], dict[int, tuple[int, int]]]:
    """Return what may differ between replicas of one structure."""
    per_run: dict[Key, float] = {}
    seeds = {}
    for i, op in enumerate(operations):
        if op.rule is None:
            continue
        per_run |= {("operation", i, name): value for name, value in op.rule.free(op.layer).items()}
        per_run |= _strengths("operation", i, strengths(op.layer.activity_regularizer))
        generator = getattr(op.layer, "seed_generator", None)
        if generator is not None:
            seed, drawn = (int(value) for value in keras_internals.start(generator.state)())
            given = keras_internals.initial_seed(generator)
            seeds[i] = given if given == seed else seed, drawn
    for i, v in enumerate(weights):
        if v.trainable:
            per_run |= _strengths("variable", i, penalties.of_kernel(v.regularizer))
        if type(v.constraint) is keras.constraints.MaxNorm:
            per_run["variable", i, "max_norm"] = float(v.constraint.max_value)
    return per_run, seeds


def _strengths(owner: str, place: int, known: dict[str, float] | None) -> dict[Key, float]:
    return {key: (known or {}).get(kind, 0.0) for kind, key in penalties.keys(owner, place).items()}


def _form(op: Operation) -> tuple:
    kind = type(op.layer)
    if op.rule is None:
        # Each replica calls its own layer, so its configuration is its own.
        return kind, "unrolled", tuple(op.variables), op.layer.trainable if isinstance(op.layer, keras.Layer) else None
    return kind, op.rule.fixed(op.layer), tuple(op.variables)


def _variable_form(v: Any) -> tuple:
    penalty = None if penalties.of_kernel(v.regularizer) is not None else type(v.regularizer)
    constraint: Any = None
    if v.constraint is not None:
        axis = getattr(v.constraint, "axis", None)
        constraint = type(v.constraint), repr(axis)
    return tuple(v.shape), v.dtype, optimizers.decays(v), v.trainable, penalty, constraint


def _training_form(t: "Training") -> tuple:
    # Beside runs whose gradients are changed, TensorFlow would round those of the others differently.
    changed = tuple(name for name in (*GRADIENT_NUMBERS, *SMOOTHNESS_NUMBERS) if getattr(t, name))
    return (
        changed,
        *optimizers.constants(t),
        t.batch_size,
        t.epochs,
        t.patience,
        t.min_delta,
        t.loss,
        t.replacement,
        t.measured,
    )


def _data_form(task: Task) -> tuple:
    # A test split has the form of the others but for its size, in which folds differ by one.
    return tuple(
        (split.x.shape, split.x.dtype.str, split.y.shape, split.y.dtype.str, split.weight is None)
        for split in (task.data.train, task.data.validation)
    )
