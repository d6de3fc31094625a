"""The lab as others get it: a wheel in an empty environment, run from an empty folder."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import lab

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def call(*words, cwd):
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    return done.returncode, done.stdout, done.stderr


def packages():
    return sorted({path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "lab").rglob("__init__.py")})


def test_every_package_of_the_lab_and_the_scripts_are_in_the_wheel():
    listed = PROJECT["tool"]["setuptools"]["packages"]
    assert sorted(listed) == sorted([*(name.replace("/", ".") for name in packages()), "lab.experiments"])
    assert PROJECT["tool"]["setuptools"]["package-dir"] == {"lab.experiments": "experiments"}


def test_every_file_that_is_no_code_is_in_the_wheel():
    data = PROJECT["tool"]["setuptools"]["package-data"]
    listed = {
        path
        for package, patterns in data.items()
        if package != "lab.experiments"
        for pattern in patterns
        for path in ROOT.joinpath(*package.split(".")).glob(pattern)
    }
    files = {path for path in (ROOT / "lab").rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert files == listed
    assert [path.suffix for path in (ROOT / "experiments").iterdir() if path.suffix not in (".py", "")] == [".keras"]
    assert data["lab.experiments"] == ["*.keras"]


def test_the_requirements_name_what_the_project_declares_and_the_lock_pins_it():
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    declared = [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["dev"]]
    pinned = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock, re.M))
    assert {re.match(r"[\w-]+", requirement)[0] for requirement in declared} <= set(pinned)
    assert [line for line in requirements.splitlines() if line and not line.startswith("#")] == ["-e .[dev]"]
    for requirement in PROJECT["project"]["dependencies"]:
        assert re.match(r"[\w-]+", requirement)[0] in requirements
    assert not re.search(r"https?:|file:|--(extra-)?index-url|/home|/root|/tmp", lock)


def test_the_version_is_the_one_of_the_citation():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (\S+)$", citation, re.M)[1] == lab.__version__


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_wheel_in_an_empty_environment_runs_from_an_empty_folder(tmp_path):
    checkout = tmp_path / "checkout"
    for folder in ("lab", "experiments"):
        shutil.copytree(ROOT / folder, checkout / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout)
    wheel = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, checkout)
    code, _, err = call(*wheel, cwd=tmp_path)
    if "Could not find a version" in err or "connection" in err.lower():
        pytest.skip("no registry to build with")
    assert code == 0, err
    [made] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(made) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {"lab", f"regularization_lab-{lab.__version__}.dist-info"}
    assert "lab/experiments/weight_penalty.py" in names
    venv.create(tmp_path / "venv", with_pip=True)
    scripts = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    python, reglab = scripts / "python", scripts / "reglab"
    code, _, err = call(python, "-m", "pip", "install", "--quiet", made, cwd=tmp_path)
    if "Could not find a version" in err or "connection" in err.lower():
        pytest.skip("no registry to install from")
    assert code == 0, err
    here = tmp_path / "empty"
    here.mkdir()
    assert call(reglab, "--version", cwd=here) == (0, f"{lab.__version__}\n", "")
    code, out, err = call(reglab, "run", "weight_penalty", "--seeds", 1, "--epochs", 2, cwd=here)
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "figures: results/weight_penalty/figures"
    assert "weight_penalty" in (here / "results" / "weight_penalty" / "index.html").read_text(encoding="utf-8")
    code, out, err = call(reglab, "list", cwd=here)
    assert (code, err) == (0, "")
    assert "weight_penalty" in out
    assert call(reglab, "report", cwd=here)[0] == 0
    # A script's own functions are known by the same name and the same source as in the repository.
    record = (
        "import json; from lab.cli.find import find, known; from lab.identity import declare; "
        "found = [find(name) for name in known()]; "
        "made = [[v.model for v in getattr(q, 'variants', {}).values()] for q in found]; "
        "made += [[study.compute for study in getattr(q, 'studies', [q])] for q in found]; "
        "print(json.dumps([[declare(f, 'it', omit=('seed',)) for f in functions] for functions in made]))"
    )
    installed = call(python, "-c", record, cwd=here)
    here = call(sys.executable, "-c", record, cwd=ROOT)
    assert installed[0] == here[0] == 0
    assert json.loads(installed[1]) == json.loads(here[1])
