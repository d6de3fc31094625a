"""The rules that values must meet, and the sentence that refuses those that do not.

Every wrong value is refused where it is made, before TensorFlow loads, in one grammar: "name must be RULE (it is
MEANING), got VALUE". There are two kinds of refusal because the command line answers them differently: a `UsageError`
is the caller's to correct (exit code 2), a `DataError` says that a file or a table cannot be used (exit code 1).
"""

import difflib
import math
import numbers
import re
from collections.abc import Iterable

SMALLEST, LARGEST = 2.0**-126, 3.4028234663852886e38
"""The smallest and the largest positive number in float32. TensorFlow rounds smaller ones to 0."""

_AROUND_ERRORS = ("Exception encountered when calling", "Graph execution error", "Detected at node", "<stack", 'File "')
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class UsageError(ValueError):
    """A value, a name or a combination that the lab refuses."""


class DataError(ValueError):
    """A file or a table that cannot be used as it is."""


def shown(value: object) -> str:
    """Return a value as a refusal quotes it: its `repr`, shortened where it is long."""
    try:
        text = repr(value)
    except Exception:
        # A whole number of thousands of digits has no repr, and a value of somebody's own may have a broken one.
        return f"a value of type {type(value).__name__} that cannot be printed"
    return text if len(text) <= 300 else f"{text[:297]}..."


def raised(error: BaseException) -> str:
    """Return an exception as a refusal quotes it: its kind and the first line that says something, shortened.

    Keras and TensorFlow put colours, the stack of the graph and the arguments of each call around it.
    """
    lines = (" ".join(_COLOURS.sub("", line).split()) for line in str(error).splitlines())
    said = [line for line in lines if line and not line.startswith(_AROUND_ERRORS)]
    text = f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
    return text if len(text) <= 300 else f"{text[:297]}..."


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an exception is a lack of memory: Python's, or TensorFlow's, by its name as it may not be loaded."""
    return isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"


def quoted(names: Iterable[object]) -> str:
    """Return names as a refusal lists them: 'sgd', 'adam'."""
    return ", ".join(repr(str(name)) for name in names)


def number(
    name: str,
    value: object,
    meaning: str,
    *,
    low: float = 0.0,
    high: float = math.inf,
    low_open: bool = False,
    high_open: bool = False,
) -> float:
    """Return `value` as a float, or refuse it.

    Args:
        name: the argument's name, the first word of the refusal.
        value: what was received. Booleans, strings, NaN and infinities are refused, and what would become 0 or
            infinite in float32, in which models are trained.
        meaning: what the number is, as in "the probability of dropping a unit".
        low, high: the ends of the interval; `low_open` and `high_open` leave the end itself out.

    Raises:
        UsageError: as in "dropout must be in [0, 1) (it is the probability of dropping a unit), got 1.0".
    """
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        try:
            real = float(value)
        except OverflowError:
            real = math.inf
        above = real > low if low_open else real >= low
        below = real < high if high_open else real <= high
        if math.isfinite(real) and above and below:
            if real == 0 or SMALLEST <= abs(real) <= LARGEST:
                return real
            raise UsageError(
                f"{name} must be 0 or from {SMALLEST:.2g} to {LARGEST:.2g} in size, as float32 holds no other number "
                f"(it is {meaning}), got {shown(value)}"
            )
    if high == math.inf:
        rule = f"above {low:g}" if low_open else f"at least {low:g}"
    else:
        rule = f"in {'(' if low_open else '['}{low:g}, {high:g}{')' if high_open else ']'}"
    raise UsageError(f"{name} must be {rule} (it is {meaning}), got {shown(value)}")


def whole(name: str, value: object, meaning: str, *, low: int = 1, high: int | None = None) -> int:
    """Return `value` as an int from `low` to `high`, or refuse it with a `UsageError`.

    Without a `high` it must be below 2**63: no file holds a larger one exactly for every reader.
    """
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        count = int(value)
        if low <= count and (count < 2**63 if high is None else count <= high):
            return count
        if high is None and count >= 2**63:
            raise UsageError(f"{name} must be a whole number below 2**63 (it is {meaning}), got {shown(value)}")
    rule = f"of at least {low}" if high is None else f"from {low} to {high}"
    raise UsageError(f"{name} must be a whole number {rule} (it is {meaning}), got {shown(value)}")


def choice(name: str, value: object, choices: Iterable[str], *, otherwise: str = "") -> str:
    """Return `value` if it is one of `choices`, or refuse it with a `UsageError` that names the nearest.

    Args:
        name: the argument's name, the first word of the refusal.
        value: what was received.
        choices: the names that are accepted.
        otherwise: what else is accepted, for the refusal only; the caller has looked for it before.
    """
    known = tuple(choices)
    if isinstance(value, str) and value in known:
        return value
    near = difflib.get_close_matches(str(value), known) if isinstance(value, str) else []
    hint = f"; did you mean {near[0]!r}?" if near else ""
    rule = f"one of {quoted(known)}" + (f", or {otherwise}" if otherwise else "")
    raise UsageError(f"{name} must be {rule}, got {shown(value)}{hint}")


def flag(name: str, value: object) -> bool:
    """Return `value` if it is True or False, or refuse it with a `UsageError`."""
    if isinstance(value, bool):
        return value
    raise UsageError(f"{name} must be True or False, got {shown(value)}")
