"""An experiment or a study as one of many: a card on the page of all of them, and the words of a study's own page."""

import base64
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from lab import results
from lab.page.contents import Contents, contents
from lab.page.small import Line, small
from lab.rules import DataError

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
    said = results.read_experiment(folder).get("notes", "") if (folder / "experiment.json").exists() else ""
    return Card(made.title, link, made.name, paragraphs(said), made, small(made.series))


def study(folder: Path, width: int = 1600) -> Study:
    """Return what the pages say of the study in a folder, with its figures at most so many dots wide.

    Raises:
        DataError: the folder holds no study, or a torn one.
    """
    path = folder / f"{folder.name}.json"
    try:
        made = json.loads(path.read_text(encoding="utf-8"))
        tables = [str(name) for name in made["tables"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} cannot be read ({error}); run the study again") from None
    pictures = [figure(picture, width) for picture in sorted(folder.glob("figures/*.png"))]
    return Study(folder.name, made.get("question") or folder.name, paragraphs(made.get("notes", "")), tables, pictures)


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


def paragraphs(notes: str) -> list[str]:
    """Return the paragraphs of a text, each in one line."""
    return [" ".join(paragraph.split()) for paragraph in notes.split("\n\n") if paragraph.strip()]
