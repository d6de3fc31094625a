"""The commands of `python -m lab`. A wrong command line is refused before TensorFlow loads."""

import functools
import sys
from pathlib import Path
from typing import Annotated, Literal

import cyclopts
from cyclopts import Parameter
from rich.console import Console

from lab import __version__
from lab.checks import DataError, UsageError, shown
from lab.cli.advise import advise
from lab.cli.cost import cost
from lab.cli.drawing import draw_folders, drawing_processes
from lab.cli.ensemble import ensemble
from lab.cli.export_model import export_model
from lab.cli.export_page import export_page, export_pdf
from lab.cli.export_tables import export_mlflow, export_parquet, export_tensorboard, export_wandb
from lab.cli.find import Question, asked, find, folders, known, script
from lab.cli.folders import below
from lab.cli.lint import lint
from lab.cli.options import RESULTS, Confidence, Flag, Folder, Language, Margin, Name, Options, Text
from lab.cli.prune import prune
from lab.cli.running import print_outcome, run_question, write_guide
from lab.cli.sentences import FoundError
from lab.cli.status import show_status
from lab.cli.usage import refusal
from lab.cli.verify import verify_runs
from lab.cli.watch import watch
from lab.experiment import Experiment


def _application(summary: str) -> cyclopts.App:
    return cyclopts.App(
        help=summary,
        # Paragraphs flow into the width of the terminal; markdown would take <variant> for a tag and leave it out.
        help_format="restructuredtext",
        version=__version__,
        version_flags=["--version"],
        help_flags=["--help", "-h"],
        print_error=False,
        exit_on_error=False,
        suppress_keyboard_interrupt=False,
        result_action="return_value",
    )


lab_app = _application("Which regularizer helps a Keras model, by how much, and how sure are we?")


@lab_app.command(name="list")
def list_experiments() -> None:
    """List the experiments of the folder "experiments" here and the lab's own, each with its question."""
    from rich.table import Table

    table = Table("experiment", "question", "runs", box=None, pad_edge=False)
    for name, path in known().items():
        try:
            found = find(str(path))
        except (UsageError, DataError) as error:
            table.add_row(name, str(error))
            continue
        runs = f"{len(found.variants)} x {len(found.seeds)}" if isinstance(found, Experiment) else ""
        table.add_row(name, found.question, runs)
    Console(markup=False).print(table)
    print(f"looked in {' and '.join(map(str, folders()))}")


@lab_app.command(name="run")
def run_experiment(experiment: Name, /, options: Options | None = None) -> None:
    """Run an experiment, draw its figures and print its table. What is already there is not trained again.

    Args:
        experiment: its name in the folder "experiments" here or among the lab's own, or the path of a script that
            declares EXPERIMENT.
    """
    run_question(find(experiment), options or Options(), script(experiment))


@lab_app.command(name="report")
def report_experiments(
    *experiments: Name, results: Folder = RESULTS, svg: Flag = False, language: Language = "en"
) -> None:
    """Draw the figures and pages anew, from the CSV files alone; rebuild those first where runs came since.

    Args:
        experiments: folders below the results, or paths of folders of logs: keras CSVLogger files called
            <variant>-seed<k>.csv or <variant>.csv, event files of TensorBoard, CSV exports of Weights & Biases or
            MLflow, mlruns, trials of KerasTuner; all folders below the results if none is named.
        results: the folder with the experiments' folders.
        svg: write the figures as SVG files too.
        language: of the figures and pages: en or ja.
    """
    named = [_to_report(results, name) for name in experiments]
    folders = named or [path for path in sorted(results.glob("*")) if _left(path)]
    if not folders:
        raise DataError(f"{results} holds no experiment; run one first: python -m lab list")
    failed: list[str] = []
    with drawing_processes(len(folders)) as pool:
        for folder, outcome in draw_folders(folders, svg, pool, language):
            if isinstance(outcome, DataError):
                failed.append(str(outcome))
            else:
                print_outcome(folder, outcome)
        if len(failed) < len(folders):
            write_guide(results, pool, language)
    if failed:
        raise DataError("; ".join(failed))


lab_app.command(show_status, name="status")
lab_app.command(verify_runs, name="verify")
lab_app.command(cost)
lab_app.command(prune)
lab_app.command(lint)
lab_app.command(watch)
lab_app.command(ensemble)
lab_app.command(advise)
export_app = _application("Write what is to be sent to somebody.")
lab_app.command(export_app, name="export")


export_app.command(export_model, name="model")
export_app.command(export_tensorboard, name="tensorboard")
export_app.command(export_mlflow, name="mlflow")
export_app.command(export_wandb, name="wandb")
export_app.command(export_parquet, name="parquet")
export_app.command(export_page, name="page")
export_app.command(export_pdf, name="pdf")


@lab_app.command(name="compare")
def compare_variants(
    experiment: Name,
    /,
    *,
    baseline: Text = None,
    metric: Text = None,
    confidence: Confidence = 0.95,
    method: Literal["t", "bootstrap"] = "t",
    correction: Literal["holm", "benjamini_hochberg", "none"] = "holm",
    margin: Margin = None,
    equal_time: Flag = False,
    format: Literal["table", "csv", "markdown", "json"] = "table",
    fail_if_worse: Annotated[tuple[str, ...], Parameter(negative="", show_default=False)] = (),
    fail_if_overfits: Flag = False,
    results: Folder = RESULTS,
) -> None:
    """Compare the variants of an experiment with its baseline. Exits with 3 if a --fail option found something.

    Args:
        experiment: a folder below the results, or the path of a folder of logs: keras CSVLogger files called
            <variant>-seed<k>.csv or <variant>.csv, event files of TensorBoard, CSV exports of Weights & Biases or
            MLflow, mlruns, trials of KerasTuner.
        baseline: the variant the others are compared with; the experiment's own unless named.
        metric: a column of summary.csv or measures.csv; the test data loss unless named (val_loss for logs).
        confidence: of the intervals and the decision.
        method: how intervals are made.
        correction: for the number of variants.
        margin: the smallest difference that matters, in the unit of the metric; a variant whose difference is shown to
            be smaller is "equivalent".
        equal_time: compare what the variants came to in the time that the cheapest of them takes for all its epochs,
            by the seconds per step that `reglab cost` has measured.
        format: table for people, the others for machines.
        fail_if_worse: exit with 3 if this variant is worse than the baseline.
        fail_if_overfits: exit with 3 if a variant overfits in half of its runs or more.
        results: the folder with the experiments' folders.
    """
    from lab.cli import compare
    from lab.cli.terminal import console, metric_table
    from lab.results import has_experiment
    from lab.results.costs import read_costs

    # A path of the user's own, unless the results have a folder of this name.
    folder = (
        results / experiment if (results / experiment).is_dir() or not Path(experiment).exists() else Path(experiment)
    )
    tables = compare.read(folder, baseline)
    costs = compare.known_costs(folder)
    in_time = None
    if equal_time:
        if not has_experiment(folder):
            raise DataError(
                f"{folder} must hold runs of the lab for --equal-time, as a step of a variant must have been timed, "
                "got logs; leave the option out"
            )
        # Says what is wrong with them.
        in_time = compare.in_equal_time(tables, read_costs(folder), baseline)
        tables, metric = in_time.tables, compare.metric_in_time(in_time, metric)
    made = compare.compare(
        tables,
        baseline=baseline,
        metric=metric,
        confidence=confidence,
        method=method,
        correction=correction,
        margin=margin,
    )
    made = compare.with_costs(made, costs)
    found = compare.failures(made, fail_if_worse, fail_if_overfits)
    if format == "table":
        console().print(metric_table(folder.name, made, confidence, in_time))
    else:
        print(compare.written(made, format), end="")
    if found:
        raise FoundError("; ".join(found))


def answer(words: list[str] | None = None) -> None:
    """Answer the command line of `reglab`.

    Raises:
        UsageError: an option or a command that does not exist, or a value it does not take.
    """
    _answer(lab_app, words)


def answer_script(question: Question) -> None:
    """Answer the command line of a script that declares an experiment or a study.

    Raises:
        UsageError: what it declares is neither, an option that does not exist, or a value it does not take.
    """
    if not isinstance(question, Question):
        raise UsageError(f"main must be called with an Experiment or a Study, got {shown(question)}")
    main = sys.modules["__main__"]
    # A notebook and an interpreter have no script, and their command line is not the experiment's.
    is_script = hasattr(main, "__file__") or not hasattr(sys, "ps1")
    named = asked(question, main.__doc__ if is_script else None)
    app = _application(named.question)
    app.default(functools.partial(_script, named))
    _answer(app, None if is_script else [])


def _script(question: Question, options: Options | None = None) -> None:
    run_question(question, options or Options())


def _answer(app: cyclopts.App, words: list[str] | None) -> None:
    try:
        app(words)
    except cyclopts.CycloptsError as error:
        raise refusal(error) from None


def _to_report(results: Path, name: str) -> Path:
    """Return a folder below the results; if the name is that of a folder of logs, one that is made of them."""
    from lab.results.imported import import_logs, is_of_logs

    logs = Path(name)
    return import_logs(logs, results) if "\0" not in name and is_of_logs(logs) else below(results, name)


def _left(folder: Path) -> bool:
    """Say whether a folder holds what a report is drawn from: tables, or the runs of an interrupted experiment."""
    from lab import results

    has_runs = results.has_table(folder, "histories") or results.has_experiment(folder)
    return has_runs or results.has_study(folder, folder.name)
