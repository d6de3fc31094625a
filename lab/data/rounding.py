"""Numbers that differ and that float32 makes one: times in nanoseconds, numbers of accounts, numbers close to 0."""

from collections.abc import Sequence

import numpy as np

from lab.checks import DataError

EXACT = 2**53
"""Whole numbers of this size and larger are rounded in float64 already."""

_FEW_STEPS = 256
"""Where the numbers of a feature span fewer steps of float32, they are counted."""


def merged(values: np.ndarray | Sequence[int]) -> tuple[int, int] | None:
    """Return how many different numbers there are and how many float32 keeps, if these are not half of them.

    Args:
        values: of one feature, of shape (n,), finite; whole numbers may be Python's, of any size.
    """
    before = len(set(values)) if isinstance(values, Sequence) else len(np.unique(values))
    after = len(np.unique(np.asarray(values, np.float32)))
    return (before, after) if 2 * after <= before else None


def suspects(values: np.ndarray) -> np.ndarray:
    """Return which features, of all of shape (n, ...), span few steps of float32 without being constant."""
    low, high = values.min(axis=0), values.max(axis=0)
    largest = np.maximum(np.abs(low.astype(np.float64)), np.abs(high.astype(np.float64)))
    steps = (high.astype(np.float64) - low) / np.maximum(largest * 2.0**-23, 2.0**-149)
    return (high > low) & (steps < _FEW_STEPS)


def refuse_merged(values: np.ndarray, where: str) -> None:
    """Refuse numbers of shape (n, ...) where a feature loses more than half of its different ones in float32."""
    if len(values) == 0 or np.can_cast(values.dtype, np.float32):
        return
    for place in np.argwhere(suspects(values)):
        if counts := merged(values[(slice(None), *place)]):
            at = ", ".join(str(i) for i in (":", *place))
            raise refusal(where, {f"at [{at}]": counts})


def refusal(where: str, counts: dict[str, tuple[int, int]]) -> DataError:
    """Return the refusal of numbers that float32 makes one, from what `merged` returned for each place."""
    places = ", ".join(
        f"of the {before} different ones {at} it keeps {after}" for at, (before, after) in counts.items()
    )
    return DataError(
        f"{where} must hold numbers that float32 tells apart, and {places}; subtract their smallest, scale them, or "
        "leave them out"
    )
