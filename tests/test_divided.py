"""A sweep whose runs are divided over folders is killed, goes on, fails, is verified and pruned as any other.

`tests.chaos` kills the workers of such sweeps.
"""

import shutil
from pathlib import Path

import pytest

from lab import cli
from lab.checks import DataError
from lab.cli.find import find
from lab.results import layout
from lab.results.layout import run_folders, shard_folders
from lab.run import run
from lab.sweep.progress import Progress
from lab.sweep.status import status

SCRIPT = '''"""Is anything lost?"""
import os
from functools import partial
from lab import Experiment, Training, Variant
from lab.data import digits
from lab.models import dense

def model(input_shape, outputs, seed, width):
    if width == 6 and os.path.exists("broken"):
        raise ValueError("no such width")
    return dense(input_shape, outputs, widths=(width,), seed=seed)

def variant(width):
    return Variant(
        data=partial(digits, train_size=40),
        model=partial(model, width=width),
        training=Training(epochs=3, batch_size=20),
    )

EXPERIMENT = Experiment(
    name="x", variants={name: variant(width) for name, width in WIDTHS}, baseline="a", seeds=(0, 1)
)
'''


def written(folder, *names):
    widths = dict(zip("abc", (4, 5, 6), strict=True))
    path = folder / "x.py"
    path.write_text(SCRIPT.replace("WIDTHS", repr([(name, widths[name]) for name in names])))
    return path


def bytes_of(folder):
    """Return the histories, by run."""
    return {path.name: (path / "history.csv").read_bytes() for path in run_folders(folder)}


class KilledError(Exception):
    """Ends a process of these tests."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The histories of the runs in one folder, trained without any fault."""
    place = tmp_path_factory.mktemp("whole")
    return bytes_of(run(find(str(written(place, "a", "b", "c"))), results_folder=place))


@pytest.fixture
def divided(tmp_path, monkeypatch):
    """The folder of an experiment whose runs are divided, beside its script."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(layout, "MANY", 4)
    written(tmp_path, "a", "b", "c")
    return tmp_path / "results" / "x"


def trained(**options):
    run(find("x.py"), results_folder="results", **options)


@pytest.mark.slow
def test_it_is_killed_and_goes_on_and_what_failed_is_trained_again_and_verified(divided, whole, capsys):
    Path("broken").touch()

    def kill(runs, epoch, *_):
        if runs[0].variant == "b" and epoch == 2:
            raise KilledError

    with pytest.raises(KilledError):
        trained(progress=Progress(on_epoch=kill), checkpoint_every=1e-9)
    assert len(shard_folders(divided)) == 256
    assert {path.parent.name for path in run_folders(divided)} == {path.name[-2:] for path in run_folders(divided)}
    begun = {}

    def look(runs, epoch, *_):
        begun.setdefault(runs[0].variant, epoch)

    with pytest.raises(DataError, match="cannot build its model: ValueError: no such width"):
        trained(progress=Progress(on_epoch=look))
    assert begun == {"b": 3}, "one variant was published, and one goes on from its checkpoint"
    assert status(divided).counts == {"finished": 4, "failed": 2}

    Path("broken").unlink()
    trained(progress=Progress(on_epoch=look), retry_failed=True)
    assert begun == {"b": 3, "c": 1}
    assert bytes_of(divided) == whole
    cli.lab(["verify", "x.py"])
    assert "6 of 6 runs are the same to the last bit" in capsys.readouterr().out


@pytest.mark.slow
def test_it_is_removed_while_it_trains_and_pruned_of_a_variant_that_is_no_more(divided, whole, capsys):
    notes = []

    def remove(runs, epoch, *_):
        if runs[0].variant == "b" and epoch == 2 and not notes:
            shutil.rmtree(divided)

    with pytest.raises(DataError, match="2 published runs with it; the same command trains them again"):
        trained(progress=Progress(on_epoch=remove, on_note=notes.append))
    # A run that ends before anybody has looked is published in runs/ itself, where it is found too.
    assert len(shard_folders(divided)) == 256
    assert all(path.parent.name in ("runs", path.name[-2:]) for path in run_folders(divided))
    trained()
    assert bytes_of(divided) == whole

    written(Path(), "a", "b")
    trained()
    gone = [name for name in whole if name.startswith("c-")]
    capsys.readouterr()
    cli.lab(["prune", "x"])
    said = capsys.readouterr().out
    assert len(gone) == 2
    assert all(f"runs/{name[-2:]}/{name}: a run" in said for name in gone)
    cli.lab(["prune", "x", "--yes"])
    assert bytes_of(divided) == {name: content for name, content in whole.items() if name not in gone}
