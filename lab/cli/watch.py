"""`python -m lab watch`: the page of an experiment that grows while its runs train, served on this machine only."""

import hashlib
import json
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from lab.checks import DataError
from lab.cli.folders import below
from lab.cli.options import RESULTS, Folder, Language, Name, Port

if TYPE_CHECKING:
    from lab.sweep.status import Status

HOST = "127.0.0.1"

EVERY = 1.0
"""Seconds between two looks at the experiment at least."""

SHARE = 10
"""For so many times the processor time that a page took, it is not drawn again: who trains needs the processor."""

ENDED = "the page is no longer served; whatever trains goes on"


def watch(experiment: Name, /, *, port: Port = 0, results: Folder = RESULTS, language: Language = "en") -> None:
    """Serve the page of an experiment on this machine, and let it grow while runs train, until Ctrl-C.

    Another process trains the runs; watching reads what it writes, changes nothing, and no other machine can look on.

    Args:
        experiment: a folder below the results.
        port: of the address; one that is free unless named.
        results: the folder with the experiments' folders.
        language: of the page: en or ja.
    """
    from lab.results import has_experiment

    folder = below(results, experiment)
    if not has_experiment(folder):
        raise DataError(f"{folder} holds no experiment; run it first: python -m lab list")
    try:
        server = ThreadingHTTPServer((HOST, port), handler(Page(folder, language)))
    except OSError as error:
        raise DataError(
            f"port {port} cannot be served on ({error.strerror or error}); leave --port out, or name another one"
        ) from None
    server.daemon_threads = True
    try:
        # Inside: whoever reads the line may send the signal at once.
        print(f"page: http://{HOST}:{server.server_port}/{quote(folder.name)}/ (Ctrl-C ends it)", flush=True)
        server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        print(ENDED, flush=True)
    finally:
        server.server_close()


class Page:
    """The page of an experiment as it is now, drawn anew where something came and enough time has passed.

    Args:
        folder: the experiment's.
        language: of the page.
    """

    def __init__(self, folder: Path, language: str = "en") -> None:
        from lab.sweep.growing import Growing

        self.folder, self.language = folder, language
        self._growing = Growing(folder)
        self._lock = threading.Lock()
        self._seen = self._version = self._says = ""
        self._text: str | None = None
        self._asked, self._next = -EVERY, 0.0

    def state(self) -> dict[str, str]:
        """Return the "version" of the page that is drawn, and in "says" how far the experiment is."""
        self._update()
        return {"version": self._version, "says": self._says}

    def text(self) -> str:
        """Return the page; one that says so where no run has trained an epoch."""
        self._update()
        return self._text or WAITING.format(says=self._says)

    def _update(self) -> None:
        from lab import pages
        from lab.statistics.language import speaking
        from lab.sweep.status import status

        with self._lock, speaking(self.language):
            now = time.monotonic()
            if now < self._asked + EVERY:
                return
            self._asked = now
            found = status(self.folder)
            self._says = told(found)
            seen = repr([(run.name, run.kind, run.cohort and run.cohort.epoch) for run in found.runs])
            if seen == self._seen or now < self._next:
                return
            began = time.thread_time()
            tables = self._growing.tables()
            if tables is not None:
                version = hashlib.sha256(seen.encode()).hexdigest()[:12]
                self._text = pages.live_page(self.folder, tables, {"says": self._says, "version": version})
                self._version = version
            self._seen = seen
            self._next = time.monotonic() + SHARE * (time.thread_time() - began)


WAITING = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="1"><title>Waiting for the first epoch</title>
<meta name="color-scheme" content="light dark"><body style="font-family: system-ui, sans-serif; margin: 3rem">
<p role="status">{says}</p></body></html>
"""


def told(found: "Status") -> str:
    """Return in a sentence or two how far an experiment is, and how long it still takes."""
    from lab.pages.provenance import duration
    from lab.statistics.language import say

    counts, runs = found.counts, len(found.runs)
    done = counts.get("finished", 0) + counts.get("diverged", 0)
    parts = [say("{count} of {runs} runs have ended.", count=done, runs=runs)]
    if counts.get("failed"):
        parts.append(say("{count} failed.", count=counts["failed"]))
    if found.runner is None:
        parts.append(say("No process trains it now."))
    else:
        cohorts = {run.cohort.file: run.cohort for run in found.runs if run.cohort}
        training = [
            say("{count} in epoch {epoch} of {epochs}", count=len(one.runs), epoch=one.epoch, epochs=one.epochs)
            for one in cohorts.values()
        ]
        if training:
            parts.append(say("Now train: {cohorts}.", cohorts=say(", ").join(training)))
        if found.left is not None:
            parts.append(say("About {time} are left.", time=duration(found.left)))
    return say(" ").join(parts)


def handler(page: Page) -> type[BaseHTTPRequestHandler]:
    """Return what answers requests for a page: it serves the page, its state and its scripts, and nothing else."""
    from lab.pages import assets

    scripts = assets.scripts()
    root = f"/{quote(page.folder.name)}/"

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            # A name that somebody else's page gave this machine is not answered (DNS rebinding).
            if self.headers.get("Host", "").rpartition(":")[0] not in (HOST, "localhost"):
                return self._answer(HTTPStatus.FORBIDDEN)
            path = urlsplit(self.path).path
            try:
                if path == root:
                    return self._answer(HTTPStatus.OK, page.text().encode(), "text/html; charset=utf-8")
                if path == f"{root}state":
                    return self._answer(HTTPStatus.OK, json.dumps(page.state()).encode(), "application/json")
            except DataError as error:
                return self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, str(error).encode())
            if path == "/favicon.ico":
                # Browsers ask for it and complain.
                return self._answer(HTTPStatus.NO_CONTENT)
            if path == "/":
                return self._answer(HTTPStatus.FOUND, location=root)
            folder, _, name = path.rpartition("/")
            if folder == f"/{assets.FOLDER}" and name in scripts:
                return self._answer(HTTPStatus.OK, scripts[name], "text/javascript; charset=utf-8")
            return self._answer(HTTPStatus.NOT_FOUND)

        def _answer(
            self, status: HTTPStatus, content: bytes = b"", kind: str = "text/plain; charset=utf-8", location: str = ""
        ) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:
            """Print no line per request."""

    return Handler
