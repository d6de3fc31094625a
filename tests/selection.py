"""Which cases of a parametrized test `make test` runs; `make test-slow` runs the others."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def quick(cases: Iterable[Any], chosen: Collection[Any] | int = 1) -> list[Any]:
    """Return cases of which all but some are slow.

    Args:
        cases: the values of a parameter.
        chosen: those that stay quick, or how many of the first.
    """
    listed = list(cases)
    kept = listed[:chosen] if isinstance(chosen, int) else chosen
    return [case if case in kept else _slow(case) for case in listed]


def _slow(case: Any) -> Any:
    return pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow)
