"""A study on the pages: its question, its notes and its figures, from its JSON file."""

import textwrap
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from lab import results
from lab.checks import DataError
from lab.results.schema import FIGURES_FOLDER, figure_file


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


def study_text(folder: Path, name: str) -> StudyText:
    """Return the words and pictures of a study in a folder.

    Raises:
        DataError: its file or one of its figures is missing or damaged.
    """
    record = results.read_study(folder, name)
    paths = [folder / FIGURES_FOLDER / figure_file(figure) for figure in record["figures"]]
    pictures = [picture(path) for path in paths if path.exists()]
    return StudyText(name, record["question"] or name, paragraphs(record["notes"]), record["tables"], pictures)


def studies_beside(folder: Path) -> list[StudyText]:
    """Return the studies beside the experiment in a folder that have been drawn.

    Raises:
        DataError: the file of one of them is damaged.
    """
    studies = (study_text(folder, name) for name in results.study_names(folder))
    return [study for study in studies if study.pictures]


def picture(path: Path) -> Picture:
    """Return the figure in a PNG file, linked from the page of its folder.

    Raises:
        DataError: the file is no picture.
    """
    if not path.resolve().is_relative_to(path.parent.resolve()):
        raise DataError(f"{path} must be a picture of this folder, got a link to one outside; draw the report again")
    try:
        with Image.open(path) as opened:
            width, height = opened.size
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as a picture ({error}); draw the report again") from None
    return Picture(path.stem, f"{FIGURES_FOLDER}/{quote(path.name)}", width, height)


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a text without the marks of code: each in one line, a table of several as it is."""
    return [_paragraph(part.replace("`", "")) for part in text.split("\n\n") if part.strip()]


def _paragraph(text: str) -> str:
    lines = text.strip("\n").splitlines()
    # Lines that are all indented are a table, whose columns stand below each other.
    if len(lines) > 1 and all(line.startswith("    ") for line in lines):
        return textwrap.dedent("\n".join(lines))
    return " ".join(text.split())
