"""`python -m lab cost`: how long a step of each variant takes, beside which `compare` shows what it brings."""

from rich.console import Console

from lab.checks import DataError, UsageError
from lab.cli.find import find
from lab.cli.options import Name, Options
from lab.cli.running import declared
from lab.cli.verify import OTHERS
from lab.experiment import Experiment


def cost(experiment: Name, /, *, options: Options | None = None) -> None:
    """Time a step of each variant, alone and in turns; `compare` shows the times then, and takes --equal-time.

    The first run of each variant takes up to 100 steps a turn, in a program of its own; nothing is published of it.
    Every other process that computes at that time makes the figures wrong.

    Args:
        experiment: its name in the folder "experiments" here or among the lab's own, or the path of a script; with the
            options that it was run with.
    """
    options = options or Options()
    for name in OTHERS:
        if getattr(options, name, None) not in (None, False):
            words = f"--{name.replace('_', '-')}"
            raise UsageError(f"{words} must be left out of cost, which times the programs of cohorts of one run")
    found = find(experiment)
    if not isinstance(found, Experiment):
        raise UsageError(f"experiment must declare an Experiment, which has runs, got the study {found.name!r}")
    _measure(declared(found, options), options)


def _measure(experiment: Experiment, options: Options) -> None:
    from lab.results import has_experiment, only_driver, read_experiment
    from lab.results.costs import Cost, write_costs

    folder = options.results / experiment.name
    if not has_experiment(folder):
        raise DataError(f"{folder} holds no experiment; run it first: reglab run {experiment.name}")
    from lab.engine import precision
    from lab.plan import plan
    from lab.sweep.progress import on_terminal

    # A loader may compute with TensorFlow, whose precision follows from its start.
    precision.check(experiment.precision)
    precision.prepare(experiment.precision)

    with only_driver(folder), on_terminal(Console(), quiet=options.quiet, verbose=options.verbose) as progress:
        first = experiment.seeds[0], None if experiment.folds is None else (0, experiment.folds)
        runs = plan(experiment, only=[(name, *first) for name in experiment.variants])
        known = set(read_experiment(folder)["runs"])
        for run in runs:
            if run.name not in known:
                raise DataError(
                    f"{folder} must hold the runs that are timed, got none called {run.name!r}; give the options that "
                    "the experiment was run with"
                )
        progress.on_wait(f"timing {len(runs)} variants")
        from lab.engine.tensorflow import load_tensorflow

        load_tensorflow(experiment.precision)
        from lab.engine.timing import seconds_per_step
        from lab.results.record import environment

        seconds = seconds_per_step([run.task for run in runs], [run.place for run in runs])
        costs = {
            run.variant: Cost(
                run.name,
                tuple(float(f"{value:.4g}") for value in own),
                run.task.training.steps(len(run.task.data.train.y)),
                run.task.training.epochs,
            )
            for run, own in zip(runs, seconds, strict=True)
        }
        write_costs(folder, costs, environment("cohort"))
    if not options.quiet:
        from lab.cli.terminal import console, cost_table

        console().print(cost_table(experiment.name, costs, experiment.baseline))
