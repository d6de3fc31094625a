"""Progress of `lab.run`: silent, one line per finished run, or a progress bar."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.plan import Run

if TYPE_CHECKING:
    from rich.console import Console

    from lab.engine.task import Trained


def _ignore(*_: object) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Callbacks of `lab.run.run`; those that are not given do nothing.

    Args:
        on_plan: called with the number of runs and how many of them are already published.
        on_wait: called with a few words on what is being done before an epoch can be shown: loading TensorFlow,
            building the models, compiling.
        on_epoch: called after every epoch of a cohort with its runs, the epoch, how many of them still train, and
            their lowest validation data loss so far.
        on_publish: called with each run that was published, and its result.
        on_refusal: called with a run that no cohort can train, so that `keras_fit` does, and the reason.
        on_note: called with a sentence about what was found and mended: a damaged run set aside, missing numbers.
    """

    on_plan: Callable[[int, int], None] = _ignore
    on_wait: Callable[[str], None] = _ignore
    on_epoch: Callable[[Sequence[Run], int, int, float], None] = _ignore
    on_publish: "Callable[[Run, Trained], None]" = _ignore
    on_refusal: Callable[[Run, str], None] = _ignore
    on_note: Callable[[str], None] = _ignore


SILENT = Progress()


def lines(write: Callable[[str], None]) -> Progress:
    """Return progress that writes one line per finished run, for logs and pipes."""
    total = done = 0

    def on_plan(runs: int, published: int) -> None:
        nonlocal total, done
        total, done = runs, published
        write(f"{runs} runs, {published} already there")

    def on_publish(run: Run, trained: "Trained") -> None:
        nonlocal done
        done += 1
        kept = f"kept epoch {trained.kept_epoch} of {len(trained.rows)}" if trained.kept_epoch else "no epoch kept"
        write(
            f"[{done}/{total}] {run.variant} seed {run.seed}: {trained.status}, {kept}, "
            f"{trained.seconds:.1f} s ({trained.engine})"
        )

    return Progress(
        on_plan=on_plan,
        on_publish=on_publish,
        on_refusal=lambda run, reason: write(_refusal(run, reason)),
        on_note=write,
    )


@contextmanager
def bar(console: "Console") -> Iterator[Progress]:
    """Show a bar for the experiment and beside it the cohort that trains, for as long as the context lasts."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    bars = Bars(
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("runs"),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
        console=console,
        transient=True,
    )
    whole = bars.add_task("loading the data")

    def on_epoch(runs: Sequence[Run], epoch: int, live: int, best: float) -> None:
        names = list(dict.fromkeys(run.variant for run in runs))
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        total = runs[0].task.training.epochs
        bars.update(whole, description=f"{shown}: epoch {epoch}/{total}, {live} live, best val_data_loss {best:.4g}")

    with bars:
        yield Progress(
            on_plan=lambda runs, published: bars.update(whole, total=runs, completed=published),
            on_wait=lambda sentence: bars.update(whole, description=sentence),
            on_epoch=on_epoch,
            on_publish=lambda run, trained: bars.advance(whole),
            on_refusal=lambda run, reason: bars.console.print(_refusal(run, reason), markup=False),
            on_note=lambda sentence: bars.console.print(sentence, markup=False),
        )


@contextmanager
def on_terminal(console: "Console") -> Iterator[Progress]:
    """Show a bar where the console is a terminal, and one printed line per finished run elsewhere."""
    if console.is_terminal:
        with bar(console) as progress:
            yield progress
    else:
        yield lines(print)


def _refusal(run: Run, reason: str) -> str:
    return f"{run.variant} seed {run.seed} trains alone: {reason}"
