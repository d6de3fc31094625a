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
    """

    answers: int
    wrong: int

    def __str__(self) -> str:
        import scipy

        if not self.answers:
            return "How often such answers are wrong has not been counted."
        low, high = scipy.stats.binomtest(self.wrong, self.answers).proportion_ci(method="wilson")
        counted = (
            f"Of {self.answers} answers on planted tasks {self.wrong} said wrongly that something helps "
            f"(95 % interval {low:.0%} to {high:.0%})"
        )
        return (
            f"{counted}." if self.answers >= ENOUGH else f"{counted}; these are too few to know how often it happens."
        )


def counted() -> FalseClaims:
    """Return what the benchmark has counted so far."""
    content = json.loads(FILE.read_text(encoding="utf-8"))
    return FalseClaims(content["answers"], content["wrong"])
