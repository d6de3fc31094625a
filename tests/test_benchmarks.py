"""The benchmark in miniature: every arm trains every run of its sweep. How fast is not looked at here."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from benchmarks import sweep


@pytest.fixture
def case():
    small = sweep.CASES["small"]
    training = dataclasses.replace(small.training, epochs=2)
    return dataclasses.replace(small, train=100, validation=50, training=training, runs=3)


def test_every_arm_trains_every_run_and_the_engines_measure_the_same(case, tmp_path):
    tables = {}
    for arm in sweep.ARMS:
        (tmp_path / arm).mkdir()
        sweep.train(case, sweep.data(case), tmp_path / arm, arm)
        tables[arm] = [pd.read_csv(tmp_path / arm / f"{i}.csv") for i in range(case.runs)]
        assert [len(table) for table in tables[arm]] == [2] * case.runs
    for mine, reference in zip(tables["cohort"], tables["keras_fit"], strict=True):
        np.testing.assert_allclose(mine, reference, rtol=1e-4)


def test_the_table_and_the_file_say_the_same(monkeypatch, tmp_path, capsys):
    found = {"seconds": 2.0, "share": 0.25, "peak_mb": 100.0, "sgemm_gflops": 50.0}
    monkeypatch.setattr(sweep, "_apart", lambda name, arm, runs: found | {"seconds": 2.0 if arm == "cohort" else 31.0})
    monkeypatch.setattr("sys.argv", ["sweep", "--case", "conv", "--json", str(tmp_path / "sweep.json")])
    monkeypatch.setenv("COLUMNS", "120")
    sweep.main()
    assert json.loads((tmp_path / "sweep.json").read_text()) == {
        "conv": dict(zip(sweep.COLUMNS, (31.0, 31.0, 31.0, 2.0, 0.25, 100.0), strict=True))
    }
    assert "15.5" in capsys.readouterr().out


def test_runs_of_a_sweep_take_every_penalty_before_the_next_seed(case):
    assert sweep.configurations(dataclasses.replace(case, runs=5)) == [
        *((penalty, 0) for penalty in sweep.PENALTIES),
        (sweep.PENALTIES[0], 1),
    ]
