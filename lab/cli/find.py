"""Finding the scripts that declare experiments and studies, and what they declare."""

import dataclasses
import inspect
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType

from lab.checks import DataError, UsageError, choice, shown
from lab.experiment import Experiment
from lab.study import Study

_LAB = Path(__file__).resolve().parents[1]
OWN = _LAB / "experiments" if (_LAB / "experiments").is_dir() else _LAB.parent / "experiments"
"""The lab's own scripts: installed they are part of the package, in the repository they are beside it."""

Question = Experiment | Study
"""The value that a script declares as EXPERIMENT."""


def folders() -> list[Path]:
    """Return the folders in which scripts are looked for: `experiments` in the working folder, then the lab's own."""
    here = Path.cwd() / "experiments"
    return [here, OWN] if here.is_dir() and here.resolve() != OWN else [OWN]


_loaded: dict[str, tuple[str, int, int]] = {}
"""The path, the time and the size of each script that was run, by the name of its module."""


def known() -> dict[str, Path]:
    """Return the scripts by name, sorted; a script of the working folder comes before one of the lab's own."""
    found: dict[str, Path] = {}
    for folder in reversed(folders()):
        found |= {path.stem: path for path in folder.glob("*.py") if not path.name.startswith("_")}
    return dict(sorted(found.items()))


def find(name: str) -> Question:
    """Return what a script declares as EXPERIMENT.

    Args:
        name: of a script in one of the `folders`, or the path of a script, which ends in ".py".

    Raises:
        UsageError: there is no such script, it cannot be read or run, or it declares no EXPERIMENT.
    """
    path = script(name)
    module = _load(path)
    found = getattr(module, "EXPERIMENT", None)
    if not isinstance(found, Question):
        raise UsageError(f"{path} must declare EXPERIMENT = Experiment(...) or Study(...), got {shown(found)}")
    return asked(found, module.__doc__)


def script(name: str) -> Path:
    """Return the path of a script.

    Args:
        name: as `find` takes it.

    Raises:
        UsageError: there is no such script.
    """
    if name.endswith(".py"):
        path = Path(name)
        if not path.is_file():
            raise UsageError(f"experiment must be a name or the path of a script, got {name!r}, which is no file")
        return path
    scripts = known()
    looked = " and ".join(str(folder) for folder in folders())
    return scripts[choice("experiment", name, scripts, otherwise=f"the path of a script (looked in {looked})")]


def asked(found: Question, docstring: str | None) -> Question:
    """Return an experiment or study that takes its question and notes, where it has none, from its docstring.

    The question is the docstring's first line, the notes are its other paragraphs but for the command.
    """
    first, _, rest = inspect.cleandoc(docstring or "").partition("\n")
    paragraphs = [paragraph for paragraph in re.split(r"\n\s*\n", rest.strip()) if paragraph]
    notes = "\n\n".join(p for p in paragraphs if not p.lstrip().startswith("python "))
    return dataclasses.replace(found, question=found.question or first, notes=found.notes or notes)


def guide() -> list[tuple[str, list[str]]]:
    """Return the chapters of the guide through the lab's own experiments, each with their names in order."""
    return [(chapter, list(names)) for chapter, names in _load(OWN / "__init__.py").CHAPTERS.items()]


def _load(path: Path) -> ModuleType:
    """Return the module of a script, which is run unless it was before and has not changed since.

    It is called experiments.<name>, wherever it is: a script called json.py must not take the place of the module json,
    and `lab.identity.names` names a function `<name>.<function>` however the script is started.
    """
    path = path.resolve()
    name = f"experiments.{path.stem}"
    state = str(path), path.stat().st_mtime_ns, path.stat().st_size
    if _loaded.get(name) == state and name in sys.modules:
        return sys.modules[name]
    # The script may import what is beside it. Last, so that nothing beside it takes the place of a library.
    beside = [path.parent, path.parent.parent] if path.parent.name == "experiments" else [path.parent]
    sys.path.extend(str(folder) for folder in beside if str(folder) not in sys.path)
    try:
        code = compile(path.read_bytes(), path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"{path} must be a script in Python, got {_described(error, path)}; correct it") from error
    module = ModuleType(name)
    module.__file__, module.__package__ = str(path), "experiments"
    sys.modules[name] = module
    try:
        exec(code, vars(module))
    except (UsageError, DataError):
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise UsageError(f"{path} must load without an error, got {_described(error, path)}; correct it") from error
    _loaded[name] = state
    return module


def _described(error: BaseException, path: Path) -> str:
    """Return an error's kind, the script's line that it comes from, and its message."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    line, message = lines[-1] if lines else None, str(error)
    if isinstance(error, SyntaxError):
        line, message = error.lineno, error.msg
    return f"{type(error).__name__}{f' on line {line}' if line else ''}{f': {message}' if message else ''}"
