"""Drawing folders of results again: one here, many in several processes, each on its own."""

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from lab.checks import DataError
from lab.cli.find import find, known
from lab.outcome import Outcome, draw_outcome
from lab.study import Study

FEW = 3
"""So many folders are drawn before a second process has loaded matplotlib."""

MOST_PROCESSES = 4


def draw_folder(folder: Path, svg: bool = False) -> Outcome:
    """Draw the figures and the page of a folder of results, and of the studies that its script declares.

    Raises:
        DataError: a table is missing or damaged.
    """
    from lab import results

    # Only a script knows how the figures of its studies are drawn; everybody's runs are drawn alike.
    names = [name for name in known() if folder.name == name or folder.name.startswith(f"{name}-")]
    question = find(max(names, key=len)) if names else None
    studies: Sequence[Study] = [question] if isinstance(question, Study) else question.studies if question else ()
    return draw_outcome(folder, [study for study in studies if results.has_study(folder, study.name)], svg=svg)


def draw_folders(folders: Sequence[Path], svg: bool = False) -> Iterator[tuple[Path, Outcome | DataError]]:
    """Draw folders in their order, several at a time where there are many; yield how each ended.

    A folder that cannot be drawn does not keep the others from it. The outcomes of other processes come without their
    histories.
    """
    processes = min(MOST_PROCESSES, os.cpu_count() or 1, len(folders) // FEW)
    if processes < 2:
        yield from ((folder, _ended(folder, svg)) for folder in folders)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, spawn, _leave_interrupts_to_the_first) as pool:
        futures = [pool.submit(_ended, folder, svg, whole=False) for folder in folders]
        try:
            for folder, future in zip(folders, futures, strict=True):
                yield folder, future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _ended(folder: Path, svg: bool, whole: bool = True) -> Outcome | DataError:
    try:
        outcome = draw_folder(folder, svg)
    except DataError as error:
        return error
    if whole or outcome.tables is None:
        return outcome
    return replace(outcome, tables=replace(outcome.tables, histories=outcome.tables.histories.iloc[:0]))


def _leave_interrupts_to_the_first() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
