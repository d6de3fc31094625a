"""An experiment's page in a real browser for everyone: the table of runs, phones, dark screens, and paper."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import pages
from lab.compute import compute, draw
from tests.browser import Opened
from tests.test_page_curves import Seen, rich
from tests.test_pages import all_diverged, written
from tests.test_study import STUDY


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return rich(tmp_path_factory.mktemp("pages") / "rich")


@pytest.fixture(scope="module")
def tab(browser, folder) -> Iterator[Opened]:
    opened = Opened(browser, folder / "index.html")
    yield opened
    opened.context.close()


@pytest.fixture
def seen(tab, folder) -> Iterator[Seen]:
    tab.complaints.clear()
    tab.page.set_viewport_size({"width": 1280, "height": 900})
    tab.page.emulate_media(color_scheme="light", media="screen")
    yield Seen(tab, folder / "index.html")
    assert tab.complaints == []


def rows(seen: Seen) -> list[list[str]]:
    """The cells of the runs that are listed."""
    return [
        [cell.strip() for cell in row.split("\t")]
        for row in seen.page.locator("#runs-table tbody tr:visible").all_inner_texts()
    ]


class TestRuns:
    def test_every_run_has_a_row_and_a_short_table_is_open(self, seen):
        listed = rows(seen.at())
        assert [(row[0], row[1]) for row in listed] == [
            (name, str(seed)) for name in ("none", "l2", "l1, or less") for seed in range(3)
        ]
        assert listed[5][2] == "diverged"
        assert seen.page.locator("#runs-count").inner_text() == "9 runs"

    def test_a_long_table_is_folded_up(self, tmp_path, opened):
        page = opened(pages.experiment_page(written(tmp_path / "long", ["none", "l2"], seeds=7))).page
        assert not page.locator("#runs-table").is_visible()
        page.locator("#runs summary").press("Enter")
        page.locator("#runs-table tbody tr").first.wait_for()
        assert page.locator("#runs-table tbody tr").count() == 14

    def test_a_run_that_is_chosen_brings_its_curve_forward_and_filters_by_its_variant(self, seen):
        seen.at()
        row = seen.page.get_by_role("button", name="none, seed 1")
        row.press("Enter")
        seen.drawn()
        assert row.get_attribute("aria-pressed") == "true"
        assert seen.address == "variant=none&run=1"
        assert [cells[0] for cells in rows(seen)] == ["none"] * 3
        widths = seen.page.locator("#curves g.mark-path:not(.drawn-bands) path").evaluate_all(
            "lines => lines.filter(line => line.getAttribute('stroke-width') === '2.6').length"
        )
        assert widths == 2
        row.press("Enter")
        seen.drawn()
        assert seen.address == ""
        assert len(rows(seen)) == 9

    def test_a_variant_that_is_chosen_by_name_or_by_its_curve_filters_the_runs(self, seen):
        seen.at()
        seen.page.locator("table.sortable button.pick", has_text="l2").click()
        seen.drawn()
        assert [cells[0] for cells in rows(seen)] == ["l2"] * 3
        assert seen.page.locator("#runs-count").inner_text() == "3 of 9 runs"
        seen.page.get_by_role("button", name="show all runs").click()
        seen.drawn().page.locator("#curves").scroll_into_view_if_needed()
        box = seen.plot()
        # Somewhere on this line there is a curve.
        for share in range(5, 95, 3):
            seen.page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + share / 100 * box["height"])
            if seen.drawn().address:
                break
        assert re.match("variant=", seen.address)
        assert len(rows(seen)) == 3

    def test_the_runs_are_filtered_by_verdict_and_sorted_and_the_address_keeps_it(self, seen):
        seen.at()
        seen.page.locator("#runs-verdict").select_option("diverged")
        assert [row[:3] for row in rows(seen)] == [["l2", "2", "diverged"]]
        seen.page.get_by_role("button", name="show all runs").click()
        head = seen.page.locator("#runs-table").get_by_role("button", name="test data loss")
        for order, address in (("ascending", "sort=test%20data%20loss"), ("descending", "sort=-test%20data%20loss")):
            head.press("Enter")
            assert (
                seen.page.locator("#runs-table th[aria-sort]:has-text('test data loss')").get_attribute("aria-sort")
                == order
            )
            assert seen.address == address
            column = [row[-1] for row in rows(seen)]
            # The diverged run has no test data loss and comes last in both orders.
            assert column[-1] == ""
            numbers = [float(text) for text in column[:-1]]
            assert numbers == sorted(numbers, reverse=order == "descending")
        before = rows(seen)
        assert rows(seen.at(seen.address)) == before

    def test_runs_are_listed_chosen_and_sorted_where_there_is_no_chart(self, tmp_path, tab):
        lost = Seen(tab, pages.experiment_page(all_diverged(tmp_path / "lost"))).at()
        lost.page.get_by_role("button", name="l2, seed 1").press("Enter")
        lost.page.locator("#runs-table").get_by_role("button", name="seed", exact=True).press("Enter")
        assert [row[:3] for row in rows(lost)] == [["l2", "0", "diverged"], ["l2", "1", "diverged"]]
        assert lost.address == "variant=l2&run=1&sort=seed"
        assert tab.complaints == []

    def test_a_choice_that_fits_no_run_says_so(self, seen):
        seen.at("verdict=diverged&variant=none")
        assert seen.page.locator("#runs-none").is_visible()


class TestScreens:
    def test_a_table_that_is_wider_than_a_phone_says_that_it_scrolls_and_breaks_no_word(self, tmp_path, opened):
        folder = written(tmp_path / "names", ["none", "activity_regularized_network", "elastic-net"])
        page = opened(pages.experiment_page(folder), 390).page
        hints = page.locator(".sideways")
        assert [hint.is_visible() for hint in hints.all()] == [True, True]
        name = page.locator("table.sortable button.pick", has_text="activity").locator("span")
        lines = name.evaluate(
            """name => {
              const text = [...name.childNodes].filter(node => node.nodeType === 3);
              return text.every(node => {
                const range = document.createRange();
                range.selectNode(node);
                return range.getClientRects().length === 1;
              });
            }"""
        )
        assert lines
        assert page.evaluate("document.documentElement.scrollWidth") == 390

    def test_a_touch_compares_the_variants_until_something_else_is_touched(self, seen):
        seen.at()
        box = seen.plot()
        place = {"clientX": box["x"] + box["width"] / 2, "clientY": box["y"] + 50, "pointerType": "touch"}
        seen.page.locator("#curves").focus()
        for event in ("pointerdown", "pointerup", "pointerleave"):
            seen.page.locator("#curves").dispatch_event(event, place)
        assert seen.page.locator("#compared-at tbody tr").count() == 3
        seen.page.locator("#runs summary").focus()
        assert not seen.page.locator("#compared-at").is_visible()

    def test_a_table_that_fits_says_nothing(self, seen):
        seen.at()
        assert not seen.page.locator(".sideways").first.is_visible()

    def test_a_figure_has_no_white_box_on_a_dark_screen(self, tmp_path, opened):
        compute(STUDY, tmp_path / "squares")
        draw(STUDY, tmp_path / "squares")
        page = opened(pages.study_page(tmp_path / "squares"), drawn="").page
        look = "picture => [getComputedStyle(picture).filter, getComputedStyle(picture).mixBlendMode]"
        figure = page.locator("img")
        assert figure.evaluate(look) == ["none", "normal"]
        page.emulate_media(color_scheme="dark")
        assert figure.evaluate(look) == ["invert(1) hue-rotate(180deg)", "screen"]
        page.emulate_media(color_scheme="dark", media="print")
        assert figure.evaluate(look) == ["none", "normal"]

    def test_paper_has_both_charts_on_one_sheet_and_no_controls(self, seen):
        seen.at()
        seen.page.set_viewport_size({"width": 680, "height": 960})
        seen.page.emulate_media(media="print")
        for place in ("#controls .controls", ".tools >> nth=0", "#runs", "nav >> nth=0", "nav >> nth=1"):
            assert not seen.page.locator(place).is_visible()
        boxes = [seen.page.locator(place).bounding_box() for place in ("#forest svg", "#curves svg")]
        assert max(box["y"] + box["height"] for box in boxes) < 960
        assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]

    def test_a_small_page_is_printed_on_one_sheet(self, seen):
        seen.at().page.emulate_media(media="null")
        sheets = re.findall(rb"/Type\s*/Page\b", seen.page.pdf(format="A4"))
        assert len(sheets) == 1
