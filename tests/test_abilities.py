"""Everything a page can do, done with the keyboard alone, on large and small, light and dark screens.

Every test ends with what holds for any page in any state: the browser has complained about nothing and asked for
nothing outside, nothing is wider than the screen, and axe-core finds nothing. Once for each page the Tab key reaches
every control and shows where it is. What the abilities do in detail is tested beside each of them, on one screen.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import pages
from lab.compute import compute, draw
from lab.results.imported import import_logs
from lab.statistics.language import speaking
from tests.browser import Opened, violations
from tests.playground import POINTS, Played
from tests.selection import quick
from tests.test_imported import logs_of
from tests.test_page_curves import Seen
from tests.test_pages import with_path
from tests.test_reliability import sure
from tests.test_study import STUDY

COMMITTED = Path(__file__).parent.parent / "results"
SCREENS = {
    "phone, dark": (390, 844, "dark"),
    "phone, light": (390, 844, "light"),
    "desk, dark": (1280, 900, "dark"),
    "desk, light": (1280, 900, "light"),
}
CONTROLS = (
    "a[href]:visible:not([tabindex='-1']), button:visible:enabled, select:visible:enabled, summary:visible, "
    "textarea:visible:enabled, [tabindex='0']:visible, input:visible:enabled:not([type=radio]:not(:checked))"
)


@pytest.fixture(scope="module")
def everything(tmp_path_factory) -> Path:
    """A folder of results with one page of each kind, a guide through them and a playground."""
    folder = tmp_path_factory.mktemp("everything") / "results"
    sure(folder / "sure")
    with_path(folder / "path")
    shutil.copytree(COMMITTED / "alexnet", folder / "alexnet")
    for name in ("path", "alexnet"):
        pages.experiment_page(folder / name)
    pages.experiment_page(import_logs(logs_of(folder.parent / "net"), folder))
    compute(STUDY, folder / "squares")
    draw(STUDY, folder / "squares")
    pages.study_page(folder / "squares")
    shutil.copytree(folder / "sure", folder.parent / "ja" / "sure")
    with speaking("ja"):
        pages.experiment_page(folder.parent / "ja" / "sure")
        pages.playground_page(folder.parent / "ja")
    pages.playground_page(folder)
    pages.index_page(folder, [("Penalties", ["sure", "path"]), ("Noise", ["alexnet", "net", "squares"])])
    return folder


class Screen(Opened):
    """A screen of some size and scheme, on which one page after the other is opened."""

    def __init__(self, browser, size: tuple[int, int, str]):
        self.width, self.height, self.scheme = size
        super().__init__(browser, Path(__file__).parent / "axe", self.width, "", self.height, self.scheme)

    def at(self, path: Path, state: str = "") -> "Screen":
        self.complaints.clear()
        self.asked.clear()
        self.page.goto("about:blank")
        self.page.goto(path.as_uri() + (f"#{state}" if state else ""))
        if path.name == "playground.html" or path.parent.name not in ("results", "squares"):
            self.page.wait_for_selector("html[data-drawn=all]", state="attached")
        return self

    def sound(self) -> None:
        """Check what holds for any page in any state."""
        assert self.page.evaluate("document.documentElement.scrollWidth") == self.width
        assert violations(self.page) == []
        assert self.complaints == []
        assert [url for url in self.asked if not url.startswith(("file:", "about:", "blob:", "data:"))] == []

    def reached(self) -> None:
        """Check that the Tab key comes to every control, and that it is seen where it is."""
        controls = self.page.locator(CONTROLS)
        note = """() => {
          const at = document.activeElement;
          const style = getComputedStyle(at.closest('.chip') || at);
          if (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) at.dataset.reached = 'yes';
        }"""
        for _ in range(controls.count() + 3):
            self.page.keyboard.press("Tab")
            self.page.evaluate(note)
        missed = "found => found.filter(one => !one.dataset.reached).map(one => one.outerHTML.slice(0, 200))"
        assert controls.evaluate_all(missed) == []


def open_all(page):
    """Open every panel that is closed, by key."""
    for panel in page.locator("details").all():
        if panel.get_attribute("open") is None:
            panel.locator("> summary").press("Enter")


@pytest.fixture(scope="module", params=quick(SCREENS))
def screen(request, browser) -> Iterator[Screen]:
    made = Screen(browser, SCREENS[request.param])
    yield made
    made.context.close()


def test_the_first_screen_answers_and_the_contents_lead_on(screen, everything):
    path = everything / "sure" / "index.html"
    page = screen.at(path, "metric=accuracy").page
    answer, forest, curves = (page.locator(place).bounding_box() for place in (".answer", "#forest svg", "#curves svg"))
    assert answer["y"] + answer["height"] < forest["y"]
    assert forest["y"] + forest["height"] < screen.height
    if screen.width > 1000:
        assert forest["x"] + forest["width"] < curves["x"]
        assert curves["y"] + curves["height"] < screen.height
    else:
        assert forest["y"] + forest["height"] < curves["y"]
        assert forest["x"] == pytest.approx(curves["x"], abs=1)
    page.locator(".contents a", has_text="How it was run").press("Enter")
    assert page.evaluate("document.activeElement.id") == "how"
    # What is chosen stays chosen.
    assert Seen(screen, path).address == "metric=accuracy"
    assert page.get_by_label("metric").locator("option:checked").inner_text() == "accuracy"
    screen.sound()


def test_curves_are_worked_with_and_their_state_survives_a_reload(screen, everything):
    path = everything / "sure" / "index.html"
    seen, page = Seen(screen, path), screen.at(path).page
    before = len(screen.lines("curves"))
    page.get_by_label("metric").focus()
    page.keyboard.press("ArrowDown")
    for name in ("log values", "log epochs"):
        page.get_by_role("checkbox", name=name).press("Space")
    page.get_by_role("slider", name="smoothing").press("ArrowRight")
    seen.drawn()
    # The raw lines lie beneath those of the means.
    assert len(screen.lines("curves")) == 2 * before
    chosen = "metric=accuracy&logx=log&logy=log&smooth=1"
    assert seen.address == chosen
    seen.press("+", "ArrowRight")
    assert page.locator("#compared-at tbody tr").count() == 3
    panel, frame = (page.locator(place).bounding_box() for place in ("#compared-at", ".work"))
    assert panel["x"] >= frame["x"]
    assert panel["x"] + panel["width"] <= frame["x"] + frame["width"] + 1
    assert page.locator("#said").text_content().startswith("Epoch ")
    zoomed, lines = seen.address, screen.lines("curves")
    assert zoomed.startswith(chosen.replace("&smooth=1", "&x="))
    page.reload()
    page.wait_for_selector("html[data-drawn=all]", state="attached")
    assert (seen.address, screen.lines("curves")) == (zoomed, lines)
    page.get_by_role("button", name="reset").press("Enter")
    assert seen.drawn().address == chosen
    page.locator("button.pick", has_text="l2").first.focus()
    pale = "#curves g.mark-path:not(.drawn-bands) path[stroke-opacity='0.14']"
    page.wait_for_function(f'document.querySelectorAll("{pale}").length === 4')
    screen.sound()


def test_strengths_are_one_fan_with_a_slider(screen, everything):
    path = everything / "path" / "index.html"
    seen, page = Seen(screen, path), screen.at(path).page
    page.get_by_role("radio", name="l2").press("ArrowRight")
    page.get_by_role("slider", name="strength").press("ArrowRight")
    seen.drawn()
    assert seen.address == "family=dropout&at=0"
    assert page.locator("#at-said").inner_text().startswith("dropout 0: train ")
    screen.sound()
    screen.reached()


def test_what_is_drawn_is_saved_and_hidden(screen, everything):
    path = everything / "sure" / "index.html"
    seen, page = Seen(screen, path), screen.at(path).page
    for kind in ("PNG", "SVG", "CSV"):
        with page.expect_download() as download:
            page.get_by_role("button", name=kind, exact=True).press("Enter")
        assert download.value.suggested_filename == f"sure-data_loss.{kind.lower()}"
        assert page.locator("#saved").inner_text() == f"Saved as sure-data_loss.{kind.lower()}."
    page.get_by_role("button", name="copy for pandas").press("Enter")
    assert page.locator("#pandas").input_value().startswith("pd.read_csv(")
    page.get_by_role("button", name="hide all").first.press("Enter")
    seen.drawn()
    assert page.locator("#empty").is_visible()
    screen.sound()


def test_runs_are_filtered_sorted_and_linked_with_their_curves(screen, everything):
    path = everything / "sure" / "index.html"
    seen, page = Seen(screen, path), screen.at(path).page
    page.locator("#runs-table").get_by_role("button", name="test data loss").press("Enter")
    page.locator("#runs-verdict").focus()
    page.keyboard.press("End")
    rows = page.locator("#runs-table tbody tr:visible")
    assert 0 < rows.count() < 9
    rows.first.get_by_role("button").press("Enter")
    seen.drawn()
    assert seen.address.startswith("variant=")
    assert page.locator("#curves path[stroke-width='2.6']").count() == 2
    assert rows.first.get_by_role("button").get_attribute("aria-pressed") == "true"
    screen.sound()
    screen.reached()


def test_two_settings_are_a_heat_map(screen, everything):
    page = screen.at(everything / "alexnet" / "index.html").page
    cells = page.locator("#pairs svg g.role-mark.mark-text text").all_text_contents()
    assert len(cells) == 4
    assert set(cells) <= set(page.locator("table.sortable td.number").all_text_contents())
    box = page.locator("#pairs svg").bounding_box()
    assert box["x"] + box["width"] <= screen.width
    screen.sound()


def test_confidence_is_compared_with_what_is_right(screen, everything):
    path = everything / "sure" / "index.html"
    seen, page = Seen(screen, path), screen.at(path).page
    open_all(page)
    page.locator("#reliability-curve svg").wait_for()
    before = screen.lines("reliability-curve")
    page.locator("#reliability-variant").focus()
    page.keyboard.press("ArrowDown")
    assert screen.settled("reliability-curve", before) != before
    assert seen.address == "variant=l2"
    screen.sound()


def test_logs_of_others_have_the_same_page_and_what_they_cannot_tell(screen, everything):
    path = everything / "net" / "index.html"
    seen, page = Seen(screen, path), screen.at(path).page
    page.locator(".contents a", has_text="What these logs cannot tell").press("Enter")
    assert page.evaluate("document.activeElement.id") == "untold"
    page.get_by_label("metric").focus()
    page.keyboard.press("ArrowDown")
    seen.drawn()
    assert seen.address == "metric=accuracy"
    assert len(screen.lines("curves")) == 4
    screen.sound()
    screen.reached()


def test_a_figure_has_the_ground_of_the_screen(screen, everything):
    page = screen.at(everything / "squares" / "index.html").page
    blended = page.locator("img").evaluate("picture => getComputedStyle(picture).mixBlendMode")
    assert blended == {"dark": "screen", "light": "normal"}[screen.scheme]
    screen.sound()
    screen.reached()


def test_the_guide_is_searched_filtered_sorted_and_overlaid(screen, everything):
    page = screen.at(everything / "index.html").page
    shown = page.locator(".card:visible")
    assert page.locator(".overview .small svg:visible").count() == (4 if screen.width > 1000 else 0)
    page.locator("th[data-sort=runs] button").press("Enter")
    page.keyboard.press("/")
    page.keyboard.type("does it help")
    assert sorted(shown.evaluate_all("cards => cards.map(card => card.dataset.name)")) == ["path", "sure"]
    for name in ("sure", "path"):
        page.locator(f"[name=over][value={name}]").press("Space")
    page.locator("#overlaid").get_by_role("checkbox", name="relative").press("Space")
    assert page.locator("#overlaid polyline").count() == 4
    assert page.url.endswith("#q=does+it+help&sort=runs&over=sure%2Cpath&relative=on")
    page.locator(".card:visible summary").first.press("Enter")
    screen.sound()
    screen.reached()
    page.locator("[name=found]").focus()
    page.keyboard.press("End")
    page.locator("#tools button").press("Enter")
    page.locator("#count", has_text="5 of 5 shown").wait_for()
    page.locator(".contents a").nth(1).press("Enter")
    assert page.evaluate("document.activeElement.textContent") == "Noise"
    screen.sound()


def test_the_playground_trains_compares_takes_points_and_makes_an_experiment(screen, everything):
    file = everything / "playground.html"
    played = Played(screen.at(file, "size=20&seeds=5"), file).trained(2)
    page = screen.page
    page.locator("#keep").press("Enter")
    page.locator("#l2").press("End")
    played.trained(2)
    assert played.text("#compared").startswith("Lowest validation loss, L2 0.5 against no regularizer")
    for summary in page.locator("summary").all():
        summary.press("Enter")
    assert "Regularization(l2=0.5)" in page.locator("#script").input_value()
    page.locator("#points").fill(POINTS)
    page.locator("#use-points").press("Enter")
    assert "data=pasted" in played.address
    played.trained(1)
    screen.sound()
    screen.reached()


def test_a_japanese_page_fits(screen, everything):
    page = screen.at(everything.parent / "ja" / "sure" / "index.html").page
    open_all(page)
    page.get_by_label("指標").focus()
    page.keyboard.press("ArrowDown")
    assert "正解率" in Seen(screen, everything).drawn().page.locator("#curves").inner_text()
    assert page.url.endswith("#metric=accuracy")
    if screen.width > 1000:
        assert page.locator(".scroll").first.evaluate("box => box.scrollWidth == box.clientWidth")
    screen.sound()


def test_the_japanese_playground_fits(screen, everything):
    file = everything.parent / "ja" / "playground.html"
    played = Played(screen.at(file, "size=20&seeds=5"), file).trained(2)
    screen.page.locator("#keep").press("Enter")
    screen.page.locator("#l2").press("End")
    played.trained(1)
    open_all(screen.page)
    assert "L2 0.5" in played.text("#compared")
    screen.sound()
