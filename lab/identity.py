"""What a run is, as JSON, and the id that follows from it.

A run's identity is the hash of its declaration: the qualified names of its loader and factory, their bound
arguments with the defaults filled in, the training, the fingerprint of the data and the seed. Equal
declarations are the same run, which is not trained twice; anything that could change a number changes the id.
"""

import ast
import dataclasses
import functools
import hashlib
import inspect
import json
import math
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from lab.checks import UsageError

HERE = Path(__file__).parent


def declare(value: object, role: str, *, omit: tuple[str, ...] = ()) -> Any:
    """Return `value` as plain JSON types.

    Args:
        value: None, a number, a string, a path, an array, a sequence, a mapping with string keys, a
            dataclass, a function or a `functools.partial` of one.
        role: what the value is, for the refusal.
        omit: names of arguments that the lab fills in itself.

    Raises:
        UsageError: the value has no identity, as a lambda has none.
    """
    match value:
        case None | bool() | str():
            return value
        case int() | np.integer():
            return int(value)
        case float() | np.floating():
            if math.isfinite(value):
                return float(value)
            raise UsageError(f"{role} must be made of finite numbers, got {value!r}")
        case PurePath():
            return value.as_posix()
        case np.ndarray():
            array = np.ascontiguousarray(value)
            return {"array": str(array.dtype), "shape": list(array.shape), "hash": _hash(array.tobytes())}
        case list() | tuple() | range():
            return [declare(item, role) for item in value]
        case Mapping():
            return {str(name): declare(item, role) for name, item in value.items() if name not in omit}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {"is": type(value).__qualname__} | declare(fields, role)
    if callable(value):
        return _call(value, role, omit)
    raise UsageError(
        f"{role} must be made of numbers, strings, arrays, dataclasses and functions, which have an identity, "
        f"got {type(value).__name__}"
    )


def _call(value: Callable, role: str, omit: tuple[str, ...]) -> dict[str, Any]:
    args: tuple = ()
    keywords: dict[str, object] = {}
    while isinstance(value, functools.partial):
        args, keywords, value = value.args + args, value.keywords | keywords, value.func
    name = getattr(value, "__qualname__", "")
    if not name or "<" in name:
        raise UsageError(
            f"{role} must be a function at the top of a module, or functools.partial of one, because a run is known "
            f"by its name and arguments, got {name or type(value).__name__}"
        )
    try:
        bound = inspect.signature(value).bind_partial(*args, **keywords)
    except TypeError as error:
        raise UsageError(f"{role} binds arguments that {name} does not take: {error}") from None
    bound.apply_defaults()
    made = {"call": f"{_module(value)}.{name}"} | declare(dict(bound.arguments), role, omit=omit)
    return made | _source(value)


def _module(value: Callable) -> str:
    """Name the module alike for `python experiments/x.py`, `python -m experiments.x` and `python -m lab run x`."""
    name = value.__module__
    if name == "__main__":
        main = sys.modules["__main__"]
        spec = getattr(main, "__spec__", None)
        name = spec.name if spec else Path(getattr(main, "__file__", "interactive")).stem
    return name.removeprefix("experiments.")


def _source(value: Callable) -> dict[str, str]:
    """Return a hash of the code of a function that is not the lab's, so that editing it makes new runs.

    Comments, layout and the docstring do not count; functions that it calls are not followed.
    """
    try:
        path = inspect.getsourcefile(value)
        if path is None or HERE in Path(path).resolve().parents:
            return {}
        tree = ast.parse(textwrap.dedent(inspect.getsource(value)))
    except (OSError, TypeError, SyntaxError):
        return {}
    body = getattr(tree.body[0], "body", [])
    if body and ast.get_docstring(tree.body[0]) is not None:  # type: ignore[arg-type]
        body.pop(0)
    return {"source": _hash(ast.dump(tree).encode())}


def identify(declaration: Mapping[str, Any]) -> str:
    """Return the id of a declaration: "r" and 12 hexadecimal digits, never to be read as a number."""
    return "r" + _hash(json.dumps(declaration, sort_keys=True, separators=(",", ":")).encode())


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=6).hexdigest()
