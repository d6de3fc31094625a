"""The end of a command: one sentence on stderr about what went wrong, and an exit code.

The code is 2 for usage, 1 for the rest, 3 for a comparison that found what it was asked to fail on, 4 for a sweep that
was handed over to another process, 128 + signal for an interruption. What nobody foresaw keeps its traceback: it is a
fault of the lab, and should be reported as one.
"""

import contextlib
import contextvars
import os
import sys
import warnings
from collections.abc import Iterator
from types import TracebackType
from typing import NoReturn, TextIO

from lab.checks import DataError, UsageError, is_out_of_memory
from lab.cli.interruption import SENTENCE, interruptible
from lab.sweep import resumption
from lab.sweep.progress import HandedOverError

_CLOSED_PIPE = 141
"""128 + SIGPIPE, the exit code of other programs whose reader has gone."""


_answering: contextvars.ContextVar[bool] = contextvars.ContextVar("answering", default=False)


class FoundError(Exception):
    """A comparison found what it was asked to fail on."""


@contextlib.contextmanager
def sentences() -> Iterator[None]:
    """End the process with one sentence instead of a traceback where the block raises what a user can mend.

    Raises:
        UsageError: the block is in another one: a script calls `main` while a command loads it.
    """
    if _answering.get():
        raise UsageError(
            "main must be called below the line if __name__ == '__main__':, got a call while the script is loaded; "
            "put this line above main(EXPERIMENT)"
        )
    before = _answering.set(True)
    _open_closed_streams()
    try:
        with interruptible(), _notes():
            yield
            _flush()
    except SystemExit as end:
        # Rich ends the program where the reader of a pipe has gone; any other exit is asked for by the user's code.
        if isinstance(end.__context__, BrokenPipeError):
            _end_quietly()
        code = "" if end.code is None else repr(end.code)
        _end(1, f"a loader or a factory called sys.exit({code}); let it return, or raise an error instead")
    except BrokenPipeError:
        _end_quietly()
    except BaseException as error:
        found = _of_output(error) or ending(error)
        if found is None:
            raise
        _end(*found)
    finally:
        _answering.reset(before)


@contextlib.contextmanager
def _notes() -> Iterator[None]:
    """Print the lab's own warnings as one plain line; those of libraries keep Python's form."""
    with warnings.catch_warnings():
        plain = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, UserWarning) and category.__module__.partition(".")[0] in ("lab", "builtins"):
                print(f"note: {' '.join(str(message).split())}", file=sys.stderr)
            else:
                plain(message, category, filename, lineno, file, line)

        warnings.showwarning = show
        yield


def ending(error: BaseException) -> tuple[int, str] | None:
    """Return the exit code and the sentence of what a user can mend, or None for anything else."""
    if isinstance(error, UsageError):
        return 2, str(error)
    if isinstance(error, DataError):
        return 1, str(error)
    if isinstance(error, FoundError):
        return 3, str(error)
    if isinstance(error, HandedOverError):
        return 4, str(error)
    if is_out_of_memory(error):
        return 1, (
            "the memory does not suffice; make the model, batch_size or train_size smaller, or close other programs; "
            "what is published stays"
        )
    if isinstance(error, OSError):
        where = f" {error.filename}" if error.filename else ""
        reason = error.strerror or error
        return 1, f"cannot read or write{where}: {reason}; what is published stays: mend it and go on"
    if isinstance(error, KeyboardInterrupt):
        return 130, f"{SENTENCE}{resumption.told()}"
    return None


def install() -> None:
    """Let a script that imports the command line end with a sentence before it reaches `main`, too.

    A script declares its experiment, and may be refused, before it calls `main`. Only a refusal and Ctrl-C are answered
    here; any other exception is the script's own and goes to the hook that was there before.
    """
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, (UsageError, DataError, KeyboardInterrupt)) and (found := ending(error)):
            _end(*found)
        before(kind, error, trace)

    sys.excepthook = hook


def _open_closed_streams() -> None:
    """Put the null device where a standard stream was closed before Python began, as stderr is by 2>&-.

    The next file would get its number otherwise, and with it what libraries write there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)


def _flush() -> None:
    # There is no stdout where it was closed before Python began, as by >&-.
    if sys.stdout is not None:
        sys.stdout.flush()


def _of_output(error: BaseException) -> tuple[int, str] | None:
    """Return the ending where what was printed cannot be written: a disk is full to which stdout is sent."""
    # The lab's own files are named by their errors.
    if not isinstance(error, OSError) or error.filename or sys.stdout is None:
        return None
    try:
        # Where nothing is buffered, as by PYTHONUNBUFFERED, what failed is gone and only another try tells.
        print(flush=True)
    except OSError as failure:
        reason = failure.strerror or failure
        return 1, f"cannot write to standard output: {reason}; what is published stays: send the output elsewhere"
    return None


def _end(code: int, sentence: str) -> NoReturn:
    try:
        _flush()
    except OSError:
        _discard_output()
    print(" ".join(sentence.split()), file=sys.stderr)
    sys.exit(code)


def _end_quietly() -> NoReturn:
    _discard_output()
    sys.exit(_CLOSED_PIPE)


def _discard_output() -> None:
    # Python writes out what is left when it ends, and would complain.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
