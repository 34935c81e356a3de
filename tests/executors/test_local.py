"""Workers: how many there are, and that none outlives its parent."""

import os
import signal
import subprocess
import sys
import time

import pytest

from medtransfer.errors import UsageError
from medtransfer.executors import local as workers


@pytest.mark.parametrize("asked", ["0", "-1", "two", "", "1.5"])
def test_a_wrong_number_of_workers_is_refused(monkeypatch, asked):
    monkeypatch.setenv("MEDTRANSFER_WORKERS", asked)
    with pytest.raises(
        UsageError, match=r"MEDTRANSFER_WORKERS is .*must be a whole number, at least 1"
    ):
        workers.number()


def test_the_number_of_workers_can_be_chosen(monkeypatch):
    monkeypatch.setenv("MEDTRANSFER_WORKERS", "3")
    assert workers.number() == 3
    monkeypatch.delenv("MEDTRANSFER_WORKERS")
    assert workers.number() >= 1


def test_ctrl_c_does_not_reach_workers():
    """Their parent ends them; on their own they would each print a traceback."""
    with workers.processes(1) as pool:
        worker = pool.submit(os.getpid).result()
        os.kill(worker, signal.SIGINT)
        assert pool.submit(os.getpid).result() == worker


WAITING = """
import os, time
from medtransfer.executors import local
if __name__ == "__main__":
    with local.executor() as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        time.sleep(120)
"""


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="processes are watched in /proc")
def test_a_worker_ends_when_its_parent_is_killed(tmp_path, monkeypatch):
    program = tmp_path / "program.py"
    program.write_text(WAITING)
    monkeypatch.setenv("MEDTRANSFER_WORKERS", "1")
    parent = subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True)
    worker = int(parent.stdout.readline())
    assert alive(worker)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 30
    while alive(worker) and time.monotonic() < until:
        time.sleep(0.1)
    assert not alive(worker)
