"""What the names on the command line stand for: experiments, studies, data sets and files."""

import dataclasses
import functools
import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from lab.checks import UsageError, choice
from lab.experiment import Experiment
from lab.study import Study

SCRIPTS = Path(__file__).resolve().parents[2] / "experiments"
DATA = ("digits", "fashion_mnist", "mnist", "cifar10", "cifar100", "spirals", "circles", "moons")

Question = Experiment | Study
"""What a script declares as EXPERIMENT."""


def known() -> list[str]:
    """Return the names of the scripts in the folder `experiments`."""
    return sorted(path.stem for path in SCRIPTS.glob("[a-z]*.py"))


def find(name: str) -> Question:
    """Return what the script of a name in the folder `experiments`, or of a path, declares as EXPERIMENT.

    Raises:
        UsageError: there is none of this name, or the script declares no EXPERIMENT.
    """
    module = _from_path(Path(name)) if name.endswith(".py") else _from_folder(name)
    found = getattr(module, "EXPERIMENT", None)
    if not isinstance(found, Question):
        raise UsageError(f"{name} must declare EXPERIMENT = Experiment(...) or Study(...), got {found!r}")
    return asked(found, module.__doc__)


def _from_path(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError(f"experiment must be a name or the path of a script, got {str(path)!r}, which does not exist")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"experiment must be a name or the path of a script, got {str(path)!r}, which is none")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _from_folder(name: str) -> ModuleType:
    choice("experiment", name, known())
    root = str(SCRIPTS.parent)
    if root not in sys.path:
        sys.path.insert(0, root)
    return importlib.import_module(f"experiments.{name}")


def asked(found: Question, docstring: str | None) -> Question:
    """Return an experiment or study that takes its question and notes, where it has none, from its docstring.

    The question is the docstring's first line, the notes are its other paragraphs but for the command.
    """
    first, _, rest = inspect.cleandoc(docstring or "").partition("\n")
    paragraphs = [paragraph for paragraph in re.split(r"\n\s*\n", rest.strip()) if paragraph]
    notes = "\n\n".join(p for p in paragraphs if not p.lstrip().startswith("python "))
    return dataclasses.replace(found, question=found.question or first, notes=found.notes or notes)


def guide() -> list[tuple[str, list[str]]]:
    """Return the chapters of the guide through the experiments, each with the names of its experiments in order."""
    if str(SCRIPTS.parent) not in sys.path:
        sys.path.insert(0, str(SCRIPTS.parent))
    chapters = importlib.import_module("experiments").CHAPTERS
    return [(chapter, list(names)) for chapter, names in chapters.items()]


def loader(name: str, target: str | None) -> tuple[Callable, str]:
    """Return the loader that `--data` names, and what the data is called.

    Args:
        name: of a data set of `lab.data`, or the path of an .npz or .csv file.
        target: the column of a .csv file that is to be predicted.

    Raises:
        UsageError: an unknown name, or a .csv file without a target.
    """
    import lab.data

    path = Path(name)
    if path.suffix not in (".npz", ".csv"):
        choice("data", name, DATA, otherwise="the path of an .npz or .csv file")
        return getattr(lab.data, name), name
    called = re.sub(r"[^A-Za-z0-9_-]", "_", path.stem)
    if path.suffix == ".npz":
        return functools.partial(lab.data.from_npz, path), called
    if target is None:
        raise UsageError("--target must name the column to predict where --data is a CSV file, got none")
    return functools.partial(lab.data.from_csv, path, target=target), called
