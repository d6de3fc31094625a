"""Whatever way a factory reaches code, constants and files of the user's own, a change of them makes other runs."""

import importlib
import os
import sys
from pathlib import Path

import keras
import pytest

from lab.checks import UsageError
from lab.identity import declare
from lab.identity.sources import _Walk

FACTORY = "def factory(input_shape, outputs, *, seed=0):\n    "
LEAF = {"helpers.py": "def leaf(): return 1\nWIDTHS = [1, 2]\nTABLE = {'leaf': leaf}\nNAME = b'1'\n"}
PACKAGE = {"pkg/__init__.py": "", "pkg/sub.py": "def leaf(): return 1\n"}
WRAP = (
    "import functools\nK = 3\ndef wrap(f, k):\n    @functools.wraps(f)\n    def g(*a, **b): return f(*a, **b), k\n"
    "    return g\ndef raw(input_shape, outputs, *, seed=0): return 1\nfactory = wrap(raw, K)\n"
)
PATHS = (
    "import os\nfrom pathlib import Path\nFILE = Path(__file__).parent / 'data' / 'w.txt'\n"
    "DATA = Path(__file__).parent / 'data'\nHERE = os.path.dirname(__file__)\nNAME = 'w.txt'\n" + FACTORY
)
METHOD = (
    "class Net:\n    def __init__(self, k): self.k = k\n    def go(self): return self.k\ngo = Net(3).go\n"
    + FACTORY
    + "return go()"
)
CLOSURES = (
    "def make(n):\n    def inner(x): return x * n\n    return inner\na = make(3)\nb = make(4)\n"
    + FACTORY
    + "return a(1) + b(1)"
)
NESTED = (
    "def outer(k):\n    def g(): return k\n    def h(): return g()\n    return h\na = outer(3)\nb = outer(4)\n"
    + FACTORY
    + "return a() + b()"
)
SHADOWED = "x = 1\nclass Net:\n    def go(self, y):\n        x = 2\n        return x\n" + FACTORY + "return Net().go(1)"


@pytest.fixture
def declared(tmp_path, monkeypatch):
    """Return a function that declares the factory of script.py of new files, after a change at run time."""
    count = iter(range(9))

    def read(files, change=""):
        folder = tmp_path / str(next(count))
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        before = set(sys.modules)
        with monkeypatch.context() as patch:
            patch.syspath_prepend(folder)
            importlib.invalidate_caches()
            try:
                script = importlib.import_module("script")
                exec(change, vars(script))
                return declare(script.factory, "model", omit=("seed",))
            finally:
                for name in set(sys.modules) - before:
                    if folder in Path(getattr(sys.modules[name], "__file__", None) or ".").parents:
                        del sys.modules[name]

    return read


def reached(name, script, old, new, file="script.py", **files):
    return pytest.param({"script.py": script, **files}, file, old, new, id=name)


def from_helpers(name, taken, body, old, new):
    return reached(name, f"{taken}\n{FACTORY}return {body}", old, new, "helpers.py", **LEAF)


def lazily(statement, body):
    return reached(statement, f"{FACTORY}{statement}\n    return {body}", "1", "2", "pkg/sub.py", **PACKAGE)


def file(name, body):
    return reached(f"a file by {name}", f"{PATHS}return {body}", "1", "2", "data/w.txt", **{"data/w.txt": "1"})


@pytest.mark.parametrize(
    ("files", "file", "old", "new"),
    [
        from_helpers("a list of another module", "from helpers import WIDTHS", "WIDTHS", "1, 2", "1, 3"),
        from_helpers("a list by its dotted name", "import helpers", "helpers.WIDTHS", "1, 2", "1, 3"),
        from_helpers("a list under another name", "from helpers import WIDTHS as W", "W", "1, 2", "1, 3"),
        from_helpers("a list by a star", "from helpers import *", "WIDTHS", "1, 2", "1, 3"),
        from_helpers("a function by a star", "from helpers import *", "leaf()", "return 1", "return 2"),
        from_helpers("a function in a dict", "from helpers import TABLE", "TABLE['leaf']()", "return 1", "return 2"),
        from_helpers("bytes of another module", "from helpers import NAME", "NAME", "b'1'", "b'2'"),
        from_helpers(
            "a module by its text", "from importlib import import_module", "import_module('helpers')", "1, 2", "1, 3"
        ),
        reached(
            "a list through two modules",
            "from mid import V\n" + FACTORY + "return V",
            "1, 2",
            "1, 3",
            "helpers.py",
            **LEAF,
            **{"mid.py": "from helpers import WIDTHS as V\n"},
        ),
        reached(
            "an object that can be called",
            f"import operator\nG = operator.itemgetter(1)\n{FACTORY}return G",
            "(1)",
            "(2)",
        ),
        reached(
            "an object with the name of others that functions import",
            "import operator\nimport helpers\nG = operator.itemgetter(1)\ndef other():\n"
            f"    from helpers import G\n    from absent import G\n{FACTORY}return G",
            "(1)",
            "(2)",
            **{"helpers.py": "import operator\nG = operator.itemgetter(3)\n"},
        ),
        *(
            reached(
                f"an object that two modules import from one another, through {first}",
                f"import a, b\n{FACTORY}return {first}.G",
                "(1)",
                "(2)",
                "a.py",
                **{
                    "a.py": "import operator\nG = operator.itemgetter(1)\nimport b\nfrom b import G\n",
                    "b.py": "from a import G\n",
                },
            )
            for first in ("a", "b")
        ),
        reached(
            "a regularizer", f"import keras\nR = keras.regularizers.L2(0.1)\n{FACTORY}return R", "L2(0.1)", "L2(0.2)"
        ),
        reached("a bound method's object", METHOD, "Net(3)", "Net(4)"),
        reached("a bound method", METHOD, "return self.k", "return -self.k"),
        reached("what a wrapper holds", WRAP, "K = 3", "K = 4"),
        reached("the code of a wrapper", WRAP, "**b), k", "**b), -k"),
        reached("what the first of two closures holds", CLOSURES, "make(3)", "make(5)"),
        reached("what the second of two closures holds", CLOSURES, "make(4)", "make(5)"),
        reached(
            "an attribute that a class is given", f"class C:\n    w = 3\nC.w = 4\n{FACTORY}return C.w", "w = 4", "w = 5"
        ),
        reached("an attribute that the factory is given", f"{FACTORY}return factory.k\nfactory.k = 3\n", "= 3", "= 4"),
        reached(
            "the file that an attribute names",
            f"class C: pass\nC.w = 'w.txt'\n{FACTORY}return C.w",
            "1",
            "2",
            "w.txt",
            **{"w.txt": "1"},
        ),
        reached("the default of a lambda", f"K = 1\nf = lambda x=K: x\n{FACTORY}return f()", "K = 1", "K = 2"),
        reached(
            "a list that a condition fills",
            f"W = [1]\nif True:\n    W.append(2)\n{FACTORY}return W",
            "append(2)",
            "append(3)",
        ),
        reached(
            "a built-in function",
            f"from math import sqrt as root\n{FACTORY}return root(4)",
            "import sqrt",
            "import cbrt",
        ),
        reached(
            "a registered function",
            "from functools import singledispatch\n@singledispatch\ndef g(a): return 1\n@g.register\n"
            f"def _(a: int): return 2\n{FACTORY}return g(1)",
            "return 2",
            "return 3",
        ),
        reached(
            "a function behind a cache",
            f"from functools import cache\n@cache\ndef leaf(): return 1\n{FACTORY}return leaf()",
            "return 1",
            "return 2",
        ),
        lazily("import pkg.sub", "pkg.sub.leaf()"),
        lazily("from pkg.sub import leaf", "leaf()"),
        lazily("from pkg import sub", "sub.leaf()"),
        lazily("import pkg.sub as s", "s.leaf()"),
        reached(
            "a module that is handed on",
            f"from pkg import sub\n{FACTORY}return getattr(sub, 'le' + 'af')()",
            "1",
            "2",
            "pkg/sub.py",
            **PACKAGE,
        ),
        reached(
            "a relative import of a package",
            f"{FACTORY}import pkg\n    return pkg.leaf()",
            "1",
            "2",
            "pkg/sub.py",
            **PACKAGE | {"pkg/__init__.py": "from .sub import leaf\n"},
        ),
        reached(
            "a relative import of a function",
            f"from pkg.a import f\n{FACTORY}return f()",
            "1",
            "2",
            "pkg/sub.py",
            **PACKAGE,
            **{"pkg/a.py": "def f():\n    from . import sub\n    return sub.leaf()\n"},
        ),
        file("parts of a Path", "(Path(__file__).parent / 'data' / 'w.txt').read_text()"),
        file("os.path.join", "open(os.path.join(os.path.dirname(__file__), 'data', 'w.txt')).read()"),
        file("a text with its folder", "open(f'{HERE}/data/w.txt').read()"),
        file("a constant of its own", "FILE.read_text()"),
        file("a constant folder", "(DATA / 'w.txt').read_text()"),
        file("a sum of texts", "open(HERE + '/data/w.txt').read()"),
        file("a constant name", "open(os.path.join(HERE, 'data', NAME)).read()"),
        file("a text with its folder and the seed", "open(f'{HERE}/data/w{\"\"}.txt').read()"),
        file("a text with the seed", "open(f'data/w{\"\"}.txt').read()"),
        reached(
            "a constant in a method",
            f"K = 3\nclass N:\n    def go(self): return K\n{FACTORY}return N().go()",
            "= 3",
            "= 4",
        ),
        reached("a constant that begins with two underscores", f"__K = 3\n{FACTORY}return __K", "= 3", "= 4"),
        reached("a constant that ends with two underscores", f"K__ = 3\n{FACTORY}return K__", "= 3", "= 4"),
        reached("an attribute set from outside", f"class N: pass\nsetattr(N, 'k', 3)\n{FACTORY}return N.k", "3)", "4)"),
        reached("the line after a docstring", f"{FACTORY}'Say it.'\n    x = 3\n    return x", "= 3", "= 4"),
        reached("what the second of two functions of one name holds", NESTED, "outer(4)", "outer(5)"),
        reached(
            "the first of two files of one name",
            f"{FACTORY}return open('a/w.txt').read(), open('b/w.txt').read()",
            "1",
            "2",
            "a/w.txt",
            **{"a/w.txt": "1", "b/w.txt": "other"},
        ),
    ],
)
def test_what_is_reached_makes_other_runs(declared, files, file, old, new):
    assert old in files[file]
    assert declared(files) != declared({**files, file: files[file].replace(old, new)})


HERE = f"from pathlib import Path\nHERE = Path(__file__).parent\n{FACTORY}return HERE / 'w.txt'"


@pytest.mark.parametrize(
    ("files", "file", "old", "new"),
    [
        reached("a constant whose name is a method's variable", SHADOWED, "x = 1", "x = 3"),
        reached("a constant whose name is a method's argument", SHADOWED.replace("x = 1", "y = 1"), "y = 1", "y = 3"),
        reached(
            "a stranger beside __file__",
            f"U = 1\n{FACTORY}import os\n    return os.path.dirname(__file__)",
            "= 1",
            "= 2",
        ),
        reached("a file in the folder of the code", HERE, "1", "2", "other.txt", **{"w.txt": "1", "other.txt": "1"}),
        reached(
            "what is done only when the script is run",
            f"W = [1]\n{FACTORY}return W\nif __name__ == '__main__':\n    print(W, 1)",
            "print(W, 1)",
            "print(W, 2)",
        ),
    ],
)
def test_what_is_not_reached_makes_no_other_runs(declared, files, file, old, new):
    assert old in files[file]
    assert declared(files) == declared({**files, file: files[file].replace(old, new)})


EVERYTHING = f"""
import functools
from helpers import TABLE, leaf
UNITS = 4
WIDTHS = [UNITS, 8]
WIDTHS.append(2)
FIXED = {{"a": [1, 2]}}
class Net:
    size = 3
    def __init__(self, k): self.k = k
NET = Net(5)
bound = functools.partial(leaf, 1)
{FACTORY}return UNITS, WIDTHS, FIXED, NET, bound, TABLE, open("w.txt").read()
"""


def test_the_hash_of_what_a_factory_reaches_stays_what_it_is(declared):
    """Whoever walks the code in another way renames the runs of everybody's own factories."""
    files = {"script.py": EVERYTHING, "w.txt": "1", **LEAF}
    assert declared(files) == {"call": "script.factory", "source": "a6526523a618"}


@pytest.mark.parametrize(
    "body", ["FILE", "DATA", "HERE + '/data/w.txt'", "os.path.join(HERE, 'data', NAME)", "__file__"]
)
def test_the_same_code_and_files_in_another_folder_make_the_same_runs(declared, body):
    files = {"script.py": f"{PATHS}return {body}", "data/w.txt": "1"}
    assert declared(files) == declared(files)


def test_a_file_beside_the_code_counts_wherever_the_script_is_started(declared, tmp_path, monkeypatch):
    files = {"script.py": f"NAME = 'w.txt'\n{FACTORY}return NAME", "w.txt": "1"}
    first = declared(files)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert declared(files) == first != declared({**files, "w.txt": "2"})


@pytest.mark.parametrize(
    ("code", "old", "new"),
    [
        pytest.param(f"K = 1\n{FACTORY}return K", "K = 1", "K = 2", id="a constant"),
        pytest.param(f"K = [1]\n{FACTORY}return K", "[1]", "[2]", id="a list"),
        pytest.param(f"def g(): return 1\n{FACTORY}return g()", "return 1", "return 2", id="a helper"),
        pytest.param(
            f"import keras\nR = keras.regularizers.L2(0.1)\n{FACTORY}return R", "0.1", "0.2", id="a regularizer"
        ),
        pytest.param(f"class C:\n    w = 1\n{FACTORY}return C.w", "w = 1", "w = 2", id="a class"),
        pytest.param(f"class C:\n    def go(self): return 1\n{FACTORY}return C", "n 1", "n 2", id="a method"),
        *(
            pytest.param(
                f"class C:\n    @{kind}\n    def go(self): return 1\n{FACTORY}return C", "n 1", "n 2", id=f"a {kind}"
            )
            for kind in ("property", "classmethod", "staticmethod")
        ),
        pytest.param(
            f"def outer(k):\n    def g(): return k\n    return g\ng = outer(1)\n{FACTORY}return g()",
            "outer(1)",
            "outer(2)",
            id="a variable of the function around",
        ),
    ],
)
def test_code_without_a_source_is_followed_too(monkeypatch, code, old, new):
    def typed(text):
        module = type(sys)("typed")
        monkeypatch.setitem(sys.modules, "typed", module)
        exec(text, module.__dict__)
        return declare(module.factory, "model", omit=("seed",))

    assert typed(code) != typed(code.replace(old, new))


ENVIRONMENT = {
    "in the factory": f"import os\n{FACTORY}return int(os.environ['UNITS'])",
    "by getenv": f"import os\n{FACTORY}return int(os.getenv('UNITS', '4'))",
    "in a list": f"import os\nWIDTHS = [int(os.environ.get('UNITS', 4))]\n{FACTORY}return WIDTHS",
    "in a class": f"import os\nclass Net:\n    widths = [os.environ['UNITS']]\n{FACTORY}return Net.widths",
    "by another function": f"import os\ndef read(): return os.environ['UNITS']\nW = [read()]\n{FACTORY}return W",
    "under other names": f"from os import environ as e\nNAME = 'UNITS'\n{FACTORY}return e[NAME]",
    "imported inside": f"{FACTORY}from os import getenv as g\n    return g('UNITS')",
    "whether it is there": f"import os\n{FACTORY}return 'UNITS' in os.environ",
    "by expandvars": f"import os\n{FACTORY}return os.path.expandvars('$HOME/${{UNITS}}/w')",
    "by expandvars without braces": f"from os.path import expandvars\n{FACTORY}return expandvars('a/$UNITS-b')",
    "by expandvars of a constant": f"import os\nPLACE = '$UNITS'\n{FACTORY}return os.path.expandvars(PLACE)",
    "through another module": f"import pathlib\n{FACTORY}return pathlib.os.environ['UNITS']",
    "through another module inside": f"{FACTORY}import pathlib as p\n    return p.os.getenv('UNITS')",
    "from another module": f"from pathlib import os as o\n{FACTORY}return o.environ['UNITS']",
    "by a part of os": f"{FACTORY}import os.path\n    return os.environ['UNITS']",
    "as bytes": f"import os\n{FACTORY}return os.environb[b'UNITS']",
    "as bytes by getenvb": f"import os\n{FACTORY}return os.getenvb(b'UNITS')",
    "in a module imported inside": f"{FACTORY}import helpers\n    return helpers.W",
}


@pytest.mark.parametrize("script", ENVIRONMENT.values(), ids=ENVIRONMENT)
def test_an_environment_variable_that_is_read_makes_other_runs_by_its_value(declared, monkeypatch, script):
    files = {"script.py": script, "helpers.py": "import os\nW = os.environ['UNITS']\n"}
    found = []
    for value in ("4", "8"):
        monkeypatch.setenv("UNITS", value)
        monkeypatch.setenv("STRANGER", value)
        found.append(declared(files))
    assert found[0] != found[1]
    assert declared(files) == found[1]


def test_an_environment_variable_that_is_only_set_or_not_reached_makes_no_other_runs(declared, monkeypatch):
    script = f"import os\nos.environ['UNITS'] = '1'\ndef other(): return os.environ['OTHER']\n{FACTORY}return os.sep"
    found = []
    for value in ("4", "8"):
        monkeypatch.setenv("UNITS", value)
        monkeypatch.setenv("OTHER", value)
        found.append(declared({"script.py": script}))
    assert found[0] == found[1]


def test_an_environment_variable_that_the_factory_sets_makes_no_other_runs(declared, monkeypatch):
    found = []
    for value in ("4", "8"):
        monkeypatch.setenv("UNITS", value)
        found.append(declared({"script.py": f"import os\n{FACTORY}os.environ['UNITS'] = '1'\n    return 1"}))
    assert found[0] == found[1]


def test_a_file_that_an_environment_variable_names_counts_by_its_bytes(declared, monkeypatch, tmp_path):
    found = []
    for name, content in (("a.txt", "1"), ("b.txt", "1"), ("c.txt", "2")):
        (tmp_path / name).write_text(content)
        monkeypatch.setenv("WEIGHTS", str(tmp_path / name))
        found.append(declared({"script.py": f"import os\n{FACTORY}return open(os.environ['WEIGHTS'])"}))
    assert found[0] == found[1] != found[2]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_that_an_environment_variable_names_is_not_read(declared, monkeypatch, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    found = []
    for name in ("pipe", "other"):
        monkeypatch.setenv("WEIGHTS", str(tmp_path / name))
        found.append(declared({"script.py": f"import os\n{FACTORY}return open(os.environ['WEIGHTS'])"}))
    assert found[0] != found[1]


@pytest.mark.parametrize(
    "script",
    [
        f"import os\n{FACTORY}return os.environ['A' + 'B']",
        f"import os\n{FACTORY}return dict(os.environ)",
        f"import os\n{FACTORY}return dict(os.environb)",
        f"import os\n{FACTORY}return os.path.expandvars(str(input_shape))",
        f"import os\n{FACTORY}return list(map(os.path.expandvars, ['$UNITS']))",
        f"import pathlib\n{FACTORY}return pathlib.sys.argv",
        f"import os\ndef read(name): return os.getenv(name)\n{FACTORY}return read('UNITS')",
        f"import sys\nWIDTHS = [sys.argv]\n{FACTORY}return WIDTHS",
        f"{FACTORY}return input()",
    ],
)
def test_what_is_read_from_outside_without_a_name_is_refused(declared, script):
    with pytest.raises(UsageError) as caught:
        declared({"script.py": script})
    assert str(caught.value) == (
        "the code in script.py must name each environment variable that it reads, as os.environ['UNITS'] does, and "
        "must not read sys.argv or input(), because the value is part of what a run is; name the variable, or make the "
        "value an argument"
    )


REGISTERED = (
    "import keras\n@keras.saving.register_keras_serializable('mine')\nclass Layer(keras.layers.Layer):\n"
    "    def call(self, x): return x + 1\n@keras.saving.register_keras_serializable('mine')\n"
    "def steep(x): return x * 3\n"
)


@pytest.mark.parametrize(
    ("body", "old", "reached"),
    [
        ("keras.models.load_model('net.keras')", "x + 1", True),
        ("keras.layers.Dense(1, 'mine>steep')", "x * 3", True),
        ("keras.layers.Dense(1, 'steep')", "x * 3", True),
        ("keras.layers.Dense(1, 'relu')", "x * 3", False),
    ],
)
def test_what_keras_finds_by_its_name_counts_where_it_may_be_looked_for(declared, body, old, reached):
    script = f"{REGISTERED}{FACTORY}return {body}"
    try:
        found = [declared({"script.py": text}) for text in (script, script.replace(old, "x"))]
    finally:
        for name in ("mine>Layer", "mine>steep"):
            keras.saving.get_custom_objects().pop(name)
    assert (found[0] != found[1]) == reached


CHANGED = {
    "a dict": ("CONFIG = {'units': 4}", "CONFIG", "['units'] = 8"),
    "a dict that is computed": ("CONFIG = dict(zip(['units'], range(4, 5)))", "CONFIG", "['units'] = 8"),
    "a list": ("WIDTHS = [4]", "WIDTHS", ".append(8)"),
    "a list that is filled": ("WIDTHS = []\nfor i in range(3):\n    WIDTHS.append(i)", "WIDTHS", "[0] = 8"),
    "a set": ("NAMES = {'a'}", "NAMES", ".add('b')"),
    "a namespace": ("from types import SimpleNamespace\nCONFIG = SimpleNamespace(units=4)", "CONFIG", ".units = 8"),
    "an object": ("class Net:\n    def __init__(self): self.units = 4\nNET = Net()", "NET", ".units = 8"),
    "a number": ("UNITS = 4", "UNITS", " = 8"),
}


@pytest.mark.parametrize(("made", "name", "change"), CHANGED.values(), ids=CHANGED)
def test_a_constant_that_is_changed_between_two_experiments_makes_other_runs(declared, made, name, change):
    files = {"script.py": f"{made}\n{FACTORY}return {name}"}
    assert declared(files) == declared(files) != declared(files, f"{name}{change}")
    files = {"script.py": f"import helpers as h\n{FACTORY}return h.{name}", "helpers.py": made}
    assert declared(files) == declared(files) != declared(files, f"h.{name}{change}")


def test_an_attribute_that_a_library_computes_counts_by_its_value(declared):
    files = {"script.py": f"import sys\nclass Net: limit = sys.getrecursionlimit()\n{FACTORY}return Net.limit"}
    limit = sys.getrecursionlimit()
    before = declared(files)
    try:
        sys.setrecursionlimit(limit + 1)
        assert declared(files) != before
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize("change", ["CACHE[1] = 2", "CACHE.update({1: 2})", "CACHE.setdefault(1, 2)"])
def test_a_cache_that_a_factory_fills_makes_no_other_runs(declared, change):
    files = {"script.py": f"CACHE = {{}}\n{FACTORY}{change}\n    return CACHE"}
    assert declared(files) == declared(files, change)


NAMED = """
import functools
import os
import helpers
LIMITS = [1, 2]
def around(f):
    @functools.wraps(f)
    def inner(*args):
        return f(*args)
    return inner
class Net:
    size = int("3")
    def go(self):
        return self.size
@around
def body(x):
    return x
body.extra = 1
def made(n):
    def inside():
        return n
    return inside
seven = made(7)
def factory(input_shape, outputs, *, seed=0):
    import pickle
    return body(LIMITS), Net().go(), helpers.leaf(), seven(), os.environ.get("REGLAB_X"), pickle.dumps
"""


def test_what_is_reached_has_names_of_its_own_which_ids_rest_on(tmp_path, monkeypatch):
    (tmp_path / "helpers.py").write_text("def leaf():\n    return 1\n")
    (tmp_path / "script.py").write_text(NAMED)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("REGLAB_X", raising=False)
    for name in ("helpers", "script"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    importlib.invalidate_caches()
    walk = _Walk(lambda value: value)
    try:
        walk.visit(importlib.import_module("script").factory)
    finally:
        for name in ("helpers", "script"):
            sys.modules.pop(name, None)
    # Another name would give each run that reaches it another id.
    assert sorted(walk.found) == [
        "environment REGLAB_X",
        "helpers.leaf",
        "script LIMITS",
        "script.Net",
        "script.Net size",
        "script.around",
        "script.around.<locals>.inner around body",
        "script.around.<locals>.inner around body afterwards",
        "script.body",
        "script.body afterwards",
        "script.factory",
        "script.seven",
        "script.seven n",
    ]
    assert walk.found["script.seven n"] == "7"
    assert walk.found["environment REGLAB_X"] == "unset"


def test_a_function_of_ones_own_called_input_is_no_keyboard(declared):
    own = "def input():\n    return 1\n"
    assert declared({"script.py": f"{own}{FACTORY}return input()"}) != declared(
        {"script.py": f"{own.replace('1', '2')}{FACTORY}return input()"}
    )
