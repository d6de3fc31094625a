"""Drawing folders of results again, on several cores: few folders figure by figure, many folder by folder."""

import contextlib
import gc
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from lab.checks import DataError
from lab.cli.find import find, known
from lab.outcome import Outcome, draw_outcome
from lab.study import Study

MOST_PROCESSES = 4

MANY = MOST_PROCESSES
"""From so many folders on, other processes draw whole folders, and this one prints their outcomes."""


@contextlib.contextmanager
def drawing_processes(folders: int) -> Iterator[Executor | None]:
    """Yield a pool of processes that draw some folders of results; None where there is only one core.

    They load their libraries at once, while the tables are read here.
    """
    _collect_rarely()
    cores = min(MOST_PROCESSES, os.cpu_count() or 1)
    if cores == 1:
        yield None
        return
    processes = cores if folders >= MANY else cores - 1
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, spawn, _leave_interrupts_to_the_first) as pool:
        for _ in range(processes):
            pool.submit(_load, folders >= MANY)
        try:
            yield pool
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def draw_folder(folder: Path, svg: bool = False, pool: Executor | None = None) -> Outcome:
    """Draw the figures and the page of a folder of results, and of the studies that its script declares.

    Args:
        folder: of an experiment or a study.
        svg: write the figures as SVG files too.
        pool: of processes that draw some of the figures; None draws all of them here.

    Raises:
        DataError: a table is missing or damaged.
    """
    from lab import results

    # Only a script knows how the figures of its studies are drawn; those of runs are drawn alike for every experiment.
    names = [name for name in known() if folder.name == name or folder.name.startswith(f"{name}-")]
    question = find(max(names, key=len)) if names else None
    studies: Sequence[Study] = [question] if isinstance(question, Study) else question.studies if question else ()
    computed = [study for study in studies if results.has_study(folder, study.name)]
    return draw_outcome(folder, computed, svg=svg, pool=pool)


def draw_folders(
    folders: Sequence[Path], svg: bool = False, pool: Executor | None = None, language: str = "en"
) -> Iterator[tuple[Path, Outcome | DataError]]:
    """Draw folders in their order; yield each with its outcome, or with the refusal that ended it.

    A folder that cannot be drawn does not keep the others from it. Where whole folders are drawn by other processes,
    the outcomes come without their histories.

    Args:
        folders: of experiments and studies.
        svg: write the figures as SVG files too.
        pool: `drawing_processes` for so many folders; None draws everything here.
        language: of figures and pages, one of `lab.statistics.language.LANGUAGES`.
    """
    if pool is None or len(folders) < MANY:
        yield from ((folder, _ended(folder, svg, pool, language=language)) for folder in folders)
        return
    futures = [pool.submit(_ended, folder, svg, whole=False, language=language) for folder in folders]
    yield from ((folder, future.result()) for folder, future in zip(folders, futures, strict=True))


def _ended(
    folder: Path, svg: bool, pool: Executor | None = None, whole: bool = True, language: str = "en"
) -> Outcome | DataError:
    from lab.statistics.language import speaking

    try:
        with speaking(language):
            outcome = draw_folder(folder, svg, pool)
    except DataError as error:
        return error
    if whole or outcome.tables is None:
        return outcome
    return replace(outcome, tables=replace(outcome.tables, histories=outcome.tables.histories.iloc[:0]))


def _load(whole_folders: bool) -> None:
    _collect_rarely()
    from lab import report  # noqa: F401

    if whole_folders:
        from lab import pages  # noqa: F401


def _collect_rarely() -> None:
    """Look for unused objects less often: a figure is many small ones, and all of them are used until it is saved."""
    gc.set_threshold(50_000, 20, 20)


def _leave_interrupts_to_the_first() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
