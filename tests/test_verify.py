"""`reglab verify`: published runs are trained again and compared, bit for bit or within a tolerance."""

import hashlib
import json
from types import SimpleNamespace

import pytest

from lab import cli, results
from lab.cli.find import find
from lab.plan import plan
from lab.results.schema import run_name
from lab.sweep.progress import Progress
from lab.sweep.verify import COMPARED, _numbers_now, _worst, verify

SCRIPT = """
from functools import partial
from lab import Experiment, Training, Variant
from lab.data import digits
from lab.models import dense

def variant(rate):
    return Variant(
        data=partial(digits, train_size=40),
        model=partial(dense, widths=(4,)),
        training=Training(epochs=3, batch_size=20, learning_rate=rate),
    )

EXPERIMENT = Experiment(name="x", variants={"a": variant(0.1), "b": variant(0.01)}, baseline="a", seeds=(0, 1))
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a script and its published runs."""
    folder = tmp_path_factory.mktemp("verify")
    (folder / "x.py").write_text(SCRIPT)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        cli.lab(["run", "x.py", "--quiet"])
    return folder


@pytest.fixture
def runs(home, monkeypatch):
    """The folders of its runs, whose files are afterwards what they were."""
    monkeypatch.chdir(home)
    folder = home / "results" / "x"
    found = [folder / "runs" / name for name in results.read_experiment(folder)["runs"]]
    before = {path: path.read_bytes() for run in found for path in run.iterdir()}
    yield found
    for path, content in before.items():
        path.write_bytes(content)


def changed(run, **fields):
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(record | fields))
    return record


def ends(capsys, *words):
    """Verify with this command line; return the exit code, and what was printed last."""
    code = 0
    try:
        cli.lab(["verify", "x.py", *words])
    except SystemExit as end:
        code = end.code
    out, err = capsys.readouterr()
    return code, [line for line in out.splitlines() if not line.startswith(("[", "4 runs", "1 runs"))], err


def test_runs_that_are_trained_again_are_the_same_to_the_last_bit_and_nothing_is_written(runs, capsys):
    there = {path for path in runs[0].parents[1].rglob("*") if path.is_file()}
    times = {path: path.stat().st_mtime_ns for path in there}
    assert ends(capsys) == (0, ["4 of 4 runs are the same to the last bit"], "")
    assert {path: path.stat().st_mtime_ns for path in runs[0].parents[1].rglob("*") if path.is_file()} == times
    assert ends(capsys, "--run", runs[2].name) == (0, ["1 of 1 runs are the same to the last bit"], "")


def test_another_digit_is_found_and_named(runs, capsys):
    history = runs[1] / "history.csv"
    lines = history.read_text().splitlines()
    cells = lines[2].split(",")
    place = lines[0].split(",").index("loss")
    cells[place] = repr(float(cells[place]) + 1e-6)
    history.write_text("\n".join([*lines[:2], ",".join(cells), *lines[3:], ""]))
    changed(runs[1], history_sha256=hashlib.sha256(history.read_bytes()).hexdigest())
    code, out, err = ends(capsys)
    assert (code, out[0]) == (1, "3 of 4 runs are the same to the last bit")
    assert out[1] == (
        f"{runs[1].name} differs: another digit of its history, with the same engine, threads and versions"
    )
    assert err == f"1 of 4 runs differ from what is published, as {runs[1].name}\n"


def test_with_other_threads_a_small_difference_is_taken_and_a_large_one_is_not(runs, capsys):
    record = json.loads((runs[0] / "run.json").read_text())
    test = record["test"]["data_loss"]
    changed(runs[0], threads=record["threads"] + 1, test=record["test"] | {"data_loss": test * 1.01})
    code, out, err = ends(capsys, "--run", runs[0].name)
    what = f"test_data_loss {test * 1.01!r} published, {test!r} now; threads changed since"
    assert (code, out, err) == (0, [f"1 of 1 runs agree within 0.02, as in {runs[0].name}: {what}"], "")
    code, out, err = ends(capsys, "--run", runs[0].name, "--tolerance", "0.005")
    assert (code, out) == (1, [f"{runs[0].name} differs: {what}"])
    changed(runs[0], threads=record["threads"], test=record["test"] | {"data_loss": test * 1.01})
    code, out, err = ends(capsys, "--run", runs[0].name)
    assert (code, len(out)) == (1, 1), "bits were asked for"


NONE = "got none; give the options that it was run with"
SHARE = "in [0, 1] (it is the largest difference, as a share of the published number)"
REFUSED = [
    (["--seeds", "1", "--epochs", "2"], 1, f"results/x must hold a run of this declaration, {NONE}"),
    (["--run", run_name("a", 7, "r1")], 1, f"results/x must hold the run 'a-seed7-r1' of this declaration, {NONE}"),
    (["--fresh"], 2, "--fresh must be left out of verify, which trains each run as it was trained"),
    (["--tolerance", "much"], 2, "--tolerance must be a number, got 'much'"),
    (["--tolerance", "2"], 2, f"--tolerance must be {SHARE}, got 2.0"),
]


@pytest.mark.parametrize(("words", "code", "sentence"), REFUSED, ids=[" ".join(case[0]) for case in REFUSED])
def test_what_cannot_be_verified_is_refused(runs, capsys, words, code, sentence):
    got = ends(capsys, *words)
    assert (got[0], got[2]) == (code, f"{sentence}\n")


def test_each_run_is_trained_by_the_engine_that_trained_it_with_the_precision_that_is_asked_for(runs, monkeypatch):
    changed(runs[0], engine="keras_fit")
    asked = []

    def train(tasks, names, *, engine, precision, on_trained, on_epoch, on_wait):
        asked.append((engine, precision, names))
        on_wait("compiling")
        if tasks:
            on_epoch([0], 1, len(tasks), 0.5, [[{"epoch": 1}]])

    monkeypatch.setattr("lab.sweep.verify.dispatch.train", train)
    experiment = find("x.py")
    planned = plan(experiment)
    told = []
    progress = Progress(
        on_plan=lambda *counts: told.append(counts),
        on_wait=told.append,
        on_epoch=lambda some, *state: told.append(([run.name for run in some], state)),
    )
    assert verify(runs[0].parent.parent, planned, tolerance=0.02, precision="fast", progress=progress) == []
    assert asked == [
        ("cohort", "fast", [run.place for run in planned[1:]]),
        ("keras_fit", "fast", [planned[0].place]),
    ]
    state = 1, 3, 0.5, [[{"epoch": 1}]]
    assert told.pop(0) == (4, 0)
    assert told == ["compiling", ([planned[1].name], state), "compiling", ([planned[0].name], (1, 1, *state[2:]))]


@pytest.mark.parametrize(
    ("published", "now", "said"),
    [
        ((0.5, 0.25), (0.5, 0.25), ""),
        ((0.5, 0.25), (0.5, 0.5), "test_data_loss 0.25 published, 0.5 now"),
        ((0.5, 0.25), (0.75, 0.26), "val_data_loss 0.5 published, 0.75 now"),
        ((0.5, 0.25), (0.51, 0.75), "test_data_loss 0.25 published, 0.75 now"),
        ((5.0, 3.0), (5.1, None), "test_data_loss 3.0 published, None now"),
        ((None, None), (0.1, 0.9), "test_data_loss None published, 0.9 now"),
    ],
)
def test_the_number_that_differs_most_is_told(published, now, said):
    before, after = (dict(zip(COMPARED, numbers, strict=True)) for numbers in (published, now))
    assert _worst(before, after) == said


def test_a_run_that_keeps_no_epoch_any_more_has_no_numbers():
    trained = SimpleNamespace(kept_epoch=None, test=None, rows=[])
    assert _numbers_now(trained) == {"val_data_loss": None, "test_data_loss": None}
    trained = SimpleNamespace(
        kept_epoch=2, test={"data_loss": 0.5}, rows=[{"val_data_loss": 0.9}, {"val_data_loss": 0.4}]
    )
    assert _numbers_now(trained) == {"val_data_loss": 0.4, "test_data_loss": 0.5}
