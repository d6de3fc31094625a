"""The choices of KerasTuner and Optuna on a planted task, made on runs that were trained beforehand.

Every setting that advice can reach was trained once at the seed of its screening. A trial of a tuner takes the history
of that run and is charged its epochs, so all methods see the same numbers of the same fit code, and no time is taken.
"""

import contextlib
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.advice_truth import Key
from lab.advice.space import PLAIN, RATES

BAYESIAN = "KerasTuner Bayesian"

BAYESIAN_SAMPLES = 3
"""Of each task and size the first samples on which the Bayesian search is tried: it takes more time than all else."""

MOST_BAYESIAN = 40
"""The most trials of KerasTuner's Bayesian search, each of which costs it a second of arithmetic of its own."""

METHODS = (
    "KerasTuner random",
    "KerasTuner Hyperband",
    BAYESIAN,
    "Optuna TPE",
)


class SpentError(Exception):
    """The budget is over."""


@dataclass
class Trials:
    """The trials of one search, which end with the budget.

    Args:
        losses: by setting the validation loss of each epoch of its run.
        budget: the epochs that all trials may train together.
        found: after each trial the number of trials, the epochs trained so far, and the setting with the lowest loss.
    """

    losses: Mapping[Key, Sequence[float]]
    budget: int
    found: list[tuple[int, int, Key]] = field(default_factory=list)
    spent: int = 0
    lowest: float = math.inf

    def try_out(self, key: Key, begin: int = 0, end: int | None = None) -> float:
        """Return the lowest validation loss of a setting's run up to an epoch, and charge its epochs from `begin`.

        Raises:
            SpentError: the budget does not suffice for it.
        """
        rows = self.losses[key][:end]
        self.spent += max(len(rows) - begin, 0)
        if self.spent > self.budget:
            raise SpentError
        loss = min(rows)
        best = key if loss < self.lowest or not self.found else self.found[-1][2]
        self.lowest = min(self.lowest, loss)
        self.found.append((len(self.found) + 1, self.spent, best))
        return loss

    def within(self, price: Callable[[int, int], float], budget: float) -> tuple[int, int, Key] | None:
        """Return the last of `found` whose price, of trials and epochs, is within a budget; None if there is none."""
        return next((one for one in reversed(self.found) if price(one[0], one[1]) <= budget), None)


def search(method: str, trials: Trials, epochs: int, seed: int) -> None:
    """Let a method search until the budget of its trials is over; the best validation loss chooses."""
    families: dict[str, list] = {}
    for parts, _ in trials.losses:
        family, strength = parts[0] if parts else (PLAIN, None)
        if strength not in families.setdefault(family, []):
            families[family].append(strength)
    for family, strengths in families.items():
        if all(isinstance(one, float) for one in strengths):
            families[family] = sorted(strengths)
    rates = sorted({rate for _, rate in trials.losses})

    def key_of(family: str, place: int, rate: int) -> Key:
        strength = families[family][place]
        return () if family == PLAIN else ((family, strength),), rates[rate]

    with contextlib.suppress(SpentError):
        if method == "Optuna TPE":
            _optuna(trials, families, key_of, seed)
        else:
            _keras_tuner(method.split()[1], trials, families, key_of, epochs, seed)


def _optuna(trials: Trials, families: Mapping[str, list], key_of: Callable[[str, int, int], Key], seed: int) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    # Where the budget suffices for more than all settings, nothing new is found any more.
    for _ in range(3 * len(trials.losses)):
        trial = study.ask()
        family = trial.suggest_categorical("family", list(families))
        strengths = families[family]
        place = trial.suggest_int(f"strength of {family}", 0, len(strengths) - 1) if len(strengths) > 1 else 0
        rate = trial.suggest_int("rate", 0, len(RATES) - 1)
        study.tell(trial, trials.try_out(key_of(family, place, rate)))


def _keras_tuner(
    kind: str,
    trials: Trials,
    families: Mapping[str, list],
    key_of: Callable[[str, int, int], Key],
    epochs: int,
    seed: int,
) -> None:
    import keras_tuner
    from threadpoolctl import threadpool_limits

    values = keras_tuner.HyperParameters()
    values.Choice("family", list(families))
    values.Float("strength", 0.0, 1.0)
    values.Int("rate", 0, len(RATES) - 1)
    shared = {"objective": keras_tuner.Objective("val_loss", "min"), "hyperparameters": values, "seed": seed}
    if kind == "Hyperband":
        oracle = keras_tuner.oracles.HyperbandOracle(max_epochs=epochs, hyperband_iterations=1000, **shared)
    else:
        oracles = {
            "random": keras_tuner.oracles.RandomSearchOracle,
            "Bayesian": keras_tuner.oracles.BayesianOptimizationOracle,
        }
        oracle = oracles[kind](max_trials=len(trials.losses), **shared)
    # The Bayesian search has tiny matrices, over which several threads need four times as long as one.
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        oracle._set_project_dir(folder, "search")
        oracle.verbose = 0
        for _ in range(MOST_BAYESIAN if kind == "Bayesian" else 3 * len(trials.losses)):
            trial = oracle.create_trial("one")
            if trial.status == "STOPPED":
                return
            own = trial.hyperparameters.values
            strengths = families[own["family"]]
            place = min(int(own["strength"] * len(strengths)), len(strengths) - 1)
            key = key_of(own["family"], place, own["rate"])
            begin, end = own.get("tuner/initial_epoch", 0), own.get("tuner/epochs")
            oracle.update_trial(trial.trial_id, {"val_loss": trials.try_out(key, begin, end)})
            trial.status = "COMPLETED"
            oracle.end_trial(trial)
