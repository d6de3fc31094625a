"""Style sheets, scripts and markup without what only those who write them read: indentation, comments, empty lines."""

import re

_KEPT = re.compile(r"(<(?:pre|script|style|textarea)\b.*?</(?:pre|script|style|textarea)>)", re.DOTALL)


def compact_style(style: str) -> str:
    """Return a style sheet in one line, without comments. Its texts hold no mark of CSS followed by a space."""
    style = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)
    style = re.sub(r"\s+", " ", style)
    # A space before a colon or a bracket may stand for a descendant, and those around + and - in calc() are needed.
    return re.sub(r" ?([{};,]) ?", r"\1", style).replace(": ", ":").replace(";}", "}").strip()


def compact_script(script: str) -> str:
    """Return a script without indentation and lines of comments; no text in it may go over two lines."""
    lines = map(str.lstrip, script.split("\n"))
    return "\n".join(line for line in lines if line and not line.startswith("//")) + "\n"


def compact_markup(page: str) -> str:
    """Return a page without indentation and empty lines, but for what is written as it is."""
    parts = _KEPT.split(page)
    return "".join(part if k % 2 else re.sub(r"\n\s+", "\n", part) for k, part in enumerate(parts))
