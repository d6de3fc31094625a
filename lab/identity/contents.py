"""The contents of lists, dicts and objects when they are used, which the code that makes them may not tell."""

import argparse
import ast
import builtins
import math
import types
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from lab.identity.code import dotted_names
from lab.identity.names import is_own_code

_CHANGING = (
    "append", "appendleft", "extend", "insert", "add", "update", "setdefault", "pop", "popitem", "remove", "discard",
    "clear", "sort", "reverse", "__setitem__", "__delitem__",
)  # fmt: skip
"""The methods that change a list, a dict or a set."""

_PURE = (
    "abs", "bool", "dict", "enumerate", "float", "frozenset", "int", "len", "list", "max", "min", "range", "reversed",
    "round", "set", "sorted", "str", "sum", "tuple", "zip",
)  # fmt: skip
"""The functions of Python that do nothing but compute."""

_PURE_OF_NUMPY = (
    "arange", "array", "asarray", "float32", "float64", "full", "geomspace", "int32", "int64", "linspace", "logspace",
    "ones", "power", "zeros",
)  # fmt: skip
"""Likewise of NumPy, whose others may read and write files."""


def contents(value: object) -> Any:
    """Return what a list, a dict, a set or an object of the user's own holds, if it is plain data; else None."""
    is_object = isinstance(value, (types.SimpleNamespace, argparse.Namespace)) or is_own_code(type(value))
    held = getattr(value, "__dict__", None) if is_object else value if isinstance(value, (list, dict, set)) else None
    if held is None or not _is_plain(held):
        return None
    return sorted(held, key=repr) if isinstance(held, set) else held


def _is_plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(name, str) and _is_plain(item) for name, item in value.items())
    if isinstance(value, (list, tuple, set)):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, (bool, int, float, str, np.ndarray, np.number))


def changed_names(tree: ast.AST) -> set[str]:
    """Return the names that a piece of code changes: their items, their attributes, or themselves as globals."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Global(names=names):
                found |= set(names)
            case ast.Call(func=ast.Attribute(value=held, attr=method)) if method in _CHANGING:
                found |= _parts(held)
            case ast.Subscript(value=held) | ast.Attribute(value=held) if not isinstance(node.ctx, ast.Load):
                found |= _parts(held)
            case ast.AugAssign(target=ast.Name(id=name)):
                found.add(name)
    return found


def _parts(tree: ast.AST) -> set[str]:
    return {part for chain in dotted_names(tree) for part in chain}


def as_made(statements: Iterable[ast.stmt], name: str, known: Mapping[str, Any]) -> Any:
    """Return what the statements at the top of a module make of a constant; None if only running them would tell.

    Args:
        statements: those that mention it.
        name: what it is called there.
        known: what the names of the module stand for.
    """
    made = [node for node in statements if any(_is_name(target, name) for target in _targets(node))]
    if len(made) != 1 or any(name in changed_names(node) for node in statements):
        return None
    tree = ast.Expression(made[0].value)  # type: ignore[attr-defined]
    if not all(_is_pure(node, known) for node in ast.walk(tree)):
        return None
    # The module ran the same expression when it was imported.
    try:
        return eval(compile(tree, name, "eval"), dict(known))
    except Exception:
        return None


def _targets(node: ast.stmt) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _is_pure(node: ast.AST, known: Mapping[str, Any]) -> bool:
    """Say whether a piece of an expression only computes: of calls, those of Python's plain functions and of NumPy."""
    if not isinstance(node, ast.Call):
        return not isinstance(node, (ast.Lambda, ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr))
    match node.func:
        case ast.Name(id=name):
            return name in _PURE and known.get(name, getattr(builtins, name)) is getattr(builtins, name)
        case ast.Attribute(value=ast.Name(id=name), attr=function):
            return known.get(name) is math or (known.get(name) is np and function in _PURE_OF_NUMPY)
    return False
