"""Declare, run, publish: paired, repeatable, and nothing trained twice."""

import dataclasses
import json
import random
import subprocess
import sys
import threading
import time
from functools import partial

import keras
import numpy as np
import pandas as pd
import pytest

from lab import results
from lab.checks import DataError, UsageError
from lab.data import Dataset, cifar10, digits, from_npz, mnist
from lab.experiment import Experiment, Variant
from lab.models import dense
from lab.plan import plan
from lab.regularization import Regularization
from lab.results.tables import read_tables
from lab.run import run
from lab.study import Study
from lab.training import Training
from tests.lines import place
from tests.selection import quick


def arm(epochs=2, **regularization):
    return Variant(
        data=partial(digits, train_size=60),
        model=partial(dense, widths=(8,), regularization=Regularization(**regularization)),
        training=Training(epochs=epochs, batch_size=20),
    )


def named(input_shape, outputs, *, seed):
    x = inputs = keras.Input(input_shape)
    x = keras.layers.Dense(4, name="dense")(keras.layers.Flatten()(x))
    return keras.Model(inputs, keras.layers.Dense(outputs)(x))


STUDY = Study(name="a", compute=arm, draw=arm)


def small(**variants):
    return Experiment(name="small", variants={"none": arm()} | variants, baseline="none", seeds=(0, 1))


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.csv")}


def test_a_models_names_do_not_depend_on_what_was_built_before():
    build = plan(small())[0].task.build
    first = [layer.name for layer in build().layers]
    keras.layers.Dense(3)
    assert [layer.name for layer in build().layers] == first
    clashing = plan(small(clashing=dataclasses.replace(arm(), model=named)))[-1].task.build
    for _ in range(2):
        with pytest.raises(DataError, match='The name "dense" is used 2 times'):
            clashing()
    before = int(keras.layers.Dense(3).name.removeprefix("dense_"))
    build()
    assert keras.layers.Dense(3).name == f"dense_{before + 1}", "the caller's counters go on"


@pytest.mark.parametrize("engine", quick(["cohort", "keras_fit"]))
def test_one_call_trains_publishes_and_tabulates_every_run(tmp_path, engine):
    folder = run(small(l2=arm(l2=0.01)), results_folder=tmp_path, engine=engine)
    tables = read_tables(folder)
    assert list(tables.summary["variant"]) == ["none", "l2", "none", "l2"]
    assert set(tables.summary["engine"]) == {engine}
    assert len(tables.histories) == 8
    record, history = results.read_run(next((folder / "runs").glob("l2-seed1-*")))
    assert record["declaration"]["model"]["regularization"]["l2"] == 0.01
    assert record["parameters"] == 64 * 8 + 8 + 8 * 10 + 10
    assert record["threads"] >= 1
    assert record["versions"]["keras"] == keras.__version__
    np.testing.assert_allclose(history["loss"] - history["data_loss"], history["penalty"], atol=1e-5)
    np.testing.assert_allclose(history["val_loss"] - history["val_data_loss"], history["val_penalty"], atol=1e-5)
    assert (history["penalty"] > 0).all()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_while_somebody_draws_from_the_global_generators(tmp_path):
    first = files(run(small(dropout=arm(dropout=0.5)), results_folder=tmp_path / "first"))
    stop = threading.Event()

    def hammer():
        # With a short rest, or training would wait for this thread most of the time.
        while not stop.wait(0.001):
            random.seed(random.random())
            np.random.seed(int(random.random() * 1000))
            keras.utils.set_random_seed(int(random.random() * 1000))

    thread = threading.Thread(target=hammer)
    thread.start()
    try:
        second = files(run(small(dropout=arm(dropout=0.5)), results_folder=tmp_path / "second"))
    finally:
        stop.set()
        thread.join()
    assert len(first) == 4 + 5
    assert first == second


def test_what_is_published_is_not_trained_again_and_what_is_missing_is(tmp_path, monkeypatch):
    folder = run(small(), results_folder=tmp_path)
    before = files(folder)
    lost = next((folder / "runs").glob("none-seed1-*"))
    for path in lost.iterdir():
        path.unlink()
    lost.rmdir()
    trained = []
    publish = results.publish
    monkeypatch.setattr(results, "publish", lambda *args: trained.append(args[1]) or publish(*args))
    run(small(), results_folder=tmp_path)
    assert trained == [lost.name]
    assert files(folder) == before
    run(small(), results_folder=tmp_path)
    assert trained == [lost.name]


def test_a_changed_declaration_is_another_run_and_the_old_one_stays(tmp_path):
    run(small(), results_folder=tmp_path)
    folder = run(small(none=arm(epochs=1)), results_folder=tmp_path)
    assert len(list((folder / "runs").iterdir())) == 4
    assert len(results.load(folder)) == 2, "the tables show the experiment as it was last run"


def test_a_diverging_run_is_recorded_and_costs_its_neighbours_nothing(tmp_path):
    wild = dataclasses.replace(
        arm(epochs=6), training=Training(epochs=6, batch_size=20, optimizer="sgd", learning_rate=1e30)
    )
    calm = dataclasses.replace(wild, training=dataclasses.replace(wild.training, learning_rate=0.1))
    both = Experiment(name="x", variants={"none": calm, "wild": wild}, baseline="none", seeds=(0,))
    summary = read_tables(run(both, results_folder=tmp_path)).summary.set_index("variant")
    assert summary.loc["wild", "status"] == "diverged"
    assert summary.loc["none", "status"] == "finished"
    assert summary.loc["none", "epochs"] == 6
    alone = Experiment(name="y", variants={"none": calm}, baseline="none", seeds=(0,))
    one = results.load(run(alone, results_folder=tmp_path)).drop(columns="experiment")
    other = results.load(tmp_path / "x").query("variant == 'none'").drop(columns="experiment")
    pd.testing.assert_frame_equal(one, other.reset_index(drop=True), rtol=1e-5)


def broken(input_shape, outputs, *, seed=0):
    raise RuntimeError("no such layer")


def no_model(input_shape, outputs, *, seed=0):
    return 3


def test_a_factory_that_fails_is_told_in_one_sentence(tmp_path):
    for factory, said in (
        (broken, f"variant 'none' cannot build its model: RuntimeError: no such layer {place(broken)}"),
        (no_model, "the factory of variant 'none' must return a keras.Model, got int"),
    ):
        variant = Variant(data=digits, model=factory)
        with pytest.raises(DataError) as caught:
            run(Experiment(name="x", variants={"none": variant}, baseline="none", seeds=(0,)), results_folder=tmp_path)
        assert str(caught.value) == said


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"variants": {}}, "variants must be a dict from names to variants and not empty, got {}"),
        (
            {"name": "a/b"},
            "names of experiments and variants become folders and must be made of letters, digits, '_', '.', '+' and "
            "'-', got 'a/b'",
        ),
        ({"baseline": "nome"}, "baseline must be one of 'none', got 'nome'; did you mean 'none'?"),
        ({"seeds": (1, 1)}, "seeds must not be empty and none may stand twice, got [1, 1]"),
        ({"seeds": range(10**9)}, "seeds must be at most 10000, got 1000000000"),
        ({"seeds": [10**400]}, None),
        ({"seeds": "012"}, "seeds must be a list, tuple or range of whole numbers, got '012'"),
        ({"seeds": None}, "seeds must be a list, tuple or range of whole numbers, got None"),
        ({"seeds": (-1,)}, None),
        ({"name": 3}, None),
        ({"baseline": None}, None),
        ({"redraw_data": 1}, None),
        ({"question": 3}, "question must be a text in one line, got 3"),
        ({"notes": 3}, "notes must be a text, got 3"),
        ({"notes": None}, "notes must be a text, got None"),
        ({"on_data": None}, "on_data must be a dict from data sets to experiments, got None"),
        ({"on_data": ["a"]}, "on_data must be a dict from data sets to experiments, got ['a']"),
        ({"on_data": {"mnist": 3}}, "on_data must be a dict from data sets to experiments, got {'mnist': 3}"),
        (
            {"strength_paths": None},
            "strength_paths must be a dict from families to dicts from variants to strengths, got None",
        ),
        (
            {"strength_paths": ["l2"]},
            "strength_paths must be a dict from families to dicts from variants to strengths, got ['l2']",
        ),
        (
            {"strength_paths": {"l2": ["none"]}},
            "strength_paths must be a dict from families to dicts from variants to strengths, got {'l2': ['none']}",
        ),
        ({"strength_paths": {3: {}}}, "the name of a strength path must be a text in one line, got 3"),
        ({"strength_paths": {"l2": {"none": "strong"}}}, None),
        ({"strength_paths": {"l2": {"l2": 1.0}}}, None),
        ({"studies": 3}, "studies must be a list or tuple of studies, got 3"),
        ({"studies": None}, "studies must be a list or tuple of studies, got None"),
        ({"studies": [3]}, "studies must be a list or tuple of studies, got [3]"),
        ({"studies": [STUDY, STUDY]}, "names of studies must differ in more than case, got ['a', 'a']"),
        ({"variants": [1]}, "variants must be a dict from names to variants and not empty, got [1]"),
        ({"variants": {"none": digits}}, None),
        ({"seeds": 3}, "seeds must be a list, tuple or range of whole numbers, got 3"),
        (
            {"seeds": (True,)},
            "a seed must be a whole number of at least 0 (it is what a run's randomness follows from), got True",
        ),
    ],
)
def test_a_wrong_declaration_is_refused_when_it_is_made(wrong, said):
    right = {"name": "x", "variants": {"none": Variant(data=digits, model=dense)}, "baseline": "none"}
    with pytest.raises(UsageError) as caught:
        Experiment(**(right | wrong))
    # The wording of the shared rules is tested with them.
    assert said in (None, str(caught.value))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            {"data": 3},
            "data of a variant must be a function, with functools.partial around it to bind its arguments, got 3",
        ),
        (
            {"data": Dataset},
            "data of a variant must be callable as data(), got Dataset: missing a required argument: 'name'",
        ),
        (
            {"data": named},
            "data of a variant must be callable as data(), got named: missing a required argument: 'input_shape'",
        ),
        (
            {"model": dict},
            "model of a variant must be callable as model(input_shape, outputs, seed=seed), got dict: no signature "
            "found for builtin type <class 'dict'>",
        ),
        (
            {"model": digits},
            "model of a variant must be callable as model(input_shape, outputs, seed=seed), got digits: too many "
            "positional arguments",
        ),
        ({"training": {"epochs": 3}}, "training of a variant must be a lab.training.Training, got {'epochs': 3}"),
    ],
)
def test_a_variant_whose_functions_cannot_be_called_is_refused_when_it_is_made(wrong, said):
    with pytest.raises(UsageError) as caught:
        Variant(**({"data": digits, "model": dense} | wrong))
    assert str(caught.value) == said


def unseeded():
    return digits()


def test_a_loader_without_a_seed_cannot_redraw_data():
    variant = Variant(data=unseeded, model=dense)
    with pytest.raises(UsageError) as caught:
        Experiment(name="x", variants={"none": variant}, baseline="none", redraw_data=True)
    assert str(caught.value) == (
        "data of a variant must be callable as data(seed=seed) where redraw_data is True, got unseeded: got an "
        "unexpected keyword argument 'seed'"
    )


@pytest.mark.parametrize("size", [0, -1, 1.5, "3", True])
@pytest.mark.parametrize("name", ["train_size", "validation_size", "seeds", "epochs"])
def test_a_size_that_is_no_reasonable_count_is_refused_before_anything_is_allocated(name, size):
    with pytest.raises(UsageError):
        small().resized(**{name: size})


@pytest.mark.parametrize(
    ("name", "most", "meaning"),
    [
        ("epochs", 1_000_000, "the most epochs a run trains"),
        ("seeds", 10_000, "the number of seeds"),
    ],
)
def test_more_epochs_or_seeds_than_memory_has_room_for_are_refused(name, most, meaning):
    for size, rule in ((10**9, f"at most {most}"), (10**30, f"a whole number below 2**63 (it is {meaning})")):
        with pytest.raises(UsageError) as caught:
            small().resized(**{name: size})
        assert str(caught.value) == f"{name} must be {rule}, got {size}"


@pytest.mark.parametrize("names", [("None",), ("nan",), ("L1", "l1")])
def test_names_that_readers_mistake_are_refused(names):
    with pytest.raises(UsageError) as caught:
        Experiment(name="x", variants=dict.fromkeys(names, Variant(data=digits, model=dense)), baseline=names[0])
    assert str(caught.value) == (
        f"names of variants must differ in more than case and must not be 'None' or 'nan', got {list(names)}"
    )


def test_a_loss_that_does_not_fit_the_labels_is_refused_before_anything_trains():
    variant = Variant(data=digits, model=dense, training=Training(loss="binary_cross_entropy"))
    with pytest.raises(UsageError) as caught:
        plan(Experiment(name="x", variants={"none": variant}, baseline="none"))
    assert str(caught.value) == (
        "binary_cross_entropy is a loss for 2 classes, got data with 10; choose softmax_cross_entropy"
    )


def test_resizing_changes_sizes_seeds_and_epochs_and_nothing_else():
    changed = small().resized(train_size=30, validation_size=100, seeds=4, epochs=7)
    assert changed.seeds == (0, 1, 2, 3)
    assert changed.variants["none"].training == dataclasses.replace(arm().training, epochs=7)
    loaded = changed.variants["none"].data()
    assert (len(loaded.train.y), len(loaded.validation.y)) == (30, 100)
    assert [run.id for run in plan(small().resized())] == [run.id for run in plan(small())]


def noisy(**changes):
    variant = dataclasses.replace(arm(), data=partial(digits, train_size=60, label_noise=0.2))
    return dataclasses.replace(small(), variants={"none": variant}, notes="Of digits.", **changes)


def test_one_of_the_labs_data_sets_keeps_the_sizes_and_the_noise_of_the_script():
    changed = noisy(question="What keeps a net from memorizing 60 noisy digits?").with_data(mnist, "mnist")
    assert changed.name == "small-mnist"
    assert changed.variants["none"].data.func is mnist
    assert changed.variants["none"].data.keywords == {"train_size": 60, "label_noise": 0.2}
    assert (changed.question, changed.notes) == ("How do the variants of small compare on mnist?", "")


@pytest.mark.parametrize("name", ["mine", "digits", "mnist"])
def test_data_of_your_own_takes_nothing_from_the_script_but_its_models_and_trainings(tmp_path, name):
    whole = digits()
    np.savez(tmp_path / "mine.npz", x=whole.train.x, y=whole.train.y)
    changed = noisy().with_data(partial(from_npz, tmp_path / "mine.npz"), name)
    declared = plan(changed)[0].declaration["data"]
    # Arguments that are not declared are at their defaults: no noise, no size.
    assert not declared.get("label_noise")
    assert not declared.get("train_size")
    assert changed.question == f"How do the variants of small compare on {name}?"
    assert changed.variants["none"].training == noisy().variants["none"].training
    assert changed.resized(train_size=50).variants["none"].data().train.y.shape == (50,)


def test_an_experiment_for_a_data_set_takes_the_place_of_the_other_and_keeps_its_question():
    special = Experiment(name="small-cifar10", variants={"none": arm(epochs=9)}, baseline="none")
    changed = dataclasses.replace(small(), on_data={"cifar10": special}, question="Why?").with_data(cifar10, "cifar10")
    assert changed.name == "small-cifar10"
    assert changed.variants["none"].training.epochs == 9
    assert changed.question == "Why?"


def test_a_file_called_like_a_data_set_is_never_taken_for_it(tmp_path):
    special = Experiment(name="small-mnist", variants={"none": arm(epochs=9)}, baseline="none")
    loader = partial(from_npz, tmp_path / "mnist.npz")
    changed = dataclasses.replace(small(), on_data={"mnist": special}).with_data(loader, "mnist")
    assert changed.variants["none"].data is loader


def test_planning_loads_equal_data_once(monkeypatch):
    runs = plan(small(l2=arm(l2=0.1)))
    assert len({id(run.task.data) for run in runs}) == 1
    assert len({run.id for run in runs}) == 4


def own_digits(*, x=None, y=None, seed=0):
    """A loader of somebody's own, with arrays bound to it."""
    return digits(train_size=100, validation_size=50, test_size=50, seed=seed)


def test_planning_walks_each_function_and_hashes_each_array_once_and_the_next_plan_does_so_again(monkeypatch):
    from lab.identity import declaration

    hashed = []
    for name in ("source_hash", "_array_hash"):
        real = getattr(declaration, name)
        monkeypatch.setattr(
            declaration, name, lambda value, *rest, real=real: hashed.append(id(value)) or real(value, *rest)
        )
    x, y = np.arange(3.0), np.arange(4)
    one = dataclasses.replace(arm(), data=partial(own_digits, x=x, y=y))
    asked = Experiment(name="x", variants={"none": one}, baseline="none", seeds=range(4), redraw_data=True)
    first = plan(asked)
    assert len(hashed) == 3
    assert set(hashed) == {id(own_digits), id(x), id(y)}
    x[0] = 7
    second = plan(asked)
    assert len(hashed) == 6
    assert not {run.id for run in first} & {run.id for run in second}


def test_the_engine_is_said_and_an_unknown_one_refused(tmp_path):
    with pytest.raises(UsageError) as caught:
        run(small(), results_folder=tmp_path, engine="kohort")
    assert str(caught.value) == "engine must be one of 'cohort', 'keras_fit', got 'kohort'; did you mean 'cohort'?"
    assert not list(tmp_path.iterdir())


def test_run_json_is_json_that_any_reader_takes(tmp_path):
    folder = run(small(), results_folder=tmp_path)
    for path in folder.glob("runs/*/run.json"):
        json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_each_seed_draws_its_own_data_where_the_experiment_says_so():
    redrawn = plan(dataclasses.replace(small(l2=arm(l2=0.1)), redraw_data=True))
    prints = {(run.variant, run.seed): run.declaration["fingerprint"] for run in redrawn}
    assert prints["none", 0] == prints["l2", 0] != prints["none", 1]
    assert [run.declaration["data"]["seed"] for run in redrawn] == [0, 0, 1, 1]
    assert len({run.declaration["fingerprint"] for run in plan(small())}) == 1


SCRIPT = """
import sys
from functools import partial
from lab.data import digits
from lab.experiment import Experiment, Variant
from lab.models import dense
from lab.regularization import Regularization
from lab.run import run
from lab.training import Training

def arm(dropout):
    return Variant(
        data=partial(digits, train_size=60),
        model=partial(dense, widths=(64,), regularization=Regularization(dropout=dropout)),
        training=Training(epochs=400, batch_size=20, patience=20, learning_rate=0.01),
    )

variants = {f"d{i}": arm(0.1 + i / 10) for i in range(5)}
if __name__ == "__main__":
    print("ready", flush=True)
    run(Experiment(name="x", variants=variants, baseline="d0", seeds=(0, 1)), results_folder=sys.argv[1])
"""


@pytest.mark.slow
def test_an_experiment_killed_while_it_trains_goes_on_to_the_same_bytes(tmp_path):
    script = tmp_path / "x.py"
    script.write_text(SCRIPT)

    def start(folder):
        return subprocess.Popen([sys.executable, script, folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    assert start(tmp_path / "whole").wait() == 0
    process = start(tmp_path / "killed")
    runs = tmp_path / "killed" / "x" / "runs"
    # Runs end one by one; the process dies as soon as the first are there.
    while process.poll() is None and not list(runs.glob("*/run.json")):
        time.sleep(0.005)
    process.kill()
    process.wait()
    done = len(list(runs.glob("*/run.json")))
    assert 0 < done < 10, "killed in the middle"
    assert start(tmp_path / "killed").wait() == 0
    assert files(tmp_path / "killed" / "x") == files(tmp_path / "whole" / "x")
