"""The benchmark in miniature: every arm trains every run of its sweep. How fast is not looked at here."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from benchmarks import floor, sweep


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


def test_with_repeats_the_arms_take_turns_and_the_fastest_sweep_of_each_is_told(monkeypatch, tmp_path):
    seconds = {"naive": [9.0, 8.0], "tuned": [7.0, 7.5], "keras_fit": [6.0, 5.0], "cohort": [2.0, 4.0]}
    order = []

    def one(name, arm, runs):
        order.append(arm)
        took = seconds[arm].pop(0)
        return {"seconds": took, "share": 1 / took, "peak_mb": 100.0 * took, "sgemm_gflops": 50.0}

    monkeypatch.setattr(sweep, "_apart", one)
    monkeypatch.setattr(
        "sys.argv", ["sweep", "--case", "conv", "--repeats", "2", "--json", str(tmp_path / "sweep.json")]
    )
    sweep.main()
    assert order == [*sweep.ARMS, *sweep.ARMS]
    assert json.loads((tmp_path / "sweep.json").read_text()) == {
        "conv": dict(zip(sweep.COLUMNS, (8.0, 7.0, 5.0, 2.0, 0.5, 200.0), strict=True))
    }


def test_runs_of_a_sweep_take_every_penalty_before_the_next_seed(case):
    assert sweep.configurations(dataclasses.replace(case, runs=5)) == [
        *((penalty, 0) for penalty in sweep.PENALTIES),
        (sweep.PENALTIES[0], 1),
    ]


@pytest.mark.parametrize("name", floor.DENSE)
def test_the_products_of_the_floor_are_those_that_the_sweep_counts(name):
    case = sweep.CASES[name]
    # The floor counts a batch that is not full as a full one.
    even = dataclasses.replace(case, train=3 * case.training.batch_size, validation=50, runs=2)
    found = list(floor.products(even, floor.WIDTHS[name]))
    assert sum(times * work for _, times, _, work in found) == pytest.approx(even.work())
    for what, _, compute, work in found:
        rows = 50 if what.endswith(" 50 rows") else even.train if "measured" in what else case.training.batch_size
        assert work == pytest.approx(2 * np.prod(compute().shape) * inner(what, rows)), what


def inner(what: str, rows: int) -> int:
    """Return over how many numbers the product of this name sums."""
    a, b = (int(size) for size in what.split(":")[0].split(" x "))
    return rows if "to the weights" in what else b if "to the inputs" in what else a


def test_a_loop_of_the_floor_computes_every_time(monkeypatch):
    monkeypatch.setattr(floor, "ALONE", 0.0)  # as few repeats as it ever takes: 2
    done = tf.Variable(0.0)
    assert floor.seconds(lambda: done.assign_add(1.0)) > 0
    assert done.numpy() == 2 + 4 + 2 * floor.BEST_OF


def test_the_floor_takes_the_optimizers_steps_and_says_what_both_take(monkeypatch, capsys):
    case = sweep.CASES["medium"]
    tiny = dataclasses.replace(
        case, shape=(16,), train=20, validation=10, runs=2, training=dataclasses.replace(case.training, batch_size=10)
    )
    step = floor.update(tiny, (16, 256, 10))
    assert [int(step().numpy()) for _ in range(3)] == [1, 2, 3]
    monkeypatch.setattr(floor, "seconds", lambda compute: 0.5)
    monkeypatch.setitem(floor.CASES, "medium", tiny)
    monkeypatch.setitem(floor.WIDTHS, "medium", (16, 256, 10))
    monkeypatch.setattr("sys.argv", ["floor"])
    floor.main()
    rows = {
        line.split("│")[1].strip(): line.split("│")[3].strip()
        for line in capsys.readouterr().out.splitlines()
        if "│" in line
    }
    steps, measurements = 5 * 2, 5 * 2
    products = 0.5 * (5 * steps + 2 * measurements)
    assert rows["all products"] == f"{products:.2f}"
    assert rows["both"] == f"{products + 0.5 * steps:.2f}"
