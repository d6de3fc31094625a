"""What came of an experiment or a study: its tables, figures and page, for the terminal and for a notebook."""

import functools
import html
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.checks import UsageError, shown
from lab.compute import compute, draw
from lab.experiment import Experiment
from lab.run import run
from lab.study import Study
from lab.sweep.progress import SILENT, Progress, heard_by

if TYPE_CHECKING:
    import pandas as pd

    from lab.results.tables import Tables


@dataclass(frozen=True)
class Outcome:
    """What came of an experiment or a study; a notebook shows it as a table with a link to the page.

    Args:
        folder: the experiment's.
        page: its page, index.html.
        figures: the files of its figures.
        tables: as `lab.results.tables.read_tables` returns them; None for a study, whose tables are CSV files of their
            own in `folder`.
    """

    folder: Path
    page: Path
    figures: Sequence[Path]
    tables: "Tables | None"

    @property
    def summary(self) -> "pd.DataFrame":
        """The table with one row per run."""
        return self._read().summary

    @property
    def comparison(self) -> "pd.DataFrame":
        """The table with one row per variant: its paired difference to the baseline, with its interval."""
        return self._read().comparison

    def _read(self) -> "Tables":
        if self.tables is None:
            raise UsageError(f"{self.folder.name} must be an experiment to have these tables, got a study")
        return self.tables

    def _scope(self) -> str:
        """Return what the intervals generalize over; empty for a study, or where it is not known."""
        if self.tables is None:
            return ""
        from lab.statistics.scope import scope_note, scope_sentence

        return f"{scope_sentence(self.tables.comparison)} {scope_note(self.tables.comparison)}".strip()

    def _repr_html_(self) -> str:
        name, page = html.escape(self.folder.name), html.escape(self.page.as_posix(), quote=True)
        question = html.escape(self.tables.question) if self.tables else ""
        table = _readable(self.tables) if self.tables else ""
        scope = f"<p>{html.escape(self._scope())}</p>" if self._scope() else ""
        link = f'<p><a href="{page}">the page with its charts</a></p>'
        return f"<p><b>{name}</b> {question}</p>{table}{scope}{link}"


def _readable(tables: "Tables") -> str:
    """Return the comparison as an HTML table, with the means of the runs that it was made from."""
    means = {"val_data_loss": "validation", "gap": "gap", "test_data_loss": "test", "test_accuracy": "accuracy"}
    runs = tables.summary.assign(variant=tables.summary["variant"].map(str)).groupby("variant", sort=False)
    table = runs[list(means)].mean().rename(columns=means)
    table.insert(0, "kept epoch", runs["kept_epoch"].median())
    differences = {
        "difference": "difference in test",
        "difference_low": "from",
        "difference_high": "to",
        "decision": "",
    }
    compared = tables.comparison.assign(variant=tables.comparison["variant"].map(str)).set_index("variant")
    table = table.join(compared[list(differences)].rename(columns=differences))
    return table.to_html(float_format="{:.3f}".format, na_rep="", border=0)


def draw_outcome(
    folder: Path, studies: Sequence[Study] = (), *, svg: bool = False, pool: Executor | None = None
) -> Outcome:
    """Rebuild the tables of a folder if runs came since, and draw its figures and its page.

    Args:
        folder: of an experiment, or of a study that is none's.
        studies: those that were computed in it.
        svg: write the figures as SVG files too.
        pool: of processes that draw some of the figures; None draws all of them here.

    Raises:
        DataError: a table is missing or torn.
    """
    from lab import pages, report, results
    from lab.results.processes import divided
    from lab.results.schema import FIGURES_FOLDER, PAGE_FILE
    from lab.results.tables import read_tables

    tables = results.current_tables(folder, pool)
    # A study that no script of the lab's declares has a page of its own, too; its figures stay as they are.
    if tables is None and not studies and not results.has_study(folder, folder.name):
        # Which refuses them by name.
        tables = read_tables(folder)
    of_studies: list[Path] = []
    drawn: dict[str, str] = {}
    for study in studies:
        of_studies += draw(study, folder, svg=svg, others=drawn)
        drawn |= dict.fromkeys(results.read_study(folder, study.name)["figures"], study.name)
    if tables is None:
        return Outcome(folder, pages.study_page(folder), of_studies, None)
    # Tidied once, for the figures and the page.
    curves = pages.curves_of(tables)
    drawings = report.drawings(
        curves, tables.summary, tables.comparison, folder / FIGURES_FOLDER, strengths=tables.path_runs(), svg=svg
    )
    figures = [path for drawing in drawings for path in drawing.paths]
    page = functools.partial(pages.experiment_page, folder, tables, curves, [drawing.paths[0] for drawing in drawings])
    # Last, so that this process writes the page while the pool draws.
    jobs: list[Callable[[], object]] = [*drawings, page]
    divided(jobs, pool)
    return Outcome(folder, folder / PAGE_FILE, figures + of_studies, tables)


def show(
    question: Experiment | Study,
    *,
    results_folder: str | Path = "results",
    engine: str = "cohort",
    progress: Progress = SILENT,
) -> Outcome:
    """Run what is not published yet, draw the figures and the page, and return what came of it.

    This is what `reglab run` does, for a notebook: as the last line of a cell it shows the comparison.

    Args:
        question: an experiment, or a study, which is computed.
        results_folder: the folder in which the experiment's own is made.
        engine: as for `lab.run.run`.
        progress: called as the runs go on, as `lab.sweep.progress.lines(print)`.

    Raises:
        UsageError, DataError: as `lab.run.run`.
    """
    if isinstance(question, Study):
        with heard_by(progress):
            folder = compute(question, Path(results_folder) / question.name)
        return draw_outcome(folder, [question])
    if not isinstance(question, Experiment):
        raise UsageError(f"show must be called with an Experiment or a Study, got {shown(question)}")
    with heard_by(progress):
        folder = run(question, results_folder=results_folder, engine=engine, progress=progress)
    return draw_outcome(folder, question.studies)
