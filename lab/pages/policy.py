"""The content security policy of a page: which script runs, and what it may load."""

import base64
import hashlib
from collections.abc import Sequence


def policy(scripts: Sequence[str], single: bool = False, loads: bool = True, lives: bool = False) -> str:
    """Return the content security policy of a page: its own script and what that loads, and nothing from outside.

    A page in a folder of results runs one script inside it, known by its hash, which loads two from the folder beside
    ("strict-dynamic": only a script that was trusted may add one, never the page's markup). The hash of a script
    outside the page would be the stricter rule, but a browser does not check one of a page opened from disk. Its
    pictures are files beside it; 'self' is meant for pages on a server, and file: for those on disk, which have no
    origin. A page for sending holds its scripts and pictures itself.

    The script of the guide loads nothing (`loads` is False), so that it may not. A page that `watch` serves asks its
    server, and nobody else, how far the runs are (`lives`).

    Vega is told to interpret its expressions, so that no text becomes code ("unsafe-eval" is not there).
    """
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{value}'" for value in hashes) or "'none'"
    if scripts and loads and not single:
        allowed += " 'strict-dynamic'"
    pictures = "data:" if single else "'self' file:"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src {pictures}; "
        + ("connect-src 'self'; " if lives else "")
        + "base-uri 'none'; form-action 'none'"
    )
