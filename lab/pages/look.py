"""The looks of a variant on a page: the colour it has in the figures, one for dark screens, and its marker."""

from collections.abc import Mapping
from dataclasses import dataclass

from lab.report.theme import Style

RGB = tuple[float, float, float]

# The markers of the figures as paths in a square from -1 to 1, as both SVG and Vega take them.
MARKERS = {
    "o": "M0.9,0A0.9,0.9,0,1,1,-0.9,0A0.9,0.9,0,1,1,0.9,0Z",
    "s": "M-0.8,-0.8H0.8V0.8H-0.8Z",
    "^": "M0,-0.95L0.95,0.75H-0.95Z",
    "D": "M0,-1L1,0L0,1L-1,0Z",
    "v": "M0,0.95L0.95,-0.75H-0.95Z",
    "P": "M-0.35,-1H0.35V-0.35H1V0.35H0.35V1H-0.35V0.35H-1V-0.35H-0.35Z",
    "X": "M-0.5,-1L0,-0.5L0.5,-1L1,-0.5L0.5,0L1,0.5L0.5,1L0,0.5L-0.5,1L-1,0.5L-0.5,0L-1,-0.5Z",
    "<": "M-0.95,0L0.75,-0.95V0.95Z",
    ">": "M0.95,0L-0.75,-0.95V0.95Z",
    "p": "M0,-1L0.95,-0.31L0.59,0.81H-0.59L-0.95,-0.31Z",
    "h": "M0,-1L0.87,-0.5V0.5L0,1L-0.87,0.5V-0.5Z",
    "*": "M0,-1L0.24,-0.32L0.95,-0.31L0.38,0.12L0.59,0.81L0,0.4L-0.59,0.81L-0.38,0.12L-0.95,-0.31L-0.24,-0.32Z",
}

# The colour --paper of style.css on a dark screen, and the contrast of a line to it (WCAG 2.2, 1.4.11 asks for 3).
DARK_PAPER: RGB = (0.078, 0.086, 0.098)
CONTRAST = 5.0


@dataclass(frozen=True)
class Look:
    """The look of one variant: its colour ("#rrggbb") on light and on dark paper, and the path of its marker."""

    name: str
    light: str
    dark: str
    marker: str


def looks(styles: Mapping[str, Style]) -> list[Look]:
    """Return the look of each variant, in the order of `styles`, with the colours of the figures on light paper."""
    return [
        Look(name, hexadecimal(style.colour), hexadecimal(on_dark(style.colour)), MARKERS[style.marker])
        for name, style in styles.items()
    ]


def luminance(colour: RGB) -> float:
    """Return the relative luminance of a colour, in [0, 1] (WCAG 2.2)."""
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: RGB, other: RGB) -> float:
    """Return the contrast of two colours, in [1, 21] (WCAG 2.2)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def on_dark(colour: RGB) -> RGB:
    """Return a colour for dark paper: black turns near white, others get as much white as the contrast needs."""
    if max(colour) == 0:
        return (0.93, 0.93, 0.92)
    share = 0.0
    while contrast(mixed := _with_white(colour, share), DARK_PAPER) < CONTRAST:
        share += 0.02
    return mixed


def _with_white(colour: RGB, share: float) -> RGB:
    red, green, blue = (part + share * (1 - part) for part in colour)
    return (red, green, blue)


def hexadecimal(colour: RGB) -> str:
    """Return a colour as "#rrggbb"."""
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour)
