"""The command line: what it says, its exit codes, and that wrong usage is answered before TensorFlow loads."""

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lab
from lab import cli, results
from tests.selection import quick

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


@pytest.mark.slow
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
        "import sys; from lab.cli import lab\n"
        "try: lab(['run', 'weight_penalty', '--data', 'cifar'])\n"
        "except SystemExit as end: sys.exit(9 if 'tensorflow' in sys.modules else end.code)"
    )
    code, _, err = call("-c", code)
    assert code == 2
    assert err == (
        "data must be one of 'digits', 'fashion_mnist', 'mnist', 'cifar10', 'cifar100', 'spirals', 'circles', 'moons', "
        "or the path of an .npz, .csv or .parquet file or of a folder, got 'cifar'; did you mean 'cifar10'?\n"
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            ("run", "weight_penlty"),
            2,
            "experiment must be one of {experiments}, or the path of a script (looked in {own}), got 'weight_penlty'; "
            "did you mean 'weight_penalty'?",
        ),
        (
            ("run", "mine.py"),
            2,
            "experiment must be a name or the path of a script, got 'mine.py', which is no file",
        ),
        (
            ("run", "weight_penalty", "--data", "x.csv"),
            2,
            "--target must name the column to predict where --data is a CSV or Parquet file, got none",
        ),
        (
            ("run", "weight_penalty", "--target", "kind"),
            2,
            "--target must be left out unless --data is a CSV or Parquet file, got 'kind'",
        ),
        (
            ("run", "weight_penalty", "--data", "x.npz", "--target", "kind"),
            2,
            "--target must be left out unless --data is a CSV or Parquet file, got 'kind'",
        ),
        (("run", ""), 2, "the name of an experiment must not be empty, got ''"),
        (("report", ""), 2, "the name of an experiment must not be empty, got ''"),
        (("compare", ""), 2, "the name of an experiment must not be empty, got ''"),
        (("compare", "dropout", "--metric", ""), 2, "--metric must not be empty, got ''"),
        (("compare", "dropout", "--baseline", ""), 2, "--baseline must not be empty, got ''"),
        (("compare", "dropout", "--results", ""), 2, "--results must not be empty, got ''"),
        (("run", "weight_penalty", "--data", ""), 2, "--data must not be empty, got ''"),
        (("run", "weight_penalty", "--target", ""), 2, "--target must not be empty, got ''"),
        (("run", "weight_penalty", "--results", ""), 2, "--results must not be empty, got ''"),
        (
            ("run", "spirals", "--data", "digits"),
            2,
            "the study spirals takes --seeds, --epochs, got --data digits; leave it out",
        ),
        (
            ("run", "spirals", "--target", "kind"),
            2,
            "the study spirals takes --seeds, --epochs, got --target kind; leave it out",
        ),
        (
            ("run", "spirals", "--validation-size", "50"),
            2,
            "the study spirals takes --seeds, --epochs, got --validation-size 50; leave it out",
        ),
        (
            ("run", "spirals", "--engine", "cohort"),
            2,
            "the study spirals takes --seeds, --epochs, got --engine cohort; leave it out",
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
    experiments = ", ".join(sorted(repr(path.stem) for path in (ROOT / "experiments").glob("[a-z]*.py")))
    words = [word.format(tmp=tmp_path) for word in words]
    assert refused(capsys, *words) == (
        code,
        said.format(tmp=tmp_path, experiments=experiments, own=ROOT / "experiments"),
    )


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "2.0", "1e3", "None", "nan", "", "many", "1000000000", "9" * 400])
def test_a_number_of_seeds_is_a_whole_number_and_nothing_is_rounded(capsys, text):
    value = repr(text) if not text.lstrip("-").isdigit() or len(text) > 18 else text
    value = value if len(value) <= 300 else f"{value[:297]}..."
    said = f"--seeds must be a whole number from 1 to 10000 (it is the number of seeds), got {value}"
    assert refused(capsys, "run", "weight_penalty", "--seeds", text) == (2, said)


@pytest.mark.parametrize(
    ("option", "rule"),
    [
        ("--epochs", "from 1 to 1000000 (it is the most epochs a run trains)"),
        ("--train-size", "from 1 to 1000000000 (it is the number of examples)"),
        ("--validation-size", "from 1 to 1000000000 (it is the number of examples)"),
    ],
)
def test_sizes_are_whole_numbers_too(capsys, option, rule):
    said = f"{option} must be a whole number {rule}, got '1.5'"
    assert refused(capsys, "run", "weight_penalty", option, "1.5") == (2, said)


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


def test_people_run_an_experiment_on_a_file_of_their_own_and_nothing_says_where_it_was(tmp_path):
    place = tmp_path / "secret-project"
    place.mkdir()
    generator = np.random.default_rng(0)
    y = np.arange(200) % 3
    x = generator.normal(size=(200, 4)).astype("float32") + y[:, None]
    np.savez(place / "mine.npz", x=x, y=y)
    options = ("--seeds", 1, "--epochs", 1, "--train-size", 60, "--results", tmp_path)
    code, _, err = call("-m", "lab", "run", "weight_penalty", "--data", place / "mine.npz", *options)
    assert (code, err) == (0, "")
    folder = tmp_path / "weight_penalty-mine"
    assert len(results.load(folder)) == 6
    written = [path for path in folder.rglob("*") if path.is_file()]
    assert len(written) > 15
    assert not [path for path in written if b"secret-project" in path.read_bytes()]


@pytest.mark.slow
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


# Scripts


EXPERIMENT = '''
"""Does it run?"""
import hashlib, sys
from functools import partial
from lab.cli import main
from lab.data import digits
from lab.experiment import Experiment, Variant
from lab.models import dense
from lab.training import Training

def load(train_size=50):
    {load}
    return digits(train_size=train_size)

def net(input_shape, outputs, seed):
    print("building", flush=True)
    return dense(input_shape, outputs, widths=(8,), seed=seed)

EXPERIMENT = Experiment(
    name="mine",
    variants={{"none": Variant(data=load, model=net, training=Training(epochs={epochs}))}},
    baseline="none",
    seeds=(0,),
)
if __name__ == "__main__":
    main(EXPERIMENT)
'''


def script(folder, name="mine.py", load="pass", epochs=1):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(EXPERIMENT.format(load=load, epochs=epochs))
    return path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"x = (\n", "must be a script in Python, got SyntaxError on line 1: '(' was never closed; correct it"),
        (b"\nx = '\xe9'\n", "must be a script in Python, got SyntaxError on line 2: "),
        (b"x = 1\0\n", "must be a script in Python, got "),
        (b"x = " + b"-" * 100_000 + b"1\n", "must be a script in Python, got "),
        (b"\nraise ValueError('no')\n", "must load without an error, got ValueError on line 2: no; correct it"),
        (b"import nowhere\n", "must load without an error, got ModuleNotFoundError on line 1: "),
        (b"def f(): f()\nf()\n", "must load without an error, got RecursionError on line 1: "),
        (b"import sys\nsys.exit(0)\n", "must load without an error, got SystemExit on line 2: 0; correct it"),
        (b"raise KeyError\n", "must load without an error, got KeyError on line 1; correct it"),
        (b"x = 1\n", "must declare EXPERIMENT = Experiment(...) or Study(...), got None"),
        (b"EXPERIMENT = 3\n", "must declare EXPERIMENT = Experiment(...) or Study(...), got 3"),
    ],
    ids=["syntax", "latin-1", "nul", "deep", "raises", "imports", "recursion", "exits", "bare", "none", "number"],
)
def test_a_script_that_cannot_be_loaded_is_told_with_its_line(capsys, tmp_path, text, said):
    (tmp_path / "mine.py").write_bytes(text)
    code, sentence = refused(capsys, "run", tmp_path / "mine.py")
    assert code == 2
    assert sentence.startswith(f"{tmp_path / 'mine.py'} {said}")


def test_what_is_no_file_is_no_script(capsys, tmp_path):
    (tmp_path / "folder.py").mkdir()
    os.mkfifo(tmp_path / "pipe.py")
    for name in ("folder.py", "pipe.py"):
        path = tmp_path / name
        said = f"experiment must be a name or the path of a script, got {str(path)!r}, which is no file"
        assert refused(capsys, "run", path) == (2, said)


@pytest.mark.parametrize("way", [("-m", "lab", "run"), ("-P", "-c", "from lab.cli import lab; lab()", "run"), ()])
def test_a_refusal_in_a_script_is_one_sentence_however_it_is_started(tmp_path, way):
    text = "from lab.cli import main\nfrom lab.regularization import Regularization\nRegularization(l2=-1)\n"
    (tmp_path / "mine.py").write_text(text)
    said = "l2 must be at least 0 (it is the strength of the L2 penalty on the weights), got -1\n"
    assert call(*way, "mine.py", cwd=tmp_path, PYTHONPATH=str(ROOT)) == (2, "", said)


def test_an_error_of_the_script_itself_keeps_its_traceback(tmp_path):
    (tmp_path / "mine.py").write_text("from lab.cli import main\n1 / 0\n")
    code, _, err = call("mine.py", cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert code == 1
    assert err.endswith("ZeroDivisionError: division by zero\n")


@pytest.mark.parametrize("name", quick(["keras.py", "json.py", "pandas.py"]))
def test_a_script_may_be_called_like_a_library(tmp_path, name):
    script(tmp_path, name)
    code, _, err = call("-m", "lab", "run", name, cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert (code, err) == (0, "")
    [run] = (tmp_path / "results" / "mine" / "runs").iterdir()
    declared = json.loads((run / "run.json").read_text())["declaration"]
    assert declared["model"]["call"] == f"{Path(name).stem}.net"


def test_a_script_finds_what_is_beside_it(capsys, tmp_path):
    script(tmp_path, load="import helper_of_mine").write_text("import helper_of_mine\nx = 1\n")
    (tmp_path / "helper_of_mine.py").write_text("")
    assert refused(capsys, "run", tmp_path / "mine.py")[1].endswith("got None")


@pytest.mark.slow
def test_a_project_has_experiments_of_its_own_before_the_labs(tmp_path):
    script(tmp_path / "experiments", "mine.py")
    script(tmp_path / "experiments", "dropout.py")
    (tmp_path / "experiments" / "__init__.py").write_text("# No chapters here.\n")
    (tmp_path / "experiments" / "broken.py").write_text("x = (\n")
    here = {"cwd": tmp_path, "PYTHONPATH": str(ROOT)}
    code, out, err = call("-m", "lab", "list", COLUMNS="200", **here)
    assert (code, err) == (0, "")
    rows = {row.split()[0]: row for row in out.splitlines()}
    assert "Does it run?" in rows["mine"]
    assert "Does it run?" in rows["dropout"]
    assert "Which penalty keeps" in rows["weight_penalty"]
    assert "must be a script in Python" in rows["broken"]
    assert out.splitlines()[-1] == f"looked in {tmp_path / 'experiments'} and {ROOT / 'experiments'}"
    code, out, err = call("-m", "lab", "run", "mine", **here)
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "figures: results/mine/figures"
    code, _, err = call("-m", "lab", "run", "yours", **here)
    assert code == 2
    assert f"(looked in {tmp_path / 'experiments'} and {ROOT / 'experiments'}), got 'yours'" in err


def test_help_shows_the_names_of_logger_files_as_they_are_and_version_the_version(capsys):
    cli.lab(["compare", "--help"])
    assert "<variant>-seed<k>.csv" in " ".join(capsys.readouterr().out.replace("\u2502", " ").split())
    cli.lab(["--version"])
    assert capsys.readouterr().out == f"{lab.__version__}\n"


# How a command ends


@pytest.mark.parametrize(
    ("load", "code", "said"),
    [
        (
            "sys.exit(0)",
            1,
            "the loader of variant 'none' cannot load its data: it "
            "called sys.exit(0) (mine.py, line 12); let it return, or raise an error instead",
        ),
        (
            "sys.exit()",
            1,
            "the loader of variant 'none' cannot load its data: it "
            "called sys.exit() (mine.py, line 12); let it return, or raise an error instead",
        ),
        (
            "raise MemoryError",
            1,
            "the memory does not suffice; make the model, batch_size or train_size smaller, or close other programs; "
            "what is published stays",
        ),
        (
            "raise type('ResourceExhaustedError', (Exception,), {})('OOM')",
            1,
            "the memory does not suffice; make the model, batch_size or train_size smaller, or close other programs; "
            "what is published stays",
        ),
        (
            "open('/nowhere/x')",
            1,
            "the loader of variant 'none' cannot load its data: FileNotFoundError: [Errno 2] No such file or "
            "directory: '/nowhere/x' (mine.py, line 12)",
        ),
    ],
    ids=["exit 0", "exit", "memory", "TensorFlow's memory", "file"],
)
def test_what_a_loader_does_to_the_process_ends_in_a_sentence(capsys, tmp_path, load, code, said):
    path = script(tmp_path, load=load)
    assert refused(capsys, "run", path, "--results", tmp_path) == (code, said)


def heed_signals():
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize(
    ("load", "name", "code"),
    [
        ("pass", "SIGINT", 130),
        pytest.param("pass", "SIGTERM", 143, marks=pytest.mark.slow),
        pytest.param("pass", "SIGHUP", 129, marks=pytest.mark.slow),
        # Python is not asked while this computes; the GIL is free, as while TensorFlow trains.
        ("print('building', flush=True); hashlib.pbkdf2_hmac('sha256', b'', b'', 2**31 - 1)", "SIGINT", 130),
        # Code in C that cannot pass on what is raised in Python prints it, as TensorFlow does now and then.
        (
            "import ctypes, time; "
            "ctypes.CFUNCTYPE(None)(lambda: (print('building', flush=True), time.sleep(60)) and None)()",
            "SIGTERM",
            143,
        ),
    ],
    ids=["Ctrl-C", "terminated", "hung up", "deaf", "swallowed"],
)
def test_a_signal_ends_a_command_with_a_sentence_and_the_code_of_the_signal(tmp_path, load, name, code):
    path = script(tmp_path, load=load, epochs=1_000_000)
    process = subprocess.Popen(
        [sys.executable, "-m", "lab", "run", path, "--results", tmp_path],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Tests that run in the background of a shell inherit an ignored SIGINT, which the command would respect.
        preexec_fn=heed_signals,
    )
    with process:
        try:
            assert any(line == "building\n" for line in process.stdout)
            process.send_signal(getattr(signal, name))
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert err == "interrupted; what is published stays, and the same command goes on from there\n"
    assert process.returncode == code
    assert not list(tmp_path.glob("mine/runs/*"))


@pytest.mark.skipif(os.name != "posix", reason="pipes as POSIX has them")
def test_a_reader_that_has_gone_ends_a_command_quietly():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "lab", "list"], cwd=ROOT, stdout=closed, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_nohup_stays_a_nohup():
    code = (
        "import signal\n"
        "from lab.cli.interruption import interruptible\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "with interruptible(): signal.raise_signal(signal.SIGHUP)\n"
    )
    assert call("-c", code) == (0, "", "")


@pytest.mark.slow
def test_an_interpreter_has_no_command_line(tmp_path):
    text = script(tmp_path).read_text().replace('if __name__ == "__main__":\n    main', "\nmain")
    done = subprocess.run(
        [sys.executable, "-i", "-c", "import sys; sys.argv[1:] = ['-f', 'kernel.json']"],
        input=f"exec({text!r})\nsys.exit(0)\n",
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "figures: results/mine/figures")


@pytest.mark.slow
def test_fresh_trains_again_and_replaces_only_when_everything_is_trained(capsys, tmp_path):
    path = script(tmp_path)
    words = ["run", str(path), "--results", str(tmp_path)]
    cli.lab(words)
    [run] = (tmp_path / "mine" / "runs").iterdir()
    history = (run / "history.csv").read_bytes()
    (run / "history.csv").write_bytes(history.replace(b"1,", b"7,", 1))
    (tmp_path / "mine" / "runs" / "of-another-declaration").mkdir()
    script(tmp_path, load="raise MemoryError")
    refused(capsys, *words, "--fresh")
    assert (run / "history.csv").read_bytes() != history, "what is there stays until the new is"
    script(tmp_path)
    cli.lab([*words, "--fresh"])
    assert "1 runs, 0 already there" in capsys.readouterr().out
    assert (run / "history.csv").read_bytes() == history
    assert sorted(p.name for p in run.parent.iterdir()) == sorted([run.name, "of-another-declaration"])
    assert not (tmp_path / "mine" / ".fresh").exists()
    cli.lab(words)
    assert "1 runs, 1 already there" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="the shell of other systems closes streams")
@pytest.mark.parametrize("streams", ["2>&-", "<&- 2>&-"])
def test_a_command_whose_stderr_is_closed_ends_as_any_other_and_says_nothing_elsewhere(streams):
    done = subprocess.run(
        f"{shlex.quote(sys.executable)} -m lab runn {streams}",
        shell=True,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, b"")


SOFTMAX = """
import keras
from lab.data import spirals
from lab.experiment import Experiment, Variant
from lab.training import Training


def net(input_shape, outputs, *, seed=0):
    return keras.Sequential([keras.Input(input_shape), keras.layers.Dense(outputs, "softmax")])


ONE = {"none": Variant(data=spirals, model=net, training=Training(epochs=1))}
EXPERIMENT = Experiment(name="mine", variants=ONE, baseline="none", seeds=(0,))
"""


@pytest.mark.slow
def test_a_warning_of_the_lab_is_one_plain_line(tmp_path):
    (tmp_path / "mine.py").write_text(SOFTMAX)
    code, _, err = call("-m", "lab", "run", tmp_path / "mine.py", "--results", tmp_path)
    # The script loads TensorFlow itself, with its chatter.
    assert (code, [line for line in err.splitlines() if line.startswith("note: ")]) == (
        0,
        [
            "note: the model of variant 'none' ends in softmax; it is trained without, since the loss "
            "'softmax_cross_entropy' takes logits"
        ],
    )
    assert "ModelWarning" not in err
