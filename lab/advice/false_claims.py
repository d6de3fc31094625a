"""The rate of false claims that `benchmarks.advise` has counted, in the sentence that stands in every answer."""

import json
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("false_claims.json")
"""Written by `python -m benchmarks.advise`."""

ENOUGH = 100
"""So many answers without a false one show that less than 4 % are false, at 95 % confidence."""


@dataclass(frozen=True)
class FalseClaims:
    """Counts of answers on planted tasks.

    Args:
        answers: how many there were.
        wrong: how many of them said of a family that it helps, and it does not.
        on_null, wrong_on_null: the same, of those on tasks where nothing helps.
    """

    answers: int
    wrong: int
    on_null: int
    wrong_on_null: int

    def __str__(self) -> str:
        if not self.answers:
            return "How often such answers are wrong has not been counted."
        counted = (
            f"Of {self.answers} answers on planted tasks {self.wrong} said wrongly that something helps "
            f"(95 % interval {_interval(self.wrong, self.answers)})"
        )
        if self.on_null:
            counted += (
                f"; of {self.on_null} on tasks where nothing helps, {self.wrong_on_null} did "
                f"({_interval(self.wrong_on_null, self.on_null)})"
            )
        return (
            f"{counted}." if self.answers >= ENOUGH else f"{counted}; these are too few to know how often it happens."
        )


def _interval(count: int, of: int) -> str:
    import scipy

    low, high = scipy.stats.binomtest(count, of).proportion_ci(method="wilson")
    return f"{low:.0%} to {high:.0%}"


def counted() -> FalseClaims:
    """Return what the benchmark has counted so far."""
    return FalseClaims(**json.loads(FILE.read_text(encoding="utf-8")))
