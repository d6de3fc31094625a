"""What a function of the user's own reaches is part of what its runs are; nothing else is."""

import json
import subprocess
import sys

import pytest

MAIN = '''
"""A script."""
import json
from functools import partial
import helpers
from helpers import deep as renamed
from lab.identity import declare
UNITS = 4
WIDTHS = [4]
WIDTHS.append(8)
BACK = {"widths": WIDTHS}
WIDTHS.append(len(BACK))
UNUSED = 1
class Layer:
    """A layer."""
    size = 2
class Child(Layer):
    pass
def inner(x):
    return x + UNITS
bound = partial(inner, 1)
def unused(x):
    return x
def decorated(function):
    return function
@decorated
def factory(input_shape, outputs, *, width=3, file="net.json", seed=0):
    """A factory."""
    import late
    from lab.models import dense
    unused = open("weights.txt").read()
    return inner(width), Child(), helpers.shallow(2), renamed(3), WIDTHS, bound, late, unused, dense
if __name__ == "__main__":
    print(json.dumps(declare(factory, "model", omit=("seed",))))
'''
HELPERS = """
K = 5
def leaf(x):
    return x * K
def shallow(x):
    return x
def deep(x):
    return leaf(x)
def stranger(x):
    return x
"""
FILES = {"script.py": MAIN, "helpers.py": HELPERS, "late.py": "A = 1\n", "weights.txt": "1", "net.json": "1"}


def declared(folder, *edits):
    """Return the declaration of the factory by a fresh process, after edits (file, old, new)."""
    for name, text in FILES.items():
        for file, old, new in edits:
            if file == name:
                assert old in text
                text = text.replace(old, new)
        (folder / name).write_text(text)
    done = subprocess.run([sys.executable, "script.py"], cwd=folder, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    return declared(tmp_path_factory.mktemp("before"))


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(("script.py", "UNITS = 4", "UNITS = 512"), id="a constant of the module"),
        pytest.param(("script.py", "WIDTHS.append(8)", "WIDTHS.append(9)"), id="a list that is filled"),
        pytest.param(("script.py", "x + UNITS", "x - UNITS"), id="a function beside it"),
        pytest.param(("script.py", "size = 2", "size = 3"), id="the parent of a class it uses"),
        pytest.param(("script.py", "partial(inner, 1)", "partial(inner, 2)"), id="the arguments of a partial"),
        pytest.param(("script.py", "    return function", "    return function or None"), id="its decorator"),
        pytest.param(("script.py", "width=3", "width=4"), id="a default"),
        pytest.param(("script.py", "import dense", "import conv as dense"), id="which function of the lab it uses"),
        pytest.param(("helpers.py", "    return x\ndef deep", "    return x + 1\ndef deep"), id="a helper elsewhere"),
        pytest.param(("helpers.py", "x * K", "x / K"), id="a helper of a helper"),
        pytest.param(("helpers.py", "K = 5", "K = 6"), id="a constant of a helper of a helper"),
        pytest.param(("late.py", "A = 1", "A = 2"), id="a module that it imports itself"),
        pytest.param(("weights.txt", "1", "2"), id="a file that its text names"),
        pytest.param(("net.json", "1", "2"), id="a file among its arguments"),
    ],
)
def test_what_a_factory_reaches_makes_other_runs(tmp_path, before, edit):
    assert declared(tmp_path, edit) != before


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(("script.py", '"""A factory."""', '"""Another."""  # with a comment'), id="a docstring"),
        pytest.param(("script.py", '"""A layer."""', '"""Another."""'), id="the docstring of a class"),
        pytest.param(("script.py", "UNUSED = 1", "UNUSED = 2\n\n"), id="a constant it does not use"),
        pytest.param(("script.py", "    return x\ndef decorated", "    return 7\ndef decorated"), id="its namesake"),
        pytest.param(
            ("helpers.py", "def stranger(x):\n    return x", "def stranger(x):\n    return 0"), id="a stranger"
        ),
        pytest.param(
            ("script.py", "from lab.models import", "from lab.models.blocks import"), id="where the lab has it"
        ),
    ],
)
def test_what_changes_no_number_makes_no_other_runs(tmp_path, before, edit):
    assert declared(tmp_path, edit) == before


def test_the_same_files_in_another_folder_are_the_same(tmp_path, before):
    assert declared(tmp_path) == before
