"""Trials: settings that train together, of which the better ones of each family go on.

The rule is successive halving within each family (Jamieson and Talwalkar 2016): after a quarter of the epochs the
better half of its settings goes on, after half of them the best quarter. So no family is left behind because another
one learns faster in its first epochs. On one sample of six tasks of `benchmarks.advise`, families trained 50 to 91 % of
the epochs that all of their settings would have, and ended .0 to .6 % above the lowest validation loss of these.
"""

import math
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lab.advice.pace import Pace
from lab.advice.space import PLAIN, Part, Setting
from lab.checks import DataError, UsageError
from lab.sweep.progress import Progress, both, heard_by, listening
from lab.sweep.unpublished import train

if TYPE_CHECKING:
    from lab.engine.task import History

CUTS = ((4, 2), (2, 4))
"""After the first part of the epochs the best second part of a family's settings goes on: a half after a quarter."""

FEWEST_EPOCHS = 3
"""No setting leaves earlier."""

Key = tuple[tuple[Part, ...], int, int]
"""The parts and the rate of a setting, and the seed of a trial."""


@dataclass(frozen=True, eq=False)
class Trial:
    """A setting that was trained at a seed, perhaps not to its end.

    Args:
        setting: the setting.
        loss: its validation data loss at its best epoch; infinity if it had none.
        rows: its history; empty where it is not kept.
    """

    setting: Setting
    loss: float
    rows: "History" = ()


@dataclass(eq=False)
class Trials:
    """The trials so far, and the time at which trying ends.

    Args:
        until: when training ends, by `clock`. What has trained until then counts with its best epoch.
        clock: returns seconds.
        known: by setting and seed what has been tried, here or by the same command before it was stopped.
        reasons: by family why it could not be trained.
        on_epoch: called after each epoch.
        on_round: called after all settings of a call have been tried, or the time is over.
        is_over: whether the time was over before all had trained.
        is_closed: whether nothing more is trained, as the same command has used up the time before.
        cut: what had not trained to its end when the time was over.
        pace: how long the settings of each call took.
    """

    until: float = math.inf
    clock: Callable[[], float] = time.monotonic
    known: dict[Key, Trial] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    on_epoch: Callable[[], None] = lambda: None
    on_round: Callable[[], None] = lambda: None
    is_over: bool = False
    is_closed: bool = False
    cut: set[Key] = field(default_factory=set)
    pace: Pace = field(init=False)

    def __post_init__(self) -> None:
        self.pace = Pace(self.clock)

    def begin(self, until: float) -> None:
        """Begin another part of the screening, which ends at a time of its own."""
        self.until, self.is_over = until, False

    def best(self, family: str, seed: int = 0) -> Trial | None:
        """Return the best trial of a family; None if it has none with a finite loss."""
        own = [one for one in self.of(family, seed) if math.isfinite(one.loss)]
        return min(own, key=lambda one: one.loss, default=None)

    def of(self, family: str, seed: int = 0) -> list[Trial]:
        """Return the trials of a family at a seed."""
        return [one for (_, _, at), one in self.known.items() if one.setting.family == family and at == seed]

    def families(self) -> list[str]:
        """Return the families that have a finite loss, the plain model first."""
        names = dict.fromkeys(one.setting.family for one in self.known.values() if math.isfinite(one.loss))
        return sorted(names, key=lambda name: name != PLAIN)

    def train(
        self,
        settings: Iterable[Setting],
        *,
        seeds: Sequence[int] = (0,),
        halving: bool = True,
        load: Callable | None = None,
    ) -> None:
        """Train the settings that are not known yet together, until they end or the time is over.

        Args:
            settings: those of a family that cannot be trained are left out.
            seeds: of each.
            halving: whether the worse settings of a family leave early.
            load: the data of each seed, called with it; None takes those of the settings for all.

        Raises:
            UsageError, DataError: what concerns all settings, as a loader that fails.
        """
        wanted = [one for one in settings if any((one.parts, one.rate, seed) not in self.known for seed in seeds)]
        if not wanted or self.is_over or self.is_closed:
            return
        halved, had = _Halving(wanted) if halving else None, dict(self.reasons)

        def leave(keys: Sequence[tuple[int, int]], epoch: int, histories: "Sequence[History]") -> Collection:
            for (place, seed), rows in zip(keys, histories, strict=True):
                one = wanted[place]
                self.known[one.parts, one.rate, seed] = Trial(one, lowest(rows), rows)
            self.on_epoch()
            if self.clock() > self.until:
                raise _SpentError
            return [] if halved is None else halved.leaving(keys, epoch, histories)

        def failed(run: Any, reason: str) -> None:
            self.reasons[wanted[int(run.variant)].family] = reason

        try:
            with self.pace.measured(), heard_by(both(listening(), Progress(on_failure=failed))):
                variants = {place: one.variant for place, one in enumerate(wanted)}
                if load is not None:
                    variants = {place: replace(one, data=load) for place, one in variants.items()}
                train(variants, seeds=seeds, redraw_data=load is not None, leave=leave)
        except _SpentError:
            self.is_over = True
            self.cut |= {(one.parts, one.rate, seed) for one in wanted for seed in seeds}
        except (UsageError, DataError):
            # Of a family; planning, which concerns all, would have failed before any run.
            if self.reasons == had:
                raise
        self.on_round()


class _SpentError(Exception):
    """The time is over."""


class _Halving:
    """The settings that leave a family after a part of the epochs.

    Args:
        settings: all that train together.
    """

    def __init__(self, settings: Sequence[Setting]) -> None:
        epochs = max(one.variant.training.epochs for one in settings)
        self.counts = {max(FEWEST_EPOCHS, math.ceil(epochs / part)): of for part, of in CUTS}
        self.settings = settings
        self.seen: dict[str, dict[int, History]] = {}

    def leaving(self, keys: Sequence[tuple[int, int]], epoch: int, histories: "Sequence[History]") -> Collection:
        """Return which of the runs that have trained an epoch together end with it."""
        for (place, _), rows in zip(keys, histories, strict=True):
            self.seen.setdefault(self.settings[place].family, {})[place] = rows
        if epoch not in self.counts:
            return []
        going_on: set[int] = set()
        for family, own in self.seen.items():
            count = math.ceil(sum(one.family == family for one in self.settings) / self.counts[epoch])
            # Settings of another structure may have trained to their end before: only as many epochs of theirs count.
            at_epoch = {place: lowest(rows[:epoch]) for place, rows in own.items()}
            going_on |= set(sorted(at_epoch, key=at_epoch.__getitem__)[:count])
        return [key for key in keys if key[0] not in going_on]


def lowest(rows: "History") -> float:
    """Return the lowest validation data loss of a history, infinity if there is none."""
    return min((row["val_data_loss"] for row in rows if math.isfinite(row["val_data_loss"])), default=math.inf)
