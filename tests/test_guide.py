"""The guide through all experiments: what it compares, and how it is searched, filtered and sorted in a browser."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from lab import pages, results
from lab.pages import overview
from lab.results.provenance import write_provenance
from tests.test_pages import RECORD, compared, digest, policy_of, written

CHAPTERS = [("Penalties", ["alpha", "beta"]), ("Noise", ["gamma"])]


@pytest.fixture(scope="module")
def guide(tmp_path_factory):
    """A guide through three experiments with 6, 9 and 6 runs, of which one has L2."""
    folder = tmp_path_factory.mktemp("guide")
    for name, variants in (("alpha", ["none", "l2"]), ("beta", ["none", "l1", "l2"]), ("gamma", ["none", "noise"])):
        pages.experiment_page(written(folder / name, variants, question=f"What does {name} do?"))
    asked = json.loads((folder / "gamma" / "experiment.json").read_text())
    asked["notes"] = "Nothing much. `gamma` is a pelican."
    results.write_atomically(folder / "gamma" / "experiment.json", json.dumps(asked))
    about = RECORD | {
        "id": "r0123456789ab",
        "variant": "l2",
        "declaration": {
            "data": {"call": "lab.data.digits", "seed": 0},
            "model": {"regularization": {"is": "Regularization", "l2": 0.1}},
        },
    }
    write_provenance(folder / "alpha", [about])
    return pages.index_page(folder, CHAPTERS)


def seen_cards(seen) -> list[str]:
    return seen.page.locator(".card:visible").evaluate_all("found => found.map(card => card.dataset.name)")


def seen_rows(seen) -> list[str]:
    return seen.page.locator(".overview tbody tr:visible").evaluate_all("found => found.map(row => row.dataset.name)")


class TestFacts:
    def test_where_none_is_better_the_best_variant_has_the_lowest_difference_and_its_decision(self):
        table = compared(("l1", 0.2, 0.1, 0.3, 0.01, "worse"), ("l2", -0.12, -0.30, 0.06, 0.2, "not shown"))
        best = overview.best(table)
        assert (best.name, best.by, best.decision) == (
            "l2",
            "\N{MINUS SIGN}0.12 [\N{MINUS SIGN}0.30, +0.06]",
            "not shown",
        )

    def test_a_variant_that_is_better_comes_before_a_lower_difference_that_chance_explains(self):
        table = compared(("adam", -0.6, -1.3, 0.1, 0.2, "not shown"), ("l2", -0.05, -0.07, -0.03, 0.01, "better"))
        assert overview.best(table).name == "l2"

    def test_without_a_pair_of_seeds_nothing_is_best(self):
        nan = float("nan")
        assert overview.best(compared(("l1", nan, nan, nan, nan, "not shown"))) is None
        assert overview.best(compared()) is None

    @pytest.mark.parametrize(
        ("decisions", "kinds", "line"),
        [
            (["better", "worse"], ["better", "worse"], "1 better, 1 worse"),
            (["not shown", "not shown"], ["open"], "2 not shown"),
            (["better", "not shown"], ["better"], "1 better, 1 not shown"),
            ([], [], "nothing is compared"),
        ],
    )
    def test_decisions_are_counted_and_named(self, decisions, kinds, line):
        table = compared(*((f"v{i}", 0.1, 0.0, 0.2, 0.5, each) for i, each in enumerate(decisions)))
        assert overview.found(table, pd.DataFrame({"variant": []})) == kinds
        assert overview.counted(table) == line

    def test_a_baseline_overfits_where_more_than_half_of_its_runs_do(self):
        runs = pd.DataFrame({"variant": ["none"] * 4, "verdict": ["overfits"] * 3 + ["learns"]})
        assert "overfits" in overview.found(compared(), runs)
        assert "overfits" not in overview.found(
            compared(), runs.iloc[1:].assign(verdict=["overfits", "learns", "learns"])
        )

    def test_regularizers_are_the_fields_that_are_not_at_their_default_wherever_they_are_nested(self):
        inner = {"is": "Regularization", "l2": 0.1, "l1": 0.0, "groups": 8, "normalization": "batch", "max_norm": None}
        records = [{"declaration": {"model": {"blocks": [{"regularization": inner}]}}}, {"declaration": None}, {}]
        assert overview.regularizers(records) == ["l2", "normalization"]

    def test_data_are_named_by_their_loaders_and_features_by_what_they_are_of(self):
        digits = {"call": "lab.data.digits", "seed": 0}
        features = {"call": "lab.data.features", "load": {"call": "transfer.clothes", "new": True}}
        records = [{"declaration": {"data": each}} for each in (features, digits, digits, "unknown", {"call": 3})]
        assert overview.datasets([*records, {"declaration": None}, {}]) == ["clothes", "digits"]

    def test_the_first_sentence_ends_at_a_full_stop_before_a_capital_letter(self):
        assert overview.first_sentence(["It is .5 of a. b. All of it. More."]) == "It is .5 of a. b."
        assert overview.first_sentence(["no end"]) == "no end"
        assert overview.first_sentence([]) == ""
        assert overview.first_sentence(["差は 1.5 です。次の文です。"]) == "差は 1.5 です。"


def test_the_guide_runs_its_own_scripts_which_may_load_nothing(guide):
    text = guide.read_text()
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert len(scripts) == 2
    hashes = " ".join(f"'sha256-{digest(script)}'" for script in scripts)
    assert policy_of(text) == (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src 'self' file:; base-uri 'none'; form-action 'none'"
    )


def test_a_name_in_the_table_is_escaped_and_breaks_only_after_its_separators(tmp_path):
    pages.experiment_page(written(tmp_path / "a_b", ["none", "l2_<b>-x"]))
    text = pages.index_page(tmp_path).read_text()
    assert '<a href="a_b/index.html">a_<wbr>b</a>' in text
    assert "l2_<wbr>&lt;b&gt;-<wbr>x <span" in text


def test_a_card_whose_provenance_is_torn_says_so_and_shows_the_rest(tmp_path):
    pages.experiment_page(written(tmp_path / "torn", ["none", "l2"]))
    (tmp_path / "torn" / "provenance.json").write_text("{")
    text = pages.index_page(tmp_path).read_text()
    assert "Its regularizers are not known: " in text
    assert "<polyline" in text


class TestBrowser:
    @pytest.mark.parametrize("width", [1280, 390])
    def test_the_guide_fits_the_screen_and_complains_about_nothing(self, guide, opened, width):
        seen = opened(guide, width, drawn="")
        assert seen_cards(seen) == seen_rows(seen) == ["alpha", "beta", "gamma"]
        assert seen.page.evaluate("document.documentElement.scrollWidth") == width
        wider = "box => box.scrollWidth > box.clientWidth"
        assert not seen.page.locator(".scroll:has(.overview)").evaluate(wider)
        assert seen.page.locator("details[open]").count() == 0
        assert seen.complaints == []
        assert seen.asked == [guide.as_uri()]

    def test_a_search_by_key_finds_words_behind_the_card_and_is_kept_in_the_address(self, guide, opened):
        seen = opened(guide, drawn="")
        seen.page.keyboard.press("/")
        seen.page.keyboard.type("pelican GAMMA")
        assert seen_cards(seen) == seen_rows(seen) == ["gamma"]
        assert seen.page.locator("#count").inner_text() == "1 of 3 shown"
        assert seen.page.url.endswith("#q=pelican+GAMMA")
        seen.page.reload()
        assert seen_cards(seen) == ["gamma"]
        seen.page.keyboard.press("/")
        seen.page.keyboard.press("Escape")
        assert len(seen_cards(seen)) == 3
        assert "#" not in seen.page.url
        assert seen.complaints == []

    def test_filters_hold_together_and_the_address_of_another_guide_does_no_harm(self, guide, opened):
        seen = opened(guide, drawn="")
        for name, value in (("data", "digits"), ("with", "l2")):
            seen.page.locator(f"[name={name}]").select_option(value)
            assert seen_cards(seen) == ["alpha"]
        seen.page.locator("[name=chapter]").select_option("chapter-2")
        assert seen_cards(seen) == []
        seen.page.locator("#tools button").press("Enter")
        seen.page.locator("#count", has_text="3 of 3 shown").wait_for()
        seen.page.locator("[name=with]").select_option("l2")
        seen.page.evaluate("location.hash = '#with=unheard_of&chapter=chapter-99&sort=x'")
        seen.page.locator("#count", has_text="3 of 3 shown").wait_for()
        assert seen_cards(seen) == ["alpha", "beta", "gamma"]
        assert seen.complaints == []

    def test_a_header_sorts_by_key_in_both_directions_and_says_so(self, guide, opened):
        seen = opened(guide, drawn="")
        header = seen.page.locator("th[data-sort=runs]")
        header.locator("button").press("Enter")
        assert seen_rows(seen) == ["alpha", "gamma", "beta"]
        assert header.get_attribute("aria-sort") == "ascending"
        header.locator("button").press("Enter")
        assert seen_rows(seen) == ["beta", "alpha", "gamma"]
        assert header.get_attribute("aria-sort") == "descending"
        assert seen.page.url.endswith("#sort=-runs")

    def test_the_contents_lead_to_a_chapter_even_where_a_filter_hides_it(self, guide, opened):
        seen = opened(guide, drawn="")
        seen.page.locator("[name=chapter]").select_option("chapter-1")
        seen.page.locator(".contents a").nth(1).press("Enter")
        assert seen.page.evaluate("document.activeElement.textContent") == "Noise"
        assert seen_cards(seen) == ["alpha", "beta", "gamma"]
        assert "chapter-1" not in seen.page.url

    def test_the_prose_of_a_card_opens_by_key(self, guide, opened):
        seen = opened(guide, drawn="")
        note = seen.page.locator(".card[data-name=gamma] .note")
        assert not note.first.is_visible()
        seen.page.locator(".card[data-name=gamma] summary").press("Enter")
        assert note.first.is_visible()

    def test_experiments_are_overlaid_by_key_and_the_address_keeps_it(self, guide, opened):
        seen = opened(guide, drawn="")
        panel = seen.page.locator("#overlaid")
        assert not panel.is_visible()
        for name in ("alpha", "beta"):
            seen.page.locator(f"[name=over][value={name}]").press("Space")
        assert panel.locator("li").all_inner_texts() == ["1 alpha: none, l2", "2 beta: none, l2"]
        assert panel.locator("polyline").count() == 4
        measured = panel.locator("polyline").first.get_attribute("points")
        panel.get_by_role("checkbox", name="relative").press("Space")
        assert panel.locator("polyline").first.get_attribute("points") != measured
        assert seen.page.url.endswith("#over=alpha%2Cbeta&relative=on")
        # A search keeps what is overlaid, also after a reload.
        seen.page.keyboard.press("/")
        seen.page.keyboard.type("gamma")
        assert seen.page.url.endswith("#q=gamma&over=alpha%2Cbeta&relative=on")
        seen.page.reload()
        assert panel.locator("li").count() == 2
        panel.get_by_role("button", name="clear").press("Enter")
        assert not panel.is_visible()
        assert seen.page.url.endswith("#q=gamma")
        assert seen.complaints == []

    def test_what_is_overlaid_has_the_losses_of_the_histories(self, guide, opened):
        seen = opened(guide, drawn="")
        seen.page.goto(guide.as_uri() + "#over=alpha")
        seen.page.reload()
        label = "#overlaid text[text-anchor=end]"
        marked = [float(text) for text in seen.page.locator(label).all_text_contents()]
        # A label stands 4 dots below its line.
        heights = seen.page.locator(label).evaluate_all("found => found.map(text => text.getAttribute('y') - 4)")
        points = seen.page.locator("#overlaid polyline.wide").get_attribute("points").split(" ")
        epochs = pd.read_csv(guide.parent / "alpha" / "histories.csv").groupby(["variant", "epoch"])["val_data_loss"]
        expected = epochs.median()["l2"].to_numpy()
        shown = np.interp([-float(point.split(",")[1]) for point in points], [-h for h in heights], marked)
        inside = (expected > min(marked)) & (expected < max(marked))
        assert inside.sum() > 3
        np.testing.assert_allclose(shown[inside], expected[inside], atol=0.01 * (max(expected) - min(expected)))
