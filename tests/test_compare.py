"""`python -m lab compare`: the same numbers for people and machines, and an exit code for CI."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from lab import cli, results, statistics
from lab.checks import UsageError
from lab.cli import compare
from lab.cli.terminal import metric_table
from tests.test_keras_logs import logs
from tests.test_results import history, record


@pytest.fixture
def folder(tmp_path):
    """An experiment whose second arm is worse on every seed and overfits."""
    place = tmp_path / "x"
    place.mkdir()
    names = []
    for variant, more in (("none", 0.0), ("bad", 0.5)):
        for seed in range(4):
            name = f"{variant}-seed{seed}-r{seed}"
            curve = [1 / epoch + more * max(0, epoch - 6) for epoch in range(1, 16)]
            rows = history(15, val_data_loss=curve, train_data_loss=[1 / epoch for epoch in range(1, 16)])
            noise = 0.01 * np.sin(seed)
            test = {"loss": 1.0, "data_loss": 0.5 + more + noise * (1 + more), "penalty": 0.5, "accuracy": 0.9}
            results.publish(place, name, rows, record(variant, seed, rows=15, kept_epoch=6, test=test))
            names.append(name)
    about = {"name": "x", "baseline": "none", "generalizes_over": "seeds", "runs": names}
    results.write_atomically(place / "experiment.json", json.dumps(about))
    results.rebuild(place)
    return place


def test_the_comparison_is_that_of_the_statistics_with_the_curves_beside_it(folder):
    tables = compare.read(folder)
    made = compare.compare(tables).set_index("variant")
    expected = statistics.compare(tables.summary, "none", generalizes_over="seeds").set_index("variant")
    pd.testing.assert_frame_equal(made[expected.columns], expected)
    assert made.loc["bad", "decision"] == "worse"
    assert made.loc["bad", "overfits"] == 1.0
    assert made.loc["bad", "onset"] > 6
    assert np.isnan(made.loc["none", "onset"])


def test_every_format_says_the_same_numbers(folder):
    made = compare.compare(compare.read(folder))
    read = pd.read_csv(io.StringIO(compare.written(made, "csv")))
    pd.testing.assert_frame_equal(read, made)
    rows = json.loads(compare.written(made, "json"))
    assert [row["variant"] for row in rows] == ["none", "bad"]
    assert rows[0]["difference"] is None
    assert np.isclose(rows[1]["difference"], made.loc[1, "difference"])
    lines = compare.written(made, "markdown").splitlines()
    assert lines[0].startswith("| variant | metric |")
    assert len(lines) == 4
    assert {line.count("|") for line in lines} == {len(made.columns) + 1}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--fail-if-worse", "bad"), "bad is worse than the baseline: test_data_loss +0.5"),
        (("--fail-if-overfits",), "bad overfits in 100% of its runs"),
    ],
)
def test_a_comparison_told_to_fail_exits_with_three(folder, capsys, words, said):
    with pytest.raises(SystemExit) as caught:
        cli.lab(["compare", "x", "--results", str(folder.parent), *words])
    assert caught.value.code == 3
    assert said in capsys.readouterr().err


def test_a_comparison_that_finds_nothing_prints_its_table(folder, capsys):
    cli.lab(["compare", "x", "--results", str(folder.parent), "--baseline", "bad", "--fail-if-worse", "none"])
    out = capsys.readouterr().out
    assert "x: test_data_loss" in out
    assert "better" in out


def test_the_baseline_cannot_be_worse_than_itself(folder):
    made = compare.compare(compare.read(folder))
    with pytest.raises(UsageError) as caught:
        compare.failures(made, ("none",), False)
    assert str(caught.value) == "--fail-if-worse must name a variant other than the baseline, got 'none'"


def test_logs_of_other_peoples_training_are_compared(tmp_path, capsys):
    for variant, rise in (("none", 0.05), ("half", 0.0)):
        for seed in range(3):
            table = pd.DataFrame(logs(rise=rise, seed=seed))
            table.to_csv(tmp_path / f"{variant}-seed{seed}.csv", index_label="epoch")
    cli.lab(["compare", str(tmp_path), "--format", "csv"])
    made = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert list(made["variant"]) == ["none", "half"]
    assert set(made["metric"]) == {"val_loss"}
    assert list(made["overfits"]) == [1.0, 0.0]


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (np.nan, np.nan, "-"),
        (0.0, 0.0, "0"),
        (3.0, 60.0, "3 to 60"),
        (3.0, 999.0, "3 to 999"),
        (3.0, 1000.0, "3 or more"),
        (3.0, np.inf, "3 or more"),
        (1000.0, np.inf, ">999"),
    ],
)
def test_the_seeds_still_needed_are_an_interval_that_fits_into_80_columns(folder, low, high, said):
    made = compare.compare(compare.read(folder)).assign(seeds_needed_low=low, seeds_needed_high=high)
    stream = io.StringIO()
    Console(width=80, file=stream).print(metric_table("x", made.assign(decision="not shown"), 0.95))
    line = next(line for line in stream.getvalue().splitlines() if line.startswith("bad"))
    assert f" {said} " in line
    assert line.rstrip().endswith("not shown")
