"""Variants that were trained to the same numbers: whatever differs in their declarations had no effect."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lab.statistics.language import say
from lab.statistics.runs import pair_columns


def identical(summary: pd.DataFrame) -> list[list[str]]:
    """Return the groups of variants whose data losses agree to the last digit on every seed.

    A difference of exactly 0 is no small difference: a regularizer that reached no layer, or two names for one thing.

    Args:
        summary: one row per run: "variant", "seed" and columns that end in "data_loss".
    """
    losses = [name for name in summary.columns if str(name).endswith("data_loss")]
    if not losses or "seed" not in summary:
        return []
    groups: dict[str, list[str]] = {}
    keys = pair_columns(summary)
    runs = summary[[*keys, *losses]].to_numpy(float)
    for variant, places in summary.groupby(summary["variant"].map(str), sort=False).indices.items():
        known = runs[places]
        # Without a finite loss nothing is compared: runs that all diverged at once are no pair.
        if not np.isnan(known[:, len(keys) :]).all():
            ordered = known[np.lexsort(known[:, : len(keys)].T[::-1])]
            groups.setdefault(str(ordered.tolist()), []).append(str(variant))
    return [group for group in groups.values() if len(group) > 1]


def identical_note(summary: pd.DataFrame) -> str:
    """Return a sentence for each group of identical variants; empty where there is none."""
    return say(" ").join(
        say(
            "{names} have the same losses to the last digit on every seed: what differs in their declarations has no "
            "effect.",
            names=_names(group),
        )
        for group in identical(summary)
    )


def _names(group: Sequence[str]) -> str:
    return say(" and ").join([say(", ").join(group[:-1]), group[-1]])
