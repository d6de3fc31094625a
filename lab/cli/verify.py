"""`python -m lab verify`: published runs trained again, and compared with what is published."""

from collections import Counter
from typing import Annotated

from rich.console import Console

from lab.checks import DataError, UsageError, number
from lab.cli.find import find
from lab.cli.options import Name, Options, Share, Text
from lab.cli.running import declared
from lab.experiment import Experiment

OTHERS = (
    *("engine", "keep_models", "retry_failed", "fresh", "until_decided", "margin"),
    *("workers", "cluster", "scheduler_file", "checkpoint_every"),
)
"""The options of `run` that decide nothing here: a run is trained by the engine that trained it."""


def verify_runs(
    experiment: Name,
    /,
    *,
    run: Text = None,
    tolerance: Annotated[float, Share] = 0.02,
    options: Options | None = None,
) -> None:
    """Train published runs again and compare them with what is published. Exits with 1 where they differ.

    They are compared bit for bit where engine, threads and versions are those that run.json tells of, and otherwise
    within a tolerance: the validation data loss of the kept epoch, and the test data loss. Nothing is written.

    Args:
        experiment: its name in the folder "experiments" here or among the lab's own, or the path of a script; with the
            options that it was run with.
        run: the name of one run's folder; all that are published unless named.
        tolerance: the largest difference, as a share of the published number.
    """
    options = options or Options()
    for name in OTHERS:
        if getattr(options, name, None) not in (None, False):
            words = f"--{name.replace('_', '-')}"
            raise UsageError(f"{words} must be left out of verify, which trains each run as it was trained")
    number("--tolerance", tolerance, "the largest difference, as a share of the published number", high=1.0)
    found = find(experiment)
    if not isinstance(found, Experiment):
        raise UsageError(f"experiment must declare an Experiment, which has runs, got the study {found.name!r}")
    wanted = declared(found, options)
    _verify(wanted, run, tolerance, options)


def _verify(experiment: Experiment, name: str | None, tolerance: float, options: Options) -> None:
    from lab.engine import precision
    from lab.plan import plan
    from lab.sweep.progress import on_terminal
    from lab.sweep.verify import BITS, refuse_unpublished, verify

    precision.check(experiment.precision)
    folder = options.results / experiment.name
    with on_terminal(Console(), quiet=options.quiet, verbose=options.verbose) as progress:
        runs = refuse_unpublished(folder, plan(experiment, []), name)
        verdicts = verify(folder, runs, tolerance=tolerance, precision=experiment.precision, progress=progress)
    counts = Counter((verdict.by, verdict.fits) for verdict in verdicts)
    if counts[BITS, True]:
        print(f"{counts[BITS, True]} of {len(verdicts)} runs are the same to the last bit")
    within = [verdict for verdict in verdicts if verdict.by != BITS and verdict.fits]
    if within:
        print(f"{len(within)} of {len(verdicts)} runs agree within {tolerance:g}, as in {within[0].run}: "
              f"{within[0].difference}")  # fmt: skip
    wrong = [verdict for verdict in verdicts if not verdict.fits]
    for verdict in wrong:
        print(f"{verdict.run} differs: {verdict.difference}")
    if wrong:
        raise DataError(f"{len(wrong)} of {len(verdicts)} runs differ from what is published, as {wrong[0].run}")
