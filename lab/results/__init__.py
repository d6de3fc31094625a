"""The files that runs leave: how they are published, read and rebuilt. Nothing here needs Keras."""

from lab.results.driver import only_driver
from lab.results.files import read_csv, sync, to_csv, write_atomically
from lab.results.store import (
    HISTORY,
    KEYS,
    SCHEMA,
    STRENGTHS,
    TABLES,
    TEST,
    is_stale,
    load,
    publish,
    read_experiment,
    read_run,
    rebuild,
    sweep,
)

__all__ = [
    "HISTORY",
    "KEYS",
    "SCHEMA",
    "STRENGTHS",
    "TABLES",
    "TEST",
    "is_stale",
    "load",
    "only_driver",
    "publish",
    "read_csv",
    "read_experiment",
    "read_run",
    "rebuild",
    "sweep",
    "sync",
    "to_csv",
    "write_atomically",
]
