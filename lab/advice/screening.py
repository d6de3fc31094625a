"""Screening: the plain model at its best learning rate, and of each family the best setting, by validation.

The plain model comes first, at learning rates that go on beyond their ends while the best one lies there. Then each
family is tried at its strengths, each at the same rates around the plain model's best one, and goes on beyond their
ends, too. So no family is called better than a plain model that was trained at a worse rate.
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lab.advice.fresh_splits import fresh_splits
from lab.advice.space import COMBINED, PLAIN, RATES, RATES_OF_PLAIN, Setting, Space
from lab.advice.trials import Trial, Trials
from lab.checks import UsageError

SEEDS_OF_PLAIN = (0, 1, 2)
"""The seeds over which the plain model's learning rate is chosen; families have the first of them."""

SEEDS_OF_SHORTLIST = (10, 11, 12, 13)
"""The seeds at which the best settings are compared with each other, each with a validation split of its own."""

SHORTLIST = 8
"""The most families whose best settings are compared with each other."""

SHORTLISTED = (3, 2, 1)
"""How many settings of each family these are: the first of the numbers for which there is time."""

RATES_CONFIRMED = 2
"""At how many of its learning rates the plain model is confirmed: see `lab.advice.against_plain`."""

WIDENED = 3
"""How often one goes on beyond the ends."""


def tune_plain(space: Space, trials: Trials, say: Callable[[str], None]) -> Setting:
    """Train the plain model at its learning rates, and return it at the one with the lowest mean validation loss.

    Args:
        space: of the advice.
        trials: are added to.
        say: told what is done and why.

    Raises:
        UsageError, DataError: it cannot be trained, or no epoch of it was in time.
    """
    further = space.first(PLAIN, RATES_OF_PLAIN)
    for _ in range(WIDENED + 1):
        trials.train(further, seeds=SEEDS_OF_PLAIN, halving=False)
        best = next(iter(_tuned(trials)), None)
        if best is None or trials.is_over:
            break
        further = space.beyond(best, [one.setting for one in trials.of(PLAIN)])
        if not further:
            break
        say(f"the plain model is best at the end of its learning rates: going on to {further[0].learning_rate:.2g}")
    if best is None:
        raise UsageError(
            f"the plain model must be trained before others can be compared with it, but: "
            f"{trials.reasons.get(PLAIN, 'the budget ended before its first epoch; raise it')}"
        )
    return best


def _tuned(trials: Trials) -> list[Setting]:
    """Return the plain model at its learning rates, the best first by the seeds that tune, as far as all have them."""
    losses = {seed: {one.setting: one.loss for one in trials.of(PLAIN, seed)} for seed in SEEDS_OF_PLAIN}
    seeds = [seed for seed in SEEDS_OF_PLAIN if len(losses[seed]) == len(losses[0])]
    return _ranked({one: float(np.mean([losses[seed][one] for seed in seeds])) for one in losses[0]})


def _ranked(means: Mapping[Setting, float]) -> list[Setting]:
    return sorted((one for one, mean in means.items() if math.isfinite(mean)), key=lambda one: means[one])


def plain_to_confirm(trials: Trials) -> list[Setting]:
    """Return the plain model at the learning rates at which it is confirmed, the best first.

    The seeds of the shortlist say which these are, as they have not chosen any rate; where it was not trained at them,
    those that tuned the rate.
    """
    return (_ranked(_means(PLAIN, trials)) or _tuned(trials))[:RATES_CONFIRMED]


def screen(space: Space, rate: int, trials: Trials, say: Callable[[str], None]) -> None:
    """Train the settings of each family, the first ones together, and then those beyond the ends.

    Args:
        space: of the advice.
        rate: the plain model's best one.
        trials: are added to.
        say: told what is done and why.
    """
    rates = [rate + step for step in RATES]
    first = [one for family in space.families for one in space.first(family, rates)]
    trials.train(first)
    for _ in range(WIDENED):
        beyond = {}
        for family in space.families:
            best = trials.best(family)
            if best is not None and family not in trials.reasons:
                tried = [one.setting for one in trials.of(family)]
                beyond[family] = [one for one in space.beyond(best.setting, tried) if one not in tried]
        names = [family for family, further in beyond.items() if further]
        if trials.is_over or not names:
            break
        say(f"going on beyond the strengths or learning rates at whose end the best of {', '.join(names)} is")
        trials.train([one for further in beyond.values() for one in further])


def found_in(
    space: Space, plain: Setting, trials: Trials, say: Callable[[str], None]
) -> tuple[dict[str, Trial], dict[str, str]]:
    """Return the best trial of each family, the plain model's first, and by family why it was left out.

    Args:
        space: of the advice.
        plain: the plain model at its best rate.
        trials: all of them.
        say: told what was found, family by family.
    """
    found = {PLAIN: trials.known[plain.parts, plain.rate, 0]}
    found |= {name: best for name in trials.families() if name != PLAIN and (best := trials.best(name)) is not None}
    for family, one in found.items():
        rate, count = one.setting.learning_rate, len(trials.of(family))
        settings = "1 setting" if count == 1 else f"{count} settings"
        say(f"{settings} of {family}: validation loss {one.loss:.4g} of {one.setting.label} at rate {rate:.2g}")
    missing = [family for family in space.families if family not in found]
    out_of_time = "not tried: the budget of the screening was spent"
    reasons = trials.reasons
    return found, {f: f"does not apply: {reasons[f]}" if f in reasons else out_of_time for f in missing}


def shortlist(space: Space, found: Mapping[str, Trial], trials: Trials, say: Callable[[str], None]) -> list[Setting]:
    """Return the best settings beside the plain model, of different families, the best first.

    The best of many settings is so by luck, too. So those that look best are trained again at seeds that have not
    chosen them, which cut the training and validation examples anew. The mean losses there say which setting of a
    family is the best, and which family. The plain model is among them, at its best learning rates and at those of the
    others: a family is not to be called better for a rate at which the plain model was not tried as well.

    Args:
        space: of the advice.
        found: as `found_in` returns it.
        trials: are added to. Where the time is over before all have been trained, their first losses count.
        say: told what is done and why.
    """
    others = [one for family, one in found.items() if family != PLAIN]
    best = [one.setting for one in sorted(others, key=lambda one: one.loss)][:SHORTLIST]
    wanted = _listed(space, best, trials)
    if best:
        again = sum(bool(one.parts) for one in wanted)
        rates = ", ".join(f"{one.learning_rate:.2g}" for one in wanted if not one.parts)
        say(
            f"training the {again} best settings again, and the plain model at learning rates {rates}, each on "
            f"{len(SEEDS_OF_SHORTLIST)} new splits"
        )
        load = functools.partial(fresh_splits, space.load)
        trials.train(wanted, seeds=SEEDS_OF_SHORTLIST, halving=False, load=load)
    # Runs that an earlier call of the same command trained count as well.
    means = {family: _means(family, trials) for family in (one.family for one in best)}
    if not all(one in means[one.family] for one in best):
        return best
    firsts = {min(own, key=lambda one: own[one]): min(own.values()) for own in means.values()}
    return sorted(firsts, key=lambda one: firsts[one])


def _listed(space: Space, best: Sequence[Setting], trials: Trials) -> list[Setting]:
    """Return the settings of the shortlist: of each family as many as there is time for, at least the best one.

    Args:
        space: of the advice.
        best: the best setting of each family but the plain model.
        trials: all of them.
    """
    programs = max((batch.programs for batch in trials.pace.batches), default=1)
    forecast, left = trials.pace.forecast(programs), trials.until - trials.clock()
    own = [[trial for trial in trials.of(one.family) if math.isfinite(trial.loss)] for one in best]
    ranked = [sorted(some, key=lambda trial: trial.loss) for some in own]
    tuned = _tuned(trials)
    for count in SHORTLISTED:
        others = [trial.setting for some in ranked for trial in some[:count]]
        rates = {one.rate for one in (*tuned[: max(count, RATES_CONFIRMED)], *others)}
        listed = [*(space.at((), rate) for rate in sorted(rates)), *others]
        if forecast.seconds(len(SEEDS_OF_SHORTLIST) * len(listed)) <= left:
            break
    return listed


def _means(family: str, trials: Trials) -> dict[Setting, float]:
    """Return by setting of a family the mean loss over the seeds of the shortlist, if it was trained at all of them."""
    known = {
        one.setting: [(one.setting.parts, one.setting.rate, seed) for seed in SEEDS_OF_SHORTLIST]
        for one in trials.known.values()
        if one.setting.family == family
    }
    return {
        one: float(np.mean([trials.known[key].loss for key in keys]))
        for one, keys in known.items()
        if all(key in trials.known and key not in trials.cut for key in keys)
    }


def candidates(best: Sequence[Setting], most: int) -> Sequence[Setting]:
    """Return the first settings, and at most one combination of some.

    Args:
        best: settings, the best first.
        most: how many.
    """
    combined = [one for one in best if COMBINED in one.family][1:]
    return [one for one in best if one not in combined][:most]


def best_so_far(trials: Trials) -> str:
    """Return in a sentence which family is best by validation, for a command that is stopped."""
    plain = trials.best(PLAIN)
    others = [one for name in trials.families() if name != PLAIN and (one := trials.best(name)) is not None]
    if plain is None or not others:
        return "so far no family can be compared with the plain model"
    best = min(others, key=lambda one: one.loss)
    return (
        f"so far, by validation only: {best.setting.label} has a loss of {best.loss:.4g} and the plain model "
        f"{plain.loss:.4g}; nothing is confirmed"
    )
