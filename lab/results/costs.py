"""costs.json: the seconds that a step of each variant took, as `reglab cost` measured them on one machine.

A clock decides them, so they are in no CSV file, and running the experiment again neither makes nor changes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.checks import DataError
from lab.results import fields
from lab.results.experiments import read_experiment
from lab.results.files import read_json, to_json, write_atomically
from lab.results.schema import COSTS_FILE, SCHEMA


@dataclass(frozen=True)
class Cost:
    """The cost of training a variant.

    Args:
        run: the name of the run that was timed.
        seconds: of a step, one number a turn; the turns of all variants are numbered alike.
        steps: of an epoch.
        epochs: of the whole training.
    """

    run: str
    seconds: tuple[float, ...]
    steps: int
    epochs: int


def write_costs(folder: Path, costs: Mapping[str, Cost], environment: Mapping[str, Any]) -> None:
    """Write costs.json.

    Args:
        folder: of the experiment.
        costs: of each variant.
        environment: the machine, as `lab.results.record.environment` returns it.
    """
    variants = {
        name: {"run": cost.run, "seconds": list(cost.seconds), "steps": cost.steps, "epochs": cost.epochs}
        for name, cost in costs.items()
    }
    write_atomically(folder / COSTS_FILE, to_json({"schema": SCHEMA, **environment, "variants": variants}))


def read_costs(folder: Path) -> dict[str, Cost]:
    """Read costs.json.

    Returns:
        The costs of each variant.

    Raises:
        DataError: the file is missing or torn, a field is wrong, or runs were timed that the experiment no longer has.
    """
    again = f"measure again: reglab cost {folder.name}"
    path = folder / COSTS_FILE
    record = read_json(path, absent=again, remedy=again)
    fields.check(path, record, fields.COSTS, again)
    costs = {}
    for name, entry in record["variants"].items():
        fields.check(path, entry, fields.COST, again)
        costs[name] = Cost(entry["run"], tuple(entry["seconds"]), entry["steps"], entry["epochs"])
    if len({len(cost.seconds) for cost in costs.values()}) > 1:
        raise DataError(f"'seconds' in {path} must be as many for each variant, got different numbers; {again}")
    experiment = read_experiment(folder)
    for name in experiment.get("variants") or ():
        if name not in costs or costs[name].run not in experiment["runs"]:
            raise DataError(f"{path} must have variant {name!r} as it was last run, got none or another; {again}")
    return costs
