"""The environment variables that a piece of code reads, and what stands for their values."""

import ast
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lab.checks import UsageError
from lab.identity.files import file_hash

_OUTSIDE = {"os": os, "sys": sys, "os.environ": os.environ, "os.getenv": os.getenv, "sys.argv": sys.argv}
_TAKES_NAME = ("os.getenv", "os.environ.get", "os.environ.setdefault", "os.environ.pop", "os.environ.__getitem__")


def environment(tree: ast.AST, known: Mapping[str, Any], path: Path) -> dict[str, str]:
    """Return what stands for the value of each environment variable that a piece of code reads, by its name.

    The path of a file stands for the file's bytes. The path of a folder stands for any folder: what is read from it is
    data, which has a fingerprint, or is named by the code.

    Args:
        tree: the code.
        known: what its names stand for.
        path: the file it is in, for the refusal.

    Raises:
        UsageError: the code computes the name of a variable, or reads the command line or the keyboard.
    """
    found = {}
    for name in _reads(tree, known):
        if name is None:
            raise UsageError(
                f"the code in {path.name} must name each environment variable that it reads, as os.environ['UNITS'] "
                "does, and must not read sys.argv or input(), because the value is part of what a run is; name the "
                "variable, or make the value an argument"
            )
        found[name] = _standing_for(os.environ.get(name))
    return found


def _standing_for(value: str | None) -> str:
    if value is None:
        return "unset"
    try:
        path = Path(value)
        return "a folder" if path.is_dir() else f"file {file_hash(path)}" if path.is_file() else f"text {value}"
    except (OSError, ValueError):
        return f"text {value}"


def _reads(tree: ast.AST, known: Mapping[str, Any]) -> Iterator[str | None]:
    """Yield the names of the variables that are read; None for what is read otherwise."""
    called = {name: word for name, value in known.items() for word, it in _OUTSIDE.items() if value is it}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            called |= {alias.asname or alias.name: alias.name for alias in node.names if alias.name in ("os", "sys")}
        elif isinstance(node, ast.ImportFrom) and node.module in ("os", "sys"):
            called |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}

    def word(node: ast.AST) -> str:
        """Return the full name of something of `os` or `sys`, by whatever name it is called; "" for the rest."""
        if isinstance(node, ast.Attribute):
            owner = word(node.value)
            return f"{owner}.{node.attr}" if owner else ""
        return called.get(node.id, "") if isinstance(node, ast.Name) else ""

    named: set[int] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=held, slice=key) if word(held) == "os.environ":
                # What is set for others is not read.
                keys = [key] if isinstance(node.ctx, ast.Load) else []
            case ast.Call(func=held, args=[key, *_]) if word(held) in _TAKES_NAME:
                keys = [key]
            case ast.Compare(left=key, ops=[ast.In() | ast.NotIn()], comparators=[held]) if word(held) == "os.environ":
                keys = [key]
            case _:
                continue
        named |= {id(part) for part in ast.walk(held)}
        for key in keys:
            value = key.value if isinstance(key, ast.Constant) else known.get(getattr(key, "id", ""))
            yield value if isinstance(value, str) else None
    for node in ast.walk(tree):
        is_input = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "input" and "input" not in known
        if is_input or (id(node) not in named and word(node) in ("os.environ", "os.getenv", "sys.argv")):
            yield None
