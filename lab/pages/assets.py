"""The scripts of the pages: Vega, which draws the charts, and the page's own; one copy beside the pages for all.

The page's own script has a digest of itself in its name: pages that were drawn by another version of the lab keep the
script that knows their data. Vega is bundled once, by `make vega`, and committed: bundling it starts V8, which takes
seconds and needs more address space than a limit (`ulimit -v`) may leave.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from lab.pages.compact import compact_script
from lab.results import write_atomically

FOLDER = "assets"
"""The folder below the results that holds the scripts."""

SCRIPTS = (
    "state.js",
    "series.js",
    "charts.js",
    "epochs.js",
    "curves.js",
    "zoom.js",
    "compare.js",
    "controls.js",
    "save.js",
    "table.js",
    "runs.js",
    "reliability.js",
    "live.js",
    "page.js",
)
"""The files of an experiment's page's script, each after those that it needs."""

PLAYGROUND = (
    "random.js",
    "net.js",
    "losses.js",
    "optimizers.js",
    "training.js",
    "language.js",
    "data.js",
    "state.js",
    "seeds.js",
    "python.js",
    "canvas.js",
    "plane.js",
    "curves.js",
    "spread.js",
    "words.js",
    "controls.js",
    "page.js",
    "api.js",
)
"""The files of the playground's script, in its own folder, each after those that it needs to begin."""

NAME = "vega.js"
_TEMPLATES = Path(__file__).parent / "templates"
_PACKAGED = _TEMPLATES / NAME

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


def page_script() -> str:
    """Return the script of an experiment's page: the files `SCRIPTS` in one scope of their own."""
    return compact_script(_joined(SCRIPTS, "async "))


def playground_script() -> str:
    """Return the script of the playground: the files `PLAYGROUND` in one scope of their own.

    The page holds it.
    """
    return compact_script(_joined([f"playground/{name}" for name in PLAYGROUND]))


def _joined(names: Sequence[str], kind: str = "") -> str:
    files = [(_TEMPLATES / name).read_text(encoding="utf-8") for name in names]
    return "\n".join(['"use strict";', f"({kind}() => {{", *files, "})();", ""])


def provide(results: Path) -> list[str]:
    """Write the scripts beside the pages below a folder, where they are missing or others, and return their names."""
    found = scripts()
    for name, script in found.items():
        path = results / FOLDER / name
        if not path.exists() or path.read_bytes() != script:
            write_atomically(path, script)
    return list(found)


def scripts() -> dict[str, bytes]:
    """Return the scripts of an experiment's page by their names."""
    page = page_script().encode()
    return {NAME: _PACKAGED.read_bytes(), f"page-{hashlib.sha256(page).hexdigest()[:8]}.js": page}


if __name__ == "__main__":
    write_atomically(_PACKAGED, bundle())
