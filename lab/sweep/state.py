"""The state of a running sweep, as other processes read it: what trains, how far it is, and how long it still takes.

    results/<experiment>/.sweep/state.json       replaced at most about once a second while the sweep runs
    results/<experiment>/.sweep/cohort-<n>.csv   the epochs so far of the runs of one cohort, appended to

Both are removed when the sweep ends, and neither says whether it still runs: a process that was killed leaves them
behind. Only the kernel's lock on the experiment tells, and `read` asks it. Which runs are planned is in
experiment.json, written before the first of them trains; which have ended is in the folders of the runs.
`lab.sweep.journal` writes what is read here.
"""

import contextlib
import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from lab.results.driver import holder
from lab.results.schema import HISTORY

SWEEP_FOLDER = ".sweep"
STATE_FILE = "state.json"
COLUMNS = ("run", *HISTORY)
"""The columns of cohort-<n>.csv: the name of the run, and those of its history."""


@dataclass(frozen=True)
class Cohort:
    """Runs that train together.

    Args:
        runs: the names of those that have not ended.
        epoch: the last one that all of them have trained, from 1.
        epochs: the most that they train.
        train, validation: the data loss of each run after that epoch; None where it is not finite.
        file: the name of its cohort-<n>.csv.
    """

    runs: tuple[str, ...]
    epoch: int
    epochs: int
    train: tuple[float | None, ...]
    validation: tuple[float | None, ...]
    file: str


@dataclass(frozen=True)
class State:
    """A sweep that runs.

    Args:
        experiment: its name.
        process: the number of the process that runs it.
        host: the machine on which that process is.
        began: when the sweep did, as people write it: in ISO 8601, UTC.
        elapsed: seconds since then, by a clock that nobody sets.
        plan: the digest of the names of its runs, as `digest` makes it.
        planned: how many runs the experiment has.
        published: how many of them are published by now.
        failed: how many of them failed, in this sweep or before, and are not tried again.
        doing: a few words on what is being done where no epoch can be shown: compiling, building models; else "".
        left: about how many seconds are left; None where that is not known yet.
        running: the cohorts that train.
    """

    experiment: str
    process: int
    host: str
    began: str
    elapsed: float
    plan: str
    planned: int
    published: int
    failed: int
    doing: str
    left: float | None
    running: tuple[Cohort, ...]

    @property
    def runs(self) -> dict[str, Cohort]:
        """The cohort of each run that trains, by the run's name."""
        return {run: cohort for cohort in self.running for run in cohort.runs}


def digest(names: Iterable[str]) -> str:
    """Return what tells one plan from another: it is equal where the runs are the same, in whatever order."""
    return blake2b("\n".join(sorted(names)).encode(), digest_size=16).hexdigest()


def read(folder: Path) -> State | None:
    """Return the state of the sweep that runs in an experiment's folder; None where no process runs it.

    A process that holds the experiment's lock and has not written its state yet counts as none.
    """
    return None if holder(folder) is None else left_behind(folder)


def left_behind(folder: Path) -> State | None:
    """Return the state in an experiment's folder, whether or not its sweep still runs; None where there is none."""
    try:
        content = json.loads((folder / SWEEP_FOLDER / STATE_FILE).read_bytes())
        running = tuple(Cohort(**{name: _frozen(value) for name, value in one.items()}) for one in content["running"])
        return State(**content | {"running": running})
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        # It is replaced as a whole, so what cannot be read is another version's, or not the lab's.
        return None


def to_json(state: State) -> str:
    """Return the content of state.json."""
    return json.dumps(asdict(state))


def read_histories(folder: Path, cohort: Cohort, start: int = 0) -> tuple[list[tuple[str, dict[str, float]]], int]:
    """Return the epochs of a cohort that were written since `start`.

    Args:
        folder: of the experiment.
        cohort: one of those in `State.running`.
        start: the second result of the call before; 0 reads from the beginning.

    Returns:
        (name of the run, its row with the columns of `HISTORY`) in the order in which they were trained, and the place
        from which to read on. Empty where the cohort has ended in the meantime, and its file is gone.
    """
    content = b""
    with contextlib.suppress(OSError), open(folder / SWEEP_FOLDER / cohort.file, "rb") as file:
        file.seek(start)
        content = file.read()
    # The last line may be half-written.
    whole = content[: content.rfind(b"\n") + 1]
    rows = []
    for run, *values in csv.reader(whole.decode(errors="replace").splitlines()):
        if run != COLUMNS[0] and len(values) == len(HISTORY):
            row: dict[str, float] = dict(zip(HISTORY, map(float, values), strict=True))
            rows.append((run, {**row, "epoch": int(row["epoch"])}))
    return rows, start + len(whole)


def line(run: str, row: Mapping[str, Any]) -> str:
    """Return a line of cohort-<n>.csv."""
    return ",".join([run, *(repr(row[name]) for name in HISTORY)]) + "\n"


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
