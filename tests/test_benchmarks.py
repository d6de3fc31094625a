"""The benchmark in miniature: every arm trains every run of its sweep. How fast is not looked at here."""

import dataclasses
import json
import math

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from benchmarks import arms, cases, checkpoints, costs, floor, frozen, memory_mapped, sweep, workers
from lab.checks import DataError
from lab.engine.training_state import State


def miniature(name: str, **changes) -> cases.Case:
    case = cases.CASES[name]
    training = dataclasses.replace(case.training, epochs=2)
    return dataclasses.replace(case, train=100, validation=50, training=training, **changes)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["small", "lstm"])
def test_every_arm_trains_every_run_and_the_engines_measure_the_same(name, tmp_path):
    case = miniature(name, runs=2)
    tables = {}
    for arm in arms.ARMS:
        (tmp_path / arm).mkdir()
        arms.train(case, cases.data(case), tmp_path / arm, arm, cases.configurations(case))
        tables[arm] = [pd.read_csv(tmp_path / arm / f"{i}.csv") for i in range(case.runs)]
        assert [len(table) for table in tables[arm]] == [2] * case.runs
    for mine, reference in zip(tables["cohort"], tables["keras_fit"], strict=True):
        np.testing.assert_allclose(mine, reference, rtol=1e-4)


def test_a_cohort_trains_the_whole_sweep_and_the_other_arms_one_of_its_runs(monkeypatch, tmp_path):
    case = miniature("small", runs=6)
    trained = []

    def train(case, dataset, folder, arm, runs):
        trained.append((arm, list(runs), case.training.epochs))
        for i in range(len(runs)):
            arms.write(folder, str(i), [{"epoch": 1}])

    monkeypatch.setattr(arms, "train", train)
    whole = cases.configurations(case)
    assert list(arms.together(case, cases.data(case), tmp_path / "a")) == ["cohort", "cohort_run"]
    assert trained == [("cohort", whole, 2), ("cohort", [whole[2]], 2)]
    trained.clear()
    assert list(arms.one_by_one(case, cases.data(case), tmp_path / "b")) == list(arms.ONE_BY_ONE)
    # One epoch comes first, which loads what a process loads once.
    assert trained == [("naive", [whole[2]], 1), *((arm, [whole[2]], 2) for arm in arms.ONE_BY_ONE)]


def test_an_arm_that_leaves_out_a_run_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(arms, "train", lambda *_: None)
    case = miniature("small", runs=3)
    with pytest.raises(RuntimeError, match=r"^cohort wrote 0 tables for 3 runs$"):
        arms.together(case, cases.data(case), tmp_path)


ONE_BY_ONE = [
    {"naive": 9.0, "tuned": 7.0, "keras_fit": 6.0, "sgemm_gflops": 99.0, "peak_mb": 900.0},
    {"naive": 8.0, "tuned": 7.5, "keras_fit": 5.0, "sgemm_gflops": 99.0, "peak_mb": 900.0},
]
TOGETHER = [
    {"cohort": 32.0, "cohort_run": 4.0, "sgemm_gflops": 50.0, "peak_mb": 200.0},
    {"cohort": 16.0, "cohort_run": 5.0, "sgemm_gflops": 100.0, "peak_mb": 100.0},
]
EXPECTED = {
    "naive_s": 64.0,
    "tuned_s": 56.0,
    "keras_fit_s": 40.0,
    "cohort_s": 16.0,
    "ratio": 4.0,
    "peak_mb": 100.0,
    "keras_fit_run_s": 5.0,
    "cohort_run_s": 4.0,
    "times": 2,
}


def test_the_fastest_time_of_each_arm_counts_and_that_of_one_run_is_multiplied_by_their_number():
    case = cases.CASES["conv"]
    share = round(case.work() / 16.0 / 100e9, 3)
    assert case.runs == 8
    assert sweep.figures("conv", [*ONE_BY_ONE, *TOGETHER]) == EXPECTED | {"sgemm_share": share}


@pytest.mark.parametrize(("has_units", "minutes", "times"), [(False, 9, 2), (True, 9, 2), (False, 0, 1)])
def test_the_processes_take_turns_and_the_table_and_the_file_say_the_same(
    monkeypatch, tmp_path, capsys, has_units, minutes, times
):
    monkeypatch.setattr(sweep, "has_units", lambda: has_units)
    waiting = {"one_by_one": list(ONE_BY_ONE), "together": list(TOGETHER), "fast": [{"fast": 8.0}]}
    order = []

    def run(name, part):
        order.append(part)
        return waiting[part].pop(0)

    monkeypatch.setattr(sweep, "_in_own_process", run)
    monkeypatch.setattr(
        "sys.argv",
        [
            "sweep",
            "--case",
            "conv",
            "--repeats",
            "2",
            "--minutes",
            str(minutes),
            "--json",
            str(tmp_path / "sweep.json"),
        ],
    )
    monkeypatch.setenv("COLUMNS", "170")
    sweep.main()
    assert order == (["fast"] if has_units else []) + ["one_by_one", "together"] * times
    file = json.loads((tmp_path / "sweep.json").read_text())
    share = file["conv"].pop("sgemm_share")
    expected = EXPECTED if times == 2 else sweep.figures("conv", [ONE_BY_ONE[0], TOGETHER[0]])
    expected = {name: value for name, value in expected.items() if name != "sgemm_share"}
    assert file == {"note": sweep.NOTE, "conv": expected | ({"fast_s": 8.0} if has_units else {})}
    shown = capsys.readouterr().out
    assert " ".join(sweep.NOTE.split()[:9]) in shown
    if times == 1:
        return
    row = next(line for line in shown.splitlines() if "conv" in line)
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    fast = ["8.0"] if has_units else []
    assert cells == ["conv", "64.0", "56.0", "40.0", "16.0", "4.0", f"{share:.0%}", "100", "5.00", "4.00", "2", *fast]


def test_without_a_case_the_memory_of_many_runs_is_measured_too(monkeypatch, tmp_path, capsys):
    held = {"after_200_runs_mb": 700.0, "after_500_runs_mb": 720.0, "after_1000_runs_mb": 721.0}
    monkeypatch.setattr(sweep, "has_units", lambda: False)
    parts = {"one_by_one": ONE_BY_ONE[0], "together": TOGETHER[0], "memory": held}
    monkeypatch.setattr(sweep, "_in_own_process", lambda name, part: parts[part])
    monkeypatch.setattr("sys.argv", ["sweep", "--repeats", "1", "--json", str(tmp_path / "sweep.json")])
    sweep.main()
    file = json.loads((tmp_path / "sweep.json").read_text())
    assert list(file) == ["note", *sweep.FOUR, "memory"]
    assert file["memory"] == held
    assert "Peak memory: 700 MB after 200 runs, 720 after 500, 721 after 1 000." in capsys.readouterr().out


def test_runs_of_a_sweep_take_every_penalty_before_the_next_seed():
    assert cases.configurations(miniature("small", runs=5)) == [
        *((penalty, 0) for penalty in cases.PENALTIES),
        (cases.PENALTIES[0], 1),
    ]


def test_examples_that_are_not_measured_are_no_work():
    whole, part = (miniature(name, runs=2) for name in ("medium", "medium_part"))
    part = dataclasses.replace(part, training=dataclasses.replace(part.training, measured=60))
    assert whole.work() - part.work() == 2 * 2 * whole.flops * 40
    assert miniature("medium_part", runs=2).work() == whole.work()


@pytest.mark.parametrize("name", floor.DENSE)
def test_the_products_of_the_floor_are_those_that_the_sweep_counts(name):
    case = cases.CASES[name]
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
    monkeypatch.setattr(floor, "LOOP_SECONDS", 0.0)  # as few repeats as it ever takes: 2
    done = tf.Variable(0.0)
    assert floor.seconds(lambda: done.assign_add(1.0)) > 0
    assert done.numpy() == 2 + 4 + 2 * floor.BEST_OF


def test_the_floor_takes_the_optimizers_steps_and_says_what_both_take(monkeypatch, capsys):
    case = cases.CASES["medium"]
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


@pytest.mark.slow
def test_heads_on_features_have_the_test_losses_of_the_whole_net():
    try:
        raw = {seed: frozen.FEW(seed=seed, train_size=40) for seed in (0, 1)}
    except DataError as missing:
        pytest.skip(str(missing))
    heads, whole = frozen.in_cohorts(raw, 2), frozen.one_by_one(raw, 2)
    assert sorted(heads) == sorted(whole) == sorted((name, seed) for name in frozen.HEADS for seed in (0, 1))
    assert heads == pytest.approx(whole, rel=1e-5)


@pytest.mark.slow
def test_the_memory_of_both_engines_is_measured_and_the_files_are_removed(tmp_path):
    figures = memory_mapped.measure(0.01, tmp_path)
    assert list(figures) == ["file_gb", *memory_mapped.ENGINES]
    assert all(figures[engine]["peak_mb"] > 100 for engine in memory_mapped.ENGINES)
    assert list(tmp_path.iterdir()) == []


def test_every_other_block_of_epochs_has_a_checkpoint(tmp_path):
    task = object()
    blocks = checkpoints.Blocks(tmp_path, [task], 2)
    take = blocks.offer("cohort", [task])
    captured = []

    def capture(epoch):
        captured.append(epoch)
        return State(epoch, {"x": np.zeros((1, 250_000), np.float32)})

    for epoch in range(1, 13):
        take([task], lambda epoch=epoch: capture(epoch))
    assert captured == [2, 6, 10]
    assert (len(blocks.plain), len(blocks.checkpointed), len(blocks.waited)) == (2, 2, 3)
    assert blocks.megabytes == pytest.approx(1, abs=0.01)


def test_sweeps_of_workers_are_compared_with_that_of_one_process(monkeypatch):
    seconds = {0: 8.0, 1: 10.0, 2: 5.0, 4: 4.0}

    def sweep(script, results, count):
        run = results / "x" / "runs" / "a"
        run.mkdir(parents=True)
        loss = 0.75 if count == 4 else 0.5
        (run / "history.csv").write_text("epoch,loss,val_loss\n" + f"1,{loss},nan\n2,{loss},nan\n" * (count != 1))
        (run / "run.json").write_text(json.dumps({"threads": 2 // (count or 1)}))
        return seconds[count]

    monkeypatch.setattr(workers, "sweep", sweep)
    found = workers.measure("dense", 1, 1)
    assert found["2 workers"] == {"seconds": 5.0, "speed_up": 1.6, "threads": [1], "difference": 0.0}
    assert found["process"]["threads"] == [2]
    assert found["4 workers"]["difference"] == 0.25
    assert found["1 workers"]["difference"] == math.inf


def test_what_a_step_costs_is_the_median_of_the_ratios_of_the_turns_the_cheapest_first(monkeypatch, capsys):
    asked = []

    def seconds(tasks, names, turns):
        asked.extend(task.training for task in tasks)
        # The third is the cheapest; in the last turn the machine is ten times as slow.
        times = np.full((len(tasks), turns), 0.002) * (1 + np.arange(len(tasks)))[:, None]
        times[2] = 0.001
        times[:, -1] *= 10
        return times

    monkeypatch.setattr("lab.engine.timing.seconds_per_step", seconds)
    costs.main()
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")][2:]
    assert len(rows) == len(asked) > 30
    assert rows[0].endswith("| 1.00 | 0.50 [0.50, 0.50] |")
    assert rows[1] == "| none |  | 2.00 | 1 |"
    assert rows[2].endswith("| 4.00 | 2.00 [2.00, 2.00] |")
    sharp = [training.sharpness for training in asked if training.sharpness]
    assert sharp == [0.05]
