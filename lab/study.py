"""A study: tables that a function computes, and figures drawn from them, where variants times seeds do not fit.

An exact calculation (trajectories, im2col) is a study of its own; what is looked at inside the nets of an experiment
(gradients, decision regions) is a study of that experiment. `lab.compute` computes and draws it.
"""

import functools
import inspect
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lab.checks import DataError, UsageError, shown, whole
from lab.identity.failures import call_or_refuse
from lab.seeds import MOST_SEEDS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


RESERVED = (
    "experiment",
    "histories",
    "summary",
    "comparison",
    "strengths",
    "measures",
    "reliability",
    "test_parts",
    "provenance",
    "costs",
)
"""Names of the lab's own files, which no study and no table of one may take."""

_OF_WINDOWS = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?|.*\.")
_FIGURES = re.compile(r"overfitting_(data_)?loss(_\d+)?|overlay|gap|penalty|accuracy|forest|strength_path")


@dataclass(frozen=True, kw_only=True)
class Study:
    """Tables and the figures that are drawn from them.

    Args:
        name: of the folder below the results; a study of an experiment is put into the experiment's folder.
        compute: returns the tables by name, each becoming `<name>.csv`. It may take any of `train_size`, `seeds` and
            `epochs`, with defaults, which the command line then offers; the tables must follow from its arguments
            and its code only.
        draw: takes the tables as they are read back from the CSV files and returns the figures by name.
        question: what the study asks, in one line; empty takes the first line of the script's docstring.
        notes: what is to be known about it, in paragraphs; empty takes the rest of the docstring.

    Raises:
        UsageError: a field of a wrong type, or a name that is no plain file name or one of the lab's.
    """

    name: str
    compute: "Callable[..., Mapping[str, pd.DataFrame]]"
    draw: "Callable[[Mapping[str, pd.DataFrame]], Mapping[str, Figure]]"
    question: str = ""
    notes: str = ""

    def __post_init__(self) -> None:
        table_name(self.name)
        for name in ("compute", "draw"):
            if not callable(getattr(self, name)):
                raise UsageError(f"{name} of a study must be a function, got {shown(getattr(self, name))}")
        line("question", self.question)
        text("notes", self.notes)

    def resized(
        self,
        *,
        train_size: int | None = None,
        seeds: int | None = None,
        epochs: int | None = None,
        strict: bool = True,
    ) -> "Study":
        """Return the study with these sizes bound to `compute`; None leaves a size as it is.

        Args:
            train_size: the number of training examples.
            seeds: how many seeds, counted from 0.
            epochs: the most epochs that a run trains.
            strict: whether a size that `compute` does not take is refused, or left out.

        Raises:
            UsageError: a size that is no whole number of at least 1, or that `compute` does not take.
        """
        sizes = {"train_size": train_size, "seeds": seeds, "epochs": epochs}
        if strict:
            self.refuse(sizes)
        if seeds is not None:
            seed_count(seeds)
        taken = {
            name: whole(name, size, "a size of the study")
            for name, size in sizes.items()
            if size is not None and name in self._takes()
        }
        return replace(self, compute=functools.partial(self.compute, **taken)) if taken else self

    def refuse(self, options: Mapping[str, object]) -> None:
        """Refuse options of the command line that the study cannot follow, instead of ignoring them.

        Args:
            options: by their Python names, as in {"data": "digits"}; None is an option that was not given.

        Raises:
            UsageError: an option was given that `compute` does not take.
        """
        offered = [name for name in ("train_size", "seeds", "epochs") if name in self._takes()]
        for name, value in options.items():
            if value is not None and name not in offered:
                words = ", ".join(f"--{one.replace('_', '-')}" for one in offered) or "no option of an experiment"
                given = f"--{name.replace('_', '-')} {shlex.quote(str(value))}"
                raise UsageError(f"the study {self.name} takes {words}, got {given}; leave it out")

    def tables(self) -> "Mapping[str, pd.DataFrame]":
        """Compute the tables.

        Raises:
            DataError: `compute` fails, or does not return tables that can be written.
            UsageError: the name of a table is no plain name, or one of the lab's.
        """
        import pandas as pd

        source = f"compute of the study {self.name!r}"
        tables = call_or_refuse(self.compute, f"{source} fails")
        _checked(tables, pd.DataFrame, "pandas.DataFrame", source, table_name)
        for name, table in tables.items():
            columns = [str(column) for column in table.columns]
            if not columns or len(set(columns)) < len(columns):
                raise DataError(
                    f"{source} must return tables with columns of different names, at least one, got "
                    f"{shown(columns)} in {name!r}"
                )
        return tables

    def figures(self, tables: "Mapping[str, pd.DataFrame]") -> "Mapping[str, Figure]":
        """Draw the figures.

        Raises:
            DataError: `draw` fails, or does not return figures.
            UsageError: the name of a figure is no plain name, or one of the lab's.
        """
        from matplotlib.figure import Figure

        source = f"draw of the study {self.name!r}"
        figures = call_or_refuse(functools.partial(self.draw, tables), f"{source} fails")
        return _checked(figures, Figure, "matplotlib.figure.Figure", source, figure_name)

    def _takes(self) -> Mapping[str, inspect.Parameter]:
        return inspect.signature(self.compute).parameters


def _checked(found: Any, kind: type, called: str, source: str, name_of: Callable[[object], str]) -> Any:
    """Return what a study made, or refuse it where it is no dict from fitting names to values of one kind."""
    if isinstance(found, Mapping) and found and all(isinstance(value, kind) for value in found.values()):
        names = [name_of(name) for name in found]
        if len({name.lower() for name in names}) == len(names):
            return found
        raise UsageError(f"{source} must return names that differ in more than case, got {names}")
    # A table in full would be no sentence.
    got = f"a {type(found).__name__}"
    if isinstance(found, Mapping):
        got = "a dict of " + (", ".join(sorted({type(value).__name__ for value in found.values()})) or "nothing")
    raise DataError(f"{source} must return a dict from names to {called}, at least one, got {got}")


def seed_count(seeds: object) -> int:
    """Return a number of seeds, or refuse it before so many are listed that the memory is full."""
    count = whole("seeds", seeds, "the number of seeds")
    if count > MOST_SEEDS:
        raise UsageError(f"seeds must be at most {MOST_SEEDS}, got {shown(count)}")
    return count


def folder_name(rule: str, name: object) -> str:
    """Return a name that can be a file or a folder on every system, or refuse it.

    Args:
        rule: what becomes of such names, the beginning of the refusal.
        name: what was received.
    """
    if isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}", name):
        if _OF_WINDOWS.fullmatch(name.lower()):
            raise UsageError(
                f"{rule} and must not end in '.' or be a device of Windows (con, prn, aux, nul, com1, lpt1, ...), "
                f"got {name!r}; choose another"
            )
        return name
    raise UsageError(f"{rule} and must be made of letters, digits, '_', '.', '+' and '-', got {shown(name)}")


def table_name(name: object) -> str:
    """Return the name of a study or of one of its tables, or refuse it where it is no plain name or the lab's."""
    plain = folder_name("names of studies and of their tables and figures become files", name)
    if plain.lower() in RESERVED:
        raise UsageError(
            f"names of studies and of their tables must not be those of the lab's files, "
            f"{', '.join(map(repr, RESERVED))}, got {plain!r}"
        )
    return plain


def figure_name(name: object) -> str:
    """Return the name of a study's figure, or refuse it where it is no plain name or the lab's."""
    plain = folder_name("names of studies and of their tables and figures become files", name)
    if _FIGURES.fullmatch(plain.lower()):
        raise UsageError(f"names of a study's figures must not be those of the lab's figures, got {plain!r}")
    return plain


def line(name: str, value: object) -> str:
    """Return a text in one line, or refuse what is none."""
    if isinstance(value, str) and not re.search(r"[\x00-\x1f\x7f]", value):
        return value
    raise UsageError(f"{name} must be a text in one line, got {shown(value)}")


def text(name: str, value: object) -> str:
    """Return a text, or refuse what is none."""
    if isinstance(value, str):
        return value
    raise UsageError(f"{name} must be a text, got {shown(value)}")
