"""The code and the files that a function of the user's own depends on: when they change, its runs are other runs.

A function is followed through every name it reaches in modules of the user's own: functions, classes, constants, whole
modules, and the files that its text names (`load_model("net.keras")`). Comments, layout and docstrings do not count.
The lab and installed packages are not followed: `lab.identity.NUMERICS` stands for the first, and a new version of a
package that computes other numbers is for the user to notice (`versions` in run.json).
"""

import ast
import contextlib
import functools
import hashlib
import importlib.util
import inspect
import site
import sys
import sysconfig
import textwrap
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.identity.code import compiled, dotted_names, global_names, imported_modules, names_of_definition, normal_form

HERE = Path(__file__).resolve().parents[1]
_INSTALLED = tuple(
    Path(folder).resolve()
    for folder in {
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        *site.getsitepackages(),
        site.getusersitepackages(),
    }
)
Described = Callable[[object], Any]


def hashed(data: bytes) -> str:
    """Return 12 hexadecimal digits that stand for some bytes."""
    return hashlib.blake2b(data, digest_size=6).hexdigest()


def file_hash(path: Path) -> str:
    """Return the hash of a file's bytes, or of the names and bytes of all files in a folder."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return hashed("\n".join(f"{file.relative_to(path).as_posix()} {file_hash(file)}" for file in files).encode())
    seen = path.stat()
    return _bytes_hash(path.resolve(), seen.st_mtime_ns, seen.st_size)


@functools.lru_cache(maxsize=1024)
def _bytes_hash(path: Path, *_changes: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=6)).hexdigest()


def module_name(value: Any) -> str:
    """Name a function's module alike for `python experiments/x.py`, `python -m experiments.x` and `reglab run x`."""
    return _alike(value.__module__)


def _alike(name: str) -> str:
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
    parts = value.__module__.split(".")
    for length in range(1, len(parts) + 1):
        module = sys.modules.get(".".join(parts[:length]))
        if module and vars(module).get(value.__qualname__) is value:
            return f"{module.__name__}.{value.__qualname__}"  # type: ignore[union-attr]
    return f"{value.__module__}.{value.__qualname__}"


def source_hash(function: Callable, describe: Described) -> str:
    """Return a hash of everything of the user's own that a function reaches, and of the function itself.

    Args:
        function: a function or class at the top of a module of the user's own.
        describe: returns a constant as plain JSON types, as `lab.identity.declare` does; raises ValueError if it
            cannot.
    """
    walk = _Walk(describe)
    walk.visit(function)
    return hashed(repr(sorted(walk.found.items())).encode())


class _Walk:
    """What was reached so far: a normal form for each name."""

    def __init__(self, describe: Described) -> None:
        self.describe = describe
        self.found: dict[str, str] = {}

    def visit(self, value: Any, called: str = "") -> None:
        """Add a function or class, and all it reaches. What has no name of its own goes by the one it is called by."""
        value = inspect.unwrap(value)
        name = f"{module_name(value)}.{called if '<' in value.__qualname__ else value.__qualname__}"
        if name in self.found:
            return
        module = sys.modules.get(value.__module__)
        try:
            path = inspect.getsourcefile(value)
            tree: ast.AST = ast.parse(textwrap.dedent(inspect.getsource(value)))
        except (OSError, TypeError, SyntaxError):
            # Typed into an interpreter that keeps no source: its compiled form has to do.
            self.found[name] = repr(compiled(value))
            return
        self.found[name] = repr(normal_form(tree))
        names: dict[str, Any] = dict(vars(module)) if module else {}
        if hasattr(value, "__code__"):
            names |= value.__globals__ | _closure(value)
            used = global_names(value.__code__) | names_of_definition(tree)
            names = {name: names[name] for name in used & set(names)}
        self.follow(tree, names, Path(path or "."), value.__module__)

    def visit_file(self, path: Path, module: str) -> None:
        """Add a whole module as it is written, without importing it, and the modules of the user's own it imports."""
        if (key := f"module {_alike(module)}") in self.found:
            return
        try:
            tree = ast.parse(path.read_bytes())
        except (OSError, SyntaxError, ValueError):
            return
        self.found[key] = repr(normal_form(tree))
        self.follow(tree, {}, path, module)

    def follow(self, tree: ast.AST, names: dict[str, Any], path: Path, module: str) -> None:
        """Add what a piece of code reaches: names, imports of its own, files that its text names."""
        for chain in sorted(set(dotted_names(tree))):
            if chain[0] in names:
                self.resolve(chain, names, module)
        for imported in imported_modules(tree, module):
            root = imported.partition(".")[0]
            try:
                # The search for a submodule would import its package, which may load TensorFlow: only its root.
                spec = importlib.util.find_spec(imported if root == module.partition(".")[0] else root)
            except (ImportError, ValueError, AttributeError):
                continue
            if spec and _is_own(spec.origin):
                self.visit_file(Path(str(spec.origin)), spec.name)
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                self.visit_text(node.value, path.parent)

    def resolve(self, chain: tuple[str, ...], names: dict[str, Any], module: str) -> None:
        """Add what a dotted name stands for."""
        value: Any = names[chain[0]]
        called = chain[0]
        for part in chain[1:]:
            if not isinstance(value, types.ModuleType) or not hasattr(value, part):
                break
            if not _is_own(path := getattr(value, "__file__", None)) and HERE not in Path(path or "").parents:
                return
            value, called = getattr(value, part), f"{called}.{part}"
        while isinstance(value, functools.partial):
            self.constant(called, (value.args, tuple(sorted(value.keywords.items()))), module)
            value = value.func
        if isinstance(value, types.ModuleType):
            path = getattr(value, "__file__", None)
            if _is_own(path):
                self.visit_file(Path(str(path)), value.__name__)
        elif isinstance(value, (types.FunctionType, type)) or hasattr(value, "__wrapped__"):
            if _is_own(_file_of(value)):
                self.visit(value, called)
            else:
                root = value.__module__.partition(".")[0]
                name = public_name(value) if is_labs(value) else f"{root}.{value.__qualname__}"
                self.found[f"{_alike(module)} {called}"] = name
        elif not callable(value) or _is_own(_file_of(type(value))):
            self.constant(called, value, module)

    def constant(self, name: str, value: Any, module: str) -> None:
        """Add a constant by its value or, where that may change or has none, by the statements that make it."""
        key = f"{_alike(module)} {name}"
        if key in self.found:
            return
        self.found[key] = ""  # Constants may mention one another.
        if type(value).__module__ != "builtins" and _is_own(_file_of(type(value))):
            self.visit(type(value))
        if isinstance(value, str):
            self.visit_text(value, Path.cwd())
        # A list or a dict may be filled while the function runs, as a cache is.
        if not isinstance(value, (list, dict, set)):
            try:
                self.found[key] = repr(self.describe(value))
                return
            except ValueError:
                pass
        try:
            tree = ast.parse(inspect.getsource(sys.modules[module]))
        except (KeyError, OSError, TypeError, SyntaxError):
            return
        simple = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.For, ast.With)
        made = [node for node in tree.body if isinstance(node, simple) and name in (c[0] for c in dotted_names(node))]
        self.found[key] = repr([normal_form(node) for node in made])
        for node in made:
            others = {other: found for other, found in vars(sys.modules[module]).items() if other != name}
            self.follow(node, others, Path(str(sys.modules[module].__file__)), module)

    def visit_text(self, text: str, folder: Path) -> None:
        """Add the file that a text names, if it names one, beside the code or in the working folder."""
        if not 2 < len(text) < 500 or "." not in text or "\n" in text or "\0" in text:
            return
        for path in (Path(text), folder / text.lstrip("/")):
            try:
                if path.is_file():
                    self.found[f"file {path.name}"] = file_hash(path)
                    return
            except OSError:
                continue


def _is_own(path: str | None) -> bool:
    """Say whether a file of code is the user's own: neither the lab's nor Python's nor installed.

    The experiments that come with the lab are like a user's, in the repository and where the lab is installed.
    """
    if not path or path in ("built-in", "frozen") or path.endswith((".so", ".pyd")):
        return False
    parents = Path(path).resolve().parents
    if HERE / "experiments" in parents:
        return True
    return HERE not in parents and not any(folder in parents for folder in _INSTALLED)


def _file_of(value: Any) -> str | None:
    try:
        return inspect.getsourcefile(inspect.unwrap(value)) or inspect.getfile(inspect.unwrap(value))
    except (TypeError, OSError):
        return None


def _closure(value: Any) -> dict[str, Any]:
    """Return the variables that a function takes from the function around it."""
    found = {}
    for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=False):
        with contextlib.suppress(ValueError):  # not set yet
            found[name] = cell.cell_contents
    return found
