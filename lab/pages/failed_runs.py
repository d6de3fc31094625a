"""The section of a page on the runs that failed: which, and why."""

from pathlib import Path

from lab import results
from lab.statistics.language import say


def failed_runs(folder: Path) -> list[tuple[str, str]]:
    """Return which runs of an experiment failed, in words, each time with the reason; those of one reason together.

    Args:
        folder: the experiment's.
    """
    if not results.has_experiment(folder):
        return []
    experiment = results.read_experiment(folder)
    reasons: dict[str, list[results.Failure]] = {}
    for failure in results.current_failures(folder, experiment["runs"], experiment.get("variants", [])):
        reasons.setdefault(failure.reason, []).append(failure)
    return [(_who(failures), reason) for reason, failures in reasons.items()]


def _who(failures: list[results.Failure]) -> str:
    """Return runs in words, as in "l2 at seed 3" or "8 runs of l2 and l1"."""
    names = list(dict.fromkeys(failure.variant for failure in failures))
    if len(failures) == 1:
        [one] = failures
        told = "{variant} at seed {seed}" if one.fold is None else "{variant} at seed {seed} in fold {fold}"
        return say(told, variant=one.variant, seed=one.seed, fold=one.fold)
    shown = names if len(names) < 4 else [*names[:3], say("{count} more", count=len(names) - 3)]
    who = say(" and ").join(filter(None, [say(", ").join(shown[:-1]), shown[-1]]))
    return say("{count} runs of {variants}", count=len(failures), variants=who)
