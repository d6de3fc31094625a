"""The code and the files that a function of the user's own depends on: when they change, its runs are other runs.

A function is followed through every name it reaches in modules of the user's own: functions, classes, constants, whole
modules, the files that its text names (`load_model("net.keras")`), and the environment variables it reads, by their
values. A list, a dict or an object counts by the code that makes it and by what it holds now, unless the code that is
reached changes it. Comments, layout and docstrings do not count, nor do files that are found by listing a folder.
The lab and installed packages are not followed: `lab.identity.NUMERICS` stands for the first, and a new version of a
package that computes other numbers is for the user to notice (`versions` in run.json).
"""

import ast
import contextlib
import functools
import inspect
import sys
import textwrap
import types
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from typing import Any

from lab.identity import code
from lab.identity.contents import as_made, changed_names, contents
from lab.identity.environment import environment
from lab.identity.files import file_hash, hashed, named_files, place
from lab.identity.names import (
    LAB,
    alike,
    is_labs,
    is_own,
    is_own_code,
    is_own_module,
    module_file,
    module_name,
    public_name,
)
from lab.identity.origins import closure_of, module_tree, origin, package_of, registered, wrappers

Described = Callable[[object], Any]


def source_hash(function: Callable, describe: Described) -> str:
    """Return a hash of everything of the user's own that a function reaches, and of the function itself.

    Args:
        function: a function or class at the top of a module of the user's own.
        describe: returns a constant as plain JSON types, as `lab.identity.declare` does; raises ValueError if it
            cannot.
    """
    walk = _Walk(describe)
    walk.visit(function)
    walk.visit_registered()
    walk.add_contents()
    return hashed(repr(sorted(walk.found.items())).encode())


class _Walk:
    """A walk through code that collects a normal form of everything it reaches, by name."""

    def __init__(self, describe: Described) -> None:
        self.describe = describe
        self.found: dict[str, str] = {}
        self.visited: dict[str, Any] = {}
        self.used: set[str] = set()
        self.texts: set[str] = set()
        self.changed: set[str] = set()
        self.contents: dict[str, tuple[set[str], str]] = {}

    def visit(self, value: Any, called: str = "") -> None:
        """Add a function or class, and all it reaches. What has no name of its own goes by the one it is called by."""
        for wrapper in wrappers(value):
            self.add(
                wrapper, f"{module_name(wrapper)}.{wrapper.__code__.co_qualname} around {called}", wrapper.__code__
            )
        for overload in getattr(value, "registry", {}).values() if hasattr(value, "dispatch") else ():
            if is_own_code(overload):
                self.visit(overload)
        value = inspect.unwrap(value)
        self.add(value, f"{module_name(value)}.{called if '<' in value.__qualname__ else value.__qualname__}", value)

    def add(self, value: Any, name: str, source: Any) -> None:
        """Add one function or class under a name, and all it reaches."""
        while self.visited.setdefault(name, value) is not value:
            name += "'"  # Functions that were made by one function have one name.
        if name in self.found:
            return
        self.found[name] = ""
        module = sys.modules.get(value.__module__)
        names: dict[str, Any] = dict(vars(module)) if module else {}
        names |= getattr(value, "__globals__", {})
        try:
            path = inspect.getsourcefile(source)
            tree = ast.parse(textwrap.dedent(inspect.getsource(source)))
        except (OSError, TypeError, SyntaxError):
            self.add_compiled(value, name, names)
            return
        self.found[name] = repr(code.normal_form(tree))
        closure = closure_of(value)
        if hasattr(value, "__code__"):
            used = code.global_names(value.__code__) | code.names_of_definition(tree)
        else:
            used = code.global_names(compile(tree, "class", "exec"))
            self.add_attributes(value, tree, name)
        for variable, content in closure.items():
            self.resolve((variable,), {variable: content}, value.__module__, f"{name} ")
        names = {variable: names[variable] for variable in used & set(names) - set(closure)}
        self.changed |= changed_names(tree)
        self.read_environment(tree, names, Path(path or "."))
        self.follow(tree, names, Path(path or "."), value.__module__)
        if whole := module_tree(value.__module__):
            for node in code.statements_that_change(whole, value.__qualname__):
                self.found[f"{name} afterwards"] = self.found.get(f"{name} afterwards", "") + repr(
                    code.normal_form(node)
                )
                others = {other: content for other, content in vars(module).items() if content is not value}
                self.follow(node, others, Path(path or "."), value.__module__)

    def add_attributes(self, value: type, tree: ast.AST, name: str) -> None:
        """Add the attributes of a class that are not written as numbers or texts, as one from the environment."""
        for node in ast.walk(tree):
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and not isinstance(node.value, (ast.Constant, type(None))):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in (target.id for target in targets if isinstance(target, ast.Name)):
                    content = vars(value).get(target)
                    if isinstance(content, (int, float, str)):
                        self.found[f"{name} {target}"] = repr(content)

    def add_compiled(self, value: Any, name: str, names: Mapping[str, Any]) -> None:
        """Add what was typed into an interpreter that keeps no source: its compiled form has to do."""
        if isinstance(value, type):
            for part, content in vars(value).items():
                # The functions behind @property, @classmethod and @staticmethod.
                function = getattr(content, "fget", getattr(content, "__func__", content))
                if isinstance(function, types.FunctionType):
                    self.add(function, f"{name}.{part}", function)
                elif isinstance(content, (int, float, str)) and not part.startswith("__"):
                    self.found[f"{name}.{part}"] = repr(content)
            for parent in value.__bases__:
                self.resolve((parent.__name__,), {parent.__name__: parent}, value.__module__)
            return
        self.found[name] = repr(code.compiled(value.__code__))
        for used in sorted(code.global_names(value.__code__)):
            if used in names:
                self.resolve((used,), names, value.__module__)
        for variable, content in closure_of(value).items():
            self.resolve((variable,), {variable: content}, value.__module__, f"{name} ")

    def visit_file(self, path: Path, module: str) -> None:
        """Add a whole module as it is written, without importing it, and the modules of the user's own it imports."""
        if (key := f"module {alike(module)}") in self.found:
            return
        try:
            tree = ast.parse(path.read_bytes())
        except (OSError, SyntaxError, ValueError):
            return
        self.found[key] = repr(code.normal_form(tree))
        self.read_environment(code.without_main(tree), {}, path)
        self.follow(tree, {}, path, module)

    def visit_registered(self) -> None:
        """Add what Keras finds by its name, in a saved model or as an activation, for the code that was reached."""
        for value in registered(self.used, self.texts):
            if is_own_code(value) and f"module {module_name(value)}" not in self.found:
                self.visit(value)

    def read_environment(self, tree: ast.AST, names: Mapping[str, Any], path: Path) -> None:
        """Add the environment variables that a piece of code reads, by their values."""
        for variable, value in environment(tree, names, path).items():
            self.found[f"environment {variable}"] = value

    def add_contents(self) -> None:
        """Add what constants hold now, unless the code that is reached changes them, as it does a cache."""
        for key, (names, content) in self.contents.items():
            if not names & self.changed:
                self.found[f"{key} now"] = content

    def follow(self, tree: ast.AST, names: dict[str, Any], path: Path, module: str) -> None:
        """Add what a piece of code reaches: names, imports of its own, files that its text names."""
        for chain in sorted(set(code.dotted_names(tree))):
            if chain[0] in names:
                self.resolve(chain, names, module)
        for imported in code.imported_modules(tree, package_of(module, path)):
            if file := module_file(imported):
                self.visit_file(file, imported)
        self.used |= {part for chain in code.dotted_names(tree) for part in chain}
        for text, pattern in code.texts(tree, names):
            self.texts.add(text)
            self.visit_text(text, path.parent, pattern)

    def resolve(self, chain: tuple[str, ...], names: Mapping[str, Any], module: str, owner: str = "") -> None:
        """Add what a dotted name stands for.

        Args:
            chain: the name.
            names: what its first part may stand for.
            module: where it is used.
            owner: the function around the one that uses it, where the name is a variable of that.
        """
        value, called, home = names[chain[0]], chain[0], module
        if called.startswith("__") and called.endswith("__"):
            return  # `__file__` and its like change with the folder and with how a script is started.
        own = called
        for part in chain[1:]:
            if not isinstance(value, types.ModuleType) or not hasattr(value, part):
                break
            if not is_own(path := getattr(value, "__file__", None)) and LAB not in Path(path or "").parents:
                return
            home, own = value.__name__, part
            value, called = getattr(value, part), f"{called}.{part}"
        key = f"{owner or f'{alike(module)} '}{called}"
        while isinstance(value, functools.partial):
            self.constant(key, (value.args, tuple(sorted(value.keywords.items()))), home, own)
            value = value.func
        if isinstance(value, types.ModuleType):
            path = getattr(value, "__file__", None)
            if is_own(path):
                self.visit_file(Path(str(path)), value.__name__)
        elif isinstance(value, (types.FunctionType, type)) or hasattr(value, "__wrapped__"):
            name = str(getattr(value, "__qualname__", ""))
            if is_own_code(value):
                self.visit(value, called)
            elif is_labs(value):
                self.found[key] = public_name(value)
            elif "<" in name or not name:
                self.constant(key, value, home, own)
            else:
                self.found[key] = f"{value.__module__.partition('.')[0]}.{name}"
        else:
            home, own = origin(home, own, value)
            if not callable(value) or is_own_code(type(value)) or is_own_module(home):
                self.constant(key, value, home, own)
            else:
                self.found[key] = f"{home.partition('.')[0]}.{own}"

    def constant(self, key: str, value: Any, module: str, name: str) -> None:
        """Add a constant by its value or, where that may change or has none, by the statements that make it.

        Args:
            key: what it is called where it is used.
            value: what it is.
            module: where it is made.
            name: what it is called there.
        """
        if key in self.found:
            return
        self.found[key] = ""  # Constants may mention one another.
        if is_own_code(type(value)):
            self.visit(type(value))
        folder = Path(getattr(sys.modules.get(module), "__file__", None) or "interactive").absolute().parent
        if isinstance(value, (str, PurePath)):
            self.visit_text(str(value), folder)
            if (described := place(str(value), folder)) is not None:
                self.found[key] = described
                return
        tree = module_tree(module)
        # A list or a dict may be filled while the function runs, as a cache is.
        if not isinstance(value, (list, dict, set)) or tree is None:
            with contextlib.suppress(ValueError):
                self.found[key] = repr(self.describe(value))
                return
        made = code.statements_that_make(tree, name) if tree else []
        if not made:
            # Typed into an interpreter that keeps no source, or made by code that does: it is anybody's object.
            with contextlib.suppress(Exception):
                self.found[key] = repr(self.describe(value.get_config() if hasattr(value, "get_config") else value))
            return
        self.found[key] = repr([code.normal_form(node) for node in made])
        for node in made:
            others = {other: found for other, found in vars(sys.modules[module]).items() if other != name}
            self.read_environment(node, others, Path(str(sys.modules[module].__file__)))
            self.follow(node, others, Path(str(sys.modules[module].__file__)), module)
        content, first = contents(value), contents(as_made(made, name, vars(sys.modules[module])))
        if content is not None and repr(self.describe(content)) != repr(self.describe(first)):
            self.contents[key] = {name, key.rpartition(" ")[2].rpartition(".")[2]}, repr(self.describe(content))

    def visit_text(self, text: str, folder: Path, pattern: bool = False) -> None:
        """Add the file that a text names, if it names one, beside the code or in the working folder."""
        for path in named_files(text, folder, pattern=pattern):
            content = file_hash(path)
            if self.found.setdefault(f"file {path.name}", content) != content:
                self.found[f"file {path.name} {content}"] = content
