"""Candidates against the plain model at each of its learning rates that are confirmed.

A regularizer that makes up for a learning rate that was chosen badly is better than the plain model, but another rate
would have done as well. So the plain model is confirmed at the two rates that look best, and a candidate helps if it is
better than both. Then it is also better than the better one of them, whichever that is, and the probability to say so
wrongly is at most that of the comparison with this one alone (an intersection-union test, Berger 1982).

Without this, 11 of 260 answers of `benchmarks.advise` were counted as false. With 64 further seeds each, the claims of
6 of these are better than the plain model at the rate that it had and worse than it at another one; those of 3 are
better than it at every rate that was tried; and 2 are errors of the test itself.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lab.statistics import compare
from lab.statistics.crossed import crossed, of_parts
from lab.statistics.power import power
from lab.statistics.seeds_needed import strictest_level

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from lab.results.tables import Tables

AGAINST = "against"
"""The column that says with which variant a candidate is compared."""


def against_plain(
    tables: "Tables", plain: Sequence[str], *, margin: float | None, most_seeds: int | None
) -> "pd.DataFrame":
    """Return one row per candidate: its comparison with the plain model at the rate at which it looks worst.

    Where it is better than the plain model at some rates only, this is the worst of the others. A rate at which a run
    of the plain model diverged does not count: nobody would take it, and it may leave no pairs of runs.

    Args:
        tables: of the confirmation.
        plain: the variants of the plain model, the baseline first.
        margin, most_seeds: as in `lab.statistics.compare`.

    Returns:
        The columns of `lab.statistics.compare`, and "against".
    """
    import pandas as pd

    first = tables.comparison
    diverged = set(first.loc[first["diverged"] > 0, "variant"])
    rates = [plain[0], *(rate for rate in plain[1:] if rate not in diverged)]
    others = [
        compare(
            tables.summary,
            rate,
            generalizes_over=str(first["generalizes_over"].iloc[0]),
            margin=margin,
            most_seeds=most_seeds,
            parts=tables.test_parts,
        )
        for rate in rates[1:]
    ]
    rows = pd.concat([one.assign(**{AGAINST: name}) for name, one in zip(rates, [first, *others], strict=True)])
    rows = rows[~rows["variant"].isin(plain)]
    order = {name: place for place, name in enumerate(rows["variant"].unique())}
    looks = rows.assign(is_better=rows["decision"] == "better", place=rows["variant"].map(order))
    worst_first = looks.sort_values(["place", "is_better", "difference"], ascending=[True, True, False], kind="stable")
    return worst_first.drop_duplicates("variant").drop(columns=["is_better", "place"]).reset_index(drop=True)


def chances(tables: "Tables", compared: "pd.DataFrame", seeds: int, *, confidence: float = 0.95) -> "np.ndarray":
    """Return with which probability each candidate is decided after so many seeds, if its difference is that so far.

    Looking before is not allowed for, so these are a little too high.

    Args:
        tables: of the confirmation, with the losses at the parts of the test split.
        compared: as `against_plain` returns it.
        seeds: how many.
        confidence: of the decisions, in (0, 1).

    Returns:
        float64 of shape (candidates,), in [0, 1]; NaN under two seeds.
    """
    import numpy as np

    assert tables.test_parts is not None
    level = strictest_level(1 - confidence, len(tables.comparison) - 1, "holm")
    done = np.sort(tables.summary["seed"].unique())
    pairs = zip(compared[AGAINST], compared["variant"], strict=True)
    losses = np.stack([of_parts(tables.test_parts, list(pair), done) for pair in pairs])
    differences = losses[:, 1] - losses[:, 0]
    spread, floor = crossed(differences)
    mean = np.abs(np.nanmean(differences, axis=(1, 2)))
    with np.errstate(divide="ignore", invalid="ignore"):
        return power(mean / spread, seeds, level, floor / spread**2, differences.shape[2])


def best_plain(tables: "Tables", plain: Sequence[str]) -> str:
    """Return the variant of the plain model that is advised where nothing helps.

    That is the baseline, whose rate looked best before the confirmation, unless another one is shown to be better.

    Args:
        tables, plain: as for `against_plain`.
    """
    rows = tables.comparison.set_index("variant").loc[list(plain)]
    better = rows[rows["decision"] == "better"]
    return str(better["difference"].idxmin()) if len(better) else plain[0]
