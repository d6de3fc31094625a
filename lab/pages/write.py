"""The documents: index.html of an experiment, of a study and of all of them, offline from the folder of results.

A page is served by nobody, so its own content security policy is what keeps it from running or loading anything else:
`lab.pages.policy`.
"""

import base64
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lab import results
from lab.checks import DataError
from lab.pages import assets, playground
from lab.pages.charts import charts
from lab.pages.experiment import contents, curves_of
from lab.pages.failed_runs import failed_runs
from lab.pages.guide import cards, in_chapters
from lab.pages.measures_table import measures_table
from lab.pages.overview import FOUND
from lab.pages.playbook_panel import playbook_panel
from lab.pages.provenance import provenance
from lab.pages.reliability_panel import reliability_panel
from lab.pages.render import render, script, style
from lab.pages.run_numbers import run_words
from lab.pages.sparkline import HEIGHT, WIDTH
from lab.pages.studies import StudyText, studies_beside, study_text
from lab.pages.table import variants_table
from lab.report.curves import Curves
from lab.results.schema import (
    COMPARISON,
    FIGURES_FOLDER,
    HISTORIES,
    MEASURE_TABLE,
    PAGE_FILE,
    PLAYGROUND_FILE,
    RELIABILITY_TABLE,
    STRENGTH_TABLE,
    SUMMARY,
    TEST_PARTS_TABLE,
    figure_file,
)
from lab.results.tables import Tables, read_tables, table_path
from lab.statistics.language import named

_TABLES = {
    COMPARISON: "one row per variant, against the baseline",
    SUMMARY: "one row per run",
    HISTORIES: "one row per epoch of a run",
    MEASURE_TABLE: "one row per run: more metrics of the test split",
    RELIABILITY_TABLE: "one row per bin of a run's confidence: how often it is right",
    TEST_PARTS_TABLE: "one row per run and part of the test split: the test data loss",
    STRENGTH_TABLE: "the strength of each variant of a path",
}


def experiment_page(
    folder: Path, tables: Tables | None = None, curves: Curves | None = None, drawn: Sequence[Path] = ()
) -> Path:
    """Write the page of one experiment from its tables, and return its path.

    The runs need not be there. A file strengths.csv (`lab.results.STRENGTHS`) brings a slider over strengths.

    Args:
        folder: the experiment's folder, as in results/weight_penalty.
        tables, curves: its tables and `lab.pages.curves_of` them, where they have been read already.
        drawn: PNG files in its folder of figures that are being written meanwhile.

    Raises:
        DataError: a table is missing or damaged, or lacks a column.
    """
    folder = Path(folder)
    load = " ".join(f"../{assets.FOLDER}/{name}" for name in assets.provide(folder.parent))
    page = _experiment(folder, tables, curves, drawn)
    results.write_atomically(folder / PAGE_FILE, render("experiment.html.j2", [script("boot.js")], load=load, **page))
    return folder / PAGE_FILE


def live_page(folder: Path, tables: Tables, live: Mapping[str, str]) -> str:
    """Return the page of an experiment as a server on this machine shows it while runs train.

    Args:
        folder: the experiment's.
        tables: its tables so far, with the runs that train.
        live: "says", a sentence on how far it is, and "version", which changes with what is shown.
    """
    load = " ".join(f"/{assets.FOLDER}/{name}" for name in assets.scripts())
    page = _experiment(folder, tables, None) | {"beside": [], "files": [], "figures": [], "live": live}
    return render("experiment.html.j2", [script("boot.js")], load=load, **page)


def study_page(folder: Path) -> Path:
    """Write the page of a study: its question, its figures and its tables; return its path.

    Args:
        folder: the study's folder, as in results/trajectories.

    Raises:
        DataError: the folder holds no study, or a table or figure is damaged.
    """
    folder = Path(folder)
    results.write_atomically(folder / PAGE_FILE, render("study.html.j2", [], **_study(folder)))
    return folder / PAGE_FILE


def index_page(
    folder: Path, chapters: Sequence[tuple[str, Sequence[str]]] = (), *, pool: Executor | None = None
) -> Path:
    """Write the guide through all experiments and studies below a folder, and return its path.

    An experiment that cannot be shown has a card that says why. The guide links to the playground where there is one.

    Args:
        folder: of the experiments' folders, as in results.
        chapters: of the guide: each a heading and the names of its experiments in order. What is in no chapter comes
            last, in the order of the names; an experiment on other data ("name-data") comes with the first.
        pool: of processes that read some of the experiments; None reads all of them here.

    Raises:
        DataError: it holds no experiment.
    """
    folder = Path(folder)
    every = cards(folder, pool)
    if not every:
        raise DataError(f"{folder} holds no experiment; run one first: python -m lab list")
    page = render(
        "index.html.j2",
        [script("guide.js"), script("overlaid.js")],
        loads=False,
        guide_style=style("guide.css"),
        chapters=in_chapters(every, chapters),
        count=len(every),
        found=FOUND,
        regularizers=sorted({name for card in every.values() for name in card.regularizers}),
        data=sorted({name for card in every.values() for name in card.data}),
        width=WIDTH,
        height=HEIGHT,
        playground=PLAYGROUND_FILE if (folder / PLAYGROUND_FILE).exists() else "",
    )
    results.write_atomically(folder / PAGE_FILE, page)
    return folder / PAGE_FILE


def playground_page(folder: Path) -> Path:
    """Write the playground, where small nets train in the browser, as one file beside the guide; return its path.

    Args:
        folder: of the experiments' folders, as in results. Nothing of it is read.
    """
    held = playground.settings()
    page = render(
        "playground/page.html.j2",
        [assets.playground_script()],
        single=True,
        settings=held,
        playground_style=style("playground/playground.css"),
        titles={name: named(title) for name, title in playground.TITLES.items()},
        choices=playground.CHOICES,
        regularizers=playground.REGULARIZERS,
        tries=playground.TRIES,
        most_seeds=max(playground.SEEDS),
        most_classes=playground.MOST_CLASSES,
    )
    results.write_atomically(Path(folder) / PLAYGROUND_FILE, page)
    return Path(folder) / PLAYGROUND_FILE


def single_file(folder: Path) -> str:
    """Return the page of an experiment or a study as one file for sending: script and figures are inside it.

    Args:
        folder: of the experiment or study.

    Raises:
        DataError: a table is missing or damaged, or lacks a column.
    """
    folder = Path(folder)
    if results.has_table(folder, HISTORIES) or not results.has_study(folder, folder.name):
        page = _experiment(folder, None, None)
        page["beside"] = [_inside(folder, study) for study in page["beside"]]
        return render("experiment.html.j2", [assets.vega(), assets.page_script()], single=True, **page)
    page = _study(folder)
    return render("study.html.j2", [], single=True, **page | {"study": _inside(folder, page["study"])})


def _inside(folder: Path, study: StudyText) -> StudyText:
    """Return a study whose pictures are inside the page."""
    pictures = []
    for picture in study.pictures:
        content = (folder / FIGURES_FOLDER / figure_file(picture.name)).read_bytes()
        pictures.append(replace(picture, source="data:image/png;base64," + base64.b64encode(content).decode()))
    return replace(study, pictures=pictures)


def _experiment(
    folder: Path, tables: Tables | None, curves: Curves | None, drawn: Sequence[Path] = ()
) -> dict[str, Any]:
    tables = tables or read_tables(folder)
    page = contents(folder, tables, curves or curves_of(tables))
    panel = reliability_panel(tables, page.names)
    records = results.read_provenance(folder)
    studies = studies_beside(folder)
    tables_of_studies = {name: "of a study beside it" for study in studies for name in study.tables}
    return {
        "page": page,
        "run_words": run_words,
        "table": variants_table(page.compared, page.summary, page.names, page.metric),
        "failed": failed_runs(folder),
        "measures": measures_table(tables),
        "reliability": panel,
        "playbook": playbook_panel(tables),
        "drawn": charts(page, records, table_path(folder, HISTORIES).name, panel),
        "charts_style": style("charts.css"),
        "provenance": provenance(records, page.names),
        "beside": studies,
        "files": _there(folder, _TABLES | tables_of_studies),
        "figures": [
            (path.stem, f"{FIGURES_FOLDER}/{quote(path.name)}")
            for path in sorted({*(folder / FIGURES_FOLDER).glob(figure_file("*")), *drawn})
        ],
    }


def _study(folder: Path) -> dict[str, Any]:
    study = study_text(folder, folder.name)
    return {"study": study, "files": _there(folder, dict.fromkeys(study.tables, ""))}


def _there(folder: Path, tables: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the files of the tables that are there, each with what it holds."""
    return [(table_path(folder, name).name, of) for name, of in tables.items() if results.has_table(folder, name)]
