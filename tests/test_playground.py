"""The playground in a real browser: its arithmetic is the lab's, its points are the lab's, its script runs.

What a script of the page declares is trained here with the reference engine; the page is given the initial weights,
the order of the batches and the masks of that run, and must find the same losses.
"""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
import scipy

from lab import data, pages, statistics
from lab.cli.find import find
from lab.cli.running import write_guide
from lab.data.dataset import Dataset
from lab.engine import keras_fit
from lab.engine.task import Task
from lab.pages import assets, playground
from lab.training import pieces
from tests.browser import Opened
from tests.test_page_access import violations
from tests.test_pages import digest, policy_of, written

EPOCHS = 4
MINUS = "\N{MINUS SIGN}"
POINTS = "\n".join(f"{1.5 * i}, {i * 7 % 5}, {'ab'[i % 2]}" for i in range(40))


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return pages.playground_page(tmp_path_factory.mktemp("playground"))


@pytest.fixture(scope="module")
def tab(browser, file) -> Iterator[Opened]:
    opened = Opened(browser, file)
    yield opened
    opened.context.close()


class Seen:
    """The playground, opened anew with another state in its address."""

    def __init__(self, tab: Opened, file: Path):
        self.page, self.file = tab.page, file

    def at(self, state: str = "") -> "Seen":
        self.page.goto("about:blank")
        self.page.goto(self.file.as_uri() + (f"#{state}" if state else ""))
        self.page.wait_for_selector("html[data-drawn=all]", state="attached")
        return self

    @property
    def address(self) -> str:
        return self.page.url.partition("#")[2]

    def ask(self, question: str, *arguments):
        return self.page.evaluate(f"given => playground.{question}(given)", *arguments)

    def text(self, place: str) -> str:
        return self.page.locator(place).inner_text()

    def trained(self, epochs: int) -> "Seen":
        """Train some epochs by key."""
        for _ in range(epochs):
            self.page.locator("#step").press("Enter")
        assert self.text("#epoch") == str(epochs)
        return self


@pytest.fixture
def seen(tab, file) -> Iterator[Seen]:
    tab.complaints.clear()
    tab.page.set_viewport_size({"width": 1280, "height": 900})
    tab.page.emulate_media(color_scheme="light", media="screen", reduced_motion="no-preference")
    yield Seen(tab, file)
    assert tab.complaints == []


def experiment_of(seen: Seen, folder: Path):
    """The experiment that the page's script declares, loaded as the command line loads it."""
    path = folder / "playground.py"
    path.write_text(seen.ask("script"), encoding="utf-8")
    return find(str(path))


def task_of(seen: Seen, folder: Path, epochs: int = EPOCHS) -> Task:
    """The run of the script's last variant, with seed 0."""
    experiment = experiment_of(seen, folder).resized(epochs=epochs)
    variant = list(experiment.variants.values())[-1]
    made = variant.data()
    outputs = variant.training.outputs(len(made.classes))
    return Task(lambda: variant.model((2,), outputs, seed=0), made, variant.training, 0)


def orders_of(task: Task) -> list[np.ndarray]:
    return [
        task.training.order(len(task.data.train.y), task.seed, epoch) for epoch in range(1, task.training.epochs + 1)
    ]


def draws_of(task: Task) -> dict[str, list[list[float]]]:
    """The random numbers that the layers of a run draw while it trains, by layer and kind, one list per step."""
    import keras

    model = task.build()
    found: dict[str, list[list[float]]] = {}
    sizes = [len(piece) for order in orders_of(task) for piece in pieces(order, task.training.batch_size)]
    for layer in model.layers:
        name = layer.name.partition("_activation")[0]
        match type(layer).__name__:
            case "Dropout":
                key, draw = (
                    f"{name.removesuffix('_dropout')}/dropout",
                    lambda n, on=layer: on(np.ones((n, 16)), training=True),
                )
            case "GaussianNoise" if name == "input_noise":
                key, draw = "input/input_noise", lambda n, on=layer: on(np.zeros((n, 2)), training=True)
            case "GaussianNoise":
                key, draw = (
                    f"{name.removesuffix('_noise')}/noise",
                    lambda n, on=layer: on(np.zeros((n, 16)), training=True),
                )
            case "DropConnectDense":
                key = f"{name}/dropconnect"

                def draw(n, on=layer):
                    uniform = keras.random.uniform(on.kernel.shape, seed=on.seed_generator)
                    return (np.array(uniform) >= on.rate) / (1 - on.rate)
            case _:
                continue
        found[key] = [np.array(draw(n), np.float64).ravel().tolist() for n in sizes]
    return found


def agrees(seen: Seen, folder: Path, epochs: int = EPOCHS) -> None:
    """Train the script's last variant here and in the browser, and compare all that a history holds."""
    task = task_of(seen, folder, epochs)
    reference = keras_fit.train(task)
    found = seen.ask(
        "train",
        {
            "epochs": epochs,
            "weights": [array.ravel().tolist() for array in task.build().get_weights()],
            "orders": [order.tolist() for order in orders_of(task)],
            "draws": draws_of(task),
        },
    )
    assert found["kept_epoch"] == reference.kept_epoch
    assert len(found["rows"]) == len(reference.rows) == epochs
    for row, expected in zip(found["rows"], reference.rows, strict=True):
        assert row == pytest.approx({name: expected[name] for name in row}, rel=0, abs=1e-5)


PENALIZED = (
    "data=spirals&label_noise=0.2&l1=0.001&l2=0.002&l2_start=0.005&activity_l1=0.002&activity_l2=0.005"
    "&weight_decay=0.1&max_norm=1.5&label_smoothing=0.1&patience=5"
)
THINNED = (
    "data=cs231n_capacity&activation=relu&optimizer=momentum&dropout=0.2&dropconnect=0.1&noise=0.1&input_noise=0.2"
)


class TestArithmetic:
    @pytest.mark.parametrize("state", [PENALIZED, THINNED], ids=["penalties", "noise"])
    def test_the_losses_are_those_of_the_reference_engine(self, seen, tmp_path, state):
        agrees(seen.at(state), tmp_path)

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "slider", [one for group in playground.REGULARIZERS.values() for one in group], ids=lambda one: one.name
    )
    def test_each_regularizer_alone_does_what_the_lab_does(self, seen, tmp_path, slider):
        strong = slider.values[len(slider.values) // 2]
        agrees(seen.at(f"{slider.name}={strong}"), tmp_path)

    @pytest.mark.slow
    @pytest.mark.parametrize("optimizer", playground.CHOICES["optimizer"])
    @pytest.mark.parametrize("activation", playground.CHOICES["activation"])
    def test_each_optimizer_and_activation_does_what_the_lab_does(self, seen, tmp_path, optimizer, activation):
        agrees(seen.at(f"optimizer={optimizer}&activation={activation}&l2=0.01"), tmp_path)

    @pytest.mark.slow
    def test_early_stopping_ends_where_the_lab_ends(self, seen, tmp_path):
        task = task_of(seen.at("patience=5&learning_rate=0.03&epochs=100"), tmp_path, 100)
        reference = keras_fit.train(task)
        weights = [array.ravel().tolist() for array in task.build().get_weights()]
        orders = [order.tolist() for order in orders_of(task)]
        found = seen.ask("train", {"epochs": 100, "weights": weights, "orders": orders})
        assert found["status"] == "stopped early"
        assert (len(found["rows"]), found["kept_epoch"]) == (len(reference.rows), reference.kept_epoch)

    def test_a_run_whose_loss_is_not_finite_has_diverged_and_keeps_its_last_row(self, seen):
        found = seen.at("optimizer=sgd&learning_rate=0.3&activation=linear&l2=0.5&batch_size=8&activity_l2=0.5").ask(
            "train", {"epochs": 300}
        )
        assert found["status"] == "diverged"
        assert len(found["rows"]) < 300


class TestPoints:
    @pytest.mark.parametrize("name", playground.SETS)
    def test_the_points_and_their_wrong_labels_are_those_of_the_loader(self, seen, name):
        for size, noise in (("all", 0.2), (20, 0.35)):
            seen.at(f"data={name}&size={size}&label_noise={noise}&seeds=1")
            options = {} if size == "all" else {"train_size": size}
            made = getattr(data, name)(validation_size=playground.VALIDATION_SIZE, label_noise=noise, **options)
            held(seen, made)

    def test_pasted_points_are_those_of_the_script(self, seen, tmp_path):
        seen.at(f"data=pasted&seeds=1&label_noise=0&points={quote(POINTS)}")
        experiment = experiment_of(seen, tmp_path)
        made = experiment.variants["none"].data()
        found = seen.ask("points")
        for part in ("train", "validation"):
            split, here = getattr(made, part), found[part]
            # The lab trains on them in an order of its own.
            rows = sorted([*map(float, x), int(y)] for x, y in zip(split.x, split.y, strict=True))
            assert np.allclose(rows, sorted([*x, y] for x, y in zip(here["x"], here["y"], strict=True)), atol=1e-6)
        assert (len(made.train), len(made.validation), len(made.test)) == (24, 8, 8)

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("1, 2, a\n1, x, b", "line 2 must be two numbers and a label, as in “0.5, -1.2, red”; it is “1, x, b”"),
            ("1 2 a", "there must be 2 to 4 different labels; there are 1"),
            ("x y label\n1 2 a\n1 2 a\n2;2;b", "every label needs at least 5 different points; “a” has 1"),
            ("", "there must be 2 to 4 different labels; there are 0"),
        ],
    )
    def test_points_that_cannot_be_used_are_refused_in_a_sentence(self, seen, text, sentence):
        page = seen.at("seeds=1").page
        page.locator("#own summary").press("Enter")
        page.locator("#points").fill(text)
        page.locator("#use-points").press("Enter")
        assert seen.text("#points-said") == f"Not taken: {sentence}."
        assert page.locator("#data").input_value() == "moons"
        assert seen.address == "seeds=1"

    def test_pasted_points_are_trained_on_and_kept_in_the_address(self, seen):
        page = seen.at("seeds=1").page
        page.locator("#own summary").press("Enter")
        page.locator("#points").fill(f"x\ty\tlabel\n{POINTS}")
        page.locator("#use-points").press("Enter")
        assert seen.text("#points-said") == "40 points; three fifths of each class are trained on."
        before = seen.ask("points")
        assert len(before["train"]["y"]) == 24
        page.reload()
        assert seen.ask("points") == before


def held(seen: Seen, made: Dataset) -> None:
    """Check that the page holds the splits of a dataset, float32 by float32."""
    found = seen.ask("points")
    assert found["classes"] == list(made.classes)
    for part in ("train", "validation"):
        split = getattr(made, part)
        assert np.array_equal(np.array(found[part]["x"], np.float32), split.x)
        assert found[part]["y"] == split.y.tolist()


class TestScript:
    @pytest.mark.parametrize(
        ("state", "names"),
        [
            ("", ["none"]),
            ("l1=0.00001&l2=0.01", ["none", "l1_0.00001+l2_0.01"]),
            (
                "&".join(f"{one.name}={one.values[1]}" for group in playground.REGULARIZERS.values() for one in group),
                ["none", "regularized"],
            ),
        ],
        ids=["nothing", "elastic net", "everything"],
    )
    def test_the_script_declares_the_state(self, seen, tmp_path, state, names):
        experiment = experiment_of(seen.at(state), tmp_path)
        assert list(experiment.variants) == names
        assert list(experiment.seeds) == list(range(20))
        none, last = (experiment.variants[name] for name in (names[0], names[-1]))
        assert (none.training.epochs, none.training.batch_size, none.training.learning_rate) == (300, 16, 0.01)
        assert last.training.epochs == 300
        if names[-1] == "regularized":
            regularization = last.model.keywords["regularization"]
            for slider in (one for group in playground.REGULARIZERS.values() for one in group):
                where = next(
                    where
                    for where in (regularization, last.training, None)
                    if hasattr(where, slider.name) or where is None
                )
                found = last.model.keywords["deviation"] if where is None else getattr(where, slider.name)
                assert found == slider.values[1], slider.name

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "state", [PENALIZED, THINNED, f"data=pasted&label_noise=0.1&dropout=0.3&points={quote(POINTS)}"]
    )
    def test_the_script_runs_as_it_is_printed(self, seen, tmp_path, state):
        from lab.run import run

        experiment = experiment_of(seen.at(f"{state}&epochs=100&seeds=5"), tmp_path)
        folder = run(experiment.resized(epochs=3, seeds=2), results_folder=tmp_path / "results")
        assert len((folder / "summary.csv").read_text().splitlines()) == 5


class TestSpread:
    def test_the_bands_are_the_quartiles_and_the_ends_over_the_seeds(self, seen):
        seen.at("size=20").trained(2)
        rows, bands = seen.ask("rows"), seen.ask("bands")
        for name in ("train_data_loss", "val_data_loss", "val_accuracy"):
            values = [[run[epoch][name] for run in rows] for epoch in range(2)]
            found = [[band[end] for end in ("low", "lower", "median", "upper", "high")] for band in bands[name]]
            assert np.allclose(found, np.quantile(values, [0, 0.25, 0.5, 0.75, 1], axis=1).T)

    def test_what_was_kept_is_compared_seed_by_seed(self, seen):
        page = seen.at("size=20&seeds=5").trained(3).page
        before = [min(row["val_data_loss"] for row in run) for run in seen.ask("rows")]
        page.locator("#keep").press("Enter")
        assert seen.text("#epoch") == "0"
        page.locator("#l2").press("End")
        seen.trained(3)
        after = [min(row["val_data_loss"] for row in run) for run in seen.ask("rows")]
        difference = np.subtract(after, before)
        half = scipy.stats.t.ppf(0.975, 4) * difference.std(ddof=1) / np.sqrt(5)
        numbers = [f"{value:+.3f}".replace("-", MINUS) for value in (difference.mean(),)]
        ends = [f"{value:.3f}".replace("-", MINUS) for value in (difference.mean() - half, difference.mean() + half)]
        verdict = (
            "worse"
            if difference.mean() > half
            else "better"
            if difference.mean() < -half
            else "chance explains it as well"
        )
        assert seen.text("#compared") == (
            f"Lowest validation loss, L2 0.5 against no regularizer: {numbers[0]} [{ends[0]}, {ends[1]}] per seed, "
            f"lower in {(difference < 0).sum()} of 5: {verdict}."
        )

    def test_other_points_end_the_comparison_and_another_net_does_not(self, seen):
        page = seen.at("size=20&seeds=5").trained(1).page
        page.locator("#keep").press("Enter")
        page.locator("#activation").select_option("relu")
        assert page.locator("#before").is_visible()
        page.locator("#size").select_option("50")
        assert not page.locator("#before").is_visible()

    def test_runs_that_differ_only_in_a_regularizer_share_their_weights_and_batches(self, seen):
        runs = [
            seen.at(f"seeds=1&{state}").ask("train", {"epochs": 1})["rows"][0]
            for state in ("", "l2=0.00001", "l2=0.00001&dropout=0.3")
        ]
        assert runs[0]["data_loss"] == pytest.approx(runs[1]["data_loss"], abs=1e-4)
        assert abs(runs[1]["data_loss"] - runs[2]["data_loss"]) > 1e-3

    def test_the_sentence_says_what_the_runs_hold(self, seen):
        seen.at("size=20&seeds=5").trained(2)
        last = [run[-1]["val_data_loss"] for run in seen.ask("rows")]
        lowest = [min(row["val_data_loss"] for row in run) for run in seen.ask("rows")]
        kept = [1 + int(np.argmin([row["val_data_loss"] for row in run])) for run in seen.ask("rows")]
        risen = sum(now > low for now, low in zip(last, lowest, strict=True))
        text = seen.text("#summary")
        assert text.startswith(
            f"After 2 epochs the validation loss of 5 seeds lies between {min(last):.3f} and {max(last):.3f}, a factor of "
            f"{max(last) / min(last):.1f}. At its lowest, between epochs {min(kept)} and {max(kept)}, it was "
            f"{min(lowest):.3f} to {max(lowest):.3f}."
        )
        assert ("In no seed" in text) if not risen else (f"in {risen} of 5" in text)

    def test_a_strength_that_changes_while_it_trains_is_told(self, seen):
        page = seen.at("size=20&seeds=1").trained(2).page
        page.locator("#l2").press("End")
        page.locator("#step").press("Enter")
        penalties = [row["val_penalty"] for row in seen.ask("rows")[0]]
        assert penalties[1] == 0 < penalties[2]
        page.locator("#experiment summary").press("Enter")
        assert seen.text("#script-hint") == (
            "Strengths were changed after epoch 2; the experiment trains with the present ones from the start."
        )


def picture(seen: Seen, name: str) -> bytes:
    return seen.page.locator(f"#{name}").screenshot()


class TestPage:
    def test_nothing_moves_until_play_is_pressed_and_after_a_pause(self, seen):
        page = seen.at("size=20").page
        first = picture(seen, "plane")
        page.wait_for_timeout(150)
        assert picture(seen, "plane") == first
        page.locator("#play").press("Enter")
        page.wait_for_function("Number(document.getElementById('epoch').textContent) > 3")
        page.locator("#play").press("Enter")
        paused = seen.text("#epoch"), picture(seen, "plane")
        assert seen.text("#said") == f"Paused after {paused[0]} epochs."
        assert paused[1] != first
        page.wait_for_timeout(150)
        assert (seen.text("#epoch"), picture(seen, "plane")) == paused

    def test_pictures_stand_still_while_it_trains_for_those_who_ask_for_that(self, seen):
        page = seen.at("size=20&seeds=5").page
        page.emulate_media(reduced_motion="reduce")
        before = [picture(seen, name) for name in ("plane", "losses", "spread")]
        page.locator("#play").press("Enter")
        page.wait_for_function("Number(document.getElementById('epoch').textContent) > 5")
        assert [picture(seen, name) for name in ("plane", "losses", "spread")] == before
        page.locator("#play").press("Enter")
        assert all(picture(seen, name) != old for name, old in zip(("plane", "losses", "spread"), before, strict=True))

    def test_a_training_ends_at_its_last_epoch_or_when_all_seeds_have_stopped(self, seen):
        page = seen.at("size=20&seeds=1&epochs=100").page
        page.locator("#play").press("Enter")
        page.locator("#said", has_text="Finished after 100 epochs.").wait_for()
        seen.at("size=20&seeds=5&learning_rate=0.1&patience=5").page.locator("#play").press("Enter")
        page.locator("#said", has_text="Finished").wait_for()
        rows = seen.ask("rows")
        assert max(map(len, rows)) < 300
        assert all(len(run) - 5 == 1 + int(np.argmin([row["val_data_loss"] for row in run])) for run in rows)

    def test_the_state_is_in_the_address_and_survives_a_reload(self, seen):
        page = seen.at().page
        page.locator("#data").select_option("spirals")
        page.locator("#dropout").press("ArrowRight")
        page.locator("#label_noise").press("Home")
        assert seen.address == "data=spirals&label_noise=0&dropout=0.02"
        page.reload()
        assert page.locator("#data").input_value() == "spirals"
        assert page.locator(".slider:has(#dropout) output").inner_text() == "0.02"
        assert page.locator("#dropout").get_attribute("aria-valuetext") == "0.02"
        page.locator("#off").press("Enter")
        assert seen.address == "data=spirals&label_noise=0"

    def test_an_address_that_says_what_is_not_offered_does_no_harm(self, seen):
        seen.at("data=nothing&l2=3&seeds=1000000&widths=9999&dropout=%E0%A4%A&points=x&size=1e3&constructor=1")
        assert len(seen.ask("rows")) == 20
        assert len(seen.ask("points")["train"]["y"]) == 50

    def test_an_example_to_try_sets_the_page(self, seen):
        page = seen.at().page
        page.locator(".tries a", has_text="Dropout").press("Enter")
        page.wait_for_function("document.getElementById('dropout').value !== '0'")
        for _, state in playground.TRIES:
            offered = dict(part.split("=") for part in state.split("&"))
            seen.at(state)
            assert {
                name: page.evaluate("name => new URLSearchParams(location.hash.slice(1)).get(name)", name)
                for name in offered
            } == offered

    def test_a_seed_is_shown_alone_and_its_numbers_are_in_the_table(self, seen):
        page = seen.at("size=20").trained(1).page
        every = picture(seen, "plane")
        page.locator("#only").select_option("3")
        assert picture(seen, "plane") != every
        page.locator("#numbers summary").press("Enter")
        page.wait_for_function("document.querySelectorAll('#table tbody tr').length === 20")
        cells = page.locator("#table tbody tr").nth(3).locator("th, td").all_inner_texts()
        (row,) = seen.ask("rows")[3]
        assert cells[:2] == ["3", "1"]
        assert cells[3:5] == [f"{row['val_data_loss']:.3f}", f"{row['train_data_loss']:.3f}"]

    def test_the_page_is_one_small_file_that_asks_for_nothing(self, file, tab):
        assert file.stat().st_size < 120_000
        assert set(tab.asked) <= {
            file.as_uri(),
            *(url for url in tab.asked if url.startswith(("about:", file.as_uri()))),
        }
        text = file.read_text("utf-8")
        script = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)[0]
        assert policy_of(text) == (
            f"default-src 'none'; script-src 'sha256-{digest(script)}'; style-src 'unsafe-inline'; img-src data:; "
            "base-uri 'none'; form-action 'none'"
        )

    def test_the_page_has_the_same_bytes_every_time(self, file, tmp_path):
        assert pages.playground_page(tmp_path).read_bytes() == file.read_bytes()

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


class TestAccess:
    @pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
    def test_axe_finds_nothing_and_the_page_fits_the_screen(self, seen, width, scheme):
        page = seen.at("size=20&seeds=5&l2=0.01").trained(2).page
        page.locator("#keep").press("Enter")
        seen.trained(1)
        for summary in page.locator("summary").all():
            summary.press("Enter")
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == width

    @pytest.mark.slow
    @pytest.mark.parametrize("width", [1280, 390])
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_everything_is_done_by_key_on_any_screen(self, seen, width, scheme):
        page = seen.at("size=20&seeds=5").page
        page.set_viewport_size({"width": width, "height": 900 if width > 1000 else 844})
        page.emulate_media(color_scheme=scheme)
        count = page.locator(
            "a[href]:visible, button:visible:enabled, select:visible, summary:visible, input:visible"
        ).count()
        reached = set()
        for _ in range(count):
            page.keyboard.press("Tab")
            reached.add(
                page.evaluate(
                    """() => {
                      const at = document.activeElement;
                      const style = getComputedStyle(at);
                      const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
                      return [[...document.querySelectorAll('*')].indexOf(at), outlined].join();
                    }"""
                )
            )
        assert len(reached) == count
        assert all(each.endswith("true") for each in reached)
        assert violations(page) == []
        page.locator("#play").press("Enter")
        page.wait_for_function("Number(document.getElementById('epoch').textContent) > 3")
        page.locator("#l2").press("ArrowRight")
        page.locator("#play").press("Enter")
        assert "l2=" in seen.address
        assert page.evaluate("document.documentElement.scrollWidth") == width
