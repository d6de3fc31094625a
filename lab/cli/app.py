"""The command line: `python -m lab list | run | report | compare | export`, and `main(EXPERIMENT)` for the scripts.

Usage errors answer in under a second, before TensorFlow loads. One sentence goes to stderr instead of a traceback;
the exit code is 2 for usage, 1 for the rest, 3 for a comparison told to fail, 130 for an interruption.
"""

import functools
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import cyclopts
from cyclopts import Parameter
from rich.console import Console

from lab.adjust import adjusted
from lab.checks import DataError, UsageError
from lab.cli.find import Question, asked, find, guide, known, loader
from lab.experiment import Experiment, run
from lab.progress import Bar, Lines, Watch
from lab.study import Study, compute, draw

RESULTS = Path("results")

Positive = Annotated[int, Parameter(validator=cyclopts.validators.Number(gte=1))]


@Parameter(name="*")
@dataclass(frozen=True)
class Options:
    """What the command line may change of an experiment."""

    data: str | None = None
    "Another data set by name (fashion_mnist, cifar10, ...), or a file of your own: x.npz, or x.csv with --target."
    target: str | None = None
    "The column of a CSV file that is to be predicted."
    train_size: Positive | None = None
    "The number of training examples."
    validation_size: Positive | None = None
    "The number of validation examples."
    seeds: Positive | None = None
    "The number of seeds, counted from 0."
    epochs: Positive | None = None
    "The most epochs a run trains."
    results: Path = RESULTS
    "Where the experiment's folder stands or is made."
    engine: Literal["cohort", "keras_fit"] = "cohort"
    "cohort trains runs of one structure together; keras_fit, the reference, one after the other."


def _application(summary: str) -> cyclopts.App:
    return cyclopts.App(
        help=summary,
        version_flags=[],
        help_flags=["--help", "-h"],
        print_error=False,
        exit_on_error=False,
        result_action="return_value",
    )


lab_app = _application("Which regularizer helps a Keras model, by how much, and how sure are we.")


@lab_app.command(name="list")
def list_experiments() -> None:
    """List the experiments of the folder `experiments`, each with its question."""
    from rich.table import Table

    table = Table("experiment", "question", "runs", box=None, pad_edge=False)
    for name in known():
        found = find(name)
        runs = f"{len(found.variants)} x {len(found.seeds)}" if isinstance(found, Experiment) else ""
        table.add_row(name, found.question, runs)
    Console().print(table)


@lab_app.command(name="run")
def run_experiment(experiment: str, options: Options | None = None) -> None:
    """Run an experiment, draw its figures and print its table. What is already there is not trained again.

    Args:
        experiment: its name in the folder `experiments`, or the path of a script that declares EXPERIMENT.
    """
    _run(find(experiment), options or Options())


@lab_app.command(name="report")
def report_experiments(*experiments: str, results: Path = RESULTS, svg: bool = False) -> None:
    """Draw the figures and pages anew, from the CSV files alone; rebuild those first where runs came since.

    Args:
        experiments: folders below the results; all of them if none is named.
        results: where the experiments' folders stand.
        svg: write the figures as SVG files too.
    """

    folders = [results / name for name in experiments] or [path for path in sorted(results.glob("*")) if _left(path)]
    if not folders:
        raise DataError(f"{results} holds no experiment; run one first: python -m lab list")
    failed: list[str] = []
    for folder in folders:
        # Only a script knows how the figures of its studies are drawn; everybody's runs are drawn alike.
        name = folder.name.split("-")[0]
        studies = _studies(find(name)) if name in known() else ()
        try:
            _report(folder, [study for study in studies if (folder / f"{study.name}.json").exists()], svg=svg)
        except DataError as error:
            # One folder that cannot be drawn does not keep the others from it.
            failed.append(str(error))
    if len(failed) < len(folders):
        _guide(results)
    if failed:
        raise DataError("; ".join(failed))


export_app = _application("Write what is to be sent to somebody.")
lab_app.command(export_app, name="export")


@export_app.command(name="page")
def export_page(
    experiment: str,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    results: Path = RESULTS,
) -> None:
    """Write the page of an experiment or study as one file that holds its figures and the script of its charts.

    Args:
        experiment: a folder below the results.
        output: the file; <experiment>.html in the current folder unless named.
        results: where the experiments' folders are.
    """
    from lab import pages
    from lab.results import write_atomically

    path = output or Path(f"{experiment}.html")
    write_atomically(path, pages.single_file(results / experiment))
    print(f"page: {path}")


@lab_app.command(name="compare")
def compare_variants(
    experiment: str,
    *,
    baseline: str | None = None,
    metric: str | None = None,
    confidence: float = 0.95,
    method: Literal["t", "bootstrap"] = "t",
    correction: Literal["holm", "benjamini_hochberg", "none"] = "holm",
    format: Literal["table", "csv", "markdown", "json"] = "table",
    fail_if_worse: tuple[str, ...] = (),
    fail_if_overfits: bool = False,
    results: Path = RESULTS,
) -> None:
    """Compare the variants of an experiment with its baseline. Exits with 3 if a --fail option found something.

    Args:
        experiment: a folder below the results, or the path of a folder of keras CSVLogger files, which are called
            <variant>-seed<k>.csv or <variant>.csv.
        baseline: the variant the others are compared with; the experiment's own unless named.
        metric: a column of summary.csv; the test data loss unless named (val_loss for CSVLogger files).
        confidence: of the intervals and the decision.
        method: how intervals are made.
        correction: for the number of variants.
        format: table for people, the others for machines.
        fail_if_worse: exit with 3 if this variant is worse than the baseline.
        fail_if_overfits: exit with 3 if a variant overfits in half of its runs or more.
        results: where the experiments' folders stand.
    """
    from lab.cli import compare
    from lab.cli.terminal import console, metric_table

    folder = (
        Path(experiment) if not (results / experiment).is_dir() and Path(experiment).is_dir() else results / experiment
    )
    tables = compare.read(folder, baseline)
    made = compare.compare(
        tables, baseline=baseline, metric=metric, confidence=confidence, method=method, correction=correction
    )
    if format == "table":
        console().print(metric_table(folder.name, made, confidence))
    else:
        print(compare.written(made, format), end="")
    found = compare.failures(made, fail_if_worse, fail_if_overfits)
    if found:
        _end(compare.FAILED, "; ".join(found))


def main(question: Question) -> None:
    """Answer the command line of a script that declares an experiment or a study: `--help`, `--data`, `--seeds`, ...

    Args:
        question: what the script declares.
    """
    named = asked(question, sys.modules["__main__"].__doc__)
    app = _application(named.question)
    app.default(functools.partial(_script, named))
    _answer(app)


def _script(question: Question, options: Options | None = None) -> None:
    _run(question, options or Options())


def lab(words: list[str] | None = None) -> None:
    """Answer `python -m lab`.

    Args:
        words: the command line after `python -m lab`; None takes the process's own.
    """
    _answer(lab_app, words)


def _answer(app: cyclopts.App, words: list[str] | None = None) -> None:
    with _sentences():
        app(words)


@contextmanager
def _sentences() -> Iterator[None]:
    """Turn what went wrong into one sentence on stderr and an exit code."""
    try:
        yield
    except (UsageError, cyclopts.CycloptsError) as error:
        _end(2, str(error))
    except DataError as error:
        _end(1, str(error))
    except MemoryError:
        _end(1, "the memory does not suffice; lower train_size, or close other programs; what is published stays")
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        _end(1, f"cannot read or write{where}: {error.strerror or error}; what is published stays: mend it and go on")
    except KeyboardInterrupt:
        _end(130, "interrupted; what is published stays, and the same command goes on from there")


def _end(code: int, sentence: str) -> NoReturn:
    print(" ".join(sentence.split()), file=sys.stderr)
    sys.exit(code)


def _run(question: Question, options: Options) -> None:
    if isinstance(question, Study):
        folder = compute(
            question.sized(train_size=options.train_size, seeds=options.seeds, epochs=options.epochs),
            options.results / question.name,
        )
        _report(folder, _studies(question))
        _guide(options.results)
        return
    data, called = loader(options.data, options.target) if options.data else (None, "")
    experiment = adjusted(
        question,
        data=data,
        data_name=called,
        train_size=options.train_size,
        validation_size=options.validation_size,
        seeds=options.seeds,
        epochs=options.epochs,
    )
    terminal = Console()
    watch: Watch = Bar(terminal) if terminal.is_terminal else Lines(print)
    with watch:
        folder = run(experiment, results_folder=options.results, engine=options.engine, watch=watch)
    _report(folder, _studies(experiment))
    _guide(options.results)


def _left(folder: Path) -> bool:
    """Say whether a folder holds what a report is drawn from: tables, or the runs of an interrupted experiment."""
    return any((folder / name).exists() for name in ("histories.csv", "runs", f"{folder.name}.json"))


def _studies(question: Question) -> Sequence[Study]:
    return [question] if isinstance(question, Study) else question.studies


def _report(folder: Path, studies: Sequence[Study], *, svg: bool = False) -> None:
    """Rebuild the tables of a folder if runs came since, draw its figures, write its page and print its table."""
    from lab import pages, report, results
    from lab.cli.terminal import comparison_table, console
    from lab.results.tables import read_tables

    figures: list[Path] = []
    if results.is_stale(folder):
        results.rebuild(folder)
    is_experiment = (folder / "histories.csv").exists() or not studies
    if is_experiment:
        tables = read_tables(folder)
        curves = pages.curves_of(tables)
        figures += report.draw_all(
            curves, tables.summary, tables.comparison, folder / "figures", strengths=tables.path_runs(), svg=svg
        )
        console().print(comparison_table(folder.name, tables))
    for study in studies:
        figures += draw(study, folder, svg)
    page = pages.experiment_page(folder, tables, curves) if is_experiment else pages.study_page(folder)
    print(f"page: {page}")
    print(f"figures: {figures[0].parent}")


def _guide(results: Path) -> None:
    """Write the guide through all experiments of a folder."""
    from lab import pages

    pages.index_page(results, guide())
