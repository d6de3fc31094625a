"""What `make mutation` plants, and of whom it asks whether they notice."""

import os
import sys
import time

import pytest

from tests.mutation.asking import drawn
from tests.mutation.faults import faults
from tests.mutation.planting import in_process, planted
from tests.mutation.reach import Reach
from tests.mutation.rooms import ROOMS, ROOT, asked_of, files_of


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("x = a < b", ["(a <= b)", "(a >= b)"]),
        ("x = a == b", ["(a != b)"]),
        ("x = a is not None", ["(a is None)"]),
        ("x = 'ä' < b < c", ["('ä' <= b < c)", "('ä' < b <= c)", "'äXX'"]),
        ("x = a and b", ["((a) or (b))", "((b))", "((a))"]),
        ("x = not a", ["(a)"]),
        ("x = -a + b", ["((-a) - (b))", "(a)"]),
        ("x = a if b else c", ["(a)", "(c)"]),
        ("x = 1.5, True, ''", ["2.5", "False", "'XX'"]),
        ("x = f'{a + 1}'", ["(f'{a + 1}' + 'XX')"]),
        ("x = max(a, key=b)", ["min", "max(a)"]),
        ("x.y = a", ["pass"]),
        ("del x", ["pass"]),
        ("x += a", ["pass"]),
        ("raise x", ["pass"]),
        ("if a: x()", ["True", "False", "pass"]),
        ("for x in y: break", ["continue"]),
        ("def x(a: int = 1) -> 'int': return a", ["2", "return None"]),
        ("'A docstring.'", []),
        ("import a", []),
        ("__all__ = ['a']", []),
        ("if TYPE_CHECKING: x()", []),
        ("open(x, encoding='utf-8')", ["pass"]),
    ],
)
def test_faults_of_a_statement(statement, expected):
    found = faults("x.py", f"# É\n{statement}\n")
    assert sorted(fault.new for fault in found) == sorted(expected)
    assert all(fault.line == 2 and fault.old in statement for fault in found)
    for fault in found:
        assert fault.planted(f"# É\n{statement}\n") == f"# É\n{statement.replace(fault.old, fault.new, 1)}\n"


def test_a_fault_is_in_the_file_only_as_long_as_it_is_asked_about(tmp_path):
    file = tmp_path / "x.py"
    file.write_text("a < b\n", encoding="utf-8")
    with planted(file, "a > b\n"):
        assert file.read_text(encoding="utf-8") == "a > b\n"
    assert file.read_text(encoding="utf-8") == "a < b\n"


def test_a_sample_is_drawn_by_its_seed_and_what_is_no_program_is_left_out():
    path = "lab/seeds.py"
    found = faults(path, (ROOT / path).read_text(encoding="utf-8"))
    samples = {seed: [str(fault) for fault in drawn(found, 3, seed)] for seed in (1, 2)}
    assert samples[1] == [str(fault) for fault in drawn(found, 3, 1)] != samples[2]
    assert [len(sample) for sample in samples.values()] == [3, 3]
    assert [str(fault) for fault in drawn(found, None, 1)] == [str(fault) for fault in found]


def test_a_line_asks_the_tests_that_reach_it_and_what_an_import_runs_asks_all_of_the_file():
    reach = Reach("f", {"f::slow": 2.0, "f::quick": 1.0}, {"x:1": ["f"], "x:2": ["f::slow", "f::failed"]}, [])
    assert reach.of("x", 1, 1) == ["f::quick", "f::slow"]
    assert reach.of("x", 2, 3) == ["f::slow"]
    assert reach.of("x", 3, 3) == []
    assert Reach("f", reach.seconds, reach.lines, ["f::quick"]).of("x", 3, 3) == ["f::quick"]


def test_every_room_has_files_and_tests():
    for room in ROOMS:
        for path in [*files_of(room), *(ROOT / test for test in asked_of(room))]:
            assert path.is_file(), path
    assert asked_of("lab.results.logs") == asked_of("lab.results")


def test_who_asks_for_a_room_that_is_not_there_is_told_which_are(capsys):
    from tests.mutation.__main__ import main

    with pytest.raises(SystemExit):
        main(["--room", "lab.pages"])
    assert capsys.readouterr().err.endswith(
        "error: --room must be one of " + ", ".join(ROOMS) + ", or a module in one of them, got lab.pages\n"
    )


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_answers_or_is_killed(tmp_path):
    assert in_process(lambda: {"folder": os.getcwd(), "lab": "lab" in sys.modules}, tmp_path, limit=60) == {
        "folder": str(tmp_path),
        "lab": False,
    }
    assert in_process(lambda: time.sleep(60), tmp_path, limit=0.5) is None
    assert in_process(lambda: 1 / 0, tmp_path, limit=60) is None


def test_a_fault_knows_the_lines_of_its_statement_without_those_of_its_body():
    source = "for x in (\n    1,\n    2,\n):\n    y(\n        3,\n    )\n"
    assert [
        (fault.old, fault.line, fault.first, fault.last) for fault in faults("x.py", source) if fault.old in "123"
    ] == [
        ("1", 2, 1, 4),
        ("2", 3, 1, 4),
        ("3", 6, 5, 7),
    ]
