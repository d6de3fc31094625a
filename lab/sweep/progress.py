"""Progress of what trains: silent, one line per run that ended, or one line that is drawn anew on a terminal."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.console import Console

    from lab.engine.task import History, Task, Trained


class Named(Protocol):
    """A run as progress is told of it; `lab.plan.Run` is one, and so is a run of a study."""

    @property
    def variant(self) -> str:
        """The name of its variant."""

    @property
    def seed(self) -> int:
        """Its seed."""

    @property
    def fold(self) -> tuple[int, int] | None:
        """The place of its fold, from 0, and how many there are; None without folds."""

    @property
    def task(self) -> "Task":
        """Its data, model and training, as an engine takes them."""


class HandedOverError(Exception):
    """Progress ends a sweep, as another process asks for it: it is not finished, and the other process goes on."""


def _ignore(*_: object) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Callbacks of `lab.run.run` and `lab.run.train`; those that are not given do nothing.

    Args:
        on_plan: called with the number of runs and how many of them are already published.
        on_wait: called with a few words on what is being done before an epoch can be shown: loading TensorFlow,
            building the models, compiling.
        on_epoch: called after every epoch of a cohort with the runs that trained in it, the epoch, how many of them
            still train, the lowest validation data loss of the cohort so far, and for each of the runs the rows of its
            history until now, which are not to be changed.
        on_end: called with each run that ended, and its result; a run of an experiment is published by then.
        on_failure: called with each run that failed for good, and the reason as a sentence.
        on_unwritten: called with each run that was trained and cannot be written, and what the system raised.
        on_refusal: called with a run that no cohort can train, so that `keras_fit` does, and the reason.
        on_note: called with a sentence about what was found and mended: a damaged run set aside, missing numbers.
    """

    on_plan: Callable[[int, int], None] = _ignore
    on_wait: Callable[[str], None] = _ignore
    on_epoch: "Callable[[Sequence[Any], int, int, float, Sequence[History]], None]" = _ignore
    on_end: "Callable[[Any, Trained], None]" = _ignore
    on_failure: Callable[[Any, str], None] = _ignore
    on_unwritten: Callable[[Any, OSError], None] = _ignore
    on_refusal: Callable[[Named, str], None] = _ignore
    on_note: Callable[[str], None] = _ignore


SILENT = Progress()


def both(first: Progress, second: Progress) -> Progress:
    """Return progress that tells two of everything, one after the other."""

    def telling(name: str) -> Callable[..., None]:
        calls = getattr(first, name), getattr(second, name)

        def tell(*arguments: object) -> None:
            for call in calls:
                call(*arguments)

        return tell

    return Progress(**{one.name: telling(one.name) for one in fields(Progress)})


_listening: ContextVar[Progress] = ContextVar("progress", default=SILENT)


@contextmanager
def heard_by(progress: Progress) -> Iterator[None]:
    """Tell `progress` of whatever a study trains for as long as the context lasts: its function takes no progress."""
    token = _listening.set(progress)
    try:
        yield
    finally:
        _listening.reset(token)


def listening() -> Progress:
    """Return the progress that `heard_by` named, or `SILENT`."""
    return _listening.get()


@dataclass
class TimeLeft:
    """How long the rest takes if it goes on as fast as since the end of the first epoch.

    That epoch holds the compilation. Runs that have not begun count with all their epochs, so early stopping makes the
    time shorter than estimated.

    Args:
        runs: how many are to be trained.
        clock: returns seconds.
    """

    runs: int
    clock: Callable[[], float] = time.monotonic
    ended: int = 0
    _began: float | None = field(default=None, init=False)
    _done: int = field(default=0, init=False)

    def after(self, epoch: int, epochs: int, live: int) -> float | None:
        """Return the seconds that are left after an epoch; None after the first of all.

        Args:
            epoch: its number, from 1.
            epochs: how many a run trains at most.
            live: how many of the runs that train go on.
        """
        if self._began is None:
            self._began = self.clock()
            return None
        self._done += max(live, 1)
        ahead = live * (epochs - epoch) + max(self.runs - self.ended - live, 0) * epochs
        return ahead * (self.clock() - self._began) / self._done


def lines(write: Callable[[str], None]) -> Progress:
    """Return progress that writes one line per run that ended, for logs and pipes."""
    total = done = 0

    def on_plan(runs: int, published: int) -> None:
        nonlocal total, done
        total, done = runs, published
        write(f"{runs} runs, {published} already there")

    def on_end(run: Named, trained: "Trained") -> None:
        nonlocal done
        done += 1
        kept = f"kept epoch {trained.kept_epoch} of {len(trained.rows)}" if trained.kept_epoch else "no epoch kept"
        write(f"[{done}/{total}] {_named(run)}: {trained.status}, {kept}, {trained.seconds:.1f} s ({trained.engine})")

    def on_failure(run: Named, reason: str) -> None:
        nonlocal done
        done += 1
        write(f"[{done}/{total}] {_failure(run, reason)}")

    return Progress(
        on_plan=on_plan,
        on_end=on_end,
        on_failure=on_failure,
        on_unwritten=lambda run, error: on_failure(run, f"it cannot be written ({error.strerror or error})"),
        on_refusal=lambda run, reason: write(_refusal(run, reason)),
        on_note=write,
    )


@contextmanager
def bar(console: "Console") -> Iterator[Progress]:
    """Show one line for as long as the context lasts: a bar, the runs that ended, the time, what trains.

    The words at the end of the line are cut where the terminal is too narrow for them, and nothing else is.
    """
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars
    from rich.table import Column

    def fixed() -> Column:
        return Column(no_wrap=True)

    bars = Bars(
        BarColumn(bar_width=12),
        TextColumn("{task.fields[count]}", table_column=fixed()),
        TimeElapsedColumn(table_column=fixed()),
        TextColumn("{task.fields[left]}", table_column=fixed()),
        TextColumn("{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
        console=console,
        transient=True,
        expand=True,
    )
    line = bars.add_task("loading the data", total=None, count="", left="")
    left = TimeLeft(0)
    total = 0

    def on_plan(runs: int, published: int) -> None:
        nonlocal left, total
        left, total = TimeLeft(runs - published), runs
        bars.update(line, total=runs, completed=published, count=f"{published}/{runs} runs", left="")

    def on_epoch(runs: Sequence[Named], epoch: int, live: int, best: float, *_: object) -> None:
        names = list(dict.fromkeys(run.variant for run in runs))
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        epochs = runs[0].task.training.epochs
        seconds = left.after(epoch, epochs, live)
        bars.update(
            line,
            left="" if seconds is None else f"{_clock(seconds)} left",
            description=f"epoch {epoch}/{epochs}, best {best:.4g}: {shown}",
        )

    def on_end(*_: object) -> None:
        left.ended += 1
        bars.update(line, advance=1, count=f"{total - left.runs + left.ended}/{total} runs")

    def on_failure(run: Named, reason: str) -> None:
        on_end()
        bars.console.print(_failure(run, reason), markup=False)

    with bars:
        yield Progress(
            on_plan=on_plan,
            on_wait=lambda sentence: bars.update(line, description=sentence),
            on_epoch=on_epoch,
            on_end=on_end,
            on_failure=on_failure,
            on_unwritten=lambda run, error: on_failure(run, f"it cannot be written ({error.strerror or error})"),
            on_refusal=lambda run, reason: bars.console.print(_refusal(run, reason), markup=False),
            on_note=lambda sentence: bars.console.print(sentence, markup=False),
        )


@contextmanager
def on_terminal(console: "Console", *, quiet: bool = False, verbose: bool = False) -> Iterator[Progress]:
    """Show progress, and listen to what studies train: a line that is drawn anew on a terminal, elsewhere many lines.

    Args:
        console: where it is shown.
        quiet: nothing but notes on what was found and mended, which go to stderr.
        verbose: one line per run that ended on a terminal, too.
    """
    shown: AbstractContextManager[Progress]
    if quiet:
        shown = nullcontext(Progress(on_note=lambda sentence: print(sentence, file=sys.stderr)))
    elif verbose or not console.is_terminal:
        shown = nullcontext(lines(print))
    else:
        shown = bar(console)
    with shown as progress, heard_by(progress):
        yield progress


def _clock(seconds: float) -> str:
    """Return a time as the elapsed time beside it is written, 0:02:10."""
    return str(timedelta(seconds=round(seconds)))


def _failure(run: Named, reason: str) -> str:
    return f"{_named(run)} failed: {reason}"


def _refusal(run: Named, reason: str) -> str:
    return f"{_named(run)} trains alone: {reason}"


def _named(run: Named) -> str:
    fold = "" if run.fold is None else f" fold {run.fold[0]}"
    return f"{run.variant} seed {run.seed}{fold}"
