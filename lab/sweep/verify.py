"""Train published runs again and compare: bit for bit where nothing that decides the bits has changed."""

import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.checks import DataError
from lab.engine import dispatch
from lab.plan import Run
from lab.sweep.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

    from lab.engine.task import Trained

BITS, TOLERANCE = "bits", "tolerance"

COMPARED = ("val_data_loss", "test_data_loss")
"""What is compared within a tolerance: the validation data loss of the kept epoch, and the test data loss."""


@dataclass(frozen=True)
class Verdict:
    """A published run beside what came of training it again.

    Args:
        run: its name.
        by: "bits" or "tolerance", what was compared.
        fits: whether the two agree.
        difference: in words, where they do not; and what has changed, where bits were not asked for.
    """

    run: str
    by: str
    fits: bool
    difference: str


def verify(folder: Path, runs: Sequence[Run], *, tolerance: float, precision: str, progress: Progress) -> list[Verdict]:
    """Train published runs again, without publishing anything, and compare them with what is published.

    A run is compared bit for bit if its run.json has the engine, the number of threads and the versions of this
    process; otherwise its numbers must agree within a tolerance, as another number of threads adds in another order.

    Args:
        folder: of the experiment.
        runs: those to verify, all of them published.
        tolerance: the largest difference, as a share of the published number.
        precision: as for `lab.engine.dispatch.train`.
        progress: told of it.

    Raises:
        DataError: a published run is damaged, or a run cannot be trained.
    """
    from lab.results.layout import run_folder
    from lab.results.store import read_run

    published = [read_run(run_folder(folder, run.name)) for run in runs]
    verdicts: dict[int, Verdict] = {}
    progress.on_plan(len(runs), 0)
    for engine in ("cohort", "keras_fit"):
        places = [i for i, (record, _) in enumerate(published) if record["engine"] == engine]

        def compare(k: int, trained: "Trained", places: list[int] = places) -> None:
            i = places[k]
            verdicts[i] = _compared(runs[i].name, *published[i], trained, tolerance)
            progress.on_end(runs[i], trained)

        dispatch.train(
            [runs[i].task for i in places],
            [runs[i].place for i in places],
            engine=engine,
            precision=precision,
            on_trained=compare,
            on_epoch=functools.partial(_tell, progress, [runs[i] for i in places]),
            on_wait=progress.on_wait,
        )
    return [verdicts[i] for i in range(len(runs)) if i in verdicts]


def _tell(progress: Progress, runs: Sequence[Run], members: Sequence[int], *state: Any) -> None:
    progress.on_epoch([runs[i] for i in members], *state)


def _compared(
    name: str, record: Mapping[str, Any], history: "pd.DataFrame", trained: "Trained", tolerance: float
) -> Verdict:
    import pandas as pd

    from lab.results.files import to_csv
    from lab.results.record import environment
    from lab.results.schema import HISTORY

    content = to_csv(pd.DataFrame(trained.rows, columns=list(HISTORY)))
    test = None if trained.test is None else {key: value for key, value in trained.test.items() if value == value}
    before = None if record["test"] is None else {key: v for key, v in record["test"].items() if v is not None}
    if hashlib.sha256(content.encode()).hexdigest() == record["history_sha256"] and test == before:
        return Verdict(name, BITS, True, "")
    now = environment(trained.engine)
    changed = [key for key, value in now.items() if record.get(key) != value]
    numbers = _numbers(record, history), _numbers_now(trained)
    worst = _worst(*numbers)
    if not changed:
        return Verdict(name, BITS, False, f"{worst or 'another digit of its history'}, with the same engine, threads "
                       "and versions")  # fmt: skip
    fits = all(_is_near(a, b, tolerance) for a, b in zip(*(list(one.values()) for one in numbers), strict=True))
    return Verdict(name, TOLERANCE, fits, f"{worst}; {' and '.join(changed)} changed since")


def _numbers(record: Mapping[str, Any], history: "pd.DataFrame") -> dict[str, float | None]:
    kept = record["kept_epoch"]
    if kept is None:
        return dict.fromkeys(COMPARED)
    validation = float(history.loc[history["epoch"] == kept, COMPARED[0]].iloc[0])
    return {COMPARED[0]: validation, COMPARED[1]: record["test"]["data_loss"]}


def _numbers_now(trained: "Trained") -> dict[str, float | None]:
    if trained.kept_epoch is None or trained.test is None:
        return dict.fromkeys(COMPARED)
    return {COMPARED[0]: trained.rows[trained.kept_epoch - 1][COMPARED[0]], COMPARED[1]: trained.test["data_loss"]}


def _is_near(published: float | None, now: float | None, tolerance: float) -> bool:
    if published is None or now is None:
        return published is now
    return abs(now - published) <= tolerance * abs(published)


def _worst(published: Mapping[str, float | None], now: Mapping[str, float | None]) -> str:
    """Return in words what differs most."""
    differing = [name for name in COMPARED if published[name] != now[name]]
    if not differing:
        return ""
    name = max(differing, key=lambda one: abs((now[one] or 0.0) - (published[one] or 0.0)))
    return f"{name} {published[name]!r} published, {now[name]!r} now"


def refuse_unpublished(folder: Path, runs: Sequence[Run], name: str | None) -> list[Run]:
    """Return those of an experiment's runs that are published, or the one of a name; refuse to go on with none.

    Raises:
        DataError: none is there.
    """
    from lab.results.store import is_published

    found = [run for run in runs if is_published(folder, run.name) and name in (None, run.name)]
    if not found:
        which = "a run of this declaration" if name is None else f"the run {name!r} of this declaration"
        raise DataError(f"{folder} must hold {which}, got none; give the options that it was run with")
    return found
