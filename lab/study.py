"""A study: tables that a function computes, and figures drawn from them, where variants times seeds do not fit.

An exact calculation (trajectories, im2col) is a study of its own; what is looked at inside the nets of an
experiment (gradients, decision regions) is a study beside it. Like a run it is known by the hash of its
declaration, and not computed again while its tables are there.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lab.checks import UsageError
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
    identity = identify(declaration)
    if results.is_computed(folder, study.name, identity):
        names = results.read_study(folder, study.name)["tables"]
    else:
        tables = study.compute()
        names = list(tables)
        results.check_names(study.name, names)
        results.write_study_tables(folder, tables)
    results.write_study(
        folder,
        study.name,
        identity=identity,
        tables=names,
        declaration=declaration,
        question=study.question,
        notes=study.notes,
    )
    return folder


def draw(study: Study, folder: Path) -> list[Path]:
    """Draw a study's figures from its CSV files alone, as PNG and SVG in `figures`.

    Their names are noted in its JSON file, so that the pages show them in the order of the study.

    Raises:
        DataError: a table is missing or torn.
    """
    from lab import report, results

    record = results.read_study(folder, study.name)
    figures = study.draw(results.read_study_tables(folder, study.name))
    results.check_names(study.name, record["tables"], list(figures))
    written: list[Path] = []
    for name, figure in figures.items():
        written += report.save(figure, *(folder / "figures" / f"{name}.{kind}" for kind in ("png", "svg")))
    results.write_study(
        folder,
        study.name,
        identity=record["id"],
        tables=record["tables"],
        declaration=record["declaration"],
        question=record["question"],
        notes=record["notes"],
        figures=list(figures),
    )
    return written
