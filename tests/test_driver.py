"""One process at a time trains an experiment, and a process that is killed stands in nobody's way."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from lab.checks import DataError
from lab.results.driver import only_driver

HOLD = """
import sys, time
from pathlib import Path
from lab.results.driver import only_driver
with only_driver(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "x"], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_driver_is_told_who_the_first_is(tmp_path, holder):
    with pytest.raises(DataError) as caught, only_driver(tmp_path / "x"):
        pass
    assert str(caught.value) == (
        f"x must be run by one process at a time, got another that runs it now (process {holder.pid} on "
        f"{socket.gethostname()}); wait for it, or stop it: what is published stays"
    )
    with only_driver(tmp_path / "y"):
        pass


def test_a_driver_that_was_killed_leaves_the_way_free(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with only_driver(tmp_path / "x"):
        assert (tmp_path / "x" / ".driver-holder").read_text().startswith(f"process {os.getpid()} on ")
    assert not (tmp_path / "x" / ".driver-holder").exists()
