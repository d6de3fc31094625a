"""The free memory: the least of what the machine, the container and the process's own limit leave."""

import os
import sys

import pytest

from lab.engine.memory import free_memory

GB = 2**30
MACHINE = {"proc/meminfo": f"MemTotal: {32 * GB // 1024} kB\nMemFree: 1024 kB\nMemAvailable: {20 * GB // 1024} kB\n"}


def free(root, files, **limits):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return free_memory(root, **limits)


def version_2(place, limit, used, cache=0):
    folder = f"sys/fs/cgroup/{place}".rstrip("/")
    return {
        f"{folder}/memory.max": f"{limit}\n",
        f"{folder}/memory.current": f"{used}\n",
        f"{folder}/memory.stat": f"anon 5\ninactive_file {cache}\n",
    }


def version_1(place, limit, used, cache=0):
    folder = f"sys/fs/cgroup/memory/{place}".rstrip("/")
    return {
        f"{folder}/memory.limit_in_bytes": f"{limit}\n",
        f"{folder}/memory.usage_in_bytes": f"{used}\n",
        f"{folder}/memory.stat": f"cache 7\ntotal_inactive_file {cache}\n",
    }


def test_on_a_machine_without_limits_it_is_what_the_kernel_calls_available(tmp_path):
    assert free(tmp_path, MACHINE) == 20 * GB


@pytest.mark.parametrize(
    ("line", "files", "left"),
    [
        ("0::/box\n", version_2("box", 3 * GB, GB), 2 * GB),
        ("0::/box\n", version_2("box", 3 * GB, 2 * GB, cache=GB), 2 * GB),
        ("0::/box\n", version_2("box", "max", GB), 20 * GB),
        ("0::/box/inner\n", version_2("box", 3 * GB, GB) | version_2("box/inner", "max", GB), 2 * GB),
        ("0::/box/inner\n", version_2("box", 3 * GB, GB) | version_2("box/inner", 2 * GB, GB), GB),
        ("0::/host/name\n", version_2("", 3 * GB, GB), 2 * GB),
        ("0::/box\n", version_2("box", GB, 2 * GB), 0),
        ("4:cpu,cpuacct:/box\n3:memory:/box\n0::/\n", version_1("box", 3 * GB, 2 * GB, cache=GB), 2 * GB),
        ("3:memory:/docker/name\n", version_1("", 3 * GB, GB), 2 * GB),
        ("3:memory:/box\n", version_1("box", 2**63 - 4096, GB), 20 * GB),
        ("4:cpu,cpuacct:/box\n", version_1("box", 3 * GB, GB), 20 * GB),
    ],
    ids=[
        "version 2",
        "files count as free",
        "no limit",
        "the limit of the group around",
        "the tighter of two limits",
        "only the top is seen",
        "over the limit",
        "version 1",
        "version 1, only the top",
        "version 1, no limit",
        "a group without memory",
    ],
)
def test_in_a_container_it_is_what_the_limit_leaves(tmp_path, line, files, left):
    assert free(tmp_path, MACHINE | {"proc/self/cgroup": line} | files) == left


def test_a_limit_of_the_address_space_counts_what_the_process_has_taken(tmp_path):
    pages = GB // os.sysconf("SC_PAGE_SIZE")
    taken = MACHINE | {"proc/self/statm": f"{pages} 5 5 1 0 5 0\n"}
    assert free(tmp_path, taken, address_space=6 * GB) == 5 * GB
    assert free(tmp_path, taken, address_space=GB // 2) == 0


def test_where_nothing_is_known_nothing_is_limited(tmp_path):
    assert free(tmp_path, {}) == sys.maxsize


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_this_machine_has_some():
    assert 0 < free_memory() < sys.maxsize
