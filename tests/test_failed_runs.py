"""Runs that fail: written down with their reasons, not trained again unless that is asked for, and in nobody's way."""

import dataclasses
import json
from functools import partial

import pytest

from lab import pages, results
from lab.checks import DataError
from lab.data import digits
from lab.experiment import Experiment, Variant
from lab.models import dense
from lab.pages.failed_runs import failed_runs
from lab.run import run
from lab.sweep.progress import Progress
from lab.training import Training
from tests.lines import place

SMALL = partial(dense, widths=(4,))
CALLED = []


def load(seed=0):
    return digits(train_size=40, seed=seed)


def broken_loader():
    CALLED.append("loader")
    raise OSError(5, "Input/output error", "faces.npz")


def large_loader():
    raise MemoryError


def broken(input_shape, outputs, *, seed):
    CALLED.append(seed)
    raise ValueError("no such width")


def experiment(**variants):
    plain = Variant(data=load, model=SMALL, training=Training(epochs=1, batch_size=20))
    declared = {name: dataclasses.replace(plain, **changes) for name, changes in variants.items()}
    return Experiment(name="x", variants=declared, baseline=next(iter(declared)), seeds=(0, 1))


def fails(declared, tmp_path, **options):
    """Run an experiment that must fail, and return its sentence and what was told of failures."""
    told = []
    heard = Progress(on_failure=lambda run, reason: told.append((run.variant, run.seed, reason)))
    with pytest.raises(DataError) as caught:
        run(declared, results_folder=tmp_path, progress=heard, **options)
    return str(caught.value), told


def test_a_loader_that_raises_for_one_variant_costs_no_other_and_is_called_again_next_time(tmp_path):
    declared = experiment(
        good={}, bad={"data": broken_loader}, large={"data": large_loader}, other={"model": partial(dense, widths=(3,))}
    )
    CALLED.clear()
    raised = f"OSError: [Errno 5] Input/output error: 'faces.npz' {place(broken_loader, 2)}"
    reason = f"the loader of variant 'bad' cannot load its data: {raised}"
    large = "the data of variant 'large' do not fit into memory; make its train_size smaller, or close other programs"
    sentence, told = fails(declared, tmp_path)
    assert sentence == f"{reason}; 3 other runs failed too"
    assert told == [("bad", 0, reason), ("large", 0, large), ("bad", 1, reason), ("large", 1, large)]
    assert CALLED == ["loader"], "once for all seeds"
    folder = tmp_path / "x"
    assert sorted(path.name.split("-")[0] for path in (folder / "runs").iterdir()) == ["good", "good", "other", "other"]
    assert results.read_failures(folder)["bad-seed1"] == results.Failure("bad-seed1", "bad", 1, None, reason)
    assert (folder / "summary.csv").exists()
    assert fails(declared, tmp_path)[0] == sentence
    assert CALLED == ["loader"] * 2
    # Mended, it leaves no trace.
    mended = dataclasses.replace(
        declared, variants=declared.variants | {"bad": experiment(a={"data": partial(load, seed=9)}).variants["a"]}
    )
    fails(mended, tmp_path)
    assert set(results.read_failures(folder)) == {"large-seed0", "large-seed1"}


def test_an_experiment_of_which_nothing_can_be_loaded_is_refused_at_once(tmp_path):
    with pytest.raises(DataError) as caught:
        run(experiment(a={"data": broken_loader}, b={"data": large_loader}), results_folder=tmp_path)
    assert str(caught.value).startswith("the loader of variant 'a' cannot load its data")
    assert not (tmp_path / "x").exists()


def test_a_run_that_failed_is_reported_again_and_trained_again_only_if_that_is_asked_for(tmp_path):
    declared = experiment(good={}, bad={"model": broken})
    CALLED.clear()
    reason = f"variant 'bad' cannot build its model: ValueError: no such width {place(broken, 2)}"
    sentence, told = fails(declared, tmp_path)
    assert (sentence, told) == (f"{reason}; 1 other run failed too", [("bad", 0, reason), ("bad", 1, reason)])
    tried = len(CALLED)
    again = f"{reason} (it failed before and is not tried again; --retry-failed tries it)"
    sentence, told = fails(declared, tmp_path)
    assert (sentence, told) == (f"{again}; 1 other run failed too", [("bad", 0, again), ("bad", 1, again)])
    assert len(CALLED) == tried, "not even its model is built"
    assert set(
        json.loads(
            (tmp_path / "x" / "failed" / f"{next(iter(results.read_failures(tmp_path / 'x')))}.json").read_text()
        )
    ) == {"schema", "variant", "seed", "reason"}
    sentence, told = fails(declared, tmp_path, retry_failed=True)
    assert (sentence, told) == (f"{reason}; 1 other run failed too", [("bad", 0, reason), ("bad", 1, reason)])
    assert len(CALLED) > tried


def test_a_run_that_succeeds_at_last_is_forgotten_as_a_failure(tmp_path, monkeypatch):
    declared = experiment(good={})
    folder = run(declared, results_folder=tmp_path)
    [first, second] = sorted(path.name for path in (folder / "runs").iterdir())
    for name, seed in ((first, 0), (second, 1)):
        (folder / "runs" / name).rename(tmp_path / name)
        results.write_failure(folder, results.Failure(name, "good", seed, None, "no memory"))
    with pytest.raises(DataError, match="no memory"):
        run(declared, results_folder=tmp_path)
    run(declared, results_folder=tmp_path, retry_failed=True)
    assert results.read_failures(folder) == {}
    assert len(list((folder / "runs").iterdir())) == 2


def test_failures_of_other_declarations_and_of_published_runs_are_none_of_the_experiment(tmp_path):
    names = ("good-seed0-rabc", "good-seed1-rabc", "gone-seed0-rabc", "bad-seed0", "gone-seed0")
    for name in names:
        variant, seed = name.split("-")[:2]
        results.write_failure(tmp_path, results.Failure(name, variant, int(seed[4:]), None, "it failed"))
    (tmp_path / "runs" / names[0]).mkdir(parents=True)
    (tmp_path / "failed" / "torn-seed0.json").write_text("{")
    assert set(results.read_failures(tmp_path)) == set(names)
    current = results.current_failures(tmp_path, names[:2], ["good", "bad"])
    assert [failure.name for failure in current] == ["bad-seed0", "good-seed1-rabc"]


def test_the_page_says_which_runs_failed_and_why(tmp_path):
    fails(experiment(good={}, bad={"model": broken}), tmp_path)
    folder = tmp_path / "x"
    reason = f"variant 'bad' cannot build its model: ValueError: no such width {place(broken, 2)}"
    assert failed_runs(folder) == [("2 runs of bad", reason)]
    text = pages.experiment_page(folder).read_text()
    assert f"<li><b>2 runs of bad</b>: {reason.replace(chr(39), '&#39;')}</li>" in text
    for name in results.read_failures(folder):
        results.forget_failure(folder, name)
    assert "Runs that failed" not in pages.experiment_page(folder).read_text()


def test_runs_that_failed_for_one_reason_are_told_of_together(tmp_path):
    names = [f"{variant}-seed{seed}" for variant in "abcde" for seed in (0, 1)]
    results.write_experiment(tmp_path, {"name": "x", "baseline": "a", "runs": [], "variants": list("abcde")})
    for name in names:
        variant, seed = name.split("-seed")
        results.write_failure(tmp_path, results.Failure(name, variant, int(seed), None, "no disk"))
    assert failed_runs(tmp_path) == [("10 runs of a, b, c and 2 more", "no disk")]
    for name in names[1:]:
        results.forget_failure(tmp_path, name)
    assert failed_runs(tmp_path) == [("a at seed 0", "no disk")]
    results.write_failure(tmp_path, results.Failure("b-seed0-fold2", "b", 0, 2, "no disk"))
    assert failed_runs(tmp_path) == [("2 runs of a and b", "no disk")]
    results.forget_failure(tmp_path, "a-seed0")
    assert failed_runs(tmp_path) == [("b at seed 0 in fold 2", "no disk")]


def test_a_disk_that_takes_no_reason_costs_no_run(tmp_path, monkeypatch):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "failed").write_text("in the way")
    fails(experiment(good={}, bad={"model": broken}), tmp_path)
    assert len(list((tmp_path / "x" / "runs").iterdir())) == 2
