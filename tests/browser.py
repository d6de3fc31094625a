"""A real browser for the tests of pages: without a network, and with all that a page complained about.

axe/ holds axe-core 4.14.1 of Deque Systems (MPL 2.0) as its package has it; the pages themselves never load it.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

AXE = Path(__file__).parent / "axe" / "axe.min.js"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """A real browser without a network; skipped where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="the browser's driver is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    switches = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=switches)
        yield launched
        launched.close()


class Opened:
    """A page in the browser, with all that it complained about and asked for."""

    def __init__(
        self, browser, path: Path, width: int = 1280, drawn: str = "all", height: int = 800, scheme: str = "light"
    ):
        self.context = browser.new_context(
            offline=True, viewport={"width": width, "height": height}, color_scheme=scheme
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())
        if drawn:
            self.page.wait_for_selector(f"html[data-drawn={drawn}]", state="attached")

    def count(self, selector: str) -> int:
        return self.page.locator(selector).count()

    def lines(self, chart: str) -> list[str]:
        """The paths of a chart's lines, in order."""
        script = "found => found.map(path => path.getAttribute('d'))"
        return self.page.locator(
            f"#{chart} g.mark-line path, #{chart} g.mark-path:not(.drawn-bands) path"
        ).evaluate_all(script)

    def settled(self, chart: str, before: list[str]) -> list[str]:
        """The lines of a chart once they are no longer what they were."""
        deadline = 200
        while (now := self.lines(chart)) == before and deadline:
            self.page.wait_for_timeout(50)
            deadline -= 1
        return now

    def first_column(self) -> list[str]:
        return self.page.locator("table.sortable tbody th").all_inner_texts()


@pytest.fixture
def opened(browser) -> Iterator:
    made: list[Opened] = []

    def open_(path: Path, width: int = 1280, drawn: str = "all") -> Opened:
        made.append(Opened(browser, path, width, drawn))
        return made[-1]

    yield open_
    for each in made:
        each.context.close()


def violations(page) -> list[str]:
    """The rules of axe-core that a page breaks, each with its first place."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run()")["violations"]
    return [f"{rule['id']}: {rule['nodes'][0]['html']}" for rule in found]
