"""The committed results are those of this code: their runs have the names that the code gives them today.

A run is known by its name, so a name that changes would train everything again and leave the old results orphaned.
When the lab's own arithmetic changes on purpose, raise `lab.identity.NUMERICS` and run the experiments again.
"""

import json
import re
import shlex
from pathlib import Path

import pytest

from lab.checks import DataError
from lab.cli.find import find
from lab.cli.options import Options
from lab.plan import plan
from tests.selection import quick

RESULTS = Path(__file__).parent.parent / "results"
COMMITTED = sorted(path.parent.name for path in RESULTS.glob("*/experiment.json"))


def commands():
    """Return the options of the experiments on other data, as results/README.md writes their commands."""
    found = {}
    for line in re.findall(r"^\| `(\w+ --data [^`]+)` \|", (RESULTS / "README.md").read_text(), re.M):
        name, *words = shlex.split(line)
        options = dict(zip((word.removeprefix("--") for word in words[::2]), words[1::2], strict=True))
        found[f"{name}-{options['data']}"] = options
    return found


@pytest.mark.parametrize("name", quick(COMMITTED, [name for name in COMMITTED if name != "transfer"]))
def test_the_committed_runs_have_the_names_that_the_code_gives_them(name):
    experiment = find(name.split("-")[0])
    if "-" in name:
        options = commands()[name]
        experiment = experiment.with_data(*Options(data=options.pop("data")).loader())
        experiment = experiment.resized(**{word.replace("-", "_"): int(size) for word, size in options.items()})
    try:
        runs = plan(experiment)
    except DataError as missing:
        pytest.skip(str(missing))
    committed = json.loads((RESULTS / name / "experiment.json").read_text())
    assert [run.name for run in runs] == committed["runs"]


def test_there_are_results_to_hold():
    assert COMMITTED
