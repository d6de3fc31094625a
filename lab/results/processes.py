"""Work divided between this process and those of a pool: the figures of one experiment, the folders of many."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import TypeVar

from lab.statistics.language import speaking, spoken

Result = TypeVar("Result")


def divided(jobs: Sequence[Callable[[], Result]], pool: Executor | None) -> list[Result]:
    """Return what jobs return, in their order, done by a pool and by this process at the same time.

    The pool takes them from the first on and this process from the last on, until they meet, so that nobody has to know
    how long a job takes or how long the pool takes to start.

    Args:
        jobs: calls without arguments, which can be pickled where there is a pool.
        pool: None does everything here.

    Raises:
        Exception: of the first job that failed. The others are done, or not begun.
    """
    if pool is None:
        return [job() for job in jobs]
    futures = [pool.submit(_spoken, spoken(), job) for job in jobs]
    done: dict[int, Result] = {}
    try:
        for i in reversed(range(len(jobs))):
            if futures[i].cancel():
                done[i] = jobs[i]()
        return [done[i] if i in done else future.result() for i, future in enumerate(futures)]
    finally:
        for future in futures:
            future.cancel()


def _spoken(language: str, job: Callable[[], Result]) -> Result:
    with speaking(language):
        return job()
