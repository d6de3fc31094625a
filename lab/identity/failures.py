"""Failures of code that may be anybody's, in one sentence that names the line of the user's own code."""

import contextlib
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from lab.checks import DataError, UsageError, is_out_of_memory, raised
from lab.identity.names import is_own

T = TypeVar("T")


def raised_in(error: BaseException) -> str:
    """Return an exception as a refusal quotes it, and where it left the user's own code: its file and line.

    As in "KeyError: 'price' (experiments/mine.py, line 12)". The file is named from the working folder on; one that is
    elsewhere by its name only, as the sentence may be published. An exception that never was in the user's own code
    names no place.
    """
    return raised(error) + _place(error)


def call_or_refuse(function: Callable[[], T], failure: str) -> T:
    """Call code that may be anybody's, and report whatever it raises in one sentence.

    The working folder is afterwards what it was before: the paths of results and data are often relative to it.

    Args:
        function: the loader, factory or other function, with its arguments bound.
        failure: what did not come about, the beginning of the sentence.

    Raises:
        UsageError, DataError, MemoryError, KeyboardInterrupt: as the code raises them.
        DataError: it raises anything else.
    """
    try:
        with contextlib.chdir("."):
            return function()
    except (UsageError, DataError, KeyboardInterrupt):
        raise
    except SystemExit as end:
        code = "" if end.code is None else repr(end.code)
        raise DataError(
            f"{failure}: it called sys.exit({code}){_place(end)}; let it return, or raise an error instead"
        ) from end
    except BaseException as error:
        if is_out_of_memory(error):
            raise MemoryError from error
        raise DataError(f"{failure}: {raised_in(error)}") from error


def _place(error: BaseException) -> str:
    lines = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    # TensorFlow traces functions in copies of their code, in files that nobody wrote.
    own = [(path, line) for path, line in lines if is_own(path) and Path(path).is_file() and "__autograph" not in path]
    if not own:
        return ""
    path, line = Path(own[-1][0]).resolve(), own[-1][1]
    here = Path.cwd()
    return f" ({path.relative_to(here) if path.is_relative_to(here) else path.name}, line {line})"
