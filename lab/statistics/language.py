"""The language of reports and pages: English, whose sentences are the keys, or another one from its catalogue.

    with speaking("ja"):
        say("Over {count} seeds", count=5)      # 5 個のシードで

What users wrote (questions, notes, names of variants and columns) stays as they wrote it. A sentence is translated as a
whole, never put together from words, for the order of words differs.
"""

import functools
import json
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
    return catalogue(spoken()).get(text, text).format(**values)


def named(word: str) -> str:
    """Return the name of a column, a decision or a verdict in the language that is spoken; others stay as they are."""
    return catalogue(spoken()).get(word, word)
