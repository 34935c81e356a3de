"""Stopping: Ctrl-C or SIGTERM ends every process, says how to go on, and leaves whole results."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from medtransfer import store

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="processes are in /proc"),
]
PATIENCE = 300  # seconds


def until(condition):
    """Wait for something that comes in seconds, on a busy machine later."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def working_in(home):
    """Return the processes that work in a home: of a command, its workers and their kernels."""
    mark, found = f"MEDTRANSFER_HOME={home}".encode(), []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (place / "environ").read_bytes().split(b"\0"):
                found.append(int(place.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


def as_in_a_terminal():
    """A shell's background jobs ignore Ctrl-C, and so does what they start; tests may be one."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def start(tmp_path, home, monkeypatch):
    """Starts a program in a process group of its own."""
    monkeypatch.setenv("MEDTRANSFER_WORKERS", "1")
    started = []

    def run(*command):
        with (tmp_path / "said").open("w") as said:
            started.append(
                subprocess.Popen(
                    [sys.executable, *command],
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    start_new_session=True,
                    preexec_fn=as_in_a_terminal,
                )
            )
        return started[-1]

    yield run
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def check_stopped(process, home, said):
    """What every stopped run has in common."""
    assert process.wait(PATIENCE) == 130
    until(lambda: not working_in(home))
    text = said.read_text()
    assert "\nstopped; finished work is stored, the same command continues\n" in text
    assert "Traceback" not in text


RUN = ("-m", "medtransfer.cli", "run", "radiology", "perturbation", "--profile=smoke")


def test_ctrl_c_while_workers_start_is_answered(start, home, tmp_path):
    """A terminal sends it to every process of the group."""
    process = start(*RUN)
    until(lambda: len(working_in(home)) == 3)  # with the tracker of the process pool
    os.killpg(process.pid, signal.SIGINT)
    check_stopped(process, home, tmp_path / "said")


def test_a_terminated_training_ends_its_workers(start, imagenet_files, home, tmp_path):
    process = start(*RUN)
    until(lambda: [*home.glob(f"store/training/*/{store.DRAFT}*")])
    process.terminate()
    check_stopped(process, home, tmp_path / "said")
    assert [*home.glob("store/phantomsource/*/*/spec.json")]
    names = {"spec.json", "run.json", "history.csv", "predictions.parquet", "weights.safetensors"}
    for whole in home.glob("store/training/*/[!.]*"):
        assert {path.name for path in whole.iterdir()} == names


ONLY_NOTEBOOKS = """
import sys
from pathlib import Path
from medtransfer import cli
from medtransfer.compute import run
from medtransfer.report import notebooks

if __name__ == "__main__":
    run.everything = lambda *_, **__: None  # as if all were stored
    waiting = notebooks.Notebook(Path("99_waiting.ipynb"), "99_waiting")
    notebooks.find = lambda numbers, sources: [waiting]
    sys.exit(cli.main(["reproduce", "--profile", "smoke"]))
"""


def test_a_stopped_notebook_takes_no_place_and_its_kernel_ends(start, home, tmp_path, monkeypatch):
    code = "import os, pathlib, time\npathlib.Path(os.environ['RUNNING']).touch()\ntime.sleep(600)"
    cells = [new_code_cell('profile = "default"', metadata={"tags": ["parameters"]})]
    kernel = {"kernelspec": {"name": "python3", "display_name": "x", "language": "python"}}
    notebook = new_notebook(cells=[*cells, new_code_cell(code)], metadata=kernel)
    monkeypatch.chdir(tmp_path)
    nbformat.write(notebook, "99_waiting.ipynb")
    Path("program.py").write_text(ONLY_NOTEBOOKS)
    monkeypatch.setenv("RUNNING", str(tmp_path / "running"))
    process = start("program.py")
    until((tmp_path / "running").exists)
    assert len(working_in(home)) >= 3
    process.send_signal(signal.SIGINT)
    check_stopped(process, home, tmp_path / "said")
    assert not [path for path in home.glob("executed/*/*") if ".running" not in path.name]
