"""Code as nested tuples: what it says, whatever its comments, layout and docstrings, and which names it uses."""

import ast
import importlib.util
import types
from collections.abc import Iterator
from typing import Any


def compiled(value: Any) -> object:
    """Return the compiled form of a function or of a class's methods, for code whose source is not kept."""
    code = getattr(value, "__code__", None)
    if code is None:
        return sorted((name, compiled(item)) for name, item in vars(value).items() if hasattr(item, "__code__"))
    constants = [_compiled_constant(item) for item in code.co_consts]
    return code.co_code.hex(), code.co_names, code.co_varnames, constants


def _compiled_constant(item: Any) -> object:
    return (item.co_code.hex(), item.co_names, repr(item.co_consts)) if hasattr(item, "co_code") else repr(item)


def global_names(code: types.CodeType) -> set[str]:
    """Return the names that a function and those inside it may look up outside themselves."""
    inner = [item for item in code.co_consts if isinstance(item, types.CodeType)]
    return {*code.co_names, *code.co_freevars}.union(*map(global_names, inner))


def names_of_definition(tree: ast.AST) -> set[str]:
    """Return the names in the decorators and defaults of a function, which its code does not hold."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            parts = [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]
            found |= {chain[0] for part in parts for chain in dotted_names(part)}
    return found


def dotted_names(tree: ast.AST) -> Iterator[tuple[str, ...]]:
    """Yield the dotted names of a piece of code, as tuples, each as long as it is written."""
    inner = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and id(node) not in inner:
            parts: list[str] = []
            at: ast.AST = node
            while isinstance(at, ast.Attribute):
                parts.append(at.attr)
                inner.add(id(at))
                at = at.value
            if isinstance(at, ast.Name):
                inner.add(id(at))
                yield (at.id, *reversed(parts))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and id(node) not in inner:
            yield (node.id,)


def imported_modules(tree: ast.AST, module: str) -> Iterator[str]:
    """Yield the full names of the modules that a piece of code imports.

    Args:
        tree: the code.
        module: the module it is in, for relative imports.
    """
    package = module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            try:
                base = importlib.util.resolve_name(base, package or None) if node.level else base
            except ImportError:
                continue
            yield base


def normal_form(node: object) -> object:
    """Return code as nested tuples: the same for all Pythons, whatever its comments, layout and docstrings."""
    if isinstance(node, list):
        return tuple(normal_form(item) for item in node)
    if not isinstance(node, ast.AST):
        return repr(node)
    fields: list[object] = []
    for name, value in ast.iter_fields(node):
        if isinstance(node, ast.ImportFrom) and name == "module" and str(value).partition(".")[0] == "lab":
            value = "lab"  # A name of the lab may come from another file tomorrow.
        is_documented = name == "body" and isinstance(
            node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        )
        if is_documented and ast.get_docstring(node, clean=False) is not None:  # type: ignore[arg-type]
            value = value[1:]
        # What one Python leaves out and another writes as empty is the same.
        if value not in (None, []) and name not in ("ctx", "type_comment", "kind"):
            fields.append((name, normal_form(value)))
    return type(node).__name__, *fields
