"""Examples that stay on the disk: the same data, the same runs, bit by bit, as those in memory."""

import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from lab.checks import DataError, UsageError
from lab.data import Dataset, from_arrays, from_npy
from lab.data.rows import Rows
from lab.engine import cohort, keras_fit, stacking
from lab.engine.outputs import measured
from lab.engine.task import Task
from lab.identity import declare, identify
from lab.models import conv, dense
from lab.regularization import Regularization
from lab.training import Training
from tests.cohorts import identical


def arrays(kind: type = np.float32) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(1)
    x = generator.normal(size=(90, 6, 5)) if kind == np.float32 else generator.integers(0, 255, (90, 6, 5))
    return x.astype(kind), generator.integers(0, 3, 90)


@pytest.fixture
def mapped(tmp_path):
    """Return a function that puts an array on the disk and maps it."""

    def put(x: np.ndarray, name: str = "x", mode: str = "r") -> np.memmap:
        np.save(tmp_path / f"{name}.npy", x)
        return np.load(tmp_path / f"{name}.npy", mmap_mode=mode)

    return put


def same(one: Dataset, other: Dataset) -> bool:
    return one.fingerprint == other.fingerprint and all(
        np.array_equal(np.asarray(getattr(one, part).x), np.asarray(getattr(other, part).x))
        for part in ("train", "validation", "test")
    )


@pytest.mark.parametrize("kind", [np.float32, np.uint8, np.float64, ">f4"])
def test_a_mapped_array_makes_the_same_dataset_as_its_copy_in_memory(mapped, kind):
    x, y = arrays(np.uint8 if kind == np.uint8 else np.float32)
    x = x.astype(kind)
    for options in ({}, {"train_size": 20, "seed": 3}, {"group": np.arange(90) // 5}, {"label_noise": 0.2}):
        one, other = from_arrays(mapped(x), y, **options), from_arrays(x, y, **options)
        assert isinstance(one.train.x, Rows)
        assert one.input_shape == other.input_shape
        assert same(one, other)


def test_splits_of_ones_own_may_stay_on_the_disk_and_in_memory_beside_each_other(mapped):
    x, y = arrays()
    own = {"validation": (x[60:75], y[60:75]), "test": (x[75:], y[75:])}
    given = own | {"test": (mapped(x[75:], "test"), y[75:])}
    one, other = from_arrays(mapped(x[:60]), y[:60], **given), from_arrays(x[:60], y[:60], **own)
    assert [isinstance(split.x, Rows) for split in (one.train, one.validation, one.test)] == [True, False, True]
    assert same(one, other)


def runs(data: Dataset, **training: object) -> list[Task]:
    made = []
    for seed, (l2, rate) in enumerate([(0.0, 0.1), (1e-3, 0.2)]):
        r = Regularization(l2=l2, dropout=rate)
        build = partial(dense, data.input_shape, 3, widths=(7,), regularization=r, seed=seed)
        own = Training(**{"epochs": 2, "batch_size": 16, "measured": 30} | training)
        made.append(Task(build, data, own, seed))
    return made


def test_both_engines_train_from_the_disk_as_from_memory_bit_by_bit(mapped):
    x, y = arrays()
    weights = np.arange(90.0)
    disk, memory = from_arrays(mapped(x), y, sample_weight=weights), from_arrays(x, y, sample_weight=weights)
    for mine, other in zip(cohort.train(runs(disk)), cohort.train(runs(memory)), strict=True):
        assert identical(mine, other)
    mine, other = (keras_fit.train(runs(data)[1]) for data in (disk, memory))
    assert identical(mine, other)
    assert measured(runs(disk)[1], mine, runs(disk)[1].build()) == measured(
        runs(memory)[1], other, runs(memory)[1].build()
    )


def test_more_examples_than_can_be_numbered_train_in_smaller_cohorts(mapped, monkeypatch):
    monkeypatch.setattr(stacking, "MOST_EXAMPLES", 100)
    x, y = arrays()
    assert stacking.table([x, x]).values.shape == (1, 90, 6, 5)
    for second in (x[::-1], from_arrays(mapped(np.concatenate([x, x])), np.concatenate([y, y])).train.x[:90]):
        with pytest.raises(MemoryError):
            stacking.table([x, second])


@pytest.mark.slow
def test_runs_on_other_draws_of_the_data_train_together_from_the_disk_and_with_one_in_memory(mapped):
    x, y = arrays(np.uint8)
    source = mapped(x)
    on_disk = [from_arrays(source, y, seed=seed) for seed in range(3)]
    in_memory = [from_arrays(x, y, seed=seed) for seed in range(3)]
    build = partial(conv, (6, 5, 1), 3, blocks=((4,),), widths=(5,))
    training = Training(epochs=3, batch_size=16, patience=1)

    def tasks(datasets: list[Dataset]) -> list[Task]:
        return [Task(partial(build, seed=i), data, training, i) for i, data in enumerate(datasets)]

    mixed = [on_disk[0], in_memory[1], on_disk[2]]
    expected = cohort.train(tasks(in_memory))
    for datasets in (on_disk, mixed):
        assert all(identical(a, b) for a, b in zip(cohort.train(tasks(datasets)), expected, strict=True))


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_giving_memory_back_changes_nothing_even_where_a_mapping_holds_changes(mapped, monkeypatch, mode):
    monkeypatch.setattr("lab.data.rows.RELEASED_AFTER", 1)
    x, y = arrays()
    source = mapped(x, mode=mode)
    if mode != "r":
        source[3, 2, 1] = x[3, 2, 1] = 7.5
    assert same(from_arrays(source, y), from_arrays(x, y))


def resident(path: Path) -> int:
    """Return how many bytes of a mapped file are resident in this process."""
    parts = Path("/proc/self/smaps").read_text().split("\nVmFlags")
    own = [part for part in parts if str(path) in part]
    return sum(1024 * int(re.search(r"^Rss:\s+(\d+) kB", part, re.MULTILINE)[1]) for part in own)


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="only Linux tells what is resident")
def test_what_was_read_does_not_stay_in_memory(tmp_path, mapped, monkeypatch):
    source = mapped(np.arange(2**13 * 500, dtype=np.float32).reshape(-1, 500))
    rows = from_arrays(source, np.arange(2**13) % 2).train.x
    monkeypatch.setattr("lab.data.rows.RELEASED_AFTER", 2**60)
    read = np.asarray(rows)
    assert resident(tmp_path / "x.npy") > 2**23
    monkeypatch.setattr("lab.data.rows.RELEASED_AFTER", 2**22)
    assert np.array_equal(np.asarray(rows), read)
    assert resident(tmp_path / "x.npy") < 2**22 + 2**21


def test_what_cannot_be_used_is_refused_as_in_memory_and_standardization_is_refused(mapped, monkeypatch):
    monkeypatch.setattr("lab.data.rows.AT_ONCE", 500)
    x, y = arrays()
    x[50, 2, 3], x[70, 0, 0], x[71, 1, 1] = np.nan, np.inf, np.nan
    sentences = []
    for given in (x, mapped(x)):
        with pytest.raises(DataError) as caught:
            from_arrays(given, y)
        sentences.append(str(caught.value))
    assert sentences[0] == sentences[1]
    assert sentences[0] == (
        "x must hold finite float32 numbers and holds 2 NaN and 1 infinite or too large ones, the first at [50, 2, 3]; "
        "fill or remove them"
    )
    with pytest.raises(UsageError) as refused:
        from_arrays(mapped(arrays()[0]), y, standardize=True)
    assert str(refused.value) == (
        "standardize must be False where x is memory-mapped (its examples are read as they are), got True; scale the "
        "file, or begin the model with keras.layers.Normalization"
    )


def test_npy_files_make_the_dataset_of_their_arrays_and_are_known_by_their_bytes(tmp_path, mapped):
    x, y = arrays()
    paths = [tmp_path / f"{name}.npy" for name in ("x", "y")]
    mapped(x), mapped(y, "y")
    one = from_npy(*paths, train_size=30, seed=2)
    assert same(one, from_arrays(x, y, train_size=30, seed=2))
    assert (one.name, type(one.test.x)) == ("x", Rows)
    assert same(from_npy(*paths, seed=2, fold=(1, 3)), from_arrays(x, y, seed=2, fold=(1, 3)))
    other = tmp_path / "elsewhere.npy"
    other.write_bytes(paths[0].read_bytes())
    known = [declare(partial(from_npy, path, paths[1]), "data", defaults=False) for path in (paths[0], other)]
    assert identify(known[0]) == identify(known[1])


def torn(folder):
    (folder / "x.npy").write_bytes((folder / "x.npy").read_bytes()[:-50])


def pickled(folder):
    np.save(folder / "x.npy", np.array([{}] * 90, object), allow_pickle=True)


def archived(folder):
    np.savez(folder / "x.npz", x=np.zeros((90, 2)))
    (folder / "x.npz").rename(folder / "x.npy")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            torn,
            "X is torn, or holds Python objects (mmap length is greater than file size); write numbers with "
            "numpy.save(path, x)",
        ),
        (
            pickled,
            "X is torn, or holds Python objects (Array can't be memory-mapped: Python objects in dtype.); write "
            "numbers with numpy.save(path, x)",
        ),
        (archived, "X is not an .npy file; write one with numpy.save(path, x)"),
        (lambda folder: (folder / "x.npy").unlink(), "X is not there; check the path"),
    ],
    ids=["torn", "pickled", "archive", "missing"],
)
def test_an_npy_file_that_cannot_be_used_is_refused(tmp_path, mapped, spoil, sentence):
    x, y = arrays()
    mapped(x), mapped(y, "y")
    spoil(tmp_path)
    with pytest.raises(DataError) as caught:
        from_npy(tmp_path / "x.npy", tmp_path / "y.npy")
    assert str(caught.value) == sentence.replace("X", str(tmp_path / "x.npy"), 1)


def test_a_split_that_is_no_pair_of_paths_is_refused(tmp_path, mapped):
    x, y = arrays()
    mapped(x), mapped(y, "y")
    with pytest.raises(UsageError) as caught:
        from_npy(tmp_path / "x.npy", tmp_path / "y.npy", test="x.npy")
    assert str(caught.value) == "test must be the paths of x and y (it is a split), got 'x.npy'"


def test_what_was_computed_of_a_mapping_is_in_memory(mapped):
    x, y = arrays()
    assert isinstance(from_arrays(mapped(x) * 2, y).train.x, np.ndarray)


def test_rows_are_indexed_like_an_array(mapped):
    x, y = arrays()
    rows = from_arrays(mapped(x), y).train.x
    expected = np.asarray(rows)
    assert np.array_equal(np.asarray(rows[5:9]), expected[5:9])
    assert np.array_equal(np.asarray(rows[np.array([4, 1])]), expected[[4, 1]])
    assert np.array_equal(rows[-1], expected[-1])
    assert np.array_equal(np.stack(list(rows)), expected)
    assert (rows.ndim, rows.shape, rows[:0].shape) == (3, expected.shape, (0, 6, 5))
