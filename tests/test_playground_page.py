"""The playground as people use it: the spread over the seeds, what moves when, its address, keys and screens."""

import re
from pathlib import Path

import numpy as np
import pytest
import scipy

from lab import pages
from lab.cli.running import write_guide
from lab.pages import assets, playground
from tests.playground import SLIDERS
from tests.test_pages import digest, policy_of, written

MINUS = "\N{MINUS SIGN}"


class TestSpread:
    def test_the_bands_are_the_quartiles_and_the_ends_over_the_seeds(self, played):
        played.at("size=20").trained(2)
        rows, bands = played.ask("rows"), played.ask("bands")
        for name in ("train_data_loss", "val_data_loss", "val_accuracy"):
            values = [[run[epoch][name] for run in rows] for epoch in range(2)]
            found = [[band[end] for end in ("low", "lower", "median", "upper", "high")] for band in bands[name]]
            assert np.allclose(found, np.quantile(values, [0, 0.25, 0.5, 0.75, 1], axis=1).T)

    def test_what_was_kept_is_compared_seed_by_seed(self, played):
        page = played.at("size=20&seeds=5").trained(3).page
        before = [min(row["val_data_loss"] for row in run) for run in played.ask("rows")]
        page.locator("#keep").press("Enter")
        assert played.text("#epoch") == "0"
        page.locator("#l2").press("End")
        played.trained(3)
        after = [min(row["val_data_loss"] for row in run) for run in played.ask("rows")]
        difference = np.subtract(after, before)
        half = scipy.stats.t.ppf(0.975, 4) * difference.std(ddof=1) / np.sqrt(5)
        mean = difference.mean()
        verdict = "worse" if mean > half else "better" if mean < -half else "chance explains it as well"
        shown = f"{mean:+.3f} [{mean - half:+.3f}, {mean + half:+.3f}]".replace("-", MINUS)
        assert played.text("#compared") == (
            f"Lowest validation loss, L2 0.5 against no regularizer: {shown} per seed, "
            f"lower in {(difference < 0).sum()} of 5: {verdict}."
        )

    def test_other_points_end_the_comparison_and_another_net_does_not(self, played):
        page = played.at("size=20&seeds=5").trained(1).page
        page.locator("#keep").press("Enter")
        page.locator("#activation").select_option("relu")
        assert page.locator("#before").is_visible()
        said = "Lowest validation loss, no regularizer, relu against no regularizer, tanh: "
        assert played.trained(1).text("#compared").startswith(said)
        page.locator("#size").select_option("50")
        assert not page.locator("#before").is_visible()

    def test_a_setting_that_changed_while_it_was_trained_is_not_compared_as_one(self, played):
        page = played.at("size=20&seeds=5").trained(1).page
        page.locator("#l1").press("End")
        played.trained(1)
        page.locator("#keep").press("Enter")
        assert (
            played.trained(1)
            .text("#compared")
            .endswith("Strengths were changed while it trained, so this compares no two settings.")
        )

    def test_an_example_on_the_same_points_is_compared_with_what_was_kept(self, played):
        page = played.at(playground.TRIES[0][1]).trained(1).page
        page.locator("#keep").press("Enter")
        page.locator(".tries a").nth(1).press("Enter")
        page.locator(".slider:has(#l2) output", has_text="0.005").wait_for()
        assert played.text("#epoch") == "0"
        assert (
            played.trained(1).text("#compared").startswith("Lowest validation loss, L2 0.005 against no regularizer: ")
        )

    def test_runs_that_diverge_are_counted_out_and_said_to_have_diverged(self, played):
        page = played.at(
            "data=convnetjs_circle&optimizer=sgd&learning_rate=0.3&activation=linear&activity_l2=0.5&seeds=5&epochs=100"
        ).page
        page.locator("#play").press("Enter")
        page.locator("#said", has_text="Finished").wait_for()
        assert played.text("#summary").startswith("No loss is finite any more: the training has diverged after")
        page.locator("#numbers summary").press("Enter")
        page.locator("#table tbody tr").nth(4).wait_for()
        assert page.locator("#table td:last-child").all_inner_texts() == ["diverged"] * 5

    def test_runs_that_differ_only_in_a_regularizer_share_their_weights_and_batches(self, played):
        states = ("", "l2=0.00001", "l2=0.00001&dropout=0.3")
        runs = [played.at(f"seeds=1&{state}").ask("train", {"epochs": 1})["rows"][0] for state in states]
        assert runs[0]["data_loss"] == pytest.approx(runs[1]["data_loss"], abs=1e-4)
        assert abs(runs[1]["data_loss"] - runs[2]["data_loss"]) > 1e-3

    def test_the_sentence_says_what_the_runs_hold(self, played):
        played.at("size=20&seeds=5").trained(2)
        last = [run[-1]["val_data_loss"] for run in played.ask("rows")]
        lowest = [min(row["val_data_loss"] for row in run) for run in played.ask("rows")]
        kept = [1 + int(np.argmin([row["val_data_loss"] for row in run])) for run in played.ask("rows")]
        when = f"between epochs {min(kept)} and {max(kept)}" if len(set(kept)) > 1 else f"at epoch {kept[0]}"
        risen = sum(now > low for now, low in zip(last, lowest, strict=True))
        text = played.text("#summary")
        assert text.startswith(
            f"After 2 epochs the validation loss of 5 seeds lies between {min(last):.3f} and {max(last):.3f}, "
            f"a factor of {max(last) / min(last):.1f}. At its lowest, {when}, "
            f"it was {min(lowest):.3f} to {max(lowest):.3f}."
        )
        assert ("In no seed" in text) if not risen else (f"in {risen} of 5" in text)

    def test_a_strength_that_changes_while_it_trains_is_told(self, played):
        page = played.at("size=20&seeds=1").trained(2).page
        page.locator("#l2").press("End")
        page.locator("#step").press("Enter")
        penalties = [row["val_penalty"] for row in played.ask("rows")[0]]
        assert penalties[1] == 0 < penalties[2]
        page.locator("#experiment summary").press("Enter")
        assert played.text("#script-hint") == (
            "Strengths were changed after epoch 2; the experiment trains with the present ones from the start."
        )


class TestPage:
    def test_nothing_moves_until_play_is_pressed_and_after_a_pause(self, played):
        page = played.at("size=20&epochs=3000").page
        first = played.picture("plane")
        page.wait_for_timeout(150)
        assert played.picture("plane") == first
        page.locator("#play").press("Enter")
        played.past(3)
        page.locator("#play").press("Enter")
        paused = played.text("#epoch"), played.picture("plane")
        assert played.text("#said") == f"Paused after {paused[0]} epochs."
        assert paused[1] != first
        page.wait_for_timeout(150)
        assert (played.text("#epoch"), played.picture("plane")) == paused

    def test_pictures_stand_still_while_it_trains_for_those_who_ask_for_that(self, played):
        page = played.at("size=20&seeds=5&epochs=3000").page
        page.emulate_media(reduced_motion="reduce")
        before = [played.picture(name) for name in ("plane", "losses", "spread")]
        page.locator("#play").press("Enter")
        played.past(5)
        assert [played.picture(name) for name in ("plane", "losses", "spread")] == before
        page.locator("#play").press("Enter")
        assert all(played.picture(name) != old for name, old in zip(("plane", "losses", "spread"), before, strict=True))

    def test_a_training_ends_at_its_last_epoch_or_when_all_seeds_have_stopped(self, played):
        page = played.at("size=20&seeds=1&epochs=100").page
        page.locator("#play").press("Enter")
        page.locator("#said", has_text="Finished after 100 epochs.").wait_for()
        played.at("size=20&seeds=5&learning_rate=0.1&patience=5").page.locator("#play").press("Enter")
        page.locator("#said", has_text="Finished").wait_for()
        rows = played.ask("rows")
        assert max(map(len, rows)) < 300
        assert all(len(run) - 5 == 1 + int(np.argmin([row["val_data_loss"] for row in run])) for run in rows)

    def test_a_pause_that_comes_right_after_the_end_does_not_begin_anew(self, played):
        page = played.at("size=20&seeds=1&epochs=100").page
        page.evaluate(
            """() => {
              const said = document.getElementById("said");
              const press = () => said.textContent.startsWith("Finished") && document.getElementById("play").click();
              new MutationObserver(press).observe(said, { childList: true });
            }"""
        )
        page.locator("#play").press("Enter")
        page.locator("#said", has_text="Finished after 100 epochs.").wait_for()
        assert (played.text("#epoch"), played.text("#play")) == ("100", "Play")

    def test_the_state_is_in_the_address_and_survives_a_reload(self, played):
        page = played.at().page
        page.locator("#data").select_option("spirals")
        page.locator("#dropout").press("ArrowRight")
        page.locator("#label_noise").press("Home")
        assert played.address == "data=spirals&label_noise=0&dropout=0.02"
        page.reload()
        assert page.locator("#data").input_value() == "spirals"
        assert page.locator(".slider:has(#dropout) output").inner_text() == "0.02"
        assert page.locator("#dropout").get_attribute("aria-valuetext") == "0.02"
        page.locator("#off").press("Enter")
        assert played.address == "data=spirals&label_noise=0"

    def test_an_address_that_says_what_is_not_offered_does_no_harm(self, played):
        played.at("data=nothing&l2=3&seeds=1000000&widths=9999&dropout=%E0%A4%A&points=x&size=1e3&constructor=1")
        assert len(played.ask("rows")) == 20
        assert len(played.ask("points")["train"]["y"]) == 50

    def test_an_example_to_try_sets_the_page(self, played):
        page = played.at().page
        page.locator(".tries a", has_text="Dropout").press("Enter")
        page.locator(".slider:has(#dropout) output", has_text="0.4").wait_for()
        for _, state in playground.TRIES:
            offers = playground.CHOICES | {"data": tuple(playground.SETS)} | {one.name: one.values for one in SLIDERS}
            for name, value in (part.split("=") for part in state.split("&")):
                assert value in map(str, offers[name])

    def test_a_seed_is_shown_alone_and_its_numbers_are_in_the_table(self, played):
        page = played.at("size=20").trained(1).page
        every = played.picture("plane")
        page.locator("#only").select_option("3")
        assert played.picture("plane") != every
        page.locator("#numbers summary").press("Enter")
        page.locator("#table tbody tr").nth(19).wait_for()
        cells = page.locator("#table tbody tr").nth(3).locator("th, td").all_inner_texts()
        (row,) = played.ask("rows")[3]
        assert cells[:2] == ["3", "1"]
        assert cells[3:5] == [f"{row['val_data_loss']:.3f}", f"{row['train_data_loss']:.3f}"]

    def test_the_page_is_one_small_file_that_asks_for_nothing(self, playground_file, playground_tab):
        assert playground_file.stat().st_size < 120_000
        own = ("about:", playground_file.as_uri())
        assert [url for url in playground_tab.asked if not url.startswith(own)] == []
        text = playground_file.read_text("utf-8")
        script = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)[0]
        assert policy_of(text) == (
            f"default-src 'none'; script-src 'sha256-{digest(script)}'; style-src 'unsafe-inline'; img-src data:; "
            "base-uri 'none'; form-action 'none'"
        )

    def test_the_page_has_the_same_bytes_every_time(self, playground_file, tmp_path):
        assert pages.playground_page(tmp_path).read_bytes() == playground_file.read_bytes()

    def test_no_text_of_the_script_goes_over_two_lines(self):
        # Indentation and lines that begin a comment are left out of the page, which would change such a text.
        for name in assets.PLAYGROUND:
            lines = (Path(assets.__file__).parent / "templates" / "playground" / name).read_text("utf-8").split("\n")
            assert [line for line in lines if line.count("`") % 2] == []

    def test_the_guide_links_to_the_playground_which_a_report_writes(self, tmp_path):
        pages.experiment_page(written(tmp_path / "alpha", ["none", "l2"]))
        assert "playground.html" not in pages.index_page(tmp_path).read_text("utf-8")
        write_guide(tmp_path)
        assert 'href="playground.html"' in (tmp_path / "index.html").read_text("utf-8")
        assert (tmp_path / "playground.html").exists()
