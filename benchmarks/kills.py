"""Random kills: a study that is killed again and again ends with the same tables.

    .venv/bin/python benchmarks/kills.py [--kills 50] [--profile smoke] [--notebooks 20 21]

One undisturbed run, in a home of its own, is the reference. Then the same command is started and
killed (SIGKILL, the whole process group or the first process alone) again and again: while it
trains, crafts, scores, executes notebooks and writes the report, each time at a random moment of
that phase and with what the run before left; after the report it begins anew from nothing. What a
run does is read from the stacks of its processes, which a thread in each writes.

After every kill, whatever the store holds must be the reference's, file by file, and no process
may be left. At the end the tables of all figures must be the reference's, byte by byte.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from itertools import cycle
from pathlib import Path

from medtransfer import paths

PATIENCE = 180  # seconds that orphans have to notice that they are: a worker imports first
GLANCE = 0.2  # seconds between two looks at what a run does
# What the stack of a process tells, the last phase first. Crafting and scoring take turns.
DOING = {
    "report": "html.py:build",
    "notebooks": "notebooks.py:execute_all",
    "crafting": "method.py:craft",
    "scoring": "transfer.py:score",
    "training": "training.py:train",
}
PHASES = [*reversed(DOING)]
STACKS = """
import os, sys, threading, time

def write():
    place = os.path.join(os.environ["MEDTRANSFER_HOME"], "stacks")
    os.makedirs(place, exist_ok=True)
    path = os.path.join(place, str(os.getpid()))
    while True:
        frame, names = sys._current_frames().get(threading.main_thread().ident), []
        while frame:
            names.append(os.path.basename(frame.f_code.co_filename) + ":" + frame.f_code.co_name)
            frame = frame.f_back
        with open(path + "-", "w") as file:
            file.write(" ".join(names))
        os.replace(path + "-", path)
        time.sleep(0.05)

threading.Thread(target=write, daemon=True).start()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--profile", default="smoke")
    parser.add_argument("--notebooks", nargs="*", default=[], help="first digits (default: all)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    command = ["reproduce", *options.notebooks, "--profile", options.profile]
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="medtransfer-kills-") as folder:
        whole, killed = Path(folder) / "whole", Path(folder) / "killed"
        (Path(folder) / "sitecustomize.py").write_text(STACKS)
        start = time.perf_counter()
        seen = watched(whole, command)
        seconds = time.perf_counter() - start
        print(f"undisturbed: {seconds:.0f} s, {compare(whole, whole)} results, {seen}", flush=True)
        moments: Counter[str] = Counter()
        for phase in cycle(PHASES):
            if moments.total() == options.kills:
                break
            if phase == PHASES[0]:
                shutil.rmtree(killed, ignore_errors=True)
            process = run(killed, command)
            if not wait_for(process, killed, phase, times=draw.randint(1, seen[phase] // 2 + 1)):
                continue
            group = draw.random() < 0.5
            moments[kill(process, killed, whole_group=group)] += 1
            left = compare(whole, killed)
            print(f"{moments.total()} kills, {left} results whole, {dict(moments)}", flush=True)
        watched(killed, command)
        assert compare(whole, killed) == compare(whole, whole)
        tables = same_tables(whole, killed, options.profile)
        print(f"{moments.total()} kills: {dict(moments)}; {tables} tables are the same")


def run(home: Path, command: list[str]) -> subprocess.Popen[bytes]:
    """Start the study in a home, in a process group of its own; weights are the repository's."""
    if not (home / "weights").exists():
        home.mkdir(parents=True, exist_ok=True)
        (home / "weights").symlink_to(paths.weights())
    shutil.rmtree(home / "stacks", ignore_errors=True)
    there = os.pathsep.join([str(home.parent), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-m", "medtransfer.cli", *command],
        env={
            **os.environ,
            "MEDTRANSFER_HOME": str(home),
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": there,
        },
        stdin=subprocess.DEVNULL,
        stdout=(home / "log").open("w"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def watched(home: Path, command: list[str]) -> Counter[str]:
    """Let a run come to its end; return how often it was seen in each phase."""
    process, seen = run(home, command), Counter[str]()
    while process.poll() is None:
        seen[moment(home)] += 1
        time.sleep(GLANCE)
    assert process.returncode == 0, (home / "log").read_text()
    return seen


def wait_for(process: subprocess.Popen[bytes], home: Path, phase: str, *, times: int) -> bool:
    """Wait until a run was seen so often in a phase, or in a later one; False if it has ended."""
    beyond = {*PHASES[PHASES.index(phase) + 1 :]} - {"crafting", "scoring"}  # these take turns
    while times and process.poll() is None:
        doing = moment(home)
        times = 0 if doing in beyond else times - (doing == phase)
        time.sleep(GLANCE * random.random())
    assert not process.returncode, (home / "log").read_text()
    return process.returncode is None


def kill(process: subprocess.Popen[bytes], home: Path, *, whole_group: bool) -> str:
    """Kill a run; return what it was doing. Raise if a process of it outlives it."""
    doing = moment(home)
    os.killpg(process.pid, signal.SIGKILL) if whole_group else process.kill()
    process.wait()
    deadline = time.monotonic() + PATIENCE
    while left := processes(home):
        if time.monotonic() > deadline:
            raise AssertionError(f"processes {left} outlive a run that was killed while {doing}")
        time.sleep(0.2)
    return doing


def processes(home: Path) -> list[int]:
    """Return the processes that work in a home."""
    mark, found = f"MEDTRANSFER_HOME={home}".encode(), []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (place / "environ").read_bytes().split(b"\0"):
                found.append(int(place.name))
        except OSError:
            continue
    return found


def moment(home: Path) -> str:
    """Return the phase that a run is in, from the stacks of its processes."""
    doing: set[str] = set()
    for pid in processes(home):
        with contextlib.suppress(FileNotFoundError):  # it has only begun
            doing |= {*(home / "stacks" / str(pid)).read_text().split()}
    return next((phase for phase, function in DOING.items() if function in doing), "other")


def results(home: Path) -> dict[Path, Path]:
    """Return every published file: its path in the store -> where it is."""
    store = home / "store"
    return {path.relative_to(store): path for path in store.glob("*/*/[!.]*/*")}


def compare(whole: Path, killed: Path) -> int:
    """Return how many results the store of the killed runs holds; all must be the reference's."""
    expected, found = results(whole), results(killed)
    for name, path in found.items():
        same = name.name == "run.json" or path.read_bytes() == expected[name].read_bytes()
        assert same, f"{name} differs"
    folders = {name.parent for name in found}
    halves = [name for name in expected if name.parent in folders and name not in found]
    assert not halves, f"{halves} are missing from published results"
    for notebook in killed.glob("executed/*/[0-9][0-9]_*.ipynb"):
        if ".running" not in notebook.name:
            json.loads(notebook.read_text())
    return len(folders)


def same_tables(whole: Path, killed: Path, profile: str) -> int:
    tables = sorted((whole / "figures" / profile).glob("*.csv"))
    for path in tables:
        other = killed / "figures" / profile / path.name
        assert path.read_bytes() == other.read_bytes(), f"{path.name} differs"
    return len(tables)


if __name__ == "__main__":
    main()
