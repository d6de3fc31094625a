"""The time of whole sweeps with the cohort engine, and with the ways in which people train such sweeps today.

    python -m benchmarks.sweep                                      # four cases
    python -m benchmarks.sweep --case small --json sweep.json
    python -m benchmarks.sweep --case medium_part                   # is measured only where it is asked for
    python -m benchmarks.sweep --repeats 1                          # a first impression

A sweep is timed from the first line of building a model to the last CSV file; the start of the interpreter and the
import of TensorFlow are not counted. The arms:

* naive: `fit` for each configuration, as a user writes the loop, with validation data;
* tuned: the same with all steps of an epoch in one execution (`steps_per_execution`) and one validation batch;
* keras_fit: the reference engine of this repository, which measures the training split after each epoch too, or in the
  case "medium_part" a part of it (`Training.measured`);
* cohort: the cohort engine, which writes the same tables as keras_fit;
* fast: the same with `--precision fast`, where the processor has units for it; timed once.

The cohort trains the whole sweep in a process of its own. In the other arms every run takes the same time, so one run
of each is timed in a process that has trained before, and its seconds are multiplied by the number of runs. Both kinds
of processes take turns, and of each arm the fastest of its times is reported. All cases are timed once, and those again
for whose turn the minutes still suffice; the table says how often each was. In the last columns one run in a cohort of
its own stands beside one run of keras_fit.

The sgemm share is the rate of the cohort's floating-point operations in matrix products and convolutions, divided by
the rate that TensorFlow reaches on a product of two 2048 x 2048 matrices just before or just after the sweep.
Without `--case` the memory of one experiment of 1 000 runs is measured too: after 200, after 500 and after all of them.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import arms
from benchmarks.arms import ARMS, ONE_BY_ONE
from benchmarks.cases import CASES, configurations, data, recurrent
from lab.engine.precision import has_units
from lab.engine.tensorflow import load_tensorflow

if TYPE_CHECKING:
    from rich.table import Table

PARTS = ("one_by_one", "together", "fast", "memory")
COLUMNS = (*(f"{arm}_s" for arm in ARMS), "ratio", "sgemm_share", "peak_mb", "keras_fit_run_s", "cohort_run_s", "times")
TURN = ("one_by_one", "together")
NOTE = (
    "The fastest of so many times, taking turns; fast once. The cohort trains the whole sweep; the other arms train "
    "one run, whose seconds are multiplied by the number of runs."
)
FOUR = ("small", "medium", "conv", "lstm")
FAST = "fast_s"
"""The column of the cohort with fast products, where there are units for them."""


def measure(name: str, part: str) -> dict[str, float]:
    """Run one part of one case in this process and return its figures."""
    load_tensorflow("fast" if part == "fast" else "exact")  # Its import is not part of the sweep.
    if part == "memory":
        return arms.memory()
    case = CASES[name]
    dataset = data(case)
    if part == "fast":
        with tempfile.TemporaryDirectory() as folder:
            return {"fast": arms.seconds(case, dataset, Path(folder), "cohort", configurations(case))}
    before = arms.sgemm()
    with tempfile.TemporaryDirectory() as folder:
        took = (arms.one_by_one if part == "one_by_one" else arms.together)(case, dataset, Path(folder))
    return took | {"sgemm_gflops": max(before, arms.sgemm()) / 1e9, "peak_mb": arms.peak_memory()}


def figures(name: str, measured: list[dict[str, float]]) -> dict[str, float]:
    """Return the columns of a case from what its processes measured."""
    case = CASES[name]

    def least(key: str) -> float:
        return min(one[key] for one in measured if key in one)

    whole = min((one for one in measured if "cohort" in one), key=lambda one: one["cohort"])
    took = {arm: least(arm) * case.runs for arm in ONE_BY_ONE} | {"cohort": whole["cohort"]}
    values = [
        *(took[arm] for arm in ARMS),
        took["naive"] / took["cohort"],
        case.work() / whole["cohort"] / whole["sgemm_gflops"] / 1e9,
        whole["peak_mb"],
        least("keras_fit"),
        least("cohort_run"),
        sum("cohort" in one for one in measured),
    ]
    fast = {FAST: round(least("fast"), 3)} if any("fast" in one for one in measured) else {}
    return dict(zip(COLUMNS, (round(value, 3) for value in values), strict=True)) | fast


def _in_own_process(name: str, part: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.sweep", "--case", name, "--part", part]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, got {text!r}")
    return int(text)


def _table(found: Mapping[str, Mapping[str, float]]) -> "Table":
    from rich.table import Table

    table = Table(title="Whole sweeps, from building to the last CSV, in seconds", caption=NOTE)
    headings = ["case", *ARMS, "naive / cohort", "sgemm share", "peak MB", "1 run: keras_fit", "1 run: cohort", "times"]
    headings += ["cohort, fast"] if has_units() else []
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "case" else "right")
    for name, one in found.items():
        times = (f"{one[f'{arm}_s']:.1f}" for arm in ARMS)
        share, peak = f"{one['sgemm_share']:.0%}", f"{one['peak_mb']:.0f}"
        alone = (f"{one[column]:.2f}" for column in ("keras_fit_run_s", "cohort_run_s"))
        fast = [f"{one[FAST]:.1f}" if FAST in one else "-"] if has_units() else []
        table.add_row(name, *times, f"{one['ratio']:.1f}", share, peak, *alone, str(one["times"]), *fast)
    return table


def main() -> None:
    """Measure, print a table, and write the JSON file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweep", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--case", choices=CASES, help="one case; four of them and the memory without it")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--repeats", type=_count, default=3, help="the most times an arm is timed; the fastest counts")
    parser.add_argument("--minutes", type=float, default=9.5, help="no second or third turn is begun that ends later")
    parser.add_argument("--part", choices=PARTS, help="measure one part in this process and print it as JSON")
    given = parser.parse_args()
    if given.part:
        print(json.dumps(measure(given.case or "small", given.part)))
        return

    from lab.cli import terminal

    console = terminal.console()
    ends = time.monotonic() + 60 * given.minutes
    names = [given.case] if given.case else list(FOUR)
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    lasted: dict[str, float] = {}

    def timed(name: str, *parts: str) -> None:
        begun = time.monotonic()
        for part in parts:
            with console.status(f"{name}: {part}"):
                measured[name].append(_in_own_process(name, part))
        lasted[name] = time.monotonic() - begun

    for name in names:
        # The comparison with Keras, which what is unrolled must pass, is one of exact products.
        if has_units() and CASES[name].model.func is not recurrent:
            timed(name, "fast")
        timed(name, *TURN)
    memory: dict[str, float] = {}
    if not given.case:
        with console.status("memory of 1 000 runs"):
            memory = _in_own_process("small", "memory")
    for _ in range(given.repeats - 1):
        for name in names:
            if time.monotonic() + lasted[name] < ends:
                timed(name, *TURN)
    found = {name: figures(name, measured[name]) for name in names}
    console.print(_table(found))
    if memory:
        first, middle, last = (memory[f"after_{runs}_runs_mb"] for runs in (200, 500, 1000))
        console.print(f"Peak memory: {first:.0f} MB after 200 runs, {middle:.0f} after 500, {last:.0f} after 1 000.")
    if given.json:
        results = {"note": NOTE, **found} | ({"memory": memory} if memory else {})
        given.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
