"""Combinations of the families that survive: a search by Optuna, or by a Sobol sequence where it is not installed.

It is asked for a batch of combinations, which train together, and is told what came of them. Each has two families or
more, each at its best strength or at one beside it, and a learning rate around the plain model's best one.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from lab.advice.space import RATES, Part, Setting, Space
from lab.advice.trials import Trials
from lab.checks import UsageError

SURVIVORS = 4
"""The most families that are combined."""

BATCHES = 2
"""How often the search is asked."""

BATCH = 8
"""How many combinations train together."""

Choice = tuple[int, ...]
"""For each survivor the place of its strength, 0 where it is left out; then that of the learning rate."""


class Search(Protocol):
    """A search among choices, each number of which is below that of `counts`."""

    def ask(self) -> Choice:
        """Return what to try next."""

    def tell(self, choice: Choice, loss: float) -> None:
        """Take a loss; infinity where there is none."""


def combine(space: Space, plain: Setting, trials: Trials, say: Callable[[str], None]) -> None:
    """Try combinations of the best families that are better than the plain model.

    Args:
        space: of the advice.
        plain: the plain model at its best rate.
        trials: are added to.
        say: told what is done and why.
    """
    strengths = _survivors(space, plain, trials)
    if len(strengths) < 2 or trials.is_over or trials.is_closed:
        return
    rates = [plain.rate + step for step in RATES]
    counts = (*(len(own) + 1 for own in strengths.values()), len(rates))
    search, called = search_of(counts)
    say(f"combining {', '.join(strengths)} by {called}")
    for _ in range(BATCHES):
        asked: dict[Choice, Setting] = {}
        # A search may ask for what is known, or for a single family, which is none.
        for choice in itertools.islice(iter(search.ask, None), 8 * BATCH):
            parts = _parts(strengths, choice)
            if len(parts) < 2 or choice in asked:
                search.tell(choice, _loss(space, trials, parts, rates[choice[-1]]))
                continue
            try:
                asked[choice] = space.at(parts, rates[choice[-1]])
            except UsageError:
                # Families that exclude each other, as label smoothing and focal loss do.
                search.tell(choice, float("inf"))
            if len(asked) == BATCH:
                break
        trials.train(asked.values())
        for choice, setting in asked.items():
            search.tell(choice, _loss(space, trials, setting.parts, setting.rate))
        if trials.is_over or not asked:
            break


def _survivors(space: Space, plain: Setting, trials: Trials) -> dict[str, list[float | str]]:
    """Return the families that are better than the plain model, the best first, with their strengths to be combined."""
    most = trials.known[plain.parts, plain.rate, 0].loss
    best = {name: one for name in space.families if (one := trials.best(name)) is not None and one.loss < most}
    found: dict[str, list[float | str]] = {}
    for name in sorted(best, key=lambda name: best[name].loss)[:SURVIVORS]:
        tried = list(dict.fromkeys(strength for one in trials.of(name) for _, strength in one.setting.parts))
        if all(isinstance(one, float) for one in tried):
            tried.sort()
        place = tried.index(best[name].setting.parts[0][1])
        found[name] = tried[max(place - 1, 0) : place + 2]
    return found


def _parts(strengths: Mapping[str, Sequence[float | str]], choice: Choice) -> tuple[Part, ...]:
    return tuple((name, own[at - 1]) for (name, own), at in zip(strengths.items(), choice, strict=False) if at)


def _loss(space: Space, trials: Trials, parts: Sequence[Part], rate: int) -> float:
    trial = trials.known.get((tuple(parts), rate, 0))
    return float("inf") if trial is None else trial.loss


def search_of(counts: Sequence[int]) -> tuple[Search, str]:
    """Return a search among choices, and its name.

    Args:
        counts: how many values each number of a choice has.
    """
    try:
        import optuna
    except ImportError:
        return _Sobol(counts), "a Sobol sequence"
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return _Optuna(counts), "Optuna"


class _Sobol:
    """The points of a scrambled Sobol sequence, which learns nothing from losses."""

    def __init__(self, counts: Sequence[int]) -> None:
        self.points = _sobol(counts)

    def ask(self) -> Choice:
        return next(self.points)

    def tell(self, choice: Choice, loss: float) -> None:
        pass


def _sobol(counts: Sequence[int]) -> Iterator[Choice]:
    from scipy.stats import qmc

    sequence = qmc.Sobol(len(counts), rng=0)
    while True:
        for point in sequence.random(64):
            yield tuple(int(share * count) for share, count in zip(point, counts, strict=True))


class _Optuna:
    """Optuna's TPE sampler by ask and tell; a batch is asked for before any of it is told."""

    def __init__(self, counts: Sequence[int]) -> None:
        import optuna

        sampler = optuna.samplers.TPESampler(seed=0, constant_liar=True, n_startup_trials=BATCH)
        self.study, self.counts = optuna.create_study(sampler=sampler), counts
        self.asked: dict[Choice, list] = {}

    def ask(self) -> Choice:
        trial = self.study.ask()
        choice = tuple(trial.suggest_int(str(place), 0, count - 1) for place, count in enumerate(self.counts))
        self.asked.setdefault(choice, []).append(trial)
        return choice

    def tell(self, choice: Choice, loss: float) -> None:
        import optuna

        failed = optuna.trial.TrialState.FAIL
        for trial in self.asked.pop(choice, []):
            if loss < float("inf"):
                self.study.tell(trial, loss)
            else:
                self.study.tell(trial, state=failed)
