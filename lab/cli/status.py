"""`python -m lab status`: how far experiments are, also while another process trains."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from lab.checks import DataError
from lab.cli.folders import below
from lab.cli.fresh import PLACE
from lab.cli.options import RESULTS, Flag, Folder, Text

if TYPE_CHECKING:
    from rich.table import Table

    from lab.sweep.status import RunStatus, Status

MOST = 20
"""The most variants, failures and cohorts that are listed on the terminal."""


def show_status(
    experiment: Text = None,
    /,
    *,
    as_json: Annotated[Flag, Parameter(name="--json")] = False,
    results: Folder = RESULTS,
) -> None:
    """Say which runs are finished, diverged, failed, training and missing, and how long the rest takes.

    It can be asked while another process trains, which it does not disturb.

    Args:
        experiment: a folder below the results; all of them, one line each, if none is named.
        as_json: print it as JSON, with times in seconds.
        results: the folder with the experiments' folders.
    """
    from lab.results import has_experiment

    if experiment is not None:
        folder = below(results, experiment)
        if not has_experiment(folder):
            raise DataError(f"{folder} holds no experiment; run it first: python -m lab list")
        _one(folder, as_json)
        return
    folders = [path for path in sorted(results.glob("*")) if has_experiment(path)]
    if not folders:
        raise DataError(f"{results} holds no experiment; run one first: python -m lab list")
    _all(folders, as_json)


def _one(folder: Path, as_json: bool) -> None:
    from lab.cli.terminal import console, write
    from lab.sweep.status import status, to_json

    found = status(folder)
    if as_json:
        print(json.dumps(to_json(found), indent=1))
        return
    write(f"{found.experiment}: {len(found.runs)} runs: {_counted(found)}")
    for sentence in _sentences(found, folder):
        write(sentence)
    if any(run.kind != "finished" for run in found.runs):
        console().print(_variants(found))
    reasons: dict[tuple[str, str], list[RunStatus]] = {}
    for run in found.runs:
        if run.reason:
            reasons.setdefault((run.variant, run.reason), []).append(run)
    for (variant, reason), runs in [*reasons.items()][:MOST]:
        fold = "" if runs[0].fold is None else f" fold {runs[0].fold}"
        who = f"{variant} seed {runs[0].seed}{fold}" if len(runs) == 1 else f"{len(runs)} runs of {variant}"
        write(f"failed: {who}: {reason}")
    if len(reasons) > MOST:
        write(f"and more failed for {len(reasons) - MOST} other reasons; --json lists all of them")


def _counted(found: "Status") -> str:
    return ", ".join(f"{count} {kind}" for kind, count in found.counts.items())


def _sentences(found: "Status", folder: Path) -> list[str]:
    """Return what is said of an experiment beside its counts."""
    from lab.sweep import state

    said, sweep = [], found.sweep
    if found.of_tables:
        said.append("The tables tell of the runs, which are not here themselves; run would train them again.")
    if found.runner is not None:
        since = f", for {clock(sweep.elapsed)} now" if sweep else ""
        said.append(f"{found.runner} runs it{since}; {_left(found)}".replace("process", "Process", 1))
        for cohort in (sweep.running if sweep else ())[:MOST]:
            names = list(dict.fromkeys(run.variant for run in found.runs if run.cohort is cohort))
            shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
            best = min((loss for loss in cohort.validation if loss is not None), default=None)
            of_best = "" if best is None else f", lowest validation data loss {best:.4g}"
            said.append(f"epoch {cohort.epoch} of {cohort.epochs}: {len(cohort.runs)} runs of {shown}{of_best}")
    elif sweep is not None:
        said.append(
            f"Process {sweep.process} on {sweep.host} was killed after {clock(sweep.elapsed)} with "
            f"{len(sweep.runs)} runs in training; run goes on from what is there."
        )
    if found.runner is None and found.left:
        said.append(f"About {clock(found.left)} of training is missing, by what the published runs took one by one.")
    fresh = folder / PLACE / folder.name
    afresh = state.read(fresh)
    if afresh is not None:
        said.append(f"Process {afresh.process} on {afresh.host} trains it afresh: {afresh.published} of "
                    f"{afresh.planned} runs published.")  # fmt: skip
    return said


def _left(found: "Status") -> str:
    doing = found.sweep.doing if found.sweep else ""
    return doing if doing and found.left is None else _about(found.left)


def _variants(found: "Status") -> "Table":
    """Return a table with a row per variant of which not all runs are finished."""
    from rich.table import Table

    kinds = list(found.counts)
    table = Table("variant", box=None, pad_edge=False)
    for kind in kinds:
        table.add_column(kind, justify="right")
    counts: dict[str, Counter[str]] = {}
    for run in found.runs:
        counts.setdefault(run.variant, Counter())[run.kind] += 1
    unfinished = [name for name, own in counts.items() if set(own) != {"finished"}]
    for name in unfinished[:MOST]:
        table.add_row(name, *(str(counts[name][kind] or "") for kind in kinds))
    others = len(counts) - len(unfinished)
    caption = [f"{others} other variants are finished"] if others else []
    if len(unfinished) > MOST:
        caption.append(f"and {len(unfinished) - MOST} more variants; --json lists every run")
    table.caption = "; ".join(caption) or None
    return table


def _all(folders: Sequence[Path], as_json: bool) -> None:
    from rich.table import Table

    from lab.cli.terminal import console
    from lab.sweep.status import KINDS, status, to_json

    listed: list[dict[str, Any]] = []
    for folder in folders:
        try:
            listed.append(to_json(status(folder), with_runs=False))
        except DataError as error:
            listed.append({"experiment": folder.name, "error": str(error)})
    if as_json:
        print(json.dumps(listed, indent=1))
        return
    kinds = [kind for kind in KINDS if any(one.get("counts", {}).get(kind) for one in listed)]
    table = Table("experiment", *kinds, "", box=None, pad_edge=False)
    for column in table.columns[1:-1]:
        column.justify = "right"
    for one in listed:
        counts = one.get("counts", {})
        table.add_row(one["experiment"], *(str(counts.get(kind) or "") for kind in kinds), _in_short(one))
    console().print(table)


def _in_short(one: dict[str, Any]) -> str:
    if "error" in one:
        return str(one["error"])
    if one["runner"] is None:
        return f"about {clock(one['left'])} missing" if one["left"] else ""
    return f"{one['runner']} runs it; " + (one["doing"] or _about(one["left"]))


def _about(left: float | None) -> str:
    return "how long it takes is not known yet" if left is None else f"about {clock(left)} left"


def clock(seconds: float) -> str:
    """Return a time as the progress of `run` writes it, 0:02:10."""
    return str(timedelta(seconds=round(seconds)))
