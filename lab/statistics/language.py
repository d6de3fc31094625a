"""The language of reports and pages: English, whose sentences are the keys, or another one from its catalogue.

    with speaking("ja"):
        say("Over {count} seeds", count=5)      # 5 個のシードで

What users wrote (questions, notes, names of variants and columns) stays as they wrote it. A sentence is translated as a
whole, never put together from words, for the order of words differs.
"""

import functools
import json
import string
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

LANGUAGES = ("en", "ja")
"""The languages, English first."""

_FOLDER = Path(__file__).parent / "languages"
_spoken: ContextVar[str] = ContextVar("language", default=LANGUAGES[0])


def spoken() -> str:
    """Return the language that is spoken, one of `LANGUAGES`."""
    return _spoken.get()


def speak(language: str) -> None:
    """Speak a language from now on, as a process that draws for another one does."""
    _spoken.set(language)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak a language for a while."""
    before = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(before)


@functools.cache
def catalogue(language: str) -> Mapping[str, str]:
    """Return a language's texts by the English ones; empty for English."""
    if language == LANGUAGES[0]:
        return {}
    texts: dict[str, str] = json.loads((_FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    return texts


def say(text: str, **values: object) -> str:
    """Return a text in the language that is spoken, with its values filled in.

    Args:
        text: in English, as `str.format` takes it. A test sees to it that each has its translation.
        values: what stands for the names in braces.
    """
    found = catalogue(spoken()).get(text)
    return text.format(**values) if found is None else _filled(found, values)


def _filled(text: str, values: Mapping[str, object]) -> str:
    """Return a translation with its values filled in.

    A space stands between wide characters and others, as around a name; where a value begins or ends with a wide
    character itself, the space that was left for it is taken away.
    """
    made = ""
    for literal, name, spec, _ in string.Formatter().parse(text):
        for part in (literal, "" if name is None else format(values[name], spec or "")):
            if part and made.endswith(" ") and _wide(made[-2:-1]) and _wide(part[0]):
                made = made[:-1]
            elif part.startswith(" ") and _wide(made[-1:]) and _wide(part[1:2]):
                part = part[1:]
            made += part
    return made


def _wide(character: str) -> bool:
    return bool(character) and unicodedata.east_asian_width(character) in "WF"


def named(word: str) -> str:
    """Return the name of a column, a decision or a verdict in the language that is spoken; others stay as they are."""
    return catalogue(spoken()).get(word, word)
