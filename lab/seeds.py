"""Seeds that depend on what they are for, and on nothing else.

A global random stream is handed out in construction order, so adding one Dropout layer changes the
initial weights of every later layer, and a background thread can draw from it too. Here every random
choice has its own seed, derived from the run's seed and the names of the choice.
"""

import hashlib

MOST_SEEDS = 10_000
"""No comparison needs more seeds; a number far above it would fill the memory before the first run."""


class Derived(int):
    """A seed that says which choice it is for, so that the seed of the same choice in another run follows from it.

    Attributes:
        names: of the choice.
    """

    names: tuple[str | int, ...] = ()

    def of_run(self, seed: int) -> "Derived":
        """Return the seed of this choice in the run of another seed."""
        return derive(seed, *self.names)


def derive(seed: int, *names: str | int) -> Derived:
    """Return the seed of one random choice, in [0, 2**31).

    Args:
        seed: the run's (or the data's) seed.
        names: what the choice is for, as in ("dense_1", "kernel"); equal names give equal seeds, so
            variants of one seed share their initial weights and, where they share layers, their masks.
    """
    text = "/".join(str(part) for part in (seed, *names))
    derived = Derived(int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1)
    derived.names = names
    return derived
