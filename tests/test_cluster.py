"""A cluster of two hosts, as two network namespaces of this machine: one is cut off in the middle of a sweep."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.cli.find import find
from lab.run import run
from tests.test_workers import below, histories, trainers, waited_for, written

ADDRESS = "10.213.77.{}"


@contextlib.contextmanager
def two_hosts() -> Iterator[tuple[str, str]]:
    """Make two network namespaces that are connected, and return their names."""
    mark = uuid.uuid4().hex[:6]
    hosts = [f"lab-{mark}-{i}" for i in (1, 2)]
    commands = [
        *(f"ip netns add {host}" for host in hosts),
        f"ip link add lab{mark}1 netns {hosts[0]} type veth peer name lab{mark}2 netns {hosts[1]}",
    ]
    for i, host in enumerate(hosts, 1):
        commands += [f"ip -n {host} address add {ADDRESS.format(i)}/24 dev lab{mark}{i}"]
        commands += [f"ip -n {host} link set {device} up" for device in ("lo", f"lab{mark}{i}")]
    try:
        for command in commands:
            subprocess.run(command.split(), check=True, capture_output=True, text=True)
        yield hosts[0], hosts[1]
    finally:
        for host in hosts:
            subprocess.run(["ip", "netns", "delete", host], capture_output=True)


def cut_off(host: str) -> None:
    """Take the network of a host down."""
    device = f"lab{host.split('-')[1]}{host.split('-')[2]}"
    subprocess.run(["ip", "-n", host, "link", "set", device, "down"], check=True)


@pytest.fixture
def hosts():
    if shutil.which("ip") is None or os.geteuid():
        pytest.skip("network namespaces need root and iproute2")
    with contextlib.ExitStack() as stack:
        try:
            made = stack.enter_context(two_hosts())
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces cannot be made here: {error.stderr.strip()}")
        yield made


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_sweep_finishes_with_the_same_bytes_where_one_of_two_hosts_is_cut_off(tmp_path, hosts):
    pytest.importorskip("distributed")
    script = written(tmp_path, epochs=1500)
    scheduler, started = f"tcp://{ADDRESS.format(1)}:8786", []

    def start(host: str, folder: str, *arguments: str) -> subprocess.Popen:
        place = tmp_path / folder
        place.mkdir()
        process = subprocess.Popen(
            ["ip", "netns", "exec", host, sys.executable, *arguments],
            cwd=place,
            env={**os.environ, "TF_NUM_INTRAOP_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[1])},
            stdout=subprocess.PIPE if folder == "driver" else subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    def start_worker(i: int) -> subprocess.Popen:
        options = f"--host {ADDRESS.format(i)} --nthreads 1 --memory-limit 0 --no-dashboard".split()
        return start(hosts[i - 1], f"host{i}", "-m", "distributed.cli.dask_worker", scheduler, *options)

    def kept() -> int:
        return len(list((tmp_path / "two" / "x" / ".checkpoints").glob("*.safetensors")))

    stopped: list[int] = []
    try:
        options = f"--host {ADDRESS.format(1)} --port 8786 --no-dashboard".split()
        start(hosts[0], "scheduler", "-m", "distributed.cli.dask_scheduler", *options)
        start_worker(1)
        other = start_worker(2)
        options = f"--results {tmp_path / 'two'} --verbose --checkpoint-every 2 --cluster {scheduler}".split()
        driver = start(hosts[0], "driver", str(script), *options)
        waited_for(lambda: kept() == 2, 300)
        assert trainers(other.pid), "each host trains"
        cut_off(hosts[1])
        # It does not reach the files of the others any more either.
        stopped = [other.pid, *below(other.pid)]
        for process in stopped:
            os.kill(process, signal.SIGSTOP)
        said, _ = driver.communicate(timeout=600)
        assert driver.returncode == 0, said
        assert "is gone, and another one trains what it has left" in said
        published = histories(tmp_path / "two")
        assert len(published) == 16
        # What it writes when it comes back changes nothing.
        for process in stopped:
            os.kill(process, signal.SIGCONT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            other.wait(30)
        assert histories(tmp_path / "two") == published
    finally:
        for process in started:
            for one in (process.pid, *below(process.pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)
            process.wait()
    run(find(str(script)), results_folder=tmp_path / "one")
    assert published == histories(tmp_path / "one")
