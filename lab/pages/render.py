"""Filling the templates: a page with its policy, its scripts and its style sheets, as compact text.

What comes from files is text: Jinja escapes it in HTML and, for the data of the charts, in JSON.
"""

import functools
from collections.abc import Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

from lab.pages.compact import compact_markup, compact_script, compact_style
from lab.pages.policy import policy
from lab.statistics.language import named, say, spoken

_TEMPLATES = Path(__file__).parent / "templates"


def _source(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def script(name: str) -> str:
    """Return a script of the templates, without comments and indentation."""
    return compact_script(_source(name))


def style(name: str) -> Markup:
    """Return a style sheet of the templates likewise."""
    return Markup(compact_style(_source(name)))


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals |= {"say": say, "named": named}
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    return environment


def render(
    template: str, scripts: Sequence[str], *, single: bool = False, loads: bool = True, **content: object
) -> str:
    """Return a page.

    Args:
        template: the name of the file.
        scripts: what the page runs.
        single: whether all that it loads is inside it.
        loads: whether it loads scripts of its folder.
        content: what the template shows, by name.
    """
    # The style sheet and the scripts are the lab's own and Vega's: the only text that is not escaped.
    page = (
        _environment()
        .get_template(template)
        .render(
            policy=policy(scripts, single, loads, "live" in content),
            scripts=[Markup(script) for script in scripts],
            style=style("style.css"),
            single=single,
            **{"language": spoken()} | content,
        )
    )
    return compact_markup(page)
