"""The memory that this process may still take: the limits of the machine, of its container and of its own count."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

_sharing = 1


def share(processes: int) -> None:
    """Say how many processes train on this machine, which divide its free memory."""
    global _sharing
    _sharing = processes


def free_memory(root: Path = Path("/"), address_space: int | None = None) -> int:
    """Return the bytes that can still be allocated before the machine or a limit refuses.

    In a container the machine's free memory says nothing: the kernel ends the process at the container's limit. Memory
    in which the kernel keeps copies of files counts as free, since the kernel gives it back.

    Args:
        root: of the file system with /proc and /sys.
        address_space: the process's limit in bytes, as `ulimit -v` sets it; None asks the operating system.

    Returns:
        The least of what is known, divided by the number of processes that `share` was told; where nothing is known,
        as on other systems than Linux, `sys.maxsize` divided by it.
    """
    known = [
        *_of_machine(root / "proc/meminfo"),
        *_of_groups(root),
        *_of_process(root / "proc/self/statm", _address_space() if address_space is None else address_space),
    ]
    return max(0, min(known, default=sys.maxsize)) // _sharing


def _of_machine(meminfo: Path) -> Iterator[int]:
    for line in _text(meminfo).splitlines():
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            yield int(rest.split()[0]) * 1024


def _of_groups(root: Path) -> Iterator[int]:
    """Yield what is left in each control group of the process, and in those around it: version 2, then version 1."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, place = line.split(":", 2)
        if controllers == "":
            top, limit, usage, cache = root / "sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            top, limit, usage = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
            cache = "total_inactive_file"
        else:
            continue
        group = top / place.strip("/")
        # Inside a container the place may be the host's name for it, and only the top is there.
        for folder in (group, *group.parents):
            if folder == top.parent:
                break
            most, used = _text(folder / limit).strip(), _text(folder / usage).strip()
            if most.isdigit() and used.isdigit():
                yield int(most) - int(used) + _stat(folder / "memory.stat", cache)


def _stat(path: Path, name: str) -> int:
    rows = dict(line.split() for line in _text(path).splitlines())
    return int(rows.get(name, 0))


def _of_process(statm: Path, limit: int | None) -> Iterator[int]:
    pages = _text(statm).split()
    if limit is not None and pages:
        yield limit - int(pages[0]) * os.sysconf("SC_PAGE_SIZE")


def _address_space() -> int | None:
    try:
        import resource
    except ImportError:  # Windows has none.
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""
