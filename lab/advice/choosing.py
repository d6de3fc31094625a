"""Choosing the candidates and the learning rates of the plain model that are confirmed, in a part of the budget."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lab.advice.balance import around, balances
from lab.advice.combining import combine
from lab.advice.confirming import Size, size_for
from lab.advice.diagnosis import Diagnosis, diagnose, examined
from lab.advice.pace import Pace
from lab.advice.screening import (
    best_so_far,
    candidates,
    found_in,
    plain_to_confirm,
    screen,
    shortlist,
    tune_plain,
)
from lab.advice.screening_file import FILE, identity_of, recall, remember
from lab.advice.space import Setting, Space
from lab.advice.trials import Trials
from lab.checks import DataError, UsageError
from lab.sweep.resumption import so_far

if TYPE_CHECKING:
    from lab.data import Dataset

TUNING_SHARE = 0.2
"""The share of the budget after which the plain model is tried at no further learning rate."""

SCREENING_SHARE = 0.5
"""The share of the budget after which nothing further is tried."""

SHORTLIST_SHARE = 0.7
"""The share of the budget after which the best settings are not compared with each other any longer."""

EXAMINED_SHARE = 0.1
"""The plain model's learning curve is measured if training it took less than this share of the budget."""

CANDIDATES = 5
"""The most settings that are confirmed beside the plain model; fewer where the time is short."""

MOST_SEEDS = 192
"""The most seeds that confirm, if the budget allows for them."""


@dataclass(frozen=True)
class Chosen:
    """The candidates, and the learning rates of the plain model at which they are compared with it.

    Args:
        plain: the plain model at the rates at which it is confirmed, the best first.
        diagnosis: of the plain model.
        chosen: the candidates.
        tried: how many families were.
        left_out: by family why it was not.
        most_seeds: that confirm.
        pace: how long its batches took.
    """

    plain: Sequence[Setting]
    diagnosis: Diagnosis
    chosen: Sequence[Setting]
    tried: int
    left_out: dict[str, str]
    most_seeds: int
    pace: Pace


def choose(
    space: Space,
    data: "Dataset",
    folder: Path,
    begun: float,
    seconds: float,
    clock: Callable[[], float],
    say: Callable[[str], None],
) -> Chosen:
    """Tune, screen, combine and compare again, each until its share of the budget is spent.

    Args:
        space: of the advice.
        data: that its loader returns.
        folder: of the confirming experiment, in which the trials are kept.
        begun: when the advice began, by `clock`.
        seconds: the budget.
        clock: returns seconds.
        say: told what is done and why.

    Raises:
        UsageError, DataError: as `lab.advice.screening.tune_plain`.
    """
    identity, trials = identity_of(space), Trials(clock=clock)
    diagnosis, size = recall(folder, identity, seconds, space, trials)
    if trials.known:
        say(f"going on from the screening in {folder / FILE}")
    trials.on_epoch = lambda: so_far(best_so_far(trials))
    trials.on_round = lambda: remember(folder, identity, seconds, trials, diagnosis)
    say("tuning the learning rate of the plain model")
    trials.begin(begun + TUNING_SHARE * seconds)
    plain = tune_plain(space, trials, say)
    if diagnosis is None:
        diagnosis = diagnose(trials.known[plain.parts, plain.rate, 0].rows, _chance(space, data))
        if clock() - begun < EXAMINED_SHARE * seconds:
            say("measuring the learning curve of the plain model and the noise in the labels")
            # Parts of few examples may be too small for the model, or lack a class.
            with contextlib.suppress(UsageError, DataError):
                diagnosis = examined(diagnosis, plain, data)
        trials.on_round()
    say(str(diagnosis))
    space = replace(space, strengths=around(space, balances(space)))
    say(f"screening {len(space.families)} families, each at learning rates around that of the plain model")
    trials.begin(begun + SCREENING_SHARE * seconds)
    screen(space, plain.rate, trials, say)
    combine(space, plain, trials, say)
    found, left_out = found_in(space, plain, trials, say)
    for family, why in left_out.items():
        say(f"{family} {why}")
    tried = sum(name in found for name in space.families)
    trials.begin(begun + SHORTLIST_SHARE * seconds)
    best = candidates(shortlist(space, found, trials, say), CANDIDATES)
    # The shortlist trains the same settings on fresh splits, as the confirmation does.
    like_last = len(best) > 0 and not trials.is_over
    confirmed = plain_to_confirm(trials)
    size = size or size_for(
        begun + seconds - clock(),
        Size(len(best), MOST_SEEDS),
        trials.pace,
        plain=len(confirmed),
        like_last=like_last,
    )
    remember(folder, identity, seconds, trials, diagnosis, size)
    return Chosen(confirmed, diagnosis, best[: size.candidates], tried, left_out, size.seeds, trials.pace)


def _chance(space: Space, data: "Dataset") -> float | None:
    return space.training.chance(None if data.classes is None else len(data.classes), data.several)
