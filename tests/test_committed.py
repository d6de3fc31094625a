"""The committed results are what the code draws from them today: a report in a fresh clone changes no byte."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab import results
from lab.cli.find import find
from lab.experiment import Experiment

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results"
FEW = ("weight_penalty", "trajectories")
"""An experiment and a study."""


SCRIPT = re.compile(r"assets/page-[0-9a-f]{8}\.js")
"""The scripts of pages, each named after its content."""


def committed():
    """Return the files of the results that git knows, by their paths below the folder."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z", "results"], cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is no clone, so that nothing says which files are committed")
    return [Path(name).relative_to("results") for name in listed.decode().split("\0") if name]


def drawn_again(folder, *names):
    """Copy the committed results, draw some or all of them in a fresh process, and return what differs."""
    files = committed()
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(RESULTS / file, folder / file)
    command = [sys.executable, "-m", "lab", "report", *names, "--results", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    there = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    changed = {file for file in files if (folder / file).read_bytes() != (RESULTS / file).read_bytes()}
    return sorted(changed), sorted(there - set(files))


def test_a_report_in_a_fresh_clone_changes_nothing(tmp_path):
    assert drawn_again(tmp_path, *FEW) == ([], [])


@pytest.mark.slow
def test_a_report_of_everything_in_a_fresh_clone_changes_nothing(tmp_path):
    assert drawn_again(tmp_path) == ([], [])


def test_every_experiment_of_the_results_is_committed_with_what_it_is_drawn_from():
    files = {file.as_posix() for file in committed()}
    folders = {file.partition("/")[0] for file in files if "/" in file} - {"assets"}
    for folder in folders:
        is_experiment = f"{folder}/experiment.json" in files
        needed = ["summary.csv", "comparison.csv", "provenance.json"] if is_experiment else [f"{folder}.json"]
        assert {f"{folder}/{name}" for name in (*needed, "index.html")} <= files, folder
        if is_experiment:
            assert files & {f"{folder}/histories.csv", f"{folder}/histories.csv.gz"}, folder
    assert "assets/vega.js" in files
    loaded = {script for page in RESULTS.glob("*/index.html") for script in SCRIPT.findall(page.read_text("utf-8"))}
    assert {file for file in files if SCRIPT.fullmatch(file)} == loaded, "remove the scripts that no page loads"


def test_the_results_are_small_enough_for_a_repository():
    sizes = {file: (RESULTS / file).stat().st_size for file in committed()}
    assert sum(sizes.values()) < 25_000_000
    assert max(sizes.values()) < 3_000_000


@pytest.mark.parametrize("script", sorted(path.stem for path in (ROOT / "experiments").glob("[!_]*.py")))
def test_the_committed_results_say_what_their_script_says(script):
    found = find(str(ROOT / "experiments" / f"{script}.py"))
    folder = RESULTS / found.name
    read = results.read_experiment(folder) if isinstance(found, Experiment) else results.read_study(folder, found.name)
    assert (read["question"], read["notes"]) == (found.question, found.notes)
