"""A run as JSON, and the id that follows from it.

A run's identity is the hash of its declaration: the names of its loader and factory, their bound arguments with the
defaults filled in, the training, the fingerprint of the data, the seed, and `NUMERICS`. Equal declarations are the same
run, which is not trained twice; anything that could change a number changes the id, and nothing else does. The lab's
functions are known by their public names, so moving their code renames no run, and arguments of theirs that have their
default are left out of the id, so a new option renames no run either; anybody else's by module, name and the source
they reach (`lab.identity.sources`); files by their bytes, wherever they are.
"""

import dataclasses
import functools
import hashlib
import inspect
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from lab.checks import UsageError
from lab.identity.files import file_hash, hashed
from lab.identity.names import is_labs, module_name, public_name
from lab.identity.sources import source_hash

_PIECE = 2**24
"""About how many bytes of an array are hashed at once."""

NUMERICS = 2
"""Raise this when the lab's own code changes what a run computes, so that old and new runs never mix."""


def declare(value: object, role: str, *, omit: tuple[str, ...] = (), defaults: bool = True) -> Any:
    """Return `value` as plain JSON types.

    Args:
        value: None, a number, a string, a path, an array, a pandas DataFrame, a sequence, a mapping with string
            keys, a dataclass, a function or a `functools.partial` of one.
        role: what the value is, for the refusal.
        omit: names of arguments that the lab fills in itself.
        defaults: whether arguments of the lab's own functions and values that have their default are written out, as
            people want to read them, or left out, as `identify` takes them.

    Raises:
        UsageError: the value has no identity, as a lambda has none, or holds a number that is not finite.
    """
    match value:
        case None | bool():
            return value
        case str():
            # A word stands for itself; only what looks like the name of a file, and is one, stands for its bytes.
            return _path(Path(value)) if "." in value and _is_file(value) else value
        case int() | np.integer():
            return int(value)
        case float() | np.floating():
            if math.isfinite(value):
                return float(value)
            raise UsageError(f"{role} must be made of finite numbers, got {value!r}")
        case PurePath():
            return _path(Path(value))
        case np.ndarray():
            shape = list(np.atleast_1d(value).shape)
            return {"array": str(value.dtype), "shape": shape, "hash": _once(value, _array_hash)}
        case list() | tuple() | range():
            return [declare(item, role, defaults=defaults) for item in value]
        case Mapping():
            return {
                str(name): declare(item, role, defaults=defaults) for name, item in value.items() if name not in omit
            }
    if type(value).__name__ == "DataFrame" and type(value).__module__.partition(".")[0] == "pandas":
        return _frame(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _dataclass(value, role, defaults)
    if callable(value):
        return _call(value, role, omit, defaults)
    raise UsageError(
        f"{role} must be made of numbers, strings, arrays, dataclasses and functions, which have an identity, "
        f"got {type(value).__name__}"
    )


def _array_hash(array: np.ndarray) -> str:
    """Return the hash of an array's bytes in C order, piece by piece: a memory-mapped one may exceed the memory."""
    digest = hashlib.blake2b(digest_size=6)
    rows = np.atleast_1d(array)
    step = max(1, len(rows) * _PIECE // max(1, rows.nbytes))
    for start in range(0, len(rows), step):
        digest.update(rows[start : start + step].tobytes())
    return digest.hexdigest()


def _frame(frame: Any) -> dict[str, Any]:
    from pandas.util import hash_pandas_object

    rows = hash_pandas_object(frame, index=False).to_numpy()
    return {"frame": [str(name) for name in frame.columns], "rows": len(rows), "hash": hashed(rows.tobytes())}


def _dataclass(value: Any, role: str, defaults: bool) -> dict[str, Any]:
    kind = type(value)
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if not is_labs(kind):
        made = {"is": f"{module_name(kind)}.{kind.__qualname__}"}
        return made | declare(fields, role, defaults=defaults) | _source(kind)
    if not defaults:
        fields = _changed(fields, inspect.signature(kind), role)
    return {"is": kind.__qualname__} | declare(fields, role, defaults=defaults)


def _changed(arguments: dict[str, Any], signature: inspect.Signature, role: str) -> dict[str, Any]:
    """Return the arguments that differ from their defaults."""

    def has_default(name: str, value: object) -> bool:
        default = signature.parameters[name].default
        if default is inspect.Parameter.empty:
            return False
        return default is value or declare(default, role, defaults=False) == declare(value, role, defaults=False)

    return {name: value for name, value in arguments.items() if not has_default(name, value)}


def _call(value: Callable, role: str, omit: tuple[str, ...], defaults: bool) -> dict[str, Any]:
    args: tuple = ()
    keywords: dict[str, object] = {}
    while isinstance(value, functools.partial):
        args, keywords, value = value.args + args, value.keywords | keywords, value.func
    name = getattr(value, "__qualname__", "")
    if not name or "<" in name or inspect.ismethod(value):
        raise UsageError(
            f"{role} must be a function at the top of a module, or functools.partial of one, because a run is known "
            f"by its name and arguments, got {name or type(value).__name__}"
        )
    try:
        bound = inspect.signature(value).bind_partial(*args, **keywords)
    except TypeError as error:
        raise UsageError(f"{role} binds arguments that {name} does not take: {error}") from None
    bound.apply_defaults()
    arguments = {name: argument for name, argument in bound.arguments.items() if name not in omit}
    if is_labs(value):
        if not defaults:
            arguments = _changed(arguments, inspect.signature(value), role)
        return {"call": public_name(value)} | declare(arguments, role, defaults=defaults)
    return {"call": f"{module_name(value)}.{name}"} | declare(arguments, role, defaults=defaults) | _source(value)


def _source(value: Callable) -> dict[str, str]:
    return {"source": _once(value, _source_hash)}


def _source_hash(value: Callable) -> str:
    return source_hash(value, lambda constant: declare(constant, "a constant", defaults=False))


_known: ContextVar[dict[int, tuple[object, str]] | None] = ContextVar("known", default=None)
"""By the `id` of a function or an array what it is, so that its id is not given away, and its hash."""


@contextmanager
def hashed_once() -> Iterator[None]:
    """Hash each function and each array once for as long as the context lasts, in which nobody may change them."""
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


def _once(value: Any, hash_of: Callable[[Any], str]) -> str:
    known = _known.get()
    if known is None:
        return hash_of(value)
    if id(value) not in known:
        known[id(value)] = value, hash_of(value)
    return known[id(value)][1]


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False


def _path(path: Path) -> Any:
    """Return a file as its name, for people, and its content, which is what counts."""
    try:
        return {"file": path.name, "content": file_hash(path)}
    except OSError:
        return path.name


def identify(declaration: Mapping[str, Any]) -> str:
    """Return the id of a declaration without defaults: "r" and 12 hexadecimal digits, never read as a number."""
    return "r" + hashed(json.dumps(_nameless(declaration), sort_keys=True, separators=(",", ":")).encode())


def _nameless(value: Any) -> Any:
    """Return a declaration without the names of files: the same bytes under another name are the same data."""
    if isinstance(value, Mapping):
        if set(value) == {"file", "content"}:
            return value["content"]
        return {name: _nameless(item) for name, item in value.items()}
    return [_nameless(item) for item in value] if isinstance(value, list) else value
