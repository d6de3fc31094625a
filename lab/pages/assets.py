"""Vega, which draws the charts: one script in the package, and one copy beside the pages, linked by all of them.

The script is bundled once, by `make vega`, and committed: bundling it starts V8, which takes seconds and needs more
address space than a limit (`ulimit -v`) may leave.
"""

from pathlib import Path

from lab.results import write_atomically

FOLDER = "assets"
"""The folder below the results that holds the script."""

NAME = "vega.js"
_PACKAGED = Path(__file__).parent / "templates" / NAME

_LICENCE = """\
/*! Vega, Vega-Lite and Vega-Embed as one script that makes window.vegaEmbed.
Copyright (c) University of Washington Interactive Data Lab and contributors. Licence: BSD-3-Clause,
https://github.com/vega/vega/blob/main/LICENSE, https://github.com/vega/vega-lite/blob/main/LICENSE */
"""


def vega() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script that makes `window.vegaEmbed`."""
    return _PACKAGED.read_text(encoding="utf-8")


def bundle() -> str:
    """Return the script as vl-convert bundles it, safe inside a page; starts V8."""
    import vl_convert

    script = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # optional, whatever its stub says
    # `</script` ends the element even inside a string.
    return _LICENCE + script.replace("</script", "<\\/script").replace("<!--", "<\\!--").replace("\r", "")


def provide(results: Path) -> None:
    """Write the script beside the pages below a folder, if it is missing there or another one."""
    path = results / FOLDER / NAME
    script = _PACKAGED.read_bytes()
    if not path.exists() or path.read_bytes() != script:
        write_atomically(path, script)


if __name__ == "__main__":
    write_atomically(_PACKAGED, bundle())
