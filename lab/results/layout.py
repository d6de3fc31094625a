"""Where the folders of an experiment's runs are: in `runs/`, or, of many runs, in `runs/<two hex digits>/`.

Listing a folder of a hundred thousand entries takes long, over a network above all. An experiment that plans `MANY`
runs or more gets 256 folders before it trains, and a run is published in the one that the end of its id names. Whoever
reads looks in both places: what was published before stays where it is, and ids and names of runs are the same.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from lab.results.schema import RUNS_FOLDER

MANY = 10_000
"""From so many planned runs on, new runs are divided."""

SHARDS = [f"{number:02x}" for number in range(256)]

_SHARD = re.compile(r"[0-9a-f]{2}")


def run_folder(experiment: Path, name: str) -> Path:
    """Return the folder of a run: where it is, or else where it is to be published."""
    flat = experiment / RUNS_FOLDER / name
    shard = _shard(flat)
    return flat if shard is None or os.path.lexists(flat) else shard / name


def found_runs(experiment: Path, names: list[str]) -> dict[str, Path]:
    """Return the folders of those runs that are there, by name: quicker than `run_folder` of each of many."""
    entries: dict[str, Path] = {}
    for path in run_folders(experiment):
        entries.setdefault(path.name, path)
    return {name: entries[name] for name in names if name in entries}


def run_folders(experiment: Path) -> Iterator[Path]:
    """Yield all that is in the places of runs: folders of runs, and what was set aside or is none of the lab's."""
    runs = experiment / RUNS_FOLDER
    for place in (runs, *shard_folders(experiment)):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            # Another process may be making the folders, not all of which are there yet: none of them is a run.
            found = (name for name in sorted(os.listdir(place)) if place != runs or not _SHARD.fullmatch(name))
            yield from (place / name for name in found)


def shard_folders(experiment: Path) -> list[Path]:
    """Return the folders into which the runs are divided; none where they are not."""
    runs = experiment / RUNS_FOLDER
    return [runs / shard for shard in SHARDS if (runs / shard).is_dir()] if (runs / SHARDS[0]).is_dir() else []


def divide(experiment: Path, count: int) -> None:
    """Make the folders for the runs of an experiment that plans so many; with less than `MANY` nothing is made.

    Raises:
        OSError: they cannot be made.
    """
    if count >= MANY:
        # The first one last: it says that all are there.
        for shard in reversed(SHARDS):
            (experiment / RUNS_FOLDER / shard).mkdir(parents=True, exist_ok=True)


def newest_change(experiment: Path) -> int:
    """Return when a run was last published, set aside or removed, in nanoseconds since 1970."""
    return max(path.stat().st_mtime_ns for path in (experiment / RUNS_FOLDER, *shard_folders(experiment)))


def _shard(flat: Path) -> Path | None:
    """Return the folder that a run of this name is published in; None where runs are not divided."""
    end = flat.name[-2:]
    shard = flat.parent / end
    return shard if _SHARD.fullmatch(end) and shard.is_dir() else None
