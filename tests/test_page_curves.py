"""The chart over the epochs in a real browser: measures, axes, smoothing, zoom, comparison, address, saving."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lab import pages, results, statistics
from tests.browser import Opened
from tests.test_pages import histories_of, with_path

NAMES = ["none", "l2", "l1, or less"]
MINUS = "\N{MINUS SIGN}"


def rich(folder: Path) -> Path:
    """An experiment with all the columns that the lab's histories have, a diverged run, and a gap below 0."""
    histories = histories_of(NAMES, 3, 40)
    strength = histories["variant"].map(dict(zip(NAMES, (0.0, 0.2, 0.1), strict=True)))
    loss = histories["train_data_loss"] + strength
    histories = histories.assign(
        experiment=folder.name,
        loss=loss,
        train_accuracy=np.exp(-histories["train_data_loss"]),
        val_loss=histories["val_data_loss"] + strength,
        val_penalty=strength,
        val_accuracy=np.exp(-histories["val_data_loss"]),
        learning_rate=0.001,
    )
    lost = (histories["variant"] == "l2") & (histories["seed"] == 2) & (histories["epoch"] == 40)
    histories["val_data_loss"] = histories["val_data_loss"].mask(lost, np.inf)
    summary = statistics.facts(histories)
    summary["status"] = np.where(summary["verdict"] == "diverged", "diverged", "finished")
    summary["test_data_loss"] = summary["val_data_loss"].where(summary["status"] == "finished") + 0.01
    comparison = statistics.compare(summary, "none")
    for name, table in (("histories", histories), ("summary", summary), ("comparison", comparison)):
        results.write_atomically(folder / f"{name}.csv", results.to_csv(table))
    about = {"name": folder.name, "baseline": "none", "question": "Does it help?", "runs": []}
    results.write_atomically(folder / "experiment.json", json.dumps(about))
    pages.experiment_page(folder)
    return folder


class Seen:
    """One page of a browser, opened anew with another state in its address."""

    def __init__(self, opened: Opened, path: Path):
        self.opened, self.page, self.path = opened, opened.page, path

    def at(self, state: str = "") -> "Seen":
        self.page.goto("about:blank")
        self.page.goto(self.path.as_uri() + (f"#{state}" if state else ""))
        self.page.wait_for_selector("html[data-drawn=all]", state="attached")
        return self

    def drawn(self) -> "Seen":
        """Wait until what was chosen is drawn."""
        self.page.wait_for_selector("#curves[aria-busy=false]")
        return self

    @property
    def address(self) -> str:
        return self.page.url.partition("#")[2]

    @property
    def ticks(self) -> tuple[list[float], list[float]]:
        """The numbers at the axes of epochs and of values."""
        axes = self.page.locator("#curves g.role-axis:has(text)").evaluate_all(
            "axes => axes.map(axis => [...axis.querySelectorAll('.role-axis-label text')].map(t => t.textContent))"
        )
        with_numbers = [[float(text.replace(MINUS, "-")) for text in axis if text] for axis in axes if any(axis)]
        return with_numbers[0], with_numbers[1]

    def saved(self, kind: str) -> bytes:
        with self.page.expect_download() as download:
            self.page.get_by_role("button", name=kind, exact=True).click()
        return Path(download.value.path()).read_bytes()

    def csv(self) -> pd.DataFrame:
        return pd.read_csv(io.BytesIO(self.saved("CSV")), dtype={"seed": str})

    def plot(self) -> dict[str, float]:
        return self.page.locator("#curves g.root > g > path.background").bounding_box()

    def drag(self, *stops: tuple[float, float]) -> "Seen":
        """Drag the mouse between points of the plot, given as shares of its width and height from its upper left."""
        self.page.locator("#curves").scroll_into_view_if_needed()
        box = self.plot()
        for i, (x, y) in enumerate(stops):
            self.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
            if not i:
                self.page.mouse.down()
        self.page.mouse.up()
        return self.drawn()

    def press(self, *keys: str) -> "Seen":
        self.page.locator("#curves").focus()
        for key in keys:
            self.page.keyboard.press(key)
        return self.drawn()

    def quiet(self) -> None:
        assert self.opened.complaints == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return rich(tmp_path_factory.mktemp("pages") / "rich")


@pytest.fixture(scope="module")
def on_paths(tmp_path_factory) -> Path:
    return pages.experiment_page(with_path(tmp_path_factory.mktemp("paths") / "path"))


@pytest.fixture(scope="module")
def tab(browser, folder) -> Iterator[Opened]:
    opened = Opened(browser, folder / "index.html")
    yield opened
    opened.context.close()


@pytest.fixture(scope="module")
def plain(tab, folder) -> list[str]:
    """The lines of the page whose address says nothing."""
    return Seen(tab, folder / "index.html").at().opened.lines("curves")


@pytest.fixture
def seen(tab, folder) -> Iterator[Seen]:
    tab.complaints.clear()
    yield Seen(tab, folder / "index.html")
    assert tab.complaints == []


@pytest.fixture
def strengths(tab, on_paths) -> Iterator[Seen]:
    tab.complaints.clear()
    yield Seen(tab, on_paths)
    assert tab.complaints == []


def medians_of(folder: Path, columns: list[str]) -> pd.DataFrame:
    """The medians that pandas finds, over the runs that did not diverge."""
    table = pd.read_csv(folder / "histories.csv").assign(gap=lambda t: t["val_data_loss"] - t["train_data_loss"])
    table = table[~((table["variant"] == "l2") & (table["seed"] == 2))]
    return table.groupby(["variant", "epoch"], sort=False)[columns].median().unstack("variant")


class TestMeasures:
    @pytest.mark.parametrize(
        ("measure", "columns"),
        [
            ("data loss", {"train": "train_data_loss", "validation": "val_data_loss"}),
            ("accuracy", {"train": "train_accuracy", "validation": "val_accuracy"}),
            ("gap", {"validation": "gap"}),
            ("loss with penalty", {"train": "loss", "validation": "val_loss"}),
            ("penalty", {"validation": "val_penalty"}),
            ("learning rate", {"train": "learning_rate"}),
        ],
    )
    def test_what_is_drawn_are_the_medians_of_the_histories(self, seen, folder, measure, columns):
        seen.at()
        seen.page.get_by_label("metric").select_option(measure)
        seen.drawn()
        assert seen.page.locator("#curves .role-axis-title text").all_text_contents() == ["epoch", measure]
        assert (
            seen.page.locator("#curves")
            .get_attribute("aria-label")
            .startswith(f"Lines of the {measure} over 40 epochs")
        )
        assert seen.address == ("" if measure == "data loss" else f"metric={measure.replace(' ', '%20')}")
        saved = seen.csv()
        expected = medians_of(folder, list(columns.values()))
        for split, column in columns.items():
            own = saved[saved["measured_on"] == split].pivot(index="epoch", columns="variant", values=measure)
            np.testing.assert_allclose(own[NAMES], expected[column][NAMES], rtol=6e-4, atol=6e-4)
        assert set(saved["measured_on"]) == set(columns)

    def test_a_line_that_a_measure_lacks_is_said_to_be_lacking(self, seen):
        seen.at("metric=gap&splits=train")
        assert seen.page.locator("#empty").inner_text() == ("“gap” has no such line. Switch on train or validation.")


class TestAxes:
    def test_both_axes_are_logarithmic_where_that_is_asked_for(self, seen):
        seen.at()
        for name in ("log values", "log epochs"):
            seen.page.get_by_role("checkbox", name=name).press("Space")
            seen.drawn()
        assert seen.address == "logx=log&logy=log"
        epochs, values = seen.ticks
        assert epochs[:3] == [1, 2, 3]
        assert 0 < min(values) <= 0.2

    def test_a_short_logarithmic_axis_is_marked_as_a_linear_one(self, seen):
        assert sorted(seen.at("logy=log&y=0.52..0.58").ticks[1]) == [0.52, 0.54, 0.56, 0.58]

    def test_a_long_logarithmic_axis_is_marked_at_a_few_powers_of_ten(self, seen):
        assert sorted(seen.at("logy=log&y=0.000001..100000").ticks[1]) == [1e-6, 1e-4, 0.01, 1, 100, 1e4]

    def test_a_logarithmic_axis_without_a_number_above_0_says_so(self, seen):
        seen.at("metric=penalty&logy=log&shown=none")
        assert seen.page.locator("#empty").inner_text() == (
            "A logarithmic axis shows values above 0, and here there are none."
        )

    def test_the_whole_axis_is_shown_where_it_is_asked_for(self, seen):
        seen.at()
        fitted = seen.ticks[1]
        seen.page.get_by_role("checkbox", name="whole").press("Space")
        seen.drawn()
        assert seen.address == "y=whole"
        assert max(seen.ticks[1]) > 1.5 > max(fitted)

    def test_typed_ends_zoom_and_a_wrong_pair_is_marked(self, seen):
        seen.at()
        seen.page.get_by_label("epochs from").fill("10")
        seen.page.get_by_label("epochs to").fill("20")
        seen.drawn()
        assert seen.address == "x=10..20"
        assert (min(seen.ticks[0]), max(seen.ticks[0])) == (10, 20)
        field = seen.page.get_by_label("epochs to")
        field.fill("5")
        assert field.get_attribute("aria-invalid") == "true"
        assert seen.address == "x=10..20"

    def test_an_empty_part_of_the_axes_is_said_to_be_empty(self, seen):
        seen.at("y=50..60")
        assert seen.page.locator("#empty").inner_text() == "Nothing lies in this part of the axes. Reset them."
        seen.page.get_by_role("button", name="reset").click()
        seen.drawn()
        assert not seen.page.locator("#empty").is_visible()


class TestSmoothing:
    def test_the_mean_is_drawn_over_the_raw_line(self, seen):
        seen.at()
        before = seen.opened.lines("curves")
        slider = seen.page.get_by_role("slider", name="smoothing")
        slider.press("ArrowRight")
        seen.drawn()
        assert slider.get_attribute("aria-valuetext") == "mean of 3"
        after = seen.opened.lines("curves")
        assert len(after) == 2 * len(before)
        # The raw lines are those from before, and lie beneath.
        assert after[: len(before)] == before
        assert not set(after[len(before) :]) & set(before)


class TestZoom:
    def test_a_box_zooms_into_both_axes_and_a_double_click_resets_them(self, seen):
        seen.at().drag((0.25, 0.2), (0.6, 0.7), (0.75, 0.8))
        x, y = (tuple(map(float, part.split("=")[1].split(".."))) for part in seen.address.split("&"))
        assert x == pytest.approx((10.75, 30.25), abs=0.6)
        assert y[0] < y[1]
        box = seen.plot()
        seen.page.mouse.dblclick(box["x"] + 5, box["y"] + 5)
        seen.drawn()
        assert seen.address == ""

    @pytest.mark.parametrize(("to", "axis"), [((0.75, 0.5), "x"), ((0.25, 0.9), "y")])
    def test_a_drag_along_one_axis_zooms_that_axis_only(self, seen, to, axis):
        seen.at().drag((0.25, 0.5), to)
        assert re.fullmatch(rf"{axis}=[\d.]+\.\.[\d.]+", seen.address)

    def test_the_wheel_zooms_with_the_key_of_the_browsers_own_zoom_and_scrolls_without(self, seen):
        seen.at()
        seen.page.locator("#curves").hover()
        seen.page.mouse.wheel(0, -100)
        assert seen.address == ""
        seen.page.keyboard.down("Control")
        seen.page.mouse.wheel(0, -100)
        seen.page.wait_for_function("location.hash")
        seen.page.keyboard.up("Control")
        assert re.fullmatch(r"x=[\d.]+\.\.[\d.]+&y=[\d.]+\.\.[\d.]+", seen.address)

    def test_keys_zoom_move_and_reset(self, seen):
        seen.at().press("+")
        wide, high = (np.diff(list(map(float, part.split("=")[1].split("..")))) for part in seen.address.split("&"))
        assert wide == pytest.approx(0.7 * 39, abs=0.1)
        before = seen.address
        seen.press("Shift+ArrowRight")
        assert seen.address != before
        assert seen.address.split("&")[1] == before.split("&")[1]
        seen.press("0")
        assert seen.address == ""
        assert high > 0


class TestComparison:
    def test_the_mouse_compares_all_variants_at_an_epoch(self, seen, folder):
        seen.at("shown=none,l2,l1%252C%20or%20less")
        box = seen.plot()
        seen.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.6 * box["height"])
        panel = seen.page.locator("#compared-at")
        panel.wait_for()
        rows = [line.split("\t") for line in panel.locator("tr").all_inner_texts()]
        epoch = int(rows[0][0].removeprefix("epoch "))
        assert 19 <= epoch <= 22
        told = {name: (float(train), float(validation)) for name, train, validation in rows[1:]}
        expected = medians_of(folder, ["train_data_loss", "val_data_loss"]).loc[epoch]
        assert set(told) == set(NAMES)
        for name, numbers in told.items():
            np.testing.assert_allclose(numbers, expected.xs(name, level="variant"), rtol=6e-4)
        assert [row[0] for row in rows[1:]] == sorted(told, key=lambda name: -told[name][1])
        seen.page.mouse.move(5, 5)
        panel.wait_for(state="hidden")

    def test_the_arrow_keys_compare_epoch_by_epoch_and_say_so(self, seen):
        seen.at().press("ArrowRight")
        said = seen.page.locator("#said")
        first = said.text_content()
        assert re.match(r"Epoch 2[01]\. .*none: train [\d.]+, validation [\d.]+", first)
        seen.press("ArrowRight")
        assert said.text_content() != first
        seen.press("Escape")
        assert not seen.page.locator("#compared-at").is_visible()

    def test_a_name_under_the_mouse_or_in_focus_brings_its_curve_forward(self, seen):
        seen.at()
        lines = "#curves g.mark-path:not(.drawn-bands) path"
        paler = f"""document.querySelectorAll("{lines}[stroke-opacity='0.14']").length"""
        seen.page.locator("label.chip", has_text="l2").hover()
        seen.page.wait_for_function(f"{paler} === 4")
        seen.page.mouse.move(5, 5)
        seen.page.wait_for_function(f"{paler} === 0")
        seen.page.locator("button.pick", has_text="none").first.focus()
        seen.page.wait_for_function(f"{paler} === 4")
        assert seen.page.locator(lines).count() == 6


class TestShown:
    def test_hide_all_leaves_a_word_in_the_empty_frame(self, seen):
        seen.at()
        seen.page.get_by_role("button", name="hide all").first.click()
        seen.drawn()
        assert seen.page.locator("#empty").inner_text() == "No variant is shown. Switch one on, or “show all”."
        assert seen.address == "shown="
        seen.page.get_by_role("button", name="show all").first.click()
        seen.drawn()
        assert not seen.page.locator("#empty").is_visible()
        assert seen.address == ""

    def test_a_run_is_drawn_where_its_seed_is_switched_on(self, seen):
        seen.at()
        before = len(seen.opened.lines("curves"))
        seen.page.get_by_role("checkbox", name="1", exact=True).press("Space")
        seen.drawn()
        assert len(seen.opened.lines("curves")) == before + 6


class TestFan:
    def test_a_path_is_one_fan_with_a_slider_that_marks_its_strength_in_both_charts(self, strengths):
        strengths.at()
        assert strengths.page.locator("label.chip[data-v]").all_inner_texts() == ["none"]
        assert len(strengths.opened.lines("curves")) == 2 * 4
        slider = strengths.page.get_by_role("slider", name="strength")
        assert slider.get_attribute("aria-valuetext") == "all 4 strengths"
        slider.press("ArrowRight")
        slider.press("ArrowRight")
        strengths.drawn()
        told = "l2 0.001: train 0.227, validation 0.547, test 0.557 (3 runs)"
        assert slider.get_attribute("aria-valuetext") == told
        assert strengths.page.locator("#at-said").inner_text() == told
        opacities = strengths.page.locator("#curves g.mark-path:not(.drawn-bands) path").evaluate_all(
            "lines => lines.map(line => line.getAttribute('stroke-opacity'))"
        )
        assert sorted(opacities) == ["0.14"] * 6 + ["1"] * 2
        assert strengths.page.locator("#path g.role-mark.mark-rule line").count() == 1
        assert strengths.address == "at=1"

    def test_another_regularizer_is_another_fan_and_none_is_none(self, strengths):
        strengths.at("at=1")
        for name, lines, address in (("dropout", 6, "family=dropout"), ("no strengths", 2, "family=")):
            strengths.page.get_by_text(name, exact=True).click()
            strengths.drawn()
            assert len(strengths.opened.lines("curves")) == lines
            assert strengths.address == address
        assert not strengths.page.get_by_role("slider", name="strength").is_visible()

    def test_show_all_brings_back_a_fan_that_its_own_switch_switched_off(self, strengths):
        strengths.at("family=")
        assert len(strengths.opened.lines("curves")) == 2
        strengths.page.get_by_role("button", name="show all").first.click()
        strengths.drawn()
        assert len(strengths.opened.lines("curves")) == 2 * 4
        assert strengths.page.get_by_role("slider", name="strength").is_visible()
        assert strengths.address == ""

    def test_show_all_keeps_the_fan_that_is_chosen(self, strengths):
        strengths.at("family=dropout&shown=")
        strengths.page.get_by_role("button", name="show all").first.click()
        strengths.drawn()
        assert strengths.address == "family=dropout"


class TestAddress:
    def test_the_state_survives_a_reload_and_a_shared_link_shows_the_same(self, seen):
        seen.at()
        seen.page.get_by_label("metric").select_option("accuracy")
        seen.page.get_by_role("checkbox", name="log epochs").press("Space")
        seen.page.get_by_role("slider", name="smoothing").fill("3")
        seen.page.get_by_role("checkbox", name="l2").press("Space")
        address, before = seen.drawn().address, sorted(seen.opened.lines("curves"))
        assert address == "metric=accuracy&logx=log&smooth=3&shown=none,l1%252C%20or%20less"
        seen.page.reload()
        seen.page.wait_for_selector("html[data-drawn=all]", state="attached")
        assert (seen.address, sorted(seen.opened.lines("curves"))) == (address, before)
        assert not seen.page.get_by_role("checkbox", name="l2").is_checked()
        assert seen.page.get_by_label("metric").locator("option:checked").inner_text() == "accuracy"

    def test_a_link_that_is_followed_on_the_page_changes_it(self, seen):
        seen.at()
        seen.page.evaluate("location.hash = 'metric=gap'")
        seen.page.wait_for_function("document.querySelector('#curves').textContent.includes('gap')")
        assert seen.address == "metric=gap"

    @pytest.mark.parametrize(
        "state",
        ["metric=beauty", "x=5..3&smooth=99", "shown=%E0%A4%A", "at=3&family=l7", "variant=nobody&run=x", "how"],
    )
    def test_what_an_address_says_in_vain_is_ignored(self, seen, state, plain):
        assert seen.at(state).opened.lines("curves") == plain


class TestSaving:
    def test_a_saved_svg_stands_alone_with_title_legend_and_plain_colours(self, seen):
        text = seen.at("smooth=1&variant=none&run=1").saved("SVG").decode()
        assert "var(" not in text
        assert all(word in text for word in ["Does it help?", *NAMES, "validation", "data loss"])
        # However pale a line is, its legend is not.
        assert re.findall(r'role-legend-symbol"[^>]*><path [^>]*opacity="([^"]*)"', text) == ["1"] * 5

    def test_a_saved_png_is_a_picture_of_twice_the_size(self, seen):
        content = seen.at().saved("PNG")
        assert content.startswith(b"\x89PNG")
        assert int.from_bytes(content[16:20]) > 1520

    @pytest.mark.slow
    def test_the_line_of_pandas_gives_the_medians_that_are_drawn(self, seen, folder):
        seen.at("shown=none,l2")
        seen.page.get_by_role("button", name="copy for pandas").click()
        line = seen.page.locator("#pandas").input_value()
        assert line.startswith(f'pd.read_csv("{folder / "histories.csv"}"')
        seen.page.locator("#saved", has_text=re.compile(r"^(Copied|Copy the selected line)\.$")).wait_for()
        made = eval(line, {"pd": pd})
        saved = seen.csv()
        for split, column in (("train", "train_data_loss"), ("validation", "val_data_loss")):
            own = saved[saved["measured_on"] == split].pivot(index="epoch", columns="variant", values="data loss")
            np.testing.assert_allclose(own[["none", "l2"]], made[column][["none", "l2"]], rtol=6e-4, atol=6e-4)
