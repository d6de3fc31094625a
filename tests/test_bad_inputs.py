"""Inputs that are refused, one per line of the tables in tests/bad_inputs/, each with the whole sentence expected.

No case ends in a traceback, is accepted in silence or leaves a file outside the results. All run in this process and
are refused before TensorFlow loads.
"""

import re
import shlex
import shutil
import sys
import typing
from pathlib import Path

import pytest

from lab import cli
from lab.checks import UsageError
from lab.cli.app import lab_app
from tests.bad_inputs import command_line, declarations, files, workspace

ROOT = Path(__file__).parent.parent
EXPERIMENTS = ", ".join(sorted(repr(path.stem) for path in (ROOT / "experiments").glob("[a-z]*.py")))


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    workspace.build(folder)
    return folder


@pytest.fixture
def here(good, tmp_path, monkeypatch):
    """A folder of its own with the good files, as the working folder."""
    folder = tmp_path.resolve() / "here"
    shutil.copytree(good, folder)
    monkeypatch.chdir(folder)
    # A script adds its folder, and is a module called experiments.<name>.
    monkeypatch.setattr(sys, "path", [*sys.path])
    return folder


def files_outside_the_results(here):
    return {path for path in here.parent.rglob("*") if not path.is_relative_to(here / "results")}


def refusal(here, capsys, words):
    """Run a command line that must be refused; return its exit code and its sentence."""
    before = files_outside_the_results(here)
    with pytest.raises(SystemExit) as end:
        cli.lab(shlex.split(words))
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1), "one sentence and nothing else"
    assert files_outside_the_results(here) == before
    return end.value.code, err.strip()


def filled(sentence, here):
    """Return a sentence of the tables with the places that differ from machine to machine."""
    for name, place in (("here", here), ("root", ROOT), ("experiments", EXPERIMENTS)):
        sentence = sentence.replace(f"{{{name}}}", str(place))
    return sentence


@pytest.mark.parametrize(
    ("words", "code", "sentence"), command_line.CASES, ids=[case[0] for case in command_line.CASES]
)
def test_a_wrong_command_line_is_refused_in_one_sentence(here, capsys, words, code, sentence):
    assert refusal(here, capsys, words) == (code, filled(sentence, here))


@pytest.mark.parametrize(
    ("path", "damage", "words", "code", "sentence"),
    files.CASES,
    ids=[f"{i} {path}, {words}" for i, (path, _, words, *_) in enumerate(files.CASES, start=1)],
)
def test_a_bad_file_is_refused_in_one_sentence(here, capsys, path, damage, words, code, sentence):
    workspace.spoil(here / path, damage)
    assert refusal(here, capsys, words) == (code, filled(sentence, here))


@pytest.mark.parametrize(("expression", "sentence"), declarations.CASES, ids=[case[0] for case in declarations.CASES])
def test_a_wrong_declaration_is_refused_when_it_is_made(expression, sentence):
    with pytest.raises(UsageError) as caught:
        eval(expression, vars(declarations).copy())
    assert re.sub("0x[0-9a-f]{6,}", "0x...", str(caught.value)) == sentence


def test_the_tables_have_a_case_only_once():
    for module in (command_line, declarations):
        cases = [case[0] for case in module.CASES]
        assert len(set(cases)) == len(cases)


def numbers_without_a_rule(command, path=()):
    """Yield the parameters of a command and of those below it that cyclopts would round: 1.5 to 1."""
    for name in command:
        if name.startswith("-"):
            continue
        below = command[name]
        if below.default_command is not None:
            for argument in below.assemble_argument_collection():
                is_number = argument.hint in (int, float) or {int, float} & set(typing.get_args(argument.hint))
                if is_number and argument.parameter.converter is None:
                    yield (*path, name, argument.name)
        yield from numbers_without_a_rule(below, (*path, name))


def test_each_number_of_a_command_has_a_rule_so_that_none_is_rounded_in_silence():
    assert list(numbers_without_a_rule(lab_app)) == []
