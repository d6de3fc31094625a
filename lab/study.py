"""A study: tables that a function computes, and figures drawn from them, where variants times seeds do not fit.

An exact calculation (trajectories, im2col) is a study of its own; what is looked at inside the nets of an
experiment (gradients, decision regions) is a study beside it. Like a run it is known by the hash of its
declaration, and not computed again while its tables are there.
"""

import functools
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.checks import DataError, UsageError
from lab.identity import NUMERICS, declare, identify

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Study:
    """Tables and the figures that are drawn from them.

    Args:
        name: of the folder below the results; a study beside an experiment has no folder of its own.
        compute: returns the tables by name, each becoming `<name>.csv`. It may take any of `train_size`, `seeds`
            and `epochs`, with defaults, which the command line then offers; the tables must follow from its
            arguments alone.
        draw: takes the tables as they are read back from the CSV files and returns the figures by name.
        question: what the study asks, in one line; a script's docstring says it when this is empty.
        notes: what is to be said of it, in paragraphs; likewise the rest of the docstring.
    """

    name: str
    compute: "Callable[..., Mapping[str, pd.DataFrame]]"
    draw: "Callable[[Mapping[str, pd.DataFrame]], Mapping[str, Figure]]"
    question: str = ""
    notes: str = ""

    def __post_init__(self) -> None:
        for name in ("compute", "draw"):
            if not callable(getattr(self, name)):
                raise UsageError(f"{name} of a study must be a function, got {getattr(self, name)!r}")

    def sized(
        self,
        *,
        train_size: int | None = None,
        seeds: int | None = None,
        epochs: int | None = None,
        strict: bool = True,
    ) -> "Study":
        """Return the study with the sizes asked for bound to `compute`.

        Args:
            train_size, seeds, epochs: None leaves one as it is.
            strict: whether a size that `compute` does not take is refused, or left out.

        Raises:
            UsageError: `compute` does not take one of them.
        """
        known = inspect.signature(self.compute).parameters
        asked = {"train_size": train_size, "seeds": seeds, "epochs": epochs}
        for name, value in asked.items():
            if strict and value is not None and name not in known:
                raise UsageError(f"the study {self.name} takes no {name}, got {value}")
        taken = {name: value for name, value in asked.items() if value is not None and name in known}
        return replace(self, compute=functools.partial(self.compute, **taken)) if taken else self


def compute(study: Study, folder: Path) -> Path:
    """Compute a study's tables unless they are there, and write them.

    Args:
        study: what to compute.
        folder: where its tables go.

    Returns:
        The folder.
    """
    from lab import results

    declaration = {"compute": declare(study.compute, f"compute of {study.name!r}"), "numerics": NUMERICS}
    path = folder / f"{study.name}.json"
    identity = identify(declaration)
    names = _there(path, identity)
    if names is None:
        tables = study.compute()
        for name, table in tables.items():
            results.write_atomically(folder / f"{name}.csv", results.to_csv(table))
        names = list(tables)
    made = {"schema": results.SCHEMA, "name": study.name, "question": study.question, "notes": study.notes}
    made |= {"id": identity, "tables": names, "declaration": declaration}
    results.write_atomically(path, json.dumps(made, indent=1) + "\n")
    return folder


def _there(path: Path, identity: str) -> list[str] | None:
    """Return the names of the tables of a study that was computed before, or None if they must be computed."""
    try:
        made: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        names: list[str] = made["tables"]
        there = made["id"] == identity and all((path.parent / f"{name}.csv").exists() for name in names)
        return names if there else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def draw(study: Study, folder: Path, svg: bool = False) -> list[Path]:
    """Draw a study's figures from its CSV files alone, as PNG and, where asked for, as SVG in `figures`.

    Their names are noted in its JSON file, so that the pages show them in the order of the study.

    Raises:
        DataError: a table is missing or torn.
    """
    from lab import report, results

    path = folder / f"{study.name}.json"
    try:
        made = json.loads(path.read_text(encoding="utf-8"))
        names = made["tables"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} cannot be read ({error}); run the study again") from None
    figures = study.draw({name: results.read_csv(folder / f"{name}.csv") for name in names})
    written: list[Path] = []
    for name, figure in figures.items():
        written += report.save(figure, *(folder / "figures" / f"{name}.{kind}" for kind in report.KINDS[: 1 + svg]))
    results.write_atomically(path, json.dumps(made | {"figures": list(figures)}, indent=1) + "\n")
    return written
