"""An experiment or a study as one of many: a card on the page of all of them, and the words of a study's own page."""

import base64
import io
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from lab import results
from lab.checks import DataError
from lab.pages.experiment import Contents, contents
from lab.pages.sparkline import Line, small

PICTURE = 640
"""How many dots wide the picture of a card is."""


@dataclass(frozen=True)
class Figure:
    """A figure as it stands inside a page.

    Args:
        name: of its file, without the ending.
        source: a data URI; a page that loads nothing shows nothing else.
        width, height: of the picture, in dots.
    """

    name: str
    source: str
    width: int
    height: int


@dataclass(frozen=True)
class Study:
    """What the pages say of a study."""

    name: str
    title: str
    notes: list[str]
    tables: list[str]
    figures: list[Figure]


@dataclass(frozen=True)
class Card:
    """What the page of all experiments says of one.

    Args:
        title: the question.
        link: to its own page.
        notes: what is said of it, in paragraphs.
        made: the contents of an experiment's page; None for a study.
        lines: the small chart of an experiment.
        figure: the picture of a study.
    """

    title: str
    link: str
    name: str
    notes: list[str]
    made: Contents | None = None
    lines: list[Line] = field(default_factory=list)
    figure: Figure | None = None


def is_shown(folder: Path) -> bool:
    """Say whether a folder holds an experiment or a study."""
    return (folder / "histories.csv").exists() or (folder / f"{folder.name}.json").exists()


def card(folder: Path) -> Card:
    """Return the card of the experiment or study in a folder."""
    link = f"{quote(folder.name)}/index.html"
    if not (folder / "histories.csv").exists():
        found = study(folder, PICTURE)
        return Card(found.title, link, found.name, found.notes, figure=next(iter(found.figures), None))
    made = contents(folder)
    return Card(made.title, link, made.name, notes(folder), made, small(made.series))


def notes(folder: Path) -> list[str]:
    """Return what is said of an experiment, in paragraphs; nothing where experiment.json is not there."""
    if not (folder / "experiment.json").exists():
        return []
    return _paragraphs(results.read_experiment(folder).get("notes", ""))


def study(folder: Path, width: int = 1600) -> Study:
    """Return what the pages say of the study in a folder, with its figures at most so many dots wide.

    Raises:
        DataError: the folder holds no study, or a torn one.
    """
    return _read(folder, folder.name, width)


def beside(folder: Path, width: int = 1600) -> list[Study]:
    """Return the studies beside the experiment in a folder that have been drawn.

    Raises:
        DataError: a JSON file there is no study's, or torn.
    """
    studies = (_read(folder, name, width) for name in results.study_names(folder))
    return [found for found in studies if found.figures]


def _read(folder: Path, name: str, width: int) -> Study:
    record = results.read_study(folder, name)
    # A study that was stopped before it was drawn names no figures yet.
    pictures = [figure(folder / "figures" / f"{drawn}.png", width) for drawn in record["figures"]]
    return Study(name, record["question"] or name, _paragraphs(record["notes"]), record["tables"], pictures)


def figure(path: Path, width: int) -> Figure:
    """Return a PNG file as a data URI, made smaller where it is wider than so many dots.

    Raises:
        DataError: the file is no picture.
    """
    try:
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
    except OSError as error:
        raise DataError(f"{path} cannot be read as a picture ({error}); draw the report again") from None
    if picture.width > width:
        picture = picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    picture.quantize(128, dither=Image.Dither.NONE).save(content, "PNG", optimize=True)
    source = "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
    return Figure(path.stem, source, picture.width, picture.height)


def _paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a text, each in one line, without the marks of code."""
    return [" ".join(paragraph.replace("`", "").split()) for paragraph in text.split("\n\n") if paragraph.strip()]
