"""Every script in miniature: it declares, trains, publishes and draws."""

import importlib
from pathlib import Path

import pytest

from lab import report, results
from lab.adjust import adjusted
from lab.experiment import plan, run

NAMES = sorted(path.stem for path in (Path(__file__).parent.parent / "experiments").glob("[a-z]*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_a_script_runs_in_miniature_and_draws_its_figures(tmp_path, name):
    experiment = importlib.import_module(f"experiments.{name}").EXPERIMENT
    small = adjusted(experiment, train_size=40, seeds=1, epochs=2)
    folder = run(small, results_folder=tmp_path)
    tables = results.read_tables(folder)
    assert list(tables.summary["variant"]) == list(experiment.variants)
    assert set(tables.summary["status"]) == {"finished"}
    figures = report.draw_all(tables.histories, tables.summary, tables.comparison, folder / "figures")
    assert all(figure.stat().st_size > 1000 for figure in figures)


@pytest.mark.parametrize("name", NAMES)
def test_a_script_asks_a_question_and_is_named_as_its_file(name):
    module = importlib.import_module(f"experiments.{name}")
    assert module.EXPERIMENT.name == name
    assert module.__doc__.splitlines()[0].endswith("?")
    assert f"python experiments/{name}.py" in module.__doc__


@pytest.mark.parametrize("name", NAMES)
def test_variants_of_one_seed_start_from_the_same_weights(name):
    experiment = importlib.import_module(f"experiments.{name}").EXPERIMENT
    kernels: dict[str, list] = {}
    for one in plan(adjusted(experiment, train_size=40, seeds=1)):
        for variable in one.task.build().trainable_variables:
            if variable.name == "kernel":
                kernels.setdefault(variable.path, []).append(variable.numpy())
    for path, found in kernels.items():
        assert all((kernel == found[0]).all() for kernel in found), path
