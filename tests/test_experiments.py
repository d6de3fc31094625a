"""Every script in miniature: it declares, trains or computes, publishes and draws."""

import importlib

import pytest

from lab import report
from lab.checks import DataError
from lab.cli.find import find, known
from lab.compute import compute, draw
from lab.data import fashion_mnist
from lab.engine.precision import has_units
from lab.experiment import Experiment
from lab.plan import plan
from lab.results.tables import read_tables
from lab.run import run
from lab.study import Study
from tests.selection import quick

MINIATURE = {"train_size": 40, "seeds": 1, "epochs": 2}
FOUND = {name: find(name) for name in known()}
DOWNLOADED = {"cocktail": fashion_mnist, "fashion": fashion_mnist, "transfer": fashion_mnist}
"""Scripts whose data is not embedded; where it cannot be had they are not tested."""
LONG = (
    *("cocktail", "double_descent", "ensembles", "families", "generalization_measures", "grokking", "random_labels"),
    *("sharpness",),
    *("dropout_ensemble", "spirals", "strength_regions"),
    *("activation_speed", "approximation", "capacity", "convolution", "implicit", "linear_classifiers"),
    *("alexnet", "course_mistakes", "data_size", "dead_units", "dropout", "fashion", "initialization", "loss_surface"),
    *(
        "normalization",
        "optimizer_dropout",
        "optimizers",
        "reduced_precision",
        "small_data",
        "strength_path",
        "transfer",
        "vanishing_gradient",
    ),
)
"""Scripts that take long even in miniature."""
EXPERIMENTS = [name for name, found in FOUND.items() if isinstance(found, Experiment)]


def need_data(name):
    try:
        DOWNLOADED.get(name, lambda: None)()
    except DataError as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in FOUND]
)
def test_a_script_runs_in_miniature_and_draws_its_figures(tmp_path, name):
    need_data(name)
    if name == "reduced_precision" and not has_units():
        pytest.skip("the processor has no units for fast products")
    found = FOUND[name]
    if isinstance(found, Study):
        studies, folder, figures = [found], compute(found.resized(**MINIATURE, strict=False), tmp_path), []
    else:
        studies, folder = found.studies, run(found.resized(**MINIATURE), results_folder=tmp_path)
        tables = read_tables(folder)
        assert list(tables.summary["variant"]) == list(found.variants)
        figures = report.draw_all(
            tables.histories, tables.summary, tables.comparison, folder / "figures", strengths=tables.path_runs()
        )
    for study in studies:
        figures += draw(study, folder)
    assert figures
    assert all(figure.stat().st_size > 1000 for figure in figures)


@pytest.mark.parametrize("name", FOUND)
def test_a_script_asks_a_question_and_is_named_as_its_file(name):
    module = importlib.import_module(f"experiments.{name}")
    assert FOUND[name].name == name
    assert FOUND[name].question.endswith("?")
    assert f"python experiments/{name}.py" in module.__doc__


@pytest.mark.parametrize("name", quick(EXPERIMENTS, ("weight_penalty", "dropout", "normalization")))
def test_variants_of_one_seed_start_from_the_same_weights(name):
    need_data(name)
    starts: dict[str, list] = {}
    for one in plan(FOUND[name].resized(train_size=40, seeds=1)):
        spread = repr(one.declaration["model"].get("initializer")), repr(one.declaration["model"]["call"])
        for variable in one.task.build().trainable_variables:
            if variable.name == "kernel":
                starts.setdefault((variable.path, tuple(variable.shape), *spread), []).append(variable.numpy())
    for path, found in starts.items():
        assert all((kernel == found[0]).all() for kernel in found), path
