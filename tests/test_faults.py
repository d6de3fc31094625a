"""What goes wrong while a sweep runs: a clear sentence, nothing finished lost, and the rest goes on."""

import os
import shutil
import subprocess
import time
from functools import partial

import pytest

from lab import results
from lab.checks import DataError
from lab.cli.sentences import ending
from lab.data import digits
from lab.experiment import Experiment, Variant
from lab.models import dense
from lab.results.driver import Hold, holder, only_driver
from lab.run import run
from lab.sweep.progress import Progress
from lab.sweep.status import status
from lab.training import Training
from tests.test_full_disk import small_disk


def experiment(epochs=3, seeds=(0, 1)):
    variants = {
        name: Variant(
            data=partial(digits, train_size=40),
            model=partial(dense, widths=(width,)),
            training=Training(epochs=epochs, batch_size=20),
        )
        for name, width in {"a": 4, "b": 5}.items()
    }
    return Experiment(name="x", variants=variants, baseline="a", seeds=seeds)


def contents(folder):
    return {path.parent.name: path.read_bytes() for path in (folder / "runs").glob("*/history.csv")}


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The histories of the runs, trained without any fault."""
    return contents(run(experiment(), results_folder=tmp_path_factory.mktemp("expected")))


def test_results_that_are_removed_while_runs_train_are_made_again_and_what_is_lost_is_said(tmp_path, expected):
    folder, notes = tmp_path / "x", []

    def remove(runs, epoch, *_):
        # The variants are of two structures: the runs of the first are published when those of the second train.
        if runs[0].variant == "b" and epoch == 2 and not notes:
            shutil.rmtree(folder)

    with pytest.raises(DataError) as caught:
        run(experiment(), results_folder=tmp_path, progress=Progress(on_epoch=remove, on_note=notes.append))
    assert str(caught.value) == (
        f"{folder} was removed while its runs trained, and 2 published runs with it; the same command trains them again"
    )
    assert notes == [
        f"{folder} was removed while its runs train, with 2 runs that were published; it is made again, and what "
        "trains goes on"
    ]
    assert status(folder).counts == {"finished": 2, "missing": 2}
    assert (folder / "summary.csv").exists()
    assert holder(folder) is None
    run(experiment(), results_folder=tmp_path)
    assert contents(folder) == expected


def test_a_removed_folder_that_another_process_has_made_its_own_is_not_taken_from_it(tmp_path):
    hold = Hold(tmp_path / "x")
    shutil.rmtree(tmp_path / "x")
    assert hold.is_lost()
    with only_driver(tmp_path / "x"):
        with pytest.raises(DataError, match="must be run by one process at a time"):
            hold.regain()
        hold.release()
        assert holder(tmp_path / "x") is not None, "the other's lock stays"
    assert holder(tmp_path / "x") is None


def test_results_that_cannot_be_written_are_refused_in_a_sentence():
    # Root may write anywhere but here.
    with pytest.raises(OSError, match=r"not permitted|denied|Read-only|No such file") as caught:
        run(experiment(), results_folder="/sys/lab")
    code, sentence = ending(caught.value)
    assert code == 1
    assert sentence.startswith("cannot read or write /sys/lab")
    assert sentence.endswith("; what is published stays: mend it and go on")


@pytest.mark.slow
def test_a_volume_that_turns_read_only_while_runs_train_costs_no_published_run_and_the_rest_goes_on(tmp_path, expected):
    place, notes, unwritten = tmp_path / "volume", [], []

    def turn(runs, epoch, *_):
        if runs[0].variant == "b" and epoch == 2:
            # The volume itself cannot be turned while the lock is open; what is opened by its path from now on can.
            subprocess.run(["mount", "--bind", str(place), str(place)], check=True)
            subprocess.run(["mount", "-o", "remount,bind,ro", str(place)], check=True)

    with small_disk(place, 4096):
        heard = Progress(
            on_epoch=turn, on_note=notes.append, on_unwritten=lambda run, error: unwritten.append(run.variant)
        )
        with pytest.raises(OSError, match="Read-only file system") as caught:
            run(experiment(), results_folder=place, progress=heard, checkpoint_every=1e-9)
        subprocess.run(["umount", str(place)], check=True)
        assert unwritten == ["b", "b"]
        code, sentence = ending(caught.value)
        assert code == 1
        assert sentence.startswith(f"cannot read or write {place / 'x'}")
        assert sentence.endswith("Read-only file system; what is published stays: mend it and go on")
        published = contents(place / "x")
        assert len(published) == 2
        trained = []
        run(experiment(), results_folder=place, progress=Progress(on_end=lambda run, _: trained.append(run.variant)))
        assert trained == ["b", "b"]
        assert contents(place / "x") == expected


def test_damaged_runs_are_named_set_aside_and_trained_again_and_the_others_stay(tmp_path, expected):
    folder = run(experiment(), results_folder=tmp_path)
    first, second, *others = results.read_experiment(folder)["runs"]
    (folder / "runs" / first / "run.json").write_text('{"schema": 1, "stat')
    history = folder / "runs" / second / "history.csv"
    history.write_bytes(history.read_bytes()[:-40])
    times = {name: (folder / "runs" / name / "run.json").stat().st_mtime_ns for name in others}
    assert status(folder).counts == {"finished": 3, "damaged": 1}, "a history is read when it is needed"
    notes, trained = [], []
    heard = Progress(on_note=notes.append, on_end=lambda run, _: trained.append(run.name))
    run(experiment(), results_folder=tmp_path, progress=heard)
    assert sorted(trained) == sorted([first, second])
    assert f"the run is set aside as .damaged-{first}-1 and trained again" in notes[0]
    assert f"{history} must be as it was published, got a torn or changed file" in notes[1]
    kept = contents(folder)
    assert {name: kept[name] for name in expected} == expected
    assert {name: (folder / "runs" / name / "run.json").stat().st_mtime_ns for name in others} == times


def test_a_clock_that_jumps_changes_nothing(tmp_path, expected, monkeypatch):
    now = [1.8e9]

    def jump():
        now[0] -= 86_400.0
        return now[0]

    seen = []
    monkeypatch.setattr("lab.sweep.journal.EVERY", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", jump)
        look = Progress(on_epoch=lambda *_: seen.append(status(tmp_path / "x").sweep))
        folder = run(experiment(), results_folder=tmp_path, progress=look)
    assert contents(folder) == expected
    assert all(0 <= sweep.elapsed < 600 and (sweep.left is None or 0 <= sweep.left < 600) for sweep in seen)


def test_runs_that_are_newer_than_the_tables_are_in_them_although_the_clock_was_set_back(tmp_path):
    folder = run(experiment(seeds=(0,)), results_folder=tmp_path)
    later = time.time() + 86_400
    for path in folder.glob("*.*"):
        os.utime(path, (later, later))
    assert not results.is_stale(folder)
    gone = next((folder / "runs").iterdir())
    gone.rename(tmp_path / gone.name)
    results.rebuild(folder)
    for path in folder.glob("*.*"):
        os.utime(path, (later, later))
    (tmp_path / gone.name).rename(gone)
    assert results.is_stale(folder)
    assert len(results.current_tables(folder).summary) == 2
