"""The owner of a piece of code, its file, and its name, which is the same however its script is started."""

import importlib.util
import inspect
import itertools
import site
import sys
import sysconfig
from pathlib import Path
from typing import Any

LAB = Path(__file__).resolve().parents[1]
_INSTALLED = tuple(
    Path(folder).resolve()
    for folder in {
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        *site.getsitepackages(),
        site.getusersitepackages(),
    }
)


def module_name(value: Any) -> str:
    """Name a function's module alike for `python experiments/x.py`, `python -m experiments.x` and `reglab run x`."""
    return alike(value.__module__)


def alike(name: str) -> str:
    """Return the name of a module as an import would give it, also for a script that is run."""
    if name == "__main__":
        main = sys.modules["__main__"]
        spec = getattr(main, "__spec__", None)
        name = spec.name if spec else Path(getattr(main, "__file__", "interactive")).stem
    return name.removeprefix("experiments.")


def is_labs(value: object) -> bool:
    """Say whether a function or class is the lab's own."""
    return str(getattr(value, "__module__", "")).partition(".")[0] == "lab"


def public_name(value: Any) -> str:
    """Return the name of one of the lab's functions or classes that stays when its code moves to another file.

    It is the shortest path that leads to it: `lab.data.digits`, though the code is in `lab.data.images`.
    """
    for path in itertools.accumulate(value.__module__.split("."), "{}.{}".format):
        module = sys.modules.get(path)
        if module and vars(module).get(value.__qualname__) is value:
            return f"{module.__name__}.{value.__qualname__}"  # type: ignore[union-attr]
    return f"{value.__module__}.{value.__qualname__}"


def is_own(path: str | None) -> bool:
    """Say whether a file of code is the user's own: neither the lab's nor Python's nor installed.

    The experiments that come with the lab are like a user's, in the repository and where the lab is installed.
    """
    if not path or path in ("built-in", "frozen") or path.endswith((".so", ".pyd")):
        return False
    parents = Path(path).resolve().parents
    if LAB / "experiments" in parents:
        return True
    return LAB not in parents and not any(folder in parents for folder in _INSTALLED)


def is_own_module(name: str) -> bool:
    """Say whether a module that is loaded is the user's own; one that came from no file, as a notebook's, is."""
    module = sys.modules.get(name)
    path = getattr(module, "__file__", None)
    return is_own(path) if path else getattr(module, "__spec__", 0) is None


def is_own_code(value: Any) -> bool:
    """Say whether a function or class is the user's own."""
    path = file_of(value)
    return is_own(path) if path else is_own_module(getattr(value, "__module__", ""))


def file_of(value: Any) -> str | None:
    """Return the file with the code of a function, class or module, or None."""
    try:
        return inspect.getsourcefile(inspect.unwrap(value)) or inspect.getfile(inspect.unwrap(value))
    except (TypeError, OSError):
        return None


def module_file(name: str) -> Path | None:
    """Return the file of a module that is the user's own, by its full name and without importing it."""
    root, *parts = name.split(".")
    try:
        # The search for a submodule would import its package, which may load TensorFlow: only its root.
        spec = importlib.util.find_spec(root)
    except (ImportError, ValueError, AttributeError):
        return None
    if spec is None or not is_own(spec.origin):
        return None
    path = Path(str(spec.origin))
    for part in parts:
        if path.name != "__init__.py":
            return None
        found = (path.parent / part / "__init__.py", path.parent / f"{part}.py")
        if not any(file.is_file() for file in found):
            return None
        path = next(file for file in found if file.is_file())
    return path
