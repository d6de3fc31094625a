"""Curves over seeds: the median and a band around it, with the number of runs behind every epoch."""

import numpy as np
import pandas as pd

from lab.checks import DataError, choice, number
from lab.statistics.runs import FOLD, run_columns

BANDS = ("variant", "epoch", "runs", "n", "median", "low", "high")
"""The columns of `curves`."""

UNEQUAL = {
    "live": "each epoch shows the runs that still train; n says how many",
    "common": "only epochs that every run of the variant reaches",
}
"""The rules for runs of unequal length, in the words of a figure's caption."""


def curves(
    histories: pd.DataFrame, metric: str = "val_data_loss", *, band: float = 1.0, unequal: str = "live"
) -> pd.DataFrame:
    """Return the median and a band over the seeds, for each variant and epoch.

    Runs end at different epochs, and a run that has ended is no longer in the median. Where `n` drops, the curve
    may jump although no run did. So every epoch comes with its `n`, and the rule is chosen by name.

    Args:
        histories: the histories of one experiment below each other, with the columns "variant", "seed", "epoch"
            and the metric.
        metric: a numeric column of the histories. Values that are not finite (the last row of a diverged run)
            count as missing.
        band: the share of the runs inside the band, in (0, 1]. 1 reaches from the lowest run to the highest, 0.5
            from the lower to the upper quartile (interpolated linearly between runs).
        unequal: "live", each epoch over the runs that have a value there; "common", only epochs at which every
            run of the variant has one.

    Returns:
        The columns `BANDS`, variants in the order in which they first appear, epochs rising. `runs` is the number
        of the variant's runs, `n` how many of them are in this row.

    Raises:
        UsageError: the metric is not a numeric column, `band` or `unequal` is out of its range.
        DataError: a column is missing, or a run has two rows of one epoch.
    """
    for name in ("variant", "seed", "epoch"):
        if name not in histories:
            got = ", ".join(map(str, histories.columns)) or "no column"
            raise DataError(f"a table of histories must have the column {name!r}, got {got}")
    runs = run_columns(histories)
    numeric = histories.select_dtypes("number").columns.difference(["seed", FOLD, "epoch"], sort=False)
    choice("metric", metric, map(str, numeric))
    band = number("band", band, "the share of the runs inside the band", low_open=True, high=1)
    choice("unequal", unequal, UNEQUAL)
    twice = histories.duplicated([*runs, "epoch"])
    if twice.any():
        first = histories[twice].iloc[0]
        raise DataError(
            f"a run must have one row per epoch, got two of variant {first['variant']!r}, seed {first['seed']}, "
            f"epoch {first['epoch']}; pass the histories of one experiment"
        )

    table = histories[[*runs, "epoch", metric]]
    order = table["variant"].drop_duplicates()
    counts = table.drop_duplicates(runs)["variant"].value_counts()
    table = table[np.isfinite(table[metric].astype(float))]
    groups = table.groupby(["variant", "epoch"], sort=False)[metric]
    if band == 1:
        low, high = groups.min(), groups.max()
    else:
        low, high = (groups.quantile(share) for share in ((1 - band) / 2, (1 + band) / 2))
    result = pd.DataFrame({"n": groups.count(), "median": groups.median(), "low": low, "high": high}).reset_index()
    result.insert(2, "runs", result["variant"].map(counts))
    if unequal == "common":
        result = result[result["n"] == result["runs"]]
    place = result["variant"].map({variant: place for place, variant in enumerate(order)})
    result = result.assign(place=place).sort_values(["place", "epoch"], ignore_index=True)
    return result[list(BANDS)]
