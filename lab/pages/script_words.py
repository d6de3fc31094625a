"""The words of a page's script in the language that is spoken: a script is one file for all languages."""

import re
from collections.abc import Iterable

from lab.statistics.language import catalogue, spoken

_SAID = re.compile(r'say\(\s*"([^"]*)"')


def script_words(script: str, names: Iterable[str] = ()) -> dict[str, str]:
    """Return what a page's script says, in the language that is spoken, by the English texts; empty for English.

    Args:
        script: its source, in which what is said stands as a literal.
        names: what else it names, by what it takes from the page.
    """
    texts = catalogue(spoken())
    return {text: texts[text] for text in [*_SAID.findall(script), *names] if text in texts}
