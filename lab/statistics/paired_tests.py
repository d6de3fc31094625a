"""The tests of paired differences: of a difference, of equivalence, and both while seeds are being added."""

from dataclasses import dataclass

import numpy as np

from lab.checks import UsageError
from lab.statistics.crossed import crossed_moments
from lab.statistics.estimates import p_values
from lab.statistics.sequential import at_looks, looks, needed_p, sequential_p


@dataclass(frozen=True, eq=False)
class PairedTests:
    """The tests of the mean differences of several variants.

    Args:
        differences: of shape (variants, seeds), in the order in which the seeds were added; NaN where there is none.
        rounding: of shape (variants,), as for `lab.statistics.estimates.moments`.
        overlap: of splits, as for `lab.statistics.estimates.p_values`.
        most_seeds: the last look where seeds are added until all is decided; None where their number was chosen
            beforehand. Seeds after the last look that was reached count for nothing.
        parts: where all runs are tested on the same examples, the differences at each part of them, of shape (variants,
            seeds, parts), NaN where there is none; otherwise None.

    Raises:
        UsageError: seeds are added while splits overlap.
    """

    differences: np.ndarray
    rounding: np.ndarray
    overlap: float
    most_seeds: int | None
    parts: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.most_seeds is None:
            return
        if self.overlap:
            raise UsageError(
                "most_seeds must be left out where runs are of folds, for which no sequential test is known to the "
                f"lab, got {self.most_seeds}"
            )
        seen = max((look for look in self.plan if look <= self.differences.shape[1]), default=0)
        object.__setattr__(self, "differences", self.differences[:, :seen])
        if self.parts is not None:
            object.__setattr__(self, "parts", self.parts[:, :seen])

    @property
    def plan(self) -> tuple[int, ...]:
        """The numbers of seeds at which one looks."""
        assert self.most_seeds is not None
        return looks(self.most_seeds)

    @property
    def count(self) -> float:
        """The number of parts; infinite where there are none."""
        return np.inf if self.parts is None else self.parts.shape[2]

    def moments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return count, mean, spread and floor of each variant's differences.

        The variance of the mean is `spread**2 / n + floor`. Spread is the standard deviation and floor is 0 unless all
        runs are tested on the same examples: see `lab.statistics.crossed`.
        """
        return self._moments(self.differences)

    def p(self) -> np.ndarray:
        """Return p of the two-sided test that a variant does not differ."""
        return self._sequential(self._two_sided, one_sided=False)

    def p_equivalent(self, margin: float) -> np.ndarray:
        """Return p of the test that a variant differs by at least a margin: that of the worse of two one-sided tests.

        Reference: Schuirmann 1987.
        """

        def above(some: np.ndarray) -> np.ndarray:
            _, mean, *_ = self._moments(some + margin)
            p = self._two_sided(some + margin)
            return np.where(mean > 0, p / 2, 1 - p / 2)

        sides = [self._sequential(side, one_sided=True) for side in (above, lambda some: above(-some))]
        return np.maximum(*sides)

    def confidence(self, confidence: float) -> float:
        """Return the confidence of a single interval that makes those of all looks hold together."""
        reached = (
            [k for k, look in enumerate(self.plan) if look <= self.differences.shape[1]] if self.most_seeds else []
        )
        return 1 - needed_p(1 - confidence, self.plan, reached[-1]) if reached else confidence

    def _two_sided(self, some: np.ndarray) -> np.ndarray:
        n, mean, spread, floor = self._moments(some)
        return p_values(n, mean, spread, self.overlap, floor, self.count)

    def _moments(self, some: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        # A shift changes neither spread nor floor, so the parts need not be shifted.
        return crossed_moments(some, self.rounding, None if self.parts is None else self.parts[:, : some.shape[1]])

    def _sequential(self, test, one_sided: bool) -> np.ndarray:
        if self.most_seeds is None:
            return test(self.differences)
        return sequential_p(at_looks(self.differences, self.plan, test), self.plan, one_sided=one_sided)
