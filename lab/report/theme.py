"""The look of every figure: one colour and one marker per variant, names shown as they are, one set of settings.

Colour never carries a meaning alone: train is solid and validation dashed, and each variant also has a marker, so
the figures can be read in black and white and by people who do not see all colours.
"""

import functools
import math
import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib
import matplotlib.colors
import matplotlib.style
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.text import Text

from lab.checks import DataError, UsageError, quoted

SOLID = "-"
DASHED = (0, (5.0, 1.7))
DOTTED = (0, (1.2, 1.4))
GREY = "0.45"
DPI = 150
"""Dots per inch of a saved figure."""

# Okabe and Ito's colours without yellow (too pale for a line); the order puts the strongest contrasts first.
_OKABE_ITO = matplotlib.color_sequences["okabe_ito"]
_COLOURS = tuple(matplotlib.colors.to_rgb(_OKABE_ITO[i]) for i in (5, 6, 3, 7, 1, 2))
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*")

# One of these is asked for the characters that DejaVu Sans lacks, where it is installed.
_WIDE_FONTS = (
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "IPAexGothic",
    "IPAGothic",
    "TakaoGothic",
    "WenQuanYi Zen Hei",
    "Hiragino Sans",
    "Yu Gothic",
    "MS Gothic",
    "Arial Unicode MS",
)


@dataclass(frozen=True)
class Style:
    """The look of one variant in every figure: an RGB colour and a marker."""

    colour: tuple[float, float, float]
    marker: str


def in_order(variants: Iterable[str], baseline: str | None = None) -> list[str]:
    """Return the variants once each: the baseline, then the others in the order given.

    Args:
        variants: names, repeated as a table's column repeats them.
        baseline: the variant the others are compared with; None takes "none" if there is one and the first
            variant otherwise.

    Raises:
        UsageError: the baseline is not among the variants.
    """
    once = list(dict.fromkeys(variants))
    if baseline is None:
        baseline = "none" if "none" in once else once[0] if once else None
    elif baseline not in once:
        raise UsageError(f"baseline must be one of the variants {quoted(once)}, got {baseline!r}")
    return [variant for variant in once if variant == baseline] + [v for v in once if v != baseline]


def styles(
    variants: Iterable[str], baseline: str | None = None, strengths: Mapping[str, float] | None = None
) -> dict[str, Style]:
    """Return the style of each variant, the same in every figure that has the same variants.

    Args:
        variants: names; repetitions are ignored.
        baseline: drawn in black; None as in `in_order`.
        strengths: the regularization strength of some variants, at least 0. They get viridis by the rank of
            their strength, dark for weak; the others keep Okabe and Ito's colours.

    Returns:
        A dictionary in the order of `in_order`. Six colours serve the first six variants after the baseline;
        the next six have the same ones darkened, and every variant up to the thirteenth its own marker.
    """
    result: dict[str, Style] = {}
    known = strengths or {}
    ranks = {strength: i for i, strength in enumerate(sorted(set(known.values())))}
    viridis = matplotlib.colormaps["viridis"]
    plain = 0
    for i, variant in enumerate(in_order(variants, baseline)):
        colour: tuple[float, float, float]
        if i == 0:
            colour = (0.0, 0.0, 0.0)
        elif variant in known:
            # The yellow end of viridis is left out: it cannot be seen on white.
            red, green, blue, _ = viridis(0.88 * ranks[known[variant]] / max(1, len(ranks) - 1))
            colour = (red, green, blue)
        else:
            shade = (1.0, 0.6, 0.8)[plain // len(_COLOURS) % 3]
            red, green, blue = _COLOURS[plain % len(_COLOURS)]
            colour = (red * shade, green * shade, blue * shade)
            plain += 1
        result[variant] = Style(colour, _MARKERS[i % len(_MARKERS)])
    return result


@functools.cache
def _families() -> list[str]:
    installed = set(font_manager.get_font_names())
    return ["DejaVu Sans", *[name for name in _WIDE_FONTS if name in installed][:1]]


@functools.cache
def _shown(character: str) -> str:
    """Return a character, or its escape if it is invisible or no font has it."""
    if unicodedata.category(character).startswith("C"):
        return character.encode("unicode_escape").decode()
    for family in _families():
        font = font_manager.get_font(font_manager.findfont(family))
        if font.get_char_index(ord(character)):
            return character
    return character.encode("unicode_escape").decode()


def printable(text: object) -> str:
    """Return a text as the fonts can draw it: line breaks and characters without a glyph become escapes."""
    return "".join(_shown(character) for character in str(text))


def width_of(text: str) -> int:
    """Return how many narrow characters are as wide as a text: wide ones count twice."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _shortened(text: str, width: int) -> str:
    if width_of(text) <= width:
        return text
    head, tail = text, ""
    # The end of a name often tells variants apart (l2_0.01, l2_0.1), so the middle goes.
    while width_of(head) + width_of(tail) + 1 > width and head:
        tail = text[len(text) - (width - 1) // 2 :]
        head = head[:-1]
    return f"{head}…{tail}"


def can_write(words: str) -> bool:
    """Say whether the installed fonts have all characters of a text."""
    return printable(words.replace("\n", "")) == words.replace("\n", "")


def lines(words: str, width: int) -> list[str]:
    """Return a text in lines of so many characters; wide ones, between which a line may end, count twice."""
    if width_of(words) == len(words):
        return textwrap.wrap(words, width)
    found, line = [], ""
    # What may not be torn: a word of narrow characters, or a wide one with the brackets and marks at its sides.
    parts: list[str] = []
    for part in re.findall(r"\s+|[!-~]+|.", words):
        closes = unicodedata.category(part[0]) in ("Pe", "Pf", "Po") and not part.isascii()
        if parts and (closes or unicodedata.category(parts[-1][-1]) in ("Ps", "Pi")):
            parts[-1] += part
        else:
            parts.append(part)
    for part in parts:
        if line and width_of(line + part) > width:
            found.append(line.rstrip())
            line = ""
        line += part.lstrip() if not line else part
    return [*found, line.rstrip()]


def labels(variants: Iterable[str], width: int = 32) -> dict[str, str]:
    """Return what is written for each variant: its name, cut in the middle where it is long, never twice the same.

    Args:
        variants: names.
        width: the most characters, at least 8; wide characters count twice.
    """
    result: dict[str, str] = {}
    for variant in dict.fromkeys(variants):
        name = printable(variant)
        label, count = _shortened(name, width), 1
        while label in result.values():
            count += 1
            label = f"{_shortened(name, width - 2 - len(str(count)))} #{count}"
        result[variant] = label
    return result


def text(artist: Text, size: float | None = None, **looks: object) -> Text:
    """Make a text show its characters as they are, without mathematics, in the fonts of the lab; return it."""
    artist.set_parse_math(False)
    artist.set_usetex(False)
    artist.set_fontfamily(_families())
    artist.set(**({} if size is None else {"fontsize": size}), **looks)
    return artist


@contextmanager
def look() -> Iterator[None]:
    """Draw or save with the lab's settings, whatever the caller's matplotlibrc says, and leave no trace of them."""
    settings = {
        "font.family": _families(),
        "font.size": 9.0,
        "axes.titlesize": 9.0,
        "axes.labelsize": 9.0,
        "xtick.labelsize": 8.0,
        "ytick.labelsize": 8.0,
        "axes.linewidth": 0.7,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.unicode_minus": True,
        "legend.frameon": False,
        "legend.fontsize": 8.0,
        "text.usetex": False,
        # Random identifiers in an SVG would differ at every run; a fixed salt makes them follow from the drawing.
        "svg.hashsalt": "regularization-lab",
        "svg.fonttype": "path",
        "figure.dpi": 100.0,
        "savefig.dpi": DPI,
        "agg.path.chunksize": 0,
    }
    with matplotlib.style.context(["default", settings]):
        yield


def canvas(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches that belongs to no global state and needs no display."""
    return Figure(figsize=(width, height))


def columns_of(table, needed: Sequence[str], what: str) -> None:
    """Refuse a table that lacks columns or rows.

    Raises:
        DataError: what is missing, by name.
    """
    missing = [name for name in needed if name not in table.columns]
    if missing:
        raise DataError(
            f"{what} must have the columns {', '.join(needed)}, got {', '.join(map(str, table.columns)) or 'none'}; "
            f"missing: {', '.join(missing)}"
        )
    if not len(table):
        raise DataError(f"{what} has no rows; there is nothing to draw until a run is finished")


def characters(inches: float, size: float, *, bold: bool = False) -> int:
    """Return how many characters of a font size in points fit into a width in inches, at least 8."""
    return max(8, math.floor(inches * 72 / ((0.6 if bold else 0.51) * size)))
