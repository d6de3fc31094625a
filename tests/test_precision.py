"""The precision of products: refused where it gains nothing or comes too late, and part of the id of a run."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from experiments import reduced_precision
from lab.checks import UsageError
from lab.cli import app
from lab.data import digits
from lab.engine import precision
from lab.experiment import Experiment, Variant
from lab.models import dense
from lab.plan import plan
from lab.run import run
from lab.study import Study
from lab.training import Training

ROOT = Path(__file__).parent.parent
NO_UNITS = (
    "precision must be 'exact' on this machine, got 'fast', which gains nothing here: its processor has no units for "
    "products of bfloat16 (amx_bf16 is not in {}), and there is no GPU; leave it out"
)


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    # Set first, so that what a test sets is undone.
    monkeypatch.setenv("TF_SET_ONEDNN_FPMATH_MODE", "")
    monkeypatch.delenv("TF_SET_ONEDNN_FPMATH_MODE")


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Return a function that gives the machine a processor with flags, and GPUs."""

    def give(*flags: str, gpus: int = 0) -> Path:
        (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: fpu sse2 {' '.join(flags)}\nbugs\t\t: spectre\n")
        for i in range(gpus):
            (tmp_path / "gpus" / str(i)).mkdir(parents=True)
        monkeypatch.setattr(precision, "PROCESSOR", tmp_path / "cpuinfo")
        monkeypatch.setattr(precision, "GPUS", tmp_path / "gpus")
        return tmp_path / "cpuinfo"

    return give


@pytest.fixture
def not_loaded(monkeypatch):
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)


def experiment(**settings) -> Experiment:
    variant = Variant(
        data=partial(digits, train_size=40), model=partial(dense, widths=(4,)), training=Training(epochs=1)
    )
    return Experiment(name="x", variants={"none": variant}, baseline="none", seeds=(0,), **settings)


def nothing():
    return {}


def test_an_unknown_precision_is_refused_when_the_experiment_is_declared():
    with pytest.raises(UsageError) as caught:
        experiment(precision="bfloat16")
    assert str(caught.value) == "precision must be one of 'exact', 'fast', got 'bfloat16'"


@pytest.mark.parametrize("flags", [(), ("avx512_bf16", "avx_vnni"), ("amx_tile", "amx_int8")])
def test_fast_products_are_refused_before_anything_is_made_where_the_processor_gains_nothing(machine, tmp_path, flags):
    processor = machine(*flags)
    with pytest.raises(UsageError) as caught:
        run(experiment(precision="fast"), results_folder=tmp_path / "results")
    assert str(caught.value) == NO_UNITS.format(processor)
    assert not (tmp_path / "results").exists()


def test_a_machine_that_does_not_say_what_it_can_do_gains_nothing(machine, tmp_path):
    processor = machine()
    processor.unlink()
    with pytest.raises(UsageError, match="gains nothing here"):
        precision.check("fast")
    precision.check("exact")


def test_fast_products_are_taken_where_there_are_units_or_a_gpu(machine, not_loaded):
    machine("amx_tile", "amx_bf16")
    precision.check("fast")
    machine(gpus=1)
    precision.check("fast")


def test_tensorflow_that_was_loaded_for_another_precision_is_refused(machine, monkeypatch):
    machine("amx_bf16")
    monkeypatch.setitem(sys.modules, "tensorflow", SimpleNamespace())
    precision.check("exact")
    with pytest.raises(UsageError) as caught:
        precision.check("fast")
    assert str(caught.value) == (
        "precision must be 'exact' in this process, got 'fast': TensorFlow was loaded for exact products and cannot "
        "change; start another process, or restart the notebook's kernel"
    )
    precision.prepare("fast")
    precision.check("fast")
    with pytest.raises(UsageError) as caught:
        precision.check("exact")
    assert str(caught.value) == (
        "precision must be 'fast' in this process, got 'exact': TensorFlow was loaded for fast products "
        "(TF_SET_ONEDNN_FPMATH_MODE was set) and cannot change; start another process, or restart the notebook's kernel"
    )


LOADED = """
import os, sys
from types import SimpleNamespace
seen = os.environ.get("TF_SET_ONEDNN_FPMATH_MODE")
tf32 = []
config = SimpleNamespace(
    list_physical_devices=lambda kind: [],
    list_logical_devices=lambda: [],
    experimental=SimpleNamespace(enable_tensor_float_32_execution=tf32.append),
)
"""

ASKING = """
import json, sys
from pathlib import Path
from lab.engine import precision
from lab.engine.tensorflow import load_tensorflow
precision.PROCESSOR = Path(sys.argv[1])
for asked in json.loads(sys.argv[2]):
    load_tensorflow(asked)
import tensorflow
print(json.dumps([tensorflow.seen, tensorflow.tf32]))
"""


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        (["fast"], ["BF16", [True]]),
        (["fast", None], ["BF16", [True, True]]),
        (["exact"], [None, [False]]),
        ([None], [None, [False]]),
    ],
    ids=["fast", "fast, then a probe", "exact", "not said"],
)
def test_tensorflow_finds_the_precision_set_when_it_loads_whatever_the_shell_says(tmp_path, machine, asked, seen):
    processor = machine("amx_bf16")
    (tmp_path / "tensorflow.py").write_text(LOADED)
    (tmp_path / "keras.py").write_text("import tensorflow\n")
    ended = subprocess.run(
        [sys.executable, "-c", ASKING, str(processor), json.dumps(asked)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "TF_SET_ONEDNN_FPMATH_MODE": "BF16"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(ended.stdout) == seen


def found(*capabilities):
    """A TensorFlow that has found GPUs of these compute capabilities."""
    experimental = SimpleNamespace(
        enable_tensor_float_32_execution=lambda enabled: None,
        get_device_details=lambda gpu: {"compute_capability": gpu},
    )
    return SimpleNamespace(
        config=SimpleNamespace(list_physical_devices=lambda kind: list(capabilities), experimental=experimental)
    )


def test_a_gpu_that_tensorflow_cannot_use_or_that_lacks_tf32_is_refused_once_it_is_known(machine):
    machine(gpus=2)
    precision.settle(found((7, 5), (8, 0)), "fast")
    precision.settle(found((7, 5)), "exact")
    for capabilities, words in (([(7, 0), (7, 5)], "7.0, 7.5"), ([], "no GPU")):
        with pytest.raises(UsageError) as caught:
            precision.settle(found(*capabilities), "fast")
        assert str(caught.value) == (
            "precision must be 'exact' on this machine, got 'fast', which gains nothing here: TF32 takes a GPU of "
            f"compute capability 8.0, and TensorFlow found {words}; leave it out in a new process"
        )
    machine("amx_bf16")
    precision.settle(found(), "fast")


def test_the_precision_is_part_of_a_run_only_where_it_is_not_exact():
    (exact,), (fast,) = plan(experiment()), plan(experiment(precision="fast"))
    assert exact.id != fast.id
    assert "precision" not in exact.declaration
    assert fast.declaration == exact.declaration | {"precision": "fast"}


def test_an_experiment_of_fast_products_has_no_studies():
    studies = [Study(name="shifts", compute=nothing, draw=nothing)]
    assert experiment(studies=studies).resized(epochs=2).studies
    assert not experiment(studies=studies).resized(precision="fast").studies
    assert experiment().resized(precision="fast").precision == "fast"
    assert experiment(precision="fast").resized(epochs=2).precision == "fast"
    with pytest.raises(UsageError) as caught:
        experiment(studies=studies, precision="fast")
    assert str(caught.value) == (
        "an experiment of precision 'fast' must have no studies, which are computed exactly, got ['shifts']; leave "
        "them out"
    )


def test_the_command_line_takes_it(machine, tmp_path):
    processor = machine()
    with pytest.raises(UsageError) as caught:
        app.answer(["run", "weight_penalty", "--precision", "fast", "--results", str(tmp_path / "results")])
    assert str(caught.value) == NO_UNITS.format(processor)


class TestExperiment:
    """The experiment that compares both precisions, and what its docstring says of the committed tables."""

    def table(self, name):
        return pd.read_csv(ROOT / "results" / "reduced_precision" / f"{name}.csv")

    def test_it_is_refused_before_anything_trains_where_fast_gains_nothing(self, machine, monkeypatch):
        file = machine("avx2")
        monkeypatch.setattr(reduced_precision, "trained", lambda *_: pytest.fail("it trained"))
        with pytest.raises(UsageError) as refused:
            reduced_precision.compute()
        assert str(refused.value) == NO_UNITS.format(file)

    def test_two_decisions_are_lost_and_none_turns_round(self):
        wide = self.table("decisions").pivot(index=["experiment", "variant"], columns="precision", values="decision")
        assert len(wide[wide["exact"] != "baseline"]) == 16
        lost = wide[wide["exact"] != wide["fast"]]
        assert {name: (*row,) for name, row in lost.iterrows()} == {
            ("dropout", "head_0.25"): ("better", "not shown"),
            ("dropout", "head_0.75"): ("better", "not shown"),
        }

    def test_what_moves_most(self):
        wide = self.table("decisions").pivot(index=["experiment", "variant"], columns="precision", values="difference")
        moved = (wide["fast"] - wide["exact"]).abs()
        assert moved.idxmax() == ("dropout", "head_0.25")
        assert wide.loc[moved.idxmax(), "exact"] == pytest.approx(-0.0391, abs=5e-5)
        assert wide.loc[moved.idxmax(), "fast"] == pytest.approx(-0.029, abs=5e-4)
        runs = reduced_precision.changes(self.table("runs"))
        furthest = runs.loc[(runs["moved"] / runs["spread"]).idxmax()]
        assert (round(furthest["moved"], 4), round(furthest["spread"], 4)) == (0.0190, 0.0187)
