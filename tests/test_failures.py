"""Code of somebody's own that fails is reported with its file and line."""

import functools
import runpy

import pytest

from lab.checks import DataError, UsageError
from lab.identity.failures import call_or_refuse, raised_in
from tests.lines import place


def reading():
    return float("much")


def through_a_library():
    return sorted([3, 1], key=lambda x: reading())


def refusing():
    raise UsageError("no")


def caught(function):
    with pytest.raises(DataError) as error:
        call_or_refuse(function, "x fails")
    return str(error.value)


def test_the_innermost_line_of_the_users_own_code_is_named():
    said = f"ValueError: could not convert string to float: 'much' {place(reading)}"
    assert caught(reading) == f"x fails: {said}"
    assert caught(through_a_library) == f"x fails: {said}"
    with pytest.raises(UsageError, match=r"^no$"):
        call_or_refuse(refusing, "x fails")


def test_a_script_below_the_working_folder_is_named_from_there_and_another_by_its_name_only(tmp_path, monkeypatch):
    folder = tmp_path / "here" / "experiments"
    folder.mkdir(parents=True)
    (folder / "mine.py").write_text("def load():\n    return {}['price']\n")
    load = runpy.run_path(str(folder / "mine.py"))["load"]
    assert caught(load) == "x fails: KeyError: 'price' (mine.py, line 2)"
    monkeypatch.chdir(tmp_path / "here")
    assert caught(load) == "x fails: KeyError: 'price' (experiments/mine.py, line 2)"


def test_what_no_code_of_ones_own_raised_names_no_place():
    assert raised_in(ValueError("no")) == "ValueError: no"
    with pytest.raises(DataError, match=r"^x fails: ValueError: could not convert string to float: 'a'$"):
        call_or_refuse(functools.partial(float, "a"), "x fails")


@pytest.mark.parametrize("name", ["gone.py", "__autograph_generated_file1.py"])
def test_code_without_a_file_that_somebody_wrote_is_not_named_but_who_called_it_is(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("def load():\n    return made()\n")
    (tmp_path / "__autograph_generated_file1.py").write_text("a copy\n")
    names = {}
    exec(compile("def made():\n    return {}['price']\n", str(tmp_path / name), "exec"), names)
    load = runpy.run_path(str(tmp_path / "mine.py"), {"made": names["made"]})["load"]
    assert caught(load) == "x fails: KeyError: 'price' (mine.py, line 2)"
    assert caught(names["made"]).startswith("x fails: KeyError: 'price'")
    assert "made" not in caught(names["made"])


def test_who_ends_python_is_told_to_return(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("import sys\ndef load(*code):\n    sys.exit(*code)\n")
    load = runpy.run_path(str(tmp_path / "mine.py"))["load"]
    for code, said in (((), ""), ((0,), "0"), (("no",), "'no'")):
        assert caught(functools.partial(load, *code)) == (
            f"x fails: it called sys.exit({said}) (mine.py, line 3); let it return, or raise an error instead"
        )


def test_a_lack_of_memory_goes_on_as_one():
    def full():
        raise type("ResourceExhaustedError", (Exception,), {})("OOM")

    with pytest.raises(MemoryError):
        call_or_refuse(full, "x fails")
