"""The content of run.json: what a run was, how it ended, and on which machine and versions it ran."""

import functools
import math
import os
import platform
from importlib import metadata
from typing import TYPE_CHECKING, Any

from lab.probes.weights import share_of_zeros
from lab.results.schema import SCHEMA

if TYPE_CHECKING:
    from lab.engine.outputs import Measured
    from lab.engine.task import Trained
    from lab.plan import Run


def record(experiment: str, run: "Run", trained: "Trained", measured: "Measured | None" = None) -> dict[str, Any]:
    """Return the content of a run's run.json, in JSON types.

    Args:
        experiment: its name.
        run: what was declared.
        trained: what came of it.
        measured: what `lab.engine.outputs.measured` returned of it; None leaves its fields out.
    """
    data, training, part = run.task.data, run.task.training, run.task.part
    test = None if trained.test is None else {name: _number(value) for name, value in trained.test.items()}
    chance = training.chance(None if data.classes is None else len(data.classes), data.several)
    scale: dict[str, Any] = {}
    if data.target is not None:
        # Losses are in units of these numbers, squared: predicting the mean of the training split costs 1 per output.
        scale = {"target_scale": data.target.deviation.tolist()}
        chance = float(len(data.target.deviation))
    return scale | {
        "schema": SCHEMA,
        "experiment": experiment,
        "variant": run.variant,
        "seed": run.seed,
        **({} if run.fold is None else {"fold": run.fold[0], "folds": run.fold[1]}),
        "id": run.id,
        "status": trained.status,
        "kept_epoch": trained.kept_epoch,
        "rows": len(trained.rows),
        "chance": chance,
        "test": test,
        **({} if part is None else {"measured": len(part)}),
        **({} if measured is None else _measured(measured)),
        "parameters": trained.parameters,
        "zeros": None if trained.weights is None else share_of_zeros(trained.weights),
        "engine": trained.engine,
        "seconds": round(trained.seconds, 4),
        "epoch_seconds": [round(seconds, 5) for seconds in trained.epoch_seconds],
        **environment(trained.engine),
        "declaration": run.declaration,
    }


def environment(engine: str) -> dict[str, Any]:
    """Return what decides the last bits of a run beside its declaration: the engine, its threads and the versions."""
    return {"engine": engine, "threads": threads(), "versions": versions()}


def _measured(measured: "Measured") -> dict[str, Any]:
    fields: dict[str, Any] = {"measures": {name: _number(value) for name, value in measured.measures.items()}}
    if measured.reliability:
        fields["reliability"] = measured.reliability
    if measured.test_parts:
        fields["test_parts"] = [_number(loss) for loss in measured.test_parts]
    return fields


def _number(value: float) -> float | None:
    # JSON has no NaN: the accuracy of a model that predicts numbers is null.
    return value if math.isfinite(value) else None


def threads() -> int:
    """Return how many threads compute an operation of TensorFlow, which it loads."""
    import tensorflow as tf

    # 0 means as many as there are; results are the same to the last bit only with one number of threads.
    # TensorFlow does not tell what it has taken from its environment.
    asked = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    of_environment = int(asked) if asked.isdigit() else 0
    return tf.config.threading.get_intra_op_parallelism_threads() or of_environment or os.cpu_count() or 1


@functools.cache
def versions() -> dict[str, str]:
    """Return the versions of Python, the lab and what it computes with, and the kind of processor."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in ("regularization-lab", "tensorflow", "keras", "numpy", "pandas"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
