"""A study on the pages: its question, its notes and its figures, from its JSON file."""

import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from lab.checks import DataError


@dataclass(frozen=True)
class Picture:
    """A figure on a page: the name of its file without the ending, a relative link to it, and its size in dots."""

    name: str
    source: str
    width: int
    height: int


@dataclass(frozen=True)
class StudyText:
    """The words and pictures of a study.

    Args:
        name: of its JSON file.
        title: its question.
        notes: its paragraphs.
        tables: the names of its CSV files.
        pictures: its figures that are there; a study that was stopped before it was drawn has none.
    """

    name: str
    title: str
    notes: list[str]
    tables: list[str]
    pictures: list[Picture]


def read_study(path: Path) -> StudyText:
    """Return the study that a JSON file describes.

    Raises:
        DataError: the file or one of its figures is missing, damaged or no study's.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        tables, figures = ([_plain(name) for name in names] for names in (record["tables"], record.get("figures", [])))
        title, notes = (str(record.get(name) or "") for name in ("question", "notes"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} cannot be read ({error}); run the study again") from None
    paths = [path.parent / "figures" / f"{name}.png" for name in figures]
    pictures = [picture(each) for each in paths if each.exists()]
    return StudyText(path.stem, title or path.stem, paragraphs(notes), tables, pictures)


def _plain(name: object) -> str:
    """Return the name of a table or a figure, which is a file in the study's own folder."""
    if not isinstance(name, str) or Path(name).name != name:
        raise ValueError(f"a table or figure is called {name!r}, which is no plain name")
    return name


def studies_beside(folder: Path) -> list[StudyText]:
    """Return the studies beside the experiment in a folder that have been drawn.

    Raises:
        DataError: a JSON file there is damaged or no study's.
    """
    paths = sorted(path for path in folder.glob("*.json") if path.name not in ("experiment.json", "provenance.json"))
    return [study for study in map(read_study, paths) if study.pictures]


def picture(path: Path) -> Picture:
    """Return the figure in a PNG file, linked from the page of its folder.

    Raises:
        DataError: the file is no picture.
    """
    try:
        with Image.open(path) as opened:
            width, height = opened.size
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as a picture ({error}); draw the report again") from None
    return Picture(path.stem, f"figures/{quote(path.name)}", width, height)


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a text, each in one line, without the marks of code."""
    return [" ".join(paragraph.replace("`", "").split()) for paragraph in text.split("\n\n") if paragraph.strip()]
