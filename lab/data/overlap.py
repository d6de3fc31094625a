"""Examples that are in two splits, and how many of them chance explains.

Real data repeat themselves: small pictures, rounded measurements and tables with few answers hold equal rows, and
where splits are drawn at random some of these fall into both. So a few are allowed. Each example of the smaller split
is granted a chance of being in the larger one, too: the share of examples that a split holds more than once, in the
split where that share is largest, and at least `NATURAL`. Splits are refused where that chance gives as many shared
examples as were found with a probability of at most `CHANCE`, by Chernoff's bound on the binomial distribution. So a
copied split of two examples or more is refused, and a table whose rows all repeat is not.

Examples are equal if their numbers are; their labels do not count.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import combinations

import numpy as np

from lab.checks import DataError

NATURAL = 0.005
CHANCE = 1e-4


def counted(x: Iterable[np.ndarray]) -> Counter[bytes]:
    """Return how often each example is in x, by a hash of its numbers."""
    # Adding 0 makes one number of -0 and 0.
    return Counter(hashlib.blake2b((row + 0).tobytes(), digest_size=16).digest() for row in x)


def refuse_overlap(name: str, splits: Mapping[str, Iterable[np.ndarray]]) -> None:
    """Refuse splits of which two share more examples than chance explains.

    Args:
        name: of the data set.
        splits: the examples of each split by its name.

    Raises:
        DataError: the number and the share of the smaller split's examples that are in the larger one too.
    """
    counts = {split: counted(x) for split, x in splits.items()}
    repeated = (sum(n for n in count.values() if n > 1) / count.total() for count in counts.values())
    chance = max(NATURAL, *repeated)
    for one, other in combinations(counts, 2):
        small, large = (one, other) if counts[one].total() < counts[other].total() else (other, one)
        size = counts[small].total()
        shared = sum(count for row, count in counts[small].items() if row in counts[large])
        if likelihood(shared, size, chance) <= CHANCE:
            raise DataError(
                f"{shared} of the {size} examples of the {small} split of {name} ({100 * shared / size:.3g} %) are in "
                f"its {large} split too, more than chance explains; splits must be disjoint, so take them out of one"
            )


def likelihood(found: int, size: int, chance: float) -> float:
    """Return Chernoff's bound on the probability of at least `found` successes in `size` trials of this chance."""
    share = found / size
    if share <= chance:
        return 1.0
    rest = (1 - share) * math.log((1 - share) / (1 - chance)) if share < 1 else 0.0
    return math.exp(-size * (share * math.log(share / chance) + rest))
