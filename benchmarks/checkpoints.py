"""Measure what checkpoints cost a sweep: the seconds of each, and their share of a long one.

    python -m benchmarks.checkpoints                          # both cases, a few minutes on 2 idle cores
    python -m benchmarks.checkpoints --json checkpoints.json

A cohort trains in blocks of epochs. At the start of every other block its state is written, and waited for at the end
of the block; the cost of a checkpoint is how much longer the median block takes with one than without. It holds what
training waits for the copy of the state, and what it loses to the thread that hashes and writes. "waited" is the
first part alone. The first two blocks, with the compilation, are left out.

"interval" is how often the lab writes where nobody says how often: every 30 s, or as much less often as keeps below 2 %
what it counts itself. "share" is the cost that was measured here, by that interval.
"""

import argparse
import dataclasses
import functools
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.arms import tasks
from benchmarks.cases import CASES, Case, configurations, data
from lab.engine.task import Task
from lab.engine.tensorflow import load_tensorflow
from lab.engine.training_state import State
from lab.models import dense
from lab.sweep.checkpoint_pace import EVERY, SHARE
from lab.training import Training

BLOCKS = 12
"""Of epochs; half of them have a checkpoint."""


@dataclasses.dataclass(frozen=True)
class Cost:
    """A case and the number of epochs in a block, which is longer than it takes to write its state."""

    case: Case
    epochs: int


COSTS = {
    "medium": Cost(dataclasses.replace(CASES["medium"], train=2_000, validation=500), 3),
    "large": Cost(
        dataclasses.replace(
            CASES["medium"],
            train=500,
            validation=500,
            runs=32,
            model=functools.partial(dense, widths=(640, 320)),
            training=Training(optimizer="adam", batch_size=100, epochs=1),
        ),
        4,
    ),
}
"""The states are weights, kept weights and the two moments of Adam: of 16 runs, and of 32 larger ones."""


class Blocks:
    """Checkpoints at the start of every other block of epochs, as `lab.engine.training_state.Checkpoints` has them.

    Args:
        folder: in which they are written.
        planned: the tasks that train.
        epochs: of a block.

    Attributes:
        plain, checkpointed: the seconds of the blocks of both kinds.
        waited: the seconds that training stood still at each checkpoint.
        counted: the seconds that the lab itself counts for each.
        megabytes: of the file.
    """

    def __init__(self, folder: Path, planned: Sequence[Task], epochs: int) -> None:
        # pandas loads here.
        from lab.sweep.checkpoints import Checkpoints

        self.keeping = Checkpoints(folder, {id(task): f"run{i}" for i, task in enumerate(planned)}, 1e-9)
        self.epochs = epochs
        self.plain: list[float] = []
        self.checkpointed: list[float] = []
        self.waited: list[float] = []
        self.counted: list[float] = []
        self.megabytes = 0.0

    def saved(self, engine: str, tasks: Sequence[Task]) -> tuple[()]:
        """Return no checkpoint."""
        return ()

    def offer(self, engine: str, tasks: Sequence[Task]) -> Callable[[Sequence[Task], Callable[[], State]], None]:
        """Return what writes the state at the start of every other block."""
        writing = self.keeping.offer(engine, tasks)
        epoch, began = 0, 0.0

        def take(going: Sequence[Task], capture: Callable[[], State]) -> None:
            nonlocal epoch, began
            epoch += 1
            if epoch % self.epochs:
                return
            ended = epoch // self.epochs - 1
            self.keeping.wait()
            if ended >= 2:
                (self.checkpointed if ended % 2 else self.plain).append(time.perf_counter() - began)
            began = time.perf_counter()
            if not ended % 2:
                writing(going, capture)
                self.waited.append(time.perf_counter() - began)
            else:
                self.counted.append(self.keeping.pace.cost)
                self.megabytes = max(path.stat().st_size for path in self.keeping.folder.glob("*")) / 1e6

        return take


def measure(name: str, blocks: int = BLOCKS) -> dict[str, float]:
    """Train one case in this process and return its figures."""
    from lab.engine import cohort

    cost = COSTS[name]
    # The last epoch offers nothing.
    training = dataclasses.replace(cost.case.training, epochs=blocks * cost.epochs + 1, patience=None)
    case = dataclasses.replace(cost.case, training=training)
    planned = tasks(case, data(case), configurations(case))
    with tempfile.TemporaryDirectory() as folder:
        taken = Blocks(Path(folder), planned, cost.epochs)
        cohort.train(planned, keep=False, checkpoints=taken)
        taken.keeping.wait()
    seconds = statistics.median(taken.checkpointed) - statistics.median(taken.plain)
    interval = max(EVERY, statistics.median(taken.counted[1:]) / SHARE)
    found = {
        "state_mb": taken.megabytes,
        "block_s": statistics.median(taken.plain),
        "block_with_checkpoint_s": statistics.median(taken.checkpointed),
        "seconds_per_checkpoint": seconds,
        "waited_s": statistics.median(taken.waited[1:]),
        "interval_s": interval,
        "share_of_a_sweep": seconds / interval,
    }
    return {key: round(value, 4) for key, value in found.items()}


def main() -> None:
    """Measure, print a table, and write the JSON file."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.checkpoints", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--case", choices=COSTS, help="one case; both without it")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    given = parser.parse_args()
    load_tensorflow()
    results = {}
    columns = ("state MB", "block s", "with one", "s each", "waited s", "interval")
    print(f"{'case':8}{''.join(f'{column:>10}' for column in columns)}{'share':>8}")
    for name in [given.case] if given.case else COSTS:
        found = results[name] = measure(name)
        *numbers, share = found.values()
        print(f"{name:8}{numbers[0]:10.1f}{''.join(f'{number:10.3f}' for number in numbers[1:])}{share:8.2%}")
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
