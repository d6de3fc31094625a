"""Numbers in the scripts' docstrings and in results/README.md are those of the tables."""

import ast
import dataclasses
import random
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests import prose, table_facts

ROOT = Path(__file__).parent.parent
SCRIPTS = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "experiments").glob("[a-z]*.py"))}
FINDINGS = [
    (match[1], match[2])
    for match in re.finditer(r"^\| `(\w[^`]*)` \| (.*) \|$", (ROOT / "results" / "README.md").read_text(), re.MULTILINE)
]

EXCEPTIONS: dict[str, dict[str, str]] = {
    "activation_speed": {"98 %": "the accuracy that ERROR leaves", "75 %": "an accuracy that the sentence chooses"},
    "alexnet": {".117": "measured by the command in the sentence", ".107": "likewise"},
    "course_mistakes": {".665": "the course's", ".692": "the course's"},
    "data_size": {
        "95 %": "the confidence of the intervals",
        ".0064": "the mean difference at 1 079 clean examples, whose groups differ in two settings from the first",
        ".32": "the mean at 100 clean examples, likewise",
    },
    "dead_units": {"40 %": "CS231n's"},
    "double_descent": dict.fromkeys(
        ("15.6", "95", "1.15", "1.01", ".22", "10 points", "1.7", "1.08", ".38"), "held by tests/test_studies.py"
    ),
    "dropout": {".696": "the course's", ".691": "the course's"},
    "dropout_ensemble": {
        ".914": "the accuracy of all 20 nets, which is the same in each of the draws",
        ".928": "likewise with dropout",
    },
    "fashion": dict.fromkeys((".883", ".876", ".916"), "what the README of Fashion-MNIST lists"),
    "initialization": {"83 %": "a sum over bins", ".1": "where the bins are summed", ".523": "the book's"},
    "loss_surface": {"1e-7": "how far angles are from 90 degrees", "2.30": "the logarithm of 10 classes"},
    "normalization": {".663": "the course's", ".686": "the course's"},
    "optimizer_dropout": {"95 %": "the confidence of the intervals", ".704": "the course's", ".761": "the course's"},
    "reduced_precision": dict.fromkeys(("-.0391", "-.029", ".0190", ".0187"), "held by tests/test_precision.py"),
    "spirals": dict.fromkeys((".786", "1.099", ".295", ".245", "98 %"), "CS231n's, in brackets")
    | dict.fromkeys((".265", ".318"), "in losses.csv at step 1 000, neither an end nor an extreme of a curve"),
    "vanishing_gradient": {
        "2.5": "a ratio of neighbouring layers",
        ".893": "the course's on MNIST",
        ".876": "the course's on MNIST",
    },
}
"""Numbers that no table holds, by script and as they are written, with the reason or whose they are."""


@cache
def facts(name):
    folder = ROOT / "results" / name
    known = table_facts.facts(folder) if folder.is_dir() else None
    if known is None:
        pytest.skip(f"the tables of {name} are not in results: run it, or commit them")
    return known


def unheld(name, text, known):
    missing = prose.unheld(text, known, prose.settings(SCRIPTS[name]))
    return [f"{one.text}: {one.sentence}" for one in missing if one.text not in EXCEPTIONS.get(name, {})]


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_number_of_a_docstring_is_held_by_the_tables(name):
    for paragraph in ast.get_docstring(ast.parse(SCRIPTS[name])).split("\n\n"):
        other = f"{name}-fashion_mnist"
        is_of_other = "Fashion-MNIST" in paragraph and (ROOT / "results" / other).is_dir()
        assert not unheld(name, paragraph, facts(other if is_of_other else name))


@pytest.mark.parametrize(("command", "finding"), FINDINGS, ids=[command for command, _ in FINDINGS])
def test_every_number_of_a_finding_is_held_by_the_tables(command, finding):
    name = command.split()[0].removesuffix(".py")
    data = re.search(r"--data (\w+)", command)
    assert not unheld(name, finding, facts(f"{name}-{data[1]}" if data else name))


def test_a_wrong_digit_is_usually_noticed_and_in_an_interval_always():
    generator, passed, tried = random.Random(0), {True: 0, False: 0}, {True: 0, False: 0}
    for name in ("dropout", "normalization", "weight_penalty", "strength_path"):
        known = facts(name)
        text = ast.get_docstring(ast.parse(SCRIPTS[name]))
        for number in prose.checked(text, prose.settings(SCRIPTS[name]), known.settings):
            for _ in range(20):
                off = generator.choice([-1, 1]) * generator.randint(1, 9) * 2 * number.half
                tried[bool(number.interval)] += 1
                wrong = dataclasses.replace(number, value=number.value + off)
                passed[bool(number.interval)] += prose.holds(wrong, known)
    assert min(tried.values()) > 100
    assert passed[True] == 0
    assert passed[False] < 0.5 * tried[False]


@pytest.mark.parametrize(
    ("sentence", "value", "half"),
    [
        ("off by .044", 0.044, 0.0005),
        ("98 % of them", 0.98, 0.005),
        ("rises by 3.6 points", 0.036, 0.0005),
        ("down to 1.2e-5", 1.2e-5, 5e-7),
        ("by -.013 on average", -0.013, 0.0005),
        ("of +0.5 in all", 0.5, 0.05),
    ],
)
def test_a_number_is_read_as_it_is_written(sentence, value, half):
    (found,) = prose.numbers(sentence, sentence)
    assert found.value == pytest.approx(value)
    assert found.half == pytest.approx(half, rel=0.01)


@pytest.mark.parametrize(
    ("sentence", "value", "ends"),
    [
        ("by .085 [.059, .112]", 0.085, (0.059, 0.112)),
        ("+.028 [-.009, +.064] at 1 079 examples", 0.028, (-0.009, 0.064)),
        ("by 3.7 points [2.5, 5.0]", 0.037, (0.025, 0.05)),
        ("some points in the head [1.4, 5.8]", 0.036, (0.014, 0.058)),
    ],
)
def test_a_difference_is_read_with_its_interval(sentence, value, ends):
    (found,) = prose.numbers(sentence, sentence)
    assert found.value == pytest.approx(value)
    assert [end for end, _ in found.interval] == pytest.approx(list(ends))


@pytest.mark.parametrize(
    "sentence", ["L2 in 5 of 5 runs", "8 x 8 pixels", "a net 2-100-3 of CS231n", "in 1 079 examples", "scaled by .85^6"]
)
def test_counts_are_not_checked(sentence):
    assert not list(prose.numbers(sentence, sentence))


def test_a_number_of_another_column_is_no_excuse(tmp_path):
    (tmp_path / "runs.csv").write_text(
        "variant,seed,test_data_loss,test_accuracy\na,0,0.41,0.87\na,1,0.43,0.89\nb,0,0.51,0.77\nb,1,0.55,0.79\n"
    )
    known = table_facts.facts(tmp_path)
    assert not prose.unheld("The test loss is .42 and the test accuracy .88.", known, set())
    assert [one.text for one in prose.unheld("The test loss is .88.", known, set())] == [".88"]
    assert [one.text for one in prose.unheld("The test loss is .420 or .421.", known, set())] == [".421"]
    assert not prose.unheld("In test loss b is worse by .110 [-.017, .237].", known, set())
    assert prose.unheld("In test loss b is worse by .110 [-.018, .237].", known, set())
    assert prose.unheld("The course has a test loss of .88.", known, set())
    assert not prose.unheld("With rate .88 the test loss is .42.", known, {0.88})
    half = 12.7062047 * np.std([0.10, 0.12], ddof=1) / np.sqrt(2)
    np.testing.assert_allclose(known.pairs["test_data_loss"][:, 2].max(), 0.11 + half)
