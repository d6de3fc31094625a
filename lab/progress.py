"""Who is told how far a call of `lab.experiment.run` is, and what they show.

`Watch` says nothing; on a terminal `Bar` shows one bar for the experiment and one line for the cohort that trains;
elsewhere `Lines` prints a line for each run that ends.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from lab.engine.task import Trained
    from lab.plan import Run


class Watch:
    """Is told how far a call of `run` is, and says nothing. The others say something."""

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def planned(self, runs: int, skipped: int) -> None:
        """Hear how many runs the experiment has and how many of them are already published."""

    def epoch(self, runs: "Sequence[Run]", epoch: int, live: int, best: float) -> None:
        """Hear that an epoch ended: of which runs, how many still train, the lowest validation data loss."""

    def published(self, run: "Run", trained: "Trained") -> None:
        """Hear that a run was published."""

    def refused(self, run: "Run", reason: str) -> None:
        """Hear why no cohort can train a run rightly, so that keras_fit does."""


class Lines(Watch):
    """Prints a line for each run that ends: for logs and pipes."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.total = 0
        self.done = 0

    def planned(self, runs: int, skipped: int) -> None:
        """Say how many runs are to be trained."""
        self.total, self.done = runs, skipped
        self.say(f"{runs} runs, {skipped} already there")

    def published(self, run: "Run", trained: "Trained") -> None:
        """Say how a run ended."""
        self.done += 1
        kept = f"kept epoch {trained.kept_epoch} of {len(trained.rows)}" if trained.kept_epoch else "no epoch kept"
        self.say(
            f"[{self.done}/{self.total}] {run.variant} seed {run.seed}: {trained.status}, {kept}, "
            f"{trained.seconds:.1f} s ({trained.engine})"
        )

    def refused(self, run: "Run", reason: str) -> None:
        """Say which run trains alone, and why."""
        self.say(f"{run.variant} seed {run.seed} trains alone: {reason}")


class Bar(Watch):
    """Draws one bar for the experiment, and beside it what trains now."""

    def __init__(self, console: "Console") -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self.progress = Progress(
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("runs"),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
            console=console,
            transient=True,
        )
        self.bar = self.progress.add_task("loading TensorFlow and data")

    def __enter__(self) -> "Bar":
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def planned(self, runs: int, skipped: int) -> None:
        """Set the bar's length."""
        self.progress.update(self.bar, total=runs, completed=skipped, description="building the models")

    def epoch(self, runs: "Sequence[Run]", epoch: int, live: int, best: float) -> None:
        """Show the epoch, what trains and the best so far."""
        names = list(dict.fromkeys(run.variant for run in runs))
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        total = runs[0].task.training.epochs
        text = f"{shown}: epoch {epoch}/{total}, {live} live, best val_data_loss {best:.4g}"
        self.progress.update(self.bar, description=text)

    def published(self, run: "Run", trained: "Trained") -> None:
        """Move the bar on."""
        self.progress.advance(self.bar)

    def refused(self, run: "Run", reason: str) -> None:
        """Say which run trains alone, and why."""
        self.progress.console.print(f"{run.variant} seed {run.seed} trains alone: {reason}", markup=False)
