"""Run what a script declares with the options of a command line, and say what came out and where it is."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from rich.console import Console

from lab.checks import DataError, UsageError
from lab.cli.find import Question, guide
from lab.cli.fresh import afresh
from lab.cli.options import OF_TABLES, Options
from lab.compute import compute
from lab.experiment import Experiment
from lab.outcome import Outcome, draw_outcome
from lab.run import run
from lab.study import Study
from lab.sweep.deciding import run_until_decided
from lab.sweep.progress import on_terminal
from lab.sweep.source import Source, of_script

SIZES = ("train_size", "validation_size", "seeds", "folds", "epochs", "precision")
"""The options that `lab.experiment.Experiment.resized` takes."""


def run_question(question: Question, options: Options, script: Path | None = None) -> None:
    """Run an experiment or compute a study with the options of a command line; print and draw what came out.

    Args:
        question: what the script declares.
        options: of the command line.
        script: its path; None takes the script that this process runs.

    Raises:
        UsageError, DataError, OSError: as `lab.run.run` and `lab.compute.compute`; also options that do not fit.
    """
    if isinstance(question, Study):
        others = ("data", "separator", "image_size", "engine", "validation_size", "folds", "precision", "keep_models")
        more = ("checkpoint_every", "retry_failed", "until_decided", "margin", "workers", "cluster", "scheduler_file")
        refused = (*OF_TABLES, *others, *more)
        question.refuse({name: getattr(options, name) or None for name in refused})
        study = question.resized(train_size=options.train_size, seeds=options.seeds, epochs=options.epochs)
        with on_terminal(Console(), quiet=options.quiet, verbose=options.verbose) as progress:
            progress.on_wait("computing")
            folder = _made(options, study.name, lambda results: compute(study, results / study.name))
        _drawn(folder, [study], options)
        write_guide(options.results, language=options.language)
        return
    experiment = declared(question, options)
    workers = options.crew()
    source = None if workers is None else _source(options, script)
    engine = options.engine or "cohort"
    made: Callable[..., Path] = functools.partial(run, margin=options.margin)
    if options.until_decided:
        made = functools.partial(run_until_decided, margin=options.margin, most_seeds=options.most_seeds)
    try:
        with on_terminal(Console(), quiet=options.quiet, verbose=options.verbose) as progress:
            folder = _made(
                options,
                experiment.name,
                lambda results: made(
                    experiment,
                    results_folder=results,
                    engine=engine,
                    keep_models=options.keep_models or "none",
                    checkpoint_every=options.checkpoint_every,
                    retry_failed=options.retry_failed,
                    workers=workers,
                    source=source,
                    progress=progress,
                ),
            )
    except (UsageError, DataError):
        _draw_the_others(options.results / experiment.name, options)
        raise
    _drawn(folder, experiment.studies, options)
    write_guide(options.results, language=options.language)


def declared(question: Experiment, options: Options) -> Experiment:
    """Return an experiment with the data and the sizes that options name.

    Raises:
        UsageError, DataError: as `Options.loader`, `Experiment.with_data` and `Experiment.resized`.
    """
    data, called = options.loader()
    if isinstance(data, functools.partial) and data.keywords.get("scale_target") and not options.quiet:
        print(
            f"{options.target} is predicted as a number: losses are squared errors in units of its standard deviation "
            "over the training split"
        )
    return (question if data is None else question.with_data(data, called)).resized(**_sizes(options))


def _draw_the_others(folder: Path, options: Options) -> None:
    """Draw what there is of an experiment of which some runs failed, and say nothing of what cannot be drawn."""
    from lab import results

    if results.holder(folder) is None and results.read_failures(folder):
        with contextlib.suppress(UsageError, DataError, OSError):
            _drawn(folder, (), options)
            write_guide(options.results)


def _source(options: Options, script: Path | None) -> Source:
    """Return where workers find the experiment that `declared` returned."""
    loader, called = options.loader()
    return dataclasses.replace(of_script(script), loader=loader, called=called, sizes=_sizes(options))


def _sizes(options: Options) -> dict[str, Any]:
    return {name: getattr(options, name) for name in SIZES}


def _drawn(folder: Path, studies: Sequence[Study], options: Options) -> None:
    from lab.statistics.language import speaking

    with speaking(options.language):
        outcome = draw_outcome(folder, studies)
    if not options.quiet:
        print_outcome(folder, outcome)


def print_outcome(folder: Path, outcome: Outcome) -> None:
    """Print the table of an experiment, and where its page and figures are."""
    from lab.cli.compare import compare
    from lab.cli.terminal import comparison_table, console, metric_table
    from lab.results.imported import is_imported

    if outcome.tables and is_imported(folder):
        console().print(metric_table(folder.name, compare(outcome.tables), 0.95))
    elif outcome.tables:
        console().print(comparison_table(folder.name, outcome.tables))
    print(f"page: {near(outcome.page)}")
    if outcome.figures:
        print(f"figures: {near(outcome.figures[0].parent)}")


def write_guide(results: Path, pool: Executor | None = None, language: str = "en") -> None:
    """Write the guide through all experiments of a folder, and the playground beside it."""
    from lab import pages
    from lab.statistics.language import speaking

    with speaking(language):
        pages.playground_page(results)
        pages.index_page(results, guide(), pool=pool)


def _made(options: Options, name: str, make: Callable[[Path], Path]) -> Path:
    """Return the folder that `make` makes in a folder of results; with --fresh it replaces what is there."""
    return afresh(options.results / name, make) if options.fresh else make(options.results)


def near(path: Path) -> Path:
    """Return a path relative to the working folder, where it is below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
