"""Code as nested tuples, whatever its comments, layout and docstrings, and the names, imports and texts in it."""

import ast
import glob
import importlib.util
import types
from collections.abc import Iterator, Mapping
from typing import Any

MADE_BY = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.For, ast.With, ast.If, ast.Try, ast.While, ast.Match)
"""The statements at the top of a module that may make or fill a constant."""


def compiled(code: types.CodeType) -> object:
    """Return the compiled form of a function, for code whose source is not kept."""
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
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
            parts = [*decorators, *node.args.defaults, *filter(None, node.args.kw_defaults)]
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


def imported_modules(tree: ast.AST, package: str) -> Iterator[str]:
    """Yield the full names of the modules that a piece of code imports, and of what it takes from them.

    Args:
        tree: the code.
        package: the package it is in, for relative imports; "" outside a package.
    """
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                for alias in aliases:
                    parts = alias.name.split(".")
                    yield from (".".join(parts[: length + 1]) for length in range(len(parts)))
            case ast.ImportFrom(module=module, names=aliases, level=level):
                base = _absolute("." * level + (module or ""), package)
                yield base
                yield from (f"{base}.{alias.name}" for alias in aliases)
            case ast.Call(func=ast.Name(id="import_module" | "__import__"), args=[ast.Constant(value=str(name)), *_]):
                yield _absolute(name, package)
            case ast.Call(func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=str(name)), *_]):
                yield _absolute(name, package)


def _absolute(name: str, package: str) -> str:
    try:
        return importlib.util.resolve_name(name, package)
    except ImportError:
        return ""


def import_of(tree: ast.Module, name: str, package: str) -> Iterator[tuple[str, str]]:
    """Yield from which modules, and under which names there, the top of a module may have imported a name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = _absolute("." * node.level + (node.module or ""), package)
            for alias in node.names:
                if name == (alias.asname or alias.name) or alias.name == "*":
                    yield base, name if alias.name == "*" else alias.name


def statements_that_make(tree: ast.Module, name: str) -> list[ast.stmt]:
    """Return the statements at the top of a module that may make, fill or change what a name stands for."""
    statements = (node for node in tree.body if isinstance(node, MADE_BY) and not _only_when_run(node))
    return [node for node in statements if name in (chain[0] for chain in dotted_names(node))]


def statements_that_change(tree: ast.Module, name: str) -> list[ast.stmt]:
    """Return the statements at the top of a module that set an attribute of a function or class."""
    return [node for node in statements_that_make(tree, name) if any(_sets(part, name) for part in ast.walk(node))]


def _sets(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("setattr", "delattr"):
        return bool(node.args) and name in (chain[0] for chain in dotted_names(node.args[0]))
    stores = isinstance(node, ast.Attribute) and isinstance(node.ctx, (ast.Store, ast.Del))
    return stores and name in (chain[0] for chain in dotted_names(node))


def without_main(tree: ast.Module) -> ast.Module:
    """Return a module without what is only done when it is run as a script."""
    return ast.Module([node for node in tree.body if not _only_when_run(node)], [])


def _only_when_run(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ("__name__",) in set(dotted_names(node.test))


def texts(tree: ast.AST, known: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield the texts in a piece of code that may name files, and whether each is a pattern.

    The parts of a path are joined: `HERE / "data" / NAME`, `os.path.join(HERE, "data", NAME)`. What is only known when
    the code runs, as in f"weights-{seed}.npy", is "*" in a pattern.

    Args:
        tree: the code.
        known: what its names stand for.
    """

    def part(node: ast.AST) -> str | None:
        value = node.value if isinstance(node, ast.Constant) else known.get(getattr(node, "id", ""))
        return value if isinstance(value, str) and not value.startswith("/") else None

    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value, False
        elif isinstance(node, ast.JoinedStr) and any(
            isinstance(piece, ast.FormattedValue) for piece in node.values[1:]
        ):
            pieces = node.values if isinstance(node.values[0], ast.Constant) else node.values[1:]
            written = (glob.escape(str(piece.value)) if isinstance(piece, ast.Constant) else "*" for piece in pieces)
            yield "".join(written).lstrip("/"), True
        else:
            operands = list(node.args) if isinstance(node, ast.Call) else _divided(node)
            parts = [part(operand) for operand in operands]
            if None in parts:
                parts = parts[len(parts) - parts[::-1].index(None) :]
            if len(parts) > 1:
                yield "/".join(filter(None, parts)), False


def _divided(node: ast.AST) -> list[ast.AST]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return [*(_divided(node.left) or [node.left]), node.right]
    return []


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
        if value not in (None, []) and name not in ("ctx", "kind"):
            fields.append((name, normal_form(value)))
    return type(node).__name__, *fields
