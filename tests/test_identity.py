"""A run's identity: equal declarations are one run, whatever could change a number makes another."""

import ast
import dataclasses
import functools
import importlib
import inspect
import json
import math
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lab import data, models
from lab.checks import UsageError
from lab.data import digits, from_npz
from lab.identity import NUMERICS, declare, identify
from lab.identity.contents import as_made, contents
from lab.identity.files import file_hash, hashed, place
from lab.identity.names import LAB, alike, is_labs, is_own, module_file, module_name, public_name
from lab.identity.origins import origin
from lab.models import dense
from lab.regularization import Regularization
from lab.training import Training

ROOT = Path(__file__).parent.parent
ROOMS = ("lab.data.", "lab.models.", "lab.training.", "lab.regularization.")
FROZEN = Path(__file__).with_name("defaults.json")


def factory(input_shape, outputs, *, width=3, seed=0):
    """Stand in for a factory of somebody's own."""
    return width


def test_a_call_is_declared_by_its_qualified_name_and_all_its_arguments():
    declared = declare(functools.partial(digits, train_size=300), "data")
    assert declared["call"] == "lab.data.digits"
    assert declared["train_size"] == 300
    assert declared["label_noise"] == 0.0, "a default is part of what the run is"


def test_the_seed_that_the_lab_fills_in_is_not_part_of_the_factory():
    assert "seed" not in declare(dense, "model", omit=("seed",))


def test_writing_a_default_out_or_zero_as_a_whole_number_changes_nothing():
    def arm(**made):
        return identify({"model": declare(functools.partial(dense, regularization=Regularization(**made)), "model")})

    assert arm() == arm(l1=0) == arm(l1=0.0, dropout=0)
    assert arm() != arm(l1=1e-9)


def test_a_default_that_is_written_out_is_left_out_of_the_id_and_an_argument_without_a_default_is_not():
    def short(value):
        return declare(value, "model", omit=("seed",), defaults=False)

    assert short(functools.partial(dense, regularization=Regularization(), widths=[256, 256])) == short(dense)
    assert short(functools.partial(dense, regularization=Regularization(l1=1e-9))) != short(dense)
    assert short(functools.partial(data.from_csv, target="a")) != short(functools.partial(data.from_csv, target="b"))


def test_a_list_a_tuple_and_a_range_are_one_and_nested_partials_are_flattened():
    a = declare(functools.partial(dense, widths=[3, 4]), "model")
    b = declare(functools.partial(functools.partial(dense, widths=(9,)), widths=(3, 4)), "model")
    assert a == b
    assert declare(range(3), "seeds") == [0, 1, 2]


def test_arrays_count_by_their_content():
    one, other = np.arange(3.0), np.arange(3.0)
    assert declare(one, "data") == declare(other, "data")
    other[0] = 1
    assert declare(one, "data") != declare(other, "data")


@pytest.mark.parametrize(
    "array",
    [np.arange(12.0).reshape(3, 4), np.arange(12).reshape(4, 3).T, np.array(3.0)],
    ids=["rows", "columns", "number"],
)
def test_an_array_counts_the_same_in_whatever_pieces_it_is_hashed(monkeypatch, array):
    monkeypatch.setattr("lab.identity.declaration._PIECE", 1)
    declared = declare(array, "data")
    assert declared["hash"] == hashed(np.ascontiguousarray(array).tobytes())
    assert declared["shape"] == list(np.ascontiguousarray(array).shape)


def test_frames_count_by_their_content():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    declared = declare(frame, "data")
    assert declared == declare(frame.set_index(pd.Index([5, 6])), "data")
    assert declared["frame"] == ["a", "b"]
    for other in (frame.assign(a=[1, 3]), frame.assign(b=["x", "y"]), frame.rename(columns={"a": "c"}), frame[:1]):
        assert declare(other, "data") != declared


def test_an_id_starts_with_a_letter_so_that_no_reader_takes_it_for_a_number():
    for seed in range(200):
        assert identify({"seed": seed})[0] == "r"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            lambda: None,
            "data of variant 'a' must be a function at the top of a module, or functools.partial of one, because a "
            "run is known by its name and arguments, got <lambda>",
        ),
        (
            functools.partial(digits, size=3),
            "data of variant 'a' binds arguments that digits does not take: got an unexpected keyword argument 'size'",
        ),
        (
            functools.partial(digits, train_size=object()),
            "data of variant 'a' must be made of numbers, strings, arrays, dataclasses and functions, which have an "
            "identity, got object",
        ),
        (
            functools.partial(digits, train_size=pd.Series([3])),
            "data of variant 'a' must be made of numbers, strings, arrays, dataclasses and functions, which have an "
            "identity, got Series",
        ),
        (
            functools.partial(digits, train_size=type("DataFrame", (), {})()),
            "data of variant 'a' must be made of numbers, strings, arrays, dataclasses and functions, which have an "
            "identity, got DataFrame",
        ),
        (
            functools.partial(digits, label_noise=float("nan")),
            "data of variant 'a' must be made of finite numbers, got nan",
        ),
    ],
)
def test_what_has_no_identity_is_refused(value, said):
    with pytest.raises(UsageError) as caught:
        declare(value, "data of variant 'a'")
    assert str(caught.value) == said


SCRIPT = '''
import json, sys
from lab.identity import declare
WIDTHS = [1]
def mine(input_shape, outputs, *, width=3, seed=0):
    """{doc}"""
    return width + {code} + WIDTHS[0]  # {comment}
if __name__ == "__main__":
    print(json.dumps(declare(mine, "model")))
'''


def run(folder, *command):
    done = subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def test_a_script_declares_alike_however_it_is_started_and_anew_when_its_code_changes(tmp_path):
    def script(**parts):
        (tmp_path / "x.py").write_text(SCRIPT.format(**parts))

    script(doc="a", code=1, comment="a")
    first = run(tmp_path, "x.py")
    assert first == run(tmp_path, "-m", "x")
    imported = "import json, x; from lab.identity import declare; print(json.dumps(declare(x.mine, 'model')))"
    assert first == run(tmp_path, "-c", imported)
    script(doc="b", code=1, comment="b")
    assert first == run(tmp_path, "x.py"), "a comment or a docstring changes no number"
    script(doc="a", code=2, comment="a")
    assert first != run(tmp_path, "x.py")


@dataclasses.dataclass(frozen=True)
class Shape:
    """Stand in for a dataclass of somebody's own."""

    width: int = 3
    build: Callable = dense


def test_a_dataclass_of_ones_own_is_declared_by_its_name_its_fields_and_its_code():
    declared = declare(Shape(), "shape", defaults=True)
    assert declared["is"] == f"{__name__}.Shape"
    assert declared["width"] == 3
    assert declared["build"]["activation"] == "relu", "with what is at its default"
    assert list(declared) == ["is", "width", "build", "source"]
    assert declare(Shape(), "shape") != declare(Shape(width=4), "shape")
    assert "activation" not in declare(Shape(), "shape", defaults=False)["build"]


def test_a_training_is_declared_field_by_field():
    declared = declare(Training(epochs=3), "training")
    assert declared["is"] == "Training"
    assert declared["epochs"] == 3
    assert declared["learning_rate"] == 0.001


def defaults():
    """Return the defaults of all that a variant is declared with, as declared."""
    things = [Training, Regularization]
    things += [value for room in (data, models) for value in vars(room).values() if inspect.isfunction(value)]
    found = {}
    for thing in things:
        if public_name(thing).rpartition(".")[0] not in (
            "lab.data",
            "lab.models",
            "lab.training",
            "lab.regularization",
        ):
            continue
        parameters = inspect.signature(thing).parameters.values()
        found[public_name(thing)] = {
            p.name: declare(p.default, "a default") for p in parameters if p.default is not p.empty
        }
    return found


def test_a_default_changes_only_together_with_numerics():
    """Ids leave defaults out, so a changed one would give old runs for new.

    After raising NUMERICS, or adding a function or an argument, write the file anew:
    python -c "from tests.test_identity import *; FROZEN.write_text(json.dumps(frozen(), indent=1) + chr(10))"
    """
    kept = json.loads(FROZEN.read_text())
    assert kept == frozen()


def frozen():
    """Return what the file of defaults holds."""
    return {"numerics": NUMERICS, "defaults": defaults()}


def test_an_option_at_its_default_is_not_part_of_the_id_and_stands_in_the_record():
    written = functools.partial(dense, widths=(3,), regularization=Regularization(l2=0.1), activation="relu")
    plain = functools.partial(dense, widths=(3,), regularization=Regularization(l2=0.1))
    short = declare(plain, "model", defaults=False)
    assert short == declare(written, "model", defaults=False)
    assert short == {
        "call": "lab.models.dense",
        "widths": [3],
        "regularization": {"is": "Regularization", "l2": 0.1},
    }
    assert declare(plain, "model")["activation"] == "relu"
    assert declare(plain, "model")["regularization"]["l1"] == 0


class Counter:
    """Holds what a method of it would return."""

    def factory(self, input_shape, outputs, *, seed=0):
        """Stand in for a factory with a state of its own."""


def test_a_method_is_refused_because_its_object_is_no_part_of_its_name():
    with pytest.raises(UsageError) as caught:
        declare(Counter().factory, "model of variant 'a'")
    assert str(caught.value) == (
        "model of variant 'a' must be a function at the top of a module, or functools.partial of one, because a run "
        "is known by its name and arguments, got Counter.factory"
    )


def test_a_file_counts_by_its_bytes_wherever_it_is_and_whatever_it_is_called(tmp_path):
    one, moved, other = tmp_path / "a.npz", tmp_path / "deep" / "b.npz", tmp_path / "c.npz"
    moved.parent.mkdir()
    for path, content in ((one, b"1"), (moved, b"1"), (other, b"2")):
        path.write_bytes(content)
    declared = [declare(functools.partial(from_npz, path), "data") for path in (one, str(one), moved, other)]
    assert declared[0]["path"]["file"] == "a.npz", "people see its name, nobody sees its folder"
    ids = [identify(one) for one in declared]
    assert ids[0] == ids[1] == ids[2] != ids[3]


def test_the_hash_of_bytes_stays_what_it_is():
    """The ids of all runs and the hashes of all files are made by it: another one would rename every run."""
    assert hashed(b"one run") == "1d4ceb3fa1bb"


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path):
    (tmp_path / "w.txt").write_bytes(b"one run")
    assert file_hash(tmp_path / "w.txt") == hashed(b"one run")


def test_the_hash_of_a_folder_is_that_of_the_names_and_bytes_of_its_files_but_no_byte_code(tmp_path):
    folder = tmp_path / "net"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.py").write_text("x = 1")
    (folder / "inner" / "w.txt").write_text("weights")
    before = file_hash(folder)
    assert before == hashed(
        f"a.py {file_hash(folder / 'a.py')}\ninner/w.txt {file_hash(folder / 'inner' / 'w.txt')}".encode()
    )
    (folder / "inner" / "__pycache__").mkdir()
    (folder / "inner" / "__pycache__" / "a.cpython-313.pyc").write_bytes(b"compiled")
    (folder / "empty").mkdir()
    assert file_hash(folder) == before
    (folder / "inner" / "w.txt").rename(folder / "inner" / "v.txt")
    assert file_hash(folder) != before


def test_the_experiments_that_come_with_the_lab_are_a_users_own_and_the_lab_is_not():
    assert is_own(str(LAB / "experiments" / "dropout.py")) is True
    assert is_own(str(LAB / "plan.py")) is False
    assert is_own(pd.__file__) is False
    assert is_own(None) is False


ARRAYS = {
    "arange(3)": np.arange(3), "array([1, 2])": np.array([1, 2]), "asarray([1])": np.array([1]),
    "float32(0.5)": np.float32(0.5), "float64(0.5)": 0.5, "full(2, 7)": np.full(2, 7),
    "geomspace(1, 4, 3)": np.geomspace(1, 4, 3), "int32(3)": 3, "int64(3)": 3,
    "linspace(0, 1, 3)": np.linspace(0, 1, 3),
    "logspace(0, 2, 3)": np.logspace(0, 2, 3), "ones(2)": np.ones(2), "power(2, 3)": 8, "zeros(2)": np.zeros(2),
}  # fmt: skip


def made(expression):
    return as_made(ast.parse(f"x = {expression}").body, "x", {"np": np, "math": math})


@pytest.mark.parametrize("expression", ARRAYS)
def test_what_numpy_only_computes_is_computed_again_to_tell_whether_a_constant_was_changed(expression):
    np.testing.assert_array_equal(made(f"np.{expression}"), ARRAYS[expression])


def test_a_text_stands_for_the_place_that_it_names_only_if_that_is_the_path_of_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = tmp_path / "code"
    (code / "data").mkdir(parents=True)
    (code / "data" / "x.txt").write_text("1")
    (tmp_path / "other").mkdir()
    assert place(str(tmp_path), code) == place(str(code), code) == "a folder around the code"
    assert place(str(code / "data"), code) == file_hash(code / "data")
    assert place(str(tmp_path / "other"), code) == file_hash(tmp_path / "other")
    assert place(str(code / "absent"), code) == "absent"
    assert place(str(tmp_path / "absent"), code) is None
    for text in ("other", ".", "code/data", "/", str(code / "data" / "x.txt"), "a\0b"):
        assert place(text, code) is None


def test_plain_data_is_held_and_nothing_else():
    assert contents([None, True, 1, 0.5, "x", (1, [2]), {"a": None}]) is not None
    for strange in ([object()], [len], {"a": object()}, {1: 2}, [b"x"]):
        assert contents(strange) is None
    assert contents({2, 1}) == [1, 2]
    assert contents(5) is None


METHODS = (
    "append(2)", "appendleft(2)", "extend([2])", "insert(0, 2)", "add(2)", "update(a=2)", "setdefault(2)", "pop()",
    "popitem()", "remove(2)", "discard(2)", "clear()", "sort()", "reverse()", "__setitem__(0, 2)", "__delitem__(0)",
)  # fmt: skip
CHANGED = [
    *(f"x = [1]\nx.{method}" for method in METHODS),
    "x = [1]\nx[0] = 2", "x = 1\nx += 1", "x = [1]\nx.y = 2", "x = 1\nx = 2",
    "x = 1\ndef f():\n    global x\n    x = 2",
]  # fmt: skip


@pytest.mark.parametrize("text", CHANGED)
def test_a_constant_that_its_module_changes_is_not_what_it_was_made_as(text):
    assert as_made(ast.parse(text.split("\n")[0]).body, "x", {}) is not None
    assert as_made(ast.parse(text).body, "x", {}) is None


PLAIN = {
    "abs(-1)": 1, "bool(1)": True, "dict(a=1)": {"a": 1}, "list(enumerate([5]))": [(0, 5)], "float(1)": 1.0,
    "frozenset([1])": frozenset([1]), "int(1.5)": 1, "len([1])": 1, "list((1,))": [1], "max(1, 2)": 2, "min(1, 2)": 1,
    "list(range(2))": [0, 1], "list(reversed([1, 2]))": [2, 1], "round(1.25)": 1, "set([1])": {1},
    "sorted([2, 1])": [1, 2], "str(1)": "1", "sum([1, 2])": 3, "tuple([1])": (1,), "list(zip([1], [2]))": [(1, 2)],
    "math.sqrt(4)": 2.0,
}  # fmt: skip


@pytest.mark.parametrize("expression", PLAIN)
def test_what_python_only_computes_is_computed_again(expression):
    assert made(expression) == PLAIN[expression]


def test_a_module_that_is_not_there_has_no_file_and_a_package_has_its_own(tmp_path, monkeypatch):
    for file in (
        "mine_alone.py",
        "mine_package/__init__.py",
        "mine_package/inner.py",
        "mine_package/deep/__init__.py",
    ):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    found = {
        "mine_alone": "mine_alone.py", "mine_package": "mine_package/__init__.py", "mine_alone.inner": None,
        "mine_package.inner": "mine_package/inner.py", "mine_package.deep": "mine_package/deep/__init__.py",
        "mine_package.absent": None, "mine_absent": None, "numpy.linalg": None,
    }  # fmt: skip
    assert {name: module_file(name) for name in found} == {
        name: file and tmp_path / file for name, file in found.items()
    }


def test_a_constant_comes_from_where_it_is_made_however_many_modules_hand_it_on(tmp_path, monkeypatch):
    (tmp_path / "made_here.py").write_text("LIMIT = [1, 2]\n")
    (tmp_path / "handed_on.py").write_text("from made_here import LIMIT\n")
    (tmp_path / "asked_for.py").write_text("from handed_on import LIMIT as BOUND\n")
    monkeypatch.syspath_prepend(tmp_path)
    asked_for = importlib.import_module("asked_for")
    for name in ("made_here", "handed_on", "asked_for"):
        monkeypatch.setitem(sys.modules, name, sys.modules.pop(name))
    assert origin("asked_for", "BOUND", asked_for.BOUND) == ("made_here", "LIMIT")
    assert origin("made_here", "LIMIT", asked_for.BOUND) == ("made_here", "LIMIT")


@pytest.mark.parametrize("expression", ["np.loadtxt('x')", "np.save('x', 1)", "np.random.rand()", "open('x')", "f(1)"])
def test_what_may_do_more_than_compute_is_not_run_again(expression, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").write_text("1")
    assert made(expression) is None
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_what_no_module_of_the_lab_holds_by_its_name_goes_by_where_it_is_written():
    assert public_name(Training.steps) == "lab.training.Training.steps"
    assert public_name(digits) == "lab.data.digits"


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("A = [1, 2 * K]", [1, 6]),
        ("A: list = [K]", [3]),
        ("A = dict(zip(['a'], range(K)))", {"a": 0}),
        ("A = [math.sqrt(9)]", [3.0]),
        ("A = list(np.arange(3))", [0, 1, 2]),
        ("B = 1\nA = [K]\nB = A", [3]),
        ("A = [1]\nA.append(2)", None),
        ("A = [1]\nA[0] = 2", None),
        ("A = [1]\nA[0] += 1", None),
        ("A = [1]\nA = [2]", None),
        ("A = [read()]", None),
        ("A = [np.load('w.npy')]", None),
        ("A = [open('w.txt')]", None),
        ("A = [1 / 0]", None),
        ("A = [lambda: 1]", None),
        ("B = [1]", None),
    ],
)
def test_what_the_top_of_a_module_makes_of_a_constant_is_known_where_it_only_computes(code, value):
    known = {"K": 3, "math": math, "np": np, "read": lambda: 1}
    assert as_made(ast.parse(code).body, "A", known) == value


def test_a_file_that_is_not_there_counts_by_its_name():
    assert declare(Path("nowhere/a.npz"), "data") == "a.npz"


@pytest.mark.parametrize(
    ("main", "name"),
    [
        ({"__spec__": types.SimpleNamespace(name="experiments.dropout"), "__file__": "/x/other.py"}, "dropout"),
        ({"__spec__": types.SimpleNamespace(name="mine.dropout"), "__file__": "/x/other.py"}, "mine.dropout"),
        ({"__spec__": None, "__file__": "/x/dropout.py"}, "dropout"),
        ({"__file__": "/x/dropout.py"}, "dropout"),
        ({}, "interactive"),
    ],
)
def test_a_script_that_is_run_has_the_name_that_an_import_would_give_it(monkeypatch, main, name):
    monkeypatch.setitem(sys.modules, "__main__", types.SimpleNamespace(**main))
    assert alike("__main__") == name
    assert module_name(types.SimpleNamespace(__module__="__main__")) == name


def test_other_modules_keep_their_names_and_the_labs_scripts_have_short_ones():
    assert alike("experiments.dropout") == alike("dropout") == "dropout"
    assert alike("mine.experiments.dropout") == "mine.experiments.dropout"
    assert [is_labs(value) for value in (alike, pytest.raises, 3, functools.partial)] == [True, False, False, False]
