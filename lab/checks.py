"""The rules that values must meet, and the one sentence said when they do not.

Every wrong value of the lab is refused where the value is made, with the rule, what was received and
what to do. Two kinds of refusal exist because the command line answers them differently: a `UsageError`
is the caller's to correct (exit code 2), a `DataError` says that a file or a table cannot be used
(exit code 1).
"""

import difflib
import math
import numbers
from collections.abc import Iterable


class UsageError(ValueError):
    """A value, a name or a combination that the lab refuses."""


class DataError(ValueError):
    """A file or a table that cannot be used as it is."""


def _interval(low: float, high: float, low_open: bool, high_open: bool) -> str:
    if high == math.inf:
        return f"above {low:g}" if low_open else f"at least {low:g}"
    return f"in {'(' if low_open else '['}{low:g}, {high:g}{')' if high_open else ']'}"


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
        value: what was received. Booleans, strings, NaN and infinities are refused.
        meaning: what the number is, as in "the probability of dropping a unit".
        low, high: the ends of the interval; `low_open` and `high_open` leave the end itself out.

    Raises:
        UsageError: the whole sentence, as in "dropout is the probability of dropping a unit and must be
            in [0, 1), got 1.0".
    """
    fits = isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
    if fits:
        real = float(value)  # type: ignore[arg-type]
        above = real > low if low_open else real >= low
        below = real < high if high_open else real <= high
        if above and below:
            return real
    raise UsageError(f"{name} is {meaning} and must be {_interval(low, high, low_open, high_open)}, got {value!r}")


def whole(name: str, value: object, meaning: str, *, low: int = 1) -> int:
    """Return `value` as an int of at least `low`, or refuse it with a `UsageError`."""
    if isinstance(value, numbers.Integral) and not isinstance(value, bool) and int(value) >= low:
        return int(value)
    raise UsageError(f"{name} is {meaning} and must be a whole number of at least {low}, got {value!r}")


def choice(name: str, value: object, choices: Iterable[str]) -> str:
    """Return `value` if it is one of `choices`, or refuse it with a `UsageError` that names the nearest."""
    known = tuple(choices)
    if isinstance(value, str) and value in known:
        return value
    near = difflib.get_close_matches(str(value), known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise UsageError(f"{name} must be one of {', '.join(known)}, got {value!r}{hint}")


def flag(name: str, value: object) -> bool:
    """Return `value` if it is True or False, or refuse it with a `UsageError`."""
    if isinstance(value, bool):
        return value
    raise UsageError(f"{name} is a switch and must be True or False, got {value!r}")


def shown(value: object) -> str:
    """Return a value as a refusal quotes it: its `repr`, shortened where it is long."""
    try:
        text = repr(value)
    except Exception:
        # A whole number of thousands of digits has no repr, and a value of somebody's own may have a broken one.
        return f"a value of type {type(value).__name__} that cannot be printed"
    return text if len(text) <= 300 else f"{text[:297]}..."
