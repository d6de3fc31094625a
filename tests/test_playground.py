"""The playground's arithmetic is the lab's, its points are the lab's, and its script runs.

What a script of the page declares is trained here with the reference engine; the page is given the initial weights,
the order of the batches and the masks of that run, and must find the same losses.
"""

from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

from lab import data
from lab.cli.find import find
from lab.data import Dataset
from lab.engine import keras_fit
from lab.engine.task import Task
from lab.pages import playground
from lab.training import pieces
from tests.playground import POINTS, SLIDERS, Played

EPOCHS = 4


def experiment_of(played: Played, folder: Path):
    """The experiment that the page's script declares, loaded as the command line loads it."""
    path = folder / "playground.py"
    path.write_text(played.ask("script"), encoding="utf-8")
    return find(str(path))


def task_of(played: Played, folder: Path, epochs: int = EPOCHS) -> Task:
    """The run of the script's last variant, with seed 0."""
    experiment = experiment_of(played, folder).resized(epochs=epochs)
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
        place, _, kind = layer.name.rpartition("_")
        match type(layer).__name__:
            case "Dropout":
                numbers = [layer(np.ones((n, 16)), training=True) for n in sizes]
            case "GaussianNoise":
                place, kind = ("input", "input_noise") if place == "input" else (place, "noise")
                numbers = [layer(np.zeros((n, 2 if place == "input" else 16)), training=True) for n in sizes]
            case "DropConnectDense":
                place, kind = layer.name, "dropconnect"
                uniform = [keras.random.uniform(layer.kernel.shape, seed=layer.seed_generator) for _ in sizes]
                numbers = [(np.array(one) >= layer.rate) / (1 - layer.rate) for one in uniform]
            case _:
                continue
        found[f"{place}/{kind}"] = [np.array(one, np.float64).ravel().tolist() for one in numbers]
    return found


def agrees(played: Played, folder: Path, epochs: int = EPOCHS) -> None:
    """Train the script's last variant here and in the browser, and compare all that a history holds."""
    task = task_of(played, folder, epochs)
    reference = keras_fit.train(task)
    found = played.ask(
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

PASTED = f"data=pasted&label_noise=0.1&dropout=0.3&points={quote(POINTS)}"


class TestArithmetic:
    @pytest.mark.parametrize("state", [PENALIZED, THINNED], ids=["penalties", "noise"])
    def test_the_losses_are_those_of_the_reference_engine(self, played, tmp_path, state):
        agrees(played.at(state), tmp_path)

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "slider", [one for group in playground.REGULARIZERS.values() for one in group], ids=lambda one: one.name
    )
    def test_each_regularizer_alone_does_what_the_lab_does(self, played, tmp_path, slider):
        strong = slider.values[len(slider.values) // 2]
        agrees(played.at(f"{slider.name}={strong}"), tmp_path)

    @pytest.mark.slow
    @pytest.mark.parametrize("optimizer", playground.CHOICES["optimizer"])
    @pytest.mark.parametrize("activation", playground.CHOICES["activation"])
    def test_each_optimizer_and_activation_does_what_the_lab_does(self, played, tmp_path, optimizer, activation):
        agrees(played.at(f"optimizer={optimizer}&activation={activation}&l2=0.01"), tmp_path)

    @pytest.mark.slow
    def test_early_stopping_ends_where_the_lab_ends(self, played, tmp_path):
        task = task_of(played.at("patience=5&learning_rate=0.03&epochs=100"), tmp_path, 100)
        reference = keras_fit.train(task)
        weights = [array.ravel().tolist() for array in task.build().get_weights()]
        orders = [order.tolist() for order in orders_of(task)]
        found = played.ask("train", {"epochs": 100, "weights": weights, "orders": orders})
        assert found["status"] == "stopped early"
        assert (len(found["rows"]), found["kept_epoch"]) == (len(reference.rows), reference.kept_epoch)

    def test_a_run_whose_loss_is_not_finite_has_diverged_and_keeps_its_last_row(self, played):
        found = played.at(
            "data=convnetjs_circle&optimizer=sgd&learning_rate=0.3&activation=linear&activity_l2=0.5"
        ).ask("train", {"epochs": 300})
        assert found["status"] == "diverged"
        assert len(found["rows"]) < 300


class TestPoints:
    @pytest.mark.parametrize("name", playground.SETS)
    def test_the_points_and_their_wrong_labels_are_those_of_the_loader(self, played, name):
        for size, noise in (("all", 0.2), (20, 0.35)):
            played.at(f"data={name}&size={size}&label_noise={noise}&seeds=1")
            options = {} if size == "all" else {"train_size": size}
            made = getattr(data, name)(validation_size=playground.VALIDATION_SIZE, label_noise=noise, **options)
            held(played, made)

    def test_pasted_points_are_those_of_the_script(self, played, tmp_path):
        played.at(f"data=pasted&seeds=1&label_noise=0&points={quote(POINTS)}")
        experiment = experiment_of(played, tmp_path)
        made = experiment.variants["none"].data()
        found = played.ask("points")
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
            ("1, 1e39, a", "line 1 must have numbers that float32 can hold; it is “1, 1e39, a”"),
            ("1 2 a", "there must be 2 to 4 different labels; there are 1"),
            ("x y label\n1 2 a\n1 2 a\n2;2;b", "every label needs at least 5 different points; “a” has 1"),
            ("", "there must be 2 to 4 different labels; there are 0"),
        ],
    )
    def test_points_that_cannot_be_used_are_refused_in_a_sentence(self, played, text, sentence):
        page = played.at("seeds=1").page
        page.locator("#own summary").press("Enter")
        page.locator("#points").fill(text)
        page.locator("#use-points").press("Enter")
        assert played.text("#points-said") == f"Not taken: {sentence}."
        assert page.locator("#data").input_value() == "moons"
        assert played.address == "seeds=1"

    def test_pasted_points_are_trained_on_and_kept_in_the_address(self, played):
        page = played.at("seeds=1").page
        page.locator("#own summary").press("Enter")
        page.locator("#points").fill(f"x\ty\tlabel\n{POINTS}")
        page.locator("#use-points").press("Enter")
        assert played.text("#points-said") == "40 points; three fifths of each class are trained on."
        before = played.ask("points")
        assert len(before["train"]["y"]) == 24
        page.reload()
        assert played.ask("points") == before


def held(played: Played, made: Dataset) -> None:
    """Check that the page holds the splits of a dataset, float32 by float32."""
    found = played.ask("points")
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
            ("&".join(f"{slider.name}={slider.values[1]}" for slider in SLIDERS), ["none", "regularized"]),
        ],
        ids=["nothing", "elastic net", "everything"],
    )
    def test_the_script_declares_the_state(self, played, tmp_path, state, names):
        experiment = experiment_of(played.at(state), tmp_path)
        assert list(experiment.variants) == names
        assert list(experiment.seeds) == list(range(20))
        none, last = (experiment.variants[name] for name in (names[0], names[-1]))
        assert (none.training.epochs, none.training.batch_size, none.training.learning_rate) == (300, 16, 0.01)
        assert last.training.epochs == 300
        if names[-1] == "regularized":
            regularization = last.model.keywords["regularization"]
            for slider in SLIDERS:
                place = next((one for one in (regularization, last.training) if hasattr(one, slider.name)), None)
                strength = last.model.keywords["deviation"] if place is None else getattr(place, slider.name)
                assert strength == slider.values[1], slider.name

    @pytest.mark.slow
    @pytest.mark.parametrize("state", [PENALIZED, THINNED, PASTED], ids=["penalties", "noise", "pasted"])
    def test_the_script_runs_as_it_is_printed(self, played, tmp_path, state):
        from lab.run import run

        experiment = experiment_of(played.at(f"{state}&epochs=100&seeds=5"), tmp_path)
        folder = run(experiment.resized(epochs=3, seeds=2), results_folder=tmp_path / "results")
        assert len((folder / "summary.csv").read_text().splitlines()) == 5
