"""The origins of code and constants: decorators, enclosing functions, imports and Keras's registry."""

import ast
import contextlib
import inspect
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lab.identity.code import import_of, statements_that_make
from lab.identity.names import is_own, is_own_module

_LOADING = {"load_model", "model_from_json", "deserialize", "deserialize_keras_object", "from_config"}
"""The functions of Keras that find a layer or a function by its name."""


def wrappers(value: Any) -> Iterator[Any]:
    """Yield the functions of the user's own that decorators put around a function."""
    while hasattr(value, "__wrapped__"):
        if isinstance(value, types.FunctionType) and is_own(value.__code__.co_filename):
            yield value
        value = value.__wrapped__


def closure_of(value: Any) -> dict[str, Any]:
    """Return the variables that a function takes from the function around it."""
    found = {}
    variables = value.__code__.co_freevars if hasattr(value, "__code__") else ()
    for name, cell in zip(variables, getattr(value, "__closure__", None) or (), strict=False):
        with contextlib.suppress(ValueError):  # not set yet
            found[name] = cell.cell_contents
    return found


def registered(names: set[str], texts: set[str]) -> Iterator[Any]:
    """Yield what is registered with Keras under one of some texts; everything, where the code loads models.

    Args:
        names: that the code uses.
        texts: that it holds: a layer may take the name of an activation.
    """
    saving = getattr(sys.modules.get("keras"), "saving", None)  # where it is not loaded nothing is registered
    for name, value in sorted(saving.get_custom_objects().items()) if saving else ():
        if names & _LOADING or {name, name.rpartition(">")[2]} & texts:
            yield value


def module_tree(module: str) -> ast.Module | None:
    """Return the code of a module, or None if its source is not kept."""
    try:
        return ast.parse(inspect.getsource(sys.modules[module]))
    except (KeyError, OSError, TypeError, SyntaxError):
        return None


def package_of(module: str, path: Path) -> str:
    """Return the package that relative imports of a module start from; "" outside a package."""
    if module == "__main__":
        return getattr(sys.modules[module], "__package__", None) or ""
    return module if path.name == "__init__.py" else module.rpartition(".")[0]


def origin(module: str, name: str, value: Any) -> tuple[str, str]:
    """Return the module in which a constant is made, and its name there, through the imports that lead to it."""
    places = [(module, name)]
    while before := next(_imports(*places[-1], value), None):
        if before in places:
            # Modules that import it from one another: one of them makes it.
            made = (at for at in places if (tree := module_tree(at[0])) and statements_that_make(tree, at[1]))
            return next(made, before)
        places.append(before)
    return places[-1]


def _imports(module: str, name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield from which modules of the user's own code a module has imported a constant, and its names there."""
    tree = module_tree(module)
    if tree is None or not is_own_module(module):
        return
    path = Path(getattr(sys.modules[module], "__file__", None) or ".")
    for base, other in import_of(tree, name, package_of(module, path)):
        if base in sys.modules and getattr(sys.modules[base], other, None) is value:
            yield base, other
