"""The rules of the house that a test can hold: no circles, few rooms, nothing heavy where nobody asked for it."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in (ROOT / "lab").rglob("*.py")
}


def imported(path: Path, name: str) -> Iterator[str]:
    """Yield the modules of the lab that a file imports, at its top, in functions and for types alike."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*package.split(".")[: len(package.split(".")) - node.level + 1], node.module or ""])
            base = base.strip(".") if node.level else str(node.module)
            # `from lab import results` imports the module lab.results, not a name of the package.
            names = [f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base for alias in node.names]
        else:
            continue
        yield from (found for found in names if found in MODULES and found != name)


def circles(edges: dict[str, set[str]]) -> list[set[str]]:
    """Return the sets of modules of which each reaches each."""
    reach = {name: set(near) for name, near in edges.items()}
    while True:
        wider = {name: near.union(*(reach[other] for other in near)) for name, near in reach.items()}
        if wider == reach:
            break
        reach = wider
    found = [frozenset(b for b in reach[a] if a in reach[b]) for a in reach if a in reach[a]]
    return [set(circle) for circle in dict.fromkeys(found)]


def test_circles_are_found_where_there_are_some():
    edges = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a", "d"}}
    assert circles(edges) == [{"b", "c"}, {"d"}]


def test_no_circle_among_the_modules_not_even_in_functions_or_for_types():
    assert circles({name: set(imported(path, name)) for name, path in MODULES.items()}) == []


def test_the_lab_has_at_most_27_entries():
    entries = {path.relative_to(ROOT / "lab").parts[0] for path in (ROOT / "lab").rglob("*.py")}
    assert len(entries) <= 27, sorted(entries)


def test_every_path_of_the_contributors_table_exists():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:lab|experiments|tests|benchmarks|results)/[^`<>]*)`", text)
    assert len(paths) > 20
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_what_only_one_script_uses_is_in_textbook_or_probes():
    of_lab = {name: set(imported(path, name)) for name, path in MODULES.items()}
    of_scripts = {
        path.stem: set(imported(path, path.stem))
        for path in (ROOT / "experiments").glob("*.py")
        if path.stem != "__init__"
    }
    rare = {}
    for name, path in MODULES.items():
        users = [script for script, used in of_scripts.items() if name in used]
        is_inside = any(name in used for used in of_lab.values()) or path.name in ("__init__.py", "__main__.py")
        if len(users) == 1 and not is_inside and not name.startswith(("lab.textbook", "lab.probes")):
            rare[name] = users
    assert rare == {}


HEAVY = ("tensorflow", "keras", "pandas")


def loaded_by(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_importing_the_lab_and_declaring_an_experiment_load_neither_tensorflow_nor_pandas():
    assert loaded_by("import lab; lab.Experiment; lab.Variant; lab.Training; lab.Regularization; lab.Study") == set()
    assert loaded_by("import lab.cli, lab.cli.app") == set()
    assert loaded_by("import experiments.weight_penalty") == set()


def light() -> list[str]:
    rooms = ("results", "statistics", "report", "pages", "cli")
    return sorted(name for name in MODULES if name.split(".")[1:2] and name.split(".")[1] in rooms)


def test_nothing_from_results_on_loads_tensorflow():
    code = "import importlib\n" + "".join(f"importlib.import_module({name!r})\n" for name in light())
    assert loaded_by(code) <= {"pandas"}


@pytest.mark.parametrize("name", ["Experiment", "Outcome", "Regularization", "Study", "Training", "Variant", "show"])
def test_the_public_names_of_the_lab_are_those_of_its_modules(name):
    import lab

    assert getattr(lab, name).__name__ == name
    assert name in dir(lab)


def test_the_lab_has_no_other_names():
    import lab

    with pytest.raises(AttributeError) as caught:
        lab.nothing  # noqa: B018
    assert str(caught.value) == "module 'lab' has no attribute 'nothing'"


def test_every_test_that_the_security_promises_name_exists():
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", text))
    assert len(named) > 5
    there = {
        name
        for path in (ROOT / "tests").glob("*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text("utf-8"))
    }
    assert named - there == set()
