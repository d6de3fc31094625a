"""The section of a page on the runs that failed: which, and why."""

from pathlib import Path

from lab import results


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
        return f"{one.variant} at seed {one.seed}" + ("" if one.fold is None else f" in fold {one.fold}")
    shown = names if len(names) < 4 else [*names[:3], f"{len(names) - 3} more"]
    return f"{len(failures)} runs of {' and '.join(filter(None, [', '.join(shown[:-1]), shown[-1]]))}"
