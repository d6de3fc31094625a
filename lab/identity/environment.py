"""The environment variables that a piece of code reads, and what stands for their values.

`os` is known by whatever name and through whatever loaded module the code reaches it. Not seen are the variables that
installed packages read for the code, the home folder behind `expanduser`, and `os` behind `getattr` or `vars`.
"""

import ast
import os
import re
import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lab.checks import UsageError
from lab.identity.files import file_hash

_MAPPINGS = ("os.environ", "os.environb")
_METHODS = ("get", "setdefault", "pop", "__getitem__")
_TAKES_NAME = ("os.getenv", "os.getenvb", *(f"{mapping}.{method}" for mapping in _MAPPINGS for method in _METHODS))
_EXPANDS = "os.path.expandvars"
_READS = (*_MAPPINGS, "os.getenv", "os.getenvb", _EXPANDS, "sys.argv")


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
    # There is no environment in bytes on Windows.
    words = {id(value): word for word in _READS if (value := _found({"os": os, "sys": sys}, word)) is not None}
    names = {**known, **_imported(tree)}

    def word(node: ast.AST) -> str:
        """Return the full name of something of `os` or `sys`, by whatever name it is called; "" for the rest."""
        if found := words.get(id(_value(node, names))):
            return found
        if not isinstance(node, ast.Attribute):
            return ""
        owner = word(node.value)
        return f"{owner}.{node.attr}" if owner else ""

    named: set[int] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=held, slice=key) if word(held) in _MAPPINGS:
                # What is set for others is not read.
                keys = [key] if isinstance(node.ctx, ast.Load) else []
            case ast.Call(func=held, args=[key, *_]) if word(held) in (*_TAKES_NAME, _EXPANDS):
                keys = [key]
            case ast.Compare(left=key, ops=[ast.In() | ast.NotIn()], comparators=[held]) if word(held) in _MAPPINGS:
                keys = [key]
            case _:
                continue
        named |= {id(part) for part in ast.walk(held)}
        for key in keys:
            value = key.value if isinstance(key, ast.Constant) else known.get(getattr(key, "id", ""))
            text = os.fsdecode(value) if isinstance(value, (str, bytes)) else None
            if text is not None and word(held) == _EXPANDS:
                yield from (plain or braced for plain, braced in _VARIABLE.findall(text))
            else:
                yield text
    for node in ast.walk(tree):
        is_input = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "input" and "input" not in known
        if is_input or (id(node) not in named and word(node) in _READS):
            yield None


_VARIABLE = re.compile(r"\$(?:(\w+)|\{([^}]*)\})", re.ASCII)
"""A variable in a text, as `os.path.expandvars` finds it."""


def _found(names: Mapping[str, Any], word: str) -> Any:
    return _value(ast.parse(word, mode="eval").body, names)


def _value(node: ast.AST, names: Mapping[str, Any]) -> Any:
    """Return what a name stands for, or a name in a module; None for the rest."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if not isinstance(node, ast.Attribute):
        return None
    owner = _value(node.value, names)
    return vars(owner).get(node.attr) if isinstance(owner, types.ModuleType) else None


def _imported(tree: ast.AST) -> dict[str, Any]:
    """Return what a piece of code imports from modules that are loaded, by the names it has there."""
    found: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                name, own = alias.name, alias.asname
                found[own or name.partition(".")[0]] = sys.modules.get(name if own else name.partition(".")[0])
        elif isinstance(node, ast.ImportFrom) and not node.level:
            # As it is: a module may load what is asked of it only then, TensorFlow among others.
            there = vars(sys.modules.get(str(node.module), types.SimpleNamespace()))
            found |= {alias.asname or alias.name: there.get(alias.name) for alias in node.names}
    return {name: value for name, value in found.items() if value is not None}
