"""The place in a test file at which a sentence says that an exception left it."""

from collections.abc import Callable
from pathlib import Path


def place(function: Callable, below: int = 1) -> str:
    """Return the file and the line so many below the first of a function, as a refusal names it."""
    code = function.__code__
    return f"({Path(code.co_filename).relative_to(Path.cwd())}, line {code.co_firstlineno + below})"
