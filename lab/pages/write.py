"""The documents: index.html of an experiment and of all of them, each one file that asks for nothing outside itself.

What comes from files is text: Jinja escapes it in HTML and, for the data of the charts, in JSON; and the page's own
content security policy runs no script but those whose hashes it names, and loads nothing.
"""

import base64
import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import jinja2
import vl_convert
from markupsafe import Markup

from lab import results
from lab.checks import DataError
from lab.pages import table
from lab.pages.experiment import METRIC, contents, drawn
from lab.pages.guide import Card, beside, card, is_shown, notes, study
from lab.pages.provenance import how, read_records
from lab.pages.sparkline import HEIGHT, WIDTH

NAME = "index.html"

_TEMPLATES = Path(__file__).parent / "templates"
_TABLES = {
    "comparison.csv": "a row a variant, against the baseline",
    "summary.csv": "a row a run",
    "histories.csv": "a row an epoch of a run",
    "strengths.csv": "the strength of each variant of a path",
}


def experiment_page(folder: Path) -> Path:
    """Write the page of one experiment from its tables, and return its path.

    The runs need not be there: without their run.json the page says that it does not know how they were run. A
    file strengths.csv (`lab.results.STRENGTHS`) brings a slider over strengths.

    Args:
        folder: the experiment's folder, as in results/weight_penalty.

    Raises:
        DataError: a table is missing or torn, or has nothing to show.
    """
    folder = Path(folder)
    made = contents(folder)
    scripts = [vega(), _source("page.js")]
    figures = sorted(path.stem for path in folder.glob("figures/*.png"))
    studies = beside(folder)
    tables = _TABLES | {f"{name}.csv": "of a study beside it" for study in studies for name in study.tables}
    page = _render(
        "experiment.html.j2",
        scripts,
        made=made,
        metric=METRIC,
        table=table.comparison(made.compared, made.summary, made.names, METRIC),
        drawn=drawn(made),
        how=how(read_records(folder), made.names),
        notes=notes(folder),
        beside=studies,
        files=[(name, meaning) for name, meaning in tables.items() if (folder / name).exists()],
        figures=[(name, f"figures/{quote(name)}.png") for name in figures],
    )
    results.write_atomically(folder / NAME, page)
    return folder / NAME


def study_page(folder: Path) -> Path:
    """Write the page of a study: its question, its figures and its tables; return its path.

    Args:
        folder: the study's folder, as in results/trajectories.

    Raises:
        DataError: the folder holds no study, or a table is missing.
    """
    folder = Path(folder)
    _write(folder, "study.html.j2", study=study(folder), files=_listed(folder, study(folder).tables))
    return folder / NAME


def index_page(folder: Path, chapters: Sequence[tuple[str, Sequence[str]]] = ()) -> Path:
    """Write the page of all experiments and studies below a folder, and return its path.

    Args:
        folder: of the experiments' folders, as in results.
        chapters: of the guide: each a heading and the names of its experiments in order. What is in no chapter comes
            last, in the order of the names; an experiment on other data ("name-data") stands with the first.

    Raises:
        DataError: it holds no experiment, or a table is missing or torn.
    """
    folder = Path(folder)
    cards = {path.name: card(path) for path in sorted(folder.iterdir()) if is_shown(path)}
    if not cards:
        raise DataError(f"{folder} holds no experiment; run one first: python -m lab list")
    told: list[tuple[str, list[Card]]] = []
    for chapter, names in chapters:
        mine = [cards.pop(name) for stem in names for name in list(cards) if name.split("-")[0] == stem]
        told += [(chapter, mine)] if mine else []
    if cards:
        told.append(("Others" if told else "", list(cards.values())))
    _write(folder, "index.html.j2", chapters=told, count=sum(len(mine) for _, mine in told), width=WIDTH, height=HEIGHT)
    return folder / NAME


def _write(folder: Path, template: str, **content: object) -> None:
    results.write_atomically(folder / NAME, _render(template, [], **content))


def _listed(folder: Path, names: Sequence[str]) -> list[tuple[str, int]]:
    return [(f"{name}.csv", len(results.read_csv(folder / f"{name}.csv"))) for name in names]


@functools.cache
def vega() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script that makes `window.vegaEmbed`."""
    bundle = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # optional, whatever its stub says
    # The end tag of a script ends it, in a string too.
    return bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--").replace("\r", "")


def policy(scripts: Sequence[str]) -> str:
    """Return the content security policy of a page: these scripts and no other, and nothing from outside.

    Vega is told to interpret its expressions, so that no text becomes code ("unsafe-eval" is not there).
    """
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{value}'" for value in hashes) or "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _source(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    return environment


def _render(template: str, scripts: Sequence[str], **content: object) -> str:
    # The style sheet and the scripts are the lab's own and Vega's: the only text that is not escaped.
    return (
        _environment()
        .get_template(template)
        .render(
            policy=policy(scripts),
            scripts=[Markup(script) for script in scripts],
            style=Markup(_source("style.css")),
            **content,
        )
    )
