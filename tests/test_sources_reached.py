"""Whatever way a factory reaches code, constants and files of the user's own, a change of them makes other runs."""

import importlib
import sys
from pathlib import Path

import pytest

from lab.identity import declare

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
SHADOWED = "x = 1\nclass Net:\n    def go(self, y):\n        x = 2\n        return x\n" + FACTORY + "return Net().go(1)"


@pytest.fixture
def declared(tmp_path, monkeypatch):
    """Return a function that declares the factory of script.py from files in a new folder."""
    count = iter(range(9))

    def read(files):
        folder = tmp_path / str(next(count))
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        before = set(sys.modules)
        with monkeypatch.context() as patch:
            patch.syspath_prepend(folder)
            importlib.invalidate_caches()
            try:
                return declare(importlib.import_module("script").factory, "model", omit=("seed",))
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
        lazily("import pkg.sub", "pkg.sub.leaf()"),
        lazily("from pkg.sub import leaf", "leaf()"),
        lazily("from pkg import sub", "sub.leaf()"),
        lazily("import pkg.sub as s", "s.leaf()"),
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
        file("a text with the seed", "open(f'data/w{\"\"}.txt').read()"),
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
        pytest.param(f"class C:\n    w = 1\n{FACTORY}return C.w", "w = 1", "w = 2", id="a class"),
    ],
)
def test_code_without_a_source_is_followed_too(monkeypatch, code, old, new):
    def typed(text):
        module = type(sys)("typed")
        monkeypatch.setitem(sys.modules, "typed", module)
        exec(text, module.__dict__)
        return declare(module.factory, "model", omit=("seed",))

    assert typed(code) != typed(code.replace(old, new))
