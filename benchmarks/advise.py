"""How often advice is right on planted tasks, and what tuners choose beside it.

    python -m benchmarks.advise --minutes 60                        # goes on where the last call stopped
    python -m benchmarks.advise --task b --size small --minutes 10
    python -m benchmarks.advise --minutes 0                         # only the tables of what was counted so far

The tables are printed and written into README.md, and the count of false answers into the lab, whose answers state it.

Each repetition draws a new sample of a task, asks `lab.advise`, and then lets KerasTuner and Optuna search the same
settings on the same sample. The budgets are counted in processor time, so a busy machine changes little. (Threads that
move between cores take more of it: beside two other processes, one sample of task b took 30.9 s, and 26.8 s on one
core, `taskset -c 0`. The repetitions that are kept were made on one core each.)

* advice has `BUDGET` seconds of processor time, its start included;
* "same seconds": the others train their trials one after the other, each in a cohort of its own, for as much processor
  time as advice used; what their own arithmetic takes is not charged;
* "same epochs": they train as many epochs as advice did in all, whatever that takes.

The others are given the learning rates around the plain model's best one, which advice has to find; it may go on beyond
these settings, and combine them.

A claim "helps" is checked on the sample it was made on: the setting, and the plain model at the learning rates around
its own and at that of the claim, are trained at 16 further seeds with splits of their own, and at 48 more where these
do not tell, and measured on 100 000 fresh points. The claim is false if it is no better there than the plain model at
the best of these rates, and an answer is false if one of its claims is.
Which families help, and how much worse a choice is than the best setting, is the truth of the task, found by brute
force over samples (`benchmarks.advice_truth`), which is computed once and kept in `benchmarks/advice/`.
"""

import argparse
import dataclasses
import functools
import itertools
import json
import math
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.advice_table import between, is_false, markdown
from benchmarks.advice_tasks import TASKS, TRAINING, Task, planted
from benchmarks.advice_truth import Key, Truth, checked, every_setting, key_of, read_key, space_for, task_of, truth
from benchmarks.advice_tuners import BAYESIAN, BAYESIAN_SAMPLES, METHODS, Trials, search
from lab.advice import advise
from lab.advice.false_claims import FILE as SAID
from lab.advice.false_claims import FalseClaims
from lab.advice.screening_file import FILE
from lab.advice.space import RATES, Space
from lab.engine.tensorflow import load_tensorflow
from lab.results.files import write_atomically
from lab.sweep.progress import Progress, heard_by
from lab.sweep.unpublished import train

BUDGET = 120
"""The seconds of processor time that advice has."""

FOLDER = Path(__file__).parent / "advice"
REPETITIONS = "repetitions-{task}-{rows}.json"
"""The file of a task and size: so several processes may add to a folder at once, each to tasks or sizes of its own."""

README = Path(__file__).parent.parent / "README.md"
SIZES = ("small", "large")


def repetition(task: Task, rows: int, sample: int, known: Truth) -> dict:
    """Return what advice and the others chose on one sample, and how the claims fared.

    Args:
        task: the task.
        rows: its training examples.
        sample: which draw of the data.
        known: the truth; the others choose among learning rates around the best one of the plain model.
    """
    load = functools.partial(planted, kind=task.kind, rows=rows, seed=sample)
    epochs = [0]

    def count(members: Sequence[object], *_: object) -> None:
        epochs[0] += len(members)

    with tempfile.TemporaryDirectory() as folder, heard_by(Progress(on_epoch=count)):
        advice = advise(
            task.model,
            load,
            budget=BUDGET,
            training=TRAINING,
            families=task.families,
            results_folder=folder,
            clock=time.process_time,
        )
        tried = json.loads((Path(folder) / "advice" / FILE).read_text(encoding="utf-8"))["tried"]
    keys = {name: key_of(one) for name, one in advice.settings.items()}
    advised = key_of(advice.recommended.setting)
    plain = next(iter(keys.values())) if advised[0] else advised
    said = [(keys[row.variant], row.answer) for row in advice.table.itertuples()]
    claims = [key for key, answer in said if answer == "helps"]
    by_validation = min((one for one in tried if one["seed"] == 0), key=lambda one: one["loss"])
    space = space_for(task, rows, load)
    rates = [known.plain[1] + step for step in RATES]
    settings = {key: one for key, one in every_setting(space, known.plain[1]).items() if key[1] in rates}
    fixed, each = price_of_one(space)
    histories = train({key: one.variant for key, one in settings.items()}, seeds=[0])
    losses = {key: _finite(histories[key, 0].trained.rows) for key in settings}
    others = {}
    for method in METHODS:
        if method == BAYESIAN and sample > BAYESIAN_SAMPLES:
            continue
        trials = Trials(losses, epochs[0])
        search(method, trials, TRAINING.epochs, sample)
        same_epochs = trials.within(lambda _, spent: spent, epochs[0])
        same_seconds = trials.within(lambda trial, spent: fixed * trial + each * spent, advice.seconds)
        others[method] = {"same epochs": same_epochs, "same seconds": same_seconds}
    return {
        "task": task.kind,
        "rows": rows,
        "sample": sample,
        "seconds": round(advice.seconds, 1),
        "epochs": epochs[0],
        "seeds": int(advice.table["seeds"].max()),
        "plain": plain,
        "said": said,
        "checked": [[*one, *_mean(own)] for one, own in checked(task, rows, sample, plain, claims).items()]
        if claims
        else [],
        "by validation": [by_validation["parts"], by_validation["rate"]],
        "price": [round(fixed, 3), round(each, 5)],
        "others": others,
    }


def chosen_in(one: dict) -> set[Key]:
    """Return the settings that anybody has chosen in a repetition."""
    found = [one["plain"], one["by validation"], *(key for key, _ in one["said"])]
    found += [best[2] for own in one["others"].values() for best in own.values() if best]
    return {read_key(key) for key in found}


def _finite(rows: Sequence[dict]) -> list[float]:
    losses = (row["val_data_loss"] for row in rows)
    return [loss if math.isfinite(loss) else 1e9 for loss in losses]


def _mean(differences: np.ndarray) -> tuple[float, float]:
    return float(differences.mean()), float(differences.std(ddof=1) / math.sqrt(len(differences)))


def price_of_one(space: Space) -> tuple[float, float]:
    """Return the seconds of processor time that a trial in a cohort of its own takes, and those of each of its epochs.

    The plain model is trained twice, and the second time counts, when what every process does once is done.
    """
    plain = space.at((), 0).variant
    ends: list[float] = []
    for _ in range(2):
        ends.clear()
        begun = time.process_time()
        with heard_by(Progress(on_epoch=lambda *_: ends.append(time.process_time()))):
            train({"plain": plain}, seeds=[0])
        took = time.process_time() - begun
    each = (ends[-1] - ends[0]) / max(len(ends) - 1, 1)
    return max(took - each * len(ends), 0.0), each


def collect(folder: Path, minutes: float, kinds: Sequence[str], sizes: Sequence[str], say=print) -> None:
    """Add repetitions to the files of a folder, of what there are fewest first, until the minutes are over."""
    ends = time.monotonic() + 60 * minutes
    longest = 0.0
    wanted = [task_of(kind, size) for size in sizes for kind in kinds]
    files = {(task, rows): folder / REPETITIONS.format(task=task.kind, rows=rows) for task, rows in wanted}
    known = {key: _read(path) for key, path in files.items()}
    while time.monotonic() + longest < ends:
        task, rows = min(known, key=lambda key: len(known[key]))
        own = known[task, rows]
        begun = time.monotonic()
        # Computed once, and kept in a file.
        made = repetition(task, rows, following(own), truth(task, rows, folder))
        made = json.loads(json.dumps(made))
        truth(task, rows, folder, chosen_in(made))
        own.append(made)
        own.sort(key=lambda one: one["sample"])
        lines = ",\n".join(json.dumps(one) for one in own)
        write_atomically(files[task, rows], f"[\n{lines}\n]\n")
        longest = max(longest, time.monotonic() - begun)
        say(f"{task.kind}, {rows} rows, sample {made['sample']}: {made['said']}")


def following(repetitions: Sequence[dict]) -> int:
    """Return the first sample, from 1, of which there is no repetition yet."""
    known = {one["sample"] for one in repetitions}
    return next(sample for sample in itertools.count(1) if sample not in known)


def read_repetitions(folder: Path) -> list[dict]:
    """Return the repetitions that a folder holds."""
    return [one for path in sorted(folder.glob(REPETITIONS.format(task="?", rows="*"))) for one in _read(path)]


def _read(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def false_claims(repetitions: Sequence[dict], truths: Mapping[tuple[str, int], Truth]) -> FalseClaims:
    """Return how many answers there are, and how many of them are false, as every answer of `lab.advise` says it."""
    null = [one for one in repetitions if not truths[one["task"], one["rows"]].helping]
    return FalseClaims(len(repetitions), sum(map(is_false, repetitions)), len(null), sum(map(is_false, null)))


def truths_of(
    repetitions: Sequence[dict], folder: Path, of: Callable[[Task, int, Path], Truth] = truth
) -> dict[tuple[str, int], Truth]:
    """Return the truths of the tasks and sizes that were repeated.

    Args:
        repetitions: as `read_repetitions` returns them.
        folder: of the truths.
        of: `truth`, which measures what is not known, or `read_truth`, which refuses it.
    """
    needed = sorted({(one["task"], one["rows"]) for one in repetitions})
    return {(kind, rows): of(TASKS[kind], rows, folder) for kind, rows in needed}


def main() -> None:
    """Collect repetitions, print the tables and write them into README.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.advise", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--minutes", type=float, default=30, help="no repetition is begun that would end later")
    parser.add_argument("--task", choices=TASKS, help="one task; all without it")
    parser.add_argument("--size", choices=SIZES, help="one size; both without it")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where repetitions and truths are kept")
    given = parser.parse_args()
    load_tensorflow("exact")
    kinds = [given.task] if given.task else list(TASKS)
    collect(given.folder, given.minutes, kinds, [given.size] if given.size else SIZES)
    repetitions = read_repetitions(given.folder)
    truths = truths_of(repetitions, given.folder)
    if given.folder == FOLDER:
        write_atomically(SAID, json.dumps(dataclasses.asdict(false_claims(repetitions, truths))) + "\n")
    tables = markdown(repetitions, truths)
    print(tables, end="")
    if given.folder == FOLDER:
        write_atomically(README, between(README.read_text(encoding="utf-8"), tables))


if __name__ == "__main__":
    main()
