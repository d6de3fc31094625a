"""Screening: the settings of all families train together, and of each family the better ones go on.

The rule is successive halving within each family (Jamieson and Talwalkar 2016): after a ninth of the epochs the best
third of its settings goes on, after a third of them the best one. So no family, and not the plain model either, is left
behind because another one learns faster in its first epochs.
"""

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.advice.space import Setting, wider
from lab.checks import DataError, UsageError
from lab.sweep.progress import Progress, both, heard_by, listening
from lab.sweep.resumption import so_far
from lab.sweep.unpublished import train

if TYPE_CHECKING:
    from lab.engine.task import History

PARTS = (9, 3)
"""The parts of the epochs after which settings leave."""

FEWEST_EPOCHS = 3
"""No setting leaves earlier."""

WIDENED = 2
"""How often the strengths of families grow whose best one is their weakest or their strongest."""


@dataclass(frozen=True, eq=False)
class Screened:
    """The best setting of a family.

    Args:
        setting: the setting.
        loss: its validation data loss at its best epoch.
        rows: its history.
    """

    setting: Setting
    loss: float
    rows: "History"


def screen(
    space: Mapping[str, Sequence[Setting]],
    until: float,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
) -> tuple[dict[str, Screened], dict[str, str]]:
    """Train the settings of each family at one seed, and return the best of each by its validation data loss.

    Nothing here looks at the test split.

    Args:
        space: as `lab.advice.space.settings` returns it, the plain model first.
        until: when training ends, by `clock`. What has trained until then counts with its best epoch.
        say: told what is done and why.
        clock: returns seconds.

    Returns:
        What was found, and by family why it was left out.

    Raises:
        UsageError, DataError: the plain model cannot be trained, or no epoch of it was in time.
    """
    found: dict[str, Screened] = {}
    reasons: dict[str, str] = {}
    tried = {family: list(settings) for family, settings in space.items()}
    grown: Mapping[str, Sequence[Setting]] = tried
    for _ in range(WIDENED + 1):
        was_stopped = _train(grown, until, found, reasons, clock)
        beyond = {family: wider(best.setting, tried[family]) for family, best in found.items()}
        grown = {family: more for family, more in beyond.items() if more and family not in reasons}
        if was_stopped or not grown:
            break
        say(f"the best of {', '.join(grown)} is at the end of its strengths: going on beyond it")
        for family, more in grown.items():
            tried[family] += more
    if "none" not in found:
        raise UsageError(
            f"the plain model must be trained before others can be compared with it, but: "
            f"{reasons.get('none', 'the budget ended before its first epoch; raise it')}"
        )
    for family, one in found.items():
        which = one.setting.label if family != "none" else "the plain model"
        rate = one.setting.variant.training.learning_rate
        say(f"{len(tried[family])} settings of {family}: validation loss {one.loss:.4g} of {which} at rate {rate:.2g}")
    missing = [family for family in space if family not in found]
    out_of_time = "not tried: the budget of the screening was spent"
    return found, {f: f"does not apply: {reasons[f]}" if f in reasons else out_of_time for f in missing}


class _SpentError(Exception):
    """The time of the screening is over."""


def _train(
    space: Mapping[str, Sequence[Setting]],
    until: float,
    found: dict[str, Screened],
    reasons: dict[str, str],
    clock: Callable[[], float],
) -> bool:
    """Train settings together, put what is better into `found`, and say whether the time was over before the end."""
    named = {f"{family} {i}": one for family, settings in space.items() for i, one in enumerate(settings)}
    epochs = max(one.variant.training.epochs for one in named.values())
    ends = [max(FEWEST_EPOCHS, math.ceil(epochs / part)) for part in PARTS]
    seen: dict[str, dict[str, History]] = {family: {} for family in space}

    def leave(keys: Sequence[tuple[str, int]], epoch: int, histories: "Sequence[History]") -> Collection:
        for (name, _), rows in zip(keys, histories, strict=True):
            setting, loss = named[name], lowest(rows)
            seen[setting.family][name] = rows
            if setting.family not in found or loss < found[setting.family].loss:
                found[setting.family] = Screened(setting, loss, rows)
        so_far(_best(found))
        if clock() > until:
            raise _SpentError
        if epoch not in ends:
            return []
        going_on: set[str] = set()
        for family, own in seen.items():
            count = 1 if epoch == ends[-1] else math.ceil(len(space[family]) / 3)
            # Settings of another structure may have trained to their end before: only as many epochs of theirs count.
            at_epoch = {name: lowest(rows[:epoch]) for name, rows in own.items()}
            going_on |= set(sorted(at_epoch, key=at_epoch.__getitem__)[:count])
        return [key for key in keys if key[0] not in going_on]

    def failed(run: Any, reason: str) -> None:
        reasons[named[run.variant].family] = reason

    try:
        with heard_by(both(listening(), Progress(on_failure=failed))):
            train({name: one.variant for name, one in named.items()}, seeds=[0], leave=leave)
    except _SpentError:
        return True
    except (UsageError, DataError):
        # Of a family; planning, which concerns all, would have failed before any run.
        if not reasons:
            raise
    return False


def _best(found: Mapping[str, Screened]) -> str:
    plain = found.get("none")
    best = min((one for family, one in found.items() if family != "none"), key=lambda one: one.loss, default=None)
    if plain is None or best is None:
        return "so far no family can be compared with the plain model"
    return (
        f"so far, by validation only: {best.setting.label} has a loss of {best.loss:.4g} and the plain model "
        f"{plain.loss:.4g}; nothing is confirmed"
    )


def lowest(rows: "History") -> float:
    """Return the lowest validation data loss of a history, infinity if there is none."""
    return min((row["val_data_loss"] for row in rows if math.isfinite(row["val_data_loss"])), default=math.inf)
