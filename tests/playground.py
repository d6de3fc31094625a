"""The playground in a real browser, for its tests: one tab that is opened anew with each state."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import pages
from lab.pages import playground
from tests.browser import Opened

SLIDERS = [slider for group in playground.REGULARIZERS.values() for slider in group]

POINTS = "\n".join(f"{1.5 * i}, {i * 7 % 5}, {'ab'[i % 2]}" for i in range(40))
"""Points as a user pastes them, 20 of each of two classes."""


class Played:
    """The playground with a state in its address."""

    def __init__(self, tab: Opened, file: Path):
        self.page, self.file = tab.page, file

    def at(self, state: str = "") -> "Played":
        self.page.goto("about:blank")
        self.page.goto(self.file.as_uri() + (f"#{state}" if state else ""))
        self.page.wait_for_selector("html[data-drawn=all]", state="attached")
        return self

    @property
    def address(self) -> str:
        return self.page.url.partition("#")[2]

    def ask(self, question: str, *arguments):
        """Ask what the page's script offers: see api.js."""
        return self.page.evaluate(f"given => playground.{question}(given)", *arguments)

    def text(self, place: str) -> str:
        return self.page.locator(place).inner_text()

    def past(self, epochs: int) -> "Played":
        """Wait until more than so many epochs have been trained."""
        # Playwright's own waiting for a function evaluates text, which the page's policy forbids.
        deadline = 400
        while int(self.text("#epoch")) <= epochs and deadline:
            self.page.wait_for_timeout(25)
            deadline -= 1
        assert int(self.text("#epoch")) > epochs
        return self

    def trained(self, epochs: int) -> "Played":
        """Train some epochs more, one by one, by key."""
        before = int(self.text("#epoch"))
        for _ in range(epochs):
            self.page.locator("#step").press("Enter")
        assert self.text("#epoch") == str(before + epochs)
        return self

    def picture(self, name: str) -> str:
        """Return the drawing on a canvas as text."""
        return self.page.locator(f"#{name}").evaluate("canvas => canvas.toDataURL()")


@pytest.fixture(scope="module")
def playground_file(tmp_path_factory) -> Path:
    return pages.playground_page(tmp_path_factory.mktemp("playground"))


@pytest.fixture(scope="module")
def playground_tab(browser, playground_file) -> Iterator[Opened]:
    opened = Opened(browser, playground_file)
    yield opened
    opened.context.close()


@pytest.fixture
def played(playground_tab, playground_file) -> Iterator[Played]:
    """The playground on a wide, light screen; complaints of the browser fail the test."""
    playground_tab.complaints.clear()
    playground_tab.page.set_viewport_size({"width": 1280, "height": 900})
    playground_tab.page.emulate_media(color_scheme="light", media="screen", reduced_motion="no-preference")
    yield Played(playground_tab, playground_file)
    assert playground_tab.complaints == []
