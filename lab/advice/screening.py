"""Screening: one family after the other is tried, and its best setting kept, until a part of the budget is spent."""

import math
import time
from collections.abc import Callable, Mapping, Sequence

from lab.advice.space import Setting
from lab.checks import DataError, UsageError
from lab.run import TrainedRun, train

Screened = Mapping[str, tuple[Setting, float, TrainedRun]]
"""By family its best setting, the validation data loss at its kept epoch, and the run."""


def screen(
    space: Mapping[str, Sequence[Setting]], until: float, say: Callable[[str], None]
) -> tuple[Screened, dict[str, str]]:
    """Train the settings of each family at one seed, and return the best of each by its validation data loss.

    Nothing here looks at the test split.

    Args:
        space: as `lab.advice.space.settings` returns it, the plain model first. It and one family
            are always tried.
        until: when no further family is begun, by `time.monotonic`; the longest of those before is taken to be as
            long as the next.
        say: told what is done and why.

    Returns:
        What was found, and by family why it was left out.
    """
    found: dict[str, tuple[Setting, float, TrainedRun]] = {}
    left_out: dict[str, str] = {}
    longest = 0.0
    for family, tried in space.items():
        if len(found) > 1 and time.monotonic() + longest > until:
            left_out[family] = "not tried: the budget of the screening was spent"
            continue
        begun = time.monotonic()
        try:
            runs = train({i: setting.variant for i, setting in enumerate(tried)}, seeds=[0])
        except (UsageError, DataError) as error:
            if family == "none":
                raise
            left_out[family] = f"does not apply: {error}"
            continue
        longest = max(longest, time.monotonic() - begun)
        lowest, best = min((_loss(runs[i, 0]), i) for i in range(len(tried)))
        found[family] = (tried[best], lowest, runs[best, 0])
        rate = tried[best].variant.training.learning_rate
        which = tried[best].label if family != "none" else "the plain model"
        say(f"{len(tried)} settings of {family}: validation loss {lowest:.4g} of {which} at the rate {rate:.2g}")
    return found, left_out


def _loss(run: TrainedRun) -> float:
    losses = [row["val_data_loss"] for row in run.trained.rows if math.isfinite(row["val_data_loss"])]
    return min(losses, default=math.inf)
