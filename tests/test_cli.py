"""The command line: what it says, its exit codes, and that wrong usage is answered before TensorFlow loads."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lab import cli, results

ROOT = Path(__file__).parent.parent


def call(*words, cwd=ROOT, **environment):
    """Run a command line in a process of its own; return its exit code, stdout and stderr."""
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    return done.returncode, done.stdout, done.stderr


def refused(capsys, *words):
    """Run `python -m lab ...` in this process; return its exit code and the sentence it ends with."""
    with pytest.raises(SystemExit) as caught:
        cli.lab(list(map(str, words)))
    said = capsys.readouterr().err
    assert said.count("\n") == 1, "one sentence"
    return caught.value.code, said.strip()


def test_the_three_ways_to_run_an_experiment_do_the_same(tmp_path):
    options = ("--seeds", 1, "--epochs", 1, "--train-size", 50, "--results", tmp_path)
    name = "weight_penalty"
    ways = ((f"experiments/{name}.py",), ("-m", f"experiments.{name}"), ("-m", "lab", "run", name))
    there = 0
    for way in ways:
        code, out, err = call(*way, *options)
        assert (code, err) == (0, "")
        assert out.splitlines()[0] == f"6 runs, {there} already there", "the same declaration, however it is started"
        assert out.splitlines()[-1] == f"figures: {tmp_path / 'weight_penalty' / 'figures'}"
        there = 6


def test_help_lists_the_commands_and_the_options():
    code, out, err = call("-m", "lab", "--help")
    assert (code, err) == (0, "")
    for command in ("list", "run", "report"):
        assert command in out
    code, out, _ = call("experiments/dropout.py", "--help")
    assert code == 0
    for option in (
        "--data",
        "--target",
        "--train-size",
        "--validation-size",
        "--seeds",
        "--epochs",
        "--results",
        "--engine",
    ):
        assert option in out


def test_list_shows_each_experiment_with_its_question(capsys):
    cli.lab(["list"])
    out = capsys.readouterr().out
    for path in (ROOT / "experiments").glob("[a-z]*.py"):
        assert path.stem in out
    assert "Which penalty keeps" in out


def test_usage_errors_answer_before_tensorflow_loads():
    code = (
        "import sys; from lab.cli.app import lab\n"
        "try: lab(['run', 'weight_penalty', '--data', 'cifar'])\n"
        "except SystemExit as end: sys.exit(9 if 'tensorflow' in sys.modules else end.code)"
    )
    code, _, err = call("-c", code)
    assert code == 2
    assert err == (
        "data must be one of digits, fashion_mnist, mnist, cifar10, cifar100, spirals, circles, moons, a file.npz, "
        "a file.csv, got 'cifar'; did you mean 'cifar10'?\n"
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            ("run", "weight_penlty"),
            2,
            "experiment must be one of {experiments}, got 'weight_penlty'; did you mean 'weight_penalty'?",
        ),
        (
            ("run", "mine.py"),
            2,
            "experiment must be a name or the path of a script, got 'mine.py', which does not exist",
        ),
        (
            ("run", "weight_penalty", "--data", "x.csv"),
            2,
            "--target must name the column to predict where --data is a CSV file, got none",
        ),
        (("report", "--results", "{tmp}"), 1, "{tmp} holds no experiment; run one first: python -m lab list"),
        (
            ("report", "x", "--results", "{tmp}"),
            1,
            "{tmp}/x/histories.csv does not exist; run the experiment first, or name its folder",
        ),
    ],
)
def test_what_cannot_be_done_is_told_in_one_sentence(capsys, tmp_path, words, code, said):
    experiments = ", ".join(sorted(path.stem for path in (ROOT / "experiments").glob("[a-z]*.py")))
    words = [word.format(tmp=tmp_path) for word in words]
    assert refused(capsys, *words) == (code, said.format(tmp=tmp_path, experiments=experiments))


@pytest.mark.parametrize(
    "words", [("--epochs", "0"), ("--epochs", "many"), ("--seeds", "-1"), ("--enginee", "x"), ("--engine", "x")]
)
def test_a_wrong_option_exits_with_two(capsys, words):
    code, said = refused(capsys, "run", "weight_penalty", *words)
    assert code == 2
    assert words[0].lstrip("-")[:5] in said


def test_a_train_size_beyond_the_data_is_refused_and_nothing_published(capsys, tmp_path):
    code, said = refused(capsys, "run", "weight_penalty", "--train-size", 100000, "--results", tmp_path)
    assert code == 2
    assert "train_size" in said
    assert "100000" in said
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="needs a folder that cannot be written")
def test_a_folder_that_cannot_be_made_is_told(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    code, said = refused(capsys, "run", "weight_penalty", "--seeds", 1, "--results", tmp_path / "file" / "x")
    assert code == 1
    assert said == (
        f"cannot read or write {tmp_path / 'file' / 'x' / 'weight_penalty'}: Not a directory; "
        f"what is published stays: mend it and go on"
    )


def test_people_run_an_experiment_on_a_file_of_their_own(tmp_path):
    generator = np.random.default_rng(0)
    y = np.arange(200) % 3
    x = generator.normal(size=(200, 4)).astype("float32") + y[:, None]
    np.savez(tmp_path / "mine.npz", x=x, y=y)
    options = ("--seeds", 1, "--epochs", 1, "--train-size", 60, "--results", tmp_path)
    code, _, err = call("-m", "lab", "run", "weight_penalty", "--data", tmp_path / "mine.npz", *options)
    assert (code, err) == (0, "")
    assert len(results.load(tmp_path / "weight_penalty-mine")) == 6


def test_the_report_is_drawn_anew_from_the_csv_files_alone(tmp_path):
    options = ("--seeds", 1, "--epochs", 2, "--train-size", 50, "--results", tmp_path)
    assert call("experiments/weight_penalty.py", *options)[0] == 0
    folder = tmp_path / "weight_penalty"
    figures = {path.name: path.read_bytes() for path in (folder / "figures").iterdir()}
    assert {Path(name).suffix for name in figures} == {".png"}
    for path in [*folder.glob("figures/*"), *folder.glob("runs/*/*"), folder / "experiment.json"]:
        path.unlink()
    for path in folder.glob("runs/*"):
        path.rmdir()
    (folder / "runs").rmdir()
    assert call("-m", "lab", "report", "--results", tmp_path)[0] == 0
    assert {path.name: path.read_bytes() for path in (folder / "figures").iterdir()} == figures
