"""The processes that train a sweep beside the one that drives it: on this machine, or those of a Dask cluster."""

import importlib.util
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from lab.checks import DataError, UsageError, raised, shown, whole

if TYPE_CHECKING:
    from distributed import Client

MOST_WORKERS = 1000
CONNECT_WITHIN = 10.0
"""Seconds in which a scheduler must answer."""

THREADS = "TF_NUM_INTRAOP_THREADS"
"""The environment variable from which TensorFlow takes the number of threads of one operation."""

_ADDRESS = re.compile(r"([a-z]+://)?[^/\s]+:[0-9]{1,5}")


@dataclass(frozen=True, kw_only=True)
class Workers:
    """The workers of a sweep. Exactly one of the three is given.

    Args:
        count: of processes that are started on this machine, which they divide, and that end with this one.
        cluster: the address of a Dask scheduler, as "tcp://10.0.0.1:8786"; its workers are used.
        scheduler_file: the file that a Dask scheduler has written its address into; the same.

    Raises:
        UsageError: none of them or several are given, one is no such value, or Dask is not installed.
    """

    count: int | None = None
    cluster: str | None = None
    scheduler_file: Path | None = None

    def __post_init__(self) -> None:
        given = {
            name: value for name in ("count", "cluster", "scheduler_file") if (value := getattr(self, name)) is not None
        }
        if len(given) != 1:
            raise UsageError(
                f"workers must be given as exactly one of 'count', 'cluster' and 'scheduler_file', got {shown(given)}"
            )
        if self.count is not None:
            whole("workers", self.count, "the number of processes that train", high=MOST_WORKERS)
        # A client of an address without a port cannot be closed either: it waits, and complains at the end.
        if self.cluster is not None and not (isinstance(self.cluster, str) and _ADDRESS.fullmatch(self.cluster)):
            raise UsageError(
                f"cluster must be the address of a Dask scheduler, as tcp://10.0.0.1:8786, got {shown(self.cluster)}"
            )
        if self.scheduler_file is not None and (wrong := _no_scheduler_file(Path(self.scheduler_file))):
            raise UsageError(
                f"scheduler_file must be the file that a Dask scheduler writes its address into, got "
                f"{shown(str(self.scheduler_file))}, which {wrong}; start the scheduler first: "
                "dask scheduler --scheduler-file FILE"
            )
        if importlib.util.find_spec("distributed") is None:
            raise UsageError(
                "workers must have the package distributed, got an installation without it; "
                "pip install 'regularization-lab[workers]' brings it"
            )

    @property
    def place(self) -> str:
        """Where the workers are, in words."""
        return "on this machine" if self.count else f"of the scheduler {self.cluster or f'in {self.scheduler_file}'}"

    @property
    def sharing(self) -> int:
        """How many workers divide the memory of a machine; that is only known here."""
        return self.count or 1


def _no_scheduler_file(path: Path) -> str:
    """Return why a scheduler's address cannot be read from a file; "" if it can."""
    if not path.is_file():
        return "is no file"
    try:
        address = json.loads(path.read_text(encoding="utf-8"))["address"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "holds no address"
    return "" if isinstance(address, str) and _ADDRESS.fullmatch(address) else "holds no address"


def version() -> str:
    """Return the version of the lab that is installed here."""
    try:
        return metadata.version("regularization-lab")
    except metadata.PackageNotFoundError:
        return "that is not installed"


def threads_of_each(count: int) -> int:
    """Return how many threads each of some workers on this machine computes with.

    The machine's threads are divided, unless the environment says how many a process has: results are the same to the
    last bit only with one number of threads.
    """
    asked = os.environ.get(THREADS, "")
    if asked.isdigit() and int(asked):
        return int(asked)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // count)


@contextmanager
def connected(workers: Workers, on_wait: Callable[[str], None]) -> "Iterator[Client]":
    """Start workers, or find those of a cluster, for as long as the context lasts.

    Raises:
        DataError: the scheduler cannot be reached, or no process can be started.
    """
    import dask
    from distributed import Client, LocalCluster

    if workers.count is None:
        on_wait(f"looking for the workers {workers.place}")
        try:
            client = Client(
                address=workers.cluster,
                scheduler_file=None if workers.scheduler_file is None else str(workers.scheduler_file),
                set_as_default=False,
                timeout=CONNECT_WITHIN,
            )
        except (OSError, TimeoutError, ValueError) as error:
            raise DataError(
                f"the workers {workers.place} cannot be reached ({raised(error)}); start it, or correct the address"
            ) from None
        with client:
            yield client
        return
    on_wait("starting 1 worker" if workers.count == 1 else f"starting {workers.count} workers")
    # Dask would set the threads of BLAS to 1, and a loader that multiplies would have other bits there than here.
    settings = {
        "distributed.nanny.pre-spawn-environ": {},
        "distributed.admin.low-level-log-length": 100,
    }
    with (
        tempfile.TemporaryDirectory(prefix="reglab-workers-", ignore_cleanup_errors=True) as scratch,
        dask.config.set(settings),
        LocalCluster(
            n_workers=workers.count,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            memory_limit=0,
            silence_logs=50,
            local_directory=scratch,
            env={THREADS: str(threads_of_each(workers.count))},
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client
