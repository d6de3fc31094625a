"""The script that declares the confirmation of an advice, so that anybody can run it again or change it."""

import dataclasses
import functools
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lab.experiment import Experiment

FILE = "experiment.py"

_STANDARD = ("functools", "pathlib")
"""The modules of the standard library that a script may need."""

_TEXT = '''"""{question}

The confirmation that `python -m lab advise` ran; from the folder in which it ran, nothing is trained again:

    python -m lab run {path}
"""

{imports}

EXPERIMENT = {experiment}

if __name__ == "__main__":
    main(EXPERIMENT)
'''


def script_of(experiment: Experiment, path: Path) -> str | None:
    """Return the source of a script that declares an experiment.

    Args:
        experiment: made of values, of functions that can be imported, and of partials of those.
        path: of the script, for its docstring.

    Returns:
        None where something in the experiment has no source of its own, as a lambda or a function of a notebook.
    """
    imports: dict[str, set[str]] = {"lab.cli": {"main"}}
    try:
        written = _source(experiment, imports, 0)
    except _NoSourceError:
        return None
    lines = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(imports.items())]
    standard = [line for line in lines if line.split()[1] in _STANDARD]
    parts = (standard, [line for line in lines if line not in standard])
    text = "\n\n".join("\n".join(part) for part in parts if part)
    return _TEXT.format(question=experiment.question, path=path.as_posix(), imports=text, experiment=written)


class _NoSourceError(Exception):
    """A value cannot be written as source."""


def _source(value: Any, imports: dict[str, set[str]], depth: int) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, range):
        return f"range({value.start}, {value.stop})" if value.step == 1 else repr(value)
    if isinstance(value, Path):
        return f"{_imported(Path, imports)}({json.dumps(str(value), ensure_ascii=False)})"
    if (
        isinstance(value, tuple)
        and len(value) > 2
        and isinstance(value[0], int)
        and isinstance(value[-1], int)
        and value == (*range(value[0], value[-1] + 1),)
    ):
        return _source(range(value[0], value[-1] + 1), imports, depth)
    if isinstance(value, tuple | list):
        ends = ("(", ",)" if len(value) == 1 else ")") if isinstance(value, tuple) else ("[", "]")
        return ends[0] + ", ".join(_source(one, imports, depth) for one in value) + ends[1]
    if isinstance(value, Mapping):
        return _lines(
            "{",
            [f"{_source(k, imports, depth)}: {_source(v, imports, depth + 1)}" for k, v in value.items()],
            "}",
            depth,
        )
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _lines(f"{_imported(type(value), imports)}(", _fields(value, imports, depth), ")", depth)
    if isinstance(value, functools.partial):
        parts = [_source(one, imports, depth) for one in (value.func, *value.args)]
        parts += [f"{name}={_source(one, imports, depth)}" for name, one in value.keywords.items()]
        return f"{_imported(functools.partial, imports)}({', '.join(parts)})"
    if callable(value):
        return _imported(value, imports)
    raise _NoSourceError


def _fields(value: Any, imports: dict[str, set[str]], depth: int) -> list[str]:
    changed = {}
    for field in dataclasses.fields(value):
        own = getattr(value, field.name)
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        if field.init and (default is dataclasses.MISSING or own != default):
            changed[field.name] = own
    return [f"{name}={_source(own, imports, depth + 1)}" for name, own in changed.items()]


def _lines(begin: str, parts: list[str], end: str, depth: int) -> str:
    """Return parts on one line where they are few and short, and otherwise each on a line of its own."""
    short = f"{begin}{', '.join(parts)}{end}"
    if depth and len(short) <= 80 and "\n" not in short:
        return short
    inner, outer = "    " * (depth + 1), "    " * depth
    return f"{begin}\n" + "".join(f"{inner}{part},\n" for part in parts) + f"{outer}{end}"


def _imported(value: Callable | type, imports: dict[str, set[str]]) -> str:
    module, name = str(value.__module__), getattr(value, "__qualname__", "")
    # An object that can be called has none, and a name with a dot is inside a class or a function, as a lambda is.
    if module == "__main__" or not name.isidentifier():
        raise _NoSourceError
    imports.setdefault("pathlib" if value is Path else _public(module, name, value), set()).add(name)
    return name


def _public(module: str, name: str, value: object) -> str:
    """Return the shortest package that exports a value: lab.data rather than lab.data.csv_file."""
    parts = module.split(".")
    packages = (".".join(parts[:count]) for count in range(1, len(parts)))
    return next((one for one in packages if getattr(sys.modules.get(one), name, None) is value), module)
